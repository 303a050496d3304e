//! Clusters that Git declares: who may use them, what opens them, what their labels make.

use std::path::Path;

use serde_json::{Value, json};
use testkit::TestCluster;

use crate::git::{commit, works};
use crate::harness::{Outcome, Server, command, run_with_input, wait_for};
use crate::kubernetes::{AUTOMATED, CONFIG_MAP, application};

/// A server that was started without a cluster.
struct World {
    cluster: TestCluster,
    server: Server,
    data: tempfile::TempDir,
    work: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let server = Server::start(data.path(), &[]);
        Self { cluster: testkit::cluster(), server, data, work }
    }

    /// Declares the test's cluster as `east` in a file of the folder.
    fn add(&self, folder: &Path) -> Outcome {
        let kubeconfig = self.cluster.kubeconfig().to_string_lossy();
        self.server.boucle(&[
            "cluster",
            "add",
            "boucle-test",
            "--repository",
            "me/east",
            "--name",
            "east",
            "--label",
            "region=eu",
            "--kubeconfig",
            &kubeconfig,
            "--into",
            &folder.to_string_lossy(),
        ])
    }

    /// A repository with these files of applications beside its manifests.
    fn push(&self, repository: &str, apps: &[(&str, &str)]) {
        let tree = self.work.path().join(repository);
        for folder in ["apps", "deploy"] {
            std::fs::create_dir_all(tree.join(folder)).expect("a folder");
        }
        works(&tree, &["init", "--quiet", "--initial-branch", "main"]);
        for (name, text) in apps {
            std::fs::write(tree.join("apps").join(name), text).expect("it is written");
        }
        std::fs::write(tree.join("deploy/settings.yaml"), CONFIG_MAP).expect("it is written");
        commit(&tree, "boucle.yaml", "version: 1\napplications: apps\n");
        let address = self.server.address(repository);
        works(&tree, &["push", "--quiet", &address, "HEAD:live", "HEAD:main"]);
    }

    /// Gives the cluster's token a further time; the exit code.
    fn set_secret(&self, arguments: &[&str], token: Option<&str>) -> i32 {
        self.set_secret_to(self.cluster.state().token(), arguments, token)
    }

    fn set_secret_to(&self, secret: &str, arguments: &[&str], token: Option<&str>) -> i32 {
        let mut set = command(self.data.path());
        set.args(["secret", "set", "me/east", "CLUSTER_EAST_TOKEN"]).args(arguments);
        if let Some(token) = token {
            set.env("BOUCLE_TOKEN", token);
        }
        run_with_input(&mut set, secret).code
    }

    fn listed(&self) -> Value {
        self.server.boucle(&["cluster", "list"]).json()
    }

    /// The first reason of an application.
    fn reason(&self, application: &str) -> Value {
        let shown = self.server.boucle(&["app", "show", application]);
        if shown.code != 0 {
            return Value::Null;
        }
        shown.json()["application"]["reasons"][0]["code"].clone()
    }

    fn colour(&self) -> Value {
        let answer = self.cluster.ask("GET", &self.path(), None);
        answer.body["data"]["colour"].clone()
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/configmaps/settings", self.cluster.namespace())
    }

    fn paint(&self, colour: &str) {
        let patch = json!({"data": {"colour": colour}});
        let kind = "application/merge-patch+json";
        let path = format!("{}?fieldManager=somebody", self.path());
        assert_eq!(self.cluster.ask_as("PATCH", &path, kind, Some(&patch)).status, 200);
    }
}

/// Makes an application for each cluster with a label.
fn set(namespace: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {{name: all}}
spec:
  goTemplate: true
  generators: [{{clusters: {{selector: {{matchLabels: {{region: eu}}}}}}}}]
  template:
    metadata: {{name: '{namespace}-{{{{.name}}}}'}}
    spec:
      source: {{repoURL: me/east, path: deploy, targetRevision: live}}
      destination: {{server: '{{{{.server}}}}', namespace: {namespace}}}
      syncPolicy: {AUTOMATED}
"
    )
}

