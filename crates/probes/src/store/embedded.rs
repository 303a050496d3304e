//! The embedded store: tsink in the data folder, asked only what it answers as Prometheus does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ledger::Timestamp;
use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;
use tokio::sync::Semaphore;
use tsink::promql::{Engine, PromqlValue};
use tsink::wal::WalSyncMode;
use tsink::{
    DataPoint, Label, Row, SeriesMatcher, SeriesMatcherOp, SeriesSelection, Storage,
    StorageBuilder, TimestampPrecision,
};

use super::{Labels, MetricsError, Point, QueryValue, Series, Span, is_stale_marker};
use crate::query::{Names, QueryProblem, canonical, parse};

/// What the store may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// How long points are kept, in hours.
    pub retention_hours: u32,
    /// Points in memory before they go to disk, in bytes.
    pub memory_bytes: usize,
    /// Series at most; new ones are refused after that.
    pub series_max: usize,
}

impl Default for EmbeddedOptions {
    /// Two days, because metrics are for judging releases; teams that want history connect a server.
    /// Measured with `examples/embedded_cost.rs`: 100 series cost 11 MiB in all and an objective's
    /// query under 10 ms; 2,000 series cost 120 MiB, and below a budget of 32 MiB the store then
    /// refuses points. Above a few thousand series a Prometheus server is the better place.
    fn default() -> Self {
        Self { retention_hours: 48, memory_bytes: 64 << 20, series_max: 5000 }
    }
}

/// The file that says which store wrote the folder.
const FORMAT_FILE: &str = "format";
const FORMAT: &str = "tsink 0.10.2\n";

/// Queries at a time: they are work of the processor, and the server has more to do.
const QUERIES_MAX: usize = 2;

/// The embedded store.
pub struct EmbeddedStore {
    storage: Arc<dyn Storage>,
    engine: Arc<Engine>,
    permits: Semaphore,
}

impl EmbeddedStore {
    /// Opens the store in a folder, which only one process may do. Metrics are disposable: a folder
    /// that cannot be read is put aside as `<folder>.unreadable` and an empty one begins.
    pub fn open(folder: &Path, options: EmbeddedOptions) -> Result<Self, MetricsError> {
        let storage = match open_storage(folder, options) {
            Ok(storage) => storage,
            Err(problem) => {
                put_aside(folder, &problem).map_err(|source| failed("open its folder", source))?;
                open_storage(folder, options)
                    .map_err(|source| failed("open an empty folder", source))?
            }
        };
        let engine = Engine::with_precision(storage.clone(), TimestampPrecision::Milliseconds);
        Ok(Self { storage, engine: Arc::new(engine), permits: Semaphore::new(QUERIES_MAX) })
    }

    /// Writes what is in memory to disk and ends the store; asking it afterwards fails.
    pub async fn close(&self) -> Result<(), MetricsError> {
        let storage = self.storage.clone();
        blocking("close", move || Ok(storage.close()?)).await
    }

    /// Bytes of points in memory.
    #[must_use]
    pub fn memory_used_bytes(&self) -> usize {
        self.storage.memory_used()
    }

    /// What the store's own upkeep (flushing, compacting) met last; `None`: nothing.
    #[must_use]
    pub fn upkeep_problem(&self) -> Option<String> {
        self.storage.observability_snapshot().health.last_background_error
    }

    pub(super) async fn write(&self, points: Vec<Point>) -> Result<(), MetricsError> {
        let rows: Vec<Row> = points.into_iter().map(row).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let storage = self.storage.clone();
        blocking("keep points", move || Ok(storage.insert_rows(&rows)?)).await
    }

    pub(super) async fn instant(
        &self,
        query: &str,
        at: Timestamp,
    ) -> Result<QueryValue, MetricsError> {
        let canonical = canonical(query)?;
        let (engine, text) = (self.engine.clone(), canonical.text);
        let value = self.ask(move || engine.instant_query(&text, at.0)).await?;
        value_of(value, canonical.names)
    }

