//! What must be done so that the target equals Git, or why nothing is done.
//!
//! Deletions come after all writes, in reverse order. Absent on purpose: pruning without a complete
//! observation, and writing a part of a rendering of which another part is wrong.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{CommitId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::application::{Application, Target};
use crate::compare::changed_fields;
use crate::objects::{ObjectKey, annotation_lists, owner, tracked};
use crate::order::{Phase, phase, place, wave};
use crate::ownership::{Comparison, Holder, difference, prepared};
use crate::reasons::BlockReason;
use crate::sync_options::Consent;

const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";

/// Everything the plan may look at.
#[derive(Debug, Clone)]
pub struct PlanInputs {
    /// The application as Git declares it.
    pub application: Application,
    /// The source commit that was rendered.
    pub revision: CommitId,
    /// The commit of the rendering under `refs/boucle/rendered/`.
    pub rendered_commit: CommitId,
    /// The rendered manifests.
    pub desired: Vec<Value>,
    /// What runs; `None` when it could not be observed.
    pub inventory: Option<Inventory>,
    /// The plan before this one.
    pub previous: Option<PreviousPlan>,
    /// The newest fact on the application that these inputs contain.
    pub parent: Option<Sequence>,
    /// The kinds that the target runs, as [`ObjectKey::group_kind`] writes them.
    pub supported_kinds: BTreeSet<String>,
    /// What the target's own reading found wrong with manifests of supported kinds.
    pub problems: Vec<(ObjectKey, String)>,
    /// How many deletions need no person.
    pub policy: PlanPolicy,
    /// Deletions that a person confirmed.
    pub confirmed: BTreeSet<ObjectKey>,
    /// A person asked for this synchronisation, whatever the automation says.
    pub requested: Option<SyncRequest>,
    /// When the inputs were true.
    pub as_of: Timestamp,
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
    if let Target::Cluster { address } = &inputs.application.destination.target {
        reasons.push(BlockReason::ClusterUnavailable { address: address.clone() });
    }
    let desired = read_desired(inputs, &mut reasons);
    let inventory = match trusted_inventory(inputs) {
        Ok(inventory) => inventory,
        Err(reason) => {
            reasons.push(reason);
            return Decision::Blocked { reasons };
        }
    };
    let live = live_objects(inputs, inventory);
    check_desired(inputs, inventory, &desired, &live, &mut reasons);
    if !reasons.is_empty() {
        return Decision::Blocked { reasons };
    }
    let mut steps = write_steps(inputs, &desired, &live);
    steps.extend(delete_steps(inputs, &desired, &live, &mut reasons));
    let summary = PlanSummary::of(&steps);
    if summary.changes() == 0 && reasons.is_empty() {
        let unended = inputs.previous.as_ref().filter(|previous| previous.applied_at.is_none());
        return match unended {
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
    let generation = inputs.previous.as_ref().map_or(0, |previous| previous.generation) + 1;
    Decision::Plan(Plan { generation, parent: inputs.parent, steps, summary })
}

struct Wanted<'a> {
    manifest: &'a Value,
    phase: Phase,
    wave: i32,
}

fn read_desired<'a>(
    inputs: &'a PlanInputs,
    reasons: &mut Vec<BlockReason>,
) -> BTreeMap<ObjectKey, Wanted<'a>> {
    let mut desired = BTreeMap::new();
    for (index, manifest) in inputs.desired.iter().enumerate() {
        let Some(object) = ObjectKey::of(manifest, &inputs.application.destination.namespace)
        else {
            reasons.push(BlockReason::NotAnObject { document: index + 1 });
            continue;
        };
        let phase = phase(manifest).unwrap_or_else(|hook| {
            let message =
                format!("the hook `{hook}` is not supported; use PreSync, Sync or PostSync");
            reasons.push(BlockReason::InvalidOrder { object: object.clone(), message });
            None
        });
        let wave = wave(manifest).unwrap_or_else(|text| {
            let message = format!("the wave `{text}` is not a whole number");
            reasons.push(BlockReason::InvalidOrder { object: object.clone(), message });
            0
        });
        if let Err(message) = inputs.application.sync.options.of(manifest) {
            reasons.push(BlockReason::InvalidOrder { object: object.clone(), message });
        }
        let Some(phase) = phase else { continue };
        if desired.insert(object.clone(), Wanted { manifest, phase, wave }).is_some() {
            reasons.push(BlockReason::DuplicateObject { object });
        }
    }
    desired
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
    let namespace = &inputs.application.destination.namespace;
    inventory
        .objects
        .iter()
        .filter_map(|object| Some((ObjectKey::of(&object.manifest, namespace)?, object)))
        .collect()
}

