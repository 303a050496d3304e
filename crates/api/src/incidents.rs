//! Incidents: what went wrong, what changed, what was done.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::audit::Fact;

/// An incident.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Incident {
    /// Its number.
    pub id: u64,
    /// `open` or `resolved`.
    pub state: String,
    /// One line.
    pub title: String,
    /// The application.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// When it began.
    pub opened_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<String>,
    /// What most likely caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspect: Option<Suspect>,
    /// Each finding behind it.
    pub cases: Vec<String>,
    /// What was saved before anything was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// The revert commit, when it was rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revert_commit: Option<String>,
    /// What a person should do next.
    pub next: Vec<String>,
    /// Every fact of it, oldest first; only in the single incident.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Fact>,
}

/// The change that most likely caused an incident.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Suspect {
    /// The commit that changed the rendering.
    pub commit: String,
    /// The artifact's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The commit that the artifact was built from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_commit: Option<String>,
    /// The pull request that brought the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}

/// Saved evidence.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The digest of the saved document; read it at `/api/v1/evidence/DIGEST`.
    pub digest: String,
    /// When it was saved.
    pub saved_at: String,
    /// One line.
    pub summary: String,
}
