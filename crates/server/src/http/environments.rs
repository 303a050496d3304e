//! Environments over HTTP: what runs where, and why nothing moves.

use std::sync::Arc;

use api::environments::{Environment, EnvironmentArtifact};
use api::page::{Page, PageQuery};
use api::problem::Reason;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::ControlView;
use ledger::RepositoryName;
use repositories::access::Permission;

use crate::configurations::RepositoryConfiguration;
use crate::http::applications::health_word;
use crate::http::extract::Query;
use crate::http::identity;
use crate::http::page;
use crate::http::problem::{Answer, Refusal};
use crate::state::Server;
use crate::views::Views;
use crate::words;

/// Every environment of every repository that the caller may see, in order of promotion.
#[utoipa::path(get, path = "/environments", tag = "environments", params(PageQuery),
    responses((status = 200, body = Page<Environment>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Environment>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let all = all(&server).await?;
    let items = all.into_iter().filter(|item| visible.repository(&item.repository)).collect();
    Ok(Json(page::cut(items, &query)?))
}

/// Every environment of every repository.
pub async fn all(server: &Arc<Server>) -> Result<Vec<Environment>, Refusal> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut items = Vec::new();
    for repository in repositories {
        let Some(configured) = server.configurations.of_default_branch(server, &repository).await?
        else {
            continue;
        };
        let views = server.recorder.views();
        let environments = configured.configuration.environments.iter().enumerate();
        items.extend(environments.map(|(order, environment)| {
            on_wire(&views, &repository, &configured, order, environment)
        }));
    }
    Ok(items)
}

fn on_wire(
    views: &Views,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    order: usize,
    environment: &control::configuration::Environment,
) -> Environment {
    let application = views.deployments.applications.get(&environment.application);
    let health = application.and_then(|state| state.current_health());
    let running = application.and_then(|state| state.running());
    let assessment = running.and_then(|running| {
        let newest = views.monitoring.assessment(&environment.application)?;
        (newest.generation == running.generation).then_some(newest)
    });
    let looped = views.control.environment(repository, &environment.name);
    let artifacts = configured.configuration.artifacts.iter().map(|artifact| {
        let digest = configured.written.get(&(environment.name.clone(), artifact.name.clone()));
        let record = looped.and_then(|looped| {
            looped.promotions.iter().rev().find(|one| Some(&one.digest) == digest)
        });
        EnvironmentArtifact {
            name: artifact.name.clone(),
            digest: digest.map(ToString::to_string),
            commit: digest
                .and_then(|digest| views.published(digest))
                .map(|published| published.commit.to_string()),
            since: record.map(|record| record.at.to_string()),
        }
    });
    Environment {
        repository: repository.to_string(),
        name: environment.name.to_string(),
        order: order as u64,
        application: environment.application.to_string(),
        health: health.as_ref().map_or("unknown", |health| health_word(health.status)).to_owned(),
        verdict: assessment.map(|one| one.verdict.code().to_owned()),
        artifacts: artifacts.collect(),
        quarantined: quarantined(&views.control, repository),
        waiting_on: waiting_on(views, repository, environment),
    }
}

fn quarantined(control: &ControlView, repository: &RepositoryName) -> Vec<String> {
    let looped = control.repositories.get(repository);
    looped
        .map(|looped| looped.quarantined.keys().map(ToString::to_string).collect())
        .unwrap_or_default()
}

/// Why nothing moves: what holds promotions, what they wait for, what blocks the application.
fn waiting_on(
    views: &Views,
    repository: &RepositoryName,
    environment: &control::configuration::Environment,
) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if let Some(looped) = views.control.environment(repository, &environment.name) {
        for waiting in looped.waiting.values() {
            for reason in &waiting.reasons {
                let deadline = waiting.deadline.map(|deadline| deadline.to_string());
                reasons.push(Reason { deadline, ..words::reason(reason) });
            }
        }
        if let Some((hold, _)) = &looped.hold {
            reasons.push(words::reason(hold));
        }
    }
    if let Some(state) = views.deployments.applications.get(&environment.application) {
        reasons.extend(state.blocked.iter().map(words::reason));
    }
    reasons
}
