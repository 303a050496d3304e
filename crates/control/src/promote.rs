//! Which digest goes into which environment next, and how.
//!
//! The first environment is changed by a commit, each next one by a pull request, once the digest is
//! verified in the environment before. The newest digest wins. A digest in quarantine is shown where
//! it would have gone and never goes there.

mod by_hand;

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    Actor, ArtifactDigest, CommitId, EnvironmentName, IncidentId, PullRequestNumber, Timestamp,
};
use monitoring::Verdict;

use crate::configuration::{Approval, Configuration, Environment};
use crate::reasons::{HoldReason, WaitReason};

pub use by_hand::{ByHand, by_hand};

/// Everything that the decision may look at.
#[derive(Debug, Clone)]
pub struct PromoteInputs {
    /// `boucle.yaml` at the tip.
    pub configuration: Configuration,
    /// The tip of the default branch; what is written must expect it.
    pub tip: CommitId,
    /// What was published, oldest first.
    pub published: Vec<Published>,
    /// One for each environment of the configuration.
    pub environments: BTreeMap<EnvironmentName, EnvironmentState>,
    /// Digests in quarantine, with the incident.
    pub quarantined: BTreeMap<ArtifactDigest, Option<IncidentId>>,
    /// When the inputs were true.
    pub as_of: Timestamp,
}

/// A published artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The artifact's name in the configuration.
    pub artifact: String,
    /// Its content.
    pub digest: ArtifactDigest,
    /// Whether the gate of its trees passed.
    pub gate_passed: bool,
    /// When it was published.
    pub at: Timestamp,
}

/// What is known of one environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EnvironmentState {
    /// The digest that the overlay has at the tip, by artifact.
    pub written: BTreeMap<String, Written>,
    /// The digests that the application runs, with the newest verdict on each.
    pub running: BTreeMap<ArtifactDigest, Option<Verdict>>,
    /// Digests that were assessed healthy here at any time.
    pub verified: BTreeSet<ArtifactDigest>,
    /// Since when each digest is deployed here.
    pub deployed_at: BTreeMap<ArtifactDigest, Timestamp>,
    /// Pull requests of Boucle's that are open for it.
    pub proposals: Vec<Proposal>,
    /// Digests that a person approved for it.
    pub approved: BTreeSet<ArtifactDigest>,
    /// Why promotions into it are held, when they are.
    pub hold: Option<HoldReason>,
}

/// What an overlay has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The digest.
    pub digest: ArtifactDigest,
    /// Who wrote it, when it was neither a promotion nor a rollback of Boucle's, and nobody resumed
    /// the automation since.
    pub by_person: Option<Actor>,
}

/// An open pull request that writes a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub number: PullRequestNumber,
    /// The artifact's name.
    pub artifact: String,
    /// The digest that it writes.
    pub digest: ArtifactDigest,
    /// Why it cannot be merged; empty: it can.
    pub waits_for: Vec<String>,
}

/// What is to be done, or why not, for one artifact in one environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Which environment.
    pub environment: EnvironmentName,
    /// Which artifact.
    pub artifact: String,
    /// Which digest.
    pub digest: ArtifactDigest,
    /// What.
    pub promotion: Promotion,
}

/// What is to be done, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promotion {
    /// Write the digest by a commit on the tip.
    Commit {
        /// The overlay's folder.
        overlay: String,
        /// The tip that it is based on.
        expecting: CommitId,
        /// Older digests that never went there.
        superseded: Vec<ArtifactDigest>,
    },
    /// Open a pull request that writes the digest.
    PullRequest {
        /// The overlay's folder.
        overlay: String,
        /// The tip that it is based on.
        expecting: CommitId,
        /// Older digests that never went there.
        superseded: Vec<ArtifactDigest>,
    },
    /// Merge the open pull request; the merge checks every gate again.
    Merge {
        /// Which.
        number: PullRequestNumber,
    },
    /// Close a pull request that must not be merged any more.
    Close {
        /// Which.
        number: PullRequestNumber,
        /// Why.
        why: CloseReason,
    },
    /// Not yet.
    Waiting {
        /// Never empty.
        reasons: Vec<WaitReason>,
        /// When a person is asked, when that is known.
        deadline: Option<Timestamp>,
    },
    /// Not until a person does something.
    Held {
        /// Why.
        reason: HoldReason,
        /// True: the hold is new and must be recorded.
        new: bool,
    },
    /// The overlay has the newest that may go there.
    UpToDate,
}

/// Why a pull request must not be merged any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// A newer digest goes there.
    Superseded {
        /// Which.
        by: ArtifactDigest,
    },
    /// It is in quarantine.
    Quarantined {
        /// The incident.
        incident: Option<IncidentId>,
    },
}

/// What is to be done for each artifact in each environment, in the order of the configuration.
/// Equal inputs, equal answer.
#[must_use]
pub fn decide(inputs: &PromoteInputs) -> Vec<Step> {
    let mut steps = Vec::new();
    for artifact in &inputs.configuration.artifacts {
        let published: Vec<&Published> = inputs
            .published
            .iter()
            .filter(|published| published.artifact == artifact.name)
            .collect();
        for (index, environment) in inputs.configuration.environments.iter().enumerate() {
            let before =
                index.checked_sub(1).map(|before| &inputs.configuration.environments[before]);
            let place = Place {
                inputs,
                artifact: &artifact.name,
                published: &published,
                environment,
                before,
            };
            place.decide(&mut steps);
        }
    }
    steps
}

struct Place<'a> {
    inputs: &'a PromoteInputs,
    artifact: &'a str,
    published: &'a [&'a Published],
    environment: &'a Environment,
    before: Option<&'a Environment>,
}

