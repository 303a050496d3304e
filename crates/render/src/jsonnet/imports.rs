//! What a Jsonnet file imports, seen without evaluating it, and where that may be.
//!
//! The path of an import is always written out, so whatever an evaluation could open is known before.
//! A scan of the words is enough: what it finds beyond that is opened for nothing.

/// One import of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Import {
    /// The path as it is written.
    pub(crate) path: String,
    /// Whether it is Jsonnet, which imports in its turn; else its text or bytes are the value.
    pub(crate) is_code: bool,
}

/// Every import of a text.
pub(crate) fn imports(text: &str) -> Vec<Import> {
    let mut scan = Scan { rest: text };
    let (mut found, mut word) = (Vec::new(), None);
    while let Some(token) = scan.next() {
        word = match token {
            Token::Word("import") => Some(true),
            Token::Word("importstr" | "importbin") => Some(false),
            Token::Text(path) => {
                found.extend(word.map(|is_code| Import { path, is_code }));
                None
            }
            Token::Word(_) | Token::Other => None,
        };
    }
    found
}

/// Where an import may be, in the order in which it is looked for: beside the file that imports, then
/// in the libraries, the last of them first. Paths from the repository's root; what would be outside
/// of it is left out.
pub(crate) fn candidates(folder: Option<&str>, path: &str, libraries: &[String]) -> Vec<String> {
    if path.starts_with('/') {
        return Vec::new();
    }
    let folders = folder.into_iter().chain(libraries.iter().rev().map(String::as_str));
    let mut places: Vec<String> = Vec::new();
    for place in folders.filter_map(|folder| joined(folder, path)) {
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

/// The folder of a file.
pub(crate) fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path from the root, without `.` and `..`; `None` when it leaves the root.
pub(crate) fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// A piece of a text.
enum Token<'a> {
    Word(&'a str),
    /// A string, as it is meant.
    Text(String),
    Other,
}

struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    fn next(&mut self) -> Option<Token<'a>> {
        self.pass_space();
        let first = self.rest.chars().next()?;
        if first.is_ascii_alphabetic() || first == '_' {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = self.rest.find(|c| !is_word(c)).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Token::Word(word));
        }
        if let Some(rest) = self.rest.strip_prefix("|||") {
            self.rest = after_block(rest);
            return Some(Token::Other);
        }
        self.rest = &self.rest[first.len_utf8()..];
        let token = match (first, self.rest.chars().next()) {
            ('"' | '\'', _) => Token::Text(self.quoted(first)),
            ('@', Some(quote @ ('"' | '\''))) => {
                self.rest = &self.rest[1..];
                Token::Text(self.verbatim(quote))
            }
            _ => Token::Other,
        };
        Some(token)
    }

    fn pass_space(&mut self) {
        loop {
            let rest = self.rest.trim_start();
            let line = rest.starts_with('#') || rest.starts_with("//");
            self.rest = match rest.strip_prefix("/*") {
                Some(inside) => inside.split_once("*/").map_or("", |(_, after)| after),
                None if line => rest.split_once('\n').map_or("", |(_, after)| after),
                None => {
                    self.rest = rest;
                    return;
                }
            };
        }
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                _ if character == quote => {
                    self.rest = &self.rest[at + 1..];
                    return text;
                }
                '\\' => match characters.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'u')) => {
                        let digits: String =
                            (0..4).filter_map(|_| characters.next()).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&digits, 16).ok();
                        text.extend(code.and_then(char::from_u32));
                    }
                    Some((_, other)) => text.push(other),
                    None => {}
                },
                other => text.push(other),
            }
        }
        self.rest = "";
        text
    }

    /// Nothing is escaped; a quote is written twice.
    fn verbatim(&mut self, quote: char) -> String {
        let mut text = String::new();
        let mut characters = self.rest.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if character != quote {
                text.push(character);
            } else if characters.next_if(|(_, next)| *next == quote).is_some() {
                text.push(quote);
            } else {
                self.rest = &self.rest[at + 1..];
                return text;
            }
        }
        self.rest = "";
        text
    }
}

/// What comes after a block of text: it ends at the first line that is indented less than its first
/// one and begins with the mark.
fn after_block(text: &str) -> &str {
    let Some((_, mut rest)) = text.split_once('\n') else { return "" };
    let is_space = |c: char| c == ' ' || c == '\t';
    let first = rest.lines().find(|line| !line.is_empty()).unwrap_or_default();
    let indent = &first[..first.find(|c| !is_space(c)).unwrap_or(first.len())];
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let is_inside = line.is_empty() || (!indent.is_empty() && line.starts_with(indent));
        if !is_inside {
            return line.trim_start_matches(is_space).strip_prefix("|||").map_or(after, |_| {
                let start = rest.find("|||").unwrap_or_default() + 3;
                &rest[start..]
            });
        }
        rest = after;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found = imports(text);
        let mark = |one: &Import| if one.is_code { "" } else { "=" };
        let found: Vec<String> =
            found.iter().map(|one| format!("{}{}", mark(one), one.path)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn every_import_is_seen() {
        check("", &[]);
        check("import 'a.libsonnet'", &["a.libsonnet"]);
        check("(import \"a\") + importstr 'b' + importbin @'c''d'", &["a", "=b", "=c'd"]);
        check("import /* here */ 'a' // import 'b'\n# import 'c'\n", &["a"]);
        check("{ 'import': 'a', x: 'import', y: 'import \"b\"' }", &[]);
        check("{ import_a: 'b', reimport: 'c' }", &[]);
        check(r#"import "a\"b\\c""#, &["a\"b\\c"]);
        check(r"import 'a\u0041'", &["aA"]);
        check("local a = |||\n  import 'b'\n\n  |||\n  more\n||| + import 'c';", &["c"]);
        check("|||-\n\timport 'b'\n|||; import 'c'", &["c"]);
        check("'it''s'; import 'a'", &["a"]);
        check("@'\\'; import 'a'", &["a"]);
        check("import 'unfinished", &["unfinished"]);
        check("/* import 'a'", &[]);
        check("|||", &[]);
        check("|||\nimport 'a'", &[]);
        check("a||b; import 'é'", &["é"]);
        check("import ('a')", &[]);
    }

    #[test]
    fn candidates_stay_in_the_repository() {
        let libraries = ["vendor".to_owned(), "lib/k".to_owned()];
        for (folder, path, expected) in [
            (Some("app"), "a", &["app/a", "lib/k/a", "vendor/a"][..]),
            (Some("app"), "../a", &["a", "lib/a"]),
            (Some("app"), "../../a", &["a"]),
            (Some("app"), "../../../etc/passwd", &[]),
            (Some("app"), "/etc/passwd", &[]),
            (Some(""), "./x/../a", &["a", "lib/k/a", "vendor/a"]),
            (Some("vendor"), "a", &["vendor/a", "lib/k/a"]),
            (None, "a", &["lib/k/a", "vendor/a"]),
        ] {
            assert_eq!(candidates(folder, path, &libraries), expected, "{folder:?} {path}");
        }
    }
}