fn check_desired(
    inputs: &PlanInputs,
    inventory: &Inventory,
    desired: &BTreeMap<ObjectKey, Wanted<'_>>,
    live: &BTreeMap<ObjectKey, &LiveObject>,
    reasons: &mut Vec<BlockReason>,
) {
    let application = inputs.application.name.as_str();
    for object in desired.keys() {
        let makes_namespaces = object.kind == "Namespace" && inventory.namespaces.is_none();
        if !inputs.supported_kinds.contains(&object.group_kind()) && !makes_namespaces {
            reasons.push(BlockReason::UnknownKind { object: object.clone() });
        }
        let cluster_scoped = crate::objects::is_cluster_scoped(&object.group, &object.kind);
        let made_here = desired.keys().any(|other| {
            other.kind == "Namespace" && other.group.is_empty() && other.name == object.namespace
        });
        let exists = inputs.application.sync.create_namespace
            || made_here
            || inventory
                .namespaces
                .as_ref()
                .is_none_or(|spaces| spaces.contains(&object.namespace));
        if !cluster_scoped && (object.namespace.is_empty() || !exists) {
            reasons.push(BlockReason::NamespaceMissing { object: object.clone() });
        }
        if let Some(owner) = live.get(object).and_then(|live| owner(&live.manifest, object))
            && owner != application
        {
            let application = owner.to_owned();
            reasons.push(BlockReason::OwnedByAnother { object: object.clone(), application });
        }
    }
    for (object, message) in &inputs.problems {
        let (object, message) = (object.clone(), message.clone());
        reasons.push(BlockReason::InvalidManifest { object, message });
    }
}

fn write_steps(
    inputs: &PlanInputs,
    desired: &BTreeMap<ObjectKey, Wanted<'_>>,
    live: &BTreeMap<ObjectKey, &LiveObject>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = desired
        .iter()
        .map(|(object, wanted)| {
            let manifest = tracked(wanted.manifest, object, inputs.application.name.as_str());
            let (action, changed, reason) = match live.get(object) {
                None => (Action::Create, Vec::new(), "not on the target yet".to_owned()),
                Some(live) => {
                    let ignored = inputs.application.ignored_pointers(object);
                    let changed = changed_fields_of(&manifest, live, &ignored);
                    let fields: Vec<String> = changed.keys().cloned().collect();
                    if changed.is_empty() {
                        (Action::Unchanged, fields, "equal to Git".to_owned())
                    } else {
                        (Action::Update, fields, differs_in(&changed))
                    }
                }
            };
            let restarts = object.is_workload()
                && changed.iter().any(|path| path.starts_with("/spec/template"));
            let (phase, wave) = (wanted.phase, wanted.wave);
            let manifest = Some(manifest);
            Step {
                action,
                object: object.clone(),
                reason,
                restarts,
                changed,
                phase,
                wave,
                manifest,
            }
        })
        .collect();
    steps.sort_by_key(|step| place(step.phase, step.wave, &step.object));
    steps
}

