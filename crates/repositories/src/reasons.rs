//! Why a pull request waits, for people: what, why, who can change it.

use std::fmt;

use ledger::{RefName, RunId};

use crate::facts::{CheckState, CodedReason};
use crate::policy::MergeMethod;

/// Something that a merge waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MergeReason {
    /// It is in its target.
    AlreadyMerged,
    /// It was given up.
    Closed,
    /// Its author still works on it.
    Draft,
    /// The rules do not have this method.
    MethodNotAllowed {
        /// The method.
        method: MergeMethod,
        /// Those that they have.
        allowed: Vec<MergeMethod>,
    },
    /// Head and target have no commit in common.
    UnrelatedHistory {
        /// The target.
        target: RefName,
    },
    /// The target has all of it.
    NothingToMerge,
    /// The target has moved on and the rules ask for its tip.
    OutOfDate {
        /// The target.
        target: RefName,
    },
    /// Both sides changed the same.
    Conflicts {
        /// The target.
        target: RefName,
        /// Where.
        paths: Vec<String>,
    },
    /// It brings a file of the configuration that cannot be read.
    InvalidConfiguration {
        /// The file.
        file: String,
        /// The line, from 1; 0 when the whole file is meant.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What is wrong.
        problem: String,
    },
    /// Too few people approve of what would be merged now.
    ApprovalsMissing {
        /// How many do.
        have: u32,
        /// How many must.
        need: u32,
        /// Who approved of something else since changed.
        stale: Vec<String>,
    },
    /// Too few people approve of a change of protected paths.
    ProtectedPathApprovals {
        /// The paths.
        paths: Vec<String>,
        /// How many do.
        have: u32,
        /// How many must.
        need: u32,
    },
    /// Somebody asked for changes and has not approved since.
    ChangesRequested {
        /// Who.
        by: String,
    },
    /// No owner of these paths approves.
    CodeOwnerMissing {
        /// The rule's pattern.
        pattern: String,
        /// The rule's line in CODEOWNERS.
        line: usize,
        /// The owners.
        owners: Vec<String>,
        /// The changed paths that the rule is about.
        paths: Vec<String>,
    },
    /// A required check was never reported for this commit.
    CheckMissing {
        /// Its name.
        name: String,
    },
    /// A required check has not ended.
    CheckPending {
        /// Its name.
        name: String,
        /// Its state.
        state: CheckState,
        /// Its run.
        run: Option<RunId>,
    },
    /// A required check has ended without success.
    CheckFailed {
        /// Its name.
        name: String,
        /// Its state.
        state: CheckState,
        /// Its run.
        run: Option<RunId>,
    },
}

/// Who can change a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolver {
    /// Whoever made the change.
    Author,
    /// People who may write, other than the author.
    Reviewers,
    /// The owners that the reason names.
    CodeOwners,
    /// The pipeline, by itself.
    Pipeline,
    /// Whoever asks for the merge.
    Merger,
    /// Nobody: it is over.
    Nobody,
}

impl MergeReason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AlreadyMerged => "already-merged",
            Self::Closed => "pull-request-closed",
            Self::Draft => "draft",
            Self::MethodNotAllowed { .. } => "merge-method-not-allowed",
            Self::UnrelatedHistory { .. } => "unrelated-history",
            Self::NothingToMerge => "nothing-to-merge",
            Self::OutOfDate { .. } => "out-of-date",
            Self::Conflicts { .. } => "merge-conflicts",
            Self::InvalidConfiguration { .. } => "invalid-configuration",
            Self::ApprovalsMissing { .. } => "approvals-missing",
            Self::ProtectedPathApprovals { .. } => "protected-path-approvals-missing",
            Self::ChangesRequested { .. } => "changes-requested",
            Self::CodeOwnerMissing { .. } => "code-owner-approval-missing",
            Self::CheckMissing { .. } => "check-missing",
            Self::CheckPending { .. } => "check-pending",
            Self::CheckFailed { .. } => "check-failed",
        }
    }

    /// Who can change it.
    #[must_use]
    pub fn resolver(&self) -> Resolver {
        match self {
            Self::AlreadyMerged => Resolver::Nobody,
            Self::MethodNotAllowed { .. } => Resolver::Merger,
            Self::Closed
            | Self::Draft
            | Self::UnrelatedHistory { .. }
            | Self::NothingToMerge
            | Self::OutOfDate { .. }
            | Self::Conflicts { .. }
            | Self::InvalidConfiguration { .. }
            | Self::CheckFailed { .. } => Resolver::Author,
            Self::ApprovalsMissing { .. }
            | Self::ProtectedPathApprovals { .. }
            | Self::ChangesRequested { .. } => Resolver::Reviewers,
            Self::CodeOwnerMissing { .. } => Resolver::CodeOwners,
            Self::CheckMissing { .. } | Self::CheckPending { .. } => Resolver::Pipeline,
        }
    }

    /// The reason as a fact keeps it.
    #[must_use]
    pub fn coded(&self) -> CodedReason {
        CodedReason { code: self.code().into(), sentence: self.to_string() }
    }
}

