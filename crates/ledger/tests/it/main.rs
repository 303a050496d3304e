//! The ledger's contract, its hashes, and what somebody who edits an export can hide.

mod canonical;
mod checkpoint;
mod export;
mod memory;
mod support;
mod tree;
