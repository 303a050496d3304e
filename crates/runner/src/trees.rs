//! The trees that jobs start from, written once and shared as the lower layer of their workspaces.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Trees that nobody uses are kept up to this number, newest use first: enough for the branches
/// that are worked on in a day.
const UNUSED_MAX: usize = 16;

/// The folder of trees.
#[derive(Debug, Clone)]
pub struct TreeCache {
    folder: PathBuf,
    uses: Arc<Mutex<Uses>>,
}

#[derive(Debug, Default)]
struct Uses {
    /// How many jobs use a tree, and when it was used last.
    trees: BTreeMap<String, (usize, u64)>,
    clock: u64,
}

/// A tree that stays while this is alive.
#[derive(Debug)]
pub struct TreeLease {
    /// Where it is, complete and never changed.
    pub folder: PathBuf,
    key: String,
    cache: TreeCache,
}

impl TreeCache {
    /// The trees below a folder. What another process left half written is removed.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut uses = Uses::default();
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("part-") {
                crate::layout::remove(&entry.path())?;
            } else {
                uses.trees.insert(name, (0, 0));
            }
        }
        Ok(Self { folder, uses: Arc::new(Mutex::new(uses)) })
    }

    /// The tree with this key, written by `write` when it is not there. Blocking.
    pub fn lease(
        &self,
        key: &str,
        write: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<TreeLease> {
        let folder = self.folder.join(key);
        let lease = TreeLease { folder: folder.clone(), key: key.to_owned(), cache: self.clone() };
        // No other lease has this number: two jobs that write one tree write into two folders.
        let number = {
            let mut uses = self.uses();
            uses.clock += 1;
            let clock = uses.clock;
            let (count, used) = uses.trees.entry(key.to_owned()).or_default();
            *count += 1;
            *used = clock;
            clock
        };
        if !folder.is_dir() {
            let part = self.folder.join(format!("part-{key}-{number}"));
            fs::create_dir_all(&part)?;
            if let Err(error) = write(&part) {
                crate::layout::remove(&part)?;
                return Err(error);
            }
            // Another job may have been faster; its tree is the same.
            if fs::rename(&part, &folder).is_err() {
                crate::layout::remove(&part)?;
            }
        }
        Ok(lease)
    }

    fn release(&self, key: &str) {
        let mut uses = self.uses();
        if let Some((count, _)) = uses.trees.get_mut(key) {
            *count -= 1;
        }
        let mut unused: Vec<_> = uses
            .trees
            .iter()
            .filter(|(_, (count, _))| *count == 0)
            .map(|(key, (_, used))| (*used, key.clone()))
            .collect();
        unused.sort();
        let surplus = unused.len().saturating_sub(UNUSED_MAX);
        for (_, key) in unused.into_iter().take(surplus) {
            uses.trees.remove(&key);
            if let Err(error) = crate::layout::remove(&self.folder.join(&key)) {
                tracing::warn!(tree = key, %error, "cannot remove a cached tree");
            }
        }
    }

    fn uses(&self) -> std::sync::MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TreeLease {
    fn drop(&mut self) {
        self.cache.release(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn jobs_that_begin_at_once_never_write_into_one_folder() {
        const JOBS: usize = 8;
        let folder = tempfile::tempdir().expect("a folder");
        let cache = TreeCache::open(folder.path().to_owned()).expect("opens");
        for round in 0..50 {
            let (key, start) = (format!("tree-{round}"), Barrier::new(JOBS));
            let lease = || {
                start.wait();
                cache.lease(&key, |part| {
                    // Refused where another one has written already.
                    fs::File::create_new(part.join("file"))?;
                    std::thread::yield_now();
                    Ok(())
                })
            };
            std::thread::scope(|scope| {
                let jobs: Vec<_> = (0..JOBS).map(|_| scope.spawn(lease)).collect();
                for job in jobs {
                    let lease = job.join().expect("it ends").expect("it has the tree");
                    assert!(lease.folder.join("file").is_file());
                }
            });
        }
    }
}
