//! What is known about health, folded from this domain's facts.

use std::collections::BTreeMap;

use ledger::{
    ApplicationName, ArtifactDigest, CommitId, EnvironmentName, Fact, IncidentId, Sequence,
    Timestamp, View, decode,
};
use serde::{Deserialize, Serialize};

use crate::assess::{Case, Verdict};
use crate::facts::{
    EvidenceContent, IncidentAction, MonitoringFact, ObjectiveState, Resolution, Suspect,
};
use crate::notification::{Change, Delivery};

/// How many assessments of an application are kept: enough to show a day of releases.
const ASSESSMENTS_MAX: usize = 50;

/// How many closed incidents are kept; the ledger has all.
const INCIDENTS_CLOSED_MAX: usize = 200;

/// How many changes of state wait for delivery at most; older ones were given up long ago.
const CHANGES_MAX: usize = 500;

/// Everything that monitoring has found.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MonitoringView {
    /// Assessments per application, the newest last.
    pub assessments: BTreeMap<ApplicationName, Vec<StoredAssessment>>,
    /// Objectives per application and name.
    pub objectives: BTreeMap<ApplicationName, BTreeMap<String, StoredObjective>>,
    /// Incidents, open ones and the newest closed ones.
    pub incidents: BTreeMap<IncidentId, Incident>,
    /// The highest incident's number so far; 0: none.
    pub incident_last: u64,
    /// Changes of state that people may be told about, by the fact that made them.
    pub changes: BTreeMap<Sequence, Change>,
    /// What became of notifications: per change, per target.
    pub deliveries: BTreeMap<Sequence, BTreeMap<String, Delivery>>,
}

/// A verdict as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAssessment {
    /// The newest fact that says so.
    pub sequence: Sequence,
    /// When this revision's verdict was first this one without a break.
    pub since: Timestamp,
    /// When it was recorded.
    pub at: Timestamp,
    /// Where.
    pub environment: EnvironmentName,
    /// The commit that is deployed.
    pub revision: CommitId,
    /// The plan's generation.
    pub generation: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict before it could not be told any more; `None`: it never could, or can be now.
    #[serde(default)]
    pub verdict_before: Option<Verdict>,
    /// What was found.
    pub cases: Vec<Case>,
    /// The evidence saved for it, the newest last.
    pub evidence: Vec<Evidence>,
}

impl StoredAssessment {
    /// What is known of the deployment: that its data is missing for a while takes back nothing.
    #[must_use]
    pub fn conclusion(&self) -> Option<Verdict> {
        match self.verdict {
            Verdict::Healthy | Verdict::Sick => Some(self.verdict),
            Verdict::Inconclusive => self.verdict_before,
        }
    }
}

/// Saved evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The fact that says so.
    pub sequence: Sequence,
    /// The document.
    pub digest: ArtifactDigest,
    /// What is in it.
    pub summary: Vec<String>,
    /// The same as values; none when its fact is from before they were kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<EvidenceContent>,
}

/// An objective as it was recorded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredObjective {
    /// The newest fact.
    pub sequence: Sequence,
    /// Where it is measured.
    pub environment: EnvironmentName,
    /// What it is.
    pub state: ObjectiveState,
    /// Since when it is met, burning or unknown.
    pub since: Timestamp,
    /// The last burn rate, in thousandths.
    pub burn_thousandths: Option<u64>,
}

/// An incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The fact that opened it.
    pub sequence: Sequence,
    /// What is sick.
    pub application: ApplicationName,
    /// Where.
    pub environment: EnvironmentName,
    /// When it began.
    pub opened_at: Timestamp,
    /// The change that explains it.
    pub suspect: Option<Suspect>,
    /// What was found last.
    pub cases: Vec<Case>,
    /// What was done, the oldest first.
    pub actions: Vec<IncidentAction>,
    /// Saved evidence of the suspect's revision.
    pub evidence: Vec<Evidence>,
    /// When and why it ended; `None` while it is open.
    pub resolved: Option<(Timestamp, Resolution)>,
}

