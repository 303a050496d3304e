//! Passkeys over HTTP: signing in with one, and looking after one's own.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::page::{Page, PageQuery};
use api::passkeys::{NewPasskey, Passkey, PasskeyChallenge, PasskeySignIn};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ledger::{Actor, Timestamp};
use repositories::access::Permission;
use repositories::facts::RepositoryFact;
use repositories::people::{PASSKEYS_MAX, PasskeyRemoval};
use serde::de::DeserializeOwned;
use serde_json::Value;
use webauthn_rs::prelude::{self, PublicKeyCredential};

use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::sessions::{begin, record};
use crate::http::{identity, origin, page};
use crate::passkeys::challenges::{Bound, Purpose};
use crate::passkeys::{Answered, Passkeys, Site};
use crate::secret;
use crate::state::Server;
use crate::words::{Malformed, Missing, PasskeyObstacle};

/// The longest label, in characters: it stands in a line of a list.
const LABEL_MAX: usize = 60;

/// A passkey that the browser has just made, checked and not yet kept.
pub struct Made {
    site: Site,
    label: String,
    key: prelude::Passkey,
}

/// Asks for any passkey of this server: its answer says whose it is.
#[utoipa::path(post, path = "/session/passkey/challenge", tag = "people",
    responses((status = 200, body = PasskeyChallenge)))]
pub async fn ask_who(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Answer<PasskeyChallenge> {
    let site = origin::site(&headers)?;
    let (options, question) = Passkeys::ask_anybody(&site)?;
    let bound = Bound { origin: site.origin, purpose: Purpose::SignIn };
    let challenge = server.passkeys.sign_ins.ask(bound, question, server.clock.now());
    Ok(Json(PasskeyChallenge { challenge, options }))
}

/// Signs in with a passkey; the answer sets the session's cookie.
#[utoipa::path(post, path = "/session/passkey", tag = "people", request_body = PasskeySignIn,
    responses((status = 204, description = "The session is in a cookie")))]
pub async fn sign_in(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Checked(body): Checked<PasskeySignIn>,
) -> Result<Response, Refusal> {
    let site = origin::site(&headers)?;
    let now = server.clock.now();
    let bound = Bound { origin: site.origin.clone(), purpose: Purpose::SignIn };
    let question = server.passkeys.sign_ins.take(&body.challenge, &bound, now).ok_or_else(over)?;
    let answer: PublicKeyCredential = read(body.credential)?;
    let turn = server.passkeys.turn().await;
    let names: Vec<String> = {
        let views = server.recorder.views();
        let here = views.repositories.people.iter().filter(|(_, person)| person.is_here());
        here.map(|(name, _)| name.clone()).collect()
    };
    let name = server.passkeys.owner(&answer, names.iter())?.ok_or_else(unknown)?;
    let live = live(&server, &name);
    match server.passkeys.check(&site, (&name, &live), question, &answer, now).await? {
        Answered::Right => {}
        Answered::Unknown => return Err(unknown()),
        Answered::Wrong(error) => {
            // A counter that went back is a copy of the key: whoever runs the server should know.
            tracing::warn!(%name, %error, "a passkey was not accepted");
            return Err(unproven(&error));
        }
    }
    drop(turn);
    let role = {
        let views = server.recorder.views();
        let person = views.repositories.people.get(&name).filter(|person| person.is_here());
        person.map(|person| person.role)
    };
    begin(&server, &name, role.ok_or_else(unknown)?).await
}

/// One's own passkeys, the oldest first.
#[utoipa::path(get, path = "/passkeys", tag = "people", params(PageQuery),
    responses((status = 200, body = Page<Passkey>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Passkey>> {
    let name = own_account(&server, &headers).await?;
    let used = server.passkeys.last_used(&name).await?;
    let views = server.recorder.views();
    let own = views.repositories.people.get(&name).map(|person| &person.passkeys);
    let items = own.into_iter().flatten().map(|(id, one)| {
        let last_used = used.iter().find(|(used, _)| used == id).map(|(_, at)| at);
        on_wire(id, &one.label, one.added_at, last_used)
    });
    Ok(Json(page::cut(items.collect(), &query)?))
}

/// Asks for a new passkey of one's own.
#[utoipa::path(post, path = "/passkeys/challenge", tag = "people",
    responses((status = 200, body = PasskeyChallenge)))]
pub async fn ask_new(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Answer<PasskeyChallenge> {
    let name = own_account(&server, &headers).await?;
    ask(&server, &headers, &name, Purpose::Add { name: name.clone() }).await
}

/// Adds a passkey to one's own.
#[utoipa::path(post, path = "/passkeys", tag = "people", request_body = NewPasskey,
    responses((status = 200, body = Passkey)))]
pub async fn add(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Checked(body): Checked<NewPasskey>,
) -> Answer<Passkey> {
    let _turn = server.passkeys.turn().await;
    let name = own_account(&server, &headers).await?;
    let made = made(&server, &headers, Purpose::Add { name: name.clone() }, body)?;
    let label = made.label.clone();
    let (id, fact) = keep(&server, &name, made).await?;
    record(&server, Actor::person(&name), &[fact]).await?;
    Ok(Json(on_wire(&id, &label, server.clock.now(), None)))
}

