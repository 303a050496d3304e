//! Kinds for which Argo CD has a check of its own.

use serde_json::Value;

use super::subject::{Condition, Subject, conditions_of};
use super::{Health, workloads};

/// The health of a kind that Kubernetes (or Argo Workflows) brings; `None` for others.
pub(super) fn assess(subject: &Subject<'_>) -> Option<Health> {
    match (subject.group, subject.kind) {
        ("apps", "Deployment") => Some(workloads::deployment(subject)),
        ("apps", "ReplicaSet") => Some(workloads::replica_set(subject)),
        ("apps", "StatefulSet") => Some(workloads::stateful_set(subject)),
        ("apps", "DaemonSet") => Some(workloads::daemon_set(subject)),
        ("batch", "Job") => Some(workloads::job(subject)),
        ("", "Pod") => Some(workloads::pod(subject)),
        ("", "Service") => Some(service(subject)),
        ("networking.k8s.io" | "extensions", "Ingress") => Some(ingress(subject)),
        ("", "PersistentVolumeClaim") => Some(claim(subject)),
        ("autoscaling", "HorizontalPodAutoscaler") => Some(autoscaler(subject)),
        ("apiregistration.k8s.io", "APIService") => Some(api_service(subject)),
        ("argoproj.io", "Workflow") => Some(workflow(subject)),
        ("policy", "PodDisruptionBudget") => Some(disruption_budget(subject)),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => Some(definition(subject)),
        _ => None,
    }
}

fn has_ingress(subject: &Subject<'_>) -> bool {
    !subject.items("/status/loadBalancer/ingress").is_empty()
}

fn service(subject: &Subject<'_>) -> Health {
    if subject.text("/spec/type") == Some("LoadBalancer") && !has_ingress(subject) {
        return Health::progressing("");
    }
    Health::healthy("")
}

fn ingress(subject: &Subject<'_>) -> Health {
    if has_ingress(subject) { Health::healthy("") } else { Health::progressing("") }
}

fn claim(subject: &Subject<'_>) -> Health {
    match subject.text("/status/phase") {
        Some("Bound") => Health::healthy(""),
        Some("Pending") => Health::progressing(""),
        Some("Lost") => Health::degraded(""),
        _ => Health::unknown(""),
    }
}

/// Where `autoscaling/v1` keeps its conditions: as JSON, since it has no field for them.
const AUTOSCALER_CONDITIONS: &str =
    "/metadata/annotations/autoscaling.alpha.kubernetes.io~1conditions";

fn autoscaler(subject: &Subject<'_>) -> Health {
    const STUCK: [&str; 6] = [
        "FailedGetScale",
        "FailedUpdateScale",
        "FailedGetResourceMetric",
        "InvalidSelector",
        "FailedGetPodsMetric",
        "FailedGetObjectMetric",
    ];
    let annotated: Option<Value> =
        subject.text(AUTOSCALER_CONDITIONS).and_then(|text| serde_json::from_str(text).ok());
    let older = conditions_of(annotated.as_ref());
    let of = |kind: &str| -> Option<Condition<'_>> {
        let mut all = subject.conditions.iter().chain(&older);
        all.find(|condition| condition.kind == kind).copied()
    };
    let stuck = ["AbleToScale", "ScalingActive"].into_iter().filter_map(of);
    if let Some(condition) = stuck.into_iter().find(|one| STUCK.contains(&one.reason)) {
        return Health::degraded(condition.message);
    }
    let able = ["AbleToScale", "ScalingLimited"].into_iter().filter_map(of);
    match able.into_iter().find(Condition::is_true) {
        Some(condition) => Health::healthy(condition.message),
        None => Health::progressing("Waiting to Autoscale"),
    }
}

fn api_service(subject: &Subject<'_>) -> Health {
    let Some(available) = subject.condition("Available") else {
        return Health::progressing("Waiting to be processed");
    };
    let message = format!("{}: {}", available.reason, available.message);
    if available.is_true() { Health::healthy(message) } else { Health::progressing(message) }
}

fn workflow(subject: &Subject<'_>) -> Health {
    let message = subject.text("/status/message").unwrap_or_default();
    match subject.text("/status/phase") {
        None | Some("Pending" | "Running") => Health::progressing(message),
        Some("Succeeded") => Health::healthy(message),
        Some("Failed" | "Error") => Health::degraded(message),
        Some(_) => Health::unknown(message),
    }
}

/// A budget that leaves no room is not sick while its pods are: one replica of one is enough.
fn disruption_budget(subject: &Subject<'_>) -> Health {
    let of_kind = |one: &&Condition<'_>| one.kind == "DisruptionAllowed";
    let allowed: Vec<_> = subject.conditions.iter().filter(of_kind).collect();
    let says = |condition: &Condition<'_>| format!("PodDisruptionBudget has {}", condition.reason);
    if let Some(failed) = allowed.iter().find(|one| one.reason == "SyncFailed") {
        return Health::degraded(says(failed));
    }
    let enough = subject.count("/status/currentHealthy") >= subject.count("/status/desiredHealthy");
    match allowed.first() {
        Some(condition) if condition.is_true() || enough => Health::healthy(says(condition)),
        Some(condition) => Health::progressing(says(condition)),
        None => Health::progressing("Waiting for status"),
    }
}

fn definition(subject: &Subject<'_>) -> Health {
    let of = |kind: &str| subject.condition(kind);
    if let Some(refused) = of("NamesAccepted").filter(|one| one.is_false()) {
        return Health::degraded(refused.says());
    }
    if let Some(invalid) = of("NonStructuralSchema").filter(|one| one.is_true()) {
        return Health::degraded(invalid.says());
    }
    if let Some(ending) = of("Terminating").filter(|one| one.is_true()) {
        return Health::progressing(ending.says());
    }
    match of("Established") {
        Some(established) if established.is_true() => Health::healthy(established.says()),
        Some(other) => Health::progressing(other.says()),
        None => Health::progressing("Waiting to be processed"),
    }
}