/// A target that says who owns which field is compared by that, any other by the last apply.
fn changed_fields_of(
    desired: &Value,
    live: &LiveObject,
    ignored: &[&str],
) -> BTreeMap<String, Option<Holder>> {
    if live.manifest.pointer("/metadata/managedFields").is_none() {
        let applied = live.applied.as_ref();
        let fields = changed_fields(desired, &live.manifest, applied, ignored);
        return fields.into_iter().map(|field| (field, None)).collect();
    }
    let applied = live.applied.as_ref();
    let how = Comparison { ignored, applied, ..Comparison::default() };
    difference(&prepared(desired), &live.manifest, &how).changed
}

fn differs_in(changed: &BTreeMap<String, Option<Holder>>) -> String {
    let field = |(field, holder): (&String, &Option<Holder>)| match holder {
        Some(holder) => format!("{field} (held by `{}`)", holder.manager),
        None => field.clone(),
    };
    format!("differs from Git in {}", changed.iter().map(field).collect::<Vec<_>>().join(", "))
}

/// The application's own objects that left Git, in reverse order.
fn delete_steps(
    inputs: &PlanInputs,
    desired: &BTreeMap<ObjectKey, Wanted<'_>>,
    live: &BTreeMap<ObjectKey, &LiveObject>,
    reasons: &mut Vec<BlockReason>,
) -> Vec<Step> {
    let application = &inputs.application;
    let owned = live
        .iter()
        .filter(|(object, live)| owner(&live.manifest, object) == Some(application.name.as_str()));
    let (mut existing, mut asks, mut steps) = (0, Vec::new(), Vec::new());
    for (object, live) in owned {
        existing += 1;
        if desired.contains_key(object) {
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
        steps.push(Step { action, object, reason, restarts, changed, phase, wave, manifest });
    }
    steps.sort_by_key(|step| std::cmp::Reverse(place(step.phase, step.wave, &step.object)));
    if !asks.is_empty() {
        reasons.push(BlockReason::DeletionNeedsConfirmation { deletions: asks });
    }
    fuse(inputs, &steps, existing, reasons);
    steps
}

fn kept_because(inputs: &PlanInputs, live: &Value) -> Option<&'static str> {
    let automatic = inputs.application.sync.automated.is_some_and(|automated| automated.prune);
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
    let allow_empty =
        inputs.application.sync.automated.is_some_and(|automated| automated.allow_empty);
    let percent = existing * inputs.policy.deletion_percent_max / 100;
    let allowed = inputs.policy.deletions_max.max(percent);
    if deletions.len() == existing && inputs.desired.is_empty() && !allow_empty {
        reasons.push(BlockReason::WouldDeleteEverything { deletions });
    } else if deletions.len() > allowed {
        reasons.push(BlockReason::MassDeletion { deletions, existing, allowed });
    }
}

/// Whether the steps may be done now: automation, self-healing and the waits after failures.
fn may_act(
    inputs: &PlanInputs,
    steps: &[Step],
    summary: &PlanSummary,
    reasons: &mut Vec<BlockReason>,
) {
    if inputs.requested.is_some() {
        return;
    }
    let Some(automated) = inputs.application.sync.automated else {
        reasons.push(BlockReason::ManualSync { changes: summary.changes() });
        return;
    };
    let Some(previous) = &inputs.previous else { return };
    if previous.rendered_commit != inputs.rendered_commit {
        return;
    }
    if previous.applied_at.is_some() && !automated.self_heal {
        let changed = |step: &&Step| matches!(step.action, Action::Create | Action::Update);
        let objects = steps.iter().filter(changed).map(|step| step.object.clone()).collect();
        reasons.push(BlockReason::SelfHealOff { objects });
    }
    let retry = inputs.application.sync.retry;
    if let Some(failed_at) = previous.failed_at
        && previous.applied_at.is_none()
        && previous.failures > 0
    {
        let failures = previous.failures;
        let until = failed_at.plus_ms(crate::drift::wait_ms(
            retry.first_ms,
            retry.factor,
            retry.longest_ms,
            failures - 1,
        ));
        if failures > retry.limit {
            reasons.push(BlockReason::RetriesExhausted { failures });
        } else if inputs.as_of < until {
            reasons.push(BlockReason::RetryLater { failures, until });
        }
    }
}
