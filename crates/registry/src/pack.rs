//! A folder as a layer: the same folder gives the same bytes, whoever packs it and when.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use ledger::ArtifactDigest;
use tar::{Builder, EntryType, Header};

use crate::blobs::{BlobError, BlobWriter};
use crate::digest::Hasher;
use crate::unpack::is_inside;

/// Why a folder was not packed; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The folder is not there or cannot be read.
    #[error("{} could not be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Neither file, folder nor symbolic link.
    #[error("{} is neither a file, a folder nor a symbolic link; remove it", path.display())]
    SpecialFile {
        /// The file.
        path: PathBuf,
    },
    /// A symbolic link leaves the folder.
    #[error("{} points to {}, outside the folder; copy the file instead", path.display(), target.display())]
    LinkOutside {
        /// The link.
        path: PathBuf,
        /// Where it points.
        target: PathBuf,
    },
    /// The layer could not be stored.
    #[error(transparent)]
    Blob(#[from] BlobError),
}

/// A packed folder.
pub(crate) struct Layer {
    pub digest: ArtifactDigest,
    pub size: u64,
    /// The digest before compression.
    pub diff_id: ArtifactDigest,
}

/// Packs a folder into a blob: entries sorted by path, times 0, owner 0, modes 0755 and 0644.
/// Blocking.
pub(crate) fn pack(folder: &Path, blob: BlobWriter) -> Result<Layer, PackError> {
    let compressed = GzEncoder::new(blob, Compression::default());
    let mut archive = Builder::new(Hashing { inner: compressed, hasher: Hasher::sha256() });
    add_folder(&mut archive, folder, Path::new(""))?;
    let hashing = archive.into_inner().map_err(BlobError::from)?;
    let diff_id = hashing.hasher.finish();
    let blob = hashing.inner.finish().map_err(BlobError::from)?;
    let (digest, size) = blob.finish(None)?;
    Ok(Layer { digest, size, diff_id })
}

fn add_folder<W: Write>(
    archive: &mut Builder<W>,
    root: &Path,
    relative: &Path,
) -> Result<(), PackError> {
    let folder = root.join(relative);
    let read = |source| PackError::Read { path: folder.clone(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(read)? {
        names.push(entry.map_err(read)?.file_name());
    }
    names.sort();
    for name in names {
        let path = relative.join(name);
        if add_entry(archive, root, &path)? {
            add_folder(archive, root, &path)?;
        }
    }
    Ok(())
}

/// Adds one entry; whether it is a folder.
fn add_entry<W: Write>(
    archive: &mut Builder<W>,
    root: &Path,
    relative: &Path,
) -> Result<bool, PackError> {
    let path = root.join(relative);
    let read = |source| PackError::Read { path: path.clone(), source };
    let metadata = fs::symlink_metadata(&path).map_err(read)?;
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    let is_executable = metadata.permissions().mode() & 0o111 != 0;
    header.set_mode(if metadata.is_dir() || is_executable { 0o755 } else { 0o644 });
    let added = if metadata.is_dir() {
        header.set_entry_type(EntryType::Directory);
        archive.append_data(&mut header, relative, io::empty())
    } else if metadata.is_symlink() {
        let target = fs::read_link(&path).map_err(read)?;
        if !is_inside(relative, &target) {
            return Err(PackError::LinkOutside { path, target });
        }
        header.set_entry_type(EntryType::Symlink);
        header.set_mode(0o777);
        archive.append_link(&mut header, relative, target)
    } else if metadata.is_file() {
        let file = File::open(&path).map_err(read)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(metadata.len());
        archive.append_data(&mut header, relative, Exactly::new(file, metadata.len()))
    } else {
        return Err(PackError::SpecialFile { path });
    };
    added.map_err(BlobError::from)?;
    Ok(metadata.is_dir())
}

/// A file's first bytes; an error when the file was shortened meanwhile, since the archive's header
/// already says how many there are.
struct Exactly {
    file: File,
    left: u64,
}

impl Exactly {
    fn new(file: File, left: u64) -> Self {
        Self { file, left }
    }
}

impl io::Read for Exactly {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.file.read(&mut buffer[..wanted])?;
        if count == 0 && self.left > 0 && wanted > 0 {
            return Err(io::Error::other("the file was shortened while it was packed"));
        }
        self.left -= count as u64;
        Ok(count)
    }
}

struct Hashing<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.write_all(&bytes[..written])?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
