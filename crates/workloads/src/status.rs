//! The live objects in Kubernetes' form: manifests with `metadata.generation` and `status`, and the
//! replicas as pods.

use ledger::{ApplicationName, Timestamp};
use serde_json::{Value, json};

use crate::event::ObjectKey;
use crate::model::{Body, Deployment, Service};
use crate::rollout::Bounds;
use crate::service::place;
use crate::state::{ContainerState, Held, Replica, State};

/// An object with its server-side metadata and its status. `manifest` is what its file says now.
pub(crate) fn object(
    state: &State,
    application: &ApplicationName,
    key: &ObjectKey,
    held: &Held,
    manifest: &Value,
) -> Value {
    let mut live = manifest.clone();
    if let Some(metadata) = live.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("namespace".into(), json!(key.namespace));
        metadata.insert("uid".into(), json!(held.entry.uid));
        metadata.insert("generation".into(), json!(held.entry.generation));
        metadata.insert("creationTimestamp".into(), json!(held.entry.created_at.to_string()));
    }
    let status = match &held.body {
        Body::Deployment(deployment) => {
            Some(of_deployment(state, application, key, held, deployment))
        }
        Body::Job(_) => Some(of_job(state, application, key, held)),
        Body::Service(service) => Some(of_service(state, application, key, service)),
        Body::Ingress(_) => Some(of_ingress(state)),
        Body::Data(_) => None,
    };
    if let (Some(fields), Some(status)) = (live.as_object_mut(), status) {
        fields.insert("status".into(), status);
    }
    live
}

fn replicas<'a>(
    state: &'a State,
    application: &'a ApplicationName,
    key: &'a ObjectKey,
) -> impl Iterator<Item = &'a Replica> {
    state
        .replicas
        .values()
        .filter(move |replica| &replica.application == application && &replica.workload == key)
}

/// Ready for at least the minimum time.
pub(crate) fn is_available(replica: &Replica, deployment: &Deployment) -> bool {
    let minimum = std::time::Duration::from_secs(deployment.min_ready_seconds);
    replica.is_ready() && replica.ready_since.is_some_and(|since| since.elapsed() >= minimum)
}

fn of_deployment(
    state: &State,
    application: &ApplicationName,
    key: &ObjectKey,
    held: &Held,
    deployment: &Deployment,
) -> Value {
    let living: Vec<&Replica> =
        replicas(state, application, key).filter(|replica| !replica.stopping).collect();
    let updated = living.iter().filter(|r| r.template_hash == held.template_hash).count();
    let ready = living.iter().filter(|r| r.is_ready()).count();
    let available = living.iter().filter(|r| is_available(r, deployment)).count();
    let bounds = Bounds::of(deployment);
    let enough = available >= bounds.desired.saturating_sub(bounds.unavailable);
    let condition = |kind: &str, holds: bool, reason: &str, message: &str| {
        let status = if holds { "True" } else { "False" };
        json!({"type": kind, "status": status, "reason": reason, "message": message})
    };
    let available_condition = if enough {
        condition("Available", true, "MinimumReplicasAvailable", "enough replicas are available")
    } else {
        condition(
            "Available",
            false,
            "MinimumReplicasUnavailable",
            "too few replicas are available",
        )
    };
    let progress = &held.progress;
    let progressing = match &progress.exceeded {
        Some(message) => condition("Progressing", false, "ProgressDeadlineExceeded", message),
        None if progress.complete => {
            condition("Progressing", true, "NewReplicaSetAvailable", "the roll-out is complete")
        }
        None => condition("Progressing", true, "ReplicaSetUpdated", "the roll-out gets on"),
    };
    json!({
        "observedGeneration": held.entry.generation,
        "replicas": living.len(),
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
        "unavailableReplicas": bounds.desired.saturating_sub(available),
        "conditions": [available_condition, progressing],
    })
}

fn of_job(state: &State, application: &ApplicationName, key: &ObjectKey, held: &Held) -> Value {
    let active =
        replicas(state, application, key).filter(|r| r.finished.is_none() && !r.stopping).count();
    let job = &held.job;
    let mut status = json!({
        "active": active,
        "succeeded": job.succeeded,
        "failed": job.failed,
        "conditions": [],
    });
    if job.started_at != Timestamp::default() {
        status["startTime"] = json!(job.started_at.to_string());
    }
    if let Some(end) = &job.end {
        let kind = if end.complete { "Complete" } else { "Failed" };
        status["conditions"] = json!([{
            "type": kind,
            "status": "True",
            "reason": end.reason,
            "message": end.message,
            "lastTransitionTime": end.at.to_string(),
        }]);
        if end.complete {
            status["completionTime"] = json!(end.at.to_string());
        }
    }
    status
}

