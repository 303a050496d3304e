//! The files that a program gets, read from a tree within a budget.

use std::collections::BTreeMap;

use kustomize::{EntryKind, Tree};

use crate::error::RenderError;
use crate::helm::below;

/// The most files that a program gets for one rendering.
pub(crate) const FILES_MAX: usize = 10_000;
/// The most bytes; Helm holds them all, several times over.
pub(crate) const BYTES_MAX: usize = 64 << 20;
/// The deepest folder that is looked into.
pub(crate) const DEPTH_MAX: usize = 64;

/// Files by the path at which the program finds them.
#[derive(Debug, Default)]
pub(crate) struct FileSet {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    bytes: usize,
}

impl FileSet {
    /// One file.
    pub(crate) fn read(
        &mut self,
        tree: &dyn Tree,
        path: &str,
        place: String,
    ) -> Result<&[u8], RenderError> {
        let content = tree.read(path).ok_or_else(|| {
            let message =
                format!("the file cannot be read; it may be larger than {} MiB", BYTES_MAX >> 20);
            RenderError::whole("too-large", path, message)
        })?;
        self.add(path, place, content)
    }

    /// What is at `path` in a tree, or comes from there.
    pub(crate) fn add(
        &mut self,
        path: &str,
        place: String,
        content: Vec<u8>,
    ) -> Result<&[u8], RenderError> {
        self.bytes = self.bytes.saturating_add(content.len());
        if self.bytes > BYTES_MAX || self.files.len() >= FILES_MAX {
            let message = format!(
                "with this it is more than {} MiB or more than {FILES_MAX} files that one rendering \
                 reads; move what it does not need out of its folder",
                BYTES_MAX >> 20
            );
            return Err(RenderError::whole("too-large", path, message));
        }
        let entry = self.files.entry(place).insert_entry(content);
        Ok(entry.into_mut())
    }

    /// Everything below a folder.
    pub(crate) fn read_folder(
        &mut self,
        tree: &dyn Tree,
        folder: &str,
        place: &str,
        depth: usize,
    ) -> Result<(), RenderError> {
        if depth > DEPTH_MAX {
            let message = "the folders lie too deep in each other";
            return Err(RenderError::whole("too-large", folder, message));
        }
        let mut names = tree.list(folder);
        names.sort();
        for name in names {
            let (path, place) = (below(folder, &name), below(place, &name));
            match tree.kind(&path) {
                EntryKind::Directory => self.read_folder(tree, &path, &place, depth + 1)?,
                EntryKind::File => self.read(tree, &path, place).map(drop)?,
                EntryKind::Symlink => return Err(RenderError::link(&path)),
                EntryKind::Absent => {}
            }
        }
        Ok(())
    }
}
