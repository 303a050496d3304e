//! Receivers of notifications: what `boucle.yaml` names, how the last one went, and a test.

use std::sync::Arc;

use api::page::Page;
use api::settings::{NotificationDelivery, NotificationRoute};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use control::configuration;
use ledger::RepositoryName;
use monitoring::MonitoringView;
use monitoring::notification::Delivery;
use repositories::access::Permission;
use serde_json::json;

use crate::http::extract::Path;
use crate::http::problem::{Answer, Refusal};
use crate::http::{identity, repository_name};
use crate::notifications::{self, NotifyError};
use crate::secret;
use crate::state::Server;
use crate::words::{Missing, Obstacle};

/// The receivers that the default branch's `boucle.yaml` names.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/notifications", tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path)),
    responses((status = 200, body = Page<NotificationRoute>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
) -> Answer<Page<NotificationRoute>> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    // An address may hold a receiver's own key: it is for those who work here.
    let permission = Permission::OperateRuns;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let routes = routes(&server, &repository).await?;
    let secrets: Vec<bool> =
        routes.iter().map(|route| notifications::has_secret(&server, &repository, route)).collect();
    let views = server.recorder.views();
    let items = routes.iter().zip(secrets).map(|(route, secret_known)| NotificationRoute {
        name: route.name.clone(),
        url: route.webhook.url.clone(),
        secret: route.webhook.secret.clone(),
        secret_known,
        on: route.on.iter().map(|event| event.as_str().to_owned()).collect(),
        last: last(&views.monitoring, &notifications::target(&repository, route)),
    });
    Ok(Json(Page { items: items.collect(), next_cursor: None }))
}

/// Sends a test to a receiver, signed as everything else is; 204 when it took it.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/notifications/{route}/test",
    tag = "repositories",
    params(("owner" = String, Path), ("name" = String, Path), ("route" = String, Path)),
    responses((status = 204)))]
pub async fn test(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, route)): Path<(String, String, String)>,
) -> Result<StatusCode, Refusal> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::AdministerRepository;
    let permit = identity::permit_repository(&server, &headers, permission, &repository).await?;
    let routes = routes(&server, &repository).await?;
    let missing = || Refusal::not_found(&Missing::NotificationRoute(&route));
    let route = routes.iter().find(|known| known.name == route).ok_or_else(missing)?;
    let delivery = format!("test-{}", secret::identifier());
    let body = json!({
        "id": delivery,
        "change": "test",
        "at": server.clock.now().to_string(),
        "actor": permit.actor().to_string(),
        "text": format!("A test of the route `{}` of {repository}: nothing happened.", route.name),
        "links": [{"name": "timeline", "url": format!("{}/timeline", server.url)}],
    });
    let sent =
        notifications::send(&server, &repository, route, &delivery, body.to_string().into_bytes());
    match sent.await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(error) => {
            let detail = match &error {
                NotifyError::Webhook(error) => {
                    Obstacle::NotDelivered { url: &route.webhook.url, error }
                }
                NotifyError::Name(_) | NotifyError::Secret(_) => Obstacle::NoSigningSecret {
                    name: &route.webhook.secret,
                    repository: &repository,
                },
            };
            Err(Refusal::new("notification-failed", &detail))
        }
    }
}

async fn routes(
    server: &Arc<Server>,
    repository: &RepositoryName,
) -> Result<Vec<configuration::NotificationRoute>, Refusal> {
    let configured = server.configurations.of_default_branch(server, repository).await?;
    Ok(configured.map(|one| one.configuration.notifications.clone()).unwrap_or_default())
}

fn last(monitoring: &MonitoringView, target: &str) -> Option<NotificationDelivery> {
    let newest = monitoring.deliveries.values().rev().find_map(|targets| targets.get(target))?;
    Some(match newest {
        Delivery::Delivered { at } => {
            NotificationDelivery { at: at.to_string(), delivered: true, problem: None }
        }
        Delivery::Failed { at, problem, .. } => NotificationDelivery {
            at: at.to_string(),
            delivered: false,
            problem: Some(problem.clone()),
        },
    })
}
