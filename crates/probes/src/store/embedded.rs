//! The embedded store: tsink in memory, asked only what it answers as Prometheus does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::Timestamp;
use promql_parser::label::MatchOp;
use promql_parser::parser::Expr;
use tokio::sync::Semaphore;
use tsink::promql::{Engine, PromqlValue};
use tsink::{
    DataPoint, Label, Row, SeriesMatcher, SeriesMatcherOp, SeriesSelection, Storage,
    TimestampPrecision,
};

use super::generations::Generations;
use super::{Labels, MetricsError, Point, QueryValue, Series, Span, is_stale_marker};
use crate::query::{Names, QueryProblem, canonical, parse};

/// What the store may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddedOptions {
    /// How long points are kept at least, in hours; twice as long at most.
    pub retention_hours: u32,
    /// Memory for points, in bytes. Before more is needed, the older half is forgotten.
    pub memory_bytes: usize,
    /// Series at most; new ones are refused after that.
    pub series_max: usize,
}

impl Default for EmbeddedOptions {
    /// A day, because metrics are for judging releases; teams that want history connect a server.
    /// Measured with `examples/embedded_cost.rs`: 100 series scraped each second for an hour are
    /// 1.8 MiB, 2,000 series for ten minutes 15 MiB, an objective's query 0.4 to 5 ms. Above a few
    /// thousand series a Prometheus server is the better place.
    fn default() -> Self {
        Self { retention_hours: 24, memory_bytes: 64 << 20, series_max: 5000 }
    }
}

/// Queries at a time: they are work of the processor, and the server has more to do.
const QUERIES_MAX: usize = 2;

/// The embedded store.
pub struct EmbeddedStore {
    storage: Arc<dyn Storage>,
    engine: Arc<Engine>,
    permits: Semaphore,
}

impl EmbeddedStore {
    /// An empty store.
    pub fn new(options: EmbeddedOptions) -> Result<Self, MetricsError> {
        let storage: Arc<dyn Storage> = Arc::new(
            Generations::new(options).map_err(|source| failed("make room", source.into()))?,
        );
        let engine = Engine::with_precision(storage.clone(), TimestampPrecision::Milliseconds);
        Ok(Self { storage, engine: Arc::new(engine), permits: Semaphore::new(QUERIES_MAX) })
    }

    /// Bytes of points in memory.
    #[must_use]
    pub fn memory_used_bytes(&self) -> usize {
        self.storage.memory_used()
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
