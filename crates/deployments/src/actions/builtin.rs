//! The actions that need no script: those of Kubernetes' own workloads, under Argo CD's names.

use std::collections::BTreeMap;

use ledger::Timestamp;
use serde_json::{Map, Value, json};

use super::ActionRefusal;
use crate::lua::{Action, ActionParameter, Change, ChangeOperation};
use crate::objects::{ObjectKey, text};

const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
const INSTANTIATE: &str = "cronjob.kubernetes.io/instantiate";
const REPLICAS: &str = "replicas";

fn names(key: &ObjectKey) -> &'static [&'static str] {
    match (key.group.as_str(), key.kind.as_str()) {
        ("apps", "Deployment") => &["pause", "restart", "resume", "scale"],
        ("apps", "StatefulSet") => &["restart", "scale"],
        ("apps", "DaemonSet") => &["restart"],
        ("batch", "CronJob") => &["create-job", "resume", "suspend"],
        _ => &[],
    }
}

/// Whether objects of this kind have any.
pub(super) fn has(key: &ObjectKey) -> bool {
    !names(key).is_empty()
}

/// Those of an object, by name.
pub(super) fn offered(key: &ObjectKey, object: &Value) -> Vec<Action> {
    let is = |pointer: &str| object.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
    let replicas = object.pointer("/spec/replicas").and_then(Value::as_u64);
    let action = |name: &&str| Action {
        name: (*name).to_owned(),
        is_disabled: match *name {
            "pause" => is("/spec/paused"),
            "suspend" => is("/spec/suspend"),
            "resume" => !is("/spec/paused") && !is("/spec/suspend"),
            _ => false,
        },
        display_name: None,
        icon_class: None,
        parameters: match *name {
            "scale" => vec![ActionParameter {
                name: REPLICAS.into(),
                default: replicas.map(|replicas| replicas.to_string()),
            }],
            _ => Vec::new(),
        },
    };
    names(key).iter().map(action).collect()
}

/// What an action changes; `None`: it is none of these.
pub(super) fn run(
    key: &ObjectKey,
    object: &Value,
    name: &str,
    parameters: &BTreeMap<String, String>,
    now: Timestamp,
) -> Result<Option<Change>, ActionRefusal> {
    if !names(key).contains(&name) {
        return Ok(None);
    }
    let mut changed = object.clone();
    match name {
        "restart" => {
            let path = ["spec", "template", "metadata", "annotations", RESTARTED_AT];
            set(&mut changed, &path, to_the_second(now).into());
        }
        "pause" => set(&mut changed, &["spec", "paused"], true.into()),
        "suspend" => set(&mut changed, &["spec", "suspend"], true.into()),
        "resume" if key.kind == "CronJob" => set(&mut changed, &["spec", "suspend"], false.into()),
        "resume" => set(&mut changed, &["spec", "paused"], Value::Null),
        "scale" => {
            let given = parameters.get(REPLICAS).map_or("", String::as_str);
            let replicas: Option<i32> = given.parse().ok().filter(|replicas| *replicas >= 0);
            let wrong = || ActionRefusal::NoWholeNumber { parameter: REPLICAS.into() };
            let replicas = replicas.ok_or_else(wrong)?;
            set(&mut changed, &["spec", REPLICAS], replicas.into());
        }
        "create-job" => {
            return Ok(Some(Change {
                operation: ChangeOperation::Create,
                object: job(key, object, now),
            }));
        }
        _ => return Ok(None),
    }
    Ok(Some(Change { operation: ChangeOperation::Patch, object: changed }))
}

/// The job that the CronJob would make by itself.
fn job(key: &ObjectKey, object: &Value, now: Timestamp) -> Value {
    let template = |pointer: &str| object.pointer(pointer).cloned();
    let annotations = template("/spec/jobTemplate/metadata/annotations");
    let mut annotations: Map<String, Value> =
        annotations.and_then(|known| known.as_object().cloned()).unwrap_or_default();
    annotations.insert(INSTANTIATE.into(), Value::from("manual"));
    // The name of a CronJob leaves room for just as many digits.
    let name = format!("{}-{}", key.name, now.0.div_euclid(1_000));
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": key.namespace,
            "labels": template("/spec/jobTemplate/metadata/labels").unwrap_or_else(|| json!({})),
            "annotations": annotations,
            "ownerReferences": [{
                "apiVersion": object["apiVersion"],
                "kind": "CronJob",
                "name": key.name,
                "uid": text(object, "/metadata/uid").unwrap_or_default(),
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "spec": template("/spec/jobTemplate/spec").unwrap_or_else(|| json!({})),
    })
}

fn to_the_second(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.').map_or(text.clone(), |(seconds, _)| format!("{seconds}Z"))
}

/// Sets a field, or takes it out; what it is in is made when it is not there.
fn set(object: &mut Value, path: &[&str], value: Value) {
    let Some((last, above)) = path.split_last() else { return };
    let mut place = object;
    for name in above {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[*name];
    }
    if !place.is_object() {
        *place = json!({});
    }
    if let Some(fields) = place.as_object_mut() {
        if value.is_null() {
            fields.remove(*last);
        } else {
            fields.insert((*last).to_owned(), value);
        }
    }
}
