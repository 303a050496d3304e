//! The clusters that applications may name as their destination: those that the server was started
//! with, which all repositories may use, and those that a repository declares for itself.
//!
//! A cluster is asked only for the kinds that its applications have, and had when they were applied
//! last: what left Git is found only where somebody looks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use cluster::{Cluster, Connection, Followed, KindInUse, Part, Reachability, UnsyncedKind};
use deployments::application_set::KnownCluster;
use deployments::migration::Tool;
use deployments::windows::Kind;
use deployments::{DeclaredCluster, Holder, ObjectKey};
use ledger::{ApplicationName, CommitId, RepositoryName};
use repositories::secrets::SecretRecord;
use serde_json::Value;
use tokio::sync::watch;

use crate::options::Options;
use crate::renderings::Rendering;
use crate::targets::TargetVersion;
use crate::words::ClusterLacks;

/// Argo CD's name and address of the cluster that the server itself runs on.
const IN_CLUSTER: (&str, &str) = ("in-cluster", "https://kubernetes.default.svc");

/// Every known cluster.
pub struct Clusters {
    /// Those that the server was started with.
    shared: Vec<Arc<Known>>,
    /// Those of repositories, in no order that means anything.
    declared: Mutex<Vec<Opened>>,
    openings: AtomicU64,
    changes: watch::Sender<u64>,
}

/// A cluster and what is in use of it.
pub struct Known {
    /// What it is called everywhere: the context's name, or the repository's and the file's.
    pub name: String,
    /// The repository that declares it; `None`: every repository may use it.
    pub repository: Option<RepositoryName>,
    /// Where its API server is.
    pub address: String,
    /// The cluster.
    pub cluster: Cluster,
    /// Which opening of a cluster this is: the versions of another one say nothing of it.
    pub opening: u64,
    /// The objects of other tools there that are answered.
    pub windows: Vec<Windows>,
    used: Mutex<InUse>,
}

/// The objects of one kind that are answered.
pub struct Windows {
    /// The kind.
    pub kind: Kind,
    /// The objects.
    pub objects: Followed,
}

impl Windows {
    /// The whole name of one of them.
    #[must_use]
    pub fn holder(&self, cluster: &str, name: &str) -> Holder {
        Holder {
            kind: self.kind.name().to_owned(),
            namespace: self.objects.namespace().to_owned(),
            name: name.to_owned(),
            cluster: cluster.to_owned(),
        }
    }
}

/// What is in use of a cluster.
#[derive(Default)]
struct InUse {
    by_application: BTreeMap<ApplicationName, Used>,
    /// How many applications have objects of each kind.
    kinds: BTreeMap<KindInUse, usize>,
}

impl InUse {
    /// Takes note of what an application uses now; true when other kinds are in use than before.
    fn set(&mut self, name: &ApplicationName, used: Option<Used>) -> bool {
        let mut changed = false;
        for kind in used.iter().flat_map(|used| &used.kinds) {
            let applications = self.kinds.entry(kind.clone()).or_default();
            *applications += 1;
            changed |= *applications == 1;
        }
        let before = match used {
            Some(used) => self.by_application.insert(name.clone(), used),
            None => self.by_application.remove(name),
        };
        for kind in before.into_iter().flat_map(|before| before.kinds) {
            let applications = self.kinds.entry(kind.clone()).or_default();
            *applications = applications.saturating_sub(1);
            if *applications == 0 {
                self.kinds.remove(&kind);
                changed = true;
            }
        }
        changed
    }
}

/// What an application uses of a cluster.
struct Used {
    rendered_commit: CommitId,
    kinds: BTreeSet<KindInUse>,
}

/// A cluster as a repository declares it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which repository.
    pub repository: RepositoryName,
    /// What its file says.
    pub cluster: DeclaredCluster,
    /// The secret that opens it. Another value has another record.
    pub secret: Result<SecretRecord, ClusterLacks>,
}

struct Opened {
    wanted: Wanted,
    known: Result<Arc<Known>, ClusterLacks>,
}

impl Wanted {
    /// What the cluster is called outside of its repository: no two are called alike.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.repository, self.cluster.name)
    }
}

