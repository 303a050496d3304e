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
fn stateful_sets_roll_out_to_their_partition() {
    use HealthStatus::{Healthy, Progressing};
    let check = |strategy: Value, status: Value, expected, message| {
        let mut full = json!({"observedGeneration": 2, "readyReplicas": 3, "updatedReplicas": 3,
            "currentReplicas": 3, "currentRevision": "b", "updateRevision": "b"});
        for (name, value) in status.as_object().unwrap() {
            full[name] = value.clone();
        }
        let spec = json!({"replicas": 3, "updateStrategy": strategy});
        check("apps/v1", "StatefulSet", spec, full, expected, message);
    };
    let rolling = |partition: i64| json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}});
    check(json!({}), json!({}), Healthy, "complete 3 pods at revision b");
    check(
        json!({}),
        json!({"updateRevision": "c", "updatedReplicas": 1}),
        Progressing,
        "1 pods at revision c",
    );
    check(rolling(0), json!({"updateRevision": "c"}), Healthy, "partitioned roll out complete: 3");
    check(rolling(1), json!({"updatedReplicas": 1}), Progressing, "1 out of 2 new pods");
    check(rolling(2), json!({"updatedReplicas": 1}), Healthy, "partitioned roll out complete: 1");
    check(json!({"type": "OnDelete"}), json!({}), Healthy, "3 ready pods");
    check(json!({}), json!({"observedGeneration": 1}), Progressing, "to be observed");
}

#[test]
fn pods_say_why_they_failed() {
    use HealthStatus::{Degraded, Healthy, Progressing};
    let check = |spec: Value, status: Value, expected, message| {
        check("v1", "Pod", spec, status, expected, message);
    };
    let waiting = |reason: &str, message: &str| json!({"state": {"waiting": {"reason": reason, "message": message}}});
    let two = json!({"phase": "Pending", "containerStatuses": [waiting("ErrImagePull", "no image"),
        waiting("ContainerCreating", "x"), waiting("CrashLoopBackOff", "")]});
    check(json!({}), two.clone(), Degraded, "no image, CrashLoopBackOff");
    check(json!({"restartPolicy": "Never"}), two, Progressing, "");
    let ended = |ended: Value| {
        json!({"phase": "Failed", "initContainerStatuses": [{"name": "i"}],
        "containerStatuses": [{"name": "c", "state": {"terminated": ended}}]})
    };
    check(json!({}), ended(json!({"reason": "OOMKilled", "exitCode": 137})), Degraded, "OOMKilled");
    check(json!({}), ended(json!({"message": "told", "exitCode": 1})), Degraded, "told");
    let ready = |status: &str| {
        json!({"phase": "Running", "conditions": [{"type": "Ready", "status": status}],
        "containerStatuses": [{"lastState": {"terminated": {"exitCode": 1}}}]})
    };
    check(json!({}), ready("True"), Healthy, "");
    check(json!({}), ready("False"), Degraded, "");
    check(json!({"restartPolicy": "OnFailure"}), ready("True"), Progressing, "");
}

#[test]
fn kinds_that_serve_and_scale() {
    use HealthStatus::{Degraded, Healthy, Progressing, Unknown};
    let conditions = |kind: &str, status: &str, reason: &str| json!({"conditions": [{"type": kind, "status": status, "reason": reason, "message": "m"}]});
    let kind = ("apiregistration.k8s.io/v1", "APIService");
    check(
        kind.0,
        kind.1,
        json!({}),
        conditions("Available", "True", "Passed"),
        Healthy,
        "Passed: m",
    );
    check(
        kind.0,
        kind.1,
        json!({}),
        conditions("Available", "False", "Lost"),
        Progressing,
        "Lost: m",
    );
    check(kind.0, kind.1, json!({}), json!({}), Progressing, "Waiting to be processed");
    let kind = ("argoproj.io/v1alpha1", "Workflow");
    for (phase, expected) in [
        ("Pending", Progressing),
        ("Running", Progressing),
        ("Succeeded", Healthy),
        ("Failed", Degraded),
        ("Error", Degraded),
        ("?", Unknown),
    ] {
        check(kind.0, kind.1, json!({}), json!({"phase": phase, "message": "m"}), expected, "m");
    }
    let kind = ("autoscaling/v2", "HorizontalPodAutoscaler");
    check(kind.0, kind.1, json!({}), json!({}), Progressing, "Waiting to Autoscale");
    check(kind.0, kind.1, json!({}), conditions("AbleToScale", "True", "Ready"), Healthy, "m");
    check(
        kind.0,
        kind.1,
        json!({}),
        conditions("AbleToScale", "False", "FailedGetScale"),
        Degraded,
        "m",
    );
    check(
        kind.0,
        kind.1,
        json!({}),
        conditions("ScalingActive", "False", "InvalidSelector"),
        Degraded,
        "m",
    );
    let annotated = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler",
        "metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/conditions":
            "[{\"type\": \"ScalingLimited\", \"status\": \"True\", \"message\": \"m\"}]"}}});
    assert_eq!(assess_health(&annotated).unwrap().status, Healthy);
}

