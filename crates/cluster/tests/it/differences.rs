//! What was applied does not differ from itself, whatever the cluster adds to it.

use deployments::ownership::{Comparison, difference, prepared};
use serde_json::{Value, json};

use crate::{World, find, world};

/// Applies the manifest and compares it with what the cluster made of it.
async fn check(world: &World, manifest: Value) {
    world.put(&manifest).await;
    let (kind, name) = (manifest["kind"].as_str().unwrap(), "thing");
    let inventory =
        world.inventory_with("it is seen", |inventory| find(inventory, kind, name).is_some()).await;
    let live = find(&inventory, kind, name).unwrap();
    let found = difference(&prepared(&world.tracked(&manifest)), live, &Comparison::default());
    assert!(found.is_empty(), "{kind} differs: {found:?}\n{live:#}");
    assert!(found.unsure.is_empty(), "{kind}, unsure: {found:?}\n{live:#}");
}

fn pod_template() -> Value {
    json!({
        "metadata": { "labels": { "app": "thing" } },
        "spec": {
            "containers": [{
                "name": "app",
                "image": "image:1",
                "ports": [{ "containerPort": 80 }, { "containerPort": 53, "protocol": "UDP" }],
                "env": [
                    { "name": "A", "value": "1" },
                    { "name": "B", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
                ],
                "resources": {
                    "requests": { "cpu": "0.5", "memory": "1024Mi" },
                    "limits": { "cpu": "1000m", "memory": "1Gi" },
                },
                "readinessProbe": { "httpGet": { "path": "/", "port": 80 } },
                "volumeMounts": [{ "name": "scratch", "mountPath": "/tmp" }],
            }],
            "volumes": [
                { "name": "scratch", "emptyDir": {} },
                { "name": "token", "projected": { "sources": [
                    { "serviceAccountToken": { "path": "token" } },
                    { "downwardAPI": { "items": [
                        { "path": "name", "fieldRef": { "fieldPath": "metadata.name" } },
                    ] } },
                ] } },
            ],
            "nodeSelector": { "kubernetes.io/os": "linux" },
            "tolerations": [{ "key": "a", "operator": "Exists" }],
            "securityContext": {},
            "affinity": null,
        },
    })
}

fn object(version: &str, kind: &str, rest: Value) -> Value {
    let mut manifest = json!({
        "apiVersion": version, "kind": kind,
        "metadata": { "name": "thing", "labels": { "app": "thing" } },
    });
    manifest.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    manifest
}

#[tokio::test(flavor = "multi_thread")]
async fn workloads_do_not_differ_from_themselves() {
    let world = world(&[
        ("apps/v1", "Deployment"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("batch/v1", "CronJob"),
        ("batch/v1", "Job"),
    ])
    .await;
    let selector = json!({ "matchLabels": { "app": "thing" } });
    let set = |more: Value| {
        let mut spec = json!({ "selector": selector, "template": pod_template() });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "spec": spec })
    };
    let strategy = json!({ "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": 0 } });
    let spec = set(json!({ "replicas": 1, "strategy": strategy }));
    check(&world, object("apps/v1", "Deployment", spec)).await;
    let claim = json!({
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1024Mi" } },
        },
    });
    let spec = set(json!({ "serviceName": "thing", "volumeClaimTemplates": [claim] }));
    check(&world, object("apps/v1", "StatefulSet", spec)).await;
    check(&world, object("apps/v1", "DaemonSet", set(json!({})))).await;
    let mut template = pod_template();
    template["spec"]["restartPolicy"] = "Never".into();
    let job = json!({ "template": template });
    check(&world, object("batch/v1", "Job", json!({ "spec": job }))).await;
    let cron = json!({ "spec": { "schedule": "0 0 * * *", "jobTemplate": { "spec": job } } });
    check(&world, object("batch/v1", "CronJob", cron)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn networking_does_not_differ_from_itself() {
    let world = world(&[
        ("v1", "Service"),
        ("networking.k8s.io/v1", "Ingress"),
        ("networking.k8s.io/v1", "NetworkPolicy"),
    ])
    .await;
    let service = json!({ "spec": {
        "selector": { "app": "thing" },
        "ports": [
            { "name": "http", "port": 80, "targetPort": "http" },
            { "name": "dns", "port": 53, "protocol": "UDP" },
            { "name": "dns-tcp", "port": 53 },
        ],
    } });
    check(&world, object("v1", "Service", service)).await;
    let backend = json!({ "service": { "name": "thing", "port": { "number": 80 } } });
    let path = json!({ "path": "/", "pathType": "Prefix", "backend": backend });
    let rule = json!({ "host": "a.example.test", "http": { "paths": [path] } });
    let ingress = json!({ "spec": { "rules": [rule] } });
    check(&world, object("networking.k8s.io/v1", "Ingress", ingress)).await;
    let policy = json!({ "spec": {
        "podSelector": {},
        "ingress": [{ "ports": [{ "port": 80 }], "from": [{ "podSelector": {} }] }],
    } });
    check(&world, object("networking.k8s.io/v1", "NetworkPolicy", policy)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_and_rights_do_not_differ_from_themselves() {
    let world = world(&[
        ("v1", "ConfigMap"),
        ("v1", "Secret"),
        ("v1", "ServiceAccount"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "ResourceQuota"),
        ("v1", "LimitRange"),
        ("rbac.authorization.k8s.io/v1", "Role"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("autoscaling/v2", "HorizontalPodAutoscaler"),
        ("policy/v1", "PodDisruptionBudget"),
    ])
    .await;
    let rbac = "rbac.authorization.k8s.io/v1";
    let rule = json!({ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] });
    let binding = json!({
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "thing" },
        "subjects": [
            { "kind": "ServiceAccount", "name": "thing", "namespace": world.namespace() },
            { "kind": "Group", "name": "people" },
        ],
    });
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "thing" });
    let metric = json!({ "type": "Resource", "resource": {
        "name": "memory", "target": { "type": "AverageValue", "averageValue": "1024Mi" },
    } });
    let autoscaler = json!({ "spec": {
        "scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric],
    } });
    let claim = json!({ "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1024Mi" } },
    } });
    let limits = json!({ "spec": { "limits": [
        { "type": "Container", "default": { "cpu": "1000m" }, "defaultRequest": { "cpu": "0.1" } },
    ] } });
    let budget = json!({ "spec": {
        "minAvailable": "50%", "selector": { "matchLabels": { "app": "thing" } },
    } });
    let secret = json!({ "stringData": { "a": "text" }, "data": { "b": "Yg==" } });
    let quota = json!({ "spec": { "hard": { "cpu": "1000m", "pods": 10 } } });
    for manifest in [
        object("v1", "ConfigMap", json!({ "data": { "a": "1", "empty": "" } })),
        object("v1", "Secret", secret),
        object("v1", "ServiceAccount", json!({ "automountServiceAccountToken": false })),
        object("v1", "PersistentVolumeClaim", claim),
        object("v1", "ResourceQuota", quota),
        object("v1", "LimitRange", limits),
        object(rbac, "Role", json!({ "rules": [rule] })),
        object(rbac, "RoleBinding", binding),
        object("autoscaling/v2", "HorizontalPodAutoscaler", autoscaler),
        object("policy/v1", "PodDisruptionBudget", budget),
    ] {
        check(&world, manifest).await;
    }
}
