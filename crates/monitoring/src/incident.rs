//! When an incident begins, changes and ends. At most one is open per application.

use ledger::{ApplicationName, CommitId, EnvironmentName, IncidentId};

use crate::assess::{Assessment, Case, Verdict};
use crate::facts::{MonitoringFact, Resolution, Suspect};
use crate::view::{Incident, MonitoringView};

/// Everything that the decision may look at.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentInputs<'a> {
    /// Whose deployment.
    pub application: ApplicationName,
    /// Where it runs.
    pub environment: EnvironmentName,
    /// The commit that is deployed; `None` when the application is gone.
    pub revision: Option<CommitId>,
    /// The newest assessment of that revision; `None` before the first.
    pub assessment: Option<Assessment>,
    /// The change that explains a sickness, when one does.
    pub suspect: Option<Suspect>,
    /// What is known so far.
    pub view: &'a MonitoringView,
}

/// What to record about incidents.
#[derive(Debug, Clone, PartialEq)]
pub enum IncidentDecision {
    /// An incident begins; append on `Subject::incident`, expecting no parent.
    Open(MonitoringFact),
    /// Its cases changed.
    Update(MonitoringFact),
    /// It is over.
    Resolve(MonitoringFact),
    /// Nothing to record.
    Nothing(NothingReason),
}

/// Why there is nothing to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NothingReason {
    /// No incident is open and nothing is sick.
    NothingSick,
    /// The incident is open and its cases are the same.
    NothingNew,
    /// The incident is open and whether it is over cannot be said yet.
    NotYetHealthy,
    /// The revision was not assessed yet.
    NotAssessed,
}

impl NothingReason {
    /// A stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NothingSick => "nothing-sick",
            Self::NothingNew => "nothing-new",
            Self::NotYetHealthy => "not-yet-healthy",
            Self::NotAssessed => "not-assessed",
        }
    }
}

/// What to record about the incident of an application. Equal inputs, equal answer.
#[must_use]
pub fn decide(inputs: &IncidentInputs<'_>) -> IncidentDecision {
    let open = inputs.view.open_incident(&inputs.application);
    match (&inputs.revision, open) {
        (None, Some((incident, _))) => resolve(incident, Resolution::ApplicationRemoved),
        (None, None) => IncidentDecision::Nothing(NothingReason::NothingSick),
        (Some(revision), open) => match &inputs.assessment {
            None => IncidentDecision::Nothing(NothingReason::NotAssessed),
            Some(assessment) => decide_deployed(inputs, revision, assessment, open),
        },
    }
}

fn decide_deployed(
    inputs: &IncidentInputs<'_>,
    revision: &CommitId,
    assessment: &Assessment,
    open: Option<(IncidentId, &Incident)>,
) -> IncidentDecision {
    match (assessment.verdict, open) {
        (Verdict::Sick, None) => IncidentDecision::Open(MonitoringFact::IncidentOpened {
            incident: inputs.view.next_incident(),
            application: inputs.application.clone(),
            environment: inputs.environment.clone(),
            suspect: inputs.suspect.clone(),
            cases: sick_cases(assessment),
        }),
        (Verdict::Sick, Some((incident, known))) => {
            let cases = sick_cases(assessment);
            let codes = |cases: &[Case]| cases.iter().map(Case::code).collect::<Vec<_>>();
            if codes(&cases) == codes(&known.cases) {
                return IncidentDecision::Nothing(NothingReason::NothingNew);
            }
            IncidentDecision::Update(MonitoringFact::IncidentUpdated {
                incident,
                cases,
                action: None,
            })
        }
        (Verdict::Healthy, Some((incident, known))) => {
            let suspect = known.suspect.as_ref().map(|suspect| &suspect.commit);
            resolve(
                incident,
                if suspect.is_some_and(|commit| commit != revision) {
                    Resolution::HealthyRevision { revision: revision.clone() }
                } else {
                    Resolution::Recovered
                },
            )
        }
        (Verdict::Inconclusive, Some(_)) => IncidentDecision::Nothing(NothingReason::NotYetHealthy),
        (Verdict::Healthy | Verdict::Inconclusive, None) => {
            IncidentDecision::Nothing(NothingReason::NothingSick)
        }
    }
}

/// What hurts, without what is merely not known.
fn sick_cases(assessment: &Assessment) -> Vec<Case> {
    assessment.cases.iter().filter(|case| case.verdict() == Verdict::Sick).cloned().collect()
}

fn resolve(incident: IncidentId, resolution: Resolution) -> IncidentDecision {
    IncidentDecision::Resolve(MonitoringFact::IncidentResolved { incident, resolution })
}
