//! What monitoring writes into the ledger. Numbers are integers: a fact's JSON is hashed.

use std::fmt;

use ledger::{
    ApplicationName, ArtifactDigest, CommitId, EnvironmentName, FactBody, IncidentId,
    PullRequestNumber, RepositoryName, Sequence,
};
use serde::{Deserialize, Serialize};

use crate::assess::{Case, Verdict};
use crate::objective::{Severity, UnknownReason};

/// A fact of this domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MonitoringFact {
    /// The verdict on a deployment, recorded when the verdict or its cases' codes change.
    Assessed {
        /// Whose deployment.
        application: ApplicationName,
        /// Where it runs.
        environment: EnvironmentName,
        /// The commit that is deployed.
        revision: CommitId,
        /// The plan's generation that put it there.
        generation: u64,
        /// What follows from the cases.
        verdict: Verdict,
        /// Everything that was found, the worst first.
        cases: Vec<Case>,
    },
    /// An objective began to burn, stopped burning, or is not known any more.
    ObjectiveChanged {
        /// Whose objective.
        application: ApplicationName,
        /// Where it was measured.
        environment: EnvironmentName,
        /// The objective's name in its file.
        objective: String,
        /// What it is now.
        state: ObjectiveState,
        /// How many times faster than allowed the budget is used, in thousandths; `None` when there is no number.
        burn_thousandths: Option<u64>,
    },
    /// Probe answers, logs, events and the window of metrics were saved, before anything is removed.
    EvidenceSaved {
        /// Whose deployment.
        application: ApplicationName,
        /// Where it runs.
        environment: EnvironmentName,
        /// The commit that is deployed.
        revision: CommitId,
        /// The saved document, in the registry's store of blobs.
        digest: ArtifactDigest,
        /// What is in it, one line each.
        summary: Vec<String>,
        /// The same as values; facts from before they were kept have none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        contents: Vec<EvidenceContent>,
    },
    /// An incident begins.
    IncidentOpened {
        /// Its number.
        incident: IncidentId,
        /// What is sick.
        application: ApplicationName,
        /// Where.
        environment: EnvironmentName,
        /// The change that explains it, when one does.
        suspect: Option<Suspect>,
        /// What was found.
        cases: Vec<Case>,
    },
    /// Something about an open incident is new.
    IncidentUpdated {
        /// Its number.
        incident: IncidentId,
        /// What is found now.
        cases: Vec<Case>,
        /// What is being done; `None` when only the cases changed.
        action: Option<IncidentAction>,
    },
    /// The incident is over.
    IncidentResolved {
        /// Its number.
        incident: IncidentId,
        /// Why it is over.
        resolution: Resolution,
    },
    /// A receiver took a notification.
    NotificationDelivered {
        /// The route's name.
        target: String,
        /// The fact that changed the state.
        change: Sequence,
    },
    /// A receiver did not take a notification.
    NotificationFailed {
        /// The route's name.
        target: String,
        /// The fact that changed the state.
        change: Sequence,
        /// Which attempt this was, from 1.
        attempt: u32,
        /// What happened, for a person.
        problem: String,
    },
}

impl FactBody for MonitoringFact {
    const DOMAIN: &'static str = "monitoring";
}

/// What an objective is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ObjectiveState {
    /// The budget is not used faster than allowed.
    Met,
    /// The budget is used too fast.
    Burning {
        /// The worst rule that fires.
        severity: Severity,
    },
    /// It cannot be said.
    Unknown {
        /// Why not.
        reason: UnknownReason,
    },
}

impl ObjectiveState {
    /// A stable name: `met`, `burning`, `unknown`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Burning { .. } => "burning",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The change that explains an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The repository of the change.
    pub repository: RepositoryName,
    /// The commit that is deployed.
    pub commit: CommitId,
    /// The commit's author, as written in it.
    pub author: Option<String>,
    /// The pull request that brought it.
    pub pull_request: Option<PullRequestNumber>,
    /// The artifact that it deploys.
    pub digest: Option<ArtifactDigest>,
    /// The commit that was healthy before it.
    pub previous: Option<CommitId>,
}

/// One thing that saved evidence holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "content", rename_all = "kebab-case")]
pub enum EvidenceContent {
    /// What a workload's replicas wrote and answered, and what happened to them.
    Workload {
        /// Its name.
        workload: String,
        /// Lines of their logs.
        log_lines: usize,
        /// Answers to probes.
        probe_answers: usize,
        /// Events.
        events: usize,
    },
    /// Metrics of the minutes before.
    Metrics {
        /// How many series.
        series: usize,
        /// Over how long.
        minutes: u64,
    },
}

/// What is done about an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum IncidentAction {
    /// The change was reverted in Git.
    Reverted {
        /// The revert.
        commit: CommitId,
    },
    /// Automation stopped for this application until a person resumes it.
    Frozen,
    /// A revert is prepared and waits for a person.
    Asked {
        /// The pull request that holds the revert.
        pull_request: PullRequestNumber,
    },
    /// A person has taken it.
    Acknowledged {
        /// Who.
        by: String,
    },
}

impl fmt::Display for EvidenceContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workload { workload, log_lines, probe_answers, events } => write!(
                f,
                "{workload}: {log_lines} log lines, {probe_answers} probe answers, {events} events"
            ),
            Self::Metrics { series, minutes } => {
                write!(f, "{series} series of metrics over {minutes} min")
            }
        }
    }
}

impl IncidentAction {
    /// A stable name: `reverted`, `frozen`, `asked`, `acknowledged`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Reverted { .. } => "reverted",
            Self::Frozen => "frozen",
            Self::Asked { .. } => "asked",
            Self::Acknowledged { .. } => "acknowledged",
        }
    }
}

/// Why an incident is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "resolution", rename_all = "kebab-case")]
pub enum Resolution {
    /// A later revision is healthy.
    HealthyRevision {
        /// Which.
        revision: CommitId,
    },
    /// The same revision became healthy again.
    Recovered,
    /// The application is gone.
    ApplicationRemoved,
    /// A person closed it.
    ClosedBy {
        /// Who.
        person: String,
    },
}

impl Resolution {
    /// A stable name: `healthy-revision`, `recovered`, `application-removed`, `closed-by`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::HealthyRevision { .. } => "healthy-revision",
            Self::Recovered => "recovered",
            Self::ApplicationRemoved => "application-removed",
            Self::ClosedBy { .. } => "closed-by",
        }
    }
}
