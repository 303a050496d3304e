//! May a pull request be merged, and if not, why.
//!
//! Every gate is bound to the head's tree, the merge base and the rules of the target branch. The
//! same function is called for the page that shows the reasons and again in the transaction that
//! moves the ref: only its [`MergePermit`] lets that happen.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{ActorKind, CommitId, PullRequestNumber, RefName, Timestamp, TreeId};

use crate::codeowners::{CodeOwners, Owner};
use crate::facts::Verdict;
use crate::policy::{MergeMethod, Policy};
use crate::reasons::MergeReason;
use crate::view::{Check, PullRequest, PullRequestState, Review};

/// Everything that the decision needs.
#[derive(Debug, Clone)]
pub struct MergeInputs<'view> {
    /// The pull request.
    pub pull_request: &'view PullRequest,
    /// The rules, read from the target branch.
    pub policy: &'view Policy,
    /// CODEOWNERS, read from the target branch; `None`: it has none.
    pub code_owners: Option<&'view CodeOwners>,
    /// Who is who.
    pub people: &'view People,
    /// The target's tip.
    pub target_tip: &'view CommitId,
    /// The merge base of target and head as they are now; `None`: they have nothing in common.
    pub merge_base: Option<&'view CommitId>,
    /// The paths that the head changes against the merge base, old names of renamed files included.
    pub changed_paths: &'view BTreeSet<String>,
    /// The paths where target and head do not fit together.
    pub conflicts: &'view [String],
    /// What the head's configuration brings that cannot be read, and the target's does not have
    /// already: [`MergeReason::InvalidConfiguration`].
    pub configuration_problems: &'view [MergeReason],
    /// The checks of the head commit, by name.
    pub checks: &'view BTreeMap<String, Check>,
    /// How it shall be merged.
    pub method: MergeMethod,
    /// When the inputs were true.
    pub as_of: Timestamp,
}

/// The accounts that may judge, and what owners' names mean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct People {
    /// The names of people who may write to the repository; only their judgement counts.
    pub writers: BTreeSet<String>,
    /// The members of a team, by `organisation/team`.
    pub teams: BTreeMap<String, BTreeSet<String>>,
    /// The account of an e-mail address.
    pub emails: BTreeMap<String, String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and the large one is the usual one")]
pub enum Readiness {
    /// It may be merged, as it is now.
    Ready(MergePermit),
    /// It may not.
    Waiting {
        /// Everything that is missing; never empty.
        on: Vec<MergeReason>,
    },
}

/// The proof that every gate was evaluated for exactly this. Only [`evaluate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergePermit {
    number: PullRequestNumber,
    target: RefName,
    target_tip: CommitId,
    head: CommitId,
    head_tree: TreeId,
    merge_base: CommitId,
    method: MergeMethod,
    policy: Policy,
}

/// Evaluates every gate.
#[must_use]
pub fn evaluate(inputs: &MergeInputs<'_>) -> Readiness {
    let one = inputs.pull_request;
    let mut on = Vec::new();
    state_reasons(inputs, &mut on);
    review_reasons(inputs, &mut on);
    check_reasons(inputs, &mut on);
    match inputs.merge_base {
        Some(merge_base) if on.is_empty() => Readiness::Ready(MergePermit {
            number: one.number,
            target: one.target.clone(),
            target_tip: inputs.target_tip.clone(),
            head: one.current().head.clone(),
            head_tree: one.current().head_tree.clone(),
            merge_base: merge_base.clone(),
            method: inputs.method,
            policy: inputs.policy.clone(),
        }),
        Some(_) | None => Readiness::Waiting { on },
    }
}

fn state_reasons(inputs: &MergeInputs<'_>, on: &mut Vec<MergeReason>) {
    let one = inputs.pull_request;
    match &one.state {
        PullRequestState::Open => {}
        PullRequestState::Merged { .. } => on.push(MergeReason::AlreadyMerged),
        PullRequestState::Closed { .. } => on.push(MergeReason::Closed),
    }
    if one.draft {
        on.push(MergeReason::Draft);
    }
    if !inputs.policy.merge_methods.contains(&inputs.method) {
        let allowed = inputs.policy.merge_methods.iter().copied().collect();
        on.push(MergeReason::MethodNotAllowed { method: inputs.method, allowed });
    }
    match inputs.merge_base {
        None => on.push(MergeReason::UnrelatedHistory { target: one.target.clone() }),
        Some(base) if *base == one.current().head && one.state == PullRequestState::Open => {
            on.push(MergeReason::NothingToMerge);
        }
        Some(base) if base != inputs.target_tip && inputs.policy.require_up_to_date => {
            on.push(MergeReason::OutOfDate { target: one.target.clone() });
        }
        Some(_) => {}
    }
    on.extend(inputs.configuration_problems.iter().cloned());
    if !inputs.conflicts.is_empty() {
        let (target, paths) = (one.target.clone(), inputs.conflicts.to_vec());
        on.push(MergeReason::Conflicts { target, paths });
    }
}

