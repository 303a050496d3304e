//! What becomes of the objects of an application whose file left Git and asked, by its finalizer, that
//! they go with it: which hooks run, what is deleted and in which order, what stays.
//!
//! The order is Argo CD's (`controller/appcontroller.go`): hooks before, objects by their waves with
//! the last first, hooks after. Absent on purpose: deleting on a partial observation, and deleting
//! without a person when one commit removes many applications at once.

use std::collections::BTreeMap;

use super::desired::Desired;
use super::{
    Action, LiveObject, Plan, PlanInputs, PlanSummary, Step, desired, held, live_objects, retry,
    trusted_inventory,
};
use crate::application::Target;
use crate::hook::{Hook, Role, role};
use crate::objects::{ObjectKey, owner};
use crate::order::{Phase, place, wave};
use crate::reasons::BlockReason;
use crate::sync_options::Consent;
use crate::view::Removal;

/// How far a removal has come.
#[derive(Debug, Clone, PartialEq)]
pub enum RemovalDecision {
    /// What had to go is gone.
    Done,
    /// Do these steps.
    Plan(Plan),
    /// Nothing may be deleted now.
    Blocked {
        /// All reasons, never empty.
        reasons: Vec<BlockReason>,
    },
}

/// Decides what a removal does next. The inputs are those of a plan: `application` as it was declared
/// last, `desired` as it was rendered last, for its hooks. Equal inputs, equal answer.
#[must_use]
pub fn plan_removal(inputs: &PlanInputs, removal: &Removal) -> RemovalDecision {
    let mut reasons = Vec::new();
    if let (Target::Cluster { address }, None) =
        (&inputs.application.destination.target, &inputs.cluster)
    {
        reasons.push(BlockReason::ClusterUnavailable { address: address.clone() });
        return RemovalDecision::Blocked { reasons };
    }
    let inventory = match trusted_inventory(inputs) {
        Ok(inventory) => inventory,
        Err(reason) => {
            reasons.push(reason);
            return RemovalDecision::Blocked { reasons };
        }
    };
    // It was good enough to be applied; what is wrong with it now must not keep its objects.
    let desired = desired::read(inputs, &mut Vec::new());
    let hooks = desired::hook_steps(inputs, &desired, |phase| match phase {
        Phase::PreDelete | Phase::PostDelete => true,
        Phase::PreSync | Phase::Sync | Phase::PostSync | Phase::SyncFail | Phase::Delete => false,
    });
    let steps = delete_steps(inputs, &live_objects(inputs, inventory), &desired);
    let deletions: Vec<ObjectKey> = steps
        .iter()
        .filter(|step| step.action == Action::Delete)
        .map(|step| step.object.clone())
        .collect();
    let own = inputs.previous.as_ref().filter(|plan| plan.generation > removal.generation);
    let is_carried_out = own.is_some_and(|plan| plan.applied_at.is_some());
    if deletions.is_empty() && (is_carried_out || hooks.is_empty()) {
        return RemovalDecision::Done;
    }
    ask(inputs, removal, deletions, &mut reasons);
    reasons.extend(held(inputs));
    let turn = inputs.step_wait.iter().filter(|_| inputs.requested.is_none() && own.is_none());
    reasons.extend(turn.cloned().map(|wait| BlockReason::WaitsForStep { wait }));
    if let (Some(own), None) = (own, inputs.requested) {
        retry(inputs, own, &mut reasons);
    }
    if !reasons.is_empty() {
        return RemovalDecision::Blocked { reasons };
    }
    let summary = PlanSummary::of(&steps);
    let steps = steps.into_iter().chain(hooks).collect();
    let generation = inputs.previous.as_ref().map_or(0, |previous| previous.generation) + 1;
    RemovalDecision::Plan(Plan { generation, parent: inputs.parent, steps, summary })
}

/// The application's own objects: the last wave and the last kind first.
fn delete_steps(
    inputs: &PlanInputs,
    live: &BTreeMap<ObjectKey, &LiveObject>,
    desired: &Desired<'_>,
) -> Vec<Step> {
    let application = inputs.application.name.as_str();
    let mut owned: Vec<(&ObjectKey, &&LiveObject, i32)> = live
        .iter()
        .filter(|(object, live)| owner(&live.manifest, object) == Some(application))
        .filter(|(object, live)| !runs_for_removal(live, object, desired))
        .map(|(object, live)| (object, live, wave(&live.manifest).unwrap_or(0)))
        .collect();
    owned.sort_by_key(|(object, _, wave)| std::cmp::Reverse(place(Phase::Delete, *wave, object)));
    let step = |(object, live, wave): (&ObjectKey, &&LiveObject, i32)| {
        let kept = kept_because(inputs, live);
        Step {
            action: if kept.is_some() { Action::Blocked } else { Action::Delete },
            object: object.clone(),
            reason: kept.unwrap_or("its application was removed").into(),
            restarts: false,
            changed: Vec::new(),
            phase: Phase::Delete,
            wave: wave.saturating_neg(),
            manifest: None,
            hook: None,
        }
    };
    owned.into_iter().map(step).collect()
}

/// Whether it is a hook of the removal itself, which its own policy deletes.
fn runs_for_removal(live: &LiveObject, object: &ObjectKey, desired: &Desired<'_>) -> bool {
    let of_removal = |hook: &Hook| {
        hook.phases.contains(&Phase::PreDelete) || hook.phases.contains(&Phase::PostDelete)
    };
    matches!(role(&live.manifest), Ok(Role::Hook(hook)) if of_removal(&hook))
        || desired.hooks.iter().any(|(known, hook, _)| known == object && of_removal(hook))
}

fn kept_because(inputs: &PlanInputs, live: &LiveObject) -> Option<&'static str> {
    match inputs.application.sync.options.of(&live.manifest).map(|options| options.delete) {
        Ok(Consent::No) => Some("its application was removed and it stays: Delete=false"),
        // What nobody can read is not an order to delete.
        Err(_) => Some("it stays: its annotation of options cannot be read"),
        Ok(Consent::Yes | Consent::Confirm) => None,
    }
}

/// Holds deletions back that a person has to confirm.
fn ask(
    inputs: &PlanInputs,
    removal: &Removal,
    deletions: Vec<ObjectKey>,
    reasons: &mut Vec<BlockReason>,
) {
    let unconfirmed: Vec<ObjectKey> =
        deletions.into_iter().filter(|object| !inputs.confirmed.contains(object)).collect();
    if unconfirmed.is_empty() {
        return;
    }
    let (together, of) = (removal.together, removal.of);
    if together > 1 && together * 100 > of * inputs.policy.deletion_percent_max {
        let deletions = unconfirmed;
        reasons.push(BlockReason::MassRemoval { deletions, together, of });
        return;
    }
    let asks = |object: &&ObjectKey| {
        let live = inputs.inventory.iter().flat_map(|inventory| &inventory.objects);
        let mut same = live.filter(|live| inputs.key_of(&live.manifest).as_ref() == Some(*object));
        same.any(|live| {
            let options = inputs.application.sync.options.of(&live.manifest);
            options.is_ok_and(|options| options.delete == Consent::Confirm)
        })
    };
    let deletions: Vec<ObjectKey> = unconfirmed.iter().filter(asks).cloned().collect();
    if !deletions.is_empty() {
        reasons.push(BlockReason::DeletionNeedsConfirmation { deletions });
    }
}
