//! Kinds that run pods, checked as Argo CD's own checks and `kubectl rollout status` do.

use serde_json::Value;

use super::Health;
use super::subject::Subject;
use crate::objects::text;

/// The controller has seen the newest spec.
fn is_observed(subject: &Subject<'_>) -> bool {
    subject.count("/metadata/generation") <= subject.count("/status/observedGeneration")
}

fn waiting(message: impl std::fmt::Display) -> Health {
    Health::progressing(format!("Waiting for rollout to finish: {message}"))
}

pub(super) fn deployment(subject: &Subject<'_>) -> Health {
    if subject.flag("/spec/paused") == Some(true) {
        return Health::suspended("Deployment is paused");
    }
    if !is_observed(subject) {
        return waiting("observed deployment generation less than desired generation");
    }
    if let Some(condition) = subject.condition("Progressing")
        && condition.reason == "ProgressDeadlineExceeded"
    {
        let name = subject.name();
        return Health::degraded(format!("Deployment \"{name}\" exceeded its progress deadline"));
    }
    let updated = subject.count("/status/updatedReplicas");
    let available = subject.count("/status/availableReplicas");
    let total = subject.count("/status/replicas");
    match subject.number("/spec/replicas") {
        Some(wanted) if updated < wanted => {
            waiting(format_args!("{updated} out of {wanted} new replicas have been updated..."))
        }
        _ if total > updated => {
            let old = total - updated;
            waiting(format_args!("{old} old replicas are pending termination..."))
        }
        _ if available < updated => {
            waiting(format_args!("{available} of {updated} updated replicas are available..."))
        }
        _ => Health::healthy(""),
    }
}

pub(super) fn replica_set(subject: &Subject<'_>) -> Health {
    if !is_observed(subject) {
        return waiting("observed replica set generation less than desired generation");
    }
    if let Some(condition) = subject.condition("ReplicaFailure")
        && condition.is_true()
    {
        return Health::degraded(condition.message);
    }
    let available = subject.count("/status/availableReplicas");
    match subject.number("/spec/replicas") {
        Some(wanted) if available < wanted => {
            waiting(format_args!("{available} out of {wanted} new replicas are available..."))
        }
        _ => Health::healthy(""),
    }
}

pub(super) fn stateful_set(subject: &Subject<'_>) -> Health {
    let observed = subject.count("/status/observedGeneration");
    if observed == 0 || subject.count("/metadata/generation") > observed {
        return Health::progressing("Waiting for statefulset spec update to be observed...");
    }
    let ready = subject.count("/status/readyReplicas");
    let updated = subject.count("/status/updatedReplicas");
    let wanted = subject.number("/spec/replicas");
    if let Some(wanted) = wanted
        && ready < wanted
    {
        let missing = wanted - ready;
        return Health::progressing(format!("Waiting for {missing} pods to be ready..."));
    }
    let strategy = subject.text("/spec/updateStrategy/type");
    if strategy == Some("RollingUpdate")
        && subject.at("/spec/updateStrategy/rollingUpdate").is_some()
    {
        return partitioned(subject, wanted, updated);
    }
    if strategy == Some("OnDelete") {
        return Health::healthy(format!("statefulset has {ready} ready pods"));
    }
    let update = subject.text("/status/updateRevision").unwrap_or_default();
    let current = subject.text("/status/currentRevision").unwrap_or_default();
    if update != current {
        return Health::progressing(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        ));
    }
    let pods = subject.count("/status/currentReplicas");
    Health::healthy(format!(
        "statefulset rolling update complete {pods} pods at revision {current}..."
    ))
}

fn partitioned(subject: &Subject<'_>, wanted: Option<i64>, updated: i64) -> Health {
    let partition = subject.number("/spec/updateStrategy/rollingUpdate/partition");
    if let (Some(wanted), Some(partition)) = (wanted, partition)
        && updated < wanted - partition
    {
        let new = wanted - partition;
        return Health::progressing(format!(
            "Waiting for partitioned roll out to finish: {updated} out of {new} new pods have been updated..."
        ));
    }
    Health::healthy(format!(
        "partitioned roll out complete: {updated} new pods have been updated..."
    ))
}

