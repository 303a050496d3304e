//! Whether everything came to rest: each application as Git says and healthy, or it says why not.

use deployments::ownership::prepared;
use deployments::{
    ApplicationState, HealthStatus, ObjectKey, Outcome, Role, aggregate_health, role, tracked,
};
use ledger::ApplicationName;
use serde_json::Value;

use super::checks::unequal;
use super::git::{NAMESPACE, Tip};
use super::options::Violation;
use super::simulation::Simulation;

impl Simulation {
    /// After the storm. `helped`: people did what they were asked for, so that no reason counts.
    pub(crate) fn check_rest(&mut self, helped: bool) {
        for (name, tip) in self.git.applications.clone() {
            let nothing = ApplicationState::default();
            let state = self.view.applications.get(&name).unwrap_or(&nothing);
            let under_way = self.process.operations.get(&name);
            let waits = under_way.is_some_and(|running| !running.waits.is_empty());
            let says_why = waits || !state.blocked.is_empty() || self.says_health(state);
            let is_at_rest = if tip.is_declared {
                self.is_as_declared(&name, &tip, state)
            } else {
                self.is_gone(&name, &tip, state)
            };
            if is_at_rest || (says_why && !helped) {
                continue;
            }
            self.violations.insert(match helped {
                true => Violation::NotConvergedWithHelp,
                false => Violation::NotConverged,
            });
        }
        for (cache, cluster) in self.process.caches.iter().zip(&self.clusters) {
            let truth = cluster
                .server
                .objects()
                .iter()
                .map(|(key, object)| (key, super::api::version_of(object.body())));
            if !cache.is_in_sync() || cache.versions() != truth.collect() {
                self.violations.insert(Violation::CacheDiffers);
            }
        }
    }

    /// An application that is applied and not healthy says so with what is wrong.
    fn says_health(&self, state: &ApplicationState) -> bool {
        let applied = state.current().is_some_and(|one| one.outcome != Outcome::Applying);
        let health = state.health.as_ref();
        applied
            && health.is_some_and(|health| {
                health.status != HealthStatus::Healthy && !health.message.is_empty()
            })
    }

    fn is_as_declared(&self, name: &ApplicationName, tip: &Tip, state: &ApplicationState) -> bool {
        let server = &self.clusters[tip.cluster].server;
        // A rendering whose hooks alone changed is no difference, and has no plan of its own.
        let running = state
            .current()
            .is_some_and(|current| matches!(current.outcome, Outcome::Applied { .. }));
        let healthy = state.health.as_ref().is_some_and(|health| {
            health.status == HealthStatus::Healthy && health.generation == state.generation()
        });
        let wanted =
            tip.rendered.manifests.iter().filter(|it| matches!(role(it), Ok(Role::Object)));
        let equal = wanted.into_iter().all(|manifest| {
            let Some(key) = ObjectKey::of(manifest, NAMESPACE) else { return false };
            let desired = prepared(&tracked(manifest, &key, name.as_str()));
            server
                .get(&key)
                .is_some_and(|truth| !truth.is_going() && unequal(&desired, truth).is_empty())
        });
        let own = self.own_objects(name, tip);
        let declared = own.iter().all(|(key, object)| {
            tip.rendered.keys.contains(key) || matches!(role(object), Ok(Role::Hook(_)))
        });
        let objects: Vec<Value> = own.into_iter().map(|(_, object)| object).collect();
        let health = aggregate_health(&objects, tip.rendered.keys.len());
        let works = health.status == HealthStatus::Healthy;
        running && healthy && equal && declared && works && state.blocked.is_empty()
    }

    fn is_gone(&self, name: &ApplicationName, tip: &Tip, state: &ApplicationState) -> bool {
        let left = self.own_objects(name, tip);
        state.declaration.is_none()
            && state.removal.is_none()
            && left.iter().all(|(key, _)| self.left_behind.contains(&(name.clone(), key.clone())))
    }

    fn own_objects(&self, name: &ApplicationName, tip: &Tip) -> Vec<(ObjectKey, Value)> {
        let all = self.clusters[tip.cluster].server.objects().iter();
        let own = all.filter(|(key, object)| object.application(key) == Some(name.as_str()));
        own.map(|(key, object)| (key.clone(), object.body().clone())).collect()
    }
}
