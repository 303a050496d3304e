//! Tells receivers what changed, once per change of state.

use std::sync::Arc;

use anyhow::Context;
use control::configuration::NotificationRoute;
use ledger::{Actor, ApplicationName, Draft, RepositoryName, Subject};
use monitoring::notification::{NotificationInputs, due, next_retry_at};
use monitoring::{MonitoringFact, NotificationTarget};

use crate::notifications;
use crate::state::Server;
use crate::tasks::Next;

const ACTOR: &str = "notify";

/// A configured receiver: its identity over restarts, and where it is.
struct Route {
    target: NotificationTarget,
    repository: RepositoryName,
    configured: NotificationRoute,
}

/// One activation: everything that is due is sent.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let routes = routes(&server).await?;
    let notifications = {
        let views = server.recorder.views();
        due(&NotificationInputs {
            view: &views.monitoring,
            targets: routes.iter().map(|route| route.target.clone()).collect(),
            as_of: server.clock.now(),
            base_url: server.url.clone(),
        })
    };
    for notification in notifications {
        let route = routes.iter().find(|route| route.target.name == notification.target);
        let route = route.context("a notification is due for a route that is not there")?;
        let body = serde_json::to_vec(&notification.body).context("a notification is not JSON")?;
        let (repository, delivery) = (&route.repository, &notification.body.id);
        let sent =
            notifications::send(&server, repository, &route.configured, delivery, body).await;
        let (target, change) = (notification.target, notification.change);
        let fact = match sent {
            Ok(()) => MonitoringFact::NotificationDelivered { target, change },
            Err(error) => MonitoringFact::NotificationFailed {
                target,
                change,
                attempt: notification.attempt,
                problem: error.to_string(),
            },
        };
        let subject = Subject::server();
        let draft = Draft::new(server.clock.now(), Actor::system(ACTOR), subject, &fact);
        server.recorder.append(vec![draft.caused_by([change])]).await?;
    }
    let retry = next_retry_at(&server.recorder.views().monitoring);
    Ok(retry.map_or(Next::OnChange, Next::At))
}

async fn routes(server: &Arc<Server>) -> anyhow::Result<Vec<Route>> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut routes = Vec::new();
    for repository in repositories {
        let configured = server.configurations.of_default_branch(server, &repository).await?;
        let Some(configured) = configured else { continue };
        let applications: Vec<ApplicationName> =
            configured.applications.iter().map(|(_, one)| one.name.clone()).collect();
        // A route without applications would mean all of them, also other repositories'.
        if applications.is_empty() {
            continue;
        }
        for route in &configured.configuration.notifications {
            let target = NotificationTarget {
                name: notifications::target(&repository, route),
                applications: applications.clone(),
                events: route.on.clone(),
            };
            let (repository, configured) = (repository.clone(), route.clone());
            routes.push(Route { target, repository, configured });
        }
    }
    Ok(routes)
}
