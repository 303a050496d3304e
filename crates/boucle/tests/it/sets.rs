//! Sets of applications that do not simply follow Git: those that keep what they made, and those that
//! go by steps.

use serde_json::json;

use crate::harness::wait_for;
use crate::kubernetes::{CONFIG_MAP, World};
use crate::projects::Local;

const ALL: &str = "{path: 'services/*'}";
const A_AND_C: &str = "{path: services/a}, {path: services/c}";

/// One application for each of the folders, with the maps of the folder `from` below it.
fn kept(policy: &str, from: &str, folders: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: services}}
spec:
  goTemplate: true
  generators:
  - git: {{repoURL: me/one, revision: HEAD, directories: [{folders}]}}
  syncPolicy: {{applicationsSync: {policy}}}
  template:
    metadata: {{name: 'svc-{{{{.path.basename}}}}'}}
    spec:
      source: {{repoURL: me/one, path: '{{{{.path.path}}}}/{from}', targetRevision: main}}
      destination: {{name: local, namespace: '{{{{.path.basename}}}}'}}
      syncPolicy: {{automated: {{prune: true}}}}
"
    )
}

fn path(local: &Local, name: &str) -> Option<String> {
    let shown = local.application(name)?;
    (shown["sync"] == "synced").then(|| shown["path"].as_str().expect("a path").to_owned())
}

#[test]
fn applications_keep_their_first_form_and_stay_where_the_set_says_so() {
    let map = |name: &str| CONFIG_MAP.replace("settings", name);
    let local = Local::new(&[
        ("apps/set.yaml", &kept("sync", "old", ALL)),
        ("services/a/old/map.yaml", &map("a")),
        ("services/a/new/map.yaml", &map("a")),
        ("services/b/old/map.yaml", &map("b")),
        ("services/b/new/map.yaml", &map("b")),
    ]);
    let is_at = |name: &str, at: &str| path(&local, name).as_deref() == Some(at);
    wait_for("both", || is_at("svc-a", "services/a/old") && is_at("svc-b", "services/b/old"));
    // What was there before keeps what it was, also with the commit that says so; a new one is new.
    local.write("apps/set.yaml", &kept("create-only", "new", ALL));
    local.write("services/c/new/map.yaml", &map("c"));
    local.merge("1");
    wait_for("the new one", || is_at("svc-c", "services/c/new"));
    assert!(is_at("svc-a", "services/a/old") && is_at("svc-b", "services/b/old"));
    // Its own files it follows, and it stays when it is no longer generated.
    local.write("services/a/old/map.yaml", &map("other"));
    local.write("apps/set.yaml", &kept("create-only", "new", "{path: services/c}"));
    local.merge("2");
    let diff = |name: &str| local.server.boucle(&["app", "show", name]).json()["resources"].clone();
    wait_for("its files", || diff("svc-a").to_string().contains("\"other\""));
    assert!(is_at("svc-b", "services/b/old"));
    // A start knows it too.
    let rebuilt = local.server.boucle(&["admin", "rebuild-views"]);
    assert_eq!(rebuilt.code, 0, "{}{}", rebuilt.out, rebuilt.err);
    // With create-delete they go, and what is left keeps its form.
    local.write("apps/set.yaml", &kept("create-delete", "none", A_AND_C));
    local.merge("3");
    wait_for("the end of one", || local.application("svc-b").is_none());
    assert!(is_at("svc-a", "services/a/old") && is_at("svc-c", "services/c/new"));
    // Those that follow the set again are what it says now.
    local.write("apps/set.yaml", &kept("sync", "new", A_AND_C));
    local.merge("4");
    wait_for("the form of today", || is_at("svc-a", "services/a/new"));
    assert_eq!(local.server.boucle(&["audit", "verify"]).code, 0);
}

/// Two applications: `NAME-first` of step 1, `NAME-second` of step 2.
fn steps(name: &str) -> Vec<(&'static str, String)> {
    let set = format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: rolling}}
spec:
  generators: [{{list: {{elements: [{{step: first}}, {{step: second}}]}}}}]
  strategy:
    type: RollingSync
    deletionOrder: Reverse
    rollingSync:
      steps:
      - matchExpressions: [{{key: step, operator: In, values: [first]}}]
      - matchExpressions: [{{key: step, operator: In, values: [second]}}]
        maxUpdate: 50%
  template:
    metadata: {{name: '{name}-{{{{step}}}}', labels: {{step: '{{{{step}}}}'}}}}
    spec:
      source: {{repoURL: me/east, path: 'deploy/{{{{step}}}}', targetRevision: live}}
      destination: {{name: boucle-test, namespace: {name}}}
"
    );
    vec![("set.yaml", set)]
}

const BALANCED: &str = "apiVersion: v1
kind: Service
metadata: {name: door}
spec: {type: LoadBalancer, ports: [{port: 80}]}
";

#[test]
fn the_second_step_waits_until_the_first_is_healthy() {
    let world = World::with(steps, &[]);
    let (first, second) = (format!("{}-first", world.name()), format!("{}-second", world.name()));
    for step in ["first", "second"] {
        std::fs::create_dir_all(world.folder().join("deploy").join(step)).expect("a folder");
    }
    world.write("deploy/first/door.yaml", BALANCED);
    world.write("deploy/second/map.yaml", CONFIG_MAP);
    world.push("both steps");
    let shown = |name: &str| {
        let shown = world.server.boucle(&["app", "show", name]);
        if shown.code == 0 { shown.json()["application"].clone() } else { json!({}) }
    };
    // A balancer that nobody gives an address is not there yet.
    wait_for("the wait", || shown(&second)["reasons"][0]["code"] == "waits-for-step");
    wait_for("the first", || shown(&first)["sync"] == "synced");
    let waits = || shown(&second)["reasons"][0]["message"].to_string();
    wait_for("the reason", || waits().contains("its health is Progressing"));
    assert!(
        waits().contains(&first) && waits().contains("step 1 of the set `rolling`"),
        "{}",
        waits()
    );
    assert!(world.get("configmaps", "settings").is_none(), "it waits");
    let balanced = |address: serde_json::Value| {
        let path = format!("/api/v1/namespaces/{}/services/door/status", world.name());
        let status = json!({"status": {"loadBalancer": {"ingress": address}}});
        let kind = "application/merge-patch+json";
        let answer = world.cluster.ask_as("PATCH", &path, kind, Some(&status));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    balanced(json!([{"ip": "10.1.2.3"}]));
    wait_for("the second", || shown(&second)["sync"] == "synced");
    assert!(world.get("configmaps", "settings").is_some());
    // A new revision of the second waits again, and a person goes before.
    balanced(json!([]));
    wait_for("the sickness", || shown(&first)["health"] == "progressing");
    world.write("deploy/second/map.yaml", &CONFIG_MAP.replace("settings", "more"));
    world.push("more");
    wait_for("the wait", || shown(&second)["reasons"][0]["code"] == "waits-for-step");
    let asked = world.server.boucle(&["app", "sync", &second]);
    assert_eq!(asked.code, 0, "{}{}", asked.out, asked.err);
    wait_for("the new map", || world.get("configmaps", "more").is_some());
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
    assert_eq!(world.server.boucle(&["admin", "rebuild-views"]).code, 0);
}
