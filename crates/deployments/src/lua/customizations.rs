//! Which scripts a user gave for which kinds, as `argocd-cm` has them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::actions::ActionScripts;
use super::sandbox::{self, Given};
use super::{Action, Change, ScriptError};
use crate::application::IgnoreDifference;
use crate::health::{Health, HealthStatus, assess};
use crate::jq::JqPath;
use crate::objects::text;

/// What a script reads in the place of a Secret's values.
const HIDDEN: &str = "(hidden)";

/// Where the settings stand in the data of `argocd-cm`.
const PREFIX: &str = "resource.customizations";

/// A setting that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {message}")]
pub struct CustomizationError {
    /// The name in the data of `argocd-cm`.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

/// The scripts for one kind, or for all that a pattern covers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Scripts {
    health: Option<String>,
    with_libraries: bool,
    actions: Option<ActionScripts>,
}

/// Users' scripts by `group/Kind`, or `Kind` of the core group; `*` stands for any part. Beside them
/// which differences do not count, whatever the application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Customizations {
    scripts: BTreeMap<String, Scripts>,
    ignore_differences: Vec<IgnoreDifference>,
}

/// An entry of `resource.customizations`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(rename = "health.lua")]
    health: Option<String>,
    #[serde(rename = "health.lua.useOpenLibs", default)]
    with_libraries: bool,
    actions: Option<String>,
    #[serde(rename = "ignoreDifferences")]
    ignore_differences: Option<String>,
}

/// What `ignoreDifferences` says for a kind.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Ignored {
    #[serde(default)]
    json_pointers: Vec<String>,
    #[serde(default)]
    jq_path_expressions: Vec<JqPath>,
    #[serde(default)]
    managed_fields_managers: Vec<String>,
}

impl Customizations {
    /// Reads the data of `argocd-cm`; names that are not of customizations are not looked at.
    pub fn read(data: &BTreeMap<String, String>) -> Result<Self, CustomizationError> {
        let mut read = Self::default();
        if let Some(text) = data.get(PREFIX) {
            let entries: BTreeMap<String, Entry> = parsed(PREFIX, text)?;
            for (kind, entry) in entries {
                let actions = entry.actions.map(|text| parsed(PREFIX, &text)).transpose()?;
                if let Some(text) = entry.ignore_differences {
                    read.ignore(PREFIX, &kind, &text)?;
                }
                let with_libraries = entry.with_libraries;
                let scripts = Scripts { health: entry.health, with_libraries, actions };
                read.scripts.insert(kind, scripts);
            }
        }
        // Names with a kind of their own count more than entries of the one list.
        for (key, value) in data {
            let Some((what, kind)) = key
                .strip_prefix(PREFIX)
                .and_then(|rest| rest.strip_prefix('.'))
                .and_then(|rest| rest.split_once('.'))
            else {
                continue;
            };
            let kind = kind.rsplit_once('_').map_or_else(
                || kind.to_owned(),
                |(group, kind)| {
                    if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") }
                },
            );
            match what {
                "health" => read.scripts.entry(kind).or_default().health = Some(value.clone()),
                "useOpenLibs" => {
                    read.scripts.entry(kind).or_default().with_libraries = flag(key, value)?;
                }
                "actions" => {
                    read.scripts.entry(kind).or_default().actions = Some(parsed(key, value)?);
                }
                "ignoreDifferences" if kind == "all" => read.ignore(key, "*/*", value)?,
                "ignoreDifferences" => read.ignore(key, &kind, value)?,
                other => {
                    let message = format!(
                        "`{other}` is not supported; known are health, useOpenLibs, actions and \
                         ignoreDifferences"
                    );
                    return Err(CustomizationError { key: key.clone(), message });
                }
            }
        }
        Ok(read)
    }

    /// Which differences do not count in any application.
    #[must_use]
    pub fn ignore_differences(&self) -> &[IgnoreDifference] {
        &self.ignore_differences
    }

