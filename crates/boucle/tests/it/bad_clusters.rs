//! What clusters do to an application that asks for something bad: it says why and what to do, and its
//! neighbour on the same cluster waits for nothing.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::harness::wait_for;
use crate::kubernetes::{AUTOMATED, CONFIG_MAP, World, application};

/// An application of the test's namespace, and one beside it in a namespace of its own.
struct Neighbours(World);

impl Neighbours {
    fn new(files: &[(&str, &str)]) -> Self {
        let world = World::with(
            |name| {
                let beside = format!("{name}-beside");
                let policy = "{automated: {}, syncOptions: [CreateNamespace=true]}";
                let other = application(&beside, &beside, policy).replace("deploy", "beside");
                vec![("app.yaml", application(name, name, AUTOMATED)), ("beside.yaml", other)]
            },
            files,
        );
        Self(world)
    }

    /// The neighbour gets its first manifests now, and is there soon.
    #[track_caller]
    fn neighbour_is_served(&self) {
        let Self(world) = self;
        std::fs::create_dir_all(world.folder().join("beside")).expect("a folder");
        world.write("beside/settings.yaml", CONFIG_MAP);
        world.push("beside");
        let beside = format!("{}-beside", world.name());
        let path = format!("/api/v1/namespaces/{beside}/configmaps/settings");
        wait_for("the neighbour", || world.cluster.ask("GET", &path, None).status == 200);
        wait_for("the neighbour is synchronised", || {
            world.server.boucle(&["app", "show", &beside]).json()["application"]["sync"] == "synced"
        });
        world.cluster.ask("DELETE", &format!("/api/v1/namespaces/{beside}"), None);
    }

    /// Waits until all of these are in what is shown of the application.
    #[track_caller]
    fn says(&self, expected: &[&str]) {
        let Self(world) = self;
        let start = std::time::Instant::now();
        loop {
            let shown = world.server.boucle(&["app", "show", world.name()]).out;
            if expected.iter().all(|one| shown.contains(one)) {
                return;
            }
            assert!(start.elapsed().as_secs() < 60, "{shown}\nhas not all of {expected:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    #[track_caller]
    fn create(&self, path: &str, body: &Value) {
        let answer = self.0.cluster.ask("POST", path, Some(body));
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
}

const NOBODY: &str = "https://127.0.0.1:9/";

#[test]
fn a_kind_that_cannot_be_converted_holds_only_those_that_have_it() {
    let both = Neighbours::new(&[("settings.yaml", CONFIG_MAP)]);
    let world = &both.0;
    world.wait_until("synced", "healthy");
    let group = format!("{}.example.com", world.name());
    let schema = json!({"openAPIV3Schema": {"type": "object",
        "x-kubernetes-preserve-unknown-fields": true}});
    let version = |name: &str, storage: bool| json!({"name": name, "served": true, "storage": storage, "schema": schema});
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    both.create(
        definitions,
        &json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("widgets.{group}")},
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [version("v1", true), version("v2", false)],
                "conversion": {"strategy": "Webhook", "webhook": {
                    "clientConfig": {"url": NOBODY}, "conversionReviewVersions": ["v1"],
                }},
            },
        }),
    );
    let widgets = format!("/apis/{group}/v1/namespaces/{}/widgets", world.name());
    let widget = json!({"apiVersion": format!("{group}/v1"), "kind": "Widget",
        "metadata": {"name": "stored"}});
    wait_for("the kind", || world.cluster.ask("POST", &widgets, Some(&widget)).status == 201);
    let asked = format!("apiVersion: {group}/v2\nkind: Widget\nmetadata: {{name: asked}}\n");
    world.write("deploy/widget.yaml", &asked);
    world.push("a widget");
    both.says(&["\"unknown\"", "Widget", "conversion webhook"]);
    both.neighbour_is_served();
    let path = format!("{definitions}/widgets.{group}");
    world.cluster.ask("DELETE", &path, None);
}

#[test]
fn an_admission_that_does_not_answer_is_named() {
    let both = Neighbours::new(&[]);
    let world = &both.0;
    // Connections are taken and nothing is ever said.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/", silent.local_addr().expect("an address"));
    let name = format!("{}-silent", world.name());
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    both.create(
        hooks,
        &json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": "silent.example.com", "clientConfig": {"url": url}, "timeoutSeconds": 1,
                "failurePolicy": "Fail", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                    "resources": ["configmaps"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.name()}},
            }],
        }),
    );
    // What configures admission is not in force at once.
    let path = format!("/api/v1/namespaces/{}/configmaps?dryRun=All", world.name());
    let probe = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe"}});
    wait_for("the webhook", || world.cluster.ask("POST", &path, Some(&probe)).status >= 500);
    world.write("deploy/settings.yaml", CONFIG_MAP);
    world.push("settings");
    both.says(&["silent.example.com"]);
    both.neighbour_is_served();
    world.cluster.ask("DELETE", &format!("{hooks}/{name}"), None);
    drop(silent);
}

#[test]
fn a_field_that_cannot_change_says_how_to_go_on() {
    let fixed = format!("{CONFIG_MAP}immutable: true\n");
    let both = Neighbours::new(&[("settings.yaml", &fixed)]);
    let world = &both.0;
    world.wait_until("synced", "healthy");
    world.write("deploy/settings.yaml", &fixed.replace("green", "red"));
    world.push("another colour");
    both.says(&["immutable", "Force=true"]);
    both.neighbour_is_served();
}

#[test]
fn a_namespace_that_is_going_takes_nothing() {
    let both = Neighbours::new(&[]);
    let world = &both.0;
    let namespace = format!("/api/v1/namespaces/{}", world.name());
    let held = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "held", "finalizers": ["example.com/never"]}});
    both.create(&format!("{namespace}/configmaps"), &held);
    world.cluster.ask("DELETE", &namespace, None);
    world.write("deploy/settings.yaml", CONFIG_MAP);
    world.push("settings");
    both.says(&["being terminated"]);
    both.neighbour_is_served();
    world.patch("configmaps", "held", &json!({"metadata": {"finalizers": null}}));
}

#[test]
fn of_two_applications_with_one_object_the_first_keeps_it() {
    let both = Neighbours::new(&[("settings.yaml", CONFIG_MAP)]);
    let world = &both.0;
    world.wait_until("synced", "healthy");
    let second = format!("{}-second", world.name());
    world.write("apps/second.yaml", &application(&second, world.name(), AUTOMATED));
    world.merge("second");
    wait_for("the refusal", || {
        let shown = world.server.boucle(&["app", "show", &second]);
        let reason = match shown.code {
            0 => shown.json()["application"]["reasons"][0].clone(),
            _ => Value::Null,
        };
        reason["message"].as_str().is_some_and(|message| message.contains(world.name()))
            && reason["code"] == "owned-by-another"
    });
    both.neighbour_is_served();
}

#[test]
fn an_application_of_very_many_objects_keeps_nobody_waiting() {
    let many: String = (0..1_500)
        .map(|number| CONFIG_MAP.replace("{name: settings}", &format!("{{name: many-{number}}}")))
        .map(|one| format!("---\n{one}"))
        .collect();
    let both = Neighbours::new(&[("many.yaml", &many)]);
    let world = &both.0;
    wait_for("the first of them", || world.get("configmaps", "many-0").is_some());
    both.neighbour_is_served();
    let shown = world.server.boucle(&["app", "show", world.name()]).json();
    assert_ne!(shown["application"]["sync"], "synced", "the neighbour came after all of them");
    world.wait_until("synced", "healthy");
}
