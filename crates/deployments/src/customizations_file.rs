//! A ConfigMap `argocd-cm` in Git: how objects are judged, and which of their differences do not
//! count, in all applications of its repository.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::core_file::{ApiVersion, refused_at};
use crate::lua::Customizations;

/// The name that the ConfigMap must have.
const NAME: &str = "argocd-cm";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ConfigMapFile {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    metadata: Metadata,
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
enum Kind {
    ConfigMap,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default, rename = "namespace")]
    _namespace: Option<String>,
    #[serde(default, rename = "labels")]
    _labels: BTreeMap<String, String>,
    #[serde(default, rename = "annotations")]
    _annotations: BTreeMap<String, String>,
}

/// Reads the file. Settings of Argo CD's own server are refused by name: nothing would follow them.
pub(crate) fn parse(file: &str, text: &str) -> Result<Customizations, yaml::YamlError> {
    let parsed: ConfigMapFile = yaml::document(file, text)?;
    let refused = |word: &str, message: String| refused_at(file, text, word, message);
    if parsed.metadata.name != NAME {
        let name = parsed.metadata.name;
        let message = format!("the ConfigMap `{name}` declares nothing here; only `{NAME}` does");
        return Err(refused("name:", message));
    }
    let is_foreign = |key: &&String| {
        let rest = key.strip_prefix("resource.customizations");
        !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if let Some(key) = parsed.data.keys().find(is_foreign) {
        let message = format!(
            "`{key}` is a setting of Argo CD's server; keep only `resource.customizations` in this file"
        );
        return Err(refused(key, message));
    }
    Customizations::read(&parsed.data).map_err(|error| refused(&error.key, error.to_string()))
}
