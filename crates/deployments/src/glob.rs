//! Patterns as Argo CD's projects have them: `*`, `**`, `?`, `[a-z]`, `[!a]`, `{a,b}`, and `!` for a
//! denial where a list permits one.

use std::sync::Arc;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// The longest pattern that is read; names and addresses are shorter.
const PATTERN_BYTES_MAX: usize = 1_024;
/// How large a compiled pattern may become: nested alternatives multiply.
const COMPILED_BYTES_MAX: usize = 1 << 20;

/// A pattern without denial.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob {
    text: String,
    /// Absent of `*`, which stands for everything.
    compiled: Option<Arc<Compiled>>,
}

/// `None` of either: only the text itself matches.
#[derive(Debug)]
struct Compiled {
    flat: Option<Regex>,
    by_segment: Option<Regex>,
}

/// Two patterns are one when their texts are.
impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl Glob {
    /// `*`.
    #[must_use]
    pub fn everything() -> Self {
        Self { text: "*".into(), compiled: None }
    }

    /// What matches the empty text alone.
    #[must_use]
    pub fn nothing() -> Self {
        let compiled = Compiled { flat: None, by_segment: None };
        Self { text: String::new(), compiled: Some(Arc::new(compiled)) }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the whole text matches; `*` stands for anything.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.is_match(text, |compiled| &compiled.flat)
    }

    /// Whether the whole text matches, with `*` within one segment between slashes and `**` over
    /// several. A `*` alone stands for everything.
    #[must_use]
    pub fn matches_path(&self, text: &str) -> bool {
        self.is_match(text, |compiled| &compiled.by_segment)
    }

    fn is_match(&self, text: &str, of: impl Fn(&Compiled) -> &Option<Regex>) -> bool {
        let Some(compiled) = &self.compiled else { return true };
        of(compiled).as_ref().map_or(self.text == text, |regex| regex.is_match(text))
    }
}

impl TryFrom<String> for Glob {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::everything());
        }
        if text.len() > PATTERN_BYTES_MAX {
            return Err(format!("a pattern is longer than {PATTERN_BYTES_MAX} bytes"));
        }
        let is_plain = !text.contains(['*', '?', '[', '{', '}', '\\']);
        let compile = |separated: bool| {
            if is_plain {
                return Ok(None);
            }
            let expression = expression(&text, separated)
                .ok_or_else(|| format!("`{text}` is no pattern: a bracket or brace is open"))?;
            regex::RegexBuilder::new(&expression)
                .size_limit(COMPILED_BYTES_MAX)
                .build()
                .map(Some)
                .map_err(|_| format!("`{text}` is no pattern, or one that is too large"))
        };
        let compiled = Compiled { flat: compile(false)?, by_segment: compile(true)? };
        Ok(Self { text, compiled: Some(Arc::new(compiled)) })
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> Self {
        glob.text
    }
}

/// A pattern that permits, or with `!` before it one that denies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule {
    /// The pattern, without `!`.
    pub glob: Glob,
    /// Whether what matches is denied.
    pub denies: bool,
}

impl TryFrom<String> for Rule {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let (denies, pattern) = match text.strip_prefix('!') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        Ok(Self { glob: Glob::try_from(pattern.to_owned())?, denies })
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        format!("{}{}", if rule.denies { "!" } else { "" }, rule.glob.text)
    }
}

/// The pattern as a regular expression; `None` when a bracket or brace is not closed.
fn expression(pattern: &str, separated: bool) -> Option<String> {
    let (any, one) = if separated { ("[^/]*", "[^/]") } else { (".*", ".") };
    let mut expression = String::from("(?s)^");
    let (mut characters, mut depth) = (pattern.chars().peekable(), 0_usize);
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.peek() == Some(&'*') => {
                while characters.next_if_eq(&'*').is_some() {}
                expression.push_str(".*");
            }
            '*' => expression.push_str(any),
            '?' => expression.push_str(one),
            '[' => expression.push_str(&class(&mut characters)?),
            '{' => {
                depth += 1;
                expression.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                expression.push(')');
            }
            ',' if depth > 0 => expression.push('|'),
            '\\' => expression.push_str(&regex::escape(&characters.next()?.to_string())),
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression.push('$');
    (depth == 0).then_some(expression)
}

/// What follows `[`, up to its `]`.
fn class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let mut class = String::from("[");
    if characters.next_if(|first| matches!(first, '!' | '^')).is_some() {
        class.push('^');
    }
    let mut is_empty = true;
    loop {
        match characters.next()? {
            ']' if !is_empty => break,
            '-' if !is_empty && characters.peek() != Some(&']') => class.push('-'),
            other => class.push_str(&regex::escape(&other.to_string())),
        }
        is_empty = false;
    }
    class.push(']');
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, flat: &[&str], only_flat: &[&str], not: &[&str]) {
        let glob = Glob::try_from(pattern.to_owned()).expect("a pattern");
        for text in flat {
            assert!(glob.matches(text) && glob.matches_path(text), "{pattern} {text}");
        }
        for text in only_flat {
            assert!(glob.matches(text) && !glob.matches_path(text), "{pattern} {text}");
        }
        for text in not {
            assert!(!glob.matches(text) && !glob.matches_path(text), "{pattern} {text}");
        }
    }

    #[test]
    fn matches_whole_texts() {
        check("team-*", &["team-", "team-a"], &["team-a/b"], &["a-team-a", "teama"]);
        check("*", &["", "a", "a/b"], &[], &[]);
        check("a/**", &["a/", "a/b/c"], &[], &["b/a"]);
        check("a?c", &["abc", "aéc"], &["a/c"], &["ac", "abbc"]);
        check("[a-c]x", &["ax", "cx"], &[], &["dx", "x"]);
        check("[!a-c]x", &["dx"], &[], &["ax"]);
        check("{a,b*}-x", &["a-x", "b1-x"], &[], &["c-x", "a,b-x"]);
        check("a.b+(c)", &["a.b+(c)"], &[], &["aXb+(c)"]);
        check(r"a\*", &["a*"], &[], &["ab"]);
        check("", &[""], &[], &["a"]);
    }

    #[test]
    fn refuses_what_is_not_closed() {
        for text in ["[a", "{a", r"a\", "["] {
            assert!(Glob::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
