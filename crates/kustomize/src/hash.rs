//! The content hash that generated ConfigMaps and Secrets carry in their names, equal to kubectl's
//! and kustomize's.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Ten characters: the start of the SHA-256 of the object's data in canonical JSON, with the
/// characters that could make words replaced.
pub(crate) fn of(object: &Map<String, Value>) -> String {
    let mut digest = hex::encode(Sha256::digest(encoded(object)));
    digest.truncate(10);
    let replace = |character| match character {
        '0' => 'g',
        '1' => 'h',
        '3' => 'k',
        'a' => 'm',
        'e' => 't',
        other => other,
    };
    digest.chars().map(replace).collect()
}

/// The name is always empty here: kustomize looks it up by a path that no object has, and existing
/// hashes depend on that.
fn encoded(object: &Map<String, Value>) -> String {
    let field =
        |name: &str| object.get(name).cloned().unwrap_or_else(|| Value::String(String::new()));
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let mut hashed = vec![("data", field("data")), ("kind", kind.into()), ("name", "".into())];
    match kind {
        "ConfigMap" => {
            hashed.extend(object.get("binaryData").map(|data| ("binaryData", data.clone())))
        }
        _ => {
            hashed.push(("type", field("type")));
            hashed.extend(object.get("stringData").map(|data| ("stringData", data.clone())));
        }
    }
    hashed.sort_by_key(|(name, _)| *name);
    let mut text = String::new();
    let object = hashed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    write(&Value::Object(object), &mut text);
    text
}

/// JSON as Go's encoder writes it: sorted keys, and `<`, `>`, `&` and two line separators escaped.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::String(string) => write_string(string, text),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_string(key, text);
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
    }
}

fn write_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                text.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}
