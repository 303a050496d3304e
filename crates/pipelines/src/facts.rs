//! What the ledger keeps of pipelines: runs, jobs, steps, artifacts and gates.
//!
//! Absent on purpose: log text (kept by `runner`, found by run, job and attempt) and the workflow's
//! text (read again from Git by commit and path).

use std::collections::BTreeMap;
use std::fmt;

use ledger::{
    ArtifactDigest, CommitId, FactBody, PullRequestNumber, RefName, RepositoryName, RunId, TreeId,
};
use serde::{Deserialize, Serialize};

use crate::gate::GateKey;
use crate::run::reasons::{CancelReason, EndReason, WaitReason};

/// One job of a run: the job's id, with the place in its matrix when it has one (`build`, `test.3`),
/// behind the key of the job that calls its workflow (`deploy.build`, `deploy.0.test.3`). It is safe as
/// a file name: ids have no dot and begin with no digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobKey(String);

/// How a job or a step ended, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Everything that had to succeed did.
    Success,
    /// Something failed.
    Failure,
    /// It was cancelled, superseded or exceeded its time.
    Cancelled,
    /// Its condition was false, or what it needs did not succeed.
    Skipped,
}

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventName {
    /// A ref of the repository moved.
    Push,
    /// A pull request was opened or got a new patch set.
    PullRequest,
    /// Somebody asked for it.
    WorkflowDispatch,
    /// A branch or a tag is new.
    Create,
    /// A branch or a tag is gone.
    Delete,
    /// A run of another workflow began or ended.
    WorkflowRun,
    /// Its time came.
    Schedule,
}

/// Everything about a run that is known when it is created.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSource {
    /// The repository.
    pub repository: RepositoryName,
    /// The workflow file's path in the repository.
    pub workflow: String,
    /// The workflow's name; its path when it has none.
    pub name: String,
    /// What started it.
    pub event: EventName,
    /// The ref that the run is for: the pushed ref, or the pull request's own ref.
    pub reference: RefName,
    /// The commit that is checked out.
    pub commit: CommitId,
    /// That commit's tree.
    pub tree: TreeId,
    /// The ref's commit before a push; absent for a new ref and for other events.
    pub before: Option<CommitId>,
    /// The pull request, when there is one.
    pub pull_request: Option<PullRequestSource>,
    /// False for code that nobody with write access has accepted: no secrets, nothing but reading.
    pub trusted: bool,
    /// The account that caused the event.
    pub actor: String,
    /// The inputs of a `workflow_dispatch`, after its defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, serde_json::Value>,
    /// What `github.event` has besides what is known of every event: the schedule, the other run.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub payload: serde_json::Map<String, serde_json::Value>,
    /// The run's number among the runs of its workflow, from 1.
    pub number: u64,
}

/// The pull request that a run checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PullRequestSource {
    /// Its number.
    pub number: PullRequestNumber,
    /// `opened`, `synchronize`, `reopened`: the activity that started the run.
    pub action: String,
    /// The branch that it would be merged into, without `refs/heads/`.
    pub base: String,
    /// That branch's commit when the run was created.
    pub base_commit: CommitId,
    /// The name of the branch or topic that holds the change.
    pub head: String,
    /// The newest commit of the change.
    pub head_commit: CommitId,
}

/// A remark that a step made about the run or a place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// How grave it is.
    pub level: AnnotationLevel,
    /// What it says, at most [`Annotation::MESSAGE_BYTES_MAX`] bytes; secrets are masked.
    pub message: String,
    /// A headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The file in the repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Its column, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
}

/// How grave an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnotationLevel {
    /// Worth knowing.
    Notice,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Error,
}

/// What `boucle/publish` made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PublishedKind {
    /// An OCI image that a workload can run.
    Image,
    /// An OCI artifact: files only.
    Artifact,
}

