//! Runs over HTTP: jobs, steps, logs, cancelling and running again.

use std::sync::Arc;

use anyhow::Context;
use api::page::{Page, PageQuery};
use api::problem::Reason;
use api::runs::{Dispatch, Job, LogChunk, Rerun, Run, Step};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use ledger::{RepositoryName, RunId};
use pipelines::run::RunEvent;
use pipelines::run::reasons::CancelReason;
use pipelines::view::{AttemptRecord, JobRecord, JobState, RunRecord};
use repositories::access::{Permission, Permit};
use runner::LogKey;
use serde::Deserialize;

use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::repositories::branch;
use crate::http::{identity, page, repository_name};
use crate::runs;
use crate::state::{Server, stopped};
use crate::tasks::trigger_runs;
use crate::words::{self, Missing, Obstacle};

/// Which runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunQuery {
    repository: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Runs, newest first.
#[utoipa::path(get, path = "/runs", tag = "runs",
    params(("repository" = Option<String>, Query), ("cursor" = Option<String>, Query),
        ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Page<Run>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<RunQuery>,
) -> Answer<Page<Run>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let views = server.recorder.views();
    let wanted = |run: &&RunRecord| {
        let name = run.source.repository.as_str();
        visible.repository(name) && query.repository.as_deref().is_none_or(|only| only == name)
    };
    let items: Vec<&RunRecord> = views.pipelines.runs.values().rev().filter(wanted).collect();
    let cut = page::cut(items, &PageQuery { cursor: query.cursor.clone(), limit: query.limit })?;
    let items = cut.items.into_iter().map(on_wire).collect();
    Ok(Json(Page { items, next_cursor: cut.next_cursor }))
}

/// Which attempt of a run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptQuery {
    /// Its number, from 1; the newest when absent.
    pub attempt: Option<u32>,
}

/// One run, as its newest attempt or the named one left it.
#[utoipa::path(get, path = "/runs/{id}", tag = "runs",
    params(("id" = u64, Path), ("attempt" = Option<u32>, Query)),
    responses((status = 200, body = Run)))]
pub async fn show(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Query(query): Query<AttemptQuery>,
) -> Answer<Run> {
    let (record, _) = permit(&server, &headers, id, Permission::ReadRepository).await?;
    Ok(Json(of_attempt(&record, attempt(&record, query.attempt)?)))
}

/// Stops a run.
#[utoipa::path(post, path = "/runs/{id}/cancel", tag = "runs", params(("id" = u64, Path)),
    responses((status = 200, body = Run)))]
pub async fn cancel(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Answer<Run> {
    let (record, permit) = permit(&server, &headers, id, Permission::OperateRuns).await?;
    let reason = CancelReason::Requested { by: permit.actor().to_string() };
    runs::handle(&server, record.run, RunEvent::CancelRequested { reason }).await?;
    again(&server, record.run)
}

/// Runs again: everything, or what failed.
#[utoipa::path(post, path = "/runs/{id}/rerun", tag = "runs", params(("id" = u64, Path)),
    request_body = Rerun, responses((status = 200, body = Run)))]
pub async fn rerun(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Checked(body): Checked<Rerun>,
) -> Answer<Run> {
    let (record, _) = permit(&server, &headers, id, Permission::OperateRuns).await?;
    if record.conclusion().is_none() {
        return Err(Refusal::new("not-ready", &Obstacle::RunNotEnded(id)));
    }
    let store = server.repository(&record.source.repository)?;
    let workflow =
        trigger_runs::read_workflow(&store, &record.source.commit, &record.source.workflow).await?;
    let workflow = workflow.context("the workflow of the run cannot be read any more")?;
    let run = record.run;
    runs::rerun(&server, record, Arc::new(workflow), body.failed_only).await?;
    again(&server, run)
}

/// Starts a workflow by hand.
#[utoipa::path(post, path = "/repositories/{owner}/{name}/dispatches", tag = "runs",
    params(("owner" = String, Path), ("name" = String, Path)),
    request_body = Dispatch, responses((status = 200, body = Run)))]
pub async fn dispatch(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name)): Path<(String, String)>,
    Checked(body): Checked<Dispatch>,
) -> Answer<Run> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::OperateRuns;
    let permit = identity::permit_repository(&server, &headers, permission, &repository).await?;
    let reference = match &body.reference {
        Some(text) => branch(text)?,
        None => default_branch(&server, &repository)?,
    };
    let run = trigger_runs::dispatch(
        &server,
        &repository,
        permit.actor(),
        &reference,
        &body.workflow,
        body.inputs,
    )
    .await?;
    again(&server, run)
}

/// Which part of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    job: String,
    #[serde(default)]
    offset: u64,
    attempt: Option<u32>,
    #[serde(default)]
    follow: bool,
}

/// A part of a job's log; with `follow` the answer waits until there is more.
#[utoipa::path(get, path = "/runs/{id}/log", tag = "runs",
    params(("id" = u64, Path), ("job" = String, Query), ("offset" = Option<u64>, Query),
        ("attempt" = Option<u32>, Query), ("follow" = Option<bool>, Query)),
    responses((status = 200, body = LogChunk)))]
