//! What a team asks of changes to its repository; read from the base branch's `boucle.yaml`.

use std::collections::BTreeSet;

use ledger::RefName;
use serde::{Deserialize, Serialize};

use crate::glob::Glob;

/// 100 MB in bytes, the limit that GitHub has made people used to.
pub const FILE_BYTES_MAX_DEFAULT: u64 = 100_000_000;

/// The rules of one repository. The default protects the default branch and asks for no approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Branches that only a merge moves, by name without `refs/heads/`.
    pub protected: Vec<Glob>,
    /// Whether the default branch is one of them, too. So it is wherever rules are written down; in
    /// a repository without any nobody has asked for it ([`Policy::unwritten`]).
    pub protect_default_branch: bool,
    /// How many people other than the author must approve.
    pub required_approvals: u32,
    /// Checks that must have succeeded for the head commit: `<workflow file stem>/<job id>`.
    pub required_checks: Vec<String>,
    /// Whether each rule of CODEOWNERS that a change touches needs an owner's approval.
    pub code_owners: bool,
    /// Whether an approval ends when the head's tree or the merge base changes. When `false` an
    /// approval outlives a new patch set, but never a change of the target branch.
    pub dismiss_stale_approvals: bool,
    /// Whether the head must contain the tip of the target branch.
    pub require_up_to_date: bool,
    /// How a pull request may be merged; never empty.
    pub merge_methods: BTreeSet<MergeMethod>,
    /// Paths that ask for more approvals than the rest.
    pub protected_paths: Vec<ProtectedPath>,
    /// Whether an unprotected branch may be moved to a commit that does not contain its old one.
    pub allow_force_push: bool,
    /// Whether administrators may push to protected branches directly.
    pub allow_administrator_push: bool,
    /// The largest file that a push may bring, in bytes.
    pub file_bytes_max: u64,
    /// The largest pack that a push may bring, in bytes.
    pub pack_bytes_max: u64,
}

/// Paths that ask for more approvals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectedPath {
    /// The paths, relative to the root.
    pub paths: Vec<Glob>,
    /// How many people other than the author must approve a change to one of them.
    pub approvals: u32,
}

/// How the commits of a pull request reach the target branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeMethod {
    /// A commit with two parents.
    Merge,
    /// One new commit with the whole change.
    Squash,
    /// The commits one by one on top of the target.
    Rebase,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            protected: Vec::new(),
            protect_default_branch: true,
            required_approvals: 0,
            required_checks: Vec::new(),
            code_owners: false,
            dismiss_stale_approvals: true,
            require_up_to_date: false,
            merge_methods: [MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase].into(),
            protected_paths: Vec::new(),
            allow_force_push: false,
            allow_administrator_push: false,
            file_bytes_max: FILE_BYTES_MAX_DEFAULT,
            pack_bytes_max: 20 * FILE_BYTES_MAX_DEFAULT,
        }
    }
}

impl Policy {
    /// The rules of a repository without a `boucle.yaml`: as the default, but its default branch
    /// takes pushes, so that a first push can be followed by a second.
    #[must_use]
    pub fn unwritten() -> Self {
        Self { protect_default_branch: false, ..Self::default() }
    }

    /// Whether only a merge may move `reference`.
    #[must_use]
    pub fn protects(&self, reference: &RefName, default_branch: &RefName) -> bool {
        let named = |branch: &str| self.protected.iter().any(|glob| glob.matches(branch));
        (self.protect_default_branch && reference == default_branch)
            || reference.branch().is_some_and(named)
    }

    /// How many approvals a change of these paths needs.
    #[must_use]
    pub fn approvals_for<'path>(&self, paths: impl IntoIterator<Item = &'path str>) -> u32 {
        let of_path = |path: &str| {
            let touched = self.protected_paths.iter().filter(|protected| protected.covers(path));
            touched.map(|protected| protected.approvals).max().unwrap_or(0)
        };
        paths.into_iter().map(of_path).max().unwrap_or(0).max(self.required_approvals)
    }
}

impl ProtectedPath {
    /// Whether `path` is one of these paths.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        self.paths.iter().any(|glob| glob.matches(path))
    }
}

impl MergeMethod {
    /// The stable name: `merge`, `squash`, `rebase`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}
