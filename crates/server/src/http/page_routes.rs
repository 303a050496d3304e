//! The plain page and its one-time link.

use std::net::SocketAddr;
use std::sync::Arc;

use api::tokens::{CreateToken, TokenKind, TokenRole};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::Actor;

use crate::http::problem::Refusal;
use crate::http::tokens;
use crate::state::Server;

/// The cookie that holds the page's session: a token of its own, read-only for scripts.
pub const SESSION_COOKIE: &str = "boucle_session";
/// How long a session lasts.
const SESSION_DAYS: u32 = 1;

/// Nothing is loaded from elsewhere, nothing inline runs, nobody frames the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The page.
pub async fn page() -> Response {
    file("text/html; charset=utf-8", include_str!("page.html"))
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
        return Err(Refusal::new("not-permitted", "the link works on the server's machine only"));
    }
    if !server.setup.take(secret.trim()) {
        return Err(Refusal::new("setup-used", "the link was used before or is too old"));
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

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (headers, content).into_response()
}
