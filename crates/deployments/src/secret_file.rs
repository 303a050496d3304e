//! What the Secrets of Argo CD's that lie in Git have in common: a label that says what they declare, and
//! values, where the name of a secret of this server stands for what nobody may read.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::core_file::ApiVersion;

/// What is wrong, and the word of the file that it is about.
pub(crate) type Problem = (&'static str, String);

/// The label that says what a Secret declares.
pub(crate) const TYPE_LABEL: &str = "argocd.argoproj.io/secret-type";

/// The one Secret of a file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretFile {
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    #[serde(rename = "kind")]
    _kind: Kind,
    metadata: Metadata,
    #[serde(default, rename = "type")]
    _type: Option<SecretType>,
    /// The values in base64.
    #[serde(default)]
    data: BTreeMap<String, String>,
    /// The values as they are; these win.
    #[serde(default)]
    string_data: BTreeMap<String, String>,
}

/// Its metadata.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "namespace")]
    _namespace: Option<String>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) annotations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
enum Kind {
    Secret,
}

#[derive(Debug, Deserialize)]
enum SecretType {
    Opaque,
}

impl SecretFile {
    /// What it declares, as its label says.
    pub(crate) fn secret_type(&self) -> Option<&str> {
        self.metadata.labels.get(TYPE_LABEL).map(String::as_str)
    }

    /// All values as text.
    pub(crate) fn into_values(self) -> Result<(Metadata, BTreeMap<String, String>), Problem> {
        let mut values = BTreeMap::new();
        for (key, value) in self.data {
            let bytes = STANDARD.decode(value.trim()).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            let text =
                text.ok_or_else(|| ("data:", format!("`data.{key}` is no text in base64")))?;
            values.insert(key, text);
        }
        values.extend(self.string_data);
        Ok((self.metadata, values))
    }
}

/// The name of a secret, as `$EAST_TOKEN` is one.
pub(crate) fn secret_name(value: &str) -> Option<String> {
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "_-".contains(one);
    let name = value.strip_prefix('$')?;
    (!name.is_empty() && name.chars().all(is_plain)).then(|| name.to_owned())
}
