//! Health of objects and applications: built-in kinds as Argo CD's own checks see them, other kinds
//! by the families of conventions that their controllers follow.
//!
//! Reading order: [`assess`], then `workloads` and `builtin` for what Kubernetes itself brings,
//! `general` for conditions and phases, `families` for who deviates from them, `aggregate` for
//! applications. Absent on purpose: what a user's own scripts say ([`crate::lua`]).

mod aggregate;
mod builtin;
mod delivery;
mod families;
mod general;
mod lists;
mod operators;
mod policies;
mod replicas;
mod subject;
mod words;
mod workloads;

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use aggregate::{aggregate, aggregate_by, waits_for};
use subject::Subject;

/// Argo CD's statuses, best first; an application is as its worst object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Works.
    Healthy,
    /// Paused on purpose.
    Suspended,
    /// Not there yet, may still get there.
    Progressing,
    /// Not on the target.
    Missing,
    /// Will not get there by itself.
    Degraded,
    /// Cannot be told; never healthy.
    Unknown,
}

impl HealthStatus {
    /// All of them, best first.
    pub const ALL: [Self; 6] = [
        Self::Healthy,
        Self::Suspended,
        Self::Progressing,
        Self::Missing,
        Self::Degraded,
        Self::Unknown,
    ];

    /// The status of this name in Argo CD's spelling.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Argo CD's spelling.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A status and why; the message may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The status.
    pub status: HealthStatus,
    /// Why.
    pub message: String,
}

impl Health {
    pub(crate) fn new(status: HealthStatus, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn healthy(message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Healthy, message)
    }

    fn suspended(message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Suspended, message)
    }

    fn progressing(message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Progressing, message)
    }

    fn degraded(message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Degraded, message)
    }

    fn unknown(message: impl Into<String>) -> Self {
        Self::new(HealthStatus::Unknown, message)
    }
}

/// The health of a live object; `None` when its kind has none (a `ConfigMap` is not more or less
/// healthy) or when an object of an unknown kind says nothing that a convention covers.
#[must_use]
pub fn assess(object: &Value) -> Option<Health> {
    if object.pointer("/metadata/deletionTimestamp").is_some_and(|time| !time.is_null()) {
        return Some(Health::progressing("Pending deletion"));
    }
    let subject = Subject::of(object)?;
    builtin::assess(&subject).or_else(|| families::assess(&subject))
}
