//! Collects the contents of the registry that nobody needs any more: once a day, and never what is young.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ledger::ArtifactDigest;
use monitoring::MonitoringFact;
use registry::Collected;

use crate::state::Server;

/// A start has more urgent things to do.
const FIRST: Duration = Duration::from_secs(600);
const INTERVAL: Duration = Duration::from_secs(24 * 3600);
/// A push may take so long: until then its blobs are in no manifest.
const AGE_MIN: Duration = Duration::from_secs(24 * 3600);

/// Runs until the server stops.
pub async fn follow(server: Arc<Server>) {
    let mut stopping = server.stopping.subscribe();
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = crate::state::stopped(&mut stopping) => return,
            () = tokio::time::sleep(wait) => {}
        }
        match collect(&server).await {
            Ok(Collected { blobs: 0, .. }) => {}
            Ok(Collected { blobs, size_bytes }) => {
                tracing::info!(blobs, size_bytes, "contents that nobody needs were removed");
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "nothing was collected");
            }
        }
        wait = INTERVAL;
    }
}

async fn collect(server: &Server) -> anyhow::Result<Collected> {
    Ok(server.registry.collect(evidence(server).await?, AGE_MIN).await?)
}

/// What a fact names by its digest alone.
async fn evidence(server: &Server) -> anyhow::Result<BTreeSet<ArtifactDigest>> {
    let mut kept = BTreeSet::new();
    for fact in server.recorder.facts_of("monitoring.evidence_saved").await? {
        let sequence = fact.sequence;
        let Some(MonitoringFact::EvidenceSaved { digest, .. }) = ledger::decode(&fact) else {
            anyhow::bail!("what fact {sequence} keeps cannot be read");
        };
        kept.insert(digest);
    }
    Ok(kept)
}
