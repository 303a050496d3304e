//! Pull requests over HTTP.

use std::sync::Arc;

use anyhow::Context;
use api::page::{Page, PageQuery};
use api::pull_requests as wire;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ledger::{CommitId, Draft, PullRequestNumber, RepositoryName, Subject};
use repositories::access::{Permission, Permit};
use repositories::facts::{CommentPlace, RepositoryFact, Side, Verdict};
use repositories::policy::MergeMethod;
use repositories::pull_request::Readiness;
use repositories::view::{PullRequest, PullRequestState};

use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::repositories::branch;
use crate::http::{checks, identity, names, page, previews, repository_name};
use crate::pull_requests::{self, MergeChoice, Proposal};
use crate::state::Server;
use crate::words::{Malformed, Missing, Obstacle};

/// A pull request's address.
type Address = (String, String, u64);

/// Opens a pull request from a branch that was pushed.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/pull-requests", tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path)),
    request_body = wire::OpenPullRequest, responses((status = 200, body = wire::PullRequest)))]
pub async fn open(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Checked(body): Checked<wire::OpenPullRequest>,
) -> Answer<wire::PullRequest> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ProposeChange;
    let permit = identity::permit_repository(&server, &headers, permission, &repository).await?;
    let source = branch(&body.head)?;
    let target = match &body.base {
        Some(base) => branch(base)?,
        None => {
            let views = server.recorder.views();
            let known = views.repositories.repository(&repository);
            known.map(|known| known.default_branch.clone()).context("the repository is gone")?
        }
    };
    let store = server.repository(&repository)?;
    let head = store.resolve(&source).map_err(anyhow::Error::from)?;
    let head = head.ok_or_else(|| Refusal::not_found(&Missing::Branch(&body.head)))?;
    let title = match body.title {
        Some(title) => title,
        None => store.commit(&head).map_err(anyhow::Error::from)?.title,
    };
    let proposal =
        Proposal { target, head, source: Some(source), title, description: body.description };
    let opened =
        pull_requests::open(&server, &repository, permit.actor(), proposal, |_| Vec::new()).await?;
    one(&server, &repository, opened).await
}

/// Pull requests, newest first.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/pull-requests", tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<wire::PullRequest>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<wire::PullRequest>> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let numbers: Vec<PullRequestNumber> = {
        let views = server.recorder.views();
        let known = views.repositories.repository(&repository);
        known.map(|known| known.pull_requests.keys().rev().copied().collect()).unwrap_or_default()
    };
    let numbers = page::cut(numbers, &query)?;
    let mut items = Vec::new();
    for number in numbers.items {
        items.push(on_wire(&server, &repository, number).await?);
    }
    Ok(Json(Page { items, next_cursor: numbers.next_cursor }))
}

/// One pull request, with why it cannot be merged yet.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/pull-requests/{number}",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    responses((status = 200, body = wire::PullRequest)))]
pub async fn show(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(address): Path<Address>,
) -> Answer<wire::PullRequest> {
    let (repository, number, _) =
        permit(&server, &headers, address, Permission::ReadRepository).await?;
    one(&server, &repository, number).await
}

/// Reviews the newest patch set.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/pull-requests/{number}/reviews",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    request_body = wire::SubmitReview, responses((status = 200, body = wire::Review)))]
pub async fn review(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(address): Path<Address>,
    Checked(body): Checked<wire::SubmitReview>,
) -> Answer<wire::Review> {
    let (repository, number, permit) =
        permit(&server, &headers, address, Permission::Review).await?;
    let known = known(&server, &repository, number)?;
    let current = known.current().clone();
    let store = server.repository(&repository)?;
    let tip = store.resolve(&known.target).map_err(anyhow::Error::from)?;
    let tip = tip.ok_or_else(|| Refusal::not_found(&Missing::Branch(&known.target)))?;
    let base = store.merge_base(&tip, &current.head).map_err(anyhow::Error::from)?;
    let fact = RepositoryFact::Reviewed {
        repository: repository.clone(),
        number,
        patch_set: current.number,
        verdict: match body.verdict {
            wire::ReviewVerdict::Approve => Verdict::Approve,
            wire::ReviewVerdict::RequestChanges => Verdict::RequestChanges,
            wire::ReviewVerdict::Comment => Verdict::Comment,
        },
        head_tree: current.head_tree,
        base: base.unwrap_or(current.base),
        target: known.target,
        body: body.body,
    };
    let subject = Subject::pull_request(&repository, number);
    let draft = Draft::new(server.clock.now(), permit.actor().clone(), subject, &fact);
    server.append(vec![draft]).await?;
    let wire = on_wire(&server, &repository, number).await?;
    let review = wire.reviews.into_iter().next_back();
    Ok(Json(review.context("the review was recorded and is not there")?))
}

