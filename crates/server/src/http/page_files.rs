//! The page as it was built into the binary: its document with a fresh nonce, its files for ever.

use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;

use crate::http::page_routes;
use crate::http::problem::Refusal;
use crate::secret;
use crate::words::Missing;

/// Path and gzipped content of each file; empty in a binary that was built without the page.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));
const DOCUMENT: &str = "/index.html";
/// What the document has where the nonce belongs.
const NONCE: &str = "BOUCLE_CSP_NONCE";

/// Whatever no other route knows: a file of the page, or the page itself at one of its addresses.
pub async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if method == Method::GET || method == Method::HEAD {
        if path != DOCUMENT
            && let Some(packed) = content(path)
        {
            return file(path, packed, &headers);
        }
        let wants_page = headers
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accept| accept.contains("text/html"));
        if wants_page && let Some(document) = document() {
            return document;
        }
    }
    Refusal::not_found(&Missing::Address(&path)).into_response()
}

/// The document; `None` in a binary without the page.
pub fn document() -> Option<Response> {
    let text = String::from_utf8(unpacked(content(DOCUMENT)?)).ok()?;
    let nonce = secret::random_text();
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         connect-src 'self'; img-src 'self' data:; font-src 'self'; worker-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types boucle-worker"
    );
    let mut response = page_routes::file("text/html; charset=utf-8", text.replace(NONCE, &nonce));
    let policy = HeaderValue::from_str(&policy).ok()?;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    Some(response)
}

fn content(path: &str) -> Option<&'static [u8]> {
    FILES.iter().find(|(known, _)| *known == path).map(|(_, packed)| *packed)
}

fn file(path: &str, packed: &'static [u8], headers: &HeaderMap) -> Response {
    let kind = match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json") => "application/json",
        Some(_) | None => "application/octet-stream",
    };
    // The names of built files hold their hash; the others may change with the next binary.
    let keep = if path.starts_with("/assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let packs = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accepted| accepted.contains("gzip"));
    let common = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, keep),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    if packs {
        let encoding = [(header::CONTENT_ENCODING, "gzip")];
        return (StatusCode::OK, common, encoding, Body::from(packed)).into_response();
    }
    (StatusCode::OK, common, Body::from(unpacked(packed))).into_response()
}

/// What the build packed cannot be damaged; an empty file would show at once.
fn unpacked(packed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    let read = GzDecoder::new(packed).read_to_end(&mut content);
    if let Err(error) = read {
        tracing::error!(%error, "a file of the page cannot be unpacked");
    }
    content
}
