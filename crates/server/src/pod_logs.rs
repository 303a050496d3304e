//! What pods wrote and what their cluster says of an application's objects, for people and for evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::{Event, Identity, LogChunk, LogPart, ObjectEvent, Pod, RequestError};
use deployments::{ObjectKey, owner};
use ledger::ApplicationName;
use monitoring::EvidenceContent;
use serde::Serialize;
use serde_json::Value;

use crate::clusters::Known;
use crate::renderings::Rendering;
use crate::replicas::templates;
use crate::state::Server;
use crate::targets::Place;

/// Of how many pods evidence is saved: those that are not well come first.
const PODS_MAX: usize = 10;
/// Pods that are asked at once; their cluster has other things to do as well.
const PODS_AT_ONCE: usize = 4;
const LINES_MAX: u32 = 200;
const EVENTS_MAX: u32 = 50;

/// What explains how a workload is.
#[derive(Debug, Default, Serialize)]
pub struct WorkloadEvidence {
    replicas: Vec<PodEvidence>,
}

/// What explains how a pod is.
#[derive(Debug, Serialize)]
struct PodEvidence {
    replica: String,
    ready: bool,
    phase: String,
    restarts: u64,
    /// Each with its time before it.
    log_lines: Vec<String>,
    /// Of the process before the last restart.
    previous_log_lines: Vec<String>,
    events: Vec<Event>,
    /// What could not be had, and why.
    problems: Vec<String>,
}

/// A pod, and how it is asked.
struct Asked {
    known: Arc<Known>,
    identity: Identity,
    container: Option<String>,
    pod: Pod,
}

impl Server {
    /// A part of the log of a pod; `None`: no cluster runs a pod of this name for the application.
    pub async fn pod_log(
        &self,
        application: &ApplicationName,
        pod: &str,
        offset: u64,
        follow: bool,
    ) -> Option<Result<LogChunk, RequestError>> {
        let rendering = self.renderings.of(application)?;
        let asked = self.asked(&rendering).find(|one| one.pod.name == pod)?;
        let read = asked.known.cluster.log(&asked.identity, asked.part(false), offset, follow);
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            chunk = read => Some(chunk),
            () = crate::state::stopped(&mut stopping) => {
                Some(Ok(LogChunk { bytes: Vec::new(), next_offset: offset, ended: false }))
            }
        }
    }

    /// What clusters say of an application's objects and of what was made of them, the newest first; or
    /// why it cannot be had. Of an object that Git only names, and that is somebody else's, nothing is told.
    pub async fn events(&self, application: &ApplicationName) -> Result<Vec<ObjectEvent>, String> {
        let Some(rendering) = self.renderings.of(application) else { return Ok(Vec::new()) };
        let Place::Cluster(known) = self.place_of(&rendering) else { return Ok(Vec::new()) };
        let identity = rendering.identity().map_err(|refusal| refusal.to_string())?;
        let key = |object: &Value| ObjectKey::of(object, "");
        let inventory = known.cluster.inventory(application);
        let tracked = inventory.objects.iter().filter_map(|live| {
            let key = key(&live.manifest)?;
            (owner(&live.manifest, &key) == Some(application.as_str())).then_some(key)
        });
        let children = known.cluster.children(application);
        let own: BTreeSet<ObjectKey> = tracked.chain(children.iter().filter_map(key)).collect();
        let namespaces: BTreeSet<&str> =
            own.iter().map(|key| key.namespace.as_str()).filter(|name| !name.is_empty()).collect();
        let mut asking = Vec::new();
        for namespace in &namespaces {
            asking.push(known.cluster.events(&identity, namespace));
        }
        let mut events = Vec::new();
        for answer in futures::future::join_all(asking).await {
            events.extend(answer.map_err(|error| error.to_string())?);
        }
        // What is said of objects without a namespace stands in `default`, which an account of a project
        // need not be able to read.
        let in_none = own.iter().any(|key| key.namespace.is_empty());
        if in_none && !namespaces.contains("default") {
            events.extend(known.cluster.events(&identity, "default").await.unwrap_or_default());
        }
        let is_own = |one: &ObjectEvent| {
            own.contains(&ObjectKey {
                group: one.group.clone(),
                kind: one.kind.clone(),
                namespace: one.namespace.clone(),
                name: one.name.clone(),
            })
        };
        events.retain(is_own);
        events.sort_by(|one, other| other.event.at.cmp(&one.event.at));
        Ok(events)
    }

    /// What explains how the pods of an application are, by workload. What cannot be had is said
    /// in its place.
    pub async fn pod_evidence(
        &self,
        application: &ApplicationName,
    ) -> BTreeMap<String, WorkloadEvidence> {
        let Some(rendering) = self.renderings.of(application) else { return BTreeMap::new() };
        let mut asked: Vec<Asked> = self.asked(&rendering).collect();
        asked.sort_by_key(|one| (one.pod.state.ready, std::cmp::Reverse(one.pod.state.restarts)));
        asked.truncate(PODS_MAX);
        let mut workloads: BTreeMap<String, WorkloadEvidence> = BTreeMap::new();
        for some in asked.chunks(PODS_AT_ONCE) {
            let mut collecting = Vec::new();
            for one in some {
                collecting.push(one.evidence());
            }
            let collected = futures::future::join_all(collecting).await;
            for (one, evidence) in some.iter().zip(collected) {
                let workload = workloads.entry(one.pod.owner.name.clone()).or_default();
                workload.replicas.push(evidence);
            }
        }
        workloads
    }

    /// The application's pods, when a cluster runs it and its project has an account there.
    fn asked(&self, rendering: &Arc<Rendering>) -> impl Iterator<Item = Asked> + use<> {
        let place = match (self.place_of(rendering), rendering.identity()) {
            (Place::Cluster(known), Ok(identity)) => Some((known, identity)),
            (Place::Cluster(_) | Place::Processes | Place::Nowhere, _) => None,
        };
        let rendering = Arc::clone(rendering);
        place.into_iter().flat_map(move |(known, identity)| {
            let templates = templates(&rendering);
            let pods = known.cluster.pods(&rendering.application.name).into_iter();
            let asked: Vec<Asked> = pods
                .map(|pod| {
                    let key = (pod.owner.kind.as_str(), pod.owner.name.as_str());
                    let container = templates.get(&key).and_then(|template| {
                        template.pointer("/spec/containers/0/name").and_then(Value::as_str)
                    });
                    let container = container.map(str::to_owned);
                    Asked { known: Arc::clone(&known), identity: identity.clone(), container, pod }
                })
                .collect();
            asked
        })
    }
}

