//! Tokens over HTTP. The secret leaves the server once, when it is made; only its hash is kept.

use std::sync::Arc;

use api::page::{Page, PageQuery};
use api::tokens::{CreateToken, CreatedToken, Token, TokenKind, TokenRole};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use ledger::{Actor, ActorKind, Draft, Subject, Timestamp};
use repositories::access::{Permission, Role, Scope};
use repositories::facts::RepositoryFact;

use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::identity;
use crate::http::page;
use crate::http::problem::{Answer, Refusal};
use crate::secret;
use crate::state::Server;
use crate::words::{Malformed, Missing};

/// How long a token is valid when the caller does not say.
const VALID_DAYS_DEFAULT: u32 = 90;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Makes a token.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = CreateToken,
    responses((status = 200, body = CreatedToken)))]
pub async fn create(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Checked(body): Checked<CreateToken>,
) -> Answer<CreatedToken> {
    let permit = identity::permit_server(&server, &headers, Permission::ManageTokens).await?;
    Ok(Json(issue(&server, permit.actor().clone(), &body).await?))
}

/// Makes a token on behalf of `actor`, who may.
pub async fn issue(
    server: &Server,
    actor: Actor,
    body: &CreateToken,
) -> Result<CreatedToken, Refusal> {
    check_name(&body.name)?;
    let scope = match &body.repository {
        None => Scope::Server,
        Some(name) => Scope::Repository(super::repository_name(name)?),
    };
    let now = server.clock.now();
    let days = i64::from(body.valid_days.unwrap_or(VALID_DAYS_DEFAULT));
    let expires_at = now.plus_ms(days * DAY_MS);
    let (id, token) = (secret::identifier(), secret::token());
    let fact = RepositoryFact::TokenCreated {
        id: id.clone(),
        name: body.name.clone(),
        actor_kind: match body.kind {
            TokenKind::Person => ActorKind::Person,
            TokenKind::Machine => ActorKind::Machine,
        },
        role: role_of_wire(body.role),
        scope,
        secret_sha256: identity::secret_sha256(&token),
        expires_at: Some(expires_at),
    };
    server.append(vec![Draft::new(now, actor, Subject::server(), &fact)]).await?;
    Ok(CreatedToken { id, name: body.name.clone(), token, expires_at: expires_at.to_string() })
}

/// Lists valid tokens without their secrets.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(PageQuery),
    responses((status = 200, body = Page<Token>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Token>> {
    identity::permit_server(&server, &headers, Permission::ManageTokens).await?;
    let views = server.recorder.views();
    let live = views.repositories.tokens.iter().filter(|(_, token)| token.revoked_at.is_none());
    let items = live.map(|(id, token)| on_wire(id, token)).collect();
    Ok(Json(page::cut(items, &query)?))
}

/// Makes a token invalid, at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens",
    params(("id" = String, Path)), responses((status = 204)))]
pub async fn revoke(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let permit = identity::permit_server(&server, &headers, Permission::ManageTokens).await?;
    let known = {
        let views = server.recorder.views();
        views.repositories.tokens.get(&id).is_some_and(|token| token.revoked_at.is_none())
    };
    if !known {
        return Err(Refusal::not_found(&Missing::Token));
    }
    let fact = RepositoryFact::TokenRevoked { id };
    let draft = Draft::new(server.clock.now(), permit.actor().clone(), Subject::server(), &fact);
    server.append(vec![draft]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses a name that is none of an account or machine.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let is_plain = (1..=100).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c));
    if is_plain {
        return Ok(());
    }
    Err(Refusal::new("invalid-name", &Malformed::AccountName(name)))
}

/// A role as the interface shows it.
#[must_use]
pub fn role_on_wire(role: Role) -> TokenRole {
    match role {
        Role::Read => TokenRole::Read,
        Role::Write => TokenRole::Write,
        Role::Admin => TokenRole::Admin,
    }
}

/// The role that a caller named.
#[must_use]
pub fn role_of_wire(role: TokenRole) -> Role {
    match role {
        TokenRole::Read => Role::Read,
        TokenRole::Write => Role::Write,
        TokenRole::Admin => Role::Admin,
    }
}

fn on_wire(id: &str, token: &repositories::view::Token) -> Token {
    Token {
        id: id.into(),
        name: token.name.clone(),
        kind: match token.actor_kind {
            ActorKind::Person => TokenKind::Person,
            ActorKind::Machine | ActorKind::System | ActorKind::Anonymous => TokenKind::Machine,
        },
        role: role_on_wire(token.role),
        repository: match &token.scope {
            Scope::Server => None,
            Scope::Repository(name) => Some(name.to_string()),
        },
        created_at: token.created_at.to_string(),
        expires_at: token.expires_at.as_ref().map(Timestamp::to_string).unwrap_or_default(),
    }
}
