//! Kinds that report for each of several: parents, listeners, environments, brokers, domains.

use serde_json::Value;

use super::subject::{Condition, Subject, conditions_of};
use super::{Health, HealthStatus, words};
use crate::objects::text;

/// Routes report for each parent, gateways for each listener, OpenShift's routes for each router.
/// What speaks of an older generation is another route's past.
pub(super) fn parents(subject: &Subject<'_>) -> Option<Health> {
    let generation = subject.generation();
    let is_now = |one: &Condition<'_>| match (one.observed, generation) {
        (Some(seen), Some(now)) => seen >= now,
        _ => true,
    };
    let mut under_way = None;
    let mut is_seen = false;
    for place in ["/status/parents", "/status/listeners", "/status/ingress", "/status/ancestors"] {
        for entry in subject.items(place) {
            let names = ["/parentRef/name", "/name", "/routerName", "/ancestorRef/name"];
            let name = names.into_iter().find_map(|at| text(entry, at)).unwrap_or_default();
            for condition in conditions_of(entry.get("conditions")).into_iter().filter(is_now) {
                is_seen = true;
                let says = || {
                    let told = if condition.message.is_empty() {
                        format!("{} is not met", condition.kind)
                    } else {
                        condition.message.to_owned()
                    };
                    format!("Parent {name}: {told}")
                };
                match (condition.kind, condition.status) {
                    ("Accepted" | "ResolvedRefs" | "Admitted", "False") => {
                        return Some(Health::degraded(says()));
                    }
                    ("Conflicted", "True") => return Some(Health::degraded(says())),
                    ("Programmed" | "Ready", "False" | "Unknown")
                    | ("Accepted" | "ResolvedRefs" | "Admitted", "Unknown") => {
                        under_way.get_or_insert_with(|| Health::progressing(says()));
                    }
                    _ => {}
                }
            }
        }
    }
    let own = subject.conditions.iter().filter(|one| is_now(one));
    for condition in own {
        is_seen = true;
        match (condition.kind, condition.status) {
            ("Accepted" | "ResolvedRefs", "False") => {
                return Some(Health::degraded(condition.says()));
            }
            ("Programmed" | "Ready", "False")
                if words::reason(condition.reason) == Some(HealthStatus::Degraded) =>
            {
                return Some(Health::degraded(condition.says()));
            }
            ("Accepted" | "Programmed" | "Ready", "False" | "Unknown") => {
                under_way.get_or_insert_with(|| Health::progressing(condition.says()));
            }
            _ => {}
        }
    }
    under_way.or_else(|| is_seen.then(|| Health::healthy(format!("{} is healthy", subject.kind))))
}

/// Gloo: a report for each controller's namespace, or one; states by name or number.
pub(super) fn reports(subject: &Subject<'_>) -> Option<Health> {
    let mut reports = subject.items("/status/statuses");
    if reports.is_empty() {
        reports.extend(subject.at("/status"));
    }
    let of = |report: &Value| {
        let state = report.get("state")?;
        let told = text(report, "/reason").unwrap_or_default();
        let is = |name: &str, number: i64| state == name || state.as_i64() == Some(number);
        if is("Rejected", 2) || is("Warning", 3) {
            Some(Health::degraded(told))
        } else if is("Accepted", 1) {
            Some(Health::healthy("accepted"))
        } else if is("Pending", 0) {
            Some(Health::suspended("nobody has validated it yet"))
        } else {
            None
        }
    };
    worst(reports.into_iter().filter_map(of))
}

/// GitOps Promoter: environments with a phase each, or with the commits that they have and get.
pub(super) fn promotion(subject: &Subject<'_>) -> Option<Health> {
    let ready = subject.condition("Ready").filter(|ready| ready.is_true())?;
    if subject.is_older(ready) {
        return None;
    }
    if subject.kind == "ChangeTransferPolicy" {
        let status = subject.at("/status").cloned().into_iter().collect::<Vec<_>>();
        return Some(promoted(&status));
    }
    let places = ["/status/environments", "/status/applicationsSelected"];
    let list = places.into_iter().find_map(|place| subject.at(place)?.as_array())?;
    if subject.kind == "PromotionStrategy" {
        return Some(promoted(list));
    }
    let of = |one: &Value| {
        let branch = text(one, "/branch").or_else(|| text(one, "/environment")).unwrap_or_default();
        let status = match text(one, "/phase")? {
            "success" => HealthStatus::Healthy,
            "pending" => HealthStatus::Progressing,
            "failure" => HealthStatus::Degraded,
            _ => HealthStatus::Unknown,
        };
        Some(Health::new(status, format!("{} is {status} for {branch}", subject.kind)))
    };
    worst(list.iter().filter_map(of))
}

fn promoted(environments: &[Value]) -> Health {
    let commit = |one: &Value, of: &str| text(one, of).unwrap_or_default().to_owned();
    if environments.is_empty() {
        return Health::degraded("there are no environments");
    }
    for environment in environments {
        let branch = text(environment, "/branch").unwrap_or_default();
        let (active, proposed) =
            (commit(environment, "/active/dry/sha"), commit(environment, "/proposed/dry/sha"));
        if active.is_empty() || proposed.is_empty() {
            return Health::progressing(format!("a commit of {branch} is not known yet"));
        }
        if active != proposed {
            return Health::progressing(format!("{branch} goes from {active} to {proposed}"));
        }
    }
    let first = commit(&environments[0], "/proposed/dry/sha");
    match environments.iter().find(|one| commit(one, "/proposed/dry/sha") != first) {
        Some(other) => {
            let branch = text(other, "/branch").unwrap_or_default();
            Health::progressing(format!("{branch} is not yet at {first}"))
        }
        None => Health::healthy(format!("all environments are at {first}")),
    }
}

