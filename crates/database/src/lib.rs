//! The ledger in SQLite: one writer with group commit, many readers.
//!
//! [`Database::append`] returns after the facts are on the disk. All appends that wait at the same
//! time share one transaction and one fsync; each is still all or nothing, because refusals are
//! decided in memory before anything is written. The semantics equal `ledger::MemoryLedger`.
//!
//! Absent on purpose: the meaning of a fact, and state that is not derived from facts. Documents
//! ([`Database::put_document`]) are caches and sealed secrets, never truth.

mod encoding;
mod errors;
mod export;
mod lock;
mod migrations;
mod open;
mod read;
mod search;
mod writer;

pub use errors::{AppendError, CheckpointError, ExportError, OpenError, ReadError, WriteError};
pub use lock::{DataLock, LockError};
pub use open::Database;
pub use search::{Cursor, Filter};
