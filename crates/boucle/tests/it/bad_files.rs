//! Files in a repository that cannot work: each is named with its place, and the others go on.

use serde_json::Value;

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};

struct Hosted {
    server: Server,
    work: tempfile::TempDir,
    _data: tempfile::TempDir,
}

impl Hosted {
    fn new() -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let work = tempfile::tempdir().expect("a folder");
        let server = Server::start(data.path(), &[]);
        assert_eq!(server.boucle(&["repo", "create", "me/one"]).code, 0);
        works(work.path(), &["init", "--quiet", "--initial-branch", "main"]);
        Self { server, work, _data: data }
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.work.path().join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        std::fs::write(file, text).expect("it is written");
    }

    fn push(&self) {
        commit(self.work.path(), "pushed.txt", &format!("{:?}\n", std::time::Instant::now()));
        works(self.work.path(), &["push", "--quiet", &self.server.address("me/one"), "main"]);
    }

    /// The server still serves, its ledger is whole and its memory is modest.
    fn check_unharmed(&self) {
        assert_eq!(self.server.boucle(&["audit", "verify"]).code, 0);
        assert_eq!(self.server.boucle(&["admin", "rebuild-views"]).code, 0);
        let peak_kib = self.server.peak_kib();
        assert!(peak_kib < 300 * 1024, "the server once had {peak_kib} KiB");
    }

    fn application(&self, name: &str) -> Value {
        self.server.boucle(&["app", "show", name]).json()["application"].clone()
    }

    /// Waits until an application has this reason; gives its sentence.
    fn reason(&self, application: &str, code: &str) -> String {
        let mut sentence = String::new();
        wait_for(&format!("{code} of {application}"), || {
            let shown = self.application(application);
            let reasons = shown["reasons"].as_array().cloned().unwrap_or_default();
            let found = reasons.iter().find(|reason| reason["code"] == code);
            let message = found.and_then(|reason| reason["message"].as_str());
            sentence = message.unwrap_or_default().to_owned();
            found.is_some()
        });
        sentence
    }
}

fn application(name: &str, path: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: {name}\nspec:\n  \
         project: default\n  source:\n    repoURL: me/one\n    path: {path}\n    \
         targetRevision: main\n  destination:\n    name: local\n    namespace: bad\n  \
         syncPolicy:\n    automated: {{}}\n"
    )
}

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: good\ndata:\n  a: b\n";

#[test]
fn a_workflow_that_cannot_run_says_where() {
    let hosted = Hosted::new();
    let steps = "    runs-on: boucle\n    steps:\n      - run: echo\n";
    let bomb = bomb().replace('\n', "\n  ");
    let cases = [
        (
            "key",
            format!("on: push\njobs:\n  a:\n    colour: red\n{steps}"),
            ("workflow-unexpected-value", 4, 5),
        ),
        (
            "cycle",
            format!(
                "on: push\njobs:\n  c:\n{steps}  a:\n    needs: b\n{steps}  b:\n    needs: a\n{steps}"
            ),
            ("workflow-needs", 8, 12),
        ),
        (
            "expression",
            format!("on: push\njobs:\n  a:\n    if: ${{{{ github.ref == }}}}\n{steps}"),
            ("workflow-expression", 4, 9),
        ),
        // What is too large is so as a whole; no line is to blame.
        (
            "bomb",
            format!("on: push\nenv:\n  {bomb}\njobs:\n  a:\n{steps}"),
            ("workflow-too-large", 0, 0),
        ),
    ];
    for (name, text, _) in &cases {
        hosted.write(&format!(".github/workflows/{name}.yaml"), text);
    }
    hosted.push();
    for (name, _, (code, line, column)) in &cases {
        let path = format!(".github/workflows/{name}.yaml");
        let checked = hosted.server.boucle_in(hosted.work.path(), &["run", &path, "--check"]);
        assert_eq!(checked.code, 10, "{}{}", checked.out, checked.err);
        let said = checked.json();
        let problem = &said["problems"][0];
        assert_eq!(problem["code"], *code, "{name}: {said}");
        assert_eq!(problem["file"], path.as_str(), "{name}: {said}");
        assert_eq!((&problem["line"], &problem["column"]), (&(*line).into(), &(*column).into()));
    }
    // On the server the commit gets a failed check for each, with the same place, and no run.
    wait_for("the failed checks", || {
        let listed =
            hosted.server.boucle(&["audit", "list", "--kind", "repositories.check_reported"]);
        let reported = listed.json();
        cases.iter().all(|(name, _, (_, line, column))| {
            let place = match line {
                0 => format!("{name}.yaml: "),
                _ => format!("{name}.yaml:{line}:{column}: "),
            };
            reported.as_array().into_iter().flatten().any(|fact| {
                let summary = fact["body"]["summary"].as_str().unwrap_or_default();
                fact["body"]["state"] == "failure" && summary.contains(&place)
            })
        })
    });
    assert_eq!(hosted.server.boucle(&["run", "list"]).json(), serde_json::json!([]));
    hosted.check_unharmed();
}

