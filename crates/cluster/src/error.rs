//! What can go wrong when a cluster is asked for something, in words for people.

use std::time::Duration;

use deployments::ObjectKey;
use ledger::ApplicationName;
use serde_json::Value;

use crate::Identity;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// No answer at all.
    #[error(
        "the cluster `{cluster}` cannot be reached; it is tried again, check its address and the network"
    )]
    Unreachable {
        /// Which.
        cluster: String,
        /// The client's words.
        source: Box<kube::Error>,
    },
    /// No answer in time.
    #[error("the cluster `{cluster}` did not answer within {} s; it is tried again", after.as_secs())]
    TimedOut {
        /// Which.
        cluster: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The server asks for patience, again and again.
    #[error(
        "the cluster `{cluster}` is too busy and refused {attempts} attempts; it is tried again later"
    )]
    Busy {
        /// Which.
        cluster: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// Our credentials are no longer good.
    #[error("the cluster `{cluster}` does not accept Boucle's credentials; renew them")]
    Unauthorized {
        /// Which.
        cluster: String,
    },
    /// Boucle may not act for the account.
    #[error(
        "Boucle may not act as {identity}, and never falls back to its own rights: {message}; allow it to impersonate that account"
    )]
    CannotImpersonate {
        /// For whom.
        identity: Identity,
        /// The server's words.
        message: String,
    },
    /// The one who asks may not.
    #[error("{identity} may not do this: {message}; give the account this permission")]
    Forbidden {
        /// Who asked.
        identity: Identity,
        /// The server's words.
        message: String,
    },
    /// It is not there.
    #[error("the cluster has no such object: {message}")]
    NotFound {
        /// The server's words.
        message: String,
    },
    /// Somebody was faster, or something of the same name is there.
    #[error("the object is not as it was expected: {message}; it is looked at again")]
    Conflict {
        /// The server's words.
        message: String,
        /// Its details, one cause for each field.
        causes: Vec<Cause>,
    },
    /// The position in the history is too old.
    #[error("the cluster no longer has that part of its history; everything is read again")]
    Gone,
    /// The server read it and refused it.
    #[error("the cluster refused it: {message}{}", next_step(message))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The answer cannot be read.
    #[error(
        "the answer of the cluster `{cluster}` cannot be read; is its address an API server's?"
    )]
    Unreadable {
        /// Which.
        cluster: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What people do about what API servers say most often.
fn next_step(message: &str) -> &'static str {
    let says = |text: &str| message.contains(text);
    if says("immutable") {
        "; give the object another name, or let it be deleted and made anew with \
         `argocd.argoproj.io/sync-options: Force=true`"
    } else if says("because it is being terminated") {
        "; wait until the namespace is gone, and look which finalizers of its objects hold it"
    } else if says("failed calling webhook") || says("conversion webhook") {
        "; the webhook must answer again, or its configuration must go"
    } else if says("exceeded quota") {
        "; free something in the namespace or raise its quota"
    } else {
        ""
    }
}

/// One cause of a refusal, as a `Status` lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `FieldManagerConflict`, …
    pub reason: String,
    /// The server's words.
    pub message: String,
    /// The field, in the server's notation.
    pub field: String,
}

