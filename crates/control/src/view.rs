//! Promotions, rollbacks, quarantine and holds, folded from facts.

use std::collections::BTreeMap;

use ledger::{
    Actor, ApplicationName, ArtifactDigest, CommitId, EnvironmentName, Fact, IncidentId,
    PullRequestNumber, RepositoryName, Sequence, Timestamp, View, decode,
};
use serde::{Deserialize, Serialize};

use crate::facts::{ControlFact, RollbackRule};
use crate::reasons::{HoldReason, RollbackRefusal, WaitReason};

/// The loop's state, by repository.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ControlView {
    /// By repository.
    pub repositories: BTreeMap<RepositoryName, RepositoryLoop>,
}

/// The loop of one repository.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RepositoryLoop {
    /// By environment.
    pub environments: BTreeMap<EnvironmentName, EnvironmentLoop>,
    /// Digests in quarantine.
    pub quarantined: BTreeMap<ArtifactDigest, Quarantine>,
}

/// The loop of one environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentLoop {
    /// What was promoted, oldest first.
    pub promotions: Vec<PromotionRecord>,
    /// What was taken back, oldest first.
    pub rollbacks: Vec<RollbackRecord>,
    /// Why promotions are held, and since when.
    pub hold: Option<(HoldReason, Timestamp)>,
    /// When a person last resumed the automation.
    pub resumed_at: Option<Timestamp>,
    /// What waits, by artifact.
    pub waiting: BTreeMap<String, WaitingRecord>,
    /// What is held, by digest.
    pub held: BTreeMap<ArtifactDigest, (HoldReason, Timestamp)>,
    /// Pull requests of Boucle's, by number, with artifact and digest.
    pub proposals: BTreeMap<PullRequestNumber, (String, ArtifactDigest)>,
    /// Digests that a person approved.
    pub approved: BTreeMap<ArtifactDigest, (Actor, Timestamp)>,
    /// A rollback that a person is asked about: the application and the commits.
    pub asked: Option<(ApplicationName, Vec<CommitId>)>,
    /// The commit whose revert a person approved and that is not done yet.
    pub rollback_approved: Option<CommitId>,
    /// Whether a person asked for a rollback that is not done yet.
    pub rollback_requested: bool,
    /// Why the newest sick deployment is not taken back.
    pub refused: Vec<RollbackRefusal>,
    /// The newest fact about the environment.
    pub newest: Option<Sequence>,
}

/// A digest that was written into an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionRecord {
    /// The artifact's name.
    pub artifact: String,
    /// What.
    pub digest: ArtifactDigest,
    /// The commit that wrote it.
    pub commit: CommitId,
    /// The pull request that brought it.
    pub pull_request: Option<PullRequestNumber>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The fact that says so.
    #[serde(default)]
    pub fact: Sequence,
}

/// A change that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackRecord {
    /// Which application was sick.
    pub application: ApplicationName,
    /// What was taken back.
    pub bad_commit: CommitId,
    /// By which commit.
    pub revert_commit: CommitId,
    /// The digest that it had brought.
    pub digest: Option<ArtifactDigest>,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// Which rule.
    pub rule: RollbackRule,
    /// When.
    pub at: Timestamp,
    /// The fact that says so.
    #[serde(default)]
    pub fact: Sequence,
}

/// Something that is never promoted again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// The commit that had brought it.
    pub revision: CommitId,
    /// Where it was found.
    pub environment: EnvironmentName,
    /// The incident.
    pub incident: Option<IncidentId>,
    /// Since when.
    pub since: Timestamp,
}

/// A promotion that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRecord {
    /// What.
    pub digest: ArtifactDigest,
    /// For what.
    pub reasons: Vec<WaitReason>,
    /// When a person is asked.
    pub deadline: Option<Timestamp>,
    /// Since when.
    pub since: Timestamp,
}

impl ControlView {
    /// The loop of one environment, when a fact named it.
    #[must_use]
    pub fn environment(
        &self,
        repository: &RepositoryName,
        environment: &EnvironmentName,
    ) -> Option<&EnvironmentLoop> {
        self.repositories.get(repository)?.environments.get(environment)
    }
}

impl EnvironmentLoop {
    /// When automatic rollbacks of an application happened, for the rule of one per window.
    #[must_use]
    pub fn automatic_rollbacks(&self, application: &ApplicationName) -> Vec<Timestamp> {
        let counts = |record: &&RollbackRecord| {
            record.application == *application && record.rule == RollbackRule::Automatic
        };
        self.rollbacks.iter().filter(counts).map(|record| record.at).collect()
    }

    /// Whether the freeze of a sick deployment has happened: promotions are frozen, or a person let
    /// them go on since `deployed_at` and must not be stopped again for the same deployment.
    #[must_use]
    pub fn was_frozen(&self, deployed_at: Timestamp) -> bool {
        matches!(self.hold, Some((HoldReason::Frozen { .. }, _)))
            || self.resumed_at.is_some_and(|resumed_at| resumed_at >= deployed_at)
    }

