//! Bare repositories: objects, refs, the smart HTTP protocol and receiving packs.
//!
//! Git's own program moves packs and merges trees; everything else is read and written in this
//! process. A write returns when it is on disk: objects first, then the ref that names them, then
//! the folders that hold both. A ref's compare-and-swap ([`Repository::update_refs`]) is the point
//! at which a change exists.
//!
//! [`GitStore`] holds the repositories of a server; a [`Repository`] is a cheap handle to one. Every
//! method blocks, except those of [`http`], which stream; call the others on a thread that may block.
//!
//! Absent on purpose: hooks, work trees, users and permissions. What becomes of a push is decided by
//! the caller with `repositories::push`, between [`http::receive`] and [`http::Received::accept`].

mod browse;
mod difference;
mod durable;
mod error;
mod history;
pub mod http;
mod identity;
mod merge;
mod objects;
mod packet;
mod program;
mod quarantine;
mod references;
mod store;
mod tree;
mod write;

pub use browse::{BlameSpan, Found, Match, SearchIn};
pub use difference::{ChangeKind, ChangedPath, FileDifference, Hunk, Line, LineKind, diff_text};
pub use error::StoreError;
pub use history::{CommitInfo, LogPage, Signature};
pub use merge::{MergeOutcome, MergeRequest, RevertOutcome};
pub use references::{RefChange, RefUpdateError, Reference};
pub use store::{GitStore, Recovered, Repository};
pub use tree::{EntryKind, TreeEntry, TreeReader};
pub use write::{CommitRequest, Edit};
