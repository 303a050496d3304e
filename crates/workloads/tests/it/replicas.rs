//! Single replicas: what they find, how they end, and what is put back.

use std::time::{Duration, Instant};

use serde_json::json;
use workloads::EventReason;

use crate::{World, application, ask, deployment, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_answers_soon_after_it_is_applied() {
    let world = World::new().await;
    world.put(&service()).await;
    let begun = Instant::now();
    world.put(&deployment(1)).await;
    world.wait_ready(1).await;
    let took = begun.elapsed();
    assert_eq!(ask(world.address(), "/version").await.unwrap(), "1");
    // Generous for a loaded machine; a fixed start of Kubernetes' ten seconds would fail.
    assert!(took < Duration::from_secs(5), "{took:?}");
    eprintln!("apply to ready: {took:?}");
    world.engine.shutdown().await;
    assert!(world.pods().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_and_mounts_are_as_the_manifest_says() {
    let world = World::new().await;
    let data = |kind: &str, name: &str, field: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, field: {"colour": "blue"}});
    world.put(&data("ConfigMap", "settings", "data")).await;
    world.put(&data("Secret", "keys", "stringData")).await;
    world.put(&service()).await;
    let mut manifest = deployment(1);
    let pod = &mut manifest["spec"]["template"]["spec"];
    pod["volumes"] = json!([
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "items": [{"key": "colour", "path": "deep/key"}]}},
        {"name": "scratch", "emptyDir": {}},
    ]);
    let container = &mut pod["containers"][0];
    container["volumeMounts"] = json!([
        {"name": "settings", "mountPath": "/etc/settings"},
        {"name": "keys", "mountPath": "/keys", "readOnly": true},
        {"name": "scratch", "mountPath": "/scratch"},
    ]);
    container["env"] = json!([
        {"name": "PLAIN", "value": "yes"},
        {"name": "JOINED", "value": "$(PLAIN)-$(PLAIN)"},
        {"name": "FROM_KEY", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "colour"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]);
    container["envFrom"] = json!([{"prefix": "S_", "secretRef": {"name": "keys"}}]);
    world.put(&manifest).await;
    world.wait_ready(1).await;
    let address = world.address();
    for (path, expected) in [
        ("/env/PLAIN", "yes"),
        ("/env/JOINED", "yes-yes"),
        ("/env/FROM_KEY", "blue"),
        ("/env/S_colour", "blue"),
        ("/env/HELLO_SERVICE_HOST", "127.0.0.1"),
        ("/env/CARGO", ""),
        ("/file/etc/settings/colour", "blue"),
        ("/file/keys/deep/key", "blue"),
    ] {
        assert_eq!(ask(address, path).await.unwrap(), expected, "{path}");
    }
    let pod = world.pods()[0]["metadata"]["name"].as_str().unwrap().to_owned();
    assert_eq!(ask(address, "/env/POD").await.unwrap(), pod);
    assert_eq!(
        ask(address, "/env/PORT").await.unwrap(),
        ask(address, "/env/PORT_HTTP").await.unwrap()
    );
    restored(&world, &pod).await;
    world.engine.shutdown().await;
}

/// A file of a mount that is changed by hand is put back and told.
async fn restored(world: &World, pod: &str) {
    let file = world.folder.path().join(format!("data/replicas/{pod}/volumes/settings/colour"));
    std::fs::write(&file, "red").unwrap();
    world
        .wait("the mount is told to be restored", |world| {
            !world.events(EventReason::MountRestored).is_empty()
        })
        .await;
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "blue");
    assert_eq!(ask(world.address(), "/file/etc/settings/colour").await.unwrap(), "blue");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_is_started_again() {
    let world = World::new().await;
    world.put(&service()).await;
    world.put(&deployment(1)).await;
    world.wait_ready(1).await;
    assert!(ask(world.address(), "/exit/9").await.is_err());
    world
        .wait("it was started again", |world| !world.events(EventReason::Restarted).is_empty())
        .await;
    world.wait_ready(1).await;
    assert_eq!(ask(world.address(), "/version").await.unwrap(), "1");
    let pod = &world.pods()[0];
    assert_eq!(pod["status"]["containerStatuses"][0]["restartCount"], 1);
    assert_eq!(pod["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"], 9);
    assert_eq!(world.events(EventReason::ProcessExited).len(), 1);
    let evidence = world.engine.evidence(&application(), "hello");
    let lines: Vec<_> =
        evidence.replicas[0].log_lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines.iter().filter(|line| **line == "hello 1 starts").count(), 2, "{lines:?}");
    assert!(evidence.replicas[0].log_lines.iter().any(|line| line.error));
    let name = world.pods()[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let log = world.engine.logs(&application(), &name, 0).unwrap().unwrap();
    assert!(String::from_utf8_lossy(&log.bytes).contains("hello 1 starts\n"));
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_crashes_is_started_ever_later() {
    let world = World::new().await;
    let mut manifest = deployment(1);
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "CRASH", "value": "1"}]);
    world.put(&manifest).await;
    world.wait("it backs off", |world| world.events(EventReason::BackOff).len() >= 2).await;
    let pod = &world.pods()[0];
    assert_eq!(
        pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
        "CrashLoopBackOff"
    );
    world.delete("Deployment", "hello").await;
    world.wait("it is gone", |world| world.pods().is_empty()).await;
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_to_its_end_once() {
    let world = World::new().await;
    let job = |name: &str, script: &str| {
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": name},
            "spec": {
                "backoffLimit": 1,
                "template": {"spec": {
                    "restartPolicy": "Never",
                    "containers": [{"name": "main", "image": "hello:1", "command": ["/bin/sh", "-c", script]}],
                }},
            },
        })
    };
    world.put(&job("good", "echo done")).await;
    world.put(&job("bad", "exit 5")).await;
    let ended = |world: &World, name: &str, kind: &str| {
        world.object("Job", name).is_some_and(|job| job["status"]["conditions"][0]["type"] == kind)
    };
    world.wait("the good job is complete", |world| ended(world, "good", "Complete")).await;
    world.wait("the bad job has failed", |world| ended(world, "bad", "Failed")).await;
    assert_eq!(world.object("Job", "bad").unwrap()["status"]["failed"], 2);
    world.wait("no replica is left", |world| world.pods().is_empty()).await;
    world.engine.shutdown().await;
    // A finished job does not run again after a restart of the server.
    let engine = crate::open(world.folder.path().join("data")).await;
    let job = engine.observe(&application());
    assert!(job.objects.iter().any(|job| job["status"]["succeeded"] == 1), "{job:?}");
    assert!(!job.objects.iter().any(|object| object["kind"] == "Pod"));
    engine.shutdown().await;
}
