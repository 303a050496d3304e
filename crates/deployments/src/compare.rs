//! Which fields of a live object differ from what Git sets.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The JSON pointers of the fields that Git sets and the live object has otherwise, and of those that
/// the last apply set and Git no longer does. Status, defaults and what others added never count.
/// `applied` is the manifest of the last apply, when known; `ignored` are pointers that do not count.
#[must_use]
pub fn changed_fields(
    desired: &Value,
    live: &Value,
    applied: Option<&Value>,
    ignored: &[String],
) -> Vec<String> {
    let mut changed = BTreeSet::new();
    compare("", desired, live, &mut changed);
    if let Some(applied) = applied {
        removed("", applied, desired, live, &mut changed);
    }
    changed
        .into_iter()
        .filter(|path| path != "/status" && !path.starts_with("/status/"))
        .filter(|path| !is_below_any(path, ignored))
        .collect()
}

/// Whether a field is, or is below, what one of the pointers names.
pub(crate) fn is_below_any(path: &str, pointers: &[String]) -> bool {
    pointers.iter().any(|pointer| {
        path.strip_prefix(pointer.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn compare(path: &str, desired: &Value, live: &Value, changed: &mut BTreeSet<String>) {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            for (name, value) in desired {
                let child = join(path, name);
                match live.get(name) {
                    Some(live) => compare(&child, value, live, changed),
                    None if is_nothing(value) => {}
                    None => drop(changed.insert(child)),
                }
            }
        }
        (Value::Array(desired), Value::Array(live)) if desired.len() == live.len() => {
            for (index, (desired, live)) in desired.iter().zip(live).enumerate() {
                compare(&join(path, &index.to_string()), desired, live, changed);
            }
        }
        (desired, live) => {
            if !equal(path, desired, live) {
                changed.insert(path.into());
            }
        }
    }
}

/// Fields of `applied` that `desired` no longer has and `live` still has.
fn removed(
    path: &str,
    applied: &Value,
    desired: &Value,
    live: &Value,
    changed: &mut BTreeSet<String>,
) {
    match (applied, desired, live) {
        (Value::Object(applied), Value::Object(desired), Value::Object(live)) => {
            for (name, value) in applied {
                let child = join(path, name);
                match (desired.get(name), live.get(name)) {
                    (Some(desired), Some(live)) => removed(&child, value, desired, live, changed),
                    (None, Some(_)) => drop(changed.insert(child)),
                    (_, None) => {}
                }
            }
        }
        (Value::Array(applied), Value::Array(desired), Value::Array(live)) => {
            for (index, ((applied, desired), live)) in
                applied.iter().zip(desired).zip(live).enumerate()
            {
                removed(&join(path, &index.to_string()), applied, desired, live, changed);
            }
        }
        _ => {}
    }
}

/// `null`, `{}` and `[]` in Git ask for what an absent field already is.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn equal(path: &str, desired: &Value, live: &Value) -> bool {
    if desired == live || (is_nothing(desired) && is_nothing(live)) {
        return true;
    }
    let of_resources = path.contains("/limits/") || path.contains("/requests/");
    let (left, right) = (scalar_text(desired), scalar_text(live));
    match (left, right) {
        (Some(left), Some(right)) if of_resources => {
            let (left, right) = (quantity_milli(&left), quantity_milli(&right));
            left.is_some() && left == right
        }
        // 1 and 1.0 are one number.
        _ => match (desired.as_f64(), live.as_f64()) {
            (Some(left), Some(right)) => (left - right).abs() < f64::EPSILON,
            _ => false,
        },
    }
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A Kubernetes quantity (`100m`, `1.5`, `64Mi`, `2k`) in thousandths; `None` when it is none.
#[must_use]
pub fn quantity_milli(text: &str) -> Option<i128> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let factor: i128 = match &text[digits..] {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        "T" => 1_000_000_000_000_000,
        "Ki" => 1_000 << 10,
        "Mi" => 1_000 << 20,
        "Gi" => 1_000 << 30,
        "Ti" => 1_000 << 40,
        _ => return None,
    };
    let (whole, fraction) = text[..digits].split_once('.').unwrap_or((&text[..digits], ""));
    if whole.is_empty() || fraction.len() > 6 {
        return None;
    }
    let mut total = whole.parse::<i128>().ok()?.checked_mul(factor)?;
    if !fraction.is_empty() {
        let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        total += fraction.parse::<i128>().ok()?.checked_mul(factor)? / scale;
    }
    Some(total)
}

pub(crate) fn join(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The manifest without the fields that a target writes, so that it can be shown and applied again.
#[must_use]
pub fn without_status(manifest: &Value) -> Value {
    let Value::Object(fields) = manifest else { return manifest.clone() };
    let kept: Map<String, Value> = fields
        .iter()
        .filter(|(name, _)| name.as_str() != "status")
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}
