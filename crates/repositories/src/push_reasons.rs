//! Why a push is refused, for people: what, why, what to do next.

use std::fmt;

use ledger::{PullRequestNumber, RefName};

use crate::access::Denied;
use crate::facts::CodedReason;

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PushReason {
    /// The pusher may not.
    AccessDenied {
        /// What was asked for and why it is denied.
        denied: Denied,
    },
    /// Not a name that Git accepts.
    InvalidRefName {
        /// The name.
        name: String,
    },
    /// Neither a branch, a tag nor a proposal.
    RefNotOpenToPush {
        /// The name.
        name: String,
    },
    /// Only a merge moves it.
    ProtectedBranch {
        /// The branch.
        branch: String,
    },
    /// Nobody deletes the default branch.
    DefaultBranchDeletion {
        /// The branch.
        branch: String,
    },
    /// Commits would be left behind.
    NonFastForward {
        /// The ref.
        name: String,
    },
    /// A tag is there already and stays where it is.
    TagExists {
        /// The tag's ref.
        name: String,
    },
    /// The client's picture of the ref is not the server's.
    Stale {
        /// The ref.
        name: String,
    },
    /// A branch points to a commit and nothing else.
    NotACommit {
        /// The ref.
        name: String,
    },
    /// No branch has the name that stands after `refs/for/`.
    UnknownTarget {
        /// What stands there.
        name: String,
    },
    /// A proposal has no history in common with its target.
    UnrelatedHistory {
        /// The target branch.
        target: RefName,
    },
    /// The target has the commit already.
    NothingNew {
        /// The target branch.
        target: RefName,
    },
    /// A new version that does not contain the one before needs to be asked for.
    PatchSetNotAsked {
        /// Which pull request.
        number: PullRequestNumber,
    },
    /// The same command twice, or two that concern the same ref.
    DuplicateRef {
        /// The ref.
        name: String,
    },
    /// A file is too large.
    FileTooLarge {
        /// Its path.
        path: String,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// A push option that nobody knows.
    UnknownOption {
        /// The option.
        option: String,
    },
    /// Another command of an atomic push is refused.
    AtomicPushRefused,
}

impl PushReason {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AccessDenied { .. } => "access-denied",
            Self::InvalidRefName { .. } => "invalid-ref-name",
            Self::RefNotOpenToPush { .. } => "ref-not-open-to-push",
            Self::ProtectedBranch { .. } => "protected-branch",
            Self::DefaultBranchDeletion { .. } => "default-branch-deletion",
            Self::NonFastForward { .. } => "non-fast-forward",
            Self::TagExists { .. } => "tag-exists",
            Self::Stale { .. } => "stale-ref",
            Self::NotACommit { .. } => "not-a-commit",
            Self::UnknownTarget { .. } => "unknown-target",
            Self::UnrelatedHistory { .. } => "unrelated-history",
            Self::NothingNew { .. } => "nothing-new",
            Self::PatchSetNotAsked { .. } => "patch-set-not-asked",
            Self::DuplicateRef { .. } => "duplicate-ref",
            Self::FileTooLarge { .. } => "file-too-large",
            Self::UnknownOption { .. } => "unknown-push-option",
            Self::AtomicPushRefused => "atomic-push-refused",
        }
    }

    /// The reason as a fact keeps it.
    #[must_use]
    pub fn coded(&self) -> CodedReason {
        CodedReason { code: self.code().into(), sentence: self.to_string() }
    }
}

impl fmt::Display for PushReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccessDenied { denied } => denied.fmt(f),
            Self::InvalidRefName { name } => {
                write!(f, "`{name}` is not a name that Git accepts for a ref; choose another")
            }
            Self::RefNotOpenToPush { name } => write!(
                f,
                "`{name}` is not open to pushes; push to refs/heads/, refs/tags/ or refs/for/"
            ),
            Self::ProtectedBranch { branch } => write!(
                f,
                "{branch} is protected; propose the change with `git push origin HEAD:refs/for/{branch}`"
            ),
            Self::DefaultBranchDeletion { branch } => {
                write!(f, "{branch} is the default branch and cannot be deleted")
            }
            Self::NonFastForward { name } => write!(
                f,
                "{name} has commits that yours does not contain; fetch and rebase or merge, then push again"
            ),
            Self::TagExists { name } => {
                write!(f, "{name} is there already and tags stay where they are; use another name")
            }
            Self::Stale { name } => {
                write!(f, "{name} has moved meanwhile; fetch, then push again")
            }
            Self::NotACommit { name } => {
                write!(f, "{name} must point to a commit; push a commit")
            }
            Self::UnknownTarget { name } => write!(
                f,
                "`{name}` names no branch; push to refs/for/<branch> or refs/for/<branch>/<topic>"
            ),
            Self::UnrelatedHistory { target } => write!(
                f,
                "the change has no history in common with {target}; base it on that branch"
            ),
            Self::NothingNew { target } => {
                write!(
                    f,
                    "{target} or its pull request has this commit already; commit something new"
                )
            }
            Self::PatchSetNotAsked { number } => write!(
                f,
                "this does not contain the last version of pull request {number}; to replace it push with `-o force-push`, or open another with `-o topic=NAME`"
            ),
            Self::DuplicateRef { name } => {
                write!(f, "`{name}` is in this push twice; push it once")
            }
            Self::FileTooLarge { path, bytes, limit_bytes } => write!(
                f,
                "the file `{path}` has {bytes} bytes and the limit is {limit_bytes}; take it out of the commits, or raise review.fileBytesMax in boucle.yaml"
            ),
            Self::UnknownOption { option } => write!(
                f,
                "the push option `{option}` is not known; there are topic, title, description, draft and force-push"
            ),
            Self::AtomicPushRefused => {
                f.write_str("another ref of this atomic push was refused; see its reason")
            }
        }
    }
}
