//! What all parts of one cluster's client share, and the task that decides which kinds are watched.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use deployments::ObjectKey;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::cache::{Freshness, KindId, Store};
use crate::followed::Objects;
use crate::kinds::{KindInUse, Kinds, Resource};
use crate::requests::{Requests, jittered};
use crate::watch::{Purpose, Watch};

/// Several definitions often come at once; one discovery is enough for them.
const SETTLE: Duration = Duration::from_millis(50);
/// A definition is served a moment after it is seen; after these waits it must be.
const UNSERVED_WAITS: [u64; 7] = [100, 200, 500, 1_000, 2_000, 5_000, 10_000];
/// Two answers of a megabyte each at the most.
const DISCOVERY_MAX: Duration = Duration::from_secs(30);
/// How long a kind that is not served yet is waited for: its definition may be a second old.
const KIND_MAX: Duration = Duration::from_secs(3);
/// How often a cluster is asked whether it is there, while it is and while it is not.
const PING: Duration = Duration::from_secs(10);
const PING_LOST: Duration = Duration::from_secs(1);

/// The kinds that define other kinds.
const DEFINITIONS: [(&str, &str); 2] = [
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
    ("apiregistration.k8s.io/v1", "APIService"),
];

/// One cluster.
pub(crate) struct Inner {
    pub requests: Requests,
    store: Mutex<Store>,
    kinds: RwLock<Arc<Kinds>>,
    in_use: Mutex<BTreeSet<KindInUse>>,
    followed: Mutex<Vec<Arc<Objects>>>,
    pub changed: watch::Sender<u64>,
    refresh: Notify,
    /// Grows with each discovery that succeeded.
    pub discovered: watch::Sender<u64>,
    pub closing: CancellationToken,
}

/// A watch that runs.
struct Running {
    resource: Resource,
    task: AbortHandle,
}

impl Inner {
    pub fn new(requests: Requests) -> Self {
        Self {
            requests,
            store: Mutex::new(Store::new()),
            kinds: RwLock::default(),
            in_use: Mutex::default(),
            followed: Mutex::default(),
            changed: watch::Sender::new(0),
            refresh: Notify::new(),
            discovered: watch::Sender::new(0),
            closing: CancellationToken::new(),
        }
    }

    pub fn store(&self) -> MutexGuard<'_, Store> {
        // What is in it is a cache: a panic elsewhere does not make it wrong.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known, and wakes those who wait when something looks different by it.
    pub fn change<T>(&self, change: impl FnOnce(&mut Store) -> T) -> T {
        let mut store = self.store();
        let before = store.newest_change();
        let result = change(&mut store);
        let after = store.newest_change();
        drop(store);
        if after != before {
            self.changed.send_modify(|newest| *newest = after.max(*newest));
        }
        result
    }

    pub fn kinds(&self) -> Arc<Kinds> {
        Arc::clone(&self.kinds.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the kinds discovered again.
    pub fn refresh_soon(&self) {
        self.refresh.notify_one();
    }

    pub fn use_kinds(&self, kinds: BTreeSet<KindInUse>) {
        *self.in_use.lock().unwrap_or_else(PoisonError::into_inner) = kinds;
        // Before anything else is read: what was not looked for yet is not absent.
        let used = self.used();
        self.change(|store| used.iter().for_each(|kind| store.expect(kind)));
        self.refresh_soon();
    }

    /// Keeps these objects whole as long as the cluster is open.
    pub fn follow(&self, objects: Arc<Objects>) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).push(objects);
        self.refresh_soon();
    }

    pub fn followed(&self) -> Vec<Arc<Objects>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn used(&self) -> BTreeSet<KindInUse> {
        let asked = self.in_use.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let children = asked.iter().flat_map(KindInUse::children);
        let children = children.map(|(version, kind)| KindInUse::new(*version, *kind));
        let mut used: BTreeSet<KindInUse> = children.collect();
        // What somebody asked for in a version of their own is watched in that version.
        used.retain(|child| {
            !asked.iter().any(|one| one.kind == child.kind && one.group() == child.group())
        });
        used.extend(asked);
        used.insert(KindInUse::new("v1", "Namespace"));
        used
    }

