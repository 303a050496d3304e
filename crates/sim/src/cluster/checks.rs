//! What must never be seen on clusters, whatever happens.

use std::collections::BTreeMap;

use deployments::ownership::{Comparison, difference, prepared, without};
use deployments::{Act, Action, DeploymentFact, ObjectKey, Phase, PlanInputs, Step};
use ledger::{ApplicationName, decode};
use serde_json::Value;

use super::api::CONTROLLER;
use super::cache::Seen;
use super::controllers::path;
use super::fields::{Fields, fields_of};
use super::network::{Request, Wish};
use super::object::{Object, Writer};
use super::operate::Running;
use super::options::Violation;
use super::simulation::{Rendering, Simulation};

/// A request that is still on its way when Git declares an object anew is nobody's fault for so long.
const DECLARED_TICKS_MIN: u64 = 30;
/// Any act is answered, and any wave is given up, within this beyond its deadline.
const SLACK_TICKS: u64 = 30;

impl Simulation {
    fn violated(&mut self, violation: Violation) {
        self.violations.insert(violation);
    }

    /// A decision about what an application renders to.
    pub(crate) fn check_decision(
        &mut self,
        rendering: &Rendering,
        inputs: &PlanInputs,
        steps: &[Step],
    ) {
        self.check_seen(rendering, steps);
        let desired = &rendering.rendered.keys;
        let pruned = steps.iter().filter(|step| step.action == Action::Delete);
        if pruned.into_iter().any(|step| desired.contains(&step.object)) {
            self.violated(Violation::DeclaredPruned);
        }
        let mut found = Vec::new();
        for step in steps.iter().filter(|step| step.hook.is_none()) {
            let cache = &self.process.caches[rendering.cluster];
            let (Some(manifest), Some(seen)) = (&step.manifest, cache.get(&step.object)) else {
                continue;
            };
            let desired = prepared(manifest);
            if step.changed.iter().any(|pointer| is_foreign(pointer, &desired, &seen.object)) {
                found.push(Violation::ForeignFieldDiffers);
            }
            if self.is_wrong(rendering, inputs, step, &desired, seen) {
                found.push(Violation::DifferenceWrong);
            }
        }
        self.violations.extend(found);
    }

    /// Whether an apply would change what the decision leaves alone, or the other way round. Asked of
    /// the cluster itself, when what was seen of the object is what it is.
    fn is_wrong(
        &self,
        rendering: &Rendering,
        inputs: &PlanInputs,
        step: &Step,
        desired: &Value,
        seen: &Seen,
    ) -> bool {
        let server = &self.clusters[rendering.cluster].server;
        let Some(truth) = server.get(&step.object) else { return false };
        let is_as_seen = std::sync::Arc::ptr_eq(truth.seen(), &seen.object);
        if !is_as_seen || seen.application.as_ref() != Some(&inputs.application.name) {
            return false;
        }
        let found = difference(desired, &seen.object, &Comparison::default());
        let sent = without(desired, found.yielded.keys().map(String::as_str));
        let mut applied = (**truth).clone();
        let writer = Writer::named(deployments::ownership::FIELD_MANAGER);
        let changes = applied.apply(&sent, writer, true).is_ok() && applied.body() != truth.body();
        match step.action {
            Action::Update => !changes,
            Action::Unchanged => changes,
            Action::Create | Action::Delete | Action::Blocked => false,
        }
    }

    /// Nothing is missing, and nothing is pruned, because it was not seen.
    fn check_seen(&mut self, rendering: &Rendering, steps: &[Step]) {
        let decides = |step: &Step| match step.action {
            Action::Create => step.hook.is_none(),
            Action::Delete => true,
            Action::Update | Action::Unchanged | Action::Blocked => false,
        };
        let is_in_sync = self.process.caches[rendering.cluster].is_in_sync();
        if !is_in_sync && steps.iter().any(decides) {
            self.violated(Violation::UnseenDecided);
        }
    }

    /// What a removal deletes.
    pub(crate) fn check_removal(&mut self, rendering: &Rendering, steps: &[Step]) {
        self.check_seen(rendering, steps);
    }

    /// A removal says that all is gone: then it is seen that all is gone.
    pub(crate) fn check_removal_done(&mut self, rendering: &Rendering) {
        if !self.process.caches[rendering.cluster].is_in_sync() {
            self.violated(Violation::UnseenDecided);
        }
    }

