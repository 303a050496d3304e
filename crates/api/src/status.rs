//! The server itself.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::environments::Environment;

/// What this server is and what it runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The address that it answers on.
    pub url: String,
    /// The program's version.
    pub version: String,
    /// The server's process.
    pub process_id: u32,
    /// The newest fact.
    pub sequence: u64,
    /// Milliseconds from the start of the process until it was ready.
    pub ready_after_ms: u64,
    /// Services × environments.
    pub environments: Vec<Environment>,
    /// Runs that are queued or running.
    pub runs_active: u64,
    /// Incidents that are open.
    pub incidents_open: u64,
}

/// What a doctor found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// True when nothing failed.
    pub healthy: bool,
    /// Each check.
    pub checks: Vec<DiagnosisCheck>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DiagnosisCheck {
    /// What was looked at.
    pub name: String,
    /// How it is.
    pub state: DiagnosisState,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How a checked thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiagnosisState {
    /// As it should be.
    Ok,
    /// It works with less protection or speed.
    Degraded,
    /// It does not work.
    Failed,
}
