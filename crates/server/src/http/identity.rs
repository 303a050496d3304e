//! Who sends a request, and whether it may do what it asks for. Denied attempts are facts.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ledger::{Draft, RepositoryName, Subject};
use repositories::access::{self, DenialReason, Grant, Permission, Permit, Resource};
use repositories::facts::RepositoryFact;
use sha2::{Digest, Sha256};

use crate::http::problem::Refusal;
use crate::state::Server;
use crate::words::Missing;

/// The cookie that holds the page's session: a token of its own that scripts cannot read.
pub const SESSION_COOKIE: &str = "boucle_session";

/// The grant behind a request's token; nobody's without a valid one.
pub fn grant(server: &Server, headers: &HeaderMap) -> Grant {
    let Some(secret) = secret(headers) else { return Grant::nobody() };
    let digest = secret_sha256(&secret);
    server.recorder.views().repositories.grant(&digest).unwrap_or_else(Grant::nobody)
}

/// The account whose session a request carries; a token that was handed out carries none, whoever it
/// names.
pub fn account(server: &Server, headers: &HeaderMap) -> Option<String> {
    let digest = secret_sha256(&secret(headers)?);
    server.recorder.views().repositories.account_of_session(&digest).map(str::to_owned)
}

/// The SHA-256 of a token's secret, in hexadecimal: all that is ever stored of it.
#[must_use]
pub fn secret_sha256(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// Permission on the server as a whole.
pub async fn permit_server(
    server: &Server,
    headers: &HeaderMap,
    permission: Permission,
) -> Result<Permit, Refusal> {
    permit(server, headers, permission, Resource::Server).await
}

/// Permission on a repository. One that does not exist and one that may not be read look the same.
pub async fn permit_repository(
    server: &Server,
    headers: &HeaderMap,
    permission: Permission,
    name: &RepositoryName,
) -> Result<Permit, Refusal> {
    let visibility = {
        let views = server.recorder.views();
        views.repositories.repository(name).map(|repository| repository.visibility)
    };
    let Some(visibility) = visibility else {
        let grant = grant(server, headers);
        return Err(if grant.role.is_none() { not_authenticated() } else { hidden(name) });
    };
    let resource = Resource::Repository { name: name.clone(), visibility };
    permit(server, headers, permission, resource).await
}

async fn permit(
    server: &Server,
    headers: &HeaderMap,
    permission: Permission,
    resource: Resource,
) -> Result<Permit, Refusal> {
    let grant = grant(server, headers);
    match access::permit(&grant, permission, &resource, server.clock.now()) {
        Ok(permit) => Ok(permit),
        Err(denied) => {
            record_denial(server, &denied).await;
            Err(refusal(&denied, &grant))
        }
    }
}

/// An attempt without any token is not recorded: git always asks once without one.
async fn record_denial(server: &Server, denied: &access::Denied) {
    if denied.reason == DenialReason::NotAuthenticated {
        return;
    }
    let fact = RepositoryFact::AccessDenied {
        permission: denied.permission,
        resource: denied.resource.to_string(),
        denial: denied.reason,
    };
    let subject = match &denied.resource {
        Resource::Server => Subject::server(),
        Resource::Repository { name, .. } => Subject::repository(name),
    };
    let draft = Draft::new(server.clock.now(), denied.actor.clone(), subject, &fact)
        .because(denied.reason.code());
    if let Err(error) = server.recorder.append(vec![draft]).await {
        tracing::error!(%error, "a denied attempt could not be recorded");
    }
}

fn refusal(denied: &access::Denied, grant: &Grant) -> Refusal {
    match denied.reason {
        DenialReason::NotAuthenticated | DenialReason::Expired => {
            Refusal::new("not-authenticated", &denied.reason)
        }
        DenialReason::OutOfScope | DenialReason::RoleTooSmall { .. } => {
            let hidden_from = denied.permission == Permission::ReadRepository;
            match &denied.resource {
                Resource::Repository { name, .. } if hidden_from && grant.role.is_some() => {
                    hidden(name)
                }
                Resource::Repository { .. } | Resource::Server => {
                    Refusal::new("not-permitted", denied)
                }
            }
        }
    }
}

fn hidden(name: &RepositoryName) -> Refusal {
    Refusal::not_found(&Missing::Repository(name))
}

fn not_authenticated() -> Refusal {
    Refusal::new("not-authenticated", &DenialReason::NotAuthenticated)
}

/// The token in `Authorization: Bearer`, the password of `Authorization: Basic`, or the session of
/// the page.
fn secret(headers: &HeaderMap) -> Option<String> {
    let Some(text) = headers.get(header::AUTHORIZATION) else { return session(headers) };
    let text = text.to_str().ok()?;
    if let Some(token) = text.strip_prefix("Bearer ") {
        return Some(token.trim().to_owned());
    }
    let decoded = BASE64_STANDARD.decode(text.strip_prefix("Basic ")?.trim()).ok()?;
    let pair = String::from_utf8(decoded).ok()?;
    let (name, password) = pair.split_once(':')?;
    Some(if password.is_empty() { name } else { password }.to_owned())
}

/// The page's session. A request that comes from another site has none, whatever its cookies say.
#[must_use]
pub fn session(headers: &HeaderMap) -> Option<String> {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if !matches!(site, None | Some("same-origin" | "none")) {
        return None;
    }
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == SESSION_COOKIE).map(|(_, value)| value.to_owned())
}
