//! What Boucle sees of a cluster: a cache by kind, fed by watches that break, stall and start again.
//!
//! It keeps the contract of the real one (crate `cluster`): a kind that is not seen as it is now says
//! so, and an inventory is complete only while all are. Absent on purpose: a watch that leaves out a
//! change and goes on, which no API server does; a connection that is dead without anybody knowing
//! loses all changes until somebody notices, which looks the same for as long.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployments::{Inventory, LiveObject, ObjectKey, owner};
use ledger::{ApplicationName, Timestamp};
use serde_json::{Value, json};

use super::api::{ApiServer, KINDS, version_of};
use crate::rng::Stream;

/// How long a connection may be silent before it counts as dead.
const SILENCE_TICKS_MAX: u64 = 12;

/// Whether a kind is seen as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It was not read yet.
    Waiting,
    /// It is, as far as anybody knows.
    Current,
    /// It is as it was.
    Lagging,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// It is opened again at this tick.
    Closed(u64),
    Open,
    /// Dead since this tick, and nobody knows.
    Dead(u64),
}

/// An object as it was seen last.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub version: u64,
    pub object: Arc<Value>,
    pub application: Option<ApplicationName>,
    /// The hash of the manifest that was applied last.
    pub applied: Option<u64>,
}

#[derive(Debug)]
struct Kind {
    freshness: Freshness,
    connection: Connection,
    position: Option<u64>,
    objects: BTreeMap<ObjectKey, Seen>,
}

/// The cache of one cluster.
#[derive(Debug)]
pub(crate) struct Cache {
    kinds: BTreeMap<&'static str, Kind>,
    wanted: BTreeMap<ApplicationName, Vec<ObjectKey>>,
    /// `None`: nobody has asked yet.
    reachable: Option<bool>,
    /// Grows whenever anything may look different.
    pub changes: u64,
}

/// What becomes of the watches in one second.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Lost {
    /// Connections that broke.
    pub connections: u64,
    /// Histories that were gone, so that all was read again.
    pub histories: u64,
}

impl Cache {
    pub(crate) fn new() -> Self {
        let kind = || Kind {
            freshness: Freshness::Waiting,
            connection: Connection::Closed(0),
            position: None,
            objects: BTreeMap::new(),
        };
        let kinds = KINDS.iter().map(|name| (*name, kind())).collect();
        Self { kinds, wanted: BTreeMap::new(), reachable: None, changes: 0 }
    }

    /// One second of all watches.
    pub(crate) fn step(&mut self, server: &ApiServer, chances: &mut Stream, calm: bool) -> Lost {
        let reachable = Some(server.is_reachable());
        if reachable != self.reachable && (calm || chances.once_in(2)) {
            self.reachable = reachable;
            self.changes += 1;
        }
        let mut lost = Lost::default();
        for (name, kind) in &mut self.kinds {
            let before = kind.freshness;
            let changed = kind.step(name, server, chances, calm, &mut lost);
            self.changes += u64::from(changed || before != kind.freshness);
        }
        lost
    }

    pub(crate) fn want(&mut self, application: &ApplicationName, keys: Vec<ObjectKey>) {
        self.changes += 1;
        self.wanted.insert(application.clone(), keys);
    }

    pub(crate) fn forget(&mut self, application: &ApplicationName) {
        self.wanted.remove(application);
    }

    /// Whether all is read for the first time.
    pub(crate) fn is_being_read(&self) -> bool {
        let waits = |kind: &Kind| kind.freshness == Freshness::Waiting;
        match self.reachable {
            None => true,
            Some(true) => self.kinds.values().any(waits),
            Some(false) => false,
        }
    }

    /// Whether everything is seen as it is now, as far as anybody knows.
    pub(crate) fn is_in_sync(&self) -> bool {
        let current = |kind: &Kind| kind.freshness == Freshness::Current;
        self.reachable == Some(true) && self.kinds.values().all(current)
    }

