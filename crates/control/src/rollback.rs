//! Whether a sick deployment is taken back, and which commit that takes.
//!
//! A rollback is a revert commit, never a reset: what people pushed since stays. There is at most one
//! automatic rollback in a window, none without a state that was healthy, none of a rollback, and
//! none while nobody knows how the deployment is.

use std::collections::BTreeSet;

use ledger::{ApplicationName, ArtifactDigest, CommitId, EnvironmentName, IncidentId, Timestamp};
use monitoring::Verdict;

use crate::configuration::{RollbackMode, RollbackPolicy};
use crate::facts::RollbackRule;
use crate::reasons::RollbackRefusal;

/// Everything that the decision may look at.
#[derive(Debug, Clone)]
pub struct RollbackInputs {
    /// The application that was assessed.
    pub application: ApplicationName,
    /// The environment that it is.
    pub environment: EnvironmentName,
    /// The environment's policy.
    pub policy: RollbackPolicy,
    /// The newest assessment.
    pub verdict: Verdict,
    /// The generation that was assessed.
    pub assessed_generation: u64,
    /// The generation that runs.
    pub running_generation: u64,
    /// The rendering that runs.
    pub running_rendering: CommitId,
    /// The tip of the branch; the revert must expect it.
    pub tip: CommitId,
    /// The commits of the branch that changed the application's rendering, newest first.
    pub changes: Vec<RenderingChange>,
    /// Renderings that were assessed healthy in this environment and never sick since.
    pub healthy: BTreeSet<CommitId>,
    /// When automatic rollbacks of this application happened.
    pub rollbacks: Vec<Timestamp>,
    /// The incident, when there is one.
    pub incident: Option<IncidentId>,
    /// Whether promotions were frozen for this deployment already:
    /// [`crate::view::EnvironmentLoop::was_frozen`].
    pub held: bool,
    /// Whether a person was asked about the newest change already:
    /// [`crate::view::EnvironmentLoop::was_asked`].
    pub asked: bool,
    /// The commit whose revert a person approved.
    pub approved: Option<CommitId>,
    /// Whether a person asked for a rollback; it passes over verdict, window and mode.
    pub requested: bool,
    /// When the inputs were true.
    pub as_of: Timestamp,
}

/// A commit that changed an application's rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderingChange {
    /// The commit on the branch.
    pub commit: CommitId,
    /// The rendering after it.
    pub rendering: CommitId,
    /// What it was.
    pub cause: ChangeCause,
}

/// What changed a rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeCause {
    /// Boucle wrote a digest.
    Promotion {
        /// Which.
        digest: ArtifactDigest,
    },
    /// Boucle took a change back.
    Rollback,
    /// Somebody changed manifests.
    Other,
    /// The commit itself did not: it was rendered differently before. A source in another repository
    /// changed, or the renderer.
    Elsewhere,
}

/// What is done about a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RollbackDecision {
    /// Write a revert.
    RollBack {
        /// The commit that is taken back.
        commit: CommitId,
        /// The tip that the revert is based on; if it moved, look again.
        expecting: CommitId,
        /// The digest that goes into quarantine.
        digest: Option<ArtifactDigest>,
        /// The incident.
        incident: Option<IncidentId>,
        /// Which rule.
        rule: RollbackRule,
    },
    /// Stop promotions into the environment and leave the rest to people.
    Freeze {
        /// The incident.
        incident: Option<IncidentId>,
    },
    /// Ask a person which commit to take back.
    Ask {
        /// The commits that could be, newest first.
        commits: Vec<CommitId>,
        /// The incident.
        incident: Option<IncidentId>,
    },
    /// Nothing.
    No {
        /// Why not; never empty.
        reasons: Vec<RollbackRefusal>,
    },
}

