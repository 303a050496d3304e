//! Which manifests local processes can run: tables of every field, walked before anything is
//! written. A field that is not in a table is refused by name, and so is one that would mean
//! something else here.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::model::Object;

/// Why a manifest cannot be run by local processes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// Not one of the kinds that the engine runs.
    #[error(
        "{object}: local processes cannot run the kind `{kind}` of `{api_version}`; they run Deployment, Job, ConfigMap, Secret, Service and Ingress"
    )]
    Kind {
        /// `Kind/name`.
        object: String,
        /// The kind.
        kind: String,
        /// Its API version.
        api_version: String,
    },
    /// A field is unknown or cannot be honoured.
    #[error("{object}: `{path}` {reason}")]
    Field {
        /// `Kind/name`.
        object: String,
        /// The field's path, such as `spec.template.spec.hostNetwork`.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A field has a value of a wrong form.
    #[error("{object}: {reason}")]
    Invalid {
        /// `Kind/name`.
        object: String,
        /// What is wrong.
        reason: String,
    },
}

impl Unsupported {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Kind { .. } => "kind-unsupported",
            Self::Field { .. } => "field-unsupported",
            Self::Invalid { .. } => "manifest-invalid",
        }
    }
}

/// Whether the engine can run this manifest. Reads nothing but the manifest.
pub fn supported(manifest: &Value) -> Result<(), Unsupported> {
    crate::model::parse(manifest).map(|_: Object| ())
}

/// What is allowed of a field.
enum Rule {
    /// Any value.
    Any,
    /// Never.
    No(&'static str),
    /// Only this value, written as JSON; others would mean something that is not done here.
    Only(&'static [&'static str]),
    /// An object with these fields.
    Is(Table),
    /// A list of objects with these fields.
    Each(Table),
}

type Table = &'static [(&'static str, Rule)];

use Rule::{Any, Each, Is, No, Only};

const ELSEWHERE: &str = "chooses among machines, and here is only one; remove it";
const USERS: &str = "cannot be honoured: replicas run as the server's own user, without any \
                     privilege; remove it";

