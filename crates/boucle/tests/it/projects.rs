//! Projects and sets of applications, from Git to what runs.

use serde_json::{Value, json};

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};
use crate::kubernetes::{AUTOMATED, CONFIG_MAP, World, application};

/// A project with these fields of its own, for applications called as their namespace.
fn project(fields: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {{name: team}}
spec:
  sourceRepos: ['me/*']
  destinations: [{{name: 'boucle-*', namespace: '*'}}]
{fields}"
    )
}

fn in_project(fields: &'static str) -> impl Fn(&str) -> Vec<(&'static str, String)> {
    move |name| {
        let application = application(name, name, AUTOMATED);
        let application = application.replace("spec:\n", "spec:\n  project: team\n");
        vec![("app.yaml", application), ("project.yaml", project(fields))]
    }
}

const NAMESPACE_KIND: &str = "apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: boucle-never}
rules: []
";

#[test]
fn a_kind_that_the_project_does_not_permit_is_not_written() {
    let world = World::with(
        in_project(""),
        &[("settings.yaml", CONFIG_MAP), ("role.yaml", NAMESPACE_KIND)],
    );
    wait_for("the reason", || world.reasons() == ["project-refuses"]);
    let said = world.shown()["reasons"][0]["message"].to_string();
    assert!(said.contains("clusterResourceWhitelist") && said.contains("boucle-never"), "{said}");
    assert!(world.get("configmaps", "settings").is_none(), "nothing of it is written");
    world.write("deploy/role.yaml", "");
    world.push("without the role");
    world.wait_until("synced", "healthy");
    assert!(world.get("configmaps", "settings").is_some());
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn create(world: &World, path: &str, body: &Value) {
    let answer = world.cluster.ask("POST", path, Some(body));
    assert_eq!(answer.status, 201, "{}", answer.body);
}

#[test]
fn the_service_account_of_the_project_acts_and_nobody_else() {
    let accounts = "  destinationServiceAccounts:
  - {server: '*', namespace: '*', defaultServiceAccount: deployer}
";
    let world = World::with(in_project(accounts), &[("settings.yaml", CONFIG_MAP)]);
    // The account has no right yet; Boucle's own would be enough.
    let account = format!("the service account {}/deployer may not", world.name());
    wait_for("the refusal", || {
        let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.apply_failed"]);
        facts.out.contains(&account) && facts.out.contains("configmaps")
    });
    assert!(world.get("configmaps", "settings").is_none());
    let namespace = format!("{RBAC}/namespaces/{}", world.name());
    let rules = json!([{
        "apiGroups": [""], "resources": ["configmaps"],
        "verbs": ["get", "create", "patch", "delete"],
    }]);
    create(
        &world,
        &format!("{namespace}/roles"),
        &json!({
            "metadata": {"name": "deployer"}, "rules": rules,
        }),
    );
    create(
        &world,
        &format!("{namespace}/rolebindings"),
        &json!({
            "metadata": {"name": "deployer"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer",
            },
            "subjects": [{
                "kind": "ServiceAccount", "name": "deployer", "namespace": world.name(),
            }],
        }),
    );
    world.server.boucle(&["app", "sync", world.name()]);
    world.wait_until("synced", "healthy");
    assert!(world.get("configmaps", "settings").is_some());
    // Deletions are its own too.
    world.write("deploy/settings.yaml", &CONFIG_MAP.replace("settings", "other"));
    world.push("another name");
    wait_for("the deletion", || world.get("configmaps", "settings").is_none());
    assert!(world.get("configmaps", "other").is_some());
}

#[test]
fn a_window_is_waited_for_unless_a_person_may_go_before() {
    let closed = "  syncWindows:
  - {kind: deny, schedule: '* * * * *', duration: 2h, applications: ['*'], manualSync: true}
";
    let world = World::with(in_project(closed), &[("settings.yaml", CONFIG_MAP)]);
    wait_for("the reason", || world.reasons() == ["sync-window"]);
    let reason = world.shown()["reasons"][0].clone();
    assert!(reason["deadline"].is_string(), "{reason}");
    assert!(world.get("configmaps", "settings").is_none());
    let asked = world.server.boucle(&["app", "sync", world.name()]);
    assert_eq!(asked.code, 0, "{}{}", asked.out, asked.err);
    world.wait_until("synced", "healthy");
    assert!(world.get("configmaps", "settings").is_some());
}

#[test]
fn a_window_that_opens_wakes_whoever_waits_for_it() {
    // Open for the first second of each minute: nothing else happens then.
    let open = "  syncWindows:
  - {kind: allow, schedule: '* * * * *', duration: 1s, applications: ['*']}
";
    let world = World::with(in_project(open), &[("settings.yaml", CONFIG_MAP)]);
    let is_there = || world.get("configmaps", "settings").is_some();
    wait_for("the reason or the window", || world.reasons() == ["sync-window"] || is_there());
    let began = std::time::Instant::now();
    while !is_there() {
        assert!(began.elapsed().as_secs() < 75, "the window opened and nobody woke up");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    world.wait_until("synced", "healthy");
}

/// A repository whose applications are processes of this machine.
pub struct Local {
    pub server: Server,
    pub work: tempfile::TempDir,
    _data: tempfile::TempDir,
}

impl Local {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let server = Server::start(data.path(), &[]);
        assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
        works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
        let local = Self { server, work, _data: data };
        local.write(
            "boucle.yaml",
            "version: 1\napplications: apps\nreview: {requiredApprovals: 0}\n",
        );
        for (path, text) in files {
            local.write(path, text);
        }
        commit(local.work.path(), "begin.txt", "begin\n");
        works(local.work.path(), &["push", "--quiet", &local.server.address("me/one"), "main"]);
        local
    }

    pub fn write(&self, path: &str, text: &str) {
        let file = self.work.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        std::fs::write(file, text).expect("it is written");
    }

    /// Proposes what is in the folder.
    pub fn propose(&self, number: &str) {
        commit(self.work.path(), "proposed.txt", &format!("{number}\n"));
        let address = self.server.address("me/one");
        let topic = format!("topic=t{number}");
        works(self.work.path(), &["push", "--quiet", "-o", &topic, &address, "HEAD:refs/for/main"]);
    }

    pub fn merge(&self, number: &str) {
        self.propose(number);
        let merged = self.server.boucle(&["pr", "merge", "me/one", number]);
        assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
        let address = self.server.address("me/one");
        works(self.work.path(), &["fetch", "--quiet", &address, "main"]);
        works(self.work.path(), &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    }

    pub fn application(&self, name: &str) -> Option<Value> {
        let shown = self.server.boucle(&["app", "show", name]);
        (shown.code == 0).then(|| shown.json()["application"].clone())
    }

    pub fn is_synced(&self, name: &str) -> bool {
        self.application(name).is_some_and(|application| application["sync"] == "synced")
    }
}

const SET: &str = "apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: services}
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
  - git: {repoURL: me/one, revision: HEAD, directories: [{path: 'services/*'}]}
  template:
    metadata: {name: 'svc-{{.path.basename}}'}
    spec:
      source: {repoURL: me/one, path: '{{.path.path}}', targetRevision: main}
      destination: {name: local, namespace: '{{.path.basename}}'}
      syncPolicy: {automated: {prune: true}}
";

#[test]
fn a_set_follows_its_folders_and_loses_many_of_them_only_when_a_person_says_so() {
    let map = |name: &str| CONFIG_MAP.replace("settings", name);
    let local = Local::new(&[
        ("apps/set.yaml", SET),
        ("services/a/map.yaml", &map("a")),
        ("services/b/map.yaml", &map("b")),
        ("services/c/map.yaml", &map("c")),
    ]);
    for name in ["svc-a", "svc-b", "svc-c"] {
        wait_for(name, || local.is_synced(name));
    }
    local.write("services/d/map.yaml", &map("d"));
    local.merge("1");
    wait_for("the new one", || local.is_synced("svc-d"));
    // One folder less is one application less.
    std::fs::remove_dir_all(local.work.path().join("services/d")).expect("it is there");
    local.merge("2");
    wait_for("the end of one", || local.application("svc-d").is_none());
    // Two of three are not.
    std::fs::remove_dir_all(local.work.path().join("services/b")).expect("it is there");
    std::fs::remove_dir_all(local.work.path().join("services/c")).expect("it is there");
    local.merge("3");
    let code =
        |name: &str| local.application(name).map(|shown| shown["reasons"][0]["code"].clone());
    wait_for("the reason", || code("svc-b") == Some("set-removes-many".into()));
    assert!(local.is_synced("svc-a"), "what is still generated goes on");
    let objects = ["argoproj.io/Application svc-b", "argoproj.io/Application svc-c"];
    let line = ["app", "confirm-deletions", "svc-b", objects[0], objects[1]];
    let confirmed = local.server.boucle(&line);
    assert_eq!(confirmed.code, 0, "{}{}", confirmed.out, confirmed.err);
    wait_for("their end", || {
        local.application("svc-b").is_none() && local.application("svc-c").is_none()
    });
    assert!(local.is_synced("svc-a"));
    assert_eq!(local.server.boucle(&["audit", "verify"]).code, 0);
    assert_eq!(local.server.boucle(&["admin", "rebuild-views"]).code, 0);
}

#[test]
fn a_set_that_cannot_be_expanded_is_refused_at_review() {
    let local = Local::new(&[("services/a/map.yaml", CONFIG_MAP)]);
    local.write("apps/set.yaml", &SET.replace(".path.basename}}'}", ".path.nothing}}'}"));
    local.propose("1");
    let shown = local.server.boucle(&["pr", "show", "me/one", "1"]).json();
    assert_eq!(shown["readiness"]["ready"], false, "{shown}");
    assert!(shown["readiness"].to_string().contains("apps/set.yaml"), "{shown}");
}

#[test]
fn what_a_project_does_not_permit_is_refused_at_review() {
    let local = Local::new(&[("deploy/map.yaml", CONFIG_MAP)]);
    let project = "apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: team}\n\
                   spec:\n  sourceRepos: ['me/one']\n  \
                   destinations: [{name: local, namespace: 'team-*'}]\n";
    let application = |project: &str, namespace: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: app}}\nspec:\n  \
             project: {project}\n  source: {{repoURL: me/one, path: deploy, targetRevision: main}}\n  \
             destination: {{name: local, namespace: {namespace}}}\n  syncPolicy: {{automated: {{}}}}\n"
        )
    };
    local.write("apps/project.yaml", project);
    local.write("apps/app.yaml", &application("team", "other"));
    local.propose("1");
    let reasons = |number: &str| {
        let shown = local.server.boucle(&["pr", "show", "me/one", number]).json();
        assert_eq!(shown["readiness"]["ready"], false, "{shown}");
        shown["readiness"].to_string()
    };
    let said = reasons("1");
    assert!(said.contains("apps/app.yaml") && said.contains("`destinations`"), "{said}");
    works(local.work.path(), &["reset", "--quiet", "--hard", "HEAD~1"]);
    local.write("apps/app.yaml", &application("nobody", "team-a"));
    local.propose("2");
    let said = reasons("2");
    assert!(said.contains("`nobody` is declared in no file"), "{said}");
    works(local.work.path(), &["reset", "--quiet", "--hard", "HEAD~1"]);
    local.write("apps/project.yaml", project);
    local.write("apps/app.yaml", &application("team", "team-a"));
    local.merge("3");
    wait_for("the application", || local.is_synced("app"));
}