impl Resolver {
    /// The stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Author => "author",
            Self::Reviewers => "reviewers",
            Self::CodeOwners => "code-owners",
            Self::Pipeline => "pipeline",
            Self::Merger => "merger",
            Self::Nobody => "nobody",
        }
    }
}

impl fmt::Display for MergeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyMerged => f.write_str("it is merged already"),
            Self::Closed => f.write_str("it is closed; open it again with a new push"),
            Self::Draft => f.write_str("it is a draft; its author marks it as ready"),
            Self::MethodNotAllowed { method, allowed } => {
                let allowed: Vec<_> = allowed.iter().map(|method| method.code()).collect();
                let (method, allowed) = (method.code(), allowed.join(", "));
                write!(f, "the method {method} is not allowed here; use one of: {allowed}")
            }
            Self::UnrelatedHistory { target } => {
                write!(f, "it has no history in common with {target}; base it on that branch")
            }
            Self::NothingToMerge => f.write_str("its target has all of its commits; close it"),
            Self::OutOfDate { target } => {
                write!(f, "{target} has moved on; rebase on it or merge it, and push")
            }
            Self::Conflicts { target, paths } => write!(
                f,
                "it conflicts with {target} in {}; rebase on it, solve the conflicts, and push",
                list(paths)
            ),
            Self::InvalidConfiguration { file, line, column, problem } if *line > 0 => {
                write!(f, "{file}:{line}:{column}: {problem}; correct it and push")
            }
            Self::InvalidConfiguration { file, problem, .. } => {
                write!(f, "{file}: {problem}; correct it and push")
            }
            Self::ApprovalsMissing { have, need, stale } => {
                write!(f, "it has {have} of {need} approvals by people other than its author")?;
                if stale.is_empty() {
                    f.write_str("; ask for a review")
                } else {
                    write!(f, "; it changed since {} approved, ask them again", list(stale))
                }
            }
            Self::ProtectedPathApprovals { paths, have, need } => write!(
                f,
                "it changes protected paths ({}) and has {have} of {need} approvals; ask for a review",
                list(paths)
            ),
            Self::ChangesRequested { by } => {
                write!(f, "{by} asked for changes; make them and ask {by} to look again")
            }
            Self::CodeOwnerMissing { pattern, line, owners, paths } => write!(
                f,
                "nobody of {} approved, who own {} by `{pattern}` in line {line} of CODEOWNERS; ask one of them",
                list(owners),
                list(paths)
            ),
            Self::CheckMissing { name } => write!(
                f,
                "the required check {name} was not reported for this commit; a run of its workflow will, or correct its name in boucle.yaml"
            ),
            Self::CheckPending { name, state, run } => {
                write!(f, "the required check {name} is {}{}; wait for it", state.code(), In(*run))
            }
            Self::CheckFailed { name, state, run } => write!(
                f,
                "the required check {name} ended as {}{}; look at its log, correct the cause and push",
                state.code(),
                In(*run)
            ),
        }
    }
}

/// ` in run 7`, or nothing.
struct In(Option<RunId>);

impl fmt::Display for In {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |run| write!(f, " in run {run}"))
    }
}

/// At most five, and how many more.
fn list(items: &[String]) -> String {
    let shown = items.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(5) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
