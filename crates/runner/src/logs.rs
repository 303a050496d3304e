//! Logs: one append-only file for each run, job and attempt.
