//! Taking blobs: in one request, or in chunks that follow each other.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use futures::TryStreamExt as _;
use ledger::ArtifactDigest;
use tokio_util::io::{StreamReader, SyncIoBridge};
use uuid::Uuid;

use super::answers::Refusal;
use super::{Action, Service, empty, parse_digest, query_value};
use crate::blobs::{BlobError, BlobWriter, blocking};
use crate::name::ImageName;

/// An upload that nothing was added to for so long is forgotten.
const IDLE: Duration = Duration::from_secs(3600);

/// Unfinished uploads. They do not survive a restart: clients begin again.
#[derive(Clone)]
pub(super) struct Uploads {
    open: Arc<Mutex<BTreeMap<Uuid, Upload>>>,
    count_max: usize,
}

struct Upload {
    image: ImageName,
    /// `None` while a request adds to it.
    writer: Option<BlobWriter>,
    size_bytes: u64,
    touched: Instant,
}

impl Uploads {
    pub fn new(count_max: usize) -> Self {
        Self { open: Arc::default(), count_max }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Uuid, Upload>> {
        // No code that holds the lock can panic half way through a change.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, image: &ImageName, writer: BlobWriter) -> Result<Uuid, Refusal> {
        let mut open = self.lock();
        open.retain(|_, upload| upload.writer.is_none() || upload.touched.elapsed() < IDLE);
        if open.len() >= self.count_max {
            return Err(Refusal::too_many_uploads());
        }
        let id = Uuid::now_v7();
        let (image, touched) = (image.clone(), Instant::now());
        open.insert(id, Upload { image, writer: Some(writer), size_bytes: 0, touched });
        Ok(id)
    }

    /// Takes the writer out, so that two requests never add to one upload at a time.
    fn take(&self, image: &ImageName, id: Uuid) -> Result<BlobWriter, Refusal> {
        let mut open = self.lock();
        let upload = open.get_mut(&id).filter(|upload| upload.image == *image);
        let upload = upload.ok_or_else(Refusal::upload_unknown)?;
        let busy = "another request is adding to this upload; wait for it";
        upload.writer.take().ok_or_else(|| Refusal::upload_invalid(busy))
    }

    fn put_back(&self, id: Uuid, writer: BlobWriter) {
        if let Some(upload) = self.lock().get_mut(&id) {
            upload.size_bytes = writer.size_bytes();
            upload.writer = Some(writer);
            upload.touched = Instant::now();
        }
    }

    fn size(&self, image: &ImageName, id: Uuid) -> Result<u64, Refusal> {
        let open = self.lock();
        let upload = open.get(&id).filter(|upload| upload.image == *image);
        upload.map(|upload| upload.size_bytes).ok_or_else(Refusal::upload_unknown)
    }
}

/// Removes the upload when the request that took its writer ends without putting it back.
struct Forget<'a> {
    uploads: &'a Uploads,
    id: Option<Uuid>,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.uploads.lock().remove(&id);
        }
    }
}

pub(super) async fn start(
    service: &Service,
    image: &ImageName,
    request: Request,
) -> Result<Response, Refusal> {
    if let Some(response) = mount(service, image, request.uri(), request.headers()).await? {
        return Ok(response);
    }
    let writer = new_writer(service).await?;
    if let Some(digest) = query_value(request.uri(), "digest") {
        let digest = parse_digest(&digest)?;
        let (writer, result) = receive(writer, request.into_body()).await;
        result?;
        return store(service, image, writer, digest).await;
    }
    let id = service.uploads.insert(image, writer)?;
    Ok(accepted(image, id, 0))
}

