//! Changing files in the page: a commit on a branch of its own, with a pull request for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use api::browse::{FileEdit, ProposeEdit};
use api::pull_requests as wire;
use axum::extract::State;
use axum::http::HeaderMap;
use git_store::{EntryKind, Repository};
use ledger::{CommitId, ObjectId, PullRequestNumber};
use repositories::access::Permission;

use crate::http::body::Checked;
use crate::http::extract::Path;
use crate::http::problem::{Answer, Refusal};
use crate::http::repositories::branch;
use crate::http::{identity, names, pull_requests as http_pull_requests, repository_name};
use crate::pull_requests::{self, Amendment, Opening};
use crate::state::Server;
use crate::words::{Malformed, Missing, Next, Obstacle};

/// The longest title, in characters.
const TITLE_CHARACTERS_MAX: usize = 200;

/// Proposes an edit: refused when somebody changed one of the files since it was read.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/edits", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path)),
    request_body = ProposeEdit, responses((status = 200, body = wire::PullRequest)))]
pub async fn propose(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Checked(body): Checked<ProposeEdit>,
) -> Answer<wire::PullRequest> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ProposeChange;
    let permit = identity::permit_repository(&server, &headers, permission, &repository).await?;
    let message = message(&body.title, &body.description)?;
    let title = body.title.trim().to_owned();
    let target = match &body.base {
        Some(base) => branch(base)?,
        None => {
            let views = server.recorder.views();
            let known = views.repositories.repository(&repository);
            known.map(|known| known.default_branch.clone()).context("the repository is gone")?
        }
    };
    let store = server.repository(&repository)?;
    let tip = store.resolve(&target).map_err(anyhow::Error::from)?;
    let tip = tip.ok_or_else(|| Refusal::not_found(&Missing::Branch(&target)))?;
    let edits = edits(&store, &tip, body.edits)?;
    let opening =
        Opening { target, expecting: tip, edits, message, title, description: body.description };
    let actor = permit.actor();
    let number =
        pull_requests::open_edit(&server, &repository, actor, opening, |_| Vec::new()).await?;
    http_pull_requests::one(&server, &repository, number).await
}

/// Adds a patch set that changes files, so that a suggestion is applied where it was made.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/pull-requests/{number}/edits",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    request_body = wire::AmendPullRequest, responses((status = 200, body = wire::PullRequest)))]
pub async fn amend(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, number)): Path<(String, String, u64)>,
    Checked(body): Checked<wire::AmendPullRequest>,
) -> Answer<wire::PullRequest> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ProposeChange;
    let mut permit =
        identity::permit_repository(&server, &headers, permission, &repository).await?;
    let number = PullRequestNumber(number);
    let known = http_pull_requests::known(&server, &repository, number)?;
    if known.source.is_some() || known.author != *permit.actor() {
        let permission = Permission::PushRepository;
        permit = identity::permit_repository(&server, &headers, permission, &repository).await?;
    }
    let expecting: CommitId = names::parse(&body.expected_head)?;
    let head = &known.current().head;
    if *head != expecting {
        return Err(Refusal::new("moved-on", &Obstacle::NewerPatchSet { number, head }));
    }
    let store = server.repository(&repository)?;
    let message = message(&body.title, &body.description)?;
    let edits = edits(&store, &expecting, body.edits)?;
    let amendment = Amendment { expecting, edits, message };
    pull_requests::amend(&server, &repository, number, permit.actor(), amendment).await?;
    http_pull_requests::one(&server, &repository, number).await
}

/// The message of a commit that the page makes.
fn message(title: &str, description: &str) -> Result<String, Refusal> {
    let title = title.trim();
    if title.is_empty() || title.chars().count() > TITLE_CHARACTERS_MAX {
        let detail = Malformed::Edit { title_max: TITLE_CHARACTERS_MAX };
        return Err(Refusal::new("invalid-request", &detail));
    }
    Ok(format!("{title}\n\n{}\n", description.trim()))
}

fn edits(
    store: &Repository,
    tip: &CommitId,
    edits: Vec<FileEdit>,
) -> Result<BTreeMap<String, git_store::Edit>, Refusal> {
    if edits.is_empty() {
        let detail = Malformed::Edit { title_max: TITLE_CHARACTERS_MAX };
        return Err(Refusal::new("invalid-request", &detail));
    }
    let mut changes = BTreeMap::new();
    for edit in edits {
        expect(store, tip, &edit.path, edit.expected_object.as_deref())?;
        let change = match edit.text {
            Some(text) => git_store::Edit::Write(text.into_bytes()),
            None => git_store::Edit::Remove,
        };
        changes.insert(edit.path, change);
    }
    Ok(changes)
}

/// The file is still the one that the caller saw, or still absent.
fn expect(
    store: &Repository,
    tip: &CommitId,
    path: &str,
    expected: Option<&str>,
) -> Result<(), Refusal> {
    let entry = store.tree_at(tip, path).map_err(anyhow::Error::from)?;
    let found = match entry {
        None => None,
        Some((EntryKind::File | EntryKind::Executable, object)) => Some(object),
        Some((EntryKind::Directory | EntryKind::Symlink | EntryKind::Submodule, _)) => {
            return Err(Refusal::new("invalid-request", &Malformed::NoFile(path)));
        }
    };
    if found.as_ref().map(ObjectId::as_str) == expected {
        return Ok(());
    }
    Err(Refusal::new("moved-on", &Obstacle::FileChanged(path)).with_next(Next::ReadAgain))
}
