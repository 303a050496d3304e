//! Which notifications are due: once per change of state and target, the recovery included.

use std::collections::BTreeSet;

use ledger::{Actor, ApplicationName, Fact, IncidentId, Sequence, Timestamp};
use serde::{Deserialize, Serialize};

use crate::facts::IncidentAction;
use crate::view::{Incident, MonitoringView};

/// A change of state that people may be told about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The incident whose state changed.
    pub incident: IncidentId,
    /// When.
    pub at: Timestamp,
    /// Who or what did it.
    pub actor: Actor,
    /// What changed.
    pub what: ChangeKind,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum ChangeKind {
    /// Healthy before, sick now.
    Opened,
    /// Something was done about it.
    Acted {
        /// What.
        done: IncidentAction,
    },
    /// Healthy again.
    Resolved,
}

/// What a receiver may want to be told about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotificationEvent {
    /// An incident began, was acknowledged, or keeps its environment frozen.
    Incident,
    /// An incident is over.
    Recovery,
    /// A bad change was taken back, or somebody is asked to.
    Rollback,
}

impl NotificationEvent {
    /// Everything.
    #[must_use]
    pub fn all() -> BTreeSet<Self> {
        [Self::Incident, Self::Recovery, Self::Rollback].into()
    }

    /// The word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incident => "incident",
            Self::Recovery => "recovery",
            Self::Rollback => "rollback",
        }
    }
}

impl ChangeKind {
    /// Which of the events it is.
    #[must_use]
    pub fn event(&self) -> NotificationEvent {
        match self {
            Self::Opened
            | Self::Acted { done: IncidentAction::Frozen | IncidentAction::Acknowledged { .. } } => {
                NotificationEvent::Incident
            }
            Self::Acted {
                done: IncidentAction::Reverted { .. } | IncidentAction::Asked { .. },
            } => NotificationEvent::Rollback,
            Self::Resolved => NotificationEvent::Recovery,
        }
    }

    /// A stable name for receivers: `incident-opened`, `incident-reverted`, …, `incident-resolved`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Opened => "incident-opened",
            Self::Acted { done } => match done {
                IncidentAction::Reverted { .. } => "incident-reverted",
                IncidentAction::Frozen => "incident-frozen",
                IncidentAction::Asked { .. } => "incident-asked",
                IncidentAction::Acknowledged { .. } => "incident-acknowledged",
            },
            Self::Resolved => "incident-resolved",
        }
    }
}

impl Change {
    pub(crate) fn opened(incident: IncidentId, fact: &Fact) -> Self {
        Self { incident, at: fact.at, actor: fact.actor.clone(), what: ChangeKind::Opened }
    }

    pub(crate) fn acted(incident: IncidentId, fact: &Fact, done: IncidentAction) -> Self {
        let what = ChangeKind::Acted { done };
        Self { incident, at: fact.at, actor: fact.actor.clone(), what }
    }

    pub(crate) fn resolved(incident: IncidentId, fact: &Fact) -> Self {
        Self { incident, at: fact.at, actor: fact.actor.clone(), what: ChangeKind::Resolved }
    }
}

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "delivery", rename_all = "kebab-case")]
pub enum Delivery {
    /// The receiver took it.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// The receiver did not take it.
    Failed {
        /// When the last attempt ended.
        at: Timestamp,
        /// How many attempts there were.
        attempt: u32,
        /// What happened.
        problem: String,
    },
}

/// A receiver, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationTarget {
    /// The route's name, stable over restarts.
    pub name: String,
    /// Only these applications; empty: all.
    pub applications: Vec<ApplicationName>,
    /// Only these events.
    pub events: BTreeSet<NotificationEvent>,
}

/// Everything that the decision may look at.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationInputs<'a> {
    /// What is known so far.
    pub view: &'a MonitoringView,
    /// The receivers.
    pub targets: Vec<NotificationTarget>,
    /// When the inputs were true.
    pub as_of: Timestamp,
    /// Where people reach this server, without a slash at the end.
    pub base_url: String,
}

/// A notification that is due now.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The receiver.
    pub target: String,
    /// The fact that changed the state; with the target this is the notification's identity.
    pub change: Sequence,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// What to send, as JSON.
    pub body: NotificationBody,
}

/// What a receiver is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotificationBody {
    /// The same for every attempt, so that a receiver can drop repetitions.
    pub id: String,
    /// [`ChangeKind::code`].
    pub change: &'static str,
    /// When it happened, RFC 3339.
    pub at: String,
    /// Who did or found it.
    pub actor: String,
    /// The incident's number.
    pub incident: IncidentId,
    /// What is concerned.
    pub application: String,
    /// Where.
    pub environment: String,
    /// One sentence for a person.
    pub text: String,
    /// What was found, one sentence each.
    pub cases: Vec<String>,
    /// The change that explains it.
    pub suspect: Option<SuspectBody>,
    /// What was done, stable names, the oldest first.
    pub actions: Vec<&'static str>,
    /// Digests of saved evidence.
    pub evidence: Vec<String>,
    /// Where to read more.
    pub links: Vec<Link>,
}

/// The change that explains an incident, for a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SuspectBody {
    /// `owner/name`.
    pub repository: String,
    /// The commit.
    pub commit: String,
    /// Its author.
    pub author: Option<String>,
    /// The pull request's number.
    pub pull_request: Option<u64>,
    /// The artifact.
    pub digest: Option<String>,
}

