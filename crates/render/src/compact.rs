//! Manifests in as little memory as they need: they stay for as long as their application.

use serde_json::{Map, Value};

/// The same value, without the room that its maps, lists and texts were given to grow in.
pub(crate) fn compact(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut small = Map::with_capacity(fields.len());
            for (mut name, value) in fields {
                name.shrink_to_fit();
                small.insert(name, compact(value));
            }
            Value::Object(small)
        }
        Value::Array(items) => {
            let mut small: Vec<Value> = items.into_iter().map(compact).collect();
            small.shrink_to_fit();
            Value::Array(small)
        }
        Value::String(mut text) => {
            text.shrink_to_fit();
            Value::String(text)
        }
        value @ (Value::Null | Value::Bool(_) | Value::Number(_)) => value,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_but_room_goes() {
        let value = json!({"z": [1, {"b": null, "a": "text"}, []], "a": {"deep": {"true": true}}});
        let mut roomy = value.clone();
        roomy["z"].as_array_mut().expect("a list").reserve(1_000);
        let small = compact(roomy);
        // In the same order, too.
        assert_eq!(small.to_string(), value.to_string());
        assert!(small["z"].as_array().expect("a list").capacity() < 10);
    }
}
