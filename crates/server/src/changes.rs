//! The one door through which refs move: people's pushes and merges, promotions and reverts alike.
//!
//! The database holds the intent, the ref's compare-and-swap is the commit point, and the fact that
//! it moved follows. What a kill leaves between them is put right by [`recover`].

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use git_store::{CommitRequest, Edit, RefChange, RefUpdateError, Repository, Signature};
use ledger::{
    Actor, ActorKind, CommitId, Draft, Fact, RefName, RepositoryName, Subject, Timestamp,
};
use repositories::facts::{FollowingFact, RefMoveCause, RepositoryFact};

use crate::http::problem::Refusal;
use crate::state::Server;

/// A ref that shall move.
#[derive(Debug, Clone)]
pub struct Move {
    /// Which.
    pub reference: RefName,
    /// Where it must be now.
    pub old: Option<CommitId>,
    /// Where it shall be; `None` deletes it.
    pub new: Option<CommitId>,
    /// True when the old tip is not an ancestor of the new one.
    pub forced: bool,
    /// Why.
    pub by: RefMoveCause,
}

/// Files that shall change on a branch.
pub struct BranchEdit {
    /// The branch.
    pub branch: RefName,
    /// Its tip that the edit is based on.
    pub expecting: CommitId,
    /// The files.
    pub edits: BTreeMap<String, Edit>,
    /// The commit's message.
    pub message: String,
    /// Why the branch moves.
    pub by: RefMoveCause,
}

/// Moves refs in one transaction: all or none. The caller holds the repository's lock.
///
/// `unrecorded` refs (patch sets) move along without facts of their own; `along` is appended
/// together with the facts that the refs moved.
pub async fn move_refs(
    server: &Arc<Server>,
    repository: &RepositoryName,
    actor: &Actor,
    moves: Vec<Move>,
    unrecorded: Vec<RefChange>,
    along: Vec<Draft>,
) -> Result<Vec<Fact>, Refusal> {
    let now = server.clock.now();
    let mut following: Vec<FollowingFact> = along.iter().map(FollowingFact::of).collect();
    let intents: Vec<Draft> = moves
        .iter()
        .map(|one| {
            let fact = RepositoryFact::RefMoveIntended {
                repository: repository.clone(),
                reference: one.reference.clone(),
                old: one.old.clone(),
                new: one.new.clone(),
                by: one.by.clone(),
                // All refs move or none: the first intent keeps what follows for all of them.
                along: std::mem::take(&mut following),
            };
            Draft::new(now, actor.clone(), Subject::reference(repository, &one.reference), &fact)
        })
        .collect();
    let store = server.repository(repository)?;
    let mut changes: Vec<RefChange> = moves
        .iter()
        .map(|one| RefChange::of_commits(one.reference.clone(), one.old.as_ref(), one.new.as_ref()))
        .collect();
    changes.extend(unrecorded);
    if !intents.is_empty() {
        server.append(intents).await?;
    }
    let updated = tokio::task::spawn_blocking(move || store.update_refs(&changes)).await;
    let updated = updated.context("moving the refs was interrupted")?;
    let now = server.clock.now();
    if let Err(error) = updated {
        let abandoned = moves.iter().map(|one| abandoned(repository, actor, one, now)).collect();
        server.append(abandoned).await?;
        return Err(match &error {
            RefUpdateError::Race { .. } => Refusal::new("moved-on", &error),
            RefUpdateError::NameTaken { .. } => Refusal::new("invalid-name", &error),
            RefUpdateError::Store(_) => Refusal::from(anyhow::Error::from(error)),
        });
    }
    let mut drafts: Vec<Draft> =
        moves.iter().map(|one| moved(repository, actor, one, now)).collect();
    drafts.extend(along);
    server.append(drafts).await
}

