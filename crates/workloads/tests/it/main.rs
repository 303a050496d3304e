//! The engine against real processes: small programs compiled once, run in real sandboxes.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a helper fails its test, as it should")]

mod programs;
mod replicas;
mod rollouts;
mod wishes;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use ledger::ApplicationName;
use serde_json::{Value, json};
use workloads::{
    Applied, BoxFuture, Change, Config, Engine, EngineEvent, EventReason, ImageProblem, Images,
    UnpackedImage,
};

/// Images `hello:1`, `hello:2`, …: the same program, which is told its version by a variable.
struct TestImages;

impl Images for TestImages {
    fn unpack<'a>(
        &'a self,
        reference: &'a str,
        _into_cache: &'a Path,
    ) -> BoxFuture<'a, Result<UnpackedImage, ImageProblem>> {
        Box::pin(async move {
            let Some(version) = reference.strip_prefix("hello:") else {
                return Err(ImageProblem::Missing { reference: reference.to_owned() });
            };
            Ok(UnpackedImage {
                folder: programs::image(),
                entrypoint: vec!["/app/hello".to_owned()],
                environment: [("VERSION".to_owned(), version.to_owned())].into(),
                ..UnpackedImage::default()
            })
        })
    }
}

static OPENED: AtomicU16 = AtomicU16::new(0);

/// An engine over a folder that is removed with it.
struct World {
    folder: tempfile::TempDir,
    engine: Engine,
    generation: u64,
}

fn application() -> ApplicationName {
    ApplicationName::new("shop").unwrap()
}

async fn open(data: PathBuf) -> Engine {
    let mut config = Config::new(data, Arc::new(TestImages));
    // Tests run side by side: no two engines may be offered the same ports of services.
    let first = 30_000 + 40 * OPENED.fetch_add(1, Ordering::Relaxed);
    config.service_ports = first..=first + 39;
    config.launcher.program = programs::helper();
    config.back_off = Duration::from_millis(200);
    config.shutdown_grace = Duration::from_secs(1);
    Engine::open(config).await.unwrap()
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = open(folder.path().join("data")).await;
        Self { folder, engine, generation: 1 }
    }

    async fn put(&self, manifest: &Value) -> Applied {
        let change = Change::Put { manifest: manifest.clone() };
        self.engine.apply(&application(), self.generation, change).await.unwrap()
    }

    async fn delete(&self, kind: &str, name: &str) -> Applied {
        let (kind, namespace, name) = (kind.to_owned(), "default".to_owned(), name.to_owned());
        let change = Change::Delete { kind, namespace, name };
        self.engine.apply(&application(), self.generation, change).await.unwrap()
    }

    fn object(&self, kind: &str, name: &str) -> Option<Value> {
        let objects = self.engine.observe(&application()).objects;
        objects
            .into_iter()
            .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
    }

    fn pods(&self) -> Vec<Value> {
        let objects = self.engine.observe(&application()).objects;
        objects.into_iter().filter(|object| object["kind"] == "Pod").collect()
    }

    /// Looks again after each change until it holds.
    async fn wait(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        let mut changed = self.engine.changed();
        let waiting = async {
            while !condition(self) {
                // A change may come without a wake-up (a file that was edited).
                let _ = tokio::time::timeout(Duration::from_millis(50), changed.changed()).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(30), waiting).await.is_err() {
            let now = serde_json::to_string_pretty(&self.engine.observe(&application())).unwrap();
            let evidence = self.engine.evidence(&application(), "hello");
            panic!("waited in vain until {what}\n{now}\n{evidence:#?}");
        }
    }

    async fn wait_ready(&self, count: u64) {
        self.wait(&format!("{count} ready"), |world| {
            world.object("Deployment", "hello").is_some_and(|object| {
                object["status"]["readyReplicas"] == count
                    && object["status"]["replicas"] == count
                    && object["status"]["updatedReplicas"] == count
            })
        })
        .await;
    }

    fn address(&self) -> std::net::SocketAddr {
        self.engine.services().first().expect("a service listens").address
    }

    fn events(&self, reason: EventReason) -> Vec<EngineEvent> {
        let events = self.engine.evidence(&application(), "hello").events;
        events.into_iter().filter(|event| event.reason == reason).collect()
    }
}

/// A web server in one replica, ready when `/ready` says so.
fn deployment(version: u32) -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "hello"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "hello"}},
            "template": {
                "metadata": {"labels": {"app": "hello"}},
                "spec": {
                    "terminationGracePeriodSeconds": 2,
                    "containers": [{
                        "name": "main",
                        "image": format!("hello:{version}"),
                        "ports": [{"name": "http", "containerPort": 8080}],
                        "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
                    }],
                },
            },
        },
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "hello"},
        "spec": {
            "selector": {"app": "hello"},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    })
}

/// One request; the body, or what went wrong.
fn get(address: std::net::SocketAddr, path: &str, host: &str) -> std::io::Result<String> {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.to_owned()),
        _ => Err(std::io::Error::other(format!("not an answer: {answer:?}"))),
    }
}

async fn ask(address: std::net::SocketAddr, path: &'static str) -> std::io::Result<String> {
    tokio::task::spawn_blocking(move || get(address, path, "localhost")).await.unwrap()
}
