//! What is now so: repositories, refs, pull requests, checks and tokens, folded from facts.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    Actor, ActorKind, CommitId, Fact, PullRequestNumber, RefName, RepositoryName, RunId, Sequence,
    Timestamp, TreeId, View, decode,
};
use serde::{Deserialize, Serialize};

use crate::access::{Grant, Role, Scope, Visibility};
use crate::facts::{
    CheckState, CommentPlace, FollowingFact, RefMoveCause, RepositoryFact, StorageId, Verdict,
};
use crate::people::Person;
use crate::policy::MergeMethod;
use crate::secrets::{SecretName, SecretRecord};

/// Every repository and every token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RepositoriesView {
    /// By name.
    pub repositories: BTreeMap<RepositoryName, Repository>,
    /// By id.
    pub tokens: BTreeMap<String, Token>,
    /// By name.
    #[serde(default)]
    pub people: BTreeMap<String, Person>,
    /// The secrets of each repository, without their values.
    #[serde(default)]
    pub secrets: BTreeMap<RepositoryName, BTreeMap<SecretName, SecretRecord>>,
}

/// One repository.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repository {
    /// Its folder's name.
    pub storage: StorageId,
    /// The branch that a clone checks out.
    pub default_branch: RefName,
    /// Who sees it without a role.
    pub visibility: Visibility,
    /// When it was made.
    pub created_at: Timestamp,
    /// Where each ref points, as far as the ledger knows; Git itself has the last word.
    pub refs: BTreeMap<RefName, RefState>,
    /// Moves that were begun and not yet ended; the server settles them at its start.
    pub intents: BTreeMap<RefName, RefIntent>,
    /// By number.
    pub pull_requests: BTreeMap<PullRequestNumber, PullRequest>,
    /// The newest state of each check, by commit and name.
    pub checks: BTreeMap<CommitId, BTreeMap<String, Check>>,
}

/// Where a ref points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefState {
    /// The commit.
    pub commit: CommitId,
    /// Since when.
    pub moved_at: Timestamp,
    /// Who moved it.
    pub moved_by: Actor,
    /// Why.
    pub cause: RefMoveCause,
    /// The fact that says so.
    pub fact: Sequence,
}

/// A move that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefIntent {
    /// The commit before.
    pub old: Option<CommitId>,
    /// The commit after.
    pub new: Option<CommitId>,
    /// Why.
    pub cause: RefMoveCause,
    /// The facts that follow when it has moved.
    #[serde(default)]
    pub along: Vec<FollowingFact>,
    /// Who.
    pub actor: Actor,
    /// The fact that says so.
    pub fact: Sequence,
}

/// A proposed change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its number.
    pub number: PullRequestNumber,
    /// One line.
    pub title: String,
    /// Any text.
    pub description: String,
    /// Who opened it.
    pub author: Actor,
    /// The branch that it asks to change.
    pub target: RefName,
    /// What its pushes are recognised by.
    pub topic: Option<String>,
    /// The branch that it follows, when there is one.
    pub source: Option<RefName>,
    /// Whether its author still works on it.
    pub draft: bool,
    /// Open, merged or closed.
    pub state: PullRequestState,
    /// Every version, the first first; never empty.
    pub patch_sets: Vec<PatchSet>,
    /// Every judgement, the first first.
    pub reviews: Vec<Review>,
    /// Every comment, the first first.
    pub comments: Vec<Comment>,
    /// The wish to merge it as soon as it can be.
    #[serde(default)]
    pub queued: Option<Queued>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When something last happened to it.
    pub updated_at: Timestamp,
    /// The newest fact about it.
    pub fact: Sequence,
}

/// A wish to merge a pull request as soon as it can be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// Whose; the merge is theirs.
    pub by: Actor,
    /// Since when.
    pub at: Timestamp,
    /// The commit that was looked at.
    pub head: CommitId,
    /// How.
    pub method: Option<MergeMethod>,
}

/// What became of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PullRequestState {
    /// It waits for its merge.
    Open,
    /// It is in its target.
    Merged {
        /// The target's new tip.
        merge_commit: CommitId,
        /// How.
        method: MergeMethod,
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
    /// It was given up.
    Closed {
        /// Who.
        by: Actor,
        /// When.
        at: Timestamp,
    },
}

/// One version of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchSet {
    /// From 1.
    pub number: u32,
    /// Its commit.
    pub head: CommitId,
    /// That commit's tree.
    pub head_tree: TreeId,
    /// The merge base with the target when it was pushed.
    pub base: CommitId,
    /// Who pushed it.
    pub pushed_by: Actor,
    /// When.
    pub pushed_at: Timestamp,
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The patch set that was judged.
    pub patch_set: u32,
    /// The judgement.
    pub verdict: Verdict,
    /// The tree that was judged.
    pub head_tree: TreeId,
    /// The merge base at that time.
    pub base: CommitId,
    /// The branch that it was judged for.
    pub target: RefName,
    /// Any text.
    pub body: String,
    /// The fact that says so.
    pub fact: Sequence,
}

/// A comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// The patch set that was looked at.
    pub patch_set: u32,
    /// The line; `None`: the whole.
    pub place: Option<CommentPlace>,
    /// The text.
    pub body: String,
    /// The fact that says so.
    pub fact: Sequence,
}

/// The newest state of a check of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The state.
    pub state: CheckState,
    /// The run that did it.
    pub run: Option<RunId>,
    /// One line.
    pub summary: String,
    /// Since when.
    pub at: Timestamp,
    /// Who reported it.
    pub by: Actor,
    /// The fact that says so.
    pub fact: Sequence,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// The account or program that it stands for.
    pub name: String,
    /// `Person` or `Machine`.
    pub actor_kind: ActorKind,
    /// What it may do.
    pub role: Role,
    /// Where.
    pub scope: Scope,
    /// SHA-256 of the secret, lower-case hexadecimal.
    pub secret_sha256: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: Actor,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether it counts no more.
    pub revoked_at: Option<Timestamp>,
    /// Whether it is the session of somebody who signed in, and no token that was handed out.
    pub session: bool,
}