impl Clusters {
    /// The contexts of a kubeconfig, and the cluster that this process runs on. None of them needs to
    /// answer now.
    pub async fn open(options: &Options) -> anyhow::Result<Self> {
        let (changes, _) = watch::channel(0);
        let mut connections = Vec::new();
        if options.in_cluster {
            let (name, address) = IN_CLUSTER;
            connections.push((name.to_owned(), address.to_owned(), Connection::InCluster));
        }
        if let Some(file) = &options.kubeconfig {
            for context in cluster::contexts(file)? {
                let (file, name) = (Some(file.to_owned()), context.name);
                let connection = Connection::Kubeconfig { file, context: Some(name.clone()) };
                connections.push((name, context.server, connection));
            }
        }
        let mut shared: Vec<Arc<Known>> = Vec::new();
        let openings = AtomicU64::default();
        for (name, address, connection) in connections {
            anyhow::ensure!(
                !shared.iter().any(|known| known.name == name),
                "--in-cluster and a context of the kubeconfig are both called {name}; rename the \
                 context (`kubectl config rename-context`)"
            );
            let cluster = Cluster::open(name.clone(), connection).await;
            let cluster = cluster.with_context(|| format!("the cluster {name} cannot be used"))?;
            tell(&cluster, &changes);
            let windows = windows(&cluster, options);
            let (opening, used) = (next(&openings), Mutex::default());
            let repository = None;
            let known = Known { name, repository, address, cluster, opening, windows, used };
            shared.push(Arc::new(known));
        }
        Ok(Self { shared, declared: Mutex::default(), openings, changes })
    }

