//! The client against a real API server, with real controllers and a node that kwok pretends.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a helper fails its test, as it should")]

mod accounts;
mod applying;
mod definitions;
mod differences;
mod failures;
mod watching;

use std::collections::BTreeSet;
use std::time::Duration;

use cluster::{
    Applied, ApplyRefusal, Change, Cluster, Connection, Identity, KindInUse, PutOptions,
};
use deployments::{Inventory, ObjectKey, tracked};
use ledger::ApplicationName;
use serde_json::{Value, json};
use testkit::TestCluster;

/// The longest that anything may take; a test that needs it has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// One application on the shared test cluster, in a namespace of its own.
struct World {
    kubernetes: TestCluster,
    cluster: Cluster,
    application: ApplicationName,
    generation: u64,
}

/// A world that watches these kinds.
async fn world(kinds: &[(&str, &str)]) -> World {
    let kubernetes = tokio::task::spawn_blocking(testkit::cluster).await.unwrap();
    let connection =
        Connection::Kubeconfig { file: Some(kubernetes.kubeconfig().to_owned()), context: None };
    let cluster = Cluster::open("test", connection).await.unwrap();
    // Tests share the cluster: each has its own application too.
    let application = ApplicationName::new(kubernetes.namespace()).unwrap();
    let world = World { kubernetes, cluster, application, generation: 1 };
    world.watch(kinds).await;
    world
}

impl World {
    async fn watch(&self, kinds: &[(&str, &str)]) {
        self.cluster.watch_kinds(&kinds_in_use(kinds));
        self.inventory_with("every kind is in sync", |inventory| inventory.complete).await;
    }

    fn namespace(&self) -> &str {
        self.kubernetes.namespace()
    }

    /// The manifest as a plan has it.
    fn tracked(&self, manifest: &Value) -> Value {
        let key = ObjectKey::of(manifest, self.namespace()).unwrap();
        tracked(manifest, &key, self.application.as_str())
    }

    fn key(&self, group: &str, kind: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: group.into(),
            kind: kind.into(),
            namespace: self.namespace().into(),
            name: name.into(),
        }
    }

    async fn put_with(
        &self,
        identity: &Identity,
        manifest: &Value,
        options: PutOptions,
    ) -> Result<Applied, ApplyRefusal> {
        let change = Change::Put { manifest: self.tracked(manifest), options };
        self.cluster.apply(&self.application, self.generation, identity, change).await
    }

    async fn put(&self, manifest: &Value) -> Applied {
        self.put_with(&Identity::Own, manifest, PutOptions::default()).await.unwrap()
    }

    async fn delete(&self, object: ObjectKey) -> Result<Applied, ApplyRefusal> {
        self.delete_as(&Identity::Own, object).await
    }

    async fn delete_as(
        &self,
        identity: &Identity,
        object: ObjectKey,
    ) -> Result<Applied, ApplyRefusal> {
        let change = Change::Delete { object, options: cluster::DeleteOptions::default() };
        self.cluster.apply(&self.application, self.generation, identity, change).await
    }

    /// Waits until the application's inventory is so, and gives it.
    async fn inventory_with(&self, what: &str, is_so: impl Fn(&Inventory) -> bool) -> Inventory {
        until(&self.cluster, what, || {
            let inventory = self.cluster.inventory(&self.application);
            is_so(&inventory).then_some(inventory)
        })
        .await
    }

    /// The path of objects in this test's namespace.
    fn path(&self, group_version: &str, rest: &str) -> String {
        format!("/{group_version}/namespaces/{}/{rest}", self.namespace())
    }

    /// Does what `kubectl edit` does, as this manager.
    fn edit(&self, path: &str, manager: &str, patch: &Value) -> Value {
        let path = format!("{path}?fieldManager={manager}");
        let answer =
            self.kubernetes.ask_as("PATCH", &path, "application/merge-patch+json", Some(patch));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.cluster.close();
    }
}

/// Waits until something is so, looking again whenever the cluster looks different.
async fn until<T>(cluster: &Cluster, what: &str, look: impl Fn() -> Option<T>) -> T {
    let mut changed = cluster.changed();
    let mut reached = cluster.reachability_changed();
    let waited = tokio::time::timeout(PATIENCE, async {
        loop {
            changed.borrow_and_update();
            reached.borrow_and_update();
            if let Some(found) = look() {
                return found;
            }
            tokio::select! {
                changed = changed.changed() => changed.unwrap(),
                changed = reached.changed() => changed.unwrap(),
            }
        }
    });
    match waited.await {
        Ok(found) => found,
        Err(_) => panic!(
            "it never was so that {what}; not in sync: {:?}, {:?}",
            cluster.unsynced(),
            cluster.reachability()
        ),
    }
}

fn kinds_in_use(kinds: &[(&str, &str)]) -> BTreeSet<KindInUse> {
    kinds.iter().map(|(version, kind)| KindInUse::new(*version, *kind)).collect()
}

fn config_map(name: &str, data: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": data })
}

fn deployment(name: &str, replicas: Option<u32>, image: &str) -> Value {
    let mut manifest = json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "app", "image": image }] },
            },
        },
    });
    if let Some(replicas) = replicas {
        manifest["spec"]["replicas"] = replicas.into();
    }
    manifest
}

fn find<'a>(inventory: &'a Inventory, kind: &str, name: &str) -> Option<&'a Value> {
    let mut objects = inventory.objects.iter().map(|object| &object.manifest);
    objects.find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
}
