//! How fast wishes are carried out and how much the cache needs: `cargo bench -p cluster`.
//!
//! It needs nothing but the programs of the test cluster; everything runs on 127.0.0.1. The number
//! of objects is taken from `BOUCLE_BENCH_OBJECTS` (managed ones; five times as many are not).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first surprise and speaks to a terminal"
)]

use std::process::Command;
use std::time::{Duration, Instant};

use cluster::{
    Applied, Change, Cluster, Connection, Credential, Identity, KindInUse, PutOptions, Secret,
};
use deployments::{ObjectKey, tracked};
use futures::StreamExt as _;
use ledger::ApplicationName;
use serde_json::{Value, json};

/// Objects of one application, as many as a large one has.
const OBJECTS_OF_ONE: usize = 20;
/// Twice what the client lets through at once, so that it is never idle.
const WISHES: usize = 40;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, server, token, authority, managed, others] = arguments.as_slice()
        && word == "load"
    {
        let cluster = open(server, token, authority).await;
        let managed = managed.parse().unwrap();
        apply_all(&cluster, managed, "first").await;
        create_others(server, token, authority, others.parse().unwrap()).await;
        return;
    }
    let kubernetes = testkit::private_cluster();
    let state = kubernetes.state();
    println!("ready after {} ms", state.ready_after_ms);
    let (server, token) = (state.server.clone(), state.token().to_owned());
    let authority = state.certificates().unwrap();

    let cluster = open(&server, &token, &authority).await;
    until_complete(&cluster).await;
    println!("watching, nothing there: {} MiB", resident_mib());
    for (what, version) in [("created", "first"), ("unchanged", "first"), ("updated", "second")] {
        let started = Instant::now();
        apply_all(&cluster, 2_000, version).await;
        let took = started.elapsed();
        println!("2000 Deployments {what}: {:.2} s", took.as_secs_f64());
    }
    cluster.close();

    // By another process, so that its memory does not count.
    let managed: usize =
        std::env::var("BOUCLE_BENCH_OBJECTS").map_or(10_000, |text| text.parse().unwrap());
    let numbers = [managed.to_string(), (5 * managed).to_string()];
    let started = Instant::now();
    let mut load = Command::new(std::env::current_exe().unwrap());
    load.args(["load", &server, &token, &authority]).args(&numbers);
    assert!(load.status().unwrap().success());
    println!("{managed} + {} objects made in {} s", 5 * managed, started.elapsed().as_secs());
    let before = resident_mib();
    let started = Instant::now();
    let cluster = open(&server, &token, &authority).await;
    until_complete(&cluster).await;
    let took = started.elapsed();
    let (of_applications, others) = cluster.object_counts();
    println!(
        "cache of {of_applications} managed and {others} other objects: {} MiB more than {before} MiB, complete after {:.2} s",
        resident_mib() - before,
        took.as_secs_f64()
    );
    let started = Instant::now();
    let inventory = cluster.inventory(&application(0));
    println!("inventory of {} objects: {:?}", inventory.objects.len(), started.elapsed());
    cluster.close();
}

async fn open(server: &str, token: &str, authority: &str) -> Cluster {
    let connection = Connection::Address {
        server: server.into(),
        credential: Credential::Token(Secret::new(token)),
        certificate_authority: Some(authority.into()),
        server_name: None,
    };
    let cluster = Cluster::open("bench", connection).await.unwrap();
    let kinds = [KindInUse::new("apps/v1", "Deployment"), KindInUse::new("v1", "ConfigMap")];
    cluster.watch_kinds(&kinds.into());
    cluster
}

async fn until_complete(cluster: &Cluster) {
    let mut changed = cluster.changed();
    let mut reached = cluster.reachability_changed();
    while !cluster.inventory(&application(0)).complete {
        tokio::select! {
            changed = changed.changed() => changed.unwrap(),
            reached = reached.changed() => reached.unwrap(),
        }
    }
}

fn application(index: usize) -> ApplicationName {
    ApplicationName::new(format!("application-{index}")).unwrap()
}

async fn apply_all(cluster: &Cluster, count: usize, version: &str) {
    until_complete(cluster).await;
    let wishes = futures::stream::iter(0..count).map(|index| async move {
        let application = application(index / OBJECTS_OF_ONE);
        let manifest = deployment(index, version);
        let key = ObjectKey::of(&manifest, "default").unwrap();
        let manifest = tracked(&manifest, &key, application.as_str());
        let change = Change::Put { manifest, options: PutOptions::default() };
        cluster.apply(&application, 1, &Identity::Own, change).await.unwrap()
    });
    let applied: Vec<Applied> = wishes.buffer_unordered(WISHES).collect().await;
    assert_eq!(applied.len(), count);
}

/// Objects that nobody tracks, as controllers make them.
async fn create_others(server: &str, token: &str, authority: &str, count: usize) {
    use base64::Engine as _;
    let authority = base64::engine::general_purpose::STANDARD.encode(authority);
    let config = json!({
        "current-context": "b",
        "clusters": [{ "name": "b", "cluster": {
            "server": server, "certificate-authority-data": authority,
        } }],
        "users": [{ "name": "b", "user": { "token": token } }],
        "contexts": [{ "name": "b", "context": { "cluster": "b", "user": "b" } }],
    });
    let read = kube::config::Kubeconfig::from_yaml(&config.to_string()).unwrap();
    let config = kube::Config::from_custom_kubeconfig(read, &Default::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let made = futures::stream::iter(0..count).map(|index| {
        let client = client.clone();
        async move {
            let name = format!("some-service-with-a-usual-name-{index}");
            let manifest = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": name }, "data": { "a": "some text" },
            });
            let request = http::Request::post("/api/v1/namespaces/default/configmaps")
                .header("content-type", "application/json")
                .body(manifest.to_string().into_bytes())
                .unwrap();
            client.request::<Value>(request).await.unwrap()
        }
    });
    made.buffer_unordered(WISHES).for_each(|_| async {}).await;
}

fn deployment(index: usize, version: &str) -> Value {
    let name = format!("service-{index}");
    let probe = json!({ "httpGet": { "path": "/healthz", "port": 8080 }, "periodSeconds": 5 });
    let container = json!({
        "name": "app",
        "image": format!("registry.example.test/team/{name}:{version}"),
        "ports": [{ "containerPort": 8080, "name": "http" }],
        "env": [
            { "name": "LOG_LEVEL", "value": "info" },
            { "name": "VERSION", "value": version },
            { "name": "POD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
        ],
        "resources": {
            "requests": { "cpu": "100m", "memory": "128Mi" }, "limits": { "memory": "256Mi" },
        },
        "readinessProbe": probe, "livenessProbe": probe,
    });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": name, "labels": { "app": name, "team": "shop" } },
        "spec": {
            "replicas": 2,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name, "team": "shop" } },
                "spec": { "containers": [container] },
            },
        },
    })
}

/// What of this process is in memory now.
fn resident_mib() -> u64 {
    // What was freed goes back to the system in its own time.
    std::thread::sleep(Duration::from_secs(2));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024
}
