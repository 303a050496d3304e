//! Strategic merge: a patch that looks like the object, with lists merged by key where Kubernetes'
//! schema says so.
//!
//! The rules, also the odd ones for lists with two keys, are those of kustomize 5.7.1, which
//! differ from the API server's: new items of a merged list come first.

use serde_json::{Map, Value};

use crate::scalar;
use crate::schema::{Kinds, Merge, Schema};

/// What a `$patch` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

const DIRECTIVE: &str = "$patch";

/// Why a patch does not fit.
type Refusal = String;

/// The object with the patch applied; `None` when the patch deletes it.
pub(crate) fn merge(
    object: Map<String, Value>,
    patch: Map<String, Value>,
    kinds: &Kinds,
) -> Result<Option<Map<String, Value>>, Refusal> {
    refuse_kubectl_directives(&patch)?;
    kinds.use_built_in();
    match (Merger { kinds }).walk(Some(Value::Object(object)), Some(Value::Object(patch)), None)? {
        Some(Value::Object(merged)) => Ok(Some(merged)),
        _ => Ok(None),
    }
}

/// Directives that kubectl computes and kustomize would copy into the object.
fn refuse_kubectl_directives(patch: &Map<String, Value>) -> Result<(), Refusal> {
    for (key, value) in patch {
        let is_kubectl = ["$setElementOrder", "$deleteFromPrimitiveList", "$retainKeys"]
            .iter()
            .any(|directive| key.starts_with(directive));
        if is_kubectl {
            return Err(format!("`{key}` is not supported; use a JSON 6902 patch"));
        }
        match value {
            Value::Object(inner) => refuse_kubectl_directives(inner)?,
            Value::Array(items) => {
                for item in items.iter().filter_map(Value::as_object) {
                    refuse_kubectl_directives(item)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => "a scalar",
    }
}

/// The walk with what is known of kinds.
struct Merger<'a> {
    kinds: &'a Kinds,
}

impl<'a> Merger<'a> {
    /// The schema of what stands here: the field's, or the object's own when it names its kind.
    fn schema(
        &self,
        field: Option<Schema<'a>>,
        dest: Option<&Value>,
        patch: Option<&Value>,
    ) -> Option<Schema<'a>> {
        field.or_else(|| {
            [dest, patch].into_iter().flatten().find_map(|value| {
                let text = |name: &str| value.get(name).and_then(Value::as_str);
                self.kinds.schema(text("apiVersion")?, text("kind")?)
            })
        })
    }

    fn walk(
        &self,
        dest: Option<Value>,
        patch: Option<Value>,
        schema: Option<Schema<'a>>,
    ) -> Result<Option<Value>, Refusal> {
        let schema = self.schema(schema, dest.as_ref(), patch.as_ref());
        match (dest, patch) {
            (dest, None) => Ok(dest),
            (_, Some(Value::Null)) => Ok(None),
            (None | Some(Value::Null), Some(patch)) => self.clean(patch, schema),
            (Some(Value::Object(dest)), Some(Value::Object(patch))) => {
                self.mapping(dest, patch, schema)
            }
            (Some(Value::Array(dest)), Some(Value::Array(patch))) => self.list(dest, patch, schema),
            (Some(dest), Some(patch)) if scalar::is_scalar(&dest) && scalar::is_scalar(&patch) => {
                Ok(Some(patch))
            }
            (Some(dest), Some(patch)) => {
                Err(format!("{} cannot be patched with {}", kind_of(&dest), kind_of(&patch)))
            }
        }
    }

    fn mapping(
        &self,
        mut dest: Map<String, Value>,
        mut patch: Map<String, Value>,
        schema: Option<Schema<'a>>,
    ) -> Result<Option<Value>, Refusal> {
        match take_directive(&mut patch)? {
            Directive::Delete => return Ok(None),
            Directive::Replace => return self.clean(Value::Object(patch), schema),
            Directive::Merge => {}
        }
        for (name, value) in patch {
            let below = schema.and_then(|schema| schema.field(&name));
            let old = dest.get_mut(&name).map(Value::take);
            match self.walk(old, Some(value), below).map_err(|reason| at(&name, &reason))? {
                Some(merged) => {
                    dest.insert(name, merged);
                }
                None => {
                    dest.shift_remove(&name);
                }
            }
        }
        Ok(Some(Value::Object(dest)))
    }

    /// A part of a patch that meets nothing: without its directives and its nulls.
    fn clean(&self, patch: Value, schema: Option<Schema<'a>>) -> Result<Option<Value>, Refusal> {
        match patch {
            Value::Null => Ok(None),
            Value::Object(mut patch) => {
                if take_directive(&mut patch)? == Directive::Delete {
                    return Ok(None);
                }
                let mut cleaned = Map::new();
                for (name, value) in patch {
                    let below = schema.and_then(|schema| schema.field(&name));
                    let value = self.clean(value, below).map_err(|reason| at(&name, &reason))?;
                    cleaned.extend(value.map(|value| (name, value)));
                }
                Ok(Some(Value::Object(cleaned)))
            }
            Value::Array(items) => match schema.map(Schema::merge) {
                Some(Merge::ByKeys(keys)) if !keys.is_empty() => {
                    let (items, _) = without_directive(items)?;
                    let item = schema.and_then(Schema::items);
                    self.by_keys(Vec::new(), items, &keys, item)
                        .map(|merged| Some(Value::Array(merged)))
                }
                Some(Merge::ByKeys(_) | Merge::Replace) | None => Ok(Some(Value::Array(items))),
            },
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Some(patch)),
        }
    }

    fn list(
        &self,
        dest: Vec<Value>,
        patch: Vec<Value>,
        schema: Option<Schema<'a>>,
    ) -> Result<Option<Value>, Refusal> {
        let Some(Merge::ByKeys(keys)) = schema.map(Schema::merge) else {
            return Ok(Some(Value::Array(patch)));
        };
        let (patch, said) = without_directive(patch)?;
        match said {
            Directive::Delete => Ok(None),
            Directive::Replace => self.clean(Value::Array(patch), schema),
            Directive::Merge if keys.is_empty() => {
                let mut merged = patch;
                merged.extend(dest);
                let mut seen = std::collections::BTreeSet::new();
                merged.retain(|item| seen.insert(scalar::text(item).unwrap_or_default()));
                Ok(Some(Value::Array(merged)))
            }
            Directive::Merge => {
                let item = schema.and_then(Schema::items);
                Ok(Some(Value::Array(self.by_keys(dest, patch, &keys, item)?)))
            }
        }
    }

    fn by_keys(
        &self,
        mut dest: Vec<Value>,
        patch: Vec<Value>,
        keys: &[&str],
        item_schema: Option<Schema<'a>>,
    ) -> Result<Vec<Value>, Refusal> {
        let mut identities = identities(&patch, &dest, keys);
        if keys.len() > 1 {
            unify(&mut identities);
        }
        let used: Vec<usize> = (0..keys.len())
            .filter(|key| identities.iter().any(|values| !values[*key].is_empty()))
            .collect();
        let used = if used.is_empty() { (0..keys.len()).collect() } else { used };
        let mut added = Vec::new();
        for values in &identities {
            let identity: Vec<(&str, &str)> =
                used.iter().map(|key| (keys[*key], values[*key].as_str())).collect();
            let in_dest = position(&dest, &identity);
            let in_patch = position(&patch, &identity).map(|index| patch[index].clone());
            let old = in_dest.map(|index| dest[index].take());
            let item = match (old, in_patch) {
                (old, None) => old,
                (old, patch) => self
                    .walk(old, patch, item_schema)
                    .map_err(|reason| at(&identity[0].1.replace('`', ""), &reason))?,
            };
            match item {
                Some(Value::Object(mut item)) if !item.is_empty() => {
                    for (key, value) in &identity {
                        if !value.is_empty() && !item.contains_key(*key) {
                            item.insert((*key).into(), scalar::plain(value));
                        }
                    }
                    let item = Value::Object(item);
                    if let Some(index) = in_dest {
                        dest[index] = item.clone();
                    }
                    set(&mut added, Some(item), &identity);
                }
                _ => set(&mut dest, None, &identity),
            }
        }
        let names: Vec<&str> = used.iter().map(|key| keys[*key]).collect();
        Ok(append(added, dest, &names))
    }
}

