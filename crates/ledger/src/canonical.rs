//! Canonical JSON (RFC 8785): one text for one value, so that equal facts have equal hashes.

use std::fmt::Write as _;

use serde_json::{Map, Number, Value};

use crate::fact::Fact;

/// The leaf of the hash tree for a fact: the canonical JSON of all its fields, as UTF-8.
///
/// # Panics
/// Never for a fact that came from an append: its fields are JSON.
#[must_use]
pub fn canonical_fact(fact: &Fact) -> String {
    match serde_json::to_value(fact) {
        Ok(value) => canonical_json(&value),
        Err(error) => panic!("a fact's fields must be JSON: {error}"),
    }
}

/// The canonical JSON of a value: no white space, members ordered by the UTF-16 code units of their
/// names, the shortest escapes, numbers as ECMAScript prints them.
///
/// One deliberate difference from RFC 8785: an integer outside ±2^53 keeps all its digits (the RFC
/// would round it to a double, and a fact whose last digits were changed would hash the same).
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Number(number) => write_number(text, number),
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => write_object(text, members),
    }
}

fn write_object(text: &mut String, members: &Map<String, Value>) {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    text.push('{');
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_string(text, name);
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(text, "\\u{:04x}", u32::from(control));
            }
            plain => text.push(plain),
        }
    }
    text.push('"');
}

fn write_number(text: &mut String, number: &Number) {
    if number.is_f64() {
        write_double(text, number.as_f64().unwrap_or_default());
    } else {
        text.push_str(&number.to_string());
    }
}

/// ECMAScript's `Number::toString` (ECMA-262, 6.1.6.1.20) for a finite double.
fn write_double(text: &mut String, double: f64) {
    if double == 0.0 {
        text.push('0');
        return;
    }
    if double < 0.0 {
        text.push('-');
    }
    let scientific = shortest(double.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let point = exponent + 1;
    if count <= point && point <= 21 {
        text.push_str(&digits);
        text.extend(std::iter::repeat_n('0', usize::try_from(point - count).unwrap_or(0)));
    } else if 0 < point && point <= 21 {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        text.push_str(whole);
        text.push('.');
        text.push_str(fraction);
    } else if -6 < point && point <= 0 {
        text.push_str("0.");
        text.extend(std::iter::repeat_n('0', usize::try_from(-point).unwrap_or(0)));
        text.push_str(&digits);
    } else {
        let (first, rest) = digits.split_at(1);
        text.push_str(first);
        if !rest.is_empty() {
            text.push('.');
            text.push_str(rest);
        }
        text.push('e');
        text.push(if exponent < 0 { '-' } else { '+' });
        text.push_str(&exponent.abs().to_string());
    }
}

/// `d.ddde±x` with the fewest digits that read back as the same double; of several such the nearest
/// one, and of two equally near ones the even one. Rust's own choice between those is another.
fn shortest(double: f64) -> String {
    let short = format!("{double:e}");
    let mantissa = short.split('e').next().unwrap_or_default();
    let digits = mantissa.chars().filter(char::is_ascii_digit).count();
    let nearest = format!("{double:.*e}", digits.saturating_sub(1));
    if nearest.parse() == Ok(double) { nearest } else { short }
}
