//! What changed between two trees, and line by line between two files.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gix::ObjectId as RawId;
use ledger::{ObjectId, TreeId};
use similar::{Algorithm, ChangeTag, TextDiff};

use crate::error::StoreError;
use crate::identity::{object_id, raw};
use crate::store::Repository;
use crate::tree::{EntryKind, read_blob, read_folder};

/// Lines of context around a change, as `git diff` has them.
const CONTEXT_LINES: usize = 3;

/// A rename is looked for among at most this many added and removed files, as Git does by default.
const RENAME_FILES_MAX: usize = 1_000;

/// Files above this size, in bytes, are not compared line by line.
const TEXT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Half of the lines in common make two files the same one, renamed: Git's default.
const SIMILARITY_PERCENT_MIN: usize = 50;

/// After this time a smaller difference is not looked for any more.
const EFFORT_MAX: Duration = Duration::from_secs(2);

/// How a path changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// Its content, kind or executable bit is another.
    Modified,
    /// It was elsewhere before, with at least half of its lines.
    Renamed,
}

/// A changed file, link or submodule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedPath {
    /// How.
    pub kind: ChangeKind,
    /// Its path after the change; before it for [`ChangeKind::Removed`].
    pub path: String,
    /// Its path before, for [`ChangeKind::Renamed`].
    pub old_path: Option<String>,
    /// What it was.
    pub old: Option<(EntryKind, ObjectId)>,
    /// What it is.
    pub new: Option<(EntryKind, ObjectId)>,
}

/// A changed file with its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDifference {
    /// The file.
    pub change: ChangedPath,
    /// The changed places in order; `None` when a side is no text or is too large to compare.
    pub hunks: Option<Vec<Hunk>>,
}

/// A changed place with its context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// The first line before the change, from 1; 0 when there is none.
    pub old_start: usize,
    /// How many lines before.
    pub old_lines: usize,
    /// The first line after the change, from 1; 0 when there is none.
    pub new_start: usize,
    /// How many lines after.
    pub new_lines: usize,
    /// The lines in order.
    pub lines: Vec<Line>,
}

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which side has it.
    pub kind: LineKind,
    /// Its number before the change, from 1.
    pub old_number: Option<usize>,
    /// Its number after the change, from 1.
    pub new_number: Option<usize>,
    /// Its text without the line's end.
    pub text: String,
    /// Whether the file ends here without a line's end.
    pub without_end: bool,
}

/// Which side of a change has a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LineKind {
    /// Both.
    Context,
    /// Only the old one.
    Removed,
    /// Only the new one.
    Added,
}

/// An entry of a tree that is no folder.
type Leaf = (EntryKind, RawId);

impl Repository {
    /// The paths that differ between two trees (`None` is the empty tree), by path, with renames.
    pub fn changed_paths(
        &self,
        old: Option<&TreeId>,
        new: Option<&TreeId>,
    ) -> Result<Vec<ChangedPath>, StoreError> {
        let local = self.local();
        let (mut removed, mut added) = (BTreeMap::new(), BTreeMap::new());
        let id = |tree: Option<&TreeId>| tree.map(|tree| raw(tree.as_str()));
        compare(&local, "", id(old), id(new), &mut removed, &mut added)?;
        let mut changes = Vec::new();
        let both: Vec<String> =
            added.keys().filter(|path| removed.contains_key(*path)).cloned().collect();
        for path in both {
            let (old, new) = (removed.remove(&path), added.remove(&path));
            changes.push(change(ChangeKind::Modified, path, None, old, new));
        }
        for (from, to) in renames(&local, &removed, &added)? {
            let (old, new) = (removed.remove(&from), added.remove(&to));
            changes.push(change(ChangeKind::Renamed, to, Some(from), old, new));
        }
        for (path, leaf) in removed {
            changes.push(change(ChangeKind::Removed, path, None, Some(leaf), None));
        }
        for (path, leaf) in added {
            changes.push(change(ChangeKind::Added, path, None, None, Some(leaf)));
        }
        changes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(changes)
    }

