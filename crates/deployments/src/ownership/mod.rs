//! Which fields of a live object differ from Git, by who owns them.
//!
//! A difference is a field that Git sets and the cluster holds otherwise, or one that our manager
//! owns and Git no longer sets. What defaults, webhooks and other managers added is none.
//!
//! How the items of a list are told apart is read from the ownership itself, so no schema is
//! needed. Only inside of lists and maps that are one value to Kubernetes can a field be either a
//! default or a leftover; there the manifest of the last apply decides, when it is known.

mod equal;
mod fields;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use crate::IgnoredFields;
use crate::compare::{is_below_any, join};
use equal::{equal, is_nothing};
use fields::{ListKind, Manager, Owned};

/// The manager whose applies are Git's.
pub const FIELD_MANAGER: &str = "boucle";

/// What Kubernetes writes into items of lists that are one value, when nobody sets it.
const ITEM_DEFAULTS: &[(&str, &str)] = &[
    ("protocol", "\"TCP\""),
    ("apiVersion", "\"v1\""),
    ("apiGroup", "\"\""),
    ("apiGroup", "\"rbac.authorization.k8s.io\""),
    ("scope", "\"*\""),
    ("expirationSeconds", "3600"),
    ("volumeMode", "\"Filesystem\""),
    ("status", "{\"phase\":\"Pending\"}"),
    ("kind", "\"PersistentVolumeClaim\""),
    // Of the Gateway API's routes.
    ("group", "\"\""),
    ("group", "\"gateway.networking.k8s.io\""),
    ("kind", "\"Service\""),
    ("kind", "\"Gateway\""),
    ("weight", "1"),
];

static EVERY_FIELD_COUNTS: IgnoredFields = IgnoredFields::NONE;

/// How to compare.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// Whose applies are Git's: [`FIELD_MANAGER`].
    pub manager: &'a str,
    /// Fields that do not count.
    pub ignored: &'a IgnoredFields,
    /// Managers whose fields do not count (`managedFieldsManagers` of Argo CD).
    pub yields_to: &'a [&'a str],
    /// The manifest of the last apply, when it is known.
    pub applied: Option<&'a Value>,
}

impl Default for Comparison<'_> {
    fn default() -> Self {
        Self { manager: FIELD_MANAGER, ignored: &EVERY_FIELD_COUNTS, yields_to: &[], applied: None }
    }
}

/// What differs, by JSON pointers: into the desired manifest where Git sets the field, into the
/// live object where it no longer does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Fields that an apply changes, each with the other manager that holds it, if one does.
    pub changed: BTreeMap<String, Option<Holder>>,
    /// Fields that Git sets otherwise and that stay with who holds them: they are left out of an
    /// apply.
    pub yielded: BTreeMap<String, Option<Holder>>,
    /// Fields that are either a default or a leftover of an earlier apply; only the cluster knows.
    pub unsure: Vec<String>,
}

/// Another manager that owns a field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its name: `kubectl-edit`.
    pub manager: String,
    /// The subresource through which it wrote: `scale`; empty: the object itself.
    pub subresource: String,
}

impl Difference {
    /// Whether the cluster holds what Git says, as far as can be seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty()
    }

    /// The pointers of the changed fields.
    #[must_use]
    pub fn pointers(&self) -> Vec<String> {
        self.changed.keys().cloned().collect()
    }
}

/// Compares what Git says with a live object, `metadata.managedFields` included. Both are of the
/// same object; `desired` went through [`prepared`].
#[must_use]
pub fn difference(desired: &Value, live: &Value, how: &Comparison<'_>) -> Difference {
    let managers = fields::managers(live, how.manager);
    let mut walk = Walk {
        managers: &managers,
        yields_to: how.yields_to,
        ignored: how.ignored.pointers(desired),
        ignored_live: how.ignored.pointers(live),
        found: Difference::default(),
    };
    let roots = fields::roots(&managers);
    if let (Some(desired), Some(live)) = (desired.as_object(), live.as_object()) {
        for (name, value) in desired {
            // Another version of the same object is the same object.
            if matches!(name.as_str(), "apiVersion" | "kind" | "status") {
                continue;
            }
            let applied = how.applied.and_then(|applied| applied.get(name));
            walk.field("", name, value, live, &roots, applied);
        }
        walk.leftovers("", desired, live, &roots);
    }
    walk.found
}