fn directive(value: &Value) -> Result<Directive, Refusal> {
    match value.as_str() {
        Some("merge") => Ok(Directive::Merge),
        Some("replace") => Ok(Directive::Replace),
        Some("delete") => Ok(Directive::Delete),
        _ => Err(format!("`{DIRECTIVE}` must be merge, replace or delete, but is {value}")),
    }
}

fn take_directive(patch: &mut Map<String, Value>) -> Result<Directive, Refusal> {
    patch.shift_remove(DIRECTIVE).map_or(Ok(Directive::Merge), |value| directive(&value))
}

fn at(name: &str, reason: &str) -> Refusal {
    match reason.strip_prefix("at `") {
        Some(rest) => format!("at `{name}.{rest}"),
        None => format!("at `{name}`: {reason}"),
    }
}

/// Takes out an item that is only a directive for the whole list.
fn without_directive(mut items: Vec<Value>) -> Result<(Vec<Value>, Directive), Refusal> {
    let position = items.iter().position(|item| item.get(DIRECTIVE).is_some());
    let Some(position) = position else { return Ok((items, Directive::Merge)) };
    match items[position].as_object() {
        Some(item) if item.len() == 1 => {
            let said = directive(&item[DIRECTIVE])?;
            items.retain(|item| {
                item.get(DIRECTIVE).is_none_or(|value| directive(value) != Ok(said))
            });
            Ok((items, said))
        }
        _ => Ok((items, Directive::Merge)),
    }
}

