//! The manifests that the engine runs, read once at the door. Fields that are accepted but change
//! nothing on one machine are not here; see `supported.rs` for all of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::event::ObjectKey;
use crate::quantity;
use crate::supported::{Unsupported, check};

/// A manifest of a kind that the engine runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Object {
    pub(crate) key: ObjectKey,
    pub(crate) body: Body,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Body {
    Deployment(Box<Deployment>),
    Job(Box<Job>),
    /// A ConfigMap's or Secret's entries, as bytes.
    Data(BTreeMap<String, Vec<u8>>),
    Service(Service),
    Ingress(Ingress),
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Metadata {
    pub(crate) name: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Deployment {
    #[serde(default = "one")]
    pub(crate) replicas: u32,
    #[serde(default)]
    pub(crate) selector: Selector,
    pub(crate) template: Template,
    #[serde(default)]
    pub(crate) strategy: Strategy,
    #[serde(default)]
    pub(crate) min_ready_seconds: u64,
    /// Kubernetes' default.
    #[serde(default = "ten_minutes")]
    pub(crate) progress_deadline_seconds: u64,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Selector {
    pub(crate) match_labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Strategy {
    #[serde(rename = "type")]
    pub(crate) kind: StrategyKind,
    pub(crate) rolling_update: RollingUpdate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum StrategyKind {
    #[default]
    RollingUpdate,
    Recreate,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RollingUpdate {
    pub(crate) max_surge: Option<IntOrText>,
    pub(crate) max_unavailable: Option<IntOrText>,
}

/// A port or a share: a number, or a name or percentage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum IntOrText {
    Int(u32),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    pub(crate) template: Template,
    /// Kubernetes' default.
    #[serde(default = "six")]
    pub(crate) backoff_limit: u32,
    #[serde(default = "one")]
    pub(crate) completions: u32,
    #[serde(default = "one")]
    pub(crate) parallelism: u32,
    pub(crate) active_deadline_seconds: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Template {
    #[serde(default)]
    pub(crate) metadata: Metadata,
    pub(crate) spec: Pod,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pod {
    pub(crate) containers: Vec<Container>,
    #[serde(default)]
    pub(crate) volumes: Vec<Volume>,
    #[serde(default)]
    pub(crate) restart_policy: RestartPolicy,
    /// Kubernetes' default.
    #[serde(default = "thirty")]
    pub(crate) termination_grace_period_seconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(crate) enum RestartPolicy {
    #[default]
    Always,
    OnFailure,
    Never,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    #[serde(default)]
    pub(crate) command: Vec<String>,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    pub(crate) working_dir: Option<String>,
    #[serde(default)]
    pub(crate) env: Vec<Variable>,
    #[serde(default)]
    pub(crate) env_from: Vec<VariableSource>,
    #[serde(default)]
    pub(crate) ports: Vec<ContainerPort>,
    #[serde(default)]
    pub(crate) resources: Resources,
    #[serde(default)]
    pub(crate) volume_mounts: Vec<VolumeMount>,
    pub(crate) startup_probe: Option<Probe>,
    pub(crate) readiness_probe: Option<Probe>,
    pub(crate) liveness_probe: Option<Probe>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
    pub(crate) value_from: Option<ValueFrom>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ValueFrom {
    #[serde(rename = "configMapKeyRef")]
    ConfigMapKey(KeyReference),
    #[serde(rename = "secretKeyRef")]
    SecretKey(KeyReference),
    #[serde(rename = "fieldRef", rename_all = "camelCase")]
    Field { field_path: String },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct KeyReference {
    pub(crate) name: String,
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) optional: bool,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VariableSource {
    #[serde(default)]
    pub(crate) prefix: String,
    pub(crate) config_map_ref: Option<Reference>,
    pub(crate) secret_ref: Option<Reference>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Reference {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) optional: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerPort {
    pub(crate) name: Option<String>,
    pub(crate) container_port: u16,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resources {
    pub(crate) limits: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeMount {
    pub(crate) name: String,
    pub(crate) mount_path: String,
    #[serde(default)]
    pub(crate) read_only: bool,
    pub(crate) sub_path: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Probe {
    pub(crate) http_get: Option<HttpGet>,
    pub(crate) tcp_socket: Option<TcpSocket>,
    pub(crate) exec: Option<Exec>,
    #[serde(default)]
    pub(crate) initial_delay_seconds: u64,
    /// Kubernetes' defaults for this one and the next three.
    #[serde(default = "ten")]
    pub(crate) period_seconds: u64,
    #[serde(default = "one_second")]
    pub(crate) timeout_seconds: u64,
    #[serde(default = "one")]
    pub(crate) success_threshold: u32,
    #[serde(default = "three")]
    pub(crate) failure_threshold: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HttpGet {
    #[serde(default = "root_path")]
    pub(crate) path: String,
    pub(crate) port: IntOrText,
    #[serde(default)]
    pub(crate) http_headers: Vec<Header>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct TcpSocket {
    pub(crate) port: IntOrText,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Exec {
    #[serde(default)]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Volume {
    pub(crate) name: String,
    pub(crate) config_map: Option<DataVolume>,
    pub(crate) secret: Option<DataVolume>,
    pub(crate) empty_dir: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DataVolume {
    #[serde(alias = "secretName")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) items: Vec<Item>,
    #[serde(default)]
    pub(crate) optional: bool,
    pub(crate) default_mode: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Item {
    pub(crate) key: String,
    pub(crate) path: String,
    pub(crate) mode: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Service {
    #[serde(default)]
    pub(crate) selector: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) ports: Vec<ServicePort>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServicePort {
    pub(crate) name: Option<String>,
    pub(crate) port: u16,
    pub(crate) target_port: Option<IntOrText>,
    pub(crate) node_port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ingress {
    pub(crate) default_backend: Option<Backend>,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Rule {
    pub(crate) host: Option<String>,
    pub(crate) http: Option<HttpRule>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct HttpRule {
    pub(crate) paths: Vec<PathRule>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PathRule {
    #[serde(default = "root_path")]
    pub(crate) path: String,
    pub(crate) path_type: Option<String>,
    pub(crate) backend: Backend,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Backend {
    pub(crate) service: BackendService,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct BackendService {
    pub(crate) name: String,
    pub(crate) port: BackendPort,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct BackendPort {
    pub(crate) number: Option<u16>,
    pub(crate) name: Option<String>,
}

const fn one() -> u32 {
    1
}
const fn three() -> u32 {
    3
}
const fn six() -> u32 {
    6
}
const fn one_second() -> u64 {
    1
}
const fn ten() -> u64 {
    10
}
const fn thirty() -> u64 {
    30
}
const fn ten_minutes() -> u64 {
    600
}
fn root_path() -> String {
    "/".to_owned()
}

/// The API version that a kind is known under.
pub(crate) fn api_version_of(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(known, _)| *known == kind).map(|(_, version)| *version)
}

/// The kinds with the API version that each is known under.
const KINDS: &[(&str, &str)] = &[
    ("Deployment", "apps/v1"),
    ("Job", "batch/v1"),
    ("ConfigMap", "v1"),
    ("Secret", "v1"),
    ("Service", "v1"),
    ("Ingress", "networking.k8s.io/v1"),
];

/// Reads a manifest, refusing all that would be ignored.
pub(crate) fn parse(manifest: &Value) -> Result<Object, Unsupported> {
    let text =
        |field: &str| manifest.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (kind, api_version) = (text("kind"), text("apiVersion"));
    let metadata: Metadata = manifest
        .get("metadata")
        .map(|metadata| serde_json::from_value(metadata.clone()))
        .transpose()
        .map_err(|error| invalid(&kind, format!("`metadata`: {error}")))?
        .unwrap_or_default();
    let name = metadata.name.clone().unwrap_or_default();
    let object = format!("{kind}/{name}");
    let Some(fields) =
        manifest.as_object().filter(|_| KINDS.contains(&(kind.as_str(), api_version.as_str())))
    else {
        return Err(Unsupported::Kind { object, kind, api_version });
    };
    let namespace = metadata.namespace.clone().unwrap_or_else(|| "default".to_owned());
    for (what, text) in [("name", &name), ("namespace", &namespace)] {
        if !is_name(text) {
            let reason = format!("`metadata.{what}` `{text}` is not a name that Kubernetes takes");
            return Err(invalid(&object, reason));
        }
    }
    check(&kind, &object, fields)?;
    let body = body(&kind, manifest).map_err(|reason| invalid(&object, reason))?;
    Ok(Object { key: ObjectKey { kind, namespace, name }, body })
}

fn invalid(object: &str, reason: impl Into<String>) -> Unsupported {
    Unsupported::Invalid { object: object.to_owned(), reason: reason.into() }
}

/// RFC 1123: a file of this name is safe too.
fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(inner)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
}

fn body(kind: &str, manifest: &Value) -> Result<Body, String> {
    let spec = manifest.get("spec").cloned().unwrap_or_default();
    let said = |error: serde_json::Error| format!("`spec`: {error}");
    Ok(match kind {
        "Deployment" => {
            let deployment: Deployment = serde_json::from_value(spec).map_err(said)?;
            let selector = &deployment.selector.match_labels;
            let labels = &deployment.template.metadata.labels;
            if selector.is_empty() || !selects(selector, labels) {
                return Err(
                    "`spec.selector.matchLabels` does not select the template's own labels".into(),
                );
            }
            check_pod(&deployment.template.spec)?;
            if deployment.template.spec.restart_policy != RestartPolicy::Always {
                return Err(
                    "`spec.template.spec.restartPolicy` of a Deployment is always Always".into()
                );
            }
            Body::Deployment(Box::new(deployment))
        }
        "Job" => {
            let job: Job = serde_json::from_value(spec).map_err(said)?;
            check_pod(&job.template.spec)?;
            if job.template.spec.restart_policy == RestartPolicy::Always {
                return Err(
                    "`spec.template.spec.restartPolicy` of a Job is Never or OnFailure".into()
                );
            }
            Body::Job(Box::new(job))
        }
        "Service" => {
            let service: Service = serde_json::from_value(spec).map_err(said)?;
            if service.selector.is_empty() || service.ports.is_empty() {
                return Err("`spec` needs a selector and at least one port".into());
            }
            Body::Service(service)
        }
        "Ingress" => Body::Ingress(serde_json::from_value(spec).map_err(said)?),
        _ => Body::Data(data(manifest)?),
    })
}

/// The entries of a ConfigMap or Secret. In a Secret `data` is base64, in both `binaryData` is.
fn data(manifest: &Value) -> Result<BTreeMap<String, Vec<u8>>, String> {
    use base64::Engine as _;
    let secret = manifest.get("kind").and_then(Value::as_str) == Some("Secret");
    let mut entries = BTreeMap::new();
    for (field, encoded) in [("data", secret), ("binaryData", true), ("stringData", false)] {
        let Some(fields) = manifest.get(field).filter(|value| !value.is_null()) else { continue };
        let fields: BTreeMap<String, String> = serde_json::from_value(fields.clone())
            .map_err(|error| format!("`{field}`: {error}"))?;
        for (key, text) in fields {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if key.is_empty() || key == "." || key == ".." || !key.bytes().all(plain) {
                return Err(format!("`{field}.{key}` is not a key that Kubernetes takes"));
            }
            let bytes = if encoded {
                let text: String = text.split_whitespace().collect();
                base64::engine::general_purpose::STANDARD
                    .decode(text)
                    // The value itself is not repeated: it may be a secret.
                    .map_err(|_| format!("`{field}.{key}` is not base64"))?
            } else {
                text.into_bytes()
            };
            entries.insert(key, bytes);
        }
    }
    Ok(entries)
}

fn check_pod(pod: &Pod) -> Result<(), String> {
    if pod.containers.is_empty() {
        return Err("`spec.template.spec.containers` is empty".into());
    }
    for volume in &pod.volumes {
        let kinds =
            [volume.config_map.is_some(), volume.secret.is_some(), volume.empty_dir.is_some()];
        if kinds.iter().filter(|given| **given).count() != 1 {
            return Err(format!(
                "the volume `{}` needs exactly one of configMap, secret, emptyDir",
                volume.name
            ));
        }
        let items = volume.config_map.iter().chain(&volume.secret).flat_map(|data| &data.items);
        for item in items {
            if !is_inside(&item.path) {
                return Err(format!(
                    "the path `{}` of volume `{}` leaves it",
                    item.path, volume.name
                ));
            }
        }
    }
    for container in &pod.containers {
        check_container(pod, container)
            .map_err(|reason| format!("container `{}`: {reason}", container.name))?;
    }
    Ok(())
}

fn check_container(pod: &Pod, container: &Container) -> Result<(), String> {
    if !is_name(&container.name) {
        return Err("its name is not one that Kubernetes takes".into());
    }
    for mount in &container.volume_mounts {
        if !pod.volumes.iter().any(|volume| volume.name == mount.name) {
            return Err(format!(
                "`volumeMounts` names the volume `{}`, which is not there",
                mount.name
            ));
        }
        if !mount.mount_path.starts_with('/')
            || mount.mount_path.split('/').any(|part| part == "..")
        {
            return Err(format!("the mount path `{}` is not absolute", mount.mount_path));
        }
        if mount.sub_path.as_deref().is_some_and(|path| !is_inside(path)) {
            return Err(format!("a `subPath` of `{}` leaves it", mount.name));
        }
    }
    for (name, value) in &container.resources.limits {
        let parsed = quantity::parse(value);
        if parsed.is_none_or(|amount| amount <= 0.0) {
            return Err(format!("`resources.limits.{name}` is {value}, which is no amount"));
        }
    }
    let probes = [
        ("startupProbe", &container.startup_probe),
        ("readinessProbe", &container.readiness_probe),
        ("livenessProbe", &container.liveness_probe),
    ];
    for (what, probe) in probes {
        let Some(probe) = probe else { continue };
        let port = probe
            .http_get
            .as_ref()
            .map(|get| &get.port)
            .or(probe.tcp_socket.as_ref().map(|tcp| &tcp.port));
        if port.is_some_and(|port| container_port(container, port).is_none()) {
            return Err(format!("`{what}` names a port that `ports` does not declare"));
        }
        let command = probe.exec.as_ref().is_some_and(|exec| !exec.command.is_empty());
        if port.is_none() && !command {
            return Err(format!("`{what}` needs one of httpGet, tcpSocket, exec"));
        }
        if probe.period_seconds == 0 || probe.timeout_seconds == 0 || probe.failure_threshold == 0 {
            return Err(format!("the numbers of `{what}` begin at 1"));
        }
    }
    Ok(())
}

/// The declared port that a number or name means.
pub(crate) fn container_port(container: &Container, port: &IntOrText) -> Option<u16> {
    container
        .ports
        .iter()
        .find(|declared| match port {
            IntOrText::Int(number) => u32::from(declared.container_port) == *number,
            IntOrText::Text(name) => declared.name.as_ref() == Some(name),
        })
        .map(|declared| declared.container_port)
}

fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && path.split('/').all(|part| part != ".." && !part.is_empty())
}

/// Whether the labels have all that the selector names.
pub(crate) fn selects(
    selector: &BTreeMap<String, String>,
    labels: &BTreeMap<String, String>,
) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}
