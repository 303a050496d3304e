//! What comes of a person's wish to promote a build.

use ledger::{ArtifactDigest, EnvironmentName};

use super::{Place, PromoteInputs, Promotion, Published, Step};
use crate::reasons::{PromotionRefusal, WaitReason};

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByHand {
    /// The build waits for this approval, and goes on with it.
    Approve,
    /// A pull request writes the digest; promotions into the environment then stop until a person
    /// resumes them, unless it is the newest.
    Propose(Step),
    /// Never empty.
    Refused(Vec<PromotionRefusal>),
}

/// Says it. `steps` is what [`super::decide`] answers for the same inputs.
#[must_use]
pub fn by_hand(
    inputs: &PromoteInputs,
    steps: &[Step],
    environment: &EnvironmentName,
    artifact: &str,
    digest: &ArtifactDigest,
) -> ByHand {
    let refused = |reason| ByHand::Refused(vec![reason]);
    let environments = &inputs.configuration.environments;
    let published: Vec<&Published> =
        inputs.published.iter().filter(|published| published.artifact == artifact).collect();
    let index = environments.iter().position(|known| known.name == *environment);
    let build = published.iter().rfind(|published| published.digest == *digest);
    let (Some(index), Some(build)) = (index, build) else {
        return refused(PromotionRefusal::NotPublished);
    };
    if let Some(incident) = inputs.quarantined.get(digest) {
        return refused(PromotionRefusal::Quarantined { incident: *incident });
    }
    let before = index.checked_sub(1).map(|before| &environments[before]);
    let environment = &environments[index];
    let place = Place { inputs, artifact, published: &published, environment, before };
    let written = place.state(environment).written.get(artifact);
    if written.is_some_and(|written| written.digest == *digest) {
        return refused(PromotionRefusal::AlreadyThere);
    }
    let (reasons, _) = place.waits(build);
    if !reasons.is_empty() {
        return ByHand::Refused(reasons.into_iter().map(PromotionRefusal::NotYet).collect());
    }
    let step = steps.iter().find(|step| {
        let is_here = step.environment == environment.name && step.artifact == artifact;
        is_here && step.digest == *digest && !matches!(step.promotion, Promotion::Close { .. })
    });
    match step.map(|step| &step.promotion) {
        Some(Promotion::Waiting { reasons, .. }) if asks_approval(reasons) => ByHand::Approve,
        Some(
            Promotion::Commit { .. }
            | Promotion::PullRequest { .. }
            | Promotion::Merge { .. }
            | Promotion::Waiting { .. },
        ) => refused(PromotionRefusal::OnItsWay),
        Some(Promotion::Held { .. } | Promotion::UpToDate | Promotion::Close { .. }) | None => {
            let overlay = environment.path.clone();
            let (expecting, superseded) = (inputs.tip.clone(), Vec::new());
            let promotion = Promotion::PullRequest { overlay, expecting, superseded };
            ByHand::Propose(place.step(digest, promotion))
        }
    }
}

fn asks_approval(reasons: &[WaitReason]) -> bool {
    reasons.iter().any(|reason| matches!(reason, WaitReason::ApprovalMissing { .. }))
}