/// Decides about one deployment. Equal inputs, equal answer.
#[must_use]
pub fn decide(inputs: &RollbackInputs) -> RollbackDecision {
    let mut reasons = evidence_against(inputs);
    let by_person = inputs.requested || inputs.approved.is_some();
    let Some(newest) = inputs.changes.first() else {
        reasons.push(RollbackRefusal::NoHealthyRevision);
        return RollbackDecision::No { reasons };
    };
    if newest.rendering != inputs.running_rendering {
        // What else could be said is about a state that is about to go.
        return refuse(RollbackRefusal::NewerChangeOnItsWay { commit: newest.commit.clone() });
    }
    if newest.cause == ChangeCause::Elsewhere {
        return refuse(RollbackRefusal::ChangedElsewhere { commit: newest.commit.clone() });
    }
    if newest.cause == ChangeCause::Rollback && !by_person {
        reasons.push(RollbackRefusal::RollbackOfRollback { commit: newest.commit.clone() });
    }
    let since_healthy = since_healthy(inputs);
    if since_healthy.is_empty() {
        reasons.push(RollbackRefusal::NoHealthyRevision);
    }
    let window = window_until(inputs).filter(|_| !by_person);
    if let Some(until) = window {
        reasons.push(RollbackRefusal::WindowUsed { until });
    }
    if !reasons.is_empty() {
        return RollbackDecision::No { reasons };
    }
    let suspect = suspect(inputs, since_healthy);
    let incident = inputs.incident;
    match (inputs.policy.mode, suspect) {
        (mode, Some(suspect)) if by_person || mode == RollbackMode::Automatic => {
            RollbackDecision::RollBack {
                commit: suspect.commit.clone(),
                expecting: inputs.tip.clone(),
                digest: digest_of(suspect),
                incident,
                rule: rule(inputs),
            }
        }
        (RollbackMode::Freeze, _) if inputs.held => refuse(RollbackRefusal::AlreadyFrozen),
        (RollbackMode::Freeze, _) => RollbackDecision::Freeze { incident },
        (RollbackMode::Automatic | RollbackMode::Ask, _) if inputs.asked => {
            refuse(RollbackRefusal::AwaitingAnswer)
        }
        (RollbackMode::Automatic | RollbackMode::Ask, _) => {
            let commits = since_healthy.iter().map(|change| change.commit.clone()).collect();
            RollbackDecision::Ask { commits, incident }
        }
    }
}

fn refuse(reason: RollbackRefusal) -> RollbackDecision {
    RollbackDecision::No { reasons: vec![reason] }
}

fn evidence_against(inputs: &RollbackInputs) -> Vec<RollbackRefusal> {
    let mut reasons = Vec::new();
    match inputs.verdict {
        _ if inputs.requested => {}
        Verdict::Sick => {}
        Verdict::Healthy => reasons.push(RollbackRefusal::NotSick),
        Verdict::Inconclusive => reasons.push(RollbackRefusal::Inconclusive),
    }
    let (assessed, running) = (inputs.assessed_generation, inputs.running_generation);
    if assessed != running && !inputs.requested {
        reasons.push(RollbackRefusal::NotDeployed { assessed, running });
    }
    reasons
}

/// The changes after the newest healthy rendering, newest first; empty when none was healthy. The
/// rendering that runs is sick, whatever it was before.
fn since_healthy(inputs: &RollbackInputs) -> &[RenderingChange] {
    let healthy = |change: &RenderingChange| {
        change.rendering != inputs.running_rendering && inputs.healthy.contains(&change.rendering)
    };
    inputs.changes.iter().position(healthy).map_or(&[], |position| &inputs.changes[..position])
}

/// The one commit to take back: the only change, or the only promotion among several, so that
/// people's work stays; `None` when that is for a person to say.
fn suspect<'a>(
    inputs: &RollbackInputs,
    changes: &'a [RenderingChange],
) -> Option<&'a RenderingChange> {
    if let Some(approved) = &inputs.approved {
        return changes.iter().find(|change| change.commit == *approved);
    }
    if let [only] = changes {
        return Some(only);
    }
    let mut promotions = changes.iter().filter(|change| digest_of(change).is_some());
    promotions.next().filter(|_| promotions.next().is_none())
}

fn digest_of(change: &RenderingChange) -> Option<ArtifactDigest> {
    match &change.cause {
        ChangeCause::Promotion { digest } => Some(digest.clone()),
        ChangeCause::Rollback | ChangeCause::Other | ChangeCause::Elsewhere => None,
    }
}

fn rule(inputs: &RollbackInputs) -> RollbackRule {
    if inputs.requested {
        RollbackRule::Requested
    } else if inputs.approved.is_some() {
        RollbackRule::Approved
    } else {
        RollbackRule::Automatic
    }
}

/// Until when an earlier rollback forbids the next. A rollback in the future (the clock went back)
/// counts as one that just happened.
fn window_until(inputs: &RollbackInputs) -> Option<Timestamp> {
    let last = inputs.rollbacks.iter().max()?;
    let until = last.plus_ms(inputs.policy.window.ms);
    (inputs.as_of < until).then_some(until)
}
