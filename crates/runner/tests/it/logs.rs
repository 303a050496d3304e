//! Logs are followed while they grow and read again later.

use ledger::RunId;
use pipelines::facts::JobKey;
use runner::{LogKey, LogStore};

fn key() -> LogKey {
    LogKey { run: RunId(1), attempt: 1, job: JobKey::new("a", None) }
}

#[tokio::test]
async fn a_follower_sees_every_line_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LogStore::new(folder.path().to_owned());
    let mut writer = store.open(&key()).expect("writable");
    let mut follower = store.follow(&key(), 0);
    let reading = tokio::spawn(async move {
        let mut text = Vec::new();
        while let Some(chunk) = follower.next().await.expect("readable") {
            text.extend_from_slice(&chunk.bytes);
        }
        String::from_utf8(text).expect("text")
    });
    for number in 0..500 {
        writer.line(Some(0), format!("line {number}").as_bytes()).expect("writable");
        if number % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    drop(writer);
    let text = reading.await.expect("no panic");
    let lines: Vec<_> = text.lines().filter_map(|line| line.split(" line ").nth(1)).collect();
    let expected: Vec<_> = (0..500).map(|number| number.to_string()).collect();
    assert_eq!(lines, expected);
}

#[test]
fn a_log_is_read_from_any_offset() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = LogStore::new(folder.path().to_owned());
    assert_eq!(store.read(&key(), 0).expect("readable"), None);
    let mut writer = store.open(&key()).expect("writable");
    let first = writer.line(None, b"one").expect("writable");
    writer.line(Some(3), b"two\nthree").expect("writable");
    let chunk = store.read(&key(), first).expect("readable").expect("a log");
    let text = String::from_utf8_lossy(&chunk.bytes).into_owned();
    assert!(text.lines().all(|line| line.contains("Z 3 ")) && text.lines().count() == 2, "{text}");
    assert!(!chunk.complete);
    drop(writer);
    assert!(store.read(&key(), chunk.next_offset).expect("readable").expect("a log").complete);
}
