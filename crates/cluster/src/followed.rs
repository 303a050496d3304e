//! The objects of one kind in one namespace, whole: for who reads what others write into them and
//! answers there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Method;
use kube::core::DynamicObject;
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::cache::{Freshness, version};
use crate::error::RequestError;
use crate::identity::Identity;
use crate::inner::Inner;
use crate::kinds::KindInUse;
use crate::requests::{Ask, MERGE};

/// Objects of more names are not looked at: each is kept whole.
const OBJECTS_MAX: usize = 5_000;

/// The objects that are followed. Clones are the same.
#[derive(Clone)]
pub struct Followed {
    pub(crate) inner: Arc<Inner>,
    pub(crate) state: Arc<Objects>,
}

/// Which part of an object is answered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All of it: its kind has no status of its own.
    Whole,
    /// Its status, which its kind keeps apart.
    Status,
}

impl Part {
    /// The subresource's name; empty: none.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::Status => "status",
        }
    }
}

/// What is known of them.
pub(crate) struct Objects {
    pub kind: KindInUse,
    pub namespace: String,
    pub part: Part,
    known: Mutex<Known>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct Known {
    by_name: BTreeMap<String, (u64, Arc<Value>)>,
    /// While all are read: those that were seen already.
    seen: Option<BTreeSet<String>>,
    is_current: bool,
    /// Whether reading all was tried, and is known to have worked or not.
    was_tried: bool,
}

impl Followed {
    /// All of them, by name; `None` while it is not certain that they are as they are now.
    #[must_use]
    pub fn objects(&self) -> Option<Vec<Arc<Value>>> {
        let known = self.state.lock();
        let objects = known.by_name.values().map(|(_, object)| Arc::clone(object));
        known.is_current.then(|| objects.collect())
    }

    /// Whether the cluster has their kind, and they are being read for the first time.
    #[must_use]
    pub fn is_being_read(&self) -> bool {
        let kind = &self.state.kind;
        let is_served = self.inner.resource(&kind.api_version, &kind.kind).is_some();
        is_served && !self.state.lock().was_tried
    }

    /// The one of a name, as it was seen last.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Arc<Value>> {
        self.state.lock().by_name.get(name).map(|(_, object)| Arc::clone(object))
    }

    /// Where they are.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.state.namespace
    }

    /// Changes whenever one of them may look different.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.state.changed.subscribe()
    }

    /// Merges a patch into the part of one that is answered in, in the name of this field manager, and
    /// gives the object as it is then. A patch that names a `resourceVersion` is refused when somebody was faster.
    pub async fn merge(
        &self,
        name: &str,
        patch: &Value,
        manager: &str,
    ) -> Result<Value, RequestError> {
        let kind = &self.state.kind;
        let Some(resource) = self.inner.resource(&kind.api_version, &kind.kind) else {
            let message = format!("there is no kind {}", kind.kind);
            return Err(RequestError::NotFound { message });
        };
        let mut path = resource.object_path(&self.state.namespace, name);
        if self.state.part == Part::Status {
            path.push_str("/status");
        }
        let ask = Ask {
            identity: &Identity::Own,
            method: Method::PATCH,
            path: format!("{path}?fieldManager={manager}"),
            content_type: MERGE,
            body: Some(patch),
        };
        let answer = self.inner.requests.ask(&ask).await?;
        if let Ok(object) = serde_json::from_value(answer.body.clone()) {
            self.state.put(object);
        }
        Ok(answer.body)
    }
}

impl Objects {
    pub fn new(kind: KindInUse, namespace: &str, part: Part) -> Self {
        let (changed, _) = watch::channel(0);
        Self { kind, namespace: namespace.to_owned(), part, known: Mutex::default(), changed }
    }

    /// All of them are going to be read.
    pub fn begin(&self) {
        self.lock().seen = Some(BTreeSet::new());
    }

    /// All were read: what was not seen is gone.
    pub fn finish(&self) {
        self.change(|known| {
            if let Some(seen) = known.seen.take() {
                known.by_name.retain(|name, _| seen.contains(name));
            }
            known.is_current = true;
            known.was_tried = true;
        });
    }

    pub fn set_freshness(&self, freshness: &Freshness) {
        self.change(|known| {
            known.is_current = matches!(freshness, Freshness::Current);
            known.was_tried = true;
        });
    }

