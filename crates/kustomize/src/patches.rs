//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::error::{BuildError, Code, Fault};
use crate::merge;
use crate::parts::Patch;
use crate::resource::{Resource, Resources};
use crate::schema::Kinds;
use crate::selector::Selector;
use crate::{json_patch, objects, scalar};

/// A patch that has been read.
#[derive(Debug, Clone)]
pub(crate) enum Loaded {
    Strategic(Vec<Resource>),
    Operations(::json_patch::Patch),
}

/// Where a patch is written, for messages.
pub(crate) struct Text<'a> {
    /// The file, or the kustomization for an inline patch.
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
    pub(crate) is_inline: bool,
    pub(crate) pointer: &'a str,
}

/// Why a patch was refused: in its own file or at its place in the kustomization.
pub(crate) enum Refused {
    Here(Fault),
    There(BuildError),
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Refused::Here(fault)
    }
}

impl Text<'_> {
    fn fault(&self, message: impl Into<String>) -> Fault {
        Fault::new(Code::PatchFailed, self.pointer, message)
    }

    /// Reads the text as a list of operations or as partial objects.
    pub(crate) fn load(&self, kinds: &Rc<Kinds>) -> Result<Loaded, Refused> {
        let refused = |error: yaml::YamlError| {
            if self.is_inline {
                let message = format!("line {} of the patch: {}", error.line, error.message);
                Refused::Here(Fault::new(Code::InvalidYaml, self.pointer, message))
            } else {
                Refused::There(error.into())
            }
        };
        let documents = yaml::documents_yaml12(self.file, self.text).map_err(refused)?;
        if let [Value::Array(_)] = &documents[..] {
            // Kustomize reads operations as kubectl reads manifests, where `yes` is true.
            let documents = yaml::documents(self.file, self.text).map_err(refused)?;
            let operations = documents.first().unwrap_or(&Value::Null);
            let operations = json_patch::parse(operations).map_err(|reason| self.fault(reason))?;
            if operations.0.is_empty() {
                return Err(self.fault("the patch is empty").into());
            }
            return Ok(Loaded::Operations(operations));
        }
        if documents.is_empty() {
            return Err(self.fault("the patch is empty").into());
        }
        let objects = objects::objects(documents)
            .map_err(|(index, reason)| self.fault(format!("document {}: {reason}", index + 1)))?;
        let objects = objects.into_iter().map(|object| Resource::new(object, kinds));
        Ok(Loaded::Strategic(objects.collect()))
    }
}

/// One entry of `patches`.
pub(crate) fn apply(resources: &mut Resources, patch: &Patch, loaded: Loaded) -> Result<(), Fault> {
    let fault = |message: String| Fault::new(Code::PatchFailed, &patch.pointer, message);
    match (loaded, &patch.target) {
        (Loaded::Operations(_), None) => Err(fault("a JSON 6902 patch needs a `target`".into())),
        (Loaded::Operations(operations), Some(target)) => {
            operations_on(resources, target, &operations, true, &patch.pointer)
        }
        (Loaded::Strategic(objects), Some(target)) => {
            let [object] = &objects[..] else {
                return Err(fault("a patch with a `target` must be one document".into()));
            };
            let selected: Vec<usize> = selected(resources, target);
            strategic_on(resources, &selected, object, patch)
        }
        (Loaded::Strategic(objects), None) => {
            objects.iter().try_for_each(|object| strategic_by_id(resources, object, patch))
        }
    }
}

/// One entry of `patchesStrategicMerge`.
pub(crate) fn apply_strategic(
    resources: &mut Resources,
    loaded: Loaded,
    pointer: &str,
) -> Result<(), Fault> {
    let Loaded::Strategic(objects) = loaded else {
        let message = "this is a JSON 6902 patch; put it into `patches` with a `target`";
        return Err(Fault::new(Code::PatchFailed, pointer, message));
    };
    let patch = Patch {
        path: String::new(),
        patch: String::new(),
        target: None,
        allow_name_change: false,
        allow_kind_change: false,
        pointer: pointer.into(),
    };
    objects.into_iter().try_for_each(|mut object| {
        copy_entries(&mut object.value, &["labels", "annotations"]);
        strategic_by_id(resources, &object, &patch)
    })
}

