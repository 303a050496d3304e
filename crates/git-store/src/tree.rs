//! Trees and files of a commit, read without a checkout.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Mutex;

use gix::ObjectId as RawId;
use gix::bstr::ByteSlice;
use ledger::{CommitId, ObjectId, TreeId};

use crate::error::StoreError;
use crate::identity::{object_id, raw, tree_id};
use crate::store::Repository;

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file that may be executed.
    Executable,
    /// A symbolic link; its content is the path it leads to.
    Symlink,
    /// A folder.
    Directory,
    /// A commit of another repository, whose files are not here.
    Submodule,
}

/// An entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Its path from the root of the commit, `/` between parts.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its object.
    pub id: ObjectId,
    /// The size in bytes of a file or link; `None` for the others.
    pub bytes: Option<u64>,
}

/// Gives files of one tree by their paths, reading each folder once. Paths are relative to the root,
/// with `/` between parts; `.`, `..` and empty parts lead nowhere.
#[derive(Debug)]
pub struct TreeReader {
    repository: Repository,
    tree: TreeId,
    folders: Mutex<BTreeMap<String, Option<Folder>>>,
}

/// A folder's entries by name.
type Folder = BTreeMap<String, (EntryKind, RawId)>;

impl Repository {
    /// The tree of a commit.
    pub fn tree_of(&self, commit: &CommitId) -> Result<TreeId, StoreError> {
        Ok(self.commit(commit)?.tree)
    }

    /// What is at `path` in a commit (`""` is its root): the entry's kind and object, or `None`.
    /// Equal ids, equal content: this is what a gate over paths is keyed by.
    pub fn tree_at(
        &self,
        commit: &CommitId,
        path: &str,
    ) -> Result<Option<(EntryKind, ObjectId)>, StoreError> {
        self.reader(&self.tree_of(commit)?).entry(path)
    }

    /// The entries of the folder at `path`, by name; `None` when there is no such folder.
    pub fn list(
        &self,
        commit: &CommitId,
        path: &str,
    ) -> Result<Option<Vec<TreeEntry>>, StoreError> {
        let reader = self.reader(&self.tree_of(commit)?);
        let local = self.local();
        let Some(folder) = reader.folder(path)? else { return Ok(None) };
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut entries = Vec::new();
        for (name, (kind, id)) in folder {
            let bytes = size_of(&local, kind, id)?;
            entries.push(TreeEntry {
                path: format!("{prefix}{name}"),
                kind,
                id: object_id(id),
                bytes,
            });
        }
        Ok(Some(entries))
    }

    /// Every file, link and submodule below the root of a tree, by path.
    pub fn list_all(&self, tree: &TreeId) -> Result<Vec<TreeEntry>, StoreError> {
        let reader = self.reader(tree);
        let local = self.local();
        let (mut entries, mut waiting) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = waiting.pop() {
            for (name, (kind, id)) in reader.folder(&folder)?.unwrap_or_default() {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                if kind == EntryKind::Directory {
                    waiting.push(path);
                    continue;
                }
                let bytes = size_of(&local, kind, id)?;
                entries.push(TreeEntry { path, kind, id: object_id(id), bytes });
            }
        }
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(entries)
    }

    /// The content of a blob, which may have at most `limit_bytes`.
    pub fn blob(&self, id: &ObjectId, limit_bytes: u64) -> Result<Vec<u8>, StoreError> {
        read_blob(&self.local(), raw(id.as_str()), limit_bytes)
    }

    /// The size of a blob, in bytes.
    pub fn blob_bytes(&self, id: &ObjectId) -> Result<u64, StoreError> {
        let size = size_of(&self.local(), EntryKind::File, raw(id.as_str()))?;
        Ok(size.unwrap_or_default())
    }

    /// The file at `path` in a commit, which may have at most `limit_bytes`; `None` when there is no
    /// file. A link is not followed: it is no file.
    pub fn file(
        &self,
        commit: &CommitId,
        path: &str,
        limit_bytes: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        match self.tree_at(commit, path)? {
            Some((EntryKind::File | EntryKind::Executable, id)) => {
                self.blob(&id, limit_bytes).map(Some)
            }
            Some((EntryKind::Symlink | EntryKind::Directory | EntryKind::Submodule, _)) | None => {
                Ok(None)
            }
        }
    }

    /// A reader of one tree.
    #[must_use]
    pub fn reader(&self, tree: &TreeId) -> TreeReader {
        let folders = Mutex::new(BTreeMap::new());
        TreeReader { repository: self.clone(), tree: tree.clone(), folders }
    }

