//! When a target is asked: at an even pace, spread over the interval so that targets do not meet.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ledger::Timestamp;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// The shortest interval: half a second.
pub const INTERVAL_MS_MIN: u64 = 500;

/// Ticks at the moments whose time is a fixed offset after a multiple of the interval. The offset
/// comes from what is asked, so it is the same after a restart.
pub(crate) fn ticks(interval_ms: u64, what: &impl Hash) -> Interval {
    let interval_ms = interval_ms.max(INTERVAL_MS_MIN);
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    // A new release is looked at within a second, however rarely after that.
    let offset = hasher.finish() % interval_ms.min(1000);
    let since_multiple = now().0.unsigned_abs() % interval_ms.min(1000);
    let wait = (offset + interval_ms.min(1000) - since_multiple) % interval_ms.min(1000);
    let first = Instant::now() + Duration::from_millis(wait);
    let mut ticks = interval_at(first, Duration::from_millis(interval_ms));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}
