//! A text with `${{ }}` in it, and an `if`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ast::{Function, Node};
use super::{Contexts, EvaluationError, Expression, Scope, SyntaxError, Value};

/// A place in a file; both from 1. Lines and columns count as GitHub's reader counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A text with expressions in it, parsed. Stored as its text and place; read again when loaded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredTemplate", into = "StoredTemplate")]
pub struct Template {
    source: String,
    at: Position,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Text(String),
    Expression(Expression),
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `${{` without `}}`.
    #[error(
        "The expression is not closed. An unescaped ${{{{ sequence was found, but the closing }}}} \
         sequence was not found."
    )]
    NotClosed,
    /// One of the expressions is wrong.
    #[error("{error}")]
    Syntax {
        /// What is wrong in it.
        error: SyntaxError,
    },
}

impl Template {
    /// Reads a text that stands at a place, with what may be used there.
    pub fn parse(source: &str, at: Position, scope: Scope<'_>) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some(start) = rest.find("${{") {
            push_text(&mut parts, &rest[..start]);
            let inner = &rest[start + 3..];
            let end = closing(inner).ok_or(TemplateError::NotClosed)?;
            let expression = Expression::parse(inner[..end].trim(), scope)
                .map_err(|error| TemplateError::Syntax { error })?;
            match expression.quoted_text() {
                Some(text) => push_text(&mut parts, text),
                None => parts.push(Part::Expression(expression)),
            }
            rest = &inner[end + 2..];
        }
        push_text(&mut parts, rest);
        Ok(Self { source: source.into(), at, parts })
    }

    /// A text that is taken as it is, even with `${{` in it.
    #[must_use]
    pub fn verbatim(source: &str, at: Position) -> Self {
        let mut parts = Vec::new();
        push_text(&mut parts, source);
        Self { source: source.into(), at, parts }
    }

    /// The key `${{ insert }}`, which puts a computed mapping in its place.
    #[must_use]
    pub fn insert(at: Position) -> Self {
        let root = Node::Context("insert".into());
        let parts = vec![Part::Expression(Expression { source: "insert".into(), root })];
        Self { source: "${{ insert }}".into(), at, parts }
    }

    /// The text as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it is written.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// The text, when there is no expression in it but quoted texts.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The expressions in it, in order.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Expression(expression) => Some(expression),
        })
    }

    /// The one expression that is the whole text, when it is.
    #[must_use]
    pub fn sole_expression(&self) -> Option<&Expression> {
        match self.parts.as_slice() {
            [Part::Expression(expression)] => Some(expression),
            _ => None,
        }
    }

    /// The text with its expressions computed.
    pub fn evaluate_text(&self, contexts: &Contexts<'_>) -> Result<String, EvaluationError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Expression(expression) => {
                    text.push_str(&expression.evaluate(contexts)?.to_text());
                }
            }
        }
        Ok(text)
    }

    /// The value: of any kind when the whole text is one expression, else a text.
    pub fn evaluate(&self, contexts: &Contexts<'_>) -> Result<Value, EvaluationError> {
        match self.sole_expression() {
            Some(expression) => expression.evaluate(contexts),
            None => self.evaluate_text(contexts).map(Value::String),
        }
    }

    /// The same as one expression, as GitHub rewrites it: `format('a {0}', b)`; `None` without any.
    #[must_use]
    pub fn as_expression_text(&self) -> Option<String> {
        if let Some(expression) = self.sole_expression() {
            return Some(expression.source().into());
        }
        self.expressions().next()?;
        let mut format = String::new();
        let mut arguments = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Text(text) => {
                    let text = text.replace('\'', "''").replace('{', "{{").replace('}', "}}");
                    format.push_str(&text);
                }
                Part::Expression(expression) => {
                    let number = self.parts[..index]
                        .iter()
                        .filter(|part| matches!(part, Part::Expression(_)))
                        .count();
                    format.push_str(&format!("{{{number}}}"));
                    arguments.push_str(&format!(", {}", expression.source()));
                }
            }
        }
        Some(format!("format('{format}'{arguments})"))
    }
}

/// An `if`, of a job or a step. Without a status function it means "`success()` and this".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "StoredTemplate", into = "StoredTemplate")]
pub struct Condition {
    source: String,
    at: Position,
    expression: Expression,
}

impl Condition {
    /// Reads an `if`, with or without `${{ }}` around it. With text beside `${{ }}` the whole is a
    /// text, which is true unless empty: GitHub's rule, kept because files depend on it.
    pub fn parse(source: &str, at: Position, scope: Scope<'_>) -> Result<Self, TemplateError> {
        let text = if source.contains("${{") {
            let template = Template::parse(source, at, scope)?;
            let literal = template.literal().map(str::to_owned);
            template.as_expression_text().or(literal).unwrap_or_default()
        } else {
            source.into()
        };
        let text = if text.trim().is_empty() { "success()" } else { text.trim() };
        let expression =
            Expression::parse(text, scope).map_err(|error| TemplateError::Syntax { error })?;
        Ok(Self { source: source.into(), at, expression })
    }

    /// The condition of a job or step without `if`: `success()`.
    #[must_use]
    pub fn success(at: Position) -> Self {
        let root = Node::Call { function: Function::Success, arguments: Vec::new() };
        let expression = Expression { source: "success()".into(), root };
        Self { source: String::new(), at, expression }
    }

    /// The text as written; empty when there was no `if`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where it is written.
    #[must_use]
    pub fn position(&self) -> Position {
        self.at
    }

    /// Whether it names a status function, so that it is asked even after a failure.
    #[must_use]
    pub fn asks_status(&self) -> bool {
        self.expression.asks_status()
    }

    /// What is computed: as written, or with `success() &&` before it.
    #[must_use]
    pub fn effective_text(&self) -> String {
        if self.asks_status() {
            self.expression.source().into()
        } else {
            format!("success() && ({})", self.expression.source())
        }
    }

    /// Whether the job or step runs.
    pub fn evaluate(&self, contexts: &Contexts<'_>) -> Result<bool, EvaluationError> {
        if !self.asks_status() && !contexts.status.success {
            return Ok(false);
        }
        self.expression.evaluate(contexts).map(|value| value.is_truthy())
    }
}

#[derive(Clone, Serialize, Deserialize)]
struct StoredTemplate {
    text: String,
    #[serde(flatten)]
    at: Position,
}

impl TryFrom<StoredTemplate> for Template {
    type Error = TemplateError;

    fn try_from(stored: StoredTemplate) -> Result<Self, Self::Error> {
        Self::parse(&stored.text, stored.at, Scope::ANY)
    }
}

impl From<Template> for StoredTemplate {
    fn from(template: Template) -> Self {
        Self { text: template.source, at: template.at }
    }
}

impl TryFrom<StoredTemplate> for Condition {
    type Error = TemplateError;

    fn try_from(stored: StoredTemplate) -> Result<Self, Self::Error> {
        Self::parse(&stored.text, stored.at, Scope::ANY)
    }
}

impl From<Condition> for StoredTemplate {
    fn from(condition: Condition) -> Self {
        Self { text: condition.source, at: condition.at }
    }
}

/// Adds a text; two beside one another are one.
fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(before)) => before.push_str(text),
        Some(Part::Expression(_)) | None => parts.push(Part::Text(text.into())),
    }
}

/// The offset of the `}}` that ends an expression; one inside a quoted text does not.
fn closing(text: &str) -> Option<usize> {
    let mut quoted = false;
    let bytes = text.as_bytes();
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b'}' if !quoted && bytes.get(index + 1) == Some(&b'}') => return Some(index),
            _ => {}
        }
    }
    None
}
