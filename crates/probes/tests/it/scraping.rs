//! Scrapes and checks against a server that behaves, and one that does not.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ledger::{ApplicationName, Timestamp};
use monitoring::exposition::Budget;
use probes::{AddressPolicy, Checker, HttpCheck, Metrics, ScrapeTarget, Scraper};

use crate::support::{Canned, Server, dialer, embedded, wait_for};

fn now() -> Timestamp {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Timestamp(elapsed.as_millis() as i64)
}

fn application() -> ApplicationName {
    ApplicationName::new("hello").unwrap()
}

fn target(server: &Server, path: &str) -> ScrapeTarget {
    ScrapeTarget {
        application: application(),
        address: server.address.to_string(),
        path: path.into(),
        policy: AddressPolicy::Own,
        labels: BTreeMap::from([("revision".into(), "r1".into())]),
        interval_ms: 500,
    }
}

async fn value(metrics: &Metrics, query: &str) -> Option<f64> {
    metrics.instant(query, now()).await.expect(query).single()
}

#[tokio::test]
async fn keeps_what_a_target_says_and_ends_it_with_the_target() {
    let more = Arc::new(AtomicBool::new(true));
    let switch = more.clone();
    let server = Server::start(move |_| {
        let second = if switch.load(Ordering::SeqCst) { "second 2\n" } else { "" };
        let text = format!("first{{job=\"mine\",a=\"b\"}} 1\n{second}");
        Canned::Whole(200, String::new(), text.into_bytes())
    })
    .await;
    let metrics = embedded();
    let scraper = Scraper::new(dialer(&[]), metrics.clone(), Budget::default());
    scraper.set_targets(vec![target(&server, "/metrics")]);

    let query = format!(
        "first{{job=\"hello\", exported_job=\"mine\", application=\"hello\", revision=\"r1\", instance=\"{}\", a=\"b\"}}",
        server.address
    );
    wait_for("the first sample", async || value(&metrics, &query).await).await;
    wait_for("up", async || value(&metrics, "up").await.filter(|up| *up == 1.0)).await;
    assert_eq!(value(&metrics, "second").await, Some(2.0));
    // The status follows the samples.
    let status = wait_for("the status", async || {
        scraper.statuses().pop().map(|(_, status)| status).filter(|status| status.samples == 2)
    })
    .await;
    assert_eq!(status.problem, None);

    // A series that is not exposed any more ends at once, not after five minutes.
    more.store(false, Ordering::SeqCst);
    wait_for("the end of `second`", async || {
        value(&metrics, "second").await.is_none().then_some(())
    })
    .await;
    assert_eq!(value(&metrics, "first").await, Some(1.0));

    scraper.set_targets(Vec::new());
    wait_for("the end of `first`", async || {
        value(&metrics, "first or up").await.is_none().then_some(())
    })
    .await;
    assert!(scraper.statuses().is_empty());
}

#[tokio::test]
async fn samples_have_the_time_of_the_clock_that_queries_use() {
    let server = Server::start(|_| Canned::Whole(200, String::new(), b"first 1\n".to_vec())).await;
    let metrics = embedded();
    // A machine whose clock was set back by two hours while the server ran.
    let ahead = || now().plus_ms(2 * 60 * 60 * 1_000);
    let scraper = Scraper::timed_by(ahead, dialer(&[]), metrics.clone(), Budget::default());
    scraper.set_targets(vec![target(&server, "/metrics")]);
    wait_for("the sample", async || {
        metrics.instant("first", ahead()).await.expect("a query").single()
    })
    .await;
    assert_eq!(value(&metrics, "first").await, None);
}

#[tokio::test]
async fn says_what_is_wrong_with_a_target() {
    let server = Server::start(|path| match path {
        "/garbage" => Canned::Whole(200, String::new(), b"good 1\n<html>\n".to_vec()),
        "/binary" => Canned::Whole(200, String::new(), vec![0xff, 0xfe]),
        "/endless" => Canned::Endless,
        _ => Canned::Whole(503, String::new(), Vec::new()),
    })
    .await;
    let metrics = embedded();
    let budget = Budget { bytes_max: 64 << 10, ..Budget::default() };
    let scraper = Scraper::new(dialer(&[]), metrics.clone(), budget);
    let paths = ["/garbage", "/binary", "/endless", "/down"];
    scraper.set_targets(paths.map(|path| target(&server, path)).to_vec());
    let statuses = wait_for("four answers", async || {
        let statuses = scraper.statuses();
        statuses.iter().all(|(_, status)| status.at.is_some()).then_some(statuses)
    })
    .await;
    let found: BTreeMap<String, &str> = statuses
        .iter()
        .map(|(target, status)| (target.path.clone(), status.problem.as_ref().unwrap().code))
        .collect();
    let expected = BTreeMap::from([
        ("/garbage".to_owned(), "metrics-garbage"),
        ("/binary".to_owned(), "metrics-not-text"),
        ("/endless".to_owned(), "metrics-too-large"),
        ("/down".to_owned(), "metrics-refused"),
    ]);
    assert_eq!(found, expected);
    let garbage = statuses.iter().find(|(target, _)| target.path == "/garbage").unwrap();
    assert!(garbage.1.problem.as_ref().unwrap().message.starts_with("line 2:"));
    // Half of a bad answer is not kept.
    assert_eq!(value(&metrics, "good").await, None);
    assert_eq!(value(&metrics, "sum(up)").await, Some(0.0));
}

#[tokio::test]
async fn counts_failures_of_a_check_in_a_row() {
    let fine = Arc::new(AtomicBool::new(false));
    let switch = fine.clone();
    let server = Server::start(move |_| {
        let status = if switch.load(Ordering::SeqCst) { 204 } else { 500 };
        Canned::Whole(status, String::new(), b"reason\nmore".to_vec())
    })
    .await;
    let check = HttpCheck {
        name: "home".into(),
        application: application(),
        url: server.url("/"),
        policy: AddressPolicy::Own,
        interval_ms: 500,
        timeout_ms: 1000,
        failure_threshold: 2,
    };
    let checker = Checker::new(dialer(&[]));
    checker.set_checks(vec![check.clone()]);
    let status = wait_for("two failures", async || {
        checker.statuses().pop().map(|(_, status)| status).filter(|s| s.failures_in_a_row == 2)
    })
    .await;
    assert_eq!(status.observation(&check).last_answer.as_deref(), Some("status 500 reason"));
    fine.store(true, Ordering::SeqCst);
    wait_for("a success", async || {
        checker
            .statuses()
            .pop()
            .filter(|(_, status)| status.failures_in_a_row == 0 && status.asked > 2)
    })
    .await;
}