/// Labels and annotations of a patch that may meet several objects, and annotations of one that may
/// change names, are copied as texts by the real program: a null does not take an entry away, it
/// sets the text `null`.
fn copy_entries(patch: &mut Map<String, Value>, fields: &[&str]) {
    let Some(Value::Object(metadata)) = patch.get_mut("metadata") else { return };
    for field in fields {
        let Some(entries) = metadata.get_mut(*field) else { continue };
        if let Value::Object(entries) = entries {
            for value in entries.values_mut() {
                let text = if value.is_null() { Some("null".into()) } else { scalar::text(value) };
                *value = Value::String(text.unwrap_or_default());
            }
        }
        if entries.as_object().is_none_or(Map::is_empty) {
            metadata.shift_remove(*field);
        }
    }
}

/// One entry of `patchesJson6902`.
pub(crate) fn apply_operations(
    resources: &mut Resources,
    patch: &Patch,
    loaded: Loaded,
) -> Result<(), Fault> {
    let fault = |message: &str| Fault::new(Code::PatchFailed, &patch.pointer, message);
    let Some(target) = patch.target.as_ref().filter(|target| !target.id.name.is_empty()) else {
        return Err(fault("a JSON 6902 patch needs a `target` with a `name`"));
    };
    match loaded {
        Loaded::Operations(operations) => {
            operations_on(resources, target, &operations, false, &patch.pointer)
        }
        Loaded::Strategic(_) => Err(fault("this is not a list of JSON 6902 operations")),
    }
}

fn selected(resources: &Resources, target: &Selector) -> Vec<usize> {
    let positions = resources.iter().enumerate();
    positions.filter(|(_, resource)| target.selects(resource)).map(|(index, _)| index).collect()
}

fn operations_on(
    resources: &mut Resources,
    target: &Selector,
    operations: &::json_patch::Patch,
    is_remembered: bool,
    pointer: &str,
) -> Result<(), Fault> {
    for resource in resources.iter_mut().filter(|resource| target.selects(resource)) {
        if is_remembered {
            resource.remember_id();
        }
        let has_annotations = resource.has_notes();
        let id = resource.id();
        let object = std::mem::take(&mut resource.value);
        resource.aliases.clear();
        resource.value = json_patch::apply(object, operations, has_annotations)
            .map_err(|reason| Fault::new(Code::PatchFailed, pointer, format!("{id}: {reason}")))?;
    }
    Ok(())
}

/// Patches the one object that has or had the patch's own kind, name and namespace.
fn strategic_by_id(
    resources: &mut Resources,
    object: &Resource,
    patch: &Patch,
) -> Result<(), Fault> {
    let id = object.id();
    let found = resources.having_had(&id);
    match found.len() {
        1 => strategic_on(resources, &found, object, patch),
        0 => {
            let message = format!("there is no {id} to patch");
            Err(Fault::new(Code::PatchFailed, &patch.pointer, message))
        }
        _ => {
            let message =
                format!("several objects could be the {id} that is meant; use a `target`");
            Err(Fault::new(Code::PatchFailed, &patch.pointer, message))
        }
    }
}

fn strategic_on(
    resources: &mut Resources,
    selected: &[usize],
    patch: &Resource,
    options: &Patch,
) -> Result<(), Fault> {
    let mut is_deleted = false;
    let is_targeted = options.target.is_some();
    for index in selected {
        let resource = &mut resources.list_mut()[*index];
        let (name, namespace) = (resource.name().to_owned(), resource.namespace().to_owned());
        let (kind, api_version) = (resource.kind().to_owned(), resource.api_version().to_owned());
        if options.allow_name_change || options.allow_kind_change {
            resource.remember_id();
        }
        let mut value = patch.value.clone();
        if is_targeted {
            value.insert("apiVersion".into(), Value::String(api_version));
            copy_entries(&mut value, &["labels", "annotations"]);
        } else if options.allow_name_change || options.allow_kind_change {
            copy_entries(&mut value, &["annotations"]);
        }
        let id = resource.id();
        let merged = merge::merge(std::mem::take(&mut resource.value), value, &resource.kinds)
            .map_err(|reason| {
                Fault::new(Code::PatchFailed, &options.pointer, format!("{id}: {reason}"))
            })?;
        let Some(merged) = merged else {
            is_deleted = true;
            continue;
        };
        resource.value = merged;
        if !options.allow_kind_change {
            resource.value.insert("kind".into(), Value::String(kind));
        }
        if !options.allow_name_change {
            resource.set_name(&name);
        }
        resource.set_namespace(&namespace);
    }
    if is_deleted {
        resources.list_mut().retain(|resource| !resource.value.is_empty());
    }
    match resources.duplicate() {
        Some(id) if is_targeted => {
            let message = format!("there would be two objects {id}");
            Err(Fault::new(Code::DuplicateObject, &options.pointer, message))
        }
        _ => Ok(()),
    }
}