/// The manifest as it is sent: without what only the cluster writes, and a Secret's texts encoded,
/// because the cluster gives them back so.
#[must_use]
pub fn prepared(manifest: &Value) -> Value {
    let mut manifest = crate::without_status(manifest);
    let is_secret = manifest["kind"] == "Secret" && manifest["apiVersion"] == "v1";
    let Some(fields) = manifest.as_object_mut() else { return manifest };
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        for written in
            ["managedFields", "creationTimestamp", "resourceVersion", "uid", "generation"]
        {
            metadata.shift_remove(written);
        }
    }
    if is_secret && let Some(Value::Object(texts)) = fields.shift_remove("stringData") {
        let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if data.is_null() {
            *data = Value::Object(Map::new());
        }
        if let Some(data) = data.as_object_mut() {
            for (name, text) in texts {
                let text = text.as_str().unwrap_or_default();
                data.insert(name, Value::from(BASE64.encode(text)));
            }
        }
    }
    manifest
}

/// The manifest without these fields; for what stays with who holds it.
#[must_use]
pub fn without<'a>(manifest: &Value, pointers: impl IntoIterator<Item = &'a str>) -> Value {
    let mut manifest = manifest.clone();
    for pointer in pointers {
        let Some((parent, name)) = pointer.rsplit_once('/') else { continue };
        let name = name.replace("~1", "/").replace("~0", "~");
        // Items of lists stay: a list without one of its items says something else.
        if let Some(parent) = manifest.pointer_mut(parent).and_then(Value::as_object_mut) {
            parent.shift_remove(&name);
        }
    }
    manifest
}

struct Walk<'a> {
    managers: &'a [Manager<'a>],
    yields_to: &'a [&'a str],
    /// Pointers into Git's manifest.
    ignored: Vec<String>,
    /// Pointers into the live object.
    ignored_live: Vec<String>,
    found: Difference,
}

