//! The fields that each step writes when nothing else is said, as kustomize 5.7.1 has them.

use crate::config::{NameReference, Purpose};
use crate::field_spec::FieldSpec;
use crate::reference_table::REFERRED;
use crate::resource::Gvk;

/// Group, version and kind (each empty for any), path, and whether the field is created.
type Row = (&'static str, &'static str, &'static str, &'static str, bool);

/// Every list, in the order of [`Purpose::ALL`].
pub(crate) fn specs() -> [Vec<FieldSpec>; 10] {
    Purpose::ALL.map(|purpose| match purpose {
        Purpose::NamePrefix | Purpose::NameSuffix => rows(NAMES),
        Purpose::Namespace => rows(NAMESPACES),
        Purpose::CommonLabels => {
            [rows(SELECTORS), affinities(), rows(NETWORK_POLICIES), rows(LABELS)].concat()
        }
        Purpose::Labels => Vec::new(),
        Purpose::TemplateLabels => rows(LABELS),
        Purpose::CommonAnnotations => rows(ANNOTATIONS),
        Purpose::VarReference => variables(),
        Purpose::Images => images(),
        Purpose::Replicas => rows(REPLICAS),
    })
}

/// Which fields name other objects.
pub(crate) fn names() -> Vec<NameReference> {
    REFERRED.iter().map(|referred| referred.reference()).collect()
}

fn spec(row: &Row) -> FieldSpec {
    let (group, version, kind, path, create) = *row;
    let gvk = Gvk { group: group.into(), version: version.into(), kind: kind.into() };
    FieldSpec::new(gvk, path, create)
}

fn rows(rows: &[Row]) -> Vec<FieldSpec> {
    rows.iter().map(spec).collect()
}

const NAMES: &[Row] = &[("", "", "", "metadata/name", false)];

/// Beside `metadata.namespace`, which the step writes itself.
const NAMESPACES: &[Row] = &[
    ("", "", "Namespace", "metadata/name", true),
    ("apiregistration.k8s.io", "", "APIService", "spec/service/namespace", true),
    (
        "apiextensions.k8s.io",
        "",
        "CustomResourceDefinition",
        "spec/conversion/webhook/clientConfig/service/namespace",
        false,
    ),
];

/// Where selectors repeat the labels.
const SELECTORS: &[Row] = &[
    ("", "v1", "Service", "spec/selector", true),
    ("", "v1", "ReplicationController", "spec/selector", true),
    ("", "", "Deployment", "spec/selector/matchLabels", true),
    ("", "", "ReplicaSet", "spec/selector/matchLabels", true),
    ("", "", "DaemonSet", "spec/selector/matchLabels", true),
    ("apps", "", "StatefulSet", "spec/selector/matchLabels", true),
    ("batch", "", "Job", "spec/selector/matchLabels", false),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/selector/matchLabels", false),
    ("policy", "", "PodDisruptionBudget", "spec/selector/matchLabels", false),
];

const NETWORK_POLICIES: &[Row] = &[
    ("networking.k8s.io", "", "NetworkPolicy", "spec/podSelector/matchLabels", false),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/ingress/from/podSelector/matchLabels", false),
    ("networking.k8s.io", "", "NetworkPolicy", "spec/egress/to/podSelector/matchLabels", false),
];

/// `metadata.labels` of objects and of the pods and claims that they make.
const LABELS: &[Row] = &[
    ("", "", "", "metadata/labels", true),
    ("", "v1", "ReplicationController", "spec/template/metadata/labels", true),
    ("", "", "Deployment", "spec/template/metadata/labels", true),
    ("", "", "ReplicaSet", "spec/template/metadata/labels", true),
    ("", "", "DaemonSet", "spec/template/metadata/labels", true),
    ("apps", "", "StatefulSet", "spec/template/metadata/labels", true),
    ("apps", "", "StatefulSet", "spec/volumeClaimTemplates[]/metadata/labels", true),
    ("batch", "", "Job", "spec/template/metadata/labels", true),
    ("batch", "", "CronJob", "spec/jobTemplate/metadata/labels", true),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/labels", true),
];

