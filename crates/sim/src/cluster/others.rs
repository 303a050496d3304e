//! Who else writes: people with `kubectl`, a second controller, people who push.

use deployments::{BlockReason, DeploymentFact, ObjectKey, Propagation};
use ledger::{Actor, ApplicationName};
use serde_json::json;

use super::controllers::path;
use super::fields::{Path, Segment};
use super::git::Files;
use super::network::Verb;
use super::object::Writer;
use super::simulation::Simulation;

const KUBECTL: Writer<'static> = Writer::named("kubectl-edit");
const SECOND: Writer<'static> = Writer::named("argocd-controller");

/// How often in a second each of them may do something.
const OTHERS_ONCE_IN: u64 = 6;

impl Simulation {
    /// One second of everybody else.
    pub(crate) fn others(&mut self) {
        let name = self.some_application();
        if self.storms.pushes && self.chances.people.once_in(14) {
            self.push(&name);
        }
        if !self.storms.others {
            return;
        }
        self.replace_what_is_deleted();
        if !self.chances.people.once_in(OTHERS_ONCE_IN) {
            return;
        }
        let tip = &self.git.applications[&name];
        let cluster = tip.cluster;
        let server = &self.clusters[cluster].server;
        if !server.is_reachable() {
            return;
        }
        let own: Vec<ObjectKey> = server
            .objects()
            .iter()
            .filter(|(key, object)| object.application(key) == Some(name.as_str()))
            .map(|(key, _)| key.clone())
            .collect();
        if own.is_empty() {
            return;
        }
        let people = &mut self.chances.people;
        let key = own[people.below(own.len() as u64) as usize].clone();
        let what = people.below(9);
        self.meddle(cluster, &key, what);
    }

    fn meddle(&mut self, cluster: usize, key: &ObjectKey, what: u64) {
        let tick = self.tick.to_string();
        let server = &mut self.clusters[cluster].server;
        let field = |name: &str| -> Path { path(&["data", name]) };
        match (what, key.kind.as_str()) {
            // Fields that Git sets.
            (0 | 1, "ConfigMap") => {
                server.update(key, &[(field("part"), Some(json!(tick)))], KUBECTL);
            }
            (0, "Deployment") => {
                server.update(key, &[(path(&["spec", "replicas"]), Some(json!(7)))], KUBECTL);
            }
            (1, "Deployment") => {
                let replicas = [(path(&["spec", "replicas"]), Some(json!(1)))];
                let scale = Writer { name: "kubectl-scale", subresource: "scale" };
                server.update(key, &replicas, scale);
            }
            (2, "Deployment") => {
                let mut args = path(&["spec", "template", "spec", "containers"]);
                args.push(Segment::Item(json!({"name": "app"}).to_string()));
                args.push(Segment::Field("args".into()));
                server.update(key, &[(args, Some(json!(["--debug", tick])))], KUBECTL);
            }
            // Fields that it does not.
            (3 | 4, "ConfigMap") => {
                server.update(key, &[(field("note"), Some(json!(tick)))], KUBECTL);
            }
            (2..=4, _) => {
                let label = path(&["metadata", "labels", "team"]);
                server.update(key, &[(label, Some(json!(tick)))], KUBECTL);
            }
            (5, "Deployment") => self.sidecar(cluster, key),
            (5 | 6, _) => self.second_controller(cluster, key),
            (7, "ConfigMap") => {
                server.update(key, &[(field("part"), None)], KUBECTL);
            }
            _ => drop(server.delete(key, None, Propagation::Background)),
        }
    }

