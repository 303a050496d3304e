//! What Git asks for, object by object, and what stands in its way.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Action, Inventory, LiveObject, PlanInputs, Step};
use crate::application::Application;
use crate::application::Target;
use crate::compare::changed_fields;
use crate::hook::{Hook, Role, role};
use crate::objects::{ObjectKey, owner, text, tracked};
use crate::order::{Phase, phase, place, wave};
use crate::ownership::{Comparison, Holder, difference, prepared};
use crate::reasons::BlockReason;

/// A rendering, read.
#[derive(Default)]
pub(super) struct Desired<'a> {
    /// What is kept equal to Git.
    pub objects: BTreeMap<ObjectKey, Wanted<'a>>,
    /// What is made once in its phases; only of targets that run hooks.
    pub hooks: Vec<(ObjectKey, Hook, Wanted<'a>)>,
}

pub(super) struct Wanted<'a> {
    manifest: Cow<'a, Value>,
    phase: Phase,
    wave: i32,
}

impl PlanInputs {
    /// The key of a manifest on this target.
    pub(super) fn key_of(&self, manifest: &Value) -> Option<ObjectKey> {
        let mut key = ObjectKey::of(manifest, &self.application.destination.namespace)?;
        let scoped = self.cluster.as_ref().map(|cluster| &cluster.cluster_scoped);
        if scoped.is_some_and(|scoped| scoped.contains(&key.group_kind())) {
            key.namespace.clear();
        }
        Some(key)
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.application.destination.target, Target::Cluster { .. })
    }

    fn is_cluster_scoped(&self, object: &ObjectKey) -> bool {
        crate::objects::is_cluster_scoped(&object.group, &object.kind)
            || self
                .cluster
                .as_ref()
                .is_some_and(|cluster| cluster.cluster_scoped.contains(&object.group_kind()))
    }
}

pub(super) fn read<'a>(inputs: &'a PlanInputs, reasons: &mut Vec<BlockReason>) -> Desired<'a> {
    let mut desired = Desired::default();
    for (index, manifest) in inputs.desired.iter().enumerate() {
        let manifest = named(inputs, manifest, index);
        let Some(object) = inputs.key_of(&manifest) else {
            reasons.push(BlockReason::NotAnObject { document: index + 1 });
            continue;
        };
        let mut refuse = |message| {
            reasons.push(BlockReason::InvalidOrder { object: object.clone(), message });
        };
        let wave = wave(&manifest).unwrap_or_else(|text| {
            refuse(format!("the wave `{text}` is not a whole number"));
            0
        });
        if let Err(message) = inputs.application.sync.options.of(&manifest) {
            refuse(message);
        }
        match role_of(inputs, &manifest) {
            Err(message) => refuse(message),
            Ok((None, _)) => {}
            Ok((Some(phase), None)) => {
                let wanted = Wanted { manifest, phase, wave };
                if desired.objects.insert(object.clone(), wanted).is_some() {
                    reasons.push(BlockReason::DuplicateObject { object });
                }
            }
            Ok((Some(_), Some(hook))) => {
                for phase in hook.phases.clone() {
                    let wanted = Wanted { manifest: manifest.clone(), phase, wave };
                    desired.hooks.push((object.clone(), hook.clone(), wanted));
                }
            }
        }
    }
    desired
}

/// When a manifest is written (`None`: never), and how if it is a hook.
fn role_of(inputs: &PlanInputs, manifest: &Value) -> Result<(Option<Phase>, Option<Hook>), String> {
    if !inputs.is_cluster() {
        // Local processes wait for nothing, so that a hook there is an object with a place.
        let phase = phase(manifest).map_err(|hook| {
            format!("the hook `{hook}` is not supported; use PreSync, Sync or PostSync")
        })?;
        return Ok((phase, None));
    }
    match role(manifest) {
        Ok(Role::Object) => Ok((Some(Phase::Sync), None)),
        Ok(Role::Skipped) => Ok((None, None)),
        Ok(Role::Hook(hook)) => Ok((hook.phases.first().copied(), Some(hook))),
        Err(name) => Err(format!("`{name}` is no hook and no policy of one")),
    }
}

/// A hook without a name of its own is a new object in each generation.
fn named<'a>(inputs: &PlanInputs, manifest: &'a Value, index: usize) -> Cow<'a, Value> {
    let prefix = text(manifest, "/metadata/generateName").filter(|prefix| !prefix.is_empty());
    let (Some(prefix), None) = (prefix, text(manifest, "/metadata/name")) else {
        return Cow::Borrowed(manifest);
    };
    let revision: String = inputs.revision.as_str().chars().take(7).collect();
    let generation = inputs.previous.as_ref().map_or(0, |previous| previous.generation) + 1;
    let name = format!("{prefix}{revision}-{generation}-{index}");
    let mut manifest = manifest.clone();
    if let Some(metadata) = manifest.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("generateName");
        metadata.insert("name".into(), Value::from(name));
    }
    Cow::Owned(manifest)
}

