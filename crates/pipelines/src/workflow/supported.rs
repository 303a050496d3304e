//! What is valid in GitHub's language and not done by Boucle yet, refused by name and place.
//!
//! One pass, apart from the reader: widening the language takes a check away here.

use super::convert::{literal, texts};
use super::model::{Job, StepAction, Workflow};
use super::problem::{ProblemCode, Problems};
use crate::expressions::{Position, TemplateValue};
use crate::run::actions::NativeAction;

/// Adds a problem for each part that is not done yet.
pub(super) fn check(root: &TemplateValue, workflow: &Workflow, problems: &mut Problems<'_>) {
    if let Some(on) = root.entry("on") {
        check_events(on, problems);
    }
    if let Some(jobs) = root.entry("jobs") {
        for (_, job) in jobs.entries() {
            check_job(job, problems);
        }
    }
    for job in &workflow.jobs {
        check_actions(job, problems);
    }
}

fn refuse(at: Position, what: &str, instead: &str, problems: &mut Problems<'_>) {
    let message = format!("{what} is not supported yet. {instead}");
    problems.add(ProblemCode::Unsupported, at, message);
}

fn check_events(on: &TemplateValue, problems: &mut Problems<'_>) {
    let keys = on.entries().iter().map(|(key, _)| (key.source().to_owned(), key.position()));
    for (event, at) in texts(on).into_iter().chain(keys) {
        if !["push", "pull_request", "workflow_dispatch"].contains(&event.as_str()) {
            let instead = "Use push, pull_request or workflow_dispatch";
            refuse(at, &format!("The event '{event}'"), instead, problems);
        }
    }
}

/// Keys of a job that need what is not there, with what to do instead.
const JOB_KEYS: &[(&str, &str, &str)] = &[
    ("uses", "A reusable workflow", "Write its jobs into this file"),
    ("container", "A job's container", "The job runs in the runner's sandbox; remove the key"),
    ("services", "A service container", "Start what the job needs in a step"),
    ("snapshot", "A snapshot of the runner's image", "Remove the key"),
    ("cancel-timeout-minutes", "A time limit for cancelling", "Remove the key"),
];

fn check_job(job: &TemplateValue, problems: &mut Problems<'_>) {
    for (key, what, instead) in JOB_KEYS {
        if let Some(at) = job.key_position(key) {
            refuse(at, what, instead, problems);
        }
    }
    if let Some(at) = job.entry("environment").and_then(|it| it.key_position("deployment")) {
        refuse(at, "'deployment' of an environment", "Remove the key", problems);
    }
    for step in job.entry("steps").map(TemplateValue::items).unwrap_or_default() {
        if let Some(at) = step.key_position("parallel") {
            let instead = "Write the steps one after the other, or as jobs";
            refuse(at, "A group of parallel steps", instead, problems);
        }
        if let Some(uses) = step.entry("uses")
            && let Some(action) = literal(uses)
            && let Err(problem) = NativeAction::parse(&action)
        {
            problems.add(ProblemCode::Unsupported, uses.position(), problem.to_string());
        }
    }
}

/// Inputs that a built-in action does not take, where they can be known before the run.
fn check_actions(job: &Job, problems: &mut Problems<'_>) {
    for step in &job.steps {
        let StepAction::Uses { action, with } = &step.action else { continue };
        let Ok(native) = NativeAction::parse(action) else { continue };
        for (name, value) in with.literal_entries() {
            let is_known = native.inputs().iter().any(|known| known.eq_ignore_ascii_case(name));
            if !is_known {
                let known = native.inputs().join(", ");
                let message =
                    format!("`{action}` has no input `{name}` in Boucle; it takes {known}");
                problems.add(ProblemCode::Unsupported, value.position(), message);
            }
        }
    }
}
