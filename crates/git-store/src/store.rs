//! The repositories of a server, each in a folder named by its storage id.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ledger::RefName;
use repositories::facts::StorageId;

use crate::durable;
use crate::error::StoreError;
use crate::program::{self, ObjectFolders};

/// All repositories below one folder. Clones share their open handles.
#[derive(Clone)]
pub struct GitStore {
    shared: Arc<Shared>,
}

struct Shared {
    repositories: PathBuf,
    quarantines: PathBuf,
    git_version: String,
    open: Mutex<BTreeMap<StorageId, Repository>>,
}

/// One bare repository. A clone is cheap and may be used on any thread.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    quarantines: PathBuf,
    handle: gix::ThreadSafeRepository,
    advertisement: Mutex<Option<Vec<u8>>>,
    growth: AtomicU32,
    maintaining: AtomicBool,
}

/// What was left of an earlier process and has been removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovered {
    /// Pushes that were being received.
    pub quarantines: usize,
    /// Locks of refs that were being moved.
    pub locks: usize,
}

/// Packs that a reader can hold at once; each push is one until they are packed together.
const PACKS_MAX: u16 = 4096;

/// After so many new packs it is looked at whether packing them together is worth it.
const PACKS_BETWEEN_MAINTENANCE: u32 = 32;

/// Written into each repository. Fsync covers objects and refs: stock Git acknowledges a push with
/// nothing on disk.
const CONFIGURATION: &str = "\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tfsync = all
\thooksPath = /dev/null
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[receive]
\tadvertisePushOptions = true
[transfer]
\thideRefs = refs/changes
\thideRefs = refs/boucle
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
";

impl GitStore {
    /// The store below `root`, which is made when it is not there. Checks that `git` can be used.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let git_version = program::check_version()?;
        let root = std::path::absolute(root).map_err(StoreError::files("resolve the folder"))?;
        let (repositories, quarantines) = (root.join("repositories"), root.join("quarantines"));
        for folder in [&repositories, &quarantines] {
            let what = format!("make the folder {}", folder.display());
            fs::create_dir_all(folder).map_err(StoreError::files(what))?;
        }
        let open = Mutex::new(BTreeMap::new());
        let shared = Shared { repositories, quarantines, git_version, open };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The version that `git` gives of itself, for `boucle doctor`.
    #[must_use]
    pub fn git_version(&self) -> &str {
        &self.shared.git_version
    }

    /// Removes what a killed process left behind. Call it before the first push is received.
    pub fn recover(&self) -> Result<Recovered, StoreError> {
        let mut recovered = Recovered { quarantines: 0, locks: 0 };
        let clean = "clean the folder of quarantines";
        let entries = fs::read_dir(&self.shared.quarantines).map_err(StoreError::files(clean))?;
        for entry in entries {
            let path = entry.map_err(StoreError::files(clean))?.path();
            fs::remove_dir_all(path).map_err(StoreError::files(clean))?;
            recovered.quarantines += 1;
        }
        let list = "list the repositories";
        let entries = fs::read_dir(&self.shared.repositories).map_err(StoreError::files(list))?;
        for entry in entries {
            let path = entry.map_err(StoreError::files(list))?.path();
            let removed = remove_locks(&path).map_err(StoreError::files("remove a stale lock"))?;
            recovered.locks += removed;
        }
        Ok(recovered)
    }

    /// Makes a repository; it is on disk when this returns.
    pub fn create(
        &self,
        id: &StorageId,
        default_branch: &RefName,
    ) -> Result<Repository, StoreError> {
        let path = self.path(id);
        if path.exists() {
            return Err(StoreError::RepositoryExists(id.clone()));
        }
        // Made beside its place and moved there, so that no kill leaves half a repository.
        let fresh = self.shared.quarantines.join(format!("create-{id}"));
        lay_out(&fresh, default_branch)
            .and_then(|()| durable::move_file(&fresh, &path))
            .and_then(|()| durable::sync_folder(&self.shared.repositories))
            .map_err(StoreError::files("make the repository's folder"))?;
        self.repository(id)
    }

    /// The repository with this id.
    pub fn repository(&self, id: &StorageId) -> Result<Repository, StoreError> {
        let mut open = self.shared.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(id) {
            return Ok(known.clone());
        }
        let path = self.path(id);
        if !path.join("HEAD").is_file() {
            return Err(StoreError::UnknownRepository(id.clone()));
        }
        let handle = gix::open::Options::isolated()
            .open_path_as_is(true)
            .with(gix::sec::Trust::Full)
            .object_store_slots(gix::odb::store::init::Slots::Given(PACKS_MAX))
            .open(&path)
            .map_err(|error| StoreError::read(format!("the repository {id}"), error))?;
        let (quarantines, advertisement) = (self.shared.quarantines.clone(), Mutex::new(None));
        let (growth, maintaining) = (AtomicU32::new(0), AtomicBool::new(false));
        let inner = Inner { path, quarantines, handle, advertisement, growth, maintaining };
        let repository = Repository { inner: Arc::new(inner) };
        open.insert(id.clone(), repository.clone());
        Ok(repository)
    }

