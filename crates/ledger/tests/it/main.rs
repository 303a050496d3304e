//! The ledger's contract, its hashes, and what somebody who edits an export can hide.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod canonical;
mod checkpoint;
mod export;
mod memory;
mod support;
mod tree;
