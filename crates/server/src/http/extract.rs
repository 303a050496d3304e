//! Reads addresses and their queries; what does not fit is refused like everything else.

use axum::extract::{FromRequestParts, rejection};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::http::problem::Refusal;
use crate::words::Malformed;

/// The parts of an address.
pub struct Path<T>(pub T);

/// The query of an address.
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read: Result<axum::extract::Path<T>, rejection::PathRejection> =
            axum::extract::Path::from_request_parts(parts, state).await;
        let axum::extract::Path(read) = read.map_err(|refused| {
            let detail = refused.body_text();
            Refusal::new("invalid-request", &Malformed::Address(&detail))
        })?;
        Ok(Self(read))
    }
}

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let read: Result<axum::extract::Query<T>, rejection::QueryRejection> =
            axum::extract::Query::from_request_parts(parts, state).await;
        let axum::extract::Query(read) = read.map_err(|refused| {
            let detail = refused.body_text();
            Refusal::new("invalid-request", &Malformed::Query(&detail))
        })?;
        Ok(Self(read))
    }
}
