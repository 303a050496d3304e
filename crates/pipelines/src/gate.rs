//! Whether the trees that a gate declares passed what it asks of them.
//!
//! A gate is keyed by trees, never by a commit: a revert to trees that passed needs no new run, and
//! a commit that leaves the declared paths alone asks for none.

use std::collections::BTreeMap;
use std::fmt;

use ledger::{RunId, TreeId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::facts::Conclusion;

/// A condition that trees must meet once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its name, unique in the repository.
    pub name: String,
    /// The paths whose trees it is about, relative to the root; empty: the whole tree.
    pub paths: Vec<String>,
    /// The checks that must succeed, as `<workflow file stem>/<job id>`.
    pub checks: Vec<String>,
}

/// The trees of a gate's paths, as one value: 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GateKey(String);

/// Everything that a gate's decision looks at.
#[derive(Debug, Clone, PartialEq)]
pub struct GateInputs {
    /// The gate.
    pub gate: Gate,
    /// The run of an earlier pass with the same key, from the ledger.
    pub passed_before: Option<RunId>,
    /// The runs for commits whose trees have the same key, oldest first.
    pub runs: Vec<GateRun>,
}

/// What one run says about a gate's checks.
#[derive(Debug, Clone, PartialEq)]
pub struct GateRun {
    /// The run.
    pub run: RunId,
    /// Its checks by name; absent: the run has no such check. `None`: not ended.
    pub checks: BTreeMap<String, Option<Conclusion>>,
}

/// The answer of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateDecision {
    /// The condition holds.
    Passed {
        /// The run that shows it; for a gate without checks there is none.
        by: Option<RunId>,
    },
    /// The condition does not hold, and no run is under way that could change it.
    Failed {
        /// Every reason.
        reasons: Vec<GateReason>,
    },
    /// The condition may still come to hold.
    Waiting {
        /// What it waits for.
        on: Vec<GateReason>,
    },
}

/// One reason why a gate is not passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateReason {
    /// No run ever reported the check for these trees.
    NoRun {
        /// The check.
        check: String,
    },
    /// The newest run has not ended the check.
    Unfinished {
        /// The check.
        check: String,
        /// The run.
        run: RunId,
    },
    /// The check ended and did not succeed.
    NotSucceeded {
        /// The check.
        check: String,
        /// The run.
        run: RunId,
        /// How it ended.
        conclusion: Conclusion,
    },
}

/// The key of a gate for the trees of its paths; `None` for a path that is not there. The order of
/// the map is the order of the paths' bytes, so equal trees give equal keys.
#[must_use]
pub fn key(gate: &Gate, trees: &BTreeMap<String, Option<TreeId>>) -> GateKey {
    let mut hash = Sha256::new();
    let mut field = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    field(&gate.name);
    // A gate that asks for other checks is another gate, even over equal trees.
    for check in &gate.checks {
        field(check);
    }
    for (path, tree) in trees {
        field(path);
        field(tree.as_ref().map_or("", TreeId::as_str));
    }
    GateKey(hex::encode(hash.finalize()))
}

/// Decides a gate. A check counts from the newest run that has it; an earlier pass is kept whatever
/// later runs say, because equal trees passed once.
#[must_use]
pub fn decide(inputs: &GateInputs) -> GateDecision {
    if let Some(run) = inputs.passed_before {
        return GateDecision::Passed { by: Some(run) };
    }
    let mut passed_by = None;
    let (mut failed, mut waiting) = (Vec::new(), Vec::new());
    for check in &inputs.gate.checks {
        let newest = inputs
            .runs
            .iter()
            .rev()
            .find_map(|run| run.checks.get(check).map(|conclusion| (run.run, *conclusion)));
        match newest {
            None => waiting.push(GateReason::NoRun { check: check.clone() }),
            Some((run, None)) => waiting.push(GateReason::Unfinished { check: check.clone(), run }),
            Some((run, Some(Conclusion::Success))) => passed_by = passed_by.max(Some(run)),
            Some((
                run,
                Some(
                    conclusion
                    @ (Conclusion::Failure | Conclusion::Cancelled | Conclusion::Skipped),
                ),
            )) => failed.push(GateReason::NotSucceeded { check: check.clone(), run, conclusion }),
        }
    }
    if !failed.is_empty() {
        GateDecision::Failed { reasons: failed }
    } else if !waiting.is_empty() {
        GateDecision::Waiting { on: waiting }
    } else {
        GateDecision::Passed { by: passed_by }
    }
}

