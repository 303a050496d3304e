//! Conditions, phases, flags and counts as most controllers write them.
//!
//! What is read, from the strongest: that a person paused it; that the controller has not seen the
//! newest specification; a state that says that it failed; a condition that says why; a state or a
//! condition that says that it is under way; and only then that all is well. What deviates is in a
//! family's [`Traits`].

use super::subject::{Condition, Subject};
use super::{Health, HealthStatus, words};
use HealthStatus::{Degraded, Healthy, Progressing, Suspended, Unknown};

/// How a family differs from what is common.
#[derive(Clone, Copy)]
pub(super) struct Traits {
    /// Asked before everything else.
    pub first: Option<fn(&Subject<'_>) -> Option<Health>>,
    /// Where the state stands, beside the common places.
    pub states: &'static [&'static str],
    /// States with a meaning of their own.
    pub vocabulary: &'static [(&'static str, HealthStatus)],
    /// Whether the conditions only explain the state.
    pub only_state: bool,
    /// The conditions that sum up; empty: `Ready`, else all that name something good.
    pub decisive: &'static [&'static str],
    /// Conditions whose `False` is bad whatever its reason says.
    pub strict: &'static [&'static str],
    /// Conditions that say that it waits for a person.
    pub paused: &'static [&'static str],
    /// Reasons with a meaning of their own.
    pub reasons: &'static [(&'static str, HealthStatus)],
    /// What `False` means when its reason does not tell.
    pub when_false: HealthStatus,
    /// What it means that nothing is said; `None`: the kind may have no health at all.
    pub when_silent: Option<HealthStatus>,
    /// What of a condition is shown.
    pub says: Says,
}

/// What of a condition becomes the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// Its message, else its reason.
    Message,
    /// Its reason.
    Reason,
    /// Nothing when all is well.
    Trouble,
}

/// What holds where nothing else is known.
pub(super) const COMMON: Traits = Traits {
    first: None,
    states: &[],
    vocabulary: &[],
    only_state: false,
    decisive: &[],
    strict: &[],
    paused: &["Paused", "Suspended"],
    reasons: &[],
    when_false: Degraded,
    when_silent: Some(Progressing),
    says: Says::Message,
};

/// Kinds of which nobody said that they have a health: silence says nothing.
pub(super) const UNKNOWN_KIND: Traits =
    Traits { when_false: Progressing, when_silent: None, ..COMMON };

const STATES: &[&str] = &["/status/phase", "/status/state", "/status/status", "/status/health"];

/// Kinds that run to an end, by the last word of their name.
const FINITE: &[&str] = &[
    "Backup",
    "Build",
    "Evaluation",
    "Experiment",
    "Import",
    "Job",
    "Migration",
    "Operation",
    "Restore",
    "Run",
    "Task",
    "Test",
    "Workflow",
];

/// Conditions that say that something is under way.
const UNDER_WAY: &[&str] = &[
    "Creating",
    "In-progress",
    "InProgress",
    "Issuing",
    "Progressing",
    "Reconciling",
    "RollingUpdate",
    "Running",
    "Started",
    "Synchronizing",
    "Updating",
    "Upgrading",
];

/// Conditions that are bad even where the sum is good.
const GRAVE: &[&str] = &[
    "ACK.Terminal",
    "Degraded",
    "Error",
    "ErrorOccurred",
    "Failed",
    "Failure",
    "HasErrors",
    "Invalid",
    "InvalidSpec",
    "Stalled",
];

/// Last words of conditions that name something good.
const GOOD: &[&str] = &[
    "accepted",
    "admitted",
    "adopted",
    "advertised",
    "applied",
    "available",
    "complete",
    "completed",
    "configured",
    "deployed",
    "discoverable",
    "done",
    "established",
    "formed",
    "healthy",
    "installed",
    "programmed",
    "provided",
    "ready",
    "reconciled",
    "succeeded",
    "success",
    "successful",
    "synced",
    "synchronized",
    "valid",
];

