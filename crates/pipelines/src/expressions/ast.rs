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