    /// A synchronisation begins.
    pub(crate) fn check_begin(&mut self, name: &ApplicationName) {
        if self.process.operations.contains_key(name) {
            self.violated(Violation::TwoOperationsAtOnce);
        }
    }

    /// An act is due: it was not done before, and what comes before it is healthy.
    pub(crate) fn check_act(&mut self, running: &mut Running, act: Act) {
        let index = match act {
            Act::Clear(_) => return,
            Act::Apply(index) | Act::Delete(index) => index,
        };
        if !running.done.insert(index) {
            self.violated(Violation::StepRepeated);
        }
        let step = &running.plan.steps[index];
        if matches!(act, Act::Delete(_)) || step.phase == Phase::SyncFail {
            return;
        }
        let earlier = running.plan.steps.iter().enumerate().filter(|(_, other)| {
            (other.phase, other.wave) < (step.phase, step.wave) && other.phase != Phase::SyncFail
        });
        let mut is_early = false;
        for (other, earlier) in earlier {
            is_early |= !self.is_done(running, other, earlier);
        }
        if is_early {
            self.violated(Violation::WaveOutOfOrder);
        }
    }

    /// Whether an earlier step got where the next one may begin.
    fn is_done(&self, running: &Running, index: usize, step: &Step) -> bool {
        let server = &self.clusters[running.rendering.cluster].server;
        let cache = &self.process.caches[running.rendering.cluster];
        match step.action {
            Action::Create | Action::Update | Action::Unchanged => {
                let Some((uid, generation)) = running.written.get(&index) else { return false };
                // Somebody may have deleted it, and something made it again.
                let another = server.get(&step.object).filter(|object| object.uid() != uid);
                server.was_healthy(uid, *generation)
                    || another.is_some_and(|object| server.was_healthy(object.uid(), 0))
            }
            // Where pruned objects stand among the waves is the operation's own business.
            Action::Delete => step.phase != Phase::Delete || cache.get(&step.object).is_none(),
            Action::Blocked => true,
        }
    }

    /// A synchronisation acts, or it waits for something until some time.
    pub(crate) fn check_running(&mut self, running: &Running) {
        let late = |since: u64| self.tick > since + SLACK_TICKS;
        let unanswered = running.outstanding.values().any(|(_, since)| late(*since));
        let is_waiting = running.deadline.is_some_and(|deadline| {
            !running.waits.is_empty() && self.now().since_ms(deadline) < SLACK_TICKS as i64 * 1_000
        });
        let is_acting = !running.outstanding.is_empty() || !running.answers.is_empty();
        let is_idle = !is_acting && !is_waiting && late(running.idle_since);
        if unanswered || is_idle || (!is_acting && running.deadline.is_some() && !is_waiting) {
            self.violated(Violation::OperationStuck);
        }
    }

    /// What is sent: of a recorded plan, and not older than what was sent before.
    pub(crate) fn check_order(&mut self, wish: &Wish) {
        let state = self.view.applications.get(&wish.name);
        let known = state.is_some_and(|state| {
            state.deployments.iter().any(|one| one.generation == wish.generation)
        });
        if !known {
            self.violated(Violation::ActWithoutDecision);
        }
        let newest = self.sent.entry((self.process.number, wish.name.clone())).or_default();
        let is_older = wish.generation < *newest;
        *newest = wish.generation.max(*newest);
        if is_older {
            self.violated(Violation::OlderOverNewer);
        }
    }

    /// The replicas that an autoscaler was seen to hold are left out of what is sent.
    pub(crate) fn check_sent(&mut self, wish: &Wish, key: &ObjectKey, sent: &Value) {
        let cache = &self.process.caches[wish.rendering.cluster];
        let replicas = "/spec/replicas";
        let is_scaled = cache.get(key).is_some_and(|seen| {
            cache.freshness_of(key) == super::cache::Freshness::Current
                && seen.application.is_some()
                && is_autoscaled(&seen.object)
        });
        let live = cache.get(key).and_then(|seen| seen.object.pointer(replicas));
        if is_scaled && sent.pointer(replicas).is_some_and(|wanted| Some(wanted) != live) {
            self.violated(Violation::AutoscalerOverwritten);
        }
    }

    /// A deletion is sent only of what Git has not declared for a while.
    pub(crate) fn check_deletion_sent(&mut self, wish: &Wish, key: &ObjectKey) {
        let since = self.git.declares_since(&wish.name, key);
        if since.is_some_and(|since| self.tick > since + DECLARED_TICKS_MIN) {
            self.violated(Violation::DeclaredPruned);
        }
    }

