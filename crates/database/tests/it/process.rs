//! What only another process shows: a kill at any instant, and a disk that is full.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use database::Database;
use ledger::Sequence;

/// The example `ledger_process`, which cargo builds beside the tests.
fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let path = tests.ancestors().nth(2).unwrap().join("examples/ledger_process");
    assert!(path.exists(), "{} is not built: run `cargo test -p database`", path.display());
    path
}

#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut highest = 0;
    for round in 0..12 {
        let mut command = Command::new(program());
        let mut child = command.arg("append").arg(&path).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The kill comes at another place each time, always in the middle of appending.
        let wanted = 1 + round * 7;
        let mut requests: Vec<Vec<u64>> = Vec::new();
        while requests.len() < wanted {
            let line = lines.next().expect("the process ended by itself").unwrap();
            requests.push(line.split(' ').map(|number| number.parse().unwrap()).collect());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What it had acknowledged before the kill and nobody had read yet; the last may be half.
        for line in lines.map_while(Result::ok) {
            requests
                .extend(line.split(' ').map(|number| number.parse().ok()).collect::<Option<_>>());
        }
        let database = Database::open(&path).await.unwrap();
        let (head, _) = database.head().await.unwrap();
        let facts = database.facts(Sequence(highest), 100_000).await.unwrap();
        assert_eq!(head.0, highest + facts.len() as u64);
        for sequence in requests.into_iter().flatten() {
            assert!(highest < sequence && sequence <= head.0, "{sequence} was lost");
        }
        highest = head.0;
        database.close().await;
    }
}

/// In a mount namespace of its own, so that a small disk can be made without being root.
#[test]
fn a_full_disk_refuses_cleanly_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    let script = "mount -t tmpfs -o size=3m tmpfs \"$1\" && exec \"$0\" fill \"$1\"";
    let output = Command::new("unshare")
        .args(["--mount", "--map-root-user", "sh", "-c", script])
        .args([program().as_path(), folder.path()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
