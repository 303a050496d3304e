//! What is known of kinds during one build: Kubernetes' own, and those of the OpenAPI document that
//! a kustomization names.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Code, Fault};
use crate::kinds::{self, Field};
use crate::node::Node;
use crate::parts::Entry;

/// The field `openapi`.
#[derive(Debug, Clone)]
pub(crate) enum OpenApi {
    /// The document that is built in.
    BuiltIn,
    /// A document in the tree.
    File(Entry),
}

/// The only version that the real program carries.
const BUILT_IN_VERSION: &str = "v1.21.2";

impl OpenApi {
    pub(crate) fn read(node: &Node<'_>) -> Result<Option<Self>, Fault> {
        let mut fields = node.fields()?;
        let refuse = |message: String| Err(Fault::new(Code::InvalidValue, &node.pointer, message));
        let version = fields.string("version")?;
        let path = fields.take("path");
        fields.finish()?;
        match path {
            Some(_) if !version.is_empty() => {
                refuse("`path` and `version` exclude each other".into())
            }
            Some(path) => {
                let entry = Entry { text: path.string()?, pointer: path.pointer.clone() };
                Ok(Some(OpenApi::File(entry)))
            }
            None if version.is_empty() => Ok(None),
            None if version == BUILT_IN_VERSION => Ok(Some(OpenApi::BuiltIn)),
            None => refuse(format!("`version` must be {BUILT_IN_VERSION}, but is {version}")),
        }
    }
}

/// An OpenAPI document (Swagger 2.0).
#[derive(Debug)]
pub(crate) struct Document {
    root: Value,
    /// The definition of each `apiVersion` and kind.
    definitions: BTreeMap<(String, String), String>,
    /// Whether each `apiVersion` and kind has a namespace, as far as its paths tell.
    is_namespaced: BTreeMap<(String, String), bool>,
}

const KIND_KEY: &str = "x-kubernetes-group-version-kind";

impl Document {
    pub(crate) fn new(root: Value) -> Self {
        let mut definitions = BTreeMap::new();
        for (name, definition) in
            root.get("definitions").and_then(Value::as_object).into_iter().flatten()
        {
            let kinds = definition.get(KIND_KEY).and_then(Value::as_array);
            for kind in kinds.into_iter().flatten().filter_map(kind_of) {
                definitions.insert(kind, name.clone());
            }
        }
        let mut is_namespaced: BTreeMap<_, bool> = BTreeMap::new();
        for (path, operations) in root.get("paths").and_then(Value::as_object).into_iter().flatten()
        {
            let kind = operations.get("get").and_then(|get| get.get(KIND_KEY)).and_then(kind_of);
            if let Some(kind) = kind {
                *is_namespaced.entry(kind).or_default() |= path.contains("namespaces/{namespace}");
            }
        }
        Document { root, definitions, is_namespaced }
    }

    fn definition(&self, api_version: &str, kind: &str) -> Option<&Value> {
        let name = self.definitions.get(&(api_version.to_owned(), kind.to_owned()))?;
        self.root.get("definitions")?.get(name)
    }

    /// Follows `$ref` as far as it goes; `None` when it leads nowhere.
    fn resolve<'a>(&'a self, mut schema: &'a Value) -> Option<&'a Value> {
        /// More than any document has in a row, so that a circle ends.
        const STEPS_MAX: usize = 64;
        for _ in 0..STEPS_MAX {
            let Some(reference) = schema.get("$ref").and_then(Value::as_str) else {
                return Some(schema);
            };
            schema = self.root.pointer(reference.strip_prefix('#')?)?;
        }
        None
    }
}

fn kind_of(value: &Value) -> Option<(String, String)> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let (version, kind) = (text("version")?, text("kind")?);
    let api_version = match text("group") {
        None | Some("") => version.to_owned(),
        Some(group) => format!("{group}/{version}"),
    };
    Some((api_version, kind.to_owned()))
}

/// What one build knows of kinds. The first kustomization that names a document decides for the
/// rest of the build, as in the real program.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    document: OnceCell<Option<Document>>,
    /// A document that is named before anything else replaces what is built in; one that is named
    /// later adds to it.
    is_built_in_used: Cell<bool>,
}

