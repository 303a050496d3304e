//! Which workflows an event starts.

use std::collections::BTreeMap;

use ledger::{CommitId, RefName};
use pipelines::trigger::{Event, PullRequestAction, Trigger, TriggerInputs, decide};
use pipelines::workflow::read;
use serde_json::json;

/// `on` is written as in a file; the answer is `run` with the inputs, or the reason's code.
#[track_caller]
fn check(on: &str, event: Event, expected: &str) {
    let text = format!("on: {on}\njobs: {{a: {{runs-on: x, steps: [{{run: echo}}]}}}}\n");
    let workflow = read("w.yaml", &text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let workflows = vec![("w.yaml".to_owned(), workflow)];
    let triggers = decide(&TriggerInputs { event, workflows });
    let found = match &triggers[0] {
        Trigger::Run { inputs, .. } if inputs.is_empty() => "run".to_owned(),
        Trigger::Run { inputs, .. } => format!("run {}", json!(inputs)),
        Trigger::Skipped { reason, .. } => reason.code().to_owned(),
    };
    assert_eq!(found, expected, "{on}");
}

fn reference(name: &str) -> RefName {
    RefName::new(name).expect("a ref name")
}

fn push(name: &str, paths: Option<&[&str]>) -> Event {
    Event::Push {
        reference: reference(name),
        before: None,
        after: Some(CommitId::new("1".repeat(40)).expect("a commit id")),
        changed_paths: paths.map(|paths| paths.iter().map(|&path| path.into()).collect()),
    }
}

fn pull_request(base: &str, action: PullRequestAction, paths: &[&str]) -> Event {
    Event::PullRequest {
        base: reference(base),
        head: reference("refs/heads/topic"),
        action,
        changed_paths: Some(paths.iter().map(|&path| path.into()).collect()),
    }
}

fn dispatch(inputs: &[(&str, &str)]) -> Event {
    let inputs: BTreeMap<_, _> =
        inputs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Event::WorkflowDispatch {
        reference: reference("refs/heads/main"),
        workflow: "w.yaml".into(),
        inputs,
    }
}

#[test]
fn pushes() {
    let main = "refs/heads/main";
    let tag = "refs/tags/v1";
    check("push", push(main, None), "run");
    check("push", push(tag, None), "run");
    check("pull_request", push(main, None), "event-not-listed");
    check("{push: {branches: main}}", push(main, None), "run");
    check("{push: {branches: main}}", push(tag, None), "tag-filtered");
    check("{push: {tags: 'v*'}}", push(main, None), "branch-filtered");
    check("{push: {branches-ignore: main}}", push(main, None), "branch-filtered");
    check("{push: {branches: ['**', '!main']}}", push(main, None), "branch-filtered");
    check("{push: {paths: 'src/**'}}", push(main, Some(&["src/a", "b"])), "run");
    check("{push: {paths: 'src/**'}}", push(main, Some(&["b"])), "paths-filtered");
    check("{push: {paths: 'src/**'}}", push(main, None), "run");
    check("{push: {paths: 'src/**'}}", push(tag, Some(&["b"])), "run");
    check("{push: {paths-ignore: 'docs/**'}}", push(main, Some(&["docs/a"])), "paths-filtered");
    check("{push: {paths-ignore: 'docs/**'}}", push(main, Some(&["docs/a", "b"])), "run");
    let deleted =
        Event::Push { reference: reference(main), before: None, after: None, changed_paths: None };
    check("push", deleted, "ref-deleted");
}

#[test]
fn pull_requests() {
    use PullRequestAction::{Closed, Opened, Synchronize};
    let main = "refs/heads/main";
    check("pull_request", pull_request(main, Opened, &[]), "run");
    check("pull_request", pull_request(main, Closed, &[]), "activity-not-listed");
    check("{pull_request: {types: closed}}", pull_request(main, Closed, &[]), "run");
    check(
        "{pull_request: {branches: 'r*'}}",
        pull_request(main, Synchronize, &[]),
        "branch-filtered",
    );
    check(
        "{pull_request: {paths: '*.md'}}",
        pull_request(main, Opened, &["a.rs"]),
        "paths-filtered",
    );
    check("push", pull_request(main, Opened, &[]), "event-not-listed");
}

#[test]
fn dispatches() {
    let on = "{workflow_dispatch: {inputs: {n: {type: number, default: 3}, \
              level: {type: choice, options: [low, high], required: true}, dry: {type: boolean}}}}";
    check(
        on,
        dispatch(&[("LEVEL", "low"), ("dry", "true")]),
        r#"run {"dry":true,"level":"low","n":3}"#,
    );
    check(on, dispatch(&[]), "input-missing");
    check(on, dispatch(&[("level", "middle")]), "input-invalid");
    check(on, dispatch(&[("level", "low"), ("n", "many")]), "input-invalid");
    check(on, dispatch(&[("level", "low"), ("other", "1")]), "input-unknown");
    check("push", dispatch(&[]), "event-not-listed");
}

#[test]
fn what_happens_besides() {
    check("create", Event::Create, "run");
    check("[push, delete]", Event::Create, "event-not-listed");
    check("delete", Event::Delete, "run");
    let schedule = |cron: &str, zone: &str| Event::Schedule {
        cron: cron.into(),
        zone: zone.to_owned().try_into().expect("a time zone"),
    };
    let on = "{schedule: [{cron: '0 3 * * *'}, {cron: '5 4 * * 1', timezone: Europe/Paris}]}";
    check(on, schedule("5 4 * * 1", "Europe/Paris"), "run");
    check(on, schedule("5 4 * * 2", "Europe/Paris"), "event-not-listed");
    check(on, schedule("5 4 * * 1", "UTC"), "event-not-listed");
    check(on, schedule("0 3 * * *", "UTC"), "run");
    check(on, schedule("0 3 * * *", "Europe/Paris"), "event-not-listed");
    let ended = |workflow: &str, action, branch: &str| Event::WorkflowRun {
        workflow: workflow.into(),
        action,
        branch: branch.into(),
    };
    let on = "{workflow_run: {workflows: [CI, Build], types: [completed], branches: ['v*']}}";
    check(on, ended("CI", "completed", "v1"), "run");
    check(on, ended("ci", "completed", "v1"), "not-asked-for");
    check(on, ended("Build", "requested", "v1"), "event-not-listed");
    check(on, ended("Build", "completed", "main"), "event-not-listed");
    check("{workflow_run: {workflows: CI}}", ended("CI", "requested", "x"), "run");
}
