//! Which fields name other objects, as kustomize 5.7.1's built-in configuration has it.
//!
//! Absent: `spec.ingressClassName`, whose entry there asks for a group that no kind has and
//! therefore never matches.

use crate::config::NameReference;
use crate::field_spec::FieldSpec;
use crate::resource::Gvk;

/// The kinds that hold a pod: version (empty for any), kind, and where.
type Pods = &'static [(&'static str, &'static str, &'static str)];

/// For names of ConfigMaps and Secrets.
const CONFIGURED: Pods = &[
    ("v1", "Pod", "spec"),
    ("", "PodTemplate", "template/spec"),
    ("", "Deployment", "spec/template/spec"),
    ("", "ReplicaSet", "spec/template/spec"),
    ("", "DaemonSet", "spec/template/spec"),
    ("", "StatefulSet", "spec/template/spec"),
    ("", "Job", "spec/template/spec"),
    ("", "CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// For every other name.
const RUN: Pods = &[
    ("", "Pod", "spec"),
    ("", "ReplicationController", "spec/template/spec"),
    ("", "Deployment", "spec/template/spec"),
    ("", "DaemonSet", "spec/template/spec"),
    ("", "StatefulSet", "spec/template/spec"),
    ("", "Job", "spec/template/spec"),
    ("", "CronJob", "spec/jobTemplate/spec/template/spec"),
];

/// The fields that may name one kind of object.
pub(crate) struct Referred {
    /// Group, version (each empty for any) and kind of the named object.
    pub(crate) target: (&'static str, &'static str, &'static str),
    /// Paths below a pod's specification.
    in_pods: (Pods, &'static [&'static str]),
    /// Group and version (empty for any) and kind of the naming object, and the path in it.
    others: &'static [(&'static str, &'static str, &'static str, &'static str)],
}

impl Referred {
    /// As configuration files say it.
    pub(crate) fn reference(&self) -> NameReference {
        let gvk = |group: &str, version: &str, kind: &str| Gvk {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        };
        let (pods, below) = self.in_pods;
        let in_pods = pods.iter().flat_map(|(version, kind, pod)| {
            let paths = below.iter().map(move |path| format!("{pod}/{path}"));
            paths.map(move |path| FieldSpec::new(gvk("", version, kind), &path, false))
        });
        let others = self.others.iter().map(|(group, version, kind, path)| {
            FieldSpec::new(gvk(group, version, kind), path, false)
        });
        let (group, version, kind) = self.target;
        NameReference {
            target: gvk(group, version, kind),
            referrers: in_pods.chain(others).collect(),
        }
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

const fn scaled(kind: &'static str) -> Referred {
    Referred {
        target: ("", "", kind),
        in_pods: (&[], &[]),
        others: &[("", "", "HorizontalPodAutoscaler", "spec/scaleTargetRef/name")],
    }
}

/// Every kind of object whose name is mended in others.
pub(crate) const REFERRED: &[Referred] = &[
    scaled("Deployment"),
    scaled("ReplicationController"),
    scaled("ReplicaSet"),
    scaled("StatefulSet"),
    Referred {
        target: ("", "v1", "ConfigMap"),
        in_pods: (
            CONFIGURED,
            &[
                "volumes/configMap/name",
                "containers/env/valueFrom/configMapKeyRef/name",
                "initContainers/env/valueFrom/configMapKeyRef/name",
                "containers/envFrom/configMapRef/name",
                "initContainers/envFrom/configMapRef/name",
                "volumes/projected/sources/configMap/name",
            ],
        ),
        others: &[
            ("", "", "Node", "spec/configSource/configMap"),
            ("", "", "Role", "rules/resourceNames"),
            ("", "", "ClusterRole", "rules/resourceNames"),
            (
                "",
                "",
                "Ingress",
                "metadata/annotations/nginx.ingress.kubernetes.io\\/fastcgi-params-configmap",
            ),
        ],
    },
    Referred {
        target: ("", "v1", "Secret"),
        in_pods: (
            CONFIGURED,
            &[
                "volumes/secret/secretName",
                "containers/env/valueFrom/secretKeyRef/name",
                "initContainers/env/valueFrom/secretKeyRef/name",
                "containers/envFrom/secretRef/name",
                "initContainers/envFrom/secretRef/name",
                "imagePullSecrets/name",
                "volumes/projected/sources/secret/name",
            ],
        ),
        others: &[
            ("", "", "Ingress", "spec/tls/secretName"),
            ("", "", "Ingress", "metadata/annotations/ingress.kubernetes.io\\/auth-secret"),
            ("", "", "Ingress", "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret"),
            (
                "",
                "",
                "Ingress",
                "metadata/annotations/nginx.ingress.kubernetes.io\\/auth-tls-secret",
            ),
            ("", "", "ServiceAccount", "imagePullSecrets/name"),
            ("", "", "StorageClass", "parameters/secretName"),
            ("", "", "StorageClass", "parameters/adminSecretName"),
            ("", "", "StorageClass", "parameters/userSecretName"),
            ("", "", "StorageClass", "parameters/secretRef"),
            ("", "", "Role", "rules/resourceNames"),
            ("", "", "ClusterRole", "rules/resourceNames"),
            (
                "serving.knative.dev",
                "v1",
                "Service",
                "spec/template/spec/containers/env/valueFrom/secretKeyRef/name",
            ),
            ("", "", "PersistentVolume", "spec/azureFile/secretName"),
        ],
    },
    Referred {
        target: ("", "v1", "Service"),
        in_pods: (&[], &[]),
        others: &[
            ("apps", "", "StatefulSet", "spec/serviceName"),
            ("", "", "Ingress", "spec/rules/http/paths/backend/serviceName"),
            ("", "", "Ingress", "spec/backend/serviceName"),
            ("", "", "Ingress", "spec/rules/http/paths/backend/service/name"),
            ("", "", "Ingress", "spec/defaultBackend/service/name"),
            ("apiregistration.k8s.io", "", "APIService", "spec/service/name"),
            (ADMISSION, "", "ValidatingWebhookConfiguration", "webhooks/clientConfig/service"),
            (ADMISSION, "", "MutatingWebhookConfiguration", "webhooks/clientConfig/service"),
        ],
    },
    Referred {
        target: (RBAC, "", "Role"),
        in_pods: (&[], &[]),
        others: &[(RBAC, "", "RoleBinding", "roleRef/name")],
    },
    Referred {
        target: (RBAC, "", "ClusterRole"),
        in_pods: (&[], &[]),
        others: &[
            (RBAC, "", "RoleBinding", "roleRef/name"),
            (RBAC, "", "ClusterRoleBinding", "roleRef/name"),
        ],
    },
    Referred {
        target: ("", "v1", "ServiceAccount"),
        in_pods: (RUN, &["serviceAccountName"]),
        others: &[
            (RBAC, "", "RoleBinding", "subjects"),
            (RBAC, "", "ClusterRoleBinding", "subjects"),
        ],
    },
    Referred {
        target: ("", "v1", "PersistentVolumeClaim"),
        in_pods: (RUN, &["volumes/persistentVolumeClaim/claimName"]),
        others: &[],
    },
    Referred {
        target: ("", "v1", "PersistentVolume"),
        in_pods: (&[], &[]),
        others: &[
            ("", "", "PersistentVolumeClaim", "spec/volumeName"),
            ("", "", "ClusterRole", "rules/resourceNames"),
        ],
    },
    Referred {
        target: ("storage.k8s.io", "v1", "StorageClass"),
        in_pods: (&[], &[]),
        others: &[
            ("", "", "PersistentVolume", "spec/storageClassName"),
            ("", "", "PersistentVolumeClaim", "spec/storageClassName"),
            ("", "", "StatefulSet", "spec/volumeClaimTemplates/spec/storageClassName"),
        ],
    },
    Referred {
        target: ("scheduling.k8s.io", "v1", "PriorityClass"),
        in_pods: (RUN, &["priorityClassName"]),
        others: &[],
    },
    Referred {
        target: (ADMISSION, "", "ValidatingAdmissionPolicy"),
        in_pods: (&[], &[]),
        others: &[(ADMISSION, "", "ValidatingAdmissionPolicyBinding", "spec/policyName")],
    },
];
