//! Jsonnet, programs that the operator named, files beside a source and artifacts of a registry: from a
//! push to the rendered commit.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use base64::Engine as _;

use crate::charts::{CONFIGURATION, World, application};
use crate::harness::wait_for;
use crate::http::send;

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata: {colour: green}\n";

/// What the application renders to is in this file.
const FILE: &str = "cluster/configmap-web.yaml";

fn live(path: &str, more: &str) -> String {
    format!("  source: {{repoURL: me/one, path: {path}, targetRevision: live{more}}}\n")
}

#[test]
fn jsonnet_is_evaluated_and_only_what_it_imports_renders_it_again() {
    let world = World::with(&["one"], &[]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let options = ", directory: {jsonnet: {libs: [vendor], tlas: [{name: colour, value: green}, {name: \
                   count, value: 1 + 1, code: true}]}}";
    world.write("one", "apps/web.yaml", &application("web", &live("app", options)));
    world.write("one", "apps/canary.yaml", &application("canary", &live("canary", "")));
    world.write(
        "one",
        "app/web.jsonnet",
        "function(colour, count) (import 'k.libsonnet').map('web', { colour: colour, count: count })",
    );
    let library = "{ map(name, data):: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name }, \
                   data: data { id: 9007199254740991, text: importstr 'text.txt' } } }";
    world.write("one", "vendor/k.libsonnet", library);
    world.write("one", "vendor/text.txt", "first");
    world.write("one", "canary/a.jsonnet", "{\n  a: importstr '/etc/passwd' }");
    world.push_to("one", "refs/heads/live");
    world.push("one");
    world.wait_rendered("one", "web", FILE, "first");
    let text = world.rendered("one", "web", FILE);
    for line in ["colour: green", "count: 2\n", "id: 9007199254740991\n"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let said = world.reason("canary", "/etc/passwd");
    assert!(said.contains("canary/a.jsonnet:2:6:"), "{said}");
    world.write("one", "vendor/other.libsonnet", "{}");
    world.push_to("one", "refs/heads/live");
    world.write("one", "vendor/text.txt", "second");
    world.push_to("one", "refs/heads/live");
    world.wait_rendered("one", "web", FILE, "second");
    assert_eq!(world.facts("deployments.rendered"), 2, "the commit between changed nothing");

    world.write("one", "app/web.jsonnet", "local f(n) = 1 + f(n); f(1)");
    world.push_to("one", "refs/heads/live");
    world.reason("web", "500 calls");
    assert!(world.rendered("one", "web", FILE).contains("second"), "what is deployed stays");
}

#[test]
fn a_program_that_the_operator_named_renders_what_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("renderer");
    let script = "#!/bin/sh\ncolour=$(cat source/colour)\nprintf '{\"manifests\": [{\"apiVersion\": \"v1\", \
                  \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"web\"}, \"data\": {\"colour\": \"%s\", \
                  \"asked\": ' \"$colour\"; cat; printf '}}], \"files\": [\"colour\"]}'\n";
    std::fs::write(&file, script).expect("a script");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a program");
    let named = format!("paint={}", file.display());
    let world = World::with(&["one"], &["--renderer", &named]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let plugin = ", plugin: {name: paint, env: [{name: APP, value: $ARGOCD_APP_NAME}]}";
    world.write("one", "apps/web.yaml", &application("web", &live("app", plugin)));
    let other = live("app", ", plugin: {name: other}");
    world.write("one", "apps/other.yaml", &application("other", &other));
    world.write("one", "app/colour", "green");
    world.push_to("one", "refs/heads/live");
    world.push("one");
    world.wait_rendered("one", "web", FILE, "colour: green");
    let text = world.rendered("one", "web", FILE);
    assert!(text.contains("APP: web") && text.contains("repoURL: me/one"), "{text}");
    let said = world.reason("other", "--renderer other=FILE");
    assert!(said.contains("it knows paint"), "{said}");
    world.write("one", "app/unread", "nothing to it");
    world.push_to("one", "refs/heads/live");
    world.write("one", "app/colour", "blue");
    world.push_to("one", "refs/heads/live");
    world.wait_rendered("one", "web", FILE, "colour: blue");
    assert_eq!(world.facts("deployments.rendered"), 2, "the commit between changed nothing");
}

#[test]
fn a_file_beside_the_source_changes_how_it_is_rendered() {
    let world = World::with(&["one"], &[]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let kustomize = ", kustomize: {commonAnnotations: {team: shop}}";
    world.write("one", "apps/web.yaml", &application("web", &live("app", kustomize)));
    world.write("one", "app/kustomization.yaml", "resources: [a.yaml]\n");
    world.write("one", "app/a.yaml", MAP);
    world.write("one", "app/.argocd-source.yaml", "kustomize: {commonAnnotations: {tier: one}}\n");
    world.push_to("one", "refs/heads/live");
    world.push("one");
    world.wait_rendered("one", "web", FILE, "tier: one");
    assert!(world.rendered("one", "web", FILE).contains("team: shop"));
    let own = "kustomize: {commonAnnotations: {tier: two, team: null}}\n";
    world.write("one", "app/.argocd-source-web.yaml", own);
    world.push_to("one", "refs/heads/live");
    world.wait_rendered("one", "web", FILE, "tier: two");
    assert!(!world.rendered("one", "web", FILE).contains("team: shop"));
    world.write("one", "app/.argocd-source-web.yaml", "repoURL: me/two\n");
    world.push_to("one", "refs/heads/live");
    let said = world.reason("web", "`repoURL` cannot be changed here");
    assert!(said.contains("app/.argocd-source-web.yaml"), "{said}");
}

/// The digest of a file, as the registry has it.
fn digest(file: &std::path::Path) -> String {
    let ended = Command::new("sha256sum").arg(file).output().expect("sha256sum starts");
    let text = String::from_utf8(ended.stdout).expect("a text");
    format!("sha256:{}", text.split(' ').next().expect("a digest"))
}

/// An archive with a kustomization in its folder `deploy`.
fn packed(folder: &std::path::Path) -> std::path::PathBuf {
    let files = folder.join("files/deploy");
    std::fs::create_dir_all(&files).expect("a folder");
    std::fs::write(files.join("kustomization.yaml"), "resources: [a.yaml]\n").expect("a file");
    std::fs::write(files.join("a.yaml"), MAP).expect("a file");
    let archive = folder.join("files.tar.gz");
    let packed = Command::new("tar")
        .arg("-czf")
        .arg(&archive)
        .arg("-C")
        .arg(folder.join("files"))
        .arg(".")
        .status();
    assert!(packed.is_ok_and(|status| status.success()), "tar packs");
    archive
}

#[test]
fn an_artifact_of_the_own_registry_is_rendered_as_a_repository_is() {
    let world = World::with(&["one"], &[]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let folder = tempfile::tempdir().expect("a folder");
    let archive = packed(folder.path());
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "{}").expect("a file");

    let token = std::fs::read_to_string(world.data.path().join("token")).expect("a token");
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("owner:{}", token.trim()));
    let basic = format!("Basic {basic}");
    let authorised = ("Authorization", basic.as_str());
    for file in [&archive, &empty] {
        let begun =
            send(&world.server, "POST", "/v2/me/one/files/blobs/uploads/", &[authorised], "");
        let place = begun.head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
        });
        let place = place.expect("a place for the upload");
        let path = place.find("/v2/").map_or(place.as_str(), |at| &place[at..]);
        let path = format!("{path}?digest={}", digest(file));
        let bytes = std::fs::read(file).expect("it was written");
        let kind = ("Content-Type", "application/octet-stream");
        let ended = send(&world.server, "PUT", &path, &[authorised, kind], bytes);
        assert_eq!(ended.status, 201, "{ended:?}");
    }
    let size = |file: &std::path::Path| std::fs::metadata(file).expect("a file").len();
    let manifest = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json", "digest": digest(&empty),
            "size": size(&empty),
        },
        "layers": [{
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest(&archive),
            "size": size(&archive),
        }],
    });
    let kind = ("Content-Type", "application/vnd.oci.image.manifest.v1+json");
    let path = "/v2/me/one/files/manifests/1.2.3";
    let put = send(&world.server, "PUT", path, &[authorised, kind], manifest.to_string());
    assert_eq!(put.status, 201, "{put:?}");
    std::fs::write(folder.path().join("manifest"), manifest.to_string()).expect("a file");
    let pinned = digest(&folder.path().join("manifest"));

    let address = world.server.url().trim_start_matches("http://").to_owned();
    let source = |revision: &str, more: &str| {
        format!(
            "  source: {{repoURL: 'oci://{address}/me/one/files', targetRevision: '{revision}', path: \
             deploy{more}}}\n"
        )
    };
    world.write("one", "apps/web.yaml", &application("web", &source("1.2.3", "")));
    let prefixed = source(&pinned, ", kustomize: {namePrefix: x-}");
    world.write("one", "apps/pinned.yaml", &application("pinned", &prefixed));
    world.write("one", "apps/none.yaml", &application("none", &source("1.2.4", "")));
    world.push("one");
    world.wait_rendered("one", "web", FILE, "colour: green");
    world.wait_rendered("one", "pinned", "cluster/configmap-x-web.yaml", "colour: green");
    world.reason("none", "no such version");
    wait_for("the digest on record", || {
        let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.rendered"]).out;
        facts.contains(&digest(&archive)) && facts.contains("files 1.2.3 of")
    });
}
