//! Kubernetes' amounts: `500m`, `128Mi`, `2`, `1e3`.

use serde_json::Value;

const SUFFIXES: &[(&str, f64)] = &[
    ("Ki", 1024.0),
    ("Mi", 1024.0 * 1024.0),
    ("Gi", 1024.0 * 1024.0 * 1024.0),
    ("Ti", 1024.0 * 1024.0 * 1024.0 * 1024.0),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
];

/// The amount as a number; `None` when it is none.
pub(crate) fn parse(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => {
            let (digits, factor) = SUFFIXES
                .iter()
                .find_map(|(suffix, factor)| Some((text.strip_suffix(suffix)?, *factor)))
                .unwrap_or((text, 1.0));
            digits.parse::<f64>().ok().map(|number| number * factor).filter(|n| n.is_finite())
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn amounts_are_read_as_kubernetes_does() {
        for (value, expected) in [
            (json!("500m"), Some(0.5)),
            (json!("128Mi"), Some(134_217_728.0)),
            (json!("1G"), Some(1e9)),
            (json!(2), Some(2.0)),
            (json!("1e3"), Some(1000.0)),
            (json!("0.25"), Some(0.25)),
            (json!("lots"), None),
            (json!("Mi"), None),
            (json!(true), None),
        ] {
            assert_eq!(parse(&value), expected, "{value}");
        }
    }
}
