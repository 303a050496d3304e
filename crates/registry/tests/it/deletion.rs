//! Taking away, and collecting what nobody needs.

use std::collections::BTreeSet;
use std::time::Duration;

use ledger::ArtifactDigest;
use registry::{Collected, DeleteError, Deleted, Reference, Registry, digest_of, media_type};
use serde_json::json;

use crate::support::{image, new_registry};

const NO_AGE: Duration = Duration::ZERO;

async fn push_blob(registry: &Registry, content: &str) -> ArtifactDigest {
    let digest = registry.blobs().put_bytes(content.into()).await.unwrap();
    assert!(registry.link_blob(&image(), &digest).await.unwrap());
    digest
}

/// A manifest with this layer, by these tags.
async fn push(registry: &Registry, layer: &ArtifactDigest, tags: &[&str]) -> ArtifactDigest {
    let config = push_blob(registry, "{}").await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": { "mediaType": media_type::EMPTY, "digest": config, "size": 2 },
        "layers": [{ "mediaType": media_type::LAYER, "digest": layer, "size": 5 }],
    });
    put(registry, media_type::MANIFEST, &manifest, tags).await
}

async fn put(
    registry: &Registry,
    media_type: &str,
    manifest: &serde_json::Value,
    tags: &[&str],
) -> ArtifactDigest {
    let bytes = manifest.to_string().into_bytes();
    let reference = Reference::Digest(digest_of(&bytes));
    let tags: Vec<_> = tags.iter().map(|tag| tag.parse().unwrap()).collect();
    let stored = registry.put_manifest(&image(), &reference, &tags, media_type, bytes).await;
    stored.unwrap().digest
}

async fn tags(registry: &Registry) -> Vec<String> {
    registry.tags(&image()).await.unwrap().unwrap_or_default()
}

async fn has(registry: &Registry, digest: &ArtifactDigest) -> bool {
    registry.blobs().has(digest).await.unwrap().is_some()
}

#[tokio::test]
async fn a_manifest_goes_with_its_tags_and_leaves_those_of_others() {
    let (_data, registry) = new_registry();
    let layer = push_blob(&registry, "layer").await;
    let gone = push(&registry, &layer, &["v1", "latest"]).await;
    let other = push_blob(&registry, "other").await;
    let stays = push(&registry, &other, &["v2"]).await;
    assert_eq!(registry.delete_manifest(&image(), &gone).await.unwrap(), Deleted::Gone);
    assert_eq!(registry.delete_manifest(&image(), &gone).await.unwrap(), Deleted::Absent);
    assert_eq!(tags(&registry).await, ["v2"]);
    let tag = "v2".parse().unwrap();
    assert_eq!(registry.delete_tag(&image(), &tag).await.unwrap(), Deleted::Gone);
    assert_eq!(registry.delete_tag(&image(), &tag).await.unwrap(), Deleted::Absent);
    let by_digest = registry.manifest(&image(), &Reference::Digest(stays.clone())).await.unwrap();
    assert_eq!(by_digest.unwrap().digest, stays);
}

#[tokio::test]
async fn what_a_manifest_needs_stays() {
    let (_data, registry) = new_registry();
    let layer = push_blob(&registry, "layer").await;
    let child = push(&registry, &layer, &[]).await;
    let index = json!({
        "schemaVersion": 2, "mediaType": media_type::INDEX,
        "manifests": [{ "mediaType": media_type::MANIFEST, "digest": child, "size": 5 }],
    });
    let index = put(&registry, media_type::INDEX, &index, &["all"]).await;
    let needed_by = |result: Result<Deleted, DeleteError>| match result {
        Err(DeleteError::Needed { manifest, .. }) => manifest,
        other => panic!("{other:?}"),
    };
    assert_eq!(needed_by(registry.delete_blob(&image(), &layer).await), child);
    assert_eq!(needed_by(registry.delete_manifest(&image(), &child).await), index);
    for digest in [&index, &child] {
        assert_eq!(registry.delete_manifest(&image(), digest).await.unwrap(), Deleted::Gone);
    }
    assert_eq!(registry.delete_blob(&image(), &layer).await.unwrap(), Deleted::Gone);
    assert_eq!(registry.delete_blob(&image(), &layer).await.unwrap(), Deleted::Absent);
}

#[tokio::test]
async fn a_referrer_that_is_gone_is_no_longer_listed() {
    let (_data, registry) = new_registry();
    let layer = push_blob(&registry, "layer").await;
    let subject = push(&registry, &layer, &[]).await;
    let signature = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST, "layers": [],
        "config": { "mediaType": media_type::EMPTY, "digest": push_blob(&registry, "{}").await,
            "size": 2 },
        "subject": { "mediaType": media_type::MANIFEST, "digest": subject, "size": 5 },
    });
    let signature = put(&registry, media_type::MANIFEST, &signature, &[]).await;
    assert_eq!(registry.referrers(&image(), &subject).await.unwrap().len(), 1);
    registry.delete_manifest(&image(), &signature).await.unwrap();
    assert_eq!(registry.referrers(&image(), &subject).await.unwrap(), []);
}

#[tokio::test]
async fn only_what_nobody_needs_is_collected_and_nothing_young() {
    let (_data, registry) = new_registry();
    let layer = push_blob(&registry, "layer").await;
    let manifest = push(&registry, &layer, &[]).await;
    let unused = push_blob(&registry, "pushed and in no manifest").await;
    let evidence = registry.blobs().put_bytes(b"evidence".to_vec()).await.unwrap();
    let kept = BTreeSet::from([evidence.clone()]);
    let young = registry.collect(kept.clone(), Duration::from_secs(3600)).await.unwrap();
    assert_eq!(young, Collected::default());
    let collected = registry.collect(kept.clone(), NO_AGE).await.unwrap();
    assert_eq!(collected, Collected { blobs: 1, size_bytes: 25 });
    assert!(!has(&registry, &unused).await);
    assert!(!registry.has_blob(&image(), &unused).await.unwrap());
    for digest in [&layer, &manifest, &evidence] {
        assert!(has(&registry, digest).await, "{digest}");
    }
    registry.delete_manifest(&image(), &manifest).await.unwrap();
    let collected = registry.collect(kept, NO_AGE).await.unwrap();
    assert_eq!(collected.blobs, 3, "the manifest, its configuration and its layer");
    assert!(has(&registry, &evidence).await);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_stops_everything() {
    let (data, registry) = new_registry();
    let layer = push_blob(&registry, "layer").await;
    let manifest = push(&registry, &layer, &[]).await;
    let unused = push_blob(&registry, "unused").await;
    crate::support::damage(&crate::support::blob_path(data.path(), &manifest));
    assert!(registry.collect(BTreeSet::new(), NO_AGE).await.is_err());
    assert!(registry.delete_blob(&image(), &layer).await.is_err());
    assert!(has(&registry, &layer).await && has(&registry, &unused).await);
}

#[tokio::test]
async fn what_was_collected_is_not_mounted() {
    let (_data, registry) = new_registry();
    let digest = push_blob(&registry, "layer").await;
    registry.collect(BTreeSet::new(), NO_AGE).await.unwrap();
    assert!(!registry.link_blob(&image(), &digest).await.unwrap());
}
