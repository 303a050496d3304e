//! A world that misbehaves: two at once, a full disk.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::git::{commit, git, works};
use crate::harness::{Server, wait_for};

#[test]
fn of_two_who_merge_at_once_one_wins_and_the_other_is_told() {
    let (data, work) = (folder(), folder());
    let server = server_with_a_file(data.path(), work.path());
    for round in 1..=5 {
        works(work.path(), &["fetch", "--quiet", &server.address("me/one"), "main"]);
        works(work.path(), &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        commit(work.path(), "file.txt", &format!("{round}\n"));
        works(work.path(), &["push", "--quiet", &server.address("me/one"), "HEAD:refs/for/main"]);
        let number = round.to_string();
        let merge = || server.boucle(&["pr", "merge", "me/one", &number]);
        let mut outcomes = std::thread::scope(|scope| {
            let other = scope.spawn(merge);
            [merge(), other.join().expect("it ran")]
        });
        outcomes.sort_by_key(|outcome| outcome.code);
        let [winner, loser] = &outcomes;
        assert_eq!(winner.code, 0, "{}", winner.err);
        assert_eq!(loser.code, 3, "{}{}", loser.out, loser.err);
        let reason = loser.json();
        assert_eq!(reason["reasons"][0]["code"], "already-merged", "{reason}");
    }
    let merged = server.boucle(&[
        "audit",
        "list",
        "--kind",
        "repositories.pull_request_merged",
        "--limit",
        "50",
    ]);
    assert_eq!(merged.json().as_array().map(Vec::len), Some(5));
}

#[test]
fn of_two_changes_of_one_line_the_second_is_told_where_it_conflicts() {
    let (data, work) = (folder(), folder());
    let server = server_with_a_file(data.path(), work.path());
    let address = server.address("me/one");
    for name in ["one", "two"] {
        works(work.path(), &["checkout", "--quiet", "-b", name, "main"]);
        commit(work.path(), "file.txt", name);
        works(work.path(), &["push", "--quiet", &address, name]);
        assert_eq!(server.boucle(&["pr", "open", "me/one", "--head", name]).code, 0);
    }
    let merge = |number| server.boucle(&["pr", "merge", "me/one", number]);
    let mut outcomes = std::thread::scope(|scope| {
        let other = scope.spawn(|| merge("2"));
        [merge("1"), other.join().expect("it ran")]
    });
    outcomes.sort_by_key(|outcome| outcome.code);
    let [winner, loser] = &outcomes;
    assert_eq!((winner.code, loser.code), (0, 3), "{}{}", loser.out, loser.err);
    let tip = git(work.path(), &["ls-remote", &address, "refs/heads/main"]).out;
    let merged = winner.json()["merge_commit"].as_str().expect("a commit").to_owned();
    assert!(tip.starts_with(&merged), "{tip}");
    let reasons = loser.json()["reasons"].clone();
    assert_eq!(reasons[0]["code"], "merge-conflicts", "{reasons}");
    assert!(reasons[0].to_string().contains("file.txt"), "{reasons}");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A server with `me/one`, whose `main` has one file, as it is in `work`.
fn server_with_a_file(data: &Path, work: &Path) -> Server {
    let server = Server::start(data, &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
    works(work, &["init", "--quiet", "--initial-branch", "main"]);
    commit(work, "file.txt", "0\n");
    works(work, &["push", "--quiet", &server.address("me/one"), "main"]);
    server
}

/// Whether this test may mount; a machine where it may not is told.
fn may_mount() -> bool {
    let probe = Command::new("unshare")
        .args(["--mount", "mount", "-t", "tmpfs", "none", "/mnt"])
        .stderr(Stdio::null())
        .status();
    probe.is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_refuses_writes_and_goes_on_reading() {
    if !may_mount() {
        eprintln!("the full disk is not tested: this account may not mount a small file system");
        return;
    }
    let outside = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let disk = outside.path().join("disk");
    std::fs::create_dir(&disk).expect("a folder");
    let mut unshare = Command::new("unshare");
    let script =
        "mount -t tmpfs -o size=48m tmpfs \"$1\" && exec \"$2\" --data \"$1/data\" up --port 0";
    unshare
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&disk)
        .arg(env!("CARGO_BIN_EXE_boucle"));
    unshare.env("LANG", "C").stdout(Stdio::null());
    // The server's view of the disk, seen from here.
    let server = Server::start_with(unshare, |process| {
        PathBuf::from(format!("/proc/{process}/root{}/data", disk.display()))
    });
    assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
    works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
    commit(work.path(), "file.txt", "one\n");
    works(work.path(), &["push", "--quiet", &server.address("me/one"), "main"]);
    let tip = git(work.path(), &["rev-parse", "HEAD"]).out;

    let filling = server.data().join("../filling");
    fill(&filling);
    let made = server.boucle(&["repo", "create", "me/two"]);
    assert_eq!(made.code, 1, "{}{}", made.out, made.err);
    assert_eq!(made.json()["code"], "disk-full", "{}", made.out);
    commit(work.path(), "more.txt", &"many bytes that do not fit\n".repeat(10_000));
    let address = server.address("me/one");
    let pushed = git(work.path(), &["push", &address, "main"]);
    assert_ne!(pushed.code, 0, "{}", pushed.err);
    assert!(pushed.err.contains("disk-full"), "{}", pushed.err);

    assert_eq!(server.boucle(&["repo", "list"]).code, 0);
    assert_eq!(server.boucle(&["audit", "list"]).code, 0);
    let known = git(work.path(), &["ls-remote", &address, "refs/heads/main"]).out;
    assert!(known.starts_with(tip.trim()), "{known}");
    let clone = work.path().join("clone");
    works(work.path(), &["clone", "--quiet", &address, &clone.to_string_lossy()]);

    std::fs::remove_file(&filling).expect("it is there");
    wait_for("room again", || server.boucle(&["repo", "create", "me/two"]).code == 0);
    works(work.path(), &["push", "--quiet", &address, "main"]);
    assert_eq!(server.boucle(&["audit", "verify"]).code, 0);
    assert_eq!(server.boucle(&["admin", "rebuild-views"]).code, 0);
}

/// Writes until nothing fits any more.
fn fill(path: &std::path::Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("a file");
    for size in [1 << 20, 4096, 1] {
        let block = vec![1_u8; size];
        while file.write_all(&block).is_ok() {}
    }
}
