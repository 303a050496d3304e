//! The walk from a folder through its bases and components to finished manifests.

use std::cell::Cell;

use serde_json::{Map, Value};

use crate::error::{BuildError, Code, Fault};
use crate::kustomization::{self, Entry, Kustomization, Patch, Replacement};
use crate::node::Node;
use crate::patches::{self, Loaded, Refused, Text};
use crate::resource::{Resource, Resources};
use crate::scalar;
use crate::transform::Affix;
use crate::tree::{self, BadPath, EntryKind, Missing, Reader, Tree};
use crate::{
    Built, FILE_NAMES, generate, images, name_references, place, replacements, sort, transform,
};

/// The most objects that one build makes; clusters of tens of thousands are split into
/// applications long before.
const OBJECTS_MAX: usize = 50_000;

/// Objects with this annotation are input only, unless it says `false`.
const LOCAL_CONFIG: &str = "config.kubernetes.io/local-config";

/// Renders the kustomization in the folder `root` of the tree.
pub fn build(tree: &dyn Tree, root: &str) -> Result<Built, BuildError> {
    let root = tree::join("", if root.is_empty() { "." } else { root })
        .map_err(|_| BuildError::whole(Code::PathOutsideTree, root, "the path leaves the tree"))?;
    let builder = Builder { reader: Reader::new(tree), objects: Cell::new(0) };
    let top = builder.load(&root)?;
    let mut resources = builder.target(&top, &[], Resources::default(), false)?;
    transform::hash_suffixes(&mut resources);
    let mut resources = resources.into_list();
    name_references::mend(&mut resources)
        .map_err(|reason| BuildError::whole(Code::TransformFailed, &top.path, reason))?;
    resources.retain(|resource| {
        resource.strings("annotations").get(LOCAL_CONFIG).is_none_or(|value| value == "false")
    });
    sort::sort(&mut resources, top.kustomization.sort_options.as_ref());
    let manifests = resources.into_iter().map(finished).collect();
    Ok(Built { manifests, opened: builder.reader.opened() })
}

/// An object as it is printed: annotations are always text, and a mapping of annotations that a
/// step emptied is gone.
fn finished(mut resource: Resource) -> Value {
    let was_noted = !resource.previous.is_empty();
    let metadata = resource.value.get_mut("metadata").and_then(Value::as_object_mut);
    let annotations = metadata.and_then(|metadata| {
        let is_emptied = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        if was_noted && metadata.get("annotations").is_some_and(is_emptied) {
            metadata.shift_remove("annotations");
        }
        metadata.get_mut("annotations").and_then(Value::as_object_mut)
    });
    for value in annotations.into_iter().flat_map(Map::values_mut) {
        if let Some(text) = scalar::text(value) {
            *value = Value::String(text);
        }
    }
    let mut manifest = Value::Object(resource.value);
    whole_numbers(&mut manifest);
    manifest
}

