//! What a job gets, what it reports, and what the server does for it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use futures::future::BoxFuture;
use ledger::{ArtifactDigest, CommitId, RepositoryName, RunId};
use pipelines::facts::{Annotation, Conclusion, PipelineFact, PublishedKind};
use pipelines::run::job::JobEnd;
use pipelines::run::reasons::EndReason;
use pipelines::run::{JobPlan, RunEvent};
use tokio::sync::{mpsc, watch};

/// Source code, straight from Git objects.
pub trait Sources: Send + Sync {
    /// Writes the tree of a commit into an empty folder, without a checkout by git. Blocking.
    fn materialise(
        &self,
        repository: &RepositoryName,
        commit: &CommitId,
        into: &Path,
    ) -> anyhow::Result<()>;

    /// The commit that a branch, tag, ref or full commit id of the repository names. Blocking.
    fn resolve(&self, repository: &RepositoryName, reference: &str) -> anyhow::Result<CommitId>;
}

/// Artifacts and publishing.
pub trait Services: Send + Sync {
    /// Stores the files below `folder` under a name of the run.
    fn upload_artifact<'a>(
        &'a self,
        run: RunId,
        name: &'a str,
        folder: &'a Path,
    ) -> BoxFuture<'a, anyhow::Result<Uploaded>>;

    /// The names of the artifacts that the run has so far, sorted.
    fn artifacts(&self, run: RunId) -> BoxFuture<'_, anyhow::Result<Vec<String>>>;

    /// Writes an artifact's files into an empty folder.
    fn download_artifact<'a>(
        &'a self,
        run: RunId,
        name: &'a str,
        into: &'a Path,
    ) -> BoxFuture<'a, anyhow::Result<()>>;

    /// Packs a folder into the registry.
    fn publish<'a>(
        &'a self,
        repository: &'a RepositoryName,
        request: PublishRequest,
    ) -> BoxFuture<'a, anyhow::Result<Published>>;
}

/// Files that were stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Their content.
    pub digest: ArtifactDigest,
    /// Their size.
    pub size_bytes: u64,
}

/// What `boucle/publish` asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishRequest {
    /// The run that publishes.
    pub run: RunId,
    /// The commit that it was built from.
    pub commit: CommitId,
    /// The name in the registry, below the repository's.
    pub name: String,
    /// The folder to pack, on this machine; it is removed afterwards.
    pub folder: std::path::PathBuf,
    /// Image or artifact.
    pub kind: PublishedKind,
    /// The image's entry point; empty: none.
    pub entrypoint: Vec<String>,
    /// The image's command; empty: none.
    pub command: Vec<String>,
    /// The image's environment.
    pub environment: BTreeMap<String, String>,
    /// The image's TCP ports.
    pub ports: Vec<u16>,
    /// The image's labels.
    pub labels: BTreeMap<String, String>,
    /// The image's working folder.
    pub working_directory: Option<String>,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The manifest's digest.
    pub digest: ArtifactDigest,
    /// The whole reference, with the digest.
    pub reference: String,
}

/// One job to run.
#[derive(Debug, Clone)]
pub struct JobRequest {
    /// What was decided about it.
    pub plan: Arc<JobPlan>,
    /// Its secrets by name; ignored when the run is not trusted.
    pub secrets: BTreeMap<String, String>,
    /// The `vars` context.
    pub variables: BTreeMap<String, String>,
}

/// What a running job reports, in order; [`JobEvent::Ended`] is the last.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEvent {
    /// It has a place on the runner and begins.
    Started,
    /// A step begins.
    StepStarted {
        /// Its place in the job, from 0.
        step: u32,
        /// Its name as people see it.
        name: String,
    },
    /// A step ended.
    StepEnded {
        /// Its place in the job, from 0.
        step: u32,
        /// Its name as people see it.
        name: String,
        /// Its result after `continue-on-error`.
        conclusion: Conclusion,
        /// Its result before `continue-on-error`.
        outcome: Conclusion,
        /// How long it ran.
        duration_ms: u64,
    },
    /// The log grew.
    LogAppended {
        /// Its length now.
        end_offset: u64,
    },
    /// A step made a remark.
    Annotated {
        /// The remark, masked.
        annotation: Annotation,
    },
    /// `actions/upload-artifact` stored files.
    Uploaded {
        /// The artifact's name.
        name: String,
        /// What was stored.
        uploaded: Uploaded,
    },
    /// `boucle/publish` published.
    Published {
        /// The name in the registry, below the repository's.
        name: String,
        /// Image or artifact.
        kind: PublishedKind,
        /// What was published.
        published: Published,
    },
    /// The job is over and nothing of it runs any more.
    Ended {
        /// How.
        conclusion: Conclusion,
        /// Why, when it is not a plain success.
        reason: Option<EndReason>,
        /// Its outputs.
        outputs: BTreeMap<String, String>,
        /// The remarks of all its steps.
        annotations: Vec<Annotation>,
    },
}

/// A job that was started. Dropping it does not stop the job.
#[derive(Debug)]
pub struct RunningJob {
    /// What it reports.
    pub events: mpsc::UnboundedReceiver<JobEvent>,
    pub(crate) cancel: watch::Sender<Option<EndReason>>,
}

impl JobEvent {
    /// What the run's machine is told; `None` for what concerns only those who watch.
    #[must_use]
    pub fn into_run_event(self, plan: &JobPlan) -> Option<RunEvent> {
        let (run, attempt, job) = (plan.run, plan.attempt, plan.key.clone());
        let noted = |fact| Some(RunEvent::Noted { fact });
        match self {
            Self::Started => Some(RunEvent::JobStarted { attempt, job }),
            Self::StepStarted { .. } | Self::LogAppended { .. } | Self::Annotated { .. } => None,
            Self::StepEnded { step, name, conclusion, outcome, duration_ms } => {
                noted(PipelineFact::StepEnded {
                    run,
                    attempt,
                    job,
                    step,
                    name,
                    conclusion,
                    outcome,
                    duration_ms,
                })
            }
            Self::Uploaded { name, uploaded: Uploaded { digest, size_bytes } } => {
                noted(PipelineFact::ArtifactUploaded { run, attempt, name, digest, size_bytes })
            }
            Self::Published { name, kind, published } => noted(PipelineFact::ArtifactPublished {
                run,
                attempt,
                job,
                repository: plan.source.repository.clone(),
                name,
                published: kind,
                digest: published.digest,
                commit: plan.source.commit.clone(),
            }),
            Self::Ended { conclusion, reason, outputs, annotations } => {
                let end = JobEnd { conclusion, reason, outputs, annotations };
                Some(RunEvent::JobEnded { attempt, job, end })
            }
        }
    }
}

impl RunningJob {
    /// Asks the job to stop: its step gets SIGTERM, then the sandbox is killed; steps with
    /// `if: always()` or `cancelled()` still run. May be called again.
    pub fn cancel(&self, reason: EndReason) {
        self.cancel.send_if_modified(|current| {
            let first = current.is_none();
            current.get_or_insert(reason);
            first
        });
    }

    /// A handle that cancels the job after the receiver has been moved elsewhere.
    #[must_use]
    pub fn canceller(&self) -> watch::Sender<Option<EndReason>> {
        self.cancel.clone()
    }
}
