//! Steps, shells, environments, cancellation, limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipelines::facts::Conclusion;
use pipelines::run::reasons::{CancelReason, EndReason};
use runner::{JobEvent, JobRequest};

use crate::{World, plan};

#[tokio::test]
#[expect(clippy::wildcard_enum_match_arm, reason = "only the ends of steps are looked at")]
async fn steps_share_a_workspace_and_pass_values() {
    let world = World::new().await;
    let outcome = world
        .run(
            r##"
outputs: {answer: "${{ steps.first.outputs.answer }}"}
steps:
- id: first
  run: |
    echo kept > file
    echo "answer=42" >> "$GITHUB_OUTPUT"
    echo "NAME=value" >> "$GITHUB_ENV"
    mkdir tools; printf '#!/bin/sh\necho tool\n' > tools/mine; chmod +x tools/mine
    echo "$PWD/tools" >> "$GITHUB_PATH"
    echo "# Summary" >> "$GITHUB_STEP_SUMMARY"
- run: cat file && echo "$NAME" && mine
- shell: sh
  run: echo "sh $0"
- run: test -z "${CARGO_MANIFEST_DIR:-}" && test "$HOME" != /root && pwd
"##,
        )
        .await
        .succeeded()
        .says("1 kept")
        .says("1 value")
        .says("1 tool")
        .says("network: none");
    assert_eq!(outcome.outputs.get("answer").map(String::as_str), Some("42"));
    let names: Vec<_> = outcome
        .events
        .iter()
        .filter_map(|event| match event {
            JobEvent::StepEnded { name, conclusion, .. } => Some(format!("{name} {conclusion}")),
            _ => None,
        })
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

#[tokio::test]
async fn a_failing_step_ends_the_job_with_its_code() {
    let world = World::new().await;
    let outcome = world
        .run("steps:\n- run: 'false; echo unreachable'\n- run: echo next\n- if: failure()\n  run: echo cleanup")
        .await
        .failed()
        .says("0 ##[error]exit code 1")
        .says("2 cleanup")
        .says("skipped: Run echo next")
        .hides("0 unreachable");
    assert!(matches!(outcome.reason, Some(EndReason::StepFailed { step: 0, .. })));
    world.run("steps:\n- shell: bash\n  run: false | true\n").await.failed();
    world.run("steps:\n- run: false | true").await.succeeded();
    world.run("steps:\n- run: exit 7").await.failed().says("exit code 7");
    world.run("steps:\n- shell: nothing {0}\n  run: x").await.failed().says("exit code 127");
    world.run("steps:\n- run: pwd\n  working-directory: nowhere").await.failed();
}

#[tokio::test]
async fn a_server_of_one_step_is_there_for_the_next() {
    World::new()
        .await
        .run("steps:\n- run: (while test ! -e stop; do sleep 0.05; done; echo done > stopped) & echo $! > pid\n- run: kill -0 $(cat pid) && touch stop && while test ! -e stopped; do sleep 0.05; done; cat stopped")
        .await
        .succeeded()
        .says("1 done");
}

#[tokio::test]
async fn commands_are_understood() {
    let outcome = World::new()
        .await
        .run("steps:\n- run: |\n    echo '::error file=a.rs,line=3::broken'\n    echo '::add-mask::swordfish'\n    printf 'a swordfish without an end'\n- run: echo swordfish; echo '::set-output name=a::b'\n")
        .await
        .failed()
        .says("0 ##[error]broken")
        .says("0 a *** without an end")
        .says("1 ***")
        .says("GITHUB_OUTPUT")
        .hides("0 a swordfish");
    let annotated = outcome.events.iter().any(
        |event| matches!(event, JobEvent::Annotated { annotation } if annotation.line == Some(3)),
    );
    assert!(annotated, "{:?}", outcome.events);
}

#[tokio::test]
async fn secrets_are_hidden_and_kept_from_unmerged_code() {
    let world = World::new().await;
    let job =
        "steps:\n- run: echo \"<$S>\"; printf %s \"$S\" | base64\n  env: {S: '${{ secrets.S }}'}";
    let secrets = BTreeMap::from([("S".to_owned(), "correct horse".to_owned())]);
    world.run_plan(plan(job), secrets.clone()).await.succeeded().says("0 <***>").hides("correct");
    let mut unmerged = plan(job);
    unmerged.source.trusted = false;
    unmerged.attempt = 2;
    world.run_plan(unmerged, secrets).await.succeeded().says("0 <>").says("no secrets");
}

async fn cancel_when(world: &World, job: &str, text: &str) -> (JobEvent, String) {
    let plan = Arc::new(plan(job));
    let request = JobRequest {
        plan: Arc::clone(&plan),
        secrets: BTreeMap::new(),
        variables: BTreeMap::new(),
    };
    let mut job = world.runner.start(request);
    let mut last = None;
    while let Some(event) = job.events.recv().await {
        if matches!(event, JobEvent::LogAppended { .. }) && world.log(&plan).contains(text) {
            let reason = CancelReason::Requested { by: "ada".into() };
            job.cancel(EndReason::Cancelled { reason });
        }
        last = Some(event);
    }
    (last.expect("an end"), world.log(&plan))
}

#[tokio::test]
async fn a_cancelled_job_ends_and_cleans_up() {
    let world = World::new().await;
    let job = "steps:\n- run: echo ready; sleep 1000\n- run: echo next\n- if: always()\n  run: echo cleanup";
    let (end, log) = cancel_when(&world, job, "0 ready").await;
    let JobEvent::Ended { conclusion, reason, .. } = end else { panic!("an end") };
    assert_eq!(conclusion, Conclusion::Cancelled);
    assert!(matches!(reason, Some(EndReason::Cancelled { .. })), "{reason:?}");
    assert!(log.contains("2 cleanup") && !log.contains("1 next"), "{log}");
}

#[tokio::test]
async fn a_step_that_ignores_the_signal_is_killed() {
    let world = World::new().await;
    let job = "steps:\n- run: trap '' TERM INT; echo ready; while true; do sleep 1; done\n- if: always()\n  run: echo cleanup";
    let begun = std::time::Instant::now();
    let (end, log) = cancel_when(&world, job, "0 ready").await;
    assert!(matches!(end, JobEvent::Ended { conclusion: Conclusion::Cancelled, .. }));
    assert!(log.contains("1 cleanup"), "{log}");
    assert!(begun.elapsed() >= std::time::Duration::from_secs(10), "it has its time to end");
}

#[tokio::test]
async fn the_log_of_a_step_is_limited() {
    let world = World::with(|config| config.limits.step_log_bytes = 2000).await;
    let outcome = world
        .run("steps:\n- run: 'for i in $(seq 1000); do echo line $i; done'\n- run: echo after")
        .await
        .succeeded()
        .says("0 ##[warning]the log of this step ends here")
        .says("1 after");
    assert!(outcome.log.len() < 10_000);
}

#[tokio::test]
async fn the_machine_is_out_of_reach() {
    let world = World::new().await;
    let canary = world.folder.path().join("canary");
    std::fs::write(&canary, "canary").expect("writable");
    let job = format!(
        "steps:\n- run: |\n    test ! -e {path}\n    test ! -e /root/.ssh\n    ! touch /usr/forbidden\n    ! touch /boucle/scripts/forbidden\n    test -z \"$(ls -A \"$HOME\")\"",
        path = canary.display()
    );
    world.run(&job).await.succeeded();
}

/// A link in the place of a command file must not be followed with the server's rights.
#[tokio::test]
async fn links_in_the_place_of_command_files_are_not_followed() {
    let world = World::new().await;
    let victim = world.folder.path().join("victim");
    std::fs::write(&victim, "A=secret\n").expect("writable");
    let job = format!(
        "steps:\n- run: rm \"$GITHUB_ENV\"; ln -s {path} \"$GITHUB_ENV\"; ln -s {path} /boucle/commands/env_1\n- run: echo \"<$A>\"; echo B=1 >> \"$GITHUB_ENV\"",
        path = victim.display()
    );
    world.run(&job).await.succeeded().says("1 <>");
    assert_eq!(std::fs::read_to_string(&victim).expect("readable"), "A=secret\n");
}
