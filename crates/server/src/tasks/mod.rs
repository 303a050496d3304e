//! The reconcilers. Each looks at the state, does what is due, and waits for a change.
//!
//! A reconciler takes no argument and a wake-up carries no data, so that a start, a retry and a
//! change are one code path. Nothing here polls: a task sleeps until a fact was added, something
//! that it observes changed, or the deadline that it named itself.

pub mod answer_objects;
pub mod ask_plugins;
pub mod assess_health;
pub mod close_loop;
pub mod collect_blobs;
pub mod deploy_applications;
pub mod keep_clusters;
pub mod keep_ledger;
pub mod merge_queued;
pub mod notify;
mod remove_applications;
pub mod render_applications;
pub mod roll_back;
pub mod trigger_runs;
pub mod watch_workloads;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::state::Server;

/// When a reconciler wants to look again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// When something changed.
    OnChange,
    /// When something changed, or at this time.
    At(Timestamp),
}

impl Next {
    /// The earlier of two.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        match (self, other) {
            (Self::OnChange, next) | (next, Self::OnChange) => next,
            (Self::At(one), Self::At(two)) => Self::At(one.min(two)),
        }
    }
}

/// After a failure a task looks again this much later, doubling up to [`RETRY_MAX`].
const RETRY_FIRST: Duration = Duration::from_millis(200);
/// The longest time between two tries.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// An activation shorter than this needs no rest after it.
const UNNOTICED: Duration = Duration::from_millis(5);
/// The longest rest.
const REST_MAX: Duration = Duration::from_millis(250);

/// Runs a reconciler until the server stops. Its panics and failures cost one activation each.
pub fn spawn<F, R>(
    name: &'static str,
    server: &Arc<Server>,
    mut wake: Vec<watch::Receiver<u64>>,
    reconcile: F,
) -> JoinHandle<()>
where
    F: Fn(Arc<Server>) -> R + Send + 'static,
    R: Future<Output = anyhow::Result<Next>> + Send + 'static,
{
    let server = Arc::clone(server);
    tokio::spawn(async move {
        let mut folded = server.recorder.watch();
        let mut stopping = server.stopping.subscribe();
        let mut retry = RETRY_FIRST;
        loop {
            folded.mark_unchanged();
            wake.iter_mut().for_each(watch::Receiver::mark_unchanged);
            let began = Instant::now();
            let sleep = match tokio::spawn(reconcile(Arc::clone(&server))).await {
                Ok(Ok(next)) => {
                    retry = RETRY_FIRST;
                    match next {
                        Next::OnChange => None,
                        Next::At(at) => Some(server.clock.until(at)),
                    }
                }
                Ok(Err(error)) => {
                    tracing::warn!(task = name, error = format!("{error:#}"), "a task failed");
                    Some(longer(&mut retry))
                }
                Err(panic) => {
                    tracing::error!(task = name, %panic, "a task panicked");
                    Some(longer(&mut retry))
                }
            };
            // Whoever looks at much while many facts come looks half of the time, not all of it: what
            // came meanwhile is looked at together.
            let took = began.elapsed();
            if took >= UNNOTICED {
                tokio::time::sleep(took.min(REST_MAX)).await;
            }
            tokio::select! {
                () = crate::state::stopped(&mut stopping) => return,
                changed = folded.changed() => if changed.is_err() { return },
                () = any_changed(&mut wake) => {}
                () = sleep_or_forever(sleep) => {}
            }
        }
    })
}

/// The wait before the next try; the one after it is twice as long.
fn longer(retry: &mut Duration) -> Duration {
    let wait = *retry;
    *retry = (wait * 2).min(RETRY_MAX);
    wait
}

async fn any_changed(wake: &mut [watch::Receiver<u64>]) {
    if wake.is_empty() {
        return std::future::pending().await;
    }
    let changes = wake.iter_mut().map(|receiver| Box::pin(receiver.changed()));
    let (ended, _, _) = futures::future::select_all(changes).await;
    if ended.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn sleep_or_forever(duration: Option<Duration>) {
    match duration {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}
