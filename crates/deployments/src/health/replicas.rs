//! Kinds that are judged by counting: replicas, members, nodes, steps.

use serde_json::Value;

use super::subject::Subject;
use super::{Health, HealthStatus, words};

/// OpenKruise's workloads: a roll-out stops at its partition and waits for a person.
pub(super) fn kruise(subject: &Subject<'_>) -> Option<Health> {
    if !subject.has_status() || subject.is_stale() {
        return None;
    }
    let is_daemon = subject.kind == "DaemonSet";
    let strategy = ["/spec/updateStrategy", "/spec/updateStrategy/rollingUpdate"];
    if strategy.iter().any(|at| subject.flag(&format!("{at}/paused")) == Some(true)) {
        return Some(Health::suspended(format!("{} is paused", subject.kind)));
    }
    let wanted = if is_daemon { "/status/desiredNumberScheduled" } else { "/status/replicas" };
    let wanted = subject.count(wanted);
    let partition =
        strategy.iter().find_map(|at| subject.number(&format!("{at}/partition"))).unwrap_or(0);
    let updated = ["/status/updatedReplicas", "/status/updatedNumberScheduled"]
        .iter()
        .find_map(|at| subject.number(at));
    if let Some(updated) = updated
        && partition > 0
        && updated >= wanted - partition
    {
        return Some(Health::suspended(format!(
            "{} stands at its partition and waits for a person",
            subject.kind
        )));
    }
    if is_daemon && wanted == 0 {
        return Some(Health::progressing("no node is scheduled yet"));
    }
    let good = [
        "/status/updatedAvailableReplicas",
        "/status/availableReplicas",
        "/status/numberAvailable",
    ];
    let good = good.iter().find_map(|at| subject.number(at)).unwrap_or(0);
    if good < wanted {
        return Some(Health::degraded(format!("{good} of {wanted} updated pods are available")));
    }
    Some(Health::healthy(format!("{good} of {wanted} updated pods are available")))
}

/// OpenKruise's roll-outs: a step that is done and asks for the next one waits for a person.
pub(super) fn stepwise(subject: &Subject<'_>) -> Option<Health> {
    if subject.is_stale() || subject.text("/status/phase") != Some("Progressing") {
        return None;
    }
    let step = ["/status/canaryStatus", "/status/blueGreenStatus"]
        .iter()
        .find_map(|at| subject.text(&format!("{at}/currentStepState")));
    let message = subject.text("/status/message").unwrap_or("a step is paused");
    (step == Some("StepPaused")).then(|| Health::suspended(message))
}

/// Argo Rollouts: its own phase where there is one, else as for a Deployment with steps.
pub(super) fn rollout(subject: &Subject<'_>) -> Option<Health> {
    if !subject.has_status() {
        return None;
    }
    let workload = subject
        .number("/metadata/annotations/rollout.argoproj.io~1workload-generation")
        .zip(subject.number("/status/workloadObservedGeneration"));
    if subject.is_stale() || workload.is_some_and(|(now, seen)| seen < now) {
        return Some(Health::progressing(subject.awaits_observation()));
    }
    let broken = subject.conditions.iter().find(|one| {
        (one.kind == "InvalidSpec" && one.is_true())
            || matches!(one.reason, "RolloutAborted" | "ProgressDeadlineExceeded")
            || one.reason == "ReplicaSetCreateError"
    });
    if let Some(condition) = broken {
        return Some(Health::degraded(condition.message));
    }
    let message = subject.text("/status/message").unwrap_or_default();
    let is_paused = subject.flag("/spec/paused") == Some(true)
        || !subject.items("/status/pauseConditions").is_empty();
    if is_paused {
        let said = if message.is_empty() { "Rollout is paused" } else { message };
        return Some(Health::suspended(said));
    }
    match subject.text("/status/phase").and_then(|phase| words::state(phase, false)) {
        Some(HealthStatus::Healthy) => return Some(Health::healthy(message)),
        Some(status) => return Some(Health::new(status, message)),
        None => {}
    }
    Some(counted(subject))
}

/// A roll-out of a version of Argo Rollouts that wrote no phase.
fn counted(subject: &Subject<'_>) -> Health {
    let waiting =
        |message: String| Health::progressing(format!("Waiting for rollout to finish: {message}"));
    let wanted = subject.number("/spec/replicas").unwrap_or(1);
    let updated = subject.count("/status/updatedReplicas");
    let available = subject.count("/status/availableReplicas");
    let total = subject.count("/status/replicas");
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new replicas have been updated"));
    }
    let current = subject.text("/status/currentPodHash");
    if subject.at("/spec/strategy/blueGreen").is_some() {
        let active = subject.text("/status/blueGreen/activeSelector");
        if active.is_none() || active != current {
            return waiting("active service cutover pending".into());
        }
    } else if total > updated {
        return waiting(format!("{} old replicas are pending termination", total - updated));
    }
    if available < updated {
        return waiting(format!("{available} of {updated} updated replicas are available"));
    }
    let stable = ["/status/stableRS", "/status/canary/stableRS"];
    if let Some(stable) = stable.iter().find_map(|at| subject.text(at))
        && current.is_some_and(|current| current != stable)
    {
        return waiting("the new version is not the stable one yet".into());
    }
    Health::healthy("")
}

