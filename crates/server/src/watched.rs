//! What the watching remembers between two looks: derived, and begun anew at each start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use ledger::{ApplicationName, CommitId, Timestamp};
use probes::check::HttpCheck;
use probes::dialer::AddressPolicy;
use probes::scrape::ScrapeTarget;
use serde_json::Value;
use workloads::{EngineEvent, EventReason};

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
}

impl Watched {
    /// How many replicas were started again since `since`.
    pub fn restarts_since(&self, application: &ApplicationName, since: Timestamp) -> u64 {
        let restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
        let of_application = restarts.get(application).into_iter().flatten();
        of_application.filter(|at| **at >= since).count() as u64
    }

    /// Takes note of an event of the workload engine, at a time of the clock that judges it.
    pub fn note(&self, event: &EngineEvent, at: Timestamp) {
        if event.reason == EventReason::Restarted {
            let mut restarts = self.restarts.lock().unwrap_or_else(PoisonError::into_inner);
            let of_application = restarts.entry(event.application.clone()).or_default();
            of_application.push_back(at);
            if of_application.len() > RESTARTS_MAX {
                of_application.pop_front();
            }
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

/// Points the scraper and the checker at what runs now.
pub fn follow_targets(server: &Arc<Server>) {
    let mut alive = BTreeMap::new();
    let mut targets = Vec::new();
    for target in server.engine.scrape_targets() {
        alive.insert((target.application.clone(), target.replica.clone()), ());
        let Some((environment, newest)) = placed(server, &target.application) else { continue };
        let revision = server.watched.revision(&target.application, &target.replica, &newest);
        let labels = BTreeMap::from([
            ("environment".into(), environment),
            ("revision".into(), revision.to_string()),
            ("replica".into(), target.replica),
        ]);
        targets.push(ScrapeTarget {
            application: target.application,
            address: target.address.to_string(),
            path: target.path,
            labels,
            interval_ms: SCRAPE_INTERVAL_MS,
        });
    }
    server.watched.forget_replicas(&alive);
    server.scraper.set_targets(targets);
    server.checker.set_checks(checks(server));
}

/// The environment and the newest planned revision of an application.
fn placed(server: &Server, application: &ApplicationName) -> Option<(String, CommitId)> {
    let views = server.recorder.views();
    let state = views.deployments.applications.get(application)?;
    let environment = state.declaration.as_ref()?.environment.as_ref().map(ToString::to_string);
    Some((environment.unwrap_or_default(), state.current()?.revision.clone()))
}

/// Services that ask to be checked: `prometheus.io/probe: "true"`, with `prometheus.io/path`.
fn checks(server: &Server) -> Vec<HttpCheck> {
    let services = server.engine.services();
    let checks = services.into_iter().filter_map(|service| {
        let rendering = server.renderings.of(&service.application)?;
        let manifest = rendering.manifests.iter().find(|one| {
            one["kind"] == "Service" && one["metadata"]["name"] == service.name.as_str()
        })?;
        let annotation =
            |name| manifest["metadata"]["annotations"].get(name).and_then(Value::as_str);
        if annotation("prometheus.io/probe") != Some("true") {
            return None;
        }
        let path = annotation("prometheus.io/path").unwrap_or("/");
        Some(HttpCheck {
            name: format!("Service {}{path}", service.name),
            application: service.application,
            url: format!("http://{}{path}", service.address),
            policy: AddressPolicy::Own,
            interval_ms: CHECK_INTERVAL_MS,
            timeout_ms: CHECK_TIMEOUT_MS,
            failure_threshold: CHECK_FAILURES,
        })
    });
    checks.collect()
}
