//! Why an application is not changed now; each with a code and a sentence.

use std::fmt;

use ledger::{ApplicationName, EnvironmentName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::dependencies::DependencyWait;
use crate::hold::Holder;
use crate::objects::ObjectKey;
use crate::project::{ProjectRefusal, WindowKind, WindowWait};
use crate::rollout::StepWait;

/// One reason why nothing is written to the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// An object on a cluster holds the automation, and nobody asked.
    Held { holder: Holder, by: String },
    /// The target was changed and putting it back is switched off.
    SelfHealOff { objects: Vec<ObjectKey> },
    /// What was put back several times in a row was changed again; the next repair waits.
    RepairLater { objects: Vec<ObjectKey>, until: Timestamp },
    /// The last apply of this rendering failed; it is tried again later.
    RetryLater {
        failures: u32,
        until: Timestamp,
        /// The last failure, with its object.
        #[serde(default)]
        problem: String,
    },
    /// The last apply of this rendering failed too often.
    RetriesExhausted {
        failures: u32,
        /// The last failure, with its object.
        #[serde(default)]
        problem: String,
    },
    /// The overlay names an artifact of which nothing has been promoted yet.
    ArtifactNotPromoted { artifact: String, environment: EnvironmentName },
    /// No file declares the project that the application names.
    ProjectMissing { project: String },
    /// The project does not permit it.
    ProjectRefuses { project: String, refusal: ProjectRefusal },
    /// Its set would remove it and many others; nothing is removed before a person confirms it.
    SetRemovesMany { set: String, removals: Vec<ObjectKey>, existing: usize },
    /// An application that it depends on is not ready.
    WaitsForDependency { application: ApplicationName, wait: DependencyWait },
    /// Its set goes by steps, and it is not its turn.
    WaitsForStep { wait: StepWait },
    /// The project's windows say that it is not the time.
    SyncWindow { wait: WindowWait },
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
            Self::Held { .. } => "held",
            Self::SelfHealOff { .. } => "self-heal-off",
            Self::RepairLater { .. } => "repair-later",
            Self::RetryLater { .. } => "retry-later",
            Self::RetriesExhausted { .. } => "retries-exhausted",
            Self::ArtifactNotPromoted { .. } => "artifact-not-promoted",
            Self::ProjectMissing { .. } => "project-missing",
            Self::ProjectRefuses { .. } => "project-refuses",
            Self::SetRemovesMany { .. } => "set-removes-many",
            Self::WaitsForDependency { .. } => "waits-for-dependency",
            Self::WaitsForStep { .. } => "waits-for-step",
            Self::SyncWindow { .. } => "sync-window",
        }
    }

    /// Whether it holds back only what nobody asked for.
    #[must_use]
    pub fn ends_when_asked(&self) -> bool {
        matches!(
            self,
            Self::ManualSync { .. }
                | Self::Held { .. }
                | Self::SelfHealOff { .. }
                | Self::RepairLater { .. }
                | Self::RetryLater { .. }
                | Self::RetriesExhausted { .. }
                | Self::WaitsForStep { .. }
        )
    }

    /// Until when it holds at the latest, when time alone ends it.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "only these end by time alone")]
        match self {
            Self::RepairLater { until, .. } | Self::RetryLater { until, .. } => Some(*until),
            Self::SyncWindow { wait } => wait.until,
            _ => None,
        }
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
                "the destination `{address}` is no cluster that this server knows; declare it in Git with `boucle cluster add`, start the server with a kubeconfig that has it, or use `name: local` for processes of this machine; `boucle cluster list` says what a declared one lacks"
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
            Self::Held { holder, by } => write!(
                f,
                "nothing is written by itself while the {holder} is suspended (`{by}` wrote `spec.suspend`); resume that object, or ask for a synchronisation"
            ),
            Self::SelfHealOff { objects } => write!(
                f,
                "{} changed on the target and `selfHeal` is off; ask for a synchronisation or set it",
                list(objects)
            ),
            Self::RepairLater { objects, until } => write!(
                f,
                "{} is changed again each time it is put back; the next repair is at {until}; find who writes it, or list the field in `ignoreDifferences`",
                list(objects)
            ),
            Self::RetryLater { failures, until, problem } => write!(
                f,
                "applying this rendering failed ({failures}), and is tried again at {until}; the last time: {problem}"
            ),
            Self::ArtifactNotPromoted { artifact, environment } => write!(
                f,
                "nothing of `{artifact}` has been promoted to {environment} yet; the first published build is"
            ),
            Self::ProjectMissing { project } => write!(
                f,
                "the project `{project}` is declared in no file that can be read, so nothing is permitted; add an AppProject of this name beside the application, or name another in `spec.project`"
            ),
            Self::ProjectRefuses { project, refusal } => {
                write!(f, "the project `{project}` does not permit this: {refusal}")
            }
            Self::SetRemovesMany { set, removals, existing } => write!(
                f,
                "the set `{set}` no longer generates {} of its {existing} applications: {}; nothing is removed; confirm the deletion of all of them or put them back into Git",
                removals.len(),
                list(removals)
            ),
            Self::WaitsForDependency { application, wait } => write!(
                f,
                "it waits for the application {application}, on which it depends: {wait}; it goes on once that one is synchronised and healthy"
            ),
            Self::WaitsForStep { wait } => wait.fmt(f),
            Self::SyncWindow { wait } => wait.fmt(f),
            Self::RetriesExhausted { failures, problem } => write!(
                f,
                "applying this rendering failed {failures} times, which is the limit; push a change or ask for a synchronisation; the last time: {problem}"
            ),
        }
    }
}