impl MonitoringView {
    /// The newest assessment of an application.
    #[must_use]
    pub fn assessment(&self, application: &ApplicationName) -> Option<&StoredAssessment> {
        self.assessments.get(application)?.last()
    }

    /// The newest assessment of a revision of an application.
    #[must_use]
    pub fn assessment_of(
        &self,
        application: &ApplicationName,
        revision: &CommitId,
    ) -> Option<&StoredAssessment> {
        self.assessments.get(application)?.iter().rev().find(|kept| kept.revision == *revision)
    }

    /// The open incident of an application.
    #[must_use]
    pub fn open_incident(&self, application: &ApplicationName) -> Option<(IncidentId, &Incident)> {
        self.incidents
            .iter()
            .rev()
            .find(|(_, incident)| {
                incident.application == *application && incident.resolved.is_none()
            })
            .map(|(id, incident)| (*id, incident))
    }

    /// The number for the next incident.
    #[must_use]
    pub fn next_incident(&self) -> IncidentId {
        IncidentId(self.incident_last + 1)
    }

    /// Since when an objective burns without a break; `None` when it does not.
    #[must_use]
    pub fn burning_since(&self, application: &ApplicationName, name: &str) -> Option<Timestamp> {
        let stored = self.objectives.get(application)?.get(name)?;
        matches!(stored.state, ObjectiveState::Burning { .. }).then_some(stored.since)
    }

    fn keep_assessment(&mut self, application: ApplicationName, mut new: StoredAssessment) {
        let kept = self.assessments.entry(application).or_default();
        let same = kept
            .iter()
            .rposition(|old| old.revision == new.revision && old.generation == new.generation);
        if let Some(index) = same {
            let old = kept.remove(index);
            if old.verdict == new.verdict {
                new.since = old.since;
            }
            if new.verdict == Verdict::Inconclusive {
                new.verdict_before = old.conclusion();
            }
            new.evidence = old.evidence;
        }
        kept.push(new);
        if kept.len() > ASSESSMENTS_MAX {
            kept.remove(0);
        }
    }

    /// A state that goes on keeps its beginning.
    fn keep_objective(&mut self, of: ApplicationName, name: String, mut new: StoredObjective) {
        let kept = self.objectives.entry(of).or_default();
        if let Some(old) = kept.get(&name).filter(|old| old.state.code() == new.state.code()) {
            new.since = old.since;
        }
        kept.insert(name, new);
    }

    fn keep_evidence(
        &mut self,
        application: &ApplicationName,
        revision: &CommitId,
        evidence: &Evidence,
    ) {
        let kept = self.assessments.get_mut(application);
        if let Some(assessment) =
            kept.and_then(|kept| kept.iter_mut().rev().find(|one| one.revision == *revision))
        {
            assessment.evidence.push(evidence.clone());
        }
        let open =
            self.incidents.values_mut().rev().find(|incident| {
                incident.application == *application && incident.resolved.is_none()
            });
        if let Some(incident) = open {
            incident.evidence.push(evidence.clone());
        }
    }

    fn keep_change(&mut self, sequence: Sequence, change: Change) {
        self.changes.insert(sequence, change);
        if self.changes.len() > CHANGES_MAX
            && let Some((oldest, _)) = self.changes.pop_first()
        {
            self.deliveries.remove(&oldest);
        }
    }

    fn forget_closed_incidents(&mut self) {
        let closed: Vec<_> = self
            .incidents
            .iter()
            .filter(|(_, incident)| incident.resolved.is_some())
            .map(|(id, _)| *id)
            .collect();
        let surplus = closed.len().saturating_sub(INCIDENTS_CLOSED_MAX);
        for id in closed.into_iter().take(surplus) {
            self.incidents.remove(&id);
        }
    }

