//! What is set beside Git: secrets reach accepted jobs and nobody else; receivers are told and tested.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use crate::git::{commit, works};
use crate::harness::{Outcome, Server, command, run_with_input, wait_for};
use crate::http::send;

/// Found nowhere but in the job: tests of the whole suite look for such words in what they see.
const VALUE: &str = "canary-7f3e9a21-deploy";

const WORKFLOW: &str = "on: [push, pull_request]
jobs:
  use:
    runs-on: boucle
    steps:
      - env:
          KEY: ${{ secrets.deploy_key }}
        run: |
          echo \"length ${#KEY} value <$KEY>\"
          echo \"$KEY\" | base64
";

pub(crate) fn set(server: &Server, repository: &str, name: &str, value: &str) -> Outcome {
    let mut command = command(server.data());
    command.args(["secret", "set", repository, name, "-o", "json"]);
    run_with_input(&mut command, value)
}

/// A clone of a new repository with these files on its main branch.
pub(crate) fn repository(server: &Server, folder: &Path, name: &str, files: &[(&str, &str)]) {
    assert_eq!(server.boucle(&["repo", "create", name]).code, 0);
    works(folder, &["init", "--quiet", "--initial-branch", "main"]);
    works(folder, &["remote", "add", "origin", &server.address(name)]);
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        std::fs::write(path, text).expect("it is written");
    }
    commit(folder, "README.md", "one\ntwo\n");
    works(folder, &["push", "--quiet", "origin", "main"]);
}

/// The log of the job of the run of this event on this ref, once it has ended.
fn ended_log(server: &Server, event: &str, reference: &str) -> String {
    let ended = || {
        let runs = server.boucle(&["run", "list"]).json();
        let runs = runs.as_array().expect("a list").clone();
        let wanted = |run: &serde_json::Value| {
            let of = run["reference"].as_str().is_some_and(|name| name.contains(reference));
            of && run["event"] == event && run["state"] == "completed"
        };
        runs.into_iter().find(wanted)
    };
    wait_for("the end of a run", || ended().is_some());
    let id = ended().expect("it ended")["id"].to_string();
    server.boucle(&["logs", &format!("run/{id}/use")]).out
}

#[test]
fn a_secret_reaches_accepted_code_and_nobody_else() {
    let (data, clone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["repo", "create", "me/early"]).code, 0);
    let made = set(&server, "me/early", "deploy_key", &format!("{VALUE}\n"));
    assert_eq!((made.code, &made.json()["name"]), (0, &"DEPLOY_KEY".into()), "{}", made.err);
    for (name, value, code) in [
        ("GITHUB_TOKEN", VALUE, "invalid-name"),
        ("1ST", VALUE, "invalid-name"),
        ("a/b", VALUE, "invalid-name"),
        ("SHORT", "ab", "invalid-request"),
        ("NULL", "a\0bcd", "invalid-request"),
        ("LONG", &"x".repeat(48 * 1024 + 1), "invalid-request"),
    ] {
        let refused = set(&server, "me/early", name, value);
        assert!(refused.code != 0 && refused.json()["code"] == code, "{name}: {}", refused.out);
    }
    let other = server.boucle(&["token", "create", "eve", "--role", "read"]).json();
    let other = other["token"].as_str().expect("a token");
    let list = server.boucle_as(other, &["secret", "list", "me/early"]);
    assert_eq!(list.code, 5, "{}{}", list.out, list.err);

    repository(&server, clone.path(), "me/app", &[(".github/workflows/use.yaml", WORKFLOW)]);
    let without = ended_log(&server, "push", "main");
    assert!(without.contains("length 0 value <>"), "{without}");

    assert_eq!(set(&server, "me/app", "DEPLOY_KEY", VALUE).code, 0);
    works(clone.path(), &["checkout", "--quiet", "-b", "change"]);
    commit(clone.path(), "README.md", "changed\n");
    works(clone.path(), &["push", "--quiet", "origin", "change"]);
    assert_eq!(server.boucle(&["pr", "open", "me/app", "--head", "change"]).code, 0);
    // The branch is pushed by somebody who may write; the change is nobody's who was reviewed.
    let unmerged = ended_log(&server, "pull_request", "");
    assert!(unmerged.contains("length 0 value <>"), "{unmerged}");
    let pushed = ended_log(&server, "push", "change");
    let hidden = format!("length {} value <***>", VALUE.len());
    assert!(pushed.contains(&hidden), "{pushed}");

    let listed = server.boucle(&["secret", "list", "me/app"]);
    assert_eq!(listed.json()[0]["name"], "DEPLOY_KEY");
    let told = server.boucle(&["audit", "export"]).out;
    assert!(told.contains("DEPLOY_KEY"), "the ledger names it");
    for (what, seen) in [("the ledger", &told), ("the log", &pushed), ("the list", &listed.out)] {
        assert!(!seen.contains(VALUE), "{what} has the value");
    }
    assert_eq!(server.boucle(&["secret", "remove", "me/app", "deploy_key"]).code, 0);
    assert_eq!(server.boucle(&["secret", "remove", "me/app", "deploy_key"]).code, 6);
    assert_eq!(server.boucle(&["secret", "list", "me/app"]).json(), serde_json::json!([]));
    // What was acknowledged is there after a power cut, what was removed is not.
    server.kill();
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.boucle(&["secret", "list", "me/early"]).json()[0]["name"], "DEPLOY_KEY");
    let kept = std::fs::read_dir(data.path().join("secrets/values")).expect("it is there");
    let kept: Vec<_> = kept.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(kept.len(), 2, "the value that a fact names, and what says whose key it is");
    for path in kept {
        let sealed = std::fs::read(path).expect("it is there");
        assert!(!String::from_utf8_lossy(&sealed).contains(VALUE));
    }
}

