//! Workflow files: what they become, and where each wrong one is refused.

use pipelines::workflow::model::{Access, StepAction, Workflow};
use pipelines::workflow::{ProblemCode, Rules, read, read_in_repository, read_with};

const STEPS: &str = "    runs-on: linux\n    steps:\n      - run: echo\n";

#[track_caller]
fn accept(text: &str) -> Workflow {
    read("w.yaml", text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

#[track_caller]
fn check(text: &str, expected: &[(ProblemCode, u32, u32, &str)]) {
    let problems = read("w.yaml", text).expect_err(text);
    let found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.code, problem.line, problem.column, problem.message.as_str()))
        .collect();
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            (found.0, found.1, found.2) == (expected.0, expected.1, expected.2)
                && found.3.contains(expected.3)
        });
    assert!(same, "{text}\n{found:#?}");
}

#[test]
fn a_whole_workflow() {
    let text = "
name: CI
on:
  push:
    branches: [main, 'release/**']
    paths-ignore: docs/**
  pull_request:
permissions:
  contents: read
env: {A: 1}
jobs:
  build:
    runs-on: [linux, x64]
    outputs:
      digest: ${{ steps.publish.outputs.digest }}
    strategy:
      fail-fast: false
      max-parallel: 2
      matrix:
        os: [a, b]
    steps:
      - uses: actions/checkout@v4
      - run: make
        shell: bash
        working-directory: src
      - run: make test
      - uses: boucle/publish@v1
        id: publish
        with:
          name: hello
          path: out
  deploy:
    needs: build
    if: github.ref == 'refs/heads/main'
    runs-on: linux
    environment: {name: production, url: 'http://${{ needs.build.outputs.host }}'}
    concurrency: {group: deploy, cancel-in-progress: true}
    timeout-minutes: ${{ fromJSON(vars.minutes) }}
    steps:
      - run: echo ${{ needs.build.outputs.digest }}
";
    let workflow = accept(text);
    assert_eq!(workflow.display_name(), "CI");
    assert_eq!(workflow.permissions.as_ref().unwrap().access("contents"), Access::Read);
    assert_eq!(workflow.permissions.as_ref().unwrap().access("issues"), Access::None);
    let build = workflow.job("BUILD").unwrap();
    let ids: Vec<_> = build.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids, ["__actions_checkout", "__run", "__run_2", "publish"]);
    assert!(
        matches!(&build.steps[3].action, StepAction::Uses { action, .. } if action == "boucle/publish@v1")
    );
    let deploy = workflow.job("deploy").unwrap();
    assert_eq!(deploy.needs, ["build"]);
    assert_eq!(deploy.condition.source(), "github.ref == 'refs/heads/main'");
    let stored = serde_json::to_string(&workflow).unwrap();
    assert_eq!(serde_json::from_str::<Workflow>(&stored).unwrap(), workflow);
}

#[test]
fn keys_and_values() {
    use ProblemCode as Code;
    check(
        &format!("on: push\njob: 1\njobs:\n  a:\n{STEPS}"),
        &[(Code::WorkflowUnexpectedValue, 2, 1, "Unexpected value 'job'")],
    );
    check(
        "on: push\njobs:\n  a:\n    runs-on: linux\n    steps:\n      - runn: x\n",
        &[
            (Code::WorkflowUnexpectedValue, 6, 9, "Unexpected value 'runn'"),
            (Code::WorkflowAmbiguous, 6, 9, "Add one of these properties"),
        ],
    );
    check(
        &format!("on: push\nenv: {{A: 1, a: 2}}\njobs:\n  a:\n{STEPS}"),
        &[(Code::WorkflowDuplicateKey, 2, 13, "'a' is already defined")],
    );
    check(&format!("jobs:\n  a:\n{STEPS}"), &[(Code::WorkflowMissingKey, 1, 1, "on")]);
    check(
        &format!("on: push\njobs:\n  a:\n    continue-on-error: 'yes'\n{STEPS}"),
        &[(Code::WorkflowUnexpectedValue, 4, 24, "Unexpected value 'yes'")],
    );
}

#[test]
fn expressions() {
    use ProblemCode as Code;
    check(
        &format!("on: push\nname: ${{{{ github.ref }}}}\njobs:\n  a:\n{STEPS}"),
        &[(Code::WorkflowExpression, 2, 7, "Unrecognized named-value: 'github'")],
    );
    check(
        &format!("on: push\njobs:\n  a:\n    if: steps.x\n{STEPS}"),
        &[(Code::WorkflowExpression, 4, 9, "Unrecognized named-value: 'steps'")],
    );
    check(
        &format!("on: push\njobs:\n  a:\n    name: ${{{{ 1 +\n{STEPS}"),
        &[(Code::WorkflowExpression, 4, 11, "The expression is not closed")],
    );
}

#[test]
fn needs_and_ids() {
    use ProblemCode as Code;
    check(
        &format!(
            "on: push\njobs:\n  a:\n    needs: b\n{STEPS}  b:\n    needs: [c, a]\n{STEPS}  c:\n{STEPS}"
        ),
        &[
            (Code::WorkflowNeeds, 4, 12, "creates a cycle"),
            (Code::WorkflowNeeds, 9, 16, "creates a cycle"),
        ],
    );
    check(
        &format!("on: push\njobs:\n  a:\n    needs: a\n{STEPS}"),
        &[(Code::WorkflowNeeds, 3, 3, "at least one job with no dependencies")],
    );
    check(
        &format!("on: push\njobs:\n  a:\n    needs: [z]\n{STEPS}  b:\n{STEPS}"),
        &[(Code::WorkflowNeeds, 4, 13, "unknown job 'z'")],
    );
    check(
        &format!("on: push\njobs:\n  a.b:\n{STEPS}"),
        &[(Code::WorkflowIdentifier, 3, 3, "The identifier 'a.b' is invalid")],
    );
}

#[test]
fn yaml() {
    use ProblemCode as Code;
    check("on: push\njobs: [", &[(Code::WorkflowYaml, 2, 7, "unclosed")]);
    check(
        "on: push\njobs:\n  a:\n    <<: {runs-on: x}\n",
        &[(Code::WorkflowAnchor, 4, 5, "Merge keys")],
    );
    check("on: push\njobs: &unused\n  a: 1\n", &[(Code::WorkflowAnchor, 2, 7, "never used")]);
    accept(&format!("on: [push]# a comment\njobs:\n  a:\n    env: {{A: b}}# c\n{STEPS}"));
    check(
        "on: push#x\njobs: []# c\n",
        &[
            (Code::WorkflowUnexpectedValue, 1, 5, "Unexpected value 'push#x'"),
            (Code::WorkflowUnexpectedValue, 2, 7, "A sequence was not expected"),
        ],
    );
    let mut bomb = String::from("a0: &a0 [x]\n");
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 9].join(",");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    check(&bomb, &[(Code::WorkflowTooLarge, 0, 0, "aliases are followed")]);
    let deep = format!("on: {}{}", "[".repeat(150), "]".repeat(150));
    check(&deep, &[(Code::WorkflowTooLarge, 1, 104, "depth")]);
}

#[test]
fn what_is_not_done_is_no_error_and_is_said() {
    #[track_caller]
    fn check(text: &str, expected: &[(u32, u32, &str)]) {
        let workflow = accept(text);
        let found = workflow.all_unsupported();
        let same = found.len() == expected.len()
            && found.iter().zip(expected).all(|(found, (line, column, part))| {
                (found.line, found.column) == (*line, *column)
                    && found.code == ProblemCode::Unsupported
                    && found.message.contains(part)
            });
        assert!(same, "{text}\n{found:#?}");
    }
    check(
        &format!(
            "on: [push, watch]\njobs:\n  a:\n    container: x\n{STEPS}  b:\n    uses: o/r/x.yml@v1\n"
        ),
        &[
            (1, 12, "Nothing in Boucle raises the event 'watch'"),
            (4, 5, "A job's container"),
            (9, 11, "A workflow of another repository"),
        ],
    );
    let step =
        |step: &str| format!("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - {step}\n");
    check(&step("uses: actions/cache@v4"), &[(6, 15, "actions/cache@v4")]);
    check(&step("parallel: [{run: a}, {run: b}]"), &[(6, 9, "parallel steps")]);
    check(&step("wait-all:"), &[(6, 9, "steps in the background")]);
    check(&step("run: echo"), &[]);
    let on = |on: &str| format!("on: {on}\njobs:\n  a:\n{STEPS}");
    check(
        &on("{pull_request: {types: [opened, closed]}}"),
        &[(1, 37, "Nothing in Boucle raises 'closed' of pull_request")],
    );
    check(&on("{workflow_run: {workflows: a, types: [requested, completed]}}"), &[]);
    check(&on("{schedule: [{cron: '0 0 31 2 *'}]}"), &[(1, 24, "whose day is in no year")]);
    check(&on("{schedule: [{cron: '0 0 29 2 *'}]}"), &[]);
}

#[test]
fn what_is_not_done_is_said_in_few_words() {
    let mut text = String::from("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n");
    for _ in 0..30 {
        text.push_str(&format!("      - uses: {}/cache@v4\n", "a".repeat(600)));
    }
    let workflow = accept(&text);
    let found = workflow.all_unsupported();
    assert_eq!(found.len(), 21);
    assert_eq!(found[20].message, "and 10 more that are not supported");
    assert!(found.iter().all(|part| part.message.chars().count() <= 501), "{found:#?}");
}

#[test]
fn too_many_jobs() {
    let jobs = |count: usize| {
        let jobs: String = (0..count).map(|index| format!("  j{index}:\n{STEPS}")).collect();
        format!("on: push\njobs:\n{jobs}")
    };
    accept(&jobs(1_000));
    check(&jobs(1_001), &[(ProblemCode::WorkflowTooLarge, 4_003, 3, "1001 jobs")]);
}

#[test]
fn events() {
    use ProblemCode::WorkflowUnexpectedValue as Unexpected;
    let of = |events: &str| format!("on:\n  {events}\njobs:\n  a:\n{STEPS}");
    for events in [
        "issues: {types: [opened, labeled]}",
        "release: {types: published}",
        "workflow_run: {workflows: [CI], types: [completed], branches: [main]}",
        "merge_group: {types: checks_requested, branches-ignore: old}",
        "image_version: {names: [a*], versions: ['1.*'], types: [ready]}",
        "repository_dispatch: {types: [mine]}",
        "schedule: [{cron: '0 3 * * MON-FRI', timezone: Europe/Paris}]",
        "create:",
        "deployment_status:",
    ] {
        accept(&of(events));
    }
    check(
        &of("issues: {types: [exploded]}"),
        &[(Unexpected, 2, 20, "Unexpected value 'exploded'")],
    );
    check(&of("create: {types: [x]}"), &[(Unexpected, 2, 11, "A mapping was not expected")]);
    check(&of("release: {branches: main}"), &[(Unexpected, 2, 13, "Unexpected value 'branches'")]);
    check(&of("schedule: [{cron: '@daily'}]"), &[(Unexpected, 2, 21, "Invalid cron expression")]);
    check(
        &of("schedule: [{cron: '0 0 * * *', timezone: Nowhere}]"),
        &[(Unexpected, 2, 44, "'Nowhere' is no time zone")],
    );
    check(
        &of("merge_group: {branches: a, branches-ignore: b}"),
        &[(ProblemCode::WorkflowContradiction, 2, 30, "cannot both be used")],
    );
}

/// A caller and one called workflow, `c.yaml`.
#[track_caller]
fn check_call(caller: &str, called: &str, expected: &[(&str, u32, u32, &str)]) {
    let text = |uses: &str| (uses == "./c.yaml").then(|| called.to_owned());
    let mut rules = Rules::new(&text);
    rules.depth_max = 2;
    let problems = read_with("w.yaml", caller, &rules).err().unwrap_or_default();
    let found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.path.as_str(), problem.line, problem.column, &problem.message))
        .collect();
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            (found.0, found.1, found.2) == (expected.0, expected.1, expected.2)
                && found.3.contains(expected.3)
        });
    assert!(same, "{found:#?}");
}

#[test]
fn calls() {
    let caller = "on: push\njobs:\n  x:\n    uses: ./c.yaml\n";
    let called = |on: &str, job: &str| format!("on:\n  {on}\njobs:\n  a:\n{job}{STEPS}");
    check_call(caller, &called("workflow_call:", ""), &[]);
    check_call(
        caller,
        &called("push:", ""),
        &[("w.yaml", 4, 11, "workflow_call key is not defined in the referenced workflow")],
    );
    let needy = called(
        "workflow_call: {inputs: {n: {type: number, required: true}}, secrets: {s: {required: true}}}",
        "",
    );
    check_call(
        caller,
        &needy,
        &[("w.yaml", 4, 11, "Input n is required"), ("w.yaml", 4, 11, "Secret s is required")],
    );
    check_call(&format!("{caller}    with: {{N: 1}}\n    secrets: inherit\n"), &needy, &[]);
    check_call(
        &format!("{caller}    with: {{m: 1}}\n    secrets: {{t: u}}\n"),
        &called("workflow_call:", ""),
        &[
            ("w.yaml", 5, 15, "Invalid input, m is not defined"),
            ("w.yaml", 6, 18, "Invalid secret, t is not defined"),
        ],
    );
    check_call(
        &format!("{caller}    permissions: {{contents: read}}\n"),
        &called("workflow_call:", "    permissions: {contents: write, issues: read}\n"),
        &[(
            "w.yaml",
            3,
            3,
            "The nested job 'a' is requesting 'contents: write, issues: read', but is only allowed \
             'contents: read, issues: none'",
        )],
    );
    check_call(
        caller,
        "on: workflow_call\njobs:\n  x:\n    uses: ./c.yaml\n",
        &[("./c.yaml", 0, 0, "Nested reusable workflow depth exceeded 2.")],
    );
    check_call(
        caller,
        "on: workflow_call\njob: 1\n",
        &[
            ("./c.yaml", 1, 1, "Required property is missing: jobs"),
            ("./c.yaml", 2, 1, "Unexpected value 'job'"),
        ],
    );
    check(
        "on: push\njobs:\n  x:\n    uses: somewhere\n",
        &[(ProblemCode::WorkflowUnexpectedValue, 4, 11, "Expected format")],
    );
}

#[test]
fn actions_of_the_repository() {
    let caller = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: ./act\n";
    let check = |action: &str, expected: &[(ProblemCode, &str, u32, u32, &str)]| {
        let file = |path: &str| {
            (path == "act/action.yml" && !action.is_empty()).then(|| action.to_owned())
        };
        let problems = match read_in_repository("w.yaml", caller, &file) {
            Ok(workflow) => workflow.all_unsupported().into_iter().cloned().collect(),
            Err(problems) => problems,
        };
        let same = problems.len() == expected.len()
            && problems.iter().zip(expected).all(|(found, (code, path, line, column, part))| {
                (found.code, found.path.as_str()) == (*code, *path)
                    && (found.line, found.column) == (*line, *column)
                    && found.message.contains(part)
            });
        assert!(same, "{action}\n{problems:#?}");
    };
    use ProblemCode as Code;
    let composite = |step: &str| format!("runs:\n  using: composite\n  steps:\n  - {step}\n");
    check(&composite("{run: a, shell: bash}"), &[]);
    check("", &[(Code::Unsupported, "w.yaml", 6, 9, "there is no action.yml")]);
    check(&composite("{run: a}"), &[(Code::WorkflowMissingKey, "act/action.yml", 4, 5, "shell")]);
    check(
        &composite("{run: \"${{ secrets.A }}\", shell: sh}"),
        &[(
            Code::WorkflowExpression,
            "act/action.yml",
            4,
            11,
            "Unrecognized named-value: 'secrets'",
        )],
    );
    check(
        &composite("uses: actions/cache@v4"),
        &[(Code::Unsupported, "act/action.yml", 4, 5, "actions/cache@v4")],
    );
    check(
        "runs: {using: docker, image: Dockerfile}",
        &[(Code::Unsupported, "act/action.yml", 1, 7, "An action that runs by 'docker'")],
    );
    check(
        "runs: {using: node20, main: a.js, post: b.js}",
        &[(Code::Unsupported, "act/action.yml", 1, 35, "'post' of an action")],
    );
    check(
        &composite("uses: ./act"),
        &[(Code::WorkflowTooLarge, "act/action.yml", 0, 0, "use one another")],
    );
}
