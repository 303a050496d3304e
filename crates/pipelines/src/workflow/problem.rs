//! What is wrong with a workflow file, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::expressions::Position;

/// One reason why a file is refused. Several come at once, so that one look mends them all.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// The stable code.
    pub code: ProblemCode,
    /// The file's path in its repository.
    pub path: String,
    /// Line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// Column, from 1; 0 when the whole file is meant.
    pub column: u32,
    /// What is wrong. GitHub's wording where GitHub refuses the same.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return write!(f, "{}: {}", self.path, self.message);
        }
        write!(f, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)
    }
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// Not YAML, or a scalar that contradicts its tag.
    WorkflowYaml,
    /// Longer, deeper or larger (aliases followed) than allowed.
    WorkflowTooLarge,
    /// A merge key, or an anchor that nothing refers to.
    WorkflowAnchor,
    /// A key or value that the language does not have at this place.
    WorkflowUnexpectedValue,
    /// A key that is there twice.
    WorkflowDuplicateKey,
    /// A key that must be there and is not.
    WorkflowMissingKey,
    /// A mapping that could be several things.
    WorkflowAmbiguous,
    /// A wrong `${{ }}`.
    WorkflowExpression,
    /// A `${{ }}` where none may be.
    WorkflowExpressionNotAllowed,
    /// An id that is malformed, reserved or there twice.
    WorkflowIdentifier,
    /// `needs` names a job that is not there, or jobs need one another in a circle.
    WorkflowNeeds,
    /// A matrix without values.
    WorkflowMatrix,
    /// A call of a workflow that does not fit what is called.
    WorkflowCall,
    /// Another contradiction between keys.
    WorkflowContradiction,
    /// Valid in GitHub's language, and not done by Boucle: no error of the file, but the job that
    /// holds it does not run.
    Unsupported,
}

impl ProblemCode {
    /// The stable code, for example `workflow-needs`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::WorkflowYaml => "workflow-yaml",
            Self::WorkflowTooLarge => "workflow-too-large",
            Self::WorkflowAnchor => "workflow-anchor",
            Self::WorkflowUnexpectedValue => "workflow-unexpected-value",
            Self::WorkflowDuplicateKey => "workflow-duplicate-key",
            Self::WorkflowMissingKey => "workflow-missing-key",
            Self::WorkflowAmbiguous => "workflow-ambiguous",
            Self::WorkflowExpression => "workflow-expression",
            Self::WorkflowExpressionNotAllowed => "workflow-expression-not-allowed",
            Self::WorkflowIdentifier => "workflow-identifier",
            Self::WorkflowNeeds => "workflow-needs",
            Self::WorkflowMatrix => "workflow-matrix",
            Self::WorkflowCall => "workflow-call",
            Self::WorkflowContradiction => "workflow-contradiction",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Collects the problems of one file.
#[derive(Debug)]
pub(super) struct Problems<'a> {
    path: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub fn new(path: &'a str) -> Self {
        Self { path, found: Vec::new() }
    }

    pub fn add(&mut self, code: ProblemCode, at: Position, message: impl Into<String>) {
        let Position { line, column } = at;
        let message = message.into();
        self.found.push(Problem { code, path: self.path.into(), line, column, message });
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The problems, in the order of the file.
    pub fn into_vec(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| (problem.line, problem.column));
        self.found
    }
}

/// The place of a problem of the whole file.
pub(super) const WHOLE_FILE: Position = Position { line: 0, column: 0 };