    pub(crate) fn freshness_of(&self, key: &ObjectKey) -> Freshness {
        let kind = self.kinds.get(key.group_kind().as_str());
        kind.map_or(Freshness::Waiting, |kind| kind.freshness)
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Seen> {
        self.kinds.get(key.group_kind().as_str())?.objects.get(key)
    }

    /// Whoever wrote reads what it wrote, before the watch says so.
    pub(crate) fn remember(&mut self, key: &ObjectKey, object: &Arc<Value>, hash: u64) {
        let Some(kind) = self.kinds.get_mut(key.group_kind().as_str()) else { return };
        if kind.freshness == Freshness::Waiting {
            return;
        }
        self.changes += u64::from(kind.put(key, object));
        if let Some(seen) = kind.objects.get_mut(key) {
            seen.applied = Some(hash);
        }
    }

    /// What is there of an application: its own objects, and what Git asks for whoever made it.
    pub(crate) fn inventory(&self, name: &ApplicationName, as_of: Timestamp) -> Inventory {
        let known = self.kinds.values().flat_map(|kind| &kind.objects);
        let own = known.filter(|(_, seen)| seen.application.as_ref() == Some(name));
        let live = |manifest: Value| LiveObject { manifest, applied: None };
        let mut objects: Vec<LiveObject> =
            own.map(|(_, seen)| live((*seen.object).clone())).collect();
        let mut namespaces = BTreeSet::new();
        for key in self.wanted.get(name).into_iter().flatten() {
            if self.has_namespace(&key.namespace) {
                namespaces.insert(key.namespace.clone());
            }
            let found = self.get(key);
            if let Some(seen) = found.filter(|seen| seen.application.as_ref() != Some(name)) {
                objects.push(live(match seen.application {
                    Some(_) => (*seen.object).clone(),
                    // Of what nobody tracks the name is kept and nothing else.
                    None => named_only(&seen.object),
                }));
            }
        }
        let complete = self.is_in_sync();
        Inventory { as_of, complete, namespaces: Some(namespaces), objects }
    }

    /// All objects with their versions, for comparing.
    pub(crate) fn versions(&self) -> BTreeMap<&ObjectKey, u64> {
        let known = self.kinds.values().flat_map(|kind| &kind.objects);
        known.map(|(key, seen)| (key, seen.version)).collect()
    }

    fn has_namespace(&self, name: &str) -> bool {
        let spaces = self.kinds.get("Namespace").into_iter().flat_map(|kind| kind.objects.keys());
        spaces.into_iter().any(|key| key.name == name)
    }
}

impl Kind {
    /// Whether an object looks different.
    fn step(
        &mut self,
        name: &str,
        server: &ApiServer,
        chances: &mut Stream,
        calm: bool,
        lost: &mut Lost,
    ) -> bool {
        let tick = server.tick;
        match self.connection {
            Connection::Closed(at) if tick >= at => self.open(name, server, chances, calm, lost),
            Connection::Closed(_) => false,
            Connection::Dead(since) => {
                if calm || tick >= since + SILENCE_TICKS_MAX {
                    self.close(tick, chances, calm);
                }
                false
            }
            Connection::Open => {
                let broken = !server.is_reachable() || (!calm && chances.once_in(60));
                if broken {
                    lost.connections += 1;
                    // Either it is known at once, or the other side is silent.
                    if chances.once_in(2) {
                        self.connection = Connection::Dead(tick);
                    } else {
                        self.close(tick, chances, calm);
                    }
                    return false;
                }
                self.read(name, server, chances, calm)
            }
        }
    }

    fn close(&mut self, tick: u64, chances: &mut Stream, calm: bool) {
        if self.freshness == Freshness::Current {
            self.freshness = Freshness::Lagging;
        }
        let wait = if calm { 1 } else { 1 + chances.below(8) };
        self.connection = Connection::Closed(tick + wait);
    }

    fn open(
        &mut self,
        name: &str,
        server: &ApiServer,
        chances: &mut Stream,
        calm: bool,
        lost: &mut Lost,
    ) -> bool {
        if !server.is_reachable() {
            self.close(server.tick, chances, calm);
            return false;
        }
        if let Some(position) = self.position {
            if server.events_after(name, position).is_some() {
                self.connection = Connection::Open;
                self.freshness = Freshness::Current;
                return false;
            }
            lost.histories += 1;
            self.position = None;
            self.close(server.tick, chances, calm);
            return false;
        }
        let (items, version) = server.list(name);
        // A list of several pages may break off; what was read of it counts, what is missing does not.
        let broken = !calm && chances.once_in(6);
        let count = if broken { items.len() / 2 } else { items.len() };
        let mut changed = false;
        for (key, object) in items.iter().take(count) {
            changed |= self.put(key, object);
        }
        if broken {
            self.close(server.tick, chances, calm);
            return changed;
        }
        let read: BTreeSet<&ObjectKey> = items.iter().map(|(key, _)| key).collect();
        self.objects.retain(|key, _| read.contains(key));
        self.position = Some(version);
        self.connection = Connection::Open;
        self.freshness = Freshness::Current;
        true
    }

    /// What comes by the connection: some of what happened, in its order, now and then twice.
    fn read(&mut self, name: &str, server: &ApiServer, chances: &mut Stream, calm: bool) -> bool {
        let Some(position) = self.position else { return false };
        let Some(events) = server.events_after(name, position) else {
            self.close(server.tick, chances, calm);
            return false;
        };
        let count = if calm { events.len() } else { chances.below(4) as usize };
        let mut changed = false;
        for event in events.into_iter().take(count) {
            let times = if !calm && chances.once_in(10) { 2 } else { 1 };
            for _ in 0..times {
                changed |= if event.is_deletion {
                    self.take_away(&event.key, event.version)
                } else {
                    self.put(&event.key, &event.object)
                };
            }
            self.position = Some(event.version);
        }
        changed
    }

    /// Keeps an object, unless a newer version of it is known.
    fn put(&mut self, key: &ObjectKey, object: &Arc<Value>) -> bool {
        let version = version_of(object);
        let known = self.objects.get(key);
        if known.is_some_and(|known| known.version >= version) {
            return false;
        }
        let same = |known: &&Seen| {
            let fields = "/metadata/managedFields";
            known.object.pointer(fields) == object.pointer(fields)
        };
        let applied = known.filter(same).and_then(|known| known.applied);
        let application = owner(object, key).and_then(|name| ApplicationName::new(name).ok());
        let object = Arc::clone(object);
        self.objects.insert(key.clone(), Seen { version, object, application, applied });
        true
    }

    /// Forgets an object, unless a newer one of the same name is known.
    fn take_away(&mut self, key: &ObjectKey, version: u64) -> bool {
        let older = self.objects.get(key).is_some_and(|known| known.version <= version);
        older && self.objects.remove(key).is_some()
    }
}

fn named_only(object: &Value) -> Value {
    let metadata = &object["metadata"];
    json!({
        "apiVersion": object["apiVersion"], "kind": object["kind"],
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"],
            "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
        },
    })
}
