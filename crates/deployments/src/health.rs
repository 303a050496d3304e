//! Health of objects and applications, as Argo CD's built-in checks see it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::objects::{annotation, text};

/// Argo CD's statuses, best first; an application is as its worst object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Works.
    Healthy,
    /// Paused on purpose.
    Suspended,
    /// Not there yet, may still get there.
    Progressing,
    /// Not on the target.
    Missing,
    /// Will not get there by itself.
    Degraded,
    /// Cannot be told; never healthy.
    Unknown,
}

/// Argo CD's spelling.
impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        })
    }
}

/// A status and why; the message may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The status.
    pub status: HealthStatus,
    /// Why.
    pub message: String,
}

impl Health {
    fn new(status: HealthStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

/// The health of a live object; `None` when its kind has none (a `ConfigMap` is not more or less
/// healthy).
#[must_use]
pub fn assess(object: &Value) -> Option<Health> {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return Some(Health::new(HealthStatus::Progressing, "Pending deletion"));
    }
    let group = text(object, "/apiVersion")?.rsplit_once('/').map_or("", |(group, _)| group);
    match (group, text(object, "/kind")?) {
        ("apps", "Deployment") => Some(deployment(object)),
        ("apps", "ReplicaSet") => Some(replica_set(object)),
        ("apps", "StatefulSet") => Some(stateful_set(object)),
        ("apps", "DaemonSet") => Some(daemon_set(object)),
        ("batch", "Job") => Some(job(object)),
        ("", "Pod") => Some(pod(object)),
        ("", "Service") => Some(service(object)),
        ("networking.k8s.io" | "extensions", "Ingress") => Some(ingress(object)),
        ("", "PersistentVolumeClaim") => Some(claim(object)),
        ("autoscaling", "HorizontalPodAutoscaler") => Some(autoscaler(object)),
        _ => None,
    }
}

/// What stands in the way of a roll-out and does not pass by itself: the deadline that it exceeded
/// with what is known of its replicas; else what the first replica by name waits for (an image that
/// is not there, a reference to nothing, a process that ends again and again). `None` when all is on
/// its way.
#[must_use]
pub fn waits_for(objects: &[Value]) -> Option<String> {
    let pods = objects.iter().filter(|object| object["kind"] == "Pod");
    let waiting = pods.flat_map(|pod| {
        let name = pod["metadata"]["name"].as_str().unwrap_or_default();
        let containers = pod.pointer("/status/containerStatuses").and_then(Value::as_array);
        containers.into_iter().flatten().filter_map(move |container| {
            let waiting = container.pointer("/state/waiting")?;
            let reason = waiting["reason"].as_str().filter(|reason| !PASSING.contains(reason))?;
            let message = waiting["message"].as_str().unwrap_or_default();
            Some((name, format!("{reason}: {message}")))
        })
    });
    let exceeded = objects.iter().find_map(|object| {
        let conditions = object.pointer("/status/conditions").and_then(Value::as_array)?;
        let exceeded = |one: &&Value| one["reason"] == "ProgressDeadlineExceeded";
        conditions.iter().find(exceeded)?["message"].as_str().map(str::to_owned)
    });
    exceeded.or_else(|| waiting.min().map(|(_, sentence)| sentence))
}

/// Reasons of waiting that pass by themselves.
const PASSING: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// The application's health: its worst object; `expected` is how many objects Git asks for. Objects
/// that ask to be left out (`argocd.argoproj.io/ignore-healthcheck: "true"`) and hooks do not count.
#[must_use]
pub fn aggregate(objects: &[Value], expected: usize) -> Health {
    if objects.is_empty() && expected > 0 {
        return Health::new(HealthStatus::Missing, "none of its objects is on the target");
    }
    let counts = |object: &&Value| {
        annotation(object, "argocd.argoproj.io/ignore-healthcheck") != Some("true")
            && annotation(object, "argocd.argoproj.io/hook").is_none()
    };
    let named = |object: &Value| {
        let mut health = assess(object)?;
        let kind = text(object, "/kind").unwrap_or_default();
        let name = text(object, "/metadata/name").unwrap_or_default();
        health.message = format!("{kind}/{name}: {}", health.message);
        Some(health)
    };
    objects
        .iter()
        .filter(counts)
        .filter_map(named)
        .filter(|health| health.status != HealthStatus::Healthy)
        // The first of the worst, so that equal inputs give an equal message.
        .reduce(|worst, next| if next.status > worst.status { next } else { worst })
        .unwrap_or_else(|| Health::new(HealthStatus::Healthy, ""))
}

fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer)?.as_i64()
}

fn count(object: &Value, pointer: &str) -> i64 {
    number(object, pointer).unwrap_or(0)
}

/// A condition's status and message.
fn condition<'a>(object: &'a Value, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|condition| text(condition, "/type") == Some(kind))?;
    Some((
        text(found, "/status").unwrap_or_default(),
        text(found, "/reason").unwrap_or_default(),
        text(found, "/message").unwrap_or_default(),
    ))
}

