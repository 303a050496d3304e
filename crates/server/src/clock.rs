//! The server's clock: the one place where wall time is read.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ledger::Timestamp;

/// A clock that never goes back and never stands still. When the wall clock jumps back, time goes on
/// here from where it was, at its usual pace, until the wall clock has caught up: ages and windows
/// neither become negative nor stop growing.
#[derive(Debug)]
pub struct Clock {
    anchor: Mutex<Anchor>,
}

/// A moment on both clocks.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    at: Timestamp,
    instant: Instant,
}

impl Clock {
    /// A clock that is not before `newest`, the time of the newest fact: a wall clock that was set
    /// back while no server ran does not make anything younger either.
    #[must_use]
    pub fn not_before(newest: Timestamp) -> Self {
        Self { anchor: Mutex::new(Anchor { at: newest, instant: Instant::now() }) }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        anchor.read(wall(), Instant::now())
    }

    /// How far the wall clock is behind, because it was set back.
    pub fn ahead_ms(&self) -> i64 {
        self.now().since_ms(wall())
    }

    /// How long to wait for `at`, measured from now; zero when it is past. Waits are monotonic, so
    /// a jump of the wall clock delays a deadline by at most the jump and never loses it.
    pub fn until(&self, at: Timestamp) -> Duration {
        let left_ms = at.since_ms(self.now()).clamp(0, LONGEST_WAIT_MS);
        Duration::from_millis(left_ms.unsigned_abs())
    }
}

impl Anchor {
    /// The time, given what both clocks say; the wall clock counts unless it is behind.
    fn read(&mut self, wall: Timestamp, instant: Instant) -> Timestamp {
        let passed = instant.saturating_duration_since(self.instant).as_millis();
        let at = self.at.plus_ms(i64::try_from(passed).unwrap_or(i64::MAX));
        if wall <= at {
            // The anchor stays: moving it would lose a part of a millisecond with each look.
            return at;
        }
        *self = Self { at: wall, instant };
        wall
    }
}

fn wall() -> Timestamp {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// After this long a waiting task looks again even if its deadline is later: a wall clock that was
/// set forward must not be noticed hours late.
const LONGEST_WAIT_MS: i64 = 60_000;

/// Milliseconds since `start`.
#[must_use]
pub fn elapsed_ms(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each look: what has passed on the monotonic clock since the start in microseconds, what the
    /// wall clock says in milliseconds, and the time that must come out.
    #[track_caller]
    fn check(newest: i64, looks: &[(u64, i64, i64)]) {
        let start = Instant::now();
        let mut anchor = Anchor { at: Timestamp(newest), instant: start };
        for (passed_us, wall, expected) in looks {
            let instant = start + Duration::from_micros(*passed_us);
            let read = anchor.read(Timestamp(*wall), instant);
            assert_eq!(read, Timestamp(*expected), "after {passed_us} µs with the wall at {wall}");
        }
    }

    #[test]
    fn time_is_the_wall_clock_s() {
        check(0, &[(0, 5_000, 5_000), (1_000_000, 6_000, 6_000), (2_000_000, 7_000, 7_000)]);
    }

    #[test]
    fn a_jump_ahead_is_followed() {
        check(0, &[(0, 5_000, 5_000), (1_000_000, 99_000, 99_000), (2_000_000, 100_000, 100_000)]);
    }

    #[test]
    fn after_a_jump_back_time_goes_on() {
        check(0, &[(0, 9_000, 9_000), (1_000_000, 10, 10_000), (5_000_000, 4_010, 14_000)]);
        check(0, &[(0, 9_000, 9_000), (1_000_000, 10, 10_000), (2_000_000, 12_000, 12_000)]);
    }

    #[test]
    fn many_looks_lose_no_time() {
        let looks: Vec<_> =
            (0..5_000).map(|look| (look * 400, 0, (look * 4 / 10) as i64)).collect();
        check(0, &looks);
    }

    #[test]
    fn nothing_is_before_the_newest_fact() {
        check(8_000, &[(0, 5_000, 8_000), (1_000_000, 6_000, 9_000), (2_000_000, 60_000, 60_000)]);
    }
}
