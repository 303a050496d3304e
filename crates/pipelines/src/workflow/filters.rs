//! Patterns of `branches`, `tags` and `paths`, and how a list of them decides.
//!
//! `*` is any text without `/`, `**` any text, `?` none or one of what stands before it, `+` one or
//! more of it, `[]` one of the characters, `!` at the start takes back, `\` takes the next
//! character as it is. Case counts.

use regex::Regex;

use super::model::PatternFilter;

/// Characters of a pattern. A regular expression made of a longer one would be a burden.
const LENGTH_MAX: usize = 1_000;

/// One pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// Whether it begins with `!`.
    pub takes_back: bool,
    regex: Regex,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern '{pattern}' is not valid: {reason}")]
pub struct InvalidPattern {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let invalid = |reason: String| InvalidPattern { pattern: text.to_owned(), reason };
        if text.chars().count() > LENGTH_MAX {
            return Err(invalid(format!("it has more than {LENGTH_MAX} characters")));
        }
        let (takes_back, body) = match text.strip_prefix('!') {
            Some(body) => (true, body),
            None => (false, text),
        };
        if body.is_empty() {
            return Err(invalid("it is empty".into()));
        }
        let expression = translate(body).map_err(invalid)?;
        let regex = Regex::new(&expression).map_err(|error| invalid(error.to_string()))?;
        Ok(Self { takes_back, regex })
    }

    /// Whether the whole text is what the pattern says, `!` aside.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PatternFilter {
    /// Whether nothing was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.only.is_none() && self.ignore.is_none()
    }

    /// Whether a name passes. The last pattern that matches decides.
    #[must_use]
    pub fn passes(&self, name: &str) -> bool {
        let chosen = |patterns: &Vec<String>| chooses(patterns, name);
        self.only.as_ref().is_none_or(chosen) && !self.ignore.as_ref().is_some_and(chosen)
    }

    /// Whether one of the names passes.
    #[must_use]
    pub fn passes_any<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        self.is_empty() || names.into_iter().any(|name| self.passes(name))
    }
}

/// A pattern that cannot be read chooses nothing; the reader of the workflow refused it already.
fn chooses(patterns: &[String], name: &str) -> bool {
    patterns
        .iter()
        .filter_map(|pattern| Pattern::parse(pattern).ok())
        .rfind(|pattern| pattern.matches(name))
        .is_some_and(|pattern| !pattern.takes_back)
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut expression = String::from("^(?s:");
    let mut rest = pattern;
    let mut repeatable = false;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let mut is_atom = true;
        match letter {
            '*' if rest.starts_with('*') => {
                let all = rest.trim_start_matches('*');
                let at_start = expression.ends_with("(?s:") || expression.ends_with('/');
                match all.strip_prefix('/') {
                    // `**/a` is also `a` itself.
                    Some(after) if at_start => {
                        expression.push_str("(?:.*/)?");
                        rest = after;
                    }
                    Some(_) | None => {
                        expression.push_str("(?:.*)");
                        rest = all;
                    }
                }
            }
            '*' => expression.push_str("(?:[^/]*)"),
            '?' | '+' => {
                if !repeatable {
                    return Err(format!("'{letter}' has nothing before it to repeat"));
                }
                expression.push(letter);
                is_atom = false;
            }
            '[' => {
                let (class, after) = rest.split_once(']').ok_or("'[' is not closed by ']'")?;
                expression.push_str(&translate_class(class)?);
                rest = after;
            }
            '\\' => {
                let escaped = rest.chars().next().ok_or("'\\' has nothing after it")?;
                rest = &rest[escaped.len_utf8()..];
                expression.push_str(&regex::escape(&escaped.to_string()));
            }
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
        repeatable = is_atom;
    }
    expression.push_str(")$");
    Ok(expression)
}

/// Characters and ranges such as `a-z`; nothing in it is special to the regular expression.
fn translate_class(class: &str) -> Result<String, String> {
    if class.is_empty() {
        return Err("'[]' has no character".into());
    }
    let letters: Vec<char> = class.chars().collect();
    let mut expression = String::from("[");
    let mut index = 0;
    while let Some(&letter) = letters.get(index) {
        expression.push_str(&regex::escape(&letter.to_string()));
        match (letters.get(index + 1), letters.get(index + 2)) {
            (Some('-'), Some(&end)) => {
                if end < letter {
                    return Err(format!("the range '{letter}-{end}' runs backwards"));
                }
                expression.push('-');
                expression.push_str(&regex::escape(&end.to_string()));
                index += 3;
            }
            _ => index += 1,
        }
    }
    expression.push(']');
    Ok(expression)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let pattern = Pattern::parse(pattern).unwrap();
        for text in matching {
            assert!(pattern.matches(text), "{text} should match");
        }
        for text in others {
            assert!(!pattern.matches(text), "{text} should not match");
        }
    }

    #[test]
    fn patterns() {
        check("feature/*", &["feature/a", "feature/"], &["feature/a/b", "feature"]);
        check("feature/**", &["feature/a", "feature/a/b"], &["feature"]);
        check("*feature", &["my-feature", "feature"], &["a/feature", "feature-a"]);
        check("v2*", &["v2", "v2.0"], &["v1", "xv2"]);
        check("v[12].[0-9]+.[0-9]+", &["v1.10.1", "v2.0.0"], &["v3.0.0", "v1.a.0"]);
        check("*.jsx?", &["a.js", "a.jsx"], &["a.jsxx", "d/a.js"]);
        check("**.js", &["a.js", "d/e/a.js"], &["a.jsx"]);
        check("**/README.md", &["README.md", "a/b/README.md"], &["a/xREADME.md"]);
        check("docs/**/*.md", &["docs/a.md", "docs/a/b.md"], &["a.md"]);
        check("**/docs/**", &["docs/a", "a/docs/b/c"], &["docs", "mydocs/a"]);
        check("**-post.md", &["my-post.md", "a/b-post.md"], &["post.md"]);
        check("a.c", &["a.c"], &["abc", "A.c"]);
        check("[!a]", &["!", "a"], &["b"]);
        check(r"a\*", &["a*"], &["ab"]);
    }

    #[test]
    fn refuses() {
        for pattern in ["", "!", "?", "+a", "[", "[]", "[z-a]", "a\\", "a++"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    #[track_caller]
    fn check_filter(only: Option<&[&str]>, ignore: Option<&[&str]>, name: &str, expected: bool) {
        let list = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let filter = PatternFilter { only: only.map(list), ignore: ignore.map(list) };
        assert_eq!(filter.passes(name), expected, "{name}");
    }

    #[test]
    fn the_last_match_decides() {
        let only: &[&str] = &["releases/**", "!releases/**-alpha"];
        check_filter(Some(only), None, "releases/10", true);
        check_filter(Some(only), None, "releases/10-alpha", false);
        check_filter(Some(only), None, "main", false);
        check_filter(Some(&["a*", "!ab", "ab"]), None, "ab", true);
        check_filter(Some(&["!ab"]), None, "c", false);
        check_filter(None, Some(&["docs/**"]), "docs/a", false);
        check_filter(None, Some(&["docs/**"]), "src/a", true);
        check_filter(None, None, "x", true);
    }
}
