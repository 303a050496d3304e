//! What files of Kubernetes' core group have in common.

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
