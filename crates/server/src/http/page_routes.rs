//! The plain page, which a binary without the built one shows, and its one-time link.

use std::net::SocketAddr;
use std::sync::Arc;

use api::tokens::{CreateToken, TokenKind, TokenRole};
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::Actor;
use repositories::access::{self, Permission, Resource};

use crate::http::identity;
use crate::http::page_files;
use crate::http::problem::Refusal;
use crate::http::tokens;
use crate::state::Server;
use crate::words::Obstacle;

/// The cookie that holds the page's session: a token of its own, read-only for scripts.
pub const SESSION_COOKIE: &str = "boucle_session";
/// How long a session lasts.
const SESSION_DAYS: u32 = 1;

/// Nothing is loaded from elsewhere, nothing inline runs, nobody frames the page; the only image is
/// the tab's sign, inside the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The page that was built in, or else the plain one. That says whether the browser has a session, so that its script sends no request that
/// would be refused: a browser answers that with a password box of its own.
pub async fn page(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    if let Some(document) = page_files::document() {
        return document;
    }
    let grant = identity::grant(&server, &headers);
    let now = server.clock.now();
    let permit = access::permit(&grant, Permission::ReadServer, &Resource::Server, now);
    let content = include_str!("page.html");
    let content = match permit {
        Ok(_) => content.replacen("<html", "<html data-session", 1),
        Err(_) => content.to_owned(),
    };
    file("text/html; charset=utf-8", content)
}

/// Its style.
pub async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("page.css"))
}

/// Its script.
pub async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("page.js"))
}

/// Exchanges the one-time link's secret for a session. Only from this machine, only once.
pub async fn set_up(
    State(server): State<Arc<Server>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    secret: String,
) -> Result<Response, Refusal> {
    let own_origin = headers
        .get(header::ORIGIN)
        .is_none_or(|origin| origin.to_str().is_ok_and(|origin| origin == server.url));
    if !peer.ip().is_loopback() || !own_origin {
        return Err(Refusal::new("not-permitted", &Obstacle::OtherMachine));
    }
    if !server.setup.take(secret.trim()) {
        return Err(Refusal::new("setup-used", &Obstacle::SetupUsed));
    }
    let body = CreateToken {
        name: "owner".into(),
        kind: TokenKind::Person,
        role: TokenRole::Admin,
        repository: None,
        valid_days: Some(SESSION_DAYS),
    };
    let created = tokens::issue(&server, Actor::system("setup"), &body).await?;
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

/// A file that is never kept and loads nothing from elsewhere.
pub fn file(kind: &'static str, content: impl Into<Body>) -> Response {
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, content.into()).into_response()
}
