//! Which steps run, with what, and what their end changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::RunId;

use super::{source, workflow};
use crate::expressions::Value;
use crate::facts::JobKey;
use crate::run::files::CommandFiles;
use crate::run::job::{JobContexts, JobMachine, StepEffect, StepExit, StepResult};
use crate::run::plan::{JobNetwork, JobPermissions, JobPlan, ServerContext, StrategyPlace};
use crate::run::reasons::{CancelReason, EndReason};

fn plan(text: &str) -> JobPlan {
    let workflow = workflow(text);
    let key = JobKey::new(&workflow.jobs[0].id, None);
    JobPlan {
        run: RunId(3),
        attempt: 1,
        key,
        name: "job".into(),
        source: source(),
        workflow,
        inputs: BTreeMap::new(),
        calls: Vec::new(),
        matrix: Value::Null,
        strategy: StrategyPlace { fail_fast: true, index: 0, total: 1, max_parallel: 1 },
        needs: BTreeMap::new(),
        environment: None,
        permissions: JobPermissions::default(),
        timeout_minutes: 360,
        continue_on_error: false,
        network: JobNetwork::Isolated,
        server: ServerContext { url: "http://127.0.0.1:1".into() },
    }
}

pub(super) fn place() -> JobContexts {
    JobContexts {
        secrets: BTreeMap::from([("TOKEN".to_owned(), "hunter22".to_owned())]),
        variables: BTreeMap::from([("REGION".to_owned(), "eu".to_owned())]),
        runner_name: "boucle".into(),
        architecture: "X64".into(),
        workspace: "/workspace".into(),
        temporary: "/tmp".into(),
        tool_cache: "/tools".into(),
        home: "/home/runner".into(),
        command_files: "/boucle".into(),
        event_path: "/boucle/event.json".into(),
        path: "/usr/bin:/bin".into(),
    }
}

/// What a step is made to do: its exit code, then `file=content`.
pub(super) fn result(answer: &str) -> StepResult {
    let mut parts = answer.split(' ');
    let code = parts.next().expect("a code").parse().expect("a number");
    let mut files = CommandFiles::default();
    for part in parts {
        let (file, content) = part.split_once('=').expect("file=content");
        let content = content.replace("\\n", "\n");
        match file {
            "env" => files.env = content,
            "output" => files.output = content,
            "path" => files.path = content,
            other => panic!("{other}"),
        }
    }
    StepResult {
        exit: StepExit::Code(code),
        files,
        outputs: BTreeMap::new(),
        annotations: Vec::new(),
        masks: Vec::new(),
    }
}

/// Steps (the YAML of a job below `steps:`), what each does that runs (`cancel` before an answer
/// cancels the job first), and the scripts that ran, the skips and the end.
#[track_caller]
fn check(job: &str, answers: &[&str], expected: &[&str]) {
    check_with(job, "", answers, expected);
}

/// The same with other files of the repository, each after a line `--- path`.
#[track_caller]
pub(super) fn check_with(job: &str, files: &str, answers: &[&str], expected: &[&str]) {
    let mut text = String::from("jobs:\n  job:\n    runs-on: boucle\n");
    job.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
    text.push_str(files);
    let mut machine = JobMachine::new(Arc::new(plan(&text)), place());
    let (mut story, mut answers) = (Vec::new(), answers.iter());
    loop {
        match machine.next() {
            StepEffect::RunScript(step) => {
                story.push(step.script.trim().to_owned());
                let mut answer = *answers.next().expect("an answer for every step");
                if let Some(rest) = answer.strip_prefix("cancel ") {
                    let reason = CancelReason::Requested { by: "ada".into() };
                    machine.cancel(EndReason::Cancelled { reason });
                    answer = rest;
                }
                machine.ended(result(answer));
            }
            StepEffect::RunAction(step) => {
                story.push(format!("{} {:?}", step.action.name(), step.inputs));
                machine.ended(result("0"));
            }
            StepEffect::Enter { step, nested, .. } => {
                story.push(format!("enter {step}{}", if nested { " nested" } else { "" }));
            }
            StepEffect::Leave { step, count, .. } => {
                story.push(format!("leave {step} {} {}", count.outcome, count.conclusion));
            }
            StepEffect::Skip { step, .. } => story.push(format!("skip {step}")),
            StepEffect::Reject { detail, .. } => story.push(format!("reject {detail}")),
            StepEffect::HashFiles { patterns } => {
                story.push(format!("hash {}", patterns.join(",")));
                machine.hashed(Ok("abc".into()));
            }
            StepEffect::Finish(end) => {
                let reason = end.reason.map(|it| format!(" {}", it.code())).unwrap_or_default();
                story.push(format!("{}{reason}", end.conclusion));
                if !end.outputs.is_empty() {
                    story.push(format!("{:?}", end.outputs));
                }
                break;
            }
        }
    }
    assert_eq!(story, expected);
}

