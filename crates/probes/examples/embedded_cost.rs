//! What the embedded store costs: memory and time per query, at the size of a small server.
//!
//! `cargo run --release -p probes --example embedded_cost TARGETS SERIES SCRAPES`: so many targets of so many
//! series each, scraped so often a second apart, and the queries of an objective asked at the end.

use std::sync::Arc;
use std::time::Instant;

use ledger::Timestamp;
use probes::{EmbeddedOptions, EmbeddedStore, Labels, Metrics, Point};

const QUERIES: [&str; 4] = [
    "up",
    "sum(increase(metric_1_total{application=\"hello\"}[1m]))",
    "1 - (sum(increase(metric_1_total{code!~\"5..\"}[1m])) / sum(increase(metric_1_total[1m])))",
    "histogram_quantile(0.9, sum by (code) (rate(metric_1_total[1m])))",
];

#[expect(clippy::print_stdout, reason = "printing is its purpose")]
#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> anyhow::Result<()> {
    let numbers: Vec<usize> =
        std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let [targets, series, scrapes] = numbers[..] else {
        anyhow::bail!("write TARGETS, SERIES and SCRAPES");
    };
    let scrapes = i64::try_from(scrapes)?;
    let before_kib = resident_kib();
    let store = Arc::new(EmbeddedStore::new(EmbeddedOptions::default())?);
    println!("empty: {} KiB more than {before_kib} KiB", resident_kib() - before_kib);
    let metrics = Metrics::Embedded(store.clone());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let end = i64::try_from(now.as_millis())?;
    let started = Instant::now();
    for scrape in 0..scrapes {
        let at = Timestamp(end - (scrapes - 1 - scrape) * 1000);
        for target in 0..targets {
            metrics.write(points(target, series, at, scrape as f64)).await?;
        }
    }
    let wall_ms = started.elapsed().as_millis();
    println!("write: {scrapes} scrapes of {targets} targets in {wall_ms} ms");
    let points_kib = store.memory_used_bytes() / 1024;
    println!("written: {} KiB more, {points_kib} of it points", resident_kib() - before_kib);
    for query in QUERIES {
        metrics.instant(query, Timestamp(end)).await?;
        let started = Instant::now();
        for _ in 0..20 {
            metrics.instant(query, Timestamp(end)).await?;
        }
        println!("query: {} us  {query}", started.elapsed().as_micros() / 20);
    }
    println!("asked: {} KiB more", resident_kib() - before_kib);
    println!("threads: {}", std::fs::read_dir("/proc/self/task")?.count());
    Ok(())
}

fn points(target: usize, series: usize, at: Timestamp, value: f64) -> Vec<Point> {
    let mut points = Vec::new();
    for index in 0..series {
        let labels = [
            ("__name__", format!("metric_{}_total", index / 4)),
            ("application", "hello".to_owned()),
            ("instance", format!("127.0.0.1:{target}")),
            ("code", ["200", "404", "500", "503"][index % 4].to_owned()),
        ];
        let labels: Labels = labels.map(|(name, value)| (name.to_owned(), value)).into();
        points.push(Point { labels, at, value: value * (index + 1) as f64 });
    }
    let up = [("__name__", "up".to_owned()), ("instance", format!("127.0.0.1:{target}"))];
    let labels = up.map(|(name, value)| (name.to_owned(), value)).into();
    points.push(Point { labels, at, value: 1.0 });
    points
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}
