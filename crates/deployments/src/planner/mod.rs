//! What must be done so that the target equals Git, or why nothing is done.
//!
//! Deletions come after all writes, in reverse order. Absent on purpose: pruning without a complete
//! observation, and writing a part of a rendering of which another part is wrong.

mod deletions;
mod desired;
mod removal;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::{ApplicationName, CommitId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::application::{Application, Target};
use crate::dependencies::DependencyWait;
use crate::drift;
use crate::hold::Hold;
use crate::hook::Hook;
use crate::objects::ObjectKey;
use crate::order::Phase;
use crate::project::Scope;
use crate::reasons::BlockReason;
use crate::rollout::StepWait;

pub use desired::differing_fields;
pub use removal::{RemovalDecision, plan_removal};

/// Everything the plan may look at.
#[derive(Debug, Clone)]
pub struct PlanInputs {
    /// The application as Git declares it.
    pub application: Application,
    /// What its project permits.
    pub scope: Scope,
    /// The applications that it depends on and that are not ready, with why.
    pub waits_for: Vec<(ApplicationName, DependencyWait)>,
    /// Why it is not its turn among the applications of its set.
    pub step_wait: Option<StepWait>,
    /// The source commit that was rendered.
    pub revision: CommitId,
    /// The commit of the rendering under `refs/boucle/rendered/`.
    pub rendered_commit: CommitId,
    /// The rendered manifests.
    pub desired: Arc<Vec<Value>>,
    /// What runs; `None` when it could not be observed.
    pub inventory: Option<Inventory>,
    /// The plan before this one.
    pub previous: Option<PreviousPlan>,
    /// When what others changed was put back, oldest first.
    pub repairs: Vec<Timestamp>,
    /// The newest fact on the application that these inputs contain.
    pub parent: Option<Sequence>,
    /// The kinds that the target runs, as [`ObjectKey::group_kind`] writes them.
    pub supported_kinds: Arc<BTreeSet<String>>,
    /// What else a cluster says of its kinds; `None`: the destination is no known cluster.
    pub cluster: Option<ClusterFacts>,
    /// What the target's own reading found wrong with manifests of supported kinds.
    pub problems: Vec<(ObjectKey, String)>,
    /// How many deletions need no person.
    pub policy: PlanPolicy,
    /// Deletions that a person confirmed.
    pub confirmed: BTreeSet<ObjectKey>,
    /// What holds the automation.
    pub holds: Vec<Hold>,
    /// A person asked for this synchronisation, whatever the automation says.
    pub requested: Option<SyncRequest>,
    /// When the inputs were true.
    pub as_of: Timestamp,
}

/// What a cluster says of its kinds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Those that have no namespace, as [`ObjectKey::group_kind`] writes them.
    pub cluster_scoped: Arc<BTreeSet<String>>,
}

/// What runs on the target.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory {
    /// When it was true.
    pub as_of: Timestamp,
    /// Whether everything could be seen; if not, absence means nothing.
    pub complete: bool,
    /// The namespaces that exist; `None`: the target makes them as needed.
    pub namespaces: Option<BTreeSet<String>>,
    /// The objects.
    pub objects: Vec<LiveObject>,
}

/// One object on the target.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveObject {
    /// As it is, status included.
    pub manifest: Value,
    /// As the last apply wrote it, when known; fields that left Git are found by it.
    pub applied: Option<Value>,
}

/// The plan before this one and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousPlan {
    /// Its generation.
    pub generation: u64,
    /// What it applied.
    pub rendered_commit: CommitId,
    /// When its apply ended well; `None` while it runs or after it failed.
    pub applied_at: Option<Timestamp>,
    /// How often applying this rendering failed in a row.
    pub failures: u32,
    /// The last failure.
    pub failed_at: Option<Timestamp>,
    /// What was wrong then; empty when nothing was.
    pub problem: String,
}

/// When deletions stop and ask: above either number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPolicy {
    /// Deletions that are always allowed.
    pub deletions_max: usize,
    /// Percent of the application's live objects that may be deleted.
    pub deletion_percent_max: usize,
}

