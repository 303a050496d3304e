//! Which loopback ports are whose: those of replicas come and go, those of services stay.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

/// What is handed out, for all engines of this process: a port looks free until its replica listens.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// Hands out ports of a range, each to one holder at a time.
#[derive(Debug)]
pub(crate) struct Ports {
    range: RangeInclusive<u16>,
    next: u16,
}

impl Ports {
    /// Begins somewhere in the range that differs between servers, so that two of them on one
    /// machine seldom try the same port.
    pub(crate) fn new(range: RangeInclusive<u16>) -> Self {
        let width = u32::from(*range.end()).saturating_sub(u32::from(*range.start())) + 1;
        let offset = std::process::id().wrapping_mul(2_654_435_761) % width;
        let next = range.start().saturating_add(u16::try_from(offset).unwrap_or(0));
        Self { range, next }
    }

    /// A port that nobody holds and nobody listens on now; `None` when there is none left.
    pub(crate) fn take(&mut self) -> Option<u16> {
        for _ in self.range.clone() {
            let port = self.next;
            self.next = if port >= *self.range.end() { *self.range.start() } else { port + 1 };
            let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
            if !taken.contains(&port) && is_free(port) {
                taken.insert(port);
                return Some(port);
            }
        }
        None
    }

    pub(crate) fn give_back(&mut self, port: u16) {
        TAKEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&port);
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// The ports that services were given, by their names; kept on disk.
pub(crate) type ServicePorts = BTreeMap<String, u16>;
