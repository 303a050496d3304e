//! Wishes: what is written, what is not, and what is refused.

use cluster::{Applied, ApplyRefusal, Change, FieldConflict, Identity, PutOptions};
use serde_json::{Value, json};

use crate::{config_map, deployment, find, world};

const CONFIG_MAP: (&str, &str) = ("v1", "ConfigMap");
const DEPLOYMENT: (&str, &str) = ("apps/v1", "Deployment");

/// An account that may do nothing: whoever succeeds in its name asked for nothing.
fn nobody() -> Identity {
    Identity::ServiceAccount { namespace: "default".into(), name: "nobody".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_created_once_and_then_left_alone() {
    let world = world(&[CONFIG_MAP]).await;
    let manifest = config_map("one", json!({ "a": "1" }));
    assert_eq!(world.put(&manifest).await, Applied::Created);
    // Read at once: the answer to the write is kept before the watch says so.
    let inventory = world.cluster.inventory(&world.application);
    let live = find(&inventory, "ConfigMap", "one").unwrap();
    assert_eq!(live["data"], json!({ "a": "1" }));

    assert_eq!(world.put(&manifest).await, Applied::Unchanged);
    let asked_nothing = world.put_with(&nobody(), &manifest, PutOptions::default()).await;
    assert_eq!(asked_nothing.unwrap(), Applied::Unchanged);
    let changed = config_map("one", json!({ "a": "2" }));
    let asked = world.put_with(&nobody(), &changed, PutOptions::default()).await.unwrap_err();
    assert_eq!(asked.code(), "cluster-forbidden");
    assert_eq!(world.put(&changed).await, Applied::Updated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_left_git_is_taken_away_and_others_are_kept() {
    let world = world(&[CONFIG_MAP]).await;
    world.put(&config_map("one", json!({ "ours": "1", "left": "1" }))).await;
    let path = world.path("api/v1", "configmaps/one");
    world.edit(&path, "someone", &json!({ "data": { "theirs": "1" } }));
    world.put(&config_map("one", json!({ "ours": "1" }))).await;
    let live = world.kubernetes.ask("GET", &path, None).body;
    assert_eq!(live["data"], json!({ "ours": "1", "theirs": "1" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_changed_is_named_and_taken_only_by_force() {
    let world = world(&[DEPLOYMENT]).await;
    let manifest = deployment("web", Some(1), "image:1");
    world.put(&manifest).await;
    let path = world.path("apis/apps/v1", "deployments/web");
    let container = json!({ "name": "app", "image": "image:hand" });
    let patch = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
    world.edit(&path, "kubectl-edit", &patch);
    world
        .inventory_with("the change is seen", |inventory| {
            let live = find(inventory, "Deployment", "web").unwrap();
            live["spec"]["template"]["spec"]["containers"][0]["image"] == "image:hand"
        })
        .await;

    let refusal =
        world.put_with(&Identity::Own, &manifest, PutOptions::default()).await.unwrap_err();
    let ApplyRefusal::FieldsOwnedByOthers { conflicts, .. } = &refusal else {
        panic!("{refusal:?}");
    };
    let field = ".spec.template.spec.containers[name=\"app\"].image".to_owned();
    let manager = "kubectl-edit".to_owned();
    assert_eq!(*conflicts, [FieldConflict { manager, fields: vec![field] }]);
    assert!(refusal.to_string().contains("`kubectl-edit` owns .spec"), "{refusal}");

    let force = PutOptions { take_fields: true, ..PutOptions::default() };
    let applied = world.put_with(&Identity::Own, &manifest, force).await.unwrap();
    assert_eq!(applied, Applied::Updated);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_an_autoscaler_set_stay_and_the_rest_is_applied() {
    let world = world(&[DEPLOYMENT]).await;
    world.put(&deployment("web", Some(1), "image:1")).await;
    let path = world.path("apis/apps/v1", "deployments/web");
    world.edit(
        &format!("{path}/scale"),
        "kube-controller-manager",
        &json!({ "spec": { "replicas": 4 } }),
    );
    world
        .inventory_with("the autoscaler has scaled", |inventory| {
            find(inventory, "Deployment", "web").unwrap()["spec"]["replicas"] == 4
        })
        .await;
    assert_eq!(world.put(&deployment("web", Some(1), "image:1")).await, Applied::Unchanged);
    assert_eq!(world.put(&deployment("web", Some(1), "image:2")).await, Applied::Updated);
    let live = world.kubernetes.ask("GET", &path, None).body;
    assert_eq!(live["spec"]["replicas"], 4);
    let image = live.pointer("/spec/template/spec/containers/0/image");
    assert_eq!(image, Some(&Value::from("image:2")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_generation_is_refused() {
    let mut world = world(&[CONFIG_MAP]).await;
    world.generation = 5;
    world.put(&config_map("one", json!({ "a": "new" }))).await;
    world.generation = 4;
    let late = config_map("one", json!({ "a": "old" }));
    let refusal = world.put_with(&Identity::Own, &late, PutOptions::default()).await;
    assert_eq!(refusal.unwrap_err().code(), "older-generation");
    let path = world.path("api/v1", "configmaps/one");
    assert_eq!(world.kubernetes.ask("GET", &path, None).body["data"]["a"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_keeps_nothing_and_says_what_is_wrong() {
    let world = world(&[DEPLOYMENT]).await;
    let dry = PutOptions { dry_run: true, ..PutOptions::default() };
    let good = deployment("web", Some(1), "image:1");
    let applied = world.put_with(&Identity::Own, &good, dry.clone()).await.unwrap();
    assert_eq!(applied, Applied::Created);
    assert!(world.cluster.inventory(&world.application).objects.is_empty());

    let mut wrong = good;
    wrong["spec"]["replicass"] = 1.into();
    let refusal = world.put_with(&Identity::Own, &wrong, dry).await.unwrap_err();
    assert_eq!(refusal.code(), "refused-by-cluster");
    let source = std::error::Error::source(&refusal).unwrap().to_string();
    assert!(source.contains("replicass"), "{source}");
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_are_made_and_left_as_they_are() {
    let world = world(&[CONFIG_MAP]).await;
    let name = format!("{}-more", world.namespace());
    let create = || {
        let change = Change::CreateNamespace { name: name.clone() };
        world.cluster.apply(&world.application, 1, &Identity::Own, change)
    };
    assert_eq!(create().await.unwrap(), Applied::Created);
    assert_eq!(create().await.unwrap(), Applied::Unchanged);
    let path = format!("/api/v1/namespaces/{name}");
    assert_eq!(world.kubernetes.ask("DELETE", &path, None).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_replaced_as_a_whole() {
    let world = world(&[CONFIG_MAP]).await;
    let replace = PutOptions { replace: true, ..PutOptions::default() };
    let first = config_map("one", json!({ "a": "1" }));
    let applied = world.put_with(&Identity::Own, &first, replace.clone()).await.unwrap();
    assert_eq!(applied, Applied::Created);
    let path = world.path("api/v1", "configmaps/one");
    world.edit(&path, "someone", &json!({ "data": { "theirs": "1" } }));
    let second = config_map("one", json!({ "b": "1" }));
    let applied = world.put_with(&Identity::Own, &second, replace.clone()).await.unwrap();
    assert_eq!(applied, Applied::Updated);
    let live = world.kubernetes.ask("GET", &path, None).body;
    assert_eq!(live["data"], json!({ "b": "1" }));
    let again = world.put_with(&Identity::Own, &second, replace).await.unwrap();
    assert_eq!(again, Applied::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_changed_is_made_anew_when_asked() {
    let world = world(&[("batch/v1", "Job")]).await;
    let job = |image: &str| {
        let container = json!({ "name": "app", "image": image });
        json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "work" },
            "spec": { "template": { "spec": {
                "restartPolicy": "Never", "containers": [container],
            } } },
        })
    };
    world.put(&job("image:1")).await;
    let plain = world.put_with(&Identity::Own, &job("image:2"), PutOptions::default()).await;
    assert_eq!(plain.unwrap_err().code(), "refused-by-cluster");
    let force = PutOptions { recreate: true, ..PutOptions::default() };
    let applied = world.put_with(&Identity::Own, &job("image:2"), force).await.unwrap();
    assert_eq!(applied, Applied::Created);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_tracked_is_deleted() {
    let world = world(&[CONFIG_MAP]).await;
    world.put(&config_map("ours", json!({}))).await;
    let path = world.path("api/v1", "configmaps");
    let theirs = config_map("theirs", json!({}));
    assert_eq!(world.kubernetes.ask("POST", &path, Some(&theirs)).status, 201);
    let key = |name: &str| world.key("", "ConfigMap", name);
    world.cluster.want(&world.application, vec![key("theirs")], Default::default());
    world
        .inventory_with("the other's is seen", |inventory| {
            find(inventory, "ConfigMap", "theirs").is_some()
        })
        .await;

    let refusal = world.delete(key("theirs")).await.unwrap_err();
    assert_eq!(refusal.code(), "not-tracked");
    assert_eq!(world.delete(key("never-there")).await.unwrap(), Applied::Unchanged);
    assert_eq!(world.delete(key("ours")).await.unwrap(), Applied::Deleted);
    world
        .inventory_with("ours is gone", |inventory| find(inventory, "ConfigMap", "ours").is_none())
        .await;
    assert_eq!(world.delete(key("ours")).await.unwrap(), Applied::Unchanged);
    let elsewhere = world.delete(world.key("", "Secret", "unseen")).await.unwrap_err();
    assert_eq!(elsewhere.code(), "not-in-sync", "its kind is not watched");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changed_a_moment_ago_is_deleted_all_the_same() {
    let world = world(&[CONFIG_MAP]).await;
    for index in 0..10 {
        let name = format!("busy-{index}");
        world.put(&config_map(&name, json!({}))).await;
        let path = world.path("api/v1", &format!("configmaps/{name}"));
        // The watch may or may not have said so when the deletion begins.
        world.edit(&path, "someone", &json!({ "data": { "b": "1" } }));
        let deleted = world.delete(world.key("", "ConfigMap", &name)).await.unwrap();
        assert_eq!(deleted, Applied::Deleted);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_went_to_another_application_a_moment_ago_is_not_deleted() {
    let world = world(&[CONFIG_MAP]).await;
    for index in 0..10 {
        let name = format!("moved-{index}");
        world.put(&config_map(&name, json!({}))).await;
        let path = world.path("api/v1", &format!("configmaps/{name}"));
        let key = world.key("", "ConfigMap", &name);
        let annotation = json!({ deployments::TRACKING_ANNOTATION: key.tracking_id("other") });
        world.edit(&path, "someone", &json!({ "metadata": { "annotations": annotation } }));
        let refusal = world.delete(key).await.unwrap_err();
        assert!(["changed-meanwhile", "not-tracked"].contains(&refusal.code()), "{refusal:?}");
        assert_eq!(world.kubernetes.ask("GET", &path, None).status, 200);
    }
}
