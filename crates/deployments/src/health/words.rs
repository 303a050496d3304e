//! What a phase, a state or a reason means by its words, whoever wrote it.
//!
//! Controllers name their states freely but from one small vocabulary: `ImportInProgress`,
//! `PENDING_RERUN` and `Cluster in healthy state` are read word by word.

use super::HealthStatus;
use HealthStatus::{Degraded, Healthy, Missing, Progressing, Suspended, Unknown};

/// Words that say how it is. Compared in lower case; a state is looked up whole before its words are.
const WORDS: &[(HealthStatus, &[&str])] = &[
    (
        Healthy,
        &[
            "accepted",
            "active",
            "applied",
            "atlatestknown",
            "available",
            "bound",
            "complete",
            "completed",
            "compliant",
            "configured",
            "connected",
            "created",
            "deployed",
            "done",
            "enabled",
            "established",
            "exists",
            "finished",
            "green",
            "healthy",
            "healthok",
            "initialized",
            "insync",
            "installed",
            "issued",
            "normal",
            "ok",
            "online",
            "operational",
            "pass",
            "passed",
            "provisioned",
            "published",
            "ready",
            "reconciled",
            "registered",
            "running",
            "stable",
            "success",
            "succeeded",
            "successful",
            "synced",
            "synchronized",
            "updated",
            "uptodate",
            "valid",
        ],
    ),
    (
        Suspended,
        &[
            "disabled",
            "hibernated",
            "paused",
            "shutdown",
            "sleeping",
            "stopped",
            "suspend",
            "suspended",
        ],
    ),
    (
        Progressing,
        &[
            "acknowledged",
            "applying",
            "inprogress",
            "init",
            "notready",
            "outofsync",
            "pending",
            "progress",
            "queued",
            "recovery",
            "rerun",
            "restart",
            "restarted",
            "scaledown",
            "scaleup",
            "scheduled",
            "setup",
            "started",
            "submitted",
            "unready",
            "wait",
            "yellow",
        ],
    ),
    (
        Degraded,
        &[
            "abnormal",
            "abort",
            "aborted",
            "backoff",
            "canceled",
            "cannot",
            "cancelled",
            "conflict",
            "crash",
            "critical",
            "degraded",
            "denied",
            "err",
            "error",
            "errored",
            "errors",
            "exceeded",
            "expired",
            "fail",
            "failed",
            "failure",
            "faulted",
            "forbidden",
            "healtherr",
            "healthwarn",
            "illegal",
            "inactive",
            "invalid",
            "lost",
            "mismatch",
            "noncompliant",
            "offline",
            "red",
            "refused",
            "rejected",
            "stalled",
            "terminal",
            "timeout",
            "unable",
            "unauthorized",
            "unhealthy",
            "unreachable",
            "unrecoverable",
            "unschedulable",
            "unsupported",
            "warning",
        ],
    ),
    (Unknown, &["inconclusive", "unknown"]),
];

/// States that mean something only by themselves: `ScalingDown` and `NewReplicaSet` are not of these.
const WHOLE: &[(HealthStatus, &[&str])] = &[
    (Healthy, &["up"]),
    (Progressing, &["new"]),
    (Missing, &["missing", "notfound"]),
    (Degraded, &["down", "unavailable"]),
];

/// Reasons that say that something is wrong, beside the words of a bad state.
const WRONG: &[&str] = &["found", "missing", "stuck", "violation"];

/// What a state says; `None` for words that are not known. `is_finite` for kinds that run to an end:
/// what still runs is then not done.
pub(super) fn state(text: &str, is_finite: bool) -> Option<HealthStatus> {
    let whole: String =
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    if is_finite && matches!(whole.as_str(), "running" | "active" | "created" | "initialized") {
        return Some(Progressing);
    }
    if let Some(status) = listed(WORDS, &whole).or_else(|| listed(WHOLE, &whole)) {
        return Some(status);
    }
    let words = split(text);
    let meanings: Vec<_> = words.iter().filter_map(|word| of_word(word)).collect();
    let is_negated = words.iter().any(|word| matches!(word.as_str(), "not" | "no" | "un"));
    // What is bad outweighs what is under way, and that outweighs what is good.
    [Degraded, Unknown, Suspended, Progressing, Healthy]
        .into_iter()
        .find(|status| meanings.contains(status))
        .map(|status| if status == Healthy && is_negated { Progressing } else { status })
}

