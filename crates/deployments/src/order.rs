//! In which order objects are written: phase, wave, kind, name, as Argo CD's sync does.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::{ObjectKey, annotation};

/// When an object of a synchronisation is written (`argocd.argoproj.io/hook`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before everything else; must finish.
    PreSync,
    /// The ordinary objects.
    Sync,
    /// After all others are healthy.
    PostSync,
    /// Only when a phase before it failed.
    SyncFail,
    /// Before the objects of an application that is removed are deleted.
    PreDelete,
    /// The objects of an application that is removed are deleted.
    Delete,
    /// After the objects of an application that is removed are gone.
    PostDelete,
}

/// Argo CD's kind order (gitops-engine, `sync_tasks.go`); kinds that are not listed come after.
const KINDS: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

/// The place of an object among the others; smaller is earlier.
#[must_use]
pub(crate) fn place(
    phase: Phase,
    wave: i32,
    key: &ObjectKey,
) -> (Phase, i32, usize, String, ObjectKey) {
    (phase, wave, kind_rank(&key.kind), key.name.clone(), key.clone())
}

/// The place of a kind among the kinds.
pub(crate) fn kind_rank(kind: &str) -> usize {
    KINDS.iter().position(|known| *known == kind).unwrap_or(KINDS.len())
}

/// The wave of an object (`argocd.argoproj.io/sync-wave`, else `helm.sh/hook-weight`, else 0), or the
/// text that is no number.
pub(crate) fn wave(manifest: &Value) -> Result<i32, String> {
    let text = annotation(manifest, "argocd.argoproj.io/sync-wave")
        .or_else(|| annotation(manifest, "helm.sh/hook-weight"));
    text.map_or(Ok(0), |text| text.trim().parse().map_err(|_| text.to_owned()))
}

/// The phase of an object; `None` when it is never written (`Skip`); an error names a hook that is
/// not supported.
pub(crate) fn phase(manifest: &Value) -> Result<Option<Phase>, String> {
    let Some(hook) = annotation(manifest, "argocd.argoproj.io/hook") else {
        return Ok(Some(Phase::Sync));
    };
    match hook.trim() {
        "PreSync" => Ok(Some(Phase::PreSync)),
        "Sync" => Ok(Some(Phase::Sync)),
        "PostSync" => Ok(Some(Phase::PostSync)),
        "Skip" => Ok(None),
        other => Err(other.to_owned()),
    }
}
