//! What may go wrong in a repository.

use std::error::Error;
use std::io;

use repositories::facts::StorageId;

/// A repository could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The program `git` is not there.
    #[error("the program `git` cannot be started; install Git 2.38 or newer")]
    GitMissing(#[source] io::Error),
    /// The program `git` is too old for what is asked of it.
    #[error("Git {found} is too old; install Git 2.38 or newer")]
    GitTooOld {
        /// What it says of itself.
        found: String,
    },
    /// The program `git` ended badly.
    #[error("`git {command}` failed: {complaint}")]
    Git {
        /// Its sub-command.
        command: String,
        /// What it complained about.
        complaint: String,
    },
    /// A file or folder could not be read or written; `what` says which and how.
    #[error("cannot {what}")]
    Files {
        /// As a phrase: "write the ref's folder".
        what: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Git's data could not be read; `what` says which.
    #[error("cannot read {what}")]
    Read {
        /// As a phrase: "the commit 4b82…".
        what: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is no such repository.
    #[error("there is no repository in the folder {0}")]
    UnknownRepository(StorageId),
    /// There is such a repository already.
    #[error("there is a repository in the folder {0} already")]
    RepositoryExists(StorageId),
    /// There is no such object, or it is of another kind.
    #[error("there is no {wanted} {name} in this repository")]
    NotFound {
        /// "commit", "tree", "file", "revision".
        wanted: &'static str,
        /// How it was named.
        name: String,
    },
    /// A path that may not be in a tree.
    #[error("the path `{path}` is refused: {reason}")]
    InvalidPath {
        /// The path.
        path: String,
        /// As a clause: "it leaves the tree".
        reason: &'static str,
    },
    /// More than was asked for at most.
    #[error("{what} is larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// As a phrase: "the file `a`".
        what: String,
        /// The limit.
        limit_bytes: u64,
    },
}

impl StoreError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::GitMissing(_) => "git-missing",
            Self::GitTooOld { .. } => "git-too-old",
            Self::Git { .. } => "git-failed",
            Self::Files { .. } => "repository-files",
            Self::Read { .. } => "repository-unreadable",
            Self::UnknownRepository(_) => "unknown-repository",
            Self::RepositoryExists(_) => "repository-exists",
            Self::NotFound { .. } => "not-found",
            Self::InvalidPath { .. } => "invalid-path",
            Self::TooLarge { .. } => "too-large",
        }
    }

    /// Whether a disk or quota without room is to blame.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        // Git's own program only says it.
        if let Self::Git { complaint, .. } = self {
            return says_disk_full(complaint);
        }
        let mut cause = self.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
                return full.contains(&error.kind());
            }
            cause = error.source();
        }
        false
    }

    pub(crate) fn read(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Read { what: what.into(), source: source.into() }
    }

    pub(crate) fn files(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Files { what, source }
    }
}

/// Whether Git complains about a disk or quota without room.
pub(crate) fn says_disk_full(complaint: &str) -> bool {
    ["No space left on device", "Disk quota exceeded"].iter().any(|one| complaint.contains(one))
}