#[test]
fn a_declared_cluster_is_its_repositorys_and_opens_with_its_own_secret_only() {
    let world = World::new();
    let namespace = world.cluster.namespace().to_owned();
    for repository in ["me/east", "me/other"] {
        assert_eq!(world.server.boucle(&["repo", "create", repository]).code, 0);
    }
    let apps = world.work.path().join("me/east/apps");
    let added = world.add(&apps);
    assert_eq!(added.code, 0, "{}{}", added.out, added.err);
    let declared = std::fs::read_to_string(apps.join("east.yaml")).expect("it is written");
    assert!(declared.contains("$CLUSTER_EAST_TOKEN"), "{declared}");
    assert!(!declared.contains(world.cluster.state().token()), "{declared}");
    assert_eq!(world.add(&apps).code, 3, "a file is never overwritten");

    // Its label makes the application; another repository's `east` is nothing.
    let name = format!("{namespace}-east");
    let set = set(&namespace);
    world.push("me/east", &[("set.yaml", &set)]);
    let foreign = format!("{namespace}-foreign");
    let other = application(&foreign, &namespace, AUTOMATED)
        .replace("boucle-test", "east")
        .replace("me/east", "me/other");
    world.push("me/other", &[("app.yaml", &other)]);
    wait_for("the object", || world.colour() == "green");
    wait_for("the refusal", || world.reason(&foreign) == "cluster-unavailable");
    let listed = world.listed();
    let east = listed.as_array().into_iter().flatten().find(|one| one["name"] == "me/east/east");
    let east = east.unwrap_or_else(|| panic!("{listed}"));
    assert_eq!(east["applications"], json!([name]));
    assert!(east["version"].is_string(), "{east}");
    let doctor = world.server.boucle(&["cluster", "doctor", "me/east/east"]);
    assert_eq!((doctor.code, doctor.json()), (0, json!([])), "{}", doctor.err);

    // A secret that was given for elsewhere opens nothing.
    assert_eq!(world.set_secret(&["--cluster", "https://127.0.0.1:1"], None), 0);
    wait_for("the refusal", || world.reason(&name) == "cluster-unavailable");
    let lacks = |code: &str| {
        let listed = world.listed();
        let mut all = listed.as_array().into_iter().flatten();
        all.any(|one| one["name"] == "me/east/east" && one["reasons"][0]["code"] == code)
    };
    assert!(lacks("cluster-secret"), "{}", world.listed());
    world.paint("red");

    // Who administers the repository alone says nothing about addresses.
    let created = ["token", "create", "me", "--repository", "me/east", "--role", "admin"];
    let token = world.server.boucle(&created).json()["token"].clone();
    let token = token.as_str().expect("a token");
    assert_eq!(world.set_secret(&["--cluster", "https://127.0.0.1:2"], Some(token)), 5);
    assert_eq!(world.set_secret(&[], Some(token)), 5);

    // With the right one everything is seen anew, and put back.
    let address = world.cluster.state().server.clone();
    assert_eq!(world.set_secret(&["--cluster", &address], None), 0);
    wait_for("the object put back", || world.colour() == "green");
    assert!(!lacks("cluster-secret"), "{}", world.listed());
    // Credentials that are no longer good are said to be.
    assert_eq!(world.set_secret_to("expired", &[], None), 0);
    wait_for("the refusal", || {
        let shown = world.server.boucle(&["app", "show", &name]).out;
        shown.contains("does not accept Boucle's credentials; renew them")
    });
    // Another value is for the same cluster, and the new watch tells of changes, too.
    assert_eq!(world.set_secret(&[], None), 0);
    let secrets = world.server.boucle(&["secret", "list", "me/east"]).json();
    assert_eq!(secrets[0]["cluster"], json!(address), "{secrets}");
    world.paint("red");
    wait_for("drift put back", || world.colour() == "green");
}
