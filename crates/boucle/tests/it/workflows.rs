//! Workflows through the real server and its sandboxes: what calls what, and what is said beforehand.

use serde_json::Value;

use crate::git::{commit, works};
use crate::harness::{Server, command, run, wait_for};
use crate::settings::{repository, set};

const VALUE: &str = "canary-19c4d7aa-called";

const CALLER: &str = "name: ci
on: [push, pull_request]
jobs:
  plan:
    runs-on: boucle
    outputs: {regions: \"${{ steps.list.outputs.regions }}\"}
    steps:
      - id: list
        run: echo 'regions=[\"eu\",\"us\"]' >> \"$GITHUB_OUTPUT\"
  deploy:
    needs: plan
    strategy:
      matrix: {region: \"${{ fromJSON(needs.plan.outputs.regions) }}\"}
    uses: ./.github/workflows/deploy.yaml
    with: {region: \"${{ matrix.region }}\"}
    secrets: {key: \"${{ secrets.DEPLOY_KEY }}\"}
  report:
    needs: deploy
    runs-on: boucle
    steps:
      - uses: actions/checkout@v4
      - id: say
        uses: ./.github/actions/say
        with: {what: \"the last went to ${{ needs.deploy.outputs.where }}\"}
      - run: echo '${{ steps.say.outputs.said }}'
";

const ACTION: &str = "name: say
inputs: {what: {required: true}, how: {default: loudly}}
outputs: {said: {value: \"said ${{ steps.it.outputs.it }}\"}}
runs:
  using: composite
  steps:
    - shell: sh
      env: {WHAT: \"${{ inputs.what }}\"}
      run: sh \"$GITHUB_ACTION_PATH/say.sh\" \"$WHAT\" ${{ inputs.how }}
    - id: it
      shell: sh
      run: echo 'it=${{ inputs.how }}' >> \"$GITHUB_OUTPUT\"
";

const CALLED: &str = "on:
  workflow_call:
    inputs: {region: {type: string, required: true}}
    secrets: {key: }
    outputs: {where: {value: \"${{ jobs.apply.outputs.where }}\"}}
jobs:
  apply:
    runs-on: boucle
    outputs: {where: \"${{ steps.go.outputs.where }}\"}
    steps:
      - uses: actions/checkout@v4
      - id: go
        env: {KEY: \"${{ secrets.key }}\", OTHER: \"${{ secrets.DEPLOY_KEY }}\"}
        run: |
          echo \"to ${{ inputs.region }} length ${#KEY} value <$KEY> other <$OTHER>\"
          cat README.md
          echo \"where=${{ inputs.region }}\" >> \"$GITHUB_OUTPUT\"
";

/// The run of this event, once it has ended.
fn ended(server: &Server, event: &str) -> Value {
    let find = || {
        let runs = server.boucle(&["run", "list"]).json();
        let runs = runs.as_array().cloned().unwrap_or_default();
        runs.into_iter().find(|run| run["event"] == event && run["state"] == "completed")
    };
    wait_for("the end of a run", || find().is_some());
    let id = find().expect("it ended")["id"].to_string();
    server.boucle(&["run", "show", &id]).json()
}

fn log(server: &Server, run: &Value, job: &str) -> String {
    server.boucle(&["logs", &format!("run/{}/{job}", run["id"])]).out
}

#[test]
fn a_called_workflow_runs_with_what_it_is_given() {
    let (data, clone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let server = Server::start(data.path(), &[]);
    for folder in [".github/workflows", ".github/actions/say"] {
        std::fs::create_dir_all(clone.path().join(folder)).expect("it is made");
    }
    repository(&server, clone.path(), "me/app", &[]);
    assert_eq!(set(&server, "me/app", "DEPLOY_KEY", VALUE).code, 0);
    commit(clone.path(), ".github/workflows/ci.yaml", CALLER);
    commit(clone.path(), ".github/workflows/deploy.yaml", CALLED);
    commit(clone.path(), ".github/actions/say/action.yml", ACTION);
    commit(clone.path(), ".github/actions/say/say.sh", "echo \"$2: $1\"\n");
    works(clone.path(), &["push", "--quiet", "origin", "main"]);

    let pushed = ended(&server, "push");
    assert_eq!(pushed["conclusion"], "success", "{pushed}");
    let jobs: Vec<_> =
        pushed["jobs"].as_array().expect("jobs").iter().map(|job| &job["name"]).collect();
    for name in ["plan", "deploy (eu)", "deploy (eu) / apply", "deploy (us) / apply", "report"] {
        assert!(jobs.iter().any(|job| *job == name), "{name}: {jobs:?}");
    }
    let said = log(&server, &pushed, "deploy.1.apply");
    let expected = format!("to us length {} value <***> other <>", VALUE.len());
    assert!(said.contains(&expected) && said.contains("one"), "{said}");
    let said = log(&server, &pushed, "report");
    assert!(said.contains("loudly: the last went to us") && said.contains("said loudly"), "{said}");
    let report =
        pushed["jobs"].as_array().expect("jobs").iter().find(|job| job["name"] == "report");
    let steps = report.expect("it ran")["steps"].as_array().expect("steps").len();
    assert_eq!(steps, 3, "the steps of an action are no steps of the job");

    works(clone.path(), &["checkout", "--quiet", "-b", "change"]);
    commit(clone.path(), "README.md", "changed\n");
    works(clone.path(), &["push", "--quiet", "origin", "change"]);
    assert_eq!(server.boucle(&["pr", "open", "me/app", "--head", "change"]).code, 0);
    let unmerged = ended(&server, "pull_request");
    let said = log(&server, &unmerged, "deploy.0.apply");
    assert!(said.contains("to eu length 0 value <> other <>"), "{said}");
}

#[test]
fn what_does_not_run_here_is_said_before_and_when_it_is_due() {
    let (data, clone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let server = Server::start(data.path(), &[]);
    let text = "on: push
jobs:
  plain:
    runs-on: boucle
    steps: [{run: 'true'}]
  boxed:
    runs-on: boucle
    container: debian:stable
    steps: [{run: 'true'}]
";
    let missing = "on: push\njobs:\n  a:\n    uses: ./.github/workflows/none.yaml\n";
    let path = ".github/workflows/boxed.yaml";
    repository(&server, clone.path(), "me/app", &[(path, text)]);
    let run = ended(&server, "push");
    assert_eq!(run["conclusion"], "failure", "{run}");
    let jobs = run["jobs"].as_array().expect("jobs");
    let job = |name: &str| jobs.iter().find(|job| job["name"] == name).expect("a job");
    assert_eq!(job("plain")["conclusion"], "success", "{run}");
    let reason = job("boxed")["reasons"].to_string();
    assert!(reason.contains("boxed.yaml:8:5: A job's container"), "{reason}");

    let checked = server.boucle_in(clone.path(), &["run", path, "--check"]);
    assert_eq!(checked.code, 10, "{}{}", checked.out, checked.err);
    let said = checked.json();
    assert_eq!(
        (&said["valid"], &said["problems"][0]["severity"]),
        (&true.into(), &"unsupported".into())
    );
    commit(clone.path(), ".github/workflows/missing.yaml", missing);
    let checked =
        server.boucle_in(clone.path(), &["run", ".github/workflows/missing.yaml", "--check"]);
    assert!(checked.out.contains("is not in this repository"), "{}{}", checked.out, checked.err);

    works(clone.path(), &["checkout", "--quiet", "-b", "change"]);
    commit(clone.path(), "README.md", "changed\n");
    works(clone.path(), &["push", "--quiet", "origin", "change"]);
    assert_eq!(server.boucle(&["pr", "open", "me/app", "--head", "change"]).code, 0);
    wait_for("the remark at review", || {
        let listed = server.boucle(&["audit", "list", "--kind", "repositories.check_reported"]);
        listed.json().as_array().into_iter().flatten().any(|fact| {
            let body = &fact["body"];
            body["name"] == "boxed" && body["state"] == "neutral"
        })
    });
}

#[test]
fn what_is_dangerous_is_said_without_a_server() {
    let work = tempfile::tempdir().expect("a folder");
    let folder = work.path().join(".github/workflows");
    std::fs::create_dir_all(&folder).expect("it is made");
    let write = |step: &str| {
        let text = format!(
            "on: pull_request\njobs:\n  one:\n    runs-on: boucle\n    permissions: {{contents: read}}\n    \
             steps:\n      - run: {step}\n"
        );
        std::fs::write(folder.join("ci.yaml"), text).expect("it is written");
    };
    let lint = |arguments: &[&str]| {
        let nowhere = work.path().join("no-server");
        run(command(&nowhere).arg("lint").args(arguments).current_dir(work.path()))
    };
    write("echo '${{ github.event.pull_request.title }}'");
    assert_eq!(lint(&[]).code, 0, "a warning only");
    let strict = lint(&["ci", "--strict", "--sarif"]);
    assert_eq!(strict.code, 10);
    let result = &strict.json()["runs"][0]["results"][0];
    assert_eq!(result["level"], "warning");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], ".github/workflows/ci.yaml");
    assert_eq!(place["region"]["startLine"], 7);
    write("echo ${{ unknown.name }}");
    assert_eq!(lint(&[]).code, 10, "an error");
    write("echo fine");
    assert_eq!(lint(&["--strict"]).code, 0);
    assert_eq!(lint(&["none"]).code, 3);
}

#[test]
fn refs_runs_and_times_start_workflows() {
    let (data, clone) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("one"));
    let server = Server::start(data.path(), &[]);
    let of = |name: &str, on: &str, what: &str| {
        let path = format!(".github/workflows/{name}.yaml");
        let text = format!(
            "name: {name}\non: {on}\njobs:\n  use:\n    runs-on: boucle\n    steps: [{{run: \"echo {name} \
             ${{{{ github.event.{what} }}}}\"}}]\n"
        );
        (path, text)
    };
    let follows = "{workflow_run: {workflows: created, types: completed}}";
    let files = [
        of("created", "create", "ref"),
        of("deleted", "delete", "ref"),
        of("following", follows, "workflow_run.conclusion"),
        of("timed", "{schedule: [{cron: '* * * * *'}]}", "schedule"),
    ];
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    repository(&server, clone.path(), "me/app", &files);
    let run = ended(&server, "create");
    let said = log(&server, &run, "use");
    assert!(said.contains("created main"), "{said}");
    let run = ended(&server, "workflow_run");
    let said = log(&server, &run, "use");
    assert!(said.contains("following success"), "{said}");

    works(clone.path(), &["push", "--quiet", "origin", "main:refs/heads/short"]);
    works(clone.path(), &["push", "--quiet", "origin", ":refs/heads/short"]);
    let run = ended(&server, "delete");
    let said = log(&server, &run, "use");
    assert!(said.contains("deleted short"), "{said}");

    let begun = std::time::Instant::now();
    let timed = || {
        let runs = server.boucle(&["run", "list"]).json();
        runs.as_array().into_iter().flatten().any(|run| run["event"] == "schedule")
    };
    // A minute at most; other waits are shorter.
    while !timed() && begun.elapsed().as_secs() < 55 {
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    wait_for("the time of the schedule", timed);
    let said = log(&server, &ended(&server, "schedule"), "use");
    assert!(said.contains("timed"), "{said}");
}