    fn ignore(&mut self, key: &str, kind: &str, text: &str) -> Result<(), CustomizationError> {
        let ignored: Ignored = parsed(key, text)?;
        let refused = |message: String| Err(CustomizationError { key: key.into(), message });
        let (group, kind) = kind.split_once('/').unwrap_or(("", kind));
        if let Some(part) = [group, kind].into_iter().find(|one| *one != "*" && one.contains('*')) {
            return refused(format!("`{part}`: of patterns only `*` is supported here"));
        }
        let wrong = ignored.json_pointers.iter().find(|pointer| !pointer.starts_with('/'));
        if let Some(pointer) = wrong {
            return refused(format!("`{pointer}` is not a JSON pointer (/spec/…)"));
        }
        self.ignore_differences.push(IgnoreDifference {
            group: group.into(),
            kind: kind.into(),
            name: None,
            namespace: None,
            json_pointers: ignored.json_pointers,
            jq_paths: ignored.jq_path_expressions,
            managers: ignored.managed_fields_managers,
        });
        Ok(())
    }

    /// The health of an object: by the user's script for its kind, else by Boucle's own checks. A
    /// script that fails says nothing good: the object is `Unknown` with the reason. `now_s` is what
    /// `os.time()` says.
    #[must_use]
    pub fn assess(&self, object: &Value, now_s: i64) -> Option<Health> {
        let is_deleted =
            object.pointer("/metadata/deletionTimestamp").is_some_and(|it| !it.is_null());
        let found = self.find(object, |scripts| scripts.health.as_deref()).filter(|_| !is_deleted);
        let Some((kind, script, with_libraries)) = found else { return assess(object) };
        // What a script says is shown to everybody who may read the application.
        let readable = without_values(object);
        let object = readable.as_ref().unwrap_or(object);
        Some(health(script, object, with_libraries, now_s).unwrap_or_else(|error| {
            Health::new(HealthStatus::Unknown, format!("the health script of {kind}: {error}"))
        }))
    }

    /// Whether the user gave actions for the object's kind.
    #[must_use]
    pub fn has_actions(&self, object: &Value) -> bool {
        self.find(object, |scripts| scripts.actions.as_ref()).is_some()
    }

    /// Whether the user gave an action of this name for the object's kind.
    #[must_use]
    pub fn defines_action(&self, object: &Value, name: &str) -> bool {
        let found = self.find(object, |scripts| scripts.actions.as_ref());
        found.is_some_and(|(_, actions, _)| actions.defines(name))
    }

    /// Whether the actions that need no script are there beside the user's.
    #[must_use]
    pub fn keeps_builtin_actions(&self, object: &Value) -> bool {
        let found = self.find(object, |scripts| scripts.actions.as_ref());
        found.is_none_or(|(_, actions, _)| actions.keeps_builtin)
    }

    /// What may be done to an object, by name.
    pub fn actions(&self, object: &Value, now_s: i64) -> Result<Vec<Action>, ScriptError> {
        match self.find(object, |scripts| scripts.actions.as_ref()) {
            Some((_, actions, with_libraries)) => {
                actions.discover(Self::given(object, with_libraries, now_s))
            }
            None => Ok(Vec::new()),
        }
    }

    /// The changes that an action asks for. `parameters` are its `actionParams`. An action that its
    /// discovery does not offer, or offers as disabled, is refused.
    pub fn run_action(
        &self,
        object: &Value,
        name: &str,
        parameters: &BTreeMap<String, String>,
        now_s: i64,
    ) -> Result<Vec<Change>, ScriptError> {
        let found = self.find(object, |scripts| scripts.actions.as_ref());
        let Some((_, actions, with_libraries)) = found else {
            return Err(ScriptError::NoSuchAction(name.into()));
        };
        actions.run(Self::given(object, with_libraries, now_s), name, parameters)
    }