    /// Whether a person wrote this digest: neither the newest promotion nor the newest rollback
    /// brought it, and nobody resumed the automation since.
    #[must_use]
    pub fn is_chosen(&self, artifact: &str, digest: &ArtifactDigest) -> bool {
        let promotion = self.promotions.iter().rev().find(|one| one.artifact == artifact);
        let promotion = promotion.map(|one| (one.fact, one.at, one.digest == *digest));
        // A rollback restores what was there before, whatever that is.
        let rollback = self.rollbacks.last().map(|one| (one.fact, one.at, true));
        match promotion.max(rollback) {
            Some((_, _, true)) => false,
            Some((_, at, false)) => self.resumed_at.is_none_or(|resumed_at| resumed_at < at),
            None => self.resumed_at.is_none(),
        }
    }

    /// Whether a person was asked about a rollback whose newest suspect is `commit`.
    #[must_use]
    pub fn was_asked(&self, commit: &CommitId) -> bool {
        self.asked.as_ref().is_some_and(|(_, commits)| commits.first() == Some(commit))
    }

    fn take(&mut self, fact: &Fact, body: ControlFact) {
        let at = fact.at;
        match body {
            ControlFact::Promoted { artifact, digest, commit, pull_request, .. } => {
                self.waiting.remove(&artifact);
                self.held.remove(&digest);
                self.proposals.retain(|_, (name, _)| *name != artifact);
                let actor = fact.actor.clone();
                self.promotions.push(PromotionRecord {
                    artifact,
                    digest,
                    commit,
                    pull_request,
                    at,
                    actor,
                    fact: fact.sequence,
                });
            }
            ControlFact::PromotionProposed { artifact, digest, pull_request, .. } => {
                self.proposals.insert(pull_request, (artifact, digest));
            }
            ControlFact::PromotionWaiting { artifact, digest, reasons, deadline, .. } => {
                let since = self
                    .waiting
                    .get(&artifact)
                    .filter(|waiting| waiting.digest == digest)
                    .map_or(at, |waiting| waiting.since);
                self.waiting.insert(artifact, WaitingRecord { digest, reasons, deadline, since });
            }
            ControlFact::PromotionHeld { digest, reason, .. } => {
                self.held.insert(digest, (reason, at));
            }
            ControlFact::PromotionApproved { digest, .. } => {
                self.approved.insert(digest, (fact.actor.clone(), at));
            }
            ControlFact::AutomationHeld { reason, .. } => self.hold = Some((reason, at)),
            ControlFact::AutomationResumed { .. } => {
                self.hold = None;
                self.resumed_at = Some(at);
            }
            other @ (ControlFact::RolledBack { .. }
            | ControlFact::RollbackRefused { .. }
            | ControlFact::RollbackAsked { .. }
            | ControlFact::RollbackApproved { .. }
            | ControlFact::RollbackRequested { .. }
            | ControlFact::Quarantined { .. }
            | ControlFact::QuarantineLifted { .. }) => self.take_rollback(fact, other),
        }
    }

    fn take_rollback(&mut self, fact: &Fact, body: ControlFact) {
        match body {
            ControlFact::RolledBack {
                application,
                bad_commit,
                revert_commit,
                digest,
                incident,
                rule,
                ..
            } => {
                self.asked = None;
                self.rollback_approved = None;
                self.rollback_requested = false;
                self.refused.clear();
                self.rollbacks.push(RollbackRecord {
                    application,
                    bad_commit,
                    revert_commit,
                    digest,
                    incident,
                    rule,
                    at: fact.at,
                    fact: fact.sequence,
                });
            }
            ControlFact::RollbackRefused { reasons, .. } => {
                self.refused = reasons;
                self.rollback_requested = false;
            }
            ControlFact::RollbackAsked { application, commits, .. } => {
                self.asked = Some((application, commits));
            }
            ControlFact::RollbackApproved { commit, .. } => self.rollback_approved = Some(commit),
            ControlFact::RollbackRequested { .. } => self.rollback_requested = true,
            ControlFact::Promoted { .. }
            | ControlFact::PromotionProposed { .. }
            | ControlFact::PromotionWaiting { .. }
            | ControlFact::PromotionHeld { .. }
            | ControlFact::PromotionApproved { .. }
            | ControlFact::Quarantined { .. }
            | ControlFact::QuarantineLifted { .. }
            | ControlFact::AutomationHeld { .. }
            | ControlFact::AutomationResumed { .. } => {}
        }
    }
}

impl View for ControlView {
    fn apply(&mut self, fact: &Fact) {
        let Some(body) = decode::<ControlFact>(fact) else { return };
        let (repository, environment) = body.place();
        let (repository, environment) = (repository.clone(), environment.clone());
        let repository = self.repositories.entry(repository).or_default();
        if let ControlFact::Quarantined { digest: Some(digest), revision, incident, .. } = &body {
            let (revision, environment) = (revision.clone(), environment.clone());
            let since = fact.at;
            let quarantine = Quarantine { revision, environment, incident: *incident, since };
            repository.quarantined.insert(digest.clone(), quarantine);
        }
        if let ControlFact::QuarantineLifted { digest, .. } = &body {
            repository.quarantined.remove(digest);
            for state in repository.environments.values_mut() {
                state.held.remove(digest);
            }
        }
        let state = repository.environments.entry(environment).or_default();
        state.newest = Some(fact.sequence);
        state.take(fact, body);
    }
}