#[test]
fn an_application_waits_for_those_that_it_depends_on() {
    let application = |name: &str, annotations: &str, policy: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\n  \
             annotations: {annotations}\nspec:\n  \
             source: {{repoURL: me/one, path: {name}, targetRevision: main}}\n  \
             destination: {{name: local, namespace: {name}}}\n  syncPolicy: {policy}\n"
        )
    };
    let after = "{boucle.dev/depends-on: database}";
    let local = Local::new(&[
        ("apps/web.yaml", &application("web", after, "{automated: {}}")),
        ("apps/database.yaml", &application("database", "{}", "{}")),
        ("web/map.yaml", CONFIG_MAP),
        ("database/map.yaml", CONFIG_MAP),
    ]);
    let code =
        |name: &str| local.application(name).map(|shown| shown["reasons"][0]["code"].clone());
    wait_for("the wait", || code("web") == Some("waits-for-dependency".into()));
    wait_for("the other's own reason", || code("database") == Some("manual-sync".into()));
    let asked = local.server.boucle(&["app", "sync", "database"]);
    assert_eq!(asked.code, 0, "{}{}", asked.out, asked.err);
    wait_for("both", || local.is_synced("database") && local.is_synced("web"));
    local.write(
        "apps/database.yaml",
        &application("database", "{boucle.dev/depends-on: web}", "{}"),
    );
    local.propose("1");
    let shown = local.server.boucle(&["pr", "show", "me/one", "1"]).json();
    assert_eq!(shown["readiness"]["ready"], false, "{shown}");
    assert!(shown["readiness"].to_string().contains("makes a circle"), "{shown}");
}

