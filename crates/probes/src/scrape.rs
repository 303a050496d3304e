//! Scrapes metrics from a changing list of targets, and remembers how each one answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use ledger::{ApplicationName, Timestamp};
use monitoring::exposition::{Budget, Sample, parse};
use tokio::sync::oneshot;

use crate::dialer::{AddressPolicy, Answer, DialError, Dialer, Excess, Request};
use crate::schedule::{now, ticks};
use crate::store::{Labels, Metrics, Point, stale_marker};

/// One endpoint of one replica.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScrapeTarget {
    /// Whose metrics; becomes the labels `application` and `job`.
    pub application: ApplicationName,
    /// `127.0.0.1:4321`; becomes the label `instance`.
    pub address: String,
    /// `/metrics`, with a slash.
    pub path: String,
    /// What may be reached there.
    pub policy: AddressPolicy,
    /// Labels for every series: `environment`, `revision`, `replica`.
    pub labels: BTreeMap<String, String>,
    /// How often; at least 500.
    pub interval_ms: u64,
}

impl ScrapeTarget {
    /// The address that is asked.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}

/// How a target answered last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStatus {
    /// When it was asked last; `None`: not yet.
    pub at: Option<Timestamp>,
    /// How long the answer took.
    pub duration_ms: u64,
    /// Samples of the last good answer.
    pub samples: usize,
    /// What was wrong the last time; `None`: nothing.
    pub problem: Option<ScrapeFailure>,
}

/// What was wrong with a scrape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeFailure {
    /// A stable name.
    pub code: &'static str,
    /// A sentence for a person.
    pub message: String,
}

/// Scrapes until it is dropped.
pub struct Scraper {
    shared: Arc<Shared>,
    running: Mutex<BTreeMap<ScrapeTarget, oneshot::Sender<()>>>,
}

struct Shared {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    dialer: Dialer,
    metrics: Metrics,
    budget: Budget,
    statuses: Mutex<BTreeMap<ScrapeTarget, TargetStatus>>,
}

impl Scraper {
    /// A scraper without targets; needs a tokio runtime from [`Scraper::set_targets`] on.
    #[must_use]
    pub fn new(dialer: Dialer, metrics: Metrics, budget: Budget) -> Self {
        Self::timed_by(now, dialer, metrics, budget)
    }

    /// The same with samples timed by the clock that queries will use: were they two, a jump of one
    /// would hide all new samples from the other.
    #[must_use]
    pub fn timed_by(
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
        dialer: Dialer,
        metrics: Metrics,
        budget: Budget,
    ) -> Self {
        let shared = Arc::new(Shared {
            now: Box::new(now),
            dialer,
            metrics,
            budget,
            statuses: Mutex::default(),
        });
        Self { shared, running: Mutex::default() }
    }

    /// Replaces the list. A target that stays is not disturbed; one that goes has its series ended.
    pub fn set_targets(&self, targets: Vec<ScrapeTarget>) {
        let wanted: BTreeSet<ScrapeTarget> = targets.into_iter().collect();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropping the sender tells the task to end.
        running.retain(|target, _| wanted.contains(target));
        for target in wanted {
            if !running.contains_key(&target) {
                let (stop, stopped) = oneshot::channel();
                running.insert(target.clone(), stop);
                let unasked = TargetStatus { at: None, duration_ms: 0, samples: 0, problem: None };
                self.shared.set_status(&target, unasked);
                tokio::spawn(scrape_loop(self.shared.clone(), target, stopped));
            }
        }
        self.shared.forget_statuses_except(&running);
    }

    /// How each target answered last, in the order of the targets.
    #[must_use]
    pub fn statuses(&self) -> Vec<(ScrapeTarget, TargetStatus)> {
        let statuses = self.shared.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.iter().map(|(target, status)| (target.clone(), status.clone())).collect()
    }
}

impl Shared {
    fn set_status(&self, target: &ScrapeTarget, status: TargetStatus) {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.insert(target.clone(), status);
    }

    /// A task that is just ending must not bring its target back.
    fn update_status(&self, target: &ScrapeTarget, status: TargetStatus) {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = statuses.get_mut(target) {
            *kept = status;
        }
    }

    fn forget_statuses_except(&self, running: &BTreeMap<ScrapeTarget, oneshot::Sender<()>>) {
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.retain(|target, _| running.contains_key(target));
    }
}

async fn scrape_loop(
    shared: Arc<Shared>,
    target: ScrapeTarget,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut ticks = ticks(target.interval_ms, &target);
    let mut known = BTreeSet::new();
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        // Not cut short by the end of the target: a half-done write would leave series behind.
        let status = scrape_once(&shared, &target, &mut known).await;
        shared.update_status(&target, status);
    }
    let at = (shared.now)();
    let mut ends: Vec<Point> = end_series(known, at);
    ends.extend(own_points(&target, at, stale_marker(), stale_marker(), stale_marker()));
    if let Err(problem) = shared.metrics.write(ends).await {
        tracing::warn!(%problem, target = %target.url(), "series of a target that is gone stay open");
    }
}

