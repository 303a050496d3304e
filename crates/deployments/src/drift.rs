//! What changed on the target without Git, and whether it is put back now.

use ledger::{Actor, Timestamp};
use serde::{Deserialize, Serialize};

use crate::objects::ObjectKey;
use crate::planner::{Action, Plan, PlanInputs};

/// One difference between what was applied and what is there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// The object.
    pub object: ObjectKey,
    /// What happened to it.
    pub change: DriftChange,
    /// Who did it, when the target knows.
    pub by: Option<Actor>,
}

/// What happened to an object without Git.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DriftChange {
    /// It is gone.
    Deleted,
    /// Fields differ, named by JSON pointers.
    Altered {
        /// The pointers.
        fields: Vec<String>,
    },
    /// Its processes, files or ports differ, in the target's words.
    Runtime {
        /// "a process of replica 2 was killed by signal 9".
        what: String,
    },
}

/// Whether a plan puts back what was changed after its rendering was applied, instead of bringing
/// something new.
#[must_use]
pub fn is_drift(inputs: &PlanInputs, plan: &Plan) -> bool {
    let applied_before = inputs.previous.as_ref().is_some_and(|previous| {
        previous.rendered_commit == inputs.rendered_commit && previous.applied_at.is_some()
    });
    applied_before && plan.summary.changes() > 0 && inputs.requested.is_none()
}

/// What such a plan finds, object by object.
#[must_use]
pub fn drifts(plan: &Plan) -> Vec<Drift> {
    let drifts = plan.steps.iter().filter_map(|step| {
        let change = match step.action {
            Action::Create => DriftChange::Deleted,
            Action::Update => DriftChange::Altered { fields: step.changed.clone() },
            Action::Delete => DriftChange::Runtime { what: "it is not in Git".into() },
            Action::Unchanged | Action::Blocked => return None,
        };
        Some(Drift { object: step.object.clone(), change, by: None })
    });
    drifts.collect()
}

/// Until when the next repair waits, so that two controllers do not fight over a field; `None`: not
/// at all. People who try something are put right at once a few times in a row.
///
/// The waits are Argo CD's: 2 s, tripled, at most 5 minutes.
pub(crate) fn repair_waits_until(repairs: &[Timestamp], as_of: Timestamp) -> Option<Timestamp> {
    const AT_ONCE: usize = 4;
    /// Longer than the longest wait: after it the next is a story of its own.
    const QUIET_MS: i64 = 10 * 60 * 1_000;
    let mut in_a_row: usize = 0;
    let mut after = as_of;
    for at in repairs.iter().rev() {
        if after.since_ms(*at) >= QUIET_MS {
            break;
        }
        (in_a_row, after) = (in_a_row + 1, *at);
    }
    let attempts = u32::try_from(in_a_row.checked_sub(AT_ONCE)?).unwrap_or(u32::MAX);
    let until = repairs.last()?.plus_ms(wait_ms(2_000, 3, 300_000, attempts));
    (as_of < until).then_some(until)
}

/// `first × factor^attempts`, at most `longest`, in milliseconds.
pub(crate) fn wait_ms(first: i64, factor: u32, longest: i64, attempts: u32) -> i64 {
    i64::from(factor)
        .checked_pow(attempts)
        .and_then(|by| first.checked_mul(by))
        .map_or(longest, |ms| ms.min(longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(repairs_s: &[i64], as_of_s: i64, until_s: Option<i64>) {
        let at = |seconds: i64| Timestamp(seconds * 1_000);
        let repairs: Vec<Timestamp> = repairs_s.iter().copied().map(at).collect();
        assert_eq!(repair_waits_until(&repairs, at(as_of_s)), until_s.map(at), "{repairs_s:?}");
    }

    #[test]
    fn repairs_wait_when_they_follow_each_other() {
        check(&[], 0, None);
        check(&[0, 1, 2], 3, None);
        check(&[0, 1, 2, 3], 4, Some(5));
        check(&[0, 1, 2, 3], 5, None);
        check(&[0, 1, 2, 3, 5], 6, Some(11));
        // Days may lie between them, or the clock may go back.
        check(&[0, 1, 2, 3, 5], 606, None);
        check(&[0, 1, 2, 3, 1_000, 1_001, 1_002], 1_003, None);
        check(&[0, 1, 2, 3], -10, Some(5));
        // The longest wait.
        check(&[0; 20], 1, Some(300));
        check(&[0; 20], 300, None);
    }
}
