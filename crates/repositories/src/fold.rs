//! How each fact changes the view.

use std::collections::BTreeMap;

use ledger::{Fact, PullRequestNumber, RepositoryName};

use crate::facts::RepositoryFact;
use crate::view::{
    Check, Comment, PatchSet, PullRequest, PullRequestState, RefIntent, RefState, RepositoriesView,
    Repository, Review, Token,
};

/// Takes one fact. A fact about a repository or pull request that no fact made changes nothing.
pub(crate) fn apply(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) {
    match body {
        RepositoryFact::RepositoryCreated { repository, storage, default_branch, visibility } => {
            let fresh = Repository {
                storage,
                default_branch,
                visibility,
                created_at: fact.at,
                refs: BTreeMap::new(),
                intents: BTreeMap::new(),
                pull_requests: BTreeMap::new(),
                checks: BTreeMap::new(),
            };
            view.repositories.entry(repository).or_insert(fresh);
        }
        body @ (RepositoryFact::RefMoveIntended { .. }
        | RepositoryFact::RefMoved { .. }
        | RepositoryFact::RefMoveAbandoned { .. }) => apply_to_refs(view, fact, body),
        body @ (RepositoryFact::PullRequestOpened { .. }
        | RepositoryFact::PatchSetAdded { .. }
        | RepositoryFact::PullRequestEdited { .. }
        | RepositoryFact::PullRequestMerged { .. }
        | RepositoryFact::PullRequestClosed { .. }) => apply_to_pull_request(view, fact, body),
        body @ (RepositoryFact::Reviewed { .. } | RepositoryFact::Commented { .. }) => {
            apply_opinion(view, fact, body);
        }
        RepositoryFact::CheckReported { repository, commit, name, state, run, summary } => {
            let Some(repository) = view.repositories.get_mut(&repository) else { return };
            let (at, by) = (fact.at, fact.actor.clone());
            let check = Check { state, run, summary, at, by, fact: fact.sequence };
            repository.checks.entry(commit).or_default().insert(name, check);
        }
        body @ (RepositoryFact::TokenCreated { .. } | RepositoryFact::TokenRevoked { .. }) => {
            apply_to_tokens(view, fact, body);
        }
        // These are history; nothing is now different.
        RepositoryFact::PushRefused { .. } | RepositoryFact::AccessDenied { .. } => {}
    }
}

fn apply_to_refs(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) {
    match body {
        RepositoryFact::RefMoveIntended { repository, reference, old, new, by } => {
            let Some(repository) = view.repositories.get_mut(&repository) else { return };
            let actor = fact.actor.clone();
            let intent = RefIntent { old, new, cause: by, actor, fact: fact.sequence };
            repository.intents.insert(reference, intent);
        }
        RepositoryFact::RefMoved { repository, reference, new, by, .. } => {
            let Some(repository) = view.repositories.get_mut(&repository) else { return };
            repository.intents.remove(&reference);
            let Some(commit) = new else {
                repository.refs.remove(&reference);
                return;
            };
            let (moved_at, moved_by) = (fact.at, fact.actor.clone());
            let state = RefState { commit, moved_at, moved_by, cause: by, fact: fact.sequence };
            repository.refs.insert(reference, state);
        }
        RepositoryFact::RefMoveAbandoned { repository, reference, .. } => {
            let Some(repository) = view.repositories.get_mut(&repository) else { return };
            repository.intents.remove(&reference);
        }
        other => unreachable_here(&other),
    }
}

