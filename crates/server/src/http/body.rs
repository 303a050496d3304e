//! Reads a JSON body: at most 1 MB, unknown fields refused by name.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::http::problem::Refusal;
use crate::words::Malformed;

/// The largest JSON body. Packs, blobs and scrapes have their own limits.
pub const BODY_BYTES_MAX: usize = 1_000_000;

/// A checked JSON body; an absent one reads as `{}` so that a request without choices needs none.
pub struct Checked<T>(pub T);

impl<T, S> FromRequest<S> for Checked<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| {
            Refusal::new("too-large", &Malformed::BodyTooLarge { bytes_max: BODY_BYTES_MAX })
        })?;
        let text: &[u8] = if bytes.is_empty() || &*bytes == b"null" { b"{}" } else { &bytes };
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| Refusal::new("invalid-request", &Malformed::Body(&error)))
    }
}
