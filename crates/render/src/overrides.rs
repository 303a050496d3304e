//! An application's own changes to its kustomization: what Argo CD does with `kustomize edit`.

use std::collections::{BTreeMap, BTreeSet};

use kustomize::{EntryKind, FILE_NAMES, Tree};
use serde_json::{Map, Value, json};

use crate::Folder;
use crate::error::RenderError;
use crate::helm::{self, Variables};
use crate::request::KustomizeOverrides;

/// Builds the folder, with the changes when there are any.
pub(crate) fn build(
    tree: &dyn Tree,
    folder: &str,
    overrides: &KustomizeOverrides,
    variables: &Variables<'_>,
) -> Result<Folder, RenderError> {
    let mut editor =
        Editor { tree, folder, overrides, variables, opened: BTreeSet::new(), fields: Map::new() };
    let built = match editor.edited()? {
        None => kustomize::build(tree, folder)?,
        Some(edited) => match kustomize::build(&edited, folder) {
            Ok(built) => built,
            // What is wrong without the changes has a place.
            Err(error) => match kustomize::build(tree, folder) {
                Err(own) => return Err(own.into()),
                Ok(_) => return Err(described(error, &edited.path, folder)),
            },
        },
    };
    for manifest in &built.manifests {
        let has_version =
            manifest.get("apiVersion").and_then(Value::as_str).is_some_and(|text| !text.is_empty());
        if !has_version {
            let text = |pointer: &str| {
                manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
            };
            let message =
                format!("the {} `{}` has no `apiVersion`", text("/kind"), text("/metadata/name"));
            return Err(RenderError::whole("invalid-object", folder, message));
        }
    }
    let mut opened = built.opened;
    opened.extend(editor.opened);
    Ok(Folder { manifests: built.manifests, opened })
}

/// An error that only the changes make is one of the application's `spec.source.kustomize`.
fn described(error: kustomize::BuildError, path: &str, folder: &str) -> RenderError {
    let mut error = RenderError::from(error);
    if error.file == path {
        error.file = folder.into();
        (error.line, error.column) = (0, 0);
    }
    error.message = format!("in the application's `spec.source.kustomize`: {}", error.message);
    error
}

/// The tree with another text for the kustomization.
struct Edited<'a> {
    tree: &'a dyn Tree,
    path: String,
    text: String,
}

impl Tree for Edited<'_> {
    fn kind(&self, path: &str) -> EntryKind {
        self.tree.kind(path)
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if path == self.path { Some(self.text.clone().into_bytes()) } else { self.tree.read(path) }
    }

    fn list(&self, path: &str) -> Vec<String> {
        self.tree.list(path)
    }
}

struct Editor<'a> {
    tree: &'a dyn Tree,
    folder: &'a str,
    overrides: &'a KustomizeOverrides,
    variables: &'a Variables<'a>,
    /// Components whose absence was asked for.
    opened: BTreeSet<String>,
    fields: Map<String, Value>,
}

