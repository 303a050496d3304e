//! What pods wrote and what their cluster says of an application's objects, for people and for evidence.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::{Event, Identity, LogChunk, LogPart, ObjectEvent, Pod, RequestError};
use deployments::ObjectKey;
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

    /// What clusters say of an application's objects and of what was made of them, the newest first.
    pub async fn events(
        &self,
        application: &ApplicationName,
    ) -> Result<Vec<ObjectEvent>, RequestError> {
        let Some(rendering) = self.renderings.of(application) else { return Ok(Vec::new()) };
        let (Place::Cluster(known), Ok(identity)) =
            (self.place_of(&rendering), rendering.identity())
        else {
            return Ok(Vec::new());
        };
        let live = self.live_objects(application);
        let keys: Vec<ObjectKey> = live.iter().filter_map(|one| ObjectKey::of(one, "")).collect();
        let name = |kind: &str, namespace: &str, name: &str| {
            (kind.to_owned(), namespace.to_owned(), name.to_owned())
        };
        let own: BTreeSet<_> =
            keys.iter().map(|key| name(&key.kind, &key.namespace, &key.name)).collect();
        // What a cluster says of objects without a namespace, it says in `default`.
        let namespaces: BTreeSet<&str> = keys
            .iter()
            .map(|key| if key.namespace.is_empty() { "default" } else { &key.namespace })
            .collect();
        let mut events = Vec::new();
        for namespace in namespaces {
            events.extend(known.cluster.events(&identity, namespace).await?);
        }
        events.retain(|one| own.contains(&name(&one.kind, &one.namespace, &one.name)));
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