impl Place<'_> {
    fn decide(&self, steps: &mut Vec<Step>) {
        let state = self.state(self.environment);
        for proposal in state.proposals.iter().filter(|proposal| proposal.artifact == self.artifact)
        {
            if let Some(why) = self.close_reason(proposal) {
                let number = proposal.number;
                steps.push(self.step(&proposal.digest, Promotion::Close { number, why }));
            }
        }
        let written = state.written.get(self.artifact);
        let position = written.and_then(|written| self.position(&written.digest));
        let first_newer = position.map_or(0, |position| position + 1);
        let newer = &self.published[first_newer.min(self.published.len())..];
        let mut waiting = None;
        for published in newer.iter().rev() {
            let digest = &published.digest;
            if let Some(incident) = self.inputs.quarantined.get(digest) {
                let reason = HoldReason::Quarantined { incident: *incident };
                steps.push(self.step(digest, Promotion::Held { reason, new: false }));
                continue;
            }
            let (reasons, deadline) = self.waits(published);
            if reasons.is_empty() {
                let superseded = newer
                    .iter()
                    .map(|other| &other.digest)
                    .take_while(|other| *other != digest)
                    .filter(|other| !self.inputs.quarantined.contains_key(*other))
                    .cloned()
                    .collect();
                steps.push(self.step(digest, self.act(state, written, digest, superseded)));
                return;
            }
            waiting
                .get_or_insert_with(|| self.step(digest, Promotion::Waiting { reasons, deadline }));
        }
        match (waiting, written) {
            (Some(step), _) => steps.push(step),
            (None, Some(written)) => steps.push(self.step(&written.digest, Promotion::UpToDate)),
            (None, None) => {}
        }
    }

    /// What is done for a digest that may go there.
    fn act(
        &self,
        state: &EnvironmentState,
        written: Option<&Written>,
        digest: &ArtifactDigest,
        superseded: Vec<ArtifactDigest>,
    ) -> Promotion {
        if let Some(reason) = &state.hold {
            return Promotion::Held { reason: reason.clone(), new: false };
        }
        if let Some(actor) = written.and_then(|written| written.by_person.clone())
            && written.is_some_and(|written| self.position(&written.digest).is_some())
        {
            return Promotion::Held { reason: HoldReason::ChosenByPerson { actor }, new: true };
        }
        let overlay = self.environment.path.clone();
        let expecting = self.inputs.tip.clone();
        if self.before.is_none() && self.environment.approval == Approval::None {
            return Promotion::Commit { overlay, expecting, superseded };
        }
        let of_digest =
            |proposal: &&Proposal| proposal.artifact == self.artifact && proposal.digest == *digest;
        let Some(proposal) = state.proposals.iter().find(of_digest) else {
            return Promotion::PullRequest { overlay, expecting, superseded };
        };
        let number = proposal.number;
        let mut reasons: Vec<WaitReason> = proposal
            .waits_for
            .iter()
            .map(|why| WaitReason::PullRequestWaiting { number, why: why.clone() })
            .collect();
        if self.environment.approval == Approval::Required && !state.approved.contains(digest) {
            let environment = self.environment.name.clone();
            reasons.push(WaitReason::ApprovalMissing { environment });
        }
        if reasons.is_empty() {
            Promotion::Merge { number }
        } else {
            Promotion::Waiting { reasons, deadline: None }
        }
    }

    /// What the digest itself waits for, before it may go there.
    fn waits(&self, published: &Published) -> (Vec<WaitReason>, Option<Timestamp>) {
        if !published.gate_passed {
            return (vec![WaitReason::GateOpen { gate: self.artifact.into() }], None);
        }
        let Some(before) = self.before else { return (Vec::new(), None) };
        let state = self.state(before);
        if state.verified.contains(&published.digest) {
            return (Vec::new(), None);
        }
        let environment = before.name.clone();
        match state.running.get(&published.digest) {
            None => (vec![WaitReason::NotDeployedBefore { environment }], None),
            Some(verdict) => {
                let verdict = verdict.map_or("not there yet", Verdict::code).to_owned();
                let deadline = state
                    .deployed_at
                    .get(&published.digest)
                    .map(|at| at.plus_ms(before.verification.deadline.ms));
                (vec![WaitReason::NotVerifiedBefore { environment, verdict }], deadline)
            }
        }
    }

    fn close_reason(&self, proposal: &Proposal) -> Option<CloseReason> {
        if let Some(incident) = self.inputs.quarantined.get(&proposal.digest) {
            return Some(CloseReason::Quarantined { incident: *incident });
        }
        let position = self.position(&proposal.digest)?;
        let newer = self.published[position + 1..].iter().rev().find(|published| {
            !self.inputs.quarantined.contains_key(&published.digest)
                && self.waits(published).0.is_empty()
        })?;
        Some(CloseReason::Superseded { by: newer.digest.clone() })
    }

    fn position(&self, digest: &ArtifactDigest) -> Option<usize> {
        self.published.iter().rposition(|published| published.digest == *digest)
    }

    fn state(&self, environment: &Environment) -> &EnvironmentState {
        static EMPTY: EnvironmentState = EnvironmentState {
            written: BTreeMap::new(),
            running: BTreeMap::new(),
            verified: BTreeSet::new(),
            deployed_at: BTreeMap::new(),
            proposals: Vec::new(),
            approved: BTreeSet::new(),
            hold: None,
        };
        self.inputs.environments.get(&environment.name).unwrap_or(&EMPTY)
    }

    fn step(&self, digest: &ArtifactDigest, promotion: Promotion) -> Step {
        Step {
            environment: self.environment.name.clone(),
            artifact: self.artifact.into(),
            digest: digest.clone(),
            promotion,
        }
    }
}
