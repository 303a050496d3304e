//! The ledger in a real SQLite file.

mod append;
mod audit;
mod process;
mod reading;
mod support;
