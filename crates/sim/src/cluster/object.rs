//! One object of an API server: server-side apply with owners of fields, updates, defaults.

use std::sync::Arc;

use deployments::ObjectKey;
use serde_json::{Value, json};

use super::fields::{Fields, Path, encoded, fields_of, get, remove, set};

/// Who writes an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writer<'a> {
    pub name: &'a str,
    /// Empty: the object itself.
    pub subresource: &'a str,
}

impl<'a> Writer<'a> {
    pub(crate) const fn named(name: &'a str) -> Self {
        Self { name, subresource: "" }
    }
}

/// The fields of one writer, by one way of writing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Manager {
    name: String,
    subresource: String,
    applies: bool,
    fields: Fields,
}

/// An object with the owners of its fields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    /// Without `metadata.managedFields`.
    body: Value,
    managers: Vec<Manager>,
    /// As readers see it.
    seen: Arc<Value>,
    uid: String,
    owner_uid: String,
    is_going: bool,
}

/// Fields that others own and hold otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldConflict {
    /// Who.
    pub managers: Vec<String>,
}

impl Object {
    /// An object that is not stored yet.
    pub(crate) fn new(manifest: &Value) -> Self {
        let mut body = json!({
            "apiVersion": manifest["apiVersion"], "kind": manifest["kind"],
            "metadata": {"name": manifest["metadata"]["name"]},
        });
        if let Some(namespace) = manifest["metadata"].get("namespace") {
            body["metadata"]["namespace"] = namespace.clone();
        }
        let (uid, owner_uid) = (String::new(), String::new());
        Self { body, managers: Vec::new(), seen: Arc::default(), uid, owner_uid, is_going: false }
    }

    /// As readers see it, with the owners of its fields.
    pub(crate) fn seen(&self) -> &Arc<Value> {
        &self.seen
    }

    pub(crate) fn body(&self) -> &Value {
        &self.body
    }

    /// Writes what only the server writes, and lets readers see all of it.
    pub(crate) fn store(&mut self, metadata: &[(&str, Value)]) {
        for (name, value) in metadata {
            self.body["metadata"][*name] = value.clone();
        }
        let mut seen = self.body.clone();
        let entry = |manager: &Manager| {
            json!({
                "manager": manager.name,
                "operation": if manager.applies { "Apply" } else { "Update" },
                "apiVersion": self.body["apiVersion"],
                "fieldsType": "FieldsV1",
                "fieldsV1": encoded(&manager.fields),
                "subresource": manager.subresource,
            })
        };
        seen["metadata"]["managedFields"] = self.managers.iter().map(entry).collect();
        self.seen = Arc::new(seen);
        self.uid = self.text("/metadata/uid").to_owned();
        self.owner_uid = self.text("/metadata/ownerReferences/0/uid").to_owned();
        self.is_going = self.body["metadata"].get("deletionTimestamp").is_some();
    }

    /// Server-side apply. What the writer applied before and no longer does is taken away, unless
    /// others own it too; what others hold otherwise is refused, or with `force` taken from them.
    pub(crate) fn apply(
        &mut self,
        manifest: &Value,
        writer: Writer<'_>,
        force: bool,
    ) -> Result<(), FieldConflict> {
        let wanted = fields_of(manifest, false);
        let own = |manager: &Manager| manager.applies && manager.is(writer);
        let differs = |path: &Path| {
            let (new, old) = (get(manifest, path), get(&self.body, path));
            new != old && !(new.is_some_and(Value::is_object) && old.is_some_and(Value::is_object))
        };
        let taken: Fields = wanted.iter().filter(|path| differs(path)).cloned().collect();
        let mut managers: Vec<String> = Vec::new();
        for manager in self.managers.iter().filter(|manager| !own(manager)) {
            if !manager.fields.is_disjoint(&taken) && !managers.contains(&manager.name) {
                managers.push(manager.name.clone());
            }
        }
        if !force && !managers.is_empty() {
            return Err(FieldConflict { managers });
        }
        let before = self.managers.iter().position(own).map(|at| self.managers.remove(at));
        for manager in &mut self.managers {
            manager.fields.retain(|path| !taken.contains(path));
        }
        for path in &taken {
            if let Some(value) = get(manifest, path) {
                set(&mut self.body, path, value);
            }
        }
        let left = before.map(|manager| manager.fields).unwrap_or_default();
        // The deepest first, so that an item goes only once nothing of others is left in it.
        for path in left.difference(&wanted).collect::<Vec<_>>().into_iter().rev() {
            let shared = self
                .managers
                .iter()
                .any(|manager| manager.fields.iter().any(|other| other.starts_with(path)));
            if !shared {
                remove(&mut self.body, path);
            }
        }
        self.managers.retain(|manager| !manager.fields.is_empty());
        self.managers.push(Manager { fields: wanted, ..Manager::of(writer, true) });
        self.managers.sort();
        self.default();
        Ok(())
    }

