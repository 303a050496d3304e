//! Argo CD's `Application` as Boucle reads it: a strict subset, the rest refused by name.

use std::collections::BTreeMap;

use ledger::ApplicationName;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::application_file::{self, ApplicationFile};
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
    /// `spec.source`.
    pub source: Source,
    /// `spec.destination`.
    pub destination: Destination,
    /// `spec.syncPolicy`.
    pub sync: SyncPolicy,
    /// `spec.ignoreDifferences`.
    pub ignore_differences: Vec<IgnoreDifference>,
}

/// Where the manifests come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `repoURL`: an address of a repository on this server, `owner/name` included.
    pub repo_url: String,
    /// `path`: a folder of the repository, without leading or trailing slash; `.` is the root.
    pub path: String,
    /// `targetRevision`: a branch, tag or commit; `HEAD` is the default branch.
    pub target_revision: String,
    /// `kustomize`: changes on top of the folder's own kustomization.
    pub kustomize: Option<KustomizeOptions>,
    /// `directory`: plain manifests.
    pub directory: Option<DirectoryOptions>,
}

/// `spec.source.kustomize`; each field means what the same field of a kustomization means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct KustomizeOptions {
    /// `namePrefix`.
    pub name_prefix: String,
    /// `nameSuffix`.
    pub name_suffix: String,
    /// `namespace`.
    pub namespace: String,
    /// `commonLabels`.
    pub common_labels: BTreeMap<String, String>,
    /// `commonAnnotations`.
    pub common_annotations: BTreeMap<String, String>,
    /// `images`: `name`, `name=new`, `name:tag`, `name@digest`, `name=new:tag`.
    pub images: Vec<String>,
    /// `replicas`.
    pub replicas: Vec<ReplicaCount>,
}

/// One entry of `spec.source.kustomize.replicas`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaCount {
    /// The workload's name.
    pub name: String,
    /// How many replicas.
    pub count: u32,
}

/// `spec.source.directory`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct DirectoryOptions {
    /// Whether folders below are read too.
    pub recurse: bool,
    /// A glob of the files that are read; empty: all.
    pub include: String,
    /// A glob of the files that are not read; wins over `include`.
    pub exclude: String,
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

    /// Whether the automation acts on its own.
    #[must_use]
    pub fn automated(&self) -> Option<Automated> {
        self.sync.automated
    }

    /// The JSON pointers that do not count when this object is compared.
    #[must_use]
    pub fn ignored_pointers(&self, key: &crate::ObjectKey) -> Vec<&str> {
        self.ignored(key)
            .flat_map(|ignore| ignore.json_pointers.iter().map(String::as_str))
            .collect()
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
            .filter(move |ignore| any(&ignore.group, &key.group) && any(&ignore.kind, &key.kind))
            .filter(|ignore| ignore.name.as_ref().is_none_or(|name| *name == key.name))
            .filter(|ignore| ignore.namespace.as_ref().is_none_or(|space| *space == key.namespace))
    }
}

impl KustomizeOptions {
    /// The options as a kustomization over `resource`, a relative path to the source's folder; what
    /// Argo CD does with `kustomize edit`.
    #[must_use]
    pub fn kustomization(&self, resource: &str) -> Value {
        let mut fields = serde_json::Map::new();
        fields.insert("resources".into(), Value::from(vec![resource]));
        let mut put = |name: &str, value: Value| {
            let empty = match &value {
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
                Value::Null | Value::Bool(_) | Value::Number(_) => false,
            };
            if !empty {
                fields.insert(name.into(), value);
            }
        };
        put("namePrefix", Value::from(self.name_prefix.clone()));
        put("nameSuffix", Value::from(self.name_suffix.clone()));
        put("namespace", Value::from(self.namespace.clone()));
        put("commonLabels", serde_json::json!(self.common_labels));
        put("commonAnnotations", serde_json::json!(self.common_annotations));
        put("images", Value::Array(self.images.iter().map(|image| image_entry(image)).collect()));
        put("replicas", serde_json::json!(self.replicas));
        Value::Object(fields)
    }
}

/// `name=new:tag` and its shorter forms as an entry of a kustomization's `images`.
fn image_entry(text: &str) -> Value {
    let (name, new) = match text.split_once('=') {
        Some((name, new)) => (Some(name), new),
        None => (None, text),
    };
    let (new_name, suffix) = split_image(new);
    let mut entry = serde_json::Map::new();
    entry.insert("name".into(), Value::from(name.unwrap_or(new_name)));
    if name.is_some() {
        entry.insert("newName".into(), Value::from(new_name));
    }
    match suffix {
        Some(('@', digest)) => drop(entry.insert("digest".into(), Value::from(digest))),
        Some((_, tag)) => drop(entry.insert("newTag".into(), Value::from(tag))),
        None => {}
    }
    Value::Object(entry)
}

fn split_image(image: &str) -> (&str, Option<(char, &str)>) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, Some(('@', digest)));
    }
    // A colon before the last slash is a port of the registry, not a tag.
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some((':', tag))),
        _ => (image, None),
    }
}