/// One deletion always passes, more only up to a third of what runs: renaming an object needs no
/// person, losing a folder does.
impl Default for PlanPolicy {
    fn default() -> Self {
        Self { deletions_max: 1, deletion_percent_max: 33 }
    }
}

/// A person's request to synchronise now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRequest {
    /// Whether it may delete what left Git.
    pub prune: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Apply these steps.
    Plan(Plan),
    /// The target equals Git; the steps say so, object by object.
    UpToDate(Vec<Step>),
    /// The target is as the plan before wanted it, but nobody recorded that it got there: whoever
    /// carried it out was killed in between.
    Arrived {
        /// The generation of that plan.
        generation: u64,
    },
    /// Nothing may be written.
    Blocked {
        /// All reasons, never empty.
        reasons: Vec<BlockReason>,
    },
}

/// Steps in order, with the generation that a target compares.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One more than the plan before; a target refuses a smaller one.
    pub generation: u64,
    /// The fact that the append must expect.
    pub parent: Option<Sequence>,
    /// In the order in which they are done.
    pub steps: Vec<Step>,
    /// The counts.
    pub summary: PlanSummary,
}

/// What happens to one object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// To what.
    pub object: ObjectKey,
    /// Why, as a sentence.
    pub reason: String,
    /// Whether its processes are replaced.
    pub restarts: bool,
    /// JSON pointers of the fields that change; empty for other actions than `Update`.
    pub changed: Vec<String>,
    /// When it is written.
    pub phase: Phase,
    /// Its wave within the phase.
    pub wave: i32,
    /// What is written: the rendered manifest with its tracking annotation; `None` unless the action
    /// is `Create`, `Update` or `Unchanged`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub manifest: Option<Value>,
    /// It is made to do something once, on a target that runs hooks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hook: Option<Hook>,
}

/// What is done to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It is there and differs.
    Update,
    /// It left Git and is deleted.
    Delete,
    /// It is as Git says.
    Unchanged,
    /// It would be deleted, and the reason says why it stays.
    Blocked,
}

/// Steps counted by action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// Objects that are made.
    pub create: usize,
    /// Objects that are changed.
    pub update: usize,
    /// Objects that are deleted.
    pub delete: usize,
    /// Objects that stay as they are.
    pub unchanged: usize,
    /// Objects that stay although they left Git.
    pub blocked: usize,
    /// Workloads whose processes are replaced.
    pub restarts: Vec<ObjectKey>,
}

impl PlanSummary {
    /// Counts steps.
    #[must_use]
    pub fn of(steps: &[Step]) -> Self {
        let count = |action| steps.iter().filter(|step| step.action == action).count();
        Self {
            create: count(Action::Create),
            update: count(Action::Update),
            delete: count(Action::Delete),
            unchanged: count(Action::Unchanged),
            blocked: count(Action::Blocked),
            restarts: steps
                .iter()
                .filter(|step| step.restarts)
                .map(|step| step.object.clone())
                .collect(),
        }
    }

    /// How many objects are written or deleted.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.create + self.update + self.delete
    }
}

