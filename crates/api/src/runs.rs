//! Runs of workflows, their jobs, steps and logs.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Reason;

/// A run of a workflow.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Run {
    /// Its number on the server.
    pub id: u64,
    /// `owner/name`.
    pub repository: String,
    /// The workflow's path.
    pub workflow: String,
    /// The workflow's name.
    pub name: String,
    /// `push`, `pull_request` or `workflow_dispatch`.
    pub event: String,
    /// The ref that raised the event.
    pub reference: String,
    /// The commit it runs on.
    pub commit: String,
    /// The pull request, if that raised it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<u64>,
    /// `queued`, `running` or `completed`.
    pub state: String,
    /// `success`, `failure`, `cancelled` or `skipped` once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
    /// The attempt, from 1.
    pub attempt: u64,
    /// When it was created.
    pub created_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Its jobs.
    pub jobs: Vec<Job>,
}

/// A job of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// The job's key: its id, with the matrix index where there is one.
    pub key: String,
    /// The name that is shown.
    pub name: String,
    /// `waiting`, `queued`, `running` or `completed`.
    pub state: String,
    /// `success`, `failure`, `cancelled` or `skipped` once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
    /// The attempt, from 1.
    pub attempt: u64,
    /// The ids of the jobs that it needs; of a matrix, all of its jobs.
    pub needs: Vec<String>,
    /// Why it was skipped or waits.
    pub reasons: Vec<Reason>,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// A step of a job.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Step {
    /// Its place in the job, from 0.
    pub index: u64,
    /// The name that is shown.
    pub name: String,
    /// `success`, `failure`, `cancelled` or `skipped` once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
}

/// A part of a job's log.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LogChunk {
    /// The text, secrets masked.
    pub text: String,
    /// Where the next chunk begins.
    pub next_offset: u64,
    /// True when nothing will be added any more.
    pub complete: bool,
}

/// A request to run again.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rerun {
    /// Only the jobs that failed and what depends on them.
    #[serde(default)]
    pub failed_only: bool,
}

/// A request to start a workflow by hand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    /// The workflow's file name or path.
    pub workflow: String,
    /// The branch or tag; the default branch when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The inputs by name.
    #[serde(default)]
    pub inputs: std::collections::BTreeMap<String, String>,
}

/// What a run left behind for people, of one attempt.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunResults {
    /// Every attempt of the run, oldest first.
    pub attempts: Vec<RunAttempt>,
    /// What steps remarked, the gravest of each job first.
    pub annotations: Vec<Annotation>,
    /// What steps wrote for people, a text of Markdown for each job that did.
    pub summaries: Vec<JobSummary>,
    /// Files that jobs stored, by name; of all attempts, the newest of each name.
    pub artifacts: Vec<RunArtifact>,
    /// Images and artifacts that the run published, in the order of their digests.
    pub published: Vec<RunPublished>,
}

/// One attempt of a run.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunAttempt {
    /// From 1.
    pub attempt: u64,
    /// `success`, `failure`, `cancelled` or `skipped` once completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<String>,
    /// When it was asked for.
    pub created_at: String,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

/// A remark of a step, on a place in a file or on the job as a whole. Its texts are the job's own:
/// plain text, never markup.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Annotation {
    /// The run that made it.
    pub run: u64,
    /// The key of the job.
    pub job: String,
    /// How grave it is.
    pub level: AnnotationLevel,
    /// What it says.
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

/// How grave a remark is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnnotationLevel {
    /// Worth knowing.
    Notice,
    /// Worth a look.
    Warning,
    /// Something is wrong.
    Error,
}

/// What a job's steps wrote into `GITHUB_STEP_SUMMARY`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct JobSummary {
    /// The job's key.
    pub job: String,
    /// Markdown, secrets masked.
    pub markdown: String,
}

/// Files that a job stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunArtifact {
    /// The name that the workflow gave.
    pub name: String,
    /// Their content.
    pub digest: String,
    /// Their size before they were compressed.
    pub size_bytes: u64,
    /// The attempt that stored them.
    pub attempt: u64,
}

/// An image or artifact in the registry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RunPublished {
    /// Its name below the repository's.
    pub name: String,
    /// `image` or `artifact`.
    pub kind: String,
    /// Its digest.
    pub digest: String,
    /// The key of the job that published it.
    pub job: String,
}
