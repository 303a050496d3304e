//! The tested set: each query gives the same answer here as from a real Prometheus.
//!
//! Debian's Prometheus is 2.42, whose ranges include their start; later ones and the embedded store
//! leave it out. So queries are asked between samples, where both agree.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ledger::Timestamp;
use probes::{Labels, Metrics, Point, PrometheusServer, QueryValue, Series, Span, store};

use crate::support::{Prometheus, dialer, embedded};

const INTERVAL_MS: i64 = 5000;
const SAMPLES: i64 = 240;

/// Every query of the tested set. A function or operator that is not here is refused by `query.rs`.
const QUERIES: &[&str] = &[
    // Selectors.
    "requests_total",
    "requests_total{code=\"200\"}",
    "requests_total{code!=\"200\"}",
    "requests_total{code=~\"5..|4.+\"}",
    "requests_total{code!~\"2..\"}",
    "requests_total{code=\"200\", path=\"/\", replica=\"a\"}",
    "requests_total{missing=\"\"}",
    "requests_total{code=\"\"}",
    "{__name__=\"temperature\"}",
    "{__name__=~\"temp.*|version\"}",
    "{replica=\"a\", code=\"500\"}",
    "place{name=\"Zürich\"}",
    "place{name!=\"Zürich\"}",
    "place{name=~\"Z.+ch\"}",
    "place{name=~\"Zü.*\"}",
    "subset{a=\"1\"}",
    "nothing_here",
    "gone",
    "temperature offset 1m",
    "rate(requests_total[1m] offset 2m)",
    // Rates.
    "rate(requests_total[1m])",
    "rate(requests_total[10s])",
    "rate(requests_total[3s])",
    "irate(requests_total[1m])",
    "increase(requests_total[5m])",
    "increase(resetting_total[10m])",
    "delta(temperature[2m])",
    "idelta(temperature[2m])",
    "resets(resetting_total[10m])",
    "deriv(temperature[2m])",
    "rate(gone[1m])",
    // Over time.
    "avg_over_time(temperature[1m])",
    "min_over_time(temperature[1m])",
    "max_over_time(temperature[1m])",
    "sum_over_time(temperature[1m])",
    "count_over_time(temperature[1m])",
    "last_over_time(temperature[1m])",
    "present_over_time(temperature[1m])",
    "stddev_over_time(temperature[1m])",
    "stdvar_over_time(temperature[1m])",
    // Aggregations.
    "sum(requests_total)",
    "SUM BY (code) (rate(requests_total[1m]))",
    "sum(rate(requests_total[1m])) by (code, path)",
    "sum without (replica) (rate(requests_total[1m]))",
    "sum by (missing) (requests_total)",
    "avg by (code) (requests_total)",
    "min by (code) (requests_total)",
    "max by (code) (requests_total)",
    "count by (code) (requests_total)",
    "group by (code) (requests_total)",
    "quantile by (code) (0.5, requests_total)",
    "topk(2, requests_total)",
    "bottomk(2, rate(requests_total[1m]))",
    "topk by (code) (1, requests_total)",
    "count({__name__=~\".+\"})",
    // Histograms.
    "histogram_quantile(0.5, rate(latency_seconds_bucket[1m]))",
    "histogram_quantile(0.99, sum by (le) (rate(latency_seconds_bucket[1m])))",
    "histogram_quantile(0.9, sum by (le, replica) (rate(latency_seconds_bucket[1m])))",
    "histogram_quantile(2, latency_seconds_bucket)",
    "rate(latency_seconds_sum[1m]) / rate(latency_seconds_count[1m])",
    // Arithmetic and comparison.
    "1 + 2 * 3 ^ 2 ^ 0.5 % 7",
    "-1 ^ 2",
    "-temperature",
    "0x10 + 1e3 + .5",
    "temperature * 2",
    "2 ^ version",
    "temperature / 0",
    "temperature % 7",
    "1 - (sum(rate(requests_total{code!~\"5..\"}[1m])) / sum(rate(requests_total[1m])))",
    "temperature > 20",
    "20 < temperature",
    "temperature > bool 20",
    "temperature == temperature",
    "temperature != bool 20",
    "1 > bool 2",
    "temperature >= on (replica) version",
    "requests_total > ignoring (code) group_left () version",
    "requests_total - on (replica) group_left (build) version",
    "version * on (replica) group_right () requests_total",
    "rate(requests_total{code=\"500\"}[1m]) / ignoring (code) rate(requests_total{code=\"200\"}[1m])",
    "sum by (replica) (requests_total) / on (replica) temperature",
    "requests_total{code=\"200\"} > bool ignoring (code) requests_total{code=\"500\"}",
    // Sets.
    "temperature and version",
    "temperature and on (replica) version",
    "requests_total unless requests_total{code=\"500\"}",
    "requests_total and ignoring (code, path) version",
    "temperature or version",
    "sum(nothing_here) or 0 * sum(requests_total)",
    "sum(nothing_here) or vector(0)",
    "rate(requests_total[1m]) or rate(latency_seconds_count[1m])",
    // Functions of numbers.
    "abs(-temperature)",
    "ceil(temperature)",
    "floor(temperature)",
    "round(temperature, 0.5)",
    "round(temperature)",
    "sqrt(temperature)",
    "exp(version)",
    "ln(temperature)",
    "log2(temperature)",
    "log10(temperature)",
    "sgn(temperature - 20)",
    "clamp(temperature, 15, 25)",
    "clamp_min(temperature, 20)",
    "clamp_max(temperature, 20)",
    "scalar(sum(temperature))",
    "scalar(temperature)",
    "vector(3)",
    "time()",
    "timestamp(temperature)",
    "sort(temperature)",
    "sort_desc(temperature)",
    "absent(nothing_here{a=\"b\"})",
    "absent(temperature)",
    "Inf",
    "-Inf",
    "NaN",
    "(temperature > 20) * 2 + 1",
    "sum(temperature) > 1 and sum(version) > 0",
    // Numbers that are not numbers. Rates of them are left out: a counter is never NaN.
    "odd",
    "odd + 1",
    "odd > 1",
    "odd == bool 1",
    "odd != 1",
    "sum by (kind) (odd)",
    "min by (kind) (odd)",
    "max by (kind) (odd)",
    "avg by (kind) (odd)",
    "max without (series) (odd)",
    "max(odd{kind=\"nan\"})",
    "count(odd)",
    "avg_over_time(odd[1m])",
    "min_over_time(odd[1m])",
    "max_over_time(odd[1m])",
    "sum_over_time(odd[1m])",
    "stddev_over_time(odd[1m])",
    "clamp(odd, 0, 2)",
    "round(odd)",
    "abs(odd)",
    "sgn(odd)",
    "topk(1, odd)",
    "quantile by (kind) (0.5, odd)",
];

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

