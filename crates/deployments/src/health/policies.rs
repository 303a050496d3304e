//! Kinds whose conditions are told one by one: OLM, Knative, and compliance with policies.

use serde_json::Value;

use super::subject::{Condition, Subject};
use super::{Health, HealthStatus};
use crate::objects::text;

/// `1: Type | True`, a line for each.
fn numbered<'a>(conditions: impl Iterator<Item = &'a Condition<'a>>) -> String {
    let lines = conditions.enumerate();
    lines.map(|(index, one)| format!("{}: {} | {}\n", index + 1, one.kind, one.status)).collect()
}

/// The operator lifecycle manager's subscriptions. One that waits for a person's approval of an
/// update runs what it has.
pub(super) fn subscription(subject: &Subject<'_>) -> Option<Health> {
    let is_bad = |one: &Condition<'_>| {
        one.is_true()
            && matches!(
                one.kind,
                "CatalogSourcesUnhealthy"
                    | "InstallPlanFailed"
                    | "ResolutionFailed"
                    | "BundleUnpackFailed"
            )
    };
    let awaits_approval = |one: &Condition<'_>| {
        one.kind == "InstallPlanPending"
            && one.reason == "RequiresApproval"
            && subject.text("/status/installedCSV").is_some()
    };
    let is_pending = |one: &Condition<'_>| {
        one.is_true() && matches!(one.kind, "InstallPlanPending" | "BundleUnpacking")
    };
    if subject.conditions.is_empty() && subject.text("/status/state").is_none() {
        return None;
    }
    let is_approved_later = subject.conditions.iter().any(awaits_approval);
    let told = subject.conditions.iter().filter(|one| !awaits_approval(one));
    let mut message = numbered(told);
    message.push_str(&match subject.text("/status/state") {
        None => "no state yet\n".to_owned(),
        Some(state) if is_approved_later => {
            format!("state {state}; an update waits for approval\n")
        }
        Some(state) => format!("state {state}\n"),
    });
    let status = if subject.conditions.iter().any(is_bad) {
        HealthStatus::Degraded
    } else if subject.conditions.iter().any(|one| is_pending(one) && !awaits_approval(one)) {
        HealthStatus::Progressing
    } else if is_approved_later || subject.text("/status/state") == Some("AtLatestKnown") {
        HealthStatus::Healthy
    } else {
        HealthStatus::Progressing
    };
    Some(Health::new(status, message))
}

/// Knative's operator tells all conditions until all are met.
pub(super) fn knative_operator(subject: &Subject<'_>) -> Option<Health> {
    if subject.conditions.is_empty() {
        return None;
    }
    let all = &subject.conditions;
    if all.iter().all(|one| one.is_true()) {
        return Some(Health::healthy(format!("{} is healthy.", subject.kind)));
    }
    let is_odd = |one: &Condition<'_>| !matches!(one.status, "True" | "False" | "Unknown");
    let status =
        if all.iter().any(is_odd) { HealthStatus::Degraded } else { HealthStatus::Progressing };
    Some(Health::new(status, numbered(all.iter())))
}

/// Knative tells each condition that is not met.
pub(super) fn knative(subject: &Subject<'_>) -> Option<Health> {
    if subject.conditions.is_empty() || subject.is_stale() {
        return None;
    }
    let unmet: Vec<_> = subject.conditions.iter().filter(|one| !one.is_true()).collect();
    if unmet.is_empty() {
        return Some(Health::healthy(format!("Knative {} is healthy.", subject.kind)));
    }
    let line = |one: &&Condition<'_>| {
        format!("{} is {}, since {}. {}\n", one.kind, one.status, one.reason, one.message)
    };
    let message: String = unmet.iter().map(line).collect();
    let status = if unmet.iter().any(|one| one.is_false()) {
        HealthStatus::Degraded
    } else {
        HealthStatus::Progressing
    };
    Some(Health::new(status, message))
}

/// Open Cluster Management: an object complies with its policy, on each cluster or in each template.
pub(super) fn compliance(subject: &Subject<'_>) -> Option<Health> {
    if subject.flag("/spec/disabled") == Some(true) {
        return Some(Health::healthy("disabled"));
    }
    if !subject.has_status() {
        return Some(Health::progressing(format!("Waiting for {}", subject.kind)));
    }
    if subject.is_stale() {
        return Some(Health::progressing(subject.awaits_observation()));
    }
    if subject.kind == "OperatorPolicy" && subject.condition("Compliant").is_none() {
        return Some(Health::progressing("Compliant condition is missing"));
    }
    let said = details(subject);
    match subject.text("/status/compliant") {
        Some("Compliant") => Some(Health::healthy(said)),
        Some("NonCompliant") => Some(Health::degraded(said)),
        None if !subject.items("/status/placement").is_empty() => {
            Some(Health::healthy("no cluster is selected"))
        }
        Some(_) | None => Some(Health::progressing(format!("Waiting for {}", subject.kind))),
    }
}

fn details(subject: &Subject<'_>) -> String {
    if let Some(compliant) = subject.condition("Compliant") {
        return compliant.message.to_owned();
    }
    let bad = |items: Vec<&Value>, name: &str| {
        let of = |item: &&Value| text(item, "/compliant") == Some("NonCompliant");
        let names = items.into_iter().filter(of).filter_map(|item| text(item, name));
        names.map(str::to_owned).collect::<Vec<_>>().join(", ")
    };
    for (place, name, what) in [
        ("/status/status", "/clustername", "clusters"),
        ("/status/details", "/templateMeta/name", "templates"),
    ] {
        let items = subject.items(place);
        if !items.is_empty() {
            let bad = bad(items, name);
            return if bad.is_empty() {
                format!("compliant {what}: all")
            } else {
                format!("not compliant {what}: {bad}")
            };
        }
    }
    let told = subject.items("/status/compliancyDetails").into_iter().filter_map(|detail| {
        text(detail, "/conditions/0/message").or_else(|| text(detail, "/message"))
    });
    told.collect::<Vec<_>>().join("; ")
}