    /// Writes a tree's files into an empty or missing folder, without Git's settings or attributes.
    /// Files are readable by all, executable ones executable. A link that leads out of the folder, a
    /// submodule or a dangerous name is refused before anything is written. At most `limit_bytes`.
    pub fn materialise(
        &self,
        tree: &TreeId,
        into: &Path,
        limit_bytes: u64,
    ) -> Result<(), StoreError> {
        let entries = self.list_all(tree)?;
        let total: u64 = entries.iter().filter_map(|entry| entry.bytes).sum();
        if total > limit_bytes {
            let what = format!("the tree {tree}");
            return Err(StoreError::TooLarge { what, limit_bytes });
        }
        let local = self.local();
        let mut links = Vec::new();
        for entry in &entries {
            check_path(&entry.path)?;
            match entry.kind {
                EntryKind::Submodule => {
                    let reason = "submodules are not supported";
                    return Err(StoreError::InvalidPath { path: entry.path.clone(), reason });
                }
                EntryKind::Symlink => {
                    let target = read_blob(&local, raw(entry.id.as_str()), 4096)?;
                    check_link(&entry.path, &target)?;
                    links.push((entry, target));
                }
                EntryKind::File | EntryKind::Executable | EntryKind::Directory => {}
            }
        }
        let failed = |path: &str| StoreError::files(format!("write the file `{path}`"));
        fs::create_dir_all(into).map_err(StoreError::files("make the folder"))?;
        for entry in entries.iter().filter(|entry| entry.kind != EntryKind::Symlink) {
            let content = read_blob(&local, raw(entry.id.as_str()), u64::MAX)?;
            write_file(&into.join(&entry.path), &content, entry.kind)
                .map_err(failed(&entry.path))?;
        }
        // Links last, so that no file is written through one.
        for (entry, target) in links {
            let path = into.join(&entry.path);
            let made = path.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| symlink(target.to_str_lossy().as_ref(), &path))
                .map_err(failed(&entry.path))?;
        }
        Ok(())
    }
}

impl TreeReader {
    /// The tree that is read.
    #[must_use]
    pub fn tree(&self) -> &TreeId {
        &self.tree
    }

    /// What is at `path` (`""` is the root); links are not followed.
    pub fn entry(&self, path: &str) -> Result<Option<(EntryKind, ObjectId)>, StoreError> {
        if path.is_empty() {
            return Ok(Some((EntryKind::Directory, object_id(raw(self.tree.as_str())))));
        }
        if path.starts_with('/') {
            return Ok(None);
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let found = self.with_folder(folder, |entries| entries.get(name).copied())?.flatten();
        Ok(found.map(|(kind, id)| (kind, object_id(id))))
    }

    /// The content of the file at `path`; `None` when there is none. A link is no file.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read_up_to(path, u64::MAX)
    }

    /// The same of a file that may have at most `limit_bytes`.
    pub fn read_up_to(&self, path: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, StoreError> {
        match self.entry(path)? {
            Some((EntryKind::File | EntryKind::Executable, id)) => {
                self.repository.blob(&id, limit_bytes).map(Some)
            }
            Some((EntryKind::Symlink | EntryKind::Directory | EntryKind::Submodule, _)) | None => {
                Ok(None)
            }
        }
    }

    /// Whether there is a folder at `path`.
    pub fn is_directory(&self, path: &str) -> Result<bool, StoreError> {
        Ok(matches!(self.entry(path)?, Some((EntryKind::Directory, _))))
    }

    /// Whether there is a symbolic link at `path`.
    pub fn is_symlink(&self, path: &str) -> Result<bool, StoreError> {
        Ok(matches!(self.entry(path)?, Some((EntryKind::Symlink, _))))
    }

    /// The names in the folder at `path` with what they are; `None` when there is no such folder.
    pub fn names(&self, path: &str) -> Result<Option<Vec<(String, EntryKind)>>, StoreError> {
        self.with_folder(path, |entries| {
            entries.iter().map(|(name, (kind, _))| (name.clone(), *kind)).collect()
        })
    }

    fn folder(&self, path: &str) -> Result<Option<Folder>, StoreError> {
        self.with_folder(path, Clone::clone)
    }

    fn with_folder<T>(
        &self,
        path: &str,
        take: impl FnOnce(&Folder) -> T,
    ) -> Result<Option<T>, StoreError> {
        let known = {
            let folders = self.folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            folders.contains_key(path)
        };
        if !known {
            let read = self.read_folder(path)?;
            let mut folders =
                self.folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            folders.insert(path.to_owned(), read);
        }
        let folders = self.folders.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(folders.get(path).and_then(Option::as_ref).map(take))
    }

    fn read_folder(&self, path: &str) -> Result<Option<Folder>, StoreError> {
        let id = if path.is_empty() {
            raw(self.tree.as_str())
        } else {
            match self.entry(path)? {
                Some((EntryKind::Directory, id)) => raw(id.as_str()),
                Some(_) | None => return Ok(None),
            }
        };
        read_folder(&self.repository.local(), id).map(Some)
    }
}

/// Refuses what a tree's path may never be: absolute, empty, with `.` or `..`, below a `.git` in any
/// spelling that some file system takes for it.
pub(crate) fn check_path(path: &str) -> Result<(), StoreError> {
    let refuse = |reason| Err(StoreError::InvalidPath { path: path.into(), reason });
    if path.is_empty() || path.starts_with('/') || path.ends_with('/') {
        return refuse("it is not a relative path of a file");
    }
    if path.contains(['\0', '\\']) || path.len() > 4096 {
        return refuse("it has characters that no file name may have, or is too long");
    }
    for part in path.split('/') {
        if part.is_empty() || part == "." || part == ".." {
            return refuse("it has an empty part, `.` or `..`");
        }
        if is_git_folder(part) {
            return refuse("it names Git's own folder");
        }
    }
    Ok(())
}

/// Whether some file system takes this name for `.git`: letter case, NTFS's short name and trailing
/// dots and blanks, HFS+'s ignored characters.
fn is_git_folder(part: &str) -> bool {
    let ignored = |c: char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}');
    let visible: String = part.chars().filter(|c| !ignored(*c)).collect();
    let lower = visible.to_ascii_lowercase();
    let stream = lower.split(':').next().unwrap_or_default();
    let trimmed = stream.trim_end_matches(['.', ' ']);
    trimmed == ".git" || trimmed == "git~1"
}

