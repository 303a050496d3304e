//! One object on its way through the build, with what kustomize remembers of it: the identities
//! that it had, and the prefixes and suffixes that it was given.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value};

use crate::alias::{self, Alias};
use crate::kinds;
use crate::schema::Kinds;
use crate::transform::Affix;

/// Group, version and kind; an empty part matches everything when it selects.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Gvk {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

impl Gvk {
    pub(crate) fn new(api_version: &str, kind: &str) -> Self {
        let (group, version) = split_api_version(api_version);
        Gvk { group: group.into(), version: version.into(), kind: kind.into() }
    }

    /// Whether this kind is one that `selector` means.
    pub(crate) fn is_selected_by(&self, selector: &Gvk) -> bool {
        selects(&selector.group, &self.group)
            && selects(&selector.version, &self.version)
            && selects(&selector.kind, &self.kind)
    }

    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.clone()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }
}

fn selects(wanted: &str, found: &str) -> bool {
    wanted.is_empty() || wanted == found
}

pub(crate) fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// What names an object. Two are the same when their kinds, names and effective namespaces are.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) gvk: Gvk,
    pub(crate) name: String,
    pub(crate) namespace: String,
    /// Set where an OpenAPI document says so of a kind that is none of Kubernetes'.
    pub(crate) has_no_namespace: bool,
}

/// What stands for the namespace of a kind without one.
pub(crate) const NO_NAMESPACE: &str = "_non_namespaceable_";

impl Id {
    pub(crate) fn is_cluster_scoped(&self) -> bool {
        self.has_no_namespace || kinds::is_cluster_scoped(&self.gvk.api_version(), &self.gvk.kind)
    }

    pub(crate) fn effective_namespace(&self) -> &str {
        effective_namespace(self.is_cluster_scoped(), &self.namespace)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Id::default()
    }

    /// Whether `selector` means this object; its empty parts match everything.
    pub(crate) fn is_selected_by(&self, selector: &Id) -> bool {
        selects(&selector.name, &self.name)
            && (selector.namespace.is_empty()
                || selector.effective_namespace() == self.effective_namespace())
            && self.gvk.is_selected_by(&selector.gvk)
    }

    fn key(mut self) -> Id {
        self.namespace = self.effective_namespace().to_owned();
        self.has_no_namespace = false;
        self
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.gvk.kind, self.name)?;
        if self.namespace.is_empty() {
            Ok(())
        } else {
            write!(f, " in namespace `{}`", self.namespace)
        }
    }
}

fn effective_namespace(is_cluster_scoped: bool, namespace: &str) -> &str {
    match (is_cluster_scoped, namespace) {
        (true, _) => NO_NAMESPACE,
        (false, "") => "default",
        (false, name) => name,
    }
}

/// An identity that an object had before a step changed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) kind: String,
}

/// What a generator wants to happen when its object exists already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Behavior {
    #[default]
    Create,
    Replace,
    Merge,
}

/// An object and its history.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) value: Map<String, Value>,
    pub(crate) previous: Vec<Previous>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    pub(crate) behavior: Behavior,
    pub(crate) needs_hash: bool,
    pub(crate) is_generated: bool,
    /// The variables that this object gives a value.
    pub(crate) variables: Vec<String>,
    /// Labels and annotations that share one value.
    pub(crate) aliases: Vec<Alias>,
    pub(crate) kinds: Rc<Kinds>,
}

impl Resource {
    pub(crate) fn new(value: Map<String, Value>, kinds: &Rc<Kinds>) -> Self {
        let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
        kinds.meet(text("apiVersion"), text("kind"));
        Resource {
            value,
            kinds: Rc::clone(kinds),
            variables: Vec::new(),
            aliases: Vec::new(),
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::Create,
            needs_hash: false,
            is_generated: false,
        }
    }