const REMARKS: &str = "on: push
jobs:
  use:
    runs-on: boucle
    steps:
      - run: |
          echo '::warning file=README.md,line=2,title=Old::a word%0Aand another'
          echo '::error file=javascript:alert(1)::bad'
          echo '# Done' >> \"$GITHUB_STEP_SUMMARY\"
          mkdir -p out && echo kept > out/kept.txt
      - uses: actions/upload-artifact@v4
        with: {name: 'the report', path: out}
";

#[test]
fn what_a_run_leaves_behind_is_there_for_people() {
    let (data, clone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let server = Server::start(data.path(), &[]);
    repository(&server, clone.path(), "me/app", &[(".github/workflows/use.yaml", REMARKS)]);
    ended_log(&server, "push", "main");
    let results = server.boucle(&["run", "results", "1"]).json();
    let remarks = &results["annotations"];
    assert_eq!((&remarks[0]["level"], &remarks[0]["message"]), (&"error".into(), &"bad".into()));
    assert_eq!(remarks[1]["message"], "a word\nand another");
    assert_eq!((&remarks[1]["file"], &remarks[1]["line"]), (&"README.md".into(), &2.into()));
    assert_eq!(results["summaries"][0]["markdown"], "# Done\n");
    assert_eq!(results["artifacts"][0]["name"], "the report");
    assert_eq!(server.boucle(&["run", "results", "1", "--attempt", "2"]).code, 6);

    let file = clone.path().join("report.tar.gz");
    let into = file.to_string_lossy();
    let download = ["run", "download", "1", "the report", "--into", &into];
    assert_eq!(server.boucle(&download).code, 0);
    let unpacked = std::process::Command::new("tar")
        .args(["-xzf", &into, "-C"])
        .arg(clone.path())
        .status()
        .expect("tar starts");
    assert!(unpacked.success());
    let kept = std::fs::read_to_string(clone.path().join("kept.txt"));
    assert_eq!(kept.expect("it was in the archive"), "kept\n");
    assert_ne!(server.boucle(&download).code, 0, "a file that is there is not replaced");
    assert_eq!(server.boucle(&["run", "download", "1", "none"]).code, 6);

    assert_eq!(server.boucle(&["run", "rerun", "1"]).code, 0);
    wait_for("the second attempt", || {
        let results = server.boucle(&["run", "results", "1"]).json();
        results["attempts"][1]["conclusion"] == "success"
    });
    let first = send(&server, "GET", "/api/v1/runs/1?attempt=1", &token(&server).headers(), "");
    assert_eq!((first.status, &first.json()["attempt"]), (200, &1.into()));
}

struct Token(String);

impl Token {
    fn headers(&self) -> [(&str, &str); 1] {
        [("Authorization", &self.0)]
    }
}

fn token(server: &Server) -> Token {
    let token = std::fs::read_to_string(server.data().join("token")).expect("the owner's token");
    Token(format!("Bearer {}", token.trim()))
}

/// Takes one request and answers it with this status; gives what was sent.
fn receive(listener: &TcpListener, status: &str) -> String {
    let (mut stream, _) = listener.accept().expect("somebody calls");
    let mut text = String::new();
    let mut piece = [0; 4096];
    while !text.contains("\r\n\r\n") || !text.trim_end().ends_with('}') {
        let count = stream.read(&mut piece).expect("it speaks");
        text.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy");
    stream.write_all(answer.as_bytes()).expect("it listens");
    text
}

#[test]
fn a_receiver_can_be_tested() {
    let (data, clone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let server = Server::start(data.path(), &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let configuration = format!(
        "version: 1\nnotifications:\n  - name: chat\n    webhook: {{url: \"http://127.0.0.1:{port}/hook\", secret: chat-hook}}\n    on: [incident]\n"
    );
    repository(&server, clone.path(), "me/app", &[("boucle.yaml", &configuration)]);
    let list = || server.boucle(&["notification", "list", "me/app"]).json()[0].clone();
    wait_for("the route", || list()["name"] == "chat");
    assert_eq!((&list()["secret_known"], &list()["on"][0]), (&false.into(), &"incident".into()));
    let test = ["notification", "test", "me/app", "chat"];
    let unsigned = server.boucle(&test);
    assert_eq!(unsigned.json()["code"], "notification-failed", "{}", unsigned.out);
    assert!(unsigned.out.contains("chat-hook"), "{}", unsigned.out);

    assert_eq!(set(&server, "me/app", "chat-hook", VALUE).code, 0);
    assert_eq!(list()["secret_known"], true);
    let (sent, told) = std::thread::scope(|scope| {
        let told = scope.spawn(|| receive(&listener, "200 OK"));
        (server.boucle(&test), told.join().expect("it was called"))
    });
    assert_eq!(sent.code, 0, "{}", sent.err);
    let told = told.to_lowercase();
    assert!(told.contains("boucle-signature: sha256="), "{told}");
    assert!(told.contains("\"change\":\"test\"") && !told.contains(VALUE), "{told}");
    let busy = std::thread::scope(|scope| {
        scope.spawn(|| receive(&listener, "503 Busy"));
        server.boucle(&test)
    });
    assert!(busy.code != 0 && busy.out.contains("503"), "{}", busy.out);
    let none = server.boucle(&["notification", "test", "me/app", "none"]);
    assert_eq!(none.code, 6, "{}", none.err);
}
