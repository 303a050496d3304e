//! Every sentence that the command line says by itself, in each language.
//!
//! A sentence that is missing in a language does not compile. What the server says (reasons, titles)
//! is passed on as it is; JSON is never translated.

mod english;
mod french;

pub use english::English;
pub use french::French;

use api::runs::AnnotationLevel;

use crate::commands::cluster_add::KubeconfigProblem;

/// The head of a table's column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    Actor,
    Address,
    Application,
    Artifact,
    At,
    Author,
    Clone,
    Code,
    Commit,
    DefaultBranch,
    Environment,
    Event,
    Expires,
    Generation,
    Health,
    Id,
    Kind,
    Message,
    Name,
    Namespace,
    Number,
    Opened,
    Outcome,
    Ready,
    Reason,
    Rendered,
    Repository,
    Revision,
    Role,
    Run,
    For,
    Secret,
    Sequence,
    State,
    Subject,
    Sync,
    Title,
    Topic,
    Verdict,
    Version,
    WaitsFor,
    What,
    When,
    Who,
    Workflow,
}

impl Column {
    /// Whether its cells are states, which have words of their own in each language.
    #[must_use]
    pub fn holds_states(self) -> bool {
        [
            Column::Health,
            Column::Outcome,
            Column::Role,
            Column::State,
            Column::Sync,
            Column::Verdict,
        ]
        .contains(&self)
    }
}

