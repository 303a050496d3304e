//! Bytes by their digest, one file each: written beside, synced, then renamed into place.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ledger::ArtifactDigest;
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use crate::checked::{Checked, Mark};
use crate::digest::{Hasher, digest_like};

/// Each has a folder.
pub(crate) const ALGORITHMS: [&str; 2] = ["sha256", "sha512"];

/// Blobs below a folder: `sha256/ab/abcd…`, `sha512/ab/abcd…`. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct BlobStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    root: PathBuf,
    next_temporary: AtomicU64,
    checked: Checked,
    /// Held while a file gets its name or loses it: what is too old to stay may just be stored anew.
    names: Mutex<()>,
}

/// A blob that is being written. Dropped before [`BlobWriter::finish`], it leaves nothing.
#[derive(Debug)]
pub struct BlobWriter {
    store: BlobStore,
    /// `None` once the file has been moved into place.
    path: Option<PathBuf>,
    file: File,
    hasher: Hasher,
    size_bytes: u64,
    size_bytes_max: u64,
}

/// Why a blob was not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes do not have the digest that was announced; nothing was stored.
    #[error("the content has the digest {found}, not {expected}; send it again")]
    WrongDigest {
        /// What was announced.
        expected: ArtifactDigest,
        /// What the bytes have.
        found: ArtifactDigest,
    },
    /// The stored bytes no longer have their digest.
    #[error("the stored blob {digest} is damaged; push it again or restore a backup")]
    Damaged {
        /// The blob.
        digest: ArtifactDigest,
    },
    /// More bytes than are allowed; nothing was stored.
    #[error("the content is larger than the {size_bytes_max} bytes that are allowed")]
    TooLarge {
        /// The limit.
        size_bytes_max: u64,
    },
    /// The disk is full; nothing was stored.
    #[error("the disk is full, nothing was stored; free some space and try again")]
    Full,
    /// A file could not be read or written.
    #[error("the blob store could not be used")]
    Storage(#[source] io::Error),
}

impl BlobError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongDigest { .. } => "blob-digest-wrong",
            Self::Damaged { .. } => "blob-damaged",
            Self::TooLarge { .. } => "blob-too-large",
            Self::Full => "disk-full",
            Self::Storage(_) => "blob-store-failed",
        }
    }
}

/// A full disk is told apart, because it is the reader who can mend it.
impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.downcast::<BeyondLimit>() {
            Ok(BeyondLimit { size_bytes_max }) => Self::TooLarge { size_bytes_max },
            Err(error) if error.kind() == io::ErrorKind::StorageFull => Self::Full,
            Err(error) => Self::Storage(error),
        }
    }
}

/// Travels inside an `io::Error` from [`BlobWriter`]'s `Write`.
#[derive(Debug, thiserror::Error)]
#[error("more than {size_bytes_max} bytes")]
struct BeyondLimit {
    size_bytes_max: u64,
}

