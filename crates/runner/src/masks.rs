//! Hides secrets in what a job prints: as they are, and in the forms that programs make of them.
//!
//! A secret is looked for raw, percent-encoded, JSON-escaped, in hexadecimal, and in base64 (both
//! alphabets) at each of the three places that it can have in a longer text. Each line of a secret of
//! several lines counts as a secret, so masking line by line is enough.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";
/// A shorter text is in every other line; hiding it would hide the log and not the secret.
pub const SECRET_BYTES_MIN: usize = 3;
/// A shorter piece of an encoded form would hide words that have nothing to do with the secret.
const FORM_BYTES_MIN: usize = 5;

/// The secrets of one job.
#[derive(Debug, Clone, Default)]
pub struct Masks {
    /// Every form, by its first byte.
    forms: Vec<Vec<Vec<u8>>>,
    longest: usize,
}

impl Masks {
    /// Hides this value from now on; false when it is too short for that.
    pub fn add(&mut self, secret: &str) -> bool {
        let mut added = false;
        for line in secret.lines().map(str::trim).filter(|line| line.len() >= SECRET_BYTES_MIN) {
            for form in forms(line) {
                self.insert(form);
            }
            added = true;
        }
        if secret.contains('\n') {
            for form in forms(secret).into_iter().filter(|form| !form.contains(&b'\n')) {
                self.insert(form);
            }
        }
        added
    }

    /// The text with every secret hidden. Secrets that overlap are hidden as one.
    #[must_use]
    pub fn hide(&self, text: &[u8]) -> Vec<u8> {
        let mut hidden = Vec::with_capacity(text.len());
        let mut from = 0;
        for (start, end) in self.places(text) {
            hidden.extend_from_slice(&text[from..start]);
            hidden.extend_from_slice(MASK);
            from = end;
        }
        hidden.extend_from_slice(&text[from..]);
        hidden
    }

    /// The same for a text.
    #[must_use]
    pub fn hide_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.hide(text.as_bytes())).into_owned()
    }

    /// Where a text that is longer than the longest secret, and goes on, may be cut so that no secret
    /// is cut.
    #[must_use]
    pub fn safe_cut(&self, text: &[u8]) -> usize {
        let cut = text.len().saturating_sub(self.longest);
        let inside = self.places(text).into_iter().find(|(start, end)| *start < cut && cut < *end);
        match inside {
            None => cut,
            Some((0, end)) => end,
            Some((start, _)) => start,
        }
    }

    /// The length of the longest form of any secret.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Where secrets are, in order, without overlaps.
    fn places(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut places: Vec<(usize, usize)> = Vec::new();
        if self.longest == 0 {
            return places;
        }
        for (start, byte) in text.iter().enumerate() {
            let found = self.forms[usize::from(*byte)]
                .iter()
                .filter(|form| text[start..].starts_with(form))
                .map(Vec::len)
                .max();
            let Some(length) = found else { continue };
            match places.last_mut() {
                Some((_, end)) if start <= *end => *end = (*end).max(start + length),
                _ => places.push((start, start + length)),
            }
        }
        places
    }

    fn insert(&mut self, form: Vec<u8>) {
        let Some(first) = form.first() else { return };
        if self.forms.is_empty() {
            self.forms = vec![Vec::new(); 256];
        }
        self.longest = self.longest.max(form.len());
        let same = &mut self.forms[usize::from(*first)];
        if !same.contains(&form) {
            same.push(form);
        }
    }
}

/// The secret and everything that programs commonly make of it.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let mut encoded = Vec::new();
    for shift in 0..3 {
        encoded.push(base64_piece(&STANDARD_NO_PAD, bytes, shift));
        encoded.push(base64_piece(&URL_SAFE_NO_PAD, bytes, shift));
    }
    let hexadecimal = hex::encode(bytes);
    encoded.push(hexadecimal.to_uppercase());
    encoded.push(hexadecimal);
    for upper in [true, false] {
        encoded.push(percent_encoded(bytes, upper, "%20"));
        encoded.push(percent_encoded(bytes, upper, "+"));
    }
    let json = serde_json::Value::from(secret).to_string();
    encoded.push(json[1..json.len() - 1].to_owned());
    encoded.push(json[1..json.len() - 1].replace('/', "\\/"));
    let mut forms = vec![bytes.to_vec()];
    forms.extend(
        encoded.into_iter().filter(|form| form.len() >= FORM_BYTES_MIN).map(String::into_bytes),
    );
    forms
}

/// The characters of base64 that are the secret's alone when `shift` bytes (of a whole number of
/// groups) stand before it and anything stands after it.
fn base64_piece(engine: &impl base64::Engine, secret: &[u8], shift: usize) -> String {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(secret);
    let text = engine.encode(&padded);
    // A byte before the secret reaches into one character more than it fills.
    let start = [0, 2, 3][shift];
    let whole = padded.len() * 8 / 6;
    text.get(start..whole).unwrap_or_default().to_owned()
}

fn percent_encoded(bytes: &[u8], upper: bool, space: &str) -> String {
    let mut text = String::new();
    for byte in bytes {
        match byte {
            b' ' => text.push_str(space),
            b'-' | b'_' | b'.' | b'~' => text.push(char::from(*byte)),
            _ if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            _ if upper => text.push_str(&format!("%{byte:02X}")),
            _ => text.push_str(&format!("%{byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    #[track_caller]
    fn check(secrets: &[&str], text: &str, expected: &str) {
        let mut masks = Masks::default();
        for secret in secrets {
            masks.add(secret);
        }
        assert_eq!(masks.hide_text(text), expected);
    }

    #[test]
    fn hides_every_form() {
        check(&["s3cr3t/ value"], "a s3cr3t/ value b", "a *** b");
        check(&["s3cr3t/ value"], "s3cr3t%2F%20value s3cr3t%2f+value", "*** ***");
        check(&["say \"hi\""], r#"{"a":"say \"hi\""}"#, r#"{"a":"***"}"#);
        check(&["password"], "70617373776f7264 70617373776F7264", "*** ***");
        check(&["abcdef", "defghi"], "xabcdefghix", "x***x");
        check(&["abcdef"], "abcdefabcdef", "***");
        check(&["ab"], "ab", "ab");
        check(&["first line\nsecond line"], "first line then second line", "*** then ***");
        check(&[], "nothing", "nothing");
    }

    #[test]
    fn hides_base64_wherever_the_secret_begins() {
        let secret = "correct horse battery";
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "x", "xy"] {
                let text = format!("{before}{secret}{after}");
                let mut masks = Masks::default();
                masks.add(secret);
                for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
                    let hidden = masks.hide_text(&encoded);
                    assert!(hidden.contains("***") && hidden.len() <= 3 + 12, "{text}: {hidden}");
                }
            }
        }
    }
}