#[test]
fn kinds_that_admit() {
    use HealthStatus::{Degraded, Healthy, Progressing};
    let conditions = |kind: &str, status: &str, reason: &str| json!({"conditions": [{"type": kind, "status": status, "reason": reason, "message": "m"}]});
    for version in ["networking.k8s.io/v1", "extensions/v1beta1"] {
        let given = json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}});
        check(version, "Ingress", json!({}), given, Healthy, "");
        check(version, "Ingress", json!({}), json!({"loadBalancer": {}}), Progressing, "");
    }
    let kind = ("policy/v1", "PodDisruptionBudget");
    let mut budget = conditions("DisruptionAllowed", "False", "InsufficientPods");
    budget["desiredHealthy"] = json!(2);
    check(kind.0, kind.1, json!({}), budget.clone(), Progressing, "InsufficientPods");
    budget["currentHealthy"] = json!(2);
    check(kind.0, kind.1, json!({}), budget, Healthy, "InsufficientPods");
    check(
        kind.0,
        kind.1,
        json!({}),
        conditions("DisruptionAllowed", "False", "SyncFailed"),
        Degraded,
        "SyncFailed",
    );
    let kind = ("apiextensions.k8s.io/v1", "CustomResourceDefinition");
    check(
        kind.0,
        kind.1,
        json!({}),
        conditions("Established", "True", "InitialNamesAccepted"),
        Healthy,
        "m",
    );
    check(
        kind.0,
        kind.1,
        json!({}),
        conditions("NamesAccepted", "False", "Conflict"),
        Degraded,
        "m",
    );
}

#[test]
fn what_is_being_deleted_is_under_way() {
    let object = json!({"apiVersion": "a.example/v1", "kind": "Thing",
        "metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Failed"}});
    let health = assess_health(&object).unwrap();
    assert_eq!(
        (health.status, health.message.as_str()),
        (HealthStatus::Progressing, "Pending deletion")
    );
}

#[test]
fn what_is_missing_or_a_hook_does_not_worsen_an_application() {
    let thing = |version: &str, kind: &str, phase: &str| {
        json!({"apiVersion": version, "kind": kind,
        "metadata": {"name": "a"}, "status": {"phase": phase}})
    };
    let status = |objects: &[Value]| aggregate_health(objects, objects.len()).status;
    let missing = thing("core.humio.com/v1", "HumioView", "NotFound");
    assert_eq!(assess_health(&missing).unwrap().status, HealthStatus::Missing);
    assert_eq!(status(std::slice::from_ref(&missing)), HealthStatus::Healthy);
    let pending = thing("v1", "PersistentVolumeClaim", "Pending");
    assert_eq!(status(&[missing, pending.clone()]), HealthStatus::Progressing);
    for hook in ["argocd.argoproj.io/hook", "helm.sh/hook"] {
        let mut lost = thing("v1", "PersistentVolumeClaim", "Lost");
        lost["metadata"]["annotations"] = json!({hook: "PreSync"});
        assert_eq!(status(&[lost, pending.clone()]), HealthStatus::Progressing);
    }
    let unknown = |_: &Value| {
        Some(deployments::Health { status: HealthStatus::Unknown, message: "m".into() })
    };
    let child = thing("argoproj.io/v1alpha1", "Application", "");
    assert_eq!(
        deployments::aggregate_health_by(&[child], 1, unknown).status,
        HealthStatus::Healthy
    );
    let worst = deployments::aggregate_health_by(&[pending], 1, unknown);
    assert_eq!(worst.message, "PersistentVolumeClaim/a: m");
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
