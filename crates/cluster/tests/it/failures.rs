//! A cluster that goes away, comes back, and has forgotten its history.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use cluster::{Cluster, Connection, Credential, Identity, Reachability, Secret};
use deployments::{Inventory, ObjectKey, tracked};
use ledger::ApplicationName;
use serde_json::{Value, json};
use testkit::PrivateCluster;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::{config_map, find, kinds_in_use, until};

/// Stands between the client and the server and can be cut.
struct Wire {
    address: SocketAddr,
    to: u16,
    accepting: Mutex<Option<AbortHandle>>,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Wire {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let wire =
            Self { address, to: port, accepting: Mutex::new(None), connections: Arc::default() };
        wire.accept(listener);
        wire
    }

    fn accept(&self, listener: TcpListener) {
        let (to, connections) = (self.to, Arc::clone(&self.connections));
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let carried = tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else {
                        return;
                    };
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
                connections.lock().unwrap().push(carried.abort_handle());
            }
        });
        *self.accepting.lock().unwrap() = Some(task.abort_handle());
    }

    fn cut(&self) {
        self.accepting.lock().unwrap().take().unwrap().abort();
        self.connections.lock().unwrap().drain(..).for_each(|one| one.abort());
    }

    async fn join(&self) {
        // The aborted task may hold the port for a moment.
        loop {
            match TcpListener::bind(self.address).await {
                Ok(listener) => return self.accept(listener),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }
}

struct World {
    kubernetes: PrivateCluster,
    cluster: Cluster,
    application: ApplicationName,
    wire: Wire,
}

/// ConfigMaps of one application on an API server of this test alone, behind a wire.
async fn world() -> World {
    world_with(&[]).await
}

/// The same with more arguments for the API server.
async fn world_with(arguments: &'static [&'static str]) -> World {
    let start = || testkit::private_cluster_with(arguments);
    let kubernetes = tokio::task::spawn_blocking(start).await.unwrap();
    let wire = Wire::to(kubernetes.state().api_port()).await;
    let cluster = Cluster::open("private", connection(&kubernetes, &wire)).await.unwrap();
    cluster.watch_kinds(&kinds_in_use(&[("v1", "ConfigMap")]));
    let application = ApplicationName::new("shop").unwrap();
    World { kubernetes, cluster, application, wire }
}

fn connection(kubernetes: &PrivateCluster, wire: &Wire) -> Connection {
    let state = kubernetes.state();
    Connection::Address {
        server: format!("https://{}", wire.address),
        credential: Credential::Token(Secret::new(state.token())),
        certificate_authority: Some(state.certificates().unwrap()),
        server_name: None,
    }
}

impl World {
    fn connection(&self) -> Connection {
        connection(&self.kubernetes, &self.wire)
    }

    async fn inventory_with(&self, what: &str, is_so: impl Fn(&Inventory) -> bool) -> Inventory {
        until(&self.cluster, what, || {
            let inventory = self.cluster.inventory(&self.application);
            is_so(&inventory).then_some(inventory)
        })
        .await
    }

    /// Beside the client, by whoever has all rights.
    fn create(&self, name: &str) {
        let manifest = config_map(name, json!({ "name": name }));
        let key = ObjectKey::of(&manifest, "default").unwrap();
        let manifest = tracked(&manifest, &key, self.application.as_str());
        let path = "/api/v1/namespaces/default/configmaps";
        let answer = self.kubernetes.ask("POST", path, Some(&manifest));
        assert_eq!(answer.status, 201, "{}", answer.body);
    }

    fn delete(&self, name: &str) {
        let path = format!("/api/v1/namespaces/default/configmaps/{name}");
        assert_eq!(self.kubernetes.ask("DELETE", &path, None).status, 200);
    }
}

