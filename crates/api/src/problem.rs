//! Errors as RFC 9457 problem documents.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not done. `code` is stable; `boucle explain CODE` tells more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:boucle:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, the same for every problem of this code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened this time and why.
    pub detail: String,
    /// The stable code.
    pub code: String,
    /// What to do next, as a sentence or a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Each thing that stands in the way, when there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// One reason for a "no" or a wait: the same in the page, the command line and here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reason {
    /// The stable code.
    pub code: String,
    /// What is missing or wrong.
    pub message: String,
    /// Who can resolve it, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The file that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in the file, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column in the line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// When a wait ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
}

impl Reason {
    /// A reason without a place.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            who: None,
            file: None,
            line: None,
            column: None,
            deadline: None,
        }
    }
}

/// `deploy/a.yaml:3:5: message [code]`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
            if let Some(line) = self.line {
                write!(f, "{line}:{}:", self.column.unwrap_or(1))?;
            }
            write!(f, " ")?;
        }
        write!(f, "{} [{}]", self.message, self.code)?;
        if let Some(who) = &self.who {
            write!(f, " ({who})")?;
        }
        Ok(())
    }
}

/// `error[CODE]: title` without colours, then why and what to do next.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.detail)?;
        for reason in &self.reasons {
            write!(f, "\n  - {reason}")?;
        }
        if let Some(next) = &self.next {
            write!(f, "\n  try: {next}")?;
        }
        Ok(())
    }
}