pub(super) fn check(
    inputs: &PlanInputs,
    inventory: &Inventory,
    desired: &Desired<'_>,
    live: &BTreeMap<ObjectKey, &LiveObject>,
    reasons: &mut Vec<BlockReason>,
) {
    let application = inputs.application.name.as_str();
    let defined = defined_kinds(desired);
    let is_namespace = |key: &&ObjectKey| key.kind == "Namespace" && key.group.is_empty();
    let made: BTreeSet<&str> =
        desired.objects.keys().filter(is_namespace).map(|key| key.name.as_str()).collect();
    let hooks = desired.hooks.iter().map(|(object, _, wanted)| (object, wanted));
    for (object, wanted) in desired.objects.iter().chain(hooks) {
        let makes_namespaces = object.kind == "Namespace" && inventory.namespaces.is_none();
        let known = inputs.supported_kinds.contains(&object.group_kind())
            || makes_namespaces
            || defined.contains(&object.group_kind())
            || may_be_missing(inputs, &wanted.manifest);
        if !known {
            reasons.push(BlockReason::UnknownKind { object: object.clone() });
        }
        let exists = inputs.application.sync.create_namespace
            || made.contains(object.namespace.as_str())
            || inventory
                .namespaces
                .as_ref()
                .is_none_or(|spaces| spaces.contains(&object.namespace));
        if !inputs.is_cluster_scoped(object) && (object.namespace.is_empty() || !exists) {
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

/// The kinds that definitions of the rendering itself make known.
fn defined_kinds(desired: &Desired<'_>) -> BTreeSet<String> {
    let definitions =
        desired.objects.iter().filter(|(key, _)| key.kind == "CustomResourceDefinition");
    definitions
        .filter_map(|(_, wanted)| {
            let group = text(&wanted.manifest, "/spec/group")?;
            Some(format!("{group}/{}", text(&wanted.manifest, "/spec/names/kind")?))
        })
        .collect()
}

fn may_be_missing(inputs: &PlanInputs, manifest: &Value) -> bool {
    inputs.is_cluster()
        && inputs.application.sync.options.of(manifest).is_ok_and(|one| one.kind_may_be_missing)
}

/// The steps that write, hooks aside, in their order.
pub(super) fn write_steps(
    inputs: &PlanInputs,
    desired: &Desired<'_>,
    live: &BTreeMap<ObjectKey, &LiveObject>,
) -> Vec<Step> {
    let mut steps: Vec<Step> = desired
        .objects
        .iter()
        .map(|(object, wanted)| write_step(inputs, object, wanted, live.get(object).copied()))
        .collect();
    steps.sort_by_key(|step| place(step.phase, step.wave, &step.object));
    steps
}

fn write_step(
    inputs: &PlanInputs,
    object: &ObjectKey,
    wanted: &Wanted<'_>,
    live: Option<&LiveObject>,
) -> Step {
    let manifest = tracked(&wanted.manifest, object, inputs.application.name.as_str());
    let (action, changed, reason) = match live {
        None => (Action::Create, Vec::new(), "not on the target yet".to_owned()),
        Some(live) => {
            let applied = live.applied.as_ref();
            let changed = changes(&inputs.application, object, &manifest, &live.manifest, applied);
            let fields: Vec<String> = changed.keys().cloned().collect();
            if changed.is_empty() {
                (Action::Unchanged, fields, "equal to Git".to_owned())
            } else {
                (Action::Update, fields, differs_in(&changed))
            }
        }
    };
    let restarts =
        object.is_workload() && changed.iter().any(|path| path.starts_with("/spec/template"));
    Step {
        action,
        object: object.clone(),
        reason,
        restarts,
        changed,
        phase: wanted.phase,
        wave: wanted.wave,
        manifest: Some(manifest),
        hook: None,
    }
}

/// The pointers of the fields in which a manifest of Git and a live object differ, as a plan sees it:
/// what the application ignores does not count. `applied` is the manifest of the last apply, when known.
#[must_use]
pub fn differing_fields(
    application: &Application,
    object: &ObjectKey,
    manifest: &Value,
    live: &Value,
    applied: Option<&Value>,
) -> Vec<String> {
    changes(application, object, manifest, live, applied).into_keys().collect()
}

/// The fields that differ, each with who else holds it. On a cluster others write fields of the same
/// objects, so that it counts who owns a field.
fn changes(
    application: &Application,
    object: &ObjectKey,
    manifest: &Value,
    live: &Value,
    applied: Option<&Value>,
) -> BTreeMap<String, Option<Holder>> {
    let ignored = application.ignored_fields(object);
    if live.pointer("/metadata/managedFields").is_none() {
        let fields = changed_fields(manifest, live, applied, &ignored.pointers(manifest));
        return fields.into_iter().map(|field| (field, None)).collect();
    }
    let yields_to = application.ignored_managers(object);
    let how =
        Comparison { ignored: &ignored, yields_to: &yields_to, applied, ..Comparison::default() };
    difference(&prepared(manifest), live, &how).changed
}

fn differs_in(changed: &BTreeMap<String, Option<Holder>>) -> String {
    let field = |(field, holder): (&String, &Option<Holder>)| match holder {
        Some(holder) => format!("{field} (held by `{}`)", holder.manager),
        None => field.clone(),
    };
    format!("differs from Git in {}", changed.iter().map(field).collect::<Vec<_>>().join(", "))
}

/// The steps of the hooks of some phases, in their order.
pub(super) fn hook_steps(
    inputs: &PlanInputs,
    desired: &Desired<'_>,
    runs_in: fn(Phase) -> bool,
) -> Vec<Step> {
    let mut steps: Vec<Step> = desired
        .hooks
        .iter()
        .filter(|(_, _, wanted)| runs_in(wanted.phase))
        .map(|(object, hook, wanted)| Step {
            action: Action::Create,
            object: object.clone(),
            reason: "it is a hook".into(),
            restarts: false,
            changed: Vec::new(),
            phase: wanted.phase,
            wave: wanted.wave,
            manifest: Some(tracked(&wanted.manifest, object, inputs.application.name.as_str())),
            hook: Some(hook.clone()),
        })
        .collect();
    steps.sort_by_key(|step| place(step.phase, step.wave, &step.object));
    steps
}
