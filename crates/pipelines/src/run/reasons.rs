//! Why a job waits, ended as it did, or was cancelled: values with a stable code and a sentence.

use std::fmt;

use ledger::RunId;
use serde::{Deserialize, Serialize};

use crate::facts::{Conclusion, JobKey};

/// What a run or a job waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum WaitReason {
    /// Jobs that it needs have not ended.
    Needs {
        /// The ids of those jobs.
        jobs: Vec<String>,
    },
    /// Another run or job holds its concurrency group.
    ConcurrencyGroup {
        /// The group's name as it was written.
        group: String,
        /// The run that holds it.
        holder: RunId,
        /// The job that holds it; absent when the whole run does.
        holder_job: Option<JobKey>,
    },
    /// Its matrix runs as many jobs as `max-parallel` allows.
    MaxParallel {
        /// The limit.
        limit: u32,
    },
    /// It is given to the runner, which has not started it.
    Runner,
}

/// Why a job (or a run without jobs) ended as it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum EndReason {
    /// The implicit `success()`: an ancestor did not succeed.
    NeedsNotSucceeded {
        /// Every ancestor that did not succeed, nearest first.
        ancestors: Vec<AncestorResult>,
    },
    /// Its own `if` was false.
    ConditionFalse {
        /// The condition as it was written.
        condition: String,
    },
    /// A step failed.
    StepFailed {
        /// The step's place in the job, from 0.
        step: u32,
        /// The step's name.
        name: String,
        /// What happened: an exit code, a refusal.
        detail: String,
    },
    /// Somebody or something cancelled it.
    Cancelled {
        /// Why.
        reason: CancelReason,
    },
    /// It ran longer than `timeout-minutes`.
    TimedOut {
        /// The limit.
        minutes: u32,
    },
    /// Another job of its matrix failed and `fail-fast` is on.
    FailFast {
        /// The job that failed.
        failed: JobKey,
    },
    /// The server stopped twice while it ran.
    Interrupted,
    /// An expression of the workflow could not be evaluated.
    InvalidExpression {
        /// The key in the workflow: `jobs.build.if`.
        key: String,
        /// What is wrong.
        message: String,
    },
    /// The workflow gives a job that cannot be run: an empty matrix, too many combinations.
    InvalidJob {
        /// What is wrong.
        message: String,
    },
    /// Jobs of the workflow that it calls did not succeed.
    CalledJobs {
        /// Those jobs, by the ids of their own workflow.
        jobs: Vec<AncestorResult>,
    },
    /// The workflow is valid, and something in this job is not done by Boucle.
    NotSupported {
        /// Each such part: its place, what it is and what to do instead.
        parts: Vec<String>,
    },
    /// The runner could not run it: no room, no sandbox, a source that is not there.
    RunnerProblem {
        /// What is wrong.
        message: String,
    },
}

/// How a job that another one depends on ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AncestorResult {
    /// Its id.
    pub job: String,
    /// How it ended.
    pub result: Conclusion,
}

/// Why a run or a job is cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum CancelReason {
    /// An account asked for it.
    Requested {
        /// The account.
        by: String,
    },
    /// A newer run of the same concurrency group took its place.
    Superseded {
        /// The group's name as it was written.
        group: String,
        /// The newer run.
        by: RunId,
    },
    /// The commit is no longer what its ref or pull request points to.
    Outdated,
}

impl WaitReason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Needs { .. } => "needs",
            Self::ConcurrencyGroup { .. } => "concurrency-group",
            Self::MaxParallel { .. } => "max-parallel",
            Self::Runner => "runner",
        }
    }
}

impl EndReason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NeedsNotSucceeded { .. } => "needs-not-succeeded",
            Self::ConditionFalse { .. } => "condition-false",
            Self::StepFailed { .. } => "step-failed",
            Self::Cancelled { .. } => "cancelled",
            Self::TimedOut { .. } => "timed-out",
            Self::FailFast { .. } => "fail-fast",
            Self::Interrupted => "interrupted",
            Self::InvalidExpression { .. } => "invalid-expression",
            Self::InvalidJob { .. } => "invalid-job",
            Self::CalledJobs { .. } => "called-jobs",
            Self::NotSupported { .. } => "not-supported",
            Self::RunnerProblem { .. } => "runner-problem",
        }
    }
}

impl CancelReason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Requested { .. } => "requested",
            Self::Superseded { .. } => "superseded",
            Self::Outdated => "outdated",
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Needs { jobs } => {
                write!(f, "waits until {} ended; it needs them", jobs.join(", "))
            }
            Self::ConcurrencyGroup { group, holder, holder_job: None } => write!(
                f,
                "waits for the concurrency group `{group}`, which run {holder} holds; it starts \
                 when that run ends, or cancel that run"
            ),
            Self::ConcurrencyGroup { group, holder, holder_job: Some(job) } => write!(
                f,
                "waits for the concurrency group `{group}`, which job {job} of run {holder} holds; \
                 it starts when that job ends, or cancel that run"
            ),
            Self::MaxParallel { limit } => write!(
                f,
                "waits because its matrix runs {limit} at a time (`max-parallel`); it starts when \
                 one of them ends"
            ),
            Self::Runner => f.write_str("is queued; the runner starts it when it has a free place"),
        }
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsNotSucceeded { ancestors } => {
                f.write_str("skipped because it runs only after success, and ")?;
                for (place, ancestor) in ancestors.iter().enumerate() {
                    let separator = if place == 0 { "" } else { ", " };
                    write!(f, "{separator}{} ended as {}", ancestor.job, ancestor.result)?;
                }
                f.write_str("; add `if: always()` or another status function to run it anyway")
            }
            Self::ConditionFalse { condition } => {
                write!(f, "skipped because its condition `{condition}` is false")
            }
            Self::StepFailed { step, name, detail } => {
                write!(f, "step {} ({name}) failed: {detail}", step + 1)
            }
            Self::Cancelled { reason } => write!(f, "{reason}"),
            Self::TimedOut { minutes } => write!(
                f,
                "stopped after {minutes} minutes; raise `timeout-minutes` if it needs longer"
            ),
            Self::FailFast { failed } => write!(
                f,
                "cancelled because {failed} of the same matrix failed; `fail-fast: false` lets the \
                 others go on"
            ),
            Self::Interrupted => f.write_str(
                "the server stopped twice while it ran; re-run it when the server is stable",
            ),
            Self::InvalidExpression { key, message } => {
                write!(f, "`{key}` could not be evaluated: {message}")
            }
            Self::InvalidJob { message } => write!(f, "cannot be run: {message}"),
            Self::CalledJobs { jobs } => {
                let ended = jobs.iter().map(|one| format!("{} ended as {}", one.job, one.result));
                let ended: Vec<_> = ended.collect();
                write!(f, "of the workflow that it calls {}", ended.join(", "))
            }
            Self::NotSupported { parts } => {
                write!(f, "did not run, for Boucle does not do all of it: {}", parts.join("; "))
            }
            Self::RunnerProblem { message } => write!(f, "the runner could not run it: {message}"),
        }
    }
}

impl fmt::Display for CancelReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested { by } => write!(f, "cancelled by {by}"),
            Self::Superseded { group, by } => {
                write!(f, "cancelled because run {by} of the concurrency group `{group}` is newer")
            }
            Self::Outdated => f.write_str("cancelled because its commit was replaced"),
        }
    }
}
