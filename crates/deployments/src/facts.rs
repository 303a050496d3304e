//! What the ledger keeps about applications and their deployments.

use std::collections::BTreeMap;

use ledger::{
    Actor, ApplicationName, CommitId, EnvironmentName, FactBody, RepositoryName, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::application::{Application, Destination};
use crate::chart::ChartProblem;
use crate::drift::Drift;
use crate::health::HealthStatus;
use crate::hold::Holder;
use crate::objects::ObjectKey;
use crate::planner::PlanSummary;
use crate::reasons::BlockReason;
use crate::source::Source;

/// A fact about an application; its subject is the application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "facts are decoded one at a time, never kept in bulk"
)]
pub enum DeploymentFact {
    /// A file of Git declares the application, or declares it differently.
    ApplicationDeclared {
        /// The application.
        application: ApplicationName,
        /// The repository whose file declares it.
        repository: RepositoryName,
        /// The environment that it is, when `boucle.yaml` says so.
        environment: Option<EnvironmentName>,
        /// The `ApplicationSet` that generates it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set: Option<String>,
        /// The whole application as the set generated it, when the set may leave it so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Box<Application>>,
        /// Its step, when the set goes by steps.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<usize>,
        /// Where its manifests come from.
        source: Source,
        /// The others of several sources.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        further_sources: Vec<Source>,
        /// Where they go.
        destination: Destination,
        /// The commit of the file.
        commit: CommitId,
        /// Whether its finalizer asks that its objects go with it.
        #[serde(default)]
        deletes_objects: bool,
    },
    /// No file declares the application any more.
    ApplicationRemoved {
        /// The application.
        application: ApplicationName,
        /// The commit that removed the file.
        commit: CommitId,
        /// Whether its objects are deleted too.
        deletes_objects: bool,
        /// The application as it was declared last, when its objects are deleted: how that is done is
        /// written nowhere else any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        declared: Option<Box<Application>>,
        /// How many applications of the repository the commit removed with their objects.
        #[serde(default)]
        together: usize,
        /// How many the repository had declared before.
        #[serde(default)]
        of: usize,
    },
    /// The objects of an application that was removed are gone.
    ObjectsDeleted {
        /// The application.
        application: ApplicationName,
    },
    /// A commit was rendered.
    Rendered {
        /// The application.
        application: ApplicationName,
        /// The source commit.
        commit: CommitId,
        /// The manifests as a commit under `refs/boucle/rendered/<application>`; unchanged when the
        /// rendering is.
        rendered_commit: CommitId,
        /// SHA-256 of the rendering, hexadecimal.
        digest: String,
        /// The commits of other repositories that it was rendered from.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        others: BTreeMap<RepositoryName, CommitId>,
        /// The charts that are in no Git repository, each with the digest of its archive.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        charts: BTreeMap<String, String>,
    },
    /// A commit could not be rendered.
    RenderFailed {
        /// The application.
        application: ApplicationName,
        /// The source commit.
        commit: CommitId,
        /// What is wrong, with file, line and column when known.
        problem: String,
        /// The same when it is about a chart that is in no Git repository.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        chart: Option<ChartProblem>,
    },
    /// A plan was made.
    Planned {
        /// The application.
        application: ApplicationName,
        /// The plan's generation.
        generation: u64,
        /// The source commit.
        revision: CommitId,
        /// What is applied.
        rendered_commit: CommitId,
        /// The steps, counted.
        summary: PlanSummary,
        /// The images of its containers; those of an artifact end in its digest.
        #[serde(default)]
        images: Vec<String>,
    },
    /// Nothing may be written now.
    PlanBlocked {
        /// The application.
        application: ApplicationName,
        /// The source commit.
        revision: CommitId,
        /// Why.
        reasons: Vec<BlockReason>,
    },
    /// A plan was carried out.
    Applied {
        /// The application.
        application: ApplicationName,
        /// The plan's generation.
        generation: u64,
        /// What happened, as a sentence.
        outcome: String,
    },
    /// Carrying out a plan failed.
    ApplyFailed {
        /// The application.
        application: ApplicationName,
        /// The plan's generation.
        generation: u64,
        /// The object that failed, when it was one.
        object: Option<ObjectKey>,
        /// What is wrong.
        problem: String,
    },
    /// The application's health changed.
    HealthChanged {
        /// The application.
        application: ApplicationName,
        /// The generation that runs.
        generation: u64,
        /// Argo CD's status.
        status: HealthStatus,
        /// Why.
        message: String,
    },
    /// The target differs from what was applied.
    DriftFound {
        /// The application.
        application: ApplicationName,
        /// The generation that was applied.
        generation: u64,
        /// What differs.
        drifts: Vec<Drift>,
    },
    /// A drift was put back.
    DriftRepaired {
        /// The application.
        application: ApplicationName,
        /// The generation that was applied again.
        generation: u64,
        /// What was put back.
        objects: Vec<ObjectKey>,
    },
    /// A person asked for a synchronisation.
    SyncRequested {
        /// The application.
        application: ApplicationName,
        /// Whether it may delete.
        prune: bool,
    },
    /// A synchronisation that was asked for found everything as Git says.
    SyncUnneeded {
        /// The application.
        application: ApplicationName,
        /// The source commit.
        revision: CommitId,
    },
    /// A person asked for an action on an object of a cluster.
    ActionRequested {
        /// The application.
        application: ApplicationName,
        /// The object.
        object: ObjectKey,
        /// The action; what it was given stands nowhere, it may be a secret.
        action: String,
        /// The object's own identity.
        uid: String,
        /// The version that was read, and alone is changed.
        resource_version: String,
    },
    /// An action was carried out.
    ActionDone {
        /// The application.
        application: ApplicationName,
        /// The object.
        object: ObjectKey,
        /// The action.
        action: String,
        /// JSON pointers of what it changed.
        fields: Vec<String>,
        /// What it made.
        created: Vec<ObjectKey>,
    },
    /// An action was not carried out, or in part only.
    ActionFailed {
        /// The application.
        application: ApplicationName,
        /// The object.
        object: ObjectKey,
        /// The action.
        action: String,
        /// What is wrong.
        problem: String,
    },
    /// An object on a cluster holds the automation: nothing is written by itself until it lets go.
    AutomationHeld {
        /// The application.
        application: ApplicationName,
        /// What holds it.
        holder: Holder,
        /// The program that asked for it, as the object says.
        by: String,
    },
    /// An object that held the automation lets go.
    AutomationReleased {
        /// The application.
        application: ApplicationName,
        /// What held it.
        holder: Holder,
    },
    /// A person allows deletions that were stopped.
    DeletionConfirmed {
        /// The application.
        application: ApplicationName,
        /// Exactly these.
        objects: Vec<ObjectKey>,
        /// After this time the confirmation means nothing.
        until: Timestamp,
    },
}

