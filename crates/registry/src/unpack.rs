//! A layer into a folder, trusting nothing in it: paths stay below the folder, only files, folders
//! and links are made, budgets bound what a small archive may become, and digests are checked.

use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use ledger::ArtifactDigest;
use tar::{Archive, Entry, EntryType};

use crate::blobs::{BlobError, BlobStore};
use crate::digest::Hasher;
use crate::image::{Descriptor, media_type};

/// How much an image may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpackLimits {
    /// Bytes of all layers' archives together, after decompression.
    pub size_bytes_max: u64,
    /// Files, folders and links.
    pub entries_max: u64,
    /// Decompressed bytes per compressed byte, beyond the first 16 MiB.
    pub ratio_max: u64,
}

/// Why an image was not unpacked; what had been written was removed.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The image, or a blob of it, is not in the registry.
    #[error("{what} is not in the registry; publish it, or correct the reference")]
    Missing {
        /// The image or blob.
        what: String,
    },
    /// The manifest is not one that can be unpacked here.
    #[error("the image cannot be unpacked: {0}")]
    Unsupported(String),
    /// The folder has something in it already.
    #[error("{} is not empty", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// An entry would leave the folder, or go through a link.
    #[error("the layer {layer} has the entry {}, which {problem}", path.display())]
    UnsafeEntry {
        /// The layer.
        layer: ArtifactDigest,
        /// The entry's path in the archive.
        path: PathBuf,
        /// What is wrong with it, as the end of a sentence.
        problem: &'static str,
    },
    /// More bytes or entries than allowed.
    #[error("the layer {layer} has more than {limit}")]
    TooLarge {
        /// The layer.
        layer: ArtifactDigest,
        /// Which limit, with its number.
        limit: String,
    },
    /// The archive is not one, or ends early.
    #[error("the layer {layer} is not a readable archive")]
    NotAnArchive {
        /// The layer.
        layer: ArtifactDigest,
        /// What was found.
        #[source]
        source: io::Error,
    },
    /// A file could not be written.
    #[error("{} could not be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A blob is damaged or could not be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// What is left of the budget while the layers of one image are unpacked.
pub(crate) struct Budget {
    limits: UnpackLimits,
    size_bytes: u64,
    entries: u64,
}

/// Which limit a reader hit. It travels beside the archive's own errors, which hide their cause.
#[derive(Clone, Copy)]
enum Exceeded {
    Size,
    Ratio,
}

/// Decompressed bytes that are free of the ratio: small archives compress as they like.
const RATIO_FREE_BYTES: u64 = 16 << 20;

/// Folders within folders: more than any real tree, fewer than break tools.
const DEPTH_MAX: usize = 128;

impl Default for UnpackLimits {
    /// 8 GiB, 500,000 entries, 200 to 1.
    fn default() -> Self {
        Self { size_bytes_max: 8 << 30, entries_max: 500_000, ratio_max: 200 }
    }
}

impl UnpackError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "image-not-found",
            Self::Unsupported(_) => "image-unsupported",
            Self::NotEmpty { .. } => "folder-not-empty",
            Self::UnsafeEntry { .. } => "image-entry-unsafe",
            Self::TooLarge { .. } => "image-too-large",
            Self::NotAnArchive { .. } => "image-layer-unreadable",
            Self::Write { .. } => "image-not-written",
            Self::Blob(error) => error.code(),
        }
    }
}

impl Budget {
    pub(crate) fn new(limits: UnpackLimits) -> Self {
        Self { limits, size_bytes: 0, entries: 0 }
    }
}

/// Whether a link at `link` (relative to a root) stays below the root when it points to `target`.
pub(crate) fn is_inside(link: &Path, target: &Path) -> bool {
    let mut depth = link.components().count().saturating_sub(1);
    for component in target.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// Unpacks one layer over what is in `root` already. Blocking.
pub(crate) fn unpack_layer(
    blobs: &BlobStore,
    layer: &Descriptor,
    root: &Path,
    budget: &mut Budget,
) -> Result<(), UnpackError> {
    let Some((file, _)) = blobs.open_blob(&layer.digest)? else {
        return Err(UnpackError::Missing { what: format!("the layer {}", layer.digest) });
    };
    let exceeded = Rc::new(Cell::new(None));
    let counted = Counted::default();
    let hashing = Hashing { file, hasher: Hasher::like(&layer.digest), counted: counted.clone() };
    let buffered = BufReader::with_capacity(64 << 10, hashing);
    let decompressed: Box<dyn Read + '_> = match layer.media_type.as_str() {
        media_type::LAYER_GZIP | media_type::DOCKER_LAYER => {
            Box::new(MultiGzDecoder::new(buffered))
        }
        media_type::LAYER => Box::new(buffered),
        other => {
            let problem = format!("its layer {} is a `{other}`", layer.digest);
            return Err(UnpackError::Unsupported(problem));
        }
    };
    let exceeded_in_reader = Rc::clone(&exceeded);
    let bounded = Bounded {
        inner: decompressed,
        size_bytes: budget.size_bytes,
        size_here: 0,
        limits: budget.limits,
        counted: counted.clone(),
        exceeded: exceeded_in_reader,
    };
    let mut archive = Archive::new(bounded);
    let result = unpack_entries(&mut archive, &layer.digest, root, budget);
    let mut rest = archive.into_inner();
    // What follows the archive's end belongs to the digest and to the budget too.
    let result = result.and_then(|()| match io::copy(&mut rest, &mut io::sink()) {
        Ok(_) => Ok(()),
        Err(source) => Err(UnpackError::NotAnArchive { layer: layer.digest.clone(), source }),
    });
    budget.size_bytes = rest.size_bytes;
    if let Some(exceeded) = exceeded.get() {
        let limit = match exceeded {
            Exceeded::Size => format!("{} bytes", budget.limits.size_bytes_max),
            Exceeded::Ratio => format!("{} bytes per compressed byte", budget.limits.ratio_max),
        };
        return Err(UnpackError::TooLarge { layer: layer.digest.clone(), limit });
    }
    // A damaged blob explains every other failure, so it is looked for first.
    drop(rest);
    if counted.digest_of_rest(blobs, &layer.digest)? != layer.digest {
        return Err(BlobError::Damaged { digest: layer.digest.clone() }.into());
    }
    result
}

