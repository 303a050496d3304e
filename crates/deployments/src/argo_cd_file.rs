//! What all files in Argo CD's formats have in common.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Makes a reader that refuses a field of Argo CD's with what to do instead.
macro_rules! refused {
    ($name:ident, $why:literal) => {
        fn $name<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
            <serde::de::IgnoredAny as serde::Deserialize>::deserialize(deserializer)?;
            Err(serde::de::Error::custom($why))
        }
    };
}
pub(crate) use refused;

refused!(no_status_here, "`status` is written by a controller; remove it from the file in Git");

/// The one version of Argo CD's types.
#[derive(Debug, Deserialize)]
pub(crate) enum ApiVersion {
    #[serde(rename = "argoproj.io/v1alpha1")]
    V1Alpha1,
}

/// A status, which no file in Git has.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct NoStatus(#[serde(deserialize_with = "no_status_here")] ());

/// The metadata of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata<Name, Finalizer> {
    pub name: Name,
    /// Argo CD's own namespace; Boucle has none, so any value means the same.
    #[serde(default, rename = "namespace")]
    _namespace: Option<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default = "Vec::new")]
    pub finalizers: Vec<Finalizer>,
}