impl GateKey {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl GateReason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRun { .. } => "gate-no-run",
            Self::Unfinished { .. } => "gate-unfinished",
            Self::NotSucceeded { .. } => "gate-not-succeeded",
        }
    }
}

impl fmt::Display for GateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRun { check } => write!(
                f,
                "no run has reported `{check}` for these files; it is reported when a workflow \
                 that has this job runs for them"
            ),
            Self::Unfinished { check, run } => {
                write!(f, "`{check}` has not ended in run {run}; it is decided when it has")
            }
            Self::NotSucceeded { check, run, conclusion } => write!(
                f,
                "`{check}` ended as {conclusion} in run {run}; push a change or re-run it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(checks: &[&str]) -> Gate {
        Gate {
            name: "built".into(),
            paths: vec!["src".into()],
            checks: checks.iter().map(|check| (*check).to_owned()).collect(),
        }
    }

    fn run(run: u64, checks: &[(&str, Option<Conclusion>)]) -> GateRun {
        let checks = checks.iter().map(|(name, state)| ((*name).to_owned(), *state)).collect();
        GateRun { run: RunId(run), checks }
    }

    #[track_caller]
    fn check(checks: &[&str], before: Option<u64>, runs: Vec<GateRun>, expected: &str) {
        let passed_before = before.map(RunId);
        let answer = match decide(&GateInputs { gate: gate(checks), passed_before, runs }) {
            GateDecision::Passed { by } => {
                format!("passed {}", by.map_or("-".to_owned(), |run| run.to_string()))
            }
            GateDecision::Failed { reasons } => format!("failed {}", codes(&reasons)),
            GateDecision::Waiting { on } => format!("waiting {}", codes(&on)),
        };
        assert_eq!(answer, expected);
    }

    fn codes(reasons: &[GateReason]) -> String {
        reasons.iter().map(GateReason::code).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn decides() {
        let (good, bad) = (Some(Conclusion::Success), Some(Conclusion::Failure));
        check(&[], None, vec![], "passed -");
        check(&["a"], None, vec![], "waiting gate-no-run");
        check(&["a"], None, vec![run(1, &[("a", None)])], "waiting gate-unfinished");
        check(&["a"], None, vec![run(1, &[("a", good)])], "passed 1");
        check(&["a"], None, vec![run(1, &[("a", bad)])], "failed gate-not-succeeded");
        check(&["a"], None, vec![run(1, &[("a", bad)]), run(2, &[("a", good)])], "passed 2");
        check(
            &["a"],
            None,
            vec![run(1, &[("a", good)]), run(2, &[("a", None)])],
            "waiting gate-unfinished",
        );
        check(&["a"], Some(1), vec![run(2, &[("a", bad)])], "passed 1");
        check(&["a", "b"], None, vec![run(1, &[("a", good)]), run(2, &[("b", good)])], "passed 2");
        check(&["a", "b"], None, vec![run(1, &[("a", good)])], "waiting gate-no-run");
        check(
            &["a", "b"],
            None,
            vec![run(1, &[("a", bad), ("b", None)])],
            "failed gate-not-succeeded",
        );
        let skipped = Some(Conclusion::Skipped);
        check(&["a"], None, vec![run(1, &[("a", skipped)])], "failed gate-not-succeeded");
    }

    #[test]
    fn keys_follow_the_trees_alone() {
        let tree = |digit: &str| Some(TreeId::new(digit.repeat(40)).expect("an id"));
        let trees =
            |src, docs| BTreeMap::from([("docs".to_owned(), docs), ("src".to_owned(), src)]);
        let base = key(&gate(&["a"]), &trees(tree("1"), None));
        assert_eq!(base, key(&gate(&["a"]), &trees(tree("1"), None)));
        assert_ne!(base, key(&gate(&["a"]), &trees(None, tree("1"))));
        assert_ne!(base, key(&gate(&["a"]), &trees(tree("2"), None)));
        assert_ne!(base, key(&gate(&["b"]), &trees(tree("1"), None)));
    }
}
