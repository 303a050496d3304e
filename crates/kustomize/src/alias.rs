//! Labels and annotations that share one value.
//!
//! Where the real program adds a label in several places of an object it puts the same node there,
//! so that a later step which changes one of them changes all: a base's `commonLabels` and an
//! overlay's `labels` with the same key end in the selectors, too. What it prints depends on it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::field_spec::FieldSpec;
use crate::place;

/// Entries that share one value.
#[derive(Debug, Clone)]
pub(crate) struct Alias {
    key: String,
    /// JSON pointers of the mappings that hold the key.
    places: Vec<String>,
    value: Value,
}

/// The mappings that a step is about to write, with the keys that they have.
pub(crate) struct Before(BTreeMap<String, BTreeSet<String>>);

impl Before {
    /// Looks at an object that is about to be written at several places; `None` for one place.
    pub(crate) fn new(object: &Map<String, Value>, specs: &[&FieldSpec]) -> Option<Self> {
        (specs.len() > 1).then(|| {
            let keys = |place: String| {
                let keys = mapping(object, &place).into_iter().flat_map(Map::keys).cloned();
                (place, keys.collect())
            };
            Before(places(object, specs).into_iter().map(keys).collect())
        })
    }

    /// The entries that were added and share their value.
    pub(crate) fn added(
        &self,
        object: &Map<String, Value>,
        specs: &[&FieldSpec],
        pairs: &BTreeMap<String, String>,
    ) -> Vec<Alias> {
        let places = places(object, specs);
        let alias = |(key, value): (&String, &String)| {
            let is_new = |place: &&String| self.0.get(*place).is_none_or(|had| !had.contains(key));
            let places: Vec<String> = places.iter().filter(is_new).cloned().collect();
            let value = Value::String(value.clone());
            (places.len() > 1).then(|| Alias { key: key.clone(), places, value })
        };
        pairs.iter().filter_map(alias).collect()
    }
}

/// Gives what was changed at one place to the others that share it.
pub(crate) fn spread(object: &mut Map<String, Value>, aliases: &mut Vec<Alias>) {
    for alias in aliases.iter_mut() {
        let Alias { key, places, value } = alias;
        places.retain(|place| mapping(object, place).is_some_and(|found| found.contains_key(key)));
        let changed = places
            .iter()
            .filter_map(|place| mapping(object, place)?.get(key))
            .find(|found| *found != value)
            .cloned();
        let Some(changed) = changed else { continue };
        for place in places {
            if let Some(found) = mapping_mut(object, place).and_then(|found| found.get_mut(key)) {
                *found = changed.clone();
            }
        }
        *value = changed;
    }
    aliases.retain(|alias| alias.places.len() > 1);
}

/// Forgets what a mapping shares, because it is written anew.
pub(crate) fn forget(aliases: &mut [Alias], place: &str) {
    for alias in aliases {
        alias.places.retain(|known| known != place);
    }
}

fn mapping<'a>(object: &'a Map<String, Value>, place: &str) -> Option<&'a Map<String, Value>> {
    let (first, rest) = split(place);
    object.get(&first)?.pointer(rest)?.as_object()
}

fn mapping_mut<'a>(
    object: &'a mut Map<String, Value>,
    place: &str,
) -> Option<&'a mut Map<String, Value>> {
    let (first, rest) = split(place);
    object.get_mut(&first)?.pointer_mut(rest)?.as_object_mut()
}

/// The first segment of a pointer, and the pointer below it.
fn split(place: &str) -> (String, &str) {
    let inner = place.strip_prefix('/').unwrap_or(place);
    let end = inner.find('/').unwrap_or(inner.len());
    (place::unescape(&inner[..end]), &inner[end..])
}

fn places(object: &Map<String, Value>, specs: &[&FieldSpec]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for spec in specs {
        in_mapping(object, spec.parts(), &mut String::new(), &mut found);
    }
    found
}

fn in_mapping(
    object: &Map<String, Value>,
    path: &[String],
    pointer: &mut String,
    found: &mut BTreeSet<String>,
) {
    let Some((head, rest)) = path.split_first() else {
        found.insert(pointer.clone());
        return;
    };
    let name = head.strip_suffix("[]").unwrap_or(head);
    let Some(value) = object.get(name) else { return };
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(&place::escape(name));
    walk(value, rest, pointer, found);
    pointer.truncate(length);
}

fn walk(value: &Value, path: &[String], pointer: &mut String, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => in_mapping(object, path, pointer, found),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let length = pointer.len();
                pointer.push_str(&format!("/{index}"));
                walk(item, path, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
