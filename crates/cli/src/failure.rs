//! How a command ends: the exit codes and the one place that chooses them.

use api::problem::Problem;

use crate::words::Words;

/// The documented exit codes (docs/cli.md).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// The operation failed.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// A precondition, lock or conflict stands in the way.
    Conflict = 3,
    /// No valid token.
    NotAuthenticated = 4,
    /// The token does not permit it.
    NotPermitted = 5,
    /// There is no such thing.
    NotFound = 6,
    /// A deadline passed.
    Timeout = 7,
    /// The server does not answer.
    Unreachable = 8,
    /// Differences or findings were reported.
    Differences = 10,
    /// Unhealthy or rolled back.
    RolledBack = 11,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server said why.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The command line does not make sense.
    #[error("{0}")]
    Usage(String),
    /// Something on this side stands in the way.
    #[error("{0}")]
    Precondition(String),
    /// Waiting took too long.
    #[error("{0}")]
    Timeout(String),
    /// The server does not answer.
    #[error("cannot reach the server at {url}")]
    Unreachable {
        /// The address that was tried.
        url: String,
        /// What the connection said.
        #[source]
        source: reqwest::Error,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

impl Failure {
    /// What people read: what happened, its causes, and what to do next.
    #[must_use]
    pub fn text(&self, words: &dyn Words) -> String {
        let mut text = match self {
            Failure::Problem(problem) => problem_text(problem, words),
            Failure::Unreachable { url, .. } => words.error(&words.unreachable(url)),
            Failure::Usage(_)
            | Failure::Precondition(_)
            | Failure::Timeout(_)
            | Failure::Other(_) => words.error(&self.to_string()),
        };
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            text.push_str(&format!("\n{}", words.caused_by(&cause.to_string())));
            source = cause.source();
        }
        text
    }

    /// The exit code of this failure.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Precondition(_) => Exit::Conflict,
            Failure::Timeout(_) => Exit::Timeout,
            Failure::Unreachable { .. } => Exit::Unreachable,
            Failure::Other(_) => Exit::Failed,
            Failure::Problem(problem) => match problem.status {
                401 => Exit::NotAuthenticated,
                403 => Exit::NotPermitted,
                404 | 410 => Exit::NotFound,
                409 | 412 | 422 | 423 | 424 => Exit::Conflict,
                408 | 504 => Exit::Timeout,
                _ => Exit::Failed,
            },
        }
    }
}

/// The server's own words, which it gives in the reader's language.
fn problem_text(problem: &Problem, words: &dyn Words) -> String {
    let mut text = words.problem(&problem.code, &problem.detail);
    for reason in &problem.reasons {
        text.push_str(&format!("\n  - {reason}"));
    }
    if let Some(next) = &problem.next {
        text.push_str(&format!("\n{}", words.next(next)));
    }
    text
}
