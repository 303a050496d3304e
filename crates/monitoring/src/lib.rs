//! Samples, objectives, alerts, assessments and incidents: what the watching means.
//!
//! Absent on purpose: fetching (crate `probes`), answering queries (a metrics store), and what is
//! done about a sick deployment (crate `control`). Unknown is never healthy, here and everywhere.

pub mod alert;
pub mod assess;
pub mod duration;
pub mod exposition;
pub mod facts;
pub mod incident;
pub mod notification;
pub mod objective;
pub mod view;

pub use assess::{
    AssessInputs, Assessment, Case, ObjectiveObservation, ProbeObservation, ScrapeProblem, Verdict,
    WorkloadHealth, assess,
};
pub use exposition::{Exposition, ExpositionError, Sample};
pub use facts::{
    EvidenceContent, IncidentAction, MonitoringFact, ObjectiveState, Resolution, Suspect,
};
pub use incident::{IncidentDecision, IncidentInputs};
pub use notification::{Notification, NotificationEvent, NotificationInputs, NotificationTarget};
pub use objective::{
    BurnRateRule, Objective, RuleOutcome, Severity, Traffic, UnknownReason, burn_rate_rules,
    evaluate, read_objectives,
};
pub use view::MonitoringView;