    /// The differences of all changed files, line by line.
    pub fn difference(
        &self,
        old: Option<&TreeId>,
        new: Option<&TreeId>,
    ) -> Result<Vec<FileDifference>, StoreError> {
        let changes = self.changed_paths(old, new)?;
        changes.into_iter().map(|change| self.file_difference(change)).collect()
    }

    /// One changed file's difference, line by line.
    pub fn file_difference(&self, change: ChangedPath) -> Result<FileDifference, StoreError> {
        let local = self.local();
        let side = |leaf: &Option<(EntryKind, ObjectId)>| match leaf {
            None => Ok(Some(Vec::new())),
            Some((EntryKind::Submodule, id)) => {
                Ok(Some(format!("Submodule commit {id}\n").into_bytes()))
            }
            Some((_, id)) => text(&local, raw(id.as_str())),
        };
        let (old, new) = (side(&change.old)?, side(&change.new)?);
        let hunks = old.zip(new).and_then(|(old, new)| diff_text(&old, &new));
        Ok(FileDifference { change, hunks })
    }
}

/// The changed places between two texts, with three lines of context; `None` when one of them is no
/// text. Lines that are not UTF-8 are shown with replacement characters.
#[must_use]
pub fn diff_text(old: &[u8], new: &[u8]) -> Option<Vec<Hunk>> {
    if is_binary(old) || is_binary(new) {
        return None;
    }
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let difference = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .timeout(EFFORT_MAX)
        .diff_lines(old.as_ref(), new.as_ref());
    let mut hunks = Vec::new();
    for group in difference.grouped_ops(CONTEXT_LINES) {
        let mut lines = Vec::new();
        for operation in &group {
            for change in difference.iter_changes(operation) {
                let kind = match change.tag() {
                    ChangeTag::Equal => LineKind::Context,
                    ChangeTag::Delete => LineKind::Removed,
                    ChangeTag::Insert => LineKind::Added,
                };
                lines.push(Line {
                    kind,
                    old_number: change.old_index().map(|index| index + 1),
                    new_number: change.new_index().map(|index| index + 1),
                    text: change.value().trim_end_matches('\n').to_owned(),
                    without_end: !change.value().ends_with('\n'),
                });
            }
        }
        hunks.push(hunk(lines));
    }
    Some(hunks)
}

fn hunk(lines: Vec<Line>) -> Hunk {
    let old_start = lines.iter().find_map(|line| line.old_number).unwrap_or(0);
    let new_start = lines.iter().find_map(|line| line.new_number).unwrap_or(0);
    let old_lines = lines.iter().filter(|line| line.old_number.is_some()).count();
    let new_lines = lines.iter().filter(|line| line.new_number.is_some()).count();
    Hunk { old_start, old_lines, new_start, new_lines, lines }
}

/// A NUL in the first 8,000 bytes: Git's rule.
fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(8_000)].contains(&0)
}

fn change(
    kind: ChangeKind,
    path: String,
    old_path: Option<String>,
    old: Option<Leaf>,
    new: Option<Leaf>,
) -> ChangedPath {
    let named = |(kind, id): Leaf| (kind, object_id(id));
    ChangedPath { kind, path, old_path, old: old.map(named), new: new.map(named) }
}

