//! Changing files in the page: a commit on a branch of its own, with a pull request for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use api::browse::ProposeEdit;
use api::pull_requests as wire;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use git_store::{EntryKind, Repository};
use ledger::{CommitId, ObjectId};
use repositories::access::Permission;

use crate::http::body::Checked;
use crate::http::problem::{Answer, Refusal};
use crate::http::repositories::branch;
use crate::http::{identity, pull_requests as http_pull_requests, repository_name};
use crate::pull_requests::{self, Opening};
use crate::state::Server;

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
    let title = body.title.trim().to_owned();
    if title.is_empty() || title.chars().count() > TITLE_CHARACTERS_MAX || body.edits.is_empty() {
        let detail =
            format!("an edit has files and a title of 1 to {TITLE_CHARACTERS_MAX} characters");
        return Err(Refusal::new("invalid-request", detail));
    }
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
    let tip = tip.ok_or_else(|| Refusal::not_found(&format!("the branch {target}")))?;
    let mut edits = BTreeMap::new();
    for edit in body.edits {
        expect(&store, &tip, &edit.path, edit.expected_object.as_deref())?;
        let change = match edit.text {
            Some(text) => git_store::Edit::Write(text.into_bytes()),
            None => git_store::Edit::Remove,
        };
        edits.insert(edit.path, change);
    }
    let message = format!("{title}\n\n{}\n", body.description.trim());
    let opening =
        Opening { target, expecting: tip, edits, message, title, description: body.description };
    let actor = permit.actor();
    let number =
        pull_requests::open_edit(&server, &repository, actor, opening, |_| Vec::new()).await?;
    http_pull_requests::one(&server, &repository, number).await
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
            return Err(Refusal::new("invalid-request", format!("{path} is no file")));
        }
    };
    if found.as_ref().map(ObjectId::as_str) == expected {
        return Ok(());
    }
    let detail = format!("{path} was changed by somebody else since you read it");
    Err(Refusal::new("moved-on", detail).with_next("read it again and repeat your change"))
}