/// A named address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// `incident`, `pull-request`, `timeline`.
    pub name: &'static str,
    /// The address.
    pub url: String,
}

/// Ten attempts from 5 s, doubling, to 5 min: about 20 min in all. Then a person must look.
const ATTEMPTS_MAX: u32 = 10;
const RETRY_FIRST_MS: i64 = 5000;
const RETRY_LONGEST_MS: i64 = 300_000;

/// A change older than this is news no more; a target that is new does not hear of it.
const AGE_MAX_MS: i64 = 3_600_000;

/// The notifications that are due, the oldest change first. Equal inputs, equal answer.
#[must_use]
pub fn due(inputs: &NotificationInputs<'_>) -> Vec<Notification> {
    let mut due = Vec::new();
    for (sequence, change) in &inputs.view.changes {
        let Some(incident) = inputs.view.incidents.get(&change.incident) else { continue };
        if inputs.as_of.since_ms(change.at) > AGE_MAX_MS {
            continue;
        }
        for target in &inputs.targets {
            let concerned = target.applications.is_empty()
                || target.applications.contains(&incident.application);
            let wanted = concerned && target.events.contains(&change.what.event());
            let delivery =
                inputs.view.deliveries.get(sequence).and_then(|targets| targets.get(&target.name));
            let Some(attempt) = wanted.then(|| next_attempt(delivery, inputs.as_of)).flatten()
            else {
                continue;
            };
            due.push(Notification {
                target: target.name.clone(),
                change: *sequence,
                attempt,
                body: body(*sequence, change, incident, &inputs.base_url),
            });
        }
    }
    due
}

/// When the next notification may become due by time alone; `None`: only a new fact can make one.
#[must_use]
pub fn next_retry_at(view: &MonitoringView) -> Option<Timestamp> {
    let deliveries = view.deliveries.values().flat_map(|targets| targets.values());
    deliveries.filter_map(retry_at).min()
}

fn next_attempt(delivery: Option<&Delivery>, as_of: Timestamp) -> Option<u32> {
    match delivery {
        None => Some(1),
        Some(delivery @ Delivery::Failed { attempt, .. }) => {
            retry_at(delivery).filter(|at| *at <= as_of).map(|_| attempt + 1)
        }
        Some(Delivery::Delivered { .. }) => None,
    }
}

fn retry_at(delivery: &Delivery) -> Option<Timestamp> {
    match delivery {
        Delivery::Delivered { .. } => None,
        Delivery::Failed { attempt, .. } if *attempt >= ATTEMPTS_MAX => None,
        Delivery::Failed { at, attempt, .. } => {
            let doubled = RETRY_FIRST_MS << attempt.saturating_sub(1).min(20);
            Some(at.plus_ms(doubled.min(RETRY_LONGEST_MS)))
        }
    }
}

fn body(sequence: Sequence, change: &Change, incident: &Incident, base: &str) -> NotificationBody {
    let id = change.incident;
    let mut links = vec![Link { name: "incident", url: format!("{base}/incidents/{id}") }];
    if let Some(suspect) = &incident.suspect
        && let Some(number) = suspect.pull_request
    {
        let repository = &suspect.repository;
        let url = format!("{base}/repositories/{repository}/pull-requests/{number}");
        links.push(Link { name: "pull-request", url });
    }
    NotificationBody {
        id: format!("change-{sequence}"),
        change: change.what.code(),
        at: change.at.to_string(),
        actor: change.actor.to_string(),
        incident: id,
        application: incident.application.to_string(),
        environment: incident.environment.to_string(),
        text: text(change, incident),
        cases: incident.cases.iter().map(ToString::to_string).collect(),
        suspect: incident.suspect.as_ref().map(|suspect| SuspectBody {
            repository: suspect.repository.to_string(),
            commit: suspect.commit.to_string(),
            author: suspect.author.clone(),
            pull_request: suspect.pull_request.map(|number| number.0),
            digest: suspect.digest.as_ref().map(ToString::to_string),
        }),
        actions: incident.actions.iter().map(IncidentAction::code).collect(),
        evidence: incident.evidence.iter().map(|saved| saved.digest.to_string()).collect(),
        links,
    }
}

fn text(change: &Change, incident: &Incident) -> String {
    let (application, environment) = (&incident.application, &incident.environment);
    match &change.what {
        ChangeKind::Opened => {
            let suspect = incident
                .suspect
                .as_ref()
                .map_or(String::new(), |suspect| format!(" since commit {}", suspect.commit));
            format!("{application} is sick in {environment}{suspect}")
        }
        ChangeKind::Acted { done: IncidentAction::Reverted { commit } } => {
            format!("{application} in {environment}: the change was reverted by commit {commit}")
        }
        ChangeKind::Acted { done: IncidentAction::Frozen } => {
            format!("{application} in {environment}: automation stopped; a person must resume it")
        }
        ChangeKind::Acted { done: IncidentAction::Asked { pull_request } } => format!(
            "{application} in {environment}: pull request {pull_request} holds the revert and waits for a person"
        ),
        ChangeKind::Acted { done: IncidentAction::Acknowledged { by } } => {
            format!("{application} in {environment}: {by} has taken the incident")
        }
        ChangeKind::Resolved => {
            let seconds = change.at.since_ms(incident.opened_at).max(0) / 1000;
            format!("{application} is healthy again in {environment} after {seconds} s")
        }
    }
}