/// Kustomize prints through JSON, where 1e3 is 1000.
fn whole_numbers(value: &mut Value) {
    /// Below this, every whole 64-bit float is exact.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            if float.fract() == 0.0 && float.abs() < EXACT_MAX {
                *value = Value::from(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The objects in the documents, lists unfolded; fails with a document's position.
pub(crate) fn objects(documents: Vec<Value>) -> Result<Vec<Map<String, Value>>, (usize, String)> {
    let mut queue: std::collections::VecDeque<(usize, Value)> =
        documents.into_iter().enumerate().collect();
    let mut found = Vec::new();
    while let Some((index, value)) = queue.pop_front() {
        let Value::Object(mut object) = value else {
            if value.is_null() {
                continue;
            }
            return Err((index, "an object must be a mapping".into()));
        };
        if object.is_empty() {
            continue;
        }
        let kind = match object.get("kind") {
            Some(Value::String(kind)) if !kind.is_empty() => kind.clone(),
            _ => return Err((index, "the object has no `kind`".into())),
        };
        if kind.ends_with("List") && object.contains_key("items") {
            match object.remove("items") {
                Some(Value::Array(items)) => {
                    queue.extend(items.into_iter().map(|item| (index, item)));
                }
                Some(Value::Null) | None => {}
                Some(_) => return Err((index, format!("`items` of a {kind} must be a list"))),
            }
            continue;
        }
        let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
        if !kind.ends_with("List") && name.is_none_or(|name| name.as_str() == Some("")) {
            return Err((index, format!("the {kind} has no `metadata.name`")));
        }
        if name.is_some_and(|name| !name.is_string()) {
            return Err((index, format!("`metadata.name` of the {kind} must be a string")));
        }
        found.push(object);
    }
    Ok(found)
}

/// A folder's kustomization.
struct Target {
    folder: String,
    path: String,
    text: String,
    kustomization: Kustomization,
}

impl Target {
    fn error(&self, fault: Fault) -> BuildError {
        let (line, column) = place::of_pointer(&self.text, &fault.pointer).unwrap_or((1, 1));
        BuildError {
            code: fault.code,
            file: self.path.clone(),
            line,
            column,
            message: fault.message,
        }
    }
}

struct Builder<'a> {
    reader: Reader<'a>,
    objects: Cell<usize>,
}

impl Builder<'_> {
    fn load(&self, folder: &str) -> Result<Target, BuildError> {
        let in_folder = |name: &str| {
            if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
        };
        let mut found = Vec::new();
        for path in FILE_NAMES.map(in_folder) {
            match self.reader.kind(&path) {
                EntryKind::File => found.push(path),
                EntryKind::Symlink => {
                    let message = "a kustomization cannot be a symbolic link";
                    return Err(BuildError::whole(Code::Symlink, &path, message));
                }
                EntryKind::Absent | EntryKind::Directory => {}
            }
        }
        let path = match &found[..] {
            [path] => path.clone(),
            [] => {
                let message = format!("there is no {} here", FILE_NAMES.join(", "));
                return Err(BuildError::whole(Code::NoKustomization, folder, message));
            }
            _ => {
                let message = format!("keep only one of {}", found.join(", "));
                return Err(BuildError::whole(Code::SeveralKustomizations, folder, message));
            }
        };
        let text = self.text(&path)?;
        let documents = yaml::documents(&path, &text)?;
        let [value] = &documents[..] else {
            let message = "a kustomization is one document that says something";
            return Err(BuildError::whole(Code::InvalidValue, &path, message));
        };
        let mut target =
            Target { folder: folder.into(), path, text, kustomization: Kustomization::default() };
        let says_nothing = value.as_object().is_some_and(|fields| {
            fields.keys().all(|field| field == "apiVersion" || field == "kind")
        });
        if says_nothing {
            let message = "the kustomization is empty";
            return Err(target.error(Fault::new(Code::InvalidValue, "", message)));
        }
        target.kustomization = Kustomization::read(value).map_err(|fault| target.error(fault))?;
        Ok(target)
    }

    fn text(&self, path: &str) -> Result<String, BuildError> {
        let bytes = self.reader.read(path).map_err(|missing| {
            let (code, message) = missing_file(missing, path);
            BuildError::whole(code, path, message)
        })?;
        String::from_utf8(bytes)
            .map_err(|_| BuildError::whole(Code::InvalidYaml, path, "the file is not UTF-8"))
    }

    /// Everything that the target says, done to its own objects or, for a component, to those of
    /// the kustomization that includes it.
    fn target(
        &self,
        target: &Target,
        parents: &[&str],
        mut resources: Resources,
        is_component: bool,
    ) -> Result<Resources, BuildError> {
        let kustomization = &target.kustomization;
        if kustomization.is_component != is_component {
            let wanted = if is_component { "Component" } else { "Kustomization" };
            let field = if is_component { "components" } else { "resources" };
            let message = format!("`kind` must be {wanted}, because it is included by `{field}`");
            return Err(target.error(Fault::new(Code::InvalidValue, "/kind", message)));
        }
        let mut visited = parents.to_vec();
        visited.push(&target.folder);
        for entry in &kustomization.resources {
            self.resource(target, entry, &visited, &mut resources)?;
        }
        self.generators(target, &mut resources)?;
        for entry in &kustomization.components {
            let folder = self
                .folder(target, entry, &visited)
                .map_err(|fault| target.error(fault))?
                .ok_or_else(|| {
                    let message = format!("`{}` is not a folder with a component", entry.text);
                    target.error(Fault::new(Code::FileNotFound, &entry.pointer, message))
                })?;
            resources = self.target(&self.load(&folder)?, &visited, resources, true)?;
        }
        self.transform(target, &mut resources)?;
        Ok(resources)
    }

    fn resource(
        &self,
        target: &Target,
        entry: &Entry,
        visited: &[&str],
        resources: &mut Resources,
    ) -> Result<(), BuildError> {
        let duplicate = |id| {
            let message = format!("there is already an object {id}");
            target.error(Fault::new(Code::DuplicateObject, &entry.pointer, message))
        };
        if let Some(folder) =
            self.folder(target, entry, visited).map_err(|fault| target.error(fault))?
        {
            let base = self.target(&self.load(&folder)?, visited, Resources::default(), false)?;
            return base
                .into_list()
                .into_iter()
                .try_for_each(|resource| resources.append(resource).map_err(duplicate));
        }
        let (path, bytes) =
            self.file(target, &entry.text, &entry.pointer).map_err(|fault| target.error(fault))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| BuildError::whole(Code::InvalidYaml, &path, "the file is not UTF-8"))?;
        let found =
            objects(yaml::documents_yaml12(&path, &text)?).map_err(|(index, message)| {
                let (line, column) = place::of_document(&text, index).unwrap_or((1, 1));
                BuildError { code: Code::InvalidObject, file: path.clone(), line, column, message }
            })?;
        for object in found {
            self.count(target, entry)?;
            resources.append(Resource::new(object)).map_err(duplicate)?;
        }
        Ok(())
    }

    fn count(&self, target: &Target, entry: &Entry) -> Result<(), BuildError> {
        self.objects.set(self.objects.get() + 1);
        if self.objects.get() <= OBJECTS_MAX {
            return Ok(());
        }
        let message = format!("one build makes at most {OBJECTS_MAX} objects; split it");
        Err(target.error(Fault::new(Code::TooLarge, &entry.pointer, message)))
    }

    /// The folder that the entry names; `None` when it names something else.
    fn folder(
        &self,
        target: &Target,
        entry: &Entry,
        visited: &[&str],
    ) -> Result<Option<String>, Fault> {
        let fault = |code, message: String| Fault::new(code, &entry.pointer, message);
        if is_remote(&entry.text) {
            let message =
                format!("`{}` is on another machine; copy it into the repository", entry.text);
            return Err(fault(Code::RemoteResource, message));
        }
        let path = inside(&target.folder, &entry.text, &entry.pointer)?;
        match self.reader.kind(&path) {
            EntryKind::File => Ok(None),
            EntryKind::Absent => {
                let message = format!("`{path}` does not exist");
                Err(fault(Code::FileNotFound, message))
            }
            EntryKind::Symlink => {
                Err(fault(Code::Symlink, format!("`{path}` is or passes a symbolic link")))
            }
            EntryKind::Directory => {
                if visited.iter().any(|visited| tree::is_within(visited, &path)) {
                    let message = format!("`{}` includes the folder that it is in", entry.text);
                    return Err(fault(Code::Cycle, message));
                }
                Ok(Some(path))
            }
        }
    }

    /// A plain file below the kustomization's own folder.
    fn file(&self, target: &Target, text: &str, pointer: &str) -> Result<(String, Vec<u8>), Fault> {
        let path = inside(&target.folder, text, pointer)?;
        if !tree::is_within(&path, &target.folder) {
            let message = format!(
                "`{text}` is outside the kustomization's folder; only folders may be elsewhere"
            );
            return Err(Fault::new(Code::PathOutsideTree, pointer, message));
        }
        match self.reader.read(&path) {
            Ok(bytes) => Ok((path, bytes)),
            Err(missing) => {
                let (code, message) = missing_file(missing, &path);
                Err(Fault::new(code, pointer, message))
            }
        }
    }

    fn generators(&self, target: &Target, resources: &mut Resources) -> Result<(), BuildError> {
        let kustomization = &target.kustomization;
        let read =
            |path: &str, pointer: &str| self.file(target, path, pointer).map(|(_, bytes)| bytes);
        let config_maps = kustomization.config_maps.iter().map(|generator| (generator, false));
        let secrets = kustomization.secrets.iter().map(|generator| (generator, true));
        let global = kustomization.generator_options.as_ref();
        for (generator, is_secret) in config_maps.chain(secrets) {
            generate::apply(resources, generator, global, is_secret, &read)
                .map_err(|fault| target.error(fault))?;
        }
        Ok(())
    }

    fn transform(&self, target: &Target, resources: &mut Resources) -> Result<(), BuildError> {
        let kustomization = &target.kustomization;
        for entry in &kustomization.patches_strategic_merge {
            let loaded = self.strategic_entry(target, entry)?;
            patches::apply_strategic(resources, loaded, &entry.pointer)
                .map_err(|fault| target.error(fault))?;
        }
        for patch in &kustomization.patches {
            let loaded = self.patch(target, patch)?;
            patches::apply(resources, patch, loaded).map_err(|fault| target.error(fault))?;
        }
        self.rename(kustomization, resources).map_err(|fault| target.error(fault))?;
        for patch in &kustomization.patches_json6902 {
            let loaded = self.patch(target, patch)?;
            patches::apply_operations(resources, patch, loaded)
                .map_err(|fault| target.error(fault))?;
        }
        for replica in &kustomization.replicas {
            transform::replicas(resources, replica).map_err(|fault| target.error(fault))?;
        }
        for image in &kustomization.images {
            images::apply(resources, image).map_err(|fault| target.error(fault))?;
        }
        for replacement in &kustomization.replacements {
            for replacement in self.replacement(target, replacement)? {
                replacements::apply(resources, &replacement)
                    .map_err(|fault| target.error(fault))?;
            }
        }
        Ok(())
    }

    fn rename(
        &self,
        kustomization: &Kustomization,
        resources: &mut Resources,
    ) -> Result<(), Fault> {
        if !kustomization.namespace.is_empty() {
            transform::namespace(resources, &kustomization.namespace)?;
        }
        if !kustomization.name_prefix.is_empty() {
            transform::affix(resources, Affix::Prefix, &kustomization.name_prefix);
        }
        if !kustomization.name_suffix.is_empty() {
            transform::affix(resources, Affix::Suffix, &kustomization.name_suffix);
        }
        for labels in &kustomization.labels {
            transform::labels(resources, labels)?;
        }
        transform::common_labels(resources, &kustomization.common_labels)?;
        transform::common_annotations(resources, &kustomization.common_annotations)
    }

    /// An entry of `patchesStrategicMerge`: the patch itself, or else the path of one.
    fn strategic_entry(&self, target: &Target, entry: &Entry) -> Result<Loaded, BuildError> {
        let is_inline = entry.text.contains('\n') || entry.text.trim_start().starts_with('{');
        let patch = Patch {
            path: if is_inline { String::new() } else { entry.text.clone() },
            patch: if is_inline { entry.text.clone() } else { String::new() },
            target: None,
            allow_name_change: false,
            allow_kind_change: false,
            pointer: entry.pointer.clone(),
        };
        self.patch(target, &patch)
    }

    fn patch(&self, target: &Target, patch: &Patch) -> Result<Loaded, BuildError> {
        let fault =
            |message: &str| target.error(Fault::new(Code::PatchFailed, &patch.pointer, message));
        let (file, text) = match (patch.path.is_empty(), patch.patch.trim().is_empty()) {
            (true, true) => return Err(fault("a patch needs a `path` or a `patch`")),
            (false, false) => return Err(fault("`path` and `patch` exclude each other")),
            (true, false) => (None, patch.patch.clone()),
            (false, true) => {
                let (path, bytes) = self
                    .file(target, &patch.path, &patch.pointer)
                    .map_err(|fault| target.error(fault))?;
                let text = String::from_utf8(bytes).map_err(|_| fault("the patch is not UTF-8"))?;
                (Some(path), text)
            }
        };
        let text = Text {
            file: file.as_deref().unwrap_or(&target.path),
            text: &text,
            is_inline: file.is_none(),
            pointer: &patch.pointer,
        };
        text.load().map_err(|refused| match refused {
            Refused::Here(fault) => target.error(fault),
            Refused::There(error) => error,
        })
    }

    /// The replacement itself, or those in the file that it names.
    fn replacement(
        &self,
        target: &Target,
        replacement: &Replacement,
    ) -> Result<Vec<Replacement>, BuildError> {
        if replacement.path.is_empty() {
            return Ok(vec![replacement.clone()]);
        }
        let fault = |code, message: &str| {
            target.error(Fault::new(code, &replacement.pointer, message.to_owned()))
        };
        if replacement.source.is_some() || !replacement.targets.is_empty() {
            return Err(fault(Code::InvalidValue, "`path` and a replacement exclude each other"));
        }
        let (path, bytes) = self
            .file(target, &replacement.path, &replacement.pointer)
            .map_err(|fault| target.error(fault))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| fault(Code::InvalidYaml, "the replacement is not UTF-8"))?;
        let documents = yaml::documents(&path, &text)?;
        let [value] = &documents[..] else {
            return Err(fault(Code::InvalidValue, "the replacement's file must be one document"));
        };
        let root = Node::root(value);
        let read = match value {
            Value::Array(_) => root
                .items()
                .and_then(|items| items.iter().map(kustomization::replacement).collect()),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => kustomization::replacement(&root).map(|read| vec![read]),
        };
        let mut read: Vec<Replacement> = read.map_err(|fault| {
            let (line, column) = place::of_pointer(&text, &fault.pointer).unwrap_or((1, 1));
            BuildError { code: fault.code, file: path, line, column, message: fault.message }
        })?;
        for read in &mut read {
            read.pointer.clone_from(&replacement.pointer);
        }
        Ok(read)
    }
}

