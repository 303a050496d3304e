//! Folders for objects that are not accepted yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::durable;
use crate::error::StoreError;
use crate::program::ObjectFolders;
use crate::store::Repository;

/// New objects beside a repository's own; gone when dropped, unless they were moved in.
#[derive(Debug)]
pub(crate) struct Quarantine {
    folder: PathBuf,
    objects: PathBuf,
    target: PathBuf,
}

impl Quarantine {
    /// An empty one. Its folder is a bare repository without refs that borrows the objects of
    /// `repository`, so that every reader of repositories can read it.
    pub(crate) fn new(repository: &Repository) -> Result<Self, StoreError> {
        let folder = repository.quarantines().join(format!("objects-{}", unique()));
        let objects = folder.join("objects");
        let target = repository.objects_folder();
        let quarantine = Self { folder, objects, target };
        quarantine.lay_out().map_err(StoreError::files("make a quarantine"))?;
        Ok(quarantine)
    }

    fn lay_out(&self) -> std::io::Result<()> {
        fs::create_dir_all(self.objects.join("pack"))?;
        fs::create_dir_all(self.objects.join("info"))?;
        fs::create_dir(self.folder.join("refs"))?;
        let alternates = format!("{}\n", self.target.display());
        fs::write(self.objects.join("info/alternates"), alternates)?;
        fs::write(self.folder.join("HEAD"), "ref: refs/heads/none\n")?;
        fs::write(
            self.folder.join("config"),
            "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
        )
    }

    /// What a `git` command needs to see both kinds of objects.
    pub(crate) fn folders(&self) -> ObjectFolders {
        ObjectFolders { own: self.objects.clone(), alternate: self.target.clone() }
    }

    /// The folder of the new objects.
    pub(crate) fn objects(&self) -> &Path {
        &self.objects
    }

    /// A reader of new and old objects.
    pub(crate) fn reader(&self) -> Result<gix::Repository, StoreError> {
        let opened = gix::open::Options::isolated()
            .open_path_as_is(true)
            .with(gix::sec::Trust::Full)
            .open(&self.folder);
        let repository = opened.map_err(|error| StoreError::read("a quarantine", error))?;
        Ok(repository.to_thread_local())
    }

    /// The packs that are there, without their file names' ends.
    pub(crate) fn packs(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut packs = Vec::new();
        for entry in fs::read_dir(self.objects.join("pack"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|end| end == "pack") {
                packs.push(path.with_extension(""));
            }
        }
        Ok(packs)
    }

    /// Moves the packs, whose content is on disk, into the repository, names on disk included.
    pub(crate) fn accept(self) -> Result<(), StoreError> {
        let migrate = || -> std::io::Result<()> {
            let packs = self.packs()?;
            let into = self.target.join("pack");
            for pack in &packs {
                // The index last: a pack without one is not looked at.
                for end in ["pack", "rev", "idx"] {
                    let from = pack.with_extension(end);
                    if let Some(name) = from.file_name()
                        && from.exists()
                    {
                        durable::move_file(&from, &into.join(name))?;
                    }
                }
            }
            if packs.is_empty() { Ok(()) } else { durable::sync_folder(&into) }
        };
        migrate().map_err(StoreError::files("take the received objects in"))
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            // The next start removes it.
            tracing::warn!(%error, "a quarantine could not be removed");
        }
    }
}

/// A name that no other process and no other call makes.
pub(crate) fn unique() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let nanoseconds =
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_nanos());
    let count = COUNTER.fetch_add(1, Ordering::Relaxed);
    format!("{nanoseconds:x}-{}-{count}", std::process::id())
}
