//! Actions of the repository itself: whose steps they are, what they see and how they end.

use std::sync::Arc;

use super::jobs::{check_with, place};
use super::runs::World;
use crate::run::job::{JobMachine, StepEffect};

const GREET: &str = "--- greet/action.yml
name: greet
inputs:
  who: {required: true}
  times: {default: 2}
outputs:
  said: {value: \"${{ steps.say.outputs.said }}\"}
runs:
  using: composite
  steps:
    - run: \"say ${{ inputs.who }} ${{ inputs.times }} ${{ steps.outer.outputs.x }} ${{ env.E }}\"
      id: say
      shell: bash
    - run: then
      shell: bash
    - run: clean
      shell: bash
      if: failure()
";

#[test]
fn a_composite_action_is_one_step_made_of_many() {
    let steps = "outputs: {o: \"${{ steps.g.outputs.said }}\"}\nsteps:\n- {id: outer, run: one}\n- id: g\n  \
                 uses: ./greet\n  env: {E: e}\n  with: {WHO: \"${{ steps.outer.outputs.x }}\"}\n- run: last";
    check_with(
        steps,
        GREET,
        &["0 output=x=ada", "0 output=said=hi", "0", "0"],
        &[
            "one",
            "enter 1",
            "say ada 2  e",
            "then",
            "skip 1",
            "leave 1 success success",
            "last",
            "success",
            "{\"o\": \"hi\"}",
        ],
    );
    check_with(
        steps,
        GREET,
        &["0", "1", "0"],
        &[
            "one",
            "enter 1",
            "say  2  e",
            "skip 1",
            "clean",
            "leave 1 failure failure",
            "skip 2",
            "failure step-failed",
        ],
    );
    let tolerated = "steps:\n- {uses: ./greet, with: {who: x}, continue-on-error: true, id: g}\n- run: \
                     \"${{ steps.g.outcome }}\"";
    check_with(
        tolerated,
        GREET,
        &["1", "0", "0"],
        &["enter 0", "say x 2", "skip 0", "clean", "leave 0 failure success", "failure", "success"],
    );
    let skipped = "steps:\n- {uses: ./greet, if: false}\n- run: last";
    check_with(skipped, GREET, &["0"], &["skip 0", "last", "success"]);
}

#[test]
fn an_action_begins_well_and_a_cancellation_reaches_into_it() {
    let after = "steps:\n- run: one\n- {uses: ./greet, if: always(), with: {who: x}}";
    check_with(
        after,
        GREET,
        &["1", "0", "0"],
        &[
            "one",
            "enter 1",
            "say x 2",
            "then",
            "skip 1",
            "leave 1 success success",
            "failure step-failed",
        ],
    );
    let steps = "steps:\n- {uses: ./greet, with: {who: x}}\n- run: last";
    check_with(
        steps,
        GREET,
        &["cancel 143"],
        &[
            "enter 0",
            "say x 2",
            "skip 0",
            "skip 0",
            "leave 0 failure failure",
            "skip 1",
            "cancelled cancelled",
        ],
    );
}

#[test]
fn actions_use_actions() {
    let outer = format!(
        "--- outer/action.yaml\nruns:\n  using: composite\n  steps:\n  - {{uses: ./greet, id: g, with: \
         {{who: o}}}}\n  - {{run: \"got ${{{{ steps.g.outputs.said }}}}\", shell: sh}}\n{GREET}"
    );
    check_with(
        "steps:\n- uses: ./outer",
        &outer,
        &["0 output=said=hi", "0", "0"],
        &[
            "enter 0",
            "enter 0 nested",
            "say o 2",
            "then",
            "skip 0",
            "leave 0 success success",
            "got hi",
            "leave 0 success success",
            "success",
        ],
    );
}

#[test]
fn actions_see_no_secrets_and_know_their_place() {
    let text = "jobs:\n  a:\n    runs-on: boucle\n    steps:\n    - uses: ./x/y\n    - {uses: ./js, with: {some name: v}}\n\
                --- x/y/action.yml\nruns:\n  using: composite\n  steps:\n  - {run: \"${{ github.action_path }}/go\", \
                shell: bash}\n--- js/action.yml\ninputs: {some name: }\nruns: {using: node20, main: dist/index.js}\n";
    let mut world = World::new(text);
    world.act("new");
    let mut machine = JobMachine::new(Arc::clone(&world.plans[0]), place());
    assert!(matches!(machine.next(), StepEffect::Enter { .. }));
    let StepEffect::RunScript(step) = machine.next() else { panic!("a script") };
    assert_eq!(step.script, "/workspace/x/y/go");
    assert_eq!(step.environment["GITHUB_ACTION_PATH"], "/workspace/x/y");
    assert!(step.nested);
    machine.ended(super::jobs::result("0"));
    assert!(matches!(machine.next(), StepEffect::Leave { .. }));
    let StepEffect::RunScript(step) = machine.next() else { panic!("a script") };
    assert_eq!(step.script, "exec node '/workspace/js/dist/index.js'");
    assert_eq!(step.environment["INPUT_SOME_NAME"], "v");
    assert!(!step.nested);
}