/// Comments on a line of the newest patch set.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/pull-requests/{number}/comments",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    request_body = wire::SubmitComment, responses((status = 200, body = wire::Comment)))]
pub async fn comment(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(address): Path<Address>,
    Checked(body): Checked<wire::SubmitComment>,
) -> Answer<wire::Comment> {
    let (repository, number, permit) =
        permit(&server, &headers, address, Permission::Comment).await?;
    let known = known(&server, &repository, number)?;
    let place = place(body.path, body.line, body.side)?;
    if body.body.trim().is_empty() {
        return Err(Refusal::new("invalid-request", &Malformed::EmptyComment));
    }
    let fact = RepositoryFact::Commented {
        repository: repository.clone(),
        number,
        patch_set: known.current().number,
        place,
        body: body.body,
    };
    let subject = Subject::pull_request(&repository, number);
    let draft = Draft::new(server.clock.now(), permit.actor().clone(), subject, &fact);
    server.append(vec![draft]).await?;
    let wire = on_wire(&server, &repository, number).await?;
    let comment = wire.comments.into_iter().next_back();
    Ok(Json(comment.context("the comment was recorded and is not there")?))
}

fn place(
    path: Option<String>,
    line: Option<u64>,
    side: wire::Side,
) -> Result<Option<CommentPlace>, Refusal> {
    let (path, line) = match (path.filter(|path| !path.is_empty()), line) {
        (None, None) => return Ok(None),
        (Some(path), Some(line)) => (path, line),
        (Some(_), None) | (None, Some(_)) => {
            return Err(Refusal::new("invalid-request", &Malformed::PathWithoutLine));
        }
    };
    let line = u32::try_from(line).ok().filter(|line| *line > 0);
    let line = line.ok_or_else(|| Refusal::new("invalid-request", &Malformed::LineZero))?;
    let side = match side {
        wire::Side::Old => Side::Old,
        wire::Side::New => Side::New,
    };
    Ok(Some(CommentPlace { path, line, side }))
}

/// Merges; refused with every missing thing when a gate is not passed, or kept as a wish.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/pull-requests/{number}/merge",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    request_body = wire::Merge, responses((status = 200, body = wire::PullRequest)))]
pub async fn merge(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(address): Path<Address>,
    Checked(body): Checked<wire::Merge>,
) -> Answer<wire::PullRequest> {
    let (repository, number, permit) =
        permit(&server, &headers, address, Permission::Merge).await?;
    let choice = MergeChoice {
        method: body.method.map(|method| match method {
            wire::MergeMethod::Merge => MergeMethod::Merge,
            wire::MergeMethod::Squash => MergeMethod::Squash,
            wire::MergeMethod::Rebase => MergeMethod::Rebase,
        }),
        expected_head: body.expected_head.as_deref().map(names::parse::<CommitId>).transpose()?,
    };
    let actor = permit.actor();
    if body.when_ready {
        queue(&server, &repository, number, choice, actor).await?;
    } else {
        pull_requests::merge(&server, &repository, number, choice, actor, |_| Vec::new()).await?;
    }
    one(&server, &repository, number).await
}

/// Keeps the wish to merge; the reconciler carries it out, at once when nothing is missing.
async fn queue(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    choice: MergeChoice,
    actor: &ledger::Actor,
) -> Result<(), Refusal> {
    let known = known(server, repository, number)?;
    let head = known.current().head.clone();
    if known.state != PullRequestState::Open {
        return Err(Refusal::new("not-ready", &Obstacle::NotOpen(number)));
    }
    if choice.expected_head.is_some_and(|expected| expected != head) {
        let detail = Obstacle::NewerPatchSet { number, head: &head };
        return Err(Refusal::new("moved-on", &detail));
    }
    let (repository, method) = (repository.clone(), choice.method);
    let subject = Subject::pull_request(&repository, number);
    let fact = RepositoryFact::MergeQueued { repository, number, head, method };
    server.append(vec![Draft::new(server.clock.now(), actor.clone(), subject, &fact)]).await?;
    Ok(())
}

/// Takes back the wish to merge as soon as it can be.
#[utoipa::path(delete, path = "/repositories/{owner}/{name}/pull-requests/{number}/merge",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    responses((status = 200, body = wire::PullRequest)))]
pub async fn unqueue(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(address): Path<Address>,
) -> Answer<wire::PullRequest> {
    let (repository, number, permit) =
        permit(&server, &headers, address, Permission::Merge).await?;
    if known(&server, &repository, number)?.queued.is_none() {
        return Err(Refusal::new("not-ready", &Obstacle::NotQueued(number)));
    }
    let fact = RepositoryFact::MergeUnqueued { repository: repository.clone(), number };
    let subject = Subject::pull_request(&repository, number);
    let draft = Draft::new(server.clock.now(), permit.actor().clone(), subject, &fact);
    server.append(vec![draft]).await?;
    one(&server, &repository, number).await
}

