//! Globs over paths and branch names: `*` and `?` stay inside a segment, `**` crosses segments.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A glob that must match a whole name: `main`, `release/*`, `**`.
///
/// `*` is any number of characters but `/`, `?` one character but `/`, a whole segment `**` any
/// number of segments, `\` takes the next character literally. Everything else, brackets included,
/// stands for itself. Letter case counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob {
    text: String,
    segments: Vec<Segment>,
}

/// A text that is not a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGlob {
    /// Nothing to match.
    #[error("the pattern is empty")]
    Empty,
    /// `***` has no meaning.
    #[error("three asterisks in a row have no meaning in a pattern")]
    ThreeAsterisks,
    /// The last character takes a next one literally, and there is none.
    #[error("the pattern ends with a lone backslash")]
    LoneBackslash,
}

/// One part of a glob between slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    /// `**`: any number of segments.
    AnyDepth,
    /// Anything else: one segment.
    One(Vec<Token>),
}

/// One character of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Token {
    /// `*`.
    AnyRun,
    /// `?`.
    AnyCharacter,
    /// A character that stands for itself.
    Exactly(char),
}

impl Glob {
    /// Reads a glob.
    pub fn new(text: &str) -> Result<Self, InvalidGlob> {
        let segments = segments_of(text)?;
        Ok(Self { text: text.into(), segments })
    }

    /// Whether the whole of `name` matches.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let parts: Vec<&str> = name.split('/').collect();
        reachable(&self.segments, &parts).last() == Some(&true)
    }

    /// The glob as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Glob {
    type Error = InvalidGlob;
    fn try_from(text: String) -> Result<Self, InvalidGlob> {
        Self::new(&text)
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> String {
        glob.text
    }
}

/// The segments of a pattern; the text has no meaning for leading and trailing slashes here.
pub(crate) fn segments_of(text: &str) -> Result<Vec<Segment>, InvalidGlob> {
    if text.is_empty() {
        return Err(InvalidGlob::Empty);
    }
    if text.contains("***") {
        return Err(InvalidGlob::ThreeAsterisks);
    }
    text.split('/').map(segment_of).collect()
}

fn segment_of(text: &str) -> Result<Segment, InvalidGlob> {
    if text == "**" {
        return Ok(Segment::AnyDepth);
    }
    let mut tokens = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        tokens.push(match character {
            '*' => Token::AnyRun,
            '?' => Token::AnyCharacter,
            '\\' => Token::Exactly(characters.next().ok_or(InvalidGlob::LoneBackslash)?),
            plain => Token::Exactly(plain),
        });
    }
    Ok(Segment::One(tokens))
}

/// For each number of leading parts, whether the segments together can match exactly those parts.
///
/// A last `**` takes at least one part: `foo/**` is what is inside `foo`, not `foo` itself. One pass
/// a segment, so that a hostile pattern costs no more than its length times the path's.
pub(crate) fn reachable(segments: &[Segment], parts: &[&str]) -> Vec<bool> {
    let mut reached = vec![false; parts.len() + 1];
    reached[0] = true;
    for (index, segment) in segments.iter().enumerate() {
        let mut next = vec![false; parts.len() + 1];
        match segment {
            Segment::One(tokens) => {
                for (at, part) in parts.iter().enumerate() {
                    next[at + 1] = reached[at] && tokens_match(tokens, part);
                }
            }
            Segment::AnyDepth => {
                let takes_one = index + 1 == segments.len();
                let mut any_before = false;
                for at in 0..=parts.len() {
                    next[at] = any_before || (reached[at] && !takes_one);
                    any_before |= reached[at];
                }
            }
        }
        reached = next;
    }
    reached
}

/// The usual greedy match with one point to go back to: the last `*`.
fn tokens_match(tokens: &[Token], text: &str) -> bool {
    let characters: Vec<char> = text.chars().collect();
    let (mut token, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < characters.len() {
        match tokens.get(token) {
            Some(Token::AnyRun) => {
                retry = Some((token, at));
                token += 1;
                continue;
            }
            Some(Token::AnyCharacter) => {
                (token, at) = (token + 1, at + 1);
                continue;
            }
            Some(Token::Exactly(wanted)) if *wanted == characters[at] => {
                (token, at) = (token + 1, at + 1);
                continue;
            }
            Some(Token::Exactly(_)) | None => {}
        }
        let Some((star, from)) = retry else { return false };
        retry = Some((star, from + 1));
        (token, at) = (star + 1, from + 1);
    }
    tokens[token..].iter().all(|token| *token == Token::AnyRun)
}
