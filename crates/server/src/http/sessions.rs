//! Who is signed in, with a password, and until when. One-time links are in `set_up`, passkeys in
//! `passkeys`.

use std::sync::Arc;

use api::people::{Session, SignIn};
use api::tokens::{CreateToken, TokenKind};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::{Actor, Draft, Subject, Timestamp};
use repositories::access::{Role, Scope};
use repositories::facts::RepositoryFact;
use repositories::people::{self, Person};

use crate::http::body::Checked;
use crate::http::identity::{self, SESSION_COOKIE, secret_sha256};
use crate::http::problem::{Answer, Refusal};
use crate::http::tokens;
use crate::passwords;
use crate::state::Server;
use crate::words::Obstacle;

/// How long a session lasts.
const SESSION_DAYS: u32 = 14;

/// Who sends this request; also for those who are nobody yet.
#[utoipa::path(get, path = "/session", tag = "people", responses((status = 200, body = Session)))]
pub async fn show(State(server): State<Arc<Server>>, headers: HeaderMap) -> Answer<Session> {
    let grant = identity::grant(&server, &headers);
    let account = identity::account(&server, &headers).is_some();
    let now = server.clock.now();
    let live = grant.expires_at.is_none_or(|end| now < end);
    let views = server.recorder.views();
    let any = |has: fn(&Person) -> bool| {
        let mut people = views.repositories.people.values();
        people.any(|person| person.is_here() && has(person))
    };
    let passwords = any(|person| person.has_password);
    let passkeys = any(|person| !person.passkeys.is_empty());
    let Some(role) = grant.role.filter(|_| live) else {
        return Ok(Json(Session { passwords, passkeys, ..Session::default() }));
    };
    Ok(Json(Session {
        signed_in: true,
        name: Some(grant.actor.name.clone()),
        actor: Some(grant.actor.to_string()),
        role: Some(tokens::role_on_wire(role)),
        repository: match &grant.scope {
            Scope::Server => None,
            Scope::Repository(name) => Some(name.to_string()),
        },
        expires_at: grant.expires_at.as_ref().map(Timestamp::to_string),
        passwords,
        passkeys,
        account,
    }))
}

/// Signs in with a password; the answer sets the session's cookie.
#[utoipa::path(post, path = "/session", tag = "people", request_body = SignIn,
    responses((status = 204, description = "The session is in a cookie")))]
pub async fn sign_in(
    State(server): State<Arc<Server>>,
    Checked(body): Checked<SignIn>,
) -> Result<Response, Refusal> {
    let now = server.clock.now();
    let known = server.recorder.views().repositories.people.get(&body.name).cloned();
    let decided = known.as_ref().map_or(people::SignIn::Refused, |person| person.sign_in(now));
    if let people::SignIn::Waiting { until } = decided {
        let detail = Obstacle::SignInWaits { name: &body.name, until };
        return Err(Refusal::new("sign-in-waits", &detail));
    }
    if body.password.len() > passwords::BYTES_MAX {
        return Err(wrong());
    }
    let right = server.passwords.is_right(&body.name, body.password).await?;
    let Some(person) = known.filter(|_| decided == people::SignIn::Allowed) else {
        return Err(wrong());
    };
    if !right {
        let fact = RepositoryFact::SignInRefused { name: body.name };
        record(&server, Actor::anonymous(), &[fact]).await?;
        return Err(wrong());
    }
    begin(&server, &body.name, person.role).await
}

/// Ends the session.
#[utoipa::path(delete, path = "/session", tag = "people", responses((status = 204)))]
pub async fn sign_out(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if let Some(secret) = identity::session(&headers) {
        let digest = secret_sha256(&secret);
        let own = {
            let views = server.recorder.views();
            let mut tokens = views.repositories.tokens.iter();
            let found = tokens
                .find(|(_, token)| token.secret_sha256 == digest && token.revoked_at.is_none());
            found.map(|(id, token)| (id.clone(), Actor::person(&token.name)))
        };
        if let Some((id, actor)) = own {
            record(&server, actor, &[RepositoryFact::TokenRevoked { id }]).await?;
        }
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let gone = format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    let value = HeaderValue::from_str(&gone).map_err(anyhow::Error::from)?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}

/// A session: a token of its own, in a cookie that scripts cannot read.
pub async fn begin(server: &Arc<Server>, name: &str, role: Role) -> Result<Response, Refusal> {
    let body = CreateToken {
        name: name.into(),
        kind: TokenKind::Person,
        role: tokens::role_on_wire(role),
        repository: None,
        valid_days: Some(SESSION_DAYS),
    };
    let created = tokens::issue(server, Actor::person(name), &body).await?;
    let fact = RepositoryFact::SignedIn { name: name.into(), token: created.id };
    record(server, Actor::person(name), &[fact]).await?;
    let cookie = format!(
        "{SESSION_COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
        created.token,
        u64::from(SESSION_DAYS) * 86_400
    );
    let mut response = StatusCode::NO_CONTENT.into_response();
    let value = HeaderValue::from_str(&cookie).map_err(anyhow::Error::from)?;
    response.headers_mut().insert(header::SET_COOKIE, value);
    Ok(response)
}

/// Records facts about people.
pub async fn record(
    server: &Server,
    actor: Actor,
    facts: &[RepositoryFact],
) -> Result<(), Refusal> {
    let now = server.clock.now();
    let drafts = facts.iter().map(|fact| Draft::new(now, actor.clone(), Subject::server(), fact));
    server.append(drafts.collect()).await?;
    Ok(())
}

/// The same for a wrong password and an unknown name, so that names cannot be guessed.
fn wrong() -> Refusal {
    Refusal::new("sign-in-refused", &Obstacle::WrongPassword)
}
