//! Who owns which field, as the `managedFields` of a live object say it (`fieldsV1`).

use serde_json::{Map, Value};

/// One entry of `managedFields`, read and not copied.
pub(super) struct Manager<'a> {
    /// Its name.
    pub name: &'a str,
    /// The subresource through which it wrote; empty: the object itself.
    pub subresource: &'a str,
    /// Whether it is the one that applies what Git says.
    pub ours: bool,
    fields: &'a Map<String, Value>,
}

/// What one manager owns below some path; the first value is its place in the list of managers.
pub(super) type Owned<'a> = (usize, &'a Map<String, Value>);

/// The managers of a live object. Entries of `status` are left out: nothing that Git says is there.
pub(super) fn managers<'a>(live: &'a Value, manager: &str) -> Vec<Manager<'a>> {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    let text = |entry: &'a Value, name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("");
    entries
        .into_iter()
        .flatten()
        .filter(|entry| text(entry, "subresource") != "status")
        .filter_map(|entry| {
            let name = text(entry, "manager");
            Some(Manager {
                name,
                subresource: text(entry, "subresource"),
                ours: name == manager,
                fields: entry.get("fieldsV1")?.as_object()?,
            })
        })
        .collect()
}

/// Everything that every manager owns.
pub(super) fn roots<'a>(managers: &[Manager<'a>]) -> Vec<Owned<'a>> {
    managers.iter().enumerate().map(|(index, manager)| (index, manager.fields)).collect()
}

/// What is owned below a field of an object.
pub(super) fn below_field<'a>(owned: &[Owned<'a>], name: &str) -> Vec<Owned<'a>> {
    let child = format!("f:{name}");
    let below =
        owned.iter().filter_map(|(index, fields)| Some((*index, fields.get(&child)?.as_object()?)));
    below.collect()
}

/// What is owned below an item of a list whose items have keys.
pub(super) fn below_item<'a>(owned: &[Owned<'a>], item: &Value) -> Vec<Owned<'a>> {
    let mut below = Vec::new();
    for (index, fields) in owned {
        for (name, child) in *fields {
            if let (Some(key), Some(child)) = (item_key(name), child.as_object())
                && has_key(item, &key)
            {
                below.push((*index, child));
            }
        }
    }
    below
}

/// Whether it is owned as a whole: a value, or a list or map that nobody shares.
pub(super) fn is_leaf(fields: &Map<String, Value>) -> bool {
    fields.is_empty()
}

/// How the items of a list are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListKind {
    /// By these fields of each item.
    Keys(Vec<String>),
    /// By their values.
    Set,
    /// Not at all: the list is one value.
    Atomic,
}

/// The cluster's schema shows in how somebody owns the list.
pub(super) fn list_kind(owned: &[Owned<'_>]) -> ListKind {
    for name in owned.iter().flat_map(|(_, fields)| fields.keys()) {
        if let Some(key) = item_key(name) {
            return ListKind::Keys(key.keys().cloned().collect());
        }
        if name.starts_with("v:") {
            return ListKind::Set;
        }
    }
    ListKind::Atomic
}

/// The fields of `k:{"name":"app"}`.
pub(super) fn item_key(name: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(name.strip_prefix("k:")?).ok()
}

/// The value of `v:"a"`.
pub(super) fn set_value(name: &str) -> Option<Value> {
    serde_json::from_str(name.strip_prefix("v:")?).ok()
}

/// Whether an item has this key. A field that it leaves out is the cluster's default, which for the
/// keys of built-in lists is only ever the protocol.
pub(super) fn has_key(item: &Value, key: &Map<String, Value>) -> bool {
    key.iter().all(|(name, value)| match item.get(name) {
        Some(own) => own == value,
        None => name == "protocol" && value == "TCP" || value.as_str() == Some(""),
    })
}

/// The item of `items` with the same key as `item`.
pub(super) fn find_item<'a>(
    items: &'a [Value],
    item: &Value,
    keys: &[String],
) -> Option<(usize, &'a Value)> {
    let mut key = Map::new();
    for name in keys {
        let default = if name == "protocol" { "TCP" } else { "" };
        let value = item.get(name).cloned().unwrap_or_else(|| default.into());
        key.insert(name.clone(), value);
    }
    items.iter().enumerate().find(|(_, other)| has_key(other, &key))
}
