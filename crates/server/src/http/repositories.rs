//! Repositories over HTTP.

use std::sync::Arc;

use anyhow::Context;
use api::page::{Page, PageQuery};
use api::repositories::{Commit, CreateRepository, Reference, Repository, Visibility};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ledger::{Actor, Draft, RefName, RepositoryName, Subject};
use repositories::access::{self, Permission};
use repositories::facts::{RepositoryFact, StorageId};
use serde::Deserialize;

use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::page::{self, Bounds};
use crate::http::problem::{Answer, Refusal};
use crate::http::{identity, names, repository_name};
use crate::secret;
use crate::state::Server;
use crate::words::{ConfigurationProblem, Missing, Obstacle};

/// The branch that pull requests go to when nobody says otherwise.
const DEFAULT_BRANCH: &str = "main";

/// Makes an empty repository.
#[utoipa::path(post, path = "/repositories", tag = "repositories", request_body = CreateRepository,
    responses((status = 200, body = Repository)))]
pub async fn create(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Checked(body): Checked<CreateRepository>,
) -> Answer<Repository> {
    let permit = identity::permit_server(&server, &headers, Permission::CreateRepository).await?;
    let name = repository_name(&body.name)?;
    let branch = body.default_branch.as_deref().unwrap_or(DEFAULT_BRANCH);
    make(&server, permit.actor(), &name, body.visibility, branch).await?;
    show_one(&server, &name).await
}

/// Makes an empty repository for `actor`, who may.
pub async fn make(
    server: &Arc<Server>,
    actor: &Actor,
    name: &RepositoryName,
    visibility: Visibility,
    default_branch: &str,
) -> Result<(), Refusal> {
    if server.recorder.views().repositories.repository(name).is_some() {
        return Err(Refusal::new("already-exists", &Obstacle::RepositoryExists(name)));
    }
    let default_branch =
        RefName::of_branch(default_branch).map_err(|error| Refusal::new("invalid-name", &error))?;
    let storage = StorageId::new(secret::identifier()).map_err(anyhow::Error::from)?;
    // The folder first: a fact without its folder would be a promise broken.
    let (git, id, branch) = (server.git.clone(), storage.clone(), default_branch.clone());
    let made = tokio::task::spawn_blocking(move || git.create(&id, &branch)).await;
    made.context("making the repository was interrupted")?.map_err(anyhow::Error::from)?;
    let fact = RepositoryFact::RepositoryCreated {
        repository: name.clone(),
        storage,
        default_branch,
        visibility: match visibility {
            Visibility::Public => access::Visibility::Public,
            Visibility::Private => access::Visibility::Private,
        },
    };
    let subject = Subject::repository(name);
    let draft = Draft::new(server.clock.now(), actor.clone(), subject, &fact).expecting(None);
    server.append(vec![draft]).await?;
    Ok(())
}

/// Every repository that the caller may read, by name.
#[utoipa::path(get, path = "/repositories", tag = "repositories", params(PageQuery),
    responses((status = 200, body = Page<Repository>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Repository>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let names: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut items = Vec::new();
    for name in names.into_iter().filter(|name| visible.repository(name.as_str())) {
        items.push(on_wire(&server, &name).await?);
    }
    Ok(Json(page::cut(items, &query)?))
}

/// One repository.
#[utoipa::path(get, path = "/repositories/{owner}/{name}", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = Repository)))]
pub async fn show(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Answer<Repository> {
    let name = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &name).await?;
    show_one(&server, &name).await
}

/// Which commits.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitQuery {
    reference: Option<String>,
    path: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Commits of a branch, newest first; the cursor is the commit to go on from.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/commits", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path),
        ("reference" = Option<String>, Query, description = "A branch, a tag or a commit; the default branch when absent"),
        ("path" = Option<String>, Query, description = "Only commits that changed this path"),
        ("cursor" = Option<String>, Query), ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Page<Commit>)))]
pub async fn commits(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<CommitQuery>,
) -> Answer<Page<Commit>> {
    let name = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &name).await?;
    let bounds = Bounds::new(query.limit)?;
    let store = server.repository(&name)?;
    let skip = usize::try_from(page::parse_cursor(query.cursor.as_deref())?.unwrap_or(0));
    let skip = skip.unwrap_or(usize::MAX);
    let reference = match query.reference.as_deref().filter(|text| !text.is_empty()) {
        Some(text) => text.to_owned(),
        None => {
            let views = server.recorder.views();
            let known = views.repositories.repository(&name);
            known.map(|known| known.default_branch.to_string()).context("the repository is gone")?
        }
    };
    let read = move || -> anyhow::Result<Page<Commit>> {
        let Some(tip) = store.resolve_revision(&reference)? else {
            return Ok(Page { items: Vec::new(), next_cursor: None });
        };
        let page = match query.path.as_deref().filter(|path| !path.is_empty()) {
            Some(path) => store.log_of_path(&tip, path, skip, bounds.limit)?,
            None => store.log(&tip, &[], skip, bounds.limit)?,
        };
        let end = skip.saturating_add(page.commits.len());
        let items = page.commits.iter().map(commit_on_wire).collect();
        Ok(Page { items, next_cursor: page.more.then(|| end.to_string()) })
    };
    let page = tokio::task::spawn_blocking(read).await;
    Ok(Json(page.context("reading the history was interrupted")??))
}

async fn show_one(server: &Arc<Server>, name: &RepositoryName) -> Answer<Repository> {
    Ok(Json(on_wire(server, name).await?))
}

async fn on_wire(server: &Arc<Server>, name: &RepositoryName) -> Result<Repository, Refusal> {
    let configured = server.configurations.of_default_branch(server, name).await?;
    let problems = configured.map(|one| {
        let problems = server.problems_of(name, &one).into_iter();
        problems.chain(one.notes.iter().cloned()).collect::<Vec<_>>()
    });
    let problems = problems.unwrap_or_default();
    let views = server.recorder.views();
    let known = views.repositories.repository(name);
    let known = known.ok_or_else(|| Refusal::not_found(&Missing::Repository(name)))?;
    let references = known.refs.iter().map(|(name, state)| Reference {
        name: name.to_string(),
        object: state.commit.to_string(),
    });
    Ok(Repository {
        name: name.to_string(),
        visibility: match known.visibility {
            access::Visibility::Public => Visibility::Public,
            access::Visibility::Private => Visibility::Private,
        },
        default_branch: known.default_branch.branch().unwrap_or_default().to_owned(),
        clone_url: format!("{}/{name}", server.url),
        references: references.collect(),
        configuration_problems: problems.iter().map(ConfigurationProblem::reason).collect(),
    })
}

/// A commit as the interface shows it.
#[must_use]
pub fn commit_on_wire(commit: &git_store::CommitInfo) -> Commit {
    let body = commit.message.strip_prefix(&commit.title).unwrap_or_default();
    Commit {
        id: commit.id.to_string(),
        subject: commit.title.clone(),
        body: body.trim().to_owned(),
        author: format!("{} <{}>", commit.author.name, commit.author.email),
        committed_at: commit.committer.at.to_string(),
        parents: commit.parents.iter().map(ToString::to_string).collect(),
    }
}

/// The name of a branch in a body.
pub fn branch(text: &str) -> Result<RefName, Refusal> {
    if text.starts_with("refs/") {
        return names::parse(text);
    }
    RefName::of_branch(text).map_err(|error| Refusal::new("invalid-name", &error))
}
