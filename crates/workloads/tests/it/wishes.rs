//! What is taken, what is refused, and what stays.

use serde_json::{Value, json};
use workloads::{Applied, ApplyRefusal, Change, EventReason, Unsupported, supported};

use crate::{World, application, ask, deployment, open, service};

#[tokio::test(flavor = "multi_thread")]
async fn an_older_generation_is_refused() {
    let mut world = World::new().await;
    world.generation = 5;
    assert_eq!(world.put(&service()).await, Applied::Created);
    assert_eq!(world.put(&service()).await, Applied::Unchanged);
    let change = Change::Put { manifest: service() };
    let refused = world.engine.apply(&application(), 4, change).await.unwrap_err();
    assert!(matches!(refused, ApplyRefusal::OlderGeneration { newest: 5, .. }), "{refused}");
    world.engine.shutdown().await;
    // Also by the next server.
    let engine = open(world.folder.path().join("data")).await;
    let change = Change::Delete {
        kind: "Service".into(),
        namespace: "default".into(),
        name: "hello".into(),
    };
    assert!(engine.apply(&application(), 4, change.clone()).await.is_err());
    assert_eq!(engine.apply(&application(), 6, change).await.unwrap(), Applied::Deleted);
    assert_eq!(engine.observe(&application()).as_of, 6);
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_back_after_a_restart() {
    let world = World::new().await;
    world.put(&service()).await;
    world.put(&deployment(1)).await;
    world.wait_ready(1).await;
    let address = world.address();
    world.engine.shutdown().await;
    let engine = open(world.folder.path().join("data")).await;
    let world = World { engine, ..world };
    world.wait_ready(1).await;
    assert_eq!(world.address(), address);
    assert_eq!(ask(address, "/version").await.unwrap(), "1");
    world.delete("Deployment", "hello").await;
    world.delete("Service", "hello").await;
    world
        .wait("all is gone", |world| world.pods().is_empty() && world.engine.services().is_empty())
        .await;
    let left = std::fs::read_dir(world.folder.path().join("data/replicas")).unwrap().count();
    assert_eq!(left, 0);
    world.wait("the port is closed", |_| std::net::TcpStream::connect(address).is_err()).await;
    world.engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_altered_is_seen_and_restored() {
    let world = World::new().await;
    world.put(&service()).await;
    let file = world.folder.path().join("data/desired/shop/service_default_hello.json");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("\"port\": 80", "\"port\": 81")).unwrap();
    assert_eq!(world.object("Service", "hello").unwrap()["spec"]["ports"][0]["port"], 81);
    let events = world.events(EventReason::ManifestAltered);
    assert_eq!(events.len(), 1);
    assert_eq!(world.put(&service()).await, Applied::Updated);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(world.object("Service", "hello"), None);
    world.engine.shutdown().await;
}

#[track_caller]
fn check(change: impl FnOnce(&mut Value), expected: &str) {
    let mut manifest = deployment(1);
    change(&mut manifest);
    let said = supported(&manifest)
        .map_or_else(|error: Unsupported| error.to_string(), |()| "yes".to_owned());
    assert!(said.contains(expected), "expected `{expected}` in `{said}`");
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    fn pod(manifest: &mut Value) -> &mut Value {
        &mut manifest["spec"]["template"]["spec"]
    }
    check(|_| {}, "yes");
    check(|m| m["kind"] = json!("StatefulSet"), "cannot run the kind `StatefulSet`");
    check(|m| m["apiVersion"] = json!("apps/v1beta1"), "apps/v1beta1");
    check(|m| m["metadata"]["name"] = json!("../up"), "metadata.name");
    check(|m| m["spec"]["typo"] = json!(1), "`spec.typo` is not a field");
    check(|m| m["spec"]["paused"] = json!(true), "`spec.paused` is true");
    check(|m| m["spec"]["replicas"] = json!("many"), "`spec`: invalid type");
    check(|m| m["spec"]["selector"]["matchLabels"]["app"] = json!("other"), "does not select");
    check(|m| pod(m)["hostNetwork"] = json!(true), "spec.template.spec.hostNetwork");
    check(|m| pod(m)["initContainers"] = json!([]), "initContainers");
    check(
        |m| pod(m)["volumes"] = json!([{"name": "v", "hostPath": {"path": "/"}}]),
        "volumes[0].hostPath",
    );
    check(
        |m| pod(m)["containers"][0]["securityContext"] = json!({"privileged": true}),
        "containers[0].securityContext.privileged",
    );
    check(
        |m| pod(m)["containers"][0]["readinessProbe"]["httpGet"]["port"] = json!(1),
        "a port that `ports` does not declare",
    );
    check(
        |m| pod(m)["containers"][0]["resources"] = json!({"limits": {"memory": "lots"}}),
        "which is no amount",
    );
    check(
        |m| pod(m)["containers"][0]["volumeMounts"] = json!([{"name": "no", "mountPath": "/x"}]),
        "which is not there",
    );
}
