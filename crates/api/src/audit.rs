//! The ledger as the interface shows it.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// A fact or decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Fact {
    /// Its place in the ledger, from 1.
    pub sequence: u64,
    /// When.
    pub at: String,
    /// Who, `person:ada`.
    pub actor: String,
    /// About what, `application:hello-production`.
    pub subject: String,
    /// `domain.name`.
    pub kind: String,
    /// Why.
    pub reason: String,
    /// The fact before it on the same subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// The facts that led to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<u64>,
    /// Its own fields.
    pub body: Value,
}

/// Which facts.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FactQuery {
    /// Only of this actor, `person:ada`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Only on this subject, `application:hello-production`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Only kinds that begin so, `repositories.`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Only facts of this time or later, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Only facts of this time or earlier, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Where to go on, from `next_cursor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// At most this many, 1 to 500; 50 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// `newest` first (the default) or `oldest` first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// How far the ledger is signed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Checkpoint {
    /// How many facts it covers.
    pub facts: u64,
    /// The newest fact.
    pub newest: u64,
    /// The signed note, in the C2SP format.
    pub note: String,
    /// The key that it is verified by.
    pub verifier_key: String,
}

/// What a check of the whole ledger found.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// True when every fact is as it was signed.
    pub verified: bool,
    /// How many facts were read.
    pub facts: u64,
    /// The ledger's name in its checkpoints.
    pub origin: String,
    /// True when only the export's own key was at hand: it shows that the export fits together, not
    /// who made it.
    pub own_key: bool,
    /// What is wrong with the first bad fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The first bad fact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_bad_sequence: Option<u64>,
}

/// One step of a trace.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TraceStep {
    /// What sort of thing: `commit`, `pull_request`, `run`, `artifact`, `deployment`, `incident` …
    pub kind: String,
    /// Its id.
    pub id: String,
    /// One line.
    pub summary: String,
    /// Who, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The fact behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
}
