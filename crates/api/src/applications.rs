//! Applications: what should run, what runs, and why they differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::problem::Reason;

/// Which applications, and which page of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApplicationsQuery {
    /// Only those whose `sync` is this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<String>,
    /// Where to go on, from `next_cursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many items, 1 to 500; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// An application.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Application {
    /// Its name, unique on the server.
    pub name: String,
    /// `owner/name`.
    pub repository: String,
    /// The folder that is rendered.
    pub path: String,
    /// The environment it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The namespace it is deployed to.
    pub namespace: String,
    /// `synced`, `out_of_sync`, `blocked` or `unknown`.
    pub sync: String,
    /// `healthy`, `progressing`, `degraded`, `suspended`, `missing` or `unknown`.
    pub health: String,
    /// One line on the health.
    pub health_message: String,
    /// The commit that is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// The commit of the rendered manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rendered_commit: Option<String>,
    /// The generation of the newest plan.
    pub generation: u64,
    /// The image digests that are deployed.
    pub images: Vec<String>,
    /// Why it waits or is blocked.
    pub reasons: Vec<Reason>,
    /// Addresses of its services.
    pub addresses: Vec<String>,
}

/// An object of an application.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Resource {
    /// `apps`; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The health of this object.
    pub health: String,
    /// One line on the health.
    pub message: String,
    /// `synced`, `out_of_sync`, `missing` or `extra`; what another object made is never `extra`.
    pub sync: String,
    /// The object that made it, in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// Field paths that differ from Git.
    pub differing_fields: Vec<String>,
    /// Whether there may be actions on it.
    #[serde(default)]
    pub has_actions: bool,
}

/// Whose actions, and which page of them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActionsQuery {
    /// Only those of this object, `KIND/NAMESPACE/NAME`; `KIND.GROUP/NAMESPACE/NAME` where two kinds
    /// have one name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Where to go on, from `next_cursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most so many objects, 1 to 500; never more than 50, since each is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// What may be done to an object.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectActions {
    /// `Deployment/shop/web`.
    pub object: String,
    /// Its group: `apps`; empty for the core group.
    pub group: String,
    /// The actions, by name.
    pub actions: Vec<ObjectAction>,
    /// Why it cannot be said which there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Something that may be done to an object.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectAction {
    /// `restart`.
    pub name: String,
    /// How people call it.
    pub display_name: String,
    /// Whether it can be done while the object is as it is.
    pub enabled: bool,
    /// What it asks for.
    pub parameters: Vec<ActionParameter>,
}

/// Something that an action asks for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ActionParameter {
    /// Its name.
    pub name: String,
    /// What it is when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// A request to do something to an object.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunAction {
    /// The object, `KIND/NAMESPACE/NAME`; `KIND.GROUP/NAMESPACE/NAME` where two kinds have one name.
    pub object: String,
    /// The action.
    pub action: String,
    /// What it asks for.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// What an action did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ActionResult {
    /// The object.
    pub object: String,
    /// JSON pointers of what changed in it.
    pub fields: Vec<String>,
    /// The objects that it made.
    pub created: Vec<String>,
}

/// What a cluster says of an object of an application, or of one that was made of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectEvent {
    /// When it was last so, as the cluster writes it.
    pub at: String,
    /// `Pod production/hello-7d9`.
    pub object: String,
    /// Whether something may be wrong.
    pub warning: bool,
    /// One word: `BackOff`.
    pub reason: String,
    /// A sentence, in the cluster's words.
    pub message: String,
    /// How often.
    pub count: u64,
}

/// An object that makes others.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Owner {
    /// `apps`; empty for the core group.
    #[serde(default)]
    pub group: String,
    /// `ReplicaSet`.
    pub kind: String,
    /// The name.
    pub name: String,
}

/// How an application is synchronised on request.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Synchronise {
    /// Whether objects that left Git are deleted, whatever the automation says.
    #[serde(default)]
    pub prune: bool,
}

/// A past deployment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Deployment {
    /// The plan's generation.
    pub generation: u64,
    /// The commit.
    pub revision: String,
    /// The commit of the rendered manifests.
    pub rendered_commit: String,
    /// When it was applied.
    pub at: String,
    /// How it ended.
    pub outcome: String,
}

/// Which two deployments are compared.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeploymentsQuery {
    /// The older generation.
    pub from: u64,
    /// The newer generation.
    pub to: u64,
}

/// A request to go back to the last healthy revision by a revert commit.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// Why, for the ledger and the commit.
    #[serde(default)]
    pub reason: String,
}

/// What a rollback would do now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RollbackPreview {
    /// The commit that it takes back.
    pub reverted_commit: String,
    /// That commit's subject.
    pub subject: String,
    /// What the revert commit changes in Git.
    pub files: Vec<crate::pull_requests::FileDifference>,
    /// What that does to each environment.
    pub consequences: crate::pull_requests::Consequences,
}

/// What a rollback did.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RollbackResult {
    /// The revert commit.
    pub revert_commit: String,
    /// The commit that it reverts.
    pub reverted_commit: String,
}

/// A request to let a plan delete what the fuse held back.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmDeletions {
    /// The objects as the blocked plan named them.
    pub objects: Vec<String>,
}
