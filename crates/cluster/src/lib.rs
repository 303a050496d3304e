//! Kubernetes as a target: what is there comes out by a watch cache, wishes go in by server-side
//! apply.
//!
//! A [`Cluster`] watches only the kinds that are in use. What belongs to an application (by its
//! tracking annotation) is kept whole and compact, anything else as a projection of at most 256
//! bytes. [`Cluster::inventory`] and [`Cluster::version`] cost as much as the application is large,
//! however large the cluster is. An inventory is complete only while every kind of its application is
//! seen as it is now: nothing is ever missing, or pruned, because something was not seen.
//!
//! A wish costs one request when the object differs and none when it does not; fields that another
//! manager owns are taken only when the caller says so. Generations are kept in memory and not on
//! the objects: plans are recorded in the ledger before they are applied, expecting the plan before
//! them, so only a late task of this very process can come with an older one.
//!
//! Absent on purpose: what a difference is (crate `deployments`), the order of wishes and waiting
//! for health between them (the caller), client-side apply.

mod apply;
mod cache;
mod connection;
mod delete;
mod doctor;
mod error;
mod followed;
mod identity;
mod inner;
mod kinds;
mod logs;
mod reachability;
mod requests;
mod watch;

use std::collections::BTreeSet;
use std::sync::Arc;

use deployments::{Inventory, ObjectKey};
use ledger::ApplicationName;
use serde_json::Value;

pub use apply::{Applied, Change, DeleteOptions, PatchedPart, Propagation, PutOptions};
pub use cache::{Changes, PodState};
pub use connection::{Connection, ContextOfKubeconfig, Credential, OpenError, Secret, contexts};
pub use doctor::{Deployer, MissingPermission};
pub use error::{ApplyRefusal, Cause, FieldConflict, RequestError};
pub use followed::{Followed, Part};
pub use identity::Identity;
pub use kinds::KindInUse;
pub use logs::{Event, LogChunk, LogPart, ObjectEvent};
pub use reachability::Reachability;

use followed::Objects;
use inner::Inner;
use requests::{Ask, Requests};

/// How many objects of a list come at once, and at all.
const LIST_PAGE: usize = 500;
const LIST_MAX: usize = 20_000;

/// A Kubernetes cluster. Clones are the same cluster; it is left alone after [`Cluster::close`].
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

/// A kind in use that is not seen as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsyncedKind {
    /// `apps/v1/Deployment`.
    pub kind: String,
    /// Whether it is being read for the first time.
    pub is_new: bool,
    /// Why, as a sentence.
    pub reason: String,
}

/// A pod that the cluster made for an object of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The application's object that it was made for, a Deployment for example; itself when Git has it.
    pub owner: ObjectKey,
    /// How it is.
    pub state: PodState,
}

impl Cluster {
    /// Sets the client up. A cluster that cannot be reached now is tried until it can be; only
    /// what can never work is an error. Must be called on a Tokio runtime.
    pub async fn open(name: impl Into<String>, connection: Connection) -> Result<Self, OpenError> {
        let client = connection.client().await?;
        let inner = Arc::new(Inner::new(Requests::new(client, name.into())));
        inner.use_kinds(BTreeSet::new());
        tokio::spawn(inner::oversee(Arc::clone(&inner)));
        tokio::spawn(inner::ping(Arc::clone(&inner)));
        Ok(Self { inner })
    }

    /// The name that it was opened with.
    #[must_use]
    pub fn name(&self) -> &str {
        self.inner.requests.cluster()
    }

    /// Whether it answers, since when, and why not; with its version.
    #[must_use]
    pub fn reachability(&self) -> Reachability {
        self.inner.requests.observer().now()
    }

    /// The same, for those who wait for a change of it.
    #[must_use]
    pub fn reachability_changed(&self) -> tokio::sync::watch::Receiver<Reachability> {
        self.inner.requests.observer().subscribe()
    }

    /// What may not be done and must: by our own account with the kinds in use, and by whoever
    /// deploys into a namespace.
    pub async fn doctor(
        &self,
        deployer: Option<&Deployer>,
    ) -> Result<Vec<MissingPermission>, RequestError> {
        doctor::doctor(&self.inner, &self.inner.used_resources(), deployer).await
    }

