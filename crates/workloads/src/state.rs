//! All that the engine knows, in one place behind one lock that is never held across a wait.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ledger::{ApplicationName, Timestamp};
use serde_json::Value;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;

use crate::engine::Config;
use crate::event::{EngineEvent, EventReason, ObjectKey};
use crate::logs::Log;
use crate::model::{Body, Object, Template};
use crate::ports::{Ports, ServicePorts};
use crate::report::{ExitRecord, ProbeAnswer, ReplicaEvidence};
use crate::service::Listener;
use crate::store::{Entry, Index, JobState, Store};

const EVENTS_KEPT: usize = 500;
const PROBE_ANSWERS_KEPT: usize = 5;
const EXITS_KEPT: usize = 20;
/// Of every workload, this many replicas are remembered after their end.
pub(crate) const REMOVED_KEPT: usize = 5;

/// What tasks share.
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) data: PathBuf,
    pub(crate) store: Store,
    state: Mutex<State>,
    /// Wakes the reconciler.
    pub(crate) wake: Notify,
    pub(crate) changed: watch::Sender<u64>,
    /// How often something may have come to look different, for each application.
    versions: Mutex<BTreeMap<ApplicationName, u64>>,
    pub(crate) events: broadcast::Sender<EngineEvent>,
    /// Set once, when the engine ends.
    pub(crate) closing: CancellationToken,
    counter: AtomicU64,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) applications: BTreeMap<ApplicationName, Application>,
    pub(crate) replicas: BTreeMap<u64, Replica>,
    pub(crate) removed: VecDeque<Removed>,
    pub(crate) listeners: BTreeMap<String, Listener>,
    pub(crate) service_ports: ServicePorts,
    pub(crate) replica_ports: Option<Ports>,
    pub(crate) events: BTreeMap<ApplicationName, VecDeque<EngineEvent>>,
    pub(crate) ingress_port: Option<u16>,
}

#[derive(Default)]
pub(crate) struct Application {
    pub(crate) index: Index,
    pub(crate) objects: BTreeMap<ObjectKey, Held>,
}

/// An object as it was wished.
pub(crate) struct Held {
    pub(crate) manifest: Value,
    pub(crate) body: Body,
    pub(crate) entry: Entry,
    /// The file differs from what was applied.
    pub(crate) altered: bool,
    pub(crate) template: Option<Arc<Template>>,
    pub(crate) template_hash: String,
    pub(crate) progress: Progress,
    pub(crate) job: JobState,
}

impl Held {
    pub(crate) fn new(manifest: Value, object: Object, entry: Entry) -> Self {
        let template = match &object.body {
            Body::Deployment(deployment) => Some(Arc::new(deployment.template.clone())),
            Body::Job(job) => Some(Arc::new(job.template.clone())),
            Body::Data(_) | Body::Service(_) | Body::Ingress(_) => None,
        };
        let template_hash = manifest
            .pointer("/spec/template")
            .map(|template| crate::store::digest(sorted(template).to_string().as_bytes()))
            .map(|digest| digest[..10].to_owned())
            .unwrap_or_default();
        Self {
            manifest,
            body: object.body,
            entry,
            altered: false,
            template,
            template_hash,
            progress: Progress::default(),
            job: JobState::default(),
        }
    }
}

/// The value with its keys in order, so that equal templates have equal hashes.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<&String, Value> =
                fields.iter().map(|(key, value)| (key, sorted(value))).collect();
            fields.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// How a roll-out gets on.
#[derive(Default)]
pub(crate) struct Progress {
    /// What was last seen: template, replicas of it, available ones, old ones.
    pub(crate) seen: Option<(String, usize, usize, usize)>,
    pub(crate) since: Option<Instant>,
    pub(crate) complete: bool,
    /// The message of the deadline that was missed.
    pub(crate) exceeded: Option<String>,
}

