//! The engine's public face.

mod apply;
mod reconcile;

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger::ApplicationName;
use sandbox::{Launcher, Protection};
use tokio::sync::{broadcast, watch};

use crate::event::EngineEvent;
use crate::images::Images;
use crate::logs::{self, Log};
use crate::model::{Body, parse};
use crate::ports::Ports;
use crate::report::{
    Applied, ApplyRefusal, Change, Evidence, Inventory, LogChunk, ScrapeTarget, ServiceEndpoint,
};
use crate::service::{Route, endpoints, place};
use crate::state::{Application, Held, Inner, State};
use crate::status;
use crate::store::{Store, read_json};

/// Logs of replicas of earlier servers that are kept.
const OLD_LOGS_KEPT: usize = 50;
const EVENTS_IN_EVIDENCE: usize = 100;

/// How the engine is set up.
#[derive(Clone)]
pub struct Config {
    /// The folder that is all the engine's; made when it is not there.
    pub data: PathBuf,
    /// Where images come from.
    pub images: Arc<dyn Images>,
    /// How the sandbox's helper is started.
    pub launcher: Launcher,
    /// Protections without which no replica starts.
    pub require: BTreeSet<Protection>,
    /// Loopback ports of Services and of the Ingress. By default Kubernetes' range of node ports.
    pub service_ports: RangeInclusive<u16>,
    /// Loopback ports of replicas. By default below the range that Linux gives to outgoing
    /// connections.
    pub replica_ports: RangeInclusive<u16>,
    /// The Ingress port; `None`: one of `service_ports`, kept.
    pub ingress_port: Option<u16>,
    /// Processes and threads of one container.
    pub processes_max: u64,
    /// The wait before the second restart in a row; doubles from then on. By default Kubernetes'
    /// ten seconds.
    pub back_off: Duration,
    /// How long replicas may take to end when the engine ends.
    pub shutdown_grace: Duration,
}

