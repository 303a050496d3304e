//! Taking over what Argo CD and Flux deploy: their objects are read from a real cluster, and what
//! becomes of them is deployed without touching what is there.

use std::path::Path;

use serde_json::{Value, json};
use testkit::TestCluster;

use crate::git::works;
use crate::harness::{Server, wait_for};
use crate::kubernetes::CONFIG_MAP;

/// A definition that takes any object, as the tools' own do for what is read here. Flux's keep the
/// status apart, and have the same default for it.
pub fn define(cluster: &TestCluster, group: &str, version: &str, plural: &str, kind: &str) {
    let mut definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind },
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                } },
            }],
        },
    });
    if group.ends_with(".fluxcd.io") {
        let version = &mut definition["spec"]["versions"][0];
        version["subresources"] = json!({ "status": {} });
        version["schema"]["openAPIV3Schema"]["properties"]["status"] = json!({
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "default": { "observedGeneration": -1 },
        });
    }
    let path = format!(
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.{group}\
         ?fieldManager=tests&force=true"
    );
    // Applied: the cluster may have it already, from other tests.
    let apply = "application/apply-patch+yaml";
    let answer = cluster.ask_as("PATCH", &path, apply, Some(&definition));
    assert!(matches!(answer.status, 200 | 201), "{}", answer.body);
    let objects = format!("/apis/{group}/{version}/{plural}");
    wait_for("the definition is served", || cluster.ask("GET", &objects, None).status == 200);
}

pub fn create(cluster: &TestCluster, path: &str, object: &Value) -> Value {
    let answer = cluster.ask("POST", path, Some(object));
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body
}

fn migration<'a>(found: &'a Value, from: &str) -> &'a Value {
    let found = found.as_array().expect("a list").iter().find(|one| one["from"] == from);
    found.unwrap_or_else(|| panic!("{from} was not read"))
}

/// Pushes the file of the application, beside the manifest that Argo CD deployed.
fn declare(server: &Server, work: &Path, name: &str) {
    works(work, &["init", "--quiet", "--initial-branch", "main"]);
    let apps = work.join("apps");
    let into = apps.to_string_lossy().into_owned();
    let written =
        server.boucle(&["migrate", "argocd", "--cluster", "boucle-test", "--into", &into]);
    assert!(matches!(written.code, 0 | 10), "{}", written.err);
    // Other tests' applications are on the cluster too.
    for entry in std::fs::read_dir(&apps).expect("files") {
        let file = entry.expect("a file").path();
        if file.file_stem().and_then(|stem| stem.to_str()) != Some(name) {
            std::fs::remove_file(file).expect("it goes");
        }
    }
    std::fs::create_dir(work.join("deploy")).expect("a folder");
    std::fs::write(work.join("deploy/settings.yaml"), CONFIG_MAP).expect("it is written");
    std::fs::write(work.join("boucle.yaml"), "version: 1\napplications: apps\n")
        .expect("it is written");
    assert_eq!(server.boucle(&["repo", "create", "me/east"]).code, 0);
    works(work, &["add", "--all"]);
    works(work, &["commit", "--quiet", "--message", "declare"]);
    works(work, &["push", "--quiet", &server.address("me/east"), "HEAD:main"]);
}

