//! Why a build was refused.

use std::fmt;

/// What kind of refusal it is; [`Code::code`] is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Nothing called `kustomization.yaml` (or one of its other names) is in the folder.
    NoKustomization,
    /// More than one kustomization is in the folder.
    SeveralKustomizations,
    /// A file is not valid YAML.
    InvalidYaml,
    /// A key that Kustomize does not have.
    UnknownField,
    /// A key that Kustomize has and this engine does not do.
    UnsupportedField,
    /// A value of the wrong type or outside what is allowed.
    InvalidValue,
    /// A path that names nothing.
    FileNotFound,
    /// A path that leaves the tree or, for a plain file, its kustomization's folder.
    PathOutsideTree,
    /// A path that is or passes a symbolic link.
    Symlink,
    /// A base or resource on another machine.
    RemoteResource,
    /// A kustomization that includes itself.
    Cycle,
    /// An object without `kind`, `apiVersion` or `metadata.name`.
    InvalidObject,
    /// Two objects with the same identity.
    DuplicateObject,
    /// A patch that fits no object or cannot be applied.
    PatchFailed,
    /// A replacement whose source or target does not exist.
    ReplacementFailed,
    /// A generator that cannot make its object.
    GeneratorFailed,
    /// A label, annotation, name, image or count that cannot be written where it belongs.
    TransformFailed,
    /// More files, bytes or objects than one build may have.
    TooLarge,
}

impl Code {
    /// The stable name, for problem documents and facts.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Code::NoKustomization => "kustomization-missing",
            Code::SeveralKustomizations => "kustomization-ambiguous",
            Code::InvalidYaml => "invalid-yaml",
            Code::UnknownField => "unknown-field",
            Code::UnsupportedField => "unsupported-field",
            Code::InvalidValue => "invalid-value",
            Code::FileNotFound => "file-not-found",
            Code::PathOutsideTree => "path-outside-tree",
            Code::Symlink => "symbolic-link",
            Code::RemoteResource => "remote-resource",
            Code::Cycle => "kustomization-cycle",
            Code::InvalidObject => "invalid-object",
            Code::DuplicateObject => "duplicate-object",
            Code::PatchFailed => "patch-failed",
            Code::ReplacementFailed => "replacement-failed",
            Code::GeneratorFailed => "generator-failed",
            Code::TransformFailed => "transform-failed",
            Code::TooLarge => "too-large",
        }
    }
}

/// A refused build: what, where and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    /// The kind of refusal.
    pub code: Code,
    /// The file's path in its tree.
    pub file: String,
    /// Line, from 1; 0 when it is about the whole file.
    pub line: u64,
    /// Column, from 1; 0 when it is about the whole file.
    pub column: u64,
    /// What is wrong, without the place.
    pub message: String,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
        }
    }
}

impl std::error::Error for BuildError {}

impl BuildError {
    pub(crate) fn whole(code: Code, file: &str, message: impl Into<String>) -> Self {
        BuildError { code, file: file.into(), line: 0, column: 0, message: message.into() }
    }
}

impl From<yaml::YamlError> for BuildError {
    fn from(error: yaml::YamlError) -> Self {
        BuildError {
            code: Code::InvalidYaml,
            file: error.file,
            line: error.line,
            column: error.column,
            message: error.message,
        }
    }
}

/// A refusal that does not know its file yet: the JSON pointer of the place in the kustomization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    pub(crate) pointer: String,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(code: Code, pointer: &str, message: impl Into<String>) -> Self {
        Fault { code, pointer: pointer.into(), message: message.into() }
    }
}