/// Asks once and keeps what came; `known` are the series of the answer before.
async fn scrape_once(
    shared: &Shared,
    target: &ScrapeTarget,
    known: &mut BTreeSet<Labels>,
) -> TargetStatus {
    let at = (shared.now)();
    let request = Request {
        // Never longer than the interval, never so short that a busy machine fails it.
        timeout_ms: target.interval_ms.clamp(1000, 10_000),
        body_bytes_max: shared.budget.bytes_max,
        excess: Excess::Refuse,
        redirects_max: 3,
        ..Request::get(target.url(), target.policy)
    }
    .header("Accept", "text/plain;version=0.0.4;q=1,*/*;q=0.1");
    let started = std::time::Instant::now();
    let answer = shared.dialer.send(&request).await;
    let duration = started.elapsed();
    let read = answer.map_err(|error| dial_failure(&error)).and_then(|a| samples(&a, shared));
    let (points, samples, problem) = match read {
        Ok(samples) => {
            let points: Vec<Point> =
                samples.into_iter().map(|sample| labelled(target, sample, at)).collect();
            let count = points.len();
            (points, count, None)
        }
        Err(problem) => (Vec::new(), 0, Some(problem)),
    };
    let series: BTreeSet<Labels> = points.iter().map(|point| point.labels.clone()).collect();
    let gone: BTreeSet<Labels> = known.difference(&series).cloned().collect();
    let mut all = points;
    all.extend(end_series(gone, at));
    let up = if problem.is_none() { 1.0 } else { 0.0 };
    all.extend(own_points(target, at, up, duration.as_secs_f64(), samples as f64));
    let written = shared.metrics.write(all).await;
    *known = series;
    let stored = written.err().map(|error| ScrapeFailure {
        code: error.code(),
        message: format!("the samples were not kept: {error}"),
    });
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    TargetStatus { at: Some(at), duration_ms, samples, problem: problem.or(stored) }
}

fn dial_failure(error: &DialError) -> ScrapeFailure {
    let code = match error {
        DialError::TooLarge { .. } => "metrics-too-large",
        DialError::UrlInvalid { .. }
        | DialError::Denied(_)
        | DialError::Connect { .. }
        | DialError::Timeout { .. }
        | DialError::Redirect { .. }
        | DialError::Broken { .. } => error.code(),
    };
    ScrapeFailure { code, message: error.to_string() }
}

fn samples(answer: &Answer, shared: &Shared) -> Result<Vec<Sample>, ScrapeFailure> {
    if answer.status != 200 {
        let message = format!("the endpoint answered {}, not 200", answer.status);
        return Err(ScrapeFailure { code: "metrics-refused", message });
    }
    match parse(&answer.body, &shared.budget) {
        Ok(exposition) => Ok(exposition.samples),
        Err(error) => Err(ScrapeFailure { code: error.problem.code(), message: error.to_string() }),
    }
}

/// A sample with the target's labels; its own labels of the same name become `exported_…`.
fn labelled(target: &ScrapeTarget, sample: Sample, at: Timestamp) -> Point {
    let mut labels = target_labels(target);
    for (name, value) in sample.labels {
        if labels.contains_key(&name) {
            labels.insert(format!("exported_{name}"), value);
        } else {
            labels.insert(name, value);
        }
    }
    labels.insert("__name__".into(), sample.name);
    Point { labels, at: sample.timestamp_ms.map_or(at, Timestamp), value: sample.value }
}

fn target_labels(target: &ScrapeTarget) -> Labels {
    let mut labels = target.labels.clone();
    labels.insert("application".into(), target.application.to_string());
    labels.insert("job".into(), target.application.to_string());
    labels.insert("instance".into(), target.address.clone());
    labels
}

fn own_points(
    target: &ScrapeTarget,
    at: Timestamp,
    up: f64,
    seconds: f64,
    samples: f64,
) -> impl Iterator<Item = Point> {
    let labels = target_labels(target);
    let named =
        [("up", up), ("scrape_duration_seconds", seconds), ("scrape_samples_scraped", samples)];
    named.into_iter().map(move |(name, value)| {
        let mut labels = labels.clone();
        labels.insert("__name__".into(), name.into());
        Point { labels, at, value }
    })
}

fn end_series(series: BTreeSet<Labels>, at: Timestamp) -> Vec<Point> {
    let end = |labels| Point { labels, at, value: stale_marker() };
    series.into_iter().map(end).collect()
}
