//! What must never be seen, whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use control::ControlFact;
use control::facts::RollbackRule;
use deployments::{DeploymentFact, Outcome};
use ledger::{ApplicationName, ArtifactDigest, Timestamp, decode};

use crate::options::Violation;
use crate::simulation::{ENVIRONMENTS, Simulation, application};
use crate::world::{Order, fnv};

/// The window of the simulation's configuration.
const WINDOW_MS: i64 = 200_000;

impl Simulation {
    /// When an order is done: it was decided, and nothing newer is there.
    pub(crate) fn check_order(&mut self, environment: &'static str, order: &Order) {
        let target = &self.targets[environment];
        if order.generation < target.generation {
            self.violations.insert(Violation::GenerationFell);
        }
        let decided = self.views.deployments.applications.get(&application(environment));
        let decided = decided.is_some_and(|state| {
            state.deployments.iter().any(|deployment| {
                deployment.generation == order.generation
                    && deployment.rendered_commit == order.overlay.rendering()
            })
        });
        if !decided {
            self.violations.insert(Violation::ActWithoutDecision);
        }
        let git = &self.views.git;
        let passed = order.overlay.digest().is_none_or(|digest| {
            git.published
                .iter()
                .any(|(known, run)| *known == digest && git.passed.get(run) == Some(&true))
        });
        if !passed {
            self.violations.insert(Violation::GateNotPassed);
        }
    }

    /// Every second: every acknowledged push is in the branch.
    pub(crate) fn check_now(&mut self) {
        let tree = self.git.tree(&self.git.tip);
        if !self.acknowledged.iter().all(|file| tree.contains_key(file)) {
            self.violations.insert(Violation::PushLost);
        }
    }

    /// At the end: what the ledger tells, and whether everything came to rest.
    pub(crate) fn check_end(&mut self) {
        self.check_ledger();
        self.check_views();
        for environment in ENVIRONMENTS {
            let wanted = self.overlay(environment);
            let state = self.views.deployments.applications.get(&application(environment));
            let told = state.is_some_and(|state| !state.blocked.is_empty());
            let runs = self.targets[environment].running.as_ref();
            let equal = runs.map_or(wanted.version.is_none(), |overlay| *overlay == wanted);
            let unended = state
                .and_then(|state| state.current())
                .is_some_and(|current| current.outcome == Outcome::Applying);
            if (!equal || unended) && !told {
                self.violations.insert(Violation::NotConverged);
            }
        }
    }

    fn check_ledger(&mut self) {
        let mut quarantined: BTreeSet<ArtifactDigest> = BTreeSet::new();
        let mut rollbacks: BTreeMap<ApplicationName, Vec<Timestamp>> = BTreeMap::new();
        let mut generations: BTreeMap<ApplicationName, u64> = BTreeMap::new();
        for fact in self.ledger.facts() {
            match decode::<ControlFact>(fact) {
                Some(ControlFact::Quarantined { digest: Some(digest), .. }) => {
                    quarantined.insert(digest);
                }
                Some(ControlFact::Promoted { digest, .. }) => {
                    self.statistics.promotions += 1;
                    if quarantined.contains(&digest) {
                        self.violations.insert(Violation::QuarantinePromoted);
                    }
                }
                Some(ControlFact::RolledBack { application, rule, .. }) => {
                    self.statistics.rollbacks += 1;
                    let of_application = rollbacks.entry(application).or_default();
                    let close = |at: &Timestamp| fact.at.since_ms(*at).abs() < WINDOW_MS;
                    if rule == RollbackRule::Automatic && of_application.iter().any(close) {
                        self.violations.insert(Violation::TwoRollbacksInWindow);
                    }
                    of_application.push(fact.at);
                }
                _ => {}
            }
            if let Some(DeploymentFact::Planned { application, generation, .. }) = decode(fact) {
                let newest = generations.insert(application, generation);
                if newest.is_some_and(|newest| generation <= newest) {
                    self.violations.insert(Violation::GenerationFell);
                }
            }
        }
        self.statistics.facts = self.ledger.facts().len() as u64;
    }

    /// The log as one number; equal logs, equal numbers.
    pub(crate) fn log_digest(&self) -> u64 {
        let text = serde_json::to_vec(self.ledger.facts()).unwrap_or_default();
        fnv(&text)
    }
}
