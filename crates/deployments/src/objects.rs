//! Names of Kubernetes objects and the few fields of a manifest that decisions look at.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The annotation that says which application owns an object (Argo CD's default since 3.0).
pub const TRACKING_ANNOTATION: &str = "argocd.argoproj.io/tracking-id";

/// Which object: API group (empty for the core group), kind, namespace (empty when the kind is
/// cluster-scoped) and name. The version is absent: two versions are one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// `apps`; empty for the core group.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// `production`; empty for cluster-scoped kinds.
    pub namespace: String,
    /// `hello`.
    pub name: String,
}

impl ObjectKey {
    /// The key of a manifest; `default_namespace` is taken when a namespaced object names none.
    /// `None` when `apiVersion`, `kind` or `metadata.name` is missing or not a text.
    #[must_use]
    pub fn of(manifest: &Value, default_namespace: &str) -> Option<Self> {
        let kind = text(manifest, "/kind").filter(|kind| !kind.is_empty())?;
        let version = text(manifest, "/apiVersion").filter(|version| !version.is_empty())?;
        let name = text(manifest, "/metadata/name").filter(|name| !name.is_empty())?;
        let group = version.rsplit_once('/').map_or("", |(group, _)| group);
        let namespace = if is_cluster_scoped(group, kind) {
            ""
        } else {
            text(manifest, "/metadata/namespace")
                .filter(|namespace| !namespace.is_empty())
                .unwrap_or(default_namespace)
        };
        Some(Self {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        })
    }

    /// An application as an object of Argo CD's, for whoever removes it.
    #[must_use]
    pub fn of_application(name: &ledger::ApplicationName) -> Self {
        Self {
            group: "argoproj.io".into(),
            kind: "Application".into(),
            namespace: String::new(),
            name: name.to_string(),
        }
    }

    /// The group and kind as one text: `apps/Deployment`, `Service`.
    #[must_use]
    pub fn group_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.clone()
        } else {
            format!("{}/{}", self.group, self.kind)
        }
    }

    /// Argo CD's tracking id of this object under an application:
    /// `<application>:<group>/<Kind>:<namespace>/<name>`.
    #[must_use]
    pub fn tracking_id(&self, application: &str) -> String {
        format!("{application}:{}/{}:{}/{}", self.group, self.kind, self.namespace, self.name)
    }

    /// Whether objects of this kind run processes that an altered pod template restarts.
    #[must_use]
    pub fn is_workload(&self) -> bool {
        matches!(
            (self.group.as_str(), self.kind.as_str()),
            ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
                | ("batch", "Job" | "CronJob")
                | ("", "Pod" | "ReplicationController")
        )
    }
}

/// `apps/Deployment production/hello`, `Namespace production`.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.namespace.is_empty() { "" } else { "/" };
        write!(f, "{} {}{separator}{}", self.group_kind(), self.namespace, self.name)
    }
}

/// Who owns a live object: the application that its tracking id names, or `None`. A tracking id that
/// does not name the object that carries it was copied with the object and says nothing.
#[must_use]
pub fn owner<'a>(manifest: &'a Value, key: &ObjectKey) -> Option<&'a str> {
    let id = annotation(manifest, TRACKING_ANNOTATION)?;
    let (application, rest) = id.split_once(':')?;
    let own = key.tracking_id(application);
    (own.split_once(':')?.1 == rest).then_some(application)
}

/// The manifest with the tracking annotation and the namespace of its key written in.
#[must_use]
pub fn tracked(manifest: &Value, key: &ObjectKey, application: &str) -> Value {
    let mut manifest = manifest.clone();
    let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) else {
        return manifest;
    };
    if !key.namespace.is_empty() {
        metadata.insert("namespace".into(), Value::String(key.namespace.clone()));
    }
    let annotations =
        metadata.entry("annotations").or_insert_with(|| Value::Object(Default::default()));
    if annotations.is_null() {
        *annotations = Value::Object(Default::default());
    }
    if let Some(annotations) = annotations.as_object_mut() {
        annotations.insert(TRACKING_ANNOTATION.into(), Value::String(key.tracking_id(application)));
    }
    manifest
}

/// An annotation of a manifest.
#[must_use]
pub fn annotation<'a>(manifest: &'a Value, name: &str) -> Option<&'a str> {
    manifest.get("metadata")?.get("annotations")?.get(name)?.as_str()
}

/// Whether a comma-separated annotation has this entry, for example `Prune=false` among
/// `argocd.argoproj.io/sync-options`.
#[must_use]
pub fn annotation_lists(manifest: &Value, name: &str, entry: &str) -> bool {
    annotation(manifest, name).is_some_and(|list| list.split(',').any(|part| part.trim() == entry))
}

/// Built-in kinds that have no namespace (kubectl api-resources --namespaced=false).
#[must_use]
pub fn is_cluster_scoped(group: &str, kind: &str) -> bool {
    match group {
        "" => matches!(kind, "Namespace" | "Node" | "PersistentVolume" | "ComponentStatus"),
        "apiextensions.k8s.io" => kind == "CustomResourceDefinition",
        "apiregistration.k8s.io" => kind == "APIService",
        "rbac.authorization.k8s.io" => matches!(kind, "ClusterRole" | "ClusterRoleBinding"),
        "storage.k8s.io" => {
            matches!(kind, "StorageClass" | "CSIDriver" | "CSINode" | "VolumeAttachment")
        }
        "networking.k8s.io" => kind == "IngressClass",
        "scheduling.k8s.io" => kind == "PriorityClass",
        "node.k8s.io" => kind == "RuntimeClass",
        "policy" => kind == "PodSecurityPolicy",
        "certificates.k8s.io" => kind == "CertificateSigningRequest",
        "admissionregistration.k8s.io" | "flowcontrol.apiserver.k8s.io" => true,
        _ => false,
    }
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer)?.as_str()
}
