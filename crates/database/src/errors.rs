//! What can go wrong, per operation.

use std::path::PathBuf;

use ledger::{AppendRefusal, Sequence};

/// Why a ledger's file could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite could not open or create the file.
    #[error("the ledger at {} could not be opened", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: sqlx::Error,
    },
    /// The folder could not be created or synced.
    #[error("the folder of the ledger at {} could not be prepared", path.display())]
    Folder {
        /// The ledger's file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The schema could not be brought up to date; the file was left as it was.
    #[error("the schema of the ledger at {} could not be brought up to date", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// What was refused.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// Facts and hash tree do not fit together.
    #[error(
        "the ledger at {} is damaged: {detail}. Restore a backup, or export what is readable with \
         `boucle audit export`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
}

impl OpenError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Storage { .. } => "ledger-not-opened",
            Self::Folder { .. } => "ledger-folder-not-prepared",
            Self::Migration { .. } => "ledger-not-migrated",
            Self::Damaged { .. } => "ledger-damaged",
        }
    }
}

/// Why drafts did not become facts.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A draft's parent has moved; nothing of the request was appended.
    #[error(transparent)]
    Refused(AppendRefusal),
    /// The disk is full; nothing of the request was appended. Reading goes on, and appending works
    /// again as soon as there is space.
    #[error("the disk is full, nothing was recorded; free some space and try again")]
    Full,
    /// The storage failed. Whether the request was appended is not known: look again.
    #[error("the ledger could not be written")]
    Storage(#[source] sqlx::Error),
    /// The ledger's writer has ended: the process is shutting down.
    #[error("the ledger is closed")]
    Closed,
}

impl AppendError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(AppendRefusal::ParentMoved { .. }) => "parent-moved",
            Self::Full => "disk-full",
            Self::Storage(_) => "ledger-not-written",
            Self::Closed => "ledger-closed",
        }
    }
}

/// Why a view, a document or a checkpoint was not stored.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk is full; nothing was stored.
    #[error("the disk is full, nothing was stored; free some space and try again")]
    Full,
    /// The storage failed.
    #[error("the ledger's file could not be written")]
    Storage(#[source] sqlx::Error),
    /// The ledger's writer has ended: the process is shutting down.
    #[error("the ledger is closed")]
    Closed,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The storage failed.
    #[error("the ledger could not be read")]
    Storage(#[from] sqlx::Error),
    /// A stored fact is not one.
    #[error("fact {sequence} in the ledger is damaged")]
    DamagedFact {
        /// Its place.
        sequence: Sequence,
        /// What did not parse.
        #[source]
        source: serde_json::Error,
    },
    /// The stored hash tree lacks a node.
    #[error("the ledger's hash tree is damaged")]
    DamagedTree(#[from] ledger::MissingNode),
}

/// Why no checkpoint was made.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The tree could not be read.
    #[error("the hash tree could not be read")]
    Read(#[from] ReadError),
    /// The signed note could not be stored.
    #[error("the signed checkpoint could not be stored")]
    Write(#[from] WriteError),
    /// The origin is not one that a note can carry.
    #[error("the checkpoint could not be signed")]
    Sign(#[from] ledger::NoteError),
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger could not be read.
    #[error("the ledger could not be read")]
    Read(#[from] ReadError),
    /// Nothing was signed yet.
    #[error("the ledger has no checkpoint yet; make one, then export")]
    NoCheckpoint,
    /// The newest checkpoint is not by the key that was given.
    #[error("the newest checkpoint cannot be exported")]
    Note(#[from] ledger::NoteError),
    /// The output could not be written.
    #[error("the export could not be written")]
    Output(#[from] std::io::Error),
}
