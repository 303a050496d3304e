//! Carries plans out, wired as the server does it: asks what is due, sends it, waits for what the
//! cluster makes of it, and records how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployments::{
    Act, Action, DeploymentFact, Failure, Next, ObjectKey, Observed, Operation, Plan, Propagation,
    Wait, assess_health,
};
use ledger::{Actor, ApplicationName, CommitId, Timestamp};
use serde_json::Value;

use super::network::{What, Wish};
use super::object::Writer;
use super::simulation::{Pending, Rendering, Simulation};

/// How long one wave may take. The server gives ten minutes; a storm is shorter than that.
const WAVE_MS_MAX: i64 = 40_000;

/// How many objects were changed, or the one at which it ended and why.
type Outcome = Result<usize, (ObjectKey, String)>;

/// A synchronisation that has not ended.
#[derive(Debug)]
pub(crate) struct Running {
    pub rendered_commit: CommitId,
    pub rendering: Arc<Rendering>,
    pub plan: Plan,
    pub repairs: bool,
    pub operation: Operation,
    /// Why it shall end early.
    pub ending: Option<String>,
    /// Acts that are not answered yet, by the number of their wish, with when they were sent.
    pub outstanding: BTreeMap<u64, (Act, u64)>,
    pub answers: Vec<(Act, Result<(), String>)>,
    pub waits: Vec<Wait>,
    pub deadline: Option<Timestamp>,
    /// What the cache was when it looked last: a wait ends by a change, by its deadline or by somebody.
    pub seen: u64,
    pub changes: usize,
    /// What the cluster made of each step that was written: uid and generation.
    pub written: BTreeMap<usize, (String, u64)>,
    /// The steps that were written or deleted.
    pub done: BTreeSet<usize>,
    /// Since when it neither acts nor waits.
    pub idle_since: u64,
}

impl Simulation {
    /// Records a plan; if nothing came between, it is carried out.
    pub(crate) fn carry_out(&mut self, pending: Pending) {
        let Pending { name, plan, rendering, repairs, .. } = pending;
        let planned = DeploymentFact::Planned {
            application: name.clone(),
            generation: plan.generation,
            revision: rendering.commit.clone(),
            rendered_commit: rendering.rendered.commit.clone(),
            summary: plan.summary.clone(),
            images: Vec::new(),
        };
        let draft = planned.draft(self.now(), Actor::system("deploy")).expecting(plan.parent);
        if !self.record(vec![draft]) {
            self.statistics.lost_races += 1;
            return;
        }
        self.statistics.plans += 1;
        self.statistics.repairs += u64::from(repairs);
        // Killed between the record and the act.
        if self.storms.kills && self.chances.faults.once_in(60) {
            self.kill();
            return;
        }
        self.check_begin(&name);
        let written = self.as_seen(&rendering, &plan);
        let prune_last = rendering.application.sync.options.prune_last;
        let running = Running {
            rendered_commit: rendering.rendered.commit.clone(),
            operation: Operation::begin(&plan.steps, prune_last, WAVE_MS_MAX),
            rendering,
            plan,
            repairs,
            ending: None,
            outstanding: BTreeMap::new(),
            answers: Vec::new(),
            waits: Vec::new(),
            deadline: None,
            seen: 0,
            changes: 0,
            written,
            done: BTreeSet::new(),
            idle_since: self.tick,
        };
        match self.rehearse(&running) {
            Ok(()) => drop(self.process.operations.insert(name, running)),
            Err(refusal) => self.record_end(&name, &running, Err(refusal)),
        }
    }

    /// What is equal to Git already, as it was when the synchronisation began.
    fn as_seen(&self, rendering: &Rendering, plan: &Plan) -> BTreeMap<usize, (String, u64)> {
        let cache = &self.process.caches[rendering.cluster];
        let unchanged = plan.steps.iter().enumerate();
        let unchanged = unchanged.filter(|(_, step)| step.action == Action::Unchanged);
        let seen = unchanged
            .filter_map(|(index, step)| Some((index, identity(&cache.get(&step.object)?.object))));
        seen.collect()
    }

    /// The cluster checks everything before the first write, if it has waves or hooks.
    fn rehearse(&mut self, running: &Running) -> Result<(), (ObjectKey, String)> {
        let steps = || running.plan.steps.iter().filter(|step| step.manifest.is_some());
        let places: BTreeSet<_> = steps().map(|step| (step.phase, step.wave)).collect();
        if places.len() < 2 && steps().all(|step| step.hook.is_none()) {
            return Ok(());
        }
        let server = &mut self.clusters[running.rendering.cluster].server;
        let written = steps().filter(|step| {
            matches!(step.action, Action::Create | Action::Update) && step.hook.is_none()
        });
        for step in written {
            let refusal = if !server.is_reachable() {
                Some("the cluster cannot be reached (dry run)".to_owned())
            } else {
                let manifest = step.manifest.iter().map(deployments::ownership::prepared);
                let answers =
                    manifest.map(|it| server.apply(&it, Writer::named("boucle"), true, true));
                let refused = answers.filter_map(Result::err);
                // Its namespace comes with the operation itself.
                let mut counts = refused.filter(|error| *error != super::api::Refusal::NotFound);
                counts.next().map(|error| format!("{error} (dry run)"))
            };
            if let Some(refusal) = refusal {
                return Err((step.object.clone(), refusal));
            }
        }
        Ok(())
    }

    /// One look at every synchronisation that is under way.
    pub(crate) fn operate(&mut self) {
        for name in self.names() {
            let Some(mut running) = self.process.operations.remove(&name) else { continue };
            // All that were sent together are waited for together.
            let waits = !running.outstanding.is_empty();
            let ended = if waits { None } else { self.advance(&name, &mut running) };
            match ended {
                Some(outcome) => self.record_end(&name, &running, outcome),
                None => {
                    self.check_running(&running);
                    self.process.operations.insert(name, running);
                }
            }
        }
    }

