//! Sets of fields as an API server keeps them: who owns what, list items told apart by their keys.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Field(String),
    /// An item of a list, by the JSON of its keys.
    Item(String),
    /// An item of a list that is a set, by its JSON.
    Value(String),
}

pub(crate) type Path = Vec<Segment>;
pub(crate) type Fields = BTreeSet<Path>;

/// What only the server writes, or what names the object.
const SYSTEM: [&str; 8] = [
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
];

/// How the items of a list are told apart.
enum Items {
    ByKeys(&'static [&'static str]),
    Set,
    Atomic,
}

/// The schema of the kinds that the simulation knows.
fn items(name: &str) -> Items {
    match name {
        "containers" | "env" => Items::ByKeys(&["name"]),
        "ports" => Items::ByKeys(&["port", "protocol"]),
        "finalizers" => Items::Set,
        _ => Items::Atomic,
    }
}

/// Every field that a manifest sets; `status` only when it is asked for.
pub(crate) fn fields_of(manifest: &Value, with_status: bool) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in manifest.as_object().into_iter().flatten() {
        match name.as_str() {
            "apiVersion" | "kind" => {}
            "status" if !with_status => {}
            "metadata" => {
                let own = value.as_object().into_iter().flatten();
                for (name, value) in own.filter(|(name, _)| !SYSTEM.contains(&name.as_str())) {
                    let mut path =
                        vec![Segment::Field("metadata".into()), Segment::Field(name.clone())];
                    walk(name, value, &mut path, &mut fields);
                }
            }
            _ => walk(name, value, &mut vec![Segment::Field(name.clone())], &mut fields),
        }
    }
    fields
}

fn walk(name: &str, value: &Value, path: &mut Path, fields: &mut Fields) {
    match value {
        Value::Null => {}
        Value::Object(members) if !members.is_empty() => {
            for (name, value) in members {
                path.push(Segment::Field(name.clone()));
                walk(name, value, path, fields);
                path.pop();
            }
        }
        Value::Array(list) if !list.is_empty() => match items(name) {
            Items::ByKeys(keys) => {
                for item in list {
                    path.push(Segment::Item(key_of(item, keys).to_string()));
                    fields.insert(path.clone());
                    walk("", item, path, fields);
                    path.pop();
                }
            }
            Items::Set => {
                for item in list {
                    path.push(Segment::Value(item.to_string()));
                    fields.insert(path.clone());
                    path.pop();
                }
            }
            Items::Atomic => drop(fields.insert(path.clone())),
        },
        Value::Object(_)
        | Value::Array(_)
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_) => drop(fields.insert(path.clone())),
    }
}

fn key_of(item: &Value, keys: &[&str]) -> Value {
    let mut key = Map::new();
    for name in keys {
        let value = item.get(*name).cloned();
        let default = || if *name == "protocol" { json!("TCP") } else { Value::Null };
        key.insert((*name).to_owned(), value.unwrap_or_else(default));
    }
    Value::Object(key)
}

/// The place of an item of a list.
fn position(list: &[Value], segment: &Segment) -> Option<usize> {
    match segment {
        Segment::Field(_) => None,
        Segment::Value(text) => {
            let value: Value = serde_json::from_str(text).ok()?;
            list.iter().position(|item| *item == value)
        }
        Segment::Item(text) => {
            let key: Map<String, Value> = serde_json::from_str(text).ok()?;
            let names: Vec<&str> = key.keys().map(String::as_str).collect();
            let has_key = |item: &Value| key_of(item, &names).as_object() == Some(&key);
            list.iter().position(has_key)
        }
    }
}

/// What stands at a path.
pub(crate) fn get<'a>(value: &'a Value, path: &[Segment]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Field(name) => value.get(name),
        Segment::Item(_) | Segment::Value(_) => {
            let list = value.as_array()?;
            list.get(position(list, segment)?)
        }
    })
}

/// Writes a value at a path; what is missing on the way is made.
pub(crate) fn set(value: &mut Value, path: &[Segment], new: &Value) {
    let Some((segment, rest)) = path.split_first() else {
        *value = new.clone();
        return;
    };
    match segment {
        Segment::Field(name) => {
            if !value.is_object() {
                *value = json!({});
            }
            if let Some(members) = value.as_object_mut() {
                set(members.entry(name.clone()).or_insert(Value::Null), rest, new);
            }
        }
        Segment::Item(text) | Segment::Value(text) => {
            if !value.is_array() {
                *value = json!([]);
            }
            let Some(list) = value.as_array_mut() else { return };
            let at = position(list, segment).unwrap_or_else(|| {
                list.push(serde_json::from_str(text).unwrap_or_default());
                list.len() - 1
            });
            // An item that is there keeps what others put into it.
            if !rest.is_empty() {
                set(&mut list[at], rest, new);
            }
        }
    }
}

/// Takes what stands at a path away, and what becomes empty by that.
pub(crate) fn remove(value: &mut Value, path: &[Segment]) {
    let Some((segment, rest)) = path.split_first() else { return };
    let is_empty = |value: &Value| match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    match (segment, value) {
        (Segment::Field(name), Value::Object(members)) => {
            if let Some(child) = members.get_mut(name) {
                remove(child, rest);
                if rest.is_empty() || is_empty(child) {
                    members.shift_remove(name);
                }
            }
        }
        (segment, Value::Array(list)) => {
            if let Some(at) = position(list, segment) {
                remove(&mut list[at], rest);
                if rest.is_empty() || is_empty(&list[at]) {
                    list.remove(at);
                }
            }
        }
        (
            Segment::Field(_) | Segment::Item(_) | Segment::Value(_),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_),
        ) => {}
    }
}

/// The set as `managedFields` writes it (`fieldsV1`).
pub(crate) fn encoded(fields: &Fields) -> Value {
    let mut root = json!({});
    for path in fields {
        let mut at = &mut root;
        for segment in path {
            at = &mut at[match segment {
                Segment::Field(name) => format!("f:{name}"),
                Segment::Item(key) => format!("k:{key}"),
                Segment::Value(value) => format!("v:{value}"),
            }];
            if at.is_null() {
                *at = json!({});
            }
        }
        if let Some(Segment::Item(_)) = path.last() {
            at["."] = json!({});
        }
    }
    root
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(manifest: &Value, expected: &Value) {
        assert_eq!(encoded(&fields_of(manifest, false)), *expected);
    }

    /// The form of `fieldsV1`: `f:` names a field, `k:` an item by its keys, `v:` an item by its value.
    #[test]
    fn ownership_is_written_as_an_api_server_does() {
        check(
            &json!({"kind": "ConfigMap", "metadata": {"name": "a", "labels": {"b": "c"}}, "data": {"d": "e"}}),
            &json!({"f:metadata": {"f:labels": {"f:b": {}}}, "f:data": {"f:d": {}}}),
        );
        check(
            &json!({"spec": {"containers": [{"name": "app", "args": ["x"]}]}}),
            &json!({"f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:args": {}}}}}),
        );
        check(
            &json!({"spec": {"ports": [{"port": 80}]}}),
            &json!({"f:spec": {"f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}}}}}),
        );
        check(
            &json!({"metadata": {"finalizers": ["a/b"]}, "status": {"x": 1}}),
            &json!({"f:metadata": {"f:finalizers": {"v:\"a/b\"": {}}}}),
        );
    }
}
