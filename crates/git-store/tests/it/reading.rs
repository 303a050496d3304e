//! Reading history, trees and differences, beside what `git` says.

use std::collections::BTreeSet;

use git_store::{ChangeKind, EntryKind, LineKind, StoreError, diff_text};
use ledger::CommitId;

use crate::server::Server;

fn id(text: &str) -> CommitId {
    CommitId::new(text).unwrap()
}

#[test]
fn history_is_what_git_says() {
    let server = Server::start();
    let work = server.work_tree("work");
    let first = work.commit("first\n\nbody of it", &[("a.txt", "1")]).unwrap();
    let second = work.commit("second", &[("a.txt", "2")]).unwrap();
    work.run(&["checkout", "-q", "-b", "side", &first]).unwrap();
    let side = work.commit("side", &[("b.txt", "1")]).unwrap();
    work.run(&["push", "-q", "origin", "main", "side"]).unwrap();
    let repository = &server.repository;
    let info = repository.commit(&id(&first)).unwrap();
    assert_eq!((info.title.as_str(), info.message.trim()), ("first", "first\n\nbody of it"));
    assert_eq!(info.author.email, "author@example.test");
    assert_eq!(info.author.at.to_string(), "2026-01-02T03:04:05.000Z");
    assert_eq!(info.tree.as_str(), work.run(&["rev-parse", &format!("{first}^{{tree}}")]).unwrap());
    let page = repository.log(&id(&second), &[], 0, 1).unwrap();
    assert_eq!((page.commits[0].id.as_str(), page.more), (second.as_str(), true));
    let rest = repository.log(&id(&second), &[], 1, 5).unwrap();
    assert_eq!((rest.commits[0].id.as_str(), rest.more), (first.as_str(), false));
    let own = repository.log(&id(&side), &[id(&second)], 0, 5).unwrap();
    assert_eq!(own.commits.len(), 1);
    assert_eq!(repository.merge_base(&id(&second), &id(&side)).unwrap(), Some(id(&first)));
    assert!(repository.is_ancestor(&id(&first), &id(&side)).unwrap());
    assert!(!repository.is_ancestor(&id(&second), &id(&side)).unwrap());
    for name in ["side", "refs/heads/side", &side[..10], &side] {
        assert_eq!(repository.resolve_revision(name).unwrap(), Some(id(&side)), "{name}");
    }
    for name in ["nothing", "--help", "side^{tree}", "HEAD~1", "../../etc"] {
        assert_eq!(repository.resolve_revision(name).unwrap(), None, "{name}");
    }
    let missing = repository.commit(&id(&"1".repeat(40)));
    assert!(matches!(missing, Err(StoreError::NotFound { .. })), "{missing:?}");
}

