//! Workflow files: what they become, and where each wrong one is refused.

use pipelines::workflow::model::{Access, StepAction, Workflow};
use pipelines::workflow::{ProblemCode, read};

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
fn not_supported_yet() {
    use ProblemCode as Code;
    check(
        &format!(
            "on: [push, schedule]\njobs:\n  a:\n    container: x\n{STEPS}  b:\n    uses: ./x.yml\n"
        ),
        &[
            (Code::Unsupported, 1, 12, "The event 'schedule' is not supported yet"),
            (Code::Unsupported, 4, 5, "A job's container"),
            (Code::Unsupported, 9, 5, "A reusable workflow"),
        ],
    );
    check(
        "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/cache@v4\n",
        &[(Code::Unsupported, 6, 15, "actions/cache@v4")],
    );
}