/// A fact about pipelines. Its subject is the run, except for [`PipelineFact::GatePassed`] and
/// [`PipelineFact::GateFailed`], whose subject is the repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PipelineFact {
    /// A run exists.
    RunCreated {
        /// Its id.
        run: RunId,
        /// Where it comes from.
        source: RunSource,
    },
    /// The whole run waits.
    RunWaiting {
        /// The run.
        run: RunId,
        /// For what.
        reason: WaitReason,
    },
    /// The run or one of its jobs may use its concurrency group.
    ConcurrencyGranted {
        /// The run.
        run: RunId,
        /// The job; absent when the claim is the workflow's.
        job: Option<JobKey>,
        /// The group, lower case.
        group: String,
    },
    /// A job's place is known; a matrix gives one for each combination.
    JobCreated {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
        /// Its name as people see it.
        name: String,
        /// Its combination of the matrix, an object; null without a matrix.
        matrix: serde_json::Value,
        /// The environment that it deploys to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        environment: Option<String>,
        /// The ids of the jobs that it needs.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        needs: Vec<String>,
    },
    /// A job waits.
    JobWaiting {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
        /// For what.
        reason: WaitReason,
    },
    /// A job was given to the runner.
    JobQueued {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
    },
    /// The runner started a job.
    JobStarted {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
    },
    /// The server stopped while the job ran; it is queued once more in the same attempt.
    JobInterrupted {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
    },
    /// A step ended.
    StepEnded {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
        /// The step's place in the job, from 0.
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
    /// A job ended.
    JobEnded {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job.
        job: JobKey,
        /// How.
        conclusion: Conclusion,
        /// Why, when it is not a plain success.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<EndReason>,
        /// The job's outputs; together at most 1 MiB.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<String, String>,
        /// What its steps remarked; at most 50.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        annotations: Vec<Annotation>,
        /// True when a failure does not fail the run (`continue-on-error`).
        #[serde(default)]
        tolerated: bool,
    },
    /// Somebody or something wants the run to stop.
    RunCancelRequested {
        /// The run.
        run: RunId,
        /// Why.
        reason: CancelReason,
    },
    /// The run is over.
    RunEnded {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// How.
        conclusion: Conclusion,
        /// Why it could not even start a job; absent otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<EndReason>,
    },
    /// Somebody wants the run again; what earlier attempts did is kept.
    RerunRequested {
        /// The run.
        run: RunId,
        /// The new attempt, from 2.
        attempt: u32,
        /// True: only the jobs that failed and those that depend on them.
        failed_only: bool,
    },
    /// A job stored files for later jobs and for people.
    ArtifactUploaded {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// Its name within the run.
        name: String,
        /// Its content.
        digest: ArtifactDigest,
        /// Its size.
        size_bytes: u64,
    },
    /// A job put an image or artifact into the registry.
    ArtifactPublished {
        /// The run.
        run: RunId,
        /// The run's attempt.
        attempt: u32,
        /// The job that did it.
        job: JobKey,
        /// The repository.
        repository: RepositoryName,
        /// Its name in the registry, below the repository's.
        name: String,
        /// Image or artifact.
        published: PublishedKind,
        /// Its content.
        digest: ArtifactDigest,
        /// The commit that it was built from.
        commit: CommitId,
    },
    /// A gate's condition holds for these trees.
    GatePassed {
        /// The repository.
        repository: RepositoryName,
        /// The gate's name.
        gate: String,
        /// The trees of the paths that it declares.
        key: GateKey,
        /// The run that passed it.
        run: RunId,
    },
    /// A gate's condition does not hold for these trees.
    GateFailed {
        /// The repository.
        repository: RepositoryName,
        /// The gate's name.
        gate: String,
        /// The trees of the paths that it declares.
        key: GateKey,
        /// The run that failed it.
        run: RunId,
    },
}

impl FactBody for PipelineFact {
    const DOMAIN: &'static str = "pipelines";
}

