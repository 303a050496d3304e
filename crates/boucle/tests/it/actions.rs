//! Actions on objects of a real cluster, from the command line to what is there afterwards.

use serde_json::{Value, json};

use crate::harness::{Outcome, wait_for};
use crate::kubernetes::{AUTOMATED, World, application};

const CRON_JOB: &str = "apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: '0 0 * * *'
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: it, image: example/it}]
";

const SETTINGS: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: fast}
";

const SECRET: &str = "apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {password: canary-4711}
";

/// Actions of ConfigMaps: one on a field of Git's, one on another, one that fails.
const ACTIONS: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data:
  resource.customizations.actions.ConfigMap: |
    discovery.lua: |
      return {mark = {params = {{name = 'by'}}}, slow = {}, off = {disabled = true}, fail = {}}
    definitions:
    - name: mark
      action.lua: |
        obj.metadata.annotations['a.example/by'] = actionParams['by']
        return obj
    - name: slow
      action.lua: obj.data.mode = 'slow'; return obj
    - name: fail
      action.lua: error('not today')
  resource.customizations.actions.Secret: |
    definitions: [{name: leak, action.lua: 'error(obj.data.password)'}]
";

fn world(files: &[(&str, &str)]) -> World {
    World::with(
        |name| {
            let application = application(name, name, AUTOMATED);
            vec![("app.yaml", application), ("argocd-cm.yaml", ACTIONS.to_owned())]
        },
        files,
    )
}

fn run(world: &World, object: &str, action: &str, more: &[&str]) -> Outcome {
    let object = object.replace("NS", world.name());
    let mut line = vec!["app", "action", "run", world.name(), &object, action];
    line.extend(more);
    world.server.boucle(&line)
}

#[track_caller]
fn refused(outcome: &Outcome, needle: &str) {
    assert_ne!(outcome.code, 0, "{}", outcome.out);
    let said = format!("{}{}", outcome.out, outcome.err);
    assert!(said.contains(needle), "{said}\nhas not: {needle}");
    assert!(!said.contains("canary-4711") && !said.contains("Y2FuYXJ5LTQ3MTE="), "{said}");
}

#[test]
fn actions_change_what_git_leaves_free_and_nothing_else() {
    let world =
        world(&[("job.yaml", CRON_JOB), ("settings.yaml", SETTINGS), ("secret.yaml", SECRET)]);
    world.wait_until("synced", "healthy");
    let listed = world.server.boucle(&["app", "action", "list", world.name()]).json();
    let of = |kind: &str| -> Vec<Value> {
        let all = listed.as_array().expect("a list").iter();
        let own = all.filter(|one| one["object"].to_string().starts_with(&format!("\"{kind}/")));
        own.flat_map(|one| one["actions"].as_array().cloned().unwrap_or_default()).collect()
    };
    let names: Vec<Value> = of("CronJob").iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["create-job", "resume", "suspend"], "{listed}");
    assert_eq!(of("ConfigMap").len(), 4, "{listed}");
    assert!(of("Secret").is_empty(), "{listed}");
    let suspended = run(&world, "CronJob.batch/NS/nightly", "suspend", &[]);
    assert_eq!(suspended.code, 0, "{}{}", suspended.out, suspended.err);
    assert_eq!(suspended.json()["fields"], json!(["/spec/suspend"]));
    let is =
        |field: &str| world.get("cronjobs", "nightly").expect("it is there")["spec"][field].clone();
    assert_eq!(is("suspend"), json!(true));
    let made = run(&world, "CronJob/NS/nightly", "create-job", &[]);
    assert_eq!(made.code, 0, "{}{}", made.out, made.err);
    let job = made.json()["created"][0]
        .as_str()
        .expect("one")
        .rsplit('/')
        .next()
        .expect("a name")
        .to_owned();
    let job = world.get("jobs", &job).expect("it was made");
    assert_eq!(job["metadata"]["ownerReferences"][0]["name"], "nightly");
    let marked = run(&world, "ConfigMap./NS/settings", "mark", &["--param", "by=ada"]);
    assert_eq!(marked.code, 0, "{}{}", marked.out, marked.err);
    let annotations = || {
        world.get("configmaps", "settings").expect("it is there")["metadata"]["annotations"].clone()
    };
    assert_eq!(annotations()["a.example/by"], "ada");
    // What Git does not set is no difference, and stays through the next synchronisation.
    world.write("deploy/settings.yaml", &SETTINGS.replace("fast", "steady"));
    world.push("another mode");
    wait_for("the mode", || {
        world.get("configmaps", "settings").is_some_and(|map| map["data"]["mode"] == "steady")
    });
    assert_eq!((annotations()["a.example/by"].clone(), is("suspend")), (json!("ada"), json!(true)));
    let settings = "ConfigMap/NS/settings";
    refused(&run(&world, settings, "slow", &[]), "Git sets /data/mode");
    refused(&run(&world, settings, "off", &[]), "cannot be done while");
    refused(&run(&world, settings, "fail", &[]), "not today");
    refused(&run(&world, settings, "other", &[]), "no action `other`");
    refused(&run(&world, "ConfigMap/NS/none", "mark", &[]), "is not here");
    refused(&run(&world, "Secret/NS/hidden", "leak", &[]), "no action reads or makes a Secret");
    let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.action_"]);
    for (kind, count) in [("action_requested", 3), ("action_done", 3), ("action_failed", 0)] {
        assert_eq!(
            facts.out.matches(&format!("deployments.{kind}\"")).count(),
            count,
            "{}",
            facts.out
        );
    }
    assert!(facts.out.contains("resource_version") && facts.out.contains("owner"), "{}", facts.out);
    assert_eq!(world.server.boucle(&["admin", "rebuild-views"]).code, 0);
}