/// Closes without merging.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/pull-requests/{number}/close",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    responses((status = 200, body = wire::PullRequest)))]
pub async fn close(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(address): Path<Address>,
) -> Answer<wire::PullRequest> {
    let (repository, number, permit) =
        permit(&server, &headers, address, Permission::ProposeChange).await?;
    if known(&server, &repository, number)?.state != PullRequestState::Open {
        return Err(Refusal::new("not-ready", &Obstacle::NotOpen(number)));
    }
    pull_requests::close(&server, &repository, number, permit.actor(), "").await?;
    one(&server, &repository, number).await
}

async fn permit(
    server: &Server,
    headers: &HeaderMap,
    (owner, name, number): Address,
    permission: Permission,
) -> Result<(RepositoryName, PullRequestNumber, Permit), Refusal> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permit = identity::permit_repository(server, headers, permission, &repository).await?;
    Ok((repository, PullRequestNumber(number), permit))
}

/// The pull request, or that there is none.
pub fn known(
    server: &Server,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> Result<PullRequest, Refusal> {
    let views = server.recorder.views();
    let known = views.repositories.pull_request(repository, number).cloned();
    known.ok_or_else(|| Refusal::not_found(&Missing::PullRequest(&number)))
}

/// The pull request as the interface shows it.
pub async fn one(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> Answer<wire::PullRequest> {
    Ok(Json(on_wire(server, repository, number).await?))
}

async fn on_wire(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> Result<wire::PullRequest, Refusal> {
    let known = known(server, repository, number)?;
    let readiness = match &known.state {
        PullRequestState::Open => {
            match pull_requests::readiness(server, repository, number, None).await? {
                Readiness::Ready(_) => wire::Readiness { ready: true, waiting_on: Vec::new() },
                Readiness::Waiting { on } => {
                    wire::Readiness { ready: false, waiting_on: pull_requests::reasons(&on) }
                }
            }
        }
        PullRequestState::Merged { .. } | PullRequestState::Closed { .. } => {
            wire::Readiness { ready: false, waiting_on: Vec::new() }
        }
    };
    let current = known.current().clone();
    let (state, merge_commit) = match &known.state {
        PullRequestState::Open => ("open", None),
        PullRequestState::Merged { merge_commit, .. } => ("merged", Some(merge_commit.to_string())),
        PullRequestState::Closed { .. } => ("closed", None),
    };
    Ok(wire::PullRequest {
        repository: repository.to_string(),
        number: number.0,
        title: known.title.clone(),
        description: known.description.clone(),
        author: known.author.to_string(),
        state: state.into(),
        base: known.target.branch().unwrap_or_default().to_owned(),
        source: known.source.as_ref().and_then(|source| source.branch()).map(str::to_owned),
        head: current.head.to_string(),
        patch_set: u64::from(current.number),
        merge_commit,
        opened_at: known.opened_at.to_string(),
        reviews: known.reviews.iter().map(|review| review_on_wire(&known, review)).collect(),
        comments: known.comments.iter().map(comment_on_wire).collect(),
        patch_sets: known.patch_sets.iter().map(patch_set_on_wire).collect(),
        queued: known.queued.as_ref().map(queued_on_wire),
        checks: checks::of(server, repository, &known).await?,
        previews: previews::made_of(server, repository, number),
        left_out: previews::left_out(server, repository, number).await?,
        readiness,
    })
}

fn patch_set_on_wire(one: &repositories::view::PatchSet) -> wire::PatchSet {
    wire::PatchSet {
        number: u64::from(one.number),
        head: one.head.to_string(),
        base: one.base.to_string(),
        at: one.pushed_at.to_string(),
    }
}

fn queued_on_wire(queued: &repositories::view::Queued) -> wire::Queued {
    wire::Queued {
        by: queued.by.to_string(),
        at: queued.at.to_string(),
        method: queued.method.map(|method| match method {
            MergeMethod::Merge => wire::MergeMethod::Merge,
            MergeMethod::Squash => wire::MergeMethod::Squash,
            MergeMethod::Rebase => wire::MergeMethod::Rebase,
        }),
    }
}

fn review_on_wire(known: &PullRequest, review: &repositories::view::Review) -> wire::Review {
    let current = known.current();
    wire::Review {
        reviewer: review.by.to_string(),
        verdict: review.verdict.code().replace('-', "_"),
        body: review.body.clone(),
        patch_set: u64::from(review.patch_set),
        current: review.head_tree == current.head_tree,
        at: review.at.to_string(),
    }
}

fn comment_on_wire(comment: &repositories::view::Comment) -> wire::Comment {
    let place = comment.place.as_ref();
    wire::Comment {
        author: comment.by.to_string(),
        path: place.map(|place| place.path.clone()).unwrap_or_default(),
        line: place.map_or(0, |place| u64::from(place.line)),
        side: match place.map(|place| place.side) {
            Some(Side::Old) => "old".into(),
            Some(Side::New) | None => "new".into(),
        },
        body: comment.body.clone(),
        patch_set: u64::from(comment.patch_set),
        at: comment.at.to_string(),
    }
}
