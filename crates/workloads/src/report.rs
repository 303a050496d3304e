//! What the engine answers when it is asked: inventory, targets, evidence, logs.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ledger::{ApplicationName, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::EngineEvent;

/// What is there now of one application.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Inventory {
    /// The newest generation that was applied; 0 when none was.
    pub as_of: u64,
    /// When it was looked at.
    pub observed_at: Timestamp,
    /// The live objects in Kubernetes' form, with `metadata.generation` and `status`; replicas are
    /// `Pod` objects with an owner reference. In the order of their kinds and names.
    pub objects: Vec<Value>,
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// This object shall be, exactly so.
    Put {
        /// The whole manifest.
        manifest: Value,
    },
    /// This object shall not be; nothing happens when it is not.
    Delete {
        /// Its kind.
        kind: String,
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// What a wish changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applied {
    /// The object is new.
    Created,
    /// The object was different.
    Updated,
    /// The object was removed.
    Deleted,
    /// It was so already.
    Unchanged,
}

/// Why a wish was not taken; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyRefusal {
    /// A newer plan was applied before.
    #[error(
        "generation {generation} of `{application}` is older than {newest}, which was applied already; plan again"
    )]
    OlderGeneration {
        /// Whose.
        application: ApplicationName,
        /// What came.
        generation: u64,
        /// What was seen.
        newest: u64,
    },
    /// The engine does not run such an object.
    #[error("the manifest cannot be run by local processes")]
    Unsupported(#[from] crate::Unsupported),
    /// The wish could not be kept on disk.
    #[error("the object could not be written to disk")]
    Disk(#[source] std::io::Error),
    /// The engine ends.
    #[error("the workload engine is shutting down")]
    ShuttingDown,
}

impl ApplyRefusal {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OlderGeneration { .. } => "older-generation",
            Self::Unsupported(unsupported) => unsupported.code(),
            Self::Disk(_) => "workload-disk-failed",
            Self::ShuttingDown => "shutting-down",
        }
    }
}

/// A replica whose metrics can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrapeTarget {
    /// Whose.
    pub application: ApplicationName,
    /// Its namespace.
    pub namespace: String,
    /// The Deployment's or Job's name.
    pub workload: String,
    /// The replica's (pod's) name.
    pub replica: String,
    /// Where, on loopback.
    pub address: SocketAddr,
    /// The path, `/metrics` unless the annotation `prometheus.io/path` says otherwise.
    pub path: String,
    /// The labels of the pod.
    pub labels: BTreeMap<String, String>,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEndpoint {
    /// Whose.
    pub application: ApplicationName,
    /// Its namespace.
    pub namespace: String,
    /// The Service's name.
    pub name: String,
    /// The port's name, when it has one.
    pub port_name: Option<String>,
    /// The port's number in the manifest.
    pub port: u16,
    /// Where it really listens, on loopback.
    pub address: SocketAddr,
    /// How many replicas take its requests.
    pub ready_replicas: usize,
}

/// Which probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeKind {
    /// Has it come up?
    Startup,
    /// May it get requests?
    Readiness,
    /// Is it alive?
    Liveness,
}

impl ProbeKind {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
        }
    }
}

/// What a probe was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeAnswer {
    /// When.
    pub at: Timestamp,
    /// Which probe.
    pub probe: ProbeKind,
    /// Whether it counts as a success.
    pub success: bool,
    /// The HTTP status, or the exit code of a command.
    pub status: Option<i32>,
    /// The first 4 KiB of the answer, or what went wrong.
    pub body: String,
}

/// A line that a replica wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it arrived.
    pub at: Timestamp,
    /// The container's name.
    pub container: String,
    /// Whether it came on standard error.
    pub error: bool,
    /// The line without its end; at most 8 KiB of it.
    pub text: String,
}

/// How a container's process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// When.
    pub at: Timestamp,
    /// The container's name.
    pub container: String,
    /// Its exit code.
    pub code: Option<i32>,
    /// Or the signal that ended it.
    pub signal: Option<i32>,
    /// Whether its memory limit was the cause.
    pub out_of_memory: bool,
}

/// What is known of one replica, also for a while after it was removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReplicaEvidence {
    /// The replica's (pod's) name.
    pub replica: String,
    /// The hash of the pod template that it runs.
    pub template_hash: String,
    /// The images of its containers.
    pub images: Vec<String>,
    /// Whether it is gone.
    pub removed: bool,
    /// Whether it takes requests.
    pub ready: bool,
    /// How often its processes were started again.
    pub restarts: u32,
    /// The last answers of its probes, at most five, the newest last.
    pub probe_answers: Vec<ProbeAnswer>,
    /// The last lines that it wrote, at most 200.
    pub log_lines: Vec<LogLine>,
    /// How its processes ended, the newest last.
    pub exits: Vec<ExitRecord>,
}

/// What can be told of a workload: to be saved before a bad version is removed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// Its replicas, the running ones first, then those removed lately.
    pub replicas: Vec<ReplicaEvidence>,
    /// What happened to it, at most 100, the newest last.
    pub events: Vec<EngineEvent>,
}

/// A piece of a replica's log.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LogChunk {
    /// Where this piece begins; later than asked when the beginning was dropped.
    pub offset: u64,
    /// Where the next piece begins.
    pub next_offset: u64,
    /// The bytes, as they were written.
    pub bytes: Vec<u8>,
    /// Whether nothing will follow: the replica is gone.
    pub ended: bool,
}
