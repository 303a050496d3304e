//! The smallest merge patch (RFC 7386) between two values.

use serde_json::{Map, Value};

/// What makes `after` of `before` when it is merged into it; `None`: they are the same.
pub(crate) fn patch(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let gone = old.keys().filter(|name| !new.contains_key(*name));
    let mut changes: Map<String, Value> = gone.map(|name| (name.clone(), Value::Null)).collect();
    for (name, value) in new {
        let change = match old.get(name) {
            Some(before) => patch(before, value),
            None => Some(value.clone()),
        };
        changes.extend(change.map(|change| (name.clone(), change)));
    }
    (!changes.is_empty()).then_some(Value::Object(changes))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_in_it() {
        let cases = [
            (json!({}), json!({}), None),
            (json!({ "a": 1 }), json!({ "a": 1 }), None),
            (json!({ "a": 1 }), json!({ "a": 2 }), Some(json!({ "a": 2 }))),
            (json!({ "a": 1, "b": 1 }), json!({ "a": 1 }), Some(json!({ "b": null }))),
            (
                json!({ "a": { "b": 1, "c": 1 } }),
                json!({ "a": { "b": 1, "c": 2 } }),
                Some(json!({ "a": { "c": 2 } })),
            ),
            (json!({ "a": [1, 2] }), json!({ "a": [1] }), Some(json!({ "a": [1] }))),
            (Value::Null, json!({ "a": 1 }), Some(json!({ "a": 1 }))),
        ];
        for (before, after, expected) in cases {
            assert_eq!(patch(&before, &after), expected, "{before} to {after}");
        }
    }
}
