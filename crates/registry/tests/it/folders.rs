//! Publishing a folder and getting it back.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use registry::{ImageConfig, ImageKind, ImageOptions, Reference};

use crate::support::{image, new_registry, repository};

/// A small service's folder. The order of creation and the times differ with `is_reversed`.
fn make_folder(is_reversed: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut files = vec![("bin/hello", "#!/bin/sh\n", 0o750), ("etc/motd", "hi\n", 0o600)];
    files.push(("etc/a b \u{e9}.txt", "", 0o644));
    if is_reversed {
        files.reverse();
    }
    for (name, content, mode) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let age = Duration::from_secs(if is_reversed { 3600 } else { 7200 });
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
    fs::create_dir(folder.path().join("empty")).unwrap();
    symlink("../bin/hello", folder.path().join("etc/link")).unwrap();
    folder
}

fn options() -> ImageOptions {
    ImageOptions {
        kind: ImageKind::Image,
        entrypoint: vec!["/bin/hello".into()],
        cmd: vec!["--port".into(), "8080".into()],
        env: [("A".to_owned(), "1=2".to_owned())].into(),
        working_dir: Some("/etc".into()),
        ports: vec![8080, 9090],
        labels: [("k".to_owned(), "v".to_owned())].into(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[tokio::test]
async fn the_same_folder_has_the_same_digest() {
    let (_data, registry) = new_registry();
    let (one, two) = (make_folder(false), make_folder(true));
    let push = |folder: &tempfile::TempDir, options| {
        let (registry, path) = (registry.clone(), folder.path().to_path_buf());
        async move { registry.push_folder(&repository(), "", &path, &options).await.unwrap() }
    };
    let first = push(&one, options()).await;
    assert_eq!(push(&two, options()).await, first);
    fs::write(two.path().join("etc/motd"), "ho\n").unwrap();
    assert_ne!(push(&two, options()).await, first);
    assert_ne!(push(&one, ImageOptions::default()).await, first);
}

#[tokio::test]
async fn a_published_folder_comes_back_with_its_configuration() {
    let (_data, registry) = new_registry();
    let folder = make_folder(false);
    let digest = registry.push_folder(&repository(), "", folder.path(), &options()).await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let root = target.path().join("root");
    let config = registry.unpack(&image(), &digest, &root).await.unwrap();
    let ImageOptions { entrypoint, cmd, env, working_dir, ports, labels, .. } = options();
    assert_eq!(config, ImageConfig { entrypoint, cmd, env, working_dir, ports, labels });
    assert_eq!(fs::read_to_string(root.join("bin/hello")).unwrap(), "#!/bin/sh\n");
    assert_eq!(fs::read_to_string(root.join("etc/link")).unwrap(), "#!/bin/sh\n");
    assert_eq!(fs::read(root.join("etc/a b \u{e9}.txt")).unwrap(), b"");
    assert!(root.join("empty").is_dir());
    assert_eq!((mode(&root.join("bin/hello")), mode(&root.join("etc/motd"))), (0o755, 0o644));
}

#[tokio::test]
async fn an_artifact_has_files_and_no_configuration() {
    let (_data, registry) = new_registry();
    let folder = make_folder(false);
    let options = ImageOptions { kind: ImageKind::Artifact, ..options() };
    let digest = registry.push_folder(&repository(), "", folder.path(), &options).await.unwrap();
    let reference = Reference::Digest(digest.clone());
    let stored = registry.manifest(&image(), &reference).await.unwrap().unwrap();
    assert_eq!(stored.manifest.annotations, options.labels);
    let target = tempfile::tempdir().unwrap();
    let config = registry.unpack(&image(), &digest, target.path()).await.unwrap();
    assert_eq!(config, ImageConfig::default());
    assert!(target.path().join("bin/hello").is_file());
}

#[tokio::test]
async fn tags_move_and_need_a_manifest() {
    let (_data, registry) = new_registry();
    let folder = make_folder(false);
    let tag = "v1".parse().unwrap();
    let first = registry.push_folder(&repository(), "", folder.path(), &options()).await.unwrap();
    registry.tag(&image(), &tag, &first).await.unwrap();
    fs::write(folder.path().join("etc/motd"), "ho\n").unwrap();
    let second = registry.push_folder(&repository(), "", folder.path(), &options()).await.unwrap();
    registry.tag(&image(), &tag, &second).await.unwrap();
    let found = registry.manifest(&image(), &Reference::Tag(tag.clone())).await.unwrap().unwrap();
    assert_eq!(found.digest, second);
    assert_eq!(registry.tags(&image()).await.unwrap(), Some(vec!["v1".into()]));
    let other = registry::ImageName::new(&repository(), "other").unwrap();
    assert!(registry.tag(&other, &tag, &second).await.is_err());
    assert_eq!(registry.tags(&other).await.unwrap(), None);
}

#[tokio::test]
async fn a_folder_that_is_not_safe_to_publish_is_refused_by_name() {
    let (_data, registry) = new_registry();
    for target in ["/etc/passwd", "../../outside", "a/../../b"] {
        let folder = tempfile::tempdir().unwrap();
        symlink(target, folder.path().join("link")).unwrap();
        let error = registry
            .push_folder(&repository(), "", folder.path(), &ImageOptions::default())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(target), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let missing = folder.path().join("missing");
    let (repository, options) = (repository(), ImageOptions::default());
    let pushed = registry.push_folder(&repository, "", folder.path(), &options);
    assert!(pushed.await.unwrap_err().to_string().contains("socket"));
    let pushed = registry.push_folder(&repository, "", &missing, &options);
    assert!(pushed.await.unwrap_err().to_string().contains("missing"));
}
