//! The parameters of one application: nested values for Go's templates, flat texts for the short
//! form.

use serde_json::{Map, Value};

/// Parameters by name.
pub(super) type Parameters = Map<String, Value>;

/// Nested values as flat texts: `a.b`, `a.0`.
pub(super) fn flat(values: &Parameters) -> Parameters {
    let mut flat = Parameters::new();
    for (name, value) in values {
        flatten(name, value, &mut flat);
    }
    flat
}

fn flatten(name: &str, value: &Value, into: &mut Parameters) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                flatten(&format!("{name}.{field}"), value, into);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&format!("{name}.{index}"), value, into);
            }
        }
        Value::Null => drop(into.insert(name.into(), Value::from(""))),
        Value::String(_) | Value::Bool(_) | Value::Number(_) => {
            into.insert(name.into(), Value::from(text_of(value)));
        }
    }
}

/// A plain value as text.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// Fills what `into` has not, or has empty, with what `from` has; maps within maps alike.
pub(super) fn fill(into: &mut Parameters, from: &Parameters) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => fill(known, more),
            (Some(known), value) if super::is_empty(known) => *known = value.clone(),
            (Some(_), _) => {}
            (None, value) => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

/// Puts what `from` has over what `into` has, unless it is empty; maps within maps alike.
pub(super) fn overlay(into: &mut Parameters, from: &Parameters) {
    for (name, value) in from {
        match (into.get_mut(name), value) {
            (Some(Value::Object(known)), Value::Object(more)) => overlay(known, more),
            (Some(_), value) if super::is_empty(value) => {}
            (_, value) => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

/// `{name: a, path.path: b}`, of the first few.
pub(super) fn describe(parameters: &Parameters) -> String {
    let flat = flat(parameters);
    let shown: Vec<String> =
        flat.iter().take(4).map(|(name, value)| format!("{name}: {}", text_of(value))).collect();
    let more = if flat.len() > shown.len() { ", …" } else { "" };
    format!("{{{}{more}}}", shown.join(", "))
}
