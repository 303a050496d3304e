//! Jobs that call workflows: what runs of them, with what, and what comes back.

use std::sync::Arc;

use super::jobs::place;
use super::runs::{World, check};
use super::workflow;
use crate::facts::{Conclusion, JobKey};
use crate::run::job::{JobMachine, StepEffect};
use crate::view::JobState;

const STEPS: &str = "    runs-on: boucle\n    steps: [{run: 'true'}]\n";

/// `ci` builds, calls a deployment for two regions, and reports.
fn nested() -> String {
    format!(
        "jobs:
  build:
    outputs: {{list: x}}
{STEPS}  deploy:
    name: to ${{{{ matrix.region }}}}
    needs: build
    strategy: {{matrix: {{region: [eu, us]}}}}
    uses: ./.github/workflows/deploy.yaml
    with: {{region: \"${{{{ matrix.region }}}}\", count: 2}}
    secrets: {{key: \"${{{{ secrets.TOKEN }}}}!\"}}
  report:
    needs: deploy
    if: needs.deploy.outputs.where != ''
{STEPS}--- .github/workflows/deploy.yaml
on:
  workflow_call:
    inputs:
      region: {{type: string, required: true}}
      count: {{type: number}}
      dry: {{type: boolean, default: true}}
    secrets: {{key: {{required: true}}}}
    outputs:
      where: {{value: \"${{{{ jobs.apply.outputs.list }}}}\"}}
jobs:
  check:
{STEPS}  apply:
    name: Apply ${{{{ inputs.region }}}}
    needs: check
    if: inputs.dry && inputs.count == 2
    outputs: {{list: y}}
{STEPS}"
    )
}

#[test]
fn a_called_workflow_runs_as_jobs_of_its_caller() {
    check(
        &nested(),
        "new build=ok deploy.0.check=ok deploy.0.apply=ok deploy.1.check=ok deploy.1.apply=ok \
         report=ok",
        "+build | +deploy.0.check +deploy.1.check | +deploy.0.apply |  | +deploy.1.apply | +report | \
         1 success",
    );
    check(
        &nested(),
        "new build=ok deploy.0.check=failed deploy.1.check=cancelled",
        "+build | +deploy.0.check +deploy.1.check | deploy.0.apply skipped(needs-not-succeeded) \
         xdeploy.1.check(fail-fast) deploy.1.apply cancelled(fail-fast) | report \
         skipped(needs-not-succeeded) 1 failure",
    );
    check(
        &nested(),
        "new build=failed",
        "+build | deploy skipped(needs-not-succeeded) report \
         skipped(needs-not-succeeded) 1 failure",
    );
}

#[test]
fn a_cancelled_call_cleans_up() {
    let text = format!(
        "jobs:\n  call:\n    uses: ./c.yaml\n--- c.yaml\non: workflow_call\njobs:\n  a:\n{STEPS}  b:\n    \
         needs: a\n{STEPS}  c:\n    needs: a\n    if: always()\n{STEPS}"
    );
    check(
        &text,
        "new cancel call.a=cancelled call.c=ok",
        "+call.a | xcall.a(cancelled) | call.b cancelled(cancelled) +call.c | 1 cancelled",
    );
}

#[test]
fn a_restart_and_a_rerun_know_calls() {
    check(
        &nested(),
        "new build=ok deploy.0.check=ok restart deploy.0.apply=ok deploy.1.check=failed rerun-failed \
         deploy.1.check=ok deploy.1.apply=ok report=ok",
        "+build | +deploy.0.check +deploy.1.check | +deploy.0.apply | +deploy.0.apply +deploy.1.check \
         |  | deploy.1.apply skipped(needs-not-succeeded) report skipped(needs-not-succeeded) 1 \
         failure | +deploy.1.check | +deploy.1.apply | +report | 1 success",
    );
}

#[test]
fn names_inputs_and_secrets_go_down() {
    let mut world = World::new(&nested());
    for word in ["new", "build=ok", "deploy.1.check=ok"] {
        world.act(word);
    }
    let record = world.view().runs.into_values().next().expect("a run");
    let names: Vec<_> = record.current().jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "build",
            "to eu",
            "to us",
            "report",
            "to eu / check",
            "to eu / apply",
            "to us / check",
            "to us / Apply us",
        ]
    );
    let caller = record.job(&JobKey::new("deploy", Some(1))).expect("the caller");
    assert_eq!(caller.state, JobState::Running);
    let plan = world.plans.last().expect("a plan");
    assert_eq!(plan.key.as_str(), "deploy.1.apply");
    assert_eq!(
        serde_json::to_value(&plan.inputs).expect("JSON"),
        serde_json::json!({
            "region": "us", "count": 2, "dry": true,
        })
    );
    let machine = JobMachine::new(Arc::clone(plan), place());
    assert_eq!(machine.secrets().collect::<Vec<_>>(), ["hunter22", "hunter22!"]);
    // Without secrets of the caller there are none of the called workflow.
    let mut nothing = place();
    nothing.secrets.clear();
    let machine = JobMachine::new(Arc::clone(plan), nothing);
    assert_eq!(machine.secrets().collect::<Vec<_>>(), ["!"]);
}

#[track_caller]
fn check_secret(secrets: &str, expected: &str) {
    let text = format!(
        "jobs:\n  call:\n    uses: ./c.yaml\n    {secrets}\n--- c.yaml\non: {{workflow_call: {{secrets: \
         {{key: }}}}}}\njobs:\n  a:\n    runs-on: boucle\n    steps: [{{run: \"echo ${{{{ secrets.key \
         }}}} ${{{{ secrets.TOKEN }}}}\"}}]\n"
    );
    let mut world = World::new(&text);
    world.act("new");
    let mut machine = JobMachine::new(Arc::clone(&world.plans[0]), place());
    let StepEffect::RunScript(step) = machine.next() else { panic!("no script") };
    assert_eq!(step.script, expected);
}

#[test]
fn secrets_are_handed_on_by_name_or_all_or_not_at_all() {
    check_secret("", "echo  ");
    check_secret("secrets: inherit", "echo  hunter22");
    check_secret("secrets: {key: \"${{ secrets.TOKEN }}\"}", "echo hunter22 ");
}

#[test]
fn permissions_are_only_narrowed() {
    let text = |caller: &str, called: &str| {
        format!(
            "permissions: {{contents: write, packages: read}}\njobs:\n  call:\n    uses: ./c.yaml\n{caller}\
             --- c.yaml\non: workflow_call\n{called}jobs:\n  a:\n{STEPS}"
        )
    };
    let check = |caller: &str, called: &str, expected: &str| {
        let mut world = World::new(&text(caller, called));
        world.act("new");
        let permissions = world.plans[0].permissions.iter();
        let found: Vec<_> =
            permissions.map(|(scope, access)| format!("{scope}:{access}")).collect();
        assert_eq!(found.join(" "), expected, "{caller} {called}");
    };
    check("", "", "contents:write packages:read");
    check("    permissions: {contents: read}\n", "", "contents:read");
    check("", "permissions: {contents: read}\n", "contents:read");
    check("", "permissions: {}\n", "");
}

#[test]
fn a_call_that_cannot_be_made_says_why() {
    let text = |with: &str| {
        format!(
            "jobs:\n  call:\n    uses: ./c.yaml\n    with: {{n: \"{with}\"}}\n--- c.yaml\non: {{workflow_call: \
             {{inputs: {{n: {{type: number}}}}}}}}\njobs:\n  a:\n{STEPS}"
        )
    };
    check(&text("${{ 'x' }}"), "new", "call failure(invalid-job) 1 failure");
    check(&text("${{ fromJSON('[') }}"), "new", "call failure(invalid-expression) 1 failure");
    check(&text("3"), "new call.a=ok", "+call.a | 1 success");
    let remote = "jobs:\n  call:\n    uses: a/b/c.yaml@v1\n";
    check(remote, "new", "call failure(not-supported) 1 failure");
    let container = format!("jobs:\n  a:\n    container: debian\n{STEPS}  b:\n{STEPS}");
    check(&container, "new b=ok", "a failure(not-supported) +b | 1 failure");
    let not_due = format!("jobs:\n  a:\n    if: false\n    container: debian\n{STEPS}");
    check(&not_due, "new", "a skipped(condition-false) 1 skipped");
}

#[test]
fn a_run_has_a_limit_of_jobs() {
    let list = |count: usize| format!("{:?}", (0..count).collect::<Vec<_>>());
    let caller = |count| {
        format!(
            "jobs:\n  call:\n    strategy: {{fail-fast: false, matrix: {{v: {}}}}}\n    uses: ./c.yaml\n\
             --- c.yaml\non: workflow_call\njobs:\n",
            list(count)
        )
    };
    // 4 + 3 * 300 jobs fit.
    let mut many = format!("{}  j0:\n{STEPS}", caller(4));
    for index in 1..300 {
        many.push_str(&format!("  j{index}:\n    needs: j0\n{STEPS}"));
    }
    check(&many, "new", "call.3 failure(invalid-job) +call.0.j0 +call.1.j0 +call.2.j0");
    // 5 + 3 * 250 + 2 jobs fit.
    let matrix =
        format!("{}  j:\n    strategy: {{matrix: {{v: {}}}}}\n{STEPS}", caller(5), list(250));
    let started = |call: usize| (0..250).map(move |index| format!("+call.{call}.j.{index} "));
    let started: String = (0..3).flat_map(started).collect();
    let refused = "call.3.j failure(invalid-job) call.4.j failure(invalid-job)";
    check(&matrix, "new", &format!("{started}{refused}"));
}

#[test]
fn a_failed_combination_stays_the_end_of_the_others() {
    let text = format!(
        "jobs:\n  call:\n    strategy: {{matrix: {{v: [x, 1]}}}}\n    uses: ./c.yaml\n    with: {{n: \
         \"${{{{ matrix.v }}}}\"}}\n--- c.yaml\non: {{workflow_call: {{inputs: {{n: {{type: \
         number}}}}}}}}\njobs:\n  a:\n{STEPS}"
    );
    check(&text, "new", "call.0 failure(invalid-job) call.1 cancelled(fail-fast) 1 failure");
}

#[test]
fn a_call_does_not_wait_for_what_waits_for_it() {
    let group = "concurrency: {group: \"${{ github.workflow }}-${{ github.ref }}\"}\n";
    let whole = format!(
        "{group}jobs:\n  call:\n    uses: ./c.yaml\n--- c.yaml\non: workflow_call\n{group}jobs:\n  \
         a:\n{STEPS}"
    );
    check(&whole, "new", "call failure(invalid-job) 1 failure");
    let below = |caller: &str, called: &str| {
        format!(
            "jobs:\n  call:\n    concurrency: {caller}\n    uses: ./c.yaml\n--- c.yaml\non: \
             workflow_call\njobs:\n  a:\n    concurrency: {called}\n{STEPS}"
        )
    };
    check(&below("one", "One"), "new", "call.a failure(invalid-job) 1 failure");
    check(&below("one", "two"), "new call.a=ok", "+call.a | 1 success");
}

#[test]
fn ten_levels_and_no_more() {
    let chain = |levels: usize| {
        let mut text = String::from("jobs:\n  call:\n    uses: ./1.yaml\n");
        for level in 1..levels {
            text.push_str(&format!(
                "--- {level}.yaml\non: workflow_call\njobs:\n  j:\n    uses: ./{}.yaml\n",
                level + 1
            ));
        }
        format!("{text}--- {levels}.yaml\non: workflow_call\njobs:\n  j:\n{STEPS}")
    };
    let leaf = format!("call{}", ".j".repeat(10));
    check(&chain(10), &format!("new {leaf}=ok"), &format!("+{leaf} | 1 success"));
    let too_deep = std::panic::catch_unwind(|| workflow(&chain(11))).is_err();
    assert!(too_deep);
    let mut world = World::new(&chain(3));
    for word in ["new", "call.j.j.j=ok"] {
        world.act(word);
    }
    let record = world.view().runs.into_values().next().expect("a run");
    let conclusions: Vec<_> = record.current().jobs.iter().map(|job| job.conclusion()).collect();
    assert_eq!(conclusions, vec![Some(Conclusion::Success); 4]);
    assert_eq!(record.current().jobs[3].name, "call / j / j / j");
}
