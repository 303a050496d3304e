//! A simulated API server: versions, a history that ends, deletion with finalizers and preconditions.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use deployments::{HealthStatus, ObjectKey, Propagation, assess_health};
use serde_json::{Value, json};

use super::fields::{Path, Segment};
use super::object::{Object, Writer};

/// The kinds that the clusters have, as [`ObjectKey::group_kind`] writes them.
pub(crate) const KINDS: [&str; 7] = [
    "Namespace",
    "ConfigMap",
    "Service",
    "apps/Deployment",
    "apps/ReplicaSet",
    "batch/Job",
    "autoscaling/HorizontalPodAutoscaler",
];

/// The finalizer by which an object goes after what it owns.
const FOREGROUND: &str = "foregroundDeletion";

/// How many changes of a kind a watch may be behind. Real servers keep some minutes.
const HISTORY_MAX: usize = 25;

/// One change, as a watch tells it.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub version: u64,
    pub key: ObjectKey,
    pub object: Arc<Value>,
    pub is_deletion: bool,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unreachable,
    Busy,
    NotFound,
    /// A precondition does not hold.
    Conflict,
    FieldsOwnedByOthers(Vec<String>),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable => f.write_str("the cluster cannot be reached"),
            Self::Busy => f.write_str("the cluster is busy (429)"),
            Self::NotFound => f.write_str("there is no such object (404)"),
            Self::Conflict => f.write_str("it is not what was looked at (409)"),
            Self::FieldsOwnedByOthers(managers) => {
                write!(f, "fields are owned by {} (409)", managers.join(", "))
            }
        }
    }
}

/// What a deletion asks of the object before it takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Precondition {
    pub uid: String,
    pub version: u64,
}

/// One cluster's memory.
#[derive(Debug, Default)]
pub(crate) struct ApiServer {
    objects: BTreeMap<ObjectKey, Arc<Object>>,
    version: u64,
    uids: u64,
    history: BTreeMap<String, VecDeque<Event>>,
    /// Changes up to this version are forgotten, by kind.
    forgotten: BTreeMap<String, u64>,
    /// The newest generation with which each object was healthy, by uid.
    healthy: BTreeMap<String, u64>,
    /// No request gets through before this tick.
    pub unreachable_until: u64,
    /// Requests that write are turned away before this tick.
    pub busy_until: u64,
    pub tick: u64,
}

impl ApiServer {
    pub(crate) fn new(namespaces: &[&str]) -> Self {
        let mut server = Self::default();
        for name in namespaces {
            let manifest =
                json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            let made = server.apply(&manifest, Writer::named("kubectl"), false, false);
            debug_assert!(made.is_ok());
        }
        server
    }

    pub(crate) fn is_reachable(&self) -> bool {
        self.tick >= self.unreachable_until
    }

    pub(crate) fn objects(&self) -> &BTreeMap<ObjectKey, Arc<Object>> {
        &self.objects
    }

    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// All objects of a kind, and the version at which that was true.
    pub(crate) fn list(&self, kind: &str) -> (Vec<(ObjectKey, Arc<Value>)>, u64) {
        let of_kind = self.objects.iter().filter(|(key, _)| key.group_kind() == kind);
        let items = of_kind.map(|(key, object)| (key.clone(), Arc::clone(object.seen())));
        (items.collect(), self.version)
    }

    /// The changes of a kind after a version; `None`: some of them are forgotten.
    pub(crate) fn events_after(&self, kind: &str, version: u64) -> Option<Vec<Event>> {
        if self.forgotten.get(kind).is_some_and(|forgotten| version < *forgotten) {
            return None;
        }
        let history = self.history.get(kind).into_iter().flatten().rev();
        let newer = history.take_while(|event| event.version > version).cloned();
        let mut events: Vec<Event> = newer.collect();
        events.reverse();
        Some(events)
    }

    /// It starts again without its history.
    pub(crate) fn restart(&mut self) {
        for kind in KINDS {
            self.forgotten.insert(kind.to_owned(), self.version);
        }
        self.history.clear();
    }

    /// Server-side apply. Gives the object as it is then, and whether it is new.
    pub(crate) fn apply(
        &mut self,
        manifest: &Value,
        writer: Writer<'_>,
        force: bool,
        dry_run: bool,
    ) -> Result<(Arc<Value>, bool), Refusal> {
        let key = ObjectKey::of(manifest, "").ok_or(Refusal::NotFound)?;
        if !key.namespace.is_empty() && !self.has_namespace(&key.namespace) {
            return Err(Refusal::NotFound);
        }
        let known = self.objects.get(&key);
        let is_new = known.is_none();
        let mut object = known.map_or_else(|| Object::new(manifest), |known| (**known).clone());
        object
            .apply(manifest, writer, force)
            .map_err(|conflict| Refusal::FieldsOwnedByOthers(conflict.managers))?;
        if dry_run {
            object.store(&[]);
            return Ok((Arc::clone(object.seen()), is_new));
        }
        Ok((self.keep(key, object), is_new))
    }

    /// Changes fields of an object that is there.
    pub(crate) fn update(
        &mut self,
        key: &ObjectKey,
        changes: &[(Path, Option<Value>)],
        writer: Writer<'_>,
    ) {
        let known = self.objects.get(key).filter(|known| known.differs(changes));
        if let Some(known) = known {
            let mut object = (**known).clone();
            object.update(changes, writer);
            self.keep(key.clone(), object);
        }
    }

