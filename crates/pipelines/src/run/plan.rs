//! What the runner needs to run one job: decided once, when the job may start.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::RunId;
use serde::{Deserialize, Serialize};

use crate::expressions::{Object, Value};
use crate::facts::{Conclusion, JobKey, RunSource};
use crate::workflow::model::{Access, CallSecrets, Permissions, Workflow};

/// One job, ready to start.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPlan {
    /// The run.
    pub run: RunId,
    /// The run's attempt; logs are kept by it.
    pub attempt: u32,
    /// The job.
    pub key: JobKey,
    /// Its name as people see it.
    pub name: String,
    /// Where the run comes from.
    pub source: RunSource,
    /// The workflow that the job is in; the job is the one that `key` names.
    pub workflow: Arc<Workflow>,
    /// The `inputs` of that workflow.
    pub inputs: BTreeMap<String, serde_json::Value>,
    /// The calls down to that workflow, outermost first; none for the run's own.
    pub calls: Vec<CallScope>,
    /// Its combination of the matrix; null without one.
    pub matrix: Value,
    /// Its place in the matrix.
    pub strategy: StrategyPlace,
    /// The jobs that it needs, by id: result and outputs.
    pub needs: BTreeMap<String, NeedResult>,
    /// The environment that it deploys to.
    pub environment: Option<String>,
    /// What the job may do on the server.
    pub permissions: JobPermissions,
    /// How long it may run.
    pub timeout_minutes: u32,
    /// True when its failure does not fail the run.
    pub continue_on_error: bool,
    /// Which network it sees.
    pub network: JobNetwork,
    /// What the server is called.
    pub server: ServerContext,
}

/// What a job that calls a workflow hands its secrets on with.
#[derive(Debug, Clone, PartialEq)]
pub struct CallScope {
    /// Which ones.
    pub secrets: CallSecrets,
    /// What their expressions see besides the secrets of the caller.
    pub named: Object,
}

/// Which network a job sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobNetwork {
    /// A loopback interface of its own and nothing else.
    #[default]
    Isolated,
    /// The machine's network: `boucle: {network: host}` on the job.
    Host,
}

/// How a needed job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeedResult {
    /// How.
    pub result: Conclusion,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
}

/// A job's place in its matrix: the `strategy` context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrategyPlace {
    /// Whether a failure cancels the others.
    pub fail_fast: bool,
    /// Its place, from 0.
    pub index: u32,
    /// How many there are.
    pub total: u32,
    /// How many run at a time.
    pub max_parallel: u32,
}

/// Names of the server that workflows see.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServerContext {
    /// Its address for people and programs, without a slash at the end; empty without a server.
    pub url: String,
}

/// What a job may do on the server, by scope. What is absent is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct JobPermissions {
    scopes: BTreeMap<String, Access>,
}

/// Every scope that GitHub's language names.
pub const PERMISSION_SCOPES: [&str; 15] = [
    "actions",
    "artifact-metadata",
    "attestations",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "id-token",
    "issues",
    "models",
    "packages",
    "pages",
    "pull-requests",
    "security-events",
    "statuses",
];

impl JobPermissions {
    /// The job's `permissions`, else the workflow's, else reading of contents and packages. A run of
    /// code that nobody with write access has accepted never gets more than reading.
    #[must_use]
    pub fn decide(
        workflow: Option<&Permissions>,
        job: Option<&Permissions>,
        trusted: bool,
    ) -> Self {
        let asked = |scope: &str| match job.or(workflow) {
            Some(permissions) => permissions.access(scope),
            None if ["contents", "packages"].contains(&scope) => Access::Read,
            None => Access::None,
        };
        let cap = if trusted { Access::Write } else { Access::Read };
        let scopes = PERMISSION_SCOPES
            .iter()
            // A token of an identity is a secret whatever its level is called.
            .filter(|scope| trusted || **scope != "id-token")
            .map(|scope| ((*scope).to_owned(), asked(scope).min(cap)))
            .filter(|(_, access)| *access != Access::None)
            .collect();
        Self { scopes }
    }

    /// The same, but in no scope more than `limit`.
    #[must_use]
    pub fn within(self, limit: &Self) -> Self {
        let narrowed = self.scopes.into_iter().map(|(scope, access)| {
            let access = access.min(limit.access(&scope));
            (scope, access)
        });
        Self { scopes: narrowed.filter(|(_, access)| *access != Access::None).collect() }
    }

    /// The level of one scope.
    #[must_use]
    pub fn access(&self, scope: &str) -> Access {
        self.scopes.get(scope).copied().unwrap_or(Access::None)
    }

    /// Scopes with their level, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Access)> {
        self.scopes.iter().map(|(scope, access)| (scope.as_str(), *access))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(workflow: Option<&Permissions>, job: Option<&Permissions>, trusted: bool, want: &str) {
        let decided = JobPermissions::decide(workflow, job, trusted);
        let texts: Vec<_> = ["contents", "packages", "id-token"]
            .iter()
            .map(|scope| match decided.access(scope) {
                Access::None => "-",
                Access::Read => "r",
                Access::Write => "w",
            })
            .collect();
        assert_eq!(texts.concat(), want);
    }

    #[test]
    fn the_nearest_permissions_hold_and_unmerged_code_reads() {
        let named = Permissions::Named { scopes: vec![("packages".into(), Access::Write)] };
        check(None, None, true, "rr-");
        check(None, None, false, "rr-");
        check(Some(&Permissions::WriteAll), None, true, "www");
        check(Some(&Permissions::WriteAll), None, false, "rr-");
        check(Some(&Permissions::ReadAll), Some(&named), true, "-w-");
        check(Some(&Permissions::ReadAll), Some(&named), false, "-r-");
        check(Some(&Permissions::ReadAll), None, false, "rr-");
    }
}