/// Karmada: what each member cluster says of the propagated object.
pub(super) fn binding(subject: &Subject<'_>) -> Option<Health> {
    let insufficient = || Some(Health::progressing("not applied to all of its clusters yet"));
    if !subject.condition("FullyApplied").is_some_and(|applied| applied.is_true()) {
        return insufficient();
    }
    let members = subject.items("/status/aggregatedStatus");
    if members.is_empty() {
        return insufficient();
    }
    let is_bad = |member: &&Value| {
        member.get("applied").and_then(Value::as_bool) != Some(true)
            || text(member, "/health") == Some("Unhealthy")
    };
    if let Some(member) = members.into_iter().find(is_bad) {
        let cluster = text(member, "/clusterName").unwrap_or_default();
        return Some(Health::degraded(format!("sick or not applied on the cluster {cluster}")));
    }
    Some(Health::healthy(""))
}

/// Koperator: the cluster may say that it runs while a broker's configuration is behind.
pub(super) fn brokers(subject: &Subject<'_>) -> Option<Health> {
    let state = subject.text("/status/state")?;
    if words::state(state, false) != Some(HealthStatus::Healthy) {
        return None;
    }
    let control = subject.text("/status/cruiseControlTopicStatus").unwrap_or_default();
    if control != "CruiseControlTopicReady" {
        return Some(Health::progressing(format!("Waiting for {}", subject.kind)));
    }
    let is_behind = |broker: &&Value| {
        text(broker, "/configurationState") != Some("ConfigInSync")
            || text(broker, "/gracefulActionState/cruiseControlState")
                .is_some_and(|action| words::state(action, false) != Some(HealthStatus::Healthy))
    };
    if subject.items("/status/brokersState").iter().any(is_behind) {
        return Some(Health::degraded("the configuration of a broker is behind"));
    }
    Some(Health::healthy("all brokers are in sync"))
}

/// Google's certificates: each domain is validated by itself.
pub(super) fn domains(subject: &Subject<'_>) -> Option<Health> {
    let of = |domain: &Value| {
        let state = text(domain, "/status")?;
        let status = words::state(state, false).unwrap_or(HealthStatus::Progressing);
        let name = text(domain, "/domain").unwrap_or_default();
        Some(Health::new(status, format!("{name} is {state}")))
    };
    worst(subject.items("/status/domainStatus").into_iter().filter_map(of))
}

/// Confluent's connectors run on while some of their tasks have failed.
pub(super) fn failed_tasks(subject: &Subject<'_>) -> Option<Health> {
    let failed = subject.count("/status/failedTasksCount");
    (failed > 0).then(|| Health::degraded(format!("{failed} tasks of the connector have failed")))
}

/// Grafana's operator goes through stages, each with an outcome.
pub(super) fn stages(subject: &Subject<'_>) -> Option<Health> {
    let stage = subject.text("/status/stage")?;
    match subject.text("/status/stageStatus") {
        Some("failed") => Some(Health::degraded(format!("the stage {stage} failed"))),
        Some("success") if stage == "complete" => Some(Health::healthy("")),
        _ => Some(Health::progressing(stage)),
    }
}

/// A certificate that is being issued is under way, whatever the one before it was.
pub(super) fn issuing(subject: &Subject<'_>) -> Option<Health> {
    let issuing = subject.condition("Issuing").filter(|issuing| issuing.is_true())?;
    Some(Health::progressing(issuing.says()))
}

/// Grafana's dashboards and datasources before they had conditions: what was written last.
pub(super) fn written(subject: &Subject<'_>) -> Option<Health> {
    if !subject.conditions.is_empty() || subject.text("/status/hash").is_none() {
        return None;
    }
    let last = ["/status/lastMessage", "/status/datasourceMessage"];
    Some(match last.into_iter().find_map(|place| subject.text(place)) {
        Some(message) => Health::degraded(message),
        None => Health::healthy(""),
    })
}

/// Keptn's analyses end with a verdict.
pub(super) fn verdict(subject: &Subject<'_>) -> Option<Health> {
    if subject.text("/status/state") != Some("Completed") {
        return None;
    }
    let is = |flag: &str| subject.flag(flag) == Some(true);
    Some(if is("/status/warning") {
        Health::healthy("passed with warnings")
    } else if is("/status/pass") {
        Health::healthy("passed")
    } else {
        Health::degraded("did not pass")
    })
}

/// Numaplane marks the object of a version that its progressive roll-out gave up.
pub(super) fn failed_progress(subject: &Subject<'_>) -> Option<Health> {
    let marks = [
        "/metadata/labels/numaplane.numaproj.io~1progressive-result-state",
        "/metadata/annotations/numaplane.numaproj.io~1progressive-result-state",
    ];
    let failed = marks.iter().any(|mark| subject.text(mark) == Some("failed"));
    failed.then(|| Health::degraded("its progressive roll-out was given up"))
}

/// Numaplane pauses a pipeline by itself for an update; it is then as it should be.
pub(super) fn paused_pipeline(subject: &Subject<'_>) -> Option<Health> {
    if subject.is_stale() {
        return None;
    }
    let paused = subject.conditions.iter().find(|one| {
        one.is_true() && one.kind.ends_with("PausingOrPaused") && !subject.is_older(one)
    })?;
    Some(Health::healthy(paused.says()))
}

/// The first of the worst.
fn worst(all: impl Iterator<Item = Health>) -> Option<Health> {
    all.reduce(|worst, next| if next.status > worst.status { next } else { worst })
}