    /// The kinds that the cluster has, as `ObjectKey::group_kind` writes them.
    #[must_use]
    pub fn served_kinds(&self) -> Arc<BTreeSet<String>> {
        self.inner.kinds().group_kinds()
    }

    /// Whether the cluster has said yet which kinds it has.
    #[must_use]
    pub fn knows_kinds(&self) -> bool {
        !self.inner.kinds().is_empty()
    }

    /// The kinds whose objects live in no namespace, as `ObjectKey::group_kind` writes them.
    #[must_use]
    pub fn cluster_scoped_kinds(&self) -> Arc<BTreeSet<String>> {
        self.inner.kinds().cluster_scoped()
    }

    /// Whether objects of the kind live in namespaces; `None`: the cluster has no such kind.
    #[must_use]
    pub fn is_namespaced(&self, kind: &KindInUse) -> Option<bool> {
        self.inner.resource(&kind.api_version, &kind.kind).map(|resource| resource.namespaced)
    }

    /// Says which kinds are in use: those that are rendered now and those of earlier plans, because
    /// what left Git is found only where somebody looks. What the cluster makes of them (replica
    /// sets, pods) and namespaces are watched with them. A kind that fell out of use is watched
    /// until no application has an object of it.
    pub fn watch_kinds(&self, kinds: &BTreeSet<KindInUse>) {
        self.inner.use_kinds(kinds.clone());
    }

    /// Keeps the objects of a kind in one namespace whole, from now on and whether the cluster has the
    /// kind yet or not. They belong to no inventory, and hold nothing up when they are not seen. `part`
    /// is what is answered in.
    #[must_use]
    pub fn follow(&self, kind: KindInUse, namespace: &str, part: Part) -> Followed {
        let state = Arc::new(Objects::new(kind, namespace, part));
        self.inner.follow(Arc::clone(&state));
        Followed { inner: Arc::clone(&self.inner), state }
    }

    /// Says which objects Git asks for in an application, so that its inventory has them whoever
    /// made them, and tells which of their namespaces exist. What is made of other kinds holds it
    /// not up; before anything is said any kind does.
    pub fn want(
        &self,
        application: &ApplicationName,
        objects: Vec<ObjectKey>,
        kinds: BTreeSet<KindInUse>,
    ) {
        self.inner.change(|store| store.want(application, objects, kinds));
    }

    /// What is there of the application now. Complete only while every kind that it is made of is in
    /// sync and the cluster can be reached. Objects that nobody tracks have only their names.
    #[must_use]
    pub fn inventory(&self, application: &ApplicationName) -> Inventory {
        let possible = self.reachability().is_reachable();
        self.inner.store().inventory(application, possible, reachability::now())
    }

    /// What the cluster made of the application's objects: small manifests of replica sets, jobs and
    /// pods, with a pod's phase and what its first container waits for.
    #[must_use]
    pub fn children(&self, application: &ApplicationName) -> Vec<Value> {
        self.inner.store().children(application)
    }

    /// The objects that carry the application's tracking id, and what the cluster made of them. What
    /// Git only names is not among them: it may be somebody else's.
    #[must_use]
    pub fn own_objects(&self, application: &ApplicationName) -> Vec<Value> {
        let store = self.inner.store();
        store.tracked(application).into_iter().chain(store.children(application)).collect()
    }

    /// The objects of a namespace that belong to nobody: nothing made them, no application asks for them,
    /// and none that is known has its tracking id on them. Only kinds in use, as far as they are seen as
    /// they are now. Walks over everything that is known: for who asks, not for each change.
    #[must_use]
    pub fn unclaimed(
        &self,
        namespace: &str,
        is_known: impl Fn(&ApplicationName) -> bool,
    ) -> Vec<ObjectKey> {
        match self.reachability().is_reachable() {
            true => self.inner.store().unclaimed(namespace, &is_known),
            false => Vec::new(),
        }
    }

    /// The application's pods, by namespace and name.
    #[must_use]
    pub fn pods(&self, application: &ApplicationName) -> Vec<Pod> {
        self.inner.store().pods(application)
    }

    /// The kinds in use that are not in sync, with the reason.
    #[must_use]
    pub fn unsynced(&self) -> Vec<UnsyncedKind> {
        self.inner.store().unsynced(None).collect()
    }

