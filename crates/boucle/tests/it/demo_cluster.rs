//! The whole loop on a real node: the image comes from this server's registry, pods run it, a canary
//! gets a part of the visitors, and what it does to them is reverted in Git.

use crate::harness::{Server, wait_for};

#[test]
fn a_canary_keeps_a_bad_release_from_production() {
    if testkit::kubernetes::node::is_left_out() {
        return;
    }
    let cluster = testkit::cluster_with_node();
    let data = tempfile::tempdir().expect("a folder");
    let kubeconfig = cluster.kubeconfig().to_string_lossy().into_owned();
    let server = Server::start(
        data.path(),
        &["--demo", "--kubeconfig", &kubeconfig, "--demo-cluster", "boucle-test"],
    );
    let broken = server.boucle(&["demo", "break", "--wait", "--timeout-seconds", "400"]);
    let refused = || server.boucle(&["audit", "list", "--kind", "control.rollback_refused"]).out;
    let judged = || server.boucle(&["audit", "list", "--kind", "monitoring.assessed"]).out;
    assert_eq!(broken.code, 11, "{}{}{}{}", broken.out, broken.err, refused(), judged());
    let story = broken.json();
    let bad = story["bad_revision"]["digest"].as_str().expect("a bad digest");

    let environments = server.boucle(&["env", "list"]).json();
    let environment = |name: &str| {
        let all = environments.as_array().expect("environments").iter();
        let found = all.clone().find(|one| one["name"] == name);
        found.unwrap_or_else(|| panic!("no {name}")).clone()
    };
    assert_eq!(environment("canary")["quarantined"][0], bad, "the canary found it");
    let production = environment("production");
    assert_ne!(production["artifacts"][0]["digest"], bad);
    assert_eq!(production["verdict"], "healthy");

    // Its pods really run there, from this server's registry, and were never replaced by bad ones.
    let pods = cluster.ask("GET", "/api/v1/namespaces/production/pods", None).body;
    let pods = pods["items"].as_array().expect("pods");
    let of = |track: &str| {
        let pods = pods.iter().filter(|pod| pod["metadata"]["labels"]["track"] == track);
        pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).count()
    };
    assert_eq!((of("stable"), of("canary")), (3, 1));
    let image = pods[0].pointer("/spec/containers/0/image").and_then(|image| image.as_str());
    assert!(image.is_some_and(|image| image.starts_with("127.0.0.1:")), "{image:?}");

    // What a pod wrote is read through the cluster.
    wait_for("a pod's log", || {
        let log = server.boucle(&["logs", "hello-production"]);
        log.code == 0 && log.out.contains("listening on port 8080")
    });
    for namespace in ["staging", "production"] {
        cluster.ask("DELETE", &format!("/api/v1/namespaces/{namespace}"), None);
    }
}