const METADATA: Table = &[
    ("name", Any),
    ("namespace", Any),
    ("labels", Any),
    ("annotations", Any),
    ("generateName", No("needs a server that invents names; give a name")),
    ("finalizers", Any),
    ("ownerReferences", No("names an owner that is not here; remove it")),
    ("creationTimestamp", Any),
    ("generation", Any),
    ("resourceVersion", Any),
    ("uid", Any),
    ("managedFields", Any),
];
const SELECTOR: Table = &[
    ("matchLabels", Any),
    ("matchExpressions", No("is not read by local processes; use matchLabels")),
];
const DEPLOYMENT: Table = &[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Is(METADATA)),
    ("status", Any),
    (
        "spec",
        Is(&[
            ("replicas", Any),
            ("selector", Is(SELECTOR)),
            ("template", Is(TEMPLATE)),
            (
                "strategy",
                Is(&[
                    ("type", Only(&["\"RollingUpdate\"", "\"Recreate\""])),
                    ("rollingUpdate", Is(&[("maxSurge", Any), ("maxUnavailable", Any)])),
                ]),
            ),
            ("minReadySeconds", Any),
            ("progressDeadlineSeconds", Any),
            ("revisionHistoryLimit", Any),
            ("paused", Only(&["false"])),
        ]),
    ),
];
const JOB: Table = &[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Is(METADATA)),
    ("status", Any),
    (
        "spec",
        Is(&[
            ("template", Is(TEMPLATE)),
            ("backoffLimit", Any),
            ("completions", Any),
            ("parallelism", Any),
            ("activeDeadlineSeconds", Any),
            ("completionMode", Only(&["\"NonIndexed\""])),
            ("suspend", Only(&["false"])),
            ("selector", No("is chosen by Boucle; remove it")),
            ("manualSelector", Only(&["false"])),
            ("ttlSecondsAfterFinished", No("is not done: a job is removed with its manifest")),
        ]),
    ),
];
const TEMPLATE: Table = &[("metadata", Is(METADATA)), ("spec", Is(POD))];
const POD: Table = &[
    ("containers", Each(CONTAINER)),
    ("volumes", Each(VOLUME)),
    ("restartPolicy", Only(&["\"Always\"", "\"OnFailure\"", "\"Never\""])),
    ("terminationGracePeriodSeconds", Any),
    ("securityContext", Is(SECURITY)),
    ("automountServiceAccountToken", Only(&["false"])),
    ("enableServiceLinks", Only(&["true"])),
    ("serviceAccountName", Only(&["\"default\"", "\"\""])),
    ("serviceAccount", Only(&["\"default\"", "\"\""])),
    ("dnsPolicy", Only(&["\"ClusterFirst\"", "\"Default\""])),
    ("schedulerName", Only(&["\"default-scheduler\""])),
    ("tolerations", Any),
    ("initContainers", No("is not run yet; do this work in the container's own start")),
    ("ephemeralContainers", No("is not run by local processes; remove it")),
    (
        "hostNetwork",
        No("is how local processes always run, with a port each from `PORT`; remove it"),
    ),
    ("hostPID", No("would show the machine's processes; remove it")),
    ("hostIPC", No("would share the machine's memory; remove it")),
    ("nodeSelector", No(ELSEWHERE)),
    ("nodeName", No(ELSEWHERE)),
    ("affinity", No(ELSEWHERE)),
    ("topologySpreadConstraints", No(ELSEWHERE)),
    ("imagePullSecrets", No("is not needed: images come from the embedded registry; remove it")),
];
const SECURITY: Table = &[
    ("runAsNonRoot", Any),
    ("allowPrivilegeEscalation", Only(&["false"])),
    ("readOnlyRootFilesystem", Only(&["true"])),
    ("privileged", Only(&["false"])),
    ("seccompProfile", Is(&[("type", Only(&["\"RuntimeDefault\""]))])),
    ("capabilities", Is(&[("drop", Any), ("add", No("would give a privilege; remove it"))])),
    ("runAsUser", No(USERS)),
    ("runAsGroup", No(USERS)),
    ("fsGroup", No(USERS)),
    ("supplementalGroups", No(USERS)),
];
const CONTAINER: Table = &[
    ("name", Any),
    ("image", Any),
    ("imagePullPolicy", Any),
    ("command", Any),
    ("args", Any),
    ("workingDir", Any),
    (
        "env",
        Each(&[
            ("name", Any),
            ("value", Any),
            (
                "valueFrom",
                Is(&[
                    ("configMapKeyRef", Is(KEY_REFERENCE)),
                    ("secretKeyRef", Is(KEY_REFERENCE)),
                    (
                        "fieldRef",
                        Is(&[
                            ("apiVersion", Any),
                            ("fieldPath", Only(&["\"metadata.name\"", "\"metadata.namespace\""])),
                        ]),
                    ),
                ]),
            ),
        ]),
    ),
    (
        "envFrom",
        Each(&[
            ("prefix", Any),
            ("configMapRef", Is(&[("name", Any), ("optional", Any)])),
            ("secretRef", Is(&[("name", Any), ("optional", Any)])),
        ]),
    ),
    (
        "ports",
        Each(&[
            ("name", Any),
            ("containerPort", Any),
            ("protocol", Only(&["\"TCP\""])),
            ("hostPort", No("is not given: every replica gets a port of its own; use a Service")),
            ("hostIP", No("is not given: replicas listen on loopback")),
        ]),
    ),
    ("resources", Is(&[("limits", Is(&[("memory", Any), ("cpu", Any)])), ("requests", Any)])),
    (
        "volumeMounts",
        Each(&[("name", Any), ("mountPath", Any), ("readOnly", Any), ("subPath", Any)]),
    ),
    ("startupProbe", Is(PROBE)),
    ("readinessProbe", Is(PROBE)),
    ("livenessProbe", Is(PROBE)),
    ("securityContext", Is(SECURITY)),
    ("terminationMessagePath", Any),
    ("terminationMessagePolicy", Any),
    ("stdin", Only(&["false"])),
    ("tty", Only(&["false"])),
    ("lifecycle", No("is not run by local processes; handle SIGTERM in the program")),
];
const KEY_REFERENCE: Table = &[("name", Any), ("key", Any), ("optional", Any)];
const PROBE: Table = &[
    (
        "httpGet",
        Is(&[
            ("path", Any),
            ("port", Any),
            ("scheme", Only(&["\"HTTP\""])),
            ("httpHeaders", Each(&[("name", Any), ("value", Any)])),
            ("host", No("is always the replica itself; remove it")),
        ]),
    ),
    ("tcpSocket", Is(&[("port", Any), ("host", No("is always the replica itself; remove it"))])),
    ("exec", Is(&[("command", Any)])),
    ("initialDelaySeconds", Any),
    ("periodSeconds", Any),
    ("timeoutSeconds", Any),
    ("successThreshold", Any),
    ("failureThreshold", Any),
    ("grpc", No("is not spoken by local processes; use httpGet or tcpSocket")),
    ("terminationGracePeriodSeconds", No("is taken from the pod; remove it")),
];
const VOLUME: Table = &[
    ("name", Any),
    (
        "configMap",
        Is(&[("name", Any), ("items", Each(ITEM)), ("optional", Any), ("defaultMode", Any)]),
    ),
    (
        "secret",
        Is(&[("secretName", Any), ("items", Each(ITEM)), ("optional", Any), ("defaultMode", Any)]),
    ),
    ("emptyDir", Is(&[("medium", Any), ("sizeLimit", No("is not enforced here; remove it"))])),
    ("hostPath", No("would open the machine's files to the replica; use a ConfigMap or emptyDir")),
    ("persistentVolumeClaim", No("needs storage that local processes do not have yet")),
];
const ITEM: Table = &[("key", Any), ("path", Any), ("mode", Any)];
const CONFIG_MAP: Table = &[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Is(METADATA)),
    ("data", Any),
    ("binaryData", Any),
    ("immutable", Any),
];
const SECRET: Table = &[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Is(METADATA)),
    ("type", Any),
    ("data", Any),
    ("stringData", Any),
    ("immutable", Any),
];
const SERVICE: Table = &[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Is(METADATA)),
    ("status", Any),
    (
        "spec",
        Is(&[
            ("type", Only(&["\"ClusterIP\"", "\"NodePort\"", "\"LoadBalancer\""])),
            ("selector", Any),
            (
                "ports",
                Each(&[
                    ("name", Any),
                    ("port", Any),
                    ("targetPort", Any),
                    ("nodePort", Any),
                    ("protocol", Only(&["\"TCP\""])),
                    ("appProtocol", Any),
                ]),
            ),
            ("sessionAffinity", Only(&["\"None\""])),
            ("clusterIP", No("is chosen by Boucle: every service listens on loopback; remove it")),
            ("externalName", No("names another machine; remove it")),
            ("ipFamilies", Any),
            ("ipFamilyPolicy", Any),
            ("internalTrafficPolicy", Any),
            ("externalTrafficPolicy", Any),
        ]),
    ),
];
const BACKEND: Table = &[
    ("service", Is(&[("name", Any), ("port", Is(&[("number", Any), ("name", Any)]))])),
    ("resource", No("is not known by local processes; name a service")),
];
const INGRESS: Table = &[
    ("apiVersion", Any),
    ("kind", Any),
    ("metadata", Is(METADATA)),
    ("status", Any),
    (
        "spec",
        Is(&[
            ("ingressClassName", Any),
            ("defaultBackend", Is(BACKEND)),
            (
                "rules",
                Each(&[
                    ("host", Any),
                    (
                        "http",
                        Is(&[(
                            "paths",
                            Each(&[
                                ("path", Any),
                                (
                                    "pathType",
                                    Only(&[
                                        "\"Prefix\"",
                                        "\"Exact\"",
                                        "\"ImplementationSpecific\"",
                                    ]),
                                ),
                                ("backend", Is(BACKEND)),
                            ]),
                        )]),
                    ),
                ]),
            ),
            ("tls", No("is not done on loopback; remove it")),
        ]),
    ),
];