/// The health of an object after the common conventions and its family's; `None` when it says nothing.
pub(super) fn assess(subject: &Subject<'_>, traits: &Traits) -> Option<Health> {
    if let Some(health) = traits.first.and_then(|first| first(subject)) {
        return Some(health);
    }
    if is_paused(subject) {
        return Some(Health::suspended(format!("{} is paused", subject.kind)));
    }
    let silent = |status| Health::new(status, format!("Waiting for {}", subject.kind));
    if !subject.has_status() {
        return traits.when_silent.map(silent);
    }
    if subject.is_stale() {
        return Some(Health::progressing(subject.awaits_observation()));
    }
    let is_met = |one: &&Condition<'_>| one.is_true() && traits.paused.contains(&one.kind);
    if let Some(paused) = subject.conditions.iter().find(is_met) {
        return Some(Health::suspended(says(paused, traits, Suspended)));
    }
    let state = state(subject, traits);
    let settled = state.as_ref().filter(|health| !matches!(health.status, Healthy | Progressing));
    if settled.is_some() || (traits.only_state && state.is_some()) {
        return state;
    }
    trouble(subject, traits)
        .or_else(|| state.clone().filter(|health| health.status == Progressing))
        .or_else(|| error(subject))
        .or_else(|| sum(subject, traits).filter(|sum| sum.status != Healthy || state.is_none()))
        .or(state)
        .or_else(|| flags(subject))
        .or_else(|| unsaid(subject, traits))
        .or_else(|| traits.when_silent.map(silent))
}

/// Others are met, but not the one condition that sums up.
fn unsaid(subject: &Subject<'_>, traits: &Traits) -> Option<Health> {
    let &[decisive] = traits.decisive else { return None };
    let status = traits.when_silent.filter(|_| !subject.conditions.is_empty())?;
    let message = format!("{} {decisive} condition is missing", subject.kind);
    Some(Health::new(status, message))
}

fn is_paused(subject: &Subject<'_>) -> bool {
    const FLAGS: [&str; 4] = [
        "/spec/paused",
        "/spec/suspend",
        "/spec/updateStrategy/paused",
        "/spec/updateStrategy/rollingUpdate/paused",
    ];
    FLAGS.iter().any(|flag| subject.flag(flag) == Some(true))
}

/// What the state says, with the message that stands beside it.
fn state(subject: &Subject<'_>, traits: &Traits) -> Option<Health> {
    let is_finite = FINITE.iter().any(|word| subject.kind.ends_with(word));
    let places = traits.states.iter().chain(STATES);
    let (text, status) = places.filter_map(|place| subject.text(place)).find_map(|text| {
        let own = traits.vocabulary.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        let status = own.map(|(_, status)| *status).or_else(|| words::state(text, is_finite));
        Some((text, status?))
    })?;
    let beside = ["/status/message", "/status/reason", "/status/applicationState/errorMessage"];
    let message = beside.into_iter().find_map(|place| subject.text(place)).or_else(|| {
        let unmet = |one: &&Condition<'_>| one.is_false() && !one.message.is_empty();
        let explained = status == Degraded;
        subject.conditions.iter().find(unmet).filter(|_| explained).map(|one| one.message)
    });
    Some(Health::new(status, message.unwrap_or(text)))
}

/// What the conditions say is wrong, or paused, beyond doubt.
fn trouble(subject: &Subject<'_>, traits: &Traits) -> Option<Health> {
    let is_sum_good =
        decisive(subject, traits).iter().any(|one| one.is_true() && !is_bad(one.kind));
    let bad = subject.conditions.iter().filter(|one| one.is_true() && is_bad(one.kind));
    for condition in bad {
        if is_sum_good && !GRAVE.contains(&condition.kind) {
            continue;
        }
        let is_young = condition.kind.starts_with("Not")
            && words::reason(condition.reason) == Some(Progressing);
        let status = if is_young { Progressing } else { Degraded };
        return Some(Health::new(status, says(condition, traits, status)));
    }
    let unmet = subject.conditions.iter().filter(|one| !one.is_true());
    let meanings: Vec<_> = unmet
        .filter(|one| !is_sum_good || words::last(one.kind) == "synced" || is_strict(one, traits))
        .filter_map(|one| Some((certain(one, traits)?, one)))
        .collect();
    [Suspended, Unknown, Degraded].into_iter().find_map(|status| {
        let (_, condition) = meanings.iter().find(|(meaning, _)| *meaning == status)?;
        Some(Health::new(status, says(condition, traits, status)))
    })
}

/// The meaning of a condition that is not met, where its reason, weight or message tells.
fn certain(condition: &Condition<'_>, traits: &Traits) -> Option<HealthStatus> {
    if let Some((_, status)) = traits.reasons.iter().find(|(it, _)| *it == condition.reason) {
        return Some(*status);
    }
    if is_strict(condition, traits) {
        return Some(Degraded);
    }
    if is_bad(condition.kind) || !speaks(condition, traits) {
        return None;
    }
    match condition.severity {
        "Error" => return Some(Degraded),
        "Info" | "Warning" => return Some(Progressing),
        _ => {}
    }
    if condition.message.starts_with("Error") {
        return Some(Degraded);
    }
    // That something is not found is no news where nothing can be told yet.
    if condition.status == "Unknown" {
        return words::is_bad(condition.reason).then_some(Degraded);
    }
    words::reason(condition.reason)
}

