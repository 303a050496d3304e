//! What Boucle decides of an application, wired as the server does it: render, look, decide, record.

use std::sync::Arc;

use deployments::project::Scope;
use deployments::{
    Application, ApplicationState, BlockReason, ClusterFacts, Decision, DeploymentFact, Health,
    HealthStatus, Inventory, ObjectKey, Plan, PlanInputs, PlanPolicy, Removal, RemovalDecision,
    Step, aggregate_health, is_drift, plan, plan_removal,
};
use ledger::{ApplicationName, Timestamp};

use super::api::KINDS;
use super::git::NAMESPACE;
use super::simulation::{LookKey, Pending, Rendering, Simulation};

impl Simulation {
    /// Git is read: what it declares, and what that renders to.
    pub(crate) fn render(&mut self, name: &ApplicationName) {
        let Some(tip) = self.git.applications.get(name).cloned() else { return };
        let state = self.view.applications.get(name);
        let is_known = state.is_some_and(|state| state.declaration.is_some());
        let is_going = state.is_some_and(|state| state.removal.is_some());
        if tip.is_declared && !is_known {
            if is_going {
                self.end_operation(name, "its file is back in Git");
                self.process.renderings.remove(name);
            }
            self.record_fact(&DeploymentFact::ApplicationDeclared {
                application: name.clone(),
                repository: crate::simulation::repository(),
                environment: None,
                set: None,
                kept: None,
                step: None,
                source: tip.application.source.clone(),
                further_sources: Vec::new(),
                destination: tip.application.destination.clone(),
                commit: tip.commit.clone(),
                deletes_objects: true,
            });
        } else if !tip.is_declared && is_known {
            self.record_fact(&DeploymentFact::ApplicationRemoved {
                application: name.clone(),
                commit: tip.commit.clone(),
                deletes_objects: true,
                declared: Some(Box::new((*tip.application).clone())),
                together: 1,
                of: self.git.applications.len(),
            });
            self.process.renderings.remove(name);
            self.end_operation(name, "its file left Git");
        }
        let known = self.process.renderings.get(name);
        if !tip.is_declared || known.is_some_and(|known| known.rendered == tip.rendered) {
            return;
        }
        let recorded = self.view.applications.get(name).and_then(|state| state.rendering.as_ref());
        if recorded.is_none_or(|recorded| recorded.rendered_commit != tip.rendered.commit) {
            self.record_fact(&DeploymentFact::Rendered {
                application: name.clone(),
                commit: tip.commit.clone(),
                rendered_commit: tip.rendered.commit.clone(),
                digest: tip.rendered.commit.to_string(),
                others: Default::default(),
                charts: Default::default(),
            });
        }
        let (commit, rendered) = (tip.commit, tip.rendered);
        self.keep(Rendering {
            application: tip.application,
            cluster: tip.cluster,
            commit,
            rendered,
        });
    }

    fn keep(&mut self, rendering: Rendering) {
        let name = rendering.application.name.clone();
        let manifests = rendering.rendered.manifests.iter();
        let keys = manifests.filter_map(|manifest| ObjectKey::of(manifest, NAMESPACE)).collect();
        self.process.caches[rendering.cluster].want(&name, keys);
        self.process.renderings.insert(name, Arc::new(rendering));
    }

    /// What was applied last of an application that is removed: after a start nothing else knows it.
    fn restore(&mut self, name: &ApplicationName) {
        let Some(state) = self.view.applications.get(name) else { return };
        let Some(removal) = state.removal.clone() else { return };
        let newest = state.current().map(|one| one.rendered_commit.clone());
        let rendered = newest.and_then(|commit| self.git.renderings.get(&commit).cloned());
        let Some(rendered) = rendered
            .or_else(|| self.git.applications.get(name).map(|tip| Arc::clone(&tip.rendered)))
        else {
            return;
        };
        let mut application: Application = (*removal.application).clone();
        if let Some(propagation) = application.delete_objects_on_removal {
            application.sync.options.propagation = propagation;
        }
        let cluster = self.git.applications[name].cluster;
        let (application, commit) = (Arc::new(application), removal.commit);
        self.keep(Rendering { application, cluster, commit, rendered });
    }

