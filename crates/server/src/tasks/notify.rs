//! Tells receivers what changed, once per change of state.

use std::sync::Arc;

use anyhow::Context;
use ledger::{Actor, ApplicationName, Draft, RepositoryName, Subject};
use monitoring::notification::{NotificationInputs, due, next_retry_at};
use monitoring::{MonitoringFact, NotificationTarget};
use probes::webhook::Webhook;

use crate::state::Server;
use crate::tasks::Next;

const ACTOR: &str = "notify";

/// A configured receiver: its identity over restarts, and where it is.
struct Route {
    target: NotificationTarget,
    webhook: control::configuration::Webhook,
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
        let sent = match secret(&server, &route.webhook.secret) {
            Ok(secret) => {
                let webhook = Webhook { url: route.webhook.url.clone(), secret };
                let (delivery, now) = (&notification.body.id, server.clock.now());
                let sent = server.dialer.send_webhook(&webhook, delivery, now, body).await;
                sent.map_err(|error| error.to_string())
            }
            Err(error) => Err(format!("{error:#}")),
        };
        let (target, change) = (notification.target, notification.change);
        let fact = match sent {
            Ok(()) => MonitoringFact::NotificationDelivered { target, change },
            Err(problem) => MonitoringFact::NotificationFailed {
                target,
                change,
                attempt: notification.attempt,
                problem,
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
                name: format!("{repository} {}", route.name),
                applications: applications.clone(),
            };
            routes.push(Route { target, webhook: route.webhook.clone() });
        }
    }
    Ok(routes)
}

/// A secret of the server: a file in `secrets/` of its data folder, readable by its owner only.
fn secret(server: &Server, name: &str) -> anyhow::Result<Vec<u8>> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    anyhow::ensure!(plain && !name.is_empty(), "`{name}` is not the name of a secret");
    let path = server.options.data.join("secrets").join(name);
    let text = std::fs::read(&path);
    let text = text.with_context(|| format!("the secret {name} is not in {}", path.display()))?;
    Ok(text.trim_ascii_end().to_vec())
}
