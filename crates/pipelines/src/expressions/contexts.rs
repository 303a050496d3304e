//! What an expression may look at while it is computed.

use super::{Object, Value};

/// Gives the hash of the files that match the patterns, as hexadecimal SHA-256; empty when none
/// does. A runner provides it.
pub type HashFiles<'a> = &'a dyn Fn(&[String]) -> Result<String, String>;

/// The contexts by name (`github`, `env`, `needs`, …), the status that the status functions answer
/// from, and the files.
#[derive(Clone, Copy)]
pub struct Contexts<'a> {
    /// Contexts by name. One that is not there is null.
    pub named: &'a Object,
    /// What `success()`, `failure()` and `cancelled()` answer.
    pub status: Status,
    /// `hashFiles`; absent where no workspace is at hand.
    pub hash_files: Option<HashFiles<'a>>,
}

impl<'a> Contexts<'a> {
    /// Contexts with everything good so far and no files.
    #[must_use]
    pub fn new(named: &'a Object) -> Self {
        Self { named, status: Status::SUCCESS, hash_files: None }
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(self, status: Status) -> Self {
        Self { status, ..self }
    }

    /// The same with files.
    #[must_use]
    pub fn with_files(self, hash_files: HashFiles<'a>) -> Self {
        Self { hash_files: Some(hash_files), ..self }
    }

    pub(crate) fn get(&self, name: &str) -> Value {
        self.named.get(name).cloned().unwrap_or_default()
    }
}

/// The answers of the status functions. For a job: about all its ancestors; for a step: about the
/// job so far. `always()` is true in any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// `success()`.
    pub success: bool,
    /// `failure()`.
    pub failure: bool,
    /// `cancelled()`.
    pub cancelled: bool,
}

impl Status {
    /// Nothing failed and nothing was cancelled.
    pub const SUCCESS: Self = Self { success: true, failure: false, cancelled: false };
    /// Something failed.
    pub const FAILURE: Self = Self { success: false, failure: true, cancelled: false };
    /// The run was cancelled.
    pub const CANCELLED: Self = Self { success: false, failure: false, cancelled: true };
}
