//! What the engine tells about its workloads, as it happens.

use std::fmt;

use ledger::{ApplicationName, Timestamp};
use serde::{Deserialize, Serialize};

/// An object by what names it in Kubernetes, inside one application.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// `Deployment`, `Job`, `ConfigMap`, `Secret`, `Service`, `Ingress`, or `Pod` for a replica.
    pub kind: String,
    /// `default` when the manifest has none.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// `Deployment default/hello`.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// Why something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventReason {
    /// A replica's process was started.
    Started,
    /// A process ended by itself.
    ProcessExited,
    /// A process was ended by a signal that the engine did not send.
    ProcessKilled,
    /// A process was ended because its memory limit was reached.
    OutOfMemory,
    /// A process that had ended was started again.
    Restarted,
    /// A process ends again and again; the next start waits.
    BackOff,
    /// A probe failed.
    ProbeFailed,
    /// A replica takes requests.
    Ready,
    /// A replica was stopped on purpose.
    Stopped,
    /// A file of a mount was changed by somebody and was put back.
    MountRestored,
    /// An object's file was changed or removed by hand.
    ManifestAltered,
    /// The image is not there or cannot be used.
    ImageMissing,
    /// A ConfigMap, Secret or key that the manifest names is not there.
    ReferenceMissing,
    /// The replica could not be started.
    StartFailed,
    /// The roll-out did not get on before its deadline.
    ProgressDeadlineExceeded,
    /// A Service listens on a port, perhaps not the one that was wished for.
    PortAssigned,
    /// A job reached its number of successes.
    JobCompleted,
    /// A job failed more often than it may, or took too long.
    JobFailed,
}

impl EventReason {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::ProcessExited => "process-exited",
            Self::ProcessKilled => "process-killed",
            Self::OutOfMemory => "out-of-memory",
            Self::Restarted => "restarted",
            Self::BackOff => "back-off",
            Self::ProbeFailed => "probe-failed",
            Self::Ready => "ready",
            Self::Stopped => "stopped",
            Self::MountRestored => "mount-restored",
            Self::ManifestAltered => "manifest-altered",
            Self::ImageMissing => "image-missing",
            Self::ReferenceMissing => "reference-missing",
            Self::StartFailed => "start-failed",
            Self::ProgressDeadlineExceeded => "progress-deadline-exceeded",
            Self::PortAssigned => "port-assigned",
            Self::JobCompleted => "job-completed",
            Self::JobFailed => "job-failed",
        }
    }

    /// Whether somebody changed what runs, and the engine put it back or reports it.
    #[must_use]
    pub const fn is_drift(self) -> bool {
        matches!(self, Self::ProcessKilled | Self::MountRestored | Self::ManifestAltered)
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineEvent {
    /// Whose.
    pub application: ApplicationName,
    /// The object that it happened to.
    pub object: ObjectKey,
    /// The workload behind it when `object` is a replica.
    pub workload: Option<ObjectKey>,
    /// Why it is told.
    pub reason: EventReason,
    /// A sentence.
    pub message: String,
    /// When.
    pub at: Timestamp,
}
