//! A change that is merged while a promotion is verified must not keep the promotion from going on.

use serde_json::Value;

use crate::crash::repository;
use crate::git::{commit, git, works};
use crate::harness::{Server, wait_for};

#[test]
fn a_manifest_that_changes_during_a_verification_does_not_stop_the_delivery() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    repository::host(&server, work.path(), "5s");
    let built = git(work.path(), &["rev-parse", "HEAD"]).out.trim().to_owned();
    let in_staging = || {
        let environments = server.boucle(&["env", "list"]).json();
        environments[0].clone()
    };
    let brings = |staging: &Value| staging["artifacts"][0]["commit"] == built.as_str();
    wait_for("the version in staging", || {
        brings(&in_staging()) && in_staging()["health"] == "healthy"
    });
    merge_a_label(&server, work.path());
    assert_ne!(in_staging()["verdict"], "healthy", "the verification was over too early");
    repository::wait_for_production(&server, "the version", |commit| commit == built);
}

/// Merges a change of what both environments share.
fn merge_a_label(server: &Server, work: &std::path::Path) {
    let reviewer = server.boucle(&["token", "create", "reviewer"]).json();
    let reviewer = reviewer["token"].as_str().expect("a token");
    let path = "deploy/base/deployment.yaml";
    let manifest = std::fs::read_to_string(work.join(path)).expect("a manifest");
    let labelled = manifest.replacen("  name: app\n", "  name: app\n  labels: {team: hello}\n", 1);
    commit(work, path, &labelled);
    let address = server.address("me/crash");
    works(work, &["push", "--quiet", &address, "HEAD:refs/heads/label"]);
    for arguments in [
        ["pr", "open", "me/crash", "--head", "label"].as_slice(),
        &["pr", "approve", "me/crash", "1"],
        &["pr", "merge", "me/crash", "1"],
    ] {
        let said = match arguments[1] {
            "approve" => server.boucle_as(reviewer, arguments),
            _ => server.boucle(arguments),
        };
        assert_eq!(said.code, 0, "{arguments:?}: {}{}", said.out, said.err);
    }
}
