//! The environment of a step and the contexts that its expressions see.

use std::collections::BTreeMap;

use ledger::RepositoryName;

use super::JobContexts;
use crate::expressions::{Object, Value};
use crate::run::contexts;
use crate::run::files::CommandFilePaths;
use crate::run::plan::JobPlan;

/// The contexts that are the same for every step: `github`, `needs`, `strategy`, `matrix`, `inputs`,
/// `vars`, `secrets`, `runner`.
pub(super) fn fixed_contexts(
    plan: &JobPlan,
    place: &JobContexts,
    secrets: &BTreeMap<String, String>,
) -> Object {
    let mut github = contexts::github(&plan.source, plan.run, plan.attempt, &plan.server);
    github.insert("job", plan.key.job());
    github.insert("workspace", place.workspace.as_str());
    github.insert("event_path", place.event_path.as_str());
    // No token: the network is closed by default, and native actions speak for themselves.
    github.insert("token", "");
    let mut runner = Object::new();
    runner.insert("name", place.runner_name.as_str());
    runner.insert("os", "Linux");
    runner.insert("arch", place.architecture.as_str());
    runner.insert("temp", place.temporary.as_str());
    runner.insert("tool_cache", place.tool_cache.as_str());
    runner.insert("environment", "self-hosted");
    let mut named = Object::new();
    named.insert("github", github);
    named.insert("needs", contexts::needs(&plan.needs));
    named.insert("strategy", contexts::strategy(&plan.strategy));
    named.insert("matrix", plan.matrix.clone());
    named.insert("inputs", contexts::inputs(&plan.inputs));
    named.insert("vars", contexts::texts(&place.variables));
    named.insert("secrets", contexts::texts(secrets));
    named.insert("runner", runner);
    named
}

/// A step's whole environment: the runner's defaults, `env` of workflow, job and step, and last
/// what nobody may change.
pub(super) fn step_environment(
    plan: &JobPlan,
    place: &JobContexts,
    env: &BTreeMap<String, String>,
    step: &StepPlace<'_>,
    prepended: &[String],
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::from([
        ("CI".to_owned(), "true".to_owned()),
        ("HOME".to_owned(), place.home.clone()),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        ("TMPDIR".to_owned(), "/tmp".to_owned()),
        ("PATH".to_owned(), place.path.clone()),
    ]);
    environment.extend(env.iter().map(|(name, value)| (name.clone(), value.clone())));
    if !prepended.is_empty()
        && let Some(path) = environment.get_mut("PATH")
    {
        let folders: Vec<_> = prepended.iter().rev().map(String::as_str).collect();
        *path = format!("{}:{path}", folders.join(":"));
    }
    for (name, value) in reserved(plan, place, step) {
        environment.insert(name.to_owned(), value);
    }
    if let Some(path) = &step.action_path {
        environment.insert("GITHUB_ACTION_PATH".to_owned(), path.clone());
    }
    environment
}

/// What one step adds to the environment.
pub(super) struct StepPlace<'a> {
    /// Its id: `github.action`.
    pub id: &'a str,
    /// Its files.
    pub files: CommandFilePaths,
    /// The folder of the action that it belongs to.
    pub action_path: Option<String>,
}

fn reserved(
    plan: &JobPlan,
    place: &JobContexts,
    step: &StepPlace<'_>,
) -> Vec<(&'static str, String)> {
    let github = contexts::github(&plan.source, plan.run, plan.attempt, &plan.server);
    let of = |name: &str| github.get(name).map(Value::to_text).unwrap_or_default();
    let repository: &RepositoryName = &plan.source.repository;
    vec![
        ("GITHUB_ACTIONS", "true".to_owned()),
        ("GITHUB_ACTION", step.id.to_owned()),
        ("GITHUB_ACTOR", of("actor")),
        ("GITHUB_API_URL", of("api_url")),
        ("GITHUB_BASE_REF", of("base_ref")),
        ("GITHUB_ENV", step.files.env.clone()),
        ("GITHUB_EVENT_NAME", of("event_name")),
        ("GITHUB_EVENT_PATH", place.event_path.clone()),
        ("GITHUB_HEAD_REF", of("head_ref")),
        ("GITHUB_JOB", plan.key.job().to_owned()),
        ("GITHUB_OUTPUT", step.files.output.clone()),
        ("GITHUB_PATH", step.files.path.clone()),
        ("GITHUB_REF", of("ref")),
        ("GITHUB_REF_NAME", of("ref_name")),
        ("GITHUB_REF_TYPE", of("ref_type")),
        ("GITHUB_REPOSITORY", repository.to_string()),
        ("GITHUB_REPOSITORY_OWNER", repository.owner().to_owned()),
        ("GITHUB_RUN_ATTEMPT", of("run_attempt")),
        ("GITHUB_RUN_ID", of("run_id")),
        ("GITHUB_RUN_NUMBER", of("run_number")),
        ("GITHUB_SERVER_URL", of("server_url")),
        ("GITHUB_SHA", of("sha")),
        ("GITHUB_STATE", step.files.state.clone()),
        ("GITHUB_STEP_SUMMARY", step.files.summary.clone()),
        ("GITHUB_TRIGGERING_ACTOR", of("triggering_actor")),
        ("GITHUB_WORKFLOW", of("workflow")),
        ("GITHUB_WORKFLOW_REF", of("workflow_ref")),
        ("GITHUB_WORKFLOW_SHA", of("workflow_sha")),
        ("GITHUB_WORKSPACE", place.workspace.clone()),
        ("RUNNER_ARCH", place.architecture.clone()),
        ("RUNNER_ENVIRONMENT", "self-hosted".to_owned()),
        ("RUNNER_NAME", place.runner_name.clone()),
        ("RUNNER_OS", "Linux".to_owned()),
        ("RUNNER_TEMP", place.temporary.clone()),
        ("RUNNER_TOOL_CACHE", place.tool_cache.clone()),
    ]
}
