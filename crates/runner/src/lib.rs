//! Runs the jobs of a pipeline in sandboxes and keeps their logs.
//!
//! Reading order: [`request`] (what a job gets and what it reports), [`Runner`], `job` (one job from
//! start to end), `workspace` (folders, overlays), `agent` (the shell inside the sandbox), `actions`
//! (the native ones), [`logs`], [`masks`], [`local`] (the same without a server).
//!
//! A job gets nothing of the server: no environment, no credentials, no network unless it asks. What
//! it runs next is decided by [`pipelines::run::job`]; this crate only does it.

pub mod logs;
pub mod request;
mod runner;

pub use request::{
    JobEvent, JobRequest, PublishRequest, Published, RunningJob, Services, Sources, Uploaded,
};
pub use runner::{Runner, RunnerConfig, RunnerLimits, RunnerProtections};