const FOREIGN: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: NAME}
data: {mode: slow}
";

#[test]
fn what_git_only_names_has_no_actions() {
    // Not synchronised by itself: what Git names stays somebody else's.
    let names = ["foreign", "made"];
    let manifests = names.map(|name| FOREIGN.replace("NAME", name));
    let files = [("foreign.yaml", &*manifests[0]), ("made.yaml", &*manifests[1])];
    let world = World::with(
        |name| {
            let application = application(name, name, "{}");
            vec![("app.yaml", application), ("argocd-cm.yaml", ACTIONS.to_owned())]
        },
        &files,
    );
    let make = |name: &str, owners: Value| {
        let path = format!("/api/v1/namespaces/{}/configmaps", world.name());
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "annotations": {"a": "b"}, "ownerReferences": owners},
        });
        let answer = world.cluster.ask("POST", &path, Some(&object));
        assert_eq!(answer.status, 201, "{}", answer.body);
        answer.body["metadata"]["uid"].clone()
    };
    let uid = make("foreign", json!([]));
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "foreign", "uid": uid});
    make("made", json!([owner]));
    let resources = || -> Vec<Value> {
        let shown = world.server.boucle(&["app", "show", world.name()]).json();
        let all = shown["resources"].as_array().cloned().unwrap_or_default();
        all.into_iter().filter(|one| one["sync"] == "out_of_sync").collect()
    };
    wait_for("both to be seen", || resources().len() == 2);
    for name in names {
        assert!(resources().iter().all(|one| one["has_actions"] == false), "{:?}", resources());
        for kind in ["ConfigMap", "ConfigMap."] {
            refused(
                &run(&world, &format!("{kind}/NS/{name}"), "mark", &["--param", "by=ada"]),
                "is not here",
            );
        }
        let now = world.get("configmaps", name).expect("it is there");
        assert_eq!(now["metadata"]["annotations"], json!({"a": "b"}));
    }
    let listed = world.server.boucle(&["app", "action", "list", world.name()]).json();
    assert_eq!(listed, json!([]));
    let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.action_"]);
    assert!(!facts.out.contains("action_requested"), "{}", facts.out);
}
