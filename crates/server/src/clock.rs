//! The server's clock: the one place where wall time is read.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ledger::Timestamp;

/// A clock that never goes back while the server runs: a wall clock that jumps back stands still
/// here until it has caught up, so that ages and windows never become negative.
#[derive(Debug, Default)]
pub struct Clock {
    newest: AtomicI64,
}

impl Clock {
    /// The time now.
    pub fn now(&self) -> Timestamp {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall_ms = i64::try_from(wall.as_millis()).unwrap_or(i64::MAX);
        let before = self.newest.fetch_max(wall_ms, Ordering::SeqCst);
        Timestamp(before.max(wall_ms))
    }

    /// How long to wait for `at`, measured from now; zero when it is past. Waits are monotonic, so
    /// a jump of the wall clock delays a deadline by at most the jump and never loses it.
    pub fn until(&self, at: Timestamp) -> Duration {
        let left_ms = at.since_ms(self.now()).clamp(0, LONGEST_WAIT_MS);
        Duration::from_millis(left_ms.unsigned_abs())
    }
}

/// After this long a waiting task looks again even if its deadline is later: a wall clock that was
/// set forward must not be noticed hours late.
const LONGEST_WAIT_MS: i64 = 60_000;

/// Milliseconds since `start`.
#[must_use]
pub fn elapsed_ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
