//! The typed workflow: what a file in `.github/workflows` says once it was read and found right.
//!
//! Every text that may hold `${{ }}` is a [`Template`], every `if` a [`Condition`]; both were parsed
//! already, so a workflow in hand has no syntax error left. Names follow the field's documentation.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::action::Action;
use super::problem::Problem;
use super::schedule::{Cron, ZoneName};
use crate::expressions::{
    Amount, Condition, Contexts, EvaluationError, Flag, Position, Template, TemplateValue, Value,
};

/// Jobs of a file, and of one attempt of a run with those of called workflows and of matrices: a
/// matrix that calls a workflow with a matrix would be 65,536, all in one step of the run.
pub const JOBS_MAX: usize = 1_000;

/// One workflow file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// The file's path in its repository, for example `.github/workflows/ci.yaml`.
    pub path: String,
    /// `name`; a workflow without one is called by its path.
    pub name: Option<String>,
    /// `run-name`, evaluated when a run starts.
    pub run_name: Option<Template>,
    /// `on`.
    pub events: Events,
    /// `permissions`; absent: the server's default applies.
    pub permissions: Option<Permissions>,
    /// Where that is written.
    pub permissions_at: Option<Position>,
    /// `env` of the workflow.
    pub env: Variables,
    /// `defaults.run` of the workflow.
    pub defaults: RunDefaults,
    /// `concurrency` of the whole run.
    pub concurrency: Option<Concurrency>,
    /// `jobs`, in the order of the file. At least one; ids are unique without regard to case.
    pub jobs: Vec<Job>,
    /// What of it Boucle does not do, apart from what is in its jobs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsupported: Vec<Problem>,
}

impl Workflow {
    /// The name that people see.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.path)
    }

    /// The job with this id; GitHub compares ids without regard to case.
    #[must_use]
    pub fn job(&self, id: &str) -> Option<&Job> {
        self.jobs.iter().find(|job| job.id.eq_ignore_ascii_case(id))
    }

    /// What is valid and Boucle does not do, with what the workflows that it calls hold. A job with
    /// such a part ends as soon as it is due.
    #[must_use]
    pub fn all_unsupported(&self) -> Vec<&Problem> {
        let mut found: Vec<&Problem> = self.unsupported.iter().collect();
        let mut known: BTreeSet<&Problem> = found.iter().copied().collect();
        for job in &self.jobs {
            found.extend(&job.unsupported);
            known.extend(&job.unsupported);
            if let Some(called) = job.call.as_ref().and_then(|call| call.workflow.as_deref()) {
                for problem in called.jobs.iter().flat_map(|job| called.of_job(job)) {
                    if known.insert(problem) {
                        found.push(problem);
                    }
                }
            }
        }
        found
    }

    fn of_job<'a>(&'a self, job: &'a Job) -> Vec<&'a Problem> {
        let called = job.call.as_ref().and_then(|call| call.workflow.as_deref());
        let inner = called.into_iter().flat_map(|called| {
            called.jobs.iter().flat_map(|job| called.of_job(job)).collect::<Vec<_>>()
        });
        job.unsupported.iter().chain(inner).collect()
    }
}

/// `on`: what starts the workflow. An absent event never starts it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// `push`.
    pub push: Option<PushFilter>,
    /// `pull_request`.
    pub pull_request: Option<PullRequestFilter>,
    /// `workflow_dispatch`.
    pub workflow_dispatch: Option<Dispatch>,
    /// `workflow_call`: other workflows may call it.
    pub workflow_call: Option<CallDefinition>,
    /// `schedule`.
    pub schedule: Vec<Schedule>,
    /// `workflow_run`.
    pub workflow_run: Option<WorkflowRunFilter>,
    /// `create`: a branch or tag is new.
    pub create: bool,
    /// `delete`: a branch or tag is gone.
    pub delete: bool,
}

/// `workflow_call`: what a workflow takes from its callers and gives back to them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CallDefinition {
    /// `inputs`, in the order of the file.
    pub inputs: Vec<CallInput>,
    /// `secrets`, in the order of the file.
    pub secrets: Vec<CallSecret>,
    /// `outputs`: names, and texts that see the `jobs` context.
    pub outputs: Vec<(String, Template)>,
}

/// One input of `workflow_call`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallInput {
    /// The key.
    pub name: String,
    /// `required`.
    pub required: bool,
    /// `default`.
    pub default: Option<TemplateValue>,
    /// `type`.
    pub kind: CallInputKind,
}

/// What values an input of `workflow_call` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallInputKind {
    /// Any text.
    String,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
}

/// One secret of `workflow_call`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSecret {
    /// The key.
    pub name: String,
    /// `required`.
    pub required: bool,
}

/// One entry of `schedule`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// `cron`.
    pub cron: Cron,
    /// `timezone`; UTC when it is not written.
    pub zone: ZoneName,
}