    /// A webhook's or another controller's container, in a list that Git writes too.
    fn sidecar(&mut self, cluster: usize, key: &ObjectKey) {
        let manifest = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": key.name, "namespace": key.namespace},
            "spec": {"template": {"spec": {"containers": [{"name": "proxy", "image": "proxy:1"}]}}},
        });
        let server = &mut self.clusters[cluster].server;
        server.apply(&manifest, Writer::named("sidecar-injector"), true, false).ok();
    }

    /// It applies fields of its own and one of Git's, and takes that one if need be.
    fn second_controller(&mut self, cluster: usize, key: &ObjectKey) {
        let version = if key.group.is_empty() { "v1".into() } else { format!("{}/v1", key.group) };
        let version =
            if key.kind == "HorizontalPodAutoscaler" { "autoscaling/v2".into() } else { version };
        let mut manifest = json!({
            "apiVersion": version, "kind": key.kind,
            "metadata": {"name": key.name, "namespace": key.namespace,
                "labels": {"app.kubernetes.io/instance": "second"}},
        });
        if key.kind == "ConfigMap" {
            manifest["data"] = json!({"part": "second", "second": "yes"});
        }
        self.clusters[cluster].server.apply(&manifest, SECOND, true, false).ok();
    }

    /// While a deletion is on its way somebody makes an object of their own under the same name.
    fn replace_what_is_deleted(&mut self) {
        let found = self.network.iter().find_map(|request| match &request.verb {
            Verb::Delete { key, .. } if key.kind == "ConfigMap" => {
                Some((request.wish.rendering.cluster, key.clone()))
            }
            Verb::Delete { .. } | Verb::Apply { .. } => None,
        });
        let Some((cluster, key)) = found else { return };
        if !self.chances.people.once_in(6) {
            return;
        }
        let server = &mut self.clusters[cluster].server;
        server.delete(&key, None, Propagation::Background).ok();
        if server.get(&key).is_none() {
            let manifest = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": key.name, "namespace": key.namespace},
                "data": {"mine": "precious"},
            });
            server.apply(&manifest, Writer::named("kubectl"), true, false).ok();
        }
    }

    fn some_application(&mut self) -> ApplicationName {
        let names = self.names();
        names[self.chances.people.below(names.len() as u64) as usize].clone()
    }

    /// A person's commit.
    fn push(&mut self, name: &ApplicationName) {
        let people = &mut self.chances.people;
        let (what, part) = (people.below(13), 1 + people.below(6));
        let tick = self.tick;
        self.git.push(name, tick, |files, is_declared| match what {
            0..=2 => files.version += 1,
            3 => (files.version, files.is_bad) = (files.version + 1, !files.is_bad),
            4 => files.replicas = if files.replicas.is_some() { None } else { Some(1 + part) },
            5 | 6 => drop(files.parts.insert(part)),
            7 | 8 => drop(files.parts.remove(&part)),
            9 => files.claims_shared = !files.claims_shared,
            10 => files.hook_fails = !files.hook_fails,
            11 => files.has_waves = !files.has_waves,
            _ => *is_declared = !*is_declared,
        });
    }

    /// People do what Boucle asks them for, and mend what is wrong in Git.
    #[expect(clippy::wildcard_enum_match_arm, reason = "only these ask for a confirmation")]
    pub(crate) fn help(&mut self) {
        for name in self.names() {
            let tick = self.tick;
            let blocked = self.view.applications.get(&name).map(|state| state.blocked.clone());
            let blocked = blocked.unwrap_or_default();
            let others = self.owners_of_shared(&name);
            self.git.push(&name, tick, |files: &mut Files, _| {
                (files.is_bad, files.hook_fails) = (false, false);
                files.claims_shared &= !others;
                files.version += 1;
            });
            let deletions = blocked.iter().filter_map(|reason| match reason {
                BlockReason::MassDeletion { deletions, .. }
                | BlockReason::WouldDeleteEverything { deletions }
                | BlockReason::MassRemoval { deletions, .. }
                | BlockReason::DeletionNeedsConfirmation { deletions } => Some(deletions.clone()),
                _ => None,
            });
            let objects: Vec<ObjectKey> = deletions.flatten().collect();
            if !objects.is_empty() {
                let until = self.now().plus_ms(3_600_000);
                let application = name.clone();
                let fact = DeploymentFact::DeletionConfirmed { application, objects, until };
                self.record(vec![fact.draft(self.now(), Actor::person("ada"))]);
            }
            if blocked.iter().any(|reason| matches!(reason, BlockReason::RetriesExhausted { .. })) {
                let application = name.clone();
                let fact = DeploymentFact::SyncRequested { application, prune: true };
                self.record(vec![fact.draft(self.now(), Actor::person("ada"))]);
            }
        }
    }

    /// Whether another application is the one that keeps the object that both declare.
    fn owners_of_shared(&self, name: &ApplicationName) -> bool {
        let cluster = self.git.applications[name].cluster;
        let claims = self.git.applications.iter().filter(|(other, tip)| {
            *other != name && tip.cluster == cluster && tip.is_declared && tip.files.claims_shared
        });
        // The first by name keeps it.
        claims.into_iter().any(|(other, _)| other < name)
    }
}
