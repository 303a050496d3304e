//! The ledger in a real SQLite file.

mod append;
mod support;
