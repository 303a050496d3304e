//! Argo CD's `Application` as Boucle reads it: a strict subset, the rest refused by name.

use std::collections::BTreeMap;

use ledger::ApplicationName;
use serde::{Deserialize, Serialize};

use crate::application_file::{self, ApplicationFile};
use crate::application_set::PullRequestId;
use crate::jq::{IgnoredFields, JqPath};
use crate::rollout::Rollout;
use crate::source::Source;
use crate::sync_options::{Propagation, SyncOptions};

/// One deployed thing: where its manifests come from, where they go and how they are kept equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Application {
    /// `metadata.name`.
    pub name: ApplicationName,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`.
    pub annotations: BTreeMap<String, String>,
    /// Whether removing the application deletes its objects, and what becomes of what they own
    /// (`resources-finalizer.argocd.argoproj.io`); `None`: they are left running.
    pub delete_objects_on_removal: Option<Propagation>,
    /// `spec.project`.
    pub project: String,
    /// `spec.source`, or the first of `spec.sources`.
    pub source: Source,
    /// The others of `spec.sources`, in order; an object of a later one wins.
    #[serde(default)]
    pub further_sources: Vec<Source>,
    /// `spec.destination`.
    pub destination: Destination,
    /// `spec.syncPolicy`.
    pub sync: SyncPolicy,
    /// `spec.ignoreDifferences`.
    pub ignore_differences: Vec<IgnoreDifference>,
    /// The same of all applications of its repository, which its own file does not have.
    #[serde(default)]
    pub shared_ignore_differences: Vec<IgnoreDifference>,
    /// Its place in the steps of its set, which its own file does not have either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// The pull request of which its set made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<PullRequestId>,
}

/// Where the objects go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// What runs the objects.
    pub target: Target,
    /// `namespace`: of objects that name none; may be empty.
    pub namespace: String,
}

/// What runs an application's objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// Processes of this machine: `name: local` or `server: process://local`.
    Processes,
    /// A Kubernetes cluster by its server's address or its name.
    Cluster {
        /// As written in the file.
        address: String,
    },
}

/// When and how the target is made equal to Git.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncPolicy {
    /// `automated`; `None`, or `enabled: false`: a person asks for each synchronisation.
    pub automated: Option<Automated>,
    /// `CreateNamespace=true` among `syncOptions`.
    pub create_namespace: bool,
    /// `managedNamespaceMetadata`: what a namespace that is made carries.
    pub namespace_metadata: NamespaceMetadata,
    /// The other `syncOptions`.
    pub options: SyncOptions,
    /// `retry`.
    pub retry: Retry,
}

/// `spec.syncPolicy.managedNamespaceMetadata`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NamespaceMetadata {
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// `spec.syncPolicy.automated`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Automated {
    /// Objects that left Git are deleted.
    pub prune: bool,
    /// Objects that were changed on the target are put back.
    pub self_heal: bool,
    /// An empty rendering may delete everything.
    pub allow_empty: bool,
}

impl Automated {
    /// `automated: {}`.
    pub const BARE: Self = Self { prune: false, self_heal: false, allow_empty: false };
}

/// `spec.syncPolicy.retry`: how a failed apply of the same rendering is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How many more attempts; 5 unless the file says otherwise.
    pub limit: u32,
    /// The first wait, in milliseconds.
    pub first_ms: i64,
    /// What each next wait is multiplied by.
    pub factor: u32,
    /// The longest wait, in milliseconds.
    pub longest_ms: i64,
}

/// Argo CD's defaults: 5 attempts, 5 s, doubled, at most 3 minutes.
impl Default for Retry {
    fn default() -> Self {
        Self { limit: 5, first_ms: 5_000, factor: 2, longest_ms: 180_000 }
    }
}

/// Fields in which Git and the target may differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreDifference {
    /// `*` is every group; empty is the core group.
    pub group: String,
    /// `*` is every kind.
    pub kind: String,
    /// `None`: every name.
    pub name: Option<String>,
    /// `None`: every namespace.
    pub namespace: Option<String>,
    /// RFC 6901.
    pub json_pointers: Vec<String>,
    /// Expressions that name fields.
    #[serde(default)]
    pub jq_paths: Vec<JqPath>,
    /// Field managers whose fields do not count.
    pub managers: Vec<String>,
}

impl Application {
    /// Reads the one `Application` of a file. What Argo CD knows and Boucle does not yet is refused
    /// by name and reason; what nobody knows is refused by name; both with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        let parsed: ApplicationFile = yaml::document(file, text)?;
        application_file::convert(parsed).map_err(|message| yaml::YamlError {
            file: file.into(),
            line: 1,
            column: 1,
            message,
        })
    }

    /// Where the manifests come from, in order.
    pub fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(&self.further_sources)
    }

    /// Whether the automation acts on its own. Where a set goes by steps they say so, whatever the
    /// application says.
    #[must_use]
    pub fn automated(&self) -> Option<Automated> {
        match &self.rollout {
            None => self.sync.automated,
            Some(rollout) => {
                rollout.has_turn().then(|| self.sync.automated.unwrap_or(Automated::BARE))
            }
        }
    }

    /// What its file alone says: without what its repository and its set add.
    #[must_use]
    pub fn of_its_file(&self) -> Self {
        Self { shared_ignore_differences: Vec::new(), rollout: None, ..self.clone() }
    }

    /// The fields that do not count when this object is compared.
    #[must_use]
    pub fn ignored_fields(&self, key: &crate::ObjectKey) -> IgnoredFields {
        let mut fields = IgnoredFields::NONE;
        for ignore in self.ignored(key) {
            fields.json_pointers.extend_from_slice(&ignore.json_pointers);
            fields.jq_paths.extend_from_slice(&ignore.jq_paths);
        }
        fields
    }

    /// The field managers whose fields do not count when this object is compared.
    #[must_use]
    pub fn ignored_managers(&self, key: &crate::ObjectKey) -> Vec<&str> {
        self.ignored(key).flat_map(|ignore| ignore.managers.iter().map(String::as_str)).collect()
    }

    fn ignored(&self, key: &crate::ObjectKey) -> impl Iterator<Item = &IgnoreDifference> {
        let any = |pattern: &str, text: &str| pattern == "*" || pattern == text;
        self.ignore_differences
            .iter()
            .chain(&self.shared_ignore_differences)
            .filter(move |ignore| any(&ignore.group, &key.group) && any(&ignore.kind, &key.kind))
            .filter(|ignore| ignore.name.as_ref().is_none_or(|name| *name == key.name))
            .filter(|ignore| ignore.namespace.as_ref().is_none_or(|space| *space == key.namespace))
    }
}
