//! Signs checkpoints and saves the views, so that a start is quick and tampering shows.

use std::sync::Arc;

use ledger::Sequence;

use crate::state::Server;
use crate::tasks::Next;

/// A checkpoint follows the first fact after at most this long.
const CHECKPOINT_INTERVAL_MS: i64 = 60_000;
/// Or after this many facts.
const CHECKPOINT_FACTS: u64 = 100;

/// One activation.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let newest = server.recorder.views().sequence;
    let now = server.clock.now();
    let (signed, signed_at) = server.keeping.signed();
    if newest == signed {
        return Ok(Next::OnChange);
    }
    let due_at = signed_at.plus_ms(CHECKPOINT_INTERVAL_MS);
    if newest.0 < signed.0 + CHECKPOINT_FACTS && now < due_at {
        return Ok(Next::At(due_at));
    }
    server.sign_checkpoint().await?;
    server.keeping.set_signed(newest, now);
    if server.recorder.is_save_due(server.keeping.saved()) {
        server.recorder.save().await?;
        server.keeping.set_saved(newest);
    }
    Ok(Next::OnChange)
}

/// How far the ledger was signed and the views were saved.
#[derive(Default)]
pub struct Keeping(std::sync::Mutex<(Sequence, ledger::Timestamp, Sequence)>);

impl Keeping {
    fn locked(&self) -> std::sync::MutexGuard<'_, (Sequence, ledger::Timestamp, Sequence)> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn signed(&self) -> (Sequence, ledger::Timestamp) {
        let kept = self.locked();
        (kept.0, kept.1)
    }

    fn set_signed(&self, sequence: Sequence, at: ledger::Timestamp) {
        let mut kept = self.locked();
        (kept.0, kept.1) = (sequence, at);
    }

    fn saved(&self) -> Sequence {
        self.locked().2
    }

    fn set_saved(&self, sequence: Sequence) {
        self.locked().2 = sequence;
    }
}
