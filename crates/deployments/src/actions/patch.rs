//! Merge patches (RFC 7396): what an action changed, as the cluster is asked for it.

use serde_json::{Map, Value};

/// The object without what only the cluster writes in it.
pub(super) fn as_scripts_see_it(live: &Value) -> Value {
    let mut object = live.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// What makes one the other; `None`: they are equal.
pub(super) fn merge_patch(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for (name, value) in new {
        match old.get(name) {
            Some(known) => {
                if let Some(change) = merge_patch(known, value) {
                    patch.insert(name.clone(), change);
                }
            }
            None if value.is_null() => {}
            None => drop(patch.insert(name.clone(), value.clone())),
        }
    }
    let gone = old.iter().filter(|(name, value)| !value.is_null() && !new.contains_key(*name));
    patch.extend(gone.map(|(name, _)| (name.clone(), Value::Null)));
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// The object with a patch on it.
pub(super) fn patched(object: &Value, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut fields = object.as_object().cloned().unwrap_or_default();
    for (name, change) in changes {
        if change.is_null() {
            fields.remove(name);
        } else {
            let known = fields.remove(name).unwrap_or(Value::Null);
            fields.insert(name.clone(), patched(&known, change));
        }
    }
    Value::Object(fields)
}

/// JSON pointers of what a patch changes.
pub(super) fn fields(patch: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    collect(String::new(), patch, &mut fields);
    fields
}

fn collect(pointer: String, patch: &Value, into: &mut Vec<String>) {
    match patch {
        Value::Object(changes) if !changes.is_empty() => {
            for (name, change) in changes {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(format!("{pointer}/{name}"), change, into);
            }
        }
        Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_) => into.push(pointer),
    }
}

/// The patch of the object and that of its status, which clusters take at another address.
pub(super) fn without_status(mut patch: Value) -> (Option<Value>, Option<Value>) {
    let status = patch.as_object_mut().and_then(|changes| changes.remove("status"));
    let rest = Some(patch).filter(|patch| patch.as_object().is_none_or(|one| !one.is_empty()));
    (rest, status)
}