fn of_service(
    state: &State,
    application: &ApplicationName,
    key: &ObjectKey,
    service: &Service,
) -> Value {
    let ports: Vec<Value> = service
        .ports
        .iter()
        .filter_map(|port| {
            let real = state.listeners.get(&place(application, key, port.port))?.port;
            Some(json!({"port": real, "protocol": "TCP", "servicePort": port.port, "name": port.name}))
        })
        .collect();
    json!({"loadBalancer": {"ingress": [{"ip": "127.0.0.1", "ports": ports}]}})
}

fn of_ingress(state: &State) -> Value {
    match state.ingress_port {
        Some(port) => json!({"loadBalancer": {"ingress": [
            {"ip": "127.0.0.1", "ports": [{"port": port, "protocol": "TCP"}]}
        ]}}),
        None => json!({"loadBalancer": {}}),
    }
}

/// A replica as a pod.
pub(crate) fn pod(replica: &Replica) -> Value {
    let mut labels = replica.template.metadata.labels.clone();
    labels.insert("pod-template-hash".to_owned(), replica.template_hash.clone());
    let containers: Vec<Value> = replica
        .template
        .spec
        .containers
        .iter()
        .map(|container| json!({"name": container.name, "image": container.image}))
        .collect();
    let statuses: Vec<Value> = replica
        .template
        .spec
        .containers
        .iter()
        .zip(&replica.containers)
        .map(|(container, state)| of_container(&container.name, &container.image, state))
        .collect();
    let ready = replica.is_ready();
    let running = replica.containers.iter().all(|c| c.running_since.is_some());
    let phase = match replica.finished {
        Some(true) => "Succeeded",
        Some(false) => "Failed",
        None if running || replica.restarts() > 0 => "Running",
        None => "Pending",
    };
    let mut metadata = json!({
        "name": replica.name,
        "namespace": replica.workload.namespace,
        "labels": labels,
        "annotations": replica.template.metadata.annotations,
        "creationTimestamp": replica.created_at.to_string(),
        "ownerReferences": [{
            "apiVersion": crate::model::api_version_of(&replica.workload.kind),
            "kind": replica.workload.kind,
            "name": replica.workload.name,
            "uid": replica.uid,
            "controller": true,
        }],
    });
    if replica.stopping {
        // Kubernetes gives the time; what matters is that the field is there.
        metadata["deletionTimestamp"] = json!(crate::state::now().to_string());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": containers},
        "status": {
            "phase": phase,
            "podIP": "127.0.0.1",
            "startTime": replica.created_at.to_string(),
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "containerStatuses": statuses,
        },
    })
}

fn of_container(name: &str, image: &str, container: &ContainerState) -> Value {
    let terminated = |exit: &crate::report::ExitRecord| {
        let reason = match (exit.out_of_memory, exit.code) {
            (true, _) => "OOMKilled",
            (false, Some(0)) => "Completed",
            (false, _) => "Error",
        };
        let code = exit.code.unwrap_or_else(|| 128 + exit.signal.unwrap_or(9));
        json!({"terminated": {
            "exitCode": code,
            "signal": exit.signal,
            "reason": reason,
            "finishedAt": exit.at.to_string(),
        }})
    };
    let last = container.exits.back().map(terminated);
    let state = match (&container.running_since, &container.waiting, &last) {
        (Some(since), _, _) => json!({"running": {"startedAt": since.to_string()}}),
        (None, Some((reason, message)), _) => {
            json!({"waiting": {"reason": reason, "message": message}})
        }
        (None, None, Some(last)) => last.clone(),
        (None, None, None) => json!({"waiting": {"reason": "ContainerCreating"}}),
    };
    json!({
        "name": name,
        "image": image,
        "ready": container.ready,
        "started": container.running_since.is_some(),
        "restartCount": container.restarts,
        "state": state,
        "lastState": last.unwrap_or_else(|| json!({})),
    })
}
