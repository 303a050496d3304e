//! Sends what a receiver is told, signed with the secret that its route names.

use control::configuration::NotificationRoute;
use ledger::RepositoryName;
use probes::webhook::{Webhook, WebhookError};
use repositories::secrets::{InvalidSecretName, SecretName};

use crate::secrets;
use crate::state::Server;

/// Why a receiver was not told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The route names no secret.
    #[error(transparent)]
    Name(#[from] InvalidSecretName),
    /// The secret is not there.
    #[error("{0:#}")]
    Secret(anyhow::Error),
    /// The receiver was not reached or did not take it.
    #[error(transparent)]
    Webhook(#[from] WebhookError),
}

/// The route's identity over restarts, among those of all repositories.
#[must_use]
pub fn target(repository: &RepositoryName, route: &NotificationRoute) -> String {
    format!("{repository} {}", route.name)
}

/// Tells one receiver; `delivery` is the same for every attempt.
pub async fn send(
    server: &Server,
    repository: &RepositoryName,
    route: &NotificationRoute,
    delivery: &str,
    body: Vec<u8>,
) -> Result<(), NotifyError> {
    let secret = secret(server, repository, &route.webhook.secret)?;
    let webhook = Webhook { url: route.webhook.url.clone(), secret };
    Ok(server.dialer.send_webhook(&webhook, delivery, server.clock.now(), body).await?)
}

/// Whether the secret that signs for this route is there.
#[must_use]
pub fn has_secret(server: &Server, repository: &RepositoryName, route: &NotificationRoute) -> bool {
    secret(server, repository, &route.webhook.secret).is_ok()
}

/// The repository's own secret, or else the file that the server's operator put beside its data.
fn secret(
    server: &Server,
    repository: &RepositoryName,
    written: &str,
) -> Result<Vec<u8>, NotifyError> {
    let name = SecretName::new(written)?;
    let own = {
        let views = server.recorder.views();
        views.repositories.job_secrets(repository).any(|known| *known == name)
    };
    if own {
        let value = server.secrets.value(repository, &name).map_err(NotifyError::Secret)?;
        return Ok(value.into_bytes());
    }
    secrets::of_server(&server.options.data, &name, written).map_err(NotifyError::Secret)
}
