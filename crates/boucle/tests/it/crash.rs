//! The server is killed at random instants while people push, review and merge, runs go on and
//! deployments move. Whatever was acknowledged is there afterwards, and the loop ends without help.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::git::{commit, git, works};
use crate::harness::{Outcome, Server, command, run, wait_for};

/// How often the server is killed.
const KILLS: usize = 50;
/// A kill comes at the latest this long after the server answers: about as long as a round of push,
/// review, merge, run and deployment takes.
const LATEST_MS: u64 = 900;

const WORKFLOW: &str = "on:\n  push:\n    branches: [main]\n    paths: [version.txt]\n  pull_request:\njobs:\n  build:\n    \
    runs-on: boucle\n    permissions:\n      contents: read\n      packages: write\n    steps:\n      \
    - uses: actions/checkout@v4\n      - run: mkdir image && cp serve.sh version.txt image/\n      \
    - if: github.event_name == 'push'\n        uses: boucle/publish@v1\n        with:\n          \
    name: app\n          path: image\n          entrypoint: /bin/sh /serve.sh\n";

const CONFIGURATION: &str = "version: 1\nreview:\n  requiredApprovals: 1\nartifacts:\n  \
    - {name: app, workflow: ci, paths: [version.txt, serve.sh]}\napplications: applications\n\
    environments:\n  - name: staging\n    path: deploy/staging\n    application: crash-staging\n    \
    verification: {window: 500ms}\n  - name: production\n    path: deploy/production\n    \
    application: crash-production\n    verification: {window: 500ms}\n";

/// A program that is ready at once and ends when it is told to.
const SERVE: &str = "trap 'exit 0' TERM\nwhile :; do sleep 1 & wait $!; done\n";

/// What the server acknowledged, written down by those who asked.
#[derive(Default)]
struct Acknowledged {
    /// Branch and commit.
    pushes: Vec<(String, String)>,
    approvals: Vec<u64>,
    merges: Vec<u64>,
    tokens: Vec<String>,
}

struct World {
    data: PathBuf,
    work: PathBuf,
    url: Mutex<String>,
    owner: String,
    reviewer: String,
    acknowledged: Mutex<Acknowledged>,
    stopping: AtomicBool,
    rounds: AtomicU64,
}

#[test]
fn fifty_kills_lose_nothing_that_was_acknowledged() {
    let seed = std::env::var("BOUCLE_CRASH_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("BOUCLE_CRASH_SEED={seed}");
    let data = tempfile::tempdir().expect("a folder");
    let work = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &[]);
    let world = Arc::new(begin(&server, data.path(), work.path()));
    let person = {
        let world = Arc::clone(&world);
        std::thread::spawn(move || {
            while !world.stopping.load(Ordering::SeqCst) {
                world.round()
            }
        })
    };
    let mut server = Some(server);
    let mut random = Random(seed);
    for kill in 0..KILLS {
        // A moment drawn by chance is what is tested; nothing waits for it to be long enough.
        std::thread::sleep(Duration::from_millis(random.below(LATEST_MS)));
        server.take().expect("it runs").kill();
        let next = Server::start(data.path(), &[]);
        *world.url.lock().expect("no panic") = next.url();
        world.check(&next, kill);
        server = Some(next);
    }
    world.stopping.store(true, Ordering::SeqCst);
    person.join().expect("the person does not panic");
    let server = server.expect("it runs");
    world.check(&server, KILLS);
    world.check_end(&server);
    println!("{} rounds, {} merges", world.rounds.load(Ordering::SeqCst), world.merged());
}

/// A repository with a pipeline and two environments, an owner and a reviewer.
fn begin(server: &Server, data: &Path, work: &Path) -> World {
    assert_eq!(server.boucle(&["repo", "create", "me/crash"]).code, 0);
    let reviewer = server.boucle(&["token", "create", "reviewer"]).json();
    let reviewer = reviewer["token"].as_str().expect("a token").to_owned();
    let owner = std::fs::read_to_string(data.join("token")).expect("a token").trim().to_owned();
    works(work, &["init", "--quiet", "--initial-branch", "main"]);
    let write = |path: &str, text: &str| {
        let file = work.join(path);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it is made");
        std::fs::write(file, text).expect("it is written");
    };
    write(".github/workflows/ci.yaml", WORKFLOW);
    write("serve.sh", SERVE);
    write("boucle.yaml", CONFIGURATION);
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
    World {
        data: data.to_path_buf(),
        work: work.to_path_buf(),
        url: Mutex::new(server.url()),
        owner,
        reviewer,
        acknowledged: Mutex::default(),
        stopping: AtomicBool::new(false),
        rounds: AtomicU64::new(1),
    }
}

fn application(environment: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata:\n  name: \
         crash-{environment}\nspec:\n  project: default\n  source:\n    repoURL: me/crash\n    path: \
         deploy/{environment}\n    targetRevision: main\n  destination:\n    name: local\n    \
         namespace: {environment}\n  syncPolicy:\n    automated: {{prune: true, selfHeal: true}}\n"
    )
}

