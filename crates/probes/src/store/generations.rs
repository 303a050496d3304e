//! Points in memory in two generations, so that old ones are forgotten: tsink's storage without a
//! folder never does that, and with one it writes and lists every segment four times a second.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use tsink::{
    DataPoint, Label, MetricSeries, QueryOptions, Row, Storage, StorageBuilder, TimestampPrecision,
    TsinkError,
};

use super::EmbeddedOptions;

/// Two of tsink's storages: the newer is written to, the older is forgotten as a whole.
pub(super) struct Generations {
    options: EmbeddedOptions,
    kept: RwLock<Kept>,
}

struct Kept {
    older: Option<Arc<dyn Storage>>,
    newer: Arc<dyn Storage>,
    /// The time of the first point in `newer`, in milliseconds; `None`: it is empty.
    began: Option<i64>,
}

impl Generations {
    pub(super) fn new(options: EmbeddedOptions) -> tsink::Result<Self> {
        let newer = generation(options)?;
        Ok(Self { options, kept: RwLock::new(Kept { older: None, newer, began: None }) })
    }

    /// What may be asked, the older first.
    fn all(&self) -> Vec<Arc<dyn Storage>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.older.iter().chain([&kept.newer]).cloned().collect()
    }

    /// The generation that takes points of a time; a new one when the last is full.
    fn writable(&self, at: i64) -> tsink::Result<Arc<dyn Storage>> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let age = at.saturating_sub(*kept.began.get_or_insert(at));
        let is_large = kept.newer.memory_used() > self.options.memory_bytes / 2;
        if is_large || age >= i64::from(self.options.retention_hours) * 3_600_000 {
            kept.rotate(at, self.options)?;
        }
        Ok(kept.newer.clone())
    }

    /// A new generation because the last has too many series. Not one after the other: series that
    /// are too many at a time are refused.
    fn writable_for_new_series(&self, at: i64) -> tsink::Result<Option<Arc<dyn Storage>>> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if at.saturating_sub(kept.began.unwrap_or(at)) < SERIES_AGE_MIN_MS {
            return Ok(None);
        }
        kept.rotate(at, self.options)?;
        Ok(Some(kept.newer.clone()))
    }
}

impl Kept {
    fn rotate(&mut self, at: i64, options: EmbeddedOptions) -> tsink::Result<()> {
        let newer = generation(options)?;
        self.older = Some(std::mem::replace(&mut self.newer, newer));
        self.began = Some(at);
        Ok(())
    }
}

/// A generation that got too many series sooner than this has them all at once.
const SERIES_AGE_MIN_MS: i64 = 3_600_000;

fn generation(options: EmbeddedOptions) -> tsink::Result<Arc<dyn Storage>> {
    StorageBuilder::new()
        .with_timestamp_precision(TimestampPrecision::Milliseconds)
        .with_memory_limit(options.memory_bytes)
        .with_cardinality_limit(options.series_max)
        .with_max_writers(2)
        .with_chunk_points(CHUNK_POINTS)
        .with_wal_enabled(false)
        .build()
}

/// Points of a series that are packed together; those that are not packed yet cost 16 bytes each.
const CHUNK_POINTS: usize = 128;

/// What the query engine asks.
impl Storage for Generations {
    fn insert_rows(&self, rows: &[Row]) -> tsink::Result<()> {
        let Some(newest) = rows.iter().map(|row| row.data_point().timestamp).max() else {
            return Ok(());
        };
        match self.writable(newest)?.insert_rows(rows) {
            Err(TsinkError::CardinalityLimitExceeded { limit, current, requested }) => {
                match self.writable_for_new_series(newest)? {
                    Some(storage) => storage.insert_rows(rows),
                    None => Err(TsinkError::CardinalityLimitExceeded { limit, current, requested }),
                }
            }
            written => written,
        }
    }

    fn select(
        &self,
        metric: &str,
        labels: &[Label],
        start: i64,
        end: i64,
    ) -> tsink::Result<Vec<DataPoint>> {
        let mut points = Vec::new();
        for storage in self.all() {
            match storage.select(metric, labels, start, end) {
                Ok(found) => append(&mut points, found),
                Err(TsinkError::NoDataPoints { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(points)
    }

    fn select_with_options(&self, _: &str, _: QueryOptions) -> tsink::Result<Vec<DataPoint>> {
        let operation = "select_with_options";
        Err(TsinkError::UnsupportedOperation { operation, reason: "no query asks for it".into() })
    }

    fn select_all(
        &self,
        metric: &str,
        start: i64,
        end: i64,
    ) -> tsink::Result<Vec<(Vec<Label>, Vec<DataPoint>)>> {
        let mut series: BTreeMap<Vec<Label>, Vec<DataPoint>> = BTreeMap::new();
        for storage in self.all() {
            for (labels, points) in storage.select_all(metric, start, end)? {
                append(series.entry(labels).or_default(), points);
            }
        }
        Ok(series.into_iter().collect())
    }

    fn list_metrics(&self) -> tsink::Result<Vec<MetricSeries>> {
        let mut found = Vec::new();
        for storage in self.all() {
            found.extend(storage.list_metrics()?);
        }
        found.sort_by(|one, other| (&one.name, &one.labels).cmp(&(&other.name, &other.labels)));
        found.dedup();
        Ok(found)
    }

    fn memory_used(&self) -> usize {
        self.all().iter().map(|storage| storage.memory_used()).sum()
    }

    fn close(&self) -> tsink::Result<()> {
        self.all().iter().try_for_each(|storage| storage.close())
    }
}

/// Puts the points of a newer generation behind those of the older, in the order of time.
fn append(points: &mut Vec<DataPoint>, newer: Vec<DataPoint>) {
    points.extend(newer);
    if !points.is_sorted_by_key(|point| point.timestamp) {
        points.sort_by_key(|point| point.timestamp);
    }
}
