//! What people do at a terminal inside of a clone: go to a change, review it, open its page, complete
//! names, read the manual.

use crate::git::{commit, git, works};
use crate::harness::{Server, command, run};

/// A server with `me/one`, and a clone of it with one change that is proposed.
struct Clone {
    server: Server,
    data: tempfile::TempDir,
    work: tempfile::TempDir,
    head: String,
}

fn clone_with_a_change() -> Clone {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
    let address = server.address("me/one");
    works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
    works(work.path(), &["remote", "add", "origin", &address]);
    commit(work.path(), "a.txt", "1\n");
    works(work.path(), &["push", "--quiet", "origin", "main"]);
    works(work.path(), &["checkout", "--quiet", "-b", "change"]);
    commit(work.path(), "a.txt", "2\n");
    works(work.path(), &["push", "--quiet", "origin", "change"]);
    let head = git(work.path(), &["rev-parse", "HEAD"]).out.trim().to_owned();
    assert_eq!(server.boucle(&["pr", "open", "me/one", "--head", "change"]).code, 0);
    works(work.path(), &["checkout", "--quiet", "main"]);
    Clone { server, data, work, head }
}

#[test]
fn a_change_is_checked_out_reviewed_and_opened_from_a_clone() {
    let Clone { server, work, head, .. } = &clone_with_a_change();
    let page = |expected: &str| {
        let opened = server.boucle_in(work.path(), &["open", "--print"]).json();
        assert_eq!(opened["url"], format!("{}{expected}", server.url()));
    };
    page("/repositories/me/one");
    let went = server.boucle_in(work.path(), &["pr", "checkout", "me/one", "1"]);
    assert_eq!(went.code, 0, "{}{}", went.out, went.err);
    let there = git(work.path(), &["rev-parse", "HEAD", "--abbrev-ref", "HEAD"]).out;
    assert_eq!(there, format!("{head}\npr-1\n"));
    page("/repositories/me/one/pull-requests/1");

    // Git would lose this, so nothing moves.
    works(work.path(), &["checkout", "--quiet", "main"]);
    std::fs::write(work.path().join("a.txt"), "not committed\n").expect("it is written");
    let refused = server.boucle_in(work.path(), &["pr", "checkout", "me/one", "1"]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("a.txt"), "{}", refused.err);

    let review =
        |arguments: &[&str]| server.boucle(&[&["pr", "review", "me/one", "1"], arguments].concat());
    assert_eq!(review(&[]).code, 2, "a review says something");
    assert_eq!(review(&["--request-changes"]).code, 2, "and what is to change");
    let asked = review(&["--request-changes", "--body", "Why 2?"]);
    assert_eq!(asked.json()["verdict"], "request_changes", "{}{}", asked.out, asked.err);
}

#[test]
fn names_are_completed_by_asking_the_server() {
    let Clone { data, .. } = &clone_with_a_change();
    let complete = |line: &[&str]| {
        let mut shell = command(data.path());
        // As the script of `boucle completions bash` asks: the line after `--`, and the word's place.
        let mut words = vec!["--", "boucle", "--data"];
        let folder = data.path().to_string_lossy().into_owned();
        words.push(&folder);
        words.extend(line);
        let place = words.len() - 2;
        let mut asked = std::process::Command::new(shell.get_program());
        asked.args(&words).envs(shell.get_envs().filter_map(|(k, v)| Some((k, v?))));
        asked.env("BOUCLE_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", place.to_string());
        asked.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_COMP_TYPE", "9");
        shell = asked;
        run(&mut shell).out
    };
    assert_eq!(complete(&["repo", "show", "m"]).trim(), "me/one");
    assert_eq!(complete(&["repo", "show", "x"]).trim(), "");
    assert_eq!(complete(&["explain", "rollback"]).trim(), "rollback-refused");
    assert!(complete(&["pr", "ch"]).contains("checkout"));
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man");
    let to = pages.to_string_lossy().into_owned();
    let written = run(command(folder.path()).args(["man", "--folder", &to]));
    assert_eq!(written.code, 0, "{}", written.err);
    for name in ["boucle", "boucle-pr-merge", "boucle-run-watch", "boucle-status"] {
        let page = std::fs::read_to_string(pages.join(format!("{name}.1"))).expect(name);
        assert!(page.contains(".SH"), "{name} is no manual page");
    }
}
