//! Archives from people who mean harm, and images of several layers.

use std::fs;
use std::path::Path;

use registry::{UnpackLimits, media_type};
use tar::EntryType;

use crate::support::{
    RawEntry, archive, blob_path, damage, file, gzip, image, new_registry, new_registry_with,
    push_layers, special,
};

/// Unpacks one layer; it is refused with `code`, and neither the folder nor its neighbours have
/// anything of it.
async fn check(entries: Vec<RawEntry>, code: &str) {
    check_bytes(media_type::LAYER_GZIP, gzip(&archive(&entries)), code).await;
}

async fn check_bytes(media_type: &str, layer: Vec<u8>, code: &str) {
    let limits = UnpackLimits { size_bytes_max: 64 << 20, entries_max: 20, ratio_max: 50 };
    let (_data, registry) = new_registry_with(limits);
    let digest = push_layers(&registry, vec![(media_type, layer)]).await;
    let target = tempfile::tempdir().unwrap();
    let root = target.path().join("root");
    let error = registry.unpack(&image(), &digest, &root).await.unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0, "{error}");
}

#[tokio::test]
async fn paths_that_leave_the_folder_are_refused() {
    for path in ["../evil", "/evil", "a/../../evil", "a/.."] {
        check(vec![file(path, "x")], "image-entry-unsafe").await;
    }
}

#[tokio::test]
async fn links_that_leave_the_folder_are_refused() {
    for target in ["..", "../evil", "a/../../evil"] {
        check(vec![special("link", EntryType::Symlink, target)], "image-entry-unsafe").await;
    }
    for target in ["../evil", "/etc/passwd", "missing", ""] {
        check(vec![special("link", EntryType::Link, target)], "image-entry-unsafe").await;
    }
}

#[tokio::test]
async fn nothing_is_written_through_a_link() {
    let link = || special("link", EntryType::Symlink, "folder");
    let folder = || special("folder", EntryType::Directory, "");
    check(vec![folder(), link(), file("link/evil", "x")], "image-entry-unsafe").await;
    let hard = special("hard", EntryType::Link, "link/file");
    check(vec![folder(), file("folder/file", "x"), link(), hard], "image-entry-unsafe").await;
    check(vec![file("file", "x"), file("file/below", "x")], "image-entry-unsafe").await;
}

#[tokio::test]
async fn devices_and_unknown_kinds_are_refused() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::new(b'Z')] {
        check(vec![special("node", kind, "")], "image-entry-unsafe").await;
    }
}

#[tokio::test]
async fn budgets_hold() {
    let many = (0..21).map(|_| file("same", "x")).collect();
    check(many, "image-too-large").await;
    let bomb = RawEntry { content: vec![0; 32 << 20], ..file("zeros", "") };
    check(vec![bomb], "image-too-large").await;
    let large = archive(&[RawEntry { content: vec![1; 65 << 20], ..file("large", "") }]);
    check_bytes(media_type::LAYER_GZIP, gzip(&large), "image-too-large").await;
}

#[tokio::test]
async fn what_is_not_an_archive_is_refused() {
    check_bytes(media_type::LAYER_GZIP, b"not gzip".to_vec(), "image-layer-unreadable").await;
    let whole = gzip(&archive(&[RawEntry { content: vec![5; 4096], ..file("f", "") }]));
    let half = whole[..whole.len() / 2].to_vec();
    check_bytes(media_type::LAYER_GZIP, half, "image-layer-unreadable").await;
    check_bytes("application/x-unknown", whole, "image-unsupported").await;
}

#[tokio::test]
async fn a_damaged_layer_is_detected_before_it_is_used() {
    for media_type in [media_type::LAYER, media_type::LAYER_GZIP] {
        let (data, registry) = new_registry();
        let content = vec![b'a'; 10_000];
        let layer = archive(&[RawEntry { content, ..file("file", "") }]);
        let layer = if media_type == media_type::LAYER { layer } else { gzip(&layer) };
        let path = blob_path(data.path(), &registry::digest_of(&layer));
        let digest = push_layers(&registry, vec![(media_type, layer)]).await;
        damage(&path);
        let target = tempfile::tempdir().unwrap();
        let error = registry.unpack(&image(), &digest, target.path()).await.unwrap_err();
        assert_eq!(error.code(), "blob-damaged", "{error}");
        assert_eq!(fs::read_dir(target.path()).unwrap().count(), 0);
        fs::remove_file(path).unwrap();
        let error = registry.unpack(&image(), &digest, target.path()).await.unwrap_err();
        assert_eq!(error.code(), "image-not-found", "{error}");
    }
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_left_alone() {
    let (_data, registry) = new_registry();
    let layer = archive(&[file("file", "x")]);
    let digest = push_layers(&registry, vec![(media_type::LAYER, layer)]).await;
    let target = tempfile::tempdir().unwrap();
    fs::write(target.path().join("mine"), "mine").unwrap();
    let error = registry.unpack(&image(), &digest, target.path()).await.unwrap_err();
    assert_eq!(error.code(), "folder-not-empty");
    assert_eq!(fs::read_to_string(target.path().join("mine")).unwrap(), "mine");
}

#[tokio::test]
async fn upper_layers_replace_and_hide_what_is_below() {
    let (_data, registry) = new_registry();
    let lower = archive(&[
        file("./kept", "lower"),
        file("replaced", "lower"),
        file("removed", "lower"),
        file("cleared/old", "lower"),
        file("was-folder/old", "lower"),
        special("usr/bin/absolute", EntryType::Symlink, "/kept"),
        special("hard", EntryType::Link, "kept"),
        RawEntry { mode: 0o6755, ..file("set-user-id", "x") },
    ]);
    let upper = archive(&[
        file("replaced", "upper"),
        file(".wh.removed", ""),
        file("cleared/.wh..wh..opq", ""),
        file("cleared/new", "upper"),
        file("was-folder", "upper"),
    ]);
    let layers = vec![(media_type::LAYER_GZIP, gzip(&lower)), (media_type::LAYER, upper)];
    let digest = push_layers(&registry, layers).await;
    let target = tempfile::tempdir().unwrap();
    let root = target.path();
    registry.unpack(&image(), &digest, root).await.unwrap();
    let read = |path: &str| fs::read_to_string(root.join(path)).ok();
    assert_eq!(read("kept").as_deref(), Some("lower"));
    assert_eq!(read("replaced").as_deref(), Some("upper"));
    assert_eq!(read("removed"), None);
    assert_eq!((read("cleared/old"), read("cleared/new")), (None, Some("upper".into())));
    assert_eq!(read("was-folder").as_deref(), Some("upper"));
    assert_eq!(fs::read_link(root.join("usr/bin/absolute")).unwrap(), Path::new("../../kept"));
    assert_eq!(read("usr/bin/absolute").as_deref(), Some("lower"));
    assert_eq!(read("hard").as_deref(), Some("lower"));
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(root.join("set-user-id")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o755);
}
