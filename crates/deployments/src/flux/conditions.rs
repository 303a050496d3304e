//! A verdict as the conditions that Flux and kstatus know.

use ledger::Timestamp;
use serde_json::{Value, json};

use super::verdict::{Progress, Verdict};
use crate::health::{Health, HealthStatus};
use crate::windows::seconds;

/// The API allows 32,768; a person reads less.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// The conditions of an object; one that has the same status as before keeps its time.
pub(super) fn conditions(
    object: &Value,
    verdict: &Verdict,
    health: Option<&Health>,
    as_of: Timestamp,
) -> Value {
    let known = object.pointer("/status/conditions").and_then(Value::as_array);
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        let same = known.into_iter().flatten().find(|one| {
            one["type"] == kind && one["status"] == status && one["lastTransitionTime"].is_string()
        });
        let since = same.map(|one| one["lastTransitionTime"].clone());
        json!({
            "type": kind, "status": status, "reason": reason, "message": cut(message),
            "observedGeneration": object["metadata"]["generation"],
            "lastTransitionTime": since.unwrap_or_else(|| seconds(as_of).into()),
        })
    };
    let Verdict { progress, reason, message } = verdict;
    let (also, ready) = match progress {
        Progress::Done => (None, "True"),
        Progress::Moving => (Some(("Reconciling", "Progressing")), "Unknown"),
        Progress::Retrying => (Some(("Reconciling", "ProgressingWithRetry")), "False"),
        Progress::Waiting => (None, "False"),
        Progress::Stuck => (Some(("Stalled", *reason)), "False"),
    };
    let mut conditions = Vec::new();
    conditions.extend(also.map(|(kind, reason)| condition(kind, "True", reason, message)));
    conditions.push(condition("Ready", ready, reason, message));
    conditions.extend(health.map(|health| {
        let (status, reason) = healthy(health.status);
        condition("Healthy", status, reason, &health.message)
    }));
    conditions.into()
}

fn healthy(status: HealthStatus) -> (&'static str, &'static str) {
    match status {
        HealthStatus::Healthy => ("True", "Succeeded"),
        HealthStatus::Degraded => ("False", "HealthCheckFailed"),
        HealthStatus::Suspended => ("Unknown", "Suspended"),
        HealthStatus::Progressing | HealthStatus::Missing => ("Unknown", "Progressing"),
        HealthStatus::Unknown => ("Unknown", "Unknown"),
    }
}

fn cut(message: &str) -> String {
    if message.len() <= MESSAGE_BYTES_MAX {
        return message.to_owned();
    }
    format!("{}…", &message[..message.floor_char_boundary(MESSAGE_BYTES_MAX)])
}