#[test]
fn a_failure_skips_what_does_not_ask() {
    let steps = "steps:\n- run: one\n- run: two\n- if: always()\n  run: three\n- if: failure()\n  run: four";
    check(steps, &["0", "0", "0"], &["one", "two", "three", "skip 3", "success"]);
    check(steps, &["1", "0", "0"], &["one", "skip 1", "three", "four", "failure step-failed"]);
    let steps = "steps:\n- run: one\n  continue-on-error: true\n  id: a\n- run: \"${{ steps.a.outcome }} ${{ steps.a.conclusion }} ${{ job.status }}\"";
    check(steps, &["1", "0"], &["one", "failure success success", "success"]);
}

#[test]
fn a_cancellation_leaves_what_asks() {
    let steps = "steps:\n- run: one\n- run: two\n- if: cancelled()\n  run: three\n- if: failure()\n  run: four\n- if: always()\n  run: five";
    check(
        steps,
        &["cancel 143", "0", "0"],
        &["one", "skip 1", "three", "skip 3", "five", "cancelled cancelled"],
    );
}

#[test]
fn steps_pass_values_on() {
    let steps = "env: {A: job}\noutputs: {out: \"${{ steps.s.outputs.x }}\"}\nsteps:\n- id: s\n  run: \"${{ env.A }} ${{ vars.REGION }} ${{ github.ref_name }}\"\n- run: \"${{ env.A }} ${{ steps.s.outputs.x }}\"\n  env: {A: step}\n- run: \"${{ env.A }} ${{ env.B }}\"";
    check(
        steps,
        &["0 env=A=changed\\nB<<E\\n1\\n2\\nE output=x=5", "0", "0"],
        &["job eu main", "step 5", "changed 1\n2", "success", "{\"out\": \"5\"}"],
    );
    let steps = "steps:\n- run: one\n- run: two";
    check(steps, &["0 env=nonsense"], &["one", "skip 1", "failure step-failed"]);
}

#[test]
fn secrets_do_not_leave_by_outputs() {
    let steps = "outputs: {a: \"x${{ secrets.TOKEN }}\", b: plain}\nsteps:\n- run: one";
    check(steps, &["0"], &["one", "success", "{\"b\": \"plain\"}"]);
}

#[test]
fn hashes_are_asked_for_and_forgotten() {
    let steps =
        "steps:\n- run: \"${{ hashFiles('a', 'b') }}\"\n- run: \"${{ hashFiles('a', 'b') }}\"";
    check(steps, &["0", "0"], &["hash a,b", "abc", "hash a,b", "abc", "success"]);
}

#[test]
fn what_cannot_run_fails_the_step() {
    let steps = "steps:\n- run: \"${{ fromJSON('{') }}\"\n  continue-on-error: true\n- shell: perl\n  run: x";
    let mut text = String::from("jobs:\n  job:\n    runs-on: boucle\n");
    steps.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
    let mut machine = JobMachine::new(Arc::new(plan(&text)), place());
    let StepEffect::Reject { count, .. } = machine.next() else { panic!("a rejection") };
    assert_eq!(count.conclusion.as_str(), "success");
    assert_eq!(count.outcome.as_str(), "failure");
    let StepEffect::Reject { detail, .. } = machine.next() else { panic!("a rejection") };
    assert!(detail.contains("{0}"), "{detail}");
}

#[test]
fn the_environment_is_layered_and_the_runner_has_the_last_word() {
    let text = "env: {A: workflow, B: workflow, GITHUB_SHA: forged}\njobs:\n  job:\n    runs-on: boucle\n    env: {B: job}\n    defaults: {run: {working-directory: sub}}\n    steps:\n    - run: one\n      env: {C: '${{ env.B }}'}\n    - run: two\n      shell: sh\n      working-directory: /abs";
    let mut machine = JobMachine::new(Arc::new(plan(text)), place());
    let StepEffect::RunScript(step) = machine.next() else { panic!("a script") };
    let of = |name: &str| step.environment.get(name).map(String::as_str);
    assert_eq!((of("A"), of("B"), of("C")), (Some("workflow"), Some("job"), Some("job")));
    assert_eq!(of("GITHUB_SHA"), Some("1".repeat(40).as_str()));
    assert_eq!(of("GITHUB_RUN_ID"), Some("3"));
    assert_eq!(of("GITHUB_WORKSPACE"), Some("/workspace"));
    assert_eq!(of("TOKEN"), None);
    assert_eq!(step.working_directory, "/workspace/sub");
    machine.ended(result("0 path=/a/bin\\n/b/bin"));
    let StepEffect::RunScript(step) = machine.next() else { panic!("a script") };
    assert_eq!(
        step.environment.get("PATH").map(String::as_str),
        Some("/b/bin:/a/bin:/usr/bin:/bin")
    );
    assert_eq!(step.working_directory, "/abs");
    assert_eq!(step.shell.candidates, [["sh", "-e", "{0}"]]);
}

#[test]
fn actions_are_native_or_refused() {
    check(
        "steps:\n- uses: actions/checkout@v4\n  with: {ref: \"${{ github.sha }}\"}",
        &[],
        &[&format!("actions/checkout {:?}", BTreeMap::from([("ref", "1".repeat(40))])), "success"],
    );
}