fn check_link(path: &str, target: &[u8]) -> Result<(), StoreError> {
    let refuse = |reason| Err(StoreError::InvalidPath { path: path.into(), reason });
    let Ok(target) = target.to_str() else { return refuse("its link leads to no readable path") };
    if target.is_empty() || target.starts_with('/') || target.contains('\0') {
        return refuse("its link leaves the tree");
    }
    let mut depth = path.split('/').count() - 1;
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return refuse("its link leaves the tree"),
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    // A link through another link could leave although its text does not.
    if target.split('/').skip_while(|part| *part == "..").any(|part| part == "..") {
        return refuse("its link goes up after it went down");
    }
    Ok(())
}

fn write_file(path: &Path, content: &[u8], kind: EntryKind) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content)?;
    let mode = if kind == EntryKind::Executable { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

pub(crate) fn read_folder(local: &gix::Repository, id: RawId) -> Result<Folder, StoreError> {
    let what = || format!("the tree {}", tree_id(id));
    let missing = || StoreError::NotFound { wanted: "tree", name: id.to_string() };
    let object = local
        .try_find_object(id)
        .map_err(|error| StoreError::read(what(), error))?
        .ok_or_else(missing)?;
    if object.kind != gix::object::Kind::Tree {
        return Err(missing());
    }
    let tree = object.into_tree();
    let decoded = tree.decode().map_err(|error| StoreError::read(what(), error))?;
    let mut folder = Folder::new();
    for entry in decoded.entries {
        let kind = match entry.mode.kind() {
            gix::object::tree::EntryKind::Blob => EntryKind::File,
            gix::object::tree::EntryKind::BlobExecutable => EntryKind::Executable,
            gix::object::tree::EntryKind::Link => EntryKind::Symlink,
            gix::object::tree::EntryKind::Tree => EntryKind::Directory,
            gix::object::tree::EntryKind::Commit => EntryKind::Submodule,
        };
        folder.insert(entry.filename.to_str_lossy().into_owned(), (kind, entry.oid.to_owned()));
    }
    Ok(folder)
}

pub(crate) fn read_blob(
    local: &gix::Repository,
    id: RawId,
    limit_bytes: u64,
) -> Result<Vec<u8>, StoreError> {
    let what = || format!("the file with the id {id}");
    let missing = || StoreError::NotFound { wanted: "file", name: id.to_string() };
    let header = local
        .try_find_header(id)
        .map_err(|error| StoreError::read(what(), error))?
        .ok_or_else(missing)?;
    if header.kind() != gix::object::Kind::Blob {
        return Err(missing());
    }
    if header.size() > limit_bytes {
        return Err(StoreError::TooLarge { what: what(), limit_bytes });
    }
    let object = local.find_object(id).map_err(|error| StoreError::read(what(), error))?;
    Ok(object.detach().data)
}

fn size_of(local: &gix::Repository, kind: EntryKind, id: RawId) -> Result<Option<u64>, StoreError> {
    match kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Symlink => {
            let header = local
                .find_header(id)
                .map_err(|error| StoreError::read(format!("the object {id}"), error))?;
            Ok(Some(header.size()))
        }
        EntryKind::Directory | EntryKind::Submodule => Ok(None),
    }
}
