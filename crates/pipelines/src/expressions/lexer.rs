//! Text into tokens. What a token is depends on the one before it: `.5` is a number at the start of
//! a term and a dereference after one.

use super::{SyntaxError, SyntaxErrorKind, text_to_number};

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: TokenKind,
    /// As written.
    pub raw: String,
    /// From 1, in UTF-16 units, as GitHub counts.
    pub position: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Open,
    Close,
    OpenIndex,
    CloseIndex,
    Comma,
    Dot,
    Star,
    Operator(Operator),
    Null,
    Boolean(bool),
    Number(f64),
    Text(String),
    Property,
    Function,
    Context,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Not,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// Yields one token after the other, so that an error of the parser that stands further left wins
/// over one of the lexer.
pub(super) struct Lexer<'a> {
    source: &'a str,
    offset: usize,
    last: Option<TokenKind>,
}

impl<'a> Lexer<'a> {
    pub fn new(source: &'a str) -> Self {
        Self { source, offset: 0, last: None }
    }

    /// The next token; `None` at the end.
    pub fn next_token(&mut self) -> Result<Option<Token>, SyntaxError> {
        let rest = &self.source[self.offset..];
        self.offset += rest.len() - rest.trim_start().len();
        let start = self.offset;
        let Some(first) = self.source[start..].chars().next() else { return Ok(None) };
        let kind = match first {
            '(' => self.single(TokenKind::Open),
            ')' => self.single(TokenKind::Close),
            '[' => self.single(TokenKind::OpenIndex),
            ']' => self.single(TokenKind::CloseIndex),
            ',' => self.single(TokenKind::Comma),
            '*' => self.single(TokenKind::Star),
            '\'' => self.text(),
            '!' | '>' | '<' | '=' | '&' | '|' => self.operator(),
            '.' if !self.term_may_begin() => self.single(TokenKind::Dot),
            '.' | '-' | '+' | '0'..='9' => self.number(),
            _ => self.word(),
        };
        let raw = self.source[start..self.offset].to_owned();
        let position = position_of(self.source, start);
        let Some(kind) = kind else {
            return Err(SyntaxError {
                kind: SyntaxErrorKind::Lexing,
                message: located("Unexpected symbol", &raw, position, self.source),
            });
        };
        self.last = Some(kind.clone());
        Ok(Some(Token { kind, raw, position }))
    }

    fn single(&mut self, kind: TokenKind) -> Option<TokenKind> {
        self.offset += 1;
        Some(kind)
    }

    /// Whether an operand may stand here.
    fn term_may_begin(&self) -> bool {
        matches!(
            self.last,
            None | Some(
                TokenKind::Comma | TokenKind::Open | TokenKind::OpenIndex | TokenKind::Operator(_)
            )
        )
    }

    /// Moves to the next character that ends a word.
    fn skip_word(&mut self, with_points: bool) {
        let rest = &self.source[self.offset..];
        let end = rest.find(|letter: char| is_boundary(letter) && !(with_points && letter == '.'));
        self.offset += end.unwrap_or(rest.len());
    }

    fn text(&mut self) -> Option<TokenKind> {
        let mut text = String::new();
        let mut rest = &self.source[self.offset + 1..];
        loop {
            let Some(quote) = rest.find('\'') else {
                self.offset = self.source.len();
                return None;
            };
            text.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            if !rest.starts_with('\'') {
                break;
            }
            text.push('\'');
            rest = &rest[1..];
        }
        self.offset = self.source.len() - rest.len();
        Some(TokenKind::Text(text))
    }

    fn operator(&mut self) -> Option<TokenKind> {
        let rest = &self.source[self.offset..];
        let (operator, length) = match rest.as_bytes() {
            [b'!', b'=', ..] => (Operator::NotEqual, 2),
            [b'>', b'=', ..] => (Operator::GreaterOrEqual, 2),
            [b'<', b'=', ..] => (Operator::LessOrEqual, 2),
            [b'=', b'=', ..] => (Operator::Equal, 2),
            [b'&', b'&', ..] => (Operator::And, 2),
            [b'|', b'|', ..] => (Operator::Or, 2),
            [b'!', ..] => (Operator::Not, 1),
            [b'>', ..] => (Operator::Greater, 1),
            [b'<', ..] => (Operator::Less, 1),
            _ => {
                self.offset += 1;
                self.skip_word(false);
                return None;
            }
        };
        self.offset += length;
        Some(TokenKind::Operator(operator))
    }

    fn number(&mut self) -> Option<TokenKind> {
        let start = self.offset;
        self.skip_word(true);
        let value = text_to_number(&self.source[start..self.offset]);
        (!value.is_nan()).then_some(TokenKind::Number(value))
    }

    fn word(&mut self) -> Option<TokenKind> {
        let start = self.offset;
        self.skip_word(false);
        let word = &self.source[start..self.offset];
        if !is_name(word) {
            return None;
        }
        if self.last == Some(TokenKind::Dot) {
            return Some(TokenKind::Property);
        }
        Some(match word {
            "null" => TokenKind::Null,
            "true" => TokenKind::Boolean(true),
            "false" => TokenKind::Boolean(false),
            "NaN" => TokenKind::Number(f64::NAN),
            "Infinity" => TokenKind::Number(f64::INFINITY),
            _ if self.source[self.offset..].trim_start().starts_with('(') => TokenKind::Function,
            _ => TokenKind::Context,
        })
    }
}

/// `Unexpected symbol: 'x'. Located at position 3 within expression: …`
pub(super) fn located(what: &str, raw: &str, position: usize, source: &str) -> String {
    format!("{what}: '{raw}'. Located at position {position} within expression: {source}")
}

fn position_of(source: &str, offset: usize) -> usize {
    source[..offset].encode_utf16().count() + 1
}

fn is_boundary(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '(' | '[' | ')' | ']' | ',' | '.' | '!' | '>' | '<' | '=' | '&' | '|')
}

fn is_name(word: &str) -> bool {
    let mut letters = word.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}
