//! A clock that jumps: nothing is ordered anew, nothing stands still.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::crash::repository::{host, wait_for_production};
use crate::git::{commit, git, works};
use crate::harness::{Server, command, wait_for};

/// Debian's `faketime`: it moves the wall clock of one process, and only that.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// What a machine without it is told.
const NOT_TESTED: &str =
    "jumping clocks are not tested here: Debian's package `faketime` is not installed";

/// A server whose wall clock is set by the test.
struct Clocked {
    data: tempfile::TempDir,
    folder: tempfile::TempDir,
}

impl Clocked {
    /// `None` where no clock can be moved; the clock's own tests run everywhere.
    fn new() -> Option<Self> {
        if !Path::new(FAKETIME).exists() {
            return None;
        }
        let folder = || tempfile::tempdir().expect("a folder");
        let clocked = Self { data: folder(), folder: folder() };
        clocked.set("+0");
        std::fs::create_dir(clocked.work()).expect("a folder");
        Some(clocked)
    }

    fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Sets the clock so many seconds off.
    fn set(&self, offset: &str) {
        std::fs::write(self.folder.path().join("clock"), offset).expect("it is written");
    }

    fn start(&self) -> Server {
        let _ = std::fs::remove_file(self.data.path().join("server.json"));
        let mut up = command(self.data.path());
        up.args(["up", "--port", "0"])
            .env("LD_PRELOAD", FAKETIME)
            .env("FAKETIME_TIMESTAMP_FILE", self.folder.path().join("clock"))
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .stdout(Stdio::null());
        let data = self.data.path().to_path_buf();
        Server::start_with(up, |_| data)
    }
}

#[test]
fn a_clock_that_jumps_orders_nothing_anew() {
    let Some(clocked) = Clocked::new() else {
        eprintln!("{NOT_TESTED}");
        return;
    };
    let (work, server) = (clocked.work(), clocked.start());
    assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
    works(&work, &["init", "--quiet", "--initial-branch", "main"]);
    std::fs::create_dir_all(work.join(".github/workflows")).expect("a folder");
    let workflow =
        "on: push\njobs:\n  one:\n    runs-on: boucle\n    steps:\n      - run: echo ready\n";
    commit(&work, ".github/workflows/ci.yaml", workflow);
    for (round, offset) in ["+0", "+3600", "-3600", "+86400", "-31536000"].iter().enumerate() {
        clocked.set(offset);
        commit(&work, "round.txt", offset);
        works(&work, &["push", "--quiet", &server.address("me/one"), "main"]);
        wait_for("the run", || {
            let runs = server.boucle(&["run", "list"]).json();
            let done = |run: &serde_json::Value| run["conclusion"] == "success";
            runs.as_array().is_some_and(|runs| runs.iter().filter(|run| done(run)).count() > round)
        });
    }
    let facts = server.boucle(&["audit", "list", "--limit", "500"]).json();
    let times: Vec<&str> =
        facts.as_array().expect("facts").iter().filter_map(|fact| fact["at"].as_str()).collect();
    assert!(times.len() > 20 && times.windows(2).all(|two| two[0] >= two[1]), "{times:?}");
    assert_eq!(server.boucle(&["audit", "verify"]).code, 0);
    let doctor = server.boucle(&["doctor"]).json();
    let mut checks = doctor["checks"].as_array().expect("checks").iter();
    let clock = checks.find(|check| check["name"] == "clock").expect("a check of the clock");
    assert_eq!(clock["state"], "degraded", "{clock}");
}

#[test]
fn a_clock_that_is_set_back_stops_no_promotion() {
    let Some(clocked) = Clocked::new() else {
        eprintln!("{NOT_TESTED}");
        return;
    };
    let (work, mut server) = (clocked.work(), clocked.start());
    host(&server, &work, "500ms");
    let reviewer = server.boucle(&["token", "create", "reviewer"]).json();
    let reviewer = reviewer["token"].as_str().expect("a token").to_owned();
    let first = git(&work, &["rev-parse", "HEAD"]).out.trim().to_owned();
    wait_for_production(&server, "the first version", |commit| commit == first);
    for (number, (offset, restarts)) in
        [("+7200", false), ("-7200", false), ("-86400", true)].iter().enumerate()
    {
        clocked.set(offset);
        if *restarts {
            drop(server);
            server = clocked.start();
        }
        let address = server.address("me/crash");
        works(&work, &["fetch", "--quiet", &address, "main"]);
        works(&work, &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        commit(&work, "version.txt", offset);
        works(&work, &["push", "--quiet", &address, &format!("HEAD:refs/heads/round-{number}")]);
        let head = format!("round-{number}");
        let opened = server.boucle(&["pr", "open", "me/crash", "--head", &head]).json();
        let pull_request = opened["number"].to_string();
        let approve = ["pr", "approve", "me/crash", &pull_request];
        assert_eq!(server.boucle_as(&reviewer, &approve).code, 0);
        let merged = server.boucle(&["pr", "merge", "me/crash", &pull_request]).json();
        let merged = merged["merge_commit"].as_str().expect("a commit").to_owned();
        wait_for_production(&server, &format!("what came at {offset}"), |commit| commit == merged);
    }
    assert_eq!(server.boucle(&["audit", "verify"]).code, 0);
    assert_eq!(server.boucle(&["admin", "rebuild-views"]).code, 0);
}
