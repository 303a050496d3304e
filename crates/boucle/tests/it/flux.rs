//! Flux's objects on a real cluster: they show what Git declares of their names, and what the `flux`
//! program writes into them is done, or refused with a reason.

use serde_json::{Value, json};

use crate::harness::wait_for;
use crate::kubernetes::{AUTOMATED, CONFIG_MAP, World, application};
use crate::migration::{create, define};

const SOURCES: &str = "source.toolkit.fluxcd.io/v1";
const KUSTOMIZATIONS: &str = "kustomize.toolkit.fluxcd.io/v1";

/// A server that answers the objects of the test's namespace, with one application, a source and the
/// object of the application's name.
fn world(policy: &str) -> World {
    let world = World::started(
        &|namespace| vec!["--flux-namespace".into(), namespace.into()],
        |name| vec![("app.yaml", application(name, name, policy))],
        &[("settings.yaml", CONFIG_MAP)],
    );
    for (group, version, plural, kind) in [
        ("source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository"),
        ("source.toolkit.fluxcd.io", "v1", "ocirepositories", "OCIRepository"),
        ("source.toolkit.fluxcd.io", "v1", "helmrepositories", "HelmRepository"),
        ("kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization"),
        ("helm.toolkit.fluxcd.io", "v2", "helmreleases", "HelmRelease"),
    ] {
        define(&world.cluster, group, version, plural, kind);
    }
    let source = json!({
        "apiVersion": SOURCES, "kind": "GitRepository", "metadata": { "name": "fleet" },
        "spec": {
            "interval": "1m", "url": format!("{}/me/east", world.server.url()),
            "ref": { "branch": "live" },
        },
    });
    create(&world.cluster, &path(&world, SOURCES, "gitrepositories"), &source);
    let object = kustomization(world.name());
    create(&world.cluster, &path(&world, KUSTOMIZATIONS, "kustomizations"), &object);
    world
}

fn kustomization(name: &str) -> Value {
    json!({
        "apiVersion": KUSTOMIZATIONS, "kind": "Kustomization", "metadata": { "name": name },
        "spec": {
            "interval": "10m", "path": "./deploy", "prune": true,
            "sourceRef": { "kind": "GitRepository", "name": "fleet" },
        },
    })
}

fn path(world: &World, api_version: &str, plural: &str) -> String {
    format!("/apis/{api_version}/namespaces/{}/{plural}", world.name())
}

