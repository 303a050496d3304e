//! The built-in transformers that write a fixed set of fields: namespace, prefix and suffix,
//! labels, annotations, replicas, hash suffixes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Code, Fault};
use crate::field_spec::{Create, FieldSpec, Refusal};
use crate::hash;
use crate::kustomization::{Labels, Replica};
use crate::resource::{Gvk, Resource, Resources};

type Result<T> = std::result::Result<T, Fault>;

fn spec(group: &str, version: &str, kind: &str, path: &str, create: bool) -> FieldSpec {
    let gvk = Gvk { group: group.into(), version: version.into(), kind: kind.into() };
    FieldSpec::new(gvk, path, create)
}

fn refuse(pointer: &str, resource: &Resource, reason: &str) -> Fault {
    Fault::new(Code::TransformFailed, pointer, format!("{}: {reason}", resource.id()))
}

/// Puts every object that can have one into `namespace`. A `Namespace` is renamed to it.
pub(crate) fn namespace(resources: &mut Resources, namespace: &str) -> Result<()> {
    let pointer = "/namespace";
    let in_place = spec("", "", "", "metadata/namespace", true);
    let others = [
        spec("", "v1", "Namespace", "metadata/name", true),
        spec("apiregistration.k8s.io", "", "APIService", "spec/service/namespace", true),
        spec(
            "apiextensions.k8s.io",
            "",
            "CustomResourceDefinition",
            "spec/conversion/webhook/clientConfig/service/namespace",
            false,
        ),
    ];
    for resource in resources.iter_mut() {
        resource.remember_id();
        let mut specs: Vec<&FieldSpec> = others.iter().collect();
        if !resource.is_cluster_scoped() {
            specs.insert(0, &in_place);
        }
        let mut value = std::mem::take(&mut resource.value);
        let outcome = specs.into_iter().try_for_each(|spec| {
            spec.apply(&mut value, Create::Scalar, &mut |field| set_scalar(field, namespace))
        });
        if matches!(
            value.get("kind").and_then(Value::as_str),
            Some("RoleBinding" | "ClusterRoleBinding")
        ) {
            bind_default_account(&mut value, namespace);
        }
        resource.value = value;
        outcome.map_err(|reason| refuse(pointer, resource, &reason))?;
    }
    match resources.duplicate() {
        None => Ok(()),
        Some(id) => {
            let message = format!("there would be two objects {id}; give them different names");
            Err(Fault::new(Code::DuplicateObject, pointer, message))
        }
    }
}

/// A subject called `default` is the service account of the namespace.
fn bind_default_account(binding: &mut Map<String, Value>, namespace: &str) {
    let subjects = binding.get_mut("subjects").and_then(Value::as_array_mut);
    for subject in subjects.into_iter().flatten().filter_map(Value::as_object_mut) {
        if subject.get("name").and_then(Value::as_str) == Some("default") {
            subject.insert("namespace".into(), Value::String(namespace.into()));
        }
    }
}

fn set_scalar(field: &mut Value, text: &str) -> std::result::Result<(), Refusal> {
    if !crate::scalar::is_scalar(field) {
        return Err("the field must hold one value".into());
    }
    *field = Value::String(text.into());
    Ok(())
}

/// Which end of the name is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affix {
    Prefix,
    Suffix,
}

/// Puts `text` before or after every name, except where Kubernetes fixes the name.
pub(crate) fn affix(resources: &mut Resources, affix: Affix, text: &str) {
    for resource in resources.iter_mut() {
        let original = resource.original_id().gvk;
        let is_fixed = matches!(original.kind.as_str(), "CustomResourceDefinition" | "Namespace")
            || (original.kind == "APIService" && original.group == "apiregistration.k8s.io");
        if is_fixed || resource.name().is_empty() {
            continue;
        }
        resource.remember_id();
        let name = match affix {
            Affix::Prefix => {
                resource.prefixes.push(text.into());
                format!("{text}{}", resource.name())
            }
            Affix::Suffix => {
                resource.suffixes.push(text.into());
                format!("{}{text}", resource.name())
            }
        };
        resource.set_name(&name);
    }
}

