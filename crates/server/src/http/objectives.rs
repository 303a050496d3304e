//! Objectives with what is left of their budgets, measured when they are asked for.

use std::sync::Arc;

use api::delivery as wire;
use api::page::{Page, PageQuery};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ledger::RepositoryName;
use monitoring::{BurnRateRule, Objective, RuleOutcome, UnknownReason};
use probes::{Scope, budget_used, measure};
use repositories::access::Permission;

use crate::http::extract::Query;
use crate::http::identity;
use crate::http::page;
use crate::http::problem::{Answer, Refusal};
use crate::state::Server;
use crate::tasks::assess_health::objectives_of;
use crate::watched::SCRAPE_INTERVAL_MS;

/// Every objective of every environment that the caller may see.
#[utoipa::path(get, path = "/objectives", tag = "monitoring", params(PageQuery),
    responses((status = 200, body = Page<wire::Objective>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer<Page<wire::Objective>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let repositories: Vec<RepositoryName> = {
        let views = server.recorder.views();
        let names = views.repositories.repositories.keys();
        names.filter(|name| visible.repository(name.as_str())).cloned().collect()
    };
    let mut wanted = Vec::new();
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await?;
        let Some(configured) = configured else { continue };
        for environment in &configured.configuration.environments {
            for objective in objectives_of(&server, &configured, &environment.application) {
                wanted.push((repository.clone(), environment.clone(), objective.clone()));
            }
        }
    }
    let wanted = page::cut(wanted, &query)?;
    let mut items = Vec::new();
    for (repository, environment, objective) in wanted.items {
        items.push(on_wire(&server, &repository, &environment, &objective).await?);
    }
    Ok(Json(Page { items, next_cursor: wanted.next_cursor }))
}

async fn on_wire(
    server: &Server,
    repository: &RepositoryName,
    environment: &control::configuration::Environment,
    objective: &Objective,
) -> Result<wire::Objective, Refusal> {
    let now = server.clock.now();
    let scope = Scope::of(&environment.application, &environment.name);
    let measured = measure(&server.metrics, objective, &scope, SCRAPE_INTERVAL_MS, now);
    let measured = measured.await;
    // A store that does not answer says nothing about the budget; the rules say why.
    let used = budget_used(&server.metrics, objective, &scope, now).await.ok().flatten();
    let unknown = measured.iter().find_map(|(_, outcome)| match outcome {
        RuleOutcome::Unknown { reason } => Some(reason),
        RuleOutcome::Firing { .. } | RuleOutcome::Quiet { .. } => None,
    });
    let firing = measured.iter().any(|(_, outcome)| matches!(outcome, RuleOutcome::Firing { .. }));
    let state = match (firing, unknown) {
        (true, _) => "burning",
        (false, Some(_)) => "unknown",
        (false, None) => "met",
    };
    Ok(wire::Objective {
        repository: repository.to_string(),
        application: environment.application.to_string(),
        environment: environment.name.to_string(),
        name: objective.name.clone(),
        display_name: objective.display_name.clone(),
        description: objective.description.clone(),
        target: objective.target,
        time_window_ms: objective.time_window_ms,
        state: state.into(),
        unknown_because: (!firing).then(|| unknown.map(code)).flatten(),
        budget_left: used.map(|used| 1.0 - used),
        rules: measured.iter().map(|(rule, outcome)| rule_on_wire(rule, *outcome)).collect(),
    })
}

fn rule_on_wire(rule: &BurnRateRule, outcome: RuleOutcome) -> wire::BurnRate {
    let (state, burn) = match outcome {
        RuleOutcome::Firing { burn } => ("firing", Some(burn)),
        RuleOutcome::Quiet { burn } => ("quiet", Some(burn)),
        RuleOutcome::Unknown { .. } => ("unknown", None),
    };
    wire::BurnRate {
        severity: rule.severity.to_string(),
        factor: rule.factor,
        long_window_ms: rule.long_window_ms,
        short_window_ms: rule.short_window_ms,
        state: state.into(),
        burn,
        query: rule.long_query.clone(),
    }
}

fn code(reason: &UnknownReason) -> String {
    reason.code().to_owned()
}
