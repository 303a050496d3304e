//! An application's own changes, laid over its kustomization as one more overlay.

use kustomize::{EntryKind, Tree};
use serde_json::{Map, Value, json};

use crate::Folder;
use crate::error::RenderError;
use crate::request::KustomizeOverrides;

/// The overlay's folder; no folder of a Git tree can have this name.
const OVERLAY: &str = "\u{1}application";

/// Builds the folder, with the changes when there are any.
pub(crate) fn build(
    tree: &dyn Tree,
    folder: &str,
    overrides: &KustomizeOverrides,
) -> Result<Folder, RenderError> {
    let built = if overrides.is_empty() {
        kustomize::build(tree, folder)?
    } else {
        let overlay = Overlay { tree, text: kustomization(folder, overrides)? };
        kustomize::build(&overlay, OVERLAY).map_err(|error| described(error, folder))?
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
    let is_own = |path: &String| path.starts_with(OVERLAY) && Overlay::outer(path) == path.as_str();
    let opened = built.opened.into_iter().filter(|path| !is_own(path));
    let opened = opened.map(|path| Overlay::outer(&path).to_owned()).collect();
    Ok(Folder { manifests: built.manifests, opened })
}

/// An error of the overlay is one of the application's `spec.source.kustomize`.
fn described(error: kustomize::BuildError, folder: &str) -> RenderError {
    let mut error = RenderError::from(error);
    error.file = Overlay::outer(&error.file).to_owned();
    if error.file.starts_with(OVERLAY) {
        error.file = folder.into();
        error.message = format!("in the application's `spec.source.kustomize`: {}", error.message);
        (error.line, error.column) = (0, 0);
    }
    error
}

fn kustomization(folder: &str, overrides: &KustomizeOverrides) -> Result<String, RenderError> {
    let images: Vec<Value> =
        overrides.images.iter().map(|image| parsed(image, folder)).collect::<Result<_, _>>()?;
    let replicas: Vec<Value> = overrides
        .replicas
        .iter()
        .map(|(name, count)| json!({ "name": name, "count": count }))
        .collect();
    let base = if folder.is_empty() { "base".to_owned() } else { format!("../{folder}") };
    Ok(json!({
        "resources": [base],
        "namePrefix": overrides.name_prefix,
        "nameSuffix": overrides.name_suffix,
        "namespace": overrides.namespace,
        "commonLabels": overrides.common_labels,
        "commonAnnotations": overrides.common_annotations,
        "images": images,
        "replicas": replicas,
    })
    .to_string())
}

/// `name:tag`, `name@digest`, and either with `old=` before it.
fn parsed(image: &str, folder: &str) -> Result<Value, RenderError> {
    let (old, new) = match image.split_once('=') {
        Some((old, new)) => (old, Some(new)),
        None => (image, None),
    };
    let (name, tag, digest) = split(new.unwrap_or(old));
    let old_name = if new.is_some() { old } else { name };
    if old_name.is_empty() || name.is_empty() {
        let message = format!("`{image}` in `images` must be `name:tag` or `old=new:tag`");
        return Err(RenderError::whole("invalid-value", folder, message));
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
    Ok(Value::Object(entry))
}

fn split(reference: &str) -> (&str, &str, &str) {
    let (rest, digest) = reference.split_once('@').unwrap_or((reference, ""));
    let path = rest.rfind('/').map_or(0, |slash| slash + 1);
    match rest[path..].find(':') {
        Some(colon) => (&rest[..path + colon], &rest[path + colon + 1..], digest),
        None => (rest, "", digest),
    }
}

/// The tree with one more folder.
struct Overlay<'a> {
    tree: &'a dyn Tree,
    text: String,
}

impl Overlay<'_> {
    fn is_file(path: &str) -> bool {
        path.strip_prefix(OVERLAY) == Some("/kustomization.yaml")
    }

    /// A tree's root cannot be named from outside, so the overlay shows it as a folder of its own.
    fn outer(path: &str) -> &str {
        let Some(rest) = path.strip_prefix(OVERLAY).and_then(|rest| rest.strip_prefix("/base"))
        else {
            return path;
        };
        rest.strip_prefix('/').unwrap_or(rest)
    }
}

impl Tree for Overlay<'_> {
    fn kind(&self, path: &str) -> EntryKind {
        if Self::is_file(path) {
            EntryKind::File
        } else if path == OVERLAY {
            EntryKind::Directory
        } else {
            self.tree.kind(Self::outer(path))
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        if Self::is_file(path) {
            Some(self.text.clone().into_bytes())
        } else {
            self.tree.read(Self::outer(path))
        }
    }

    fn list(&self, path: &str) -> Vec<String> {
        self.tree.list(Self::outer(path))
    }
}