/// Which runs of other workflows count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkflowRunFilter {
    /// `workflows`: names.
    pub workflows: Vec<String>,
    /// `types`; empty: `completed` and `requested`.
    pub types: Vec<String>,
    /// `branches` and `branches-ignore`, against the branch of the other run.
    pub branches: PatternFilter,
}

/// Which pushes count. All three filters empty: every push to a branch or tag.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PushFilter {
    /// `branches` and `branches-ignore`, against the name without `refs/heads/`.
    pub branches: PatternFilter,
    /// `tags` and `tags-ignore`, against the name without `refs/tags/`.
    pub tags: PatternFilter,
    /// `paths` and `paths-ignore`, against the changed paths; not asked for tags.
    pub paths: PatternFilter,
}

/// Which pull requests count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PullRequestFilter {
    /// `types`; empty: `opened`, `synchronize` and `reopened`.
    pub types: Vec<String>,
    /// `branches` and `branches-ignore`, against the base branch.
    pub branches: PatternFilter,
    /// `paths` and `paths-ignore`, against the paths that the pull request changes.
    pub paths: PatternFilter,
}

/// A filter of names by patterns, in the order of the file (later patterns override earlier ones).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternFilter {
    /// The plain key, for example `branches`; `None`: not written.
    pub only: Option<Vec<String>>,
    /// The `-ignore` key; `None`: not written. Never together with `only`.
    pub ignore: Option<Vec<String>>,
}

/// `workflow_dispatch`: started by a person or a program, with inputs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    /// `inputs` in the order of the file.
    pub inputs: Vec<DispatchInput>,
}

/// One input of `workflow_dispatch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DispatchInput {
    /// The key.
    pub name: String,
    /// `description`.
    pub description: Option<String>,
    /// `required`.
    pub required: bool,
    /// `default`, as text.
    pub default: Option<String>,
    /// `type` and what belongs to it.
    pub kind: DispatchInputKind,
}

/// What values an input takes. A value arrives as text and is checked against this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum DispatchInputKind {
    /// Any text (the default).
    String,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// One of `options`.
    Choice {
        /// The allowed values, in order.
        options: Vec<String>,
    },
    /// The name of an environment.
    Environment,
}

/// `permissions`: what the run's token may do. What is not named gets [`Access::None`] as soon as
/// the key is written at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Permissions {
    /// `read-all`.
    ReadAll,
    /// `write-all`.
    WriteAll,
    /// A mapping; names as written, for example `contents`, in the order of the file.
    Named {
        /// Scope and level.
        scopes: Vec<(String, Access)>,
    },
}

impl Permissions {
    /// Every scope that `read-all` and `write-all` mean in GitHub's normal form.
    pub const SCOPES: [&str; 13] = [
        "actions",
        "checks",
        "contents",
        "deployments",
        "discussions",
        "id-token",
        "issues",
        "packages",
        "pages",
        "pull-requests",
        "repository-projects",
        "security-events",
        "statuses",
    ];

    /// The level that one scope has.
    #[must_use]
    pub fn access(&self, scope: &str) -> Access {
        match self {
            Self::ReadAll => Access::Read,
            Self::WriteAll => Access::Write,
            Self::Named { scopes } => scopes
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(scope))
                .map_or(Access::None, |(_, access)| *access),
        }
    }
}

/// A level of access; a higher one includes the lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Nothing.
    None,
    /// Reading.
    Read,
    /// Writing, which includes reading.
    Write,
}

/// Names with texts (`env`, `with`, `outputs`), possibly computed as a whole by one expression.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Variables(pub Option<TemplateValue>);

impl Variables {
    /// Names and texts in order; empty when the key was not written.
    pub fn evaluate(
        &self,
        contexts: &Contexts<'_>,
    ) -> Result<Vec<(String, String)>, EvaluationError> {
        let Some(template) = &self.0 else { return Ok(Vec::new()) };
        match template.evaluate(contexts)? {
            Value::Object(object) => {
                Ok(object.iter().map(|(name, value)| (name.into(), value.to_text())).collect())
            }
            Value::Null
            | Value::Boolean(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => Err(EvaluationError::NotAMapping { at: template.position() }),
        }
    }

    /// The names that are written literally, in order, with their unevaluated values.
    pub fn literal_entries(&self) -> impl Iterator<Item = (&str, &TemplateValue)> {
        let entries = match &self.0 {
            Some(TemplateValue::Map { entries, .. }) => entries.as_slice(),
            Some(
                TemplateValue::Null { .. }
                | TemplateValue::Boolean { .. }
                | TemplateValue::Number { .. }
                | TemplateValue::Text(_)
                | TemplateValue::List { .. },
            )
            | None => &[],
        };
        entries.iter().filter_map(|(key, value)| Some((key.literal()?, value)))
    }
}

/// `defaults.run`, of a workflow or of a job; a job's win.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunDefaults {
    /// `shell`.
    pub shell: Option<Template>,
    /// `working-directory`.
    pub working_directory: Option<Template>,
}

