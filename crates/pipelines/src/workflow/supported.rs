//! What is valid in GitHub's language and not done by Boucle, noted by name and place.
//!
//! One pass, apart from the reader: what becomes runnable takes a check away here. A job that holds
//! such a part ends with it as its reason as soon as it is due.

use super::convert::{literal, texts};
use super::model::{Call, Job, Step, StepAction, Workflow};
use super::problem::{Problem, ProblemCode, Problems};
use super::schedule::{Cron, SCHEDULES_MAX};
use crate::expressions::{Position, TemplateValue};
use crate::run::actions::NativeAction;

/// Events that something in Boucle raises.
const EVENTS: [&str; 7] =
    ["push", "pull_request", "workflow_dispatch", "schedule", "workflow_run", "create", "delete"];
/// The activity types of the events that have some which something in Boucle raises.
const ACTIVITIES: [(&str, &[&str]); 2] =
    [("pull_request", &["opened", "synchronize"]), ("workflow_run", &["requested", "completed"])];
/// Not an event: what makes a workflow callable.
const CALL: &str = "workflow_call";

/// Parts of one job that are named; of the others there is a number. They become the reason of the
/// job's end, which is kept for ever.
const PARTS_MAX: usize = 20;
/// Characters of what is said of one part: some quote what the file says.
const MESSAGE_LENGTH_MAX: usize = 500;

/// Notes each part that is not done, in the workflow and in its jobs.
pub(super) fn check(path: &str, root: &TemplateValue, workflow: &mut Workflow) {
    let mut problems = Problems::new(path);
    if let Some(on) = root.entry("on") {
        check_events(on, &mut problems);
    }
    workflow.unsupported = problems.into_vec();
    workflow.events.schedule.truncate(SCHEDULES_MAX);
    workflow.events.schedule.retain(|schedule| schedule.cron.has_time());
    let values = root.entry("jobs").map(TemplateValue::entries).unwrap_or_default();
    for (job, (_, value)) in workflow.jobs.iter_mut().zip(values) {
        let mut problems = Problems::new(path);
        check_job(value, &mut problems);
        check_inputs(&job.steps, &mut problems);
        job.unsupported = problems.into_vec();
    }
}

/// Notes the calls of which nothing was read, or which cannot be made.
pub(super) fn check_calls(path: &str, workflow: &mut Workflow) {
    for job in &mut workflow.jobs {
        let Some(call) = &job.call else { continue };
        let mut problems = Problems::new(path);
        check_call(job, call, &mut problems);
        job.unsupported.extend(problems.into_vec());
    }
}

/// Cuts what is noted to what somebody reads.
pub(super) fn limit(workflow: &mut Workflow) {
    let of_jobs = workflow.jobs.iter_mut().map(|job| &mut job.unsupported);
    for parts in of_jobs.chain([&mut workflow.unsupported]) {
        let more = parts.len().saturating_sub(PARTS_MAX);
        if let Some(first_left_out) = parts.get_mut(PARTS_MAX) {
            first_left_out.message = format!("and {more} more that are not supported");
            parts.truncate(PARTS_MAX + 1);
        }
        for part in parts {
            let end = part.message.char_indices().nth(MESSAGE_LENGTH_MAX).map(|(at, _)| at);
            if let Some(end) = end {
                part.message.truncate(end);
                part.message.push('…');
            }
        }
    }
}

fn check_call(job: &Job, call: &Call, problems: &mut Problems<'_>) {
    if !super::calls::is_local(&call.uses) {
        let instead = "Copy it into this repository and call it as ./.github/workflows/…";
        refuse(call.at, "A workflow of another repository", instead, problems);
        return;
    }
    let Some(called) = &call.workflow else {
        let what = format!("'{}', which was not read with its caller,", call.uses);
        refuse(call.at, &what, "Read the repository whole", problems);
        return;
    };
    if called.concurrency.is_some() && job.concurrency.is_some() {
        let what = "'concurrency' of a job and of the workflow that it calls";
        refuse(call.at, what, "Write it at one of the two", problems);
    }
}

