//! Why nothing was rendered.

use std::fmt;

use deployments::ChartProblem;
use serde::{Deserialize, Serialize};

use crate::process::COMPLAINT_BYTES_MAX;

/// A refused rendering: what, where and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderError {
    /// A stable name in kebab case, for problem documents and facts.
    pub code: &'static str,
    /// The file's or folder's path in its tree.
    pub file: String,
    /// Line, from 1; 0 when it is about the whole file.
    pub line: u64,
    /// Column, from 1; 0 when it is about the whole file.
    pub column: u64,
    /// What is wrong, without the place.
    pub message: String,
    /// The chart that is not there, when it is one that is in no Git repository.
    pub chart: Option<Box<ChartProblem>>,
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A chart that is a source is in no file.
        if self.file.is_empty() && self.chart.is_some() {
            return f.write_str(&self.message);
        }
        let file = if self.file.is_empty() { "." } else { &self.file };
        if self.line == 0 {
            write!(f, "{file}: {}", self.message)
        } else {
            write!(f, "{file}:{}:{}: {}", self.line, self.column, self.message)
        }
    }
}

impl std::error::Error for RenderError {}

impl RenderError {
    pub(crate) fn whole(code: &'static str, file: &str, message: impl Into<String>) -> Self {
        let (file, message) = (file.into(), message.into());
        RenderError { code, file, line: 0, column: 0, message, chart: None }
    }

    pub(crate) fn chart(file: &str, problem: ChartProblem) -> Self {
        let error = RenderError::whole(problem.code(), file, problem.to_string());
        RenderError { chart: Some(Box::new(problem)), ..error }
    }

    /// The first that a person has to settle; else the first that time settles.
    pub(crate) fn first(errors: Vec<Self>) -> Result<(), Self> {
        let mut waiting = None;
        for error in errors {
            match error.chart.as_deref() {
                Some(ChartProblem::Fetching { .. }) => waiting = waiting.or(Some(error)),
                Some(_) | None => return Err(error),
            }
        }
        waiting.map_or(Ok(()), Err)
    }

    pub(crate) fn outside(path: &str) -> Self {
        RenderError::whole("path-outside-tree", path, "the path leaves the repository")
    }

    pub(crate) fn link(path: &str) -> Self {
        let message = "symbolic links are not followed; commit what it leads to";
        RenderError::whole("symbolic-link", path, message)
    }

    pub(crate) fn no_kustomization(folder: &str) -> Self {
        let message = "the application changes it by `kustomize`, but it has no kustomization; \
                       add one or remove `spec.source.kustomize`";
        RenderError::whole("kustomization-missing", folder, message)
    }
}

/// What a program says is wrong.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// Empty: it is about no file.
    pub(crate) file: String,
    pub(crate) line: u64,
    pub(crate) column: u64,
}

impl Fault {
    /// The refusal; `folder` is its place when the program names none.
    pub(crate) fn refusal(self, code: &'static str, folder: &str) -> RenderError {
        let Fault { message, file, line, column } = self;
        let file = if file.is_empty() { folder.to_owned() } else { file };
        let end = message.floor_char_boundary(COMPLAINT_BYTES_MAX);
        let more = if end < message.len() { " …" } else { "" };
        let message = format!("{}{more}", &message[..end]);
        RenderError { code, file, line, column, message, chart: None }
    }
}

impl From<kustomize::BuildError> for RenderError {
    fn from(error: kustomize::BuildError) -> Self {
        RenderError {
            code: error.code.code(),
            file: error.file,
            line: error.line,
            column: error.column,
            message: error.message,
            chart: None,
        }
    }
}

impl From<yaml::YamlError> for RenderError {
    fn from(error: yaml::YamlError) -> Self {
        RenderError {
            code: "invalid-yaml",
            file: error.file,
            line: error.line,
            column: error.column,
            message: error.message,
            chart: None,
        }
    }
}
