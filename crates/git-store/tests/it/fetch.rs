//! Cloning and fetching with the real client.

use git_store::RefChange;
use ledger::{ObjectId, RefName};

use crate::server::Server;

#[test]
fn a_clone_has_everything_and_checks_out_the_default_branch() {
    let server = Server::start();
    let work = server.work_tree("work");
    let commit = work.commit("first", &[("a.txt", "one\n"), ("b/c.txt", "two\n")]).unwrap();
    work.run(&["tag", "-a", "-m", "release", "v1"]).unwrap();
    work.run(&["push", "-q", "origin", "main", "v1"]).unwrap();
    for version in ["0", "1", "2"] {
        let option = format!("protocol.version={version}");
        let clone = server.clone_into(&format!("clone{version}"), &["-c", &option]);
        assert_eq!(clone.head().unwrap(), commit, "version {version}");
        assert_eq!(clone.run(&["describe"]).unwrap(), "v1");
        clone.run(&["fsck", "--full", "--strict"]).unwrap();
        assert_eq!(std::fs::read_to_string(clone.folder().join("b/c.txt")).unwrap(), "two\n");
    }
}

#[test]
fn an_empty_repository_is_cloned_with_its_branch_name() {
    let server = Server::start();
    let clone = server.clone_into("clone", &[]);
    assert_eq!(clone.run(&["symbolic-ref", "HEAD"]).unwrap(), "refs/heads/main");
}

#[test]
fn a_fetch_brings_what_is_new() {
    let server = Server::start();
    let work = server.work_tree("work");
    work.commit("first", &[("a.txt", "one\n")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let clone = server.clone_into("clone", &[]);
    for round in 0..5 {
        let commit = work.commit("next", &[("a.txt", &format!("round {round}\n"))]).unwrap();
        work.run(&["push", "-q", "origin", "main"]).unwrap();
        clone.run(&["pull", "-q", "--ff-only"]).unwrap();
        assert_eq!(clone.head().unwrap(), commit);
    }
}

#[test]
fn shallow_and_partial_clones_work() {
    let server = Server::start();
    let work = server.work_tree("work");
    for round in 0..5 {
        work.commit("next", &[("a.txt", &format!("round {round}\n"))]).unwrap();
    }
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let shallow = server.clone_into("shallow", &["--depth", "1"]);
    assert_eq!(shallow.run(&["rev-list", "--count", "HEAD"]).unwrap(), "1");
    shallow.commit("on top", &[("b.txt", "b\n")]).unwrap();
    shallow.run(&["push", "-q", "origin", "HEAD:refs/heads/side"]).unwrap();
    let partial = server.clone_into("partial", &["--filter=blob:none", "--no-checkout"]);
    assert_eq!(partial.run(&["rev-list", "--count", "HEAD"]).unwrap(), "5");
    server.assert_clean();
}

#[test]
fn hidden_refs_are_listed_only_when_asked_for() {
    let server = Server::start();
    let work = server.work_tree("work");
    let commit = work.commit("first", &[("a.txt", "one\n")]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    for name in ["refs/changes/1/1", "refs/boucle/rendered/hello"] {
        let (name, new) = (RefName::new(name).unwrap(), ObjectId::new(commit.as_str()).unwrap());
        let change = RefChange { name, old: None, new: Some(new) };
        server.repository.update_refs(&[change]).unwrap();
    }
    let listed = work.run(&["ls-remote", "origin"]).unwrap();
    assert!(listed.contains("refs/heads/main"), "{listed}");
    assert!(!listed.contains("refs/changes") && !listed.contains("refs/boucle"), "{listed}");
    work.run(&["fetch", "-q", "origin", "refs/changes/1/1:refs/heads/change"]).unwrap();
    assert_eq!(work.run(&["rev-parse", "change"]).unwrap(), commit);
    let advertised = server.block_on(git_store::http::advertise(
        &server.repository,
        git_store::http::Service::ReceivePack,
        git_store::http::Protocol::V0,
    ));
    let advertised = String::from_utf8_lossy(&advertised.unwrap()).into_owned();
    assert!(advertised.contains("refs/heads/main"), "{advertised}");
    assert!(!advertised.contains("refs/changes"), "{advertised}");
}
