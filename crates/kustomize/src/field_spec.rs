//! A path through an object that does not say where lists are, as kustomize's own configuration
//! writes it, and the walk along it.

use serde_json::{Map, Value};

use crate::resource::{Gvk, split_api_version};

/// Which field of which kinds a step writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldSpec {
    pub(crate) gvk: Gvk,
    pub(crate) path: String,
    pub(crate) create: bool,
    parts: Vec<String>,
}

/// What is made when the field is absent and may be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Create {
    Never,
    Scalar,
    Mapping,
}

/// Why a field could not be written.
pub(crate) type Refusal = String;

impl FieldSpec {
    pub(crate) fn new(gvk: Gvk, path: &str, create: bool) -> Self {
        FieldSpec { gvk, path: path.into(), create, parts: split_at(path, '/') }
    }

    /// The fields that lead to the one that is meant.
    pub(crate) fn parts(&self) -> &[String] {
        &self.parts
    }

    /// Whether the object is of a kind that is meant.
    pub(crate) fn is_for(&self, object: &Map<String, Value>) -> bool {
        let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
        let fits = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        let (group, version) = split_api_version(text("apiVersion"));
        fits(&self.gvk.kind, text("kind"))
            && fits(&self.gvk.group, group)
            && fits(&self.gvk.version, version)
    }

    /// Hands the field, wherever it is in `object`, to `write`; each item of the lists on the way
    /// has its own.
    pub(crate) fn apply(
        &self,
        object: &mut Map<String, Value>,
        create: Create,
        write: &mut dyn FnMut(&mut Value) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        if self.is_for(object) { self.apply_to_any(object, create, write) } else { Ok(()) }
    }

    /// Like [`FieldSpec::apply`], whatever kind the object is of.
    pub(crate) fn apply_to_any(
        &self,
        object: &mut Map<String, Value>,
        create: Create,
        write: &mut dyn FnMut(&mut Value) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let create = if self.create { create } else { Create::Never };
        in_mapping(object, &self.parts, create, write)
            .map_err(|reason| format!("at `{}`: {reason}", self.path))
    }
}

/// The parts of a path; a `\` keeps the delimiter behind it inside a part.
pub(crate) fn split_at(path: &str, delimiter: char) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let text = if path.len() > 1 { path.strip_prefix(delimiter).unwrap_or(path) } else { path };
    for part in text.split(delimiter) {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => parts.push(part.into()),
        }
    }
    parts
}

fn walk(
    value: &mut Value,
    path: &[String],
    create: Create,
    write: &mut dyn FnMut(&mut Value) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if path.is_empty() {
        return write(value);
    }
    match value {
        Value::Null => Ok(()),
        Value::Array(items) => {
            items.iter_mut().try_for_each(|item| walk(item, path, create, write))
        }
        Value::Object(object) => in_mapping(object, path, create, write),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Err(format!("`{}` needs a mapping or a list above it", path.join("/")))
        }
    }
}

fn in_mapping(
    object: &mut Map<String, Value>,
    path: &[String],
    create: Create,
    write: &mut dyn FnMut(&mut Value) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let Some((head, rest)) = path.split_first() else { return Ok(()) };
    let name = head.strip_suffix("[]");
    // A list itself is never made; what its items lack is.
    let here = if name.is_some() { Create::Never } else { create };
    let name = name.unwrap_or(head);
    if name.is_empty() {
        return Err("a part of the path is empty".into());
    }
    let made = match (rest.is_empty(), here) {
        (_, Create::Never) => None,
        (true, Create::Scalar) => Some(Value::String(String::new())),
        (true, Create::Mapping) | (false, Create::Scalar | Create::Mapping) => {
            Some(Value::Object(Map::new()))
        }
    };
    let field = match (object.contains_key(name), made) {
        (true, made) => {
            let Some(field) = object.get_mut(name) else { return Ok(()) };
            if let (true, Some(made)) = (field.is_null(), made) {
                *field = made;
            }
            field
        }
        (false, Some(made)) => object.entry(name).or_insert(made),
        (false, None) => return Ok(()),
    };
    walk(field, rest, create, write)
}