/// The controller has seen the newest spec.
fn is_observed(object: &Value) -> bool {
    count(object, "/metadata/generation") <= count(object, "/status/observedGeneration")
}

fn waiting(message: String) -> Health {
    Health::new(HealthStatus::Progressing, format!("Waiting for rollout to finish: {message}"))
}

fn deployment(object: &Value) -> Health {
    if object.pointer("/spec/paused") == Some(&Value::Bool(true)) {
        return Health::new(HealthStatus::Suspended, "Deployment is paused");
    }
    if !is_observed(object) {
        return waiting("observed deployment generation less than desired generation".into());
    }
    if let Some((_, "ProgressDeadlineExceeded", _)) = condition(object, "Progressing") {
        let name = text(object, "/metadata/name").unwrap_or_default();
        let message = format!("Deployment \"{name}\" exceeded its progress deadline");
        return Health::new(HealthStatus::Degraded, message);
    }
    let wanted = number(object, "/spec/replicas");
    let updated = count(object, "/status/updatedReplicas");
    let available = count(object, "/status/availableReplicas");
    let total = count(object, "/status/replicas");
    match wanted {
        Some(wanted) if updated < wanted => {
            waiting(format!("{updated} out of {wanted} new replicas have been updated..."))
        }
        _ if total > updated => {
            waiting(format!("{} old replicas are pending termination...", total - updated))
        }
        _ if available < updated => {
            waiting(format!("{available} of {updated} updated replicas are available..."))
        }
        _ => Health::new(HealthStatus::Healthy, ""),
    }
}

fn replica_set(object: &Value) -> Health {
    if !is_observed(object) {
        return waiting("observed replica set generation less than desired generation".into());
    }
    if let Some(("True", _, message)) = condition(object, "ReplicaFailure") {
        return Health::new(HealthStatus::Degraded, message);
    }
    let available = count(object, "/status/availableReplicas");
    match number(object, "/spec/replicas") {
        Some(wanted) if available < wanted => {
            waiting(format!("{available} out of {wanted} new replicas are available..."))
        }
        _ => Health::new(HealthStatus::Healthy, ""),
    }
}

fn stateful_set(object: &Value) -> Health {
    let observed = count(object, "/status/observedGeneration");
    if observed == 0 || count(object, "/metadata/generation") > observed {
        let message = "Waiting for statefulset spec update to be observed...";
        return Health::new(HealthStatus::Progressing, message);
    }
    let ready = count(object, "/status/readyReplicas");
    let updated = count(object, "/status/updatedReplicas");
    if let Some(wanted) = number(object, "/spec/replicas") {
        if ready < wanted {
            let message = format!("Waiting for {} pods to be ready...", wanted - ready);
            return Health::new(HealthStatus::Progressing, message);
        }
        if let Some(partition) = number(object, "/spec/updateStrategy/rollingUpdate/partition")
            && updated < wanted - partition
        {
            let message = format!(
                "Waiting for partitioned roll out to finish: {updated} out of {} new pods have been updated...",
                wanted - partition
            );
            return Health::new(HealthStatus::Progressing, message);
        }
    }
    if text(object, "/spec/updateStrategy/type") == Some("OnDelete") {
        return Health::new(HealthStatus::Healthy, format!("statefulset has {ready} ready pods"));
    }
    let (update, current) =
        (text(object, "/status/updateRevision"), text(object, "/status/currentRevision"));
    let partitioned = number(object, "/spec/updateStrategy/rollingUpdate/partition").is_some();
    if update != current && !partitioned {
        let message = format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {}...",
            update.unwrap_or_default()
        );
        return Health::new(HealthStatus::Progressing, message);
    }
    let message = format!(
        "statefulset rolling update complete {} pods at revision {}...",
        count(object, "/status/currentReplicas"),
        current.unwrap_or_default()
    );
    Health::new(HealthStatus::Healthy, message)
}

fn daemon_set(object: &Value) -> Health {
    if !is_observed(object) {
        return Health::new(
            HealthStatus::Progressing,
            "Waiting for rollout to finish: observed daemon set generation less than desired generation",
        );
    }
    let name = text(object, "/metadata/name").unwrap_or_default();
    let wanted = count(object, "/status/desiredNumberScheduled");
    let updated = count(object, "/status/updatedNumberScheduled");
    let available = count(object, "/status/numberAvailable");
    if text(object, "/spec/updateStrategy/type") == Some("OnDelete") {
        return Health::new(
            HealthStatus::Healthy,
            format!("daemon set {updated} out of {wanted} new pods have been updated"),
        );
    }
    if updated < wanted {
        return Health::new(
            HealthStatus::Progressing,
            format!(
                "Waiting for daemon set \"{name}\" rollout to finish: {updated} out of {wanted} new pods have been updated..."
            ),
        );
    }
    if available < wanted {
        return Health::new(
            HealthStatus::Progressing,
            format!(
                "Waiting for daemon set \"{name}\" rollout to finish: {available} of {wanted} updated pods are available..."
            ),
        );
    }
    Health::new(HealthStatus::Healthy, "")
}