/// Collects the leaves that only one tree has, or that differ; equal folders are not entered.
fn compare(
    local: &gix::Repository,
    prefix: &str,
    old: Option<RawId>,
    new: Option<RawId>,
    removed: &mut BTreeMap<String, Leaf>,
    added: &mut BTreeMap<String, Leaf>,
) -> Result<(), StoreError> {
    let read = |id: Option<RawId>| id.map_or(Ok(BTreeMap::new()), |id| read_folder(local, id));
    let (old, new) = (read(old)?, read(new)?);
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name).copied(), new.get(name).copied());
        if before == after {
            continue;
        }
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        let folder = |leaf: Option<Leaf>| {
            leaf.filter(|(kind, _)| *kind == EntryKind::Directory).map(|(_, id)| id)
        };
        let (before_folder, after_folder) = (folder(before), folder(after));
        if before_folder.is_some() || after_folder.is_some() {
            compare(local, &path, before_folder, after_folder, removed, added)?;
        }
        if let Some(leaf) = before.filter(|(kind, _)| *kind != EntryKind::Directory) {
            removed.insert(path.clone(), leaf);
        }
        if let Some(leaf) = after.filter(|(kind, _)| *kind != EntryKind::Directory) {
            added.insert(path, leaf);
        }
    }
    Ok(())
}

/// Pairs of paths that are one file, moved: first those with the same content, then the most alike.
fn renames(
    local: &gix::Repository,
    removed: &BTreeMap<String, Leaf>,
    added: &BTreeMap<String, Leaf>,
) -> Result<Vec<(String, String)>, StoreError> {
    let mut pairs = Vec::new();
    let mut from: BTreeMap<&String, Leaf> = removed.iter().map(|(k, v)| (k, *v)).collect();
    let mut to: BTreeMap<&String, Leaf> = BTreeMap::new();
    for (path, leaf) in added {
        let same = from.iter().find(|(_, (_, id))| *id == leaf.1).map(|(path, _)| *path);
        if let Some(old) = same {
            from.remove(old);
            pairs.push((old.clone(), path.clone()));
        } else {
            to.insert(path, *leaf);
        }
    }
    if from.len() * to.len() > RENAME_FILES_MAX {
        return Ok(pairs);
    }
    let lines = |leaf: Leaf| -> Result<Option<Vec<String>>, StoreError> {
        let content = if leaf.0 == EntryKind::Submodule { None } else { text(local, leaf.1)? };
        let content = content.filter(|content| !is_binary(content) && !content.is_empty());
        Ok(content.map(|content| {
            let mut lines: Vec<String> =
                String::from_utf8_lossy(&content).lines().map(str::to_owned).collect();
            lines.sort();
            lines
        }))
    };
    let mut olds = Vec::new();
    for (path, leaf) in from {
        olds.extend(lines(leaf)?.map(|lines| (path, lines)));
    }
    let mut candidates = Vec::new();
    for (path, leaf) in to {
        let Some(new) = lines(leaf)? else { continue };
        for (old_path, old) in &olds {
            let percent = common(old, &new) * 200 / (old.len() + new.len());
            if percent >= SIMILARITY_PERCENT_MIN {
                candidates.push((percent, *old_path, path));
            }
        }
    }
    candidates.sort_by(|one, other| other.0.cmp(&one.0).then(one.1.cmp(other.1)));
    let mut used: BTreeSet<&String> = BTreeSet::new();
    for (_, old, new) in candidates {
        if !used.contains(old) && !used.contains(new) {
            used.extend([old, new]);
            pairs.push((old.clone(), new.clone()));
        }
    }
    Ok(pairs)
}

/// How many lines two sorted lists have in common.
fn common(one: &[String], other: &[String]) -> usize {
    let (mut at, mut beside, mut count) = (0, 0, 0);
    while at < one.len() && beside < other.len() {
        match one[at].cmp(&other[beside]) {
            std::cmp::Ordering::Less => at += 1,
            std::cmp::Ordering::Greater => beside += 1,
            std::cmp::Ordering::Equal => {
                (at, beside, count) = (at + 1, beside + 1, count + 1);
            }
        }
    }
    count
}

/// The content of a blob that is small enough to compare.
fn text(local: &gix::Repository, id: RawId) -> Result<Option<Vec<u8>>, StoreError> {
    match read_blob(local, id, TEXT_BYTES_MAX) {
        Ok(content) => Ok(Some(content)),
        Err(StoreError::TooLarge { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
