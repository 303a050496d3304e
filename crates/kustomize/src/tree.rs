//! The files that a build may read, and how it reads them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Nothing.
    Absent,
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link; it is never followed.
    Symlink,
}

/// A tree of files, addressed by `/`-separated paths without a leading `/`, `.` or `..`; the empty
/// path is the root. An implementation never follows a symbolic link, not even in the middle of a
/// path: what lies behind one is [`EntryKind::Absent`].
pub trait Tree {
    /// What stands at `path`.
    fn kind(&self, path: &str) -> EntryKind;

    /// The content of the file at `path`; `None` when no regular file stands there.
    fn read(&self, path: &str) -> Option<Vec<u8>>;

    /// The names of a folder's entries, in any order; empty when no folder stands at `path`.
    fn list(&self, path: &str) -> Vec<String>;

    /// Whether a folder stands at `path`.
    fn is_directory(&self, path: &str) -> bool {
        self.kind(path) == EntryKind::Directory
    }
}

/// Files by path, without symbolic links.
impl Tree for BTreeMap<String, Vec<u8>> {
    fn kind(&self, path: &str) -> EntryKind {
        let below = format!("{path}/");
        if path.is_empty()
            || self.range(below.clone()..).next().is_some_and(|(key, _)| key.starts_with(&below))
        {
            EntryKind::Directory
        } else if self.contains_key(path) {
            EntryKind::File
        } else {
            EntryKind::Absent
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.get(path).cloned()
    }

    fn list(&self, path: &str) -> Vec<String> {
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let names: BTreeSet<String> = self
            .range(below.clone()..)
            .take_while(|(key, _)| key.starts_with(&below))
            .filter_map(|(key, _)| key[below.len()..].split('/').next().map(str::to_owned))
            .collect();
        names.into_iter().collect()
    }
}

/// The most files that one build reads; a large repository's overlay reads some hundreds.
const FILES_MAX: usize = 10_000;
/// The most bytes that one build reads; a rendered commit of this size is already unreadable.
const BYTES_MAX: usize = 64 << 20;

/// Why a file could not be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    Absent,
    Symlink,
    Directory,
    TooMuch,
}

/// A tree that notes what it was asked for and stops at the budget.
pub(crate) struct Reader<'a> {
    tree: &'a dyn Tree,
    opened: RefCell<BTreeSet<String>>,
    files: Cell<usize>,
    bytes: Cell<usize>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(tree: &'a dyn Tree) -> Self {
        Reader { tree, opened: RefCell::default(), files: Cell::new(0), bytes: Cell::new(0) }
    }

    pub(crate) fn opened(self) -> BTreeSet<String> {
        self.opened.into_inner()
    }

    pub(crate) fn kind(&self, path: &str) -> EntryKind {
        let kind = self.tree.kind(path);
        // What was asked for below a folder tells whether it is still one.
        if kind != EntryKind::Directory {
            self.opened.borrow_mut().insert(path.to_owned());
        }
        if kind == EntryKind::Absent && self.passes_symlink(path) {
            EntryKind::Symlink
        } else {
            kind
        }
    }

    pub(crate) fn read(&self, path: &str) -> Result<Vec<u8>, Missing> {
        match self.kind(path) {
            EntryKind::Absent => return Err(Missing::Absent),
            EntryKind::Symlink => return Err(Missing::Symlink),
            EntryKind::Directory => return Err(Missing::Directory),
            EntryKind::File => {}
        }
        let content = self.tree.read(path).ok_or(Missing::Absent)?;
        self.files.set(self.files.get() + 1);
        self.bytes.set(self.bytes.get().saturating_add(content.len()));
        if self.files.get() > FILES_MAX || self.bytes.get() > BYTES_MAX {
            return Err(Missing::TooMuch);
        }
        Ok(content)
    }

    fn passes_symlink(&self, path: &str) -> bool {
        path.match_indices('/').any(|(end, _)| self.tree.kind(&path[..end]) == EntryKind::Symlink)
    }
}

/// Why a path cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadPath {
    Empty,
    Absolute,
    Outside,
    Unprintable,
}

/// `relative` as seen from the folder `base`, without `.` and `..`; a path that leaves the tree is
/// refused.
pub(crate) fn join(base: &str, relative: &str) -> Result<String, BadPath> {
    if relative.is_empty() {
        return Err(BadPath::Empty);
    }
    if relative.starts_with('/') {
        return Err(BadPath::Absolute);
    }
    if relative.contains(['\0', '\\', '\n']) {
        return Err(BadPath::Unprintable);
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(BadPath::Outside)?;
            }
            name => parts.push(name),
        }
    }
    Ok(parts.join("/"))
}

/// Whether `path` is `folder` or lies in it.
pub(crate) fn is_within(path: &str, folder: &str) -> bool {
    folder.is_empty()
        || path == folder
        || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
