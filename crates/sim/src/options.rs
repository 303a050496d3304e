//! What a run is asked for and what it answers.

use std::fmt;

use crate::seeds::Counted;

/// How a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Seconds with faults and people.
    pub stormy_ticks: u64,
    /// Seconds without, in which everything must come to rest.
    pub calm_ticks: u64,
    /// Whether the rollback is asked even when nothing is sick; slower, for a few seeds.
    pub look_always: bool,
    /// The rules that are in force.
    pub rules: Rules,
}

/// The rules that keep the loop safe; a test switches one off to see that its absence is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each rule is on or off by itself")]
pub struct Rules {
    /// A decision is recorded only if nothing came between.
    pub expected_parent: bool,
    /// A target refuses an older generation.
    pub generations: bool,
    /// A target does one order at a time.
    pub one_apply_at_a_time: bool,
    /// A build whose gate is open is not promoted.
    pub gates: bool,
    /// A digest in quarantine is not promoted.
    pub quarantine: bool,
    /// One automatic rollback in a window.
    pub window: bool,
}

/// All rules.
impl Default for Rules {
    fn default() -> Self {
        Self {
            expected_parent: true,
            generations: true,
            one_apply_at_a_time: true,
            gates: true,
            quarantine: true,
            window: true,
        }
    }
}

/// Five minutes of storm, one of calm: enough for a rollback window and a release after it.
impl Default for Options {
    fn default() -> Self {
        Self { stormy_ticks: 300, calm_ticks: 60, look_always: false, rules: Rules::default() }
    }
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// Two orders were carried out in one environment at the same time.
    TwoAppliesAtOnce,
    /// A target went back to an older generation.
    GenerationFell,
    /// Something runs whose build never passed its gate.
    GateNotPassed,
    /// A person's acknowledged push is not in the branch.
    PushLost,
    /// A digest was promoted after it came into quarantine.
    QuarantinePromoted,
    /// Two automatic rollbacks of an application in one window.
    TwoRollbacksInWindow,
    /// At rest, what runs is not what the tip says, or nobody knows that it is, and nothing says why.
    NotConverged,
    /// A target did something that no decision asked for.
    ActWithoutDecision,
    /// The views are not what the facts fold to.
    ViewsDiffer,
    /// The same seed gave another log.
    NotRepeatable,
}

/// A stable name, in kebab-case.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TwoAppliesAtOnce => "two-applies-at-once",
            Self::GenerationFell => "generation-fell",
            Self::GateNotPassed => "gate-not-passed",
            Self::PushLost => "push-lost",
            Self::QuarantinePromoted => "quarantine-promoted",
            Self::TwoRollbacksInWindow => "two-rollbacks-in-window",
            Self::NotConverged => "not-converged",
            Self::ActWithoutDecision => "act-without-decision",
            Self::ViewsDiffer => "views-differ",
            Self::NotRepeatable => "not-repeatable",
        })
    }
}

/// What happened, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Facts in the ledger.
    pub facts: u64,
    /// Pushes of people.
    pub pushes: u64,
    /// Digests that were written into an environment.
    pub promotions: u64,
    /// Changes that were taken back.
    pub rollbacks: u64,
    /// Orders that targets carried out.
    pub applies: u64,
    /// Orders that targets refused because they were older.
    pub refused_orders: u64,
    /// Messages that never arrived.
    pub lost_messages: u64,
    /// Decisions that were dropped because somebody was faster.
    pub lost_races: u64,
    /// Deciders that were killed and started again.
    pub crashes: u64,
}

impl Counted for Statistics {
    fn add(&mut self, other: &Self) {
        self.facts += other.facts;
        self.pushes += other.pushes;
        self.promotions += other.promotions;
        self.rollbacks += other.rollbacks;
        self.applies += other.applies;
        self.refused_orders += other.refused_orders;
        self.lost_messages += other.lost_messages;
        self.lost_races += other.lost_races;
        self.crashes += other.crashes;
    }
}
