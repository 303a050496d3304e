//! What the application's project says of a plan.

use std::collections::BTreeSet;

use super::desired::Desired;
use super::{Action, PlanInputs, Step};
use crate::objects::ObjectKey;
use crate::project::{Permission, permits, synchronises};
use crate::reasons::BlockReason;

/// Refuses what the project does not permit of the rendering, its source and its destination.
pub(super) fn check(inputs: &PlanInputs, desired: &Desired<'_>, reasons: &mut Vec<BlockReason>) {
    let objects = desired.objects.keys().chain(desired.hooks.iter().map(|(object, _, _)| object));
    let mut objects: BTreeSet<ObjectKey> = objects.cloned().collect();
    objects.extend(namespace_to_make(inputs));
    let sources = inputs.scope.sources.as_slice();
    reasons.extend(refusals(inputs, sources, &objects.into_iter().collect::<Vec<_>>()));
}

/// What the project does not permit to be written it does not permit to be deleted either.
pub(super) fn check_deletions(inputs: &PlanInputs, steps: &[Step], reasons: &mut Vec<BlockReason>) {
    let deleted = steps.iter().filter(|step| step.action == Action::Delete);
    let objects: Vec<ObjectKey> = deleted.map(|step| step.object.clone()).collect();
    for reason in refusals(inputs, &[], &objects) {
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
}

/// Why it is not the time.
pub(super) fn waits(inputs: &PlanInputs) -> Option<BlockReason> {
    let project = inputs.scope.project.as_ref()?;
    let by_person = inputs.requested.is_some();
    let (name, place) = (&inputs.application.name, &inputs.scope.place);
    let wait = synchronises(project, name, place, by_person, inputs.as_of).err()?;
    Some(BlockReason::SyncWindow { wait })
}

fn refusals(
    inputs: &PlanInputs,
    sources: &[Vec<String>],
    objects: &[ObjectKey],
) -> Vec<BlockReason> {
    let Some(project) = &inputs.scope.project else {
        let project = inputs.application.project.clone();
        return vec![BlockReason::ProjectMissing { project }];
    };
    let cluster_scoped = inputs.cluster.as_ref().map(|cluster| &*cluster.cluster_scoped);
    let asked = Permission { sources, place: &inputs.scope.place, objects, cluster_scoped };
    let refuses = |refusal| BlockReason::ProjectRefuses { project: project.name.clone(), refusal };
    permits(project, &asked).into_iter().map(refuses).collect()
}

/// `CreateNamespace=true` writes an object of a kind without namespace.
fn namespace_to_make(inputs: &PlanInputs) -> Option<ObjectKey> {
    let name = &inputs.application.destination.namespace;
    let namespaces = inputs.inventory.as_ref()?.namespaces.as_ref()?;
    let asked = inputs.is_cluster() && inputs.application.sync.create_namespace;
    (asked && !namespaces.contains(name)).then(|| ObjectKey {
        group: String::new(),
        kind: "Namespace".into(),
        namespace: String::new(),
        name: name.clone(),
    })
}
