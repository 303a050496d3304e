//! The way of each build through the environments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Reason;

/// A build of an artifact.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Version {
    /// The artifact's name.
    pub artifact: String,
    /// Its digest.
    pub digest: String,
    /// The commit that it was built from.
    pub commit: String,
    /// That commit's subject.
    pub subject: String,
    /// That commit's author.
    pub author: String,
    /// The run that published it.
    pub run: u64,
    /// When.
    pub published_at: String,
    /// Why it is never promoted again; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantined: Option<Quarantined>,
    /// Each environment, in the order of promotion.
    pub places: Vec<Place>,
}

/// Why a build is in quarantine.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Quarantined {
    /// The environment in which it was found bad.
    pub environment: String,
    /// Since when.
    pub since: String,
    /// The incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<u64>,
}

/// A build in an environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// The environment.
    pub environment: String,
    /// What it is there.
    pub state: PlaceState,
    /// Since when it is, or when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The pull request that brings or brought it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
    /// What it waits for.
    pub reasons: Vec<Reason>,
    /// Until when it waits before a person is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
    /// Whether a person can promote it here now.
    pub can_be_promoted: bool,
}

/// What a build is in an environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlaceState {
    /// It never was there.
    Absent,
    /// It waits to get there.
    Waiting,
    /// It is there.
    Here,
    /// It was there before.
    Before,
    /// It was taken back from there.
    TakenBack,
}
