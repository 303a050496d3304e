//! What changed on the target without Git, and whether it is put back now.

use ledger::{Actor, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::compare::changed_fields;
use crate::objects::ObjectKey;

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

/// An applied object and what is there now (`None`: nothing).
#[derive(Debug, Clone, PartialEq)]
pub struct AppliedObject {
    /// As it was applied.
    pub applied: Value,
    /// As it is.
    pub live: Option<Value>,
    /// What the target itself noticed: killed processes, changed files.
    pub noticed: Vec<String>,
    /// Who changed it, when the target knows.
    pub changed_by: Option<Actor>,
    /// JSON pointers that do not count.
    pub ignored: Vec<String>,
}

/// The differences, in the order of the objects.
#[must_use]
pub fn find(objects: &[(ObjectKey, AppliedObject)]) -> Vec<Drift> {
    let mut drifts = Vec::new();
    for (object, state) in objects {
        let mut push = |change| {
            drifts.push(Drift { object: object.clone(), change, by: state.changed_by.clone() });
        };
        match &state.live {
            None => push(DriftChange::Deleted),
            Some(live) => {
                let fields = changed_fields(&state.applied, live, None, &state.ignored);
                if !fields.is_empty() {
                    push(DriftChange::Altered { fields });
                }
            }
        }
        for what in &state.noticed {
            push(DriftChange::Runtime { what: what.clone() });
        }
    }
    drifts
}

/// Whether a drift is repaired now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heal {
    /// There is no drift.
    Nothing,
    /// Repair it now.
    Repair,
    /// It was repaired just before; wait so that two controllers do not fight.
    Wait {
        /// Until when.
        until: Timestamp,
    },
    /// `selfHeal` is off: it is shown and left.
    Off,
}

/// Argo CD's back-off for repairs: 2 s, tripled, at most 5 minutes. The first repair is immediate;
/// the count starts again after an hour without one.
#[must_use]
pub fn self_heal(enabled: bool, drifts: &[Drift], repairs: &[Timestamp], as_of: Timestamp) -> Heal {
    const QUIET_MS: i64 = 3_600_000;
    if drifts.is_empty() {
        return Heal::Nothing;
    }
    if !enabled {
        return Heal::Off;
    }
    let recent = repairs.iter().filter(|at| as_of.since_ms(**at) < QUIET_MS).count();
    let Some(last) = repairs.iter().max().filter(|_| recent > 0) else { return Heal::Repair };
    let attempts = u32::try_from(recent - 1).unwrap_or(u32::MAX);
    let until = last.plus_ms(wait_ms(2_000, 3, 300_000, attempts));
    if as_of < until { Heal::Wait { until } } else { Heal::Repair }
}

/// `first × factor^attempts`, at most `longest`, in milliseconds.
pub(crate) fn wait_ms(first: i64, factor: u32, longest: i64, attempts: u32) -> i64 {
    i64::from(factor)
        .checked_pow(attempts)
        .and_then(|by| first.checked_mul(by))
        .map_or(longest, |ms| ms.min(longest))
}