/// Removes a passkey of one's own, unless it is the last way in. Sessions go on.
#[utoipa::path(delete, path = "/passkeys/{id}", tag = "people",
    params(("id" = String, Path)), responses((status = 204)))]
pub async fn remove(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    let _turn = server.passkeys.turn().await;
    let name = own_account(&server, &headers).await?;
    let (decided, label) = {
        let views = server.recorder.views();
        let person = views.repositories.people.get(&name);
        let decided = person.map(|person| person.may_remove_passkey(&id));
        let own = person.and_then(|person| person.passkeys.get(&id));
        (decided, own.map(|one| one.label.clone()).unwrap_or_default())
    };
    match decided.unwrap_or(PasskeyRemoval::Unknown) {
        PasskeyRemoval::Allowed => {}
        PasskeyRemoval::Unknown => return Err(Refusal::not_found(&Missing::Passkey)),
        PasskeyRemoval::LastWayIn => {
            return Err(Refusal::new("last-way-in", &PasskeyObstacle::LastWayIn(&label)));
        }
    }
    let fact = RepositoryFact::PasskeyRemoved { name: name.clone(), id: id.clone() };
    record(&server, Actor::person(&name), &[fact]).await?;
    server.passkeys.forget_one(&name, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks the browser for a new passkey of this account.
pub async fn ask(
    server: &Server,
    headers: &HeaderMap,
    name: &str,
    purpose: Purpose,
) -> Answer<PasskeyChallenge> {
    let site = origin::site(headers)?;
    let (options, question) = server.passkeys.ask_new(&site, name).await?;
    let bound = Bound { origin: site.origin, purpose };
    let challenge = server.passkeys.registrations.ask(bound, question, server.clock.now());
    Ok(Json(PasskeyChallenge { challenge, options }))
}

/// Checks what the browser made of it.
pub fn made(
    server: &Server,
    headers: &HeaderMap,
    purpose: Purpose,
    new: NewPasskey,
) -> Result<Made, Refusal> {
    let site = origin::site(headers)?;
    let label = checked_label(&new.label)?;
    let bound = Bound { origin: site.origin.clone(), purpose };
    let taken = server.passkeys.registrations.take(&new.challenge, &bound, server.clock.now());
    let question = taken.ok_or_else(over)?;
    let key = Passkeys::made(&site, &question, &read(new.credential)?)?;
    Ok(Made { site, label, key: key.map_err(|error| unproven(&error))? })
}

/// Keeps it; gives its id and the fact that makes it count. The caller has the turn.
pub async fn keep(
    server: &Server,
    name: &str,
    made: Made,
) -> Result<(String, RepositoryFact), Refusal> {
    let live = live(server, name);
    if live.len() >= PASSKEYS_MAX {
        return Err(Refusal::new("too-large", &PasskeyObstacle::Full { max: PASSKEYS_MAX }));
    }
    let id = secret::identifier();
    if !server.passkeys.keep(&made.site, (name, &id), made.key, &live).await? {
        return Err(Refusal::new("already-exists", &PasskeyObstacle::Known));
    }
    let (name, label) = (name.to_owned(), made.label);
    Ok((id.clone(), RepositoryFact::PasskeyAdded { name, id, label }))
}

/// The account of whoever signed in. A token that was handed out has none here, whoever it names: it
/// could make itself a way in that is wider and lasts longer than it does.
async fn own_account(server: &Server, headers: &HeaderMap) -> Result<String, Refusal> {
    identity::permit_server(server, headers, Permission::ReadServer).await?;
    let account = identity::account(server, headers);
    account.ok_or_else(|| Refusal::new("not-permitted", &PasskeyObstacle::NoAccount))
}

/// The passkeys that the ledger says an account has.
fn live(server: &Server, name: &str) -> BTreeSet<String> {
    let views = server.recorder.views();
    let person = views.repositories.people.get(name).filter(|person| person.is_here());
    person.map(|person| person.passkeys.keys().cloned().collect()).unwrap_or_default()
}

fn on_wire(id: &str, label: &str, added_at: Timestamp, used: Option<&Timestamp>) -> Passkey {
    let last_used_at = used.map(Timestamp::to_string);
    Passkey { id: id.into(), label: label.into(), added_at: added_at.to_string(), last_used_at }
}

fn checked_label(label: &str) -> Result<String, Refusal> {
    let label = label.trim();
    let fits = (1..=LABEL_MAX).contains(&label.chars().count());
    if fits && !label.chars().any(char::is_control) {
        return Ok(label.to_owned());
    }
    let detail = PasskeyObstacle::Label { characters_max: LABEL_MAX };
    Err(Refusal::new("invalid-request", &detail))
}

/// What the browser wrote, in the form that the library checks.
fn read<T: DeserializeOwned>(credential: Value) -> Result<T, Refusal> {
    serde_json::from_value(credential)
        .map_err(|error| Refusal::new("invalid-request", &Malformed::Body(&error)))
}

fn over() -> Refusal {
    Refusal::new("passkey-challenge-over", &PasskeyObstacle::ChallengeOver)
}

fn unknown() -> Refusal {
    Refusal::new("passkey-refused", &PasskeyObstacle::Unknown)
}

fn unproven(error: &prelude::WebauthnError) -> Refusal {
    Refusal::new("passkey-refused", &PasskeyObstacle::Unproven(error))
}