impl BlobStore {
    /// Opens or creates a store and removes what an interrupted process left half written. One
    /// process at a time.
    pub fn open(root: &Path) -> Result<Self, BlobError> {
        let temporary = root.join("temporary");
        if temporary.exists() {
            std::fs::remove_dir_all(&temporary)?;
        }
        std::fs::create_dir_all(&temporary)?;
        for algorithm in ALGORITHMS {
            std::fs::create_dir_all(root.join(algorithm))?;
        }
        sync_folder(root)?;
        let shared = Shared {
            root: root.to_path_buf(),
            next_temporary: AtomicU64::new(0),
            checked: Checked::default(),
            names: Mutex::new(()),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Starts a blob of at most `size_bytes_max` bytes. Blocking.
    pub fn writer(&self, size_bytes_max: u64) -> Result<BlobWriter, BlobError> {
        let number = self.shared.next_temporary.fetch_add(1, Ordering::Relaxed);
        let path = self.shared.root.join("temporary").join(number.to_string());
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let store = self.clone();
        let hasher = Hasher::sha256();
        Ok(BlobWriter { store, path: Some(path), file, hasher, size_bytes: 0, size_bytes_max })
    }

    /// Stores all that the reader gives, up to `size_bytes_max` bytes; returns digest and size after
    /// they are on the disk.
    pub async fn put(
        &self,
        reader: impl AsyncRead + Send + Unpin + 'static,
        size_bytes_max: u64,
    ) -> Result<(ArtifactDigest, u64), BlobError> {
        let store = self.clone();
        let mut reader = SyncIoBridge::new(reader);
        blocking(move || {
            let mut writer = store.writer(size_bytes_max)?;
            io::copy(&mut reader, &mut writer)?;
            writer.finish(None)
        })
        .await
    }

    /// Stores bytes that are in memory.
    pub async fn put_bytes(&self, bytes: Vec<u8>) -> Result<ArtifactDigest, BlobError> {
        let store = self.clone();
        blocking(move || store.put_bytes_blocking(&bytes)).await
    }

    /// The whole blob, checked against its digest; `None` when it is not there. `TooLarge` when it
    /// has more than `size_bytes_max` bytes.
    pub async fn get(
        &self,
        digest: &ArtifactDigest,
        size_bytes_max: u64,
    ) -> Result<Option<Vec<u8>>, BlobError> {
        let (store, digest) = (self.clone(), digest.clone());
        blocking(move || store.get_blocking(&digest, size_bytes_max)).await
    }

    /// The blob's size in bytes; `None` when it is not there.
    pub async fn has(&self, digest: &ArtifactDigest) -> Result<Option<u64>, BlobError> {
        let (store, digest) = (self.clone(), digest.clone());
        blocking(move || Ok(store.open_blob(&digest)?.map(|(_, size)| size))).await
    }

    pub(crate) fn put_bytes_blocking(&self, bytes: &[u8]) -> Result<ArtifactDigest, BlobError> {
        let mut writer = self.writer(u64::MAX)?;
        writer.write_all(bytes)?;
        Ok(writer.finish(None)?.0)
    }

    /// The same for bytes whose digest is known.
    pub(crate) fn put_known_blocking(
        &self,
        digest: &ArtifactDigest,
        bytes: &[u8],
    ) -> Result<(), BlobError> {
        let mut writer = self.writer(u64::MAX)?;
        writer.write_all(bytes)?;
        writer.finish(Some(digest)).map(|_| ())
    }

    pub(crate) fn get_blocking(
        &self,
        digest: &ArtifactDigest,
        size_bytes_max: u64,
    ) -> Result<Option<Vec<u8>>, BlobError> {
        let Some((file, size)) = self.open_blob(digest)? else { return Ok(None) };
        if size > size_bytes_max {
            return Err(BlobError::TooLarge { size_bytes_max });
        }
        let mut bytes = Vec::new();
        file.take(size_bytes_max).read_to_end(&mut bytes)?;
        if digest_like(digest, bytes.as_slice())? != *digest {
            return Err(BlobError::Damaged { digest: digest.clone() });
        }
        Ok(Some(bytes))
    }

    /// The blob's open file and its size in bytes. The reader checks the digest.
    pub(crate) fn open_blob(
        &self,
        digest: &ArtifactDigest,
    ) -> Result<Option<(File, u64)>, BlobError> {
        match File::open(self.path_of(digest)) {
            Ok(file) => {
                let size = file.metadata()?.len();
                Ok(Some((file, size)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a blob young, because something needs it from now on; false when it is not there.
    pub(crate) fn touch(&self, digest: &ArtifactDigest) -> Result<bool, BlobError> {
        let _named = self.shared.names.lock().unwrap_or_else(PoisonError::into_inner);
        match OpenOptions::new().write(true).open(self.path_of(digest)) {
            Ok(file) => {
                file.set_modified(SystemTime::now())?;
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a blob that nothing needed for so long, and gives its size in bytes. After a crash it may
    /// be there again, which loses nothing.
    pub(crate) fn remove_older(
        &self,
        digest: &ArtifactDigest,
        age_min: Duration,
    ) -> Result<Option<u64>, BlobError> {
        let path = self.path_of(digest);
        let _named = self.shared.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_older(&path, age_min)? {
            return Ok(None);
        }
        let size = std::fs::metadata(&path)?.len();
        std::fs::remove_file(&path)?;
        Ok(Some(size))
    }

    /// Whether this file had the digest when it was read last, and is as it was.
    pub(crate) fn is_checked(&self, digest: &ArtifactDigest, file: &File) -> io::Result<bool> {
        Ok(self.shared.checked.has(digest, Mark::from(&file.metadata()?)))
    }

    /// Notes that this file, which was as it is now before it was read, has the digest.
    pub(crate) fn set_checked(&self, digest: &ArtifactDigest, mark: Mark) {
        self.shared.checked.add(digest, mark);
    }

    fn path_of(&self, digest: &ArtifactDigest) -> PathBuf {
        let hexadecimal = digest.hexadecimal();
        self.folder(digest.algorithm()).join(&hexadecimal[..2]).join(hexadecimal)
    }

    /// Where the blobs of an algorithm are.
    pub(crate) fn folder(&self, algorithm: &str) -> PathBuf {
        self.shared.root.join(algorithm)
    }
}

impl BlobWriter {
    /// How many bytes were written so far.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Moves the blob into place after it is on the disk; returns digest and size in bytes. With
    /// another digest than the expected one nothing is stored. Blocking.
    pub fn finish(
        mut self,
        expected: Option<&ArtifactDigest>,
    ) -> Result<(ArtifactDigest, u64), BlobError> {
        let mut found = std::mem::replace(&mut self.hasher, Hasher::sha256()).finish();
        if let Some(expected) = expected {
            // Who uploads says the algorithm at the end only. Another one than ours is rare, and worth
            // reading the bytes once more.
            if expected.algorithm() != found.algorithm()
                && let Some(path) = &self.path
            {
                found = digest_like(expected, File::open(path)?)?;
            }
            if *expected != found {
                return Err(BlobError::WrongDigest { expected: expected.clone(), found });
            }
        }
        let path = self.store.path_of(&found);
        let folder = path.parent().unwrap_or(&self.store.shared.root).to_path_buf();
        self.file.sync_all()?;
        if !folder.exists() {
            std::fs::create_dir_all(&folder)?;
            sync_folder(folder.parent().unwrap_or(&folder))?;
        }
        // Also over an existing blob: the same bytes, and a damaged one is mended.
        if let Some(temporary) = &self.path {
            let names = &self.store.shared.names;
            let _named = names.lock().unwrap_or_else(PoisonError::into_inner);
            std::fs::rename(temporary, &path)?;
        }
        self.path = None;
        sync_folder(&folder)?;
        self.store.set_checked(&found, Mark::from(&self.file.metadata()?));
        Ok((found, self.size_bytes))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size_bytes + bytes.len() as u64 > self.size_bytes_max {
            let size_bytes_max = self.size_bytes_max;
            return Err(io::Error::other(BeyondLimit { size_bytes_max }));
        }
        let written = self.file.write(bytes)?;
        self.hasher.write_all(&bytes[..written])?;
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // What stays behind is removed at the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Whether a file was not changed for so long.
pub(crate) fn is_older(path: &Path, age_min: Duration) -> io::Result<bool> {
    let changed = std::fs::metadata(path)?.modified()?;
    // A clock that was set back makes everything young, which loses nothing.
    Ok(changed.elapsed().is_ok_and(|age| age >= age_min))
}

pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Runs file work on a thread that may block.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
