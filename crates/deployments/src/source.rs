//! Where an application's manifests come from: Argo CD's `spec.source` and `spec.sources`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where manifests come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `repoURL`: an address of a repository on this server, `owner/name` included.
    pub repo_url: String,
    /// `path`: a folder of the repository, without leading or trailing slash; `.` is the root. Empty:
    /// nothing of it is rendered, it only has a name (`ref`).
    pub path: String,
    /// `targetRevision`: a branch, tag or commit; `HEAD` is the default branch.
    pub target_revision: String,
    /// `kustomize`: changes on top of the folder's own kustomization.
    pub kustomize: Option<KustomizeOptions>,
    /// `directory`: plain manifests.
    pub directory: Option<DirectoryOptions>,
    /// `helm`: how the folder's chart is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmOptions>,
    /// `ref`: the name by which value files of other sources mean this one (`$name/path`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
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

/// `spec.source.helm`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HelmOptions {
    /// `releaseName`; empty: the application's name.
    pub release_name: String,
    /// `namespace`; empty: the destination's.
    pub namespace: String,
    /// `valueFiles`, the last wins.
    pub value_files: Vec<String>,
    /// `ignoreMissingValueFiles`.
    pub ignore_missing_value_files: bool,
    /// `valuesObject` as JSON, else `values`: wins over the files.
    pub values: String,
    /// `parameters`: win over all values.
    pub parameters: Vec<HelmParameter>,
    /// `fileParameters`.
    pub file_parameters: Vec<HelmFileParameter>,
    /// `skipCrds`.
    pub skip_crds: bool,
    /// `skipTests`.
    pub skip_tests: bool,
    /// `skipSchemaValidation`.
    pub skip_schema_validation: bool,
    /// `kubeVersion`; empty: what Helm was built for.
    pub kube_version: String,
    /// `apiVersions`: beside those that Helm knows.
    pub api_versions: Vec<String>,
}

/// One entry of `spec.source.helm.parameters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HelmParameter {
    /// The path of the value, `image.tag`.
    pub name: String,
    /// The value.
    #[serde(default)]
    pub value: String,
    /// Whether it is text whatever it looks like.
    #[serde(default)]
    pub force_string: bool,
}

/// One entry of `spec.source.helm.fileParameters`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HelmFileParameter {
    /// The path of the value.
    pub name: String,
    /// The file whose text is the value.
    pub path: String,
}

impl Source {
    /// Whether manifests come of it; else it only has a name for others.
    #[must_use]
    pub fn is_rendered(&self) -> bool {
        !self.path.is_empty()
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
