//! Durations as Prometheus and OpenSLO write them, in milliseconds.

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Reads `1h30m`, `90s`, `500ms`, `0`: each unit once, the largest first (Prometheus' rule).
/// `None` when the text is something else or too long for milliseconds.
#[must_use]
pub fn parse_ms(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let (mut rest, mut total, mut next_unit) = (text, 0_u64, 0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let after = &rest[digits..];
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let index = UNITS.iter().position(|(unit, _)| *unit == &after[..letters])?;
        if index < next_unit {
            return None;
        }
        next_unit = index + 1;
        total = total.checked_add(number.checked_mul(UNITS[index].1)?)?;
        rest = &after[letters..];
    }
    Some(total)
}

/// Writes a duration that [`parse_ms`] and Prometheus read back equal: `1h30m`, `500ms`, `0s`.
#[must_use]
pub fn format_ms(ms: u64) -> String {
    if ms == 0 {
        return "0s".into();
    }
    let (mut rest, mut text) = (ms, String::new());
    // Weeks and years only add doubt for a reader: 30d stays 30d.
    for (unit, size) in UNITS.into_iter().skip(2) {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(parse_ms(text), expected, "{text}");
    }

    #[test]
    fn reads_prometheus_durations() {
        check("0", Some(0));
        check("500ms", Some(500));
        check("1h30m", Some(5_400_000));
        check("30d", Some(2_592_000_000));
        check("1w2d", Some(777_600_000));
        check("1s500ms", Some(1500));
        check("", None);
        check("5", None);
        check("h", None);
        check("30m1h", None);
        check("1h1h", None);
        check("1.5h", None);
        check("-1h", None);
        check("1 h", None);
        check("99999999999999999999y", None);
    }

    #[test]
    fn writes_what_it_reads() {
        for ms in [1, 500, 1000, 1500, 60_000, 90_000, 5_400_000, 2_592_000_000] {
            assert_eq!(parse_ms(&format_ms(ms)), Some(ms));
        }
        assert_eq!(format_ms(2_592_000_000), "30d");
        assert_eq!(format_ms(0), "0s");
    }
}
