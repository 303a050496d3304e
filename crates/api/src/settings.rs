//! What is set beside Git, and what it says of itself: secrets, receivers, runners, destinations.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Reason;

/// A secret of a repository. Its value goes in and never comes out.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Secret {
    /// Its name, in capital letters.
    pub name: String,
    /// When it got its present value.
    pub set_at: String,
    /// Who gave it.
    pub set_by: String,
    /// The address of the API server that it opens, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The charts that it opens, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charts: Option<ChartsUse>,
    /// The address of the service that it is the token for, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// It decrypts the repository's SOPS files, and nothing else gets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decrypts: bool,
}

/// The value of a secret.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetSecret {
    /// At least 3 bytes and at most 48 KiB.
    pub value: String,
    /// The address of an API server, `https://…`: only a cluster that a file of the repository declares
    /// there gets the value, and no job. Needs who administers the server. Without this, `charts`,
    /// `plugin` and `decrypts`: what gets it already, jobs at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// It is the password for charts: only the host of this address gets it, and no job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charts: Option<ChartsUse>,
    /// It is the token for the service at this address that sets are given parameters by: only that gets
    /// it, and no job. Needs who administers the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// It is an age key, or several: the renderer decrypts the repository's SOPS files with it, and no
    /// job gets it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decrypts: bool,
}

/// The charts that a secret opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartsUse {
    /// A chart repository, `https://…`, or a registry, `oci://…`; what is below it, too.
    pub url: String,
    /// The host that gives the registry's tokens, when it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_from: Option<String>,
}

/// A receiver of notifications that a repository's `boucle.yaml` names.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NotificationRoute {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// The name of the secret that signs what it is told.
    pub secret: String,
    /// Whether that secret is there.
    pub secret_known: bool,
    /// About what: `incident`, `recovery`, `rollback`, `promotion`.
    pub on: Vec<String>,
    /// What became of the newest notification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<NotificationDelivery>,
}

/// What became of a notification.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NotificationDelivery {
    /// When the last attempt ended.
    pub at: String,
    /// Whether the receiver took it.
    pub delivered: bool,
    /// What happened when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A place where jobs run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Runner {
    /// Its name in `runner.name`.
    pub name: String,
    /// So many jobs at a time; more wait in the order in which they came.
    pub jobs_max: u64,
    /// What runs on it now.
    pub running: Vec<RunningJob>,
    /// The protections that its machine lacks, each with the reason; none: jobs are isolated whole.
    pub missing_protections: Vec<Reason>,
}

/// A job that runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunningJob {
    /// Its run.
    pub run: u64,
    /// Its key.
    pub job: String,
    /// The repository.
    pub repository: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
}

/// Something that may not be done on a cluster and must.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MissingPermission {
    /// `patch`.
    pub verb: String,
    /// `deployments.apps`.
    pub resource: String,
    /// Where; empty: everywhere.
    pub namespace: String,
    /// The cluster's reason, when it gives one.
    pub reason: String,
}

/// Which tool's objects are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MigrationTool {
    /// Argo CD.
    Argocd,
    /// Flux.
    Flux,
}

/// Which tool's objects of a cluster are read.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MigrationQuery {
    /// The tool.
    #[param(inline)]
    pub from: MigrationTool,
}

/// An object of another tool on a cluster, and the application that it becomes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Migration {
    /// The object: `Application argocd/guestbook`.
    pub from: String,
    /// The name of the application.
    pub name: String,
    /// The `Application` file to commit.
    pub file: String,
    /// What is to be settled before the file is committed.
    pub problems: Vec<String>,
    /// What is done otherwise, and needs nothing.
    pub notes: Vec<String>,
    /// The objects that change hands.
    pub objects: Vec<String>,
}

/// A destination that applications name.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Destination {
    /// `local`, or the cluster's address or name as the files write it.
    pub name: String,
    /// `processes` of this machine, or `cluster`.
    pub kind: String,
    /// The applications that go there.
    pub applications: Vec<String>,
    /// Why nothing can be applied there; none: it can.
    pub reasons: Vec<Reason>,
    /// The cluster's version, once it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Where the cluster's API server is, when the cluster is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}