/// Walks the manifest of a known kind; the first field that cannot be honoured is the answer.
pub(crate) fn check(
    kind: &str,
    object: &str,
    manifest: &Map<String, Value>,
) -> Result<(), Unsupported> {
    let table = match kind {
        "Deployment" => DEPLOYMENT,
        "Job" => JOB,
        "ConfigMap" => CONFIG_MAP,
        "Secret" => SECRET,
        "Service" => SERVICE,
        "Ingress" => INGRESS,
        _ => &[],
    };
    let mut path = String::new();
    walk(table, manifest, &mut path).map_err(|reason| Unsupported::Field {
        object: object.to_owned(),
        path: path.clone(),
        reason,
    })
}

/// On refusal `path` is the field's.
fn walk(table: Table, fields: &Map<String, Value>, path: &mut String) -> Result<(), String> {
    for (name, value) in fields {
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(name);
        let rule = table.iter().find(|(known, _)| known == name).map(|(_, rule)| rule);
        let Some(rule) = rule else {
            return Err("is not a field that local processes know".to_owned());
        };
        if !value.is_null() {
            obey(rule, value, path)?;
        }
        path.truncate(length);
    }
    Ok(())
}

fn obey(rule: &Rule, value: &Value, path: &mut String) -> Result<(), String> {
    match rule {
        Any => Ok(()),
        No(reason) => Err((*reason).to_owned()),
        Only(values) => {
            let written = value.to_string();
            if values.contains(&written.as_str()) {
                return Ok(());
            }
            Err(format!("is {written}, and local processes know only {}", values.join(", ")))
        }
        Is(table) => match value {
            Value::Object(fields) => walk(table, fields, path),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err("is not an object".to_owned()),
        },
        Each(table) => match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let length = path.len();
                    // Writing to a string cannot fail.
                    let _ = write!(path, "[{index}]");
                    let Value::Object(fields) = item else {
                        return Err("is not an object".to_owned());
                    };
                    walk(table, fields, path)?;
                    path.truncate(length);
                }
                Ok(())
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => Err("is not a list".to_owned()),
        },
    }
}
