//! Why an expression is refused when it is read, and why it fails when it is computed.

use super::Position;

/// An expression that is not well formed. The message is GitHub's own wording, so that a person
/// finds what others wrote about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// Which reader refused it.
    pub kind: SyntaxErrorKind,
    /// What and where, in a sentence.
    pub message: String,
}

/// Which reader refused an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// A piece of text is no token of the language.
    Lexing,
    /// The tokens do not make an expression, or a name or a count of arguments is wrong.
    Parsing,
}

impl SyntaxErrorKind {
    /// The stable code: `lexing` or `parsing`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Lexing => "lexing",
            Self::Parsing => "parsing",
        }
    }
}

/// Why a well-formed expression has no value here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvaluationError {
    /// `format` with a lone or unfinished brace.
    #[error("The following format string is invalid: {format}")]
    InvalidFormat {
        /// The first argument.
        format: String,
    },
    /// `format` with a number that has no argument.
    #[error("The following format string references more arguments than were supplied: {format}")]
    MissingFormatArgument {
        /// The first argument.
        format: String,
    },
    /// `case` with a predicate of another kind.
    #[error("case predicate must evaluate to a boolean value")]
    CaseNotBoolean,
    /// `fromJSON` of a text that is not JSON.
    #[error("fromJSON cannot read its argument: {reason}")]
    InvalidJson {
        /// The reader's message, with line and column inside the text.
        reason: String,
    },
    /// Values grew over 1 MiB.
    #[error("The maximum allowed memory size was exceeded")]
    MemoryExceeded,
    /// `hashFiles` where no files are at hand, or that failed.
    #[error("hashFiles failed: {reason}")]
    HashFiles {
        /// Why.
        reason: String,
    },
    /// A whole `env`, `with` or `outputs` that is computed gave no mapping.
    #[error("{at}: a mapping was expected")]
    NotAMapping {
        /// Where the expression is written.
        at: Position,
    },
    /// A key computed for a mapping was no primitive value, or `insert` got no mapping.
    #[error("{at}: a text was expected as key")]
    NotAKey {
        /// Where the key is written.
        at: Position,
    },
    /// A switch such as `continue-on-error` became something else than true or false.
    #[error("{at}: a boolean was expected, this became '{found}'")]
    NotABoolean {
        /// Where the expression is written.
        at: Position,
        /// What came out, as text.
        found: String,
    },
    /// A count such as `timeout-minutes` became something else than a number.
    #[error("{at}: a number was expected, this became '{found}'")]
    NotANumber {
        /// Where the expression is written.
        at: Position,
        /// What came out, as text.
        found: String,
    },
}

impl EvaluationError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidFormat { .. } => "expression-format-invalid",
            Self::MissingFormatArgument { .. } => "expression-format-argument-missing",
            Self::CaseNotBoolean => "expression-case-not-boolean",
            Self::InvalidJson { .. } => "expression-json-invalid",
            Self::MemoryExceeded => "expression-memory-exceeded",
            Self::HashFiles { .. } => "expression-hash-files",
            Self::NotAMapping { .. } => "expression-not-a-mapping",
            Self::NotAKey { .. } => "expression-not-a-key",
            Self::NotABoolean { .. } => "expression-not-a-boolean",
            Self::NotANumber { .. } => "expression-not-a-number",
        }
    }
}
