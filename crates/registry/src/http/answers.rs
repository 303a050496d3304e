//! Answers, and the errors of the distribution specification: a code of its list and a sentence.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::json;

use crate::blobs::BlobError;
use crate::delete::DeleteError;
use crate::store::ManifestError;

/// A request that was not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    challenge: Option<String>,
    /// Of what a range was asked of that it does not have.
    size_bytes: Option<u64>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), challenge: None, size_bytes: None }
    }

    pub fn unauthorized(challenge: &str) -> Self {
        let message = "log in with a token of this server";
        let refusal = Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
        Self { challenge: Some(challenge.into()), ..refusal }
    }

    pub fn denied(reason: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "DENIED", reason)
    }

    pub fn name_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NAME_UNKNOWN", "there is no such image here")
    }

    pub fn name_invalid(error: &impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NAME_INVALID", error.to_string())
    }

    pub fn digest_invalid(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
    }

    pub fn manifest_unknown(reference: &str) -> Self {
        let message = format!("the image has no manifest `{reference}`");
        Self::new(StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN", message)
    }

    pub fn manifest_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANIFEST_INVALID", message)
    }

    pub fn blob_unknown() -> Self {
        Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "the image has no such blob")
    }

    pub fn upload_unknown() -> Self {
        let message = "there is no such upload; it was finished or has expired: start again";
        Self::new(StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", message)
    }

    pub fn range_invalid(expected: u64) -> Self {
        let message = format!("the next chunk begins at byte {expected}");
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", message)
    }

    pub fn upload_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message)
    }

    pub fn too_many_uploads() -> Self {
        let message = "too many unfinished uploads; finish some, or try again later";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", message)
    }

    pub fn too_large(what: &str, size_bytes_max: u64) -> Self {
        let message = format!("the {what} is larger than the {size_bytes_max} bytes allowed");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "SIZE_INVALID", message)
    }

    pub fn range_unsatisfiable(size: u64) -> Self {
        let message = format!("the blob has {size} bytes");
        let refusal = Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", message);
        Self { size_bytes: Some(size), ..refusal }
    }

    pub fn unsupported(method: &str) -> Self {
        let message = format!("{method} is not supported here");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
    }

    pub fn into_response(self) -> Response {
        let body = json!({ "errors": [{ "code": self.code, "message": self.message }] });
        let mut response = json(self.status, &body);
        if let Some(challenge) = self.challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        let range = self.size_bytes.map(|size| HeaderValue::from_str(&format!("bytes */{size}")));
        if let Some(Ok(range)) = range {
            response.headers_mut().insert(header::CONTENT_RANGE, range);
        }
        response
    }
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        match &error {
            BlobError::WrongDigest { .. } => Self::digest_invalid(&error.to_string()),
            BlobError::TooLarge { size_bytes_max } => Self::too_large("content", *size_bytes_max),
            BlobError::Full => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "UNKNOWN", error.to_string())
            }
            BlobError::Damaged { .. } => {
                tracing::error!(%error, "a stored blob is damaged");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", error.to_string())
            }
            BlobError::Storage(source) => {
                tracing::error!(%source, "the blob store could not be used");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", error.to_string())
            }
        }
    }
}

impl From<ManifestError> for Refusal {
    fn from(error: ManifestError) -> Self {
        let message = error.to_string();
        match error {
            ManifestError::Invalid(_) => Self::manifest_invalid(message),
            ManifestError::WrongDigest { .. } => Self::digest_invalid(&message),
            ManifestError::BlobUnknown { .. } => {
                Self::new(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", message)
            }
            ManifestError::Blob(error) => error.into(),
        }
    }
}

impl From<DeleteError> for Refusal {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::Needed { .. } => {
                Self::new(StatusCode::CONFLICT, "DENIED", error.to_string())
            }
            DeleteError::Manifest(error) => error.into(),
            DeleteError::Blob(error) => error.into(),
        }
    }
}

/// A JSON document.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    // Our own documents always serialise.
    let text = serde_json::to_string(body).unwrap_or_default();
    with_headers(status, &[("content-type", "application/json".into())], Body::from(text))
}

/// A body with headers; a value that cannot be a header is left out.
pub(super) fn with_headers(
    status: StatusCode,
    headers: &[(&'static str, String)],
    body: Body,
) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().append(*name, value);
        }
    }
    response
}