pub(super) fn daemon_set(subject: &Subject<'_>) -> Health {
    if !is_observed(subject) {
        return waiting("observed daemon set generation less than desired generation");
    }
    let name = subject.name();
    let wanted = subject.count("/status/desiredNumberScheduled");
    let updated = subject.count("/status/updatedNumberScheduled");
    let available = subject.count("/status/numberAvailable");
    if subject.text("/spec/updateStrategy/type") == Some("OnDelete") {
        return Health::healthy(format!(
            "daemon set {updated} out of {wanted} new pods have been updated"
        ));
    }
    if updated < wanted {
        return Health::progressing(format!(
            "Waiting for daemon set \"{name}\" rollout to finish: {updated} out of {wanted} new pods have been updated..."
        ));
    }
    if available < wanted {
        return Health::progressing(format!(
            "Waiting for daemon set \"{name}\" rollout to finish: {available} of {wanted} updated pods are available..."
        ));
    }
    Health::healthy("")
}

pub(super) fn job(subject: &Subject<'_>) -> Health {
    let met = |kind: &str| subject.condition(kind).filter(|condition| condition.is_true());
    if let Some(failed) = met("Failed") {
        return Health::degraded(failed.message);
    }
    if let Some(complete) = met("Complete") {
        return Health::healthy(complete.message);
    }
    // Argo CD takes a job that was resumed for healthy; one that runs again is not done.
    if let Some(suspended) = met("Suspended") {
        return Health::suspended(suspended.message);
    }
    Health::progressing("")
}

/// What the containers wait for that does not end by itself.
fn stuck(subject: &Subject<'_>) -> Vec<String> {
    let statuses = subject.items("/status/containerStatuses");
    let stuck = statuses.into_iter().filter_map(|status| {
        let waiting = status.pointer("/state/waiting")?;
        let reason = text(waiting, "/reason")?;
        let is_stuck =
            reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
        let message = text(waiting, "/message").filter(|message| !message.is_empty());
        is_stuck.then(|| message.unwrap_or(reason).to_owned())
    });
    stuck.collect()
}

pub(super) fn pod(subject: &Subject<'_>) -> Health {
    let policy = subject.text("/spec/restartPolicy").unwrap_or("Always");
    if policy == "Always" {
        let stuck = stuck(subject);
        if !stuck.is_empty() {
            return Health::degraded(stuck.join(", "));
        }
    }
    let message = subject.text("/status/message").unwrap_or_default();
    match subject.text("/status/phase") {
        Some("Pending") => Health::progressing(message),
        Some("Succeeded") => Health::healthy(message),
        Some("Failed") if !message.is_empty() => Health::degraded(message),
        Some("Failed") => Health::degraded(failure(subject).unwrap_or_default()),
        // What is to end and has not: a hook, a step of a workflow.
        Some("Running") if policy != "Always" => Health::progressing(message),
        Some("Running") => running_pod(subject, message),
        _ => Health::unknown(message),
    }
}

/// What the first container that ended badly says.
fn failure(subject: &Subject<'_>) -> Option<String> {
    let mut statuses = subject.items("/status/initContainerStatuses");
    statuses.extend(subject.items("/status/containerStatuses"));
    statuses.into_iter().find_map(|status| {
        let ended = status.pointer("/state/terminated")?;
        if let Some(message) = text(ended, "/message").filter(|message| !message.is_empty()) {
            return Some(message.to_owned());
        }
        if text(ended, "/reason") == Some("OOMKilled") {
            return Some("OOMKilled".to_owned());
        }
        let code = ended.get("exitCode").and_then(Value::as_i64).filter(|code| *code != 0)?;
        let name = text(status, "/name").unwrap_or_default();
        Some(format!("container \"{name}\" failed with exit code {code}"))
    })
}

fn running_pod(subject: &Subject<'_>, message: &str) -> Health {
    if subject.condition("Ready").is_some_and(|ready| ready.is_true()) {
        return Health::healthy(message);
    }
    let statuses = subject.items("/status/containerStatuses");
    if statuses.iter().any(|status| status.pointer("/lastState/terminated").is_some()) {
        return Health::degraded(message);
    }
    Health::progressing(message)
}