/// `concurrency`: at most one run (or job) of a group at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Concurrency {
    /// The group's name; compared without regard to case.
    pub group: Template,
    /// `cancel-in-progress`: a newer one ends the running one.
    pub cancel_in_progress: Flag,
    /// `queue: max`: pending ones wait in order instead of replacing one another.
    pub keep_all_pending: bool,
}

/// One job. `${{ }}` of `outputs` is evaluated after its last step, the rest before its first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its key: letters, digits, `-` and `_`.
    pub id: String,
    /// Where it is written.
    pub at: Position,
    /// `name`; absent: the id, and the matrix values in parentheses.
    pub name: Option<Template>,
    /// `needs`: ids of jobs in this workflow, without cycles.
    pub needs: Vec<String>,
    /// `if`; absent: `success()`.
    pub condition: Condition,
    /// `runs-on`.
    pub runs_on: RunsOn,
    /// `permissions`; absent: the workflow's.
    pub permissions: Option<Permissions>,
    /// `environment`.
    pub environment: Option<EnvironmentReference>,
    /// `concurrency` of this job.
    pub concurrency: Option<Concurrency>,
    /// `outputs`.
    pub outputs: Variables,
    /// `env` of the job.
    pub env: Variables,
    /// `defaults.run` of the job.
    pub defaults: RunDefaults,
    /// `strategy`; absent: one job without a matrix.
    pub strategy: Strategy,
    /// `timeout-minutes`; absent: 360.
    pub timeout_minutes: Option<Amount>,
    /// `continue-on-error`: a failure does not fail the run.
    pub continue_on_error: Flag,
    /// `steps`; none when the job calls a workflow.
    pub steps: Vec<Step>,
    /// `uses` of a job: its jobs are those of another workflow.
    pub call: Option<Call>,
    /// What of it is valid and Boucle does not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsupported: Vec<Problem>,
}

/// A job that calls a workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// `uses`: `./.github/workflows/x.yaml`, or `owner/repository/path@ref`.
    pub uses: String,
    /// Where that is written.
    pub at: Position,
    /// `with`.
    pub with: Variables,
    /// `secrets`.
    pub secrets: CallSecrets,
    /// The called workflow, when it was read with its caller.
    #[serde(skip)]
    pub workflow: Option<Arc<Workflow>>,
}

/// The secrets that a called workflow gets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallSecrets {
    /// None: the key is not written.
    #[default]
    None,
    /// `inherit`: all of the caller's.
    Inherit,
    /// These, computed with the caller's.
    Named(Variables),
}

/// `runs-on`: the labels (and the group) that a runner must have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunsOn {
    /// One text, a list of texts, or an expression that gives either.
    pub labels: Option<TemplateValue>,
    /// `group`.
    pub group: Option<Template>,
}

/// `environment` of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentReference {
    /// Its name.
    pub name: Template,
    /// `url`, shown with the deployment; evaluated after the last step.
    pub url: Option<Template>,
}

/// `strategy` of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strategy {
    /// `matrix`; evaluate, then expand with [`crate::workflow::matrix::expand`].
    pub matrix: Option<TemplateValue>,
    /// `fail-fast`; absent: true.
    pub fail_fast: Flag,
    /// `max-parallel`; absent: as many as there are runners.
    pub max_parallel: Option<Amount>,
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id, unique in its job. One that begins with `__` was made up (`__run`, `__run_2`,
    /// `__actions_checkout`) and is not visible in `steps`.
    pub id: String,
    /// Where it is written.
    pub at: Position,
    /// `name`.
    pub name: Option<Template>,
    /// `if`; absent: `success()`.
    pub condition: Condition,
    /// `env` of the step.
    pub env: Variables,
    /// `continue-on-error`.
    pub continue_on_error: Flag,
    /// `timeout-minutes`; absent: the job's limit alone.
    pub timeout_minutes: Option<Amount>,
    /// What it does.
    pub action: StepAction,
}

impl StepAction {
    /// `with` of a step that uses an action.
    #[must_use]
    pub fn inputs(&self) -> Option<&Variables> {
        match self {
            Self::Run { .. } => None,
            Self::Uses { with, .. } => Some(with),
        }
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StepAction {
    /// `run`: a script.
    Run {
        /// The script's text.
        script: Template,
        /// `shell`; absent: the job's, then the workflow's default, then `bash`.
        shell: Option<Template>,
        /// `working-directory`, relative to the workspace.
        working_directory: Option<Template>,
    },
    /// `uses`: an action of the server, for example `actions/checkout@v4`.
    Uses {
        /// As written.
        action: String,
        /// `with`.
        with: Variables,
        /// The action, when it is one of the repository's own and was read with its workflow.
        #[serde(skip)]
        local: Option<Arc<Action>>,
    },
}
