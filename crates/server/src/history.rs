//! Which commits of a branch changed something.

use git_store::Repository;
use ledger::CommitId;

use crate::renderings::object_at;

/// How many commits are looked at, one by one.
pub const COMMITS_MAX: usize = 200;

/// First-parent commits that changed any of the paths, newest first, at most `found_max`.
pub fn changing_commits(
    store: &Repository,
    tip: &CommitId,
    paths: &[String],
    found_max: usize,
) -> anyhow::Result<Vec<CommitId>> {
    let objects = |commit: &CommitId| -> anyhow::Result<Vec<_>> {
        let reader = store.reader(&store.tree_of(commit)?);
        paths.iter().map(|path| object_at(&reader, path)).collect()
    };
    let mut changing = Vec::new();
    let mut commit = tip.clone();
    let mut here = objects(&commit)?;
    for _ in 0..COMMITS_MAX {
        let parent = store.commit(&commit)?.parents.into_iter().next();
        let before = parent.as_ref().map(objects).transpose()?;
        if before.as_ref() != Some(&here) {
            changing.push(commit);
        }
        let (Some(parent), Some(before)) = (parent, before) else { break };
        if changing.len() >= found_max {
            break;
        }
        (commit, here) = (parent, before);
    }
    Ok(changing)
}
