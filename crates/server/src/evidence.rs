//! Saves what explains a failure before the failing version is removed.

use std::sync::Arc;

use anyhow::Context;
use control::configuration::Environment;
use deployments::HealthStatus;
use ledger::{Actor, ApplicationName, CommitId, Draft, Subject, Timestamp};
use monitoring::{EvidenceContent, MonitoringFact, Verdict};
use serde_json::{Value, json};

use crate::state::Server;

const ACTOR: &str = "assess";
/// How far back the saved window of metrics goes.
const METRICS_WINDOW_MINUTES: u32 = 5;
const METRICS_WINDOW_MS: i64 = METRICS_WINDOW_MINUTES as i64 * 60 * 1000;
const METRICS_STEP_MS: u64 = 1_000;

/// Writes the evidence of an application's revision and gives the fact that names it.
pub async fn save(
    server: &Arc<Server>,
    environment: &Environment,
    revision: &CommitId,
    now: Timestamp,
) -> anyhow::Result<Draft> {
    let application = &environment.application;
    let (document, contents) = collect(server, environment, revision, now).await;
    let bytes = serde_json::to_vec_pretty(&document).context("the evidence is not JSON")?;
    let digest = server.registry.blobs().put_bytes(bytes).await?;
    let fact = MonitoringFact::EvidenceSaved {
        application: application.clone(),
        environment: environment.name.clone(),
        revision: revision.clone(),
        digest,
        summary: contents.iter().map(ToString::to_string).collect(),
        contents,
    };
    Ok(Draft::new(now, Actor::system(ACTOR), Subject::application(application), &fact))
}

impl Server {
    /// Saves the evidence of a revision that is not well and is about to be replaced, unless that
    /// was done when it was found sick. A failure to save is reported, it does not keep a bad version.
    pub async fn save_evidence_before_change(self: &Arc<Self>, application: &ApplicationName) {
        let Some((environment, revision)) = self.unsaved_trouble(application).await else { return };
        let saved = match save(self, &environment, &revision, self.clock.now()).await {
            Ok(draft) => self.recorder.append(vec![draft]).await.map(drop).map_err(Into::into),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            tracing::error!(%application, error = format!("{error:#}"), "evidence was not saved");
        }
    }

    async fn unsaved_trouble(
        self: &Arc<Self>,
        application: &ApplicationName,
    ) -> Option<(Environment, CommitId)> {
        let (repository, revision) = {
            let views = self.recorder.views();
            let state = views.deployments.applications.get(application)?;
            let running = state.running()?;
            let health = state.health.as_ref()?;
            let assessment = views.monitoring.assessment_of(application, &running.revision);
            let sick = assessment.is_some_and(|one| one.verdict == Verdict::Sick);
            let saved = assessment.is_some_and(|one| !one.evidence.is_empty());
            if saved || !(sick || health.status == HealthStatus::Degraded) {
                return None;
            }
            (state.declaration.as_ref()?.repository.clone(), running.revision.clone())
        };
        let configured = self.configurations.of_default_branch(self, &repository).await.ok()??;
        Some((configured.environment_of(application)?.clone(), revision))
    }
}

async fn collect(
    server: &Arc<Server>,
    environment: &Environment,
    revision: &CommitId,
    now: Timestamp,
) -> (Value, Vec<EvidenceContent>) {
    let application = &environment.application;
    let mut workloads = serde_json::Map::new();
    let mut contents = Vec::new();
    for (workload, evidence) in workload_evidence(server, application) {
        contents.push(EvidenceContent::Workload {
            workload: workload.clone(),
            log_lines: evidence.replicas.iter().map(|one| one.log_lines.len()).sum(),
            probe_answers: evidence.replicas.iter().map(|one| one.probe_answers.len()).sum(),
            events: evidence.events.len(),
        });
        workloads.insert(workload, json!(evidence));
    }
    for (workload, evidence) in server.pod_evidence(application).await {
        contents.push(evidence.content(&workload));
        workloads.insert(workload, json!(evidence));
    }
    let checks: Vec<Value> = server
        .checker
        .statuses()
        .into_iter()
        .filter(|(check, _)| check.application == *application)
        .map(|(check, status)| {
            let answers = status.answers.iter();
            json!({
                "check": check.name,
                "answers": answers
                    .map(|one| json!({"at": one.at.to_string(), "answer": one.outcome.summary()}))
                    .collect::<Vec<_>>(),
            })
        })
        .collect();
    let metrics = metrics(server, environment, now).await;
    let minutes = u64::from(METRICS_WINDOW_MINUTES);
    contents.push(EvidenceContent::Metrics { series: metrics.len(), minutes });
    let document = json!({
        "application": application,
        "environment": environment.name,
        "revision": revision,
        "saved_at": now.to_string(),
        "workloads": workloads,
        "checks": checks,
        "metrics": metrics,
    });
    (document, contents)
}

fn workload_evidence(
    server: &Server,
    application: &ApplicationName,
) -> Vec<(String, workloads::Evidence)> {
    let Some(rendering) = server.renderings.of(application) else { return Vec::new() };
    let workloads = rendering
        .manifests
        .iter()
        .filter(|one| one["kind"] == "Deployment" || one["kind"] == "Job");
    let names = workloads.filter_map(|one| one["metadata"]["name"].as_str());
    names.map(|name| (name.to_owned(), server.engine.evidence(application, name))).collect()
}

/// Every series of the application over the window; what cannot be read is said in its place.
async fn metrics(server: &Server, environment: &Environment, now: Timestamp) -> Vec<Value> {
    let query = format!(
        "{{application=\"{}\",environment=\"{}\"}}",
        environment.application, environment.name
    );
    let span = probes::store::Span { start: now.plus_ms(-METRICS_WINDOW_MS), end: now };
    match server.metrics.range(&query, span, METRICS_STEP_MS).await {
        Ok(series) => series
            .into_iter()
            .map(|one| {
                let points = one.points.iter().map(|(at, value)| json!([at.0, value.to_string()]));
                json!({"labels": one.labels, "points": points.collect::<Vec<_>>()})
            })
            .collect(),
        Err(error) => vec![json!({"problem": error.to_string()})],
    }
}