impl FactBody for DeploymentFact {
    const DOMAIN: &'static str = "deployments";
}

impl DeploymentFact {
    /// The application that the fact is about.
    #[must_use]
    pub fn application(&self) -> &ApplicationName {
        match self {
            Self::ApplicationDeclared { application, .. }
            | Self::ApplicationRemoved { application, .. }
            | Self::ObjectsDeleted { application }
            | Self::Rendered { application, .. }
            | Self::RenderFailed { application, .. }
            | Self::Planned { application, .. }
            | Self::PlanBlocked { application, .. }
            | Self::Applied { application, .. }
            | Self::ApplyFailed { application, .. }
            | Self::HealthChanged { application, .. }
            | Self::DriftFound { application, .. }
            | Self::DriftRepaired { application, .. }
            | Self::SyncRequested { application, .. }
            | Self::SyncUnneeded { application, .. }
            | Self::ActionRequested { application, .. }
            | Self::ActionDone { application, .. }
            | Self::ActionFailed { application, .. }
            | Self::AutomationHeld { application, .. }
            | Self::AutomationReleased { application, .. }
            | Self::DeletionConfirmed { application, .. } => application,
        }
    }

    /// The draft of this fact on its application.
    #[must_use]
    pub fn draft(&self, at: Timestamp, actor: Actor) -> ledger::Draft {
        ledger::Draft::new(at, actor, ledger::Subject::application(self.application()), self)
    }
}
