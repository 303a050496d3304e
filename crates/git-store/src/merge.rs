//! Merges and reverts, made without a checkout.

use gix::object::Kind;
use ledger::{CommitId, TreeId};
use repositories::policy::MergeMethod;

use crate::error::StoreError;
use crate::history::{CommitInfo, Signature, merge_base, read_commit};
use crate::identity::{commit_id, raw, tree_id};
use crate::objects::{NewObjects, read_loose, write_loose};
use crate::program;
use crate::quarantine::Quarantine;
use crate::store::Repository;
use crate::write::commit_content;

/// A merge that shall be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeRequest {
    /// The tip of the branch that receives the change.
    pub base: CommitId,
    /// The tip of the change.
    pub head: CommitId,
    /// How.
    pub method: MergeMethod,
    /// The message of the merge or squash commit, its trailers included; a rebase keeps its own.
    pub message: String,
    /// The author of the merge or squash commit; a rebase keeps its own.
    pub author: Signature,
    /// Who makes the commits.
    pub committer: Signature,
}

/// What became of a merge. No ref was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeOutcome {
    /// It is on disk.
    Merged {
        /// The new tip for the branch.
        commit: CommitId,
        /// Its tree.
        tree: TreeId,
    },
    /// The base contains all of the change already.
    NothingToMerge,
    /// Both sides changed the same.
    Conflicts {
        /// Where; for a rebase, of the first commit that does not fit.
        paths: Vec<String>,
    },
}

/// What became of a revert. No ref was moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevertOutcome {
    /// It is on disk.
    Reverted {
        /// The new tip for the branch.
        commit: CommitId,
        /// Its tree.
        tree: TreeId,
    },
    /// Nothing of the commit is left to take back.
    NothingToRevert,
    /// What came later builds on it.
    Conflicts {
        /// Where.
        paths: Vec<String>,
    },
}

/// Three trees merged, or where they do not fit.
enum Merged {
    Tree(TreeId),
    Conflicts(Vec<String>),
}

impl Repository {
    /// Makes the commits of a merge; they are on disk when this returns.
    pub fn merge(&self, request: &MergeRequest) -> Result<MergeOutcome, StoreError> {
        let local = self.local();
        let common = merge_base(&local, &request.base, &request.head)?;
        if common.as_ref() == Some(&request.head) {
            return Ok(MergeOutcome::NothingToMerge);
        }
        let ahead = common.as_ref() == Some(&request.base);
        match request.method {
            MergeMethod::Rebase if ahead && self.is_linear(request)? => {
                let tree = read_commit(&local, &request.head)?.tree;
                Ok(MergeOutcome::Merged { commit: request.head.clone(), tree })
            }
            MergeMethod::Rebase => self.rebase(request),
            MergeMethod::Merge | MergeMethod::Squash => {
                let quarantine = Quarantine::new(self)?;
                let merged = if ahead {
                    Merged::Tree(read_commit(&local, &request.head)?.tree)
                } else {
                    self.merge_commits(&quarantine, &request.base, &request.head)?
                };
                let tree = match merged {
                    Merged::Tree(tree) => tree,
                    Merged::Conflicts(paths) => return Ok(MergeOutcome::Conflicts { paths }),
                };
                let parents = match request.method {
                    MergeMethod::Merge => vec![request.base.clone(), request.head.clone()],
                    MergeMethod::Squash | MergeMethod::Rebase => vec![request.base.clone()],
                };
                let (author, committer) = (&request.author, &request.committer);
                let content = commit_content(&tree, &parents, &request.message, author, committer);
                let mut objects = collect(&quarantine)?;
                let commit = commit_id(objects.add(Kind::Commit, content)?);
                objects.store(self)?;
                Ok(MergeOutcome::Merged { commit, tree })
            }
        }
    }

