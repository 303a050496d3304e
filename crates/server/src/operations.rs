//! The synchronisations with clusters that are under way: what each waits for, and how it is ended.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use deployments::Wait;
use ledger::{ApplicationName, CommitId, Timestamp};
use tokio::sync::watch;

/// At most one for each application.
pub struct Operations {
    running: Mutex<BTreeMap<ApplicationName, Running>>,
    changes: watch::Sender<u64>,
    waits: watch::Sender<u64>,
}

struct Running {
    under_way: UnderWay,
    ending: watch::Sender<Option<String>>,
}

/// A synchronisation that has not ended.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// What it applies.
    pub rendered_commit: CommitId,
    /// What it waits for; empty while it writes.
    pub waits: Vec<Wait>,
    /// Until when.
    pub deadline: Option<Timestamp>,
}

impl Default for Operations {
    fn default() -> Self {
        let ((changes, _), (waits, _)) = (watch::channel(0), watch::channel(0));
        Self { running: Mutex::default(), changes, waits }
    }
}

impl Operations {
    /// Wakes whoever waits for the end of one; carries no data.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Wakes whoever shows what one waits for; carries no data.
    #[must_use]
    pub fn watch_waits(&self) -> watch::Receiver<u64> {
        self.waits.subscribe()
    }

    /// The one of an application.
    #[must_use]
    pub fn of(&self, application: &ApplicationName) -> Option<UnderWay> {
        self.lock().get(application).map(|running| running.under_way.clone())
    }

    /// Takes one up; the receiver says why it shall end early.
    pub fn begin(
        &self,
        application: &ApplicationName,
        rendered_commit: CommitId,
    ) -> watch::Receiver<Option<String>> {
        let (ending, ended) = watch::channel(None);
        let under_way = UnderWay { rendered_commit, waits: Vec::new(), deadline: None };
        self.lock().insert(application.clone(), Running { under_way, ending });
        ended
    }

    /// What it waits for now.
    pub fn waits(
        &self,
        application: &ApplicationName,
        waits: Vec<Wait>,
        deadline: Option<Timestamp>,
    ) {
        if let Some(running) = self.lock().get_mut(application) {
            let other = running.under_way.waits != waits;
            running.under_way.waits = waits;
            running.under_way.deadline = deadline;
            if other {
                self.waits.send_modify(|count| *count += 1);
            }
        }
    }

    /// Asks it to end; false: there is none.
    pub fn end(&self, application: &ApplicationName, why: &str) -> bool {
        let running = self.lock();
        let Some(running) = running.get(application) else { return false };
        // The first reason stands.
        running.ending.send_if_modified(|ending| {
            let first = ending.is_none();
            ending.get_or_insert_with(|| why.to_owned());
            first
        });
        true
    }

    /// It has ended and its end is recorded.
    pub fn ended(&self, application: &ApplicationName) {
        self.lock().remove(application);
        self.changes.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ApplicationName, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
