//! Browsing beside what `git log -- path`, `git blame` and `git grep` say.

use git_store::{Match, SearchIn};
use ledger::CommitId;

use crate::server::Server;

fn id(text: &str) -> CommitId {
    CommitId::new(text).unwrap()
}

#[test]
fn the_history_and_the_authors_of_a_path_are_what_git_says() {
    let server = Server::start();
    let work = server.work_tree("work");
    work.commit("one", &[("a.txt", "1\n2\n3\n"), ("b.txt", "b\n")]).unwrap();
    work.commit("two", &[("b.txt", "c\n")]).unwrap();
    work.commit("three", &[("a.txt", "1\nzwei\n3\n4\n")]).unwrap();
    work.run(&["checkout", "-q", "-b", "side", "HEAD~1"]).unwrap();
    work.commit("side", &[("c/d.txt", "d\n")]).unwrap();
    work.run(&["checkout", "-q", "main"]).unwrap();
    work.run(&["merge", "-q", "--no-ff", "-m", "merge", "side"]).unwrap();
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let tip = id(&work.head().unwrap());
    let repository = &server.repository;
    for path in ["a.txt", "b.txt", "c", "c/d.txt", "nothing"] {
        let expected = work.run(&["log", "--format=%H", "--", path]).unwrap();
        let page = repository.log_of_path(&tip, path, 0, 50).unwrap();
        let found: Vec<&str> = page.commits.iter().map(|commit| commit.id.as_str()).collect();
        assert_eq!(found, expected.split_whitespace().collect::<Vec<_>>(), "{path}");
    }
    let second = repository.log_of_path(&tip, "a.txt", 1, 1).unwrap();
    assert_eq!((second.commits[0].title.as_str(), second.more), ("one", false));
    let blamed = work.run(&["blame", "-s", "-l", "--root", "a.txt"]).unwrap();
    let expected: Vec<&str> = blamed.lines().map(|line| &line[..40]).collect();
    let spans = repository.blame(&tip, "a.txt").unwrap();
    let found: Vec<&str> = spans
        .iter()
        .flat_map(|span| std::iter::repeat_n(span.commit.as_str(), span.lines as usize))
        .collect();
    assert_eq!(found, expected);
    assert!(repository.blame(&tip, "nothing").is_err());
}

#[test]
fn a_text_is_found_in_names_and_lines() {
    let server = Server::start();
    let work = server.work_tree("work");
    let binary = "needle\0".repeat(3);
    let files =
        [("src/Needle.rs", "fn a() {}\n"), ("b.txt", "no\nthe nEEdle\n"), ("c", binary.as_str())];
    let commit = id(&work.commit("files", &files).unwrap());
    work.run(&["push", "-q", "origin", "main"]).unwrap();
    let check = |text: &str, within, limit, expected: &[(&str, Option<usize>)], complete| {
        let found = server.repository.search(&commit, text, within, limit).unwrap();
        let places: Vec<(&str, Option<usize>)> =
            found.matches.iter().map(|one: &Match| (one.path.as_str(), one.line)).collect();
        assert_eq!((places.as_slice(), found.complete), (expected, complete), "{text} {within:?}");
    };
    check("needle", SearchIn::Names, 9, &[("src/Needle.rs", None)], true);
    check("NEEDLE", SearchIn::Content, 9, &[("b.txt", Some(2))], true);
    check("absent", SearchIn::Content, 9, &[], true);
    check("n", SearchIn::Content, 1, &[("b.txt", Some(1))], false);
}