    /// Where two commits do not fit together; empty when they do. Nothing is written.
    pub fn conflicts(&self, base: &CommitId, head: &CommitId) -> Result<Vec<String>, StoreError> {
        let common = self.merge_base(base, head)?;
        if common.as_ref() == Some(base) || common.as_ref() == Some(head) {
            return Ok(Vec::new());
        }
        match self.merge_commits(&Quarantine::new(self)?, base, head)? {
            Merged::Tree(_) => Ok(Vec::new()),
            Merged::Conflicts(paths) => Ok(paths),
        }
    }

    /// Makes a commit on `onto` that takes back what `commit` changed against its first parent; it
    /// is on disk when this returns.
    pub fn revert(
        &self,
        commit: &CommitId,
        onto: &CommitId,
        message: &str,
        author: &Signature,
        committer: &Signature,
    ) -> Result<RevertOutcome, StoreError> {
        let local = self.local();
        let bad = read_commit(&local, commit)?;
        let before = match bad.parents.first() {
            Some(parent) => read_commit(&local, parent)?.tree,
            None => tree_id(local.empty_tree().id),
        };
        let current = read_commit(&local, onto)?.tree;
        let quarantine = Quarantine::new(self)?;
        let tree = match self.merge_trees(&quarantine, &bad.tree, &current, &before)? {
            Merged::Tree(tree) => tree,
            Merged::Conflicts(paths) => return Ok(RevertOutcome::Conflicts { paths }),
        };
        if tree == current {
            return Ok(RevertOutcome::NothingToRevert);
        }
        let content = commit_content(&tree, std::slice::from_ref(onto), message, author, committer);
        let mut objects = collect(&quarantine)?;
        let commit = commit_id(objects.add(Kind::Commit, content)?);
        objects.store(self)?;
        Ok(RevertOutcome::Reverted { commit, tree })
    }

    /// Puts the commits of the head one by one on the base; merges among them are left out, and so
    /// are commits whose change is there already.
    fn rebase(&self, request: &MergeRequest) -> Result<MergeOutcome, StoreError> {
        let local = self.local();
        let quarantine = Quarantine::new(self)?;
        let mut commits = self.commits_between(request)?;
        commits.retain(|commit| commit.parents.len() < 2);
        let mut tip = request.base.clone();
        let mut tree = read_commit(&local, &request.base)?.tree;
        let mut made = NewObjects::default();
        for commit in commits.iter().rev() {
            let before = match commit.parents.first() {
                Some(parent) => read_commit(&local, parent)?.tree,
                None => tree_id(local.empty_tree().id),
            };
            let next = match self.merge_trees(&quarantine, &before, &tree, &commit.tree)? {
                Merged::Tree(next) => next,
                Merged::Conflicts(paths) => return Ok(MergeOutcome::Conflicts { paths }),
            };
            if next == tree {
                continue;
            }
            let content = rebased(&local, commit, &next, &tip, &request.committer)?;
            tip = commit_id(made.add(Kind::Commit, content)?);
            tree = next;
        }
        if tip == request.base {
            return Ok(MergeOutcome::NothingToMerge);
        }
        let mut objects = collect(&quarantine)?;
        objects.extend(made);
        objects.store(self)?;
        Ok(MergeOutcome::Merged { commit: tip, tree })
    }

    fn is_linear(&self, request: &MergeRequest) -> Result<bool, StoreError> {
        Ok(self.commits_between(request)?.iter().all(|commit| commit.parents.len() < 2))
    }

    /// The head's commits that the base does not have, the newest first, parents after children.
    fn commits_between(&self, request: &MergeRequest) -> Result<Vec<CommitInfo>, StoreError> {
        let mut command = self.command(None);
        command.args(["rev-list", "--topo-order", "--end-of-options"]);
        command.arg(request.head.as_str()).arg(format!("^{}", request.base));
        let output = program::run_well(command, "rev-list", b"")?;
        let local = self.local();
        let text = String::from_utf8_lossy(&output).into_owned();
        let ids = text.lines().filter_map(|line| CommitId::new(line).ok());
        ids.map(|id| read_commit(&local, &id)).collect()
    }

