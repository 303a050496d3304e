//! What a person who reads a repository asks: the history of a path, who wrote a line, where a text
//! stands.

use gix::bstr::ByteSlice;
use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;
use ledger::CommitId;

use crate::error::StoreError;
use crate::history::{LogPage, read_commit};
use crate::identity::{commit_id, raw};
use crate::store::Repository;
use crate::tree::{EntryKind, read_blob};

/// Larger files are not looked through, in bytes.
const SEARCHED_BYTES_MAX: u64 = 1024 * 1024;

/// After so many bytes a search stops, so that one question never holds a thread for long.
const SEARCHED_BYTES_TOTAL_MAX: u64 = 256 * 1024 * 1024;

/// Longer lines are cut where they are shown, in characters.
const SHOWN_CHARACTERS_MAX: usize = 240;

/// Consecutive lines that one commit brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlameSpan {
    /// The first line, from 1.
    pub first_line: u32,
    /// How many lines.
    pub lines: u32,
    /// The commit.
    pub commit: CommitId,
}

/// Where a text stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// The file.
    pub path: String,
    /// The line, from 1; `None`: the path itself matches.
    pub line: Option<usize>,
    /// The line's text, cut when it is long; empty when the path matches.
    pub text: String,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The places, by path and line.
    pub matches: Vec<Match>,
    /// Whether everything was looked at.
    pub complete: bool,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchIn {
    /// In the paths of files.
    Names,
    /// In their lines.
    Content,
}

impl Repository {
    /// The commits reachable from `tip` that changed what is at `path`, the newest first: those whose
    /// entry differs from that of every parent, as `git log -- path` has them.
    pub fn log_of_path(
        &self,
        tip: &CommitId,
        path: &str,
        skip: usize,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let local = self.local();
        let what = || format!("the history of {path}");
        let walk = local
            .rev_walk([raw(tip.as_str())])
            .sorting(Sorting::ByCommitTime(CommitTimeOrder::NewestFirst))
            .all()
            .map_err(|error| StoreError::read(what(), error))?;
        let entry = |id: &CommitId| self.tree_at(id, path);
        let mut page = LogPage { commits: Vec::new(), more: false };
        let mut passed = 0;
        for info in walk {
            let id = commit_id(info.map_err(|error| StoreError::read(what(), error))?.id);
            let commit = read_commit(&local, &id)?;
            let here = entry(&id)?;
            let mut changed = here.is_some() || !commit.parents.is_empty();
            for parent in &commit.parents {
                changed &= entry(parent)? != here;
            }
            if !changed {
                continue;
            }
            passed += 1;
            if passed <= skip {
                continue;
            }
            if page.commits.len() == limit {
                page.more = true;
                break;
            }
            page.commits.push(commit);
        }
        Ok(page)
    }

    /// Which commit brought each line of the file at `path`, in order of the lines.
    pub fn blame(&self, commit: &CommitId, path: &str) -> Result<Vec<BlameSpan>, StoreError> {
        let what = || format!("who wrote {path}");
        let options = gix::repository::blame_file::Options::default();
        let outcome = self
            .local()
            .blame_file(path.as_bytes().as_bstr(), raw(commit.as_str()), options)
            .map_err(|error| StoreError::read(what(), error))?;
        let spans = outcome.entries.iter().map(|entry| BlameSpan {
            first_line: entry.start_in_blamed_file + 1,
            lines: entry.len.get(),
            commit: commit_id(entry.commit_id),
        });
        let mut spans: Vec<BlameSpan> = spans.collect();
        spans.sort_by_key(|span| span.first_line);
        Ok(spans)
    }

    /// The first `limit` places where `text` stands in a commit, without regard to case; files that
    /// are no text or too large are passed over.
    pub fn search(
        &self,
        commit: &CommitId,
        text: &str,
        within: SearchIn,
        limit: usize,
    ) -> Result<Found, StoreError> {
        let needle = text.to_lowercase();
        let mut matches = Vec::new();
        let mut searched_bytes = 0;
        let local = self.local();
        for entry in self.list_all(&self.tree_of(commit)?)? {
            match within {
                SearchIn::Names => {
                    if entry.path.to_lowercase().contains(&needle) {
                        matches.push(Match { path: entry.path, line: None, text: String::new() });
                    }
                }
                SearchIn::Content => {
                    let is_file = matches!(entry.kind, EntryKind::File | EntryKind::Executable);
                    if !is_file || entry.bytes.is_none_or(|bytes| bytes > SEARCHED_BYTES_MAX) {
                        continue;
                    }
                    searched_bytes += entry.bytes.unwrap_or_default();
                    let content = read_blob(&local, raw(entry.id.as_str()), SEARCHED_BYTES_MAX)?;
                    lines_with(&entry.path, &content, &needle, limit, &mut matches);
                }
            }
            if matches.len() >= limit || searched_bytes > SEARCHED_BYTES_TOTAL_MAX {
                return Ok(Found { matches, complete: false });
            }
        }
        Ok(Found { matches, complete: true })
    }
}

fn lines_with(path: &str, content: &[u8], needle: &str, limit: usize, matches: &mut Vec<Match>) {
    if content[..content.len().min(8_000)].contains(&0) {
        return;
    }
    for (index, line) in content.lines().enumerate() {
        let line = line.to_str_lossy();
        if !line.to_lowercase().contains(needle) {
            continue;
        }
        let text = line.chars().take(SHOWN_CHARACTERS_MAX).collect();
        matches.push(Match { path: path.to_owned(), line: Some(index + 1), text });
        if matches.len() >= limit {
            return;
        }
    }
}