fn is_strict(condition: &Condition<'_>, traits: &Traits) -> bool {
    condition.is_false() && traits.strict.contains(&condition.kind)
}

/// Whether a condition is one that ought to be met.
fn speaks(condition: &Condition<'_>, traits: &Traits) -> bool {
    traits.decisive.contains(&condition.kind)
        || UNDER_WAY.contains(&condition.kind)
        || GOOD.contains(&words::last(condition.kind).as_str())
}

/// `Stalled`, `NotReady`, `PartiallyReady`.
fn is_bad(kind: &str) -> bool {
    matches!(kind, "NotReady" | "PartiallyReady") || words::is_bad(kind)
}

/// The conditions that sum up.
fn decisive<'a>(subject: &'a Subject<'_>, traits: &Traits) -> Vec<&'a Condition<'a>> {
    let all = &subject.conditions;
    if !traits.decisive.is_empty() {
        return all.iter().filter(|one| traits.decisive.contains(&one.kind)).collect();
    }
    if let Some(ready) = subject.condition("Ready") {
        return vec![ready];
    }
    let is_good = |one: &&Condition<'_>| GOOD.contains(&words::last(one.kind).as_str());
    all.iter().filter(is_good).filter(|one| !is_bad(one.kind)).collect()
}

/// What the conditions sum up to.
fn sum(subject: &Subject<'_>, traits: &Traits) -> Option<Health> {
    let decisive = decisive(subject, traits);
    let under_way = subject.conditions.iter().find(|one| {
        one.is_true()
            && UNDER_WAY.contains(&one.kind)
            && !words::is_done(one.reason)
            && !one.reason.ends_with("WithRetry")
            && !(one.kind == "Running" && decisive.iter().any(|sum| sum.is_true()))
    });
    if let Some(condition) = under_way {
        return Some(Health::progressing(says(condition, traits, Progressing)));
    }
    let meaning = |condition: &&Condition<'_>| {
        if subject.is_older(condition) {
            return Health::progressing(subject.awaits_observation());
        }
        let status = meaning(condition, traits);
        Health::new(status, says(condition, traits, status))
    };
    decisive.iter().map(meaning).reduce(
        |worst, next| {
            if next.status > worst.status { next } else { worst }
        },
    )
}

fn meaning(condition: &Condition<'_>, traits: &Traits) -> HealthStatus {
    match condition.status {
        "True" if words::reason(condition.reason) == Some(Degraded) => Degraded,
        "True" => Healthy,
        "False" => certain(condition, traits).unwrap_or(traits.when_false),
        // Prometheus' operator: some of its pods are not ready.
        "Unknown" | "Degraded" => certain(condition, traits).unwrap_or(Progressing),
        _ => Degraded,
    }
}

fn says(condition: &Condition<'_>, traits: &Traits, status: HealthStatus) -> String {
    match traits.says {
        Says::Message => condition.says().to_owned(),
        Says::Reason => condition.reason.to_owned(),
        Says::Trouble if status == Healthy => String::new(),
        Says::Trouble => condition.says().to_owned(),
    }
}

/// `status.error`, a text or a record with a message.
fn error(subject: &Subject<'_>) -> Option<Health> {
    let places = ["/status/error", "/status/error/message", "/status/errorMessage"];
    places.into_iter().find_map(|place| subject.text(place)).map(Health::degraded)
}

/// Flags and counts of replicas.
fn flags(subject: &Subject<'_>) -> Option<Health> {
    for (place, otherwise) in [
        ("/status/healthy", Degraded),
        ("/status/ready", Progressing),
        ("/status/readyToUse", Progressing),
    ] {
        if let Some(flag) = subject.flag(place) {
            let (status, is) = if flag { (Healthy, "is") } else { (otherwise, "is not") };
            let word = place.trim_start_matches("/status/");
            let word = if word == "healthy" { word } else { "ready" };
            return Some(Health::new(status, format!("{} {is} {word}", subject.kind)));
        }
    }
    let wanted = subject.number("/status/replicas").or_else(|| subject.number("/spec/replicas"))?;
    let ready = subject.number("/status/readyReplicas")?;
    let message = format!("{ready} of {wanted} replicas are ready");
    Some(if ready < wanted { Health::progressing(message) } else { Health::healthy(message) })
}