/// What the reason of a condition that is not met says: that it is wrong, under way, paused; `None`
/// when it only names what is not met.
pub(super) fn reason(text: &str) -> Option<HealthStatus> {
    let words = split(text);
    let has = |status| words.iter().any(|word| of_word(word) == Some(status));
    let is_wrong = words.iter().any(|word| WRONG.contains(&word.as_str())) && !has(Healthy);
    if has(Degraded) || is_wrong {
        Some(Degraded)
    } else if has(Suspended) {
        Some(Suspended)
    } else if has(Progressing) || is_incomplete(&words) {
        Some(Progressing)
    } else {
        None
    }
}

/// The reason of a condition of progress says that it came to its end.
pub(super) fn is_done(reason: &str) -> bool {
    split(reason).iter().any(|word| of_word(word) == Some(Healthy))
        && self::reason(reason).is_none()
}

/// Whether the words of a condition's type name something bad: `Stalled`, `HasErrors`.
pub(super) fn is_bad(kind: &str) -> bool {
    split(kind).iter().any(|word| of_word(word) == Some(Degraded))
}

/// The last word of a condition's type, after any prefix with slashes or dots.
pub(super) fn last(kind: &str) -> String {
    split(kind).pop().unwrap_or_default()
}

fn is_incomplete(words: &[String]) -> bool {
    words.iter().any(|word| word == "not")
        && words.iter().any(|word| matches!(word.as_str(), "complete" | "completed" | "finished"))
}

fn listed(list: &[(HealthStatus, &[&str])], word: &str) -> Option<HealthStatus> {
    list.iter().find(|(_, words)| words.contains(&word)).map(|(status, _)| *status)
}

fn of_word(word: &str) -> Option<HealthStatus> {
    listed(WORDS, word).or_else(|| {
        // `provisioning`, `restarting`: under way.
        let is_under_way = word.len() > 5 && word.ends_with("ing") && word != "missing";
        is_under_way.then_some(Progressing)
    })
}

/// `ImportInProgress`, `PENDING_RERUN`, `app-ready` as words in lower case.
fn split(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in text.chars() {
        let is_border = !c.is_ascii_alphanumeric() || (c.is_ascii_uppercase() && was_lower);
        if is_border && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_read_by_their_words() {
        for (text, expected) in [
            ("Ready", Some(Healthy)),
            ("RUNNING", Some(Healthy)),
            ("ImportInProgress", Some(Progressing)),
            ("PENDING_RERUN", Some(Progressing)),
            ("Cluster in healthy state", Some(Healthy)),
            ("Setting up primary", Some(Progressing)),
            ("UpdateFailed", Some(Degraded)),
            ("NotFound", Some(Missing)),
            ("NotReady", Some(Progressing)),
            ("ScalingDown", Some(Progressing)),
            ("ClusterRunning", Some(Healthy)),
            ("In-progress", Some(Progressing)),
            ("paused", Some(Suspended)),
            ("Unknown", Some(Unknown)),
            ("CrashLoopBackOff", Some(Degraded)),
            ("Primary instance is being restarted", Some(Progressing)),
            ("Cannot upgrade due to missing binary", Some(Degraded)),
            ("blue", None),
            ("", None),
        ] {
            assert_eq!(state(text, false), expected, "{text}");
        }
        assert_eq!(state("Running", true), Some(Progressing));
        assert_eq!(state("Completed", true), Some(Healthy));
    }

    #[test]
    fn reasons_say_why_something_is_not_met() {
        for (text, expected) in [
            ("Creating", Some(Progressing)),
            ("RestoreNotComplete", Some(Progressing)),
            ("ReconcileError", Some(Degraded)),
            ("SecretNotFound", Some(Degraded)),
            ("MissingWatchedSecrets", Some(Degraded)),
            ("ReconcilePaused", Some(Suspended)),
            ("GuestNotRunning", None),
            ("", None),
        ] {
            assert_eq!(reason(text), expected, "{text}");
        }
        assert!(is_done("NewReplicaSetAvailable") && !is_done("ReplicaSetUpdating"));
        assert!(is_bad("Stalled") && is_bad("HasErrors") && !is_bad("Ready"));
    }
}
