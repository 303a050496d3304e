//! What is known of Kubernetes' own kinds: which have no namespace, and which of their lists a
//! strategic merge patch merges by which keys.
//!
//! Taken from the OpenAPI document of Kubernetes 1.21.2 that kustomize 5.7.1 carries, because the
//! outcome has to be equal to its outcome: a kind that this document does not hold (for example
//! `autoscaling/v2`) has a namespace and no list that is merged.

use crate::kinds::Shape as S;

/// The part of a type that a strategic merge patch has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Only `metadata` holds merged lists.
    Plain,
    /// `metadata`, and `status.conditions`.
    Conditions,
    /// `spec.template` is a pod's template.
    Workload,
    CronJob,
    Pod,
    PodTemplate,
    Service,
    ServiceAccount,
    Node,
    CsiNode,
    ComponentStatus,
    Webhooks,
    Metadata,
    WorkloadSpec,
    CronJobSpec,
    JobTemplate,
    PodSpec,
    PodStatus,
    ServiceSpec,
    NodeSpec,
    NodeStatus,
    CsiNodeSpec,
    ConditionsStatus,
    Container,
    EphemeralContainer,
    Volume,
    EphemeralVolume,
    /// Nothing below is merged.
    Leaf,
}

/// How a patch's list meets the list that it patches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Merge {
    /// Items with equal values of these keys are one item; without keys, equal scalars are.
    ByKeys(&'static [&'static str]),
    /// The patch's list replaces the other.
    Replace,
}

/// What a field holds: its shape, and how it merges when it is a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) shape: Shape,
    pub(crate) merge: Merge,
}

impl Field {
    /// Anything but a list that merges.
    pub(crate) fn object(shape: Shape) -> Self {
        Field { shape, merge: Merge::Replace }
    }
}

impl Shape {
    /// What is known of the field `name`; `None` when nothing below it merges.
    pub(crate) fn field(self, name: &str) -> Option<Field> {
        let object = |shape| Some(Field::object(shape));
        let list = |keys, shape| Some(Field { shape, merge: Merge::ByKeys(keys) });
        match (self, name) {
            (
                S::Plain
                | S::Conditions
                | S::Workload
                | S::CronJob
                | S::Pod
                | S::PodTemplate
                | S::Service
                | S::ServiceAccount
                | S::Node
                | S::CsiNode
                | S::ComponentStatus
                | S::Webhooks
                | S::JobTemplate,
                "metadata",
            ) => object(S::Metadata),
            (S::Conditions | S::Workload | S::Service, "status") => object(S::ConditionsStatus),
            (S::ComponentStatus, "conditions")
            | (S::ConditionsStatus | S::NodeStatus | S::PodStatus, "conditions") => {
                list(&["type"], S::Leaf)
            }
            (S::Workload | S::JobTemplate, "spec") => object(S::WorkloadSpec),
            (S::WorkloadSpec | S::PodTemplate, "template") => object(S::Pod),
            (S::CronJob, "spec") => object(S::CronJobSpec),
            (S::CronJobSpec, "jobTemplate") => object(S::JobTemplate),
            (S::Pod, "spec") => object(S::PodSpec),
            (S::Pod, "status") => object(S::PodStatus),
            (S::PodStatus, "podIPs") => list(&["ip"], S::Leaf),
            (S::PodSpec, "containers" | "initContainers") => list(&["name"], S::Container),
            (S::PodSpec, "ephemeralContainers") => list(&["name"], S::EphemeralContainer),
            (S::PodSpec, "hostAliases") => list(&["ip"], S::Leaf),
            (S::PodSpec, "imagePullSecrets") => list(&["name"], S::Leaf),
            (S::PodSpec, "topologySpreadConstraints") => {
                list(&["topologyKey", "whenUnsatisfiable"], S::Leaf)
            }
            (S::PodSpec, "volumes") => list(&["name"], S::Volume),
            (S::Volume, "ephemeral") => object(S::EphemeralVolume),
            (S::EphemeralVolume, "volumeClaimTemplate") => object(S::Plain),
            (S::Container | S::EphemeralContainer, "env") => list(&["name"], S::Leaf),
            (S::Container, "ports") => list(&["containerPort", "protocol"], S::Leaf),
            (S::Container | S::EphemeralContainer, "volumeDevices") => {
                list(&["devicePath"], S::Leaf)
            }
            (S::Container | S::EphemeralContainer, "volumeMounts") => list(&["mountPath"], S::Leaf),
            (S::Service, "spec") => object(S::ServiceSpec),
            (S::ServiceSpec, "ports") => list(&["port", "protocol"], S::Leaf),
            (S::ServiceAccount, "secrets") => list(&["name"], S::Leaf),
            (S::Node, "spec") => object(S::NodeSpec),
            (S::Node, "status") => object(S::NodeStatus),
            (S::NodeSpec, "podCIDRs") => list(&[], S::Leaf),
            (S::NodeStatus, "addresses") => list(&["type"], S::Leaf),
            (S::CsiNode, "spec") => object(S::CsiNodeSpec),
            (S::CsiNodeSpec, "drivers") => list(&["name"], S::Leaf),
            (S::Webhooks, "webhooks") => list(&["name"], S::Leaf),
            (S::Metadata, "finalizers") => list(&[], S::Leaf),
            (S::Metadata, "ownerReferences") => list(&["uid"], S::Leaf),
            _ => None,
        }
    }
}

