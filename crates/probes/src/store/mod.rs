//! One interface to metrics with two implementations: the embedded store and a Prometheus server.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::Timestamp;

mod embedded;
mod generations;
mod prometheus;
mod remote_write;

pub use embedded::{EmbeddedOptions, EmbeddedStore};
pub use prometheus::PrometheusServer;

use crate::query::QueryProblem;

/// Labels of a series; the metric's name, when there is one, is `__name__`.
pub type Labels = BTreeMap<String, String>;

/// A number to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The metric's name and labels; `__name__` is required.
    pub labels: Labels,
    /// When it was true.
    pub at: Timestamp,
    /// The number; [`stale_marker`] ends the series.
    pub value: f64,
}

/// The NaN that Prometheus writes when a series ends: it stops being an answer at once.
#[must_use]
pub fn stale_marker() -> f64 {
    f64::from_bits(0x7ff0_0000_0000_0002)
}

/// Whether a number is [`stale_marker`].
#[must_use]
pub fn is_stale_marker(value: f64) -> bool {
    value.to_bits() == stale_marker().to_bits()
}

/// The answer to a query at one time.
#[derive(Debug, Clone, PartialEq)]
pub enum QueryValue {
    /// One number without labels.
    Scalar(f64),
    /// A text.
    Text(String),
    /// One number per series.
    Vector(Vec<(Labels, f64)>),
    /// Points per series: the answer to a range selector.
    Matrix(Vec<Series>),
}

impl QueryValue {
    /// The number when the answer is exactly one: a scalar or a vector of one series.
    #[must_use]
    pub fn single(&self) -> Option<f64> {
        match self {
            Self::Scalar(value) => Some(*value),
            Self::Vector(vector) => match vector.as_slice() {
                [(_, value)] => Some(*value),
                _ => None,
            },
            Self::Text(_) | Self::Matrix(_) => None,
        }
    }
}

/// A series with its points in the order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// When and what.
    pub points: Vec<(Timestamp, f64)>,
}

/// A span of time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first moment.
    pub start: Timestamp,
    /// The last moment.
    pub end: Timestamp,
}

/// Why the store did not answer or did not keep.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The query is wrong or outside the tested set.
    #[error(transparent)]
    Query(#[from] QueryProblem),
    /// The query is valid but asks for more than allowed.
    #[error("{0}")]
    TooMuch(String),
    /// The query is valid but has no answer: two series became the same.
    #[error("{0}")]
    Execution(String),
    /// The embedded store failed.
    #[error("the embedded metrics store failed to {action}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// What the store said.
        #[source]
        source: anyhow::Error,
    },
    /// The Prometheus server could not be asked.
    #[error("the Prometheus server could not be reached")]
    Unreachable(#[source] crate::dialer::DialError),
    /// The Prometheus server said no.
    #[error("the Prometheus server at {url} answered {status}: {message}")]
    Refused {
        /// Which address was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said, cut.
        message: String,
    },
}

impl MetricsError {
    /// A stable name.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Query(problem) => problem.code(),
            Self::TooMuch(_) => "query-too-large",
            Self::Execution(_) => "query-failed",
            Self::Storage { .. } => "metrics-store-failed",
            Self::Unreachable(_) => "metrics-server-unreachable",
            Self::Refused { .. } => "metrics-server-refused",
        }
    }
}

/// Points of a range query at most, as Prometheus counts them per series.
pub const RANGE_POINTS_MAX: i64 = 11_000;

/// The metrics of this server. Metrics are disposable; facts are in the ledger.
#[derive(Clone)]
pub enum Metrics {
    /// In the data folder.
    Embedded(Arc<EmbeddedStore>),
    /// Any server with Prometheus' HTTP API.
    Prometheus(Arc<PrometheusServer>),
}

impl Metrics {
    /// Keeps points.
    pub async fn write(&self, points: Vec<Point>) -> Result<(), MetricsError> {
        match self {
            Self::Embedded(store) => store.write(points).await,
            Self::Prometheus(server) => server.write(points).await,
        }
    }

    /// Answers a query at one time.
    pub async fn instant(&self, query: &str, at: Timestamp) -> Result<QueryValue, MetricsError> {
        match self {
            Self::Embedded(store) => store.instant(query, at).await,
            Self::Prometheus(server) => server.instant(query, at).await,
        }
    }

    /// Answers a query at every step of a span.
    pub async fn range(
        &self,
        query: &str,
        span: Span,
        step_ms: u64,
    ) -> Result<Vec<Series>, MetricsError> {
        check_range(span, step_ms)?;
        match self {
            Self::Embedded(store) => store.range(query, span, step_ms).await,
            Self::Prometheus(server) => server.range(query, span, step_ms).await,
        }
    }

    /// The series that any of the selectors matches in a span; no selector: all.
    pub async fn series(
        &self,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<Labels>, MetricsError> {
        match self {
            Self::Embedded(store) => store.series(selectors, span).await,
            Self::Prometheus(server) => server.series(selectors, span).await,
        }
    }

    /// The names of all labels, sorted.
    pub async fn labels(
        &self,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<String>, MetricsError> {
        match self {
            Self::Embedded(store) => store.labels(selectors, span).await,
            Self::Prometheus(server) => server.labels(selectors, span).await,
        }
    }

    /// The values of a label, sorted.
    pub async fn label_values(
        &self,
        name: &str,
        selectors: &[String],
        span: Span,
    ) -> Result<Vec<String>, MetricsError> {
        match self {
            Self::Embedded(store) => store.label_values(name, selectors, span).await,
            Self::Prometheus(server) => server.label_values(name, selectors, span).await,
        }
    }
}

fn check_range(span: Span, step_ms: u64) -> Result<(), MetricsError> {
    let step = i64::try_from(step_ms).unwrap_or(i64::MAX);
    if step == 0 {
        return Err(MetricsError::TooMuch("the step is zero; write at least 1ms".into()));
    }
    let length = span.end.since_ms(span.start);
    if length < 0 {
        return Err(MetricsError::TooMuch("the end is before the start".into()));
    }
    if length / step > RANGE_POINTS_MAX {
        return Err(MetricsError::TooMuch(format!(
            "more than {RANGE_POINTS_MAX} points per series; use a longer step"
        )));
    }
    Ok(())
}
