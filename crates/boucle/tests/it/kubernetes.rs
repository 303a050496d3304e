//! From a push to a real cluster: what Git says is there, in order, and stays so.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::TestCluster;

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};

/// A server beside the test cluster, with a repository whose application goes there.
pub struct World {
    pub cluster: TestCluster,
    pub server: Server,
    work: tempfile::TempDir,
    data: tempfile::TempDir,
    arguments: Vec<String>,
}

pub fn application(name: &str, namespace: &str, policy: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}}}
spec:
  source: {{repoURL: me/east, path: deploy, targetRevision: live}}
  destination: {{name: boucle-test, namespace: {namespace}}}
  syncPolicy: {policy}
"
    )
}

pub const AUTOMATED: &str = "{automated: {prune: true, selfHeal: true}}";

impl World {
    /// The files lie under `deploy/`.
    pub fn new(policy: &str, files: &[(&str, &str)]) -> Self {
        Self::of(files, |name| application(name, name, policy))
    }

    /// The same with an application of one's own, by its name.
    pub fn of(files: &[(&str, &str)], application: impl Fn(&str) -> String) -> Self {
        Self::with(|name| vec![("app.yaml", application(name))], files)
    }

    /// With these files of applications, given the namespace.
    pub fn with(
        apps: impl Fn(&str) -> Vec<(&'static str, String)>,
        files: &[(&str, &str)],
    ) -> Self {
        Self::started(&|_| Vec::new(), apps, files)
    }

    /// The same, with further arguments of the server, given the namespace.
    pub fn started(
        arguments: &dyn Fn(&str) -> Vec<String>,
        apps: impl Fn(&str) -> Vec<(&'static str, String)>,
        files: &[(&str, &str)],
    ) -> Self {
        let cluster = testkit::cluster();
        let arguments = arguments(cluster.namespace());
        let data = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let server = start(&cluster, data.path(), &arguments);
        assert_eq!(server.boucle(&["repo", "create", "me/east"]).code, 0);
        let world = Self { cluster, server, work, data, arguments };
        works(world.folder(), &["init", "--quiet", "--initial-branch", "main"]);
        std::fs::create_dir_all(world.folder().join("apps")).expect("a folder");
        std::fs::create_dir_all(world.folder().join("deploy")).expect("a folder");
        world.write("boucle.yaml", "version: 1\napplications: apps\n");
        for (name, text) in apps(world.name()) {
            world.write(&format!("apps/{name}"), &text);
        }
        for (name, text) in files {
            world.write(&format!("deploy/{name}"), text);
        }
        world.push("begin");
        works(world.folder(), &["push", "--quiet", &world.server.address("me/east"), "HEAD:main"]);
        world
    }

    /// The server is killed and starts again on what it left.
    pub fn restart(self) -> Self {
        self.server.kill();
        let server = start(&self.cluster, self.data.path(), &self.arguments);
        Self { server, ..self }
    }

    pub fn folder(&self) -> &Path {
        self.work.path()
    }

    /// The application is called as its namespace: tests share the cluster.
    pub fn name(&self) -> &str {
        self.cluster.namespace()
    }

    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.folder().join(path);
        std::fs::write(&path, text).expect("it is written");
        path
    }

    /// To the branch that the application follows; the default branch is protected.
    pub fn push(&self, message: &str) {
        works(self.folder(), &["add", "--all"]);
        works(self.folder(), &["commit", "--quiet", "--allow-empty", "--message", message]);
        works(self.folder(), &["push", "--quiet", &self.server.address("me/east"), "HEAD:live"]);
    }

    pub fn shown(&self) -> Value {
        self.server.boucle(&["app", "show", self.name()]).json()["application"].clone()
    }

    /// Waits until the application is shown so.
    #[track_caller]
    pub fn wait_until(&self, sync: &str, health: &str) {
        let is = || {
            let outcome = self.server.boucle(&["app", "show", self.name()]);
            if outcome.code != 0 {
                return false;
            }
            let shown = outcome.json()["application"].clone();
            shown["sync"] == sync && shown["health"] == health
        };
        let start = std::time::Instant::now();
        while !is() {
            assert!(start.elapsed().as_secs() < 60, "not {sync} and {health}: {}", self.shown());
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// A pull request of what is in the folder, merged.
    pub fn merge(&self, branch: &str) {
        works(self.folder(), &["checkout", "--quiet", "-b", branch]);
        works(self.folder(), &["add", "--all"]);
        works(self.folder(), &["commit", "--quiet", "--message", branch]);
        works(self.folder(), &["push", "--quiet", &self.server.address("me/east"), "HEAD"]);
        let opened = self.server.boucle(&["pr", "open", "me/east", "--head", branch]).json();
        let number = opened["number"].to_string();
        let merged = self.server.boucle(&["pr", "merge", "me/east", &number]);
        assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
    }

    fn path(&self, kind: &str, name: &str) -> String {
        let root = match kind {
            "deployments" => "/apis/apps/v1",
            "cronjobs" | "jobs" => "/apis/batch/v1",
            _ => "/api/v1",
        };
        format!("{root}/namespaces/{}/{kind}/{name}", self.name())
    }

    pub fn get(&self, kind: &str, name: &str) -> Option<Value> {
        let answer = self.cluster.ask("GET", &self.path(kind, name), None);
        (answer.status == 200).then_some(answer.body)
    }

    pub fn patch(&self, kind: &str, name: &str, patch: &Value) {
        let path = format!("{}?fieldManager=somebody", self.path(kind, name));
        let kind = "application/merge-patch+json";
        let answer = self.cluster.ask_as("PATCH", &path, kind, Some(patch));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    pub fn reasons(&self) -> Vec<String> {
        let reasons = self.shown()["reasons"].clone();
        // The application may not be there yet.
        let reasons = reasons.as_array().into_iter().flatten();
        reasons.map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
    }
}

fn start(cluster: &TestCluster, data: &Path, arguments: &[String]) -> Server {
    let kubeconfig = cluster.kubeconfig().to_string_lossy();
    let own = ["--kubeconfig", &*kubeconfig].into_iter();
    Server::start(data, &own.chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>())
}

pub const CONFIG_MAP: &str = "apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: green}
";

fn deployment(replicas: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
{replicas}  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers: [{{name: web, image: web}}]
"
    )
}

#[test]
fn a_push_is_applied_drift_is_put_back_and_what_left_git_is_deleted() {
    let world = World::new(
        AUTOMATED,
        &[("settings.yaml", CONFIG_MAP), ("web.yaml", &deployment("  replicas: 2\n"))],
    );
    world.wait_until("synced", "healthy");
    assert_eq!(
        world.get("configmaps", "settings").expect("it is there")["data"]["colour"],
        "green"
    );
    let web = world.get("deployments", "web").expect("it is there");
    assert_eq!(web["status"]["availableReplicas"], 2);
    // What the cluster made of it stands below it, and is nothing that left Git.
    wait_for("the tree", || {
        let shown = world.server.boucle(&["app", "show", world.name()]).json();
        let all = shown["resources"].as_array().expect("resources").clone();
        let below = |kind: &str, owner: &str| {
            let found = all.iter().filter(|one| one["kind"] == kind && one["sync"] == "synced");
            found.filter(|one| one["owner"]["kind"] == owner).count()
        };
        (below("ReplicaSet", "Deployment"), below("Pod", "ReplicaSet"), all.len()) == (1, 2, 5)
    });

    world.patch("configmaps", "settings", &json!({"data": {"colour": "red", "extra": "mine"}}));
    wait_for("the repair", || {
        let now = world.get("configmaps", "settings").expect("it is there");
        now["data"]["colour"] == "green"
    });
    // What Git does not set stays whoever set it.
    let now = world.get("configmaps", "settings").expect("it is there");
    assert_eq!(now["data"]["extra"], "mine");
    wait_for("its record", || {
        let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.drift_repaired"]);
        facts.out.contains("settings")
    });

    std::fs::remove_file(world.folder().join("deploy/web.yaml")).expect("it is there");
    world.push("without the web");
    wait_for("the deletion", || world.get("deployments", "web").is_none());
    world.wait_until("synced", "healthy");
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
}

#[test]
fn a_namespace_is_made_before_its_hooks_and_waves() {
    let made = |name: &str| format!("{name}-made");
    let policy = "{automated: {}, syncOptions: [CreateNamespace=true]}";
    let hook = CONFIG_MAP.replace(
        "{name: settings}",
        "{name: before, annotations: {argocd.argoproj.io/hook: PreSync}}",
    );
    let late = CONFIG_MAP.replace(
        "{name: settings}",
        "{name: late, annotations: {argocd.argoproj.io/sync-wave: '2'}}",
    );
    let files = [("settings.yaml", CONFIG_MAP), ("hook.yaml", &*hook), ("late.yaml", &*late)];
    let world = World::of(&files, |name| application(name, &made(name), policy));
    world.wait_until("synced", "healthy");
    let namespace = format!("/api/v1/namespaces/{}", made(world.name()));
    for name in ["settings", "before", "late"] {
        let path = format!("{namespace}/configmaps/{name}");
        assert_eq!(world.cluster.ask("GET", &path, None).status, 200, "{name}");
    }
    world.cluster.ask("DELETE", &namespace, None);
}

#[test]
fn what_could_not_be_rendered_is_forgotten_once_it_is_taken_back() {
    let world = World::new(AUTOMATED, &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "healthy");
    world.write("deploy/settings.yaml", "kind: [");
    world.push("broken");
    wait_for("the problem", || world.reasons() == ["render-failed"]);
    world.write("deploy/settings.yaml", CONFIG_MAP);
    world.push("taken back");
    wait_for("no problem", || world.reasons().is_empty());
    world.wait_until("synced", "healthy");
}

#[test]
fn the_name_of_an_application_belongs_to_the_repository_that_had_it_first() {
    let world = World::new(AUTOMATED, &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "healthy");
    assert_eq!(world.server.boucle(&["repo", "create", "me/other"]).code, 0);
    let tree = tempfile::tempdir().expect("a folder");
    for folder in ["apps", "deploy"] {
        std::fs::create_dir_all(tree.path().join(folder)).expect("a folder");
    }
    let name = world.name().to_owned();
    let stolen = application(&name, &name, AUTOMATED).replace("me/east", "me/other");
    std::fs::write(tree.path().join("apps/app.yaml"), stolen).expect("it is written");
    let red = CONFIG_MAP.replace("green", "red");
    std::fs::write(tree.path().join("deploy/settings.yaml"), red).expect("it is written");
    works(tree.path(), &["init", "--quiet", "--initial-branch", "main"]);
    commit(tree.path(), "boucle.yaml", "version: 1\napplications: apps\n");
    let address = world.server.address("me/other");
    works(tree.path(), &["push", "--quiet", &address, "HEAD:live", "HEAD:main"]);
    let problems = || {
        let shown = world.server.boucle(&["repo", "show", "me/other"]).json();
        shown["configuration_problems"][0]["code"].clone()
    };
    wait_for("the refusal", || problems() == "duplicate-application");
    // What follows the push of the first repository comes after whatever the other one's brought.
    world.write("deploy/more.yaml", &CONFIG_MAP.replace("settings", "more"));
    world.push("more");
    wait_for("the next change", || world.get("configmaps", "more").is_some());
    let shown = world.shown();
    assert_eq!((&shown["repository"], &shown["reasons"]), (&"me/east".into(), &json!([])));
    let settings = world.get("configmaps", "settings").expect("it is there");
    assert_eq!(settings["data"]["colour"], "green");
}

#[test]
fn an_autoscaler_may_have_its_replicas() {
    let world = World::new(AUTOMATED, &[("web.yaml", &deployment(""))]);
    world.wait_until("synced", "healthy");
    let before = world.shown()["generation"].clone();
    world.patch("deployments", "web", &json!({"spec": {"replicas": 3}}));
    wait_for("three replicas", || {
        world.get("deployments", "web").expect("it is there")["status"]["availableReplicas"] == 3
    });
    // A change that is Git's own passes through the same eyes, so that nothing is still on its way.
    world.write("deploy/settings.yaml", CONFIG_MAP);
    world.push("with settings");
    wait_for("the settings", || world.get("configmaps", "settings").is_some());
    world.wait_until("synced", "healthy");
    let web = world.get("deployments", "web").expect("it is there");
    assert_eq!(web["spec"]["replicas"], 3);
    let after = world.shown()["generation"].as_u64().expect("a number");
    assert_eq!(after, before.as_u64().expect("a number") + 1, "one plan, for the settings");
}

pub const JOB: &str = "apiVersion: batch/v1
kind: Job
metadata:
  name: migrate
  annotations: {argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded}
spec:
  template:
    metadata: {annotations: {ends: never}}
    spec:
      restartPolicy: Never
      nodeSelector: {nowhere: 'true'}
      containers: [{name: migrate, image: migrate}]
";

#[test]
fn a_hook_that_never_ends_is_ended_and_a_newer_revision_replaces_it() {
    let world = World::new(AUTOMATED, &[("settings.yaml", CONFIG_MAP), ("job.yaml", JOB)]);
    wait_for("the hook", || world.get("jobs", "migrate").is_some());
    wait_for("the reason", || world.reasons() == ["waits-for-hook"]);
    assert!(world.get("configmaps", "settings").is_none(), "it waits for the hook");
    let ended = world.server.boucle(&["app", "unstick", world.name()]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    wait_for("its end", || {
        let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.apply_failed"]);
        facts.out.contains("ended it")
    });
    std::fs::remove_file(world.folder().join("deploy/job.yaml")).expect("it is there");
    world.push("without the hook");
    wait_for("the settings", || world.get("configmaps", "settings").is_some());
    let again = world.server.boucle(&["app", "unstick", world.name()]);
    assert_eq!(again.code, 3, "{}{}", again.out, again.err);
}

#[test]
fn waves_follow_each_other_when_they_are_healthy() {
    let late = CONFIG_MAP.replace(
        "metadata: {name: settings}",
        "metadata: {name: settings, annotations: {argocd.argoproj.io/sync-wave: '1'}}",
    );
    let nowhere = deployment("  replicas: 1\n")
        .replace("      containers:", "      nodeSelector: {nowhere: 'true'}\n      containers:");
    let world = World::new(AUTOMATED, &[("settings.yaml", &late), ("web.yaml", &nowhere)]);
    wait_for("the reason", || world.reasons() == ["waits-for-health"]);
    assert!(world.get("configmaps", "settings").is_none(), "it waits for the wave before");
    world.write("deploy/web.yaml", &deployment("  replicas: 1\n"));
    world.push("somewhere");
    world.wait_until("synced", "healthy");
    assert!(world.get("configmaps", "settings").is_some());
}

#[test]
fn without_automation_a_person_asks() {
    let world = World::new("{}", &[("settings.yaml", CONFIG_MAP)]);
    wait_for("the reason", || world.reasons() == ["manual-sync"]);
    assert!(world.get("configmaps", "settings").is_none());
    let asked = world.server.boucle(&["app", "sync", world.name()]);
    assert_eq!(asked.code, 0, "{}{}", asked.out, asked.err);
    world.wait_until("synced", "healthy");
    assert!(world.get("configmaps", "settings").is_some());
}

#[test]
fn scripts_in_git_judge_objects_and_differences_may_be_left_to_others() {
    let customizations = "apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data:
  resource.customizations.ignoreDifferences.ConfigMap: 'jsonPointers: [/data/colour]'
  resource.customizations.health.ConfigMap: |
    if obj.data.colour == 'green' then
      return {status = 'Degraded', message = 'still green'}
    end
    return {status = 'Healthy'}
";
    let apps = |name: &str| {
        let application = application(name, name, AUTOMATED);
        vec![("app.yaml", application), ("argocd-cm.yaml", customizations.to_owned())]
    };
    let world = World::with(apps, &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "degraded");
    let message = world.shown()["health_message"].clone();
    assert!(message.to_string().contains("still green"), "{}", world.shown());
    world.patch("configmaps", "settings", &json!({"data": {"colour": "red"}}));
    world.wait_until("synced", "healthy");
    assert_eq!(world.server.boucle(&["app", "diff", world.name()]).code, 0);
    let now = world.get("configmaps", "settings").expect("it is there");
    assert_eq!(now["data"]["colour"], "red");
}

#[test]
fn an_object_of_somebody_else_that_differs_is_one_difference() {
    let world = World::new("{}", &[("settings.yaml", CONFIG_MAP)]);
    let other = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" },
        "data": { "colour": "red" },
    });
    let path = format!("/api/v1/namespaces/{}/configmaps", world.name());
    assert_eq!(world.cluster.ask("POST", &path, Some(&other)).status, 201);
    // Until the cluster has told of the object, it is one that is missing.
    wait_for("a difference in a field", || {
        let outcome = world.server.boucle(&["app", "diff", world.name()]);
        outcome.code == 10 && outcome.json()[0]["change"] != "created"
    });
    let differences = world.server.boucle(&["app", "diff", world.name()]).json();
    assert_eq!(differences.as_array().map(Vec::len), Some(1), "{differences}");
    assert_eq!(differences[0]["change"], "changed", "{differences}");
    let text = differences.to_string();
    assert!(text.contains("red") && text.contains("green"), "{text}");
}

#[test]
fn what_the_cluster_refuses_is_said_in_its_words() {
    let odd = CONFIG_MAP.replace("data: {colour: green}", "data: {colour: green}\nodd: 1");
    let world = World::new(AUTOMATED, &[("settings.yaml", &odd)]);
    wait_for("the refusal", || {
        let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.apply_failed"]);
        facts.out.contains("odd")
    });
}

#[test]
fn a_pull_request_says_what_the_cluster_would_refuse() {
    let world = World::new(AUTOMATED, &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "healthy");
    let odd = CONFIG_MAP.replace("data: {colour: green}", "data: {colour: red}\nodd: 1");
    world.write("deploy/settings.yaml", &odd);
    works(world.folder(), &["add", "--all"]);
    works(world.folder(), &["commit", "--quiet", "--message", "odd"]);
    // The application follows `live`, and a proposal for it is read as what would run.
    let address = world.server.address("me/east");
    works(world.folder(), &["push", "--quiet", &address, "HEAD:refs/for/live"]);
    let shown = world.server.boucle(&["pr", "diff", "me/east", "1"]).json();
    let problems = shown["consequences"]["problems"].clone();
    assert_eq!(problems[0]["code"], "cluster-refuses", "{shown}");
    assert!(problems[0]["message"].to_string().contains("odd"), "{problems}");
    // It was only asked.
    let now = world.get("configmaps", "settings").expect("it is there");
    assert_eq!(now["data"]["colour"], "green");
}

#[test]
fn a_pull_request_says_what_would_change_on_the_cluster() {
    let unhealed = AUTOMATED.replace("selfHeal: true", "selfHeal: false");
    assert_ne!(unhealed, AUTOMATED);
    let other = CONFIG_MAP.replace("settings", "other");
    let files = [("settings.yaml", CONFIG_MAP), ("other.yaml", &other)];
    let world = World::new(&unhealed, &files);
    world.wait_until("synced", "healthy");
    // Somebody was there before: one is what Git will say, the other is not what Git says.
    for (name, colour) in [("settings", "red"), ("other", "blue")] {
        let path = format!("/api/v1/namespaces/{}/configmaps/{name}", world.name());
        let patch = json!({"data": {"colour": colour, "theirs": "hidden-word"}});
        let kind = "application/merge-patch+json";
        assert_eq!(world.cluster.ask_as("PATCH", &path, kind, Some(&patch)).status, 200);
    }
    for (file, text) in files {
        let red = text.replace("green", "red");
        world.write(&format!("deploy/{file}"), &red);
    }
    world.write("deploy/new.yaml", &CONFIG_MAP.replace("settings", "new"));
    works(world.folder(), &["add", "--all"]);
    works(world.folder(), &["commit", "--quiet", "--message", "red"]);
    let address = world.server.address("me/east");
    works(world.folder(), &["push", "--quiet", &address, "HEAD:refs/for/live"]);
    let shown = world.server.boucle(&["pr", "diff", "me/east", "1"]).json();
    let objects = &shown["consequences"]["environments"][0]["objects"];
    let live = |name: &str| {
        let mut all = objects.as_array().into_iter().flatten();
        let is_named = |one: &&Value| one["object"].to_string().ends_with(&format!("{name}\""));
        all.find(is_named).unwrap_or_else(|| panic!("no {name} in {shown}"))["live"].clone()
    };
    assert_eq!(live("settings"), "", "{shown}");
    let text = live("other").to_string();
    assert!(text.contains("-  colour: blue") && text.contains("+  colour: red"), "{text}");
    assert!(!text.contains("hidden-word"), "{text}");
    assert_eq!(live("new"), Value::Null, "{shown}");
}

#[test]
fn a_pull_request_of_another_repository_reads_nothing_of_an_application_of_its_name() {
    let world = World::new(AUTOMATED, &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "healthy");
    assert_eq!(world.server.boucle(&["repo", "create", "me/west"]).code, 0);
    let work = tempfile::tempdir().expect("a folder");
    let tree = work.path();
    works(tree, &["init", "--quiet", "--initial-branch", "main"]);
    std::fs::create_dir_all(tree.join("apps")).expect("a folder");
    std::fs::create_dir_all(tree.join("deploy")).expect("a folder");
    let taken = application(world.name(), world.name(), AUTOMATED);
    std::fs::write(tree.join("apps/taken.yaml"), taken).expect("it is written");
    commit(tree, "boucle.yaml", "version: 1\napplications: apps\n");
    let address = world.server.address("me/west");
    works(tree, &["push", "--quiet", &address, "HEAD:live", "HEAD:main"]);
    commit(tree, "deploy/settings.yaml", &CONFIG_MAP.replace("green", "guess"));
    works(tree, &["push", "--quiet", &address, "HEAD:refs/for/live"]);
    let shown = world.server.boucle(&["pr", "diff", "me/west", "1"]);
    assert!(shown.out.contains("guess") && !shown.out.contains("green"), "{}", shown.out);
}

#[test]
fn what_the_cluster_says_of_an_application_is_shown_and_nothing_else() {
    let world = World::new(AUTOMATED, &[("web.yaml", &deployment("  replicas: 1\n"))]);
    let other = json!({
        "metadata": {"name": "other"}, "reason": "Odd", "message": "of somebody else's",
        "type": "Warning", "firstTimestamp": "2026-01-01T00:00:00Z", "count": 3,
        "involvedObject": {"kind": "Pod", "namespace": world.name(), "name": "theirs"},
    });
    let path = format!("/api/v1/namespaces/{}/events", world.name());
    assert_eq!(world.cluster.ask("POST", &path, Some(&other)).status, 201);
    let events = || world.server.boucle(&["app", "events", world.name()]).json();
    // One of the object that Git has, one of what the cluster made of it.
    for reason in ["ScalingReplicaSet", "SuccessfulCreate"] {
        wait_for(reason, || events().to_string().contains(reason));
    }
    let shown = events();
    assert!(shown[0]["object"].to_string().contains(world.name()), "{shown}");
    assert!(!shown.to_string().contains("Odd"), "{shown}");
}

#[test]
fn a_pull_request_tells_nothing_of_objects_of_others() {
    let world = World::new(AUTOMATED, &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "healthy");
    let path = format!("/api/v1/namespaces/{}/configmaps", world.name());
    let theirs = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"},
        "data": {"colour": "hidden-word"},
    });
    assert_eq!(world.cluster.ask("POST", &path, Some(&theirs)).status, 201);
    world.write("deploy/theirs.yaml", &CONFIG_MAP.replace("settings", "theirs"));
    works(world.folder(), &["add", "--all"]);
    works(world.folder(), &["commit", "--quiet", "--message", "theirs"]);
    let address = world.server.address("me/east");
    works(world.folder(), &["push", "--quiet", &address, "HEAD:refs/for/live"]);
    let shown = world.server.boucle(&["pr", "diff", "me/east", "1"]);
    assert!(shown.out.contains("theirs") && !shown.out.contains("hidden-word"), "{}", shown.out);
}

