//! The blob store: whole or not there.

use std::io::Write as _;

use registry::{BlobError, BlobStore, digest_of};

use crate::support::damage;

fn new_store() -> (tempfile::TempDir, BlobStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = BlobStore::open(folder.path()).unwrap();
    (folder, store)
}

fn left_over(folder: &std::path::Path) -> usize {
    std::fs::read_dir(folder.join("temporary")).unwrap().count()
}

#[tokio::test]
async fn what_was_put_is_given_back_after_opening_again() {
    let (folder, store) = new_store();
    for content in [Vec::new(), b"hello".to_vec(), vec![7; 1_000_000]] {
        let size = content.len() as u64;
        let put = store.put(std::io::Cursor::new(content.clone()), size).await.unwrap();
        assert_eq!(put, (digest_of(&content), size));
        let reopened = BlobStore::open(folder.path()).unwrap();
        assert_eq!(reopened.get(&put.0, size).await.unwrap(), Some(content));
        assert_eq!(reopened.has(&put.0).await.unwrap(), Some(size));
    }
    assert_eq!(left_over(folder.path()), 0);
}

#[tokio::test]
async fn an_absent_blob_is_none() {
    let (_folder, store) = new_store();
    let digest = digest_of(b"elsewhere");
    assert_eq!(store.get(&digest, 10).await.unwrap(), None);
    assert_eq!(store.has(&digest).await.unwrap(), None);
}

#[tokio::test]
async fn too_many_bytes_leave_nothing() {
    let (folder, store) = new_store();
    let error = store.put(std::io::Cursor::new(vec![1; 101]), 100).await.unwrap_err();
    assert!(matches!(error, BlobError::TooLarge { size_bytes_max: 100 }), "{error:?}");
    assert_eq!(left_over(folder.path()), 0);
    assert_eq!(store.has(&digest_of(&[1; 101])).await.unwrap(), None);
}

#[tokio::test]
async fn another_digest_than_announced_leaves_nothing() {
    let (folder, store) = new_store();
    let mut writer = store.writer(100).unwrap();
    writer.write_all(b"sent").unwrap();
    let error = writer.finish(Some(&digest_of(b"announced"))).unwrap_err();
    assert_eq!(error.code(), "blob-digest-wrong");
    assert_eq!(left_over(folder.path()), 0);
    assert_eq!(store.has(&digest_of(b"sent")).await.unwrap(), None);
}

#[tokio::test]
async fn a_damaged_blob_is_detected_and_mended_by_putting_it_again() {
    let (folder, store) = new_store();
    let content = b"evidence".to_vec();
    let digest = store.put_bytes(content.clone()).await.unwrap();
    let hexadecimal = digest.as_str().strip_prefix("sha256:").unwrap();
    let path = folder.path().join("sha256").join(&hexadecimal[..2]).join(hexadecimal);
    damage(&path);
    let error = store.get(&digest, 100).await.unwrap_err();
    assert_eq!(error.code(), "blob-damaged");
    store.put_bytes(content.clone()).await.unwrap();
    assert_eq!(store.get(&digest, 100).await.unwrap(), Some(content));
}

#[tokio::test]
async fn what_an_interrupted_process_left_is_removed_at_the_next_start() {
    let (folder, store) = new_store();
    let mut writer = store.writer(100).unwrap();
    writer.write_all(b"half").unwrap();
    std::mem::forget(writer);
    assert_eq!(left_over(folder.path()), 1);
    BlobStore::open(folder.path()).unwrap();
    assert_eq!(left_over(folder.path()), 0);
}
