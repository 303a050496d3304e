//! Files that are on disk when the function returns, their names included.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a new file and forces its content to disk; its name is on disk after [`sync_folder`].
pub(crate) fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Forces the names in a folder to disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Moves a file whose content is on disk; its new name is on disk after [`sync_folder`].
pub(crate) fn move_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}
