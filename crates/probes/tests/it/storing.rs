//! The embedded store: what it refuses, what survives, what it does with a folder it cannot read.

use ledger::Timestamp;
use probes::{EmbeddedOptions, EmbeddedStore, Labels, Metrics, Point, QueryValue, Span};

use crate::support::embedded;

fn point(name: &str, at: i64, value: f64) -> Point {
    Point { labels: Labels::from([("__name__".into(), name.into())]), at: Timestamp(at), value }
}

fn now() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    elapsed.as_millis() as i64
}

#[tokio::test]
async fn refuses_what_is_outside_the_tested_set() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = embedded(&folder.path().join("metrics"));
    for (query, code) in [
        ("rate(", "query-invalid"),
        ("avg_over_time(rate(a[1m])[5m:1m])", "unsupported-query"),
        ("label_replace(a, \"b\", \"\", \"c\", \"\")", "unsupported-query"),
        ("a @ 5", "unsupported-query"),
    ] {
        let error = metrics.instant(query, Timestamp(now())).await.expect_err(query);
        assert_eq!(error.code(), code, "{error}");
        let said = error.to_string().contains("connect a Prometheus server");
        assert_eq!(said, code == "unsupported-query", "{error}");
    }
    let span = Span { start: Timestamp(0), end: Timestamp(now()) };
    let error = metrics.range("a", span, 1000).await.expect_err("too many points");
    assert_eq!(error.code(), "query-too-large");
}

#[tokio::test]
async fn refuses_two_series_with_the_same_labels() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = embedded(&folder.path().join("metrics"));
    let at = now();
    let points = [0, 1000, 2000]
        .into_iter()
        .flat_map(|ms| [point("a_total", at - ms, 5.0), point("b_total", at - ms, 5.0)]);
    metrics.write(points.collect()).await.unwrap();
    let query = "rate({__name__=~\"a_total|b_total\"}[1m])";
    let error = metrics.instant(query, Timestamp(at)).await.expect_err("ambiguous");
    assert_eq!(error.code(), "query-failed");
}

#[tokio::test]
async fn keeps_points_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics");
    let at = now();
    {
        let store = EmbeddedStore::open(&path, EmbeddedOptions::default()).unwrap();
        let metrics = Metrics::Embedded(std::sync::Arc::new(store));
        metrics.write(vec![point("a", at, 7.0)]).await.unwrap();
        let Metrics::Embedded(store) = &metrics else { panic!("just made") };
        store.close().await.unwrap();
    }
    let metrics = embedded(&path);
    let value = metrics.instant("a", Timestamp(at)).await.unwrap();
    assert_eq!(value.single(), Some(7.0));
}

#[tokio::test]
async fn puts_an_unreadable_folder_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(path.join("format"), "another store 1.0\n").unwrap();
    let metrics = embedded(&path);
    let value = metrics.instant("a", Timestamp(now())).await.unwrap();
    assert_eq!(value, QueryValue::Vector(Vec::new()));
    let aside = std::fs::read_to_string(folder.path().join("metrics.unreadable/format")).unwrap();
    assert_eq!(aside, "another store 1.0\n");
}