    pub(super) async fn range(
        &self,
        query: &str,
        span: Span,
        step_ms: u64,
    ) -> Result<Vec<Series>, MetricsError> {
        let canonical = canonical(query)?;
        let step = i64::try_from(step_ms).unwrap_or(i64::MAX);
        let (engine, text) = (self.engine.clone(), canonical.text);
        let (start, end) = (span.start.0, span.end.0);
        let value = self.ask(move || engine.range_query(&text, start, end, step)).await?;
        match value_of(value, canonical.names)? {
            QueryValue::Matrix(series) => Ok(series),
            QueryValue::Scalar(_) | QueryValue::Text(_) | QueryValue::Vector(_) => {
                Err(MetricsError::Execution("a range query gave no range".into()))
            }
        }
    }

    pub(super) async fn series(
        &self,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<Labels>, MetricsError> {
        let mut selections = Vec::new();
        for selector in selectors {
            selections.push(selection(selector)?);
        }
        if selections.is_empty() {
            selections.push(SeriesSelection::new());
        }
        let storage = self.storage.clone();
        let found = blocking("list series", move || {
            let mut found = BTreeSet::new();
            for selection in selections {
                // The end is exclusive there.
                let end = span.end.0.saturating_add(1);
                let selection = selection.with_time_range(span.start.0, end);
                for series in storage.select_series(&selection)? {
                    found.insert(labels_of(series.name, series.labels));
                }
            }
            Ok(found)
        })
        .await?;
        Ok(found.into_iter().collect())
    }

    pub(super) async fn labels(
        &self,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<String>, MetricsError> {
        let series = self.series(selectors, span).await?;
        let names: BTreeSet<String> = series.into_iter().flat_map(Labels::into_keys).collect();
        Ok(names.into_iter().collect())
    }

    pub(super) async fn label_values(
        &self,
        name: &str,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<String>, MetricsError> {
        let series = self.series(selectors, span).await?;
        let values: BTreeSet<String> =
            series.into_iter().filter_map(|mut labels| labels.remove(name)).collect();
        Ok(values.into_iter().collect())
    }

    async fn ask(
        &self,
        work: impl FnOnce() -> tsink::promql::Result<PromqlValue> + Send + 'static,
    ) -> Result<PromqlValue, MetricsError> {
        let _permit =
            self.permits.acquire().await.map_err(|source| failed("ask", source.into()))?;
        let answer = tokio::task::spawn_blocking(work).await;
        match answer.map_err(|source| failed("answer", source.into()))? {
            Ok(value) => Ok(value),
            Err(tsink::promql::PromqlError::Storage(source)) => {
                Err(failed("read points", source.into()))
            }
            // The query is valid PromQL, so what the store does not like is its own limit.
            Err(problem) => {
                Err(QueryProblem::Unsupported(format!("this query ({problem})")).into())
            }
        }
    }
}

fn failed(action: &'static str, source: anyhow::Error) -> MetricsError {
    MetricsError::Storage { action, source }
}

async fn blocking<T: Send + 'static>(
    action: &'static str,
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, MetricsError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(anyhow::Error::from).and_then(|result| result).map_err(|e| failed(action, e))
}

fn open_storage(folder: &Path, options: EmbeddedOptions) -> anyhow::Result<Arc<dyn Storage>> {
    std::fs::create_dir_all(folder)?;
    let stamp = folder.join(FORMAT_FILE);
    match std::fs::read_to_string(&stamp) {
        Ok(found) if found == FORMAT => {}
        Ok(found) => anyhow::bail!("the folder was written by {}", found.trim()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::write(&stamp, FORMAT)?;
        }
        Err(error) => return Err(error.into()),
    }
    let retention = Duration::from_secs(u64::from(options.retention_hours) * 3600);
    let storage = StorageBuilder::new()
        .with_data_path(folder.join("data"))
        .with_timestamp_precision(TimestampPrecision::Milliseconds)
        .with_retention(retention)
        .with_memory_limit(options.memory_bytes)
        .with_cardinality_limit(options.series_max)
        .with_max_writers(2)
        .with_write_timeout(Duration::from_secs(5))
        .with_chunk_points(64)
        .with_partition_duration(Duration::from_secs(6 * 3600))
        .with_wal_sync_mode(WalSyncMode::Periodic(Duration::from_secs(5)))
        .with_wal_size_limit(256 << 20)
        // A disk that is full for a while must not end reading for good.
        .with_background_fail_fast(false)
        // A half-written record at the end is what a kill leaves behind.
        .with_wal_replay_mode(tsink::wal::WalReplayMode::Salvage)
        .build()?;
    Ok(storage)
}

fn put_aside(folder: &Path, problem: &anyhow::Error) -> anyhow::Result<()> {
    let mut aside = folder.as_os_str().to_owned();
    aside.push(".unreadable");
    tracing::warn!(%problem, folder = %folder.display(), "metrics cannot be read; starting empty");
    match std::fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        Ok(()) | Err(_) => {}
    }
    Ok(std::fs::rename(folder, &aside)?)
}

fn row(mut point: Point) -> Row {
    let name = point.labels.remove("__name__").unwrap_or_default();
    let labels = point
        .labels
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| Label::new(name, value))
        .collect();
    Row::with_labels(name, labels, DataPoint::new(point.at.0, point.value))
}