/// A replica (pod).
pub(crate) struct Replica {
    pub(crate) name: String,
    pub(crate) application: ApplicationName,
    pub(crate) workload: ObjectKey,
    /// The object's life and generation that it was made for.
    pub(crate) uid: String,
    pub(crate) generation: u64,
    pub(crate) template: Arc<Template>,
    pub(crate) template_hash: String,
    pub(crate) created_at: Timestamp,
    /// From the declared port to the real one.
    pub(crate) ports: BTreeMap<u16, u16>,
    pub(crate) containers: Vec<ContainerState>,
    pub(crate) ready_since: Option<Instant>,
    pub(crate) stopping: bool,
    /// Whether all its containers ended well, once they ended for good.
    pub(crate) finished: Option<bool>,
    pub(crate) stop: CancellationToken,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) log: Arc<Log>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct ContainerState {
    pub(crate) running_since: Option<Timestamp>,
    pub(crate) ready: bool,
    pub(crate) restarts: u32,
    pub(crate) waiting: Option<(&'static str, String)>,
    pub(crate) exits: VecDeque<ExitRecord>,
    pub(crate) probe_answers: VecDeque<ProbeAnswer>,
}

impl ContainerState {
    pub(crate) fn add_exit(&mut self, exit: ExitRecord) {
        self.exits.push_back(exit);
        if self.exits.len() > EXITS_KEPT {
            self.exits.pop_front();
        }
    }

    /// Answers that only repeat the last one take its place: a replica that is asked every few
    /// milliseconds until it is up would push out all else.
    pub(crate) fn add_answer(&mut self, answer: ProbeAnswer) {
        let repeats = self.probe_answers.back().is_some_and(|last| {
            !answer.success
                && (last.probe, last.success, last.status, &last.body)
                    == (answer.probe, answer.success, answer.status, &answer.body)
        });
        if repeats {
            self.probe_answers.pop_back();
        }
        self.probe_answers.push_back(answer);
        if self.probe_answers.len() > PROBE_ANSWERS_KEPT {
            self.probe_answers.pop_front();
        }
    }
}

impl Replica {
    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey {
            kind: "Pod".to_owned(),
            namespace: self.workload.namespace.clone(),
            name: self.name.clone(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready_since.is_some() && !self.stopping
    }

    pub(crate) fn restarts(&self) -> u32 {
        self.containers.iter().map(|container| container.restarts).sum()
    }

    pub(crate) fn evidence(&self) -> ReplicaEvidence {
        let mut probe_answers: Vec<ProbeAnswer> =
            self.containers.iter().flat_map(|container| container.probe_answers.clone()).collect();
        probe_answers.sort_by_key(|answer| answer.at);
        let surplus = probe_answers.len().saturating_sub(PROBE_ANSWERS_KEPT);
        probe_answers.drain(..surplus);
        let mut exits: Vec<ExitRecord> =
            self.containers.iter().flat_map(|container| container.exits.clone()).collect();
        exits.sort_by_key(|exit| exit.at);
        ReplicaEvidence {
            replica: self.name.clone(),
            template_hash: self.template_hash.clone(),
            images: self.template.spec.containers.iter().map(|c| c.image.clone()).collect(),
            removed: false,
            ready: self.is_ready(),
            restarts: self.restarts(),
            probe_answers,
            log_lines: self.log.last_lines(),
            exits,
        }
    }
}

/// A replica that is gone.
pub(crate) struct Removed {
    pub(crate) application: ApplicationName,
    pub(crate) workload: ObjectKey,
    pub(crate) evidence: ReplicaEvidence,
    pub(crate) log: Arc<Log>,
}

/// The connections through services to one replica.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    connections: Mutex<BTreeMap<u64, Connection>>,
    counter: AtomicU64,
}

#[derive(Debug)]
struct Connection {
    cut: CancellationToken,
    /// A request may be under way: the client spoke last.
    waiting: bool,
    last: Instant,
}

impl Traffic {
    fn with<T>(&self, work: impl FnOnce(&mut BTreeMap<u64, Connection>) -> T) -> T {
        work(&mut self.connections.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new connection, which counts as a request until the replica has answered.
    pub(crate) fn enter(&self) -> (u64, CancellationToken) {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let cut = CancellationToken::new();
        let connection = Connection { cut: cut.clone(), waiting: true, last: Instant::now() };
        self.with(|connections| connections.insert(number, connection));
        (number, cut)
    }

    pub(crate) fn moved(&self, number: u64, from_client: bool) {
        self.with(|connections| {
            if let Some(connection) = connections.get_mut(&number) {
                connection.waiting = from_client;
                connection.last = Instant::now();
            }
        });
    }

    pub(crate) fn leave(&self, number: u64) {
        self.with(|connections| connections.remove(&number));
    }

    /// Cuts the connections over which nothing is under way; says how many are left.
    pub(crate) fn cut_idle(&self, quiet: std::time::Duration) -> usize {
        self.with(|connections| {
            for connection in connections.values() {
                if !connection.waiting && connection.last.elapsed() >= quiet {
                    connection.cut.cancel();
                }
            }
            connections.len()
        })
    }

    pub(crate) fn cut_all(&self) {
        self.with(|connections| connections.values().for_each(|c| c.cut.cancel()));
    }
}

impl Inner {
    pub(crate) fn new(config: Config, data: PathBuf, store: Store, state: State) -> Self {
        Self {
            config,
            data,
            store,
            state: Mutex::new(state),
            wake: Notify::new(),
            changed: watch::Sender::new(0),
            versions: Mutex::default(),
            events: broadcast::Sender::new(1024),
            closing: CancellationToken::new(),
            counter: AtomicU64::new(1),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that was not used before in this process.
    pub(crate) fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    /// Something happened to an application: the reconciler looks again, and so does whoever
    /// watches.
    pub(crate) fn touch(&self, application: &ApplicationName) {
        self.wake.notify_one();
        self.show(application);
    }

    /// Something happened to a replica.
    pub(crate) fn touch_replica(&self, replica: u64) {
        let application = self.state().replicas.get(&replica).map(|r| r.application.clone());
        match application {
            Some(application) => self.touch(&application),
            // It is gone, which was told when it went.
            None => self.wake.notify_one(),
        }
    }

    /// An application may look different to whoever watches.
    pub(crate) fn show(&self, application: &ApplicationName) {
        {
            let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
            *versions.entry(application.clone()).or_default() += 1;
        }
        self.changed.send_modify(|version| *version += 1);
    }

    /// Grows whenever the application may look different.
    pub(crate) fn version(&self, application: &ApplicationName) -> u64 {
        let versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.get(application).copied().unwrap_or_default()
    }

    /// Changes a container's state, when its replica is still there.
    pub(crate) fn container(
        &self,
        replica: u64,
        index: usize,
        work: impl FnOnce(&mut ContainerState),
    ) {
        if let Some(container) =
            self.state().replicas.get_mut(&replica).and_then(|r| r.containers.get_mut(index))
        {
            work(container);
        }
    }

    /// Tells what happened to a replica.
    pub(crate) fn tell_replica(
        &self,
        replica: u64,
        reason: EventReason,
        message: impl Into<String>,
    ) {
        let subject = self
            .state()
            .replicas
            .get(&replica)
            .map(|r| (r.application.clone(), r.key(), Some(r.workload.clone())));
        if let Some((application, object, workload)) = subject {
            self.tell(application, object, workload, reason, message);
        }
    }

    pub(crate) fn tell(
        &self,
        application: ApplicationName,
        object: ObjectKey,
        workload: Option<ObjectKey>,
        reason: EventReason,
        message: impl Into<String>,
    ) {
        let message = message.into();
        tracing::info!(%application, %object, reason = reason.code(), "{message}");
        let event = EngineEvent { application, object, workload, reason, message, at: now() };
        {
            let mut state = self.state();
            let events = state.events.entry(event.application.clone()).or_default();
            events.push_back(event.clone());
            if events.len() > EVENTS_KEPT {
                events.pop_front();
            }
        }
        // Nobody listens: then it is only kept.
        let _ = self.events.send(event);
    }
}

/// The wall clock, for what people read; every timer uses the monotonic one.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
