//! The embedded store: what it refuses and what it forgets.

use ledger::Timestamp;
use probes::{EmbeddedOptions, EmbeddedStore, Labels, Metrics, Point, Span};

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
    let metrics = embedded();
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
    let metrics = embedded();
    let at = now();
    let points = [0, 1000, 2000]
        .into_iter()
        .flat_map(|ms| [point("a_total", at - ms, 5.0), point("b_total", at - ms, 5.0)]);
    metrics.write(points.collect()).await.unwrap();
    let query = "rate({__name__=~\"a_total|b_total\"}[1m])";
    let error = metrics.instant(query, Timestamp(at)).await.expect_err("ambiguous");
    assert_eq!(error.code(), "query-failed");
}

const HOUR_MS: i64 = 3_600_000;

fn limited(options: EmbeddedOptions) -> Metrics {
    Metrics::Embedded(std::sync::Arc::new(EmbeddedStore::new(options).unwrap()))
}

async fn sum(metrics: &Metrics, query: &str, at: i64) -> Option<f64> {
    metrics.instant(query, Timestamp(at)).await.unwrap().single()
}

#[tokio::test]
async fn forgets_what_is_older_than_twice_the_retention() {
    let metrics = limited(EmbeddedOptions { retention_hours: 1, ..EmbeddedOptions::default() });
    let begin = now() - 4 * HOUR_MS;
    let minute = |number: i64| begin + number * 60_000;
    for number in 0..150 {
        metrics.write(vec![point("a", minute(number), number as f64)]).await.unwrap();
    }
    // Windows are open on the left. The first hour is forgotten, the second and third are there.
    assert_eq!(sum(&metrics, "count_over_time(a[5h])", minute(149)).await, Some(90.0));
    assert_eq!(sum(&metrics, "a", minute(59)).await, None);
    // Over the border of two generations.
    assert_eq!(sum(&metrics, "sum_over_time(a[3m])", minute(121)).await, Some(360.0));
    let span = Span { start: Timestamp(minute(0)), end: Timestamp(minute(149)) };
    assert_eq!(metrics.series(&["a".into()], span).await.unwrap().len(), 1);
}

#[tokio::test]
async fn stays_in_its_budget_and_keeps_the_newest() {
    let options = EmbeddedOptions { memory_bytes: 512 << 10, ..EmbeddedOptions::default() };
    let store = std::sync::Arc::new(EmbeddedStore::new(options).unwrap());
    let metrics = Metrics::Embedded(store.clone());
    let begin = now() - HOUR_MS;
    let mut most = 0;
    for second in 0..2_000 {
        let at = begin + second * 1_000;
        let points = (0..50).map(|series| point(&format!("a{series}"), at, (at % 977) as f64));
        metrics.write(points.collect()).await.unwrap();
        most = most.max(store.memory_used_bytes());
    }
    // A generation is looked at before points are written, so each may be more by one write.
    assert!(most < 640 << 10, "{most} bytes");
    let end = begin + 1_999_000;
    assert_eq!(sum(&metrics, "a49", end).await, Some((end % 977) as f64));
    assert_eq!(sum(&metrics, "a49", begin + 1_000).await, None);
}

#[tokio::test]
async fn too_many_series_at_a_time_are_refused_and_over_time_are_not() {
    let metrics = limited(EmbeddedOptions { series_max: 10, ..EmbeddedOptions::default() });
    let begin = now() - 4 * HOUR_MS;
    let series =
        |from: i64, at: i64| (from..from + 8).map(move |n| point(&format!("a{n}"), at, 1.0));
    metrics.write(series(0, begin).collect()).await.unwrap();
    let error = metrics.write(series(8, begin + 1_000).collect()).await.expect_err("sixteen");
    assert_eq!(error.code(), "metrics-store-failed", "{error}");
    let later = begin + HOUR_MS;
    metrics.write(series(8, later).collect()).await.unwrap();
    assert_eq!(sum(&metrics, "sum({__name__=~\"a.*\"})", later).await, Some(8.0));
}