fn refuse(at: Position, what: &str, instead: &str, problems: &mut Problems<'_>) {
    let message = format!("{what} is not supported. {instead}");
    problems.add(ProblemCode::Unsupported, at, message);
}

fn check_events(on: &TemplateValue, problems: &mut Problems<'_>) {
    let keys = on.entries().iter().map(|(key, _)| (key.source().to_owned(), key.position()));
    for (event, at) in texts(on).into_iter().chain(keys) {
        if !EVENTS.contains(&event.as_str()) && event != CALL {
            let what = format!("Nothing in Boucle raises the event '{event}', so that it");
            let instead = format!("What starts a workflow is {}", EVENTS.join(", "));
            refuse(at, &what, &instead, problems);
        }
    }
    for (event, raised) in ACTIVITIES {
        let types = on.entry(event).and_then(|settings| settings.entry("types"));
        for (name, at) in types.map(texts).unwrap_or_default() {
            if !raised.contains(&name.as_str()) {
                let what = format!("Nothing in Boucle raises '{name}' of {event}, so that it");
                let instead = format!("Its types are {}", raised.join(", "));
                refuse(at, &what, &instead, problems);
            }
        }
    }
    let schedules = on.entry("schedule").map(TemplateValue::items).unwrap_or_default();
    if let Some(first_too_many) = schedules.get(SCHEDULES_MAX) {
        let what = format!(
            "More than {SCHEDULES_MAX} schedules of a repository: this one and what follows"
        );
        refuse(first_too_many.position(), &what, "Write fewer", problems);
    }
    for item in schedules.iter().take(SCHEDULES_MAX) {
        let Some(written) = item.entry("cron") else { continue };
        let cron = literal(written).and_then(|text| Cron::try_from(text).ok());
        if cron.is_some_and(|cron| !cron.has_time()) {
            let what = "A schedule whose day is in no year";
            refuse(written.position(), what, "Write a day that its month has", problems);
        }
    }
}

/// Keys of a job that need what is not there, with what to do instead.
const JOB_KEYS: &[(&str, &str, &str)] = &[
    ("container", "A job's container", "The job runs in the runner's sandbox; remove the key"),
    ("services", "A service container", "Start what the job needs in a step"),
    ("snapshot", "A snapshot of the runner's image", "Remove the key"),
    ("cancel-timeout-minutes", "A time limit for cancelling", "Remove the key"),
];

/// Keys of a step that need what is not there.
const STEP_KEYS: &[(&str, &str)] = &[
    ("parallel", "A group of parallel steps"),
    ("background", "A step in the background"),
    ("wait", "Waiting for a step in the background"),
    ("wait-all", "Waiting for steps in the background"),
    ("cancel", "Cancelling a step in the background"),
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
        for (key, what) in STEP_KEYS {
            if let Some(at) = step.key_position(key) {
                let instead = "Write the steps one after the other, or as jobs";
                refuse(at, what, instead, problems);
            }
        }
        if let Some(uses) = step.entry("uses")
            && let Some(action) = literal(uses)
            && !super::calls::is_local(&action)
            && let Err(problem) = NativeAction::parse(&action)
        {
            problems.add(ProblemCode::Unsupported, uses.position(), problem.to_string());
        }
    }
}

/// Notes the steps of an action that use what is not built in.
pub(super) fn check_steps(path: &str, steps: &[Step], unsupported: &mut Vec<Problem>) {
    let mut problems = Problems::new(path);
    for step in steps {
        if let StepAction::Uses { action, .. } = &step.action
            && !super::calls::is_local(action)
            && let Err(problem) = NativeAction::parse(action)
        {
            problems.add(ProblemCode::Unsupported, step.at, problem.to_string());
        }
    }
    check_inputs(steps, &mut problems);
    unsupported.extend(problems.into_vec());
}

/// Inputs that a built-in action does not take, where they can be known before the run.
fn check_inputs(steps: &[Step], problems: &mut Problems<'_>) {
    for step in steps {
        let StepAction::Uses { action, with, .. } = &step.action else { continue };
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
