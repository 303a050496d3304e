//! Runs the jobs of a pipeline in sandboxes and keeps their logs.
//!
//! Reading order: [`request`] (what a job gets and what it reports), [`Runner`], `job` (one job from
//! start to end), `layout` and `trees` (its folders), `agent` (the shell inside the sandbox),
//! `actions` (the native ones), [`logs`], [`masks`] and [`output`] (what a job prints).
//!
//! A job gets nothing of the server: no environment, no credentials, no network unless it asks. What
//! it runs next is decided by [`pipelines::run::job`]; this crate only does it.

mod actions;
mod agent;
mod archive;
mod glob;
mod job;
mod layout;
pub mod local;
pub mod logs;
pub mod masks;
pub mod output;
pub mod request;
mod runner;
mod tools;
mod trees;

pub use logs::{LogChunk, LogFollower, LogKey, LogStore};
pub use request::{
    JobEvent, JobRequest, PublishRequest, Published, RunningJob, Services, Sources, Uploaded,
};
pub use runner::{Runner, RunnerConfig, RunnerLimits, RunnerProtections};
