//! Everything that is folded from the ledger.

use std::collections::{BTreeMap, BTreeSet};

use control::ControlView;
use deployments::DeploymentsView;
use ledger::{ArtifactDigest, CommitId, Fact, PullRequestNumber, RunId, View, decode};
use monitoring::MonitoringView;
use pipelines::facts::PipelineFact;
use repositories::RepositoryFact;
use repositories::facts::RefMoveCause;

/// All views, kept together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Views {
    pub control: ControlView,
    pub deployments: DeploymentsView,
    pub monitoring: MonitoringView,
    pub git: GitView,
}

/// What the simulation itself needs of repositories and pipelines.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GitView {
    /// Where the branch points.
    pub tip: Option<CommitId>,
    /// Commits that Boucle put there.
    pub by_boucle: BTreeSet<CommitId>,
    /// Pull requests that are merged or closed.
    pub closed: BTreeSet<PullRequestNumber>,
    /// What was published, oldest first, with its run.
    pub published: Vec<(ArtifactDigest, RunId)>,
    /// The runs that passed their gate.
    pub passed: BTreeMap<RunId, bool>,
}

impl View for Views {
    fn apply(&mut self, fact: &Fact) {
        self.control.apply(fact);
        self.deployments.apply(fact);
        self.monitoring.apply(fact);
        self.git.apply(fact);
    }
}

impl View for GitView {
    fn apply(&mut self, fact: &Fact) {
        if let Some(RepositoryFact::RefMoved { new, by, .. }) = decode(fact) {
            if let (Some(new), RefMoveCause::Promotion | RefMoveCause::Revert { .. }) = (&new, &by)
            {
                self.by_boucle.insert(new.clone());
            }
            self.tip = new;
        }
        if let Some(RepositoryFact::PullRequestClosed { number, .. }) = decode(fact) {
            self.closed.insert(number);
        }
        match decode::<PipelineFact>(fact) {
            Some(PipelineFact::ArtifactPublished { digest, run, .. }) => {
                self.published.push((digest, run))
            }
            Some(PipelineFact::GatePassed { run, .. }) => drop(self.passed.insert(run, true)),
            Some(PipelineFact::GateFailed { run, .. }) => drop(self.passed.insert(run, false)),
            _ => {}
        }
    }
}
