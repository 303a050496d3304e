//! Pull requests, reviews and what a merge would do.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::browse::FileEdit;
use crate::problem::Reason;

/// A request to open a pull request from a branch that was pushed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenPullRequest {
    /// The branch with the change.
    pub head: String,
    /// The branch that it should go to; the repository's default branch when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// One line; the head commit's subject when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text below the title.
    #[serde(default)]
    pub description: String,
}

/// A pull request.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PullRequest {
    /// `owner/name`.
    pub repository: String,
    /// Its number in the repository.
    pub number: u64,
    /// One line.
    pub title: String,
    /// The text below the title.
    pub description: String,
    /// Who opened it, `person:ada`.
    pub author: String,
    /// `open`, `merged` or `closed`.
    pub state: String,
    /// The branch that it goes to.
    pub base: String,
    /// The branch that it comes from; absent: its patch sets stand on no branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The commit that would be merged.
    pub head: String,
    /// The newest patch set's number, from 1.
    pub patch_set: u64,
    /// The merge's commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_commit: Option<String>,
    /// When it was opened.
    pub opened_at: String,
    /// Reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Comments on lines, oldest first.
    pub comments: Vec<Comment>,
    /// Every version, the first first.
    pub patch_sets: Vec<PatchSet>,
    /// Set when it is merged as soon as it can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued: Option<Queued>,
    /// Checks of the newest patch set.
    pub checks: Vec<Check>,
    /// The applications that sets make of it while it is open.
    #[serde(default)]
    pub previews: Vec<String>,
    /// Why sets of its repository make nothing of it.
    #[serde(default)]
    pub left_out: Vec<Reason>,
    /// Whether it can be merged, and if not, why.
    pub readiness: Readiness,
}

/// A version of a pull request; each is kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PatchSet {
    /// From 1.
    pub number: u64,
    /// Its commit.
    pub head: String,
    /// The merge base at that time.
    pub base: String,
    /// When it came.
    pub at: String,
}

/// A wish to merge as soon as it can be.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Queued {
    /// Whose, `person:ada`.
    pub by: String,
    /// Since when.
    pub at: String,
    /// How; the first method that the policy allows when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MergeMethod>,
}

/// Whether a pull request can be merged now.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// True when nothing is missing.
    pub ready: bool,
    /// Each missing thing and who can give it.
    pub waiting_on: Vec<Reason>,
}

/// A review.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Review {
    /// Who, `person:ada`.
    pub reviewer: String,
    /// `approve`, `request_changes` or `comment`.
    pub verdict: String,
    /// The text.
    pub body: String,
    /// The patch set that was reviewed.
    pub patch_set: u64,
    /// Whether it still counts for the newest patch set.
    pub current: bool,
    /// When.
    pub at: String,
}

/// A request to review the newest patch set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitReview {
    /// What the reviewer decides.
    pub verdict: ReviewVerdict,
    /// The text.
    #[serde(default)]
    pub body: String,
}

/// What a reviewer decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    /// It may be merged.
    Approve,
    /// It must not be merged like this.
    RequestChanges,
    /// A remark.
    Comment,
}

/// A comment on a line, or on the whole when `path` is empty.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Comment {
    /// Who.
    pub author: String,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: u64,
    /// `old` or `new`: which side of the difference the line is counted on.
    pub side: String,
    /// The text.
    pub body: String,
    /// The patch set it was written on.
    pub patch_set: u64,
    /// When.
    pub at: String,
}

/// A request to comment on a line of the newest patch set, or on the whole.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitComment {
    /// The file; absent: the pull request as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, from 1; with `path`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The side; the new one when absent.
    #[serde(default)]
    pub side: Side,
    /// The text.
    pub body: String,
}

/// A side of a difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Before the change.
    Old,
    /// After the change.
    #[default]
    New,
}

/// What a check said of a commit.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// `ci/test`: the workflow file's stem and the job.
    pub name: String,
    /// `queued`, `running`, `success`, `failure`, `skipped`, `cancelled` or `neutral`.
    pub state: String,
    /// Whether a merge needs it.
    pub required: bool,
    /// The run behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    /// One line more.
    pub summary: String,
}

/// A request to merge; the head guards against a patch set that nobody looked at.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// How; the first method that the policy allows when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<MergeMethod>,
    /// The head that the caller saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_head: Option<String>,
    /// Merge as soon as it can be, instead of refusing what is not ready.
    #[serde(default)]
    pub when_ready: bool,
}

/// How a change gets into its base branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeMethod {
    /// A merge commit.
    Merge,
    /// One commit with the whole change.
    Squash,
    /// The commits again, on top of the base.
    Rebase,
}

/// A request to add a patch set that changes files.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendPullRequest {
    /// One line on what changes.
    pub title: String,
    /// The text below it.
    #[serde(default)]
    pub description: String,
    /// The head that the caller saw; when there is a newer one, nothing is done.
    pub expected_head: String,
    /// Each file.
    pub edits: Vec<FileEdit>,
}

/// Which difference.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DifferenceQuery {
    /// Only what changed since this patch set; from the base when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_patch_set: Option<u32>,
}

/// The difference between a pull request's base, or an earlier patch set, and its newest patch set.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SourceDifference {
    /// The commit that it is counted from: the merge base, or the earlier patch set's.
    pub base: String,
    /// The head.
    pub head: String,
    /// True when the difference to an earlier patch set also shows what its target brought meanwhile,
    /// because the two do not fit together.
    #[serde(default)]
    pub includes_target: bool,
    /// Each changed file.
    pub files: Vec<FileDifference>,
}

/// A changed file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FileDifference {
    /// The path after the change.
    pub path: String,
    /// The path before, when it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<String>,
    /// `added`, `deleted`, `modified` or `renamed`.
    pub change: String,
    /// Unified text; empty for binary files.
    pub unified: String,
}

/// What a merge does to what runs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Consequences {
    /// Per environment, in order.
    pub environments: Vec<EnvironmentConsequences>,
    /// What could not be rendered.
    pub problems: Vec<Reason>,
}

/// What a merge does to one environment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentConsequences {
    /// The environment.
    pub environment: String,
    /// The application.
    pub application: String,
    /// Each changed object.
    pub objects: Vec<ObjectDifference>,
    /// Objects that restart, with the reason.
    pub restarts: Vec<String>,
    /// Objects that are deleted.
    pub pruned: Vec<String>,
    /// What is promoted here after the merge, and when.
    pub notes: Vec<String>,
}

/// A changed object of a rendering.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ObjectDifference {
    /// `Deployment staging/hello`.
    pub object: String,
    /// `created`, `changed` or `deleted`.
    pub change: String,
    /// Unified text of the manifest.
    pub unified: String,
    /// Of a proposed change: unified text of what would change on the cluster, when that is something
    /// else than what changes in Git; empty when nothing would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<String>,
}