    fn advance(&mut self, name: &ApplicationName, running: &mut Running) -> Option<Outcome> {
        for (act, outcome) in std::mem::take(&mut running.answers) {
            running.changes += usize::from(outcome.is_ok() && !matches!(act, Act::Clear(_)));
            running.operation.report(act, outcome);
        }
        if let Some(why) = &running.ending {
            running.operation.end(why);
        }
        let changes = self.process.caches[running.rendering.cluster].changes;
        let is_early = running.deadline.is_some_and(|deadline| self.now() < deadline);
        if is_early && running.ending.is_none() && running.seen == changes {
            return None;
        }
        running.seen = changes;
        match running.operation.next(&self.observe(name, running), self.now()) {
            Next::Act(acts) => {
                (running.waits, running.deadline) = (Vec::new(), None);
                running.idle_since = self.tick;
                for act in acts {
                    self.check_act(running, act);
                    self.wish(name, running, act);
                }
                None
            }
            Next::Wait { waits, deadline } => {
                (running.waits, running.deadline) = (waits, Some(deadline));
                None
            }
            Next::End { failure, delete } => {
                // Nobody waits for these: the server ignores what becomes of them, too.
                for object in delete {
                    let what = What::Delete { object, propagation: Propagation::Background };
                    self.send_wish(name, running, what, None);
                }
                Some(match failure {
                    None => Ok(running.changes),
                    Some(Failure { object, problem }) => Err((object, problem)),
                })
            }
        }
    }

    fn observe(&self, name: &ApplicationName, running: &Running) -> BTreeMap<ObjectKey, Observed> {
        let cache = &self.process.caches[running.rendering.cluster];
        let inventory = cache.inventory(name, self.now());
        let steps: BTreeSet<&ObjectKey> =
            running.plan.steps.iter().map(|step| &step.object).collect();
        let seen = inventory.objects.iter().filter_map(|live| {
            let key = ObjectKey::of(&live.manifest, "")?;
            let key = (*steps.get(&key)?).clone();
            Some((key, Observed::by(&live.manifest, assess_health)))
        });
        seen.collect()
    }

    fn wish(&mut self, name: &ApplicationName, running: &mut Running, act: Act) {
        let what = match act {
            Act::Apply(index) => {
                let Some(manifest) = running.plan.steps[index].manifest.clone() else { return };
                What::Put { manifest }
            }
            Act::Delete(index) => What::Delete {
                object: running.plan.steps[index].object.clone(),
                propagation: running.rendering.application.sync.options.propagation,
            },
            Act::Clear(index) => What::Delete {
                object: running.plan.steps[index].object.clone(),
                propagation: Propagation::Foreground,
            },
        };
        let number = self.send_wish(name, running, what, Some(act));
        running.outstanding.insert(number, (act, self.tick));
    }

    /// On its way to the hand; now and then it comes late, or twice.
    fn send_wish(
        &mut self,
        name: &ApplicationName,
        running: &Running,
        what: What,
        act: Option<Act>,
    ) -> u64 {
        self.numbers += 1;
        let is_hook = act.is_some_and(|act| match act {
            Act::Apply(index) | Act::Delete(index) | Act::Clear(index) => {
                running.plan.steps[index].hook.is_some()
            }
        });
        let wish = Wish {
            number: self.numbers,
            name: name.clone(),
            rendering: Arc::clone(&running.rendering),
            generation: running.plan.generation,
            due: self.tick,
            what,
            is_act: act.is_some(),
        };
        if self.storms.requests {
            let late =
                if self.chances.network.once_in(6) { self.chances.network.below(6) } else { 0 };
            // A hook that is done again runs again: nobody but its name keeps it from that.
            if !is_hook && self.chances.network.once_in(8) {
                let due = self.tick + 1 + self.chances.network.below(40);
                self.process.wishes.push(Wish { due, is_act: false, ..wish.clone() });
            }
            self.process.wishes.push(Wish { due: self.tick + late, ..wish });
        } else {
            self.process.wishes.push(wish);
        }
        self.numbers
    }

    fn record_end(&mut self, name: &ApplicationName, running: &Running, outcome: Outcome) {
        // Killed between the act and the record.
        if self.storms.kills && self.chances.faults.once_in(60) {
            self.kill();
            return;
        }
        let (application, generation) = (name.clone(), running.plan.generation);
        let is_good = outcome.is_ok();
        let mut facts = vec![match outcome {
            Ok(changes) => DeploymentFact::Applied {
                application,
                generation,
                outcome: format!("{changes} objects changed"),
            },
            Err((object, problem)) => {
                let object = Some(object);
                DeploymentFact::ApplyFailed { application, generation, object, problem }
            }
        }];
        if running.repairs && is_good {
            let changed = running.plan.steps.iter().filter(|one| one.action != Action::Unchanged);
            facts.push(DeploymentFact::DriftRepaired {
                application: name.clone(),
                generation,
                objects: changed.map(|step| step.object.clone()).collect(),
            });
        }
        let draft = |fact: &DeploymentFact| fact.draft(self.now(), Actor::system("deploy"));
        let drafts = facts.iter().map(draft).collect();
        self.record(drafts);
    }
}

/// Which object it is, and in which generation.
pub(crate) fn identity(object: &Value) -> (String, u64) {
    let metadata = &object["metadata"];
    let uid = metadata["uid"].as_str().unwrap_or_default().to_owned();
    (uid, metadata["generation"].as_u64().unwrap_or_default())
}
