//! How each fact changes the view.

use std::collections::BTreeMap;

use ledger::{Fact, PullRequestNumber, RepositoryName};

use crate::facts::RepositoryFact;
use crate::people;
use crate::secrets;
use crate::view::{
    Check, Comment, PatchSet, PullRequest, PullRequestState, Queued, RefIntent, RefState,
    RepositoriesView, Repository, Review, Token,
};

/// Takes one fact. A fact about a repository or pull request that no fact made changes nothing.
pub(crate) fn apply(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) {
    // Each function takes its own fact apart, or does nothing: it gives `None` to stop early.
    let done = match &body {
        RepositoryFact::RepositoryCreated { .. } => created(view, fact, body),
        RepositoryFact::RefMoveIntended { .. } => intended(view, fact, body),
        RepositoryFact::RefMoved { .. } => moved(view, fact, body),
        RepositoryFact::RefMoveAbandoned { .. } => abandoned(view, body),
        RepositoryFact::PullRequestOpened { .. } => opened(view, fact, body),
        RepositoryFact::PatchSetAdded { .. } => patch_set_added(view, fact, body),
        RepositoryFact::PullRequestEdited { .. } => edited(view, fact, body),
        RepositoryFact::PullRequestMerged { .. } => merged(view, fact, body),
        RepositoryFact::PullRequestClosed { .. } => closed(view, fact, body),
        RepositoryFact::Reviewed { .. } => reviewed(view, fact, body),
        RepositoryFact::Commented { .. } => commented(view, fact, body),
        RepositoryFact::CheckReported { .. } => check_reported(view, fact, body),
        RepositoryFact::TokenCreated { .. } => token_created(view, fact, body),
        RepositoryFact::TokenRevoked { .. } => token_revoked(view, fact, body),
        RepositoryFact::MergeQueued { .. } => queued(view, fact, body),
        RepositoryFact::MergeUnqueued { .. } => unqueued(view, fact, body),
        RepositoryFact::PersonInvited { .. }
        | RepositoryFact::PasswordChosen { .. }
        | RepositoryFact::PasskeyAdded { .. }
        | RepositoryFact::PasskeyRemoved { .. }
        | RepositoryFact::SignedIn { .. }
        | RepositoryFact::SignInRefused { .. }
        | RepositoryFact::PersonRemoved { .. } => people::fold(view, fact, body),
        RepositoryFact::SecretSet { .. } | RepositoryFact::SecretRemoved { .. } => {
            secrets::fold(view, fact, &body)
        }
        // These are history; nothing is now different.
        RepositoryFact::PushRefused { .. } | RepositoryFact::AccessDenied { .. } => Some(()),
    };
    // A fact about what is not there is kept in the ledger and changes nothing here.
    done.unwrap_or_default();
}

fn created(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::RepositoryCreated { repository, storage, default_branch, visibility } =
        body
    else {
        return None;
    };
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
    Some(())
}

fn intended(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::RefMoveIntended { repository, reference, old, new, by, along } = body
    else {
        return None;
    };
    let repository = view.repositories.get_mut(&repository)?;
    let (actor, fact) = (fact.actor.clone(), fact.sequence);
    repository.intents.insert(reference, RefIntent { old, new, cause: by, along, actor, fact });
    Some(())
}

fn moved(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::RefMoved { repository, reference, new, by, .. } = body else { return None };
    let repository = view.repositories.get_mut(&repository)?;
    repository.intents.remove(&reference);
    let Some(commit) = new else {
        repository.refs.remove(&reference);
        return Some(());
    };
    let (moved_at, moved_by) = (fact.at, fact.actor.clone());
    let state = RefState { commit, moved_at, moved_by, cause: by, fact: fact.sequence };
    repository.refs.insert(reference, state);
    Some(())
}

fn abandoned(view: &mut RepositoriesView, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::RefMoveAbandoned { repository, reference, .. } = body else { return None };
    view.repositories.get_mut(&repository)?.intents.remove(&reference);
    Some(())
}