fn names(inventory: &Inventory) -> Vec<&str> {
    let name = |object: &Value| object["metadata"]["name"].as_str().is_some();
    let named = inventory.objects.iter().map(|object| &object.manifest).filter(|one| name(one));
    named.filter_map(|one| one["metadata"]["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_and_comes_back_is_seen_as_it_is() {
    let world = world().await;
    world.create("kept");
    world
        .inventory_with("it is seen", |one| {
            one.complete && find(one, "ConfigMap", "kept").is_some()
        })
        .await;
    world.kubernetes.stop_api_server();
    let inventory = world.inventory_with("the loss is noticed", |one| !one.complete).await;
    assert_eq!(names(&inventory), ["kept"], "what was known is kept, and said to be old");
    let reason = until(&world.cluster, "it is unreachable", || {
        let Reachability::Unreachable { reason, .. } = world.cluster.reachability() else {
            return None;
        };
        Some(reason)
    })
    .await;
    assert!(!reason.is_empty());
    let key = ObjectKey::of(&config_map("kept", json!({})), "default").unwrap();
    let error = world.cluster.get(&Identity::Own, &key).await.unwrap_err();
    assert_eq!(error.code(), "cluster-unreachable");
    assert!(!world.cluster.unsynced().is_empty());

    world.kubernetes.start_api_server();
    world.create("new");
    let inventory = world
        .inventory_with("it is back with what is new", |one| one.complete && one.objects.len() == 2)
        .await;
    assert_eq!(names(&inventory), ["kept", "new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_goes_on_where_it_was() {
    let world = world().await;
    world.create("first");
    world.inventory_with("it is seen", |one| one.complete && one.objects.len() == 1).await;
    world.wire.cut();
    world.inventory_with("the loss is noticed", |one| !one.complete).await;
    world.delete("first");
    world.create("second");
    world.wire.join().await;
    world
        .inventory_with("what happened meanwhile is seen", |one| {
            one.complete && names(one) == ["second"]
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_gone_is_read_anew() {
    let world = world().await;
    world.create("first");
    world.create("second");
    world.inventory_with("both are seen", |one| one.complete && one.objects.len() == 2).await;
    world.wire.cut();
    world.inventory_with("the loss is noticed", |one| !one.complete).await;
    world.delete("first");
    world.create("third");
    // A server that was started anew has no history of before: it answers 410 to whoever asks.
    world.kubernetes.stop_api_server();
    world.kubernetes.start_api_server();
    world.wire.join().await;
    world
        .inventory_with("the gap is closed", |one| {
            one.complete && names(one) == ["second", "third"]
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_stream_lists_is_read_in_pages() {
    let world = world_with(&["--feature-gates=WatchList=false"]).await;
    // More than a page.
    for index in 0..510 {
        world.create(&format!("object-{index}"));
    }
    let more = Cluster::open("paged", world.connection()).await.unwrap();
    more.watch_kinds(&kinds_in_use(&[("v1", "ConfigMap")]));
    let all = |count| {
        let inventory = more.inventory(&world.application);
        (inventory.complete && inventory.objects.len() == count).then_some(())
    };
    until(&more, "all pages are read", || all(510)).await;
    world.create("one-more");
    until(&more, "what comes later is seen", || all(511)).await;
    more.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_come_from_the_program_that_a_kubeconfig_names() {
    let world = world().await;
    let state = world.kubernetes.state();
    let text = std::fs::read_to_string(world.kubernetes.kubeconfig()).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
        "status": { "token": state.token() },
    });
    config["users"][0]["user"] = json!({ "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never",
        "command": "printf", "args": ["%s", credential.to_string()],
    } });
    let file = state.folder.join("with-program");
    std::fs::write(&file, config.to_string()).unwrap();
    let context = Some("boucle-test".to_owned());
    let connection = Connection::Kubeconfig { file: Some(file), context };
    let cluster = Cluster::open("by-program", connection).await.unwrap();
    let application = ApplicationName::new("any").unwrap();
    until(&cluster, "it is seen", || cluster.inventory(&application).complete.then_some(())).await;
    cluster.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kubeconfig_that_is_none_is_an_error_with_its_name() {
    let file = testkit::temporary_folder().path().join("nothing");
    let connection = Connection::Kubeconfig { file: Some(file.clone()), context: None };
    let Err(error) = Cluster::open("none", connection).await else { panic!("it was opened") };
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_while_it_is_not_seen() {
    let world = world().await;
    world.create("kept");
    world.inventory_with("it is seen", |one| one.complete && one.objects.len() == 1).await;
    world.wire.cut();
    world.inventory_with("the loss is noticed", |one| !one.complete).await;
    until(&world.cluster, "the watch is lost", || {
        world.cluster.unsynced().iter().any(|one| one.kind == "v1/ConfigMap").then_some(())
    })
    .await;
    let object = ObjectKey::of(&config_map("kept", json!({})), "default").unwrap();
    let change = cluster::Change::Delete { object, options: cluster::DeleteOptions::default() };
    let refusal =
        world.cluster.apply(&world.application, 1, &Identity::Own, change).await.unwrap_err();
    assert_eq!(refusal.code(), "not-in-sync");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_was_there_is_unreachable_and_no_error() {
    let connection = Connection::Address {
        server: "https://127.0.0.1:1".into(),
        credential: Credential::Token(Secret::new("t")),
        certificate_authority: None,
        server_name: None,
    };
    let cluster = Cluster::open("nowhere", connection).await.unwrap();
    until(&cluster, "it is unreachable", || {
        matches!(cluster.reachability(), Reachability::Unreachable { .. }).then_some(())
    })
    .await;
    let application = ApplicationName::new("shop").unwrap();
    assert!(!cluster.inventory(&application).complete);
    cluster.close();
}