fn unpack_entries<R: Read>(
    archive: &mut Archive<R>,
    layer: &ArtifactDigest,
    root: &Path,
    budget: &mut Budget,
) -> Result<(), UnpackError> {
    let unreadable = |source| UnpackError::NotAnArchive { layer: layer.clone(), source };
    for entry in archive.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        budget.entries += 1;
        if budget.entries > budget.limits.entries_max {
            let limit = format!("{} entries", budget.limits.entries_max);
            return Err(UnpackError::TooLarge { layer: layer.clone(), limit });
        }
        let named = entry.path().map_err(unreadable)?.into_owned();
        let unsafe_entry = |problem| {
            let (layer, path) = (layer.clone(), named.clone());
            UnpackError::UnsafeEntry { layer, path, problem }
        };
        let relative = contained(&named).map_err(unsafe_entry)?;
        if relative.as_os_str().is_empty() {
            continue;
        }
        make_parents(root, &relative)
            .map_err(|failure| failure.into_error(&named, layer, &root.join(&relative)))?;
        place(&mut entry, root, &relative)
            .map_err(|failure| failure.into_error(&named, layer, &root.join(&relative)))?;
    }
    Ok(())
}

/// Why one entry was not placed.
enum Failure {
    Unsafe(&'static str),
    Archive(io::Error),
    Write(io::Error),
}

impl Failure {
    fn into_error(self, named: &Path, layer: &ArtifactDigest, path: &Path) -> UnpackError {
        let (layer, named) = (layer.clone(), named.to_path_buf());
        match self {
            Self::Unsafe(problem) => UnpackError::UnsafeEntry { layer, path: named, problem },
            Self::Archive(source) => UnpackError::NotAnArchive { layer, source },
            Self::Write(source) => UnpackError::Write { path: path.to_path_buf(), source },
        }
    }
}

/// The path without `.` parts; an absolute one or one with `..` is refused.
fn contained(named: &Path) -> Result<PathBuf, &'static str> {
    let mut relative = PathBuf::new();
    for component in named.components() {
        match component {
            Component::Normal(part) => relative.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err("has `..` in its path"),
            Component::RootDir | Component::Prefix(_) => return Err("has an absolute path"),
        }
    }
    if relative.components().count() > DEPTH_MAX {
        return Err("lies too deep");
    }
    Ok(relative)
}

/// Makes the folders above an entry. Each must be a real folder: never write through a link.
fn make_parents(root: &Path, relative: &Path) -> Result<(), Failure> {
    let mut folder = root.to_path_buf();
    for part in relative.parent().into_iter().flat_map(Path::components) {
        folder.push(part);
        match fs::symlink_metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(metadata) if metadata.is_symlink() => {
                return Err(Failure::Unsafe("goes through a symbolic link"));
            }
            Ok(_) => return Err(Failure::Unsafe("goes through a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir(&folder).map_err(Failure::Write)?;
            }
            Err(error) => return Err(Failure::Write(error)),
        }
    }
    Ok(())
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "what the format has beside these, now or later, is refused"
)]
fn place<R: Read>(entry: &mut Entry<'_, R>, root: &Path, relative: &Path) -> Result<(), Failure> {
    let path = root.join(relative);
    if let Some(name) = relative.file_name().and_then(|name| name.as_bytes().strip_prefix(b".wh."))
    {
        return hide(&path, name).map_err(Failure::Write);
    }
    let kind = entry.header().entry_type();
    let is_folder = fs::symlink_metadata(&path).is_ok_and(|found| found.is_dir());
    if kind == EntryType::Directory && is_folder {
        return Ok(());
    }
    remove(&path).map_err(Failure::Write)?;
    match kind {
        EntryType::Directory => fs::create_dir(&path).map_err(Failure::Write),
        EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
            let is_executable = entry.header().mode().map_err(Failure::Archive)? & 0o111 != 0;
            // Without set-user-id and the like: what runs, runs as whom the workload engine says.
            write_file(entry, &path, if is_executable { 0o755 } else { 0o644 })
        }
        EntryType::Symlink => {
            let target = link_target(entry)?;
            let target = rebased(relative, &target);
            if !is_inside(relative, &target) {
                return Err(Failure::Unsafe("is a symbolic link that leaves the image"));
            }
            symlink(target, &path).map_err(Failure::Write)
        }
        EntryType::Link => {
            let target = contained(&link_target(entry)?).map_err(Failure::Unsafe)?;
            let target_path = root.join(&target);
            // The target's own folders must be real, or the link would reach outside.
            make_parents(root, &target)?;
            match fs::symlink_metadata(&target_path) {
                Ok(found) if found.is_file() => {
                    fs::hard_link(target_path, &path).map_err(Failure::Write)
                }
                Ok(_) | Err(_) => Err(Failure::Unsafe("links to what is not a file before it")),
            }
        }
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            Err(Failure::Unsafe("is a device or a pipe"))
        }
        _ => Err(Failure::Unsafe("is of an unknown kind")),
    }
}