impl Kinds {
    pub(crate) fn is_decided(&self) -> bool {
        self.document.get().is_some()
    }

    /// Decides; later decisions have no effect.
    pub(crate) fn decide(&self, document: Option<Document>) {
        let _ = self.document.set(document);
    }

    /// Notes that an object of the kind was met.
    pub(crate) fn meet(&self, api_version: &str, kind: &str) {
        if !self.is_decided() && kinds::shape(api_version, kind).is_none() {
            self.use_built_in();
        }
    }

    /// Notes that lists of Kubernetes' own kinds were merged.
    pub(crate) fn use_built_in(&self) {
        if !self.is_decided() {
            self.is_built_in_used.set(true);
        }
    }

    fn document(&self) -> Option<&Document> {
        self.document.get()?.as_ref()
    }

    /// Whether the document says that the kind, which is none of Kubernetes', has no namespace.
    pub(crate) fn has_no_namespace(&self, api_version: &str, kind: &str) -> bool {
        self.document().is_some_and(|document| {
            kinds::shape(api_version, kind).is_none()
                && document.is_namespaced.get(&(api_version.to_owned(), kind.to_owned()))
                    == Some(&false)
        })
    }

    /// The schema of a kind.
    pub(crate) fn schema(&self, api_version: &str, kind: &str) -> Option<Schema<'_>> {
        let document = self.document();
        let built_in = if document.is_none() || self.is_built_in_used.get() {
            kinds::shape(api_version, kind)
        } else {
            None
        };
        built_in.map(|shape| Schema::BuiltIn(Field::object(shape))).or_else(|| {
            let document = document?;
            Some(Schema::Named(document, document.definition(api_version, kind)?))
        })
    }
}

/// What is known of a value's type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Schema<'a> {
    BuiltIn(Field),
    Named(&'a Document, &'a Value),
}

/// How a patch's list meets the list that it patches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Merge<'a> {
    /// Items with equal values of these keys are one item; without keys, equal scalars are.
    ByKeys(Vec<&'a str>),
    /// The patch's list replaces the other.
    Replace,
}

impl<'a> Schema<'a> {
    /// The schema of a mapping's field.
    pub(crate) fn field(self, name: &str) -> Option<Schema<'a>> {
        match self {
            Schema::BuiltIn(field) => field.shape.field(name).map(Schema::BuiltIn),
            Schema::Named(document, schema) => {
                let property = schema.get("properties").and_then(|fields| fields.get(name));
                let others =
                    || schema.get("additionalProperties").filter(|value| value.is_object());
                let found = document.resolve(property.or_else(others)?)?;
                Some(Schema::Named(document, found))
            }
        }
    }

    /// The schema of a list's items.
    pub(crate) fn items(self) -> Option<Schema<'a>> {
        match self {
            Schema::BuiltIn(field) => Some(Schema::BuiltIn(Field::object(field.shape))),
            Schema::Named(document, schema) => {
                let is_list = match schema.get("type") {
                    Some(Value::String(name)) => name == "array",
                    Some(Value::Array(names)) => matches!(&names[..], [name] if name == "array"),
                    _ => false,
                };
                let items = schema.get("items").filter(|items| is_list && items.is_object())?;
                document.resolve(items).map(|found| Schema::Named(document, found))
            }
        }
    }

    /// How a list with this schema merges.
    pub(crate) fn merge(self) -> Merge<'a> {
        match self {
            Schema::BuiltIn(field) => match field.merge {
                kinds::Merge::ByKeys(keys) => Merge::ByKeys(keys.to_vec()),
                kinds::Merge::Replace => Merge::Replace,
            },
            Schema::Named(_, schema) => {
                let strategy = schema.get("x-kubernetes-patch-strategy").and_then(Value::as_str);
                if !strategy.unwrap_or_default().split(',').any(|name| name == "merge") {
                    return Merge::Replace;
                }
                let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                let key = schema.get("x-kubernetes-patch-merge-key").and_then(Value::as_str);
                Merge::ByKeys(match keys {
                    Some(keys) => keys.iter().filter_map(Value::as_str).collect(),
                    None => key.into_iter().collect(),
                })
            }
        }
    }
}
