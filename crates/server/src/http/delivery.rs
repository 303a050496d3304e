//! DORA's five figures over HTTP: gathered from the views, counted in `control`.

use std::sync::Arc;

use api::delivery as wire;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::configuration::Environment;
use control::delivery::{Delivered, DeliveryInputs, Failure, Figure, Purpose, measure};
use ledger::{CommitId, RepositoryName, Timestamp};
use repositories::access::Permission;

use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::{identity, repository_name};
use crate::state::Server;
use crate::views::Views;
use crate::words::{Malformed, Missing};

/// How many days are looked at when the caller does not say.
const DAYS_DEFAULT: u32 = 30;
const DAYS_MAX: u32 = 365;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// How a team delivers into the last environment.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/delivery", tag = "monitoring",
    params(("owner" = String, Path), ("name" = String, Path), wire::DeliveryQuery),
    responses((status = 200, body = wire::Delivery)))]
pub async fn show(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Query(query): Query<wire::DeliveryQuery>,
) -> Answer<wire::Delivery> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let days = query.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        let detail = Malformed::Days { max: DAYS_MAX, given: days };
        return Err(Refusal::new("invalid-request", &detail));
    }
    let configured = server.configurations.of_default_branch(&server, &repository).await?;
    let last = configured.as_ref().and_then(|one| one.configuration.environments.last());
    let last = last.ok_or_else(|| Refusal::not_found(&Missing::AnyEnvironment))?.clone();
    let as_of = server.clock.now();
    let since = as_of.plus_ms(-i64::from(days) * DAY_MS);
    let gathered = Arc::clone(&server);
    let (of, environment) = (repository.clone(), last.clone());
    let work = move || gather(&gathered, &of, &environment, since, as_of);
    let inputs = tokio::task::spawn_blocking(work).await.map_err(anyhow::Error::from)??;
    let delivery = measure(&inputs);
    Ok(Json(wire::Delivery {
        repository: repository.to_string(),
        environment: last.name.to_string(),
        days,
        lead_time_ms: on_wire(&delivery.lead_time_ms),
        frequency_per_day: on_wire(&delivery.frequency_per_day),
        recovery_time_ms: on_wire(&delivery.recovery_time_ms),
        fail_rate: on_wire(&delivery.fail_rate),
        rework_rate: on_wire(&delivery.rework_rate),
    }))
}

fn gather(
    server: &Server,
    repository: &RepositoryName,
    environment: &Environment,
    since: Timestamp,
    as_of: Timestamp,
) -> anyhow::Result<DeliveryInputs> {
    let store = server.repository(repository)?;
    let (rows, incidents) = {
        let views = server.recorder.views();
        (rows(&views, repository, environment), incidents(&views, environment))
    };
    let mut deployments = Vec::new();
    for (row, source) in rows {
        let committed_at = match source.filter(|_| row.at >= since) {
            Some(commit) => store.commit(&commit).ok().map(|commit| commit.author.at),
            None => None,
        };
        deployments.push(Delivered { committed_at, ..row });
    }
    deployments.sort_by_key(|one| one.fact);
    Ok(DeliveryInputs { deployments, incidents, since, as_of })
}

/// Promotions and rollbacks, each with the commit that it was built from.
fn rows(
    views: &Views,
    repository: &RepositoryName,
    environment: &Environment,
) -> Vec<(Delivered, Option<CommitId>)> {
    let Some(looped) = views.control.environment(repository, &environment.name) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for promotion in &looped.promotions {
        let failed = looped.rollbacks.iter().any(|one| one.bad_commit == promotion.commit);
        // The first change after something was taken back mends it.
        let before = looped.rollbacks.iter().rev().find(|one| one.fact < promotion.fact);
        let mends = before.is_some_and(|before| {
            !looped.promotions.iter().any(|one| before.fact < one.fact && one.fact < promotion.fact)
        });
        let row = Delivered {
            fact: promotion.fact,
            at: promotion.at,
            committed_at: None,
            purpose: if mends { Purpose::Repair } else { Purpose::Change },
            failed,
        };
        let source = views.published(&promotion.digest).map(|published| published.commit.clone());
        rows.push((row, source));
    }
    rows.extend(looped.rollbacks.iter().map(|rollback| {
        let row = Delivered {
            fact: rollback.fact,
            at: rollback.at,
            committed_at: None,
            purpose: Purpose::Repair,
            failed: false,
        };
        (row, None)
    }));
    rows
}

fn incidents(views: &Views, environment: &Environment) -> Vec<Failure> {
    let of_application = views
        .monitoring
        .incidents
        .values()
        .filter(|incident| incident.application == environment.application);
    let failures = of_application.map(|incident| Failure {
        fact: incident.sequence,
        began_at: incident.opened_at,
        over_at: incident.resolved.as_ref().map(|(at, _)| *at),
    });
    failures.collect()
}

fn on_wire(figure: &Figure) -> wire::Figure {
    let facts = figure.facts.iter().map(|fact| fact.0).collect();
    wire::Figure { value: figure.value, facts }
}