/// What is not permitted, and what would permit it.
impl fmt::Display for ProjectRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source { repository, denied_by: Some(rule) } => {
                write!(f, "the repository {repository} is denied by `{rule}` of its `sourceRepos`")
            }
            Self::Source { repository, denied_by: None } => write!(
                f,
                "no entry of its `sourceRepos` matches the repository {repository}; add one"
            ),
            Self::Destination { place, namespace, denied_by: Some(rule) } => write!(
                f,
                "the destination {place}, namespace `{namespace}`, is denied by `{rule}` of its `destinations`"
            ),
            Self::Destination { place, namespace, denied_by: None } => write!(
                f,
                "no entry of its `destinations` matches {place}, namespace `{namespace}`; add one"
            ),
            Self::Namespace { object } => write!(
                f,
                "{object} is not in a namespace of its `destinations`; add the namespace or move the object"
            ),
            Self::Kind { object, is_denied: true, cluster_scoped } => {
                let list = denials(*cluster_scoped);
                write!(f, "{object} is of a kind that its `{list}` denies")
            }
            Self::Kind { object, is_denied: false, cluster_scoped } => {
                let list = permissions(*cluster_scoped);
                write!(
                    f,
                    "{object} is of a kind that its `{list}` does not have; add `{{group: '{}', kind: {}}}`",
                    object.group, object.kind
                )
            }
            Self::ServiceAccount { place, namespace } => write!(
                f,
                "its `destinationServiceAccounts` have no account for {place}, namespace `{namespace}`, and nobody else may act; add an entry"
            ),
        }
    }
}

/// Whose end is waited for, and the way out.
impl fmt::Display for StepWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { set, step, application, wait } = self;
        write!(
            f,
            "it waits for step {step} of the set `{set}`, of which the application {application} is not ready: {wait}; it goes on after it, or when a person asks for a synchronisation"
        )
    }
}

fn permissions(cluster_scoped: bool) -> &'static str {
    if cluster_scoped { "clusterResourceWhitelist" } else { "namespaceResourceWhitelist" }
}

fn denials(cluster_scoped: bool) -> &'static str {
    if cluster_scoped { "clusterResourceBlacklist" } else { "namespaceResourceBlacklist" }
}

/// What holds it back, until when, and what a person may do.
impl fmt::Display for WindowWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { project, kind, schedule, until, manual } = self;
        match kind {
            WindowKind::Deny => {
                write!(f, "a window of the project `{project}` denies changes now ({schedule})")?;
            }
            WindowKind::Allow => write!(
                f,
                "no window of the project `{project}` that allows changes is open now ({schedule})"
            )?,
        }
        match until {
            Some(until) => write!(f, "; it goes on at {until}")?,
            None => f.write_str("; it will not end by itself")?,
        }
        f.write_str(if *manual {
            ", or when a person asks for a synchronisation"
        } else {
            "; a person's request waits too"
        })
    }
}