fn job(object: &Value) -> Health {
    if let Some(("True", _, message)) = condition(object, "Failed") {
        return Health::new(HealthStatus::Degraded, message);
    }
    if let Some(("True", _, message)) = condition(object, "Complete") {
        return Health::new(HealthStatus::Healthy, message);
    }
    if let Some(("True", _, message)) = condition(object, "Suspended") {
        return Health::new(HealthStatus::Suspended, message);
    }
    Health::new(HealthStatus::Progressing, "")
}

/// The first container that waits or ended for a reason that does not end by itself.
fn stuck_container(object: &Value) -> Option<String> {
    let statuses = object.pointer("/status/containerStatuses")?.as_array()?;
    statuses.iter().find_map(|status| {
        let waiting = status.pointer("/state/waiting")?;
        let reason = text(waiting, "/reason")?;
        let stuck =
            reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
        stuck.then(|| text(waiting, "/message").unwrap_or(reason).to_owned())
    })
}

fn pod(object: &Value) -> Health {
    let policy = text(object, "/spec/restartPolicy").unwrap_or("Always");
    if policy == "Always"
        && let Some(message) = stuck_container(object)
    {
        return Health::new(HealthStatus::Degraded, message);
    }
    let message = text(object, "/status/message").unwrap_or_default();
    match text(object, "/status/phase") {
        Some("Pending") => Health::new(HealthStatus::Progressing, message),
        Some("Succeeded") => Health::new(HealthStatus::Healthy, message),
        Some("Failed") => Health::new(HealthStatus::Degraded, failure(object, message)),
        Some("Running") if policy != "Always" => Health::new(HealthStatus::Progressing, message),
        Some("Running") => running_pod(object, message),
        _ => Health::new(HealthStatus::Unknown, message),
    }
}

fn failure(object: &Value, message: &str) -> String {
    if !message.is_empty() {
        return message.to_owned();
    }
    let statuses = object.pointer("/status/containerStatuses").and_then(Value::as_array);
    let codes = statuses.into_iter().flatten().filter_map(|status| {
        let ended = status.pointer("/state/terminated")?;
        let code = ended.get("exitCode")?.as_i64().filter(|code| *code != 0)?;
        let name = text(status, "/name").unwrap_or_default();
        Some(format!("container \"{name}\" failed with exit code {code}"))
    });
    codes.collect::<Vec<_>>().join(", ")
}

fn running_pod(object: &Value, message: &str) -> Health {
    if let Some(("True", _, _)) = condition(object, "Ready") {
        return Health::new(HealthStatus::Healthy, message);
    }
    let statuses = object.pointer("/status/containerStatuses").and_then(Value::as_array);
    let crashed = statuses
        .into_iter()
        .flatten()
        .any(|status| status.pointer("/lastState/terminated").is_some());
    let status = if crashed { HealthStatus::Degraded } else { HealthStatus::Progressing };
    Health::new(status, message)
}

fn has_ingress(object: &Value) -> bool {
    object
        .pointer("/status/loadBalancer/ingress")
        .and_then(Value::as_array)
        .is_some_and(|addresses| !addresses.is_empty())
}

fn service(object: &Value) -> Health {
    if text(object, "/spec/type") == Some("LoadBalancer") && !has_ingress(object) {
        return Health::new(HealthStatus::Progressing, "");
    }
    Health::new(HealthStatus::Healthy, "")
}

fn ingress(object: &Value) -> Health {
    let status =
        if has_ingress(object) { HealthStatus::Healthy } else { HealthStatus::Progressing };
    Health::new(status, "")
}

fn claim(object: &Value) -> Health {
    let status = match text(object, "/status/phase") {
        Some("Bound") => HealthStatus::Healthy,
        Some("Pending") => HealthStatus::Progressing,
        Some("Lost") => HealthStatus::Degraded,
        _ => HealthStatus::Unknown,
    };
    Health::new(status, "")
}

fn autoscaler(object: &Value) -> Health {
    const STUCK: [&str; 6] = [
        "FailedGetScale",
        "FailedUpdateScale",
        "FailedGetResourceMetric",
        "InvalidSelector",
        "FailedGetPodsMetric",
        "FailedGetObjectMetric",
    ];
    for kind in ["AbleToScale", "ScalingActive"] {
        if let Some((_, reason, message)) = condition(object, kind)
            && STUCK.contains(&reason)
        {
            return Health::new(HealthStatus::Degraded, message);
        }
    }
    for kind in ["AbleToScale", "ScalingLimited"] {
        if let Some(("True", _, message)) = condition(object, kind) {
            return Health::new(HealthStatus::Healthy, message);
        }
    }
    Health::new(HealthStatus::Progressing, "Waiting to Autoscale")
}