fn labels_of(name: String, labels: Vec<Label>) -> Labels {
    let named = (!name.is_empty()).then(|| ("__name__".to_owned(), name));
    let labels = labels.into_iter().map(|label| (label.name, label.value));
    // A label without a value is no label.
    named.into_iter().chain(labels).filter(|(_, value)| !value.is_empty()).collect()
}

/// The labels that Prometheus would answer with.
fn corrected(name: String, labels: Vec<Label>, names: Names) -> Labels {
    let mut labels = labels_of(name, labels);
    match names {
        Names::Kept | Names::Absent => {}
        Names::Leaked => drop(labels.remove("__name__")),
    }
    labels
}

fn value_of(value: PromqlValue, names: Names) -> Result<QueryValue, MetricsError> {
    match value {
        PromqlValue::Scalar(value, _) => Ok(QueryValue::Scalar(value)),
        PromqlValue::String(text, _) => Ok(QueryValue::Text(text)),
        PromqlValue::InstantVector(samples) => {
            let mut seen = BTreeSet::new();
            let mut vector = Vec::new();
            for sample in samples.into_iter().filter(|sample| !is_stale_marker(sample.value)) {
                let labels = corrected(sample.metric, sample.labels, names);
                if !seen.insert(labels.clone()) {
                    return Err(same_labels());
                }
                vector.push((labels, sample.value));
            }
            Ok(QueryValue::Vector(vector))
        }
        PromqlValue::RangeVector(found) => {
            let mut series: BTreeMap<Labels, BTreeMap<Timestamp, f64>> = BTreeMap::new();
            for one in found {
                let kept = series.entry(corrected(one.metric, one.labels, names)).or_default();
                for (at, value) in one.samples {
                    if kept.insert(Timestamp(at), value).is_some() {
                        return Err(same_labels());
                    }
                }
            }
            series.retain(|_, points| !points.is_empty());
            let series = series
                .into_iter()
                .map(|(labels, points)| Series { labels, points: points.into_iter().collect() });
            Ok(QueryValue::Matrix(series.collect()))
        }
    }
}

fn same_labels() -> MetricsError {
    MetricsError::Execution(
        "two series of the answer have the same labels; aggregate, or select one metric".into(),
    )
}

/// A selector for listing series: `name{…}`, nothing around it.
fn selection(selector: &str) -> Result<SeriesSelection, QueryProblem> {
    let Expr::VectorSelector(parsed) = parse(selector)? else {
        return Err(QueryProblem::Invalid(format!("`{selector}` is not a series selector")));
    };
    if parsed.offset.is_some() || parsed.at.is_some() || !parsed.matchers.or_matchers.is_empty() {
        return Err(QueryProblem::Unsupported(format!("the selector `{selector}`")));
    }
    let mut selection = SeriesSelection::new();
    if let Some(name) = parsed.name {
        selection = selection.with_metric(name);
    }
    for matcher in parsed.matchers.matchers {
        let operator = match matcher.op {
            MatchOp::Equal => SeriesMatcherOp::Equal,
            MatchOp::NotEqual => SeriesMatcherOp::NotEqual,
            MatchOp::Re(_) => SeriesMatcherOp::RegexMatch,
            MatchOp::NotRe(_) => SeriesMatcherOp::RegexNoMatch,
        };
        selection =
            selection.with_matcher(SeriesMatcher::new(matcher.name, operator, matcher.value));
    }
    Ok(selection)
}
