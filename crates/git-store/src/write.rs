//! Commits made by the server: files changed on top of a tree, without a checkout.

use std::collections::BTreeMap;

use gix::ObjectId as RawId;
use gix::object::Kind;
use gix::objs::tree::{Entry, EntryKind as RawKind};
use gix::objs::{Tree, WriteTo};
use ledger::{CommitId, TreeId};

use crate::error::StoreError;
use crate::history::Signature;
use crate::identity::{commit_id, raw, tree_id};
use crate::objects::NewObjects;
use crate::store::Repository;
use crate::tree::{EntryKind, check_path};

/// What becomes of one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A file with this content; an executable file stays one.
    Write(Vec<u8>),
    /// A file with this content and kind ([`EntryKind::File`], `Executable` or `Symlink`).
    WriteAs(EntryKind, Vec<u8>),
    /// Nothing is there; a folder goes with all that is in it.
    Remove,
}

/// A commit that shall be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRequest {
    /// The tree that is changed; `None`: the empty one.
    pub base: Option<TreeId>,
    /// The changes, by path from the root.
    pub edits: BTreeMap<String, Edit>,
    /// The commits before it, the first parent first.
    pub parents: Vec<CommitId>,
    /// The message, its trailers included; ends with one line's end whatever is given.
    pub message: String,
    /// Who wrote the change.
    pub author: Signature,
    /// Who makes the commit.
    pub committer: Signature,
}

impl Repository {
    /// Makes a commit; its objects are on disk when this returns. No ref is moved.
    pub fn write_commit(&self, request: &CommitRequest) -> Result<CommitId, StoreError> {
        let mut objects = NewObjects::default();
        let id = self.add_commit(&mut objects, request)?;
        objects.store(self)?;
        Ok(id)
    }

    /// Makes commits that do not build on each other, in the order of the requests; all their objects
    /// come in one pack and are on disk when this returns. No ref is moved.
    pub fn write_commits(&self, requests: &[CommitRequest]) -> Result<Vec<CommitId>, StoreError> {
        let mut objects = NewObjects::default();
        let ids = requests
            .iter()
            .map(|request| self.add_commit(&mut objects, request))
            .collect::<Result<_, _>>()?;
        objects.store(self)?;
        Ok(ids)
    }

    fn add_commit(
        &self,
        objects: &mut NewObjects,
        request: &CommitRequest,
    ) -> Result<CommitId, StoreError> {
        let base = request.base.as_ref().map(|tree| raw(tree.as_str()));
        let tree = edit_tree(&self.local(), objects, base, &request.edits)?;
        let content = commit_content(
            &tree_id(tree),
            &request.parents,
            &request.message,
            &request.author,
            &request.committer,
        );
        Ok(commit_id(objects.add(Kind::Commit, content)?))
    }
}

/// The tree `base` with the edits; its new objects are put into `objects`.
pub(crate) fn edit_tree(
    local: &gix::Repository,
    objects: &mut NewObjects,
    base: Option<RawId>,
    edits: &BTreeMap<String, Edit>,
) -> Result<RawId, StoreError> {
    for path in edits.keys() {
        check_path(path)?;
    }
    let edits: Vec<(&str, &Edit)> =
        edits.iter().map(|(path, edit)| (path.as_str(), edit)).collect();
    match edit_folder(local, objects, base, &edits)? {
        Some(tree) => Ok(tree),
        None => add_tree(objects, Tree { entries: Vec::new() }),
    }
}