fn inside(folder: &str, text: &str, pointer: &str) -> Result<String, Fault> {
    tree::join(folder, text).map_err(|bad| {
        let (code, message) = match bad {
            BadPath::Empty => (Code::InvalidValue, "the path is empty".to_owned()),
            BadPath::Absolute => {
                (Code::PathOutsideTree, format!("`{text}` is absolute; write it from here"))
            }
            BadPath::Outside => (Code::PathOutsideTree, format!("`{text}` leaves the repository")),
            BadPath::Unprintable => {
                (Code::InvalidValue, format!("{text:?} has characters that no path here has"))
            }
        };
        Fault::new(code, pointer, message)
    })
}

fn missing_file(missing: Missing, path: &str) -> (Code, String) {
    match missing {
        Missing::Absent => (Code::FileNotFound, format!("`{path}` does not exist")),
        Missing::Directory => (Code::FileNotFound, format!("`{path}` is a folder, not a file")),
        Missing::Symlink => (Code::Symlink, format!("`{path}` is or passes a symbolic link")),
        Missing::TooMuch => {
            (Code::TooLarge, "the build reads too many files or bytes; split it".to_owned())
        }
    }
}

/// Whether the text is a URL or a Git address.
fn is_remote(text: &str) -> bool {
    text.contains("://")
        || text.contains("?ref=")
        || ["git@", "git::", "github.com/", "github.com:"]
            .iter()
            .any(|start| text.starts_with(start))
}