/// Writes a commit on a branch, unless the branch has moved. The caller holds the lock.
pub async fn edit_branch(
    server: &Arc<Server>,
    repository: &RepositoryName,
    actor: &Actor,
    edit: BranchEdit,
    along: impl FnOnce(&CommitId) -> Vec<Draft>,
) -> Result<CommitId, Refusal> {
    let store = server.repository(repository)?;
    let signature = signature(actor, server.clock.now());
    let BranchEdit { branch, expecting, edits, message, by } = edit;
    let parent = expecting.clone();
    let write = move || write(&store, &parent, edits, message, signature);
    let commit =
        tokio::task::spawn_blocking(write).await.context("the commit was interrupted")??;
    let along = along(&commit);
    let one = Move {
        reference: branch,
        old: Some(expecting),
        new: Some(commit.clone()),
        forced: false,
        by,
    };
    move_refs(server, repository, actor, vec![one], Vec::new(), along).await?;
    Ok(commit)
}

/// Settles the moves that a kill interrupted: a ref that did move is recorded with all that follows
/// from it, the rest is abandoned.
pub async fn recover(server: &Arc<Server>) -> anyhow::Result<()> {
    let pending: Vec<_> = {
        let views = server.recorder.views();
        let repositories = views.repositories.repositories.iter();
        repositories
            .flat_map(|(name, one)| {
                one.intents
                    .iter()
                    .map(|(reference, intent)| (name.clone(), reference.clone(), intent.clone()))
            })
            .collect()
    };
    for (repository, reference, intent) in pending {
        let store = server.repository(&repository)?;
        let actual = store.resolve(&reference)?;
        let has_moved = actual == intent.new;
        let forced = match (&intent.old, &intent.new) {
            (Some(old), Some(new)) if has_moved => {
                store.merge_base(old, new)?.as_ref() != Some(old)
            }
            _ => false,
        };
        let one = Move { reference, old: intent.old, new: intent.new, forced, by: intent.cause };
        let now = server.clock.now();
        let settle = if has_moved { moved } else { abandoned };
        let settled = settle(&repository, &intent.actor, &one, now);
        let mut drafts = vec![settled.because("found-after-restart").caused_by([intent.fact])];
        if has_moved {
            drafts.extend(intent.along.iter().map(|following| following.draft(now)));
        }
        server.recorder.append(drafts).await?;
    }
    Ok(())
}

/// Name and address of an actor in commits; addresses are of this machine only.
#[must_use]
pub fn signature(actor: &Actor, at: Timestamp) -> Signature {
    let name = match actor.kind {
        ActorKind::System => "Boucle".into(),
        ActorKind::Person | ActorKind::Machine | ActorKind::Anonymous => actor.name.clone(),
    };
    let mailbox = match actor.kind {
        ActorKind::System => "boucle",
        ActorKind::Person | ActorKind::Machine | ActorKind::Anonymous => actor.name.as_str(),
    };
    Signature { name, email: format!("{mailbox}@localhost"), at }
}

fn write(
    store: &Repository,
    parent: &CommitId,
    edits: BTreeMap<String, Edit>,
    message: String,
    signature: Signature,
) -> anyhow::Result<CommitId> {
    let request = CommitRequest {
        base: Some(store.tree_of(parent)?),
        edits,
        parents: vec![parent.clone()],
        message,
        author: signature.clone(),
        committer: signature,
    };
    Ok(store.write_commit(&request)?)
}

fn moved(repository: &RepositoryName, actor: &Actor, one: &Move, at: Timestamp) -> Draft {
    let fact = RepositoryFact::RefMoved {
        repository: repository.clone(),
        reference: one.reference.clone(),
        old: one.old.clone(),
        new: one.new.clone(),
        forced: one.forced,
        by: one.by.clone(),
    };
    Draft::new(at, actor.clone(), Subject::reference(repository, &one.reference), &fact)
}

fn abandoned(repository: &RepositoryName, actor: &Actor, one: &Move, at: Timestamp) -> Draft {
    let fact = RepositoryFact::RefMoveAbandoned {
        repository: repository.clone(),
        reference: one.reference.clone(),
        new: one.new.clone(),
        code: "ref-not-moved".into(),
    };
    Draft::new(at, actor.clone(), Subject::reference(repository, &one.reference), &fact)
}
