//! The runner against the real kernel: every test starts real sandboxes.

mod actions;
mod local;
mod logs;
mod masks;
mod steps;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use ledger::{ArtifactDigest, CommitId, RefName, RepositoryName, RunId, TreeId};
use pipelines::expressions::Value;
use pipelines::facts::{Conclusion, EventName, JobKey, RunSource};
use pipelines::run::reasons::EndReason;
use pipelines::run::{JobNetwork, JobPermissions, JobPlan, ServerContext, StrategyPlace};
use pipelines::workflow;
use runner::{
    JobEvent, JobRequest, LogKey, PublishRequest, Published, Runner, RunnerConfig, Services,
    Sources, Uploaded,
};
use sandbox::Launcher;

/// A tree with `hello.txt`, `bin/run` and a link.
struct Tree;

impl Sources for Tree {
    fn materialise(&self, _: &RepositoryName, _: &CommitId, into: &Path) -> anyhow::Result<()> {
        std::fs::create_dir_all(into.join("bin"))?;
        std::fs::write(into.join("hello.txt"), "from the tree\n")?;
        std::fs::write(into.join("bin/run"), "#!/bin/sh\necho ran\n")?;
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(into.join("bin/run"), executable)?;
        std::os::unix::fs::symlink("hello.txt", into.join("link"))?;
        Ok(())
    }

    fn resolve(&self, _: &RepositoryName, reference: &str) -> anyhow::Result<CommitId> {
        anyhow::ensure!(reference == "v1", "there is no `{reference}`");
        Ok(CommitId::new("3".repeat(40))?)
    }
}

/// Artifacts in a folder; what was published is remembered.
struct Shelf {
    folder: PathBuf,
    published: Mutex<Vec<(PublishRequest, Vec<String>)>>,
}

impl Services for Shelf {
    fn upload_artifact<'a>(
        &'a self,
        _: RunId,
        name: &'a str,
        folder: &'a Path,
    ) -> BoxFuture<'a, anyhow::Result<Uploaded>> {
        Box::pin(async move {
            let to = self.folder.join(name);
            std::fs::create_dir_all(&self.folder)?;
            anyhow::ensure!(
                std::process::Command::new("cp").arg("-a").arg(folder).arg(&to).status()?.success()
            );
            let digest = ArtifactDigest::new(format!("sha256:{}", "a".repeat(64)))?;
            Ok(Uploaded { digest, size_bytes: 1 })
        })
    }

    fn artifacts(&self, _: RunId) -> BoxFuture<'_, anyhow::Result<Vec<String>>> {
        Box::pin(async move {
            let Ok(entries) = std::fs::read_dir(&self.folder) else { return Ok(Vec::new()) };
            let mut names: Vec<_> = entries
                .map(|entry| entry.map(|it| it.file_name().to_string_lossy().into_owned()))
                .collect::<Result<_, _>>()?;
            names.sort();
            Ok(names)
        })
    }

    fn download_artifact<'a>(
        &'a self,
        _: RunId,
        name: &'a str,
        into: &'a Path,
    ) -> BoxFuture<'a, anyhow::Result<()>> {
        Box::pin(async move {
            let from = self.folder.join(name).join(".");
            anyhow::ensure!(
                std::process::Command::new("cp").arg("-a").arg(from).arg(into).status()?.success()
            );
            Ok(())
        })
    }

    fn publish<'a>(
        &'a self,
        _: &'a RepositoryName,
        request: PublishRequest,
    ) -> BoxFuture<'a, anyhow::Result<Published>> {
        Box::pin(async move {
            let files = files_below(&request.folder);
            self.published.lock().expect("not poisoned").push((request, files));
            let digest = ArtifactDigest::new(format!("sha256:{}", "b".repeat(64)))?;
            Ok(Published { digest, reference: "local/hello".into() })
        })
    }
}

fn files_below(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("a folder").map(|it| it.expect("an entry")) {
            if entry.file_type().expect("a kind").is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let path = path.strip_prefix(folder).expect("below");
                files.push(path.display().to_string());
            }
        }
    }
    files.sort();
    files
}

/// A runner in a folder of its own.
struct World {
    folder: tempfile::TempDir,
    runner: Runner,
    shelf: Arc<Shelf>,
}

/// How a job ended and what it printed, without times.
struct Outcome {
    conclusion: Conclusion,
    reason: Option<EndReason>,
    outputs: BTreeMap<String, String>,
    log: String,
    events: Vec<JobEvent>,
}

