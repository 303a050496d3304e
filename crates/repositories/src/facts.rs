//! What happens to repositories, pull requests and tokens, as it is kept for ever.

use std::fmt;

use ledger::{
    Actor, ActorKind, CommitId, Draft, Expected, FactBody, InvalidId, PullRequestNumber, RefName,
    RepositoryName, RunId, Sequence, Subject, Timestamp, TreeId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::access::{DenialReason, Permission, Role, Scope, Visibility};
use crate::policy::MergeMethod;
use crate::secrets::{SecretName, SecretUse};

/// Something that happened. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RepositoryFact {
    /// A repository is there.
    RepositoryCreated {
        /// Its name.
        repository: RepositoryName,
        /// The name of its folder, which never comes from a person.
        storage: StorageId,
        /// The branch that a clone checks out.
        default_branch: RefName,
        /// Who sees it without a role.
        visibility: Visibility,
    },
    /// A ref is about to be moved; followed by `RefMoved` or `RefMoveAbandoned`.
    RefMoveIntended {
        /// Where.
        repository: RepositoryName,
        /// Which.
        reference: RefName,
        /// The commit before; `None`: the ref was not there.
        old: Option<CommitId>,
        /// The commit after; `None`: the ref is deleted.
        new: Option<CommitId>,
        /// Why.
        by: RefMoveCause,
        /// The facts that are true as soon as it has moved: a kill between the two loses none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        along: Vec<FollowingFact>,
    },
    /// A ref was moved.
    RefMoved {
        /// Where.
        repository: RepositoryName,
        /// Which.
        reference: RefName,
        /// The commit before; `None`: the ref was not there.
        old: Option<CommitId>,
        /// The commit after; `None`: the ref is deleted.
        new: Option<CommitId>,
        /// Whether commits were left behind.
        forced: bool,
        /// Why.
        by: RefMoveCause,
    },
    /// An intended move did not happen.
    RefMoveAbandoned {
        /// Where.
        repository: RepositoryName,
        /// Which.
        reference: RefName,
        /// The commit that it would have pointed to.
        new: Option<CommitId>,
        /// Why not, as a stable code.
        code: String,
    },
    /// A push was refused.
    PushRefused {
        /// Where.
        repository: RepositoryName,
        /// The ref, as the client named it: it may be no ref name at all.
        reference: String,
        /// Why, as stable codes with sentences.
        reasons: Vec<CodedReason>,
    },
    /// A pull request is there, with its first patch set.
    PullRequestOpened {
        /// Where.
        repository: RepositoryName,
        /// Its number.
        number: PullRequestNumber,
        /// One line.
        title: String,
        /// Any text; may be empty.
        description: String,
        /// The branch that it asks to change.
        target: RefName,
        /// What its pushes are recognised by, with its target and author; `None` for a pull request
        /// that was not opened by a push to `refs/for/`.
        topic: Option<String>,
        /// The branch that it follows, when there is one.
        source: Option<RefName>,
        /// The first patch set's commit.
        head: CommitId,
        /// That commit's tree.
        head_tree: TreeId,
        /// The merge base of head and target.
        base: CommitId,
        /// Whether its author still works on it.
        draft: bool,
    },
    /// A pull request has a new version.
    PatchSetAdded {
        /// Where.
        repository: RepositoryName,
        /// Of which pull request.
        number: PullRequestNumber,
        /// From 2; the first one came with the pull request. Kept as `refs/changes/<n>/<patch set>`.
        patch_set: u32,
        /// Its commit.
        head: CommitId,
        /// That commit's tree.
        head_tree: TreeId,
        /// The merge base of head and target.
        base: CommitId,
    },
    /// Title, description or draft were changed.
    PullRequestEdited {
        /// Where.
        repository: RepositoryName,
        /// Which.
        number: PullRequestNumber,
        /// The new title; `None`: as it was.
        title: Option<String>,
        /// The new description; `None`: as it was.
        description: Option<String>,
        /// The new draft state; `None`: as it was.
        draft: Option<bool>,
    },
    /// Somebody judged a patch set.
    Reviewed {
        /// Where.
        repository: RepositoryName,
        /// Which pull request.
        number: PullRequestNumber,
        /// The patch set that was judged.
        patch_set: u32,
        /// The judgement.
        verdict: Verdict,
        /// The tree that was judged.
        head_tree: TreeId,
        /// The merge base at that time.
        base: CommitId,
        /// The branch that it was judged for.
        target: RefName,
        /// Any text; may be empty.
        body: String,
    },
    /// Somebody commented.
    Commented {
        /// Where.
        repository: RepositoryName,
        /// Which pull request.
        number: PullRequestNumber,
        /// The patch set that was looked at.
        patch_set: u32,
        /// The line that it is about; `None`: the pull request as a whole.
        place: Option<CommentPlace>,
        /// The text.
        body: String,
    },
    /// A check of a commit has a new state.
    CheckReported {
        /// Where.
        repository: RepositoryName,
        /// The commit that was checked.
        commit: CommitId,
        /// `<workflow file stem>/<job id>`, or an outside name.
        name: String,
        /// The state.
        state: CheckState,
        /// The run that did it.
        run: Option<RunId>,
        /// One line; may be empty.
        summary: String,
    },
    /// A pull request was merged.
    PullRequestMerged {
        /// Where.
        repository: RepositoryName,
        /// Which.
        number: PullRequestNumber,
        /// The target's new tip.
        merge_commit: CommitId,
        /// How.
        method: MergeMethod,
        /// The commit that was merged.
        head: CommitId,
        /// The target's tip before.
        base: CommitId,
    },
    /// A pull request was closed without a merge.
    PullRequestClosed {
        /// Where.
        repository: RepositoryName,
        /// Which.
        number: PullRequestNumber,
    },
    /// A pull request shall be merged as soon as it can be.
    MergeQueued {
        /// Where.
        repository: RepositoryName,
        /// Which.
        number: PullRequestNumber,
        /// The commit that was looked at; another one ends the wish.
        head: CommitId,
        /// How; `None`: the first method that the policy allows.
        method: Option<MergeMethod>,
    },
    /// A pull request shall not be merged by itself any more.
    MergeUnqueued {
        /// Where.
        repository: RepositoryName,
        /// Which.
        number: PullRequestNumber,
    },
    /// Somebody shall have an account: the link lets them choose a password.
    PersonInvited {
        /// The account's name.
        name: String,
        /// What they may do, on the whole server.
        role: Role,
        /// SHA-256 of the link's secret, lower-case hexadecimal.
        secret_sha256: String,
        /// When the link ends.
        expires_at: Timestamp,
    },
    /// Somebody chose a password. Neither it nor anything made from it is in a fact.
    PasswordChosen {
        /// Who.
        name: String,
    },
    /// Somebody has one passkey more. Nothing of the key itself is in a fact.
    PasskeyAdded {
        /// Who.
        name: String,
        /// Names it in lists and in its removal; it is not the authenticator's own id.
        id: String,
        /// What its owner calls it.
        label: String,
    },
    /// A passkey signs nobody in any more.
    PasskeyRemoved {
        /// Whose.
        name: String,
        /// Which.
        id: String,
    },
    /// Somebody signed in.
    SignedIn {
        /// Who.
        name: String,
        /// The session's token.
        token: String,
    },
    /// A wrong password was given for an account.
    SignInRefused {
        /// Whose.
        name: String,
    },
    /// An account ended, with its sessions and tokens.
    PersonRemoved {
        /// Whose.
        name: String,
    },
    /// A token is there. The secret itself is never in a fact.
    TokenCreated {
        /// Names it in lists and in its revocation.
        id: String,
        /// The account or program that it stands for.
        name: String,
        /// `Person` or `Machine`.
        actor_kind: ActorKind,
        /// What it may do.
        role: Role,
        /// Where.
        scope: Scope,
        /// SHA-256 of the secret, lower-case hexadecimal.
        secret_sha256: String,
        /// When it ends; `None`: when it is revoked.
        expires_at: Option<Timestamp>,
    },
    /// A token counts no more.
    TokenRevoked {
        /// Which.
        id: String,
    },
    /// A secret has a value, a first or another one. The value itself is never in a fact.
    SecretSet {
        /// Whose.
        repository: RepositoryName,
        /// Which.
        name: SecretName,
        /// What gets it.
        #[serde(default)]
        used_by: SecretUse,
    },
    /// A secret is no more.
    SecretRemoved {
        /// Whose.
        repository: RepositoryName,
        /// Which.
        name: SecretName,
    },
    /// Somebody tried what they may not.
    AccessDenied {
        /// What for.
        permission: Permission,
        /// Of what, as it was named.
        resource: String,
        /// Why not.
        denial: DenialReason,
    },
}

