//! Environments: the way of each artifact through them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Reason;

/// One environment of a repository.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Environment {
    /// `owner/name`.
    pub repository: String,
    /// The environment's name.
    pub name: String,
    /// Its place in the order, from 0.
    pub order: u64,
    /// The application that it deploys.
    pub application: String,
    /// `healthy`, `progressing`, `degraded`, `suspended`, `missing` or `unknown`.
    pub health: String,
    /// `healthy`, `sick`, `inconclusive` or absent: the newest assessment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// What the overlay names now.
    pub artifacts: Vec<EnvironmentArtifact>,
    /// Digests that must not come here again.
    pub quarantined: Vec<String>,
    /// Why nothing is promoted right now.
    pub waiting_on: Vec<Reason>,
}

/// An artifact in an environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentArtifact {
    /// The artifact's name.
    pub name: String,
    /// Its digest, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The commit that it was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When it was promoted here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// What came of a promotion by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PromotedByHand {
    /// The approval that the build waited for is recorded, and it goes on.
    pub approved: bool,
    /// The pull request that writes the digest, when no approval was waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
}

/// A request to let a promotion that waits for a person go on, or to promote a digest by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promote {
    /// The artifact's name.
    pub artifact: String,
    /// The digest.
    pub digest: String,
}
