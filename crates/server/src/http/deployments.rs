//! Past deployments compared, and what a rollback would do, over HTTP.

use std::sync::Arc;

use anyhow::Context;
use api::applications::{DeploymentsQuery, RollbackPreview};
use api::page::Page;
use api::pull_requests::FileDifference;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ledger::CommitId;
use repositories::access::Permission;

use crate::http::applications::permit;
use crate::http::consequences::{self, file_on_wire};
use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::state::Server;
use crate::tasks::roll_back;
use crate::words::{Missing, Obstacle};

/// The rendered manifests' difference between two deployments, a file an object.
#[utoipa::path(get, path = "/applications/{name}/deployments/difference", tag = "applications",
    params(("name" = String, Path), DeploymentsQuery),
    responses((status = 200, body = Page<FileDifference>)))]
pub async fn difference(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<DeploymentsQuery>,
) -> Answer<Page<FileDifference>> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    let (repository, from, to) = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&name);
        let state = state.ok_or_else(|| Refusal::not_found(&Missing::Application(&name)))?;
        let rendered = |generation: u64| -> Result<CommitId, Refusal> {
            let mut all = state.deployments.iter();
            let found = all.find(|one| one.generation == generation);
            let missing =
                || Refusal::not_found(&Missing::Generation { generation, application: &name });
            Ok(found.ok_or_else(missing)?.rendered_commit.clone())
        };
        let declaration = state.declaration.as_ref().context("it is not declared any more")?;
        (declaration.repository.clone(), rendered(query.from)?, rendered(query.to)?)
    };
    let store = server.repository(&repository)?;
    let files = compare(store, from, to).await?;
    Ok(Json(Page { items: files, next_cursor: None }))
}

/// What a rollback would do now: nothing is moved.
#[utoipa::path(get, path = "/applications/{name}/rollback", tag = "applications",
    params(("name" = String, Path)), responses((status = 200, body = RollbackPreview)))]
pub async fn preview(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer<RollbackPreview> {
    let (name, _) = permit(&server, &headers, &name, Permission::OperateDeployments).await?;
    let repository = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&name);
        let declaration = state.and_then(|state| state.declaration.as_ref());
        declaration.map(|one| one.repository.clone())
    };
    let missing = || Refusal::not_found(&Missing::Application(&name));
    let repository = repository.ok_or_else(missing)?;
    let configured = server.configurations.of_default_branch(&server, &repository).await?;
    let configured = configured.ok_or_else(missing)?;
    let environment = configured
        .environment_of(&name)
        .ok_or_else(|| Refusal::new("rollback-refused", &Obstacle::NoEnvironment(&name)))?;
    let (reverted, revert) =
        roll_back::preview(&server, &repository, &configured, environment).await?;
    let store = server.repository(&repository)?;
    let subject = store.commit(&reverted).map_err(anyhow::Error::from)?.title;
    let tip = configured.commit.clone();
    let consequences = consequences::of_change(&server, &repository, &tip, &revert).await?;
    let files = compare(store, tip, revert).await?;
    let reverted_commit = reverted.to_string();
    Ok(Json(RollbackPreview { reverted_commit, subject, files, consequences }))
}

async fn compare(
    store: git_store::Repository,
    from: CommitId,
    to: CommitId,
) -> Result<Vec<FileDifference>, Refusal> {
    let read = move || -> anyhow::Result<Vec<FileDifference>> {
        let files = store.difference(Some(&store.tree_of(&from)?), Some(&store.tree_of(&to)?))?;
        Ok(files.iter().map(file_on_wire).collect())
    };
    Ok(tokio::task::spawn_blocking(read).await.context("comparing was interrupted")??)
}
