//! Actions on objects: which there are, and what they change.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::ScriptError;
use super::sandbox::{self, Given};
use crate::objects::text;

/// Something that may be done to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `restart`.
    pub name: String,
    /// Whether it cannot be done now.
    pub is_disabled: bool,
    /// How a page names it.
    pub display_name: Option<String>,
    /// A picture, by the class of its font.
    pub icon_class: Option<String>,
    /// What it asks for.
    pub parameters: Vec<ActionParameter>,
}

/// Something that an action asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionParameter {
    /// Its name in `actionParams`.
    pub name: String,
    /// What it is when nothing is said.
    pub default: Option<String>,
}

/// What is done with an object that an action gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeOperation {
    /// It is there, and becomes this.
    Patch,
    /// It is new.
    Create,
}

/// An object that an action gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is done with it.
    pub operation: ChangeOperation,
    /// The object.
    pub object: Value,
}

/// The scripts of a kind's actions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct ActionScripts {
    #[serde(rename = "discovery.lua", default)]
    discovery: String,
    #[serde(default)]
    definitions: Vec<Definition>,
    /// Whether the actions that need no script are there beside these.
    #[serde(rename = "mergeBuiltinActions", default)]
    pub(super) keeps_builtin: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Definition {
    name: String,
    #[serde(rename = "action.lua")]
    script: String,
}

impl ActionScripts {
    /// Whether there is a script of this name.
    pub(super) fn defines(&self, name: &str) -> bool {
        self.definitions.iter().any(|definition| definition.name == name)
    }

    /// The actions by name, as the discovery offers them.
    pub fn discover(&self, given: Given<'_>) -> Result<Vec<Action>, ScriptError> {
        if self.discovery.trim().is_empty() {
            let of = |definition: &Definition| action(&definition.name, &Value::Null);
            return Ok(self.definitions.iter().map(of).collect());
        }
        let offered = sandbox::run(&self.discovery, given)?;
        if offered.as_array().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let Value::Object(offered) = offered else {
            return Err(ScriptError::WrongReturn("no table of actions".into()));
        };
        let of = |(name, settings): (&String, &Value)| action(name, settings);
        let mut found: Vec<_> = offered.iter().map(of).collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// What an action changes.
    pub fn run(
        &self,
        given: Given<'_>,
        name: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Vec<Change>, ScriptError> {
        let definition = self.definitions.iter().find(|definition| definition.name == name);
        let offered = self.discover(given)?;
        let is_offered = offered.iter().any(|action| action.name == name && !action.is_disabled);
        let Some(definition) = definition.filter(|_| is_offered) else {
            return Err(ScriptError::NoSuchAction(name.into()));
        };
        let texts =
            parameters.iter().map(|(name, text)| (name.clone(), Value::from(text.as_str())));
        let parameters = Value::Object(texts.collect());
        changes(sandbox::run(&definition.script, Given { parameters: Some(&parameters), ..given })?)
    }
}

fn action(name: &str, settings: &Value) -> Action {
    let own = |field: &str| settings.get(field).and_then(Value::as_str).map(str::to_owned);
    let parameter = |one: &Value| {
        let default = one.get("default").or_else(|| one.get("value"));
        let default = default
            .filter(|value| !value.is_null())
            .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
        Some(ActionParameter { name: text(one, "/name")?.to_owned(), default })
    };
    let parameters = settings.get("params").and_then(Value::as_array);
    Action {
        name: name.to_owned(),
        is_disabled: settings.get("disabled").and_then(Value::as_bool).unwrap_or(false),
        display_name: own("displayName"),
        icon_class: own("iconClass"),
        parameters: parameters.into_iter().flatten().filter_map(parameter).collect(),
    }
}

/// One object, or a list of an operation and an object each.
fn changes(value: Value) -> Result<Vec<Change>, ScriptError> {
    if let Value::Array(items) = value {
        return items.into_iter().map(listed).collect();
    }
    Ok(vec![changed(ChangeOperation::Patch, value)?])
}

fn listed(mut item: Value) -> Result<Change, ScriptError> {
    let operation = match text(&item, "/operation") {
        Some("patch") | None => ChangeOperation::Patch,
        Some("create") => ChangeOperation::Create,
        Some(other) => {
            return Err(ScriptError::WrongReturn(format!("an operation that is none: {other}")));
        }
    };
    changed(operation, item.get_mut("resource").map(Value::take).unwrap_or_default())
}

fn changed(operation: ChangeOperation, object: Value) -> Result<Change, ScriptError> {
    let has = |field: &str| text(&object, field).is_some_and(|text| !text.is_empty());
    // A created object may leave its name to the cluster.
    let is_named = has("/metadata/name") || has("/metadata/generateName");
    if has("/apiVersion") && has("/kind") && is_named {
        return Ok(Change { operation, object });
    }
    Err(ScriptError::WrongReturn("no object with apiVersion, kind and a name".into()))
}
