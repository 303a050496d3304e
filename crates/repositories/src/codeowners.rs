//! CODEOWNERS by GitHub's rules: which people a change of a path must please.
//!
//! The rules are those of docs.github.com, "About code owners": gitignore's patterns without
//! negation, `\#` and character ranges; the last matching line wins; a line without owners leaves its
//! paths without owners.

use std::collections::BTreeSet;
use std::fmt;

use crate::glob::{InvalidGlob, Segment, Token, reachable, segments_of};

/// The places where a repository may keep the file, in order; the first that exists counts.
pub const LOCATIONS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// A larger file is ignored as a whole, in bytes: GitHub's limit.
pub const FILE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A file's rules in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CodeOwners {
    rules: Vec<Rule>,
}

/// One line: a pattern and who owns what it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The line's number, from 1.
    pub line: usize,
    /// What it is about.
    pub pattern: Pattern,
    /// The owners; empty means that nobody owns these paths.
    pub owners: Vec<Owner>,
}

/// Somebody whom a rule names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// `@name`: an account.
    Account(String),
    /// `@organisation/team`.
    Team {
        /// The part before the slash.
        organisation: String,
        /// The part after the slash.
        team: String,
    },
    /// An address of an account.
    Email(String),
}

/// Who owns a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owners<'file> {
    /// No line matches.
    Unmatched,
    /// The last matching line names nobody.
    Nobody {
        /// That line.
        rule: &'file Rule,
    },
    /// The last matching line names these; any one of them may approve.
    AnyOf {
        /// That line.
        rule: &'file Rule,
    },
}

/// A line that has no meaning and is skipped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of CODEOWNERS is skipped: {problem}")]
pub struct InvalidLine {
    /// The line's number, from 1; 0 for the file as a whole.
    pub line: usize,
    /// The line as it was written.
    pub text: String,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineProblem {
    /// GitHub has no `!`.
    #[error("a pattern cannot be negated with `!`")]
    Negation,
    /// GitHub has no `\#`.
    #[error("a pattern cannot begin with an escaped `#`")]
    EscapedComment,
    /// Not a pattern.
    #[error("{0}")]
    Pattern(InvalidGlob),
    /// Neither `@account`, `@organisation/team` nor an address.
    #[error("`{0}` is not an owner (@account, @organisation/team or an e-mail address)")]
    Owner(String),
    /// More than [`FILE_BYTES_MAX`].
    #[error("the file is larger than 3 MiB and is ignored as a whole")]
    FileTooLarge,
}

/// A pattern of CODEOWNERS: anchored at the root when it has a slash before its end, else at any
/// depth; a folder that it matches stands for everything inside, unless its last part is `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    segments: Vec<Segment>,
    matches_below: bool,
}

impl CodeOwners {
    /// Reads the file; lines without meaning are given back and skipped, as GitHub does.
    #[must_use]
    pub fn parse(text: &str) -> (Self, Vec<InvalidLine>) {
        let mut file = Self::default();
        let mut invalid = Vec::new();
        if text.len() > FILE_BYTES_MAX {
            let (line, text) = (0, String::new());
            return (file, vec![InvalidLine { line, text, problem: LineProblem::FileTooLarge }]);
        }
        for (index, written) in text.lines().enumerate() {
            let line = index + 1;
            match parse_line(line, written) {
                Ok(rule) => file.rules.extend(rule),
                Err(problem) => invalid.push(InvalidLine { line, text: written.into(), problem }),
            }
        }
        (file, invalid)
    }

