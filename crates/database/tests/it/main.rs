//! The ledger in a real SQLite file.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod append;
mod audit;
mod process;
mod reading;
mod support;
