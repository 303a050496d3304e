//! Numbers and their texts, as .NET reads and prints doubles (`G15`).

/// The number that a text stands for: decimal, `0x` or `0o` of 32 bits, `Infinity`; blank is 0,
/// anything else NaN.
pub(crate) fn text_to_number(text: &str) -> f64 {
    let text = text.trim();
    if text.is_empty() {
        return 0.0;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return integer(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return integer(digits, 8);
    }
    match text {
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ if is_decimal(text) => text.parse().unwrap_or(f64::NAN),
        _ => f64::NAN,
    }
}

/// The text of a number with at most 15 significant digits: `1`, `-0.5`, `1E+15`, `NaN`.
pub(crate) fn number_to_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    if value == 0.0 {
        return "0".into();
    }
    let scientific = format!("{:.14e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    let digits = digits.trim_end_matches('0');
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", place_point(digits, exponent))
}

/// Digits with the decimal point after the first one, moved by `exponent`.
fn place_point(digits: &str, exponent: i32) -> String {
    if !(-5..15).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{first}{point}{rest}E{sign}{:02}", exponent.unsigned_abs());
    }
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        format!("0.{zeros}{digits}")
    } else if digits.len() <= whole {
        format!("{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        let (before, after) = digits.split_at(whole);
        format!("{before}.{after}")
    }
}

/// An integer of 32 bits in two's complement: `0xffffffff` is -1.
fn integer(digits: &str, radix: u32) -> f64 {
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return f64::NAN;
    }
    u32::from_str_radix(digits, radix).map_or(f64::NAN, |bits| f64::from(bits.cast_signed()))
}

/// Sign, digits with at most one point, exponent; Rust's own reader would also take `inf` and `nan`.
fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digit = !whole.is_empty() || !fraction.is_empty();
    let exponent_ok = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty() && digits(exponent)
    });
    has_digit && digits(whole) && digits(fraction) && exponent_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expected: &str) {
        assert_eq!(number_to_text(value), expected);
    }

    #[test]
    fn prints_fifteen_digits() {
        check(0.1 + 0.2, "0.3");
        check(-1234.5, "-1234.5");
        check(1e14, "100000000000000");
        check(1e15, "1E+15");
        check(1.5e-5, "0.000015");
        check(1.5e-6, "1.5E-06");
        check(f64::NEG_INFINITY, "-Infinity");
        check(-0.0, "0");
    }

    #[test]
    fn reads_only_numbers() {
        for (text, expected) in
            [(" ", 0.0), ("0xff", 255.0), ("0o10", 8.0), (".5", 0.5), ("1e2", 100.0)]
        {
            assert_eq!(text_to_number(text).to_bits(), f64::to_bits(expected), "{text}");
        }
        for text in ["inf", "nan", "0x", "0xg", "1_000", ".", "1e", "--1", "0b1"] {
            assert!(text_to_number(text).is_nan(), "{text}");
        }
    }
}