fn get(world: &World, name: &str) -> Value {
    let path = path(world, KUSTOMIZATIONS, "kustomizations");
    let answer = world.cluster.ask("GET", &format!("{path}/{name}"), None);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

/// Merges into an object, or into its `/status`, as this program.
fn merge(world: &World, name: &str, manager: &str, patch: &Value) {
    let path = path(world, KUSTOMIZATIONS, "kustomizations");
    let path = format!("{path}/{name}?fieldManager={manager}");
    let answer = world.cluster.ask_as("PATCH", &path, "application/merge-patch+json", Some(patch));
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// As `flux reconcile` does it.
fn reconcile(world: &World, name: &str, at: &str) {
    let asks = json!({ "reconcile.fluxcd.io/requestedAt": at });
    merge(world, name, "flux", &json!({ "metadata": { "annotations": asks } }));
}

fn suspend(world: &World, suspend: bool) {
    merge(world, world.name(), "flux", &json!({ "spec": { "suspend": suspend } }));
}

/// Waits until the object is so, and gives it.
#[track_caller]
fn wait_until(world: &World, name: &str, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let start = std::time::Instant::now();
    loop {
        let object = get(world, name);
        if holds(&object) {
            return object;
        }
        assert!(start.elapsed().as_secs() < 60, "{what} did not come: {object:#}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The status, reason and message of a condition; empty without one.
fn condition(object: &Value, kind: &str) -> [String; 3] {
    let conditions = object["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.clone().find(|one| one["type"] == kind).cloned().unwrap_or_default();
    ["status", "reason", "message"].map(|name| found[name].as_str().unwrap_or_default().to_owned())
}

fn is_ready(object: &Value) -> bool {
    condition(object, "Ready")[0] == "True"
}

fn facts(world: &World, kind: &str) -> usize {
    let facts = world.server.boucle(&["audit", "list", "--kind", kind]).json();
    facts.as_array().map_or(0, Vec::len)
}

#[test]
fn an_object_shows_its_application_and_reconciles_it() {
    let world = world("{}");
    let name = world.name();
    let waits = |object: &Value| condition(object, "Ready")[1] == "WaitsForRequest";
    let shown = wait_until(&world, name, "what is waited for", waits);
    assert_eq!(shown["status"]["observedGeneration"], shown["metadata"]["generation"]);
    assert!(world.get("configmaps", "settings").is_none(), "nobody asked for it");

    reconcile(&world, name, "first");
    let shown = wait_until(&world, name, "the reconciliation", is_ready);
    let status = &shown["status"];
    assert_eq!(status["lastHandledReconcileAt"], "first", "{shown:#}");
    assert!(world.get("configmaps", "settings").is_some());
    let revision = status["lastAppliedRevision"].as_str().expect("a revision");
    assert!(revision.starts_with("live@sha1:"), "{revision}");
    assert_eq!(status["lastAttemptedRevision"], revision);
    let entry = json!({ "id": format!("{name}_settings__ConfigMap"), "v": "v1" });
    assert_eq!(status["inventory"], json!({ "entries": [entry] }));
    assert_eq!(condition(&shown, "Healthy")[0], "True", "{shown:#}");
    let asked = world.server.boucle(&["audit", "list", "--kind", "deployments.sync_requested"]);
    assert_eq!(asked.json().as_array().map(Vec::len), Some(1), "{}", asked.out);
    assert!(asked.out.contains("flux (Kustomization "), "{}", asked.out);

    // Asked for again, with nothing to do; and nothing is written while nothing changes.
    reconcile(&world, name, "second");
    let again =
        |object: &Value| is_ready(object) && object["status"]["lastHandledReconcileAt"] == "second";
    let shown = wait_until(&world, name, "the answer", again);
    assert_eq!(facts(&world, "deployments.sync_requested"), 2);
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    let source = path(&world, SOURCES, "gitrepositories");
    wait_for("the source", || {
        let source = world.cluster.ask("GET", &format!("{source}/fleet"), None).body;
        is_ready(&source) && source["status"]["artifact"]["revision"] == revision
    });
    assert_eq!(version(&get(&world, name)), version(&shown));
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
}

#[test]
fn a_suspended_object_holds_its_application() {
    let world = world(AUTOMATED);
    let name = world.name();
    wait_until(&world, name, "the application", is_ready);
    suspend(&world, true);
    wait_for("the hold", || world.reasons() == ["held"]);
    world.write("deploy/more.yaml", &CONFIG_MAP.replace("settings", "more"));
    world.push("more");
    let waits = |object: &Value| condition(object, "Ready")[1] == "Suspended";
    wait_until(&world, name, "what waits", waits);
    assert!(world.get("configmaps", "more").is_none(), "it is held");
    assert_eq!(world.reasons(), ["held"]);

    // A hold outlives a restart, and a person may act in it once.
    let world = world.restart();
    let name = world.name();
    wait_for("the hold", || world.reasons() == ["held"]);
    // Its address is another one.
    let url = json!({ "spec": { "url": format!("{}/me/east", world.server.url()) } });
    let path = format!("{}/fleet", path(&world, SOURCES, "gitrepositories"));
    let merge_patch = "application/merge-patch+json";
    assert_eq!(world.cluster.ask_as("PATCH", &path, merge_patch, Some(&url)).status, 200);
    assert_eq!(world.server.boucle(&["app", "sync", name]).code, 0);
    wait_for("what was asked for", || world.get("configmaps", "more").is_some());
    world.write("deploy/last.yaml", &CONFIG_MAP.replace("settings", "last"));
    world.push("last");
    wait_until(&world, name, "what waits", waits);
    assert!(world.get("configmaps", "last").is_none(), "it is held");

    suspend(&world, false);
    wait_for("what waited", || world.get("configmaps", "last").is_some());
    let shown = wait_until(&world, name, "the application", is_ready);
    assert_eq!(shown["status"]["observedGeneration"], shown["metadata"]["generation"]);
    assert_eq!(world.reasons(), [""; 0]);
    let kinds = ["deployments.automation_held", "deployments.automation_released"];
    assert_eq!(kinds.map(|kind| facts(&world, kind)), [1, 1]);
}

#[test]
fn an_object_that_git_does_not_declare_orders_nothing() {
    let world = world("{}");
    let name = world.name();
    let stranger = format!("{name}-stranger");
    let mut object = kustomization(&stranger);
    object["metadata"]["annotations"] = json!({ "reconcile.fluxcd.io/requestedAt": "now" });
    create(&world.cluster, &path(&world, KUSTOMIZATIONS, "kustomizations"), &object);
    merge(&world, name, "kubectl-edit", &json!({ "spec": { "path": "./elsewhere" } }));
    reconcile(&world, name, "now");
    for (name, reason, says) in
        [(&*stranger, "NotDeclared", "no file in Git"), (name, "NotAsDeclared", "spec.path")]
    {
        let handled = |object: &Value| object["status"]["lastHandledReconcileAt"] == "now";
        let shown = wait_until(&world, name, "the refusal", handled);
        let [status, found, message] = condition(&shown, "Ready");
        assert_eq!((&*status, &*found), ("False", reason), "{shown:#}");
        assert!(message.contains(says) && message.contains("boucle migrate flux"), "{message}");
        assert_eq!(condition(&shown, "Stalled")[0], "True", "{shown:#}");
    }
    assert_eq!(facts(&world, "deployments.sync_requested"), 0);
    assert!(world.get("configmaps", "settings").is_none());

    // Once it says what Git says, it is a window to it.
    merge(&world, name, "kubectl-edit", &json!({ "spec": { "path": "./deploy/" } }));
    let waits = |object: &Value| condition(object, "Ready")[1] == "WaitsForRequest";
    wait_until(&world, name, "what is waited for", waits);
}

#[test]
fn a_status_that_another_controller_writes_is_left_to_it() {
    let world = world("{}");
    let name = world.name();
    let waits = |object: &Value| condition(object, "Ready")[1] == "WaitsForRequest";
    wait_until(&world, name, "what is waited for", waits);
    let theirs = json!({ "status": { "conditions": [] } });
    let status = format!("{name}/status");
    merge(&world, &status, "kustomize-controller", &theirs);
    wait_for("the diagnosis", || {
        let diagnosis = world.server.boucle(&["doctor"]);
        diagnosis.out.contains("kustomize-controller") && diagnosis.out.contains(name)
    });
    // Also what is asked for is left to it.
    reconcile(&world, name, "now");
    world.write("deploy/more.yaml", &CONFIG_MAP.replace("settings", "more"));
    world.push("more");
    wait_for("the plan", || world.shown()["reasons"].to_string().contains('2'));
    let shown = get(&world, name);
    assert_eq!(shown["status"]["conditions"], json!([]), "{shown:#}");
    assert_eq!(facts(&world, "deployments.sync_requested"), 0);

    let annotations = json!({ "annotations": null });
    merge(&world, name, "kubectl-patch", &json!({ "metadata": annotations }));
    merge(&world, &status, "kubectl-patch", &json!({ "status": null }));
    wait_until(&world, name, "what is waited for", waits);
}
