//! Where an application's manifests come from: Argo CD's `spec.source` and `spec.sources`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::chart::Chart;

/// Where manifests come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// `repoURL`: an address of a repository on this server, `owner/name` included, or of charts.
    pub repo_url: String,
    /// `path`: a folder of the repository, without leading or trailing slash; `.` is the root. Empty:
    /// nothing of it is rendered, it only has a name (`ref`), or it is all of what is not in Git.
    pub path: String,
    /// `targetRevision`: a branch, tag or commit; `HEAD` is the default branch.
    pub target_revision: String,
    /// `kustomize`: changes to the folder's own kustomization.
    pub kustomize: Option<KustomizeOptions>,
    /// `directory`: plain manifests.
    pub directory: Option<DirectoryOptions>,
    /// `helm`: how the folder's chart is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helm: Option<HelmOptions>,
    /// `plugin`: a program that the operator named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin: Option<PluginOptions>,
    /// `ref`: the name by which value files of other sources mean this one (`$name/path`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The chart, or the artifact with other files, that is meant when the source is no repository of
    /// Git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
}

/// `spec.source.kustomize`: changes to the folder's own kustomization, as Argo CD makes them with
/// `kustomize edit`.
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
    /// `commonAnnotationsEnvsubst`: replace `$ARGOCD_APP_…` in the annotations.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub common_annotations_envsubst: bool,
    /// `forceCommonLabels`: replace labels that the kustomization has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_common_labels: bool,
    /// `forceCommonAnnotations`: replace annotations that the kustomization has.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub force_common_annotations: bool,
    /// `labelWithoutSelector`: leave labels out of selectors and templates.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub label_without_selector: bool,
    /// `labelIncludeTemplates`: but not out of templates.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub label_include_templates: bool,
    /// `patches`, as a kustomization has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Value>,
    /// `components`: paths as seen from the source's folder.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// `ignoreMissingComponents`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ignore_missing_components: bool,
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
    /// `jsonnet`: how files that are Jsonnet are evaluated.
    #[serde(skip_serializing_if = "JsonnetOptions::is_empty")]
    pub jsonnet: JsonnetOptions,
}

/// `spec.source.directory.jsonnet`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct JsonnetOptions {
    /// `extVars`: what `std.extVar` gives.
    pub ext_vars: Vec<JsonnetVariable>,
    /// `tlas`: what a file that is a function is called with.
    pub tlas: Vec<JsonnetVariable>,
    /// `libs`: folders from the repository's root in which imports are looked for.
    pub libs: Vec<String>,
}

/// One entry of `spec.source.directory.jsonnet.extVars` or `.tlas`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonnetVariable {
    /// Its name.
    pub name: String,
    /// A text.
    pub value: String,
    /// Whether the text is Jsonnet.
    #[serde(default)]
    pub code: bool,
}

impl JsonnetOptions {
    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// `spec.source.plugin`: a program that the operator named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PluginOptions {
    /// `name`.
    pub name: String,
    /// `env`.
    pub env: Vec<PluginVariable>,
    /// `parameters`, as they are written: each has a `name` and a `string`, an `array` or a `map`.
    pub parameters: Vec<Value>,
}

/// One entry of `spec.source.plugin.env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
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
        !self.path.is_empty() || self.chart.is_some()
    }
}
