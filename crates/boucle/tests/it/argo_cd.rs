//! Argo CD's `Application` objects on a real cluster: they show what Git declares of their names, and
//! what tools write into them is done, or refused with a reason.

use serde_json::{Value, json};

use crate::harness::wait_for;
use crate::kubernetes::{AUTOMATED, CONFIG_MAP, JOB, World, application};
use crate::migration::{create, define};

/// A server that answers the objects of the test's namespace, with one application.
fn world(policy: &str, files: &[(&str, &str)]) -> World {
    let world = World::started(
        &|namespace| vec!["--argocd-namespace".into(), namespace.into()],
        |name| vec![("app.yaml", application(name, name, policy))],
        files,
    );
    define(&world.cluster, "argoproj.io", "v1alpha1", "applications", "Application");
    world
}

/// What Argo CD's own tools would create beside the file in Git.
fn object(world: &World, name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": { "name": name },
        "spec": {
            "project": "default",
            "source": { "repoURL": "me/east", "path": "deploy", "targetRevision": "live" },
            "destination": {
                "server": "https://kubernetes.default.svc", "namespace": world.name(),
            },
        },
    })
}

/// A person synchronises.
fn by_hand() -> World {
    world("{}", &[("settings.yaml", CONFIG_MAP)])
}

fn path(world: &World) -> String {
    format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", world.name())
}

