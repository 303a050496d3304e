//! Faults and people: what happens around the deciders while a run is stormy.

use ledger::{Actor, View};

use crate::deciders::TASKS;
use crate::options::Violation;
use crate::simulation::{ENVIRONMENTS, Quality, Simulation, environment_name, repository};
use crate::views::Views;

impl Simulation {
    /// One second with everything that can go wrong.
    pub(crate) fn stormy_step(&mut self) {
        self.step();
        self.people();
        self.faults();
        for decider in 0..2 {
            let task = TASKS[self.chances.deciders.below(TASKS.len() as u64) as usize];
            let late = self.chances.deciders.below(4);
            self.decide(decider, task, late);
        }
        self.check_now();
    }

    /// One second without faults.
    pub(crate) fn calm_step(&mut self) {
        self.step();
        for task in TASKS {
            self.decide(0, task, 0);
            self.record_now();
        }
        self.check_now();
    }

    /// What was handed in without delay is recorded before the next task looks.
    pub(crate) fn record_now(&mut self) {
        let (tick, calm) = (self.tick, self.calm);
        if calm {
            self.pending.iter_mut().for_each(|pending| pending.due = tick);
            self.flush();
        }
    }

    fn people(&mut self) {
        let rolling_back = self
            .pending
            .iter()
            .any(|pending| pending.drafts.iter().any(|draft| draft.kind == "control.rolled_back"));
        let people = &mut self.chances.people;
        // A push in the very second of a rollback is the case that loses work elsewhere.
        if people.once_in(if rolling_back { 2 } else { 25 }) {
            let edits = match people.below(6) {
                0 => [(
                    format!("{}/replicas", ENVIRONMENTS[people.below(2) as usize]),
                    people.below(9).to_string(),
                )]
                .into(),
                _ => Default::default(),
            };
            self.push(edits);
        }
        if self.chances.people.once_in(40) {
            let quality = match self.chances.people.below(10) {
                0..=4 => Quality::Good,
                5 => Quality::FailsTests,
                6 => Quality::BadEverywhere,
                _ => Quality::BadInProduction,
            };
            self.push_source(quality);
        }
        if self.chances.people.once_in(60) {
            self.resume(ENVIRONMENTS[self.chances.people.clone().below(2) as usize]);
        }
    }

    /// A person lets the automation of an environment go on.
    pub(crate) fn resume(&mut self, environment: &str) {
        let (repository, environment) = (repository(), environment_name(environment));
        let held = self.views.control.environment(&repository, &environment);
        if held.is_some_and(|state| state.hold.is_some()) {
            let fact = control::ControlFact::AutomationResumed { repository, environment };
            let draft = fact.draft(self.now(), Actor::person("ada"));
            self.record(vec![draft]);
        }
    }

    fn faults(&mut self) {
        let faults = &mut self.chances.faults;
        if faults.once_in(140) {
            let decider = faults.below(2);
            self.statistics.crashes += 1;
            self.pending.retain(|pending| pending.decider != decider);
            self.views = folded(self);
        }
        let faults = &mut self.chances.faults;
        if faults.once_in(120) {
            self.silent_until = self.tick + faults.below(30);
        }
        if faults.once_in(150) {
            // An hour forth, or back to where it was: what a clock does that was set by hand.
            self.clock_skew_ms = if self.clock_skew_ms == 0 { 3_600_000 } else { 0 };
        }
        if faults.once_in(80) {
            let environment = ENVIRONMENTS[faults.below(2) as usize];
            let target = self.targets.get_mut(environment);
            if let Some(object) = target.and_then(|target| target.objects.first_mut()) {
                object.manifest["spec"]["replicas"] = "changed by hand".into();
                self.idle.remove(environment);
            }
        }
    }

    pub(crate) fn check_views(&mut self) {
        if self.views != folded(self) {
            self.violations.insert(Violation::ViewsDiffer);
        }
    }
}

fn folded(simulation: &Simulation) -> Views {
    let mut views = Views::default();
    for fact in simulation.ledger.facts() {
        views.apply(fact);
    }
    views
}