/// Uses a blob of another image, if that may be read. `None`: upload it instead.
async fn mount(
    service: &Service,
    image: &ImageName,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<Response>, Refusal> {
    let (Some(digest), Some(from)) = (query_value(uri, "mount"), query_value(uri, "from")) else {
        return Ok(None);
    };
    let (Ok(digest), Ok(from)) = (parse_digest(&digest), from.parse::<ImageName>()) else {
        return Ok(None);
    };
    let allowed = service.ask(Some(from.clone()), Action::Pull, None, headers).await.is_ok();
    let may = allowed && service.registry.has_blob(&from, &digest).await?;
    let linked = may && service.registry.link_blob(image, &digest).await?;
    Ok(linked.then(|| created(image, &digest)))
}

pub(super) async fn append(
    service: &Service,
    image: &ImageName,
    id: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let id = parse_id(id)?;
    let size = service.uploads.size(image, id)?;
    check_range(request.headers(), size)?;
    let writer = service.uploads.take(image, id)?;
    let mut forget = Forget { uploads: &service.uploads, id: Some(id) };
    let (writer, result) = receive(writer, request.into_body()).await;
    result?;
    let size = writer.size_bytes();
    forget.id = None;
    service.uploads.put_back(id, writer);
    Ok(accepted(image, id, size))
}

pub(super) async fn finish(
    service: &Service,
    image: &ImageName,
    id: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let id = parse_id(id)?;
    let Some(digest) = query_value(request.uri(), "digest") else {
        return Err(Refusal::digest_invalid("the request has no `digest` parameter"));
    };
    let digest = parse_digest(&digest)?;
    let size = service.uploads.size(image, id)?;
    check_range(request.headers(), size)?;
    let writer = service.uploads.take(image, id)?;
    let forget = Forget { uploads: &service.uploads, id: Some(id) };
    let (writer, result) = receive(writer, request.into_body()).await;
    result?;
    drop(forget);
    store(service, image, writer, digest).await
}

pub(super) fn progress(
    service: &Service,
    image: &ImageName,
    id: &str,
) -> Result<Response, Refusal> {
    let id = parse_id(id)?;
    let size = service.uploads.size(image, id)?;
    let headers = upload_headers(image, id, size);
    Ok(empty(StatusCode::NO_CONTENT, &headers))
}

pub(super) fn cancel(service: &Service, image: &ImageName, id: &str) -> Result<Response, Refusal> {
    let id = parse_id(id)?;
    drop(service.uploads.take(image, id)?);
    service.uploads.lock().remove(&id);
    Ok(empty(StatusCode::NO_CONTENT, &[]))
}

async fn new_writer(service: &Service) -> Result<BlobWriter, Refusal> {
    let blobs = service.registry.blobs().clone();
    let size_bytes_max = service.registry.limits().blob_size_bytes_max;
    Ok(blocking(move || blobs.writer(size_bytes_max)).await?)
}

/// Adds the whole body. After an error the writer is not to be used further.
async fn receive(mut writer: BlobWriter, body: Body) -> (BlobWriter, Result<(), Refusal>) {
    let stream = body.into_data_stream().map_err(io::Error::other);
    let mut reader = SyncIoBridge::new(StreamReader::new(stream));
    let (writer, result) = blocking(move || {
        let result = io::copy(&mut reader, &mut writer);
        (writer, result)
    })
    .await;
    let result = result.map(|_| ()).map_err(|error| BlobError::from(error).into());
    (writer, result)
}

async fn store(
    service: &Service,
    image: &ImageName,
    writer: BlobWriter,
    digest: ArtifactDigest,
) -> Result<Response, Refusal> {
    let (digest, _) = blocking(move || writer.finish(Some(&digest))).await?;
    if service.registry.link_blob(image, &digest).await? {
        Ok(created(image, &digest))
    } else {
        Err(Refusal::upload_unknown())
    }
}

/// A chunk says where it belongs; one without the header follows what is there.
fn check_range(headers: &HeaderMap, size: u64) -> Result<(), Refusal> {
    let Some(range) = headers.get(header::CONTENT_RANGE) else { return Ok(()) };
    let start = range.to_str().ok().and_then(|text| text.split_once('-')?.0.parse::<u64>().ok());
    match start {
        Some(start) if start == size => Ok(()),
        Some(_) => Err(Refusal::range_invalid(size)),
        None => Err(Refusal::upload_invalid("Content-Range is not `first-last`")),
    }
}

fn parse_id(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| Refusal::upload_unknown())
}

fn accepted(image: &ImageName, id: Uuid, size: u64) -> Response {
    empty(StatusCode::ACCEPTED, &upload_headers(image, id, size))
}

fn upload_headers(image: &ImageName, id: Uuid, size: u64) -> [(&'static str, String); 3] {
    [
        ("location", format!("/v2/{image}/blobs/uploads/{id}")),
        ("docker-upload-uuid", id.to_string()),
        // The last byte that is there; the specification has no way to say "none yet" but this.
        ("range", format!("0-{}", size.saturating_sub(1))),
    ]
}

fn created(image: &ImageName, digest: &ArtifactDigest) -> Response {
    let location = format!("/v2/{image}/blobs/{digest}");
    let headers = [("location", location), ("docker-content-digest", digest.to_string())];
    empty(StatusCode::CREATED, &headers)
}
