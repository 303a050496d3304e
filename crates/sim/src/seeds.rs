//! Many runs, each from its own seed: what every simulation answers.

use std::fmt::{Display, Write as _};
use std::ops::Range;

/// What one seed gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome<Violation, Statistics> {
    /// The seed.
    pub seed: u64,
    /// What must not be seen and was, each once.
    pub violations: Vec<Violation>,
    /// The log as one number; the same seed gives the same.
    pub log_digest: u64,
    /// What happened.
    pub statistics: Statistics,
}

/// What many seeds gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary<Violation, Statistics> {
    /// How many seeds ran.
    pub seeds: u64,
    /// The seeds with violations.
    pub failed: Vec<Outcome<Violation, Statistics>>,
    /// Everything that happened, added up.
    pub statistics: Statistics,
}

/// What is counted in a run.
pub(crate) trait Counted: Default {
    /// Adds another run's.
    fn add(&mut self, other: &Self);
}

/// Each seed of a range; every tenth runs twice and must give the same log.
pub(crate) fn run_each<Violation, Statistics: Counted>(
    seeds: Range<u64>,
    not_repeatable: Violation,
    run: impl Fn(u64) -> Outcome<Violation, Statistics>,
) -> Summary<Violation, Statistics>
where
    Violation: Copy,
{
    let mut summary = Summary { seeds: 0, failed: Vec::new(), statistics: Statistics::default() };
    for seed in seeds {
        let mut outcome = run(seed);
        if seed % 10 == 0 && run(seed).log_digest != outcome.log_digest {
            outcome.violations.push(not_repeatable);
        }
        summary.seeds += 1;
        summary.statistics.add(&outcome.statistics);
        if !outcome.violations.is_empty() {
            summary.failed.push(outcome);
        }
    }
    summary
}

impl<Violation: Display, Statistics> Summary<Violation, Statistics> {
    /// The seeds with violations as text for a terminal, and how many they are.
    pub(crate) fn failures(&self, seed: &str) -> String {
        let mut text = String::new();
        for outcome in &self.failed {
            let names: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
            let _ = writeln!(text, "{seed} {}: {}", outcome.seed, names.join(", "));
        }
        let _ = writeln!(text, "{} seeds with violations", self.failed.len());
        text
    }
}