fn link_target<R: Read>(entry: &Entry<'_, R>) -> Result<PathBuf, Failure> {
    let target = entry.link_name().map_err(Failure::Archive)?;
    target.map(std::borrow::Cow::into_owned).ok_or(Failure::Unsafe("is a link to nothing"))
}

/// An absolute target as a relative one: the image's root is not the machine's.
fn rebased(link: &Path, target: &Path) -> PathBuf {
    let Ok(below_root) = target.strip_prefix("/") else { return target.to_path_buf() };
    let mut relative = PathBuf::new();
    for _ in link.components().skip(1) {
        relative.push("..");
    }
    relative.push(below_root);
    if relative.as_os_str().is_empty() { PathBuf::from(".") } else { relative }
}

fn write_file(entry: &mut impl Read, path: &Path, mode: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(mode).open(path).map_err(Failure::Write)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        let count = entry.read(&mut buffer).map_err(Failure::Archive)?;
        if count == 0 {
            break;
        }
        io::Write::write_all(&mut file, &buffer[..count]).map_err(Failure::Write)?;
    }
    // Independent of the process's umask.
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(Failure::Write)
}

/// A whiteout: the upper layer removes what a lower one had (OCI image specification, layers).
fn hide(whiteout: &Path, name: &[u8]) -> io::Result<()> {
    let folder = whiteout.parent().unwrap_or(whiteout);
    if name != b".wh..opq" {
        return match name {
            b"" | b"." | b".." => Ok(()),
            name => remove(&folder.join(OsStr::from_bytes(name))),
        };
    }
    for entry in fs::read_dir(folder)? {
        remove(&entry?.path())?;
    }
    Ok(())
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// How many compressed bytes were read.
#[derive(Clone, Default)]
struct Counted {
    bytes: Rc<Cell<u64>>,
    hasher: Rc<Cell<Option<Hasher>>>,
}

impl Counted {
    /// The digest of the whole blob: of what was read, and of what the decoder left unread.
    fn digest_of_rest(
        &self,
        blobs: &BlobStore,
        digest: &ArtifactDigest,
    ) -> Result<ArtifactDigest, BlobError> {
        let mut hasher = self.hasher.take().unwrap_or_else(|| Hasher::like(digest));
        if let Some((mut file, _)) = blobs.open_blob(digest)? {
            io::Seek::seek(&mut file, io::SeekFrom::Start(self.bytes.get()))?;
            io::copy(&mut file, &mut hasher)?;
        }
        Ok(hasher.finish())
    }
}

/// Hashes the file while it is read; gives its hash to [`Counted`] when dropped.
struct Hashing {
    file: File,
    hasher: Hasher,
    counted: Counted,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.write_all(&buffer[..count])?;
        self.counted.bytes.set(self.counted.bytes.get() + count as u64);
        Ok(count)
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.counted.hasher.set(Some(std::mem::replace(&mut self.hasher, Hasher::sha256())));
    }
}

struct Bounded<R> {
    inner: R,
    /// Of all layers.
    size_bytes: u64,
    size_here: u64,
    limits: UnpackLimits,
    counted: Counted,
    exceeded: Rc<Cell<Option<Exceeded>>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.size_bytes += count as u64;
        self.size_here += count as u64;
        let allowed = self.counted.bytes.get().saturating_mul(self.limits.ratio_max);
        if self.size_bytes > self.limits.size_bytes_max {
            self.exceeded.set(Some(Exceeded::Size));
        } else if self.size_here > allowed.saturating_add(RATIO_FREE_BYTES) {
            self.exceeded.set(Some(Exceeded::Ratio));
        }
        match self.exceeded.get() {
            None => Ok(count),
            Some(_) => Err(io::Error::other("a limit was exceeded")),
        }
    }
}
