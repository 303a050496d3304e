//! What is seen, of whom, and who is told.

use cluster::{Connection, Credential, Secret};
use deployments::ObjectKey;
use ledger::ApplicationName;
use serde_json::{Value, json};

use crate::{config_map, deployment, find, kinds_in_use, until, world};

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_seen_down_to_their_pods() {
    let world = world(&[("apps/v1", "Deployment")]).await;
    world.put(&deployment("web", Some(3), "image:1")).await;
    world
        .inventory_with("all replicas are available", |inventory| {
            let live = find(inventory, "Deployment", "web");
            live.is_some_and(|live| live["status"]["availableReplicas"] == 3)
        })
        .await;
    let ready = |pod: &&Value| pod.pointer("/status/conditions/0/status") == Some(&"True".into());
    let children = until(&world.cluster, "three pods are ready", || {
        let children = world.cluster.children(&world.application);
        let pods = children.iter().filter(|child| child["kind"] == "Pod").filter(ready).count();
        (pods == 3).then_some(children)
    })
    .await;
    let sets: Vec<&Value> = children.iter().filter(|child| child["kind"] == "ReplicaSet").collect();
    assert_eq!(sets.len(), 1);
    let pod = children.iter().find(|child| child["kind"] == "Pod").unwrap();
    assert_eq!(pod.pointer("/metadata/ownerReferences/0/name"), sets[0].pointer("/metadata/name"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_application_that_changed_is_named() {
    let world = world(&[("v1", "ConfigMap")]).await;
    world.put(&config_map("one", json!({ "a": "1" }))).await;
    let other = ApplicationName::new("somebody-else").unwrap();
    let before = world.cluster.changes_since(0);
    assert!(before.applications.contains(&world.application));
    let (own, others) = (world.cluster.version(&world.application), world.cluster.version(&other));

    let path = world.path("api/v1", "configmaps/one");
    world.edit(&path, "someone", &json!({ "data": { "b": "1" } }));
    until(&world.cluster, "the application's version grows", || {
        (world.cluster.version(&world.application) > own).then_some(())
    })
    .await;
    let changes = world.cluster.changes_since(before.upto);
    assert_eq!(changes.applications, [world.application.clone()].into());
    assert!(!changes.all);
    assert_eq!(world.cluster.version(&other), others);
    let nothing = world.cluster.changes_since(changes.upto);
    assert!(nothing.applications.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_sees_what_git_asks_for_whoever_made_it() {
    let world = world(&[("v1", "ConfigMap")]).await;
    let path = world.path("api/v1", "configmaps");
    let theirs = config_map("theirs", json!({ "a": "1" }));
    assert_eq!(world.kubernetes.ask("POST", &path, Some(&theirs)).status, 201);
    let missing = ObjectKey { namespace: "not-there".into(), ..world.key("", "ConfigMap", "x") };
    world.cluster.want(
        &world.application,
        vec![world.key("", "ConfigMap", "theirs"), missing],
        Default::default(),
    );
    let inventory = world
        .inventory_with("it is seen", |inventory| find(inventory, "ConfigMap", "theirs").is_some())
        .await;
    assert!(inventory.complete);
    assert_eq!(inventory.namespaces, Some([world.namespace().to_owned()].into()));
    assert_eq!(inventory.objects.len(), 1);
    assert_eq!(inventory.objects[0].manifest["data"], Value::Null, "only its name is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_nobody_watches_makes_an_inventory_incomplete() {
    let world = world(&[("v1", "ConfigMap")]).await;
    world.cluster.want(&world.application, vec![world.key("", "Secret", "s")], Default::default());
    assert!(!world.cluster.inventory(&world.application).complete);
    world.cluster.watch_kinds(&kinds_in_use(&[("v1", "ConfigMap"), ("v1", "Secret")]));
    // Not even between the wish and the first look.
    world.inventory_with("it is watched", |inventory| inventory.complete).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_out_of_use_is_watched_until_its_last_object_is_gone() {
    let world = world(&[("v1", "ConfigMap"), ("v1", "Secret")]).await;
    world.put(&config_map("left", json!({}))).await;
    world.watch(&[("v1", "Secret")]).await;
    let inventory = world.cluster.inventory(&world.application);
    assert!(find(&inventory, "ConfigMap", "left").is_some(), "it is still to be pruned");
    let path = world.path("api/v1", "configmaps/left");
    assert_eq!(world.kubernetes.ask("DELETE", &path, None).status, 200);
    world
        .inventory_with("it is gone", |inventory| find(inventory, "ConfigMap", "left").is_none())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cluster_says_its_version_and_its_kinds() {
    let world = world(&[]).await;
    let version = until(&world.cluster, "the version is known", || {
        let cluster::Reachability::Reachable { version, .. } = world.cluster.reachability() else {
            return None;
        };
        Some(version).filter(|version| !version.is_empty())
    })
    .await;
    assert_eq!(version, format!("v{}", testkit::kubernetes::programs::KUBERNETES_VERSION));
    let kinds = world.cluster.served_kinds();
    assert!(kinds.contains("apps/Deployment") && kinds.contains("ConfigMap"));
    let namespaced =
        |version, kind| world.cluster.is_namespaced(&cluster::KindInUse::new(version, kind));
    assert_eq!(namespaced("v1", "Namespace"), Some(false));
    assert_eq!(namespaced("v1", "Secret"), Some(true));
    assert_eq!(namespaced("v1", "Nonsense"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_a_connection_are_never_shown() {
    let connection = Connection::Address {
        server: "https://127.0.0.1:1".into(),
        credential: Credential::Token(Secret::new("very-secret")),
        certificate_authority: None,
        server_name: None,
    };
    assert!(!format!("{connection:?}").contains("very-secret"));
}