impl FactBody for RepositoryFact {
    const DOMAIN: &'static str = "repositories";
}

/// A fact that follows an intended move, as it was drafted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowingFact {
    /// Who did or decided it.
    pub actor: Actor,
    /// What it is about.
    pub subject: Subject,
    /// The facts that led to it.
    pub causes: Vec<Sequence>,
    /// Why.
    pub reason: String,
    /// `domain.name`.
    pub kind: String,
    /// The fact's own fields.
    pub body: Value,
}

impl FollowingFact {
    /// What is kept of a draft.
    #[must_use]
    pub fn of(draft: &Draft) -> Self {
        let Draft { actor, subject, causes, reason, kind, body, .. } = draft.clone();
        Self { actor, subject, causes, reason, kind, body }
    }

    /// The draft again, true at `at`.
    #[must_use]
    pub fn draft(&self, at: Timestamp) -> Draft {
        let Self { actor, subject, causes, reason, kind, body } = self.clone();
        Draft { at, actor, subject, expected: Expected::Anything, causes, reason, kind, body }
    }
}

/// Why a ref was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefMoveCause {
    /// Somebody pushed.
    Push,
    /// A patch set was kept.
    PatchSet {
        /// Of which pull request.
        number: PullRequestNumber,
    },
    /// A pull request was merged.
    Merge {
        /// Which.
        number: PullRequestNumber,
    },
    /// A digest was written into an environment.
    Promotion,
    /// A bad change was taken back.
    Revert {
        /// The commit that was taken back.
        reverted: CommitId,
    },
    /// Manifests were rendered.
    Rendering,
    /// The repository was filled when it was made.
    Initial,
}

