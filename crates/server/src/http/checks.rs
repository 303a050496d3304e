//! The checks of a pull request, each with what it says.

use std::sync::Arc;

use api::pull_requests as wire;
use ledger::RepositoryName;
use repositories::facts::CheckState;
use repositories::view::PullRequest;

use crate::http::problem::Refusal;
use crate::runs::check_name;
use crate::state::Server;
use crate::views::Views;
use crate::words::{CheckNote, say};

/// The checks of the newest patch set; a required one that nothing reported yet is shown as queued.
pub async fn of(
    server: &Arc<Server>,
    repository: &RepositoryName,
    known: &PullRequest,
) -> Result<Vec<wire::Check>, Refusal> {
    let configured = server.configurations.of_default_branch(server, repository).await?;
    let required = configured.map(|one| one.policy.required_checks.clone()).unwrap_or_default();
    let views = server.recorder.views();
    let reported = views
        .repositories
        .repository(repository)
        .and_then(|one| one.checks.get(&known.current().head).cloned())
        .unwrap_or_default();
    let mut checks: Vec<wire::Check> = reported
        .iter()
        .map(|(name, check)| wire::Check {
            name: name.clone(),
            state: check.state.code().replace('-', "_"),
            required: required.contains(name),
            run: check.run.map(|run| run.0),
            summary: summary(&views, name, check),
        })
        .collect();
    for name in required.iter().filter(|name| !reported.contains_key(*name)) {
        checks.push(wire::Check {
            name: name.clone(),
            state: "queued".into(),
            required: true,
            run: None,
            summary: say(&CheckNote::NotReported),
        });
    }
    Ok(checks)
}

/// What a check's line says, in the language of the request. Its fact keeps English text; the job that
/// it is about keeps the reason itself.
fn summary(views: &Views, name: &str, check: &repositories::view::Check) -> String {
    let kept = &check.summary;
    let Some(run) = check.run else {
        return match check.state {
            CheckState::Skipped => say(&CheckNote::Filtered(kept)),
            CheckState::Failure => say(&CheckNote::Unreadable(kept)),
            CheckState::Queued
            | CheckState::Running
            | CheckState::Success
            | CheckState::SkippedByCondition
            | CheckState::Cancelled
            | CheckState::Neutral => kept.clone(),
        };
    };
    let record = views.pipelines.runs.get(&run);
    let reason = record.and_then(|record| {
        let mut jobs = record.current().jobs.iter();
        let workflow = &record.source.workflow;
        jobs.find(|job| check_name(workflow, job.key.as_str()) == name)?.reason.as_ref()
    });
    // A later attempt may have ended otherwise.
    reason.filter(|reason| reason.to_string() == *kept).map_or_else(|| kept.clone(), say)
}