#[test]
fn what_belongs_to_no_application_is_named_and_left_alone() {
    let orphans = "  orphanedResources: {ignore: [{kind: ConfigMap, name: 'ignored-*'}]}\n";
    let world = World::with(in_project(orphans), &[("settings.yaml", CONFIG_MAP)]);
    world.wait_until("synced", "healthy");
    let maps = format!("/api/v1/namespaces/{}/configmaps", world.name());
    assert_eq!(world.reasons(), Vec::<String>::new(), "what the cluster made is nobody's concern");
    for name in ["left-over", "ignored-one"] {
        create(&world, &maps, &json!({"metadata": {"name": name}}));
    }
    let owner = world.get("configmaps", "left-over").expect("it is there");
    let owned = json!({"metadata": {"name": "made", "ownerReferences": [{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "left-over", "uid": owner["metadata"]["uid"],
    }]}});
    create(&world, &maps, &owned);
    // Of a kind that no application has.
    let secrets = format!("/api/v1/namespaces/{}/secrets", world.name());
    create(&world, &secrets, &json!({"metadata": {"name": "unseen"}}));
    wait_for("the warning", || world.reasons() == ["orphaned-resources"]);
    let said = world.shown()["reasons"][0]["message"].to_string();
    assert!(said.contains("ConfigMap left-over;"), "{said}");
    assert!(
        !said.contains("ignored-one") && !said.contains("made") && !said.contains("unseen"),
        "{said}"
    );

    // It is somebody's as soon as Git has it.
    let taken = CONFIG_MAP.replace("settings", "left-over");
    world.write("deploy/left-over.yaml", &taken);
    world.push("take it over");
    wait_for("no warning", || world.reasons().is_empty());
    assert!(world.get("configmaps", "ignored-one").is_some());
}