impl Walk<'_> {
    /// One field of an object that Git sets.
    fn field(
        &mut self,
        path: &str,
        name: &str,
        desired: &Value,
        live: &Map<String, Value>,
        owned: &[Owned<'_>],
        applied: Option<&Value>,
    ) {
        let child = join(path, name);
        let below = fields::below_field(owned, name);
        match live.get(name) {
            // `null` asks for nothing; a kind without namespaces has none, whatever was said.
            Some(_) if desired.is_null() => {}
            None if child == "/metadata/namespace" => {}
            Some(live) => self.value(&child, desired, live, &below, applied),
            None if is_nothing(desired) => {}
            None => self.changed(&child, &below),
        }
    }

    fn value(
        &mut self,
        path: &str,
        desired: &Value,
        live: &Value,
        owned: &[Owned<'_>],
        applied: Option<&Value>,
    ) {
        let whole = !owned.is_empty() && owned.iter().all(|(_, fields)| fields::is_leaf(fields));
        match (desired, live) {
            (Value::Object(_), Value::Object(_)) if whole => {
                self.one_value(path, desired, live, owned, applied);
            }
            (Value::Object(desired), Value::Object(live)) => {
                for (name, value) in desired {
                    let applied = applied.and_then(|applied| applied.get(name));
                    self.field(path, name, value, live, owned, applied);
                }
                self.leftovers(path, desired, live, owned);
            }
            (Value::Array(desired), Value::Array(live)) => match fields::list_kind(owned) {
                ListKind::Keys(keys) => self.keyed(path, desired, live, &keys, owned, applied),
                ListKind::Set => self.set(path, desired, live, owned),
                ListKind::Atomic => {
                    let (desired, live) = (Value::from(desired.clone()), Value::from(live.clone()));
                    self.one_value(path, &desired, &live, owned, applied);
                }
            },
            (desired, live) => {
                if !equal(path, desired, live) {
                    self.changed(path, owned);
                }
            }
        }
    }

    /// What our manager owns below an object and Git no longer sets.
    fn leftovers(
        &mut self,
        path: &str,
        desired: &Map<String, Value>,
        live: &Map<String, Value>,
        owned: &[Owned<'_>],
    ) {
        for fields in self.ours(owned) {
            for (name, below) in fields {
                let Some(name) = name.strip_prefix("f:") else { continue };
                let set = desired.get(name).is_some_and(|value| !value.is_null());
                let kept = path.is_empty() && matches!(name, "apiVersion" | "kind" | "status");
                if let (false, false, Some(live)) = (set, kept, live.get(name)) {
                    self.leftover(&join(path, name), live, below);
                }
            }
        }
    }

    /// All leaves that we own below a field that Git no longer sets.
    fn leftover(&mut self, path: &str, live: &Value, ours: &Value) {
        let Some(ours) = ours.as_object() else { return };
        if ours.keys().all(|name| name == ".") {
            return self.leaf(path);
        }
        for (name, below) in ours {
            let found = match (name.strip_prefix("f:"), live) {
                (Some(name), _) => live.get(name).map(|live| (join(path, name), live)),
                (None, Value::Array(items)) => position(items, name)
                    .map(|index| (join(path, &index.to_string()), &items[index])),
                (None, _) => None,
            };
            if let Some((path, live)) = found {
                self.leftover(&path, live, below);
            }
        }
    }

    fn keyed(
        &mut self,
        path: &str,
        desired: &[Value],
        live: &[Value],
        keys: &[String],
        owned: &[Owned<'_>],
        applied: Option<&Value>,
    ) {
        let applied = applied.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, item) in desired.iter().enumerate() {
            let child = join(path, &index.to_string());
            let below = fields::below_item(owned, item);
            match fields::find_item(live, item, keys) {
                Some((_, live)) => {
                    let applied = fields::find_item(applied, item, keys).map(|(_, item)| item);
                    self.value(&child, item, live, &below, applied);
                }
                None => self.changed(&child, &below),
            }
        }
        for fields in self.ours(owned) {
            for name in fields.keys() {
                let Some(key) = fields::item_key(name) else { continue };
                let wanted = desired.iter().any(|item| fields::has_key(item, &key));
                if let (false, Some(index)) = (wanted, position(live, name)) {
                    self.leaf(&join(path, &index.to_string()));
                }
            }
        }
    }

    fn set(&mut self, path: &str, desired: &[Value], live: &[Value], owned: &[Owned<'_>]) {
        for (index, item) in desired.iter().enumerate() {
            if !live.contains(item) {
                self.changed(&join(path, &index.to_string()), &[]);
            }
        }
        for fields in self.ours(owned) {
            for name in fields.keys() {
                let Some(value) = fields::set_value(name) else { continue };
                if let (false, Some(index)) = (desired.contains(&value), position(live, name)) {
                    self.leaf(&join(path, &index.to_string()));
                }
            }
        }
    }

    /// A list or map that Kubernetes takes as one value.
    fn one_value(
        &mut self,
        path: &str,
        desired: &Value,
        live: &Value,
        owned: &[Owned<'_>],
        applied: Option<&Value>,
    ) {
        let mut within = Within {
            taken: !owned.is_empty() && self.ours(owned).is_empty(),
            differs: Vec::new(),
            unsure: Vec::new(),
        };
        within.compare(path, desired, live, applied);
        for pointer in within.differs {
            self.changed(&pointer, owned);
        }
        self.found.unsure.extend(within.unsure);
    }

    fn ours<'b>(&self, owned: &[Owned<'b>]) -> Vec<&'b Map<String, Value>> {
        let ours = owned.iter().filter(|(index, _)| self.managers[*index].ours);
        ours.map(|(_, fields)| *fields).collect()
    }

    /// A field that Git sets and the cluster holds otherwise.
    fn changed(&mut self, path: &str, owned: &[Owned<'_>]) {
        let other = owned.iter().map(|(index, _)| &self.managers[*index]).find(|one| !one.ours);
        self.note(
            path,
            other.map(|one| Holder {
                manager: one.name.to_owned(),
                subresource: one.subresource.to_owned(),
            }),
        );
    }

    fn note(&mut self, path: &str, holder: Option<Holder>) {
        let ignored = is_below_any(path, &self.ignored);
        let yields = holder.as_ref().is_some_and(|holder| {
            is_autoscaler(holder) || self.yields_to.contains(&holder.manager.as_str())
        });
        match (ignored, yields) {
            // What nobody else holds is written with the next apply; it just is no reason for one.
            (true, _) if holder.is_none() => {}
            (false, false) => drop(self.found.changed.insert(path.to_owned(), holder)),
            (true, _) | (_, true) => drop(self.found.yielded.insert(path.to_owned(), holder)),
        }
    }

    /// A field of the live object that is ours alone and that Git no longer sets.
    fn leaf(&mut self, path: &str) {
        if !is_below_any(path, &self.ignored_live) {
            self.found.changed.insert(path.to_owned(), None);
        }
    }
}

/// Whoever scales through the subresource made for it owns the number of replicas, as the
/// autoscaler does; a person with `kubectl scale` does the same and is drift.
fn is_autoscaler(holder: &Holder) -> bool {
    holder.subresource == "scale" && !holder.manager.starts_with("kubectl")
}

/// Inside of one value there is no ownership, only what is wanted and what is there.
struct Within {
    /// Whether somebody else owns the value now: then nothing in it is a leftover of ours.
    taken: bool,
    differs: Vec<String>,
    unsure: Vec<String>,
}

impl Within {
    fn compare(&mut self, path: &str, desired: &Value, live: &Value, applied: Option<&Value>) {
        match (desired, live) {
            (Value::Object(desired), Value::Object(live)) => {
                for (name, value) in desired {
                    let child = join(path, name);
                    let applied = applied.and_then(|applied| applied.get(name));
                    match live.get(name) {
                        Some(live) => self.compare(&child, value, live, applied),
                        None if is_nothing(value) => {}
                        None => self.differs.push(child),
                    }
                }
                let extra = live.iter().filter(|(name, _)| !desired.contains_key(*name));
                for (name, value) in extra {
                    self.extra(join(path, name), name, value, applied);
                }
            }
            (Value::Array(desired), Value::Array(live)) if desired.len() == live.len() => {
                for (index, (desired, live)) in desired.iter().zip(live).enumerate() {
                    let applied = applied.and_then(|applied| applied.get(index));
                    self.compare(&join(path, &index.to_string()), desired, live, applied);
                }
            }
            (desired, live) => {
                if !equal(path, desired, live) {
                    self.differs.push(path.to_owned());
                }
            }
        }
    }

    /// A field of the live value that Git does not set.
    fn extra(&mut self, path: String, name: &str, live: &Value, applied: Option<&Value>) {
        let text = live.to_string();
        if is_nothing(live) || ITEM_DEFAULTS.contains(&(name, text.as_str())) {
            return;
        }
        match applied {
            Some(applied) if applied.get(name).is_some_and(|value| !value.is_null()) => {
                self.differs.push(path);
            }
            Some(_) => {}
            None if self.taken => self.differs.push(path),
            None => self.unsure.push(path),
        }
    }
}

/// Where the item is that `k:{…}` or `v:…` names.
fn position(items: &[Value], name: &str) -> Option<usize> {
    if let Some(key) = fields::item_key(name) {
        return items.iter().position(|item| fields::has_key(item, &key));
    }
    let value = fields::set_value(name)?;
    items.iter().position(|item| *item == value)
}
