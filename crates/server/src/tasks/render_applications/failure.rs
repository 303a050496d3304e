//! Why an application was not rendered, and when it is worth another look.

use deployments::ChartProblem;
use ledger::{CommitId, RepositoryName, Timestamp};

use crate::state::Server;
use crate::tasks::Next;

/// A chart that this server's registry does not have is looked for again so much later.
const LOOK_AGAIN_MS: i64 = 30_000;

/// Why an application was not rendered.
pub(super) struct Failure {
    pub(super) problem: String,
    pub(super) chart: Option<ChartProblem>,
}

impl From<String> for Failure {
    fn from(problem: String) -> Self {
        Self { problem, chart: None }
    }
}

impl From<render::RenderError> for Failure {
    fn from(error: render::RenderError) -> Self {
        Self { problem: error.to_string(), chart: error.chart.map(|chart| *chart) }
    }
}

impl Failure {
    /// Whether it is the one that is on record. Of a host that does not answer that is enough: why
    /// changes with each try, and is told to whoever asks.
    pub(super) fn is_known(
        &self,
        known: Option<&(CommitId, String)>,
        chart: Option<&ChartProblem>,
        commit: &CommitId,
    ) -> bool {
        let Some((of, problem)) = known else { return false };
        let waits = |one: &ChartProblem| matches!(one, ChartProblem::Unavailable { .. });
        let waits_too =
            self.chart.as_ref().zip(chart).is_some_and(|(new, known)| {
                waits(new) && waits(known) && new.chart() == known.chart()
            });
        of == commit && (*problem == self.problem || waits_too)
    }
}

/// When a chart that is not there is looked for again.
pub(super) fn next_look(server: &Server, home: &RepositoryName, problem: &ChartProblem) -> Next {
    match (problem, server.charts.failure(home, problem)) {
        (_, Some((_, until))) => Next::At(until),
        // It wakes this task when it has come, as a fact about a secret does.
        (ChartProblem::Fetching { .. } | ChartProblem::Credential { .. }, None) => Next::OnChange,
        (
            ChartProblem::HostNotNamed { .. }
            | ChartProblem::Unavailable { .. }
            | ChartProblem::Refused { .. }
            | ChartProblem::Changed { .. }
            | ChartProblem::CredentialUndeclared { .. },
            None,
        ) => Next::At(Timestamp(server.clock.now().0.saturating_add(LOOK_AGAIN_MS))),
    }
}

/// Whether a chart may be there later without another commit.
pub(super) fn may_come(problem: &ChartProblem) -> bool {
    match problem {
        ChartProblem::Fetching { .. }
        | ChartProblem::Unavailable { .. }
        | ChartProblem::Refused { .. }
        | ChartProblem::Changed { .. }
        | ChartProblem::CredentialUndeclared { .. }
        | ChartProblem::Credential { .. } => true,
        ChartProblem::HostNotNamed { .. } => false,
    }
}
