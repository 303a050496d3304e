//! Objectives with their budgets, and how a team delivers.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An objective of an application, with what is left of its budget.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Objective {
    /// `owner/name`.
    pub repository: String,
    /// The application that it guards.
    pub application: String,
    /// The environment.
    pub environment: String,
    /// The objective's name in its file.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The share of good events that is promised, between 0 and 1.
    pub target: f64,
    /// The time over which it is promised.
    pub time_window_ms: u64,
    /// `met`, `burning` or `unknown`.
    pub state: String,
    /// Why it is unknown, as a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_because: Option<String>,
    /// The share of the budget that is left, 1 to 0 and below; absent without data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_left: Option<f64>,
    /// The burn rates, the fastest rule first.
    pub rules: Vec<BurnRate>,
}

/// How fast a budget is used over two windows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BurnRate {
    /// `page` or `ticket`.
    pub severity: String,
    /// From this burn rate on it fires.
    pub factor: f64,
    /// The long window.
    pub long_window_ms: u64,
    /// The short window.
    pub short_window_ms: u64,
    /// `firing`, `quiet` or `unknown`.
    pub state: String,
    /// The burn rate over the long window; 1 uses exactly the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn: Option<f64>,
    /// The share of bad events over the long window, as a query to draw.
    pub query: String,
}

/// Which figures.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryQuery {
    /// Over so many days; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

/// DORA's five figures of a repository's last environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// `owner/name`.
    pub repository: String,
    /// The environment that counts: the last one.
    pub environment: String,
    /// Over so many days.
    pub days: u32,
    /// From a commit to its deployment: the median, in milliseconds.
    pub lead_time_ms: Figure,
    /// Deployments a day.
    pub frequency_per_day: Figure,
    /// From the beginning of an incident to its end: the median, in milliseconds.
    pub recovery_time_ms: Figure,
    /// The share of changes that failed, 0 to 1.
    pub fail_rate: Figure,
    /// The share of deployments that were repairs, 0 to 1.
    pub rework_rate: Figure,
}

/// A number with the facts that it was counted from.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    /// Absent: nothing can be said yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// The numbers of the facts, oldest first.
    pub facts: Vec<u64>,
}