const CLUSTER: bool = true;
const NAMESPACED: bool = false;

/// The shape of a kind; `None` when the document does not hold it.
pub(crate) fn shape(api_version: &str, kind: &str) -> Option<Shape> {
    find(api_version, kind).map(|(.., shape)| *shape)
}

/// Whether a kind certainly has no namespace.
pub(crate) fn is_cluster_scoped(api_version: &str, kind: &str) -> bool {
    find(api_version, kind).is_some_and(|(_, _, scope, _)| *scope)
}

fn find(
    api_version: &str,
    kind: &str,
) -> Option<&'static (&'static str, &'static str, bool, Shape)> {
    let found = KINDS.binary_search_by(|(of_version, of_kind, ..)| {
        (*of_version, *of_kind).cmp(&(api_version, kind))
    });
    found.ok().map(|index| &KINDS[index])
}

/// Sorted by `apiVersion` and `kind`.
#[rustfmt::skip]
const KINDS: &[(&str, &str, bool, Shape)] = &[
    ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", CLUSTER, Shape::Webhooks),
    ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", CLUSTER, Shape::Webhooks),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration", CLUSTER, Shape::Webhooks),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration", CLUSTER, Shape::Webhooks),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition", CLUSTER, Shape::Plain),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", CLUSTER, Shape::Plain),
    ("apiregistration.k8s.io/v1", "APIService", CLUSTER, Shape::Conditions),
    ("apiregistration.k8s.io/v1beta1", "APIService", CLUSTER, Shape::Conditions),
    ("apps/v1", "ControllerRevision", NAMESPACED, Shape::Plain),
    ("apps/v1", "DaemonSet", NAMESPACED, Shape::Workload),
    ("apps/v1", "Deployment", NAMESPACED, Shape::Workload),
    ("apps/v1", "ReplicaSet", NAMESPACED, Shape::Workload),
    ("apps/v1", "StatefulSet", NAMESPACED, Shape::Workload),
    ("authentication.k8s.io/v1", "TokenRequest", NAMESPACED, Shape::Plain),
    ("authentication.k8s.io/v1", "TokenReview", NAMESPACED, Shape::Plain),
    ("authentication.k8s.io/v1beta1", "TokenReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1", "LocalSubjectAccessReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1", "SelfSubjectAccessReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1", "SelfSubjectRulesReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1", "SubjectAccessReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1beta1", "LocalSubjectAccessReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1beta1", "SelfSubjectAccessReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1beta1", "SelfSubjectRulesReview", NAMESPACED, Shape::Plain),
    ("authorization.k8s.io/v1beta1", "SubjectAccessReview", NAMESPACED, Shape::Plain),
    ("autoscaling/v1", "HorizontalPodAutoscaler", NAMESPACED, Shape::Plain),
    ("autoscaling/v1", "Scale", NAMESPACED, Shape::Plain),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler", NAMESPACED, Shape::Plain),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler", NAMESPACED, Shape::Plain),
    ("batch/v1", "CronJob", NAMESPACED, Shape::CronJob),
    ("batch/v1", "Job", NAMESPACED, Shape::Workload),
    ("batch/v1beta1", "CronJob", NAMESPACED, Shape::CronJob),
    ("certificates.k8s.io/v1", "CertificateSigningRequest", CLUSTER, Shape::Plain),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest", CLUSTER, Shape::Plain),
    ("coordination.k8s.io/v1", "Lease", NAMESPACED, Shape::Plain),
    ("coordination.k8s.io/v1beta1", "Lease", NAMESPACED, Shape::Plain),
    ("discovery.k8s.io/v1", "EndpointSlice", NAMESPACED, Shape::Plain),
    ("discovery.k8s.io/v1beta1", "EndpointSlice", NAMESPACED, Shape::Plain),
    ("events.k8s.io/v1", "Event", NAMESPACED, Shape::Plain),
    ("events.k8s.io/v1beta1", "Event", NAMESPACED, Shape::Plain),
    ("extensions/v1beta1", "Ingress", NAMESPACED, Shape::Plain),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema", CLUSTER, Shape::Plain),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "PriorityLevelConfiguration", CLUSTER, Shape::Plain),
    ("networking.k8s.io/v1", "Ingress", NAMESPACED, Shape::Plain),
    ("networking.k8s.io/v1", "IngressClass", CLUSTER, Shape::Plain),
    ("networking.k8s.io/v1", "NetworkPolicy", NAMESPACED, Shape::Plain),
    ("networking.k8s.io/v1beta1", "Ingress", NAMESPACED, Shape::Plain),
    ("networking.k8s.io/v1beta1", "IngressClass", CLUSTER, Shape::Plain),
    ("node.k8s.io/v1", "RuntimeClass", CLUSTER, Shape::Plain),
    ("node.k8s.io/v1beta1", "RuntimeClass", CLUSTER, Shape::Plain),
    ("policy/v1", "PodDisruptionBudget", NAMESPACED, Shape::Conditions),
    ("policy/v1beta1", "Eviction", NAMESPACED, Shape::Plain),
    ("policy/v1beta1", "PodDisruptionBudget", NAMESPACED, Shape::Conditions),
    ("policy/v1beta1", "PodSecurityPolicy", CLUSTER, Shape::Plain),
    ("rbac.authorization.k8s.io/v1", "ClusterRole", CLUSTER, Shape::Plain),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", CLUSTER, Shape::Plain),
    ("rbac.authorization.k8s.io/v1", "Role", NAMESPACED, Shape::Plain),
    ("rbac.authorization.k8s.io/v1", "RoleBinding", NAMESPACED, Shape::Plain),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRole", CLUSTER, Shape::Plain),
    ("rbac.authorization.k8s.io/v1beta1", "ClusterRoleBinding", CLUSTER, Shape::Plain),
    ("rbac.authorization.k8s.io/v1beta1", "Role", NAMESPACED, Shape::Plain),
    ("rbac.authorization.k8s.io/v1beta1", "RoleBinding", NAMESPACED, Shape::Plain),
    ("scheduling.k8s.io/v1", "PriorityClass", CLUSTER, Shape::Plain),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", CLUSTER, Shape::Plain),
    ("storage.k8s.io/v1", "CSIDriver", CLUSTER, Shape::Plain),
    ("storage.k8s.io/v1", "CSINode", CLUSTER, Shape::CsiNode),
    ("storage.k8s.io/v1", "StorageClass", CLUSTER, Shape::Plain),
    ("storage.k8s.io/v1", "VolumeAttachment", CLUSTER, Shape::Plain),
    ("storage.k8s.io/v1beta1", "CSIDriver", CLUSTER, Shape::Plain),
    ("storage.k8s.io/v1beta1", "CSINode", CLUSTER, Shape::CsiNode),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", NAMESPACED, Shape::Plain),
    ("storage.k8s.io/v1beta1", "StorageClass", CLUSTER, Shape::Plain),
    ("storage.k8s.io/v1beta1", "VolumeAttachment", CLUSTER, Shape::Plain),
    ("v1", "Binding", NAMESPACED, Shape::Plain),
    ("v1", "ComponentStatus", CLUSTER, Shape::ComponentStatus),
    ("v1", "ConfigMap", NAMESPACED, Shape::Plain),
    ("v1", "Endpoints", NAMESPACED, Shape::Plain),
    ("v1", "Event", NAMESPACED, Shape::Plain),
    ("v1", "LimitRange", NAMESPACED, Shape::Plain),
    ("v1", "Namespace", CLUSTER, Shape::Conditions),
    ("v1", "Node", CLUSTER, Shape::Node),
    ("v1", "PersistentVolume", CLUSTER, Shape::Plain),
    ("v1", "PersistentVolumeClaim", NAMESPACED, Shape::Conditions),
    ("v1", "Pod", NAMESPACED, Shape::Pod),
    ("v1", "PodTemplate", NAMESPACED, Shape::PodTemplate),
    ("v1", "ReplicationController", NAMESPACED, Shape::Workload),
    ("v1", "ResourceQuota", NAMESPACED, Shape::Plain),
    ("v1", "Secret", NAMESPACED, Shape::Plain),
    ("v1", "Service", NAMESPACED, Shape::Service),
    ("v1", "ServiceAccount", NAMESPACED, Shape::ServiceAccount),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_kind_is_found() {
        for (api_version, kind, scope, of) in KINDS {
            assert_eq!(shape(api_version, kind), Some(*of), "{api_version} {kind}");
            assert_eq!(is_cluster_scoped(api_version, kind), *scope, "{api_version} {kind}");
        }
    }
}
