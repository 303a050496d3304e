//! Commits: one, a page of them, and how two are related.

use gix::bstr::ByteSlice;
use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;
use ledger::{CommitId, Timestamp, TreeId};

use crate::error::StoreError;
use crate::identity::{commit_id, raw, tree_id};
use crate::store::Repository;

/// What a commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its id.
    pub id: CommitId,
    /// Its tree.
    pub tree: TreeId,
    /// The commits before it, the first parent first.
    pub parents: Vec<CommitId>,
    /// Who wrote the change.
    pub author: Signature,
    /// Who made the commit.
    pub committer: Signature,
    /// The first paragraph, on one line.
    pub title: String,
    /// The whole message.
    pub message: String,
}

/// A person and a time, as commits hold them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The name; may be anything.
    pub name: String,
    /// The address; may be anything.
    pub email: String,
    /// When, to the second.
    pub at: Timestamp,
}

/// A page of history, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// The commits.
    pub commits: Vec<CommitInfo>,
    /// Whether older ones follow.
    pub more: bool,
}

impl Repository {
    /// What a commit says.
    pub fn commit(&self, id: &CommitId) -> Result<CommitInfo, StoreError> {
        read_commit(&self.local(), id)
    }

    /// The commits reachable from `tip`, the newest first, without those reachable from `without`;
    /// `skip` of them are left out and at most `limit` given.
    pub fn log(
        &self,
        tip: &CommitId,
        without: &[CommitId],
        skip: usize,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        let local = self.local();
        let failed = |error: gix::Error| StoreError::read(format!("the history of {tip}"), error);
        let walk = local
            .rev_walk([raw(tip.as_str())])
            .sorting(Sorting::ByCommitTime(CommitTimeOrder::NewestFirst))
            .with_hidden(without.iter().map(|id| raw(id.as_str())))
            .all()
            .map_err(failed)?;
        let mut page = LogPage { commits: Vec::new(), more: false };
        for info in walk.skip(skip) {
            let id =
                info.map_err(|error| StoreError::read(format!("the history of {tip}"), error))?.id;
            if page.commits.len() == limit {
                page.more = true;
                break;
            }
            page.commits.push(read_commit(&local, &commit_id(id))?);
        }
        Ok(page)
    }

    /// The best common ancestor; `None` when the histories have nothing in common.
    pub fn merge_base(
        &self,
        one: &CommitId,
        other: &CommitId,
    ) -> Result<Option<CommitId>, StoreError> {
        merge_base(&self.local(), one, other)
    }

    /// Whether `descendant` contains `ancestor`; a commit contains itself.
    pub fn is_ancestor(
        &self,
        ancestor: &CommitId,
        descendant: &CommitId,
    ) -> Result<bool, StoreError> {
        Ok(self.merge_base(ancestor, descendant)?.as_ref() == Some(ancestor))
    }
}

pub(crate) fn merge_base(
    local: &gix::Repository,
    one: &CommitId,
    other: &CommitId,
) -> Result<Option<CommitId>, StoreError> {
    let what = || format!("the common history of {one} and {other}");
    let found = local
        .merge_bases_many(raw(one.as_str()), &[raw(other.as_str())])
        .map_err(|error| StoreError::read(what(), error))?;
    Ok(found.first().map(|id| commit_id(id.detach())))
}

pub(crate) fn read_commit(
    local: &gix::Repository,
    id: &CommitId,
) -> Result<CommitInfo, StoreError> {
    let missing = || StoreError::NotFound { wanted: "commit", name: id.to_string() };
    let what = || format!("the commit {id}");
    let object = local
        .try_find_object(raw(id.as_str()))
        .map_err(|error| StoreError::read(what(), error))?
        .ok_or_else(missing)?;
    if object.kind != gix::object::Kind::Commit {
        return Err(missing());
    }
    let commit = object.into_commit();
    let decoded = commit.decode().map_err(|error| StoreError::read(what(), error))?;
    let author = decoded.author().map_err(|error| StoreError::read(what(), error))?;
    let committer = decoded.committer().map_err(|error| StoreError::read(what(), error))?;
    let message = decoded.message.to_str_lossy().into_owned();
    Ok(CommitInfo {
        id: id.clone(),
        tree: tree_id(decoded.tree()),
        parents: decoded.parents().map(commit_id).collect(),
        author: signature(author),
        committer: signature(committer),
        title: title_of(&message),
        message,
    })
}

fn signature(signature: gix::actor::SignatureRef<'_>) -> Signature {
    let seconds = signature.time().map_or(0, |time| time.seconds);
    Signature {
        name: signature.name.to_str_lossy().trim().to_owned(),
        email: signature.email.to_str_lossy().trim().to_owned(),
        at: Timestamp(seconds.saturating_mul(1000)),
    }
}

/// The first paragraph of a message, its lines joined.
fn title_of(message: &str) -> String {
    let lines = message.trim_start().lines().map(str::trim).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}