    /// The kind is gone, and they are with it.
    pub fn clear(&self) {
        self.change(|known| *known = Known::default());
    }

    pub fn put(&self, object: DynamicObject) {
        let at = version(&object.metadata);
        let name = object.metadata.name.clone().unwrap_or_default();
        let Ok(mut object) = serde_json::to_value(object) else { return };
        shorten_ownership(&mut object);
        self.change(|known| {
            if let Some(seen) = &mut known.seen {
                seen.insert(name.clone());
            }
            let is_room = known.by_name.len() < OBJECTS_MAX;
            match known.by_name.get(&name) {
                // An answer may overtake the watch.
                Some((newest, _)) if *newest > at => {}
                None if !is_room => {
                    tracing::warn!(name, max = OBJECTS_MAX, "too many objects, one is not seen");
                }
                Some(_) | None => drop(known.by_name.insert(name, (at, Arc::new(object)))),
            }
        });
    }

    pub fn remove(&self, object: &DynamicObject) {
        let name = object.metadata.name.clone().unwrap_or_default();
        let at = version(&object.metadata);
        self.change(|known| {
            if known.by_name.get(&name).is_some_and(|(newest, _)| *newest <= at) {
                known.by_name.remove(&name);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.lock());
        self.changed.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How deep it is kept who wrote a field: down to one annotation.
const OWNERSHIP_LEVELS: usize = 3;

/// Who wrote which field near the top: the rest of the ownership is most of an object.
fn shorten_ownership(object: &mut Value) {
    let entries = object.pointer_mut("/metadata/managedFields").and_then(Value::as_array_mut);
    for entry in entries.into_iter().flatten() {
        shorten(entry.get_mut("fieldsV1"), OWNERSHIP_LEVELS);
    }
}

fn shorten(fields: Option<&mut Value>, levels: usize) {
    let Some(fields) = fields.and_then(Value::as_object_mut) else { return };
    for part in fields.values_mut() {
        match levels {
            0 | 1 => *part = Value::Object(Map::new()),
            deeper => shorten(Some(part), deeper - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(name: &str, version: u64) -> DynamicObject {
        let object = json!({
            "apiVersion": "v1", "kind": "Thing",
            "metadata": { "name": name, "resourceVersion": version.to_string() },
        });
        serde_json::from_value(object).unwrap()
    }

    fn versions(objects: &Objects) -> Vec<(String, u64)> {
        let known = objects.lock();
        known.by_name.iter().map(|(name, (at, _))| (name.clone(), *at)).collect()
    }

    #[test]
    fn an_older_version_takes_no_newer_ones_place() {
        let objects = Objects::new(KindInUse::new("v1", "Thing"), "here", Part::Whole);
        objects.put(object("a", 5));
        objects.put(object("a", 4));
        objects.remove(&object("a", 3));
        assert_eq!(versions(&objects), [("a".to_owned(), 5)]);
        objects.put(object("a", 6));
        assert_eq!(versions(&objects), [("a".to_owned(), 6)]);
        objects.remove(&object("a", 7));
        assert_eq!(versions(&objects), []);
    }

    #[test]
    fn what_is_not_seen_when_all_are_read_is_gone() {
        let objects = Objects::new(KindInUse::new("v1", "Thing"), "here", Part::Whole);
        objects.put(object("a", 1));
        objects.put(object("b", 2));
        objects.begin();
        objects.put(object("b", 2));
        objects.finish();
        assert_eq!(versions(&objects), [("b".to_owned(), 2)]);
    }

    #[test]
    fn of_the_ownership_the_levels_near_the_top_stay() {
        let annotation = json!({ "f:annotations": { "f:asked": { "f:deeper": {} } } });
        let mut object = json!({ "metadata": { "managedFields": [
            { "manager": "m", "fieldsV1": { "f:metadata": annotation, "f:spec": { "f:a": {} } } },
        ] } });
        shorten_ownership(&mut object);
        let fields = &object["metadata"]["managedFields"][0]["fieldsV1"];
        let metadata = json!({ "f:annotations": { "f:asked": {} } });
        assert_eq!(*fields, json!({ "f:metadata": metadata, "f:spec": { "f:a": {} } }));
    }
}
