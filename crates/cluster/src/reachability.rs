//! Whether a cluster answers, since when, and why not: a value that anybody can look at.

use ledger::Timestamp;
use tokio::sync::watch;

/// Whether a cluster answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reachability {
    /// It was not asked yet.
    Unknown,
    /// It answers.
    Reachable {
        /// Since when.
        since: Timestamp,
        /// Its version: `v1.34.3`; empty until it said so.
        version: String,
    },
    /// It does not.
    Unreachable {
        /// Since when.
        since: Timestamp,
        /// The last reason, as a sentence.
        reason: String,
    },
}

impl Reachability {
    /// Whether it answers.
    #[must_use]
    pub const fn is_reachable(&self) -> bool {
        match self {
            Self::Reachable { .. } => true,
            Self::Unknown | Self::Unreachable { .. } => false,
        }
    }
}

/// It is told what requests met and keeps the times.
#[derive(Debug)]
pub(crate) struct Observer(watch::Sender<Reachability>);

impl Observer {
    pub fn new() -> Self {
        Self(watch::Sender::new(Reachability::Unknown))
    }

    pub fn subscribe(&self) -> watch::Receiver<Reachability> {
        self.0.subscribe()
    }

    pub fn now(&self) -> Reachability {
        self.0.borrow().clone()
    }

    /// It answered, whatever it said; `version` when that was what it said.
    pub fn answered(&self, version: Option<&str>) {
        self.0.send_if_modified(|state| {
            let (since, known) = match state {
                Reachability::Reachable { since, version } => (*since, version.clone()),
                Reachability::Unknown | Reachability::Unreachable { .. } => (now(), String::new()),
            };
            let version = version.map_or(known, str::to_owned);
            let new = Reachability::Reachable { since, version };
            let changed = *state != new;
            *state = new;
            changed
        });
    }

    /// It did not answer.
    pub fn failed(&self, reason: String) {
        self.0.send_if_modified(|state| match state {
            Reachability::Unreachable { reason: known, .. } => {
                // The newest reason is shown, but it is no news.
                *known = reason;
                false
            }
            Reachability::Unknown | Reachability::Reachable { .. } => {
                *state = Reachability::Unreachable { since: now(), reason };
                true
            }
        });
    }
}

pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.unwrap_or_default().as_millis();
    Timestamp(i64::try_from(ms).unwrap_or(i64::MAX))
}