#[test]
fn an_application_of_argo_cd_is_taken_over_without_a_write() {
    let cluster = testkit::cluster();
    let name = cluster.namespace();
    define(&cluster, "argoproj.io", "v1alpha1", "applications", "Application");
    // What Argo CD did: an application, and its object with its annotation.
    let maps = format!("/api/v1/namespaces/{name}/configmaps");
    let settings = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "settings", "annotations": {
            "argocd.argoproj.io/tracking-id": format!("{name}:/ConfigMap:{name}/settings"),
        } },
        "data": { "colour": "green" },
    });
    let before = create(&cluster, &maps, &settings);
    let application = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": { "name": name, "annotations": { "argocd.argoproj.io/refresh": "normal" } },
        "spec": {
            "project": "default",
            "source": { "repoURL": "me/east", "path": "deploy", "targetRevision": "main" },
            "destination": { "server": "https://kubernetes.default.svc", "namespace": name },
        },
        "status": { "resources": [
            { "version": "v1", "kind": "ConfigMap", "namespace": name, "name": "settings" },
        ] },
    });
    let path = format!("/apis/argoproj.io/v1alpha1/namespaces/{name}/applications");
    create(&cluster, &path, &application);

    let data = tempfile::tempdir().expect("a folder");
    let kubeconfig = cluster.kubeconfig().to_string_lossy().into_owned();
    let server = Server::start(data.path(), &["--kubeconfig", &kubeconfig]);
    let dry_run = ["migrate", "argocd", "--cluster", "boucle-test", "--dry-run"];
    let from = format!("Application {name}/{name}");
    wait_for("the cluster's kinds are known", || {
        let outcome = server.boucle(&dry_run);
        matches!(outcome.code, 0 | 10)
            && outcome
                .json()
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["from"] == from))
    });
    let found = server.boucle(&dry_run).json();
    let one = migration(&found, &from);
    assert_eq!(one["problems"], json!([]), "{one}");
    assert_eq!(one["objects"], json!([format!("ConfigMap {name}/settings")]));

    let work = tempfile::tempdir().expect("a folder");
    declare(&server, work.path(), name);
    // Nobody asks for it: what equals Git is known as what runs, automated or not.
    wait_for("it is taken over", || {
        let shown = server.boucle(&["app", "show", name]);
        shown.code == 0 && shown.json()["application"]["sync"] == "synced"
    });
    let after = cluster.ask("GET", &format!("{maps}/settings"), None).body;
    let version = |object: &Value| object["metadata"]["resourceVersion"].clone();
    assert_eq!(version(&after), version(&before), "an equal object was written: {after}");
}

#[test]
fn flux_objects_say_what_they_become_and_what_is_to_be_settled() {
    let cluster = testkit::cluster();
    let name = cluster.namespace();
    define(&cluster, "kustomize.toolkit.fluxcd.io", "v1", "kustomizations", "Kustomization");
    define(&cluster, "source.toolkit.fluxcd.io", "v1", "gitrepositories", "GitRepository");
    let source = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": { "name": "fleet" },
        "spec": { "url": "https://git.example/fleet.git", "ref": { "branch": "main" } },
    });
    let sources = format!("/apis/source.toolkit.fluxcd.io/v1/namespaces/{name}/gitrepositories");
    create(&cluster, &sources, &source);
    let kustomizations =
        format!("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{name}/kustomizations");
    let kustomization = |name: &str, more: Value| {
        let mut object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": { "name": name },
            "spec": {
                "path": "./web", "prune": true,
                "sourceRef": { "kind": "GitRepository", "name": "fleet" },
            },
        });
        for (field, value) in more.as_object().expect("fields") {
            object["spec"][field] = value.clone();
        }
        object
    };
    let plain = format!("{name}-plain");
    let variables = format!("{name}-variables");
    create(&cluster, &kustomizations, &kustomization(&plain, json!({})));
    let inventory = json!({ "entries": [{ "id": "live_web_apps_Deployment", "v": "v1" }] });
    let status = json!({ "status": { "inventory": inventory } });
    let path = format!("{kustomizations}/{plain}/status");
    let answer = cluster.ask_as("PATCH", &path, "application/merge-patch+json", Some(&status));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let replaced = json!({ "postBuild": { "substitute": { "a": "b" } } });
    create(&cluster, &kustomizations, &kustomization(&variables, replaced));

    let data = tempfile::tempdir().expect("a folder");
    let kubeconfig = cluster.kubeconfig().to_string_lossy().into_owned();
    let server = Server::start(data.path(), &["--kubeconfig", &kubeconfig]);
    let dry_run = ["migrate", "flux", "--cluster", "boucle-test", "--dry-run"];
    let from = |one: &str| format!("Kustomization {name}/{one}");
    wait_for("the cluster's kinds are known", || {
        let outcome = server.boucle(&dry_run);
        outcome.code == 10
            && outcome
                .json()
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one["from"] == from(&variables)))
    });
    let found = server.boucle(&dry_run).json();
    let one = migration(&found, &from(&plain));
    assert_eq!(one["problems"], json!([]), "{one}");
    assert_eq!(one["objects"], json!(["apps/Deployment live/web"]));
    let file = one["file"].as_str().expect("a file");
    assert!(file.contains("repoURL: https://git.example/fleet.git"), "{file}");
    let other = migration(&found, &from(&variables));
    let problems = other["problems"].to_string();
    assert!(problems.contains("postBuild"), "{problems}");
}
