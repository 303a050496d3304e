//! The one place where a refusal becomes an HTTP answer.

use api::codes;
use api::problem::{Problem, Reason};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A refusal on its way to the caller.
#[derive(Debug)]
pub struct Refusal(Box<Problem>);

/// What a handler gives back.
pub type Answer<T> = Result<Json<T>, Refusal>;

impl Refusal {
    /// A refusal with a code of the catalogue; the status follows from the code.
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        let known = codes::find(code);
        Self(Box::new(Problem {
            kind: format!("urn:boucle:problem:{code}"),
            title: known.map_or(code, |known| known.title).into(),
            status: known.map_or(500, |known| known.status),
            detail: detail.into(),
            code: code.into(),
            next: None,
            reasons: Vec::new(),
        }))
    }

    /// There is no such thing, or the caller may not know of it.
    pub fn not_found(what: &str) -> Self {
        Self::new("not-found", format!("{what} is not here, or not for this token"))
    }

    /// The same refusal with each thing that stands in the way.
    #[must_use]
    pub fn with_reasons(mut self, reasons: Vec<Reason>) -> Self {
        self.0.reasons = reasons;
        self
    }

    /// The same refusal with what to do next.
    #[must_use]
    pub fn with_next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
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

/// An unexpected failure: the chain goes to the log once, the caller gets the code.
impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "a request failed");
        Self::new("internal", error.to_string())
    }
}
