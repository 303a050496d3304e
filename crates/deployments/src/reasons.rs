//! Why an application is not changed now; each with a code and a sentence.

use std::fmt;

use ledger::{EnvironmentName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::objects::ObjectKey;

/// One reason why nothing is written to the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum BlockReason {
    /// The destination is no cluster that is known.
    ClusterUnavailable { address: String },
    /// What is on the target is not known, or only in part.
    InventoryMissing { what: String },
    /// What is known of the target is older than the last apply.
    InventoryStale { as_of: Timestamp },
    /// A manifest without apiVersion, kind or name; the number counts the rendering from 1.
    NotAnObject { document: usize },
    /// Two manifests are the same object.
    DuplicateObject { object: ObjectKey },
    /// The target does not run this kind.
    UnknownKind { object: ObjectKey },
    /// The target cannot run this manifest as it is.
    InvalidManifest { object: ObjectKey, message: String },
    /// An annotation that orders the synchronisation is wrong or not supported.
    InvalidOrder { object: ObjectKey, message: String },
    /// The object names a namespace that is not there.
    NamespaceMissing { object: ObjectKey },
    /// Another application owns the live object.
    OwnedByAnother { object: ObjectKey, application: String },
    /// More deletions than the policy allows without a person.
    MassDeletion { deletions: Vec<ObjectKey>, existing: usize, allowed: usize },
    /// The rendering is empty and would delete everything.
    WouldDeleteEverything { deletions: Vec<ObjectKey> },
    /// One commit removed many applications with their objects.
    MassRemoval { deletions: Vec<ObjectKey>, together: usize, of: usize },
    /// Deletions that ask for a person by `Prune=confirm` or `Delete=confirm`.
    DeletionNeedsConfirmation { deletions: Vec<ObjectKey> },
    /// Automation is off and nobody asked.
    ManualSync { changes: usize },
    /// The target was changed and putting it back is switched off.
    SelfHealOff { objects: Vec<ObjectKey> },
    /// The last apply of this rendering failed; it is tried again later.
    RetryLater { failures: u32, until: Timestamp },
    /// The last apply of this rendering failed too often.
    RetriesExhausted { failures: u32 },
    /// The overlay names an artifact of which nothing has been promoted yet.
    ArtifactNotPromoted { artifact: String, environment: EnvironmentName },
}

impl BlockReason {
    /// A stable name for programs and `boucle explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::ClusterUnavailable { .. } => "cluster-unavailable",
            Self::InventoryMissing { .. } => "inventory-missing",
            Self::InventoryStale { .. } => "inventory-stale",
            Self::NotAnObject { .. } => "not-an-object",
            Self::DuplicateObject { .. } => "duplicate-object",
            Self::UnknownKind { .. } => "unknown-kind",
            Self::InvalidManifest { .. } => "invalid-manifest",
            Self::InvalidOrder { .. } => "invalid-order",
            Self::NamespaceMissing { .. } => "namespace-missing",
            Self::OwnedByAnother { .. } => "owned-by-another",
            Self::MassDeletion { .. } => "mass-deletion",
            Self::WouldDeleteEverything { .. } => "would-delete-everything",
            Self::MassRemoval { .. } => "mass-removal",
            Self::DeletionNeedsConfirmation { .. } => "deletion-needs-confirmation",
            Self::ManualSync { .. } => "manual-sync",
            Self::SelfHealOff { .. } => "self-heal-off",
            Self::RetryLater { .. } => "retry-later",
            Self::RetriesExhausted { .. } => "retries-exhausted",
            Self::ArtifactNotPromoted { .. } => "artifact-not-promoted",
        }
    }

    /// Until when it holds at the latest, when time alone ends it.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        if let Self::RetryLater { until, .. } = self { Some(*until) } else { None }
    }
}

/// What is wrong, why, and what to do next.
impl fmt::Display for BlockReason {
    #[expect(clippy::too_many_lines, reason = "one sentence for each variant")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |objects: &[ObjectKey]| {
            objects.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::ClusterUnavailable { address } => write!(
                f,
                "the destination `{address}` is no cluster that this server knows; start it with a kubeconfig that has it, or use `name: local` for processes of this machine"
            ),
            Self::InventoryMissing { what } => write!(
                f,
                "what runs on the target is not known ({what}), so nothing is changed; the next observation decides"
            ),
            Self::InventoryStale { as_of } => write!(
                f,
                "the target was last observed at {as_of}, before the last apply ended; the next observation decides"
            ),
            Self::NotAnObject { document } => write!(
                f,
                "document {document} of the rendering has no apiVersion, kind or metadata.name; add them"
            ),
            Self::DuplicateObject { object } => write!(f, "{object} is rendered twice; remove one"),
            Self::UnknownKind { object } => write!(
                f,
                "{object}: this target does not run the kind {}; nothing was written; remove the object or deploy it elsewhere",
                object.group_kind()
            ),
            Self::InvalidManifest { object, message } => {
                write!(f, "{object}: {message}; nothing was written")
            }
            Self::InvalidOrder { object, message } => write!(f, "{object}: {message}"),
            Self::NamespaceMissing { object } => write!(
                f,
                "{object} goes to a namespace that does not exist or is not named; set `spec.destination.namespace`, add a Namespace, or set `CreateNamespace=true`"
            ),
            Self::OwnedByAnother { object, application } => write!(
                f,
                "{object} belongs to application {application}; remove it from one of the two"
            ),
            Self::MassDeletion { deletions, existing, allowed } => write!(
                f,
                "{} of {existing} objects would be deleted and {allowed} may go without a person: {}; confirm the deletion or put them back into Git",
                deletions.len(),
                list(deletions)
            ),
            Self::WouldDeleteEverything { deletions } => write!(
                f,
                "the rendering is empty and would delete every object: {}; confirm the deletion, or set `allowEmpty`",
                list(deletions)
            ),
            Self::DeletionNeedsConfirmation { deletions } => {
                write!(
                    f,
                    "`Prune=confirm` or `Delete=confirm` holds the deletion of {}; confirm it",
                    list(deletions)
                )
            }
            Self::MassRemoval { deletions, together, of } => write!(
                f,
                "one commit removed {together} of {of} applications with their objects; confirm the deletion of {}, or put the files back into Git",
                list(deletions)
            ),
            Self::ManualSync { changes } => write!(
                f,
                "{changes} changes wait because automation is off; ask for a synchronisation"
            ),
            Self::SelfHealOff { objects } => write!(
                f,
                "{} changed on the target and `selfHeal` is off; ask for a synchronisation or set it",
                list(objects)
            ),
            Self::RetryLater { failures, until } => write!(
                f,
                "applying this rendering failed {failures} times; it is tried again at {until}"
            ),
            Self::ArtifactNotPromoted { artifact, environment } => write!(
                f,
                "nothing of `{artifact}` has been promoted to {environment} yet; the first published build is"
            ),
            Self::RetriesExhausted { failures } => write!(
                f,
                "applying this rendering failed {failures} times, which is the limit; push a change or ask for a synchronisation"
            ),
        }
    }
}