fn config(folder: &Path) -> RunnerConfig {
    let mut config = RunnerConfig::new(folder.join("data"));
    let program = PathBuf::from(env!("CARGO_BIN_EXE_runner-helper"));
    config.launcher = Launcher { program, arguments: Vec::new() };
    config
}

impl World {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut RunnerConfig)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = config(folder.path());
        change(&mut config);
        let shelf = Arc::new(Shelf {
            folder: folder.path().join("artifacts"),
            published: Mutex::default(),
        });
        let runner = Runner::new(config, Arc::new(Tree), shelf.clone()).await.expect("a runner");
        Self { folder, runner, shelf }
    }

    async fn run(&self, job: &str) -> Outcome {
        self.run_plan(plan(job), BTreeMap::new()).await
    }

    async fn run_plan(&self, plan: JobPlan, secrets: BTreeMap<String, String>) -> Outcome {
        let plan = Arc::new(plan);
        let request = JobRequest { plan: Arc::clone(&plan), secrets, variables: BTreeMap::new() };
        let mut job = self.runner.start(request);
        let mut events = Vec::new();
        while let Some(event) = job.events.recv().await {
            events.push(event);
        }
        let Some(JobEvent::Ended { conclusion, reason, outputs, .. }) = events.last().cloned()
        else {
            panic!("a job ends with its end: {events:?}")
        };
        let log = self.log(&plan);
        Outcome { conclusion, reason, outputs, log, events }
    }

    fn log(&self, plan: &JobPlan) -> String {
        let key = LogKey { run: plan.run, attempt: plan.attempt, job: plan.key.clone() };
        let mut text = String::new();
        let mut offset = 0;
        while let Some(chunk) = self.runner.logs().read(&key, offset).expect("readable") {
            text.push_str(&String::from_utf8_lossy(&chunk.bytes));
            offset = chunk.next_offset;
            if chunk.complete || chunk.bytes.is_empty() {
                break;
            }
        }
        let lines = text.lines().map(|line| line.split_once(' ').map_or("", |(_, rest)| rest));
        lines.collect::<Vec<_>>().join("\n")
    }
}

impl Outcome {
    #[track_caller]
    fn succeeded(self) -> Self {
        assert_eq!(self.conclusion, Conclusion::Success, "{:?}\n{}", self.reason, self.log);
        self
    }

    #[track_caller]
    fn failed(self) -> Self {
        assert_eq!(self.conclusion, Conclusion::Failure, "{:?}\n{}", self.reason, self.log);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.log.contains(text), "`{text}` is not in:\n{}", self.log);
        self
    }

    #[track_caller]
    fn hides(self, text: &str) -> Self {
        assert!(!self.log.contains(text), "`{text}` is in:\n{}", self.log);
        self
    }
}

/// A job that is everything below `jobs.job` except `runs-on`.
#[track_caller]
fn plan(job: &str) -> JobPlan {
    let mut text = String::from("on: push\njobs:\n  job:\n    runs-on: boucle\n");
    job.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
    let workflow = match workflow::read("ci.yaml", &text) {
        Ok(workflow) => Arc::new(workflow),
        Err(problems) => panic!("{problems:?}"),
    };
    let permissions = JobPermissions::decide(None, workflow.jobs[0].permissions.as_ref(), true);
    JobPlan {
        run: RunId(1),
        attempt: 1,
        key: JobKey::new("job", None),
        name: "job".into(),
        source: source(),
        workflow,
        inputs: BTreeMap::new(),
        calls: Vec::new(),
        matrix: Value::Null,
        strategy: StrategyPlace { fail_fast: true, index: 0, total: 1, max_parallel: 1 },
        needs: BTreeMap::new(),
        environment: None,
        permissions,
        timeout_minutes: 5,
        continue_on_error: false,
        network: JobNetwork::Isolated,
        server: ServerContext::default(),
    }
}

fn source() -> RunSource {
    RunSource {
        repository: RepositoryName::new("demo/hello").expect("a name"),
        workflow: "ci.yaml".into(),
        name: "ci".into(),
        event: EventName::Push,
        reference: RefName::new("refs/heads/main").expect("a ref"),
        commit: CommitId::new("1".repeat(40)).expect("an id"),
        tree: TreeId::new("2".repeat(40)).expect("an id"),
        before: None,
        pull_request: None,
        trusted: true,
        actor: "ada".into(),
        inputs: BTreeMap::new(),
        payload: serde_json::Map::new(),
        number: 1,
    }
}