/// OpenShift's DeploymentConfig: `Progressing` tells of its end by the reason.
pub(super) fn deployment_config(subject: &Subject<'_>) -> Option<Health> {
    let progressing = subject.condition("Progressing")?;
    if progressing.is_true() && progressing.reason == "NewReplicationControllerAvailable" {
        return Some(Health::healthy(progressing.message));
    }
    if progressing.is_false() {
        return Some(Health::degraded(progressing.message));
    }
    match subject.condition("Available") {
        Some(available) if available.is_false() => Some(Health::degraded(available.message)),
        _ => Some(Health::progressing(progressing.message)),
    }
}

/// A function that is in order and scaled to nothing.
pub(super) fn idle(subject: &Subject<'_>) -> Option<Health> {
    let is_idle = subject.condition("Ready")?.is_true()
        && subject.condition("Healthy")?.is_false()
        && subject.count("/status/availableReplicas") == 0;
    is_idle.then(|| Health::suspended("scaled to no replica"))
}

/// Percona: `ready` of `size` nodes, whatever the state says of it.
pub(super) fn nodes(subject: &Subject<'_>) -> Option<Health> {
    let state = subject.at("/status/state")?.as_str()?;
    let status = words::state(state, false).unwrap_or(HealthStatus::Unknown);
    let (ready, size) = (subject.count("/status/ready"), subject.count("/status/size"));
    Some(Health::new(status, format!("{ready}/{size} node(s) are ready")))
}

/// Members of each rack.
pub(super) fn racks(subject: &Subject<'_>) -> Option<Health> {
    let racks = subject.items("/status/racks");
    let count = |rack: &Value, name: &str| rack.get(name).and_then(Value::as_i64).unwrap_or(0);
    let is_full = |rack: &&Value| count(rack, "readyMembers") >= count(rack, "members");
    if racks.is_empty() || !racks.iter().all(is_full) {
        return None;
    }
    Some(Health::healthy(""))
}

/// Elastic's operator: a phase, a colour, and how many of the wanted nodes are there.
pub(super) fn elastic(subject: &Subject<'_>) -> Option<Health> {
    subject.at("/status")?;
    if let Some(phase) = subject.text("/status/phase").filter(|phase| *phase != "Ready") {
        let status = words::state(phase, false).unwrap_or(HealthStatus::Progressing);
        return Some(Health::new(status, format!("{} phase is {phase}", subject.kind)));
    }
    let sets = subject.items("/spec/nodeSets");
    let in_sets: i64 = sets.iter().filter_map(|set| set.get("count")?.as_i64()).sum();
    let wanted = subject.number("/status/expectedNodes").unwrap_or(in_sets);
    let available = subject.count("/status/availableNodes");
    let status = match subject.text("/status/health") {
        Some("red") => HealthStatus::Degraded,
        Some("green")
            if subject.number("/status/availableNodes").is_some() && available < wanted =>
        {
            return Some(Health::progressing(format!(
                "{available} of {wanted} nodes are available"
            )));
        }
        Some("green") => HealthStatus::Healthy,
        Some("yellow") => HealthStatus::Progressing,
        None if wanted > 0 && in_sets == 0 => HealthStatus::Progressing,
        None if subject.kind == "Logstash" || subject.kind == "Kibana" => return None,
        _ => HealthStatus::Unknown,
    };
    let colour = subject.text("/status/health").map_or_else(|| "unknown".into(), capital);
    Some(Health::new(status, format!("{} status is {colour}", subject.kind)))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
    })
}

/// OpenTelemetry's operator: `ready/wanted` as one text; a sidecar has no replicas of its own.
pub(super) fn collector(subject: &Subject<'_>) -> Option<Health> {
    if subject.text("/spec/mode") == Some("sidecar") {
        return Some(Health::healthy("runs beside other pods"));
    }
    let (ready, wanted) = subject.text("/status/scale/statusReplicas")?.split_once('/')?;
    let (ready, wanted): (u32, u32) = (ready.parse().ok()?, wanted.parse().ok()?);
    Some(if wanted == 0 {
        Health::healthy("no node is eligible (0/0)")
    } else if ready == 0 {
        Health::degraded(format!("none of {wanted} replicas is ready"))
    } else if ready < wanted {
        Health::progressing(format!("{ready} of {wanted} replicas are ready"))
    } else {
        Health::healthy(format!("{ready} of {wanted} replicas are ready"))
    })
}

/// What starts jobs at times: it is well unless one of them runs.
pub(super) fn scheduled(subject: &Subject<'_>) -> Option<Health> {
    if subject.flag("/spec/paused") == Some(true) || !subject.has_status() {
        return None;
    }
    let active = subject.items("/status/active").len();
    if active > 0 {
        return Some(Health::progressing(format!("{active} jobs run")));
    }
    let last = subject.text("/status/lastScheduleTime")?;
    Some(Health::healthy(format!("last started at {last}")))
}
