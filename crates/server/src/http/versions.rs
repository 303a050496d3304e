//! The way of each build through the environments, over HTTP.

use std::sync::Arc;

use api::page::{Page, PageQuery};
use api::versions::{Place, PlaceState, Quarantined, Version};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::configuration::Environment;
use control::promote::{ByHand, by_hand, decide};
use ledger::{ArtifactDigest, EnvironmentName, RepositoryName};
use pipelines::view::PublishedArtifact;
use repositories::access::Permission;

use crate::configurations::RepositoryConfiguration;
use crate::http::extract::{Path, Query};
use crate::http::problem::Answer;
use crate::http::{identity, page, repository_name};
use crate::state::Server;
use crate::tasks::close_loop::promote_inputs;
use crate::views::Views;
use crate::words;

/// Builds of a repository's artifacts, newest first, with where each of them is.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/versions", tag = "environments",
    params(("owner" = String, Path), ("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<Version>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Version>> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let configured = server.configurations.of_default_branch(&server, &repository).await?;
    let Some(configured) = configured else {
        return Ok(Json(Page { items: Vec::new(), next_cursor: None }));
    };
    let cut = {
        let views = server.recorder.views();
        let all = views.pipelines.published.iter();
        let mut own: Vec<(ArtifactDigest, PublishedArtifact)> = all
            .filter_map(|(digest, all)| Some((digest.clone(), all.last()?.clone())))
            .filter(|(_, one)| one.repository == repository && is_promoted(&configured, &one.name))
            .collect();
        own.sort_by_key(|(_, one)| std::cmp::Reverse(one.sequence));
        page::cut(own, &query)?
    };
    let inputs = promote_inputs(&server, &repository, &configured).await?;
    let steps = decide(&inputs);
    let store = server.repository(&repository)?;
    let mut items = Vec::new();
    for (digest, published) in cut.items {
        let (reader, commit) = (store.clone(), published.commit.clone());
        let info = tokio::task::spawn_blocking(move || reader.commit(&commit)).await;
        let info = info.map_err(anyhow::Error::from)?.ok();
        let views = server.recorder.views();
        items.push(Version {
            artifact: published.name.clone(),
            commit: published.commit.to_string(),
            subject: info.as_ref().map(|info| info.title.clone()).unwrap_or_default(),
            author: info.map(|info| info.author.name).unwrap_or_default(),
            run: published.run.0,
            published_at: published.at.to_string(),
            quarantined: quarantined(&views, &repository, &digest),
            places: places(
                &views,
                &repository,
                &configured,
                &published.name,
                &digest,
                |environment| match by_hand(&inputs, &steps, environment, &published.name, &digest)
                {
                    ByHand::Approve | ByHand::Propose(_) => true,
                    ByHand::Refused(_) => false,
                },
            ),
            digest: digest.to_string(),
        });
    }
    Ok(Json(Page { items, next_cursor: cut.next_cursor }))
}

fn is_promoted(configured: &RepositoryConfiguration, artifact: &str) -> bool {
    configured.configuration.artifacts.iter().any(|one| one.name == artifact)
}

fn quarantined(
    views: &Views,
    repository: &RepositoryName,
    digest: &ArtifactDigest,
) -> Option<Quarantined> {
    let found = views.control.repositories.get(repository)?.quarantined.get(digest)?;
    Some(Quarantined {
        environment: found.environment.to_string(),
        since: found.since.to_string(),
        incident: found.incident.map(|incident| incident.0),
    })
}

fn places(
    views: &Views,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    artifact: &str,
    digest: &ArtifactDigest,
    can_be_promoted: impl Fn(&EnvironmentName) -> bool,
) -> Vec<Place> {
    let environments = configured.configuration.environments.iter();
    let place = |environment: &Environment| {
        let key = (environment.name.clone(), artifact.to_owned());
        let here = configured.written.get(&key) == Some(digest);
        let looped = views.control.environment(repository, &environment.name);
        let waiting = looped
            .and_then(|looped| looped.waiting.get(artifact))
            .filter(|waiting| waiting.digest == *digest);
        let promotion = looped
            .and_then(|looped| looped.promotions.iter().rev().find(|one| one.digest == *digest));
        let taken_back = looped.and_then(|looped| {
            looped.rollbacks.iter().rev().find(|one| one.digest.as_ref() == Some(digest))
        });
        let proposal = looped.and_then(|looped| {
            let mut proposals = looped.proposals.iter();
            proposals.find(|(_, (_, proposed))| proposed == digest).map(|(number, _)| number.0)
        });
        let (state, at) = if here {
            (PlaceState::Here, promotion.map(|one| one.at))
        } else if let Some(waiting) = waiting {
            (PlaceState::Waiting, Some(waiting.since))
        } else if let Some(taken_back) = taken_back {
            (PlaceState::TakenBack, Some(taken_back.at))
        } else {
            let state = if promotion.is_some() { PlaceState::Before } else { PlaceState::Absent };
            (state, promotion.map(|one| one.at))
        };
        let reasons = waiting.into_iter().flat_map(|waiting| &waiting.reasons);
        Place {
            environment: environment.name.to_string(),
            state,
            at: at.map(|at| at.to_string()),
            pull_request: proposal.or_else(|| Some(promotion?.pull_request?.0)),
            reasons: reasons.map(words::reason).collect(),
            deadline: waiting.and_then(|waiting| waiting.deadline).map(|at| at.to_string()),
            can_be_promoted: can_be_promoted(&environment.name),
        }
    };
    environments.map(place).collect()
}