/// Compares Git with the target. Equal inputs, equal answer; nothing is written by this function.
#[must_use]
pub fn plan(inputs: &PlanInputs) -> Decision {
    let mut reasons = Vec::new();
    if let (Target::Cluster { address }, None) =
        (&inputs.application.destination.target, &inputs.cluster)
    {
        reasons.push(BlockReason::ClusterUnavailable { address: address.clone() });
    }
    let desired = desired::read(inputs, &mut reasons);
    scope::check(inputs, &desired, &mut reasons);
    let inventory = match trusted_inventory(inputs) {
        Ok(inventory) => inventory,
        Err(reason) => {
            reasons.push(reason);
            return Decision::Blocked { reasons };
        }
    };
    let live = live_objects(inputs, inventory);
    desired::check(inputs, inventory, &desired, &live, &mut reasons);
    if !reasons.is_empty() {
        return Decision::Blocked { reasons };
    }
    let mut steps = desired::write_steps(inputs, &desired, &live);
    steps.extend(deletions::delete_steps(inputs, &desired, &live, &mut reasons));
    scope::check_deletions(inputs, &steps, &mut reasons);
    // Hooks are no difference, but whatever is written runs them.
    let summary = PlanSummary::of(&steps);
    let hooks = desired::hook_steps(inputs, &desired, |phase| match phase {
        Phase::PreSync | Phase::Sync | Phase::PostSync | Phase::SyncFail => true,
        Phase::PreDelete | Phase::Delete | Phase::PostDelete => false,
    });
    let runs_hooks = !hooks.is_empty()
        && (inputs.requested.is_some()
            || inputs.previous.as_ref().is_some_and(|previous| previous.applied_at.is_none()));
    if summary.changes() == 0 && reasons.is_empty() && !runs_hooks {
        let unended = inputs.previous.as_ref().filter(|previous| previous.applied_at.is_none());
        return match unended {
            // Somebody else deployed what Git says, and it is taken over without a write: from here
            // on it is known what runs.
            None if inputs.previous.is_none() && !steps.is_empty() => {
                Decision::Plan(Plan { generation: 1, parent: inputs.parent, steps, summary })
            }
            None => Decision::UpToDate(steps),
            Some(previous) if previous.rendered_commit == inputs.rendered_commit => {
                Decision::Arrived { generation: previous.generation }
            }
            // Git went back to what runs before the plan was carried out: that is a plan of its own.
            Some(previous) => Decision::Plan(Plan {
                generation: previous.generation + 1,
                parent: inputs.parent,
                steps,
                summary,
            }),
        };
    }
    may_act(inputs, &steps, &summary, &mut reasons);
    if !reasons.is_empty() {
        return Decision::Blocked { reasons };
    }
    steps.extend(hooks);
    steps.extend(namespace_step(inputs, inventory, &steps));
    let generation = inputs.previous.as_ref().map_or(0, |previous| previous.generation) + 1;
    Decision::Plan(Plan { generation, parent: inputs.parent, steps, summary })
}

/// How each object compares with Git, hooks aside, whatever stands in the way of a plan. `None`: what is
/// there cannot be relied on.
#[must_use]
pub fn compare(inputs: &PlanInputs) -> Option<Vec<Step>> {
    let inventory = trusted_inventory(inputs).ok()?;
    let reasons = &mut Vec::new();
    let desired = desired::read(inputs, reasons);
    let live = live_objects(inputs, inventory);
    let mut steps = desired::write_steps(inputs, &desired, &live);
    steps.extend(deletions::delete_steps(inputs, &desired, &live, reasons));
    Some(steps)
}

/// The observation, if it is whole and not older than the last apply.
fn trusted_inventory(inputs: &PlanInputs) -> Result<&Inventory, BlockReason> {
    let Some(inventory) = &inputs.inventory else {
        return Err(BlockReason::InventoryMissing { what: "it could not be observed".into() });
    };
    if !inventory.complete {
        return Err(BlockReason::InventoryMissing { what: "only a part was seen".into() });
    }
    let applied_at = inputs.previous.as_ref().and_then(|previous| previous.applied_at);
    if applied_at.is_some_and(|applied_at| inventory.as_of < applied_at) {
        return Err(BlockReason::InventoryStale { as_of: inventory.as_of });
    }
    Ok(inventory)
}

fn live_objects<'a>(
    inputs: &PlanInputs,
    inventory: &'a Inventory,
) -> BTreeMap<ObjectKey, &'a LiveObject> {
    inventory
        .objects
        .iter()
        .filter_map(|object| Some((inputs.key_of(&object.manifest)?, object)))
        .collect()
}

