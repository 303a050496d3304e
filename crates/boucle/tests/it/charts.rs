//! Charts, and sources of several repositories: from a push to the rendered commit.

use std::path::Path;

use serde_json::Value;
use testkit::kubernetes::programs::Program;

use crate::git::{commit, git, works};
use crate::harness::{Server, wait_for};

/// A server with the real Helm and some repositories, each with a working tree of its name.
pub struct World {
    pub server: Server,
    pub work: tempfile::TempDir,
    pub data: tempfile::TempDir,
}

pub fn helm() -> String {
    match Program::Helm.find_or_build() {
        Ok(file) => file.to_string_lossy().into_owned(),
        Err(error) => panic!("no helm: {error:#}"),
    }
}

impl World {
    pub fn new(repositories: &[&str]) -> Self {
        Self::with(repositories, &["--helm", &helm()])
    }

    pub fn with(repositories: &[&str], arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let server = Server::start(data.path(), arguments);
        let world = Self { server, work, data };
        for name in repositories {
            world.create(name, &[]);
        }
        world
    }

    fn create(&self, name: &str, arguments: &[&str]) {
        let repository = format!("me/{name}");
        let created = self.server.boucle(&[&["repo", "create", &repository], arguments].concat());
        assert_eq!(created.code, 0, "{}", created.err);
        let folder = self.work.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        works(&folder, &["init", "--quiet", "--initial-branch", "main"]);
    }

    pub fn folder(&self, name: &str) -> std::path::PathBuf {
        self.work.path().join(name)
    }

    pub fn write(&self, name: &str, path: &str, text: &str) {
        let file = self.folder(name).join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        std::fs::write(file, text).expect("it is written");
    }

    /// Commits all that was written, to a branch; gives the commit. A default branch with a
    /// `boucle.yaml` is protected.
    pub fn push_to(&self, name: &str, branch: &str) -> String {
        let folder = self.folder(name);
        commit(&folder, "pushed.txt", &format!("{:?}\n", std::time::Instant::now()));
        let address = self.server.address(&format!("me/{name}"));
        works(&folder, &["push", "--quiet", &address, &format!("HEAD:{branch}")]);
        git(&folder, &["rev-parse", "HEAD"]).out.trim().to_owned()
    }

    pub fn push(&self, name: &str) -> String {
        self.push_to(name, "refs/heads/main")
    }

    pub fn reasons(&self, application: &str) -> Vec<Value> {
        let shown = self.server.boucle(&["app", "show", application]);
        let shown = if shown.code == 0 { shown.json() } else { Value::Null };
        shown["application"]["reasons"].as_array().cloned().unwrap_or_default()
    }

    /// Waits until an application says this; gives the sentence.
    pub fn reason(&self, application: &str, needle: &str) -> String {
        let mut found = String::new();
        wait_for(&format!("{needle} of {application}"), || {
            let reasons = self.reasons(application);
            let mut said = reasons.iter().filter_map(|reason| reason["message"].as_str());
            found = said.find(|said| said.contains(needle)).unwrap_or_default().to_owned();
            !found.is_empty()
        });
        found
    }

    /// A file of the newest rendering, straight from Git; empty before there is one.
    pub fn rendered(&self, home: &str, application: &str, file: &str) -> String {
        let folder = self.work.path().join("rendered");
        std::fs::create_dir_all(&folder).expect("a folder");
        let address = self.server.address(&format!("me/{home}"));
        let reference = format!("refs/boucle/rendered/{application}");
        git(&folder, &["init", "--quiet"]);
        let into = format!("+{reference}:refs/rendered/{application}");
        git(&folder, &["fetch", "--quiet", &address, &into]);
        git(&folder, &["show", &format!("refs/rendered/{application}:{file}")]).out
    }

    /// Waits until the newest rendering has this in the file.
    #[track_caller]
    pub fn wait_rendered(&self, home: &str, application: &str, file: &str, needle: &str) {
        let mut text = String::new();
        let start = std::time::Instant::now();
        while !text.contains(needle) {
            assert!(
                start.elapsed().as_secs() < 60,
                "no {needle} in {text:?}: {:?}",
                self.reasons(application)
            );
            std::thread::sleep(std::time::Duration::from_millis(50));
            text = self.rendered(home, application, file);
        }
    }

    pub fn facts(&self, kind: &str) -> usize {
        let listed = self.server.boucle(&["audit", "list", "--kind", kind]).json();
        listed.as_array().expect("a list").len()
    }
}

pub fn application(name: &str, sources: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: {name}}}\nspec:\n\
         {sources}  destination: {{name: local, namespace: shop}}\n  syncPolicy: {{automated: {{}}}}\n"
    )
}

pub const CONFIGURATION: &str = "version: 1\napplications: apps\n";
pub const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
pub const TEMPLATE: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, \
                        namespace: {{ .Release.Namespace }}}\ndata: {colour: {{ .Values.colour }}}\n";

