//! The steps of one job: a pure state machine that says what to do next and takes what came of it.
//!
//! [`JobMachine::next`] gives effect after effect until [`StepEffect::Finish`]. A step that was run is
//! answered by [`JobMachine::ended`], a hash by [`JobMachine::hashed`], before the next call. A
//! cancellation comes in between by [`JobMachine::cancel`]; steps whose condition asks for it still
//! run after one.

mod composite;
mod environment;
mod machine;
mod program;

use std::collections::BTreeMap;

use crate::facts::{Annotation, Conclusion};
use crate::run::actions::NativeAction;
use crate::run::files::{CommandFilePaths, CommandFiles};
use crate::run::reasons::EndReason;
use crate::run::shell::Shell;

pub use machine::JobMachine;
pub(crate) use machine::whole_minutes;

/// What the runner tells the machine about the place that the job runs in.
#[derive(Debug, Clone, PartialEq)]
pub struct JobContexts {
    /// The `secrets` context; must be empty when the run is not trusted.
    pub secrets: BTreeMap<String, String>,
    /// The `vars` context.
    pub variables: BTreeMap<String, String>,
    /// The runner's name.
    pub runner_name: String,
    /// `X64` or `ARM64`, as GitHub names them.
    pub architecture: String,
    /// The workspace, as steps see it.
    pub workspace: String,
    /// `RUNNER_TEMP`, as steps see it.
    pub temporary: String,
    /// `RUNNER_TOOL_CACHE`, as steps see it.
    pub tool_cache: String,
    /// `HOME`, as steps see it.
    pub home: String,
    /// The folder of the steps' command files, as steps see it.
    pub command_files: String,
    /// The file of `github.event`, as steps see it.
    pub event_path: String,
    /// `PATH` before any `GITHUB_PATH`.
    pub path: String,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq)]
pub struct StepResult {
    /// How it ended.
    pub exit: StepExit,
    /// What it wrote into its files.
    pub files: CommandFiles,
    /// The outputs of a native action.
    pub outputs: BTreeMap<String, String>,
    /// What it remarked.
    pub annotations: Vec<Annotation>,
    /// The values that it declared secret.
    pub masks: Vec<String>,
}

/// How a step ended, before anything is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepExit {
    /// The script's exit code, or 0 for a native action that did what it should.
    Code(i32),
    /// It was killed by a signal.
    Signal(i32),
    /// It used more memory than the job may.
    OutOfMemory,
    /// It ran longer than its own `timeout-minutes`.
    TimedOut,
    /// The job was cancelled while it ran.
    Cancelled,
    /// It failed for a reason that can be said.
    Failed(String),
}

/// What the runner is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum StepEffect {
    /// Run a script.
    RunScript(ScriptStep),
    /// Do a native action.
    RunAction(ActionStep),
    /// A composite action begins; its steps come next.
    Enter {
        /// Its place, from 0.
        step: u32,
        /// Its name.
        name: String,
        /// Whether it is itself a step of another one.
        nested: bool,
    },
    /// A composite action is over.
    Leave {
        /// Its place, from 0.
        step: u32,
        /// Its name.
        name: String,
        /// How it counts.
        count: StepCount,
        /// Whether it is itself a step of another one.
        nested: bool,
    },
    /// A step does not run; note it and go on.
    Skip {
        /// Its place, from 0.
        step: u32,
        /// Its name.
        name: String,
        /// Whether it is a step of a composite action, and no step of the job.
        nested: bool,
        /// Why, in a sentence.
        reason: String,
    },
    /// A step failed before anything ran; note it and go on.
    Reject {
        /// Its place, from 0.
        step: u32,
        /// Its name.
        name: String,
        /// Whether it is a step of a composite action.
        nested: bool,
        /// How it counts.
        count: StepCount,
        /// Why.
        detail: String,
    },
    /// `hashFiles` was called: hash the workspace's files that match, answer with
    /// [`JobMachine::hashed`].
    HashFiles {
        /// The patterns.
        patterns: Vec<String>,
    },
    /// The job is over.
    Finish(JobEnd),
}

/// A `run` step.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptStep {
    /// Its place, from 0.
    pub step: u32,
    /// Its name as people see it.
    pub name: String,
    /// Whether it is a step of a composite action; `step` is then the place of the action.
    pub nested: bool,
    /// The script, with every expression computed.
    pub script: String,
    /// How it is started.
    pub shell: Shell,
    /// Where, as the step sees it; absolute.
    pub working_directory: String,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Its files, as the step sees them.
    pub files: CommandFilePaths,
    /// Its own limit.
    pub timeout_minutes: Option<u32>,
}

/// A step that uses a native action.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionStep {
    /// Its place, from 0.
    pub step: u32,
    /// Its name as people see it.
    pub name: String,
    /// Whether it is a step of a composite action; `step` is then the place of the action.
    pub nested: bool,
    /// The action.
    pub action: NativeAction,
    /// Its inputs, checked by name, in lower case.
    pub inputs: BTreeMap<String, String>,
    /// Its own limit.
    pub timeout_minutes: Option<u32>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub struct JobEnd {
    /// How.
    pub conclusion: Conclusion,
    /// Why, when it is not a plain success.
    pub reason: Option<EndReason>,
    /// Its outputs, without those that hold a secret.
    pub outputs: BTreeMap<String, String>,
    /// What its steps remarked.
    pub annotations: Vec<Annotation>,
}

/// How a step that ended counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepCount {
    /// After `continue-on-error`.
    pub conclusion: Conclusion,
    /// Before it.
    pub outcome: Conclusion,
}