pub async fn log(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
    Query(query): Query<LogQuery>,
) -> Answer<LogChunk> {
    let (record, _) = permit(&server, &headers, id, Permission::ReadRepository).await?;
    let jobs = &attempt(&record, query.attempt)?.jobs;
    let job = jobs.iter().find(|job| job.key.as_str() == query.job);
    let job = job.ok_or_else(|| Refusal::not_found(&Missing::Job { job: &query.job, run: id }))?;
    // What a re-run kept was written by the attempt that ran it.
    let key = LogKey { run: record.run, attempt: job.attempt, job: job.key.clone() };
    let chunk = if query.follow {
        let mut stopping = server.stopping.subscribe();
        let mut follower = server.runner.logs().follow(&key, query.offset);
        tokio::select! {
            chunk = follower.next() => chunk.map_err(anyhow::Error::from)?,
            () = stopped(&mut stopping) => None,
        }
    } else {
        server.runner.logs().read(&key, query.offset).map_err(anyhow::Error::from)?
    };
    let ended = matches!(job.state, JobState::Ended { .. });
    Ok(Json(match chunk {
        Some(chunk) => LogChunk {
            text: String::from_utf8_lossy(&chunk.bytes).into_owned(),
            next_offset: chunk.next_offset,
            complete: chunk.complete && ended,
        },
        None => LogChunk { text: String::new(), next_offset: query.offset, complete: ended },
    }))
}

/// The attempt that a caller named, or the newest one.
pub fn attempt(record: &RunRecord, number: Option<u32>) -> Result<&AttemptRecord, Refusal> {
    let Some(number) = number else { return Ok(record.current()) };
    let found = record.attempts.iter().find(|attempt| attempt.attempt == number);
    let run = record.run.0;
    found.ok_or_else(|| Refusal::not_found(&Missing::Attempt { attempt: number, run }))
}

/// The run, for somebody who may.
pub async fn permit(
    server: &Server,
    headers: &HeaderMap,
    id: u64,
    permission: Permission,
) -> Result<(RunRecord, Permit), Refusal> {
    let record = {
        let views = server.recorder.views();
        views.pipelines.runs.get(&RunId(id)).cloned()
    };
    let record = record.ok_or_else(|| Refusal::not_found(&Missing::Run(id)))?;
    let repository = record.source.repository.clone();
    let permit = identity::permit_repository(server, headers, permission, &repository).await?;
    Ok((record, permit))
}

fn again(server: &Server, run: RunId) -> Answer<Run> {
    let views = server.recorder.views();
    let record = views.pipelines.runs.get(&run).context("the run is gone")?;
    Ok(Json(on_wire(record)))
}

fn default_branch(
    server: &Server,
    repository: &RepositoryName,
) -> Result<ledger::RefName, Refusal> {
    let views = server.recorder.views();
    let known = views.repositories.repository(repository);
    Ok(known.context("the repository is gone")?.default_branch.clone())
}

fn on_wire(record: &RunRecord) -> Run {
    of_attempt(record, record.current())
}

fn of_attempt(record: &RunRecord, attempt: &AttemptRecord) -> Run {
    let running = attempt.jobs.iter().any(|job| job.state == JobState::Running);
    let state = match (attempt.conclusion, running) {
        (Some(_), _) => "completed",
        (None, true) => "running",
        (None, false) => "queued",
    };
    Run {
        id: record.run.0,
        repository: record.source.repository.to_string(),
        workflow: record.source.workflow.clone(),
        name: record.source.name.clone(),
        event: record.source.event.as_str().into(),
        reference: record.source.reference.to_string(),
        commit: record.source.commit.to_string(),
        pull_request: record.source.pull_request.as_ref().map(|one| one.number.0),
        state: state.into(),
        conclusion: attempt.conclusion.map(|conclusion| conclusion.as_str().into()),
        attempt: u64::from(attempt.attempt),
        created_at: record.created_at.to_string(),
        ended_at: attempt.ended_at.map(|at| at.to_string()),
        jobs: attempt.jobs.iter().map(job_on_wire).collect(),
    }
}

fn job_on_wire(job: &JobRecord) -> Job {
    let mut reasons: Vec<Reason> = job.reason.iter().map(words::reason).collect();
    let (state, conclusion) = match &job.state {
        JobState::Waiting { reason } => {
            reasons.push(words::reason(reason));
            ("waiting", None)
        }
        JobState::Queued => ("queued", None),
        JobState::Running => ("running", None),
        JobState::Ended { conclusion } => ("completed", Some(conclusion.as_str().to_owned())),
    };
    let steps = job.steps.iter().map(|step| Step {
        index: u64::from(step.step),
        name: step.name.clone(),
        conclusion: Some(step.conclusion.as_str().into()),
        duration_ms: Some(step.duration_ms),
    });
    Job {
        key: job.key.to_string(),
        name: job.name.clone(),
        state: state.into(),
        conclusion,
        attempt: u64::from(job.attempt),
        needs: job.needs.clone(),
        reasons,
        steps: steps.collect(),
    }
}
