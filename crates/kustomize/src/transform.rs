//! The built-in transformers that write a fixed set of fields: namespace, prefix and suffix,
//! labels, annotations, replicas, values, hash suffixes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::alias::{self, Before};
use crate::error::{Code, Fault};
use crate::field_spec::{Create, FieldSpec, Refusal};
use crate::hash;
use crate::parts::Replica;
use crate::resource::{Gvk, Resource, Resources};
use crate::scalar;

type Result<T> = std::result::Result<T, Fault>;

fn refuse(pointer: &str, resource: &Resource, reason: &str) -> Fault {
    Fault::new(Code::TransformFailed, pointer, format!("{}: {reason}", resource.id()))
}

/// Which subjects of a role's binding are put into the namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those called `default`, the service account that every namespace has.
    #[default]
    Default,
    ServiceAccounts,
    None,
}

/// Puts objects into a namespace.
#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    name: String,
    is_unset_only: bool,
    subjects: Subjects,
    /// Where every object that can have a namespace has it.
    field: FieldSpec,
}

const NAMESPACE_PATH: &str = "metadata/namespace";
const ANNOTATIONS_PATH: &str = "metadata/annotations";
const NAME_PATH: &str = "metadata/name";

impl Namespace {
    pub(crate) fn new(name: &str, is_unset_only: bool, subjects: Subjects) -> Self {
        let field = FieldSpec::new(Gvk::default(), NAMESPACE_PATH, true);
        Namespace { name: name.into(), is_unset_only, subjects, field }
    }

    /// Every object that can have one, and the further fields; a `Namespace` is renamed to it.
    pub(crate) fn apply(
        &self,
        resources: &mut Resources,
        specs: &[FieldSpec],
        pointer: &str,
    ) -> Result<()> {
        for resource in resources.iter_mut() {
            resource.remember_id();
            self.put(resource, specs).map_err(|reason| refuse(pointer, resource, &reason))?;
        }
        match resources.duplicate() {
            None => Ok(()),
            Some(id) => {
                let message = format!("there would be two objects {id}; give them different names");
                Err(Fault::new(Code::DuplicateObject, pointer, message))
            }
        }
    }

    /// Writes the fields of one object.
    pub(crate) fn put(
        &self,
        resource: &mut Resource,
        specs: &[FieldSpec],
    ) -> std::result::Result<(), Refusal> {
        let is_core = resource.api_version() == "v1";
        let is_binding = is_role_binding(resource.kind());
        let is_meant = |spec: &&FieldSpec| {
            spec.path != NAMESPACE_PATH
                && (is_core || spec.path != NAME_PATH)
                && !(is_binding
                    && is_role_binding(&spec.gvk.kind)
                    && spec.path == "subjects/namespace")
        };
        let mut write = |field: &mut Value| self.set(field);
        let own = (!resource.is_cluster_scoped()).then_some(&self.field);
        for spec in own.into_iter().chain(specs.iter().filter(is_meant)) {
            spec.apply(&mut resource.value, Create::Scalar, &mut write)?;
        }
        if is_binding {
            self.bind(&mut resource.value)?;
        }
        Ok(())
    }

    fn set(&self, field: &mut Value) -> std::result::Result<(), Refusal> {
        if !scalar::is_scalar(field) {
            return Err("the field must hold one value".into());
        }
        if !self.is_unset_only || scalar::text(field).is_none_or(|text| text.is_empty()) {
            *field = Value::String(self.name.clone());
        }
        Ok(())
    }

    fn bind(&self, binding: &mut Map<String, Value>) -> std::result::Result<(), Refusal> {
        let (key, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::Default => ("name", "default"),
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
        };
        let subjects = binding.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten().filter_map(Value::as_object_mut) {
            if subject.get(key).and_then(Value::as_str) == Some(wanted) {
                self.set(subject.entry("namespace").or_insert(Value::Null))?;
            }
        }
        Ok(())
    }
}

fn is_role_binding(kind: &str) -> bool {
    matches!(kind, "RoleBinding" | "ClusterRoleBinding")
}

/// Which end of the name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affix {
    Prefix,
    Suffix,
}

