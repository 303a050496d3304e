//! A parsed expression.

use super::Value;

/// One expression: its text and its tree. Equal when the texts are.
#[derive(Debug, Clone)]
pub struct Expression {
    pub(super) source: String,
    pub(super) root: Node,
}

impl Expression {
    /// The text between `${{` and `}}`, as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text that it is, when it is a quoted text and nothing else (`'${{'` escapes).
    pub(super) fn quoted_text(&self) -> Option<&str> {
        match &self.root {
            Node::Literal(Value::String(text)) => Some(text),
            Node::Literal(_)
            | Node::Context(_)
            | Node::Index(..)
            | Node::Wildcard(_)
            | Node::Not(_)
            | Node::Compare(..)
            | Node::And(_)
            | Node::Or(_)
            | Node::Call { .. } => None,
        }
    }

    /// Whether one of `success`, `failure`, `cancelled` and `always` is called anywhere in it; an
    /// `if` without them means "and success()".
    #[must_use]
    pub fn asks_status(&self) -> bool {
        self.root.any(&|node| {
            matches!(
                node,
                Node::Call {
                    function: Function::Success
                        | Function::Failure
                        | Function::Cancelled
                        | Function::Always,
                    ..
                }
            )
        })
    }

    /// What may become part of the text that it gives, as paths in lower case: `github.head_ref`,
    /// `github.event.commits.*.message`. What is only compared is not part of it.
    #[must_use]
    pub fn text_sources(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.root.text_sources(&mut found);
        found
    }

    /// Whether a context is named anywhere in it.
    #[must_use]
    pub fn uses_context(&self, name: &str) -> bool {
        self.root.any(
            &|node| matches!(node, Node::Context(context) if context.eq_ignore_ascii_case(name)),
        )
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Literal(Value),
    Context(String),
    Index(Box<Node>, Box<Node>),
    Wildcard(Box<Node>),
    Not(Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Call { function: Function, arguments: Vec<Node> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Contains,
    StartsWith,
    EndsWith,
    Format,
    Join,
    ToJson,
    FromJson,
    Case,
    HashFiles,
    Success,
    Failure,
    Cancelled,
    Always,
}

impl Node {
    fn path(&self) -> Option<String> {
        match self {
            Self::Context(name) => Some(name.to_lowercase()),
            Self::Index(of, key) => {
                let of = of.path()?;
                let literal = if let Self::Literal(Value::String(name)) = key.as_ref() {
                    Some(name.to_lowercase())
                } else {
                    None
                };
                Some(format!("{of}.{}", literal.as_deref().unwrap_or("*")))
            }
            Self::Wildcard(of) => Some(format!("{}.*", of.path()?)),
            Self::Literal(_)
            | Self::Not(_)
            | Self::Compare(..)
            | Self::And(_)
            | Self::Or(_)
            | Self::Call { .. } => None,
        }
    }

    fn text_sources(&self, found: &mut Vec<String>) {
        if let Some(path) = self.path() {
            found.push(path);
            return;
        }
        match self {
            Self::Literal(_) | Self::Context(_) | Self::Not(_) | Self::Compare(..) => {}
            Self::Index(of, _) | Self::Wildcard(of) => of.text_sources(found),
            Self::And(nodes) | Self::Or(nodes) => {
                nodes.iter().for_each(|node| node.text_sources(found));
            }
            Self::Call { function, arguments } => match function {
                Function::Format
                | Function::Join
                | Function::ToJson
                | Function::FromJson
                | Function::Case => arguments.iter().for_each(|node| node.text_sources(found)),
                Function::Contains
                | Function::StartsWith
                | Function::EndsWith
                | Function::HashFiles
                | Function::Success
                | Function::Failure
                | Function::Cancelled
                | Function::Always => {}
            },
        }
    }

    fn any(&self, test: &dyn Fn(&Self) -> bool) -> bool {
        if test(self) {
            return true;
        }
        match self {
            Self::Literal(_) | Self::Context(_) => false,
            Self::Wildcard(inner) | Self::Not(inner) => inner.any(test),
            Self::Index(left, right) | Self::Compare(_, left, right) => {
                left.any(test) || right.any(test)
            }
            Self::And(nodes) | Self::Or(nodes) | Self::Call { arguments: nodes, .. } => {
                nodes.iter().any(|node| node.any(test))
            }
        }
    }
}
