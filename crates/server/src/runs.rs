//! The runs that have not ended: gives events to the scheduler, records its facts, starts jobs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use ledger::{Actor, Draft, RunId, Subject};
use pipelines::facts::{Conclusion, JobKey, PipelineFact, RunSource};
use pipelines::run::job::JobEnd;
use pipelines::run::plan::{JobPlan, ServerContext};
use pipelines::run::reasons::EndReason;
use pipelines::run::{Effect, RunEvent, RunSettings, Scheduler};
use pipelines::view::RunRecord;
use pipelines::workflow::model::Workflow;
use repositories::facts::{CheckState, RepositoryFact};
use repositories::secrets::SecretName;
use runner::{JobEvent, JobRequest};
use tokio::sync::watch;

use crate::state::Server;

/// Who runs are recorded by.
const ACTOR: &str = "pipelines";

/// The runs that have not ended and the jobs that run.
#[derive(Default)]
pub struct Runs {
    /// Held from an event until its facts are recorded, so that facts keep the scheduler's order.
    scheduler: tokio::sync::Mutex<Scheduler>,
    cancellers: Mutex<BTreeMap<RunningKey, watch::Sender<Option<EndReason>>>>,
    /// What the default branches schedule.
    pub(crate) schedules: Mutex<Option<crate::tasks::trigger_runs::Schedules>>,
}

type RunningKey = (RunId, u32, JobKey);

/// Creates a run of a workflow.
pub async fn create(
    server: &Arc<Server>,
    source: RunSource,
    workflow: Arc<Workflow>,
    caused_by: ledger::Sequence,
) -> anyhow::Result<RunId> {
    let mut scheduler = server.runs.scheduler.lock().await;
    let run = server.recorder.views().pipelines.next_run();
    let effects = scheduler.create(run, source, workflow, settings(server), server.clock.now());
    perform(server, &scheduler, effects, &[caused_by]).await?;
    Ok(run)
}

/// Gives an event to a run.
pub async fn handle(server: &Arc<Server>, run: RunId, event: RunEvent) -> anyhow::Result<()> {
    let mut scheduler = server.runs.scheduler.lock().await;
    let effects = scheduler.step(run, event, server.clock.now());
    perform(server, &scheduler, effects, &[]).await
}

/// Begins a new attempt of a run that has ended.
pub async fn rerun(
    server: &Arc<Server>,
    record: RunRecord,
    workflow: Arc<Workflow>,
    failed_only: bool,
) -> anyhow::Result<()> {
    let mut scheduler = server.runs.scheduler.lock().await;
    let settings = settings(server);
    let effects = scheduler.rerun(record, workflow, settings, failed_only, server.clock.now());
    perform(server, &scheduler, effects, &[]).await
}

/// Takes up the runs that had not ended when the server stopped.
pub async fn restore(
    server: &Arc<Server>,
    runs: Vec<(RunRecord, Arc<Workflow>)>,
) -> anyhow::Result<()> {
    let mut scheduler = server.runs.scheduler.lock().await;
    let settings = settings(server);
    let runs =
        runs.into_iter().map(|(record, workflow)| (record, workflow, settings.clone())).collect();
    let effects = scheduler.restore(runs, server.clock.now());
    perform(server, &scheduler, effects, &[]).await
}

fn settings(server: &Server) -> RunSettings {
    RunSettings { variables: BTreeMap::new(), server: ServerContext { url: server.url.clone() } }
}

/// Records first, then acts: a job that starts is on disk before it runs.
async fn perform(
    server: &Arc<Server>,
    scheduler: &Scheduler,
    effects: Vec<Effect>,
    causes: &[ledger::Sequence],
) -> anyhow::Result<()> {
    let mut drafts = Vec::new();
    let mut acts = Vec::new();
    for effect in effects {
        match effect {
            Effect::Record(fact) => {
                drafts.push(draft(server, &fact).caused_by(causes.iter().copied()));
                drafts.extend(check_draft(server, scheduler, &fact));
            }
            Effect::StartJob(plan) => acts.push(Act::Start(plan)),
            Effect::CancelJob { run, attempt, job, reason } => {
                acts.push(Act::Cancel((run, attempt, job), reason));
            }
        }
    }
    if !drafts.is_empty() {
        server.recorder.append(drafts).await.context("the run's facts could not be recorded")?;
    }
    for act in acts {
        match act {
            Act::Start(plan) => start(server, plan),
            Act::Cancel(key, reason) => cancel(server, &key, reason),
        }
    }
    Ok(())
}

enum Act {
    Start(Arc<JobPlan>),
    Cancel(RunningKey, EndReason),
}

fn draft(server: &Server, fact: &PipelineFact) -> Draft {
    Draft::new(server.clock.now(), Actor::system(ACTOR), fact.subject(), fact)
}

fn start(server: &Arc<Server>, plan: Arc<JobPlan>) {
    let key: RunningKey = (plan.run, plan.attempt, plan.key.clone());
    let source = plan.source.clone();
    let secrets = match secrets(server, &source) {
        Ok(secrets) => secrets,
        Err(error) => return refuse(server, key, &error),
    };
    let request = JobRequest { plan, secrets, variables: BTreeMap::new() };
    let mut running = server.runner.start(request);
    {
        let mut cancellers = server.runs.cancellers.lock().unwrap_or_else(PoisonError::into_inner);
        cancellers.insert(key.clone(), running.canceller());
    }
    let server = Arc::clone(server);
    tokio::spawn(async move {
        while let Some(event) = running.events.recv().await {
            let Some(event) = run_event(&key, &source, event) else { continue };
            if let Err(error) = handle(&server, key.0, event).await {
                tracing::error!(error = format!("{error:#}"), "a job's report could not be kept");
            }
        }
        let mut cancellers = server.runs.cancellers.lock().unwrap_or_else(PoisonError::into_inner);
        cancellers.remove(&key);
    });
}

