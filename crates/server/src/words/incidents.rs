//! What is said of an incident.

use std::fmt::{self, Display};

use ledger::ApplicationName;
use monitoring::view::Evidence;
use monitoring::{Case, EvidenceContent};

use super::{Said, count, say};

/// The title of an incident: what is sick, and the worst that was found.
pub struct Title<'a> {
    /// What is sick.
    pub application: &'a ApplicationName,
    /// The worst case.
    pub worst: Option<&'a Case>,
}

/// What a person should do about an incident.
pub enum Step<'a> {
    /// The change was taken back.
    Correct,
    /// What the application wrote.
    Logs(&'a ApplicationName),
    /// The way back.
    RollBack(&'a ApplicationName),
}

/// The cases in the language of the request.
pub fn cases(cases: &[Case]) -> Vec<String> {
    cases.iter().map(say).collect()
}

/// What saved evidence holds, in the language of the request; the text of its fact where that has no
/// values.
pub fn evidence(evidence: &Evidence) -> Vec<String> {
    if evidence.contents.is_empty() {
        return evidence.summary.clone();
    }
    evidence.contents.iter().map(say).collect()
}

impl Said for EvidenceContent {
    fn french(&self) -> String {
        let number = |number: usize, one, many| count(number as u64, one, many);
        match self {
            Self::Workload { workload, log_lines, probe_answers, events } => format!(
                "{workload} : {}, {}, {}",
                number(*log_lines, "ligne de journal", "lignes de journal"),
                number(*probe_answers, "réponse de sonde", "réponses de sonde"),
                number(*events, "événement", "événements")
            ),
            Self::Metrics { series, minutes } => {
                format!("{} de métriques sur {minutes} min", number(*series, "série", "séries"))
            }
        }
    }
}

impl Display for Title<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worst = self.worst.map(ToString::to_string).unwrap_or_default();
        write!(f, "{} is sick: {worst}", self.application)
    }
}

impl Said for Title<'_> {
    fn french(&self) -> String {
        let worst = self.worst.map(Said::french).unwrap_or_default();
        format!("{} est malade : {worst}", self.application)
    }
}

impl Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Correct => f.write_str(
                "fix the change and open a new pull request; the bad revision stays in quarantine",
            ),
            Self::Logs(application) => write!(f, "look at `boucle logs {application}`"),
            Self::RollBack(application) => {
                write!(f, "go back with `boucle rollback {application}`")
            }
        }
    }
}

impl Said for Step<'_> {
    fn french(&self) -> String {
        match self {
            Self::Correct => {
                "corrigez le changement et ouvrez une nouvelle demande de changement ; la mauvaise révision reste en quarantaine"
                    .into()
            }
            Self::Logs(application) => format!("regardez `boucle logs {application}`"),
            Self::RollBack(application) => {
                format!("revenez en arrière par `boucle rollback {application}`")
            }
        }
    }
}
