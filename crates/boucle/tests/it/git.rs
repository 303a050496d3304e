//! Real git against the server: pushes, clones, and pushes that are refused.

use std::path::Path;
use std::process::Command;

use crate::harness::{Outcome, Server, run};

pub fn git(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("git");
    command
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .envs([("GIT_AUTHOR_NAME", "a"), ("GIT_AUTHOR_EMAIL", "a@localhost")])
        .envs([("GIT_COMMITTER_NAME", "a"), ("GIT_COMMITTER_EMAIL", "a@localhost")]);
    run(&mut command)
}

#[track_caller]
pub fn works(folder: &Path, arguments: &[&str]) {
    let outcome = git(folder, arguments);
    assert_eq!(outcome.code, 0, "git {arguments:?}: {}{}", outcome.out, outcome.err);
}

pub fn commit(folder: &Path, path: &str, text: &str) {
    std::fs::write(folder.join(path), text).expect("it is written");
    works(folder, &["add", "--all"]);
    works(folder, &["commit", "--quiet", "--message", path]);
}

#[test]
fn an_acknowledged_push_survives_a_kill() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
    let mut server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
    for round in 0..3 {
        commit(work.path(), "file.txt", &format!("{round}\n"));
        works(work.path(), &["push", "--quiet", &server.address("me/one"), "main"]);
        server.kill();
        server = Server::start(data.path(), &[]);
        let tip = git(work.path(), &["rev-parse", "HEAD"]).out;
        let known = git(work.path(), &["ls-remote", &server.address("me/one"), "refs/heads/main"]);
        assert!(known.out.starts_with(tip.trim()), "round {round}: {}{}", known.out, known.err);
        assert_eq!(server.boucle(&["audit", "verify"]).code, 0);
    }
    let clone = work.path().join("clone");
    works(work.path(), &["clone", "--quiet", &server.address("me/one"), &clone.to_string_lossy()]);
    works(&clone, &["fsck", "--full", "--strict"]);
}

#[test]
fn rules_refuse_with_their_reason_and_a_proposal_opens_a_pull_request() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/two"]).code, 0);
    let address = server.address("me/two");
    works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
    commit(work.path(), "boucle.yaml", "version: 1\nreview:\n  requiredApprovals: 1\n");
    works(work.path(), &["push", "--quiet", &address, "main"]);
    commit(work.path(), "change.txt", "one\n");
    let refused = git(work.path(), &["push", &address, "main"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("protected"), "{}", refused.err);
    let proposed = git(work.path(), &["push", &address, "HEAD:refs/for/main"]);
    assert_eq!(proposed.code, 0, "{}", proposed.err);
    assert!(proposed.err.contains("pull request #1"), "{}", proposed.err);
    let merged = server.boucle(&["pr", "merge", "me/two", "1"]);
    assert_eq!(merged.code, 3, "{}", merged.out);
    assert_eq!(merged.json()["reasons"][0]["code"], "approvals-missing");
    let made = server.boucle(&["token", "create", "colleague"]).json();
    let token = made["token"].as_str().expect("a token");
    assert_eq!(server.boucle_as(token, &["pr", "approve", "me/two", "1"]).code, 0);
    assert_eq!(server.boucle(&["pr", "merge", "me/two", "1"]).code, 0);
    works(work.path(), &["fetch", "--quiet", &address, "main"]);
}