/// What a job may know: nothing, unless somebody who may write has accepted its code.
fn secrets(server: &Server, source: &RunSource) -> anyhow::Result<BTreeMap<String, String>> {
    if !source.trusted {
        return Ok(BTreeMap::new());
    }
    let names: Vec<SecretName> = {
        let views = server.recorder.views();
        views.repositories.job_secrets(&source.repository).cloned().collect()
    };
    server.secrets.of_repository(&source.repository, names)
}

/// Ends a job that cannot be started: without its secrets it would do something else.
fn refuse(server: &Arc<Server>, (run, attempt, job): RunningKey, error: &anyhow::Error) {
    let end = JobEnd {
        conclusion: Conclusion::Failure,
        reason: Some(EndReason::RunnerProblem { message: format!("{error:#}") }),
        outputs: BTreeMap::new(),
        annotations: Vec::new(),
    };
    let server = Arc::clone(server);
    tokio::spawn(async move {
        let event = RunEvent::JobEnded { attempt, job, end };
        if let Err(error) = handle(&server, run, event).await {
            tracing::error!(error = format!("{error:#}"), "a job's end could not be kept");
        }
    });
}

fn cancel(server: &Server, key: &RunningKey, reason: EndReason) {
    let cancellers = server.runs.cancellers.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(canceller) = cancellers.get(key) {
        canceller.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }
}

/// What a job's report means to its run; the log's growth means nothing to it.
fn run_event(
    (run, attempt, job): &RunningKey,
    source: &RunSource,
    event: JobEvent,
) -> Option<RunEvent> {
    let (run, attempt, job) = (*run, *attempt, job.clone());
    let fact = match event {
        JobEvent::Started => return Some(RunEvent::JobStarted { attempt, job }),
        JobEvent::Ended { conclusion, reason, outputs, annotations } => {
            let end = JobEnd { conclusion, reason, outputs, annotations };
            return Some(RunEvent::JobEnded { attempt, job, end });
        }
        JobEvent::StepEnded { step, name, conclusion, outcome, duration_ms } => {
            PipelineFact::StepEnded {
                run,
                attempt,
                job,
                step,
                name,
                conclusion,
                outcome,
                duration_ms,
            }
        }
        JobEvent::Uploaded { name, uploaded } => PipelineFact::ArtifactUploaded {
            run,
            attempt,
            name,
            digest: uploaded.digest,
            size_bytes: uploaded.size_bytes,
        },
        JobEvent::Published { name, kind, published } => PipelineFact::ArtifactPublished {
            run,
            attempt,
            job,
            repository: source.repository.clone(),
            name,
            published: kind,
            digest: published.digest,
            commit: source.commit.clone(),
        },
        JobEvent::StepStarted { .. }
        | JobEvent::LogAppended { .. }
        | JobEvent::Annotated { .. } => {
            return None;
        }
    };
    Some(RunEvent::Noted { fact })
}

/// What a fact means for the check of its commit; only jobs are checks.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other fact is a check's")]
fn check_draft(server: &Server, scheduler: &Scheduler, fact: &PipelineFact) -> Option<Draft> {
    let (job, state, summary) = match fact {
        PipelineFact::JobQueued { job, .. } => (job, CheckState::Queued, String::new()),
        PipelineFact::JobStarted { job, .. } => (job, CheckState::Running, String::new()),
        PipelineFact::JobEnded { job, conclusion, reason, tolerated, .. } => {
            let summary = reason.as_ref().map(ToString::to_string).unwrap_or_default();
            let state = match conclusion {
                Conclusion::Success => CheckState::Success,
                Conclusion::Failure if *tolerated => CheckState::Neutral,
                Conclusion::Failure => CheckState::Failure,
                Conclusion::Cancelled => CheckState::Cancelled,
                Conclusion::Skipped => CheckState::SkippedByCondition,
            };
            (job, state, summary)
        }
        _ => return None,
    };
    let run = fact.run();
    // A run is in the scheduler before its first fact is recorded, and in the view after its last.
    let source = match scheduler.run(run) {
        Some(run) => run.record().source.clone(),
        None => server.recorder.views().pipelines.runs.get(&run)?.source.clone(),
    };
    let fact = RepositoryFact::CheckReported {
        repository: source.repository.clone(),
        commit: source.commit.clone(),
        name: check_name(&source.workflow, job.as_str()),
        state,
        run: Some(run),
        summary,
    };
    let subject = Subject::repository(&source.repository);
    Some(Draft::new(server.clock.now(), Actor::system(ACTOR), subject, &fact))
}

/// `ci/test`: the workflow file's stem and the job.
#[must_use]
pub fn check_name(workflow: &str, job: &str) -> String {
    format!("{}/{job}", stem(workflow))
}

/// `ci` of `.github/workflows/ci.yaml`.
#[must_use]
pub fn stem(workflow: &str) -> &str {
    let file = workflow.rsplit('/').next().unwrap_or(workflow);
    file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file)
}
