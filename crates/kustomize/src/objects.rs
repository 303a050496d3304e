//! The objects in a file's documents.

use std::collections::VecDeque;

use serde_json::{Map, Value};

/// The objects in the documents, lists unfolded; fails with a document's position.
pub(crate) fn objects(documents: Vec<Value>) -> Result<Vec<Map<String, Value>>, (usize, String)> {
    let mut queue: VecDeque<(usize, Value)> = documents.into_iter().enumerate().collect();
    let mut found = Vec::new();
    while let Some((index, value)) = queue.pop_front() {
        let Value::Object(mut object) = value else {
            if value.is_null() {
                continue;
            }
            return Err((index, "an object must be a mapping".into()));
        };
        if object.is_empty() {
            continue;
        }
        let kind = match object.get("kind") {
            Some(Value::String(kind)) if !kind.is_empty() => kind.clone(),
            _ => return Err((index, "the object has no `kind`".into())),
        };
        if kind.ends_with("List") && object.contains_key("items") {
            match object.remove("items") {
                Some(Value::Array(items)) => {
                    queue.extend(items.into_iter().map(|item| (index, item)));
                }
                Some(Value::Null) | None => {}
                Some(_) => return Err((index, format!("`items` of a {kind} must be a list"))),
            }
            continue;
        }
        let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
        if !kind.ends_with("List") && name.is_none_or(|name| name.as_str() == Some("")) {
            return Err((index, format!("the {kind} has no `metadata.name`")));
        }
        if name.is_some_and(|name| !name.is_string()) {
            return Err((index, format!("`metadata.name` of the {kind} must be a string")));
        }
        found.push(object);
    }
    Ok(found)
}
