//! The registry, as its specification's own program sees it, and what it does not let go.

use serde_json::Value;

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};
use crate::http::send;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const WORKFLOW: &str = "on: push
jobs:
  publish:
    runs-on: boucle
    permissions: {contents: read, packages: write}
    steps:
      - run: mkdir image && echo hello > image/file
      - uses: boucle/publish@v1
        with: {name: app, path: image, entrypoint: /file}
";

#[test]
fn the_program_of_the_specification_finds_nothing_wrong() {
    let data = tempfile::tempdir().expect("a folder");
    let results = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let images = ["conformance/one", "conformance/two"];
    for image in images {
        assert_eq!(server.boucle(&["repo", "create", image]).code, 0);
    }
    let url = server.url();
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let token = std::fs::read_to_string(data.path().join("token")).expect("the owner's token");
    let found = testkit::distribution::conformance(host, token.trim(), images, results.path());
    let found = found.expect("the program ran");
    let not_passed: Vec<_> = found.all().filter(|(_, outcome)| *outcome != "Pass").collect();
    // A blob is mounted from an image that is named, and manifests name only what is there.
    let left_out = [("Blob anonymous mount", "Skip"), ("Sparse Manifests", "Disabled")];
    assert_eq!(not_passed, left_out);
    assert!(found.all().count() > 40, "{found:?}");
}

#[test]
fn what_is_on_record_stays() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/shop"]).code, 0);
    works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
    std::fs::create_dir_all(work.path().join(".github/workflows")).expect("it is made");
    commit(work.path(), ".github/workflows/publish.yaml", WORKFLOW);
    works(work.path(), &["push", "--quiet", &server.address("me/shop"), "main"]);
    let mut published = Value::Null;
    wait_for("what the run publishes", || {
        let facts = server.boucle(&["audit", "list", "--kind", "pipelines.artifact_published"]);
        published = facts.json()[0]["body"].clone();
        published["digest"].is_string()
    });
    let digest = published["digest"].as_str().expect("a digest");
    let manifest = format!("/v2/me/shop/app/manifests/{digest}");
    let token = std::fs::read_to_string(data.path().join("token")).expect("the owner's token");
    let ask = |method: &str, path: &str, token: &str, body: &str| {
        let bearer = format!("Bearer {}", token.trim());
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", MANIFEST)];
        send(&server, method, path, &headers, body)
    };
    let refused = ask("DELETE", &manifest, &token, "");
    assert_eq!(refused.status, 403);
    let problem = &refused.json()["errors"][0];
    let message = problem["message"].as_str().unwrap_or_default();
    assert!(message.contains("run 1 published it"), "{message}");
    let content = ask("GET", &manifest, &token, "").body;
    let tag = "/v2/me/shop/app/manifests/mine";
    assert_eq!(ask("PUT", tag, &token, &content).status, 201);
    let made = server.boucle(&["token", "create", "reader", "--role", "read"]).json();
    let reader = made["token"].as_str().expect("a token");
    assert_eq!(ask("DELETE", tag, reader, "").status, 403);
    // A name that nobody deployed goes; what it named is still there.
    assert_eq!(ask("DELETE", tag, &token, "").status, 202);
    assert_eq!(ask("GET", tag, &token, "").status, 404);
    assert_eq!(ask("GET", &manifest, &token, "").status, 200);
}
