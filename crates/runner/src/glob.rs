//! Which files a pattern of `actions/upload-artifact` or `hashFiles` means.

use regex::Regex;

/// A list of patterns, one a line; one that begins with `!` takes files away again.
#[derive(Debug, Clone)]
pub struct Patterns {
    patterns: Vec<(bool, Regex, String)>,
}

impl Patterns {
    /// Reads patterns of paths relative to the workspace. A path without a wildcard means the file,
    /// or everything below the folder.
    pub fn parse(lines: &[String]) -> Result<Self, String> {
        let mut patterns = Vec::new();
        for line in lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()) {
            let (wanted, pattern) = match line.strip_prefix('!') {
                Some(rest) => (false, rest),
                None => (true, line),
            };
            let pattern = normal(pattern)?;
            let text = translate(&pattern);
            let regex = Regex::new(&text).map_err(|error| format!("`{line}`: {error}"))?;
            patterns.push((wanted, regex, pattern));
        }
        Ok(Self { patterns })
    }

    /// Whether a file, by its path relative to the workspace, is meant. The last pattern that
    /// matches decides.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let last = self.patterns.iter().rev().find(|(_, regex, _)| regex.is_match(path));
        last.is_some_and(|(wanted, _, _)| *wanted)
    }

    /// The folder that all wanted files are below: with one pattern its part before any wildcard,
    /// with several the longest common one. GitHub lays an artifact's files out relative to it.
    #[must_use]
    pub fn root(&self) -> String {
        let roots = self.patterns.iter().filter(|(wanted, _, _)| *wanted).map(|(_, _, pattern)| {
            let parts = pattern.split('/').take_while(|part| !has_wildcard(part));
            parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
        });
        let common = roots.reduce(|left, right| {
            let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
            left[..same].to_vec()
        });
        common.unwrap_or_default().join("/")
    }
}

fn has_wildcard(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// The path without `.`, relative; one that leaves the workspace is refused.
fn normal(pattern: &str) -> Result<String, String> {
    if pattern.starts_with('/') || pattern.starts_with('~') {
        return Err(format!("`{pattern}` is not inside the workspace"));
    }
    let mut parts = Vec::new();
    for part in pattern.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| format!("`{pattern}` leaves the workspace"))?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

fn translate(pattern: &str) -> String {
    if pattern.is_empty() {
        return "^.*$".to_owned();
    }
    let mut regex = String::from("^");
    let characters: Vec<char> = pattern.chars().collect();
    let mut index = 0;
    while index < characters.len() {
        match characters[index] {
            '*' if characters[index..].starts_with(&['*', '*', '/']) => {
                regex.push_str("(?:.*/)?");
                index += 2;
            }
            '*' if characters.get(index + 1) == Some(&'*') => {
                regex.push_str(".*");
                index += 1;
            }
            '*' => regex.push_str("[^/]*"),
            '?' => regex.push_str("[^/]"),
            '[' if characters[index..].contains(&']') => {
                let end = index + characters[index..].iter().position(|it| *it == ']').unwrap_or(0);
                let inner: String = characters[index + 1..end].iter().collect();
                let inner = inner.strip_prefix('!').map_or(inner.clone(), |it| format!("^{it}"));
                regex.push_str(&format!("[{}]", inner.replace('\\', "\\\\")));
                index = end;
            }
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
        index += 1;
    }
    // A folder means everything below it.
    regex.push_str("(?:/.*)?$");
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(patterns: &[&str], root: &str, yes: &[&str], no: &[&str]) {
        let lines: Vec<_> = patterns.iter().map(|line| (*line).to_owned()).collect();
        let read = Patterns::parse(&lines).expect("patterns");
        assert_eq!(read.root(), root);
        for path in yes {
            assert!(read.matches(path), "{path} is meant by {patterns:?}");
        }
        for path in no {
            assert!(!read.matches(path), "{path} is not meant by {patterns:?}");
        }
    }

    #[test]
    fn patterns() {
        check(&["dist"], "dist", &["dist", "dist/a", "dist/b/c"], &["distant", "a/dist"]);
        check(&["./dist/"], "dist", &["dist/a"], &["other"]);
        check(&["**/Cargo.lock"], "", &["Cargo.lock", "a/b/Cargo.lock"], &["Cargo.lock.bak"]);
        check(&["out/*.txt"], "out", &["out/a.txt"], &["out/b/a.txt", "out/a.txtx"]);
        check(&["a/b", "a/c"], "a", &["a/b/x", "a/c"], &["a/d"]);
        check(&["dist", "!dist/*.map"], "dist", &["dist/a.js"], &["dist/a.map"]);
        check(&["."], "", &["a", "b/c"], &[]);
        check(&["a?[0-9].rs"], "", &["ab1.rs"], &["abx.rs"]);
    }

    #[test]
    fn refuses_what_leaves_the_workspace() {
        for pattern in ["../a", "/etc/passwd", "a/../../b"] {
            assert!(Patterns::parse(&[pattern.to_owned()]).is_err(), "{pattern}");
        }
    }
}