#[test]
fn a_cluster_that_nobody_knows_and_one_that_does_not_answer_are_told_apart() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let dead = work.path().join("kubeconfig");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "dead",
        "clusters": [{"name": "dead", "cluster": {"server": "http://127.0.0.1:9"}}],
        "users": [{"name": "nobody", "user": {"token": "none"}}],
        "contexts": [{"name": "dead", "context": {"cluster": "dead", "user": "nobody"}}],
    });
    std::fs::write(&dead, text.to_string()).expect("it is written");
    let server = Server::start(data.path(), &["--kubeconfig", &dead.to_string_lossy()]);
    assert_eq!(server.boucle(&["repo", "create", "me/east"]).code, 0);
    let tree = work.path().join("tree");
    std::fs::create_dir_all(tree.join("apps")).expect("a folder");
    std::fs::create_dir_all(tree.join("deploy")).expect("a folder");
    works(&tree, &["init", "--quiet", "--initial-branch", "main"]);
    for (name, cluster) in [("unknown", "nowhere"), ("unreachable", "dead")] {
        let text = application(name, "n", AUTOMATED).replace("boucle-test", cluster);
        std::fs::write(tree.join(format!("apps/{name}.yaml")), text).expect("it is written");
    }
    std::fs::write(tree.join("deploy/settings.yaml"), CONFIG_MAP).expect("it is written");
    commit(&tree, "boucle.yaml", "version: 1\napplications: apps\n");
    works(&tree, &["push", "--quiet", &server.address("me/east"), "HEAD:live", "HEAD:main"]);
    for (name, code) in [("unknown", "cluster-unavailable"), ("unreachable", "inventory-missing")] {
        wait_for(code, || {
            let shown = server.boucle(&["app", "show", name]);
            shown.code == 0 && shown.json()["application"]["reasons"][0]["code"] == code
        });
    }
}
