//! The synchronisations with clusters that are under way: what each waits for, and how it is ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use deployments::{ApplicationState, Wait};
use ledger::{ApplicationName, CommitId, Timestamp};
use tokio::sync::watch;

use crate::clusters::Known;
use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::Place;

/// So many write to one cluster at once. A plan holds its manifests: those that could only stand in line
/// are not made before there is room.
const WRITING_MAX: usize = 64;

/// At most one for each application.
pub struct Operations {
    running: Mutex<State>,
    changes: watch::Sender<u64>,
    waits: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    by_application: BTreeMap<ApplicationName, Running>,
    /// How many write, by the opening of their cluster.
    writing: BTreeMap<u64, usize>,
    /// Those whose operation ended since somebody asked for them.
    ended: BTreeSet<ApplicationName>,
}

struct Running {
    /// Of which cluster.
    opening: u64,
    writes: bool,
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
        self.lock().by_application.get(application).map(|running| running.under_way.clone())
    }

    /// How many more should begin on this opening of a cluster; [`Operations::watch`] wakes whoever
    /// waits for room.
    #[must_use]
    pub fn room(&self, opening: u64) -> usize {
        let writing = self.lock().writing.get(&opening).copied().unwrap_or_default();
        WRITING_MAX.saturating_sub(writing)
    }

    /// Takes one up; the receiver says why it shall end early.
    pub fn begin(
        &self,
        application: &ApplicationName,
        opening: u64,
        rendered_commit: CommitId,
    ) -> watch::Receiver<Option<String>> {
        let (ending, ended) = watch::channel(None);
        let under_way = UnderWay { rendered_commit, waits: Vec::new(), deadline: None };
        let running = Running { opening, writes: false, under_way, ending };
        let mut state = self.lock();
        state.by_application.insert(application.clone(), running);
        state.writes(application, true);
        ended
    }

    /// What it waits for now.
    pub fn waits(
        &self,
        application: &ApplicationName,
        waits: Vec<Wait>,
        deadline: Option<Timestamp>,
    ) {
        let mut state = self.lock();
        let has_room = state.writes(application, waits.is_empty());
        let Some(running) = state.by_application.get_mut(application) else { return };
        let other = running.under_way.waits != waits;
        running.under_way.waits = waits;
        running.under_way.deadline = deadline;
        drop(state);
        if other {
            self.waits.send_modify(|count| *count += 1);
        }
        if has_room {
            self.changes.send_modify(|count| *count += 1);
        }
    }

    /// Asks it to end; false: there is none.
    pub fn end(&self, application: &ApplicationName, why: &str) -> bool {
        let state = self.lock();
        let Some(running) = state.by_application.get(application) else { return false };
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
        let mut state = self.lock();
        state.writes(application, false);
        state.by_application.remove(application);
        state.ended.insert(application.clone());
        drop(state);
        self.changes.send_modify(|count| *count += 1);
    }

    /// The applications whose operation ended since the last call.
    pub fn take_ended(&self) -> BTreeSet<ApplicationName> {
        std::mem::take(&mut self.lock().ended)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// The cluster for which the newest rendering of an application can only stand in line until others
    /// have written theirs; `None`: it need not.
    #[must_use]
    pub fn waits_for_room(
        &self,
        rendering: &Rendering,
        state: Option<&ApplicationState>,
    ) -> Option<Arc<Known>> {
        let Place::Cluster(known) = self.place_of(rendering) else { return None };
        if self.operations.room(known.opening) > 0 {
            return None;
        }
        let newest = state.and_then(|state| state.deployments.last());
        let is_new =
            newest.is_none_or(|newest| newest.rendered_commit != rendering.rendered_commit);
        let waits = is_new && self.operations.of(&rendering.application.name).is_none();
        waits.then_some(known)
    }
}

impl State {
    /// Whether it writes from now on; true when it made room for another one.
    fn writes(&mut self, application: &ApplicationName, writes: bool) -> bool {
        let Some(running) = self.by_application.get_mut(application) else { return false };
        if running.writes == writes {
            return false;
        }
        running.writes = writes;
        let writing = self.writing.entry(running.opening).or_default();
        let was_full = *writing >= WRITING_MAX;
        *writing = if writes { *writing + 1 } else { writing.saturating_sub(1) };
        was_full && *writing < WRITING_MAX
    }
}

#[cfg(test)]
mod tests {
    use deployments::{ObjectKey, Phase, Wait, WaitReason};

    use super::*;

    fn name(number: usize) -> ApplicationName {
        ApplicationName::new(format!("app-{number}")).expect("a name")
    }

    #[test]
    fn those_that_write_fill_their_cluster_and_those_that_wait_do_not() {
        let operations = Operations::default();
        let commit = CommitId::new("1".repeat(40)).expect("a commit");
        let mut woken = operations.watch();
        for number in 0..WRITING_MAX {
            assert!(operations.room(1) > 0, "{number} write");
            drop(operations.begin(&name(number), 1, commit.clone()));
        }
        assert!(operations.room(1) == 0 && operations.room(2) == WRITING_MAX);
        assert!(!woken.has_changed().expect("it is there"));
        let waits = vec![Wait {
            object: ObjectKey {
                group: String::new(),
                kind: "Pod".into(),
                namespace: "live".into(),
                name: "web".into(),
            },
            phase: Phase::Sync,
            wave: 0,
            reason: WaitReason::Deletion,
        }];
        operations.waits(&name(0), waits, None);
        assert_eq!(operations.room(1), 1);
        assert!(woken.has_changed().expect("it is there"));
        woken.mark_unchanged();
        // It goes on writing; nobody stops it.
        operations.waits(&name(0), Vec::new(), None);
        assert_eq!(operations.room(1), 0);
        operations.ended(&name(1));
        assert_eq!(operations.room(1), 1);
        assert!(woken.has_changed().expect("it is there"));
    }
}
