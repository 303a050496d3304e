//! People with an account over HTTP: inviting, listing, ending.

use std::sync::Arc;

use api::page::{Page, PageQuery};
use api::people::{Invitation, InvitePerson, Person};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use repositories::access::Permission;
use repositories::facts::RepositoryFact;

use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::identity::{self, secret_sha256};
use crate::http::problem::{Answer, Refusal};
use crate::http::sessions::record;
use crate::http::{page, tokens};
use crate::secret;
use crate::state::Server;
use crate::words::Missing;

/// How long an invitation counts.
const INVITATION_MS: i64 = 3 * 24 * 60 * 60 * 1000;

/// Lets somebody join, or choose a new password or passkey: gives a one-time link.
#[utoipa::path(post, path = "/people", tag = "people", request_body = InvitePerson,
    responses((status = 200, body = Invitation)))]
pub async fn invite(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Checked(body): Checked<InvitePerson>,
) -> Answer<Invitation> {
    let permit = identity::permit_server(&server, &headers, Permission::ManageTokens).await?;
    tokens::check_name(&body.name)?;
    let expires_at = server.clock.now().plus_ms(INVITATION_MS);
    let secret = secret::random_text();
    let fact = RepositoryFact::PersonInvited {
        name: body.name.clone(),
        role: tokens::role_of_wire(body.role),
        secret_sha256: secret_sha256(&secret),
        expires_at,
    };
    record(&server, permit.actor().clone(), &[fact]).await?;
    let link = format!("{}/setup#{secret}", server.url);
    Ok(Json(Invitation { name: body.name, link, expires_at: expires_at.to_string() }))
}

/// Everybody with an account, by name.
#[utoipa::path(get, path = "/people", tag = "people", params(PageQuery),
    responses((status = 200, body = Page<Person>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Person>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let (views, now) = (server.recorder.views(), server.clock.now());
    let here = views.repositories.people.iter().filter(|(_, person)| person.is_here());
    let items = here.map(|(name, person)| {
        let live = views.repositories.tokens.values().filter(|token| {
            token.name == *name
                && token.revoked_at.is_none()
                && token.expires_at.is_none_or(|end| now < end)
        });
        Person {
            name: name.clone(),
            role: tokens::role_on_wire(person.role),
            state: if person.joined_at.is_some() { "joined" } else { "invited" }.into(),
            joined_at: person.joined_at.map(|at| at.to_string()),
            tokens: live.count() as u64,
        }
    });
    Ok(Json(page::cut(items.collect(), &query)?))
}

/// Ends an account with its sessions and tokens, at once.
#[utoipa::path(delete, path = "/people/{name}", tag = "people",
    params(("name" = String, Path)), responses((status = 204)))]
pub async fn remove(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    let permit = identity::permit_server(&server, &headers, Permission::ManageTokens).await?;
    // Else a passkey that is added right now would be kept for an account that ended.
    let _turn = server.passkeys.turn().await;
    let known = {
        let views = server.recorder.views();
        views.repositories.people.get(&name).is_some_and(|person| person.is_here())
    };
    if !known {
        return Err(Refusal::not_found(&Missing::Account));
    }
    let fact = RepositoryFact::PersonRemoved { name: name.clone() };
    record(&server, permit.actor().clone(), &[fact]).await?;
    server.passwords.forget(&name)?;
    server.passkeys.forget(&name)?;
    Ok(StatusCode::NO_CONTENT)
}