/// The sentences of one language.
pub trait Words: Sync {
    fn column(&self, column: Column) -> &'static str;
    /// A state's word as the server has it, `out_of_sync`, for people.
    fn state<'a>(&self, state: &'a str) -> &'a str;
    fn yes(&self, yes: bool) -> &'static str;
    fn none(&self) -> &'static str;
    fn none_yet(&self) -> &'static str;

    fn error(&self, text: &str) -> String;
    /// A problem of the server, with its code.
    fn problem(&self, code: &str, detail: &str) -> String;
    fn caused_by(&self, cause: &str) -> String;
    fn next(&self, command: &str) -> String;
    fn unreachable(&self, url: &str) -> String;
    fn no_server(&self, folder: &str) -> String;
    fn needs_terminal(&self) -> &'static str;
    fn unknown_code(&self, code: &str) -> String;
    fn unknown_topic(&self, topic: &str) -> String;
    fn log_name_wrong(&self) -> &'static str;
    fn asking(&self) -> &'static str;

    fn status(&self, version: &str, url: &str) -> String;
    fn counts(&self, runs: u64, incidents: u64, facts: u64) -> String;
    fn watch_keys(&self) -> &'static str;
    fn waiting(&self, application: &str, health: &str, sync: &str) -> String;
    fn application_is(&self, application: &str, health: &str) -> String;
    fn still(&self, application: &str, health: &str, sync: &str, seconds: u64) -> String;
    fn no_difference(&self) -> &'static str;
    fn reverts(&self, revert: &str, reverted: &str) -> String;
    fn would_revert(&self, commit: &str, subject: &str) -> String;

    fn repository_made(&self, name: &str) -> String;
    fn promoted(&self, artifact: &str, environment: &str) -> String;
    fn promotion_proposed(&self, artifact: &str, environment: &str, number: u64) -> String;
    fn valid_until(&self, time: &str) -> String;
    fn revoked(&self) -> &'static str;
    fn removed(&self) -> &'static str;
    fn ask_secret(&self) -> &'static str;
    /// What gets a secret that is bound to no address.
    fn secret_use(&self, decrypts: bool) -> &'static str;
    fn secret_set(&self, name: &str, of_jobs: bool) -> String;
    fn missing_secret(&self, name: &str) -> String;
    /// A receiver took a test.
    fn told(&self, route: &str) -> String;
    fn annotation(&self, level: AnnotationLevel, job: &str, text: &str) -> String;
    fn stored(&self, name: &str, bytes: u64) -> String;
    fn downloaded(&self, file: &str, bytes: u64) -> String;
    fn deletions_confirmed(&self, application: &str) -> String;
    fn synchronisation_asked(&self, application: &str) -> String;
    fn synchronisation_ended(&self, application: &str) -> String;
    fn action_done(&self, action: &str, object: &str) -> String;
    fn views_rebuilt(&self, facts: u64, identical: bool) -> String;
    fn opened(&self, url: &str) -> String;
    fn pages_written(&self, count: usize, folder: &str) -> String;

    fn verified(&self, facts: u64, origin: &str) -> String;
    fn not_verified(&self, problem: &str) -> String;
    fn own_key(&self) -> &'static str;

    /// Labels of a description: `revision`, `image` and so on, all of one width.
    fn application_labels(&self) -> ApplicationLabels;
    fn incident_labels(&self) -> IncidentLabels;
    fn incident(&self, id: u64, state: &str, title: &str) -> String;
    fn in_since(&self, environment: &str, time: &str) -> String;
    fn brought_by(&self, pull_request: u64, author: Option<&str>) -> String;

    fn patch_set(&self, number: u64, time: &str, author: &str) -> String;
    fn check(&self, name: &str, state: &str, required: bool, summary: &str) -> String;
    fn review(&self, verdict: &str, reviewer: &str, current: bool) -> String;
    fn reviewed(&self, verdict: &str, patch_set: u64, reviewer: &str) -> String;
    fn merged_as(&self, commit: &str) -> String;
    /// The application that a set makes of a pull request.
    fn preview(&self, application: &str) -> String;
    fn ready_to_merge(&self) -> &'static str;
    fn not_ready(&self) -> &'static str;
    fn restarts(&self, what: &str) -> String;
    fn deletes(&self, what: &str) -> String;
    /// What would change on the cluster; empty: nothing.
    fn live_change(&self, unified: &str) -> String;
    fn note(&self, what: &str) -> String;
    fn checked_out(&self, branch: &str, patch_set: u64) -> String;

    fn run(&self, id: u64, name: &str, event: &str, commit: &str, state: &str) -> String;
    fn job_changed(&self, job: &str, state: &str) -> String;
    fn workflows_fine(&self, count: usize) -> String;
    fn name_one_of(&self, workflows: &str) -> String;
    fn no_job(&self, workflow: &str, job: &str) -> String;
    fn no_workflows(&self, folder: &str) -> String;
    /// `workflow` is `None` when any would do.
    fn no_workflow(&self, workflow: Option<&str>, folder: &str) -> String;
    fn data_in_use(&self, folder: &str, process: Option<u32>) -> String;

    /// An object of another tool, and what it becomes.
    fn migration(&self, from: &str, name: &str, objects: usize) -> String;
    /// How many were found, and how many of them are not ready.
    fn migrations(&self, found: usize, with_problems: usize) -> String;
    /// How many files were written.
    fn migration_written(&self, count: usize, folder: &str) -> String;
    /// A cluster was declared.
    fn cluster_added(&self, name: &str, secret: &str, file: &str) -> String;
    /// Charts were declared.
    fn charts_added(&self, url: &str, secret: &str, file: &str) -> String;
    /// Why it cannot be.
    fn kubeconfig_problem(&self, problem: &KubeconfigProblem) -> String;
    fn demo_waits(&self) -> &'static str;
    fn demo_absent(&self) -> &'static str;
    fn demo_run_failed(&self, run: u64) -> String;
    fn demo_merged(&self) -> &'static str;
    fn demo_pull_request_merged(&self, number: u64) -> String;
    fn demo_left_to_people(&self) -> &'static str;
    fn demo_late(&self, seconds: u64) -> String;
    fn demo_check_failed(&self, check: &str, summary: &str, run: u64) -> String;
    fn stage<'a>(&self, stage: &'a str) -> &'a str;
    fn story(&self, seconds: f64) -> String;
    fn story_labels(&self) -> [&'static str; 5];
}

/// What is told of an application.
pub struct ApplicationLabels {
    pub revision: &'static str,
    pub generation: &'static str,
    pub image: &'static str,
    pub address: &'static str,
    pub waits_for: &'static str,
}

/// What is told of an incident.
pub struct IncidentLabels {
    pub found: &'static str,
    pub suspect: &'static str,
    pub brought: &'static str,
    pub evidence: &'static str,
    pub reverted_by: &'static str,
    pub next: &'static str,
}