    /// Where an object of this kind is written.
    pub fn resource(&self, api_version: &str, kind: &str) -> Option<Resource> {
        self.kinds().get(&KindInUse::new(api_version, kind)).cloned()
    }

    /// The same, after looking again once: a definition may have been applied just now.
    pub async fn find_kind(&self, kind: &KindInUse) -> Option<Resource> {
        let mut discovered = self.discovered.subscribe();
        let deadline = tokio::time::Instant::now() + KIND_MAX;
        loop {
            if let Some(resource) = self.resource(&kind.api_version, &kind.kind) {
                return Some(resource);
            }
            self.refresh_soon();
            match tokio::time::timeout_at(deadline, discovered.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return None,
            }
        }
    }

    /// The kinds in use that the cluster has.
    pub fn used_resources(&self) -> Vec<Resource> {
        let kinds = self.kinds();
        self.used().iter().filter_map(|kind| kinds.get(kind).cloned()).collect()
    }

    /// Where a known object is.
    pub fn resource_of(&self, key: &ObjectKey) -> Option<Resource> {
        self.kinds().preferred(&key.group, &key.kind).cloned()
    }
}

/// All watches that run.
#[derive(Default)]
struct Watches {
    objects: HashMap<KindInUse, (Running, KindId)>,
    definitions: HashMap<KindInUse, Running>,
    /// By their place in [`Inner::followed`].
    followed: HashMap<usize, Running>,
}

/// Keeps the watches equal to the kinds in use, until the cluster is closed.
pub(crate) async fn oversee(inner: Arc<Inner>) {
    let mut watches = Watches::default();
    let (mut unserved_round, mut failures) = (None::<usize>, 0_u32);
    loop {
        let wait = match (failures, unserved_round) {
            (0, None) => None,
            (0, Some(round)) => UNSERVED_WAITS.get(round).map(|ms| Duration::from_millis(*ms)),
            (failures, _) => {
                let longest = Duration::from_millis(250 << failures.min(6));
                Some(longest / 2 + jittered(longest / 2))
            }
        };
        tokio::select! {
            () = inner.closing.cancelled() => break,
            () = inner.refresh.notified() => {
                tokio::time::sleep(SETTLE).await;
                unserved_round = None;
            }
            () = sleep_for(wait) => {}
        }
        let discovered = Kinds::discover(inner.requests.client());
        match tokio::time::timeout(DISCOVERY_MAX, discovered).await {
            Ok(Ok(kinds)) => {
                failures = 0;
                *inner.kinds.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kinds);
                let unserved = watches.reconcile(&inner);
                let next = unserved_round.map_or(0, |round| round + 1);
                unserved_round = unserved.then_some(next);
                inner.discovered.send_modify(|count| *count += 1);
            }
            Ok(Err(error)) => {
                failures += 1;
                tracing::info!(cluster = inner.requests.cluster(), %error, "discovery failed");
            }
            Err(_) => failures += 1,
        }
    }
    watches.objects.values().for_each(|(one, _)| one.task.abort());
    let others = watches.definitions.values().chain(watches.followed.values());
    others.for_each(|one| one.task.abort());
}