    /// Who owns `path`, relative to the repository's root, without a leading slash.
    #[must_use]
    pub fn owners(&self, path: &str) -> Owners<'_> {
        match self.rules.iter().rev().find(|rule| rule.pattern.matches(path)) {
            None => Owners::Unmatched,
            Some(rule) if rule.owners.is_empty() => Owners::Nobody { rule },
            Some(rule) => Owners::AnyOf { rule },
        }
    }

    /// The rules that own at least one of the paths, in the file's order, each with its paths.
    #[must_use]
    pub fn rules_of<'path>(
        &self,
        paths: impl IntoIterator<Item = &'path str>,
    ) -> Vec<(&Rule, BTreeSet<&'path str>)> {
        let mut touched: Vec<(&Rule, BTreeSet<&'path str>)> =
            self.rules.iter().map(|rule| (rule, BTreeSet::new())).collect();
        for path in paths {
            if let Owners::AnyOf { rule } = self.owners(path)
                && let Some((_, paths)) = touched.iter_mut().find(|(one, _)| one.line == rule.line)
            {
                paths.insert(path);
            }
        }
        touched.retain(|(_, paths)| !paths.is_empty());
        touched
    }

    /// The rules in the file's order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl Pattern {
    /// Reads a pattern.
    pub fn new(text: &str) -> Result<Self, InvalidGlob> {
        let rooted = text.strip_prefix('/');
        let body = rooted.unwrap_or(text);
        if rooted.is_some() && body.is_empty() {
            // `/` alone names the root, which is no file: it matches nothing.
            return Ok(Self { text: text.into(), segments: Vec::new(), matches_below: false });
        }
        let mut segments = segments_of(body)?;
        let folder_only = body.ends_with('/');
        if folder_only {
            segments.pop();
            segments.push(Segment::AnyDepth);
        }
        let single = segments.len() == 1 || (folder_only && segments.len() == 2);
        if rooted.is_none() && single && segments.first() != Some(&Segment::AnyDepth) {
            segments.insert(0, Segment::AnyDepth);
        }
        let matches_below = match segments.last() {
            Some(Segment::One(tokens)) => *tokens != [Token::AnyRun],
            Some(Segment::AnyDepth) | None => false,
        };
        Ok(Self { text: text.into(), segments, matches_below })
    }

    /// Whether the pattern matches `path`, relative to the root, without a leading slash.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        if self.segments.is_empty() {
            return false;
        }
        let parts: Vec<&str> = path.split('/').collect();
        let reached = reachable(&self.segments, &parts);
        if self.matches_below { reached.contains(&true) } else { reached.last() == Some(&true) }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(f, "@{name}"),
            Self::Team { organisation, team } => write!(f, "@{organisation}/{team}"),
            Self::Email(address) => f.write_str(address),
        }
    }
}

fn parse_line(line: usize, written: &str) -> Result<Option<Rule>, LineProblem> {
    let text = written.trim();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if text.starts_with('!') {
        return Err(LineProblem::Negation);
    }
    if text.starts_with("\\#") {
        return Err(LineProblem::EscapedComment);
    }
    let (pattern, rest) = split_pattern(text);
    let pattern = Pattern::new(pattern).map_err(LineProblem::Pattern)?;
    let words = rest.split_whitespace().take_while(|word| !word.starts_with('#'));
    let owners = words.map(parse_owner).collect::<Result<_, _>>()?;
    Ok(Some(Rule { line, pattern, owners }))
}

/// Splits at the first white space that no backslash takes literally.
fn split_pattern(text: &str) -> (&str, &str) {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if !escaped && character.is_whitespace() {
            return text.split_at(at);
        }
        escaped = !escaped && character == '\\';
    }
    (text, "")
}

fn parse_owner(word: &str) -> Result<Owner, LineProblem> {
    let invalid = || LineProblem::Owner(word.into());
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if let Some(name) = word.strip_prefix('@') {
        return match name.split_once('/') {
            None if is_name(name) => Ok(Owner::Account(name.into())),
            Some((organisation, team)) if is_name(organisation) && is_name(team) => {
                Ok(Owner::Team { organisation: organisation.into(), team: team.into() })
            }
            None | Some(_) => Err(invalid()),
        };
    }
    let (local, domain) = word.split_once('@').ok_or_else(invalid)?;
    if local.is_empty() || domain.is_empty() || domain.contains('@') {
        return Err(invalid());
    }
    Ok(Owner::Email(word.into()))
}
