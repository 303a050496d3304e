//! New versions: nothing is lost on the way, and a bad one does not take the place of a good one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::{World, application, ask, deployment, get, service};

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_during_a_rolling_update() {
    let world = World::new().await;
    world.put(&service()).await;
    let mut manifest = deployment(1);
    manifest["spec"]["replicas"] = json!(2);
    world.put(&manifest).await;
    world.wait_ready(2).await;
    let address = world.address();
    let (ended, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> = (0..4)
        .map(|index| {
            let (ended, answers) = (Arc::clone(&ended), Arc::clone(&answers));
            std::thread::spawn(move || {
                let path = if index == 0 { "/slow" } else { "/version" };
                while !ended.load(Ordering::Relaxed) {
                    get(address, path, "localhost")?;
                    answers.fetch_add(1, Ordering::Relaxed);
                }
                std::io::Result::Ok(())
            })
        })
        .collect();
    for version in 2..4 {
        manifest["spec"]["template"]["spec"]["containers"][0]["image"] =
            json!(format!("hello:{version}"));
        world.put(&manifest).await;
        world.wait_ready(2).await;
        world.wait("the old are gone", |world| world.pods().len() == 2).await;
    }
    ended.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().unwrap().unwrap();
    }
    assert!(answers.load(Ordering::Relaxed) > 10);
    assert_eq!(ask(address, "/version").await.unwrap(), "3");
    assert_eq!(world.address(), address);
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_never_becomes_ready_leaves_the_old_one() {
    let world = World::new().await;
    world.put(&service()).await;
    world.put(&deployment(1)).await;
    world.wait_ready(1).await;
    let mut manifest = deployment(2);
    manifest["spec"]["progressDeadlineSeconds"] = json!(1);
    manifest["spec"]["template"]["spec"]["containers"][0]["env"] =
        json!([{"name": "NEVER_READY", "value": "1"}]);
    world.put(&manifest).await;
    world
        .wait("the deadline has passed", |world| {
            world.object("Deployment", "hello").unwrap()["status"]["conditions"][1]["reason"]
                == "ProgressDeadlineExceeded"
        })
        .await;
    let status = &world.object("Deployment", "hello").unwrap()["status"];
    let message = status["conditions"][1]["message"].as_str().unwrap();
    assert!(message.contains("status 503, warming up"), "{message}");
    assert!(message.contains("hello 2 starts"), "{message}");
    assert_eq!(ask(world.address(), "/version").await.unwrap(), "1");
    // The way back is a wish like any other, and the removed replica is remembered.
    world.put(&deployment(1)).await;
    world.wait_ready(1).await;
    world.wait("the bad one is gone", |world| world.pods().len() == 1).await;
    let evidence = world.engine.evidence(&application(), "hello");
    let bad = evidence.replicas.iter().find(|replica| replica.removed).unwrap();
    assert_eq!(bad.images, ["hello:2"]);
    assert_eq!(bad.probe_answers.last().unwrap().status, Some(503));
    assert!(bad.log_lines.iter().any(|line| line.text == "hello 2 starts"));
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there_is_named() {
    let world = World::new().await;
    let mut manifest = deployment(1);
    manifest["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nowhere:1");
    world.put(&manifest).await;
    world
        .wait("the replica waits", |world| {
            world.pods().first().is_some_and(|pod| {
                pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"]
                    == "ImagePullBackOff"
            })
        })
        .await;
    let pod = &world.pods()[0];
    let message = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"];
    assert!(message.as_str().unwrap().contains("nowhere:1"), "{message}");
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_routes_by_host_and_path() {
    let world = World::new().await;
    world.put(&service()).await;
    world.put(&deployment(1)).await;
    let backend = json!({"service": {"name": "hello", "port": {"name": "http"}}});
    world
        .put(&json!({
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": "front"},
            "spec": {"rules": [{"host": "shop.test", "http": {"paths": [
                {"path": "/version", "pathType": "Prefix", "backend": backend},
            ]}}]},
        }))
        .await;
    world.wait_ready(1).await;
    let address = world.engine.ingress().unwrap();
    let fetch = |path: &'static str, host: &'static str| {
        tokio::task::spawn_blocking(move || get(address, path, host))
    };
    assert_eq!(fetch("/version", "shop.test").await.unwrap().unwrap(), "1");
    let other = fetch("/version", "other.test").await.unwrap().unwrap_err().to_string();
    assert!(other.contains("404 Not Found"), "{other}");
    world.engine.shutdown().await;
}