    /// Changes some fields as `kubectl edit` or a controller does: whoever changes one owns it, and
    /// nobody else any more. `None` takes a field away.
    pub(crate) fn update(&mut self, changes: &[(Path, Option<Value>)], writer: Writer<'_>) {
        let mut own = match self.managers.iter().position(|one| !one.applies && one.is(writer)) {
            Some(at) => self.managers.remove(at),
            None => Manager::of(writer, false),
        };
        for (path, value) in changes {
            if get(&self.body, path) == value.as_ref() {
                continue;
            }
            for manager in self.managers.iter_mut().chain([&mut own]) {
                manager.fields.retain(|other| !other.starts_with(path));
            }
            match value {
                Some(value) => {
                    set(&mut self.body, path, value);
                    own.fields.insert(path.clone());
                }
                None => remove(&mut self.body, path),
            }
        }
        self.managers.retain(|manager| !manager.fields.is_empty());
        if !own.fields.is_empty() {
            self.managers.push(own);
        }
        self.managers.sort();
        self.default();
    }

    /// Whether these changes change anything.
    pub(crate) fn differs(&self, changes: &[(Path, Option<Value>)]) -> bool {
        changes.iter().any(|(path, value)| get(&self.body, path) != value.as_ref())
    }

    /// Whether this writer alone holds a field, through this subresource.
    pub(crate) fn is_held_by(&self, path: &Path, writer: Writer<'_>) -> bool {
        let mut holders = self.managers.iter().filter(|manager| manager.fields.contains(path));
        holders.next().is_some_and(|holder| holder.is(writer)) && holders.next().is_none()
    }

    /// What the server itself fills in; nobody owns it.
    fn default(&mut self) {
        let kind = self.body["kind"].as_str().unwrap_or_default().to_owned();
        let mut fill = |pointer: &str, name: &str, value: Value| {
            if let Some(parent) = self.body.pointer_mut(pointer).and_then(Value::as_object_mut) {
                parent.entry(name.to_owned()).or_insert(value);
            }
        };
        match kind.as_str() {
            "Deployment" => {
                fill("/spec", "replicas", json!(1));
                fill("/spec", "progressDeadlineSeconds", json!(600));
                fill("/spec/template/spec", "restartPolicy", json!("Always"));
            }
            "Service" => {
                fill("/spec", "type", json!("ClusterIP"));
                fill("/spec/ports/0", "protocol", json!("TCP"));
            }
            "Job" => fill("/spec", "backoffLimit", json!(6)),
            _ => {}
        }
    }

    pub(crate) fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn number(&self, pointer: &str) -> u64 {
        self.body.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    pub(crate) fn uid(&self) -> &str {
        &self.uid
    }

    pub(crate) fn is_going(&self) -> bool {
        self.is_going
    }

    pub(crate) fn finalizers(&self) -> Vec<&str> {
        let list = self.body.pointer("/metadata/finalizers").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(crate) fn owner_uid(&self) -> &str {
        &self.owner_uid
    }

    /// The application that tracks it.
    pub(crate) fn application(&self, key: &ObjectKey) -> Option<&str> {
        deployments::owner(&self.body, key)
    }
}

impl Manager {
    fn of(writer: Writer<'_>, applies: bool) -> Self {
        let (name, subresource) = (writer.name.to_owned(), writer.subresource.to_owned());
        Self { name, subresource, applies, fields: Fields::new() }
    }

    fn is(&self, writer: Writer<'_>) -> bool {
        self.name == writer.name && self.subresource == writer.subresource
    }
}
