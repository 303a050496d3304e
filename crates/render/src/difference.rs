//! What differs between two renderings, object by object, and which workloads restart.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;

/// What happens to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It is new.
    Created,
    /// It goes away.
    Deleted,
    /// It stays and differs.
    Changed,
}

impl Change {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Change::Created => "created",
            Change::Deleted => "deleted",
            Change::Changed => "changed",
        }
    }
}

/// Why a workload's processes are replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restart {
    /// The parts of the pod template that differ, as paths below it.
    pub fields: Vec<String>,
}

impl Restart {
    /// One sentence for people.
    #[must_use]
    pub fn reason(&self) -> String {
        format!("the pod template changes at {}", self.fields.join(", "))
    }
}

/// One object that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectDifference {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`; empty when there is none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// What happens to it.
    pub change: Change,
    /// A unified difference of the object's YAML; the values of a Secret are masked.
    pub text: String,
    /// Why its processes restart; `None` when they go on.
    pub restart: Option<Restart>,
}

/// Every object that differs between the two renderings, by namespace, kind and name.
#[must_use]
pub fn difference(before: &[Value], after: &[Value]) -> Vec<ObjectDifference> {
    let mut pairs: BTreeMap<Identity, (Option<&Value>, Option<&Value>)> = BTreeMap::new();
    for manifest in before {
        pairs.entry(Identity::of(manifest)).or_default().0 = Some(manifest);
    }
    for manifest in after {
        pairs.entry(Identity::of(manifest)).or_default().1 = Some(manifest);
    }
    let found = pairs.into_iter().filter(|(_, (before, after))| !is_same(*before, *after));
    found.map(|(identity, (before, after))| described(&identity, before, after)).collect()
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Identity {
    namespace: String,
    kind: String,
    name: String,
    group: String,
}

impl Identity {
    fn of(manifest: &Value) -> Self {
        let text =
            |pointer: &str| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let group = text("/apiVersion").split_once('/').map_or("", |(group, _)| group);
        Identity {
            namespace: text("/metadata/namespace").into(),
            kind: text("/kind").into(),
            name: text("/metadata/name").into(),
            group: group.into(),
        }
    }
}

fn is_same(before: Option<&Value>, after: Option<&Value>) -> bool {
    before == after
}

fn described(
    identity: &Identity,
    before: Option<&Value>,
    after: Option<&Value>,
) -> ObjectDifference {
    let change = match (before, after) {
        (None, _) => Change::Created,
        (Some(_), None) => Change::Deleted,
        (Some(_), Some(_)) => Change::Changed,
    };
    let version = after.or(before).and_then(|manifest| manifest.get("apiVersion"));
    let restart = match (before, after) {
        (Some(before), Some(after)) => restart(before, after),
        (None, _) | (_, None) => None,
    };
    let (old, new) = masked(before, after);
    let name = format!("{} {}", identity.kind, identity.name);
    let text = TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(&format!("{name} (before)"), &format!("{name} (after)"))
        .to_string();
    ObjectDifference {
        api_version: version.and_then(Value::as_str).unwrap_or_default().into(),
        kind: identity.kind.clone(),
        namespace: identity.namespace.clone(),
        name: identity.name.clone(),
        change,
        text,
        restart,
    }
}

/// Both objects as YAML. Of a Secret's values only this is told: absent, the same, or changed.
fn masked(before: Option<&Value>, after: Option<&Value>) -> (String, String) {
    let text = |manifest: Option<&Value>, other: Option<&Value>, mask: &str| {
        let Some(manifest) = manifest else { return String::new() };
        let mut sorted = sorted(manifest);
        if sorted.get("kind").and_then(Value::as_str) == Some("Secret") {
            mask_values(&mut sorted, other, mask);
        }
        yaml::emit(&[sorted])
    };
    (text(before, after, "(hidden, before)"), text(after, before, "(hidden, after)"))
}

fn mask_values(secret: &mut Value, other: Option<&Value>, mask: &str) {
    for field in ["data", "stringData"] {
        let Some(Value::Object(values)) = secret.get_mut(field) else { continue };
        for (key, value) in values {
            let counterpart =
                other.and_then(|other| other.get(field)).and_then(|data| data.get(key));
            let text = if counterpart == Some(value) { "(hidden)" } else { mask };
            *value = Value::String(text.into());
        }
    }
    let annotation = "kubectl.kubernetes.io/last-applied-configuration";
    if let Some(Value::Object(annotations)) = secret.pointer_mut("/metadata/annotations")
        && let Some(applied) = annotations.get_mut(annotation)
    {
        *applied = Value::String("(hidden)".into());
    }
}

/// Keys in order, so that only what differs shows.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, &Value> = fields.iter().collect();
            Value::Object(
                fields.into_iter().map(|(key, value)| (key.clone(), sorted(value))).collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Where the pod template of a workload with running processes is; a Job and a CronJob start new
/// ones only by themselves.
fn restart(before: &Value, after: &Value) -> Option<Restart> {
    let template = match after.get("kind").and_then(Value::as_str)? {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" => {
            "/spec/template"
        }
        "Pod" => "/spec",
        _ => return None,
    };
    let mut fields = Vec::new();
    let nothing = Value::Null;
    let (old, new) = (before.pointer(template), after.pointer(template));
    changed("", old.unwrap_or(&nothing), new.unwrap_or(&nothing), &mut fields);
    if fields.is_empty() { None } else { Some(Restart { fields }) }
}

/// The paths of the differing leaves; list items by `name` where they have one.
fn changed(path: &str, before: &Value, after: &Value, fields: &mut Vec<String>) {
    let below =
        |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(before), Value::Object(after)) => {
            let names: std::collections::BTreeSet<&String> =
                before.keys().chain(after.keys()).collect();
            for name in names {
                let of = |fields: &serde_json::Map<String, Value>| {
                    fields.get(name).cloned().unwrap_or(Value::Null)
                };
                changed(&below(name), &of(before), &of(after), fields);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                let name = match (before.get("name"), after.get("name")) {
                    (Some(Value::String(old)), Some(Value::String(new))) if old == new => {
                        old.clone()
                    }
                    _ => index.to_string(),
                };
                changed(&format!("{path}[{name}]"), before, after, fields);
            }
        }
        _ => fields.push(if path.is_empty() { "its whole".into() } else { path.to_owned() }),
    }
}
