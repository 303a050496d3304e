//! Runs manifests as local processes: a small Kubernetes for one machine.
//!
//! Wishes come in by [`Engine::apply`] and are kept on disk; what is there comes out by
//! [`Engine::observe`]. One reconciler compares the two whenever something happened and starts or
//! stops replicas; each replica is a task of its own that runs its containers in sandboxes.
//!
//! What is different from Kubernetes, and why, is in `docs/decisions/0002-process-ports.md`.
//! What is absent on purpose: several machines, an API server, anything that polls a registry.

mod container;
mod engine;
mod environment;
mod event;
mod images;
mod ingress;
mod logs;
mod model;
mod ports;
mod probe;
mod quantity;
mod replica;
mod report;
mod rollout;
mod service;
mod state;
mod status;
mod store;
mod supported;
mod volumes;

pub use engine::{Config, Engine, OpenError};
pub use event::{EngineEvent, EventReason, ObjectKey};
pub use images::{BoxFuture, ImageProblem, Images, UnpackedImage};
pub use report::{
    Applied, ApplyRefusal, Change, Evidence, ExitRecord, Inventory, LogChunk, LogLine, ProbeAnswer,
    ProbeKind, ReplicaEvidence, ScrapeTarget, ServiceEndpoint,
};
pub use supported::{Unsupported, supported};
