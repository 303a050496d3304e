//! What is in flight: which operations people have begun, how long each takes, whether a kill came
//! between. From it a kill gets its moment.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::LONGEST;

/// Something that takes a while and that a kill may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Push,
    Propose,
    Open,
    Approve,
    Comment,
    Merge,
    Token,
    /// From a merge to its version in production.
    Loop,
}

pub const KINDS: [Kind; 8] = [
    Kind::Push,
    Kind::Propose,
    Kind::Open,
    Kind::Approve,
    Kind::Comment,
    Kind::Merge,
    Kind::Token,
    Kind::Loop,
];

/// The state of all of it.
#[derive(Default)]
pub struct Flight {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    begun: [u32; KINDS.len()],
    done: [u32; KINDS.len()],
    lasted: [Option<Duration>; KINDS.len()],
    is_down: bool,
    stopping: bool,
    kills: u32,
}

impl Flight {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state and tells everybody.
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// Does something; the answer, and whether a kill came while it was asked for.
    pub fn during<T>(&self, kind: Kind, act: impl FnOnce() -> T) -> (T, bool) {
        let mut kills = 0;
        let mut was_down = false;
        self.set(|state| {
            state.begun[kind as usize] += 1;
            (kills, was_down) = (state.kills, state.is_down);
        });
        let start = Instant::now();
        let answer = act();
        let lasted = start.elapsed();
        let mut disturbed = false;
        self.set(|state| {
            disturbed = was_down || state.kills != kills;
            if !disturbed {
                state.lasted[kind as usize] = Some(lasted);
                state.done[kind as usize] += 1;
            }
        });
        (answer, disturbed)
    }

    /// Something began that nobody waits for.
    pub fn begins(&self, kind: Kind) {
        self.set(|state| state.begun[kind as usize] += 1);
    }

    pub fn learn(&self, kind: Kind, lasted: Duration) {
        self.set(|state| state.lasted[kind as usize] = Some(lasted));
    }

    pub fn lasts(&self, kind: Kind) -> Duration {
        self.state().lasted[kind as usize].expect("it was learnt").min(LONGEST)
    }

    pub fn has_seen_all_but_the_loop(&self) -> bool {
        let state = self.state();
        let mut others = KINDS.iter().filter(|kind| **kind != Kind::Loop);
        others.all(|kind| state.lasted[*kind as usize].is_some())
    }

    /// Waits until the next operation of a kind begins.
    pub fn wait_for_begin(&self, kind: Kind, people_are_well: impl Fn() -> bool) {
        let mut state = self.state();
        let known = state.begun[kind as usize];
        let start = Instant::now();
        while state.begun[kind as usize] == known {
            assert!(people_are_well(), "a person was refused, see above");
            assert!(start.elapsed() < Duration::from_secs(60), "no {kind:?} begins: all are stuck");
            let waited = self.changed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until the server is up; false when it is over.
    pub fn wait_until_up(&self) -> bool {
        let mut state = self.state();
        while state.is_down && !state.stopping {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopping
    }

    /// From here on whatever is in flight may be answered or not.
    pub fn goes_down(&self) {
        self.set(|state| {
            state.kills += 1;
            state.is_down = true;
        });
    }

    pub fn is_up(&self) {
        self.set(|state| state.is_down = false);
    }

    pub fn stop(&self) {
        self.set(|state| state.stopping = true);
    }

    pub fn kills(&self) -> u32 {
        self.state().kills
    }

    pub fn is_over(&self) -> bool {
        self.state().stopping
    }

    /// How often each thing was done.
    pub fn summary(&self) -> String {
        let state = self.state();
        let done = KINDS.iter().filter(|kind| **kind != Kind::Loop);
        let count = |kind: &Kind| format!("{kind:?} {}", state.done[*kind as usize]);
        done.map(count).collect::<Vec<_>>().join(", ")
    }
}