/// The key values of all items, each once, the patch's first; empty for an absent key.
fn identities(patch: &[Value], dest: &[Value], keys: &[&str]) -> Vec<Vec<String>> {
    let mut seen = std::collections::BTreeSet::new();
    let all = patch.iter().chain(dest).map(|item| {
        let value = |key: &&str| item.get(*key).and_then(scalar::text).unwrap_or_default();
        keys.iter().map(value).collect::<Vec<String>>()
    });
    all.filter(|values| seen.insert(values.clone())).collect()
}

/// With two keys, items that agree on one and lack the other are taken for the same.
fn unify(identities: &mut [Vec<String>]) {
    for left in 0..identities.len() {
        for right in 0..identities.len() {
            if let Some(common) = common(&identities[left], &identities[right]) {
                identities[left].clone_from(&common);
                identities[right] = common;
            }
        }
    }
}

fn common(left: &[String], right: &[String]) -> Option<Vec<String>> {
    let mut agrees = false;
    let mut values = Vec::new();
    for (left, right) in left.iter().zip(right) {
        if left == right {
            agrees = true;
            values.push(left.clone());
        } else if !left.is_empty() && !right.is_empty() {
            return None;
        } else {
            values.push(if left.is_empty() { right.clone() } else { left.clone() });
        }
    }
    agrees.then_some(values)
}

/// The first item that has all the non-empty key values.
fn position(items: &[Value], identity: &[(&str, &str)]) -> Option<usize> {
    let has_any = identity.iter().any(|(_, value)| !value.is_empty());
    items.iter().position(|item| {
        item.is_object()
            && identity.iter().filter(|(_, value)| !has_any || !value.is_empty()).all(
                |(key, value)| {
                    item.get(*key).and_then(scalar::text).is_some_and(|text| text == *value)
                },
            )
    })
}

/// Replaces the items with the identity, or takes them out; adds the new item when there is none.
fn set(items: &mut Vec<Value>, new: Option<Value>, identity: &[(&str, &str)]) {
    let is_meant = |item: &Value| {
        !identity.is_empty()
            && identity.iter().all(|(key, value)| {
                let found = item.get(*key);
                found.is_some_and(|found| {
                    value.is_empty() || scalar::text(found).is_some_and(|text| text == *value)
                })
            })
    };
    let mut is_placed = false;
    let mut kept = Vec::with_capacity(items.len() + 1);
    for item in items.drain(..) {
        let is_empty = item.is_null() || item.as_object().is_some_and(Map::is_empty);
        if is_empty {
            continue;
        }
        if is_meant(&item) {
            is_placed = true;
            kept.extend(new.clone());
        } else if !identity.is_empty() {
            kept.push(item);
        }
    }
    if !is_placed {
        kept.extend(new);
    }
    *items = kept;
}

/// The merged items, then those that the patch did not name.
fn append(mut merged: Vec<Value>, rest: Vec<Value>, keys: &[&str]) -> Vec<Value> {
    for item in rest {
        let mut values = Vec::new();
        for key in keys {
            match item.get(*key).and_then(scalar::text) {
                Some(value) => values.push(value),
                None => merged.push(item.clone()),
            }
        }
        let identity: Vec<(&str, &str)> =
            keys.iter().copied().zip(values.iter().map(String::as_str)).collect();
        if keys.len() > 1 {
            set(&mut merged, None, &identity);
        }
        set(&mut merged, Some(item), &identity);
    }
    merged
}
