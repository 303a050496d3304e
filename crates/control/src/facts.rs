//! What the ledger keeps about the loop itself.

use ledger::{
    Actor, ApplicationName, ArtifactDigest, CommitId, Draft, EnvironmentName, FactBody, IncidentId,
    PullRequestNumber, RepositoryName, Subject, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::reasons::{HoldReason, RollbackRefusal, WaitReason};

/// A fact about an environment of a repository; its subject is the environment, except that of
/// [`ControlFact::Quarantined`] and [`ControlFact::QuarantineLifted`], whose subject is the artifact
/// when one is named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ControlFact {
    /// A digest was written into an environment.
    Promoted {
        /// Where.
        repository: RepositoryName,
        /// Into which environment.
        environment: EnvironmentName,
        /// The artifact's name.
        artifact: String,
        /// What.
        digest: ArtifactDigest,
        /// The commit that wrote it.
        commit: CommitId,
        /// The pull request that brought it; `None` for a plain commit.
        pull_request: Option<PullRequestNumber>,
    },
    /// A pull request that writes a digest was opened.
    PromotionProposed {
        /// Where.
        repository: RepositoryName,
        /// Into which environment.
        environment: EnvironmentName,
        /// The artifact's name.
        artifact: String,
        /// What.
        digest: ArtifactDigest,
        /// The pull request.
        pull_request: PullRequestNumber,
    },
    /// A promotion waits.
    PromotionWaiting {
        /// Where.
        repository: RepositoryName,
        /// Into which environment.
        environment: EnvironmentName,
        /// The artifact's name.
        artifact: String,
        /// What.
        digest: ArtifactDigest,
        /// For what.
        reasons: Vec<WaitReason>,
        /// When a person is asked, at the latest.
        deadline: Option<Timestamp>,
    },
    /// A digest is kept out of an environment.
    PromotionHeld {
        /// Where.
        repository: RepositoryName,
        /// Out of which environment.
        environment: EnvironmentName,
        /// The artifact's name.
        artifact: String,
        /// What.
        digest: ArtifactDigest,
        /// Why.
        reason: HoldReason,
    },
    /// A bad change was taken back.
    RolledBack {
        /// Where.
        repository: RepositoryName,
        /// In which environment.
        environment: EnvironmentName,
        /// Which application was sick.
        application: ApplicationName,
        /// The commit that was taken back.
        bad_commit: CommitId,
        /// The commit that takes it back.
        revert_commit: CommitId,
        /// The digest that the bad commit had brought, when it was a promotion.
        digest: Option<ArtifactDigest>,
        /// The incident.
        incident: Option<IncidentId>,
        /// `automatic`, `approved` or `requested`.
        rule: RollbackRule,
    },
    /// A sick application is not rolled back.
    RollbackRefused {
        /// Where.
        repository: RepositoryName,
        /// In which environment.
        environment: EnvironmentName,
        /// Which application.
        application: ApplicationName,
        /// Why not.
        reasons: Vec<RollbackRefusal>,
    },
    /// A person is asked to allow a rollback.
    RollbackAsked {
        /// Where.
        repository: RepositoryName,
        /// In which environment.
        environment: EnvironmentName,
        /// Which application.
        application: ApplicationName,
        /// The commits that could be taken back, newest first.
        commits: Vec<CommitId>,
        /// The incident.
        incident: Option<IncidentId>,
    },
    /// A person allowed a rollback that was asked for.
    RollbackApproved {
        /// Where.
        repository: RepositoryName,
        /// In which environment.
        environment: EnvironmentName,
        /// Which application.
        application: ApplicationName,
        /// The commit that may be taken back.
        commit: CommitId,
    },
    /// A person asked for a rollback.
    RollbackRequested {
        /// Where.
        repository: RepositoryName,
        /// In which environment.
        environment: EnvironmentName,
        /// Which application.
        application: ApplicationName,
    },
    /// A person approved a promotion.
    PromotionApproved {
        /// Where.
        repository: RepositoryName,
        /// Into which environment.
        environment: EnvironmentName,
        /// What.
        digest: ArtifactDigest,
    },
    /// Something is never promoted again.
    Quarantined {
        /// Where.
        repository: RepositoryName,
        /// The digest, when the bad change was a promotion.
        digest: Option<ArtifactDigest>,
        /// The bad commit.
        revision: CommitId,
        /// In which environment it was found.
        environment: EnvironmentName,
        /// The incident.
        incident: Option<IncidentId>,
    },
    /// A person let something out of quarantine.
    QuarantineLifted {
        /// Where.
        repository: RepositoryName,
        /// The digest.
        digest: ArtifactDigest,
        /// In whose environment it had been found.
        environment: EnvironmentName,
        /// Why.
        why: String,
    },
    /// Promotions into an environment stop.
    AutomationHeld {
        /// Where.
        repository: RepositoryName,
        /// Which environment.
        environment: EnvironmentName,
        /// Why.
        reason: HoldReason,
    },
    /// Promotions into an environment go on.
    AutomationResumed {
        /// Where.
        repository: RepositoryName,
        /// Which environment.
        environment: EnvironmentName,
    },
}

/// Which rule took a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollbackRule {
    /// The environment's mode is `automatic`.
    Automatic,
    /// A person approved what Boucle had asked.
    Approved,
    /// A person asked for it.
    Requested,
}

impl FactBody for ControlFact {
    const DOMAIN: &'static str = "control";
}

impl ControlFact {
    /// The repository and environment that the fact is about.
    #[must_use]
    pub fn place(&self) -> (&RepositoryName, &EnvironmentName) {
        match self {
            Self::Promoted { repository, environment, .. }
            | Self::PromotionProposed { repository, environment, .. }
            | Self::PromotionWaiting { repository, environment, .. }
            | Self::PromotionHeld { repository, environment, .. }
            | Self::RolledBack { repository, environment, .. }
            | Self::RollbackRefused { repository, environment, .. }
            | Self::RollbackAsked { repository, environment, .. }
            | Self::RollbackApproved { repository, environment, .. }
            | Self::RollbackRequested { repository, environment, .. }
            | Self::PromotionApproved { repository, environment, .. }
            | Self::Quarantined { repository, environment, .. }
            | Self::QuarantineLifted { repository, environment, .. }
            | Self::AutomationHeld { repository, environment, .. }
            | Self::AutomationResumed { repository, environment } => (repository, environment),
        }
    }

    /// The draft of this fact on its subject.
    #[must_use]
    pub fn draft(&self, at: Timestamp, actor: Actor) -> Draft {
        let digest = match self {
            Self::Quarantined { digest, .. } => digest.as_ref(),
            Self::QuarantineLifted { digest, .. } => Some(digest),
            Self::Promoted { .. }
            | Self::PromotionProposed { .. }
            | Self::PromotionWaiting { .. }
            | Self::PromotionHeld { .. }
            | Self::RolledBack { .. }
            | Self::RollbackRefused { .. }
            | Self::RollbackAsked { .. }
            | Self::RollbackApproved { .. }
            | Self::RollbackRequested { .. }
            | Self::PromotionApproved { .. }
            | Self::AutomationHeld { .. }
            | Self::AutomationResumed { .. } => None,
        };
        let (repository, environment) = self.place();
        let subject =
            digest.map_or_else(|| Subject::environment(repository, environment), Subject::artifact);
        Draft::new(at, actor, subject, self)
    }
}