/// The namespace that `CreateNamespace=true` asks for, before everything else. It carries no tracking
/// annotation: it is never deleted with the application.
fn namespace_step(inputs: &PlanInputs, inventory: &Inventory, steps: &[Step]) -> Option<Step> {
    let name = &inputs.application.destination.namespace;
    let namespaces = inventory.namespaces.as_ref()?;
    let is_made =
        steps.iter().any(|step| step.object.kind == "Namespace" && step.object.name == *name);
    let asked = inputs.is_cluster() && inputs.application.sync.create_namespace;
    if !asked || namespaces.contains(name) || is_made {
        return None;
    }
    let first = steps.iter().map(|step| (step.phase, step.wave)).min()?;
    let metadata = &inputs.application.sync.namespace_metadata;
    let manifest = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name, "labels": metadata.labels, "annotations": metadata.annotations,
        },
    });
    Some(Step {
        action: Action::Create,
        object: ObjectKey::of(&manifest, "")?,
        reason: "the application asks for it by CreateNamespace=true".into(),
        restarts: false,
        changed: Vec::new(),
        phase: first.0,
        wave: first.1,
        manifest: Some(manifest),
        hook: None,
    })
}

/// What is applied for the first time waits for what it depends on; putting back what somebody
/// changed does not.
fn waits_for_others(inputs: &PlanInputs) -> Vec<BlockReason> {
    let previous = inputs.previous.as_ref();
    let planned = previous.filter(|one| one.rendered_commit == inputs.rendered_commit);
    if planned.is_some_and(|previous| previous.applied_at.is_some()) {
        return Vec::new();
    }
    let waits = inputs.waits_for.iter().cloned();
    let waits =
        waits.map(|(application, wait)| BlockReason::WaitsForDependency { application, wait });
    // Whose turn it was once is not sent back in the middle.
    let turn = inputs.step_wait.iter().filter(|_| planned.is_none() && inputs.requested.is_none());
    waits.chain(turn.cloned().map(|wait| BlockReason::WaitsForStep { wait })).collect()
}

/// Whether the steps may be done now: automation, self-healing and the waits after failures.
fn may_act(
    inputs: &PlanInputs,
    steps: &[Step],
    summary: &PlanSummary,
    reasons: &mut Vec<BlockReason>,
) {
    reasons.extend(scope::waits(inputs));
    reasons.extend(waits_for_others(inputs));
    if inputs.requested.is_some() {
        return;
    }
    reasons.extend(held(inputs));
    let Some(automated) = inputs.application.automated() else {
        reasons.push(BlockReason::ManualSync { changes: summary.changes() });
        return;
    };
    let Some(previous) = &inputs.previous else { return };
    if previous.rendered_commit != inputs.rendered_commit {
        return;
    }
    if previous.applied_at.is_some() {
        let changed = |step: &&Step| matches!(step.action, Action::Create | Action::Update);
        let objects = || steps.iter().filter(changed).map(|step| step.object.clone()).collect();
        if !automated.self_heal {
            reasons.push(BlockReason::SelfHealOff { objects: objects() });
        } else if let Some(until) = drift::repair_waits_until(&inputs.repairs, inputs.as_of) {
            reasons.push(BlockReason::RepairLater { objects: objects(), until });
        }
    }
    retry(inputs, previous, reasons);
}

/// What holds back everything that nobody asked for.
fn held(inputs: &PlanInputs) -> impl Iterator<Item = BlockReason> {
    let nobody_asked = inputs.requested.is_none();
    let holds = inputs.holds.iter().filter(move |_| nobody_asked).cloned();
    holds.map(|Hold { holder, by, .. }| BlockReason::Held { holder, by })
}

/// Whether a plan that failed waits before it is tried again.
fn retry(inputs: &PlanInputs, previous: &PreviousPlan, reasons: &mut Vec<BlockReason>) {
    let retry = inputs.application.sync.retry;
    if let Some(failed_at) = previous.failed_at
        && previous.applied_at.is_none()
        && previous.failures > 0
    {
        let (failures, problem) = (previous.failures, previous.problem.clone());
        let until = failed_at.plus_ms(drift::wait_ms(
            retry.first_ms,
            retry.factor,
            retry.longest_ms,
            failures - 1,
        ));
        if failures > retry.limit {
            reasons.push(BlockReason::RetriesExhausted { failures, problem });
        } else if inputs.as_of < until {
            reasons.push(BlockReason::RetryLater { failures, until, problem });
        }
    }
}
