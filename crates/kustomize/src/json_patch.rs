//! JSON patches (RFC 6902) as kustomize applies them.

use serde_json::{Map, Value};

/// The operations of a patch, or why they are none.
pub(crate) fn parse(operations: &Value) -> Result<json_patch::Patch, String> {
    serde_json::from_value(operations.clone())
        .map_err(|error| format!("this is not a JSON patch: {error}"))
}

/// The object with the operations applied. `has_annotations`: kustomize keeps its own notes in the
/// annotations, so that a patch may add to annotations that nobody wrote.
pub(crate) fn apply(
    object: Map<String, Value>,
    patch: &json_patch::Patch,
    has_annotations: bool,
) -> Result<Map<String, Value>, String> {
    let mut value = Value::Object(object);
    let is_added = has_annotations && add_annotations(&mut value);
    json_patch::patch(&mut value, patch).map_err(|error| error.to_string())?;
    if is_added {
        remove_empty_annotations(&mut value);
    }
    match value {
        Value::Object(object) => Ok(object),
        _ => Err("the patch leaves no object".into()),
    }
}

fn add_annotations(value: &mut Value) -> bool {
    let Some(Value::Object(metadata)) = value.get_mut("metadata") else { return false };
    if metadata.contains_key("annotations") {
        return false;
    }
    metadata.insert("annotations".into(), Value::Object(Map::new()));
    true
}

fn remove_empty_annotations(value: &mut Value) {
    let Some(Value::Object(metadata)) = value.get_mut("metadata") else { return };
    if metadata.get("annotations").and_then(Value::as_object).is_some_and(Map::is_empty) {
        metadata.shift_remove("annotations");
    }
}
