//! What a cluster does by itself: roll-outs, jobs, the autoscaler, collecting what nobody owns.

use std::collections::{BTreeMap, BTreeSet};

use deployments::{ObjectKey, Propagation};
use serde_json::{Value, json};

use super::api::{ApiServer, CONTROLLER};
use super::fields::{Path, Segment};
use super::object::{Object, Writer};
use crate::rng::Stream;
use crate::world::fnv;

/// The finalizer that one of the applications puts on an object; its controller takes its time.
pub(crate) const SLOW_FINALIZER: &str = "example.com/slow";
/// A roll-out without progress for so long counts as failed.
const PROGRESS_TICKS_MAX: u64 = 15;
/// Who writes a number of replicas for whoever is scaled.
pub(crate) const AUTOSCALER: Writer<'static> =
    Writer { name: "kube-controller-manager", subresource: "scale" };
const STATUS: Writer<'static> = Writer { name: CONTROLLER, subresource: "status" };

/// What the controllers of one cluster remember.
#[derive(Debug, Default)]
pub(crate) struct Controllers {
    /// Since when an object is as it is, by uid: its generation and the tick.
    since: BTreeMap<String, (u64, u64)>,
}

/// One second of all controllers. `calm`: none of them hesitates, and nothing is scaled any more.
pub(crate) fn step(
    server: &mut ApiServer,
    controllers: &mut Controllers,
    chances: &mut Stream,
    calm: bool,
) {
    let controlled = |kind: &str| matches!(kind, "Deployment" | "Job" | "HorizontalPodAutoscaler");
    let objects = server.objects().iter();
    let work = objects.filter(|(key, object)| controlled(&key.kind) || object.is_going());
    for key in work.map(|(key, _)| key.clone()).collect::<Vec<ObjectKey>>() {
        if !calm && chances.once_in(2) {
            continue;
        }
        let Some(object) = server.get(&key).cloned() else { continue };
        if object.is_going() {
            end(server, &key, &object);
            continue;
        }
        match key.kind.as_str() {
            "Deployment" => deployment(server, controllers, &key, &object),
            "Job" => job(server, controllers, &key, &object),
            "HorizontalPodAutoscaler" => autoscaler(server, chances, &key, &object, calm),
            _ => {}
        }
    }
    collect(server);
}

/// What is being deleted: its finalizers end, and what it owns goes before it.
fn end(server: &mut ApiServer, key: &ObjectKey, object: &Object) {
    if object.finalizers().contains(&SLOW_FINALIZER) {
        server.release(key, SLOW_FINALIZER);
        return;
    }
    if !ApiServer::is_foreground(object) {
        return;
    }
    let owned: Vec<ObjectKey> = server
        .objects()
        .iter()
        .filter(|(_, other)| other.owner_uid() == object.uid())
        .map(|(key, _)| key.clone())
        .collect();
    if owned.is_empty() {
        server.release_foreground(key);
    }
    for key in owned {
        server.delete(&key, None, Propagation::Background).ok();
    }
}

/// Deletes what names an owner that is gone.
fn collect(server: &mut ApiServer) {
    let owned = || server.objects().iter().filter(|(_, object)| !object.owner_uid().is_empty());
    if owned().next().is_none() {
        return;
    }
    let uids: BTreeSet<&str> = server.objects().values().map(|object| object.uid()).collect();
    let orphans = owned().filter(|(_, object)| !uids.contains(object.owner_uid()));
    let orphans: Vec<ObjectKey> = orphans.map(|(key, _)| key.clone()).collect();
    for key in orphans {
        server.delete(&key, None, Propagation::Background).ok();
    }
}

fn deployment(
    server: &mut ApiServer,
    controllers: &mut Controllers,
    key: &ObjectKey,
    object: &Object,
) {
    let generation = object.number("/metadata/generation");
    let known = controllers.since.get(object.uid()).copied();
    let since = match known {
        Some((of, since)) if of == generation => since,
        Some(_) | None => server.tick,
    };
    controllers.since.insert(object.uid().to_owned(), (generation, since));
    replica_set(server, key, object);
    let replicas = object.number("/spec/replicas");
    let was_seen = object.number("/status/observedGeneration") == generation;
    let before = if was_seen { object.number("/status/availableReplicas") } else { 0 };
    let is_bad = object.text("/spec/template/spec/containers/0/image").ends_with("bad");
    let available = if is_bad { 0 } else { (before + u64::from(was_seen)).min(replicas) };
    let mut status = json!({
        "observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
        "availableReplicas": available,
    });
    if is_bad && server.tick >= since + PROGRESS_TICKS_MAX {
        status["conditions"] = json!([{
            "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
            "message": "no replica became ready",
        }]);
    }
    server.update(key, &[(path(&["status"]), Some(status))], STATUS);
}

/// The replica set of the newest template; those before it go. It gets the annotations of its
/// deployment, as real ones do: a tracking id among them says nothing.
fn replica_set(server: &mut ApiServer, key: &ObjectKey, object: &Object) {
    let template = object.body()["spec"]["template"].to_string();
    let name = format!("{}-{:08x}", key.name, fnv(template.as_bytes()) as u32);
    let own = ObjectKey { kind: "ReplicaSet".into(), name: name.clone(), ..key.clone() };
    let older: Vec<ObjectKey> = server
        .objects()
        .iter()
        .filter(|(other, made)| made.owner_uid() == object.uid() && **other != own)
        .map(|(key, _)| key.clone())
        .collect();
    for key in older {
        server.delete(&key, None, Propagation::Background).ok();
    }
    if server.get(&own).is_some_and(|made| made.owner_uid() == object.uid()) {
        return;
    }
    let manifest = json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": name, "namespace": key.namespace,
            "annotations": object.body()["metadata"]["annotations"],
            "ownerReferences": [{"uid": object.uid(), "kind": "Deployment", "name": key.name}],
        },
        "spec": {"replicas": object.number("/spec/replicas")},
    });
    server.apply(&manifest, Writer::named(CONTROLLER), true, false).ok();
}

fn job(server: &mut ApiServer, controllers: &mut Controllers, key: &ObjectKey, object: &Object) {
    let uid = object.uid().to_owned();
    let (_, since) = *controllers.since.entry(uid).or_insert((1, server.tick));
    if object.body().get("status").is_some() || server.tick < since + 2 {
        return;
    }
    let is_bad = object.text("/spec/template/spec/containers/0/image").ends_with("bad");
    let kind = if is_bad { "Failed" } else { "Complete" };
    let condition = json!({"type": kind, "status": "True", "message": "it has ended"});
    let status = json!({"conditions": [condition]});
    server.update(key, &[(path(&["status"]), Some(status))], STATUS);
}

fn autoscaler(
    server: &mut ApiServer,
    chances: &mut Stream,
    key: &ObjectKey,
    object: &Object,
    calm: bool,
) {
    let condition = json!({"type": "AbleToScale", "status": "True", "message": "it can"});
    let status = json!({"conditions": [condition]});
    server.update(key, &[(path(&["status"]), Some(status))], STATUS);
    let target = ObjectKey {
        group: "apps".into(),
        kind: "Deployment".into(),
        namespace: key.namespace.clone(),
        name: object.text("/spec/scaleTargetRef/name").to_owned(),
    };
    if !calm && chances.once_in(15) {
        let replicas: Value = json!(2 + chances.below(4));
        server.update(&target, &[(path(&["spec", "replicas"]), Some(replicas))], AUTOSCALER);
    }
}

/// A path of plain fields.
pub(crate) fn path(names: &[&str]) -> Path {
    names.iter().map(|name| Segment::Field((*name).to_owned())).collect()
}
