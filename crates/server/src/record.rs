//! Appends facts and folds them into the views, in order, before the caller goes on.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use anyhow::Context;
use database::{AppendError, Database};
use ledger::{Draft, Fact, Sequence, Timestamp};
use tokio::sync::watch;

use crate::outlook;
use crate::views::Views;

/// The ledger with its views.
pub struct Recorder {
    database: Database,
    views: RwLock<Views>,
    /// Facts that came back before an older one did.
    early: Mutex<BTreeMap<Sequence, Fact>>,
    folded: watch::Sender<Sequence>,
    /// The newest fact that sets of applications may see something of.
    seen: AtomicU64,
}

/// A view is saved after this many facts, so that a start folds at most as many again.
const FACTS_PER_SAVED_VIEW: u64 = 2_000;

impl Recorder {
    /// Loads the saved views and folds what came after them.
    pub async fn open(database: Database) -> anyhow::Result<Self> {
        let mut views = Views::load(&database).await?;
        fold_rest(&database, &mut views).await?;
        let (folded, _) = watch::channel(views.sequence);
        let (views, early) = (RwLock::new(views), Mutex::new(BTreeMap::new()));
        Ok(Self { database, views, early, folded, seen: AtomicU64::new(0) })
    }

    /// The database, for reading facts.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The facts behind `after`, at most `limit`, and none that is not in the views yet: whoever acts on
    /// a fact, here or at the other end of the stream, finds what it says in the state.
    pub async fn facts(&self, after: Sequence, limit: usize) -> anyhow::Result<Vec<Fact>> {
        let known = self.views().sequence;
        let mut facts = self.database.facts(after, limit).await.context("cannot read facts")?;
        facts.retain(|fact| fact.sequence <= known);
        Ok(facts)
    }

    /// All facts of a kind, oldest first.
    pub async fn facts_of(&self, kind: &str) -> anyhow::Result<Vec<Fact>> {
        self.database.facts_of(kind).await.context("cannot read facts")
    }

    /// When the newest fact was recorded; the beginning of time when there is none.
    pub async fn newest_at(&self) -> anyhow::Result<Timestamp> {
        let sequence = self.views().sequence;
        let newest = self.database.fact(sequence).await;
        Ok(newest.context("cannot read the newest fact")?.map_or(Timestamp(0), |fact| fact.at))
    }

    /// The state as of the newest folded fact. Hold it briefly, never across an await.
    pub fn views(&self) -> RwLockReadGuard<'_, Views> {
        self.views.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest fact since the start that sets of applications may see something of.
    #[must_use]
    pub fn seen_changed_at(&self) -> u64 {
        self.seen.load(Ordering::Acquire)
    }

    /// Wakes whoever waits for new facts; carries only how far the views are.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Sequence> {
        self.folded.subscribe()
    }

    /// Appends all drafts or none; when it returns, they are on disk and in the views.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Fact>, AppendError> {
        let facts = self.database.append(drafts).await?;
        if let Some(last) = facts.last().map(|fact| fact.sequence) {
            self.fold(&facts);
            let mut folded = self.folded.subscribe();
            let reached = folded.wait_for(|sequence| *sequence >= last).await.is_ok();
            debug_assert!(reached, "the sender lives as long as the recorder");
        }
        Ok(facts)
    }

    /// Folds every fact again from the first one; true when the views were as they should be.
    pub async fn rebuild(&self) -> anyhow::Result<(bool, u64)> {
        let mut fresh = Views::default();
        let identical = loop {
            let target = self.views().sequence;
            fold_until(&self.database, &mut fresh, target).await?;
            let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
            // Facts that came meanwhile are folded too; each turn has fewer of them to fold.
            if views.sequence == fresh.sequence {
                let identical = views.bytes()? == fresh.bytes()?;
                *views = fresh;
                break identical;
            }
        };
        self.save().await?;
        Ok((identical, self.views().sequence.0))
    }

    /// Saves the views, so that the next start need not fold from the first fact.
    pub async fn save(&self) -> anyhow::Result<()> {
        let (sequence, bytes) = {
            let views = self.views();
            (views.sequence, views.bytes()?)
        };
        self.database
            .save_view(Views::NAME, sequence, &bytes)
            .await
            .context("cannot save the views")
    }

    /// True when enough facts came since `saved` to save the views again.
    #[must_use]
    pub fn is_save_due(&self, saved: Sequence) -> bool {
        self.views().sequence.0 >= saved.0 + FACTS_PER_SAVED_VIEW
    }

    fn fold(&self, facts: &[Fact]) {
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        early.extend(facts.iter().map(|fact| (fact.sequence, fact.clone())));
        let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
        while let Some(fact) = early.remove(&Sequence(views.sequence.0 + 1)) {
            views.apply(&fact);
            if outlook::may_be_seen(&fact) {
                self.seen.store(fact.sequence.0, Ordering::Release);
            }
        }
        let sequence = views.sequence;
        drop(views);
        self.folded.send_if_modified(|known| {
            let changed = *known < sequence;
            *known = sequence.max(*known);
            changed
        });
    }
}

async fn fold_rest(database: &Database, views: &mut Views) -> anyhow::Result<()> {
    fold_until(database, views, Sequence(u64::MAX)).await
}

async fn fold_until(database: &Database, views: &mut Views, last: Sequence) -> anyhow::Result<()> {
    loop {
        let facts = database.facts(views.sequence, 1_000).await.context("cannot read facts")?;
        if facts.is_empty() {
            return Ok(());
        }
        for fact in &facts {
            if fact.sequence > last {
                return Ok(());
            }
            views.apply(fact);
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Actor, Subject};
    use repositories::facts::RepositoryFact;

    use super::*;

    fn draft(name: &str) -> Draft {
        let fact = RepositoryFact::PasswordChosen { name: name.into() };
        Draft::new(Timestamp(1), Actor::system("test"), Subject::server(), &fact)
    }

    #[tokio::test]
    async fn a_fact_is_given_out_once_it_is_in_the_views() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("ledger.db")).await.unwrap();
        let recorder = Recorder::open(database).await.unwrap();
        recorder.append(vec![draft("first")]).await.unwrap();
        // On disk, and whoever appended it has not come to folding it.
        let second = recorder.database.append(vec![draft("second")]).await.unwrap();
        let given = |facts: Vec<Fact>| facts.iter().map(|fact| fact.sequence.0).collect::<Vec<_>>();
        assert_eq!(given(recorder.facts(Sequence(0), 10).await.unwrap()), [1]);
        recorder.fold(&second);
        assert_eq!(given(recorder.facts(Sequence(0), 10).await.unwrap()), [1, 2]);
        assert_eq!(given(recorder.facts(Sequence(1), 10).await.unwrap()), [2]);
        assert_eq!(given(recorder.facts(Sequence(0), 1).await.unwrap()), [1]);
    }
}