const ANNOTATIONS: &[Row] = &[
    ("", "", "", "metadata/annotations", true),
    ("", "v1", "ReplicationController", "spec/template/metadata/annotations", true),
    ("", "", "Deployment", "spec/template/metadata/annotations", true),
    ("", "", "ReplicaSet", "spec/template/metadata/annotations", true),
    ("", "", "DaemonSet", "spec/template/metadata/annotations", true),
    ("", "", "StatefulSet", "spec/template/metadata/annotations", true),
    ("batch", "", "Job", "spec/template/metadata/annotations", true),
    ("batch", "", "CronJob", "spec/jobTemplate/metadata/annotations", true),
    ("batch", "", "CronJob", "spec/jobTemplate/spec/template/metadata/annotations", true),
];

const REPLICAS: &[Row] = &[
    ("", "", "Deployment", "spec/replicas", true),
    ("", "", "ReplicationController", "spec/replicas", true),
    ("", "", "ReplicaSet", "spec/replicas", true),
    ("", "", "StatefulSet", "spec/replicas", true),
];

fn affinities() -> Vec<FieldSpec> {
    let mut specs = Vec::new();
    for kind in ["Deployment", "StatefulSet"] {
        let gvk = Gvk { group: "apps".into(), version: String::new(), kind: kind.into() };
        let mut add = |path: &str| {
            let path = format!("spec/template/spec/{path}/labelSelector/matchLabels");
            specs.push(FieldSpec::new(gvk.clone(), &path, false));
        };
        for affinity in ["podAffinity", "podAntiAffinity"] {
            for term in [
                "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm",
                "requiredDuringSchedulingIgnoredDuringExecution",
            ] {
                add(&format!("affinity/{affinity}/{term}"));
            }
        }
        add("topologySpreadConstraints");
    }
    specs
}

/// Where pods and pod templates name images; `containers` and `initContainers` are searched
/// wherever they are.
fn images() -> Vec<FieldSpec> {
    let pods = ["spec", "spec/template/spec"];
    let fields = ["containers[]/image", "initContainers[]/image", "volumes[]/image/reference"];
    pods.iter()
        .flat_map(|pod| fields.iter().map(move |field| format!("{pod}/{field}")))
        .map(|path| FieldSpec::new(Gvk::default(), &path, true))
        .collect()
}

/// Where `$(NAME)` is replaced.
fn variables() -> Vec<FieldSpec> {
    let pods = [
        // That there is no `spec` before `volumes` is a slip of the real program.
        (
            "CronJob",
            "spec/jobTemplate/spec/template/spec",
            "spec/jobTemplate/spec/template/volumes",
        ),
        ("DaemonSet", "spec/template/spec", "spec/template/spec/volumes"),
        ("Deployment", "spec/template/spec", "spec/template/spec/volumes"),
        ("Job", "spec/template/spec", "spec/template/spec/volumes"),
        ("Pod", "spec", "spec/volumes"),
        ("ReplicaSet", "spec/template/spec", "spec/template/spec/volumes"),
        ("StatefulSet", "spec/template/spec", "spec/volumeClaimTemplates/spec"),
    ];
    let others = [
        ("Deployment", "spec/template/metadata/annotations"),
        ("Ingress", "spec/rules/host"),
        ("Ingress", "spec/tls/hosts"),
        ("Ingress", "spec/tls/secretName"),
        ("Service", "spec/ports/port"),
        ("Service", "spec/ports/targetPort"),
        ("PersistentVolume", "spec/nfs/server"),
        ("", "metadata/labels"),
        ("", "metadata/annotations"),
    ];
    let mut paths: Vec<(&str, String)> = Vec::new();
    for (kind, pod, volumes) in pods {
        for containers in ["containers", "initContainers"] {
            for field in ["args", "command", "env/value", "volumeMounts/mountPath"] {
                paths.push((kind, format!("{pod}/{containers}/{field}")));
            }
        }
        paths.push((kind, format!("{volumes}/nfs/server")));
    }
    paths.extend(others.map(|(kind, path)| (kind, path.to_owned())));
    let spec = |(kind, path): (&str, String)| {
        FieldSpec::new(Gvk { kind: kind.into(), ..Gvk::default() }, &path, false)
    };
    paths.into_iter().map(spec).collect()
}
