//! The repository of the crash test: a pipeline that is quick, two environments, a program that is
//! ready at once.

use std::path::Path;

use serde_json::Value;

use crate::git::{commit, works};
use crate::harness::{Server, wait_for};

const WORKFLOW: &str = "on:\n  push:\n    branches: [main]\n    paths: [version.txt]\n  pull_request:\n    paths: [version.txt]\njobs:\n  build:\n    \
    runs-on: boucle\n    permissions:\n      contents: read\n      packages: write\n    steps:\n      \
    - uses: actions/checkout@v4\n      - run: mkdir image && cp serve.sh version.txt image/\n      \
    - if: github.event_name == 'push'\n        uses: boucle/publish@v1\n        with:\n          \
    name: app\n          path: image\n          entrypoint: /bin/sh /serve.sh\n";

const CONFIGURATION: &str = "version: 1\nreview:\n  requiredApprovals: 1\nartifacts:\n  \
    - {name: app, workflow: ci, paths: [version.txt, serve.sh]}\napplications: applications\n\
    environments:\n  - name: staging\n    path: deploy/staging\n    application: crash-staging\n    \
    verification: {window: WINDOW}\n  - name: production\n    path: deploy/production\n    \
    application: crash-production\n    verification: {window: WINDOW}\n";

/// A program that is ready at once and ends when it is told to.
const SERVE: &str = "trap 'exit 0' TERM\nwhile :; do sleep 1 & wait $!; done\n";

/// Hosts it; its first commit is on `main`. Each environment is verified for this long.
pub fn host(server: &Server, work: &Path, window: &str) {
    assert_eq!(server.boucle(&["repo", "create", "me/crash"]).code, 0);
    works(work, &["init", "--quiet", "--initial-branch", "main"]);
    let write = |path: &str, text: &str| {
        let file = work.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        std::fs::write(file, text).expect("it is written");
    };
    write(".github/workflows/ci.yaml", WORKFLOW);
    write("serve.sh", SERVE);
    write("boucle.yaml", &CONFIGURATION.replace("WINDOW", window));
    for environment in ["staging", "production"] {
        write(
            &format!("deploy/{environment}/kustomization.yaml"),
            &format!(
                "namespace: {environment}\nresources: [../base]\nimages:\n  - name: app\n    \
                 newName: me/crash/app\n"
            ),
        );
        write(&format!("applications/{environment}.yaml"), &application(environment));
    }
    write("deploy/base/kustomization.yaml", "resources: [deployment.yaml]\n");
    write(
        "deploy/base/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  replicas: 1\n  \
         selector:\n    matchLabels: {app: app}\n  template:\n    metadata:\n      labels: {app: app}\n    \
         spec:\n      containers:\n        - name: app\n          image: app\n",
    );
    commit(work, "version.txt", "0\n");
    works(work, &["push", "--quiet", &server.address("me/crash"), "main"]);
}

/// Waits until both environments run one commit, healthy, and it is the wanted one.
pub fn wait_for_production(server: &Server, what: &str, is_wanted: impl Fn(&str) -> bool) {
    wait_for(&format!("{what} in production"), || {
        everywhere(&server.boucle(&["env", "list"]).out, &is_wanted)
    });
}

/// Whether a list of environments has both, healthy, with a commit that is wanted.
pub fn everywhere(environments: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    let environments: Vec<Value> = serde_json::from_str(environments).unwrap_or_default();
    environments.len() == 2
        && environments.iter().all(|one| {
            let commit = one["artifacts"][0]["commit"].as_str();
            commit.is_some_and(&is_wanted) && one["health"] == "healthy"
        })
}

fn application(environment: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: \
         crash-{environment}\nspec:\n  project: default\n  source:\n    repoURL: me/crash\n    path: \
         deploy/{environment}\n    targetRevision: main\n  destination:\n    name: local\n    \
         namespace: {environment}\n  syncPolicy:\n    automated: {{prune: true, selfHeal: true}}\n"
    )
}