impl<'a> Editor<'a> {
    /// The tree with the changed kustomization; `None` when nothing is changed, or when there is
    /// no kustomization that could be.
    fn edited(&mut self) -> Result<Option<Edited<'a>>, RenderError> {
        if self.overrides.is_empty() {
            return Ok(None);
        }
        let mut paths = FILE_NAMES.into_iter().map(|name| helm::below(self.folder, name));
        let Some(path) = paths.find(|path| self.tree.kind(path) == EntryKind::File) else {
            return Ok(None);
        };
        let text = self.tree.read(&path).and_then(|text| String::from_utf8(text).ok());
        let documents = text.and_then(|text| yaml::documents(&path, &text).ok());
        let Some([Value::Object(fields)]) = documents.as_deref() else { return Ok(None) };
        self.fields = fields.clone();
        self.edit()?;
        let text = Value::Object(std::mem::take(&mut self.fields)).to_string();
        Ok(Some(Edited { tree: self.tree, path, text }))
    }

    fn edit(&mut self) -> Result<(), RenderError> {
        let overrides = self.overrides;
        for (name, text) in [
            ("namePrefix", &overrides.name_prefix),
            ("nameSuffix", &overrides.name_suffix),
            ("namespace", &overrides.namespace),
        ] {
            if !text.is_empty() {
                *self.field(name) = Value::String(text.clone());
            }
        }
        self.images()?;
        let replicas = overrides.replicas.iter();
        let replicas: BTreeMap<String, Value> = replicas
            .map(|(name, count)| (name.clone(), json!({ "name": name, "count": count })))
            .collect();
        self.set_by_name("replicas", replicas);
        self.labels()?;
        let mut annotations = overrides.common_annotations.clone();
        if overrides.expands_annotations {
            annotations = self.expanded(&annotations)?;
        }
        let forced = overrides.forces_annotations;
        add(self.field("commonAnnotations"), &annotations, forced, "forceCommonAnnotations")
            .map_err(|message| self.refuse(message))?;
        self.append("patches", overrides.patches.clone());
        self.components();
        Ok(())
    }

    fn refuse(&self, message: String) -> RenderError {
        let message = format!("in the application's `spec.source.kustomize`: {message}");
        RenderError::whole("invalid-value", self.folder, message)
    }

    /// A field, whatever case it is written in.
    fn field(&mut self, name: &str) -> &mut Value {
        let key = self.fields.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
        self.fields.entry(key.unwrap_or_else(|| name.into())).or_insert(Value::Null)
    }

    fn append(&mut self, name: &str, items: Vec<Value>) {
        if items.is_empty() {
            return;
        }
        let field = self.field(name);
        if field.is_null() {
            *field = Value::Array(items);
        } else if let Value::Array(own) = field {
            own.extend(items);
        }
        // A field of another type is refused by the build.
    }

    /// Puts entries into a list, in the place of those with the same name; sorted by name.
    fn set_by_name(&mut self, list: &str, mut entries: BTreeMap<String, Value>) {
        if entries.is_empty() {
            return;
        }
        let Value::Array(own) = self.field(list).take() else {
            *self.field(list) = entries.into_values().collect();
            return;
        };
        for entry in own {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            entries.entry(name).or_insert(entry);
        }
        *self.field(list) = entries.into_values().collect();
    }

    fn images(&mut self) -> Result<(), RenderError> {
        if self.overrides.images.is_empty() {
            return Ok(());
        }
        // The older name of the list.
        if let Value::Array(older) = self.field("imageTags").take() {
            self.append("images", older);
        }
        let own = self.field("images").as_array().cloned().unwrap_or_default();
        let mut entries = BTreeMap::new();
        for image in &self.overrides.images {
            let text = self.variables.substitute(image)?;
            let (name, mut entry) = parsed(&text).map_err(|message| self.refuse(message))?;
            let kept = own
                .iter()
                .find(|entry| entry.get("name").and_then(Value::as_str) == Some(name.as_str()));
            entry.retain(|_, value| value != KEEP);
            for (field, is_kept) in kept_fields(&text) {
                if let Some(value) = kept.and_then(|kept| kept.get(field)).filter(|_| is_kept) {
                    entry.insert(field.into(), value.clone());
                }
            }
            entries.insert(name, Value::Object(entry));
        }
        self.set_by_name("images", entries);
        Ok(())
    }

    fn expanded(
        &self,
        texts: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, RenderError> {
        texts
            .iter()
            .map(|(key, text)| Ok((key.clone(), self.variables.substitute(text)?)))
            .collect()
    }

    fn labels(&mut self) -> Result<(), RenderError> {
        let overrides = self.overrides;
        let (is_plain, in_templates) =
            (overrides.labels_without_selector, overrides.labels_in_templates);
        if overrides.common_labels.is_empty() {
            return Ok(());
        }
        if in_templates && !is_plain {
            let message = "`labelIncludeTemplates` needs `labelWithoutSelector`".into();
            return Err(self.refuse(message));
        }
        let pairs = self.expanded(&overrides.common_labels)?;
        let option = "forceCommonLabels";
        let added = if is_plain {
            let is_alike = |entry: &&mut Value| {
                !is_set(entry, "includeSelectors")
                    && is_set(entry, "includeTemplates") == in_templates
            };
            let new = json!({ "pairs": null, "includeTemplates": in_templates });
            let labels = self.field("labels");
            if labels.is_null() {
                *labels = Value::Array(Vec::new());
            }
            let Value::Array(entries) = labels else { return Ok(()) };
            if !entries.iter_mut().any(|entry| is_alike(&entry)) {
                entries.push(new);
            }
            let entry = entries.iter_mut().find(is_alike).and_then(Value::as_object_mut);
            entry.map_or(Ok(()), |entry| {
                let own = entry.entry("pairs").or_insert(Value::Null);
                add(own, &pairs, overrides.forces_labels, option)
            })
        } else {
            add(self.field("commonLabels"), &pairs, overrides.forces_labels, option)
        };
        added.map_err(|message| self.refuse(message))
    }

    fn components(&mut self) {
        let own = self.field("components").as_array().cloned().unwrap_or_default();
        let mut added = Vec::new();
        for component in &self.overrides.components {
            let value = Value::String(component.clone());
            if own.contains(&value) || added.contains(&value) {
                continue;
            }
            let path = resolved(self.folder, component);
            let is_missing =
                path.as_ref().is_none_or(|path| self.tree.kind(path) == EntryKind::Absent);
            if is_missing && self.overrides.ignores_missing_components {
                self.opened.extend(path);
                continue;
            }
            added.push(value);
        }
        self.append("components", added);
    }
}

