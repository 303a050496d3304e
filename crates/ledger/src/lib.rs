//! The append-only record of facts and decisions, without any input or output.
//!
//! A [`Draft`] says what somebody observed, decided or did; appending turns it into a [`Fact`] with a
//! place in one total order. A draft names the fact on its subject that it was based on
//! ([`Expected`]); if another fact came first the append is refused and the caller looks again.
//! State is never stored: it is folded from facts by a [`View`].
//!
//! Absent on purpose: storage (crate `database`), the meaning of a fact (each domain's `facts.rs`).

mod canonical;
mod checkpoint;
mod export;
mod fact;
mod ids;
mod memory;
mod tree;

pub use canonical::{canonical_fact, canonical_json};
pub use checkpoint::{Checkpoint, NoteError, VerifierKey};
pub use export::{
    Finding, Trust, Trusted, Verification, checkpoint_line, fact_line, header_line, verify,
};
pub use fact::{AppendRefusal, Draft, Expected, Fact, FactBody, View, decode};
pub use ids::{
    Actor, ActorKind, ApplicationName, ArtifactDigest, CommitId, EnvironmentName, IncidentId,
    InvalidId, ObjectId, PullRequestNumber, RefName, RepositoryName, RunId, Sequence, Subject,
    SubjectKind, Timestamp, TreeId,
};
pub use memory::MemoryLedger;
pub use tree::{
    InvalidTreeHash, MissingNode, Node, NodeAddress, TreeHash, TreeState, consistency_proof,
    inclusion_proof, inclusion_root, leaf_hash, node_hash, verify_consistency, verify_inclusion,
};