/// Twenty minutes that end at `end`: counters, one with resets, gauges, a histogram, one series that
/// ends in the middle.
fn data(end: i64) -> Vec<Point> {
    let mut points = Vec::new();
    for index in 0..SAMPLES {
        let at = Timestamp(end - (SAMPLES - 1 - index) * INTERVAL_MS);
        let x = index as f64;
        let mut put = |pairs: &[(&str, &str)], value: f64| {
            points.push(Point { labels: labels(pairs), at, value });
        };
        for (offset, replica) in [(0.0, "a"), (3.0, "b")] {
            for (code, per_sample) in [("200", 7.0), ("404", 0.25), ("500", 0.75)] {
                for path in ["/", "/b"] {
                    let value = (x * (per_sample + offset)).floor() + offset;
                    let name = ("__name__", "requests_total");
                    put(&[name, ("code", code), ("path", path), ("replica", replica)], value);
                }
            }
            let temperature = 20.0 + 10.0 * (x / 17.0 + offset).sin();
            put(&[("__name__", "temperature"), ("replica", replica)], temperature);
            let version = 1.0 + (index / 90) as f64;
            put(&[("__name__", "version"), ("replica", replica), ("build", "x")], version);
            for (le, share) in [("0.1", 0.5), ("0.5", 0.8), ("1", 0.9), ("+Inf", 1.0)] {
                let name = ("__name__", "latency_seconds_bucket");
                put(&[name, ("le", le), ("replica", replica)], (x * 9.0 * share).floor());
            }
            put(&[("__name__", "latency_seconds_count"), ("replica", replica)], x * 9.0);
            put(&[("__name__", "latency_seconds_sum"), ("replica", replica)], x * 3.5);
        }
        put(&[("__name__", "resetting_total")], (index % 50) as f64 * 2.0);
        put(&[("__name__", "place"), ("name", "Zürich")], 1.0);
        put(&[("__name__", "place"), ("name", "Bern")], 2.0);
        let some = if index % 3 == 0 { f64::NAN } else { x };
        for (kind, series, value) in [
            ("nan", "1", f64::NAN),
            ("mixed", "2", some),
            ("mixed", "3", x),
            ("infinite", "4", f64::INFINITY),
            ("infinite", "5", 1.0),
        ] {
            put(&[("__name__", "odd"), ("kind", kind), ("series", series)], value);
        }
        put(&[("__name__", "subset"), ("a", "1")], 1.0);
        put(&[("__name__", "subset"), ("a", "1"), ("b", "2")], 2.0);
        match index {
            0..120 => put(&[("__name__", "gone")], x),
            120 => put(&[("__name__", "gone")], store::stale_marker()),
            _ => {}
        }
    }
    points
}

fn same_number(ours: f64, theirs: f64) -> bool {
    ours == theirs
        || (ours.is_nan() && theirs.is_nan())
        || (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-3)
}