fn is_set(entry: &Value, name: &str) -> bool {
    entry.get(name) == Some(&Value::Bool(true))
}

/// A path below the tree; `None` when it leads out of it.
fn resolved(folder: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Adds entries to a mapping; one that is there already must be meant to be replaced.
fn add(
    field: &mut Value,
    entries: &BTreeMap<String, String>,
    is_forced: bool,
    option: &str,
) -> Result<(), String> {
    if entries.is_empty() {
        return Ok(());
    }
    if field.is_null() {
        *field = Value::Object(Map::new());
    }
    // A field of another type is refused by the build.
    let Value::Object(own) = field else { return Ok(()) };
    for (key, value) in entries {
        if own.contains_key(key) && !is_forced {
            return Err(format!(
                "`{key}` is in the kustomization already; set `{option}` to replace it"
            ));
        }
        own.insert(key.clone(), Value::String(value.clone()));
    }
    Ok(())
}

/// Stands for what the kustomization has, in `name=*:tag`.
const KEEP: &str = "*";

/// Which fields of an image keep what the kustomization says.
fn kept_fields(image: &str) -> [(&'static str, bool); 3] {
    let (new_name, tag, digest) = match image.split_once('=') {
        Some((_, new)) => split(new),
        None => ("", split(image).1, split(image).2),
    };
    [("newName", new_name == KEEP), ("newTag", tag == KEEP), ("digest", digest == KEEP)]
}

/// `name:tag`, `name@digest`, and either with `old=` before it.
fn parsed(image: &str) -> Result<(String, Map<String, Value>), String> {
    let (old, new) = match image.split_once('=') {
        Some((old, new)) => (old, Some(new)),
        None => (image, None),
    };
    let (name, tag, digest) = split(new.unwrap_or(old));
    let old_name = if new.is_some() { old } else { name };
    if old_name.is_empty() || name.is_empty() {
        return Err(format!("`{image}` in `images` must be `name:tag` or `old=new:tag`"));
    }
    let mut entry = Map::new();
    entry.insert("name".into(), json!(old_name));
    if new.is_some() {
        entry.insert("newName".into(), json!(name));
    }
    for (field, value) in [("newTag", tag), ("digest", digest)] {
        if !value.is_empty() {
            entry.insert(field.into(), json!(value));
        }
    }
    Ok((old_name.into(), entry))
}

fn split(reference: &str) -> (&str, &str, &str) {
    let (rest, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let path = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[path..].find(':') {
        Some(colon) => (&rest[..path + colon], &rest[path + colon + 1..], digest),
        None => (rest, "", digest),
    }
}
