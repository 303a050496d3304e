//! What left Git: which objects are deleted, which stay and why, and when a person is asked.

use std::collections::BTreeMap;

use serde_json::Value;

use super::desired::Desired;
use super::{Action, LiveObject, PlanInputs, Step};
use crate::hook::{Role, role};
use crate::objects::{ObjectKey, annotation_lists, owner};
use crate::order::{Phase, phase, place, wave};
use crate::reasons::BlockReason;
use crate::sync_options::Consent;

const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// The application's own objects that left Git, in reverse order.
pub(super) fn delete_steps(
    inputs: &PlanInputs,
    desired: &Desired<'_>,
    live: &BTreeMap<ObjectKey, &LiveObject>,
    reasons: &mut Vec<BlockReason>,
) -> Vec<Step> {
    let application = &inputs.application;
    let owned = live
        .iter()
        .filter(|(object, live)| owner(&live.manifest, object) == Some(application.name.as_str()));
    let (mut existing, mut asks, mut steps) = (0, Vec::new(), Vec::new());
    for (object, live) in owned {
        // A hook is its own policy's business.
        if inputs.is_cluster() && matches!(role(&live.manifest), Ok(Role::Hook(_))) {
            continue;
        }
        existing += 1;
        if desired.objects.contains_key(object) {
            continue;
        }
        let kept = kept_because(inputs, &live.manifest);
        let options = application.sync.options.of(&live.manifest);
        let asked = options.is_ok_and(|options| options.prune == Consent::Confirm);
        if kept.is_none() && asked && !inputs.confirmed.contains(object) {
            asks.push(object.clone());
        }
        let action = if kept.is_some() { Action::Blocked } else { Action::Delete };
        let reason = kept.unwrap_or("no longer in Git").to_owned();
        let phase = phase(&live.manifest).ok().flatten().unwrap_or(Phase::Sync);
        let wave = wave(&live.manifest).unwrap_or(0);
        let (restarts, changed, manifest) = (false, Vec::new(), None);
        let object = object.clone();
        let hook = None;
        steps.push(Step { action, object, reason, restarts, changed, phase, wave, manifest, hook });
    }
    steps.sort_by_key(|step| std::cmp::Reverse(place(step.phase, step.wave, &step.object)));
    if !asks.is_empty() {
        reasons.push(BlockReason::DeletionNeedsConfirmation { deletions: asks });
    }
    fuse(inputs, &steps, existing, reasons);
    steps
}

fn kept_because(inputs: &PlanInputs, live: &Value) -> Option<&'static str> {
    let automatic = inputs.application.automated().is_some_and(|automated| automated.prune);
    match inputs.application.sync.options.of(live).map(|options| options.prune) {
        Ok(Consent::No) if annotation_lists(live, SYNC_OPTIONS, "Prune=false") => {
            return Some("left Git and stays: its annotation says Prune=false");
        }
        Ok(Consent::No) => return Some("left Git and stays: the application says Prune=false"),
        // What nobody can read is not an order to delete.
        Err(_) => return Some("left Git and stays: its annotation of options cannot be read"),
        Ok(Consent::Yes | Consent::Confirm) => {}
    }
    let pruned = inputs.requested.map_or(automatic, |request| request.prune || automatic);
    (!pruned).then_some("left Git and stays: pruning is off")
}

/// Stops a mass deletion unless a person confirmed exactly these objects.
fn fuse(inputs: &PlanInputs, steps: &[Step], existing: usize, reasons: &mut Vec<BlockReason>) {
    let deletions: Vec<ObjectKey> = steps
        .iter()
        .filter(|step| step.action == Action::Delete)
        .map(|step| step.object.clone())
        .collect();
    if deletions.iter().all(|object| inputs.confirmed.contains(object)) {
        return;
    }
    let allow_empty = inputs.application.automated().is_some_and(|automated| automated.allow_empty);
    let percent = existing * inputs.policy.deletion_percent_max / 100;
    let allowed = inputs.policy.deletions_max.max(percent);
    if deletions.len() == existing && inputs.desired.is_empty() && !allow_empty {
        reasons.push(BlockReason::WouldDeleteEverything { deletions });
    } else if deletions.len() > allowed {
        reasons.push(BlockReason::MassDeletion { deletions, existing, allowed });
    }
}