    /// Those of them that an application is made of: why its inventory is not complete.
    #[must_use]
    pub fn unsynced_of(&self, application: &ApplicationName) -> Vec<UnsyncedKind> {
        self.inner.store().unsynced(Some(application)).collect()
    }

    /// Grows whenever the application may look different.
    #[must_use]
    pub fn version(&self, application: &ApplicationName) -> u64 {
        self.inner.store().version(application)
    }

    /// Changes whenever any application may look different; what, [`Cluster::changes_since`] says.
    #[must_use]
    pub fn changed(&self) -> tokio::sync::watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Which applications look different since `upto` of an earlier answer (0: ever). Costs as much
    /// as there are changes.
    #[must_use]
    pub fn changes_since(&self, since: u64) -> Changes {
        self.inner.store().changes_since(since)
    }

    /// How many objects are known: those of applications, and others.
    #[must_use]
    pub fn object_counts(&self) -> (usize, usize) {
        self.inner.store().counts()
    }

    /// Carries out one wish of a plan, in this account's name. Idempotent. Refuses a generation
    /// older than the newest that this process has seen of the application.
    pub async fn apply(
        &self,
        application: &ApplicationName,
        generation: u64,
        identity: &Identity,
        change: Change,
    ) -> Result<Applied, ApplyRefusal> {
        self.inner.store().advance(application, generation).map_err(|newest| {
            let application = application.clone();
            ApplyRefusal::OlderGeneration { application, generation, newest }
        })?;
        apply::carry_out(&self.inner, application, identity, change).await
    }

    /// The object as the cluster would hold it if this manifest were applied, after its admission and
    /// quotas; nothing is kept of it.
    pub async fn would_be(
        &self,
        identity: &Identity,
        manifest: &Value,
        options: PutOptions,
    ) -> Result<Value, ApplyRefusal> {
        apply::would_be(&self.inner, identity, manifest, options).await
    }

    /// One object as it is now, asked of the cluster in this account's name; `None`: it has none.
    pub async fn get(
        &self,
        identity: &Identity,
        object: &ObjectKey,
    ) -> Result<Option<Value>, RequestError> {
        let Some(resource) = self.inner.resource_of(object) else { return Ok(None) };
        let path = resource.object_path(&object.namespace, &object.name);
        match self.inner.requests.ask(&Ask::get(identity, path)).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(RequestError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes one object by a merge patch, in this account's name, if it still has this version. With
    /// `status` it is the object's status, where the kind keeps it apart. Gives the object's new version.
    pub async fn patch(
        &self,
        identity: &Identity,
        object: &ObjectKey,
        version: &str,
        patch: Value,
        part: PatchedPart,
    ) -> Result<String, RequestError> {
        apply::patch(&self.inner, identity, object, version, patch, part).await
    }

    /// Makes one object that is not there yet, in this account's name. Gives it as it was made.
    pub async fn create(
        &self,
        identity: &Identity,
        manifest: &Value,
    ) -> Result<Value, ApplyRefusal> {
        apply::create(&self.inner, identity, manifest).await
    }

    /// All objects of a kind, in all namespaces, as they are now; none when the cluster has no such
    /// kind. For what is looked at once: what is in use is watched.
    pub async fn list(
        &self,
        identity: &Identity,
        kind: &KindInUse,
    ) -> Result<Vec<Value>, RequestError> {
        let Some(resource) = self.inner.resource(&kind.api_version, &kind.kind) else {
            return Ok(Vec::new());
        };
        let mut objects = Vec::new();
        let mut next = String::new();
        loop {
            let path = format!("{}?limit={LIST_PAGE}{next}", resource.path(None));
            let answer = self.inner.requests.ask(&Ask::get(identity, path)).await?;
            let items = answer.body["items"].as_array().into_iter().flatten().cloned();
            // Items of lists do not say what they are.
            objects.extend(items.map(|mut item| {
                item["apiVersion"] = kind.api_version.as_str().into();
                item["kind"] = kind.kind.as_str().into();
                item
            }));
            match answer.body["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() && objects.len() < LIST_MAX => {
                    next = format!("&continue={token}");
                }
                _ => return Ok(objects),
            }
        }
    }

    /// Ends all watches.
    pub fn close(&self) {
        self.inner.closing.cancel();
    }
}
