//! Everything that is derived from the facts, in one value.

use anyhow::Context;
use control::ControlView;
use database::Database;
use deployments::DeploymentsView;
use ledger::{ArtifactDigest, Fact, Sequence, View};
use monitoring::MonitoringView;
use pipelines::view::{PipelinesView, PublishedArtifact};
use repositories::RepositoriesView;
use serde::{Deserialize, Serialize};

/// The views of all domains up to one fact.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Views {
    /// The newest fact that is folded in.
    pub sequence: Sequence,
    /// Repositories, refs, pull requests, tokens.
    pub repositories: RepositoriesView,
    /// Runs, artifacts, gates.
    pub pipelines: PipelinesView,
    /// Applications and what was deployed.
    pub deployments: DeploymentsView,
    /// Assessments, objectives, incidents.
    pub monitoring: MonitoringView,
    /// Promotions, rollbacks, quarantine.
    pub control: ControlView,
}

impl Views {
    /// The name under which the views are saved; a new one when their form changes.
    pub const NAME: &'static str = "views-3";

    /// The saved views, or empty ones. Views of another form are folded again.
    pub async fn load(database: &Database) -> anyhow::Result<Self> {
        let saved = database.load_view(Self::NAME).await.context("cannot read the saved views")?;
        let views = saved.and_then(|(sequence, bytes)| {
            serde_json::from_slice::<Self>(&bytes).ok().filter(|views| views.sequence == sequence)
        });
        Ok(views.unwrap_or_default())
    }

    /// Takes one more fact.
    pub fn apply(&mut self, fact: &Fact) {
        self.repositories.apply(fact);
        self.pipelines.apply(fact);
        self.deployments.apply(fact);
        self.monitoring.apply(fact);
        self.control.apply(fact);
        self.sequence = fact.sequence;
    }

    /// The newest publication of an artifact.
    #[must_use]
    pub fn published(&self, digest: &ArtifactDigest) -> Option<&PublishedArtifact> {
        self.pipelines.published.get(digest)?.last()
    }

    /// The views as bytes; equal views, equal bytes.
    pub fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        serde_json::to_vec(self).context("the views cannot be written as JSON")
    }
}