    /// Merges two commits by Git's own rules, with all their merge bases.
    fn merge_commits(
        &self,
        quarantine: &Quarantine,
        ours: &CommitId,
        theirs: &CommitId,
    ) -> Result<Merged, StoreError> {
        let mut command = self.command(Some(&quarantine.folders()));
        command.args(["-c", "core.fsync=none", "merge-tree", "--write-tree", "-z"]);
        command.args(["--name-only", "--no-messages", "--allow-unrelated-histories"]);
        command.args([ours.as_str(), theirs.as_str()]);
        let output = program::run(command, b"")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut parts = text.split('\0').filter(|part| !part.is_empty());
        let tree = parts.next().and_then(|tree| TreeId::new(tree).ok());
        match (output.status.code(), tree) {
            (Some(0), Some(tree)) => Ok(Merged::Tree(tree)),
            (Some(1), Some(_)) => {
                let mut paths: Vec<String> = parts.map(str::to_owned).collect();
                paths.dedup();
                Ok(Merged::Conflicts(paths))
            }
            (_, _) => Err(program::failure("merge-tree", &output)),
        }
    }

    /// Merges two trees that come from a third. Git merges commits, so that each tree gets one in
    /// the quarantine that is never taken in.
    fn merge_trees(
        &self,
        quarantine: &Quarantine,
        base: &TreeId,
        ours: &TreeId,
        theirs: &TreeId,
    ) -> Result<Merged, StoreError> {
        if ours == base || ours == theirs {
            return Ok(Merged::Tree(theirs.clone()));
        }
        if theirs == base {
            return Ok(Merged::Tree(ours.clone()));
        }
        let nobody =
            Signature { name: "boucle".into(), email: String::new(), at: ledger::Timestamp(0) };
        let write = |tree: &TreeId, parents: &[CommitId], side: &str| {
            let content = commit_content(tree, parents, side, &nobody, &nobody);
            let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Commit, &content)
                .map_err(|error| StoreError::read("a new commit", error))?;
            write_loose(quarantine.objects(), id, Kind::Commit, &content)
                .map_err(StoreError::files("write into a quarantine"))?;
            Ok::<_, StoreError>(commit_id(id))
        };
        let root = write(base, &[], "base")?;
        let ours = write(ours, std::slice::from_ref(&root), "ours")?;
        let theirs = write(theirs, &[root], "theirs")?;
        self.merge_commits(quarantine, &ours, &theirs)
    }
}

/// The trees and files that Git wrote into a quarantine; its commits only served to make them.
fn collect(quarantine: &Quarantine) -> Result<NewObjects, StoreError> {
    let mut objects = NewObjects::default();
    let found = read_loose(quarantine.objects())
        .map_err(StoreError::files("read a quarantine's objects"))?;
    for (kind, content) in found {
        if kind != Kind::Commit {
            objects.add(kind, content)?;
        }
    }
    Ok(objects)
}

/// A commit's content on another tree and parent; its author stays to the letter, its signature,
/// which would not fit any more, goes.
fn rebased(
    local: &gix::Repository,
    commit: &CommitInfo,
    tree: &TreeId,
    parent: &CommitId,
    committer: &Signature,
) -> Result<Vec<u8>, StoreError> {
    let object = local
        .find_object(raw(commit.id.as_str()))
        .map_err(|error| StoreError::read(format!("the commit {}", commit.id), error))?;
    let parents = std::slice::from_ref(parent);
    let content = commit_content(tree, parents, &commit.message, &commit.author, committer);
    let author = |bytes: &[u8]| {
        let start = bytes.windows(8).position(|part| part == b"\nauthor ")? + 1;
        let length = bytes[start..].iter().position(|byte| *byte == b'\n')?;
        Some(start..start + length)
    };
    let (Some(old), Some(new)) = (author(&object.data), author(&content)) else {
        return Ok(content);
    };
    Ok([&content[..new.start], &object.data[old], &content[new.end..]].concat())
}
