//! Why the loop waits, holds or refuses; each with a code and a sentence.

use std::fmt;

use ledger::{
    Actor, ArtifactDigest, CommitId, EnvironmentName, IncidentId, PullRequestNumber, Timestamp,
};
use serde::{Deserialize, Serialize};

/// What a promotion waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum WaitReason {
    /// The artifact's gate has not passed.
    GateOpen { gate: String },
    /// The environment before has not deployed it.
    NotDeployedBefore { environment: EnvironmentName },
    /// The environment before has not verified it.
    NotVerifiedBefore { environment: EnvironmentName, verdict: String },
    /// A person must approve.
    ApprovalMissing { environment: EnvironmentName },
    /// The pull request cannot be merged yet.
    PullRequestWaiting { number: PullRequestNumber, why: String },
    /// Another promotion into the environment is not deployed or verified yet.
    EarlierPromotionRunning { digest: ArtifactDigest },
}

/// Why something is kept out of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum HoldReason {
    /// It made something sick.
    Quarantined { incident: Option<IncidentId> },
    /// A person chose something older; automation waits until it is resumed.
    ChosenByPerson { actor: Actor },
    /// The environment is sick and its mode is `freeze`.
    Frozen { incident: Option<IncidentId> },
}

/// Why a sick application is not rolled back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum RollbackRefusal {
    /// It is healthy.
    NotSick,
    /// Nobody knows how it is.
    Inconclusive,
    /// The assessment is about something that does not run any more.
    NotDeployed { assessed: u64, running: u64 },
    /// A newer change is on its way to the target.
    NewerChangeOnItsWay { commit: CommitId },
    /// The change that is sick is itself a rollback.
    RollbackOfRollback { commit: CommitId },
    /// No earlier state was ever healthy.
    NoHealthyRevision,
    /// There was a rollback not long ago.
    WindowUsed { until: Timestamp },
    /// Promotions are frozen already.
    AlreadyFrozen,
    /// A person was asked already.
    AwaitingAnswer,
    /// No commit of the repository brought it, so none can be taken back.
    ChangedElsewhere { commit: CommitId },
}

/// Why a person's promotion is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromotionRefusal {
    /// No trusted run published it under this name, or there is no such environment.
    NotPublished,
    /// It was taken back because of an incident.
    Quarantined {
        /// The incident.
        incident: Option<IncidentId>,
    },
    /// The environment has it.
    AlreadyThere,
    /// It is being promoted without anybody's help.
    OnItsWay,
    /// It may not go there yet.
    NotYet(WaitReason),
}

impl WaitReason {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::GateOpen { .. } => "gate-open",
            Self::NotDeployedBefore { .. } => "not-deployed-before",
            Self::NotVerifiedBefore { .. } => "not-verified-before",
            Self::ApprovalMissing { .. } => "approval-missing",
            Self::PullRequestWaiting { .. } => "pull-request-waiting",
            Self::EarlierPromotionRunning { .. } => "earlier-promotion-running",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GateOpen { gate } => {
                write!(f, "the gate `{gate}` has not passed for this build; see its run")
            }
            Self::NotDeployedBefore { environment } => {
                write!(f, "{environment} does not run it yet; it goes on when it does")
            }
            Self::NotVerifiedBefore { environment, verdict } => write!(
                f,
                "{environment} runs it and its verification is {verdict}; it goes on when that is healthy"
            ),
            Self::ApprovalMissing { environment } => {
                write!(f, "{environment} asks for a person's approval; approve the promotion")
            }
            Self::PullRequestWaiting { number, why } => {
                write!(f, "pull request #{number} cannot be merged yet: {why}")
            }
            Self::EarlierPromotionRunning { digest } => {
                write!(f, "{digest} was promoted before and is not verified yet")
            }
        }
    }
}

impl HoldReason {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Quarantined { .. } => "quarantined",
            Self::ChosenByPerson { .. } => "chosen-by-person",
            Self::Frozen { .. } => "frozen",
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let incident = |incident: &Option<IncidentId>| {
            incident.map_or_else(String::new, |incident| format!(" (incident {incident})"))
        };
        match self {
            Self::Quarantined { incident: found } => write!(
                f,
                "it is in quarantine{}; publish a corrected build or lift the quarantine",
                incident(found)
            ),
            Self::ChosenByPerson { actor } => {
                write!(f, "{actor} chose an older one; resume the automation to go on")
            }
            Self::Frozen { incident: found } => write!(
                f,
                "promotions are frozen{}; resume the automation when it is solved",
                incident(found)
            ),
        }
    }
}

impl PromotionRefusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotPublished => "not-published",
            Self::Quarantined { .. } => "quarantined",
            Self::AlreadyThere => "already-there",
            Self::OnItsWay => "on-its-way",
            Self::NotYet(reason) => reason.code(),
        }
    }
}

impl fmt::Display for PromotionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPublished => {
                f.write_str("no run published such a build; see `boucle env list`")
            }
            Self::Quarantined { incident } => {
                HoldReason::Quarantined { incident: *incident }.fmt(f)
            }
            Self::AlreadyThere => f.write_str("the environment has it already"),
            Self::OnItsWay => f.write_str("it is being promoted already; see its pull request"),
            Self::NotYet(reason) => reason.fmt(f),
        }
    }
}

impl RollbackRefusal {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotSick => "not-sick",
            Self::Inconclusive => "inconclusive",
            Self::NotDeployed { .. } => "not-deployed",
            Self::NewerChangeOnItsWay { .. } => "newer-change-on-its-way",
            Self::RollbackOfRollback { .. } => "rollback-of-rollback",
            Self::NoHealthyRevision => "no-healthy-revision",
            Self::WindowUsed { .. } => "window-used",
            Self::AlreadyFrozen => "already-frozen",
            Self::AwaitingAnswer => "awaiting-answer",
            Self::ChangedElsewhere { .. } => "changed-elsewhere",
        }
    }
}

impl fmt::Display for RollbackRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSick => f.write_str("it is not sick; there is nothing to take back"),
            Self::Inconclusive => f.write_str("what was seen does not decide; the watch goes on"),
            Self::NotDeployed { assessed, running } => write!(
                f,
                "generation {assessed} was assessed and generation {running} runs; the next assessment decides"
            ),
            Self::NewerChangeOnItsWay { commit } => write!(
                f,
                "commit {commit} changes the application and is not deployed yet; its assessment decides"
            ),
            Self::RollbackOfRollback { commit } => {
                write!(f, "commit {commit} is itself a rollback; a person must look")
            }
            Self::NoHealthyRevision => {
                f.write_str("no earlier state is known to be healthy; a person must look")
            }
            Self::WindowUsed { until } => write!(
                f,
                "there was a rollback not long ago; the next automatic one is possible at {until}; a person can ask for one now"
            ),
            Self::AlreadyFrozen => f.write_str("promotions are frozen already; a person must look"),
            Self::AwaitingAnswer => {
                f.write_str("a person was asked; approve the rollback or push a correction")
            }
            Self::ChangedElsewhere { commit } => write!(
                f,
                "commit {commit} was deployed before and was rendered differently then: a source in another repository changed, or the renderer; put it right there"
            ),
        }
    }
}