impl PipelineFact {
    /// The run that it is about.
    #[must_use]
    pub fn run(&self) -> RunId {
        match self {
            Self::RunCreated { run, .. }
            | Self::RunWaiting { run, .. }
            | Self::ConcurrencyGranted { run, .. }
            | Self::JobCreated { run, .. }
            | Self::JobWaiting { run, .. }
            | Self::JobQueued { run, .. }
            | Self::JobStarted { run, .. }
            | Self::JobInterrupted { run, .. }
            | Self::StepEnded { run, .. }
            | Self::JobEnded { run, .. }
            | Self::RunCancelRequested { run, .. }
            | Self::RunEnded { run, .. }
            | Self::RerunRequested { run, .. }
            | Self::ArtifactUploaded { run, .. }
            | Self::ArtifactPublished { run, .. }
            | Self::GatePassed { run, .. }
            | Self::GateFailed { run, .. } => *run,
        }
    }

    /// What it is about, for the draft.
    #[must_use]
    pub fn subject(&self) -> ledger::Subject {
        match self {
            Self::GatePassed { repository, .. } | Self::GateFailed { repository, .. } => {
                ledger::Subject::repository(repository)
            }
            Self::RunCreated { run, .. }
            | Self::RunWaiting { run, .. }
            | Self::ConcurrencyGranted { run, .. }
            | Self::JobCreated { run, .. }
            | Self::JobWaiting { run, .. }
            | Self::JobQueued { run, .. }
            | Self::JobStarted { run, .. }
            | Self::JobInterrupted { run, .. }
            | Self::StepEnded { run, .. }
            | Self::JobEnded { run, .. }
            | Self::RunCancelRequested { run, .. }
            | Self::RunEnded { run, .. }
            | Self::RerunRequested { run, .. }
            | Self::ArtifactUploaded { run, .. }
            | Self::ArtifactPublished { run, .. } => ledger::Subject::run(*run),
        }
    }
}

impl JobKey {
    /// The only job of an id, or the combination at `index` (from 0) of its matrix.
    #[must_use]
    pub fn new(job: &str, index: Option<usize>) -> Self {
        Self(index.map_or_else(|| job.to_owned(), |index| format!("{job}.{index}")))
    }

    /// The same of a workflow that the job `parent` calls.
    #[must_use]
    pub fn below(parent: Option<&Self>, job: &str, index: Option<usize>) -> Self {
        let own = Self::new(job, index);
        parent.map_or(own.clone(), |parent| Self(format!("{parent}.{own}")))
    }

    /// The id of the job in its workflow.
    #[must_use]
    pub fn job(&self) -> &str {
        let (_, id, _) = self.parts();
        id
    }

    /// The place in the matrix, from 0.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        let (_, _, index) = self.parts();
        index
    }

    /// The job that calls the workflow that this one is in.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (parent, _, _) = self.parts();
        parent.map(|parent| Self(parent.to_owned()))
    }

    /// The jobs that call one another down to this one, nearest first.
    pub fn callers(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(self.parent(), Self::parent)
    }

    fn parts(&self) -> (Option<&str>, &str, Option<usize>) {
        let (rest, index) = match self.0.rsplit_once('.') {
            Some((rest, last)) => match last.parse() {
                Ok(index) => (rest, Some(index)),
                Err(_) => (self.0.as_str(), None),
            },
            None => (self.0.as_str(), None),
        };
        match rest.rsplit_once('.') {
            Some((parent, id)) => (Some(parent), id, index),
            None => (None, rest, index),
        }
    }

    /// The text: `build`, `test.3`, `deploy.build`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Conclusion {
    /// GitHub's word: `success`, `failure`, `cancelled`, `skipped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl EventName {
    /// The name in `on:` and in `github.event_name`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::PullRequest => "pull_request",
            Self::WorkflowDispatch => "workflow_dispatch",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::WorkflowRun => "workflow_run",
            Self::Schedule => "schedule",
        }
    }
}

impl Annotation {
    /// GitHub's limit of one annotation's message.
    pub const MESSAGE_BYTES_MAX: usize = 4096;
    /// Annotations of one job that are kept; a step that remarks on every line has said enough.
    pub const PER_JOB_MAX: usize = 50;
}

impl PublishedKind {
    /// `image` or `artifact`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Artifact => "artifact",
        }
    }
}

impl AnnotationLevel {
    /// The workflow command's name: `notice`, `warning`, `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}
