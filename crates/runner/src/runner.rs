//! The runner: its places, what it found on the machine, and which protections hold.

use std::path::PathBuf;
use std::sync::Arc;

use ledger::TreeId;
use sandbox::{Launcher, Protections};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::logs::LogStore;
use crate::request::{JobRequest, RunningJob, Services, Sources};

/// How a runner works.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// Its folder: workspaces, cached trees, logs.
    pub data: PathBuf,
    /// How sandboxes are started.
    pub launcher: Launcher,
    /// Folders of tools that jobs may read besides the ones that the runner finds itself.
    pub tools: Vec<PathBuf>,
    /// What a job may use up.
    pub limits: RunnerLimits,
    /// The runner's name in `runner.name`.
    pub name: String,
}

/// What jobs may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnerLimits {
    /// Jobs at a time; more wait in the order in which they came.
    pub jobs: usize,
    /// Memory of one job.
    pub memory_bytes: u64,
    /// Processes and threads of one job.
    pub processes: u64,
    /// Log of one step; what is beyond is dropped with a marker.
    pub step_log_bytes: u64,
}

/// What holds for the jobs of this runner, to be printed when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerProtections {
    /// What the sandbox enforces.
    pub sandbox: Protections,
    /// The tool folders that jobs can read, read-only.
    pub tools: Vec<PathBuf>,
    /// How workspaces are made: `overlay`, or `copy` and why.
    pub workspace: String,
}
