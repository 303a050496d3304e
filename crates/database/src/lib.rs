//! The ledger in SQLite: one writer, group commit