fn get(world: &World, name: &str) -> Value {
    let answer = world.cluster.ask("GET", &format!("{}/{name}", path(world)), None);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn merge(world: &World, name: &str, manager: &str, patch: &Value) {
    let path = format!("{}/{name}?fieldManager={manager}", path(world));
    let answer = world.cluster.ask_as("PATCH", &path, "application/merge-patch+json", Some(patch));
    assert_eq!(answer.status, 200, "{}", answer.body);
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

fn phase(object: &Value) -> &Value {
    &object["status"]["operationState"]["phase"]
}

#[test]
fn an_object_shows_its_application_and_synchronises_it() {
    let world = by_hand();
    let name = world.name();
    create(&world.cluster, &path(&world), &object(&world, name));
    let shown = wait_until(&world, name, "the difference", |object| {
        object["status"]["sync"]["status"] == "OutOfSync"
    });
    let resources = shown["status"]["resources"].as_array().expect("a list");
    assert_eq!(resources.len(), 1, "{shown:#}");
    assert_eq!(resources[0]["status"], "OutOfSync");
    assert_eq!(shown["status"].get("conditions"), None, "{shown:#}");
    assert!(world.get("configmaps", "settings").is_none(), "nobody asked for it");

    let operation = json!({ "initiatedBy": { "username": "ada" }, "sync": { "prune": true } });
    let refresh = json!({ "annotations": { "argocd.argoproj.io/refresh": "hard" } });
    let asks = json!({ "metadata": refresh, "operation": operation });
    merge(&world, name, "kubectl-patch", &asks);
    let shown = wait_until(&world, name, "the synchronisation", |object| {
        let status = &object["status"];
        let is = [&status["sync"]["status"], &status["health"]["status"], phase(object)];
        is == ["Synced", "Healthy", "Succeeded"]
    });
    assert!(world.get("configmaps", "settings").is_some());
    assert_eq!(shown.get("operation"), None, "{shown:#}");
    assert_eq!(shown["metadata"].get("annotations"), None, "{shown:#}");
    let status = &shown["status"];
    assert_eq!(status["sync"]["revision"], status["operationState"]["syncResult"]["revision"]);
    assert_eq!(status["history"].as_array().map(Vec::len), Some(1), "{shown:#}");
    let by = status["operationState"]["operation"]["initiatedBy"]["username"].as_str();
    assert!(by.is_some_and(|by| by.starts_with("ada (Application ")), "{shown:#}");
    let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.sync_requested"]);
    assert_eq!(facts.json().as_array().map(Vec::len), Some(1), "{}", facts.out);
    assert!(facts.out.contains("argo-cd"), "{}", facts.out);

    // Asked for again, with nothing to do, from the other side.
    assert_eq!(world.server.boucle(&["app", "sync", name]).code, 0);
    let shown = wait_until(&world, name, "the answer", |object| {
        object["status"]["operationState"]["message"] == "everything was as Git says"
    });
    // What is asked of a cluster without a subresource counts its writes: few, and none for ever.
    let writes = shown["metadata"]["generation"].as_u64().expect("a number");
    assert!(writes <= 20, "{writes} writes");
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
}

#[test]
fn an_object_that_git_does_not_declare_orders_nothing() {
    let world = by_hand();
    let name = world.name();
    world.wait_until("blocked", "missing");
    let (stranger, other) = (format!("{name}-stranger"), name);
    let sync = json!({ "sync": {} });
    let mut asks = object(&world, &stranger);
    asks["operation"] = sync.clone();
    create(&world.cluster, &path(&world), &asks);
    // The same name, another namespace to deploy into.
    let mut asks = object(&world, other);
    asks["spec"]["destination"]["namespace"] = "default".into();
    asks["operation"] = sync;
    create(&world.cluster, &path(&world), &asks);
    for (name, says) in [(&*stranger, "no file in Git"), (other, "spec.destination")] {
        let shown = wait_until(&world, name, "the refusal", |object| phase(object) == "Error");
        let condition = &shown["status"]["conditions"][0];
        assert_eq!(condition["type"], "InvalidSpecError", "{shown:#}");
        assert!(condition["message"].to_string().contains(says), "{shown:#}");
        assert!(condition["message"].to_string().contains("boucle migrate argocd"), "{shown:#}");
        assert_eq!(shown.get("operation"), None, "{shown:#}");
        assert_eq!(shown["status"]["sync"]["status"], "Unknown");
    }
    let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.sync_requested"]);
    assert_eq!(facts.json(), json!([]), "{}", facts.out);
    assert!(world.get("configmaps", "settings").is_none());

    // Once it says what Git says, it is a window to it.
    let destination = json!({ "spec": { "destination": { "namespace": name } } });
    merge(&world, name, "kubectl-patch", &destination);
    let shown = wait_until(&world, name, "the difference", |object| {
        object["status"]["sync"]["status"] == "OutOfSync"
    });
    assert_eq!(shown["status"].get("conditions"), None, "{shown:#}");
}

#[test]
fn a_status_that_another_controller_writes_is_left_to_it() {
    let world = by_hand();
    let name = world.name();
    create(&world.cluster, &path(&world), &object(&world, name));
    let is_out_of_sync = |object: &Value| object["status"]["sync"]["status"] == "OutOfSync";
    wait_until(&world, name, "the difference", is_out_of_sync);
    let theirs = json!({ "status": { "sync": { "status": "Synced" } } });
    let argo_cd = "argocd-application-controller";
    merge(&world, name, argo_cd, &theirs);
    wait_for("the diagnosis", || {
        let diagnosis = world.server.boucle(&["doctor"]);
        diagnosis.out.contains(argo_cd) && diagnosis.out.contains(name)
    });
    // Also what is asked for is left to it.
    merge(&world, name, "kubectl-patch", &json!({ "operation": { "sync": {} } }));
    world.write("deploy/more.yaml", &CONFIG_MAP.replace("settings", "more"));
    world.push("more");
    wait_for("the plan", || world.shown()["reasons"].to_string().contains('2'));
    let shown = get(&world, name);
    assert_eq!(shown["status"]["sync"]["status"], "Synced", "{shown:#}");
    assert_eq!(shown["operation"], json!({ "sync": {} }));

    let free = json!({ "status": null, "operation": null });
    merge(&world, name, "kubectl-patch", &free);
    let shown = wait_until(&world, name, "the difference", is_out_of_sync);
    assert_eq!(shown["status"]["resources"].as_array().map(Vec::len), Some(2), "{shown:#}");
}

#[test]
fn a_tool_ends_an_operation_that_waits() {
    let world = world(AUTOMATED, &[("settings.yaml", CONFIG_MAP), ("job.yaml", JOB)]);
    let name = world.name();
    let mut object = object(&world, name);
    object["spec"]["syncPolicy"] = json!({ "automated": { "prune": true, "selfHeal": true } });
    create(&world.cluster, &path(&world), &object);
    let waits = |object: &Value| {
        let message = object["status"]["operationState"]["message"].to_string();
        phase(object) == "Running" && message.contains("hook")
    };
    wait_until(&world, name, "the hook", waits);
    let ends = json!({ "status": { "operationState": { "phase": "Terminating" } } });
    merge(&world, name, "argocd", &ends);
    // It is tried again later, as the application's file says.
    let ended = |object: &Value| {
        let message = object["status"]["operationState"]["message"].to_string();
        phase(object) == "Failed" && message.contains("asked for its end")
    };
    wait_until(&world, name, "the end", ended);
    let diagnosis = world.server.boucle(&["doctor"]);
    assert!(!diagnosis.out.contains("Argo CD on"), "{}", diagnosis.out);
}
