//! The clusters that applications may name as their destination: the contexts of the kubeconfig that
//! the server was started with.
//!
//! A cluster is asked only for the kinds that its applications have, and had when they were applied
//! last: what left Git is found only where somebody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use cluster::{Cluster, Connection, Followed, KindInUse, Reachability};
use deployments::ObjectKey;
use ledger::{ApplicationName, CommitId};
use serde_json::Value;
use tokio::sync::watch;

use crate::options::Options;
use crate::renderings::Rendering;

/// Every known cluster.
pub struct Clusters {
    known: Vec<Known>,
    changes: watch::Sender<u64>,
}

/// A cluster and what is in use of it.
pub struct Known {
    /// The context's name.
    pub name: String,
    /// Where its API server is.
    pub address: String,
    /// The cluster.
    pub cluster: Cluster,
    /// Argo CD's `Application` objects there, when they are answered.
    pub windows: Option<Followed>,
    used: Mutex<BTreeMap<ApplicationName, Used>>,
}

/// What an application uses of a cluster.
struct Used {
    rendered_commit: CommitId,
    kinds: BTreeSet<KindInUse>,
}

impl Clusters {
    /// The contexts of a kubeconfig. None of them needs to answer now.
    pub async fn open(options: &Options) -> anyhow::Result<Self> {
        let (changes, _) = watch::channel(0);
        let mut known = Vec::new();
        let Some(file) = &options.kubeconfig else { return Ok(Self { known, changes }) };
        for context in cluster::contexts(file)? {
            let connection = Connection::Kubeconfig {
                file: Some(file.to_owned()),
                context: Some(context.name.clone()),
            };
            let cluster = Cluster::open(context.name.clone(), connection)
                .await
                .with_context(|| format!("the cluster {} cannot be used", context.name))?;
            tell(&cluster, &changes);
            let windows = options.argocd_namespace.as_ref().map(|namespace| {
                cluster.follow(KindInUse::new("argoproj.io/v1alpha1", "Application"), namespace)
            });
            let used = Mutex::default();
            let (name, address) = (context.name, context.server);
            known.push(Known { name, address, cluster, windows, used });
        }
        Ok(Self { known, changes })
    }

    /// The cluster of this name or this address.
    #[must_use]
    pub fn find(&self, address: &str) -> Option<&Known> {
        let same = |known: &&Known| {
            known.name == address
                || known.address.trim_end_matches('/') == address.trim_end_matches('/')
        };
        self.known.iter().find(same)
    }

    /// All of them, in the file's order.
    #[must_use]
    pub fn all(&self) -> &[Known] {
        &self.known
    }

    /// Wakes whoever waits for a change on any cluster; carries no data.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Wakes whoever answers Argo CD's objects; none: nobody does.
    #[must_use]
    pub fn windows(&self) -> Vec<watch::Receiver<u64>> {
        self.known.iter().filter_map(|known| Some(known.windows.as_ref()?.changed())).collect()
    }

    /// Ends all watches.
    pub fn close(&self) {
        self.known.iter().for_each(|known| known.cluster.close());
    }
}

/// A change on the cluster is a change of all of them.
fn tell(cluster: &Cluster, changes: &watch::Sender<u64>) {
    let (mut changed, mut reachable) = (cluster.changed(), cluster.reachability_changed());
    let changes = changes.clone();
    tokio::spawn(async move {
        loop {
            let ended = tokio::select! {
                changed = changed.changed() => changed.is_err(),
                changed = reachable.changed() => changed.is_err(),
            };
            if ended {
                return;
            }
            changes.send_modify(|count| *count += 1);
        }
    });
}

impl Known {
    /// Whether nothing of the application is in use here yet.
    #[must_use]
    pub fn is_new(&self, application: &ApplicationName) -> bool {
        !self.lock().contains_key(application)
    }

    /// Says what a rendering needs to be seen. `earlier` is what was applied before it, when the
    /// application is new here.
    pub fn prepare(&self, rendering: &Rendering, earlier: &[Value]) {
        let name = &rendering.application.name;
        let mut used = self.lock();
        let same = |known: &Used| known.rendered_commit == rendering.rendered_commit;
        if used.get(name).is_some_and(same) {
            return;
        }
        let manifests = rendering.manifests.iter().chain(earlier);
        let kinds = manifests.filter_map(KindInUse::of).collect();
        let rendered_commit = rendering.rendered_commit.clone();
        used.insert(name.clone(), Used { rendered_commit, kinds });
        let all = used.values().flat_map(|used| used.kinds.iter().cloned()).collect();
        drop(used);
        self.cluster.watch_kinds(&all);
        self.cluster.want(name, self.keys(rendering));
    }

    /// Whether what is there is being read for the first time.
    #[must_use]
    pub fn is_being_read(&self) -> bool {
        match self.cluster.reachability() {
            Reachability::Unknown => true,
            Reachability::Reachable { .. } => {
                !self.cluster.knows_kinds()
                    || self.cluster.unsynced().iter().any(|kind| kind.is_new)
            }
            Reachability::Unreachable { .. } => false,
        }
    }

    /// Why it cannot be seen as it is; `None`: it can.
    #[must_use]
    pub fn problem(&self) -> Option<String> {
        match self.cluster.reachability() {
            Reachability::Unreachable { since, reason } => {
                Some(format!("the cluster {} cannot be reached since {since}: {reason}", self.name))
            }
            Reachability::Unknown | Reachability::Reachable { .. } => {
                let unsynced = self.cluster.unsynced();
                let first = unsynced.first()?;
                Some(format!(
                    "{} of the cluster {} is not seen: {}",
                    first.kind, self.name, first.reason
                ))
            }
        }
    }

    /// Forgets an application; its objects stay as they are.
    pub fn forget(&self, application: &ApplicationName) {
        if self.lock().remove(application).is_some() {
            self.cluster.want(application, Vec::new());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ApplicationName, Used>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keys(&self, rendering: &Rendering) -> Vec<ObjectKey> {
        let namespace = &rendering.application.destination.namespace;
        let scoped = self.cluster.cluster_scoped_kinds();
        let key = |manifest| {
            let mut key = ObjectKey::of(manifest, namespace)?;
            if scoped.contains(&key.group_kind()) {
                key.namespace.clear();
            }
            Some(key)
        };
        rendering.manifests.iter().filter_map(key).collect()
    }
}
