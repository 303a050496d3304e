//! Commits made by the server, as `git` sees them.

use std::collections::BTreeMap;

use git_store::{CommitRequest, Edit, EntryKind, RefChange, Signature, StoreError};
use ledger::{CommitId, Timestamp};

use crate::server::{Server, main_branch};

fn robot() -> Signature {
    Signature {
        name: "Boucle <robot>\n".into(),
        email: "boucle@example.test".into(),
        at: Timestamp(1_767_323_045_678),
    }
}

fn request(edits: &[(&str, Edit)]) -> CommitRequest {
    CommitRequest {
        base: None,
        edits: edits.iter().map(|(path, edit)| ((*path).to_owned(), edit.clone())).collect(),
        parents: Vec::new(),
        message: "write\n\nApplication: hello\n".into(),
        author: robot(),
        committer: robot(),
    }
}

#[test]
fn a_commit_is_made_of_edits_and_git_finds_it_whole() {
    let server = Server::start();
    let repository = &server.repository;
    let first = request(&[
        ("a/b/one", Edit::Write(b"1\n".to_vec())),
        ("a/b.txt", Edit::Write(b"2\n".to_vec())),
        ("a/run", Edit::WriteAs(EntryKind::Executable, b"#!\n".to_vec())),
        ("gone/only", Edit::Write(b"x".to_vec())),
    ]);
    let first = repository.write_commit(&first).unwrap();
    let change = RefChange::of_commits(main_branch(), None, Some(&first));
    repository.update_refs(&[change]).unwrap();
    let mut second = request(&[
        ("a/run", Edit::Write(b"#!/bin/sh\n".to_vec())),
        ("a/b/two", Edit::Write(b"2\n".to_vec())),
        ("gone", Edit::Remove),
        ("not/there", Edit::Remove),
    ]);
    second.base = Some(repository.tree_of(&first).unwrap());
    second.parents = vec![first.clone()];
    let second = repository.write_commit(&second).unwrap();
    let change = RefChange::of_commits(main_branch(), Some(&first), Some(&second));
    repository.update_refs(&[change]).unwrap();
    repository.check().unwrap();
    let listed = server.bare().run(&["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"]);
    let expected = "100644 a/b.txt\n100644 a/b/one\n100644 a/b/two\n100755 a/run";
    assert_eq!(listed.unwrap(), expected);
    let shown = server.bare().run(&["log", "-1", "--format=%an|%ae|%at|%(trailers)", "main"]);
    let expected = "Boucle  robot|boucle@example.test|1767323045|Application: hello";
    assert_eq!(shown.unwrap().trim(), expected);
    let clone = server.clone_into("clone", &[]);
    assert_eq!(clone.head().unwrap(), second.as_str());
}

#[test]
fn the_same_request_gives_the_same_commit() {
    let server = Server::start();
    let one = request(&[("a", Edit::Write(b"1".to_vec()))]);
    let first = server.repository.write_commit(&one).unwrap();
    assert_eq!(server.repository.write_commit(&one).unwrap(), first);
    let empty = CommitRequest { edits: BTreeMap::new(), ..one };
    let empty = server.repository.write_commit(&empty).unwrap();
    let tree = server.repository.tree_of(&empty).unwrap();
    assert_eq!(tree.as_str(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

#[test]
fn dangerous_paths_are_refused() {
    let server = Server::start();
    let paths = [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "./a",
        ".git/config",
        "a/.GIT/x",
        "GIT~1/x",
        ".git./x",
        ".git /x",
        ".git::$INDEX/x",
        "a\\b",
        "a\0b",
        ".g\u{200c}it/x",
    ];
    for path in paths {
        let refused = server.repository.write_commit(&request(&[(path, Edit::Write(Vec::new()))]));
        assert!(matches!(refused, Err(StoreError::InvalidPath { .. })), "{path:?}: {refused:?}");
    }
    for path in [".github/workflows/ci.yaml", ".gitignore", "a.git/b", "..a/b..", "é/ü"] {
        let made: Result<CommitId, _> =
            server.repository.write_commit(&request(&[(path, Edit::Write(Vec::new()))]));
        assert!(made.is_ok(), "{path:?}: {made:?}");
    }
}

#[test]
fn many_objects_are_one_pack() {
    let server = Server::start();
    let names: Vec<String> = (0..500).map(|n| format!("d{}/f{n}", n % 20)).collect();
    let edits: Vec<(&str, Edit)> = names
        .iter()
        .map(|name| (name.as_str(), Edit::Write(name.repeat(200).into_bytes())))
        .collect();
    let commit = server.repository.write_commit(&request(&edits)).unwrap();
    let change = RefChange::of_commits(main_branch(), None, Some(&commit));
    server.repository.update_refs(&[change]).unwrap();
    server.repository.check().unwrap();
    let counted = server.bare().run(&["count-objects", "-v"]).unwrap();
    assert!(counted.contains("in-pack: 522\npacks: 1\n"), "{counted}");
    server.repository.maintain().unwrap();
    assert_eq!(
        server.repository.list_all(&server.repository.tree_of(&commit).unwrap()).unwrap().len(),
        500
    );
}