/// Twelve lines that stand for 9^12 values.
fn bomb() -> String {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = level - 1;
        let aliases = vec![format!("*a{before}"); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    bomb
}

#[test]
fn yaml_that_explodes_is_refused_within_its_budget() {
    let hosted = Hosted::new();
    let bomb = bomb();
    hosted.write("boucle.yaml", "version: 1\napplications: applications\n");
    hosted.write("applications/bomb.yaml", &application("bomb", "bomb"));
    hosted.write("applications/good.yaml", &application("good", "good"));
    hosted.write(
        "bomb/objects.yaml",
        &format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\n{bomb}"),
    );
    hosted.write("good/objects.yaml", MAP);
    hosted.push();
    let said = hosted.reason("bomb", "render-failed");
    assert!(said.contains("bomb/objects.yaml"), "{said}");
    wait_for("the good neighbour", || hosted.application("good")["sync"] == "synced");

    hosted.write("boucle.yaml", &format!("version: 1\n{bomb}"));
    let checked = hosted.server.boucle(&["repo", "show", "me/one"]).json();
    assert!(checked["configuration_problems"].is_null(), "{checked}");
    hosted.push_as_proposal();
    let shown = hosted.server.boucle(&["pr", "show", "me/one", "1"]).json();
    assert_eq!(shown["readiness"]["ready"], false, "{shown}");
    assert!(shown["readiness"].to_string().contains("boucle.yaml"), "{shown}");
    hosted.check_unharmed();
}

impl Hosted {
    fn push_as_proposal(&self) {
        commit(self.work.path(), "proposed.txt", "proposed\n");
        let address = self.server.address("me/one");
        works(self.work.path(), &["push", "--quiet", &address, "HEAD:refs/for/main"]);
    }
}

#[test]
fn a_tree_that_is_left_and_objects_that_are_unknown_are_named() {
    let hosted = Hosted::new();
    hosted.write("boucle.yaml", "version: 1\napplications: applications\n");
    let kustomization = |resource: &str| {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [{resource}]\n"
        )
    };
    let foreign = "apiVersion: example.org/v1\nkind: Spaceship\nmetadata:\n  name: one\n";
    let absent = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: one\nspec:\n  selector:\n    matchLabels: {app: one}\n  template:\n    metadata:\n      labels: {app: one}\n    spec:\n      containers:\n        - name: one\n          image: me/one/absent@sha256:1111111111111111111111111111111111111111111111111111111111111111\n";
    for name in ["up", "link", "foreign", "absent", "good"] {
        hosted.write(&format!("applications/{name}.yaml"), &application(name, name));
    }
    hosted.write("up/kustomization.yaml", &kustomization("../../../../etc/passwd"));
    hosted.write("link/kustomization.yaml", &kustomization("objects.yaml"));
    std::os::unix::fs::symlink("/etc/hostname", hosted.work.path().join("link/objects.yaml"))
        .expect("a link");
    hosted.write("foreign/objects.yaml", foreign);
    hosted.write("absent/objects.yaml", absent);
    hosted.write("good/objects.yaml", MAP);
    hosted.push();
    let up = hosted.reason("up", "render-failed");
    assert!(up.contains("etc/passwd") && !up.contains("root:"), "{up}");
    let link = hosted.reason("link", "render-failed");
    assert!(link.contains("link/objects.yaml"), "{link}");
    let unknown = hosted.reason("foreign", "unknown-kind");
    assert!(unknown.contains("Spaceship"), "{unknown}");
    wait_for("the absent image to be named", || {
        let shown = hosted.application("absent");
        let message = shown["health_message"].as_str().unwrap_or_default();
        message.contains("ImagePullBackOff") && message.contains("me/one/absent")
    });
    wait_for("the good neighbour", || hosted.application("good")["sync"] == "synced");
    hosted.check_unharmed();
}