fn review_reasons(inputs: &MergeInputs<'_>, on: &mut Vec<MergeReason>) {
    let standing = standing_reviews(inputs);
    for (name, review) in &standing {
        if review.verdict == Verdict::RequestChanges {
            on.push(MergeReason::ChangesRequested { by: (*name).to_owned() });
        }
    }
    let approvals: BTreeSet<&str> = standing
        .iter()
        .filter(|(_, review)| review.verdict == Verdict::Approve && counts(inputs, review))
        .map(|(name, _)| *name)
        .collect();
    let stale: Vec<String> = standing
        .iter()
        .filter(|(_, review)| review.verdict == Verdict::Approve && !counts(inputs, review))
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let have = u32::try_from(approvals.len()).unwrap_or(u32::MAX);
    let need = inputs.policy.required_approvals;
    if have < need {
        on.push(MergeReason::ApprovalsMissing { have, need, stale });
    }
    for protected in &inputs.policy.protected_paths {
        let covered = |path: &&String| protected.covers(path);
        let paths: Vec<String> = inputs.changed_paths.iter().filter(covered).cloned().collect();
        if !paths.is_empty() && have < protected.approvals && protected.approvals > need {
            let need = protected.approvals;
            on.push(MergeReason::ProtectedPathApprovals { paths, have, need });
        }
    }
    if inputs.policy.code_owners {
        code_owner_reasons(inputs, &approvals, on);
    }
}

/// The last judgement of each person whose judgement counts: comments judge nothing, and nobody
/// judges their own change.
fn standing_reviews<'view>(inputs: &MergeInputs<'view>) -> BTreeMap<&'view str, &'view Review> {
    let one = inputs.pull_request;
    let mut standing = BTreeMap::new();
    for review in &one.reviews {
        let own = review.by == one.author || review.by == one.current().pushed_by;
        let counts = review.by.kind == ActorKind::Person
            && inputs.people.writers.contains(&review.by.name)
            && review.verdict != Verdict::Comment
            && !own;
        if counts {
            standing.insert(review.by.name.as_str(), review);
        }
    }
    standing
}

/// Whether an approval is of what would be merged now.
fn counts(inputs: &MergeInputs<'_>, review: &Review) -> bool {
    let one = inputs.pull_request;
    let same =
        review.head_tree == one.current().head_tree && Some(&review.base) == inputs.merge_base;
    review.target == one.target && (same || !inputs.policy.dismiss_stale_approvals)
}

fn code_owner_reasons(
    inputs: &MergeInputs<'_>,
    approvals: &BTreeSet<&str>,
    on: &mut Vec<MergeReason>,
) {
    let Some(file) = inputs.code_owners else { return };
    for (rule, paths) in file.rules_of(inputs.changed_paths.iter().map(String::as_str)) {
        let names: BTreeSet<&str> =
            rule.owners.iter().flat_map(|owner| accounts_of(owner, inputs.people)).collect();
        if names.iter().any(|name| approvals.contains(name)) {
            continue;
        }
        on.push(MergeReason::CodeOwnerMissing {
            pattern: rule.pattern.as_str().to_owned(),
            line: rule.line,
            owners: rule.owners.iter().map(ToString::to_string).collect(),
            paths: paths.into_iter().map(str::to_owned).collect(),
        });
    }
}

fn accounts_of<'people>(owner: &'people Owner, people: &'people People) -> Vec<&'people str> {
    match owner {
        Owner::Account(name) => vec![name.as_str()],
        Owner::Team { organisation, team } => {
            let members = people.teams.get(&format!("{organisation}/{team}"));
            members.into_iter().flatten().map(String::as_str).collect()
        }
        Owner::Email(address) => {
            people.emails.get(address).map(String::as_str).into_iter().collect()
        }
    }
}

fn check_reasons(inputs: &MergeInputs<'_>, on: &mut Vec<MergeReason>) {
    for name in &inputs.policy.required_checks {
        let name = name.clone();
        match inputs.checks.get(&name) {
            None => on.push(MergeReason::CheckMissing { name }),
            Some(check) if check.state.satisfies() => {}
            Some(check) if check.state.is_finished() => {
                let (state, run) = (check.state, check.run);
                on.push(MergeReason::CheckFailed { name, state, run });
            }
            Some(check) => {
                let (state, run) = (check.state, check.run);
                on.push(MergeReason::CheckPending { name, state, run });
            }
        }
    }
}

impl MergePermit {
    /// Which pull request.
    #[must_use]
    pub fn number(&self) -> PullRequestNumber {
        self.number
    }

    /// The branch that may be moved.
    #[must_use]
    pub fn target(&self) -> &RefName {
        &self.target
    }

    /// Where that branch must still be.
    #[must_use]
    pub fn target_tip(&self) -> &CommitId {
        &self.target_tip
    }

    /// The commit that may be merged.
    #[must_use]
    pub fn head(&self) -> &CommitId {
        &self.head
    }

    /// That commit's tree.
    #[must_use]
    pub fn head_tree(&self) -> &TreeId {
        &self.head_tree
    }

    /// The merge base that the approvals are bound to.
    #[must_use]
    pub fn merge_base(&self) -> &CommitId {
        &self.merge_base
    }

    /// How it may be merged.
    #[must_use]
    pub fn method(&self) -> MergeMethod {
        self.method
    }

    /// The rules that were applied.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}