    /// The clusters that repositories declare become these. What is declared as before stays as it is;
    /// `connect` says how another is reached.
    pub async fn declare(
        &self,
        wanted: Vec<Wanted>,
        connect: impl Fn(&Wanted) -> Result<Connection, ClusterLacks>,
    ) {
        let is_wanted = |one: &Opened| wanted.contains(&one.wanted);
        let (mut kept, gone): (Vec<Opened>, Vec<Opened>) =
            std::mem::take(&mut *self.lock()).into_iter().partition(is_wanted);
        // Closed before the next is opened, so that nobody is there twice.
        gone.iter()
            .filter_map(|one| one.known.as_ref().ok())
            .for_each(|known| known.cluster.close());
        let mut changed = !gone.is_empty();
        for wanted in wanted {
            if !kept.iter().any(|one| one.wanted == wanted) {
                changed = true;
                let known = self.open_declared(&wanted, &connect).await;
                kept.push(Opened { wanted, known });
            }
        }
        *self.lock() = kept;
        if changed {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    async fn open_declared(
        &self,
        wanted: &Wanted,
        connect: impl Fn(&Wanted) -> Result<Connection, ClusterLacks>,
    ) -> Result<Arc<Known>, ClusterLacks> {
        let name = wanted.name();
        let opened = Cluster::open(name.clone(), connect(wanted)?).await;
        let cluster = opened.map_err(|error| ClusterLacks::Sense { problem: error.to_string() })?;
        tell(&cluster, &self.changes);
        let (address, opening) = (wanted.cluster.server.clone(), next(&self.openings));
        let (repository, used) = (Some(wanted.repository.clone()), Mutex::default());
        let known =
            Known { name, repository, address, cluster, opening, windows: Vec::new(), used };
        Ok(Arc::new(known))
    }

    /// The cluster that a file of the repository means by this name or this address.
    #[must_use]
    pub fn find(&self, repository: &RepositoryName, destination: &str) -> Option<Arc<Known>> {
        let shared = self.shared(destination);
        shared.or_else(|| {
            let declared = self.lock();
            let own = declared.iter().find(|one| {
                one.wanted.repository == *repository && one.wanted.cluster.is_called(destination)
            });
            own.and_then(|one| one.known.as_ref().ok().cloned())
        })
    }

    /// What the cluster that a file of the repository means is called everywhere, also when it cannot
    /// be opened.
    #[must_use]
    pub fn name_of(&self, repository: &RepositoryName, destination: &str) -> Option<String> {
        let found = self.find(repository, destination).map(|known| known.name.clone());
        found.or_else(|| {
            let declared = self.lock();
            let own = declared
                .iter()
                .map(|one| &one.wanted)
                .find(|one| one.repository == *repository && one.cluster.is_called(destination));
            own.map(Wanted::name)
        })
    }

    /// The cluster of this name or this address, of those that all repositories may use.
    #[must_use]
    pub fn shared(&self, destination: &str) -> Option<Arc<Known>> {
        self.shared.iter().find(|known| known.is_called(destination)).cloned()
    }

    /// The cluster that is called so everywhere, or a shared one at this address.
    #[must_use]
    pub fn called(&self, name: &str) -> Option<Arc<Known>> {
        self.all().into_iter().find(|known| known.name == name).or_else(|| self.shared(name))
    }

    /// All of them: the shared ones in the order of the kubeconfig, then those of repositories.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Known>> {
        let declared = self.lock();
        let own = declared.iter().filter_map(|one| one.known.as_ref().ok());
        self.shared.iter().chain(own).cloned().collect()
    }

    /// Those that are declared and cannot be opened: the repository, the name, the address and why.
    #[must_use]
    pub fn lacking(&self) -> Vec<(Wanted, ClusterLacks)> {
        let declared = self.lock();
        let lacking = declared
            .iter()
            .filter_map(|one| Some((one.wanted.clone(), one.known.as_ref().err()?.clone())));
        lacking.collect()
    }

    /// The shared ones, as sets and projects see them: the contexts of a kubeconfig have no labels.
    #[must_use]
    pub fn shared_names(&self) -> Vec<KnownCluster> {
        let cluster = |known: &Arc<Known>| KnownCluster {
            name: known.name.clone(),
            server: known.address.clone(),
            ..KnownCluster::default()
        };
        self.shared.iter().map(cluster).collect()
    }

    /// Wakes whoever waits for a change on any cluster; carries no data.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Wakes whoever answers objects of other tools; none: nobody does.
    #[must_use]
    pub fn windows(&self) -> Vec<watch::Receiver<u64>> {
        let windows = self.shared.iter().flat_map(|known| &known.windows);
        windows.map(|windows| windows.objects.changed()).collect()
    }

    /// Ends all watches.
    pub fn close(&self) {
        self.all().iter().for_each(|known| known.cluster.close());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Opened>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next(openings: &AtomicU64) -> u64 {
    openings.fetch_add(1, Ordering::Relaxed) + 1
}

fn windows(cluster: &Cluster, options: &Options) -> Vec<Windows> {
    let follow = |tool, part, namespace: &Option<String>| {
        let namespace = namespace.clone();
        Kind::of(tool).iter().filter_map(move |kind| {
            let names = KindInUse::new(kind.api_version(), kind.name());
            let objects = cluster.follow(names, namespace.as_deref()?, part);
            Some(Windows { kind: *kind, objects })
        })
    };
    let argo_cd = follow(Tool::ArgoCd, Part::Whole, &options.argocd_namespace);
    argo_cd.chain(follow(Tool::Flux, Part::Status, &options.flux_namespace)).collect()
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
    fn is_called(&self, destination: &str) -> bool {
        self.name == destination
            || self.address.trim_end_matches('/') == destination.trim_end_matches('/')
    }

    /// Changes whenever the application may look different.
    pub fn version(&self, application: &ApplicationName) -> TargetVersion {
        TargetVersion(self.opening, self.cluster.version(application))
    }

    /// Whether nothing of the application is in use here yet.
    #[must_use]
    pub fn is_new(&self, application: &ApplicationName) -> bool {
        !self.lock().by_application.contains_key(application)
    }

    /// Says what a rendering needs to be seen. `earlier` is what was applied before it, when the
    /// application is new here.
    pub fn prepare(&self, rendering: &Rendering, earlier: &[Value]) {
        let name = &rendering.application.name;
        let mut used = self.lock();
        let same = |known: &Used| known.rendered_commit == rendering.rendered_commit;
        if used.by_application.get(name).is_some_and(same) {
            return;
        }
        let manifests = rendering.manifests.iter().chain(earlier);
        let kinds: BTreeSet<KindInUse> = manifests.filter_map(KindInUse::of).collect();
        let rendered_commit = rendering.rendered_commit.clone();
        // Under the lock: whoever comes later knows more.
        if used.set(name, Some(Used { rendered_commit, kinds: kinds.clone() })) {
            self.cluster.watch_kinds(&used.kinds.keys().cloned().collect());
        }
        drop(used);
        self.cluster.want(name, self.keys(rendering), kinds);
    }

    /// Whether what concerns all applications here is being read for the first time: the kinds, and the
    /// objects that may hold an application.
    #[must_use]
    pub fn is_being_opened(&self) -> bool {
        let mut windows = self.windows.iter().filter(|windows| windows.kind.may_hold());
        !self.cluster.knows_kinds() || windows.any(|windows| windows.objects.is_being_read())
    }

    /// Whether what is there of an application is being read for the first time.
    #[must_use]
    pub fn is_being_read(&self, application: &ApplicationName) -> bool {
        match self.cluster.reachability() {
            Reachability::Unknown => true,
            Reachability::Reachable { .. } => {
                self.is_being_opened()
                    || self.cluster.unsynced_of(application).iter().any(|kind| kind.is_new)
            }
            Reachability::Unreachable { .. } => false,
        }
    }

    /// Why an application cannot be seen as it is there; `None`: it can.
    #[must_use]
    pub fn problem_of(&self, application: &ApplicationName) -> Option<String> {
        self.problem(&self.cluster.unsynced_of(application))
    }

    /// Why something cannot be seen as it is there; `None`: everything can.
    #[must_use]
    pub fn any_problem(&self) -> Option<String> {
        self.problem(&self.cluster.unsynced())
    }

    fn problem(&self, unsynced: &[UnsyncedKind]) -> Option<String> {
        match self.cluster.reachability() {
            Reachability::Unreachable { since, reason } => {
                Some(format!("the cluster {} cannot be reached since {since}: {reason}", self.name))
            }
            Reachability::Unknown | Reachability::Reachable { .. } => {
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
        let mut used = self.lock();
        if used.by_application.contains_key(application) {
            if used.set(application, None) {
                self.cluster.watch_kinds(&used.kinds.keys().cloned().collect());
            }
            drop(used);
            self.cluster.want(application, Vec::new(), BTreeSet::new());
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, InUse> {
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