    pub(crate) fn kind(&self) -> &str {
        self.value.get("kind").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn api_version(&self) -> &str {
        self.value.get("apiVersion").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::new(self.api_version(), self.kind())
    }

    pub(crate) fn name(&self) -> &str {
        self.metadata("name").and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn namespace(&self) -> &str {
        self.metadata("namespace").and_then(Value::as_str).unwrap_or_default()
    }

    fn metadata(&self, field: &str) -> Option<&Value> {
        self.value.get("metadata")?.get(field)
    }

    /// The labels or annotations, as text.
    pub(crate) fn strings(&self, field: &str) -> BTreeMap<String, String> {
        let entries = self.metadata(field).and_then(Value::as_object);
        entries
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), crate::scalar::text(value).unwrap_or_default()))
            .collect()
    }

    pub(crate) fn set_strings(&mut self, field: &str, entries: BTreeMap<String, String>) {
        if entries.is_empty() {
            self.remove_metadata(field);
        } else {
            let entries = entries.into_iter().map(|(key, value)| (key, Value::String(value)));
            self.set_metadata(field, Value::Object(entries.collect()));
        }
    }

    /// Whether the real program would keep notes in the object's annotations, so that the object
    /// has annotations even where nobody wrote any.
    pub(crate) fn has_notes(&self) -> bool {
        !self.previous.is_empty() || self.is_generated || self.needs_hash
    }

    /// Gives an object with such notes the mapping that they would stand in.
    pub(crate) fn make_annotations(&mut self) {
        if self.has_notes() && self.metadata("annotations").is_none() {
            self.set_metadata("annotations", Value::Object(Map::new()));
        }
    }

    pub(crate) fn has_annotation(&self, key: &str) -> bool {
        self.metadata("annotations").is_some_and(|annotations| annotations.get(key).is_some())
    }

    pub(crate) fn annotate(&mut self, key: &str, text: String) {
        let mut annotations = self.strings("annotations");
        annotations.insert(key.into(), text);
        self.set_strings("annotations", annotations);
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.set_metadata("name", Value::String(name.into()));
    }

    /// Sets the namespace, or takes it away when it is empty.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() {
            self.remove_metadata("namespace");
        } else {
            self.set_metadata("namespace", Value::String(namespace.into()));
        }
    }

    fn set_metadata(&mut self, field: &str, value: Value) {
        let metadata = self.value.entry("metadata").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(metadata) = metadata {
            metadata.insert(field.into(), value);
        }
    }

    fn remove_metadata(&mut self, field: &str) {
        if let Some(Value::Object(metadata)) = self.value.get_mut("metadata") {
            metadata.shift_remove(field);
        }
    }

    pub(crate) fn is_cluster_scoped(&self) -> bool {
        kinds::is_cluster_scoped(self.api_version(), self.kind())
            || self.kinds.has_no_namespace(self.api_version(), self.kind())
    }

    pub(crate) fn effective_namespace(&self) -> &str {
        effective_namespace(self.is_cluster_scoped(), self.namespace())
    }

    pub(crate) fn id(&self) -> Id {
        Id {
            gvk: self.gvk(),
            name: self.name().into(),
            namespace: self.namespace().into(),
            has_no_namespace: self.kinds.has_no_namespace(self.api_version(), self.kind()),
        }
    }

    /// The identity that the object was loaded with.
    pub(crate) fn original_id(&self) -> Id {
        self.previous.first().map_or_else(|| self.id(), |first| self.previous_id(first))
    }

    /// Kustomize does not remember an earlier group and version, only an earlier kind.
    fn previous_id(&self, previous: &Previous) -> Id {
        let mut gvk = self.gvk();
        gvk.kind.clone_from(&previous.kind);
        let has_no_namespace = self.kinds.has_no_namespace(self.api_version(), &gvk.kind);
        Id {
            gvk,
            name: previous.name.clone(),
            namespace: previous.namespace.clone(),
            has_no_namespace,
        }
    }

    pub(crate) fn previous_ids(&self) -> Vec<Id> {
        self.previous.iter().map(|previous| self.previous_id(previous)).collect()
    }

    /// All identities, the current one last.
    pub(crate) fn ids(&self) -> Vec<Id> {
        let mut ids = self.previous_ids();
        ids.push(self.id());
        ids
    }

    pub(crate) fn remember_id(&mut self) {
        let previous = Previous {
            name: self.name().into(),
            namespace: self.effective_namespace().into(),
            kind: self.kind().into(),
        };
        self.previous.push(previous);
    }

    /// Remembers the identity and what is put before or after its name.
    pub(crate) fn remember_affix(&mut self, affix: Affix, text: &str) {
        self.remember_id();
        match affix {
            Affix::Prefix => self.prefixes.push(text.into()),
            Affix::Suffix => self.suffixes.push(text.into()),
        }
    }

    /// Whether the object has or had the identity `id`.
    pub(crate) fn had_id(&self, id: &Id) -> bool {
        let is_name = |name: &str| name == id.name;
        if !is_name(self.name()) && !self.previous.iter().any(|previous| is_name(&previous.name)) {
            return false;
        }
        self.ids().into_iter().any(|own| own.key() == id.clone().key())
    }
}

/// Objects in load order, no two with the same current identity.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resources {
    list: Vec<Resource>,
    /// The current identities; rebuilt after objects were handed out for change.
    keys: Option<BTreeSet<Id>>,
}

impl Resources {
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Resource> {
        self.list.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Resource> {
        self.keys = None;
        self.list.iter_mut()
    }

    /// Lets labels and annotations that share one value have the same again.
    pub(crate) fn spread_aliases(&mut self) {
        for resource in self.list.iter_mut().filter(|resource| !resource.aliases.is_empty()) {
            alias::spread(&mut resource.value, &mut resource.aliases);
        }
    }

    pub(crate) fn list_mut(&mut self) -> &mut Vec<Resource> {
        self.keys = None;
        &mut self.list
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether both hold the same objects with the same history, in any order.
    pub(crate) fn is_same(&self, other: &Resources) -> bool {
        let by_id = |resources: &Resources| -> BTreeMap<Id, (Map<String, Value>, usize)> {
            let entry = |resource: &Resource| {
                (resource.id().key(), (resource.value.clone(), resource.previous.len()))
            };
            resources.list.iter().map(entry).collect()
        };
        self.len() == other.len() && by_id(self) == by_id(other)
    }

    pub(crate) fn into_list(self) -> Vec<Resource> {
        self.list
    }

    /// Adds an object; refuses an identity that is taken.
    pub(crate) fn append(&mut self, resource: Resource) -> Result<(), Id> {
        let list = &self.list;
        let keys = self
            .keys
            .get_or_insert_with(|| list.iter().map(|resource| resource.id().key()).collect());
        if !keys.insert(resource.id().key()) {
            return Err(resource.id());
        }
        self.list.push(resource);
        Ok(())
    }

    /// The first identity that two objects share.
    pub(crate) fn duplicate(&self) -> Option<Id> {
        let mut keys = BTreeSet::new();
        self.list.iter().map(Resource::id).find(|id| !keys.insert(id.clone().key()))
    }

    /// The positions of the objects that have or had the identity.
    pub(crate) fn having_had(&self, id: &Id) -> Vec<usize> {
        let positions = self.list.iter().enumerate();
        positions.filter(|(_, resource)| resource.had_id(id)).map(|(index, _)| index).collect()
    }
}