    /// A decider looks now; what it decides is recorded `late` seconds later.
    pub(crate) fn look(&mut self, decider: u64, name: &ApplicationName, late: u64) {
        if !self.process.renderings.contains_key(name) {
            self.restore(name);
        }
        let Some(rendering) = self.process.renderings.get(name).cloned() else { return };
        if self.process.caches[rendering.cluster].is_being_read() {
            return;
        }
        let busy = |one: &Pending| one.decider == decider && one.name == *name;
        if self.process.pending.iter().any(busy) || self.looked_already(name, &rendering) {
            return;
        }
        // What is recorded during the look makes it another key, and is looked at the next time.
        let key = self.look_key(name, &rendering);
        let cache = &self.process.caches[rendering.cluster];
        let inventory = cache.inventory(name, self.now());
        let state = self.view.applications.get(name);
        let again = if let Some(removal) = state.and_then(|state| state.removal.clone()) {
            self.look_at_removal(decider, late, &rendering, inventory, &removal)
        } else {
            self.look_at(decider, late, &rendering, inventory)
        };
        self.process.looked.insert(name.clone(), (key, again));
    }

    fn look_key(&self, name: &ApplicationName, rendering: &Rendering) -> LookKey {
        LookKey {
            rendered: rendering.rendered.commit.clone(),
            newest: self.view.applications.get(name).and_then(|state| state.newest),
            changes: self.process.caches[rendering.cluster].changes,
            is_under_way: self.process.operations.contains_key(name),
        }
    }

    fn looked_already(&self, name: &ApplicationName, rendering: &Rendering) -> bool {
        let Some((key, again)) = self.process.looked.get(name) else { return false };
        *key == self.look_key(name, rendering) && again.is_none_or(|at| self.now() < at)
    }

    /// Gives the time at which to look again, if a wait ends by time.
    fn look_at(
        &mut self,
        decider: u64,
        late: u64,
        rendering: &Arc<Rendering>,
        inventory: Inventory,
    ) -> Option<Timestamp> {
        let name = &rendering.application.name.clone();
        self.record_health(rendering, &inventory);
        if let Some(under_way) = self.process.operations.get(name) {
            if under_way.rendered_commit != rendering.rendered.commit {
                self.end_operation(name, "a newer rendering replaces it");
            }
            return None;
        }
        let inputs = self.inputs(rendering, inventory.clone());
        let decision = plan(&inputs);
        self.check_decision(rendering, &inputs, steps_of(&decision));
        match decision {
            Decision::UpToDate(_) => {
                let state = self.view.applications.get(name);
                if state.is_some_and(|state| !state.blocked.is_empty()) {
                    self.record_blocked(rendering, Vec::new());
                }
                if inputs.requested.is_some() {
                    let (application, revision) = (name.clone(), rendering.commit.clone());
                    self.record_fact(&DeploymentFact::SyncUnneeded { application, revision });
                }
            }
            Decision::Arrived { generation } => {
                let outcome = "found as it was planned".into();
                let application = name.clone();
                self.record_fact(&DeploymentFact::Applied { application, generation, outcome });
            }
            Decision::Blocked { reasons } => {
                let again = reasons.iter().filter_map(BlockReason::deadline).min();
                self.record_blocked(rendering, reasons);
                return again.filter(|at| *at > inputs.as_of);
            }
            Decision::Plan(plan) if is_drift(&inputs, &plan) => {
                self.record_drift(name, &plan);
                // Recording moved the application on; the plan is made again on what is true now.
                let inputs = self.inputs(rendering, inventory);
                if let Decision::Plan(plan) = deployments::plan(&inputs) {
                    self.hand_in(decider, late, rendering, plan, true);
                }
            }
            Decision::Plan(plan) => self.hand_in(decider, late, rendering, plan, false),
        }
        None
    }

    fn look_at_removal(
        &mut self,
        decider: u64,
        late: u64,
        rendering: &Arc<Rendering>,
        inventory: Inventory,
        removal: &Removal,
    ) -> Option<Timestamp> {
        let name = &rendering.application.name.clone();
        if self.process.operations.contains_key(name) {
            return None;
        }
        let inputs = self.inputs(rendering, inventory);
        let decision = plan_removal(&inputs, removal);
        let steps = match &decision {
            RemovalDecision::Plan(plan) => plan.steps.as_slice(),
            RemovalDecision::Done | RemovalDecision::Blocked { .. } => &[],
        };
        self.check_removal(rendering, steps);
        match decision {
            RemovalDecision::Done => {
                self.check_removal_done(rendering);
                self.record_fact(&DeploymentFact::ObjectsDeleted { application: name.clone() });
                self.process.renderings.remove(name);
                self.process.caches[rendering.cluster].forget(name);
                self.statistics.removals += 1;
                None
            }
            RemovalDecision::Blocked { reasons } => {
                let again = reasons.iter().filter_map(BlockReason::deadline).min();
                self.record_blocked(rendering, reasons);
                again.filter(|at| *at > inputs.as_of)
            }
            RemovalDecision::Plan(plan) => {
                self.hand_in(decider, late, rendering, plan, false);
                None
            }
        }
    }

