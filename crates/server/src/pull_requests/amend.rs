//! Changing a pull request's files from the page: a patch set of its own, on top of the newest.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use git_store::{CommitRequest, Edit, RefChange};
use ledger::{Actor, CommitId, Draft, PullRequestNumber, RefName, RepositoryName, Subject, TreeId};
use repositories::facts::{RefMoveCause, RepositoryFact};
use repositories::view::{PullRequest, PullRequestState};

use crate::changes::{self, Move, signature};
use crate::http::problem::Refusal;
use crate::pull_requests::patch_set_change;
use crate::state::Server;
use crate::words::{Missing, Obstacle};

/// Files that shall change in a pull request.
pub struct Amendment {
    /// The head that it is based on.
    pub expecting: CommitId,
    /// The files.
    pub edits: BTreeMap<String, Edit>,
    /// The commit's message.
    pub message: String,
}

/// Adds a patch set, and moves the source branch along when there is one.
pub async fn amend(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    actor: &Actor,
    amendment: Amendment,
) -> Result<(), Refusal> {
    let lock = server.repository_locks.of(repository);
    let _held = lock.lock().await;
    let known = crate::http::pull_requests::known(server, repository, number)?;
    let head = known.current().head.clone();
    if known.state != PullRequestState::Open {
        return Err(Refusal::new("not-ready", &Obstacle::NotOpen(number)));
    }
    if head != amendment.expecting {
        return Err(Refusal::new("moved-on", &Obstacle::NewerPatchSet { number, head: &head }));
    }
    if let Some(source) = &known.source {
        may_move(server, repository, source).await?;
    }
    let signature = signature(actor, server.clock.now());
    let request = CommitRequest {
        base: Some(known.current().head_tree.clone()),
        edits: amendment.edits,
        parents: vec![head.clone()],
        message: amendment.message,
        author: signature.clone(),
        committer: signature,
    };
    let store = server.repository(repository)?;
    let write = move || -> anyhow::Result<(CommitId, TreeId)> {
        let commit = store.write_commit(&request)?;
        let tree = store.tree_of(&commit)?;
        Ok((commit, tree))
    };
    let written = tokio::task::spawn_blocking(write).await.context("the commit was interrupted")?;
    let (new, tree) = written?;
    let (patch_sets, drafts) = patch_sets(server, repository, &known, &new, &tree, actor)?;
    let moves = known.source.into_iter().map(|reference| Move {
        reference,
        old: Some(head.clone()),
        new: Some(new.clone()),
        forced: false,
        by: RefMoveCause::PatchSet { number },
    });
    changes::move_refs(server, repository, actor, moves.collect(), patch_sets, drafts).await?;
    Ok(())
}

/// A protected branch is changed by pull requests into it, not by those from it.
async fn may_move(
    server: &Arc<Server>,
    repository: &RepositoryName,
    source: &RefName,
) -> Result<(), Refusal> {
    let configured = server.configurations.of_default_branch(server, repository).await?;
    let default_branch = crate::tasks::close_loop::default_branch(server, repository)?;
    if configured.is_some_and(|one| one.policy.protects(source, &default_branch)) {
        return Err(Refusal::new("push-refused", &Obstacle::ProtectedSource(source)));
    }
    Ok(())
}

/// One branch may be the source of several pull requests; each gets the patch set, as after a push.
fn patch_sets(
    server: &Server,
    repository: &RepositoryName,
    known: &PullRequest,
    head: &CommitId,
    tree: &TreeId,
    actor: &Actor,
) -> Result<(Vec<RefChange>, Vec<Draft>), Refusal> {
    let mut followers: Vec<PullRequest> = {
        let views = server.recorder.views();
        let all = views.repositories.repository(repository).zip(known.source.as_ref());
        all.into_iter().flat_map(|(all, source)| all.open_from_source(source).cloned()).collect()
    };
    if followers.is_empty() {
        followers.push(known.clone());
    }
    let store = server.repository(repository)?;
    let (mut changes, mut drafts) = (Vec::new(), Vec::new());
    for one in followers {
        let tip = store.resolve(&one.target).map_err(anyhow::Error::from)?;
        let tip = tip.ok_or_else(|| Refusal::not_found(&Missing::Branch(&one.target)))?;
        let base = store.merge_base(&tip, head).map_err(anyhow::Error::from)?;
        let (number, patch_set) = (one.number, one.current().number + 1);
        let fact = RepositoryFact::PatchSetAdded {
            repository: repository.clone(),
            number,
            patch_set,
            head: head.clone(),
            head_tree: tree.clone(),
            base: base.unwrap_or_else(|| one.current().base.clone()),
        };
        let subject = Subject::pull_request(repository, number);
        drafts.push(Draft::new(server.clock.now(), actor.clone(), subject, &fact));
        changes.push(patch_set_change(&store, number, patch_set, head)?);
    }
    Ok((changes, drafts))
}
