//! What the watching remembers between two looks: derived, and begun anew at each start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ledger::{ApplicationName, CommitId, Timestamp};
use probes::check::HttpCheck;
use probes::scrape::ScrapeTarget;
use serde_json::Value;
use workloads::{EngineEvent, EventReason};

use crate::replicas::{KnownPods, Pods};
use crate::state::Server;

/// How often metrics are scraped.
pub const SCRAPE_INTERVAL_MS: u64 = 1_000;
/// How often a service is asked from outside.
const CHECK_INTERVAL_MS: u64 = 1_000;
/// How long a service may take to answer a check.
const CHECK_TIMEOUT_MS: u64 = 2_000;
/// How many failed checks in a row make a service sick.
const CHECK_FAILURES: u64 = 3;
/// Restarts that are remembered per application: many times what is tolerated.
const RESTARTS_MAX: usize = 100;

/// What is remembered.
#[derive(Default)]
pub struct Watched {
    /// When each deployment was assessed last.
    pub assessed_at: Mutex<BTreeMap<(ApplicationName, u64), Timestamp>>,
    revisions: Mutex<BTreeMap<(ApplicationName, String), CommitId>>,
    restarts: Mutex<BTreeMap<ApplicationName, VecDeque<Timestamp>>>,
    /// The pods that were found last.
    pub pods: KnownPods,
    /// How often the containers of each pod had been started again at the last look.
    pod_restarts: Mutex<BTreeMap<(ApplicationName, String), u64>>,
}

impl Watched {
    /// How many replicas were started again since `since`.
    pub fn restarts_since(&self, application: &ApplicationName, since: Timestamp) -> u64 {
        let restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_application = restarts.get(application).into_iter().flatten();
        of_application.filter(|at| **at >= since).count() as u64
    }

    /// Takes note of how often the containers of pods were started again. What happened before a
    /// pod was seen first is not counted: nobody knows when it was.
    fn count_restarts(
        &self,
        pods: impl Iterator<Item = (ApplicationName, String, u64)>,
        at: Timestamp,
    ) {
        let mut known = self.pod_restarts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = BTreeMap::new();
        for (application, pod, count) in pods {
            let key = (application, pod);
            let before = known.get(&key).copied().unwrap_or(count);
            for _ in before..count {
                self.restarted(&key.0, at);
            }
            seen.insert(key, count);
        }
        *known = seen;
    }

    fn restarted(&self, application: &ApplicationName, at: Timestamp) {
        let mut restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_application = restarts.entry(application.clone()).or_default();
        of_application.push_back(at);
        if of_application.len() > RESTARTS_MAX {
            of_application.pop_front();
        }
    }

    /// Takes note of an event of the workload engine, at a time of the clock that judges it.
    pub fn note(&self, event: &EngineEvent, at: Timestamp) {
        if event.reason == EventReason::Restarted {
            self.restarted(&event.application, at);
        }
    }

    /// The revision that a replica runs: the one that was deployed when it was first seen.
    fn revision(
        &self,
        application: &ApplicationName,
        replica: &str,
        newest: &CommitId,
    ) -> CommitId {
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (application.clone(), replica.to_owned());
        revisions.entry(key).or_insert_with(|| newest.clone()).clone()
    }

    fn forget_replicas(&self, alive: &BTreeMap<(ApplicationName, String), ()>) {
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        revisions.retain(|key, _| alive.contains_key(key));
    }
}

/// Points the scraper and the checker at what runs now, and counts what was started again.
pub fn follow_targets(server: &Arc<Server>) {
    let mut alive = BTreeMap::new();
    let mut targets = Vec::new();
    let pods = server.pods();
    for exposed in server.exposed(&pods) {
        alive.insert((exposed.application.clone(), exposed.replica.clone()), ());
        let Some((environment, newest)) = placed(server, &exposed.application) else { continue };
        let revision = server.watched.revision(&exposed.application, &exposed.replica, &newest);
        let labels = BTreeMap::from([
            ("environment".into(), environment),
            ("revision".into(), revision.to_string()),
            ("replica".into(), exposed.replica),
        ]);
        targets.push(ScrapeTarget {
            application: exposed.application,
            address: exposed.address.to_string(),
            path: exposed.path,
            policy: exposed.policy,
            labels,
            interval_ms: SCRAPE_INTERVAL_MS,
        });
    }
    server.watched.forget_replicas(&alive);
    server.watched.count_restarts(pods.restarts(), server.clock.now());
    server.scraper.set_targets(targets);
    server.checker.set_checks(checks(server, &pods));
}

/// The environment and the newest planned revision of an application.
fn placed(server: &Server, application: &ApplicationName) -> Option<(String, CommitId)> {
    let views = server.recorder.views();
    let state = views.deployments.applications.get(application)?;
    let environment = state.declaration.as_ref()?.environment.as_ref().map(ToString::to_string);
    Some((environment.unwrap_or_default(), state.current()?.revision.clone()))
}

/// Services that ask to be checked: `prometheus.io/probe: "true"`, with `prometheus.io/path`.
fn checks(server: &Server, pods: &Pods) -> Vec<HttpCheck> {
    let is_checked = |manifest: &Value| annotation(manifest, "prometheus.io/probe") == Some("true");
    let checks = server.endpoints(pods, is_checked).into_iter().filter_map(|service| {
        let rendering = server.renderings.of(&service.application)?;
        let manifest = rendering.manifests.iter().find(|one| {
            one["kind"] == "Service" && one["metadata"]["name"] == service.name.as_str()
        })?;
        if !is_checked(manifest) {
            return None;
        }
        let path = annotation(manifest, "prometheus.io/path").unwrap_or("/");
        let address = service.addresses.first()?;
        Some(HttpCheck {
            name: format!("Service {}{path}", service.name),
            application: service.application,
            url: format!("http://{address}{path}"),
            policy: service.policy,
            interval_ms: CHECK_INTERVAL_MS,
            timeout_ms: CHECK_TIMEOUT_MS,
            failure_threshold: CHECK_FAILURES,
        })
    });
    checks.collect()
}

fn annotation<'a>(manifest: &'a Value, name: &str) -> Option<&'a str> {
    manifest["metadata"]["annotations"].get(name).and_then(Value::as_str)
}
