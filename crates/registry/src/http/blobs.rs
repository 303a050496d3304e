//! Giving blobs, checked against their digest while they are sent.

use std::fs::File;
use std::io::{self, Read};

use axum::body::Body;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use ledger::ArtifactDigest;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use super::answers::{Refusal, with_headers};
use super::{Service, parse_digest};
use crate::blobs::{blocking, digest_from};
use crate::name::ImageName;

/// Bytes per piece of a body.
const PIECE: usize = 64 << 10;

pub(super) async fn get(
    service: &Service,
    image: &ImageName,
    digest: &str,
    is_head: bool,
) -> Result<Response, Refusal> {
    let digest = parse_digest(digest)?;
    if !service.registry.has_blob(image, &digest).await? {
        return Err(Refusal::blob_unknown());
    }
    let (blobs, wanted) = (service.registry.blobs().clone(), digest.clone());
    let Some((file, size)) = blocking(move || blobs.open_blob(&wanted)).await? else {
        return Err(Refusal::blob_unknown());
    };
    let headers = [
        ("content-type", "application/octet-stream".to_owned()),
        ("content-length", size.to_string()),
        ("docker-content-digest", digest.to_string()),
        ("etag", format!("\"{digest}\"")),
        ("cache-control", "private, max-age=31536000, immutable".to_owned()),
    ];
    let body = if is_head { Body::empty() } else { checked_body(file, digest) };
    Ok(with_headers(StatusCode::OK, &headers, body))
}

/// The file as a body. When the bytes do not have the digest the last piece is withheld and the
/// connection is broken, so that no client takes the content for whole.
fn checked_body(file: File, digest: ArtifactDigest) -> Body {
    let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(4);
    tokio::task::spawn_blocking(move || send_checked(file, &digest, &sender));
    Body::from_stream(futures::stream::poll_fn(move |context| receiver.poll_recv(context)))
}

fn send_checked(mut file: File, digest: &ArtifactDigest, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut hasher = Sha256::new();
    let mut held: Option<Bytes> = None;
    let mut buffer = vec![0; PIECE];
    let result = loop {
        match file.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                let next = Bytes::copy_from_slice(&buffer[..count]);
                // A closed channel: the client has gone.
                if let Some(piece) = held.replace(next)
                    && sender.blocking_send(Ok(piece)).is_err()
                {
                    return;
                }
            }
            Err(error) => break Err(error),
        }
    };
    let found = digest_from(hasher);
    let last = match result {
        Ok(()) if found == *digest => held.map(Ok),
        Ok(()) => Some(Err(io::Error::other(format!("the stored blob {digest} is damaged")))),
        Err(error) => Some(Err(error)),
    };
    if let Some(last) = last {
        if let Err(error) = &last {
            tracing::error!(%error, %digest, "a blob could not be sent");
        }
        // A closed channel: the client has gone.
        let _ = sender.blocking_send(last);
    }
}