    /// A deletion was done: of what the application tracks.
    pub(crate) fn check_deleted(
        &mut self,
        request: &Request,
        key: &ObjectKey,
        before: Option<&Object>,
    ) {
        let is_ours = before
            .is_some_and(|object| object.application(key) == Some(request.wish.name.as_str()));
        if !is_ours {
            self.violated(Violation::UntrackedDeleted);
        }
        self.statistics.deletions += u64::from(key.kind != "Job");
    }

    pub(crate) fn check_views(&mut self) {
        if self.view != self.folded() {
            self.violated(Violation::ViewsDiffer);
        }
    }

    /// At the end: what the ledger tells.
    pub(crate) fn check_ledger(&mut self) {
        let mut generations: BTreeMap<ApplicationName, u64> = BTreeMap::new();
        let planned = self.ledger.facts().iter().filter_map(decode::<DeploymentFact>);
        let mut fell = false;
        for fact in planned {
            if let DeploymentFact::Planned { application, generation, .. } = fact {
                let newest = generations.insert(application, generation);
                fell |= newest.is_some_and(|newest| generation <= newest);
            }
        }
        if fell {
            self.violated(Violation::GenerationFell);
        }
        self.statistics.facts = self.ledger.facts().len() as u64;
    }

    /// The log as one number; equal logs, equal numbers.
    pub(crate) fn log_digest(&self) -> u64 {
        let text = serde_json::to_vec(self.ledger.facts()).unwrap_or_default();
        crate::world::fnv(&text)
    }
}

/// Whether Git does not set the field and our manager does not own it: then it is others' alone.
fn is_foreign(pointer: &str, desired: &Value, live: &Value) -> bool {
    let is_set = desired.pointer(pointer).is_some();
    let names: Vec<&str> = pointer.split('/').skip(1).collect();
    !is_set && !is_owned(live, &names)
}

/// Whether our manager owns something at a pointer into a live object, or below it.
fn is_owned(live: &Value, names: &[&str]) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let own = entries.into_iter().flatten().filter(|entry| entry["manager"] == "boucle");
    let mut fields = own.map(|entry| &entry["fieldsV1"]);
    fields.any(|fields| {
        let (mut at, mut value) = (Some(fields), Some(live));
        for name in names {
            let name = name.replace("~1", "/").replace("~0", "~");
            let child = match value {
                Some(Value::Array(items)) => {
                    let item = name.parse::<usize>().ok().and_then(|index| items.get(index));
                    value = item;
                    at.and_then(|at| owned_item(at, item?))
                }
                _ => {
                    value = value.and_then(|value| value.get(&name));
                    at.and_then(|at| at.get(format!("f:{name}")))
                }
            };
            match child {
                // What is owned as one value is owned in all its parts.
                None if at.and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) => {
                    return true;
                }
                child => at = child,
            }
        }
        at.is_some()
    })
}

fn owned_item<'a>(fields: &'a Value, item: &Value) -> Option<&'a Value> {
    let members = fields.as_object()?;
    let found = members.iter().find(|(name, _)| {
        let Some(key) = name.strip_prefix("k:") else { return false };
        let key: Value = serde_json::from_str(key).unwrap_or_default();
        key.as_object().is_some_and(|key| key.iter().all(|(name, value)| item[name] == *value))
    });
    found.map(|(_, below)| below)
}

/// Whether an autoscaler alone holds the number of replicas.
fn is_autoscaled(live: &Value) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let holds = |entry: &&Value| entry.pointer("/fieldsV1/f:spec/f:replicas").is_some();
    let mut holders = entries.into_iter().flatten().filter(holds);
    let first = holders.next();
    let is_scaler =
        |entry: &Value| entry["subresource"] == "scale" && entry["manager"] == CONTROLLER;
    first.is_some_and(is_scaler) && holders.next().is_none()
}

/// Every field that a manifest sets and an object does not hold.
pub(crate) fn unequal(desired: &Value, truth: &Object) -> Fields {
    let mut fields = fields_of(desired, false);
    fields.retain(|field| {
        let (wanted, held) =
            (super::fields::get(desired, field), super::fields::get(truth.body(), field));
        wanted != held && !wanted.is_some_and(Value::is_object)
    });
    // The replicas of whoever is scaled are its autoscaler's.
    let replicas = path(&["spec", "replicas"]);
    if truth.is_held_by(&replicas, super::controllers::AUTOSCALER) {
        fields.remove(&replicas);
    }
    fields
}