/// Puts `text` before or after every name and other field that is meant, except in the kinds whose
/// name Kubernetes fixes.
pub(crate) fn affix(
    resources: &mut Resources,
    affix: Affix,
    text: &str,
    specs: &[FieldSpec],
    pointer: &str,
) -> Result<()> {
    let mut write = |field: &mut Value| {
        let old = if field.is_null() { Some("null".into()) } else { scalar::text(field) };
        let old = old.ok_or("the field must hold one value")?;
        let new = match affix {
            Affix::Prefix => format!("{text}{old}"),
            Affix::Suffix => format!("{old}{text}"),
        };
        *field = scalar::rewritten(field, &new);
        Ok(())
    };
    for resource in resources.iter_mut() {
        let original = resource.original_id().gvk;
        let is_fixed = matches!(original.kind.as_str(), "CustomResourceDefinition" | "Namespace")
            || (original.kind == "APIService" && original.group == "apiregistration.k8s.io");
        if is_fixed {
            continue;
        }
        for spec in specs.iter().filter(|spec| original.is_selected_by(&spec.gvk)) {
            if spec.path == NAME_PATH {
                if resource.name().is_empty() {
                    continue;
                }
                if !text.is_empty() {
                    resource.remember_affix(affix, text);
                }
            }
            spec.apply(&mut resource.value, Create::Scalar, &mut write)
                .map_err(|reason| refuse(pointer, resource, &reason))?;
        }
    }
    Ok(())
}

/// Writes labels or annotations wherever `specs` says.
pub(crate) fn entries(
    resources: &mut Resources,
    pairs: &BTreeMap<String, String>,
    specs: &[FieldSpec],
    pointer: &str,
) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let mut write = |field: &mut Value| match field {
        Value::Object(entries) => {
            for (key, value) in pairs {
                entries.insert(key.clone(), Value::String(value.clone()));
            }
            Ok(())
        }
        Value::Null => Ok(()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("the field must be a mapping".into())
        }
    };
    for resource in resources.iter_mut() {
        let meant: Vec<&FieldSpec> =
            specs.iter().filter(|spec| spec.is_for(&resource.value)).collect();
        if meant.iter().any(|spec| !spec.create && spec.path == ANNOTATIONS_PATH) {
            resource.make_annotations();
        }
        let before = Before::new(&resource.value, &meant);
        for spec in &meant {
            spec.apply_to_any(&mut resource.value, Create::Mapping, &mut write)
                .map_err(|reason| refuse(pointer, resource, &reason))?;
        }
        alias::spread(&mut resource.value, &mut resource.aliases);
        if let Some(before) = before {
            resource.aliases.extend(before.added(&resource.value, &meant, pairs));
        }
    }
    Ok(())
}

/// Sets how many replicas the named workload has.
pub(crate) fn replicas(
    resources: &mut Resources,
    replica: &Replica,
    specs: &[FieldSpec],
) -> Result<()> {
    let mut is_found = false;
    let mut write = |field: &mut Value| {
        if !scalar::is_scalar(field) {
            return Err("the field must hold a number".into());
        }
        *field = Value::from(replica.count);
        Ok(())
    };
    for spec in specs {
        for resource in resources.iter_mut() {
            let is_meant = resource
                .ids()
                .iter()
                .any(|id| id.name == replica.name && id.gvk.is_selected_by(&spec.gvk));
            if !is_meant {
                continue;
            }
            is_found = true;
            spec.apply(&mut resource.value, Create::Scalar, &mut write)
                .map_err(|reason| refuse(&replica.pointer, resource, &reason))?;
        }
    }
    if is_found {
        return Ok(());
    }
    let kinds: Vec<&str> = specs.iter().map(|spec| spec.gvk.kind.as_str()).collect();
    let message = format!("no object of {} is called `{}`", kinds.join(", "), replica.name);
    Err(Fault::new(Code::TransformFailed, &replica.pointer, message))
}

/// Gives the generated objects that want it the hash of their content as a suffix.
pub(crate) fn hash_suffixes(resources: &mut Resources) {
    for resource in resources.iter_mut().filter(|resource| resource.needs_hash) {
        let name = format!("{}-{}", resource.name(), hash::of(&resource.value));
        resource.remember_id();
        resource.set_name(&name);
    }
}
