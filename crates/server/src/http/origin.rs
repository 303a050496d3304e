//! Keeps other sites out: a page from elsewhere can neither change anything nor reach this server
//! under a name of its own.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::identity;
use crate::http::problem::Refusal;
use crate::passkeys::Site;
use crate::words::{Obstacle, PasskeyObstacle};

/// The names that a browser on this machine, or at the end of a tunnel to it, calls the server by.
const OWN_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Refuses what does not come from the server's own page, a program or a person's terminal.
pub async fn guard(request: Request, next: Next) -> Response {
    if let Err(refusal) = check(request.method(), request.headers()) {
        return refusal.into_response();
    }
    let by_script = request.headers().contains_key("sec-fetch-site");
    let mut response = next.run(request).await;
    if by_script {
        // A browser answers this with a password box of its own; the page has a better one.
        response.headers_mut().remove(header::WWW_AUTHENTICATE);
    }
    response
}

/// The page that asks, as passkeys know it. There is none under an IP address: browsers tie passkeys to
/// names. The guard has checked by then that the page is this server's own.
pub fn site(headers: &HeaderMap) -> Result<Site, Refusal> {
    let host = text(headers, header::HOST.as_str()).unwrap_or_default();
    let name = name_of(host);
    if name.is_empty() || name.starts_with('[') || name.parse::<IpAddr>().is_ok() {
        return Err(Refusal::new("passkey-needs-name", &PasskeyObstacle::NeedsName(name)));
    }
    let port = &host[name.len()..];
    if !port.is_empty() && port[1..].parse::<u16>().is_err() {
        return Err(Refusal::new("wrong-origin", &Obstacle::ForeignName(host)));
    }
    Ok(Site { name: name.to_owned(), origin: format!("http://{host}") })
}

fn check(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = text(headers, header::HOST.as_str());
    // A name that an attacker's server resolves to this machine would make their page ours.
    let named = host.is_none_or(|host| OWN_NAMES.contains(&name_of(host)));
    if !named {
        let detail = Obstacle::ForeignName(host.unwrap_or_default());
        return Err(Refusal::new("wrong-origin", &detail));
    }
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let own = host.map(|host| format!("http://{host}"));
    match text(headers, header::ORIGIN.as_str()) {
        Some(origin) if own.as_deref() == Some(origin) => Ok(()),
        Some(origin) => Err(Refusal::new("wrong-origin", &Obstacle::ForeignPage(origin))),
        // Programs send no origin; browsers always do. A cookie without one is neither.
        None if identity::session(headers).is_some() && !headers.contains_key("authorization") => {
            Err(Refusal::new("wrong-origin", &Obstacle::NoPage))
        }
        None => Ok(()),
    }
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rfind(':') {
        Some(end) if !host.ends_with(']') => &host[..end],
        Some(_) | None => host,
    }
}

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