#[test]
fn trees_are_read_by_path() {
    let server = Server::start();
    let work = server.work_tree("work");
    work.write("bin/run", "#!/bin/sh\n").unwrap();
    work.run(&["add", "-A"]).unwrap();
    work.run(&["update-index", "--chmod=+x", "bin/run"]).unwrap();
    work.run(&["commit", "-q", "-m", "executable"]).unwrap();
    std::os::unix::fs::symlink("bin/run", work.folder().join("link")).unwrap();
    let commit = work.run(&["add", "link"]).and_then(|_| {
        work.run(&["commit", "-q", "-m", "link"])?;
        work.head()
    });
    let commit = id(&commit.unwrap());
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let repository = &server.repository;
    let kind = |path: &str| repository.tree_at(&commit, path).unwrap().map(|(kind, _)| kind);
    assert_eq!(kind("bin"), Some(EntryKind::Directory));
    assert_eq!(kind("bin/run"), Some(EntryKind::Executable));
    assert_eq!(kind("link"), Some(EntryKind::Symlink));
    for nowhere in ["nothing", "bin/run/x", "../bin", "bin/../bin", "/bin", "bin/", "link/x"] {
        assert_eq!(kind(nowhere), None, "{nowhere}");
    }
    let content = repository.file(&commit, "bin/run", 100).unwrap().unwrap();
    assert_eq!(content, b"#!/bin/sh\n");
    assert_eq!(repository.file(&commit, "link", 100).unwrap(), None);
    let large = repository.file(&commit, "bin/run", 5);
    assert!(matches!(large, Err(StoreError::TooLarge { .. })), "{large:?}");
    let tree = repository.tree_of(&commit).unwrap();
    let paths: Vec<String> =
        repository.list_all(&tree).unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(paths, ["bin/run", "link"]);
    let into = server.path("out");
    repository.materialise(&tree, &into, 1_000).unwrap();
    assert_eq!(std::fs::read_link(into.join("link")).unwrap().to_str(), Some("bin/run"));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(into.join("bin/run")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn links_that_leave_and_submodules_are_refused_before_anything_is_written() {
    let server = Server::start();
    let work = server.work_tree("work");
    for target in ["/etc/passwd", "../x", "a/../../x", "a/b/../../../x"] {
        let link = work.folder().join("link");
        drop(std::fs::remove_file(&link));
        std::os::unix::fs::symlink(target, &link).unwrap();
        let commit = id(&work.commit("link", &[("file", "content")]).unwrap());
        work.run(&["push", "-q", "origin", "main"]).unwrap();
        let tree = server.repository.tree_of(&commit).unwrap();
        let refused = server.repository.materialise(&tree, &server.path("out"), 1_000);
        assert!(matches!(refused, Err(StoreError::InvalidPath { .. })), "{target}: {refused:?}");
        assert!(!server.path("out").exists(), "{target}");
    }
    std::fs::remove_file(work.folder().join("link")).unwrap();
    let head = work.head().unwrap();
    work.run(&["update-index", "--add", "--cacheinfo", &format!("160000,{head},sub")]).unwrap();
    work.run(&["commit", "-q", "-m", "submodule"]).unwrap();
    let commit = id(&work.head().unwrap());
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let tree = server.repository.tree_of(&commit).unwrap();
    let refused = server.repository.materialise(&tree, &server.path("out"), 1_000);
    assert!(matches!(refused, Err(StoreError::InvalidPath { .. })), "{refused:?}");
}

#[test]
fn changed_paths_are_what_git_says() {
    let server = Server::start();
    let work = server.work_tree("work");
    let long: String = (0..50).map(|line| format!("line {line}\n")).collect();
    let files = [("same", "s"), ("edit", "1\n"), ("gone", "g\n"), ("dir/moved", &long), ("x", "x")];
    let before = work.commit("before", &files).unwrap();
    work.run(&["mv", "dir/moved", "elsewhere"]).unwrap();
    work.run(&["rm", "-q", "gone", "x"]).unwrap();
    let edited = format!("{long}one more\n");
    let files = [("edit", "2\n"), ("elsewhere", &edited), ("new", "n\n"), ("x/y", "folder now")];
    let after = work.commit("after", &files).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let tree = |commit: &str| server.repository.tree_of(&id(commit)).unwrap();
    let changes =
        server.repository.changed_paths(Some(&tree(&before)), Some(&tree(&after))).unwrap();
    let ours: BTreeSet<String> = changes
        .iter()
        .map(|change| match (&change.kind, &change.old_path) {
            (ChangeKind::Added, _) => format!("A {}", change.path),
            (ChangeKind::Removed, _) => format!("D {}", change.path),
            (ChangeKind::Modified, _) => format!("M {}", change.path),
            (ChangeKind::Renamed, old) => format!("R {} {}", old.as_deref().unwrap(), change.path),
        })
        .collect();
    let theirs = work.run(&["diff", "-M", "--name-status", &before, &after]).unwrap();
    let theirs: BTreeSet<String> = theirs
        .lines()
        .map(|line| {
            let mut parts = line.split('\t');
            let letter = &parts.next().unwrap()[..1];
            format!("{letter} {}", parts.collect::<Vec<_>>().join(" "))
        })
        .collect();
    assert_eq!(ours, theirs);
}

#[test]
fn hunks_have_context_and_numbers() {
    let old: String = (1..=20).map(|line| format!("{line}\n")).collect();
    let new = old.replace("10\n", "ten\n").replace("20\n", "20");
    let hunks = diff_text(old.as_bytes(), new.as_bytes()).unwrap();
    let shape: Vec<_> = hunks
        .iter()
        .map(|hunk| (hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines))
        .collect();
    assert_eq!(shape, [(7, 7, 7, 7), (17, 4, 17, 4)]);
    let added: Vec<_> =
        hunks.iter().flat_map(|hunk| &hunk.lines).filter(|l| l.kind == LineKind::Added).collect();
    assert_eq!((added[0].text.as_str(), added[0].new_number), ("ten", Some(10)));
    assert!(added[1].without_end && !added[0].without_end);
    assert_eq!(diff_text(b"a\0b", b"c"), None);
    assert_eq!(diff_text(b"same\n", b"same\n"), Some(Vec::new()));
}
