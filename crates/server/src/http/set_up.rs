//! The one-time links: the server's first one makes an administrator, an invitation lets its person
//! choose a way in. Each works once.

use std::net::SocketAddr;
use std::sync::Arc;

use api::passkeys::{PasskeyChallenge, SetUpPasskey};
use api::people::SetUp;
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use ledger::Actor;
use repositories::access::Role;
use repositories::facts::RepositoryFact;

use crate::http::body::Checked;
use crate::http::identity::secret_sha256;
use crate::http::passkeys::{self, Made};
use crate::http::problem::{Answer, Refusal};
use crate::http::sessions::{begin, record};
use crate::http::tokens;
use crate::passkeys::challenges::Purpose;
use crate::passwords;
use crate::state::Server;
use crate::words::{Malformed, Obstacle, PasskeyObstacle};

/// Whoever uses the first link without choosing a name.
const OWNER: &str = "owner";

/// Whose link it is.
enum Holder {
    /// The server's first one, for an administrator of this name.
    First(String),
    /// Somebody's invitation, with what they may do.
    Invited(String, Role),
}

/// What somebody chose to sign in with.
enum WayIn {
    Password(String),
    Passkey(Box<Made>),
}

impl Holder {
    fn name(&self) -> &str {
        match self {
            Self::First(name) | Self::Invited(name, _) => name,
        }
    }

    /// What a passkey for this link is asked for.
    fn purpose(&self, secret: &str) -> Purpose {
        Purpose::Join { name: self.name().into(), secret_sha256: secret_sha256(secret) }
    }
}

/// Uses a one-time link: the server's first one makes an administrator, an invitation lets its person
/// choose a password or a passkey. Only from this machine for the first one; each link only once.
#[utoipa::path(post, path = "/session/setup", tag = "people", request_body = SetUp,
    responses((status = 204, description = "The session is in a cookie")))]
pub async fn set_up(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Checked(body): Checked<SetUp>,
) -> Result<Response, Refusal> {
    let secret = body.secret.trim();
    // A link that is used twice at once is used by one of them.
    let turn = server.passkeys.turn().await;
    let holder = holder(&server, secret, body.name, peer)?;
    let chosen = match (body.password, body.passkey) {
        (None, None) => None,
        (Some(password), None) => Some(WayIn::Password(checked_password(password)?)),
        (None, Some(new)) => {
            let made = passkeys::made(&server, &headers, holder.purpose(secret), new)?;
            Some(WayIn::Passkey(Box::new(made)))
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::new("invalid-request", &PasskeyObstacle::WithPassword));
        }
    };
    let (name, role) = match (holder, chosen) {
        (Holder::Invited(..), None) => {
            return Err(Refusal::new("invalid-request", &Malformed::InvitationWithoutWayIn));
        }
        (Holder::Invited(name, role), Some(chosen)) => {
            let fact = keep(&server, &name, chosen).await?;
            record(&server, Actor::person(&name), &[fact]).await?;
            (name, role)
        }
        (Holder::First(name), chosen) => {
            if !server.setup.take(secret) {
                return Err(Refusal::new("setup-used", &Obstacle::SetupUsed));
            }
            if let Some(chosen) = chosen {
                let invited = RepositoryFact::PersonInvited {
                    name: name.clone(),
                    role: Role::Admin,
                    secret_sha256: secret_sha256(secret),
                    expires_at: server.clock.now(),
                };
                let fact = keep(&server, &name, chosen).await?;
                record(&server, Actor::system("setup"), &[invited, fact]).await?;
            }
            (name, Role::Admin)
        }
    };
    drop(turn);
    begin(&server, &name, role).await
}

/// Asks for a passkey to use a one-time link with. The link stays unused.
#[utoipa::path(post, path = "/session/setup/passkey-challenge", tag = "people",
    request_body = SetUpPasskey, responses((status = 200, body = PasskeyChallenge)))]
pub async fn ask_passkey(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Checked(body): Checked<SetUpPasskey>,
) -> Answer<PasskeyChallenge> {
    let secret = body.secret.trim();
    let holder = holder(&server, secret, body.name, peer)?;
    let is_open = match &holder {
        Holder::First(_) => server.setup.is_open(secret),
        Holder::Invited(..) => true,
    };
    if !is_open {
        return Err(Refusal::new("setup-used", &Obstacle::SetupUsed));
    }
    passkeys::ask(&server, &headers, holder.name(), holder.purpose(secret)).await
}

/// Whose link this is. Whether the first one was used before is not asked here: taking it says so.
fn holder(
    server: &Server,
    secret: &str,
    name: Option<String>,
    peer: SocketAddr,
) -> Result<Holder, Refusal> {
    let views = server.recorder.views();
    let people = &views.repositories;
    if let Some(invited) = people.invited(&secret_sha256(secret), server.clock.now())
        && let Some(person) = people.people.get(invited)
    {
        return Ok(Holder::Invited(invited.to_owned(), person.role));
    }
    let name = name.unwrap_or_else(|| OWNER.into());
    tokens::check_name(&name)?;
    if people.people.contains_key(&name) {
        return Err(Refusal::new("already-exists", &Obstacle::AccountExists(&name)));
    }
    if !peer.ip().is_loopback() {
        return Err(Refusal::new("not-permitted", &Obstacle::OtherMachine));
    }
    Ok(Holder::First(name))
}

/// Keeps it on disk; gives the fact that makes it count.
async fn keep(server: &Server, name: &str, chosen: WayIn) -> Result<RepositoryFact, Refusal> {
    match chosen {
        WayIn::Password(password) => {
            server.passwords.keep(name, password).await?;
            Ok(RepositoryFact::PasswordChosen { name: name.into() })
        }
        WayIn::Passkey(made) => Ok(passkeys::keep(server, name, *made).await?.1),
    }
}

fn checked_password(password: String) -> Result<String, Refusal> {
    let long_enough = password.chars().count() >= passwords::CHARACTERS_MIN;
    if long_enough && password.len() <= passwords::BYTES_MAX {
        return Ok(password);
    }
    let (characters_min, bytes_max) = (passwords::CHARACTERS_MIN, passwords::BYTES_MAX);
    Err(Refusal::new("invalid-request", &Malformed::Password { characters_min, bytes_max }))
}