impl RequestError {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "cluster-unreachable",
            Self::TimedOut { .. } => "cluster-timed-out",
            Self::Busy { .. } => "cluster-busy",
            Self::Unauthorized { .. } => "cluster-unauthorized",
            Self::CannotImpersonate { .. } => "cannot-impersonate",
            Self::Forbidden { .. } => "cluster-forbidden",
            Self::NotFound { .. } => "object-not-found",
            Self::Conflict { .. } => "object-conflict",
            Self::Gone => "history-gone",
            Self::Refused { .. } => "refused-by-cluster",
            Self::Unreadable { .. } => "cluster-unreadable",
        }
    }

    /// Reads a `Status` that is a failure.
    pub(crate) fn of_status(code: u16, body: &Value, identity: &Identity, cluster: &str) -> Self {
        let text = |pointer: &str| {
            body.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let message = match text("/message") {
            empty if empty.is_empty() => format!("HTTP status {code}"),
            message => message,
        };
        match code {
            401 => Self::Unauthorized { cluster: cluster.to_owned() },
            403 if message.contains("cannot impersonate resource") => {
                Self::CannotImpersonate { identity: identity.clone(), message }
            }
            // Admission refuses by the same number, whoever asks.
            403 if message.contains(" cannot ") => {
                Self::Forbidden { identity: identity.clone(), message }
            }
            404 => Self::NotFound { message },
            409 => {
                let causes = body.pointer("/details/causes").and_then(Value::as_array);
                let cause = |cause: &Value| {
                    let text = |name: &str| cause[name].as_str().unwrap_or_default().to_owned();
                    Cause { reason: text("reason"), message: text("message"), field: text("field") }
                };
                let causes = causes.into_iter().flatten().map(cause).collect();
                Self::Conflict { message, causes }
            }
            410 => Self::Gone,
            status => Self::Refused { status, message },
        }
    }
}

/// Why a wish was not carried out; the cluster was not changed by it.
#[derive(Debug, thiserror::Error)]
pub enum ApplyRefusal {
    /// A newer plan was applied before.
    #[error(
        "generation {generation} of `{application}` is older than {newest}, which was applied already; plan again"
    )]
    OlderGeneration {
        /// Whose.
        application: ApplicationName,
        /// What came.
        generation: u64,
        /// What was seen.
        newest: u64,
    },
    /// It is no object.
    #[error("the manifest has no apiVersion, kind or metadata.name; add them")]
    NotAnObject,
    /// The cluster has no such kind.
    #[error(
        "{object}: the cluster has no kind {kind} in {api_version}; install its definition first"
    )]
    UnknownKind {
        /// What was to be written.
        object: ObjectKey,
        /// Its `apiVersion`.
        api_version: String,
        /// Its kind.
        kind: String,
    },
    /// Other managers own fields that Git sets.
    #[error(
        "{object}: {}; remove the fields from Git, or apply with force to take them",
        listed(conflicts)
    )]
    FieldsOwnedByOthers {
        /// Which.
        object: ObjectKey,
        /// Who owns what.
        conflicts: Vec<FieldConflict>,
    },
    /// It changed between the look and the deletion.
    #[error("{object} changed since it was looked at, so it was not deleted; plan again")]
    ChangedMeanwhile {
        /// Which.
        object: ObjectKey,
    },
    /// The object is not this application's.
    #[error("{object} is not tracked as part of `{application}`, so it is not deleted")]
    NotTracked {
        /// Which.
        object: ObjectKey,
        /// For whom it was to be deleted.
        application: ApplicationName,
    },
    /// The cluster is not seen as it is now.
    #[error("{object}: its kind is not watched or not in sync, so nothing is deleted; wait")]
    NotInSync {
        /// Which.
        object: ObjectKey,
    },
    /// The server said no, or nothing.
    #[error("{object} was not applied")]
    Request {
        /// Which.
        object: ObjectKey,
        /// Why.
        source: RequestError,
    },
}

/// Fields that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// Its name: `kubectl-edit`.
    pub manager: String,
    /// The fields, in the server's notation: `.spec.replicas`.
    pub fields: Vec<String>,
}

fn listed(conflicts: &[FieldConflict]) -> String {
    let one = |conflict: &FieldConflict| {
        format!("`{}` owns {}", conflict.manager, conflict.fields.join(", "))
    };
    conflicts.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl ApplyRefusal {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OlderGeneration { .. } => "older-generation",
            Self::NotAnObject => "not-an-object",
            Self::UnknownKind { .. } => "unknown-kind",
            Self::FieldsOwnedByOthers { .. } => "fields-owned-by-others",
            Self::ChangedMeanwhile { .. } => "changed-meanwhile",
            Self::NotTracked { .. } => "not-tracked",
            Self::NotInSync { .. } => "not-in-sync",
            Self::Request { source, .. } => source.code(),
        }
    }
}