fn opened(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
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
        return None;
    };
    let repository = view.repositories.get_mut(&repository)?;
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
        queued: None,
        opened_at: fact.at,
        updated_at: fact.at,
        fact: fact.sequence,
    };
    repository.pull_requests.entry(number).or_insert(fresh);
    Some(())
}

fn patch_set_added(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::PatchSetAdded { repository, number, patch_set, head, head_tree, base } =
        body
    else {
        return None;
    };
    let one = find(view, fact, &repository, number)?;
    let (pushed_by, pushed_at) = (fact.actor.clone(), fact.at);
    let set = PatchSet { number: patch_set, head, head_tree, base, pushed_by, pushed_at };
    one.patch_sets.push(set);
    Some(())
}

fn edited(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::PullRequestEdited { repository, number, title, description, draft } = body
    else {
        return None;
    };
    let one = find(view, fact, &repository, number)?;
    one.title = title.unwrap_or_else(|| one.title.clone());
    one.description = description.unwrap_or_else(|| one.description.clone());
    one.draft = draft.unwrap_or(one.draft);
    Some(())
}

fn merged(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::PullRequestMerged { repository, number, merge_commit, method, .. } = body
    else {
        return None;
    };
    let one = find(view, fact, &repository, number)?;
    let (by, at) = (fact.actor.clone(), fact.at);
    one.state = PullRequestState::Merged { merge_commit, method, by, at };
    Some(())
}

fn closed(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::PullRequestClosed { repository, number } = body else { return None };
    let one = find(view, fact, &repository, number)?;
    one.state = PullRequestState::Closed { by: fact.actor.clone(), at: fact.at };
    Some(())
}

fn queued(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::MergeQueued { repository, number, head, method } = body else {
        return None;
    };
    let one = find(view, fact, &repository, number)?;
    one.queued = Some(Queued { by: fact.actor.clone(), at: fact.at, head, method });
    Some(())
}

fn unqueued(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::MergeUnqueued { repository, number } = body else { return None };
    find(view, fact, &repository, number)?.queued = None;
    Some(())
}

fn reviewed(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::Reviewed {
        repository,
        number,
        patch_set,
        verdict,
        head_tree,
        base,
        target,
        body,
    } = body
    else {
        return None;
    };
    let one = find(view, fact, &repository, number)?;
    let (by, at, fact) = (fact.actor.clone(), fact.at, fact.sequence);
    one.reviews.push(Review { by, at, patch_set, verdict, head_tree, base, target, body, fact });
    Some(())
}

fn commented(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::Commented { repository, number, patch_set, place, body } = body else {
        return None;
    };
    let one = find(view, fact, &repository, number)?;
    let (by, at, fact) = (fact.actor.clone(), fact.at, fact.sequence);
    one.comments.push(Comment { by, at, patch_set, place, body, fact });
    Some(())
}

fn check_reported(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::CheckReported { repository, commit, name, state, run, summary } = body
    else {
        return None;
    };
    let repository = view.repositories.get_mut(&repository)?;
    let (at, by, fact) = (fact.at, fact.actor.clone(), fact.sequence);
    let checks = repository.checks.entry(commit).or_default();
    checks.insert(name, Check { state, run, summary, at, by, fact });
    Some(())
}

fn token_created(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::TokenCreated {
        id,
        name,
        actor_kind,
        role,
        scope,
        secret_sha256,
        expires_at,
    } = body
    else {
        return None;
    };
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
        session: false,
    };
    view.tokens.entry(id).or_insert(token);
    Some(())
}

fn token_revoked(view: &mut RepositoriesView, fact: &Fact, body: RepositoryFact) -> Option<()> {
    let RepositoryFact::TokenRevoked { id } = body else { return None };
    view.tokens.get_mut(&id)?.revoked_at.get_or_insert(fact.at);
    Some(())
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