    fn given(object: &Value, with_libraries: bool, now_s: i64) -> Given<'_> {
        Given { object, parameters: None, with_libraries, now_s }
    }

    /// What was given for the object's kind: under its own name, else under the first pattern that
    /// covers it.
    fn find<'a, T>(
        &'a self,
        object: &Value,
        what: impl Fn(&'a Scripts) -> Option<T>,
    ) -> Option<(&'a str, T, bool)> {
        let kind = text(object, "/kind")?;
        let group = text(object, "/apiVersion")?.rsplit_once('/').map_or("", |(group, _)| group);
        let name = if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") };
        let of = |key: &'a String, scripts: &'a Scripts| {
            Some((key.as_str(), what(scripts)?, scripts.with_libraries))
        };
        let exact = self.scripts.get_key_value(&name).and_then(|(key, scripts)| of(key, scripts));
        exact.or_else(|| {
            let mut all = self.scripts.iter();
            all.find_map(|(key, scripts)| of(key, scripts).filter(|_| covers(key, &name)))
        })
    }
}

/// The health that a script gives.
fn health(
    script: &str,
    object: &Value,
    with_libraries: bool,
    now_s: i64,
) -> Result<Health, ScriptError> {
    let value = sandbox::run(script, Customizations::given(object, with_libraries, now_s))?;
    let wrong = |what: &str| Err(ScriptError::WrongReturn(what.into()));
    let Value::Object(fields) = &value else {
        return wrong("no table with a status");
    };
    let status = match fields.get("status") {
        Some(Value::String(status)) => match HealthStatus::named(status) {
            Some(status) => status,
            None => return wrong(&format!("a status that is none: {status}")),
        },
        Some(_) => return wrong("a status that is no text"),
        None => return wrong("a table without a status"),
    };
    match fields.get("message") {
        None => Ok(Health::new(status, "")),
        Some(Value::String(message)) => Ok(Health::new(status, message.as_str())),
        Some(other) if other.is_number() => Ok(Health::new(status, other.to_string())),
        Some(_) => wrong("a message that is no text"),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(key: &str, text: &str) -> Result<T, CustomizationError> {
    let refused = |error: yaml::YamlError| CustomizationError {
        key: key.into(),
        message: format!("line {}: {}", error.line, error.message),
    };
    yaml::document(key, text).map_err(refused)
}

fn flag(key: &str, value: &str) -> Result<bool, CustomizationError> {
    value.trim().parse().map_err(|_| CustomizationError {
        key: key.into(),
        message: format!("'{value}' is neither true nor false"),
    })
}

/// Whether a pattern with `*` covers a name.
fn covers(pattern: &str, name: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(begin) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// A Secret with the names of its values alone; `None`: it is no Secret.
fn without_values(object: &Value) -> Option<Value> {
    if object["kind"] != "Secret" || object["apiVersion"] != "v1" {
        return None;
    }
    let mut object = object.clone();
    for field in ["data", "stringData"] {
        let values = object.get_mut(field).and_then(Value::as_object_mut);
        values.into_iter().flat_map(|values| values.values_mut()).for_each(|value| {
            *value = HIDDEN.into();
        });
    }
    // The manifest of the last apply by `kubectl` has them, too.
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.shift_remove("annotations");
    }
    Some(object)
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_star_stands_for_any_part() {
        for (pattern, name, expected) in [
            ("apps/Deployment", "apps/Deployment", true),
            ("apps/Deployment", "apps/Deployments", false),
            ("apps/*", "apps/Deployment", true),
            ("*.crossplane.io/*", "s3.aws.crossplane.io/Bucket", true),
            ("*.crossplane.io/*", "crossplane.io/Bucket", false),
            ("*/Bucket", "a.example/Bucket", true),
            ("*", "Pod", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(covers(pattern, name), expected, "{pattern} {name}");
        }
    }
}
