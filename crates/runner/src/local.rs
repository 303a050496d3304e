//! A workflow on a working tree, without a server: the same machines and the same sandbox.
//!
//! The working tree is copied as it is, with changes that were not committed and without what git
//! ignores. Published folders and artifacts are kept in a folder of the machine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use futures::future::BoxFuture;
use ledger::{ArtifactDigest, CommitId, RepositoryName, RunId};
use pipelines::facts::{Conclusion, JobKey, PipelineFact, RunSource};
use pipelines::run::{Effect, JobPlan, RunSettings, Scheduler};
use pipelines::workflow::Workflow;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::logs::{LogKey, now};
use crate::request::{
    JobEvent, JobRequest, PublishRequest, Published, Services, Sources, Uploaded,
};
use crate::runner::{Runner, RunnerConfig};

/// What to run.
#[derive(Debug, Clone)]
pub struct LocalRun {
    /// The workflow, read from the working tree.
    pub workflow: Arc<Workflow>,
    /// The working tree.
    pub working_tree: PathBuf,
    /// Where artifacts and published folders are kept.
    pub output: PathBuf,
    /// What the run is said to come from.
    pub source: RunSource,
    /// Secrets by name.
    pub secrets: BTreeMap<String, String>,
    /// The `vars` context.
    pub variables: BTreeMap<String, String>,
}

/// What a local run reports, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum LocalEvent {
    /// What the server would record.
    Fact(PipelineFact),
    /// A running job reported this.
    Job {
        /// The job.
        job: JobKey,
        /// What.
        event: JobEvent,
    },
    /// New lines of a job's log.
    Log {
        /// The job.
        job: JobKey,
        /// The lines, as in the log.
        text: String,
    },
}

/// Runs a workflow to its end.
pub async fn run_local(
    config: RunnerConfig,
    local: LocalRun,
    mut on_event: impl FnMut(LocalEvent),
) -> anyhow::Result<Conclusion> {
    let sources = Arc::new(WorkingTree { folder: local.working_tree.clone() });
    let services = Arc::new(Folder { folder: local.output.clone() });
    let runner = Runner::new(config, sources, services).await?;
    let (run, mut scheduler) = (RunId(1), Scheduler::default());
    let settings = RunSettings { variables: local.variables.clone(), ..RunSettings::default() };
    let workflow = Arc::clone(&local.workflow);
    let effects = scheduler.create(run, local.source.clone(), workflow, settings, now());
    let (sender, mut reports) = mpsc::unbounded_channel();
    let mut conclusion = None;
    let mut offsets: BTreeMap<JobKey, u64> = BTreeMap::new();
    let mut cancels = BTreeMap::new();
    let mut pending = effects;
    loop {
        for effect in std::mem::take(&mut pending) {
            match effect {
                Effect::Record(fact) => {
                    if let PipelineFact::RunEnded { conclusion: ended, .. } = &fact {
                        conclusion = Some(*ended);
                    }
                    on_event(LocalEvent::Fact(fact));
                }
                Effect::StartJob(plan) => {
                    let (secrets, variables) = (local.secrets.clone(), local.variables.clone());
                    let request = JobRequest { plan: Arc::clone(&plan), secrets, variables };
                    let mut job = runner.start(request);
                    cancels.insert(plan.key.clone(), job.canceller());
                    let sender = sender.clone();
                    tokio::spawn(async move {
                        while let Some(event) = job.events.recv().await {
                            if sender.send((Arc::clone(&plan), event)).is_err() {
                                return;
                            }
                        }
                    });
                }
                Effect::CancelJob { job, reason, .. } => {
                    if let Some(cancel) = cancels.get(&job) {
                        cancel.send_replace(Some(reason));
                    }
                }
            }
        }
        if let Some(conclusion) = conclusion {
            return Ok(conclusion);
        }
        let (plan, event) = reports.recv().await.context("the runner stopped")?;
        let offset = offsets.entry(plan.key.clone()).or_default();
        if let Some(text) = new_lines(&runner, &plan, offset)? {
            on_event(LocalEvent::Log { job: plan.key.clone(), text });
        }
        on_event(LocalEvent::Job { job: plan.key.clone(), event: event.clone() });
        if let Some(event) = event.into_run_event(&plan) {
            pending = scheduler.step(run, event, now());
        }
    }
}

