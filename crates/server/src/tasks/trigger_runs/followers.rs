//! `workflow_run`: runs that follow the beginning or the end of runs of other workflows.

use std::sync::Arc;

use ledger::Fact;
use pipelines::facts::{EventName, PipelineFact, RunSource};
use pipelines::trigger::Event;
use pipelines::view::RunRecord;
use serde_json::json;

use super::{Cause, What, on_commit, schedules, tip};
use crate::state::Server;

/// Runs that follow one another: GitHub's limit, without which two workflows could go on for ever.
const CHAIN_MAX: usize = 3;

/// Starts what follows a fact of a run.
#[expect(clippy::wildcard_enum_match_arm, reason = "no other fact begins or ends a run")]
pub(super) async fn consider(
    server: &Arc<Server>,
    fact: &Fact,
    body: &PipelineFact,
) -> anyhow::Result<()> {
    let (run, action) = match body {
        PipelineFact::RunCreated { run, .. } => (run, "requested"),
        PipelineFact::RunEnded { run, .. } => (run, "completed"),
        _ => return Ok(()),
    };
    let record = {
        let views = server.recorder.views();
        let record = views.pipelines.runs.get(run).cloned();
        record.filter(|record| chain(&views.pipelines.runs, record) < CHAIN_MAX)
    };
    let Some(record) = record else { return Ok(()) };
    let source = &record.source;
    let Some(at) = tip(server, &source.repository) else { return Ok(()) };
    if schedules::nothing_follows(server, &source.repository, &at.commit) {
        return Ok(());
    }
    let branch = branch(source).to_owned();
    let event = Event::WorkflowRun { workflow: source.name.clone(), action, branch };
    let what = What { name: EventName::WorkflowRun, event, payload: payload(&record, action) };
    on_commit(server, &Cause::of(fact), &source.repository, at, what).await
}

/// How many runs, this one included, follow one another by `workflow_run`.
fn chain(runs: &std::collections::BTreeMap<ledger::RunId, RunRecord>, record: &RunRecord) -> usize {
    let before = |record: &&RunRecord| {
        let id = record.source.payload.get("workflow_run")?.get("id")?.as_u64()?;
        runs.get(&ledger::RunId(id))
    };
    std::iter::successors(Some(record), before).take(CHAIN_MAX + 1).count()
}

/// The branch that a run is for; a pull request's own.
fn branch(source: &RunSource) -> &str {
    match &source.pull_request {
        Some(pull_request) => &pull_request.head,
        None => source.reference.branch().unwrap_or(source.reference.as_str()),
    }
}

fn payload(record: &RunRecord, action: &str) -> serde_json::Value {
    let source = &record.source;
    let ended = action == "completed";
    let conclusion = record.conclusion().filter(|_| ended).map(|it| it.as_str());
    json!({
        "action": action,
        "workflow": {"name": source.name, "path": source.workflow},
        "workflow_run": {
            "id": record.run.0,
            "name": source.name,
            "path": source.workflow,
            "event": source.event.as_str(),
            "status": if ended { "completed" } else { "queued" },
            "conclusion": conclusion,
            "head_branch": branch(source),
            "head_sha": source.commit.as_str(),
            "run_number": source.number,
            "run_attempt": record.current().attempt,
        },
    })
}