/// The changed folder, or `None` when nothing is left in it.
fn edit_folder(
    local: &gix::Repository,
    objects: &mut NewObjects,
    base: Option<RawId>,
    edits: &[(&str, &Edit)],
) -> Result<Option<RawId>, StoreError> {
    let mut entries: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
    for entry in read_entries(local, base)? {
        entries.insert(entry.filename.to_vec(), entry);
    }
    let mut below: BTreeMap<&str, Vec<(&str, &Edit)>> = BTreeMap::new();
    for (path, edit) in edits {
        match path.split_once('/') {
            Some((folder, rest)) => below.entry(folder).or_default().push((rest, edit)),
            None => edit_entry(objects, &mut entries, path, edit)?,
        }
    }
    for (name, edits) in below {
        let known = entries.get(name.as_bytes()).filter(|entry| entry.mode.is_tree());
        let folder = edit_folder(local, objects, known.map(|entry| entry.oid), &edits)?;
        match folder {
            Some(id) => insert(&mut entries, name, RawKind::Tree, id),
            None => drop(entries.remove(name.as_bytes())),
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let mut entries: Vec<Entry> = entries.into_values().collect();
    entries.sort();
    add_tree(objects, Tree { entries }).map(Some)
}

fn edit_entry(
    objects: &mut NewObjects,
    entries: &mut BTreeMap<Vec<u8>, Entry>,
    name: &str,
    edit: &Edit,
) -> Result<(), StoreError> {
    let (kind, content) = match edit {
        Edit::Remove => {
            entries.remove(name.as_bytes());
            return Ok(());
        }
        Edit::Write(content) => {
            let known = entries.get(name.as_bytes()).map(|entry| entry.mode.kind());
            let executable = known == Some(RawKind::BlobExecutable);
            (if executable { RawKind::BlobExecutable } else { RawKind::Blob }, content)
        }
        Edit::WriteAs(EntryKind::File, content) => (RawKind::Blob, content),
        Edit::WriteAs(EntryKind::Executable, content) => (RawKind::BlobExecutable, content),
        Edit::WriteAs(EntryKind::Symlink, content) => (RawKind::Link, content),
        Edit::WriteAs(EntryKind::Directory | EntryKind::Submodule, _) => {
            let reason = "only files and links have content";
            return Err(StoreError::InvalidPath { path: name.into(), reason });
        }
    };
    let id = objects.add(Kind::Blob, content.clone())?;
    insert(entries, name, kind, id);
    Ok(())
}

fn insert(entries: &mut BTreeMap<Vec<u8>, Entry>, name: &str, kind: RawKind, oid: RawId) {
    let entry = Entry { mode: kind.into(), filename: name.into(), oid };
    entries.insert(name.as_bytes().to_vec(), entry);
}

fn read_entries(local: &gix::Repository, tree: Option<RawId>) -> Result<Vec<Entry>, StoreError> {
    let Some(id) = tree else { return Ok(Vec::new()) };
    let what = || format!("the tree {id}");
    let tree = local.find_tree(id).map_err(|error| StoreError::read(what(), error))?;
    let decoded = tree.decode().map_err(|error| StoreError::read(what(), error))?;
    Ok(decoded.entries.into_iter().map(Entry::from).collect())
}

fn add_tree(objects: &mut NewObjects, tree: Tree) -> Result<RawId, StoreError> {
    let mut content = Vec::new();
    tree.write_to(&mut content).map_err(StoreError::files("encode a tree"))?;
    objects.add(Kind::Tree, content)
}

/// A commit object's content, by git-hash-object(1)'s format.
pub(crate) fn commit_content(
    tree: &TreeId,
    parents: &[CommitId],
    message: &str,
    author: &Signature,
    committer: &Signature,
) -> Vec<u8> {
    let mut content = format!("tree {tree}\n");
    for parent in parents {
        content.push_str(&format!("parent {parent}\n"));
    }
    content.push_str(&format!("author {}\n", person(author)));
    content.push_str(&format!("committer {}\n\n", person(committer)));
    content.push_str(&message.trim_end().replace('\0', " "));
    content.push('\n');
    content.into_bytes()
}

/// Name, address and seconds in UTC, without the characters that would end a field.
fn person(signature: &Signature) -> String {
    let clean = |text: &str| text.replace(['<', '>', '\n', '\r', '\0'], " ").trim().to_owned();
    let seconds = signature.at.0.div_euclid(1000);
    format!("{} <{}> {seconds} +0000", clean(&signature.name), clean(&signature.email))
}
