//! Counts answers for Prometheus.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many greetings were answered, by outcome.
#[derive(Default)]
pub struct Metrics {
    succeeded: AtomicU64,
    failed: AtomicU64,
}

impl Metrics {
    /// Counts one answer by its HTTP status.
    pub fn count(&self, status: u16) {
        let counter = if status >= 500 { &self.failed } else { &self.succeeded };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// All counters in Prometheus' text format.
    pub fn text(&self) -> String {
        format!(
            "# HELP hello_requests_total Greetings answered, by outcome.\n\
             # TYPE hello_requests_total counter\n\
             hello_requests_total{{code=\"200\"}} {}\n\
             hello_requests_total{{code=\"500\"}} {}\n",
            self.succeeded.load(Ordering::Relaxed),
            self.failed.load(Ordering::Relaxed)
        )
    }
}
