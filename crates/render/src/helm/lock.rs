//! Which version of a dependency is meant: the one in the chart's lock, as `helm dependency build`
//! takes it.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// One entry of `dependencies`. The order of the fields is part of the lock's digest.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Dependency {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) repository: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    condition: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "std::ops::Not::not")]
    enabled: bool,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    import_values: Vec<Value>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    alias: String,
}

/// Nothing after the colon is nothing said, as for Go.
fn or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Default + Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// `Chart.lock`, or `requirements.lock` of an older chart.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lock {
    dependencies: Vec<Dependency>,
    digest: String,
}

impl Lock {
    /// The version of the dependency at this place of the list; `None`: the lock was made for
    /// another list.
    pub(super) fn version(&self, wanted: &[Dependency], place: usize) -> Option<&str> {
        let is_of =
            [hash(&[wanted, &self.dependencies[..]]), hash_before(wanted)].contains(&self.digest);
        let locked = self.dependencies.get(place).filter(|_| is_of)?;
        (locked.name == wanted.get(place)?.name).then_some(&locked.version)
    }
}

/// Helm 3: of what is wanted and what was found.
fn hash(lists: &[&[Dependency]]) -> String {
    digest(serde_json::to_value(lists).unwrap_or_default())
}

/// Helm 2: of what is wanted alone.
fn hash_before(wanted: &[Dependency]) -> String {
    digest(serde_json::json!({ "dependencies": wanted }))
}

/// Of the text that Go writes for it.
fn digest(mut value: Value) -> String {
    sort_import_values(&mut value);
    let mut text = value.to_string();
    for (character, escaped) in [
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u{2028}", "\\u2028"),
        ("\u{2029}", "\\u2029"),
    ] {
        text = text.replace(character, escaped);
    }
    format!("sha256:{}", hex::encode(Sha256::digest(text)))
}

/// Go writes the keys of a mapping in order; those of a dependency stay as they are.
fn sort_import_values(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                if name == "import-values" {
                    field.sort_all_objects();
                } else {
                    sort_import_values(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(sort_import_values),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