/// `metadata.labels` of objects and of the pods and claims that they make.
fn metadata_specs() -> Vec<FieldSpec> {
    vec![
        spec("", "", "", "metadata/labels", true),
        spec("", "v1", "ReplicationController", "spec/template/metadata/labels", true),
        spec("", "", "Deployment", "spec/template/metadata/labels", true),
        spec("", "", "ReplicaSet", "spec/template/metadata/labels", true),
        spec("", "", "DaemonSet", "spec/template/metadata/labels", true),
        spec("apps", "", "StatefulSet", "spec/template/metadata/labels", true),
        spec("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true),
        spec("batch", "", "Job", "spec/template/metadata/labels", true),
        spec("batch", "", "CronJob", "spec/jobTemplate/metadata/labels", true),
        spec("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", true),
    ]
}

/// Where selectors repeat the labels, and the metadata.
fn selector_specs() -> Vec<FieldSpec> {
    let mut specs = vec![
        spec("", "v1", "Service", "spec/selector", true),
        spec("", "v1", "ReplicationController", "spec/selector", true),
        spec("", "", "Deployment", "spec/selector/matchLabels", true),
        spec("", "", "ReplicaSet", "spec/selector/matchLabels", true),
        spec("", "", "DaemonSet", "spec/selector/matchLabels", true),
        spec("apps", "", "StatefulSet", "spec/selector/matchLabels", true),
        spec("batch", "", "Job", "spec/selector/matchLabels", false),
        spec("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", false),
        spec("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels", false),
    ];
    for kind in ["Deployment", "StatefulSet"] {
        for affinity in ["podAffinity", "podAntiAffinity"] {
            for term in [
                "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm",
                "requiredDuringSchedulingIgnoredDuringExecution",
            ] {
                let path = format!(
                    "spec/template/spec/affinity/{affinity}/{term}/labelSelector/matchLabels"
                );
                specs.push(spec("apps", "", kind, &path, false));
            }
        }
        let path = "spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels";
        specs.push(spec("apps", "", kind, path, false));
    }
    for path in ["spec/podSelector", "spec/ingress/from/podSelector", "spec/egress/to/podSelector"]
    {
        let path = format!("{path}/matchLabels");
        specs.push(spec("networking.k8s.io", "", "NetworkPolicy", &path, false));
    }
    specs.extend(metadata_specs());
    specs
}

/// Adds a spec; one that another covers must agree on whether the field is created.
fn merge_spec(specs: &mut Vec<FieldSpec>, added: FieldSpec) -> std::result::Result<(), Refusal> {
    let covering =
        specs.iter().find(|spec| spec.path == added.path && spec.gvk.is_selected_by(&added.gvk));
    match covering {
        Some(spec) if spec.create == added.create => Ok(()),
        Some(spec) => Err(format!("`{}` is both created and not created", spec.path)),
        None => {
            specs.push(added);
            Ok(())
        }
    }
}

/// One entry of `labels`.
pub(crate) fn labels(resources: &mut Resources, labels: &Labels) -> Result<()> {
    let mut specs = labels.fields.clone();
    let added = match (labels.include_selectors, labels.include_templates) {
        (true, _) => selector_specs(),
        (false, true) => metadata_specs(),
        (false, false) => Vec::new(),
    };
    let only_metadata = spec("", "", "", "metadata/labels", true);
    let last = (!labels.include_selectors).then_some(only_metadata);
    for spec in added.into_iter().chain(last) {
        merge_spec(&mut specs, spec)
            .map_err(|reason| Fault::new(Code::InvalidValue, &labels.pointer, reason))?;
    }
    set_entries(resources, &labels.pairs, &specs, &labels.pointer)
}

/// `commonLabels`: everywhere, selectors included.
pub(crate) fn common_labels(
    resources: &mut Resources,
    pairs: &BTreeMap<String, String>,
) -> Result<()> {
    set_entries(resources, pairs, &selector_specs(), "/commonLabels")
}

/// `commonAnnotations`: on objects and the pods that they make.
pub(crate) fn common_annotations(
    resources: &mut Resources,
    pairs: &BTreeMap<String, String>,
) -> Result<()> {
    let specs = [
        spec("", "", "", "metadata/annotations", true),
        spec("", "v1", "ReplicationController", "spec/template/metadata/annotations", true),
        spec("", "", "Deployment", "spec/template/metadata/annotations", true),
        spec("", "", "ReplicaSet", "spec/template/metadata/annotations", true),
        spec("", "", "DaemonSet", "spec/template/metadata/annotations", true),
        spec("", "", "StatefulSet", "spec/template/metadata/annotations", true),
        spec("batch", "", "Job", "spec/template/metadata/annotations", true),
        spec("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations", true),
        spec("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations", true),
    ];
    set_entries(resources, pairs, &specs, "/commonAnnotations")
}

fn set_entries(
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
        for spec in specs {
            spec.apply(&mut resource.value, Create::Mapping, &mut write)
                .map_err(|reason| refuse(pointer, resource, &reason))?;
        }
    }
    Ok(())
}

/// Sets how many replicas the named workload has.
pub(crate) fn replicas(resources: &mut Resources, replica: &Replica) -> Result<()> {
    let mut is_found = false;
    for kind in ["Deployment", "ReplicationController", "ReplicaSet", "StatefulSet"] {
        let spec = spec("", "", kind, "spec/replicas", true);
        for resource in resources.iter_mut() {
            let is_meant = resource
                .ids()
                .iter()
                .any(|id| id.name == replica.name && id.gvk.is_selected_by(&spec.gvk));
            if !is_meant {
                continue;
            }
            is_found = true;
            let mut write = |field: &mut Value| {
                if !crate::scalar::is_scalar(field) {
                    return Err("the field must hold a number".into());
                }
                *field = Value::from(replica.count);
                Ok(())
            };
            spec.apply(&mut resource.value, Create::Scalar, &mut write)
                .map_err(|reason| refuse(&replica.pointer, resource, &reason))?;
        }
    }
    if is_found {
        return Ok(());
    }
    let message = format!(
        "no Deployment, ReplicationController, ReplicaSet or StatefulSet is called `{}`",
        replica.name
    );
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