fn apply_to_pull_request(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) {
    let by = fact.actor.clone();
    match body {
        opened @ RepositoryFact::PullRequestOpened { .. } => open(view, fact, opened),
        RepositoryFact::PatchSetAdded { repository, number, patch_set, head, head_tree, base } => {
            let Some(one) = find(view, fact, &repository, number) else { return };
            let (pushed_by, pushed_at) = (by, fact.at);
            let set = PatchSet { number: patch_set, head, head_tree, base, pushed_by, pushed_at };
            one.patch_sets.push(set);
        }
        RepositoryFact::PullRequestEdited { repository, number, title, description, draft } => {
            let Some(one) = find(view, fact, &repository, number) else { return };
            one.title = title.unwrap_or_else(|| one.title.clone());
            one.description = description.unwrap_or_else(|| one.description.clone());
            one.draft = draft.unwrap_or(one.draft);
        }
        RepositoryFact::PullRequestMerged { repository, number, merge_commit, method, .. } => {
            let Some(one) = find(view, fact, &repository, number) else { return };
            one.state = PullRequestState::Merged { merge_commit, method, by, at: fact.at };
        }
        RepositoryFact::PullRequestClosed { repository, number } => {
            let Some(one) = find(view, fact, &repository, number) else { return };
            one.state = PullRequestState::Closed { by, at: fact.at };
        }
        other => unreachable_here(&other),
    }
}

fn open(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) {
    let RepositoryFact::PullRequestOpened {
        repository,
        number,
        title,
        description,
        target,
        topic,
        source,
        head,
        head_tree,
        base,
        draft,
    } = body
    else {
        return unreachable_here(&body);
    };
    let Some(repository) = view.repositories.get_mut(&repository) else { return };
    let (pushed_by, pushed_at) = (fact.actor.clone(), fact.at);
    let first = PatchSet { number: 1, head, head_tree, base, pushed_by, pushed_at };
    let fresh = PullRequest {
        number,
        title,
        description,
        author: fact.actor.clone(),
        target,
        topic,
        source,
        draft,
        state: PullRequestState::Open,
        patch_sets: vec![first],
        reviews: Vec::new(),
        comments: Vec::new(),
        opened_at: fact.at,
        updated_at: fact.at,
        fact: fact.sequence,
    };
    repository.pull_requests.entry(number).or_insert(fresh);
}

fn apply_opinion(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) {
    let (by, at) = (fact.actor.clone(), fact.at);
    match body {
        RepositoryFact::Reviewed {
            repository,
            number,
            patch_set,
            verdict,
            head_tree,
            base,
            target,
            body,
        } => {
            let Some(one) = find(view, fact, &repository, number) else { return };
            let fact = fact.sequence;
            let review = Review { by, at, patch_set, verdict, head_tree, base, target, body, fact };
            one.reviews.push(review);
        }
        RepositoryFact::Commented { repository, number, patch_set, place, body } => {
            let Some(one) = find(view, fact, &repository, number) else { return };
            one.comments.push(Comment { by, at, patch_set, place, body, fact: fact.sequence });
        }
        other => unreachable_here(&other),
    }
}

fn apply_to_tokens(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) {
    match body {
        RepositoryFact::TokenCreated {
            id,
            name,
            actor_kind,
            role,
            scope,
            secret_sha256,
            expires_at,
        } => {
            let token = Token {
                name,
                actor_kind,
                role,
                scope,
                secret_sha256,
                created_at: fact.at,
                created_by: fact.actor.clone(),
                expires_at,
                revoked_at: None,
            };
            view.tokens.entry(id).or_insert(token);
        }
        RepositoryFact::TokenRevoked { id } => {
            let Some(token) = view.tokens.get_mut(&id) else { return };
            token.revoked_at.get_or_insert(fact.at);
        }
        other => unreachable_here(&other),
    }
}

/// The pull request, marked as changed by `fact`.
fn find<'view>(
    view: &'view mut RepositoriesView,
    fact: &Fact,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> Option<&'view mut PullRequest> {
    let repository = view.repositories.get_mut(repository)?;
    let one = repository.pull_requests.get_mut(&number)?;
    one.updated_at = fact.at;
    one.fact = fact.sequence;
    Some(one)
}

/// `apply` hands each group only its own facts.
fn unreachable_here(body: &RepositoryFact) {
    debug_assert!(false, "a fact was folded in the wrong group: {body:?}");
}
