//! JSON patches (RFC 6902) as kustomize applies them.

use json_patch::{AddOperation, PatchOperation};
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
    for operation in &patch.0 {
        let operation = [lenient(operation, &value)];
        json_patch::patch(&mut value, &operation).map_err(|error| error.to_string())?;
    }
    if is_added {
        remove_empty_annotations(&mut value);
    }
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err("the patch leaves no object".into())
        }
    }
}

/// To replace a field that a mapping lacks is to add it, unlike in the RFC.
fn lenient(operation: &PatchOperation, value: &Value) -> PatchOperation {
    let PatchOperation::Replace(replace) = operation else { return operation.clone() };
    let path = replace.path.as_str();
    let parent = path.rsplit_once('/').and_then(|(parent, _)| value.pointer(parent));
    if value.pointer(path).is_none() && parent.is_some_and(Value::is_object) {
        return PatchOperation::Add(AddOperation {
            path: replace.path.clone(),
            value: replace.value.clone(),
        });
    }
    operation.clone()
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
