//! How far an object has come, and what stands in its way.

use super::workload::Window;
use crate::health::HealthStatus;
use crate::planner::Action;
use crate::reasons::BlockReason;
use crate::view::{Deployment, Outcome};
use crate::windows::{Counterpart, View, is_going};

/// How far it has come; of several the last of this list counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Progress {
    /// It is as Git says.
    Done,
    /// It goes on.
    Moving,
    /// Something went wrong or waits, and it is tried again.
    Retrying,
    /// It goes on when something else happens.
    Waiting,
    /// It goes on when somebody does something.
    Stuck,
}

/// What is said of an object.
pub(super) struct Verdict {
    /// How far it has come.
    pub progress: Progress,
    /// Flux's word for it, where it has one.
    pub reason: &'static str,
    /// A sentence, with what to do.
    pub message: String,
}

pub(super) const FAILED: &str = "ReconciliationFailed";
pub(super) const PROGRESSING: &str = "Progressing";
pub(super) const SUSPENDED: &str = "Suspended";

impl Verdict {
    pub(super) fn new(
        progress: Progress,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self { progress, reason, message: message.into() }
    }

    fn moving(message: impl Into<String>) -> Self {
        Self::new(Progress::Moving, PROGRESSING, message)
    }

    /// Of an object that shows an application, or would.
    pub(super) fn of(window: &Window<'_>) -> Self {
        if is_going(window.object) {
            let message = "nothing that is deployed goes with this object, and it goes when its finalizers are \
                           removed from it: an application goes when its file leaves Git";
            return Self::new(Progress::Stuck, FAILED, message);
        }
        match &window.counterpart {
            Counterpart::Undeclared => {
                let name = window.object["metadata"]["name"].as_str().unwrap_or_default();
                let message = format!(
                    "no file in Git declares the application `{name}`, so that nothing is deployed: \
                     commit the file that `boucle migrate flux --cluster {}` writes, or delete this \
                     object",
                    window.cluster
                );
                Self::new(Progress::Stuck, "NotDeclared", message)
            }
            Counterpart::Different { repository, reading } => {
                let message = format!(
                    "this object {}. Git counts and the object orders nothing until they are equal: \
                     change one of them (`boucle migrate flux --cluster {}` shows the file that the \
                     object becomes)",
                    reading.in_words(repository),
                    window.cluster
                );
                Self::new(Progress::Stuck, "NotAsDeclared", message)
            }
            Counterpart::Same(view) => {
                let mut verdict = of_view(view, &window.revision());
                // What is held is no news of a reason that says so already.
                if !view.state.holds.is_empty() && verdict.reason != SUSPENDED {
                    verdict.message.push_str("; it is suspended: what Git says next waits");
                }
                verdict
            }
        }
    }
}

fn of_view(view: &View<'_>, revision: &str) -> Verdict {
    let state = view.state;
    if let Some((_, problem)) = &state.render_problem {
        return Verdict::new(Progress::Stuck, "BuildFailed", problem);
    }
    let is_asked = state.asked.as_ref().is_some_and(|asked| asked.answer.is_none());
    // What was true before somebody asked says nothing of what comes of it.
    let blocked: Vec<&BlockReason> =
        state.blocked.iter().filter(|one| !(is_asked && one.ends_when_asked())).collect();
    match state.current() {
        Some(Deployment { outcome: Outcome::Applying, .. }) => {
            let waits: Vec<String> = view.waits.iter().map(ToString::to_string).collect();
            let message =
                if waits.is_empty() { "objects are written".into() } else { waits.join("; ") };
            return Verdict::moving(message);
        }
        Some(Deployment { outcome: Outcome::Failed { problem, .. }, .. })
            if !is_asked && blocked.iter().all(|one| one.ends_when_asked()) =>
        {
            return failed(problem, &blocked);
        }
        Some(Deployment { outcome: Outcome::Failed { .. } | Outcome::Applied { .. }, .. })
        | None => {}
    }
    if !blocked.is_empty() {
        return of_reasons(&blocked);
    }
    if is_asked {
        return Verdict::moving("it is being planned");
    }
    match view.steps {
        None => Verdict::moving("what is there is not seen yet"),
        Some(steps) if steps.iter().all(|step| step.action == Action::Unchanged) => {
            of_health(view, revision)
        }
        Some(_) => Verdict::moving("changes are being planned"),
    }
}