async fn sleep_for(wait: Option<Duration>) {
    match wait {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

impl Watches {
    /// Starts and ends watches; true when a kind in use is not served.
    fn reconcile(&mut self, inner: &Arc<Inner>) -> bool {
        let (kinds, used) = (inner.kinds(), inner.used());
        self.end_unneeded(inner, &kinds, &used);
        let mut unserved = false;
        for kind in &used {
            let Some(resource) = kinds.get(kind) else {
                unserved = true;
                // Known to be absent is known; an extension server that is silent says nothing.
                let sync = if kinds.is_stale(kind.group()) {
                    Freshness::Lagging(format!("the server of {} does not answer", kind.group()))
                } else {
                    Freshness::Absent
                };
                inner.change(|store| {
                    let id = store.kind(&Resource::unserved(kind));
                    store.set_freshness(id, sync);
                });
                continue;
            };
            if !self.objects.contains_key(kind) {
                let (id, session) = inner.change(|store| {
                    let id = store.kind(resource);
                    store.set_freshness(id, Freshness::Waiting);
                    (id, store.next_session(id))
                });
                let running = start(inner, resource, Purpose::Objects(id, session));
                self.objects.insert(kind.clone(), (running, id));
            }
        }
        for (version, kind) in DEFINITIONS {
            let kind = KindInUse::new(version, kind);
            if let Some(resource) =
                kinds.get(&kind).filter(|_| !self.definitions.contains_key(&kind))
            {
                self.definitions.insert(kind, start(inner, resource, Purpose::Definitions));
            }
        }
        self.follow(inner, &kinds) || unserved
    }

    /// Starts and ends the watches of what is kept whole; true when its kind is not served.
    fn follow(&mut self, inner: &Arc<Inner>, kinds: &Kinds) -> bool {
        let mut unserved = false;
        for (index, objects) in inner.followed().into_iter().enumerate() {
            let resource = kinds.get(&objects.kind);
            let running = self.followed.get(&index).map(|running| &running.resource);
            if running == resource {
                unserved |= resource.is_none();
                continue;
            }
            if resource.is_none() && kinds.is_stale(objects.kind.group()) {
                continue;
            }
            if let Some(running) = self.followed.remove(&index) {
                running.task.abort();
                objects.clear();
            }
            match resource {
                None => unserved = true,
                Some(resource) => {
                    let running = start(inner, resource, Purpose::Followed(objects));
                    self.followed.insert(index, running);
                }
            }
        }
        unserved
    }

    /// Ends the watches of kinds that are gone, and of those that nobody uses and of which no
    /// application has an object: such an object left Git and is still to be pruned.
    fn end_unneeded(&mut self, inner: &Inner, kinds: &Kinds, used: &BTreeSet<KindInUse>) {
        self.objects.retain(|kind, (running, id)| {
            let served = kinds.get(kind) == Some(&running.resource)
                || kinds.get(kind).is_none() && kinds.is_stale(kind.group());
            let in_use = used.contains(kind);
            let in_another_version =
                used.iter().any(|one| one.kind == kind.kind && one.group() == kind.group());
            let needed = in_use || !in_another_version && inner.store().has_managed(*id);
            if served && needed {
                return true;
            }
            running.task.abort();
            inner.change(|store| {
                store.next_session(*id);
                store.clear(*id, in_use);
                store.set_freshness(
                    *id,
                    if served { Freshness::Waiting } else { Freshness::Absent },
                );
            });
            false
        });
    }
}

fn start(inner: &Arc<Inner>, resource: &Resource, purpose: Purpose) -> Running {
    let watch = Watch { inner: Arc::clone(inner), resource: resource.clone(), purpose };
    let task = tokio::spawn(watch.run()).abort_handle();
    Running { resource: resource.clone(), task }
}

/// Asks the cluster for its version again and again: whoever is silent is found by it.
pub(crate) async fn ping(inner: Arc<Inner>) {
    let mut was_reachable = None;
    let mut state = inner.requests.observer().subscribe();
    loop {
        inner.requests.ping().await;
        let reachable = state.borrow_and_update().is_reachable();
        if was_reachable != Some(reachable) {
            inner.change(Store::touch_all);
            if reachable {
                inner.refresh_soon();
            }
        }
        was_reachable = Some(reachable);
        let pause = if reachable { PING } else { PING_LOST };
        tokio::select! {
            () = inner.closing.cancelled() => return,
            () = tokio::time::sleep(pause / 2 + jittered(pause / 2)) => {}
            // What a request met is looked into at once.
            changed = state.changed() => if changed.is_err() { return },
        }
    }
}
