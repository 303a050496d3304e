//! Health of single objects and of whole applications, as Argo CD's built-in checks give it.

use deployments::{HealthStatus, aggregate_health, assess_health};
use serde_json::{Value, json};

#[track_caller]
fn check(
    version: &str,
    kind: &str,
    spec: Value,
    status: Value,
    expected: HealthStatus,
    message: &str,
) {
    let object = json!({"apiVersion": version, "kind": kind,
        "metadata": {"name": "hello", "generation": 2}, "spec": spec, "status": status});
    let health = assess_health(&object).expect("a kind with health");
    assert_eq!(health.status, expected, "{health:?}");
    assert!(health.message.contains(message), "{health:?}");
}

#[test]
fn deployments() {
    use HealthStatus::{Degraded, Healthy, Progressing, Suspended};
    let check = |spec, status, expected, message| {
        check("apps/v1", "Deployment", spec, status, expected, message)
    };
    let full = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
    check(json!({"replicas": 2}), full.clone(), Healthy, "");
    check(json!({"replicas": 3}), full.clone(), Progressing, "2 out of 3 new replicas");
    check(json!({"paused": true}), full.clone(), Suspended, "paused");
    check(json!({"replicas": 2}), json!({"observedGeneration": 1}), Progressing, "observed");
    let mut old = full.clone();
    old["replicas"] = json!(3);
    check(json!({"replicas": 2}), old, Progressing, "1 old replicas");
    let mut few = full.clone();
    few["availableReplicas"] = json!(1);
    check(json!({"replicas": 2}), few.clone(), Progressing, "1 of 2 updated");
    few["conditions"] = json!([{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]);
    check(json!({"replicas": 2}), few, Degraded, "exceeded its progress deadline");
}

#[test]
fn other_kinds() {
    use HealthStatus::{Degraded, Healthy, Progressing, Suspended, Unknown};
    let condition =
        |kind: &str| json!({"conditions": [{"type": kind, "status": "True", "message": "m"}]});
    check("batch/v1", "Job", json!({}), condition("Failed"), Degraded, "m");
    check("batch/v1", "Job", json!({}), condition("Complete"), Healthy, "m");
    check("batch/v1", "Job", json!({}), condition("Suspended"), Suspended, "m");
    check("batch/v1", "Job", json!({}), json!({}), Progressing, "");
    check("v1", "Pod", json!({}), json!({"phase": "Pending"}), Progressing, "");
    check(
        "v1",
        "Pod",
        json!({}),
        json!({"phase": "Running",
        "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "again"}}}]}),
        Degraded,
        "again",
    );
    let mut ready = condition("Ready");
    ready["phase"] = json!("Running");
    check("v1", "Pod", json!({}), ready, Healthy, "");
    check(
        "v1",
        "Pod",
        json!({}),
        json!({"phase": "Failed", "containerStatuses":
        [{"name": "c", "state": {"terminated": {"exitCode": 3}}}]}),
        Degraded,
        "exit code 3",
    );
    check("v1", "Pod", json!({}), json!({}), Unknown, "");
    check("v1", "Service", json!({"type": "LoadBalancer"}), json!({}), Progressing, "");
    check("v1", "Service", json!({}), json!({}), Healthy, "");
    check("v1", "PersistentVolumeClaim", json!({}), json!({"phase": "Lost"}), Degraded, "");
    check(
        "apps/v1",
        "StatefulSet",
        json!({"replicas": 2}),
        json!({"observedGeneration": 2, "readyReplicas": 1}),
        Progressing,
        "1 pods",
    );
    check(
        "apps/v1",
        "ReplicaSet",
        json!({"replicas": 1}),
        json!({"observedGeneration": 2, "availableReplicas": 1}),
        Healthy,
        "",
    );
    check(
        "apps/v1",
        "DaemonSet",
        json!({}),
        json!({"observedGeneration": 2,
        "desiredNumberScheduled": 2, "updatedNumberScheduled": 1}),
        Progressing,
        "1 out of 2",
    );
}

#[test]
fn an_application_is_as_its_worst_object() {
    let claim = |phase: &str| {
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": phase}, "status": {"phase": phase}})
    };
    let status = |objects: &[Value], expected| aggregate_health(objects, expected).status;
    assert_eq!(status(&[claim("Bound")], 1), HealthStatus::Healthy);
    assert_eq!(
        status(&[claim("Pending"), claim("Lost"), claim("Bound")], 3),
        HealthStatus::Degraded
    );
    assert_eq!(status(&[claim("Lost"), claim("?")], 2), HealthStatus::Unknown);
    assert_eq!(status(&[], 1), HealthStatus::Missing);
    assert_eq!(status(&[], 0), HealthStatus::Healthy);
    let mut ignored = claim("Lost");
    ignored["metadata"]["annotations"] = json!({"argocd.argoproj.io/ignore-healthcheck": "true"});
    assert_eq!(status(&[ignored], 1), HealthStatus::Healthy);
}

#[test]
fn what_a_replica_waits_for_is_named_unless_it_passes_by_itself() {
    let pod = |name: &str, state: serde_json::Value| {
        serde_json::json!({"kind": "Pod", "metadata": {"name": name},
            "status": {"containerStatuses": [{"name": "a", "state": state}]}})
    };
    let waiting = |reason: &str| serde_json::json!({"waiting": {"reason": reason, "message": "there is no image a"}});
    let check = |objects: &[serde_json::Value], expected: Option<&str>| {
        assert_eq!(deployments::waits_for(objects).as_deref(), expected, "{objects:?}");
    };
    check(&[], None);
    check(&[pod("a", serde_json::json!({"running": {}}))], None);
    check(&[pod("a", waiting("ContainerCreating"))], None);
    let absent = "ImagePullBackOff: there is no image a";
    check(&[pod("a", waiting("ImagePullBackOff"))], Some(absent));
    let deployment = serde_json::json!({"kind": "Deployment", "status": {"conditions": [
        {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "0 of 1 in 3 s"}]}});
    let exceeded = [pod("a", waiting("ImagePullBackOff")), deployment];
    check(&exceeded, Some("0 of 1 in 3 s"));
    let both = [pod("b", waiting("CrashLoopBackOff")), pod("a", waiting("ImagePullBackOff"))];
    check(&both, Some(absent));
}