/// The newest synchronisation failed, and nothing but the automation holds the next one back.
fn failed(problem: &str, blocked: &[&BlockReason]) -> Verdict {
    let is_tried_again = blocked.iter().all(|one| one.deadline().is_some());
    let progress = if is_tried_again { Progress::Retrying } else { Progress::Stuck };
    let reasons = blocked.iter().map(ToString::to_string);
    let message = std::iter::once(problem.to_owned()).chain(reasons).collect::<Vec<_>>().join("; ");
    Verdict::new(progress, FAILED, message)
}

/// The worst of them has the word; all are said.
fn of_reasons(blocked: &[&BlockReason]) -> Verdict {
    let message = blocked.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let worst = blocked.iter().map(|one| weight(one)).max_by_key(|(progress, _)| *progress);
    let (progress, reason) = worst.unwrap_or((Progress::Moving, PROGRESSING));
    Verdict::new(progress, reason, message)
}

fn weight(reason: &BlockReason) -> (Progress, &'static str) {
    match reason {
        BlockReason::InventoryMissing { .. } | BlockReason::InventoryStale { .. } => {
            (Progress::Moving, PROGRESSING)
        }
        BlockReason::RepairLater { .. } | BlockReason::RetryLater { .. } => {
            (Progress::Retrying, FAILED)
        }
        BlockReason::WaitsForDependency { .. } => (Progress::Retrying, "DependencyNotReady"),
        BlockReason::Held { .. } => (Progress::Waiting, SUSPENDED),
        BlockReason::ManualSync { .. } | BlockReason::SelfHealOff { .. } => {
            (Progress::Waiting, "WaitsForRequest")
        }
        BlockReason::SyncWindow { .. } => (Progress::Waiting, "WaitsForWindow"),
        BlockReason::WaitsForStep { .. } => (Progress::Waiting, "WaitsForStep"),
        BlockReason::ArtifactNotPromoted { .. } => (Progress::Waiting, "ArtifactFailed"),
        BlockReason::NotAnObject { .. }
        | BlockReason::DuplicateObject { .. }
        | BlockReason::InvalidOrder { .. } => (Progress::Stuck, "BuildFailed"),
        BlockReason::MassDeletion { .. }
        | BlockReason::WouldDeleteEverything { .. }
        | BlockReason::MassRemoval { .. }
        | BlockReason::DeletionNeedsConfirmation { .. }
        | BlockReason::SetRemovesMany { .. } => (Progress::Stuck, "PruneFailed"),
        BlockReason::ProjectMissing { .. } | BlockReason::ProjectRefuses { .. } => {
            (Progress::Stuck, "AccessDenied")
        }
        BlockReason::ClusterUnavailable { .. }
        | BlockReason::UnknownKind { .. }
        | BlockReason::InvalidManifest { .. }
        | BlockReason::NamespaceMissing { .. }
        | BlockReason::OwnedByAnother { .. }
        | BlockReason::RetriesExhausted { .. } => (Progress::Stuck, FAILED),
    }
}

/// Everything is as Git says: how well it is decides.
fn of_health(view: &View<'_>, revision: &str) -> Verdict {
    let Some(health) = view.state.current_health() else {
        return Verdict::moving("its health is not known yet");
    };
    match health.status {
        HealthStatus::Healthy | HealthStatus::Suspended => {
            let message = format!("Applied revision: {revision}");
            Verdict::new(Progress::Done, "ReconciliationSucceeded", message)
        }
        HealthStatus::Degraded => {
            Verdict::new(Progress::Stuck, "HealthCheckFailed", health.message)
        }
        HealthStatus::Progressing | HealthStatus::Missing | HealthStatus::Unknown => {
            Verdict::moving(health.message)
        }
    }
}
