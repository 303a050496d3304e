//! Keeps other sites out: a page from elsewhere can neither change anything nor reach this server
//! under a name of its own.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::http::identity;
use crate::http::problem::Refusal;
use crate::words::Obstacle;

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

fn check(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let host = text(headers, header::HOST.as_str());
    // A name that an attacker's server resolves to this machine would make their page ours.
    let named = host.is_none_or(|host| {
        let name = match host.rfind(':') {
            Some(end) if !host.ends_with(']') => &host[..end],
            Some(_) | None => host,
        };
        OWN_NAMES.contains(&name)
    });
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

fn text<'headers>(headers: &'headers HeaderMap, name: &str) -> Option<&'headers str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