impl Config {
    /// The defaults over this folder and these images.
    pub fn new(data: impl Into<PathBuf>, images: Arc<dyn Images>) -> Self {
        Self {
            data: data.into(),
            images,
            launcher: Launcher::default(),
            require: BTreeSet::new(),
            service_ports: 30_000..=32_767,
            replica_ports: 20_000..=29_999,
            ingress_port: None,
            processes_max: 2048,
            back_off: Duration::from_secs(10),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its folder cannot be used.
    #[error("the workload engine cannot use its folder {}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Runs manifests. Clones are the same engine; it ends with [`Engine::shutdown`], or with the
/// process, which takes every replica with it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

impl Engine {
    /// Reads the wishes from disk and brings them back. Must be called on a Tokio runtime.
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let folder = config.data.clone();
        let opened = tokio::task::spawn_blocking(move || read(config))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)));
        let (config, data, store, state) =
            opened.map_err(|source| OpenError::Folder { folder, source })?;
        let inner = Arc::new(Inner::new(config, data, store, state));
        tokio::spawn(reconcile::run(Arc::clone(&inner)));
        inner.wake.notify_one();
        Ok(Self { inner })
    }

    /// What is there now of the application. Objects whose file was changed by hand appear as
    /// their file says; those whose file was removed are absent.
    #[must_use]
    pub fn observe(&self, application: &ApplicationName) -> Inventory {
        apply::notice_alterations(&self.inner, Some(application));
        let state = self.inner.state();
        let mut inventory = Inventory { observed_at: crate::state::now(), ..Inventory::default() };
        if let Some(held) = state.applications.get(application) {
            inventory.as_of = held.index.newest_generation;
            for (key, held) in &held.objects {
                if held.altered {
                    let file = self.inner.store.file(application, key);
                    // A file that is gone or is no JSON any more shows no object.
                    if let Ok(Some(manifest)) = read_json::<serde_json::Value>(&file) {
                        let live = status::object(&state, application, key, held, &manifest);
                        inventory.objects.push(live);
                    }
                } else {
                    let live = status::object(&state, application, key, held, &held.manifest);
                    inventory.objects.push(live);
                }
            }
        }
        let pods = state.replicas.values().filter(|replica| &replica.application == application);
        inventory.objects.extend(pods.map(status::pod));
        inventory
    }

    /// Takes one wish and keeps it on disk; the work follows by itself. Idempotent. Refuses a
    /// generation older than the newest that this application has seen.
    pub async fn apply(
        &self,
        application: &ApplicationName,
        generation: u64,
        change: Change,
    ) -> Result<Applied, ApplyRefusal> {
        let (inner, application) = (Arc::clone(&self.inner), application.clone());
        tokio::task::spawn_blocking(move || apply::apply(&inner, &application, generation, change))
            .await
            .unwrap_or_else(|error| Err(ApplyRefusal::Disk(io::Error::other(error))))
    }

    /// What happens from now on. A receiver that is too slow misses events; [`Engine::evidence`]
    /// has the last ones.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<EngineEvent> {
        self.inner.events.subscribe()
    }

    /// Changes whenever something may look different; carries no data.
    #[must_use]
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Grows whenever the application may look different: what is derived from a look at it holds
    /// as long as this stays the same.
    #[must_use]
    pub fn version(&self, application: &ApplicationName) -> u64 {
        self.inner.version(application)
    }

    /// The running replicas whose pods are annotated with `prometheus.io/scrape: "true"`.
    #[must_use]
    pub fn scrape_targets(&self) -> Vec<ScrapeTarget> {
        let state = self.inner.state();
        let replicas = state.replicas.values().filter(|replica| {
            !replica.stopping && replica.containers.iter().any(|c| c.running_since.is_some())
        });
        replicas
            .filter_map(|replica| {
                let annotations = &replica.template.metadata.annotations;
                if annotations.get("prometheus.io/scrape").map(String::as_str) != Some("true") {
                    return None;
                }
                let declared = match annotations.get("prometheus.io/port") {
                    Some(port) => port.parse().ok()?,
                    None => {
                        let containers = &replica.template.spec.containers;
                        containers.iter().flat_map(|c| &c.ports).next()?.container_port
                    }
                };
                let port = *replica.ports.get(&declared)?;
                let path = annotations.get("prometheus.io/path").map_or("/metrics", String::as_str);
                Some(ScrapeTarget {
                    application: replica.application.clone(),
                    namespace: replica.workload.namespace.clone(),
                    workload: replica.workload.name.clone(),
                    replica: replica.name.clone(),
                    address: loopback(port),
                    path: path.to_owned(),
                    labels: replica.template.metadata.labels.clone(),
                })
            })
            .collect()
    }

    /// What can be told of a workload, with the replicas that were removed lately.
    #[must_use]
    pub fn evidence(&self, application: &ApplicationName, workload: &str) -> Evidence {
        let state = self.inner.state();
        let running = state.replicas.values().filter(|replica| {
            &replica.application == application && replica.workload.name == workload
        });
        let removed = state.removed.iter().filter(|removed| {
            &removed.application == application && removed.workload.name == workload
        });
        let replicas = running
            .map(crate::state::Replica::evidence)
            .chain(removed.map(|removed| removed.evidence.clone()))
            .collect();
        let about = |event: &&EngineEvent| {
            let object = event.workload.as_ref().unwrap_or(&event.object);
            object.name == workload
        };
        let events: Vec<EngineEvent> =
            state.events.get(application).into_iter().flatten().filter(about).cloned().collect();
        let skip = events.len().saturating_sub(EVENTS_IN_EVIDENCE);
        Evidence { replicas, events: events.into_iter().skip(skip).collect() }
    }

    /// A piece of a replica's log from this offset on; `None`: such a replica is not known.
    #[must_use]
    pub fn logs(
        &self,
        application: &ApplicationName,
        pod: &str,
        from_offset: u64,
    ) -> Option<io::Result<LogChunk>> {
        Some(self.log(application, pod)?.read(from_offset))
    }

    /// The same, once something is there or the replica has ended.
    pub async fn follow_logs(
        &self,
        application: &ApplicationName,
        pod: &str,
        from_offset: u64,
    ) -> Option<io::Result<LogChunk>> {
        let log = self.log(application, pod)?;
        Some(log.follow(from_offset).await)
    }

    fn log(&self, application: &ApplicationName, pod: &str) -> Option<Arc<Log>> {
        let state = self.inner.state();
        let running = state
            .replicas
            .values()
            .find(|replica| &replica.application == application && replica.name == pod)
            .map(|replica| Arc::clone(&replica.log));
        running.or_else(|| {
            let removed = state.removed.iter().find(|removed| {
                &removed.application == application && removed.evidence.replica == pod
            });
            removed.map(|removed| Arc::clone(&removed.log))
        })
    }

    /// Every port of every Service, with where it really listens.
    #[must_use]
    pub fn services(&self) -> Vec<ServiceEndpoint> {
        let state = self.inner.state();
        let mut found = Vec::new();
        for (application, held) in &state.applications {
            for (key, held) in &held.objects {
                let Body::Service(service) = &held.body else { continue };
                for port in &service.ports {
                    let place = place(application, key, port.port);
                    let Some(listener) = state.listeners.get(&place) else { continue };
                    let route = Route {
                        application: application.clone(),
                        key: key.clone(),
                        port: port.port,
                    };
                    found.push(ServiceEndpoint {
                        application: application.clone(),
                        namespace: key.namespace.clone(),
                        name: key.name.clone(),
                        port_name: port.name.clone(),
                        port: port.port,
                        address: loopback(listener.port),
                        ready_replicas: endpoints(&state, &route).len(),
                    });
                }
            }
        }
        found
    }

    /// Where all Ingress objects are served; `None` while there is none.
    #[must_use]
    pub fn ingress(&self) -> Option<SocketAddr> {
        self.inner.state().ingress_port.map(loopback)
    }

    /// Stops every replica, at most [`Config::shutdown_grace`] each, and waits until all are gone.
    /// The wishes stay on disk.
    pub async fn shutdown(&self) {
        let mut changed = self.changed();
        self.inner.closing.cancel();
        self.inner.wake.notify_one();
        while !self.inner.state().replicas.is_empty() {
            // The engine itself holds the sender, so this cannot fail.
            if changed.changed().await.is_err() {
                return;
            }
        }
        let listeners = std::mem::take(&mut self.inner.state().listeners);
        for mut listener in listeners.into_values() {
            // Only when the task is gone is its port free for the next engine.
            listener.task.abort();
            let _ = (&mut listener.task).await;
        }
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn read(config: Config) -> io::Result<(Config, PathBuf, Store, State)> {
    for folder in ["", "replicas", "logs", "images"] {
        fs::create_dir_all(config.data.join(folder))?;
    }
    // Secrets lie in it.
    fs::set_permissions(&config.data, fs::Permissions::from_mode(0o700))?;
    let data = fs::canonicalize(&config.data)?;
    sandbox::sweep();
    clear(&data.join("replicas"))?;
    logs::tidy(&data.join("logs"), OLD_LOGS_KEPT)?;
    let store = Store::open(&data)?;
    let mut state = State {
        service_ports: read_json(&data.join("ports.json"))?.unwrap_or_default(),
        replica_ports: Some(Ports::new(config.replica_ports.clone())),
        ..State::default()
    };
    for (name, index) in store.applications()? {
        let mut application = Application::default();
        for entry in index.objects.values() {
            let bytes = fs::read(store.file(&name, &entry.key)).unwrap_or_default();
            // A file that was altered beyond recognition is not run; the next plan restores it.
            let Ok(manifest) = serde_json::from_slice(&bytes) else { continue };
            let Ok(object) = parse(&manifest) else { continue };
            let mut held = Held::new(manifest, object, entry.clone());
            held.altered = crate::store::digest(&bytes) != entry.digest;
            held.job = store.job(&name, &entry.key)?.unwrap_or_default();
            application.objects.insert(entry.key.clone(), held);
        }
        application.index = index;
        state.applications.insert(name, application);
    }
    Ok((config, data, store, state))
}

/// The replicas of an earlier server ended with it; their folders did not.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        fs::remove_dir_all(entry?.path())?;
    }
    Ok(())
}
