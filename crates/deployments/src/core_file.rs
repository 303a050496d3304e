//! What files of Kubernetes' core group have in common.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The one version of the core types.
#[derive(Debug, Deserialize)]
pub(crate) enum ApiVersion {
    #[serde(rename = "v1")]
    V1,
}

/// A refusal at the first line that begins with a word, else at the first of the file.
pub(crate) fn refused_at(file: &str, text: &str, word: &str, message: String) -> yaml::YamlError {
    let line = text.lines().position(|line| line.trim_start().starts_with(word));
    let line = line.map_or(1, |line| line as u64 + 1);
    yaml::YamlError { file: file.into(), line, column: 1, message }
}

/// A ConfigMap, as a file.
#[derive(Debug, Deserialize)]
#[serde(from = "ConfigMapShape")]
pub(crate) struct ConfigMapFile {
    /// `metadata.name`.
    pub(crate) name: String,
    /// `data`.
    pub(crate) data: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigMapShape {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: ConfigMapKind,
    metadata: ConfigMapMetadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
enum ConfigMapKind {
    ConfigMap,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigMapMetadata {
    name: String,
    #[serde(default, rename = "namespace")]
    _namespace: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: BTreeMap<String, String>,
    #[serde(default, rename = "annotations")]
    _annotations: BTreeMap<String, String>,
}

impl From<ConfigMapShape> for ConfigMapFile {
    fn from(shape: ConfigMapShape) -> Self {
        Self { name: shape.metadata.name, data: shape.data }
    }
}