    /// Deletes exactly the object that was looked at, if a precondition says which.
    pub(crate) fn delete(
        &mut self,
        key: &ObjectKey,
        precondition: Option<&Precondition>,
        propagation: Propagation,
    ) -> Result<(), Refusal> {
        let known = self.objects.get(key).ok_or(Refusal::NotFound)?;
        let differs = |wanted: &Precondition| {
            known.uid() != wanted.uid || version_of(known.body()) != wanted.version
        };
        if precondition.is_some_and(differs) {
            return Err(Refusal::Conflict);
        }
        let uid = known.uid().to_owned();
        let mut object = (**known).clone();
        match propagation {
            Propagation::Foreground if !known.is_going() => {
                let path = vec![
                    Segment::Field("metadata".into()),
                    Segment::Field("finalizers".into()),
                    Segment::Value(json!(FOREGROUND).to_string()),
                ];
                object.update(&[(path, Some(json!(FOREGROUND)))], Writer::named(CONTROLLER));
            }
            Propagation::Orphan => self.orphan(&uid),
            Propagation::Foreground | Propagation::Background => {}
        }
        if object.finalizers().is_empty() {
            self.take_away(key);
        } else if !object.is_going() {
            object.store(&[("deletionTimestamp", json!(self.tick.to_string()))]);
            self.keep(key.clone(), object);
        }
        Ok(())
    }

    /// Takes a finalizer away, and the object when it was the last one.
    pub(crate) fn release(&mut self, key: &ObjectKey, finalizer: &str) {
        let path = vec![
            Segment::Field("metadata".into()),
            Segment::Field("finalizers".into()),
            Segment::Value(json!(finalizer).to_string()),
        ];
        self.update(key, &[(path, None)], Writer::named(CONTROLLER));
        let ends = |object: &Arc<Object>| object.is_going() && object.finalizers().is_empty();
        if self.objects.get(key).is_some_and(ends) {
            self.take_away(key);
        }
    }

    /// What goes after what it owns, and owns nothing any more, goes.
    pub(crate) fn release_foreground(&mut self, key: &ObjectKey) {
        self.release(key, FOREGROUND);
    }

    pub(crate) fn is_foreground(object: &Object) -> bool {
        object.is_going() && object.finalizers().contains(&FOREGROUND)
    }

    /// Whether the object was ever healthy with this generation or a newer one.
    pub(crate) fn was_healthy(&self, uid: &str, generation: u64) -> bool {
        self.healthy.get(uid).is_some_and(|healthy| *healthy >= generation)
    }

    pub(crate) fn has_namespace(&self, name: &str) -> bool {
        let mut of_name = self.objects.keys().filter(|key| key.name == name);
        of_name.any(|key| key.kind == "Namespace")
    }

    fn orphan(&mut self, uid: &str) {
        let owned: Vec<ObjectKey> = self
            .objects
            .iter()
            .filter(|(_, object)| object.owner_uid() == uid)
            .map(|(key, _)| key.clone())
            .collect();
        let path =
            vec![Segment::Field("metadata".into()), Segment::Field("ownerReferences".into())];
        for key in owned {
            self.update(&key, &[(path.clone(), None)], Writer::named(CONTROLLER));
        }
    }

    fn keep(&mut self, key: ObjectKey, mut object: Object) -> Arc<Value> {
        let known = self.objects.get(&key);
        if known.is_some_and(|known| **known == object) {
            return Arc::clone(object.seen());
        }
        self.version += 1;
        let (uid, generation) = match known {
            Some(known) => {
                let same = known.body()["spec"] == object.body()["spec"]
                    && known.is_going() == object.is_going();
                let generation = known.number("/metadata/generation") + u64::from(!same);
                (known.uid().to_owned(), generation)
            }
            None => {
                self.uids += 1;
                (format!("{:08x}-0000-4000-8000-000000000000", self.uids), 1)
            }
        };
        object.store(&[
            ("uid", json!(uid)),
            ("resourceVersion", json!(self.version.to_string())),
            ("generation", json!(generation)),
        ]);
        let health = assess_health(object.body()).map(|health| health.status);
        if matches!(health, None | Some(HealthStatus::Healthy)) {
            self.healthy.insert(uid, generation);
        }
        let seen = Arc::clone(object.seen());
        self.tell(&key, Arc::clone(&seen), false);
        self.objects.insert(key, Arc::new(object));
        seen
    }

    fn take_away(&mut self, key: &ObjectKey) {
        let Some(object) = self.objects.remove(key) else { return };
        let mut object = (*object).clone();
        self.version += 1;
        object.store(&[("resourceVersion", json!(self.version.to_string()))]);
        self.tell(key, Arc::clone(object.seen()), true);
    }

    fn tell(&mut self, key: &ObjectKey, object: Arc<Value>, is_deletion: bool) {
        let (version, kind) = (self.version, key.group_kind());
        let history = self.history.entry(kind.clone()).or_default();
        history.push_back(Event { version, key: key.clone(), object, is_deletion });
        if history.len() > HISTORY_MAX
            && let Some(forgotten) = history.pop_front()
        {
            self.forgotten.insert(kind, forgotten.version);
        }
    }
}

/// The writer of everything that a cluster does by itself.
pub(crate) const CONTROLLER: &str = "kube-controller-manager";

/// `metadata.resourceVersion` as a number.
pub(crate) fn version_of(object: &Value) -> u64 {
    let text = object.pointer("/metadata/resourceVersion").and_then(Value::as_str);
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