    fn apply_incident(&mut self, fact: &Fact, body: IncidentFact) {
        match body {
            IncidentFact::Opened { incident, application, environment, suspect, cases } => {
                let evidence = suspect
                    .as_ref()
                    .and_then(|suspect| self.assessment_of(&application, &suspect.commit))
                    .map(|assessment| assessment.evidence.clone())
                    .unwrap_or_default();
                self.incident_last = self.incident_last.max(incident.0);
                let opened = Incident {
                    sequence: fact.sequence,
                    application,
                    environment,
                    opened_at: fact.at,
                    suspect,
                    cases,
                    actions: Vec::new(),
                    evidence,
                    resolved: None,
                };
                self.incidents.insert(incident, opened);
                self.keep_change(fact.sequence, Change::opened(incident, fact));
            }
            IncidentFact::Updated { incident, cases, action } => {
                let Some(known) = self.incidents.get_mut(&incident) else { return };
                known.cases = cases;
                let Some(action) = action else { return };
                known.actions.push(action.clone());
                self.keep_change(fact.sequence, Change::acted(incident, fact, action));
            }
            IncidentFact::Resolved { incident, resolution } => {
                let Some(known) = self.incidents.get_mut(&incident) else { return };
                known.resolved = Some((fact.at, resolution));
                self.keep_change(fact.sequence, Change::resolved(incident, fact));
                self.forget_closed_incidents();
            }
        }
    }

    fn keep_delivery(&mut self, change: Sequence, target: String, delivery: Delivery) {
        if self.changes.contains_key(&change) {
            self.deliveries.entry(change).or_default().insert(target, delivery);
        }
    }
}

/// The three facts about incidents.
enum IncidentFact {
    Opened {
        incident: IncidentId,
        application: ApplicationName,
        environment: EnvironmentName,
        suspect: Option<Suspect>,
        cases: Vec<Case>,
    },
    Updated {
        incident: IncidentId,
        cases: Vec<Case>,
        action: Option<IncidentAction>,
    },
    Resolved {
        incident: IncidentId,
        resolution: Resolution,
    },
}

impl View for MonitoringView {
    fn apply(&mut self, fact: &Fact) {
        let Some(body) = decode::<MonitoringFact>(fact) else { return };
        let (sequence, at) = (fact.sequence, fact.at);
        match body {
            MonitoringFact::Assessed {
                application,
                environment,
                revision,
                generation,
                verdict,
                cases,
            } => {
                let new = StoredAssessment {
                    sequence,
                    since: at,
                    at,
                    environment,
                    revision,
                    generation,
                    verdict,
                    verdict_before: None,
                    cases,
                    evidence: Vec::new(),
                };
                self.keep_assessment(application, new);
            }
            MonitoringFact::ObjectiveChanged {
                application,
                environment,
                objective,
                state,
                burn_thousandths,
            } => {
                let since = at;
                let new = StoredObjective { sequence, environment, state, since, burn_thousandths };
                self.keep_objective(application, objective, new);
            }
            MonitoringFact::EvidenceSaved {
                application,
                revision,
                digest,
                summary,
                contents,
                ..
            } => {
                let evidence = Evidence { sequence, digest, summary, contents };
                self.keep_evidence(&application, &revision, &evidence);
            }
            MonitoringFact::IncidentOpened {
                incident,
                application,
                environment,
                suspect,
                cases,
            } => self.apply_incident(
                fact,
                IncidentFact::Opened { incident, application, environment, suspect, cases },
            ),
            MonitoringFact::IncidentUpdated { incident, cases, action } => {
                self.apply_incident(fact, IncidentFact::Updated { incident, cases, action });
            }
            MonitoringFact::IncidentResolved { incident, resolution } => {
                self.apply_incident(fact, IncidentFact::Resolved { incident, resolution });
            }
            MonitoringFact::NotificationDelivered { target, change } => {
                self.keep_delivery(change, target, Delivery::Delivered { at });
            }
            MonitoringFact::NotificationFailed { target, change, attempt, problem } => {
                self.keep_delivery(change, target, Delivery::Failed { at, attempt, problem });
            }
        }
    }
}