#[test]
fn a_pushed_chart_is_rendered_and_only_what_it_reads_renders_it_again() {
    let world = World::new(&["one"]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let source = "  source:\n    repoURL: me/one\n    path: chart\n    targetRevision: live\n    \
                  helm:\n      valueFiles: [/values/prod.yaml]\n";
    world.write("one", "apps/web.yaml", &application("web", source));
    world.write("one", "chart/Chart.yaml", CHART);
    world.write("one", "chart/values.yaml", "colour: red\n");
    world.write("one", "chart/templates/a.yaml", TEMPLATE);
    world.write("one", "values/prod.yaml", "colour: green\n");
    world.push_to("one", "refs/heads/live");
    world.push("one");
    world.wait_rendered("one", "web", "shop/configmap-web.yaml", "colour: green");
    wait_for("the application", || {
        let shown = world.server.boucle(&["app", "show", "web"]).json();
        shown["application"]["sync"] == "synced"
    });
    let file = "shop/configmap-web.yaml";
    world.write("one", "other/file.txt", "nothing to it");
    world.push_to("one", "refs/heads/live");
    world.write("one", "values/prod.yaml", "colour: blue\n");
    let last = world.push_to("one", "refs/heads/live");
    world.wait_rendered("one", "web", file, "colour: blue");
    assert_eq!(world.facts("deployments.rendered"), 2, "the commit between changed nothing");
    let shown = world.server.boucle(&["audit", "list", "--kind", "deployments.rendered"]).out;
    assert!(shown.contains(&last), "{shown}");

    // A change under review is rendered by the same Helm.
    world.write("one", "chart/templates/a.yaml", &TEMPLATE.replace("colour:", "tint:"));
    let folder = world.folder("one");
    commit(&folder, "proposed.txt", "proposed\n");
    let address = world.server.address("me/one");
    works(&folder, &["push", "--quiet", &address, "HEAD:refs/for/main"]);
    let shown = world.server.boucle(&["pr", "diff", "me/one", "1"]).json();
    let consequences = shown["consequences"].to_string();
    assert!(consequences.contains("tint: blue"), "{consequences}");

    // A start finds everything as it was.
    let World { server, work, data } = world;
    drop(server);
    let server = Server::start(data.path(), &["--helm", &helm()]);
    let world = World { server, work, data };
    wait_for("the application", || {
        let shown = world.server.boucle(&["app", "show", "web"]).json();
        shown["application"]["sync"] == "synced"
    });
    assert_eq!(world.facts("deployments.rendered"), 2);
    assert_eq!(world.server.boucle(&["audit", "verify"]).code, 0);
    assert_eq!(world.server.boucle(&["admin", "rebuild-views"]).code, 0);
}

#[test]
fn a_server_without_helm_refuses_charts_and_nothing_else() {
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let mut up = crate::harness::command(data.path());
    up.args(["up", "--port", "0"]).stdout(std::process::Stdio::null());
    up.env("PATH", path_without_helm(work.path()));
    let folder = data.path().to_path_buf();
    let world = World { server: Server::start_with(up, |_| folder), work, data };
    world.create("one", &[]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let source = |path| format!("  source: {{repoURL: me/one, path: {path}}}\n");
    world.write("one", "apps/web.yaml", &application("web", &source("chart")));
    world.write("one", "apps/plain.yaml", &application("plain", &source("plain")));
    world.write("one", "chart/Chart.yaml", CHART);
    world.write("one", "plain/a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    world.push("one");
    let said = world.reason("web", "no `helm`");
    assert!(said.contains("--helm FILE"), "{said}");
    world.wait_rendered("one", "plain", "cluster/configmap-a.yaml", "name: a");
}

/// A `PATH` with `git` and nothing else.
fn path_without_helm(folder: &Path) -> std::path::PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("a folder");
    let path = std::env::var_os("PATH").expect("a PATH");
    let git = std::env::split_paths(&path).map(|folder| folder.join("git"));
    let git = git.into_iter().find(|file| file.is_file()).expect("git");
    std::os::unix::fs::symlink(git, bin.join("git")).expect("a link");
    bin
}

#[test]
fn sources_of_other_repositories_are_read_when_everybody_may() {
    let world = World::new(&["app", "charts"]);
    world.create("values", &["--public"]);
    world.write("app", "boucle.yaml", CONFIGURATION);
    let sources = "  sources:\n  - {repoURL: me/charts, path: web, helm: {valueFiles: \
                   [$v/prod.yaml]}}\n  - {repoURL: me/values, ref: v}\n  - {repoURL: me/app, path: \
                   own}\n";
    world.write("app", "apps/web.yaml", &application("web", sources));
    let own = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, namespace: shop}\ndata: \
               {colour: own}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n";
    world.write("app", "own/a.yaml", own);
    world.write("charts", "web/Chart.yaml", CHART);
    world.write("charts", "web/templates/a.yaml", TEMPLATE);
    world.write(
        "charts",
        "web/templates/b.yaml",
        &TEMPLATE.replace("Release.Name ", "Chart.Name "),
    );
    world.write("charts", "web/templates/c.yaml", &TEMPLATE.replace("{{ .Release.Name }}", "seen"));
    world.write("values", "prod.yaml", "colour: green\n");
    world.push("charts");
    world.push("values");
    world.push("app");
    // The charts are private and do not name it.
    let said = world.reason("web", "`sourceOf`");
    assert!(said.contains("me/charts") && said.contains("me/app"), "{said}");
    assert!(!world.data.path().join("charts").exists(), "nothing was rendered");
    world.write("charts", "boucle.yaml", "version: 1\nsourceOf: [me/other, me/app]\n");
    world.push("charts");
    world.wait_rendered("app", "web", "shop/configmap-seen.yaml", "colour: green");
    assert!(world.rendered("app", "web", "shop/configmap-web.yaml").contains("colour: own"));
    assert!(world.rendered("app", "web", "cluster/configmap-more.yaml").contains("more"));
    let said = world.reason("web", "ConfigMap shop/web");
    assert!(said.contains("3 times"), "{said}");

    // A push to any of them renders again, and its commit is on record.
    world.write("values", "prod.yaml", "colour: blue\n");
    let commit = world.push("values");
    world.wait_rendered("app", "web", "shop/configmap-seen.yaml", "colour: blue");
    let facts = world.server.boucle(&["audit", "list", "--kind", "deployments.rendered"]).out;
    assert!(facts.contains(&commit), "{facts}");

    // What is closed again is not read any more.
    world.write("charts", "boucle.yaml", "version: 1\n");
    world.push_to("charts", "refs/for/main");
    let merged = world.server.boucle(&["pr", "merge", "me/charts", "1"]);
    assert_eq!(merged.code, 0, "{}{}", merged.out, merged.err);
    world.reason("web", "the repository me/charts is not there, or");
}

#[test]
fn what_works_without_end_is_ended_and_its_neighbours_go_on() {
    let world = World::new(&["one"]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let source = |path| format!("  source: {{repoURL: me/one, path: {path}}}\n");
    for name in ["endless", "huge", "escape", "good"] {
        let mut text = application(name, &source(name));
        if name == "escape" {
            text = text.replace(
                &source(name),
                "  source: {repoURL: me/one, path: escape, helm: {valueFiles: [../../x.yaml]}}\n",
            );
        }
        world.write("one", &format!("apps/{name}.yaml"), &text);
        world.write("one", &format!("{name}/Chart.yaml"), CHART);
        world.write("one", &format!("{name}/values.yaml"), "colour: red\n");
        world.write("one", &format!("{name}/templates/a.yaml"), TEMPLATE);
    }
    let endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    world.write("one", "endless/templates/b.yaml", endless);
    world.write("one", "huge/templates/b.yaml", "# {{ repeat 40000000 \"x\" }}");
    world.push("one");
    assert!(world.reason("endless", "processor time").contains("repeat without end"));
    assert!(world.reason("huge", "MiB").contains("split it"));
    assert!(world.reason("escape", "leaves the repository").contains("x.yaml"));
    world.wait_rendered("one", "good", "shop/configmap-good.yaml", "colour: red");
    let peak_kib = world.server.peak_kib();
    assert!(peak_kib < 300 * 1024, "the server once had {peak_kib} KiB");
}

#[test]
fn hooks_of_a_chart_run_on_a_cluster() {
    let cluster = testkit::cluster();
    let name = cluster.namespace();
    let data = tempfile::tempdir().expect("a folder");
    let kubeconfig = cluster.kubeconfig().to_string_lossy().into_owned();
    let arguments = ["--helm", &helm(), "--kubeconfig", &kubeconfig];
    let server = Server::start(data.path(), &arguments);
    let world = World { server, work: tempfile::tempdir().expect("a folder"), data };
    world.create("one", &[]);
    world.write("one", "boucle.yaml", CONFIGURATION);
    let text = application(name, "  source: {repoURL: me/one, path: chart}\n").replace(
        "{name: local, namespace: shop}",
        &format!("{{name: boucle-test, namespace: {name}}}"),
    );
    world.write("one", "apps/web.yaml", &text);
    world.write("one", "chart/Chart.yaml", CHART);
    world.write("one", "chart/values.yaml", "colour: red\n");
    world.write("one", "chart/templates/a.yaml", TEMPLATE);
    let hook = |name: &str, hook: &str, policy: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    \
             helm.sh/hook: {hook}\n    helm.sh/hook-weight: \"-5\"\n    \
             helm.sh/hook-delete-policy: {policy}\n"
        )
    };
    for (name, kind, policy) in [
        ("before", "pre-install,pre-upgrade", "before-hook-creation"),
        ("passing", "post-install", "hook-succeeded"),
        ("tried", "test", "before-hook-creation"),
    ] {
        world.write("one", &format!("chart/templates/{name}.yaml"), &hook(name, kind, policy));
    }
    world.push("one");
    wait_for("the application", || {
        let shown = world.server.boucle(&["app", "show", name]);
        shown.code == 0
            && shown.json()["application"]["sync"] == "synced"
            && shown.json()["application"]["health"] == "healthy"
    });
    let there = |object: &str| {
        let path = format!("/api/v1/namespaces/{name}/configmaps/{object}");
        cluster.ask("GET", &path, None).status == 200
    };
    assert!(there(name) && there("before"), "the object and the hook that stays");
    assert!(!there("passing") && !there("tried"), "the hook that goes and the test");
}