impl Asked {
    fn part(&self, previous: bool) -> LogPart<'_> {
        LogPart { pod: &self.pod, container: self.container.as_deref(), previous }
    }

    async fn evidence(&self) -> PodEvidence {
        let state = &self.pod.state;
        let mut evidence = PodEvidence {
            replica: self.pod.name.clone(),
            ready: state.ready,
            phase: state.phase.clone(),
            restarts: state.restarts,
            log_lines: Vec::new(),
            previous_log_lines: Vec::new(),
            events: Vec::new(),
            problems: Vec::new(),
        };
        let cluster = &self.known.cluster;
        match cluster.last_log_lines(&self.identity, self.part(false), LINES_MAX).await {
            Ok(bytes) => evidence.log_lines = lines(&bytes),
            Err(error) => evidence.problems.push(error.to_string()),
        }
        if state.restarts > 0 {
            match cluster.last_log_lines(&self.identity, self.part(true), LINES_MAX).await {
                Ok(bytes) => evidence.previous_log_lines = lines(&bytes),
                Err(error) => evidence.problems.push(error.to_string()),
            }
        }
        match cluster.pod_events(&self.identity, &self.pod, EVENTS_MAX).await {
            Ok(events) => evidence.events = events,
            Err(error) => evidence.problems.push(error.to_string()),
        }
        evidence
    }
}

impl WorkloadEvidence {
    /// What it holds, counted.
    pub fn content(&self, workload: &str) -> EvidenceContent {
        let log_lines = |one: &PodEvidence| one.log_lines.len() + one.previous_log_lines.len();
        EvidenceContent::Workload {
            workload: workload.to_owned(),
            log_lines: self.replicas.iter().map(log_lines).sum(),
            probe_answers: 0,
            events: self.replicas.iter().map(|one| one.events.len()).sum(),
        }
    }
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}