impl RepositoriesView {
    /// What the holder of a secret with this SHA-256 (lower-case hexadecimal) was given; `None` for
    /// an unknown or revoked token. Expiry is judged by [`crate::access::permit`].
    #[must_use]
    pub fn grant(&self, secret_sha256: &str) -> Option<Grant> {
        let live = |token: &&Token| token.revoked_at.is_none();
        let token = self.tokens.values().filter(live).find(|t| t.secret_sha256 == secret_sha256)?;
        Some(token.grant())
    }

    /// The names of the people who may write to this repository at `as_of`, by an account or a
    /// token.
    #[must_use]
    pub fn writers(&self, name: &RepositoryName, as_of: Timestamp) -> BTreeSet<String> {
        let all = self.all_writers(name, as_of).into_iter();
        all.filter(|actor| actor.kind == ActorKind::Person).map(|actor| actor.name).collect()
    }

    /// The open pull requests of a repository, each with whoever of those that it comes from may not
    /// write to the repository at `as_of`: who opened it, and who pushed its newest version.
    pub fn open_pull_requests<'view>(
        &'view self,
        name: &RepositoryName,
        as_of: Timestamp,
    ) -> impl Iterator<Item = (&'view PullRequest, Option<&'view Actor>)> + use<'view> {
        let writers = self.all_writers(name, as_of);
        let all =
            self.repositories.get(name).into_iter().flat_map(|one| one.pull_requests.values());
        all.filter(|one| one.state == PullRequestState::Open).map(move |one| {
            let mut from = [&one.author, &one.current().pushed_by].into_iter();
            let is_untrusted = |actor: &&Actor| match actor.kind {
                ActorKind::Person | ActorKind::Machine => !writers.contains(*actor),
                ActorKind::System => false,
                ActorKind::Anonymous => true,
            };
            (one, from.find(is_untrusted))
        })
    }

    fn all_writers(&self, name: &RepositoryName, as_of: Timestamp) -> BTreeSet<Actor> {
        let may_write = |token: &&Token| {
            let in_scope = match &token.scope {
                Scope::Server => true,
                Scope::Repository(own) => own == name,
            };
            token.revoked_at.is_none()
                && token.expires_at.is_none_or(|end| end > as_of)
                && token.role >= Role::Write
                && in_scope
        };
        let accounts = self.people.iter().filter(|(_, person)| {
            person.is_here() && person.joined_at.is_some() && person.role >= Role::Write
        });
        let by_token = self.tokens.values().filter(may_write);
        let by_token =
            by_token.map(|token| Actor { kind: token.actor_kind, name: token.name.clone() });
        by_token.chain(accounts.map(|(name, _)| Actor::person(name))).collect()
    }

    /// The repository of this name.
    #[must_use]
    pub fn repository(&self, name: &RepositoryName) -> Option<&Repository> {
        self.repositories.get(name)
    }

    /// The pull request of this number.
    #[must_use]
    pub fn pull_request(
        &self,
        name: &RepositoryName,
        number: PullRequestNumber,
    ) -> Option<&PullRequest> {
        self.repositories.get(name)?.pull_requests.get(&number)
    }
}

impl Repository {
    /// The number that the next pull request gets.
    #[must_use]
    pub fn next_pull_request(&self) -> PullRequestNumber {
        let last = self.pull_requests.keys().next_back().map_or(0, |number| number.0);
        PullRequestNumber(last + 1)
    }

    /// The open pull request that pushes of `author` to `refs/for/<target>/<topic>` belong to.
    #[must_use]
    pub fn open_for_topic(
        &self,
        author: &Actor,
        target: &RefName,
        topic: &str,
    ) -> Option<&PullRequest> {
        self.pull_requests.values().find(|one| {
            one.state == PullRequestState::Open
                && one.author == *author
                && one.target == *target
                && one.topic.as_deref() == Some(topic)
        })
    }

    /// The open pull requests that follow this branch.
    pub fn open_from_source<'view>(
        &'view self,
        source: &RefName,
    ) -> impl Iterator<Item = &'view PullRequest> {
        self.pull_requests.values().filter(move |one| {
            one.state == PullRequestState::Open && one.source.as_ref() == Some(source)
        })
    }
}

impl PullRequest {
    /// The newest version.
    ///
    /// # Panics
    /// Never for a view folded from facts: a pull request comes with its first patch set.
    #[must_use]
    pub fn current(&self) -> &PatchSet {
        self.patch_sets.last().unwrap_or_else(|| panic!("a pull request has a patch set"))
    }

    /// The ref under which a patch set is kept: `refs/changes/<number>/<patch set>`.
    #[must_use]
    pub fn patch_set_ref(number: PullRequestNumber, patch_set: u32) -> String {
        format!("refs/changes/{number}/{patch_set}")
    }
}

impl Token {
    /// What its holder was given.
    #[must_use]
    pub fn grant(&self) -> Grant {
        let actor = Actor { kind: self.actor_kind, name: self.name.clone() };
        let (role, scope) = (Some(self.role), self.scope.clone());
        Grant { actor, role, scope, expires_at: self.expires_at }
    }
}

impl View for RepositoriesView {
    fn apply(&mut self, fact: &Fact) {
        let Some(body) = decode::<RepositoryFact>(fact) else { return };
        crate::fold::apply(self, fact, body);
    }
}
