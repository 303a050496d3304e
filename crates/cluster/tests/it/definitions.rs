//! Kinds that come and go while the cluster is watched.

use cluster::Applied;
use serde_json::{Value, json};

use crate::{World, find, world};

/// A definition in a group that only this test has; it goes with the value.
struct Definition<'a> {
    world: &'a World,
    group: String,
    scope: &'static str,
}

impl<'a> Definition<'a> {
    fn of(world: &'a World) -> Self {
        Self { world, group: format!("{}.example.test", world.namespace()), scope: "Namespaced" }
    }

    fn cluster_wide(world: &'a World) -> Self {
        let group = format!("{}.example.test", world.namespace());
        Self { world, group, scope: "Cluster" }
    }

    fn manifest(&self) -> Value {
        json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("widgets.{}", self.group) },
            "spec": {
                "group": self.group,
                "scope": self.scope,
                "names": { "kind": "Widget", "plural": "widgets" },
                "versions": [{
                    "name": "v1", "served": true, "storage": true,
                    "schema": { "openAPIV3Schema": {
                        "type": "object",
                        "properties": { "spec": {
                            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                        } },
                    } },
                }],
            },
        })
    }

    fn widget(&self) -> Value {
        json!({
            "apiVersion": format!("{}/v1", self.group), "kind": "Widget",
            "metadata": { "name": "w" },
            "spec": { "size": 1 },
        })
    }

    fn create(&self) {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let answer = self.world.kubernetes.ask("POST", path, Some(&self.manifest()));
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    fn delete(&self) {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        let path = format!("{path}/widgets.{}", self.group);
        self.world.kubernetes.ask("DELETE", &path, None);
    }
}

impl Drop for Definition<'_> {
    fn drop(&mut self) {
        self.delete();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_comes_is_watched_and_one_that_goes_is_gone() {
    let world = world(&[]).await;
    let definition = Definition::of(&world);
    let version = format!("{}/v1", definition.group);
    // Known to be absent: the inventory is complete.
    world.watch(&[(&version, "Widget")]).await;
    let refusal = world
        .put_with(&cluster::Identity::Own, &definition.widget(), cluster::PutOptions::default())
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), "unknown-kind");

    definition.create();
    assert_eq!(world.put(&definition.widget()).await, Applied::Created);
    world
        .inventory_with("the widget is seen by its watch", |inventory| {
            inventory.complete && find(inventory, "Widget", "w").is_some()
        })
        .await;
    assert_eq!(world.put(&definition.widget()).await, Applied::Unchanged);
    let path = format!("apis/{version}");
    let path = world.path(&path, "widgets/w");
    world.edit(&path, "someone", &json!({ "spec": { "color": "red" } }));
    world
        .inventory_with("a change of it is seen", |inventory| {
            find(inventory, "Widget", "w").is_some_and(|live| live["spec"]["color"] == "red")
        })
        .await;

    definition.delete();
    world
        .inventory_with("the kind is gone and known to be", |inventory| {
            inventory.complete && inventory.objects.is_empty()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_and_its_object_are_applied_one_after_the_other() {
    let world = world(&[("apiextensions.k8s.io/v1", "CustomResourceDefinition")]).await;
    let definition = Definition::of(&world);
    let version = format!("{}/v1", definition.group);
    world
        .watch(&[("apiextensions.k8s.io/v1", "CustomResourceDefinition"), (&version, "Widget")])
        .await;
    assert_eq!(world.put(&definition.manifest()).await, Applied::Created);
    assert_eq!(world.put(&definition.widget()).await, Applied::Created);
    world
        .inventory_with("both are seen", |inventory| {
            inventory.complete && inventory.objects.len() == 2
        })
        .await;
    assert_eq!(world.put(&definition.manifest()).await, Applied::Unchanged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_without_namespaces_is_found_by_keys_that_name_one() {
    let world = world(&[]).await;
    let definition = Definition::cluster_wide(&world);
    definition.create();
    let version = format!("{}/v1", definition.group);
    world.watch(&[(&version, "Widget")]).await;
    // Whoever plans knows no scopes of custom kinds: manifest, tracking id and key name one.
    assert_eq!(world.put(&definition.widget()).await, Applied::Created);
    let key = world.key(&definition.group, "Widget", "w");
    world.cluster.want(&world.application, vec![key.clone()], Default::default());
    world
        .inventory_with("it is seen by its watch", |inventory| {
            inventory.complete && inventory.objects.len() == 1
        })
        .await;
    assert_eq!(world.put(&definition.widget()).await, Applied::Unchanged);
    assert_eq!(world.delete(key).await.unwrap(), Applied::Deleted);
    world.inventory_with("it is gone", |inventory| inventory.objects.is_empty()).await;
}