fn same_series(ours: &[Series], theirs: &[Series]) -> bool {
    let by_labels = |series: &[Series]| {
        let mut sorted = series.to_vec();
        sorted.sort_by(|left, right| left.labels.cmp(&right.labels));
        sorted
    };
    let (ours, theirs) = (by_labels(ours), by_labels(theirs));
    ours.len() == theirs.len()
        && ours.iter().zip(&theirs).all(|(ours, theirs)| {
            ours.labels == theirs.labels
                && ours.points.len() == theirs.points.len()
                && ours
                    .points
                    .iter()
                    .zip(&theirs.points)
                    .all(|(our, their)| our.0 == their.0 && same_number(our.1, their.1))
        })
}

fn same_value(ours: &QueryValue, theirs: &QueryValue) -> bool {
    let as_series = |vector: &[(Labels, f64)]| {
        let one = |(labels, value): &(Labels, f64)| Series {
            labels: labels.clone(),
            points: vec![(Timestamp(0), *value)],
        };
        vector.iter().map(one).collect::<Vec<_>>()
    };
    match (ours, theirs) {
        (QueryValue::Scalar(ours), QueryValue::Scalar(theirs)) => same_number(*ours, *theirs),
        (QueryValue::Vector(ours), QueryValue::Vector(theirs)) => {
            same_series(&as_series(ours), &as_series(theirs))
        }
        (QueryValue::Matrix(ours), QueryValue::Matrix(theirs)) => same_series(ours, theirs),
        (QueryValue::Text(ours), QueryValue::Text(theirs)) => ours == theirs,
        (
            QueryValue::Scalar(_)
            | QueryValue::Vector(_)
            | QueryValue::Matrix(_)
            | QueryValue::Text(_),
            _,
        ) => false,
    }
}

#[tokio::test]
async fn every_query_of_the_tested_set_agrees_with_prometheus() {
    let Some(prometheus) = Prometheus::start("").await else { return };
    let theirs = PrometheusServer::new(dialer(&[]), &prometheus.url, Vec::new());
    let theirs = Metrics::Prometheus(Arc::new(theirs));
    let ours = embedded();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let end = now - now % INTERVAL_MS;
    theirs.write(data(end)).await.expect("remote write");
    ours.write(data(end)).await.expect("write");

    let mut differences = Vec::new();
    for query in QUERIES {
        // Between samples; at the end, in the middle, just after `gone` is gone, near the start.
        for at in [end + 1300, end - 300_000 + 2700, end - 590_000 + 1300, end - 1_150_000 + 700] {
            let at = Timestamp(at);
            let (our, their) = (ours.instant(query, at).await, theirs.instant(query, at).await);
            match (our, their) {
                (Ok(our), Ok(their)) if same_value(&our, &their) => {}
                (our, their) => {
                    differences.push(format!("{query}\n  ours   {our:?}\n  theirs {their:?}"));
                    break;
                }
            }
        }
        let span = Span { start: Timestamp(end - 600_000 + 1300), end: Timestamp(end + 1300) };
        let our = ours.range(query, span, 15_000).await;
        let their = theirs.range(query, span, 15_000).await;
        match (our, their) {
            (Ok(our), Ok(their)) if same_series(&our, &their) => {}
            (our, their) => {
                let text = format!("range {query}\n  ours   {our:?}\n  theirs {their:?}");
                differences.push(text.chars().take(1500).collect());
            }
        }
    }
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

#[tokio::test]
async fn listings_agree_with_prometheus() {
    let Some(prometheus) = Prometheus::start("").await else { return };
    let theirs = PrometheusServer::new(dialer(&[]), &prometheus.url, Vec::new());
    let theirs = Metrics::Prometheus(Arc::new(theirs));
    let ours = embedded();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    theirs.write(data(now)).await.expect("remote write");
    ours.write(data(now)).await.expect("write");

    let span = Span { start: Timestamp(now - 60_000), end: Timestamp(now + 1000) };
    let everything: &[String] = &[];
    let some = &["requests_total{code=~\"5..\"}".to_owned(), "{replica=\"b\"}".to_owned()][..];
    for selectors in [everything, some] {
        let series = |mut series: Vec<Labels>| {
            series.sort();
            series
        };
        let our = series(ours.series(selectors, span).await.expect("ours"));
        // `gone` has ended, but Prometheus lists what is in the same block.
        let their = series(theirs.series(selectors, span).await.expect("theirs"));
        let living = |labels: &&Labels| labels["__name__"] != "gone";
        assert_eq!(
            our.iter().filter(living).collect::<Vec<_>>(),
            their.iter().filter(living).collect::<Vec<_>>()
        );
        assert_eq!(
            ours.labels(selectors, span).await.expect("ours"),
            theirs.labels(selectors, span).await.expect("theirs")
        );
        assert_eq!(
            ours.label_values("code", selectors, span).await.expect("ours"),
            theirs.label_values("code", selectors, span).await.expect("theirs")
        );
    }
}
