//! How programs start and end.

use std::path::Path;
use std::time::{Duration, Instant};

use sandbox::{SpawnError, Spec, Streams, spawn};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{launcher, run, shell, start};

#[tokio::test]
async fn exit_codes_and_signals_come_out() {
    for (script, code, signal) in [
        ("exit 0", Some(0), None),
        ("exit 7", Some(7), None),
        ("exit 200", Some(200), None),
        ("kill -TERM $$", None, Some(15)),
        ("kill -KILL $$", None, Some(9)),
    ] {
        let exit = run(&shell(script)).await.exit;
        assert_eq!((exit.code, exit.signal), (code, signal), "{script}");
        assert!(!exit.out_of_memory);
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let mut spec = Spec::new("/usr/bin/no-such-program");
    let error = spawn(&spec, &launcher(), Streams::default()).await.unwrap_err();
    assert!(matches!(error, SpawnError::Program { .. }), "{error}");
    spec.program = "sh".into();
    spec.working_directory = "/nowhere".into();
    let error = spawn(&spec, &launcher(), Streams::default()).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere"), "{error}");
}

#[tokio::test]
async fn a_signal_reaches_the_program() {
    let mut child =
        start(&shell("trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.05; done"))
            .await;
    let mut lines = BufReader::new(child.take_stdout().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("ready"));
    child.handle().terminate();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("caught"));
    assert_eq!(child.wait().await.unwrap().code, Some(3));
}

/// The machine's number of the process whose command line holds the mark.
fn find(mark: &str) -> Option<u32> {
    let own = std::process::id();
    std::fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        (pid != own && line.starts_with("sleep") && line.contains(mark)).then_some(pid)
    })
}

async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A program that leaves a child in a session of its own, out of reach of its process group.
fn with_orphan(mark: &str) -> Spec {
    shell(&format!("(setsid sleep {mark} >/dev/null 2>&1 &) ; echo started; sleep 1000"))
}

#[tokio::test]
async fn the_whole_tree_ends() {
    let mark = "31337.25";
    let mut child = start(&with_orphan(mark)).await;
    wait_for("the orphan runs", || find(mark).is_some()).await;
    let orphan = find(mark).unwrap();
    let exit = child.kill().await.unwrap();
    assert_eq!(exit.signal, Some(9));
    assert!(!Path::new(&format!("/proc/{orphan}")).exists(), "the orphan lives");
    assert_eq!(child.kill().await.unwrap(), exit);
}

#[tokio::test]
async fn nothing_outlives_its_owner() {
    let mark = "31337.75";
    let child = start(&with_orphan(mark)).await;
    wait_for("the orphan runs", || find(mark).is_some()).await;
    let orphan = find(mark).unwrap();
    drop(child);
    wait_for("the orphan is gone", || !Path::new(&format!("/proc/{orphan}")).exists()).await;
}

#[tokio::test]
async fn leftovers_end_with_the_program() {
    let mark = "31337.5";
    let spec = shell(&format!("(setsid sleep {mark} >/dev/null 2>&1 &); exit 4"));
    assert_eq!(run(&spec).await.exit.code, Some(4));
    assert_eq!(find(mark), None);
}

#[tokio::test]
async fn an_order_that_comes_too_late_is_no_failure() {
    // The helper may end with orders unread, and the system then resets the connection.
    for _ in 0..60 {
        let mut child = start(&shell("exit 3")).await;
        let handle = child.handle();
        let ordering = tokio::spawn(async move {
            for _ in 0..2_000 {
                handle.signal(0);
                tokio::task::yield_now().await;
            }
        });
        let exit = child.wait().await.unwrap();
        assert_eq!(exit.code, Some(3), "{exit:?}");
        ordering.await.unwrap();
    }
}