impl World {
    /// What a person and a reviewer do; whatever is not answered is tried again in the next round.
    fn round(&self) {
        let round = self.rounds.fetch_add(1, Ordering::SeqCst);
        let address = self.address();
        if git(&self.work, &["fetch", "--quiet", &address, "main"]).code != 0 {
            return;
        }
        works(&self.work, &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
        commit(&self.work, "version.txt", &format!("{round}\n"));
        let branch = format!("round-{round}");
        let pushed =
            git(&self.work, &["push", "--quiet", &address, &format!("HEAD:refs/heads/{branch}")]);
        if pushed.code != 0 {
            return;
        }
        let head = git(&self.work, &["rev-parse", "HEAD"]).out.trim().to_owned();
        self.note(|all| all.pushes.push((branch.clone(), head)));
        let opened = self.ask(&self.owner, &["pr", "open", "me/crash", "--head", &branch]);
        let Some(number) = answer(&opened).and_then(|one| one["number"].as_u64()) else { return };
        let text = number.to_string();
        if self.ask(&self.reviewer, &["pr", "approve", "me/crash", &text]).code != 0 {
            return;
        }
        self.note(|all| all.approvals.push(number));
        let merged =
            self.ask(&self.owner, &["pr", "merge", "me/crash", &text, "--method", "squash"]);
        if merged.code == 0 {
            self.note(|all| all.merges.push(number));
        }
        let token = self.ask(&self.owner, &["token", "create", &format!("machine-{round}")]);
        if let Some(token) = answer(&token).and_then(|one| Some(one["token"].as_str()?.to_owned()))
        {
            self.note(|all| all.tokens.push(token));
        }
    }

    fn note(&self, note: impl FnOnce(&mut Acknowledged)) {
        note(&mut self.acknowledged.lock().expect("no panic"));
    }

    fn merged(&self) -> usize {
        self.acknowledged.lock().expect("no panic").merges.len()
    }

    fn address(&self) -> String {
        let url = self.url.lock().expect("no panic").clone();
        let rest = url.strip_prefix("http://").expect("loopback").to_owned();
        format!("http://owner:{}@{rest}/me/crash", self.owner)
    }

    fn ask(&self, token: &str, arguments: &[&str]) -> Outcome {
        let mut ask = command(&self.data);
        run(ask.args(arguments).args(["-o", "json"]).env("BOUCLE_TOKEN", token))
    }

    /// Everything that was acknowledged up to now is there.
    fn check(&self, server: &Server, kill: usize) {
        let acknowledged = self.acknowledged.lock().expect("no panic");
        let refs = git(&self.work, &["ls-remote", &server.address("me/crash")]).out;
        for (branch, head) in &acknowledged.pushes {
            let line = format!("{head}\trefs/heads/{branch}\n");
            assert!(refs.contains(&line), "kill {kill}: the push of {branch} is lost");
        }
        let pull_requests = server.boucle(&["pr", "list", "me/crash"]).json();
        let known = |number: u64| {
            let all = pull_requests.as_array().into_iter().flatten();
            let found = all.into_iter().find(|one| one["number"].as_u64() == Some(number));
            found.unwrap_or_else(|| panic!("kill {kill}: #{number} is lost")).clone()
        };
        for number in &acknowledged.approvals {
            let review = &known(*number)["reviews"][0]["verdict"];
            assert_eq!(review, "approve", "kill {kill}: the approval of #{number} is lost");
        }
        for number in &acknowledged.merges {
            let state = &known(*number)["state"];
            assert_eq!(state, "merged", "kill {kill}: the merge of #{number} is lost");
        }
        if let Some(token) = acknowledged.tokens.last() {
            assert_eq!(server.boucle_as(token, &["repo", "list"]).code, 0, "kill {kill}: a token");
        }
        let verified = server.boucle(&["audit", "verify"]);
        assert_eq!(verified.code, 0, "kill {kill}: {}{}", verified.out, verified.err);
    }

    /// The loop finishes by itself: the last merged version runs in production, nothing is left over.
    fn check_end(&self, server: &Server) {
        let address = server.address("me/crash");
        works(&self.work, &["fetch", "--quiet", &address, "main"]);
        let last =
            git(&self.work, &["log", "-1", "--format=%H", "FETCH_HEAD", "--", "version.txt"]);
        let last = last.out.trim().to_owned();
        wait_for("the last version in production", || {
            let environments = server.boucle(&["env", "list"]).json();
            let all = environments.as_array().cloned().unwrap_or_default();
            all.len() == 2
                && all.iter().all(|one| {
                    one["artifacts"][0]["commit"] == last.as_str() && one["health"] == "healthy"
                })
        });
        let runs = server.boucle(&["run", "list"]).json();
        let mut open =
            runs.as_array().into_iter().flatten().filter(|run| run["state"] != "completed");
        assert!(open.next().is_none(), "a run never ended: {runs}");
        assert_eq!(server.boucle(&["admin", "rebuild-views"]).code, 0);
        let clone = self.work.join("clone");
        works(&self.work, &["clone", "--quiet", "--mirror", &address, &clone.to_string_lossy()]);
        works(&clone, &["fsck", "--full", "--strict"]);
        assert!(self.merged() > 0, "nothing was merged between two kills: the test tests nothing");
        assert_eq!(replicas_of(&self.data), 2, "replicas of killed servers are left");
    }
}

fn answer(outcome: &Outcome) -> Option<Value> {
    (outcome.code == 0).then(|| serde_json::from_str(&outcome.out).ok()).flatten()
}

/// Processes whose first argument is the program of the deployed image.
fn replicas_of(data: &Path) -> usize {
    let own = data.to_string_lossy().into_owned();
    let processes = std::fs::read_dir("/proc").expect("the processes").flatten();
    let replicas = processes.filter(|entry| {
        let text = |file: &str| {
            std::fs::read(entry.path().join(file))
                .map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "))
                .unwrap_or_default()
        };
        text("cmdline").contains("/serve.sh") && text("mountinfo").contains(&own)
    });
    replicas.count()
}

/// SplitMix64: small, and the same for every run with one seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
