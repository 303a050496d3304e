//! What `/` is, and what is laid over it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use sandbox::{Bind, Overlay, Root, SpawnError, Streams, spawn};

use crate::{launcher, run, shell};

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn an_image_lies_over_the_system() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    script(&image.join("app/hello"), "#!/bin/sh\necho from the app\n");
    script(&image.join("usr/local/bin/greet"), "#!/bin/sh\necho from usr\n");
    fs::create_dir_all(image.join("etc")).unwrap();
    fs::write(image.join("etc/hello.conf"), "configured").unwrap();
    let mut spec = shell(
        "/app/hello; /usr/local/bin/greet; cat /etc/hello.conf; echo; \
         test -s /etc/passwd && echo both; (echo x > /app/x) 2>/dev/null || echo read-only",
    );
    spec.root = Root::Image { folder: image.clone() };
    let outcome = run(&spec).await;
    assert_eq!(
        outcome.stdout, "from the app\nfrom usr\nconfigured\nboth\nread-only\n",
        "{}",
        outcome.stderr
    );
}

#[tokio::test]
async fn an_overlay_keeps_its_lower_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["lower", "upper", "work:with,odd"] {
        fs::create_dir(path(name)).unwrap();
    }
    fs::write(path("lower/kept"), "old").unwrap();
    fs::write(path("lower/gone"), "old").unwrap();
    let mut spec = shell("echo new > kept; rm gone; echo made > made; cat kept; ls | tr '\\n' ' '");
    spec.working_directory = "/workspace".into();
    spec.overlays.push(Overlay {
        lower: vec![path("lower")],
        upper: path("upper"),
        work: path("work:with,odd"),
        target: "/workspace".into(),
    });
    let outcome = run(&spec).await;
    assert_eq!(outcome.stdout, "new\nkept made ", "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(path("lower/kept")).unwrap(), "old");
    assert!(path("lower/gone").exists());
    assert_eq!(fs::read_to_string(path("upper/made")).unwrap(), "made\n");
}

#[tokio::test]
async fn a_link_in_the_image_does_not_lead_out() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary");
    fs::write(&canary, "secret").unwrap();
    let image = folder.path().join("image");
    fs::create_dir_all(image.join("data")).unwrap();
    symlink(folder.path(), image.join("data/out")).unwrap();
    symlink("../../../../../oldroot/etc", image.join("data/up")).unwrap();
    let mut spec = shell("cat /data/out/canary /data/up/shadow 2>/dev/null || echo unreachable");
    spec.root = Root::Image { folder: image.clone() };
    assert_eq!(run(&spec).await.stdout.trim(), "unreachable");
    // Nor does something mounted below such a link.
    for target in ["/data/out/mounted", "/data/up/mounted", "/data/../etc/mounted", "relative"] {
        let source = canary.clone();
        spec.binds = vec![Bind { source, target: target.into(), writable: true }];
        let error = spawn(&spec, &launcher(), Streams::default()).await.unwrap_err();
        assert!(matches!(error, SpawnError::Setup { .. }), "{error}");
        assert!(!folder.path().join("mounted").exists());
    }
}

#[tokio::test]
async fn a_file_is_the_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("order"), "from a file\n").unwrap();
    let mut spec = shell("cat; cat /data/order");
    spec.binds =
        vec![Bind { source: folder.path().into(), target: "/data".into(), writable: false }];
    assert_eq!(run(&spec).await.stdout, "from a file\n", "without one there is nothing to read");
    spec.input = Some("/data/order".into());
    assert_eq!(run(&spec).await.stdout, "from a file\nfrom a file\n");
    spec.input = Some("/data/none".into());
    let error = spawn(&spec, &launcher(), Streams::default()).await.unwrap_err();
    assert!(error.to_string().contains("/data/none"), "{error}");
}
