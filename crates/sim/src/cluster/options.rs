//! What a run with clusters is asked for and what it answers.

use std::fmt;

use crate::seeds::Counted;

/// How a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Seconds with faults, people and other controllers.
    pub stormy_ticks: u64,
    /// Seconds without, twice: first alone, then after people did what they were asked for.
    pub calm_ticks: u64,
    /// What goes wrong in the storm.
    pub storms: Storms,
    /// The rules that are in force.
    pub rules: Rules,
}

/// What goes wrong; a test leaves one kind of trouble alone to see what it does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each kind of trouble comes or does not")]
pub struct Storms {
    /// Watches break, stall, tell late and twice, and are read in part.
    pub watches: bool,
    /// Requests come late, twice or after somebody gave up; answers are lost.
    pub requests: bool,
    /// API servers are away, busy, or start again without their history.
    pub servers: bool,
    /// Boucle is killed, also between what it records and what it does.
    pub kills: bool,
    /// People with `kubectl`, an autoscaler and a second controller write.
    pub others: bool,
    /// People push, and remove applications.
    pub pushes: bool,
}

impl Storms {
    /// None of them.
    pub const NONE: Self = Self {
        watches: false,
        requests: false,
        servers: false,
        kills: false,
        others: false,
        pushes: false,
    };
    /// All of them.
    pub const ALL: Self = Self {
        watches: true,
        requests: true,
        servers: true,
        kills: true,
        others: true,
        pushes: true,
    };
}

/// Two and a half minutes of storm; the calm is long enough for a wave that waits until its deadline and for
/// the longest wait between attempts.
impl Default for Options {
    fn default() -> Self {
        Self { stormy_ticks: 150, calm_ticks: 250, storms: Storms::ALL, rules: Rules::default() }
    }
}

/// The rules that keep clusters safe; a test switches one off to see that its absence is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each rule is on or off by itself")]
pub struct Rules {
    /// A plan is recorded only if nothing came between.
    pub expected_parent: bool,
    /// The hand refuses an older generation.
    pub generations: bool,
    /// A deletion names the object that was looked at, by uid and version.
    pub preconditions: bool,
    /// An inventory says whether everything was seen.
    pub completeness: bool,
    /// Whoever wrote reads what it wrote before the watch says so.
    pub own_writes: bool,
}

/// All rules.
impl Default for Rules {
    fn default() -> Self {
        Self {
            expected_parent: true,
            generations: true,
            preconditions: true,
            completeness: true,
            own_writes: true,
        }
    }
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// An object was deleted although the plan's own rendering, or Git for a while, declares it.
    DeclaredPruned,
    /// Something was called missing, or pruned, while not everything was seen as it is now.
    UnseenDecided,
    /// A request of an older plan was sent after one of a newer.
    OlderOverNewer,
    /// An object differs by fields that Git does not set and others own.
    ForeignFieldDiffers,
    /// A plan leaves alone what an apply would change, or applies what it would not.
    DifferenceWrong,
    /// The replicas of an autoscaler were written over although it was seen that they are its own.
    AutoscalerOverwritten,
    /// Something was deleted that the application does not track.
    UntrackedDeleted,
    /// A synchronisation neither acts, nor ends, nor waits with a reason and a deadline.
    OperationStuck,
    /// Two synchronisations of an application at the same time.
    TwoOperationsAtOnce,
    /// Something of a later wave was written before an earlier one was healthy.
    WaveOutOfOrder,
    /// A step was done twice in one synchronisation: a hook above all.
    StepRepeated,
    /// Something was sent that no recorded plan asks for.
    ActWithoutDecision,
    /// A generation was not greater than the one before.
    GenerationFell,
    /// At rest an application is neither as Git says and healthy nor says why not.
    NotConverged,
    /// At rest, after people did what they were asked for, an application is not as Git says.
    NotConvergedWithHelp,
    /// At rest the cache is not what the cluster has.
    CacheDiffers,
    /// The views are not what the facts fold to.
    ViewsDiffer,
    /// The same seed gave another log.
    NotRepeatable,
}

/// A stable name, in kebab-case.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DeclaredPruned => "declared-pruned",
            Self::UnseenDecided => "unseen-decided",
            Self::OlderOverNewer => "older-over-newer",
            Self::ForeignFieldDiffers => "foreign-field-differs",
            Self::DifferenceWrong => "difference-wrong",
            Self::AutoscalerOverwritten => "autoscaler-overwritten",
            Self::UntrackedDeleted => "untracked-deleted",
            Self::OperationStuck => "operation-stuck",
            Self::TwoOperationsAtOnce => "two-operations-at-once",
            Self::WaveOutOfOrder => "wave-out-of-order",
            Self::StepRepeated => "step-repeated",
            Self::ActWithoutDecision => "act-without-decision",
            Self::GenerationFell => "generation-fell",
            Self::NotConverged => "not-converged",
            Self::NotConvergedWithHelp => "not-converged-with-help",
            Self::CacheDiffers => "cache-differs",
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
    /// Plans that were recorded.
    pub plans: u64,
    /// Of them, those that put back what changed without Git.
    pub repairs: u64,
    /// Requests that changed a cluster.
    pub writes: u64,
    /// Objects that were deleted because they left Git.
    pub deletions: u64,
    /// Deletions that found another object than the one that was looked at.
    pub changed_meanwhile: u64,
    /// Hooks that were made.
    pub hooks: u64,
    /// Applications whose objects were deleted with them.
    pub removals: u64,
    /// Looks that decided nothing because not everything was seen.
    pub unseen: u64,
    /// Connections of watches that broke.
    pub lost_watches: u64,
    /// Histories that were gone.
    pub lost_histories: u64,
    /// Requests that arrived after whoever sent them had given up.
    pub late_requests: u64,
    /// Wishes of older plans that the hand refused.
    pub refused_wishes: u64,
    /// Plans that were dropped because somebody was faster.
    pub lost_races: u64,
    /// Boucle was killed.
    pub kills: u64,
    /// Applications that found an object of theirs in the hands of another.
    pub claims: u64,
}

impl Counted for Statistics {
    fn add(&mut self, other: &Self) {
        let both = |a: &mut u64, b: u64| *a += b;
        both(&mut self.facts, other.facts);
        both(&mut self.plans, other.plans);
        both(&mut self.repairs, other.repairs);
        both(&mut self.writes, other.writes);
        both(&mut self.deletions, other.deletions);
        both(&mut self.changed_meanwhile, other.changed_meanwhile);
        both(&mut self.hooks, other.hooks);
        both(&mut self.removals, other.removals);
        both(&mut self.unseen, other.unseen);
        both(&mut self.lost_watches, other.lost_watches);
        both(&mut self.lost_histories, other.lost_histories);
        both(&mut self.late_requests, other.late_requests);
        both(&mut self.refused_wishes, other.refused_wishes);
        both(&mut self.lost_races, other.lost_races);
        both(&mut self.kills, other.kills);
        both(&mut self.claims, other.claims);
    }
}
