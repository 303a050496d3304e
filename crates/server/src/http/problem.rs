//! The one place where a refusal becomes an HTTP answer.

use std::io;

use api::codes;
use api::problem::{Problem, Reason};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use git_store::StoreError;

use crate::language::{self, Language};
use crate::words::{Missing, Next, Obstacle, Said, say};

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Refusal(Box<Problem>);

/// What a handler gives back.
pub type Answer<T> = Result<Json<T>, Refusal>;

impl Refusal {
    /// A refusal with a code of the catalogue, in the language of the request; the status follows
    /// from the code.
    pub fn new(code: &'static str, detail: &impl Said) -> Self {
        let known = codes::find(code);
        let title = known.map_or(code, |known| match language::current() {
            Language::English => known.title,
            Language::French => known.title_fr,
        });
        Self(Box::new(Problem {
            kind: format!("urn:boucle:problem:{code}"),
            title: title.into(),
            status: known.map_or(500, |known| known.status),
            detail: say(detail),
            code: code.into(),
            next: None,
            reasons: Vec::new(),
        }))
    }

    /// There is no such thing, or the caller may not know of it.
    pub fn not_found(what: &Missing<'_>) -> Self {
        Self::new("not-found", what)
    }

    /// The same refusal with each thing that stands in the way.
    #[must_use]
    pub fn with_reasons(mut self, reasons: Vec<Reason>) -> Self {
        self.0.reasons = reasons;
        self
    }

    /// The same refusal with what to do next.
    #[must_use]
    pub fn with_next(mut self, next: Next) -> Self {
        self.0.next = Some(say(&next));
        self
    }

    /// The problem document.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.0
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&*self.0)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"boucle\", charset=\"UTF-8\""),
            );
        }
        response
    }
}

/// What a caller named wrongly is theirs to mend; what cannot be read is ours.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::NotFound { wanted, name } => {
                Self::not_found(&Missing::Object { wanted, name })
            }
            StoreError::TooLarge { .. } => Self::new("too-large", &error),
            StoreError::InvalidPath { .. } => Self::new("invalid-name", &error),
            StoreError::GitMissing(_)
            | StoreError::GitTooOld { .. }
            | StoreError::Git { .. }
            | StoreError::Files { .. }
            | StoreError::Read { .. }
            | StoreError::UnknownRepository(_)
            | StoreError::RepositoryExists(_) => Self::from(anyhow::Error::from(error)),
        }
    }
}

/// An unexpected failure: the chain goes to the log once, the caller gets the code.
impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        if is_disk_full(&error) {
            return Self::new("disk-full", &Obstacle::DiskFull(&error));
        }
        tracing::error!(error = format!("{error:#}"), "a request failed");
        Self::new("internal", &Obstacle::Internal(&error))
    }
}

/// Whether a failure comes from a disk or quota without room, wherever in the chain it says so.
fn is_disk_full(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let by_system = cause.downcast_ref::<io::Error>().is_some_and(|error| {
            matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        });
        by_system || cause.downcast_ref().is_some_and(StoreError::is_disk_full)
    })
}
