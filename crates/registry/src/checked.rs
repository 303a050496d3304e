//! Which files had their digest when they were looked at last. What changed since is looked at again.

use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::ArtifactDigest;

/// Beyond so many it begins anew: they are only known again after being read.
const COUNT_MAX: usize = 100_000;

/// What a file was like. A change of its bytes shows in the times, whatever the program that made it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    inode: u64,
    size_bytes: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl From<&Metadata> for Mark {
    fn from(file: &Metadata) -> Self {
        Self {
            inode: file.ino(),
            size_bytes: file.size(),
            changed_s: file.ctime(),
            changed_ns: file.ctime_nsec(),
        }
    }
}

/// Remembered as long as the process runs.
#[derive(Debug, Default)]
pub(crate) struct Checked(Mutex<HashMap<ArtifactDigest, Mark>>);

impl Checked {
    fn lock(&self) -> MutexGuard<'_, HashMap<ArtifactDigest, Mark>> {
        // No code that holds the lock can panic half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn has(&self, digest: &ArtifactDigest, mark: Mark) -> bool {
        self.lock().get(digest) == Some(&mark)
    }

    pub fn add(&self, digest: &ArtifactDigest, mark: Mark) {
        let mut known = self.lock();
        if known.len() >= COUNT_MAX {
            known.clear();
        }
        known.insert(digest.clone(), mark);
    }
}
