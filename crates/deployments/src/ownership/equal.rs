//! Whether two values are one to Kubernetes: quantities, durations, and numbers written as texts.

use serde_json::Value;

use crate::compare::quantity_milli;

/// Fields below which every value is a quantity.
const QUANTITY_PARENTS: &[&str] = &[
    "limits",
    "requests",
    "capacity",
    "allocatable",
    "hard",
    "default",
    "defaultRequest",
    "max",
    "min",
    "maxLimitRequestRatio",
    "podFixed",
];

/// Fields that are quantities themselves.
const QUANTITIES: &[&str] = &["sizeLimit", "divisor", "averageValue", "storage"];

/// Fields that are a whole number or a text of one.
const NUMBERS_OR_TEXTS: &[&str] =
    &["port", "targetPort", "maxSurge", "maxUnavailable", "minAvailable"];

/// Below these everything is the user's own text, whatever it looks like.
const TEXTS: &[&str] = &["data", "binaryData", "stringData", "annotations", "labels"];

/// `path` is the JSON pointer of the field.
pub(super) fn equal(path: &str, left: &Value, right: &Value) -> bool {
    if left == right || (is_nothing(left) && is_nothing(right)) {
        return true;
    }
    if let (Some(left), Some(right)) = (left.as_f64(), right.as_f64()) {
        // 1 and 1.0 are one number.
        return (left - right).abs() < f64::EPSILON;
    }
    let (Some(left), Some(right)) = (text(left), text(right)) else { return false };
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    if segments.iter().any(|segment| TEXTS.contains(segment)) {
        return false;
    }
    let last = segments.last().copied().unwrap_or_default();
    let parent = segments.len().checked_sub(2).map_or("", |at| segments[at]);
    if QUANTITY_PARENTS.contains(&parent) || QUANTITIES.contains(&last) {
        return same(quantity_milli(&left), quantity_milli(&right));
    }
    if NUMBERS_OR_TEXTS.contains(&last) {
        return left == right;
    }
    is_duration(last) && same(duration_nanoseconds(&left), duration_nanoseconds(&right))
}

fn same<T: PartialEq>(left: Option<T>, right: Option<T>) -> bool {
    left.is_some() && left == right
}

fn is_duration(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["duration", "interval", "timeout", "period", "delay", "ttl", "renewbefore"]
        .iter()
        .any(|word| name.ends_with(word))
}

/// Go's durations: `1h30m`, `90m0s`, `1.5h`, `250ms`.
fn duration_nanoseconds(text: &str) -> Option<i128> {
    let mut rest = text;
    let mut total = 0_i128;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit_on) = rest.split_at(digits);
        let unit_end =
            unit_on.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(unit_on.len());
        let nanoseconds: i128 = match &unit_on[..unit_end] {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || fraction.len() > 9 {
            return None;
        }
        total = total.checked_add(whole.parse::<i128>().ok()?.checked_mul(nanoseconds)?)?;
        if !fraction.is_empty() {
            let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
            total += fraction.parse::<i128>().ok()?.checked_mul(nanoseconds)? / scale;
        }
        rest = &unit_on[unit_end..];
    }
    Some(total)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// `null`, `{}` and `[]` in Git ask for what an absent field already is.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
