//! OCI distribution v1.1 below `/v2/`: what is asked, whether it may be, and the answer.

mod answers;
mod blobs;
mod manifests;
mod uploads;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use futures::future::BoxFuture;
use ledger::ArtifactDigest;

use crate::name::{ImageName, Reference};
use crate::store::Registry;
use answers::Refusal;
use uploads::Uploads;

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Find out whether this is a registry, and how to log in.
    Ping,
    /// Read.
    Pull,
    /// Write.
    Push,
    /// Take away what the request names.
    Delete,
}

/// The question to the server's authorisation.
#[derive(Debug, Clone)]
pub struct AccessRequest {
    /// `None` for [`Action::Ping`].
    pub image: Option<ImageName>,
    /// What is wanted.
    pub action: Action,
    /// The manifest or the tag, where the request names one.
    pub reference: Option<Reference>,
    /// The request's headers, with its credentials.
    pub headers: HeaderMap,
}

/// The server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Go on.
    Allowed,
    /// No valid credentials; the text is the `WWW-Authenticate` header: `Basic realm="…"`.
    Unauthenticated {
        /// How to log in.
        challenge: String,
    },
    /// Known, and not allowed.
    Denied {
        /// Why, as a sentence.
        reason: String,
    },
    /// The image is not to be known of: answered like one that is not there.
    Hidden,
}

/// Asks the server whether a request may go on; called before anything is read or written.
pub type Authorise = Arc<dyn Fn(AccessRequest) -> BoxFuture<'static, Access> + Send + Sync>;

#[derive(Clone)]
struct Service {
    registry: Registry,
    authorise: Authorise,
    uploads: Uploads,
}

/// What a path below `/v2/` means.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Ping,
    Tags(ImageName),
    Manifest(ImageName, String),
    Blob(ImageName, String),
    Uploads(ImageName),
    Upload(ImageName, String),
    Referrers(ImageName, String),
}

/// The routes `/v2/` and everything below, to be merged into the server's router.
pub fn routes(registry: Registry, authorise: Authorise) -> Router {
    let uploads = Uploads::new(registry.limits().uploads_max);
    let service = Service { registry, authorise, uploads };
    Router::new()
        .route("/v2/", axum::routing::any(serve))
        .route("/v2/{*rest}", axum::routing::any(serve))
        .with_state(service)
}

async fn serve(State(service): State<Service>, request: Request) -> Response {
    let mut response = match answer(&service, request).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    // Pushed content is anybody's: a browser must neither guess its type nor show it.
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    headers.insert(
        "docker-distribution-api-version",
        header::HeaderValue::from_static("registry/2.0"),
    );
    response
}

async fn answer(service: &Service, request: Request) -> Result<Response, Refusal> {
    let route = Route::parse(request.uri().path())?;
    let method = request.method().clone();
    let action = match (&route, &method) {
        (Route::Ping, _) => Action::Ping,
        (Route::Upload(..), _) => Action::Push,
        (_, &Method::GET | &Method::HEAD) => Action::Pull,
        (_, &Method::DELETE) => Action::Delete,
        (_, _) => Action::Push,
    };
    let reference = match &route {
        Route::Manifest(_, reference) => reference.parse().ok(),
        Route::Ping
        | Route::Tags(_)
        | Route::Blob(..)
        | Route::Uploads(_)
        | Route::Upload(..)
        | Route::Referrers(..) => None,
    };
    service.ask(route.image().cloned(), action, reference, request.headers()).await?;
    match (route, method.as_str()) {
        (Route::Ping, "GET" | "HEAD") => Ok(answers::json(StatusCode::OK, &serde_json::json!({}))),
        (Route::Tags(image), "GET") => manifests::tags(service, &image, request.uri()).await,
        (Route::Manifest(image, reference), "GET" | "HEAD") => {
            manifests::get(service, &image, &reference, method == Method::HEAD).await
        }
        (Route::Manifest(image, reference), "PUT") => {
            manifests::put(service, &image, &reference, request).await
        }
        (Route::Manifest(image, reference), "DELETE") => {
            manifests::delete(service, &image, &reference, request.headers()).await
        }
        (Route::Referrers(image, subject), "GET") => {
            manifests::referrers(service, &image, &subject, request.uri()).await
        }
        (Route::Blob(image, digest), "GET" | "HEAD") => {
            blobs::get(service, &image, &digest, request.headers(), method == Method::HEAD).await
        }
        (Route::Blob(image, digest), "DELETE") => blobs::delete(service, &image, &digest).await,
        (Route::Uploads(image), "POST") => uploads::start(service, &image, request).await,
        (Route::Upload(image, id), "PATCH") => uploads::append(service, &image, &id, request).await,
        (Route::Upload(image, id), "PUT") => uploads::finish(service, &image, &id, request).await,
        (Route::Upload(image, id), "GET") => uploads::progress(service, &image, &id),
        (Route::Upload(image, id), "DELETE") => uploads::cancel(service, &image, &id),
        (_, method) => Err(Refusal::unsupported(method)),
    }
}

