//! Scalars as kustomize sees them: text that a YAML reader gives a type.

use serde_json::{Number, Value};

/// The text of a scalar; `None` for lists and mappings.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

pub(crate) fn is_scalar(value: &Value) -> bool {
    !value.is_array() && !value.is_object()
}

/// The value that a plain (unquoted) scalar with this text has.
pub(crate) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ => number(text).map_or_else(|| Value::String(text.into()), Value::Number),
    }
}

/// What takes the place of a scalar when only its text is written: text stays text where it must
/// have been in quotes, else it gets the type that it looks like.
pub(crate) fn rewritten(old: &Value, text: &str) -> Value {
    match old.as_str() {
        Some(old) if !old.is_empty() && !plain(old).is_string() => Value::String(text.into()),
        Some(_) | None => plain(text),
    }
}

fn number(text: &str) -> Option<Number> {
    let first = text.trim_start_matches(['+', '-']).chars().next()?;
    if !first.is_ascii_digit() && first != '.' {
        return None;
    }
    if let Ok(integer) = text.strip_prefix('+').unwrap_or(text).parse::<i64>() {
        let digits = text.trim_start_matches(['+', '-']);
        if digits.len() > 1 && digits.starts_with('0') {
            return i64::from_str_radix(digits, 8).ok().map(Number::from);
        }
        return Some(Number::from(integer));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

/// A value as Go prints it inside a text.
pub(crate) fn printed(value: &Value) -> String {
    match value.as_f64() {
        Some(float) if value.is_f64() => go_float(float),
        _ => text(value).unwrap_or_default(),
    }
}

/// The shortest form; with an exponent when it is below -4 or above 5.
fn go_float(float: f64) -> String {
    let (digits, exponent) = match format!("{float:e}").split_once('e') {
        Some((digits, exponent)) => {
            (digits.to_owned(), exponent.parse::<i32>().unwrap_or_default())
        }
        None => (float.to_string(), 0),
    };
    if (-4..6).contains(&exponent) {
        return float.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_text_gets_the_type_that_yaml_gives_it() {
        for (text, expected) in [
            ("80", json!(80)),
            ("-1", json!(-1)),
            ("0644", json!(420)),
            ("1.5", json!(1.5)),
            ("true", json!(true)),
            ("null", json!(null)),
            ("yes", json!("yes")),
            ("1.2.3", json!("1.2.3")),
            ("web", json!("web")),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
