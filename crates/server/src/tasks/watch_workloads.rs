//! Takes note of what the workload engine tells: restarts, repairs, new targets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use deployments::{DeploymentFact, Drift, DriftChange, ObjectKey};
use ledger::Actor;
use tokio::sync::broadcast::error::RecvError;
use workloads::{EngineEvent, EventReason};

use crate::state::Server;
use crate::watched;

const ACTOR: &str = "workloads";
/// Nobody waits longer than this for a target that came.
const REST_MAX: Duration = Duration::from_secs(1);

/// Follows the engine's events until the server stops.
pub async fn follow(server: Arc<Server>) {
    let mut events = server.engine.events();
    let mut changed = server.engine.changed();
    let mut folded = server.recorder.watch();
    let mut clusters = server.clusters.watch();
    let mut stopping = server.stopping.subscribe();
    loop {
        tokio::select! {
            () = crate::state::stopped(&mut stopping) => return,
            event = events.recv() => match event {
                Ok(event) => note(&server, &event).await,
                // What was missed is seen by the next observation; only its story is lost.
                Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "events were missed"),
                Err(RecvError::Closed) => return,
            },
            _ = changed.changed() => look(&server).await,
            _ = folded.changed() => look(&server).await,
            _ = clusters.changed() => look(&server).await,
        }
    }
}

/// Looks at all targets, and rests many times as long as that took: however much happens at once, a
/// tenth of a core is spent on it at most.
async fn look(server: &Arc<Server>) {
    let began = Instant::now();
    watched::follow_targets(server);
    tokio::time::sleep((began.elapsed() * 9).min(REST_MAX)).await;
}

async fn note(server: &Arc<Server>, event: &EngineEvent) {
    server.watched.note(event, server.clock.now());
    if let Some(facts) = repair(server, event) {
        let now = server.clock.now();
        let drafts = facts
            .iter()
            .map(|fact| fact.draft(now, Actor::system(ACTOR)).because(event.reason.code()))
            .collect();
        if let Err(error) = server.recorder.append(drafts).await {
            tracing::error!(%error, "a repair could not be recorded");
        }
    }
}

/// What the engine put right by itself is drift that was found and repaired.
fn repair(server: &Server, event: &EngineEvent) -> Option<[DeploymentFact; 2]> {
    // An altered object is put back by the planner, which records it itself.
    if !event.reason.is_drift() || event.reason == EventReason::ManifestAltered {
        return None;
    }
    let generation = {
        let views = server.recorder.views();
        views.deployments.applications.get(&event.application)?.generation()
    };
    let object = ObjectKey {
        group: String::new(),
        kind: event.object.kind.clone(),
        namespace: event.object.namespace.clone(),
        name: event.object.name.clone(),
    };
    let change = DriftChange::Runtime { what: event.message.clone() };
    Some([
        DeploymentFact::DriftFound {
            application: event.application.clone(),
            generation,
            drifts: vec![Drift { object: object.clone(), change, by: None }],
        },
        DeploymentFact::DriftRepaired {
            application: event.application.clone(),
            generation,
            objects: vec![object],
        },
    ])
}
