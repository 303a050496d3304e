//! Giving blobs, checked against their digest while they are sent whole, and taking them away.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use ledger::ArtifactDigest;
use tokio::sync::mpsc;

use super::answers::{Refusal, with_headers};
use super::{Service, empty, parse_digest};
use crate::blobs::{BlobError, BlobStore, blocking};
use crate::checked::Mark;
use crate::delete::Deleted;
use crate::digest::Hasher;
use crate::name::ImageName;

/// Bytes per piece of a body.
const PIECE: usize = 256 << 10;

pub(super) async fn get(
    service: &Service,
    image: &ImageName,
    digest: &str,
    request: &HeaderMap,
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
    let etag = format!("\"{digest}\"");
    let mut headers = vec![
        ("content-type", "application/octet-stream".to_owned()),
        ("docker-content-digest", digest.to_string()),
        ("cache-control", "private, max-age=31536000, immutable".to_owned()),
        ("accept-ranges", "bytes".to_owned()),
    ];
    let is_same = |wanted: &header::HeaderValue| wanted.as_bytes() == etag.as_bytes();
    let is_of_this = request.get(header::IF_RANGE).is_none_or(is_same);
    let range = request.get(header::RANGE).filter(|_| is_of_this && !is_head);
    headers.push(("etag", etag.clone()));
    match range.map_or(Ok(None), |range| parse_range(range.as_bytes(), size))? {
        Some((first, last)) => {
            let count = last - first + 1;
            headers.push(("content-length", count.to_string()));
            headers.push(("content-range", format!("bytes {first}-{last}/{size}")));
            let body = part(file, first, count);
            Ok(with_headers(StatusCode::PARTIAL_CONTENT, &headers, body))
        }
        None => {
            headers.push(("content-length", size.to_string()));
            let blobs = service.registry.blobs();
            let body = if is_head {
                Body::empty()
            } else if blobs.is_checked(&digest, &file).map_err(BlobError::from)? {
                part(file, 0, size)
            } else {
                checked_body(blobs.clone(), file, digest)
            };
            Ok(with_headers(StatusCode::OK, &headers, body))
        }
    }
}

pub(super) async fn delete(
    service: &Service,
    image: &ImageName,
    digest: &str,
) -> Result<Response, Refusal> {
    let digest = parse_digest(digest)?;
    match service.registry.delete_blob(image, &digest).await? {
        Deleted::Gone => Ok(empty(StatusCode::ACCEPTED, &[])),
        Deleted::Absent => Err(Refusal::blob_unknown()),
    }
}

/// The first and the last byte that are asked for; `None`: all of them, also where it is no range of
/// this kind, or several, as HTTP has it.
fn parse_range(text: &[u8], size: u64) -> Result<Option<(u64, u64)>, Refusal> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|it| it.split_once('-')) else {
        return Ok(None);
    };
    let (first, last) = match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last),
        (Ok(first), Err(_)) if last.trim().is_empty() => (first, u64::MAX),
        (Err(_), Ok(count)) if first.trim().is_empty() => match size.checked_sub(count) {
            // The last bytes.
            Some(first) => (first, u64::MAX),
            None => (0, u64::MAX),
        },
        (Ok(_) | Err(_), Ok(_) | Err(_)) => return Ok(None),
    };
    if first >= size {
        return Err(Refusal::range_unsatisfiable(size));
    }
    Ok(Some((first, last.min(size - 1))))
}

/// A part of the file as a body. It cannot be checked alone: who puts parts together checks the whole.
fn part(mut file: File, first: u64, count: u64) -> Body {
    let (sender, body) = body();
    tokio::task::spawn_blocking(move || {
        let mut send = || -> io::Result<()> {
            file.seek(SeekFrom::Start(first))?;
            let mut left = (&mut file).take(count);
            loop {
                let piece = read_piece(&mut left)?;
                // A closed channel: the client has gone.
                if piece.is_empty() || sender.blocking_send(Ok(piece)).is_err() {
                    return Ok(());
                }
            }
        };
        if let Err(error) = send() {
            tracing::error!(%error, "a part of a blob could not be sent");
            let _ = sender.blocking_send(Err(error));
        }
    });
    body
}

/// The file as a body. When the bytes do not have the digest the last piece is withheld and the
/// connection is broken, so that no client takes the content for whole.
fn checked_body(blobs: BlobStore, file: File, digest: ArtifactDigest) -> Body {
    let (sender, body) = body();
    tokio::task::spawn_blocking(move || {
        let before = file.metadata().map(|file| Mark::from(&file));
        if send_checked(file, &digest, &sender)
            && let Ok(mark) = before
        {
            blobs.set_checked(&digest, mark);
        }
    });
    body
}

/// The next bytes; none at the end.
fn read_piece(file: &mut impl Read) -> io::Result<Bytes> {
    let mut piece = vec![0; PIECE];
    let count = file.read(&mut piece)?;
    piece.truncate(count);
    Ok(piece.into())
}

type Sender = mpsc::Sender<io::Result<Bytes>>;

fn body() -> (Sender, Body) {
    let (sender, mut receiver) = mpsc::channel(4);
    let stream = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    (sender, Body::from_stream(stream))
}

/// Whether the file has the digest.
fn send_checked(mut file: File, digest: &ArtifactDigest, sender: &Sender) -> bool {
    let mut hasher = Hasher::like(digest);
    let mut held: Option<Bytes> = None;
    let result = loop {
        match read_piece(&mut file) {
            Ok(next) if next.is_empty() => break Ok(()),
            Ok(next) => {
                // Working out a digest cannot fail.
                let _ = hasher.write_all(&next);
                // A closed channel: the client has gone.
                if let Some(piece) = held.replace(next)
                    && sender.blocking_send(Ok(piece)).is_err()
                {
                    return false;
                }
            }
            Err(error) => break Err(error),
        }
    };
    let found = hasher.finish();
    let is_whole = result.is_ok() && found == *digest;
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
    is_whole
}