    fn inputs(&self, rendering: &Rendering, mut inventory: Inventory) -> PlanInputs {
        let as_of = self.now();
        let nothing = ApplicationState::default();
        let name = &rendering.application.name;
        let state = self.view.applications.get(name).unwrap_or(&nothing);
        if !self.options.rules.completeness {
            inventory.complete = true;
        }
        PlanInputs {
            application: (*rendering.application).clone(),
            scope: Scope::default(),
            waits_for: Vec::new(),
            step_wait: None,
            revision: rendering.commit.clone(),
            rendered_commit: rendering.rendered.commit.clone(),
            desired: Arc::clone(&rendering.rendered.manifests),
            inventory: Some(inventory),
            previous: state.previous_plan(),
            repairs: state.repairs.clone(),
            parent: state.newest,
            supported_kinds: Arc::new(KINDS.iter().map(ToString::to_string).collect()),
            cluster: Some(ClusterFacts {
                cluster_scoped: Arc::new(["Namespace".to_owned()].into()),
            }),
            problems: Vec::new(),
            policy: PlanPolicy::default(),
            confirmed: state.confirmed_at(as_of),
            holds: state.holds.clone(),
            requested: state.requested,
            as_of,
        }
    }

    fn hand_in(
        &mut self,
        decider: u64,
        late: u64,
        rendering: &Arc<Rendering>,
        plan: Plan,
        repairs: bool,
    ) {
        let (name, rendering) = (rendering.application.name.clone(), Arc::clone(rendering));
        let due = self.tick + late;
        self.process.pending.push(Pending { due, decider, name, plan, rendering, repairs });
    }

    fn record_drift(&mut self, name: &ApplicationName, plan: &Plan) {
        let (drifts, generation) = (deployments::drifts(plan), plan.generation.saturating_sub(1));
        let application = name.clone();
        self.record_fact(&DeploymentFact::DriftFound { application, generation, drifts });
    }

    fn record_blocked(&mut self, rendering: &Rendering, reasons: Vec<BlockReason>) {
        let application = rendering.application.name.clone();
        let revision = rendering.commit.clone();
        let count = |is: fn(&BlockReason) -> bool| u64::from(reasons.iter().any(is));
        self.statistics.unseen +=
            count(|reason| matches!(reason, BlockReason::InventoryMissing { .. }));
        self.statistics.claims +=
            count(|reason| matches!(reason, BlockReason::OwnedByAnother { .. }));
        let known = self.view.applications.get(&application);
        let same = known.is_some_and(|known| {
            known.blocked == reasons
                && known.blocked_since.as_ref().is_some_and(|(_, of)| *of == revision)
        });
        if !same {
            self.record_fact(&DeploymentFact::PlanBlocked { application, revision, reasons });
        }
    }

    fn record_health(&mut self, rendering: &Rendering, inventory: &Inventory) {
        let application = rendering.application.name.clone();
        let state = self.view.applications.get(&application);
        let known = state.and_then(|state| state.health.clone());
        let generation = state.map_or(0, ApplicationState::generation);
        let was_deployed = state.is_some_and(|state| state.running().is_some());
        let Health { status, message } = if !inventory.complete {
            let message = "the cluster is not seen as it is now".into();
            Health { status: HealthStatus::Unknown, message }
        } else if was_deployed {
            let own: Vec<_> = inventory.objects.iter().map(|one| one.manifest.clone()).collect();
            aggregate_health(&own, rendering.rendered.manifests.len())
        } else {
            Health { status: HealthStatus::Missing, message: "not deployed yet".into() }
        };
        let same = known.is_some_and(|known| {
            known.status == status && known.message == message && known.generation == generation
        });
        if !same {
            let fact = DeploymentFact::HealthChanged { application, generation, status, message };
            self.record_fact(&fact);
        }
    }

    fn end_operation(&mut self, name: &ApplicationName, why: &str) {
        if let Some(running) = self.process.operations.get_mut(name) {
            running.ending.get_or_insert_with(|| why.to_owned());
        }
    }
}

/// The steps that a decision wants done, or says are done.
fn steps_of(decision: &Decision) -> &[Step] {
    match decision {
        Decision::Plan(plan) => &plan.steps,
        Decision::UpToDate(steps) => steps,
        Decision::Arrived { .. } | Decision::Blocked { .. } => &[],
    }
}