    fn path(&self, id: &StorageId) -> PathBuf {
        self.shared.repositories.join(format!("{id}.git"))
    }
}

impl Repository {
    /// The bare repository's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Packs what has piled up when it is worth it. Runs for long on a large repository; readers and
    /// writers go on meanwhile.
    pub fn maintain(&self) -> Result<(), StoreError> {
        let mut command = self.command(None);
        // The last settings win over those of every command.
        command.args(["-c", "gc.auto=2000", "-c", "gc.autoPackLimit=50"]);
        command.args(["-c", "gc.autoDetach=false", "gc", "--auto", "--quiet"]);
        program::run_well(command, "gc", b"").map(drop)
    }

    /// Counts a new pack; every now and then packs them together in the background, so that no
    /// number of pushes makes reading slow.
    pub(crate) fn grown(&self) {
        let count = self.inner.growth.fetch_add(1, Ordering::Relaxed) + 1;
        if !count.is_multiple_of(PACKS_BETWEEN_MAINTENANCE)
            || self.inner.maintaining.swap(true, Ordering::AcqRel)
        {
            return;
        }
        let repository = self.clone();
        std::thread::spawn(move || {
            if let Err(error) = repository.maintain() {
                tracing::warn!(%error, path = %repository.path().display(), "packing failed");
            }
            repository.inner.maintaining.store(false, Ordering::Release);
        });
    }

    /// Whether every object is whole and every link leads somewhere; the error has what is broken.
    pub fn check(&self) -> Result<(), StoreError> {
        let mut command = self.command(None);
        command.args(["fsck", "--full", "--strict", "--no-dangling", "--no-progress"]);
        program::run_well(command, "fsck", b"").map(drop)
    }

    /// A reader for this thread.
    pub(crate) fn local(&self) -> gix::Repository {
        let mut local = self.inner.handle.to_thread_local();
        // History walks look at each commit more than once; 4 MiB hold some thousand of them.
        local.object_cache_size_if_unset(4 * 1024 * 1024);
        local
    }

    /// A `git` command on this repository.
    pub(crate) fn command(&self, objects: Option<&ObjectFolders>) -> Command {
        program::command(&self.inner.path, objects)
    }

    pub(crate) fn quarantines(&self) -> &Path {
        &self.inner.quarantines
    }

    pub(crate) fn objects_folder(&self) -> PathBuf {
        self.inner.path.join("objects")
    }

    /// The advertisement of protocol 2, which says what this `git` can do and never changes.
    pub(crate) fn cached_advertisement(
        &self,
        make: impl FnOnce() -> Result<Vec<u8>, StoreError>,
    ) -> Result<Vec<u8>, StoreError> {
        let mut cached = self.inner.advertisement.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bytes) = &*cached {
            return Ok(bytes.clone());
        }
        let bytes = make()?;
        *cached = Some(bytes.clone());
        Ok(bytes)
    }
}

impl fmt::Debug for GitStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitStore")
            .field("repositories", &self.shared.repositories)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repository").field("path", &self.inner.path).finish_non_exhaustive()
    }
}

fn lay_out(folder: &Path, default_branch: &RefName) -> std::io::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let (objects, refs) = (folder.join("objects"), folder.join("refs"));
    for new in [objects.join("info"), objects.join("pack"), refs.join("heads"), refs.join("tags")] {
        fs::create_dir_all(new)?;
    }
    let head = format!("ref: {default_branch}\n");
    durable::write_new(&folder.join("HEAD"), head.as_bytes())?;
    durable::write_new(&folder.join("config"), CONFIGURATION.as_bytes())?;
    for made in [&objects, &refs, &folder.to_path_buf()] {
        durable::sync_folder(made)?;
    }
    Ok(())
}

/// Removes `*.lock` of refs and settings; nobody else may have the repository open.
fn remove_locks(repository: &Path) -> std::io::Result<usize> {
    let mut removed = 0;
    let mut folders = vec![repository.join("refs")];
    for name in ["packed-refs.lock", "HEAD.lock", "config.lock", "gc.pid"] {
        if fs::remove_file(repository.join(name)).is_ok() {
            removed += 1;
        }
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.path().extension().is_some_and(|end| end == "lock") {
                fs::remove_file(entry.path())?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
