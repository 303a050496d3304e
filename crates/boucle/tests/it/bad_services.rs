//! Services that misbehave once they run: never ready, metrics that are none or far too many.

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};

/// One program, three ways to misbehave; it says on its first line which.
const PROGRAM: &str = r##"
use std::io::{Read, Write};

fn main() {
    let mode = std::env::var("MODE").unwrap_or_default();
    println!("the mode is {mode}");
    let port = std::env::var("PORT_8080").or_else(|_| std::env::var("PORT")).expect("a port");
    let listener = std::net::TcpListener::bind(format!("127.0.0.1:{port}")).expect("it is free");
    for stream in listener.incoming().flatten() {
        let mode = mode.clone();
        std::thread::spawn(move || answer(stream, &mode));
    }
}

fn answer(mut stream: std::net::TcpStream, mode: &str) {
    let mut request = [0; 4096];
    let count = stream.read(&mut request).unwrap_or(0);
    let metrics = String::from_utf8_lossy(&request[..count]).starts_with("GET /metrics");
    let head = |status: &str| format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n");
    let _ = match (mode, metrics) {
        ("unready", false) => stream.write_all((head("503 Busy") + "not yet, and never").as_bytes()),
        ("garbage", true) => stream.write_all((head("200 OK") + "\u{1}\u{2}{{{ = nothing\n").as_bytes()),
        ("huge", true) => {
            let _ = stream.write_all(head("200 OK").as_bytes());
            let block = "a_metric_with_a_long_name{label=\"value\"} 1\n".repeat(10_000);
            (0..500).try_for_each(|_| stream.write_all(block.as_bytes()))
        }
        _ => stream.write_all((head("200 OK") + "# nothing yet\n").as_bytes()),
    };
}
"##;

const WORKFLOW: &str = "on:
  push:
    paths: ['src/**']
jobs:
  publish:
    runs-on: boucle
    permissions:
      contents: read
      packages: write
    steps:
      - uses: actions/checkout@v4
      - run: mkdir -p image/app && rustc --edition 2021 -o image/app/bad src/bad.rs
      - uses: boucle/publish@v1
        with:
          name: bad
          path: image
          entrypoint: /app/bad
";

fn deployment(digest: &str, mode: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: {mode}
spec:
  replicas: 1
  progressDeadlineSeconds: 3
  selector:
    matchLabels: {{app: {mode}}}
  template:
    metadata:
      labels: {{app: {mode}}}
      annotations:
        prometheus.io/scrape: 'true'
    spec:
      containers:
        - name: bad
          image: me/bad/bad@{digest}
          env:
            - {{name: MODE, value: {mode}}}
          ports:
            - {{name: http, containerPort: 8080}}
          readinessProbe:
            httpGet: {{path: /, port: http}}
            periodSeconds: 1
"
    )
}

fn application(mode: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {mode}\nspec:\n  \
         project: default\n  source:\n    repoURL: me/bad\n    path: deploy/{mode}\n    \
         targetRevision: main\n  destination:\n    name: local\n    namespace: bad\n  \
         syncPolicy:\n    automated: {{}}\n"
    )
}

#[test]
fn what_misbehaves_is_named_with_its_last_words_and_harms_nobody() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/bad"]).code, 0);
    let write = |path: &str, text: &str| {
        let file = work.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        std::fs::write(file, text).expect("it is written");
    };
    works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
    write(".github/workflows/ci.yaml", WORKFLOW);
    commit_and_push(&server, work.path(), "src/bad.rs", PROGRAM, &write);
    let mut digest = String::new();
    wait_for("the image", || {
        let facts = server.boucle(&["audit", "list", "--kind", "pipelines.artifact_published"]);
        digest = facts.json()[0]["body"]["digest"].as_str().unwrap_or_default().to_owned();
        !digest.is_empty()
    });
    let modes = ["unready", "garbage", "huge"];
    let environments: String = modes
        .iter()
        .map(|mode| {
            format!(
                "  - {{name: {mode}, path: deploy/{mode}, application: {mode}, \
                 verification: {{window: 2s}}}}\n"
            )
        })
        .collect();
    for mode in modes {
        write(&format!("applications/{mode}.yaml"), &application(mode));
        write(&format!("deploy/{mode}/deployment.yaml"), &deployment(&digest, mode));
        write(&format!("deploy/{mode}/kustomization.yaml"), "resources: [deployment.yaml]\n");
    }
    let configuration =
        format!("version: 1\napplications: applications\nenvironments:\n{environments}");
    commit_and_push(&server, work.path(), "boucle.yaml", &configuration, &write);

    let shown = |name: &str| server.boucle(&["app", "show", name]).json()["application"].clone();
    wait_for("the deadline of what never becomes ready", || {
        shown("unready")["health"] == "degraded"
    });
    let message = shown("unready")["health_message"].as_str().unwrap_or_default().to_owned();
    for part in ["3 s", "503", "not yet, and never", "the mode is unready"] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    // Metrics that cannot be read are no metrics: inconclusive, with the reason.
    for (mode, word) in [("garbage", "line 1"), ("huge", "answers more than")] {
        wait_for(&format!("the verdict on {mode}"), || {
            let facts = server.boucle(&["audit", "list", "--kind", "monitoring.assessed"]).json();
            let assessed = facts.as_array().into_iter().flatten().find(|fact| {
                fact["body"]["application"] == mode && fact["body"]["verdict"] == "inconclusive"
            });
            let cases = assessed.map(|fact| fact["body"]["cases"].to_string());
            cases.is_some_and(|cases| cases.contains(word))
        });
    }
    let kib = server.peak_kib();
    assert!(kib < 400 * 1024, "the server once had {kib} KiB");
    assert_eq!(server.boucle(&["status"]).code, 0);
}

fn commit_and_push(
    server: &Server,
    work: &std::path::Path,
    path: &str,
    text: &str,
    write: &impl Fn(&str, &str),
) {
    write(path, text);
    commit(work, path, text);
    works(work, &["push", "--quiet", &server.address("me/bad"), "main"]);
}