fn new_lines(runner: &Runner, plan: &JobPlan, offset: &mut u64) -> anyhow::Result<Option<String>> {
    let key = LogKey { run: plan.run, attempt: plan.attempt, job: plan.key.clone() };
    let mut text = String::new();
    while let Some(chunk) = runner.logs().read(&key, *offset)? {
        if chunk.bytes.is_empty() {
            break;
        }
        text.push_str(&String::from_utf8_lossy(&chunk.bytes));
        *offset = chunk.next_offset;
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The working tree as the source of every checkout.
struct WorkingTree {
    folder: PathBuf,
}

impl Sources for WorkingTree {
    fn materialise(&self, _: &RepositoryName, _: &CommitId, into: &Path) -> anyhow::Result<()> {
        let listed = Command::new("git")
            .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output();
        let Some(output) = listed.ok().filter(|output| output.status.success()) else {
            // No repository of git: everything is the working tree.
            return Ok(crate::layout::copy(&self.folder, into)?);
        };
        let paths = String::from_utf8_lossy(&output.stdout).into_owned();
        for path in paths.split('\0').filter(|path| !path.is_empty()) {
            copy_one(&self.folder.join(path), &into.join(path))
                .with_context(|| format!("{path} cannot be copied"))?;
        }
        Ok(())
    }

    fn resolve(&self, _: &RepositoryName, reference: &str) -> anyhow::Result<CommitId> {
        anyhow::bail!("a local run has only the working tree, not `{reference}`")
    }
}

fn copy_one(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    match std::fs::symlink_metadata(from) {
        Ok(metadata) if metadata.is_symlink() => {
            std::os::unix::fs::symlink(std::fs::read_link(from)?, to)
        }
        Ok(metadata) if metadata.is_file() => std::fs::copy(from, to).map(|_| ()),
        // A submodule, or a file that was deleted and not committed.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Artifacts and published folders as folders of the machine.
struct Folder {
    folder: PathBuf,
}

impl Folder {
    fn keep(&self, kind: &str, name: &str, from: &Path) -> anyhow::Result<Uploaded> {
        let to = self.folder.join(kind).join(name);
        crate::layout::remove(&to)?;
        crate::layout::copy(from, &to)?;
        let mut hash = Sha256::new();
        let size_bytes = digest_folder(&to, &mut hash)?;
        let digest = ArtifactDigest::new(format!("sha256:{}", hex::encode(hash.finalize())))?;
        Ok(Uploaded { digest, size_bytes })
    }
}

impl Services for Folder {
    fn upload_artifact<'a>(
        &'a self,
        _: RunId,
        name: &'a str,
        folder: &'a Path,
    ) -> BoxFuture<'a, anyhow::Result<Uploaded>> {
        Box::pin(async move { self.keep("artifacts", name, folder) })
    }

    fn artifacts(&self, _: RunId) -> BoxFuture<'_, anyhow::Result<Vec<String>>> {
        Box::pin(async move {
            let mut names = Vec::new();
            match std::fs::read_dir(self.folder.join("artifacts")) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                entries => {
                    for entry in entries? {
                        names.push(entry?.file_name().to_string_lossy().into_owned());
                    }
                }
            }
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
            let from = self.folder.join("artifacts").join(name);
            ensure!(from.is_dir(), "there is no artifact `{name}`");
            Ok(crate::layout::copy(&from, into)?)
        })
    }

    fn publish<'a>(
        &'a self,
        repository: &'a RepositoryName,
        request: PublishRequest,
    ) -> BoxFuture<'a, anyhow::Result<Published>> {
        Box::pin(async move {
            let Uploaded { digest, .. } = self.keep("published", &request.name, &request.folder)?;
            let reference = format!("local/{repository}/{}@{digest}", request.name);
            Ok(Published { digest, reference })
        })
    }
}

/// A digest over names, modes of links and contents, in the order of the names.
fn digest_folder(folder: &Path, hash: &mut Sha256) -> anyhow::Result<u64> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut size_bytes = 0;
    for entry in entries {
        hash.update(entry.file_name().as_encoded_bytes());
        hash.update([0]);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            size_bytes += digest_folder(&entry.path(), hash)?;
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path())?;
            size_bytes += bytes.len() as u64;
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    }
    Ok(size_bytes)
}