/// A judgement of a patch set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may be merged.
    Approve,
    /// It may not be merged as it is.
    RequestChanges,
    /// No judgement.
    Comment,
}

/// The line that a comment is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentPlace {
    /// The file, relative to the root.
    pub path: String,
    /// The line's number on that side, from 1.
    pub line: u32,
    /// Before or after the change.
    pub side: Side,
}

/// A side of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Before the change.
    Old,
    /// After the change.
    New,
}

/// The state of a check of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// Waiting for its turn.
    Queued,
    /// At work.
    Running,
    /// Passed.
    Success,
    /// Did not pass.
    Failure,
    /// The base branch's filters say that this change does not concern the workflow. It satisfies a
    /// requirement, because there is nothing to wait for.
    Skipped,
    /// A job's condition was false or a job that it needs did not succeed. It does not satisfy a
    /// requirement, because the change itself may have brought the condition.
    SkippedByCondition,
    /// Somebody stopped it.
    Cancelled,
    /// An outside check without an opinion. It does not satisfy a requirement.
    Neutral,
}

/// A reason as it is kept: the code is stable, the sentence is what was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodedReason {
    /// Stable, in kebab-case.
    pub code: String,
    /// What was shown.
    pub sentence: String,
}

/// The name of a repository's folder: 8 to 64 lower-case letters, digits and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StorageId(String);

impl StorageId {
    /// Parses the text, refusing what is not of this form.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if (8..=64).contains(&text.len()) && text.bytes().all(plain) && !text.starts_with('-') {
            Ok(Self(text))
        } else {
            let expected = "a storage id (8 to 64 lower-case letters, digits and `-`)";
            Err(InvalidId { text, expected })
        }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StorageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for StorageId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl From<StorageId> for String {
    fn from(id: StorageId) -> String {
        id.0
    }
}

impl CheckState {
    /// The stable name, as faces show it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::SkippedByCondition => "skipped-by-condition",
            Self::Cancelled => "cancelled",
            Self::Neutral => "neutral",
        }
    }

    /// Whether it changes no more by itself.
    #[must_use]
    pub fn is_finished(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Success
            | Self::Failure
            | Self::Skipped
            | Self::SkippedByCondition
            | Self::Cancelled
            | Self::Neutral => true,
        }
    }

    /// Whether a check that is required is satisfied.
    #[must_use]
    pub fn satisfies(self) -> bool {
        match self {
            Self::Success | Self::Skipped => true,
            Self::Queued
            | Self::Running
            | Self::Failure
            | Self::SkippedByCondition
            | Self::Cancelled
            | Self::Neutral => false,
        }
    }
}

impl Verdict {
    /// The stable name: `approve`, `request-changes`, `comment`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::RequestChanges => "request-changes",
            Self::Comment => "comment",
        }
    }
}