impl Service {
    async fn ask(
        &self,
        image: Option<ImageName>,
        action: Action,
        reference: Option<Reference>,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let request = AccessRequest { image, action, reference, headers: headers.clone() };
        match (self.authorise)(request).await {
            Access::Allowed => Ok(()),
            Access::Unauthenticated { challenge } => Err(Refusal::unauthorized(&challenge)),
            Access::Denied { reason } => Err(Refusal::denied(&reason)),
            Access::Hidden => Err(Refusal::name_unknown()),
        }
    }
}

impl Route {
    fn parse(path: &str) -> Result<Self, Refusal> {
        let rest = path.strip_prefix("/v2/").unwrap_or_default();
        if rest.is_empty() {
            return Ok(Self::Ping);
        }
        // Names have slashes: what follows the name is found from the end.
        let parts: Vec<&str> = rest.split('/').collect();
        let name = |count: usize| {
            let name = parts[..parts.len() - count].join("/");
            name.parse::<ImageName>().map_err(|error| Refusal::name_invalid(&error))
        };
        match parts.as_slice() {
            [_, .., "tags", "list"] => Ok(Self::Tags(name(2)?)),
            [_, .., "manifests", reference] => Ok(Self::Manifest(name(2)?, (*reference).into())),
            [_, .., "blobs", "uploads"] => Ok(Self::Uploads(name(2)?)),
            [_, .., "blobs", "uploads", ""] => Ok(Self::Uploads(name(3)?)),
            [_, .., "blobs", "uploads", id] => Ok(Self::Upload(name(3)?, (*id).into())),
            [_, .., "blobs", digest] => Ok(Self::Blob(name(2)?, (*digest).into())),
            [_, .., "referrers", digest] => Ok(Self::Referrers(name(2)?, (*digest).into())),
            _ => Err(Refusal::name_unknown()),
        }
    }

    fn image(&self) -> Option<&ImageName> {
        match self {
            Self::Ping => None,
            Self::Tags(image)
            | Self::Manifest(image, _)
            | Self::Blob(image, _)
            | Self::Uploads(image)
            | Self::Upload(image, _)
            | Self::Referrers(image, _) => Some(image),
        }
    }
}

fn parse_digest(text: &str) -> Result<ArtifactDigest, Refusal> {
    ArtifactDigest::new(text).map_err(|error| Refusal::digest_invalid(&error.to_string()))
}

/// The value of a query parameter, with percent escapes undone.
fn query_value(uri: &Uri, name: &str) -> Option<String> {
    query_values(uri, name).next()
}

/// All values of a query parameter that may stand more than once.
fn query_values(uri: &Uri, name: &str) -> impl Iterator<Item = String> {
    let pairs = uri.query().unwrap_or_default().split('&');
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    pairs.filter(move |(key, _)| *key == name).map(|(_, value)| decode_percent(value))
}

fn decode_percent(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%').then(|| after.get(..2)).flatten();
        let digits = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An empty answer with headers.
fn empty(status: StatusCode, headers: &[(&'static str, String)]) -> Response {
    answers::with_headers(status, headers, Body::empty())
}
