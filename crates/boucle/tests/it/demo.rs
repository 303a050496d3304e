//! The whole loop, as the demonstration shows it, and what stays of it after a restart.

use crate::harness::{Server, wait_for};

#[test]
fn a_bad_release_is_reverted_in_git_and_everything_stays() {
    // As the README has it: nobody names a folder.
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_in(folder.path(), &["--demo"]);
    let data = server.data().to_path_buf();
    let broken = server.boucle(&["demo", "break", "--wait", "--timeout-seconds", "300"]);
    assert_eq!(broken.code, 11, "{}{}", broken.out, broken.err);
    let story = broken.json();
    let revert = story["revert_commit"].as_str().expect("a revert commit").to_owned();
    let bad = story["bad_revision"]["digest"].as_str().expect("a bad digest").to_owned();
    assert!(story["evidence"].as_str().is_some_and(|digest| digest.starts_with("sha256:")));
    for stage in ["checks_passed", "staging_verified", "evidence_saved", "rolled_back"] {
        let stages = story["stages"].as_array().expect("stages");
        assert!(stages.iter().any(|one| one["stage"] == stage), "{stage} is missing in {story}");
    }
    assert_eq!(server.boucle(&["audit", "verify"]).code, 0);
    check_history(&server, &revert, &bad);

    drop(server);
    let server = Server::start(&data, &["--demo"]);
    check_history(&server, &revert, &bad);
    assert_eq!(server.boucle(&["audit", "verify"]).code, 0);
    wait_for("production after the restart", || {
        server.boucle(&["app", "show", "hello-production"]).json()["application"]["health"]
            == "healthy"
    });
}

/// The revert is on the branch, the bad digest is in quarantine and out of production, the incident
/// tells who did what, and the views are what the facts say.
fn check_history(server: &Server, revert: &str, bad: &str) {
    let log = server.boucle(&["repo", "log", "demo/hello"]).json();
    let commits = log.as_array().expect("commits");
    assert!(commits.iter().any(|commit| commit["id"] == revert), "{revert} is not on main");
    let environments = server.boucle(&["env", "list"]).json();
    let production = environments
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == "production"))
        .expect("production");
    assert_ne!(production["artifacts"][0]["digest"], bad);
    assert_eq!(production["quarantined"][0], bad);
    let run = server.boucle(&["run", "show", "1"]).json();
    let jobs = run["jobs"].as_array().expect("jobs");
    let publish = jobs.iter().find(|job| job["key"] == "publish").expect("it is published");
    assert_eq!(publish["needs"], serde_json::json!(["test"]));
    let incident = server.boucle(&["incident", "show", "1"]).json();
    assert_eq!(incident["state"], "resolved");
    let timeline = incident["timeline"].as_array().expect("a timeline");
    for kind in ["monitoring.evidence_saved", "control.rolled_back", "monitoring.incident_resolved"]
    {
        let fact = timeline.iter().find(|fact| fact["kind"] == kind);
        assert!(fact.is_some_and(|fact| fact["actor"].as_str().is_some()), "{kind} is missing");
    }
    let traced = server.boucle(&["trace", bad]).json();
    let steps = traced.as_array().expect("steps");
    assert!(steps.iter().any(|step| step["kind"] == "repositories.pull_request_merged"));
    let rebuilt = server.boucle(&["admin", "rebuild-views"]);
    assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
}
