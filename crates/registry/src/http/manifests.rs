//! Manifests, tags and referrers.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::Response;
use serde_json::json;

use super::answers::{self, Refusal, with_headers};
use super::{Action, Service, empty, parse_digest, query_value, query_values};
use crate::delete::Deleted;
use crate::image::media_type;
use crate::name::{ImageName, Reference, Tag};

/// Tags per page when nothing else is asked for, and at most.
const TAGS_PER_PAGE: usize = 1000;
/// Tags that one manifest may be given with its digest.
const TAGS_AT_ONCE_MAX: usize = 100;

pub(super) async fn get(
    service: &Service,
    image: &ImageName,
    reference: &str,
    is_head: bool,
) -> Result<Response, Refusal> {
    let parsed = parse_reference(reference)?;
    let Some(stored) = service.registry.manifest(image, &parsed).await? else {
        return Err(Refusal::manifest_unknown(reference));
    };
    let headers = [
        ("content-type", stored.media_type),
        ("content-length", stored.bytes.len().to_string()),
        ("docker-content-digest", stored.digest.to_string()),
        ("etag", format!("\"{}\"", stored.digest)),
    ];
    let body = if is_head { Body::empty() } else { Body::from(stored.bytes) };
    Ok(with_headers(StatusCode::OK, &headers, body))
}

pub(super) async fn put(
    service: &Service,
    image: &ImageName,
    reference: &str,
    request: Request,
) -> Result<Response, Refusal> {
    let parsed = parse_reference(reference)?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let Some(content_type) = content_type.and_then(|value| value.to_str().ok()) else {
        return Err(Refusal::manifest_invalid("the request has no Content-Type"));
    };
    let content_type = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let tags = tags_of(request.uri(), &parsed)?;
    let size_bytes_max = service.registry.limits().manifest_size_bytes_max;
    let limit = usize::try_from(size_bytes_max).unwrap_or(usize::MAX);
    let bytes = to_bytes(request.into_body(), limit)
        .await
        .map_err(|_| Refusal::too_large("manifest", size_bytes_max))?;
    let registry = &service.registry;
    let stored = registry.put_manifest(image, &parsed, &tags, &content_type, bytes.into()).await?;
    let mut headers = vec![
        ("location", format!("/v2/{image}/manifests/{}", stored.digest)),
        ("docker-content-digest", stored.digest.to_string()),
    ];
    if let Some(subject) = &stored.manifest.subject {
        headers.push(("oci-subject", subject.digest.to_string()));
    }
    headers.extend(tags.iter().map(|tag| ("oci-tag", tag.to_string())));
    Ok(empty(StatusCode::CREATED, &headers))
}

/// Tags that the manifest of a digest is given with it.
fn tags_of(uri: &Uri, reference: &Reference) -> Result<Vec<Tag>, Refusal> {
    let tags: Result<Vec<Tag>, _> = query_values(uri, "tag").map(|tag| tag.parse()).collect();
    let tags = tags.map_err(|error| Refusal::manifest_invalid(error.to_string()))?;
    match reference {
        Reference::Tag(_) if !tags.is_empty() => {
            let problem = "`tag` is for manifests that are pushed by their digest";
            Err(Refusal::manifest_invalid(problem))
        }
        Reference::Digest(_) if tags.len() > TAGS_AT_ONCE_MAX => {
            let problem = format!("more than {TAGS_AT_ONCE_MAX} tags at once");
            Err(Refusal::manifest_invalid(problem))
        }
        Reference::Tag(_) | Reference::Digest(_) => Ok(tags),
    }
}

pub(super) async fn delete(
    service: &Service,
    image: &ImageName,
    reference: &str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let deleted = match parse_reference(reference)? {
        Reference::Digest(digest) => {
            // Its names go with it: each has to be one that may go.
            for tag in service.registry.tags_of(image, &digest).await? {
                let (image, tag) = (Some(image.clone()), Some(Reference::Tag(tag)));
                service.ask(image, Action::Delete, tag, headers).await?;
            }
            service.registry.delete_manifest(image, &digest).await?
        }
        Reference::Tag(tag) => service.registry.delete_tag(image, &tag).await?,
    };
    match deleted {
        Deleted::Gone => Ok(empty(StatusCode::ACCEPTED, &[])),
        Deleted::Absent => Err(Refusal::manifest_unknown(reference)),
    }
}

pub(super) async fn tags(
    service: &Service,
    image: &ImageName,
    uri: &Uri,
) -> Result<Response, Refusal> {
    let Some(tags) = service.registry.tags(image).await? else {
        return Err(Refusal::name_unknown());
    };
    let asked = query_value(uri, "n").and_then(|text| text.parse().ok());
    let count = asked.map_or(TAGS_PER_PAGE, |asked: usize| asked.min(TAGS_PER_PAGE));
    let last = query_value(uri, "last").unwrap_or_default();
    let after: Vec<String> = tags.into_iter().filter(|tag| *tag > last).collect();
    let page = &after[..count.min(after.len())];
    let body = json!({ "name": image.to_string(), "tags": page });
    let mut response = answers::json(StatusCode::OK, &body);
    if let Some(last) = page.last()
        && page.len() < after.len()
    {
        let link = format!("</v2/{image}/tags/list?n={count}&last={last}>; rel=\"next\"");
        if let Ok(link) = link.parse() {
            response.headers_mut().insert(header::LINK, link);
        }
    }
    Ok(response)
}

pub(super) async fn referrers(
    service: &Service,
    image: &ImageName,
    subject: &str,
    uri: &Uri,
) -> Result<Response, Refusal> {
    let subject = parse_digest(subject)?;
    let mut found = service.registry.referrers(image, &subject).await?;
    let mut headers = vec![("content-type", media_type::INDEX.to_owned())];
    if let Some(wanted) = query_value(uri, "artifactType") {
        found.retain(|descriptor| descriptor.artifact_type.as_ref() == Some(&wanted));
        headers.push(("oci-filters-applied", "artifactType".into()));
    }
    // An index always has its list, empty or not.
    let body = json!({
        "schemaVersion": 2, "mediaType": media_type::INDEX, "manifests": found,
    });
    Ok(with_headers(StatusCode::OK, &headers, Body::from(body.to_string())))
}

fn parse_reference(text: &str) -> Result<Reference, Refusal> {
    text.parse().map_err(|error: ledger::InvalidId| {
        if text.contains(':') {
            Refusal::digest_invalid(&error.to_string())
        } else {
            Refusal::manifest_invalid(error.to_string())
        }
    })
}
