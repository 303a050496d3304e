//! Opens, evaluates, merges and closes pull requests: gathers the inputs, asks the decision, moves
//! the ref.

mod amend;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use api::problem::Reason;
use git_store::{CommitRequest, Edit, MergeOutcome, MergeRequest, RefChange};
use ledger::{
    Actor, ActorKind, CommitId, Draft, PullRequestNumber, RefName, RepositoryName, Subject,
};
use repositories::codeowners::CodeOwners;
use repositories::facts::{RefMoveCause, RepositoryFact};
use repositories::policy::{MergeMethod, Policy};
use repositories::pull_request::{MergeInputs, MergePermit, People, Readiness, evaluate};
use repositories::reasons::MergeReason;
use repositories::view::{Check, PullRequest};

use crate::changes::{self, Move};
use crate::http::problem::Refusal;
use crate::state::Server;
use crate::words::{self, ConfigurationProblem, Missing, Obstacle, Who, say};

pub use amend::{Amendment, amend};

/// Where GitHub looks for owners, in this order.
const CODEOWNERS_FILES: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// How a caller wants a merge.
#[derive(Debug, Clone, Default)]
pub struct MergeChoice {
    /// The method; the first that the policy allows when absent.
    pub method: Option<MergeMethod>,
    /// The head that the caller saw.
    pub expected_head: Option<CommitId>,
}

/// A pull request for a commit that is in the repository.
pub struct Proposal {
    /// The branch that it asks to change.
    pub target: RefName,
    /// The commit.
    pub head: CommitId,
    /// The branch that holds it; later pushes to it add patch sets.
    pub source: Option<RefName>,
    /// One line.
    pub title: String,
    /// Any text.
    pub description: String,
}

/// A pull request for an edit that is still to be committed.
pub struct Opening {
    /// The branch that it asks to change.
    pub target: RefName,
    /// Its tip that the edit is based on.
    pub expecting: CommitId,
    /// The files.
    pub edits: BTreeMap<String, Edit>,
    /// The commit's message.
    pub message: String,
    /// One line.
    pub title: String,
    /// Any text.
    pub description: String,
}

/// Opens a pull request for a commit.
pub async fn open(
    server: &Arc<Server>,
    repository: &RepositoryName,
    actor: &Actor,
    proposal: Proposal,
    along: impl FnOnce(PullRequestNumber) -> Vec<Draft>,
) -> Result<PullRequestNumber, Refusal> {
    let lock = server.repository_locks.of(repository);
    let _held = lock.lock().await;
    let store = server.repository(repository)?;
    let target = proposal.target.clone();
    let Some(tip) = store.resolve(&target).map_err(anyhow::Error::from)? else {
        return Err(Refusal::not_found(&Missing::Branch(&target)));
    };
    let head = store.commit(&proposal.head).map_err(anyhow::Error::from)?;
    let base = store.merge_base(&tip, &proposal.head).map_err(anyhow::Error::from)?;
    let Some(base) = base else {
        return Err(Refusal::new("not-ready", &Obstacle::UnrelatedHistory(&target)));
    };
    if base == proposal.head {
        return Err(Refusal::new("not-ready", &Obstacle::NothingNew(&target)));
    }
    let number = {
        let views = server.recorder.views();
        let known = views.repositories.repository(repository);
        known.map(repositories::view::Repository::next_pull_request)
    };
    let number = number.with_context(|| format!("there is no repository {repository}"))?;
    let fact = RepositoryFact::PullRequestOpened {
        repository: repository.clone(),
        number,
        title: proposal.title,
        description: proposal.description,
        target,
        topic: None,
        source: proposal.source,
        head: proposal.head.clone(),
        head_tree: head.tree,
        base,
        draft: false,
    };
    let subject = Subject::pull_request(repository, number);
    let opened = Draft::new(server.clock.now(), actor.clone(), subject, &fact).expecting(None);
    let mut drafts = vec![opened];
    drafts.extend(along(number));
    let patch_set = patch_set_change(&store, number, 1, &proposal.head)?;
    changes::move_refs(server, repository, actor, Vec::new(), vec![patch_set], drafts).await?;
    Ok(number)
}

/// Commits an edit beside its branch and opens a pull request for it.
pub async fn open_edit(
    server: &Arc<Server>,
    repository: &RepositoryName,
    actor: &Actor,
    opening: Opening,
    along: impl FnOnce(PullRequestNumber) -> Vec<Draft>,
) -> Result<PullRequestNumber, Refusal> {
    let store = server.repository(repository)?;
    let signature = changes::signature(actor, server.clock.now());
    let request = CommitRequest {
        base: Some(store.tree_of(&opening.expecting).map_err(anyhow::Error::from)?),
        edits: opening.edits,
        parents: vec![opening.expecting],
        message: opening.message,
        author: signature.clone(),
        committer: signature,
    };
    let head = tokio::task::spawn_blocking(move || store.write_commit(&request)).await;
    let head = head.context("the commit was interrupted")??;
    let proposal = Proposal {
        target: opening.target,
        head,
        source: None,
        title: opening.title,
        description: opening.description,
    };
    open(server, repository, actor, proposal, along).await
}

/// Whether a pull request can be merged now, with everything that is missing.
pub async fn readiness(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    method: Option<MergeMethod>,
) -> Result<Readiness, Refusal> {
    let gathered = gather(server, repository, number, method, &Actor::anonymous()).await?;
    Ok(gathered.evaluate(server))
}

/// Why a pull request of Boucle's own cannot be merged yet; empty when it can.
pub async fn waits_for(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
) -> anyhow::Result<Vec<String>> {
    let gathered = gather(server, repository, number, None, &Actor::system("promote")).await;
    let gathered = gathered.map_err(|refusal| anyhow::anyhow!("{}", refusal.problem()))?;
    Ok(match gathered.evaluate(server) {
        Readiness::Ready(_) => Vec::new(),
        Readiness::Waiting { on } => on.iter().map(ToString::to_string).collect(),
    })
}

/// Merges: every gate is evaluated again under the lock that moves the ref.
pub async fn merge(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    choice: MergeChoice,
    actor: &Actor,
    along: impl FnOnce(&CommitId) -> Vec<Draft>,
) -> Result<CommitId, Refusal> {
    let lock = server.repository_locks.of(repository);
    let _held = lock.lock().await;
    let gathered = gather(server, repository, number, choice.method, actor).await?;
    let head = gathered.pull_request.current().head.clone();
    if choice.expected_head.is_some_and(|expected| expected != head) {
        let detail = Obstacle::NewerPatchSet { number, head: &head };
        return Err(Refusal::new("moved-on", &detail));
    }
    let permit = match gathered.evaluate(server) {
        Readiness::Ready(permit) => permit,
        Readiness::Waiting { on } => {
            let detail = Obstacle::MergeWaits { number, things: on.len() };
            return Err(Refusal::new("not-ready", &detail).with_reasons(reasons(&on)));
        }
    };
    let merge_commit =
        make_merge(server, repository, &gathered.pull_request, &permit, actor).await?;
    let fact = RepositoryFact::PullRequestMerged {
        repository: repository.clone(),
        number,
        merge_commit: merge_commit.clone(),
        method: permit.method(),
        head,
        base: permit.target_tip().clone(),
    };
    let subject = Subject::pull_request(repository, number);
    let mut drafts = vec![Draft::new(server.clock.now(), actor.clone(), subject, &fact)];
    drafts.extend(along(&merge_commit));
    let one = Move {
        reference: permit.target().clone(),
        old: Some(permit.target_tip().clone()),
        new: Some(merge_commit.clone()),
        forced: false,
        by: RefMoveCause::Merge { number },
    };
    changes::move_refs(server, repository, actor, vec![one], Vec::new(), drafts).await?;
    Ok(merge_commit)
}

/// Closes a pull request without merging it.
pub async fn close(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    actor: &Actor,
    reason: &str,
) -> Result<(), Refusal> {
    let fact = RepositoryFact::PullRequestClosed { repository: repository.clone(), number };
    let subject = Subject::pull_request(repository, number);
    let draft = Draft::new(server.clock.now(), actor.clone(), subject, &fact).because(reason);
    server.append(vec![draft]).await?;
    Ok(())
}

/// The reasons of a wait as the interface shows them.
#[must_use]
pub fn reasons(on: &[MergeReason]) -> Vec<Reason> {
    on.iter()
        .map(|one| {
            let mut reason = words::reason(one);
            if let MergeReason::InvalidConfiguration { file, line, column, problem } = one {
                reason.message = problem.clone();
                reason.file = Some(file.clone());
                reason.line = (*line > 0).then_some(*line);
                reason.column = (*line > 0).then_some(*column);
            }
            reason.who = Some(say(&Who(one.resolver())));
            reason
        })
        .collect()
}

/// The ref that keeps a patch set for ever. One that no fact knows was left by a kill between the ref
/// and its fact: nobody was told of it, and it gives way.
pub fn patch_set_change(
    store: &git_store::Repository,
    number: PullRequestNumber,
    patch_set: u32,
    head: &CommitId,
) -> Result<RefChange, Refusal> {
    let name = RefName::new(PullRequest::patch_set_ref(number, patch_set));
    let name = name.map_err(anyhow::Error::from)?;
    let left = store.resolve(&name)?;
    Ok(RefChange::of_commits(name, left.as_ref(), Some(head)))
}

/// Everything that a decision about a merge looks at, gathered at one moment.
struct Gathered {
    pull_request: PullRequest,
    policy: Policy,
    code_owners: Option<CodeOwners>,
    people: People,
    target_tip: CommitId,
    merge_base: Option<CommitId>,
    changed_paths: BTreeSet<String>,
    conflicts: Vec<String>,
    configuration_problems: Vec<MergeReason>,
    checks: BTreeMap<String, Check>,
    method: MergeMethod,
}

impl Gathered {
    fn evaluate(&self, server: &Server) -> Readiness {
        evaluate(&MergeInputs {
            pull_request: &self.pull_request,
            policy: &self.policy,
            code_owners: self.code_owners.as_ref(),
            people: &self.people,
            target_tip: &self.target_tip,
            merge_base: self.merge_base.as_ref(),
            changed_paths: &self.changed_paths,
            conflicts: &self.conflicts,
            configuration_problems: &self.configuration_problems,
            checks: &self.checks,
            method: self.method,
            as_of: server.clock.now(),
        })
    }
}

async fn gather(
    server: &Arc<Server>,
    repository: &RepositoryName,
    number: PullRequestNumber,
    method: Option<MergeMethod>,
    actor: &Actor,
) -> Result<Gathered, Refusal> {
    let (pull_request, checks, people) = {
        let views = server.recorder.views();
        let known = views.repositories.pull_request(repository, number);
        let known = known.ok_or_else(|| Refusal::not_found(&Missing::PullRequest(&number)))?;
        let checks = views
            .repositories
            .repository(repository)
            .and_then(|one| one.checks.get(&known.current().head).cloned());
        let writers = views.repositories.writers(repository, server.clock.now());
        (known.clone(), checks.unwrap_or_default(), People { writers, ..People::default() })
    };
    let store = server.repository(repository)?;
    let target_tip = store.resolve(&pull_request.target).map_err(anyhow::Error::from)?;
    let Some(target_tip) = target_tip else {
        return Err(Refusal::not_found(&Missing::Branch(&pull_request.target)));
    };
    let configured = server.configurations.of_commit(server, repository, &target_tip).await?;
    let mut policy = configured.policy.clone();
    if let Some(environment) = promoted_environment(server, repository, number, actor) {
        let approval =
            configured.configuration.environments.iter().find(|one| one.name == environment);
        // What an environment asks of promotions replaces what people's changes need; the checks
        // and everything else stay.
        if approval.is_some_and(|one| one.approval == control::configuration::Approval::None) {
            policy.required_approvals = 0;
            policy.protected_paths.clear();
            policy.code_owners = false;
        }
    }
    let method = method
        .or_else(|| policy.merge_methods.iter().next().copied())
        .unwrap_or(MergeMethod::Merge);
    let head = pull_request.current().head.clone();
    let brought = server.configurations.read_once(server, repository, &head).await?;
    let configuration_problems = new_problems(
        &server.problems_of(repository, &brought),
        &server.problems_of(repository, &configured),
    );
    let tip = target_tip.clone();
    let with_owners = policy.code_owners;
    let read = tokio::task::spawn_blocking(move || read(&store, &tip, &head, with_owners));
    let (merge_base, changed_paths, conflicts, code_owners) =
        read.await.context("reading the change was interrupted")??;
    Ok(Gathered {
        pull_request,
        policy,
        code_owners,
        people,
        target_tip,
        merge_base,
        changed_paths,
        conflicts,
        configuration_problems,
        checks,
        method,
    })
}

/// What is wrong in the head's configuration and was not wrong in the target's, which is nobody's
/// fault who changes something else.
fn new_problems(
    head: &[ConfigurationProblem],
    target: &[ConfigurationProblem],
) -> Vec<MergeReason> {
    let known = |one: &&ConfigurationProblem| {
        target.iter().any(|known| known.file == one.file && known.what == one.what)
    };
    let new = head.iter().filter(|one| !known(one));
    let reasons = new.map(|one| {
        let (line, column) = one.place.unwrap_or_default();
        let file = one.file.clone();
        MergeReason::InvalidConfiguration { file, line, column, problem: say(one) }
    });
    reasons.collect()
}

/// The environment that a pull request of Boucle's promotes into.
fn promoted_environment(
    server: &Server,
    repository: &RepositoryName,
    number: PullRequestNumber,
    actor: &Actor,
) -> Option<ledger::EnvironmentName> {
    let views = server.recorder.views();
    let opened_by_boucle = views
        .repositories
        .pull_request(repository, number)
        .is_some_and(|one| one.author.kind == ActorKind::System);
    if actor.kind != ActorKind::System || !opened_by_boucle {
        return None;
    }
    let looped = views.control.repositories.get(repository)?;
    let mut environments = looped.environments.iter();
    environments.find(|(_, one)| one.proposals.contains_key(&number)).map(|(name, _)| name.clone())
}

type Read = (Option<CommitId>, BTreeSet<String>, Vec<String>, Option<CodeOwners>);

fn read(
    store: &git_store::Repository,
    tip: &CommitId,
    head: &CommitId,
    with_owners: bool,
) -> anyhow::Result<Read> {
    let merge_base = store.merge_base(tip, head)?;
    let mut paths = BTreeSet::new();
    if let Some(base) = &merge_base {
        let changed =
            store.changed_paths(Some(&store.tree_of(base)?), Some(&store.tree_of(head)?))?;
        for change in changed {
            paths.extend(change.old_path);
            paths.insert(change.path);
        }
    }
    let conflicts = store.conflicts(tip, head)?;
    let mut owners = None;
    for file in CODEOWNERS_FILES.iter().filter(|_| with_owners) {
        if let Some(text) = crate::configurations::text(store, tip, file)? {
            // Lines that GitHub would skip are skipped; `boucle repo show` lists them.
            owners = Some(CodeOwners::parse(&text).0);
            break;
        }
    }
    Ok((merge_base, paths, conflicts, owners))
}

async fn make_merge(
    server: &Arc<Server>,
    repository: &RepositoryName,
    pull_request: &PullRequest,
    permit: &MergePermit,
    actor: &Actor,
) -> Result<CommitId, Refusal> {
    let signature = changes::signature(actor, server.clock.now());
    let number = pull_request.number;
    let message = match permit.method() {
        MergeMethod::Merge => format!(
            "Merge pull request #{number}: {}\n\n{}\n",
            pull_request.title, pull_request.description
        ),
        MergeMethod::Squash | MergeMethod::Rebase => {
            format!("{} (#{number})\n\n{}\n", pull_request.title, pull_request.description)
        }
    };
    let request = MergeRequest {
        base: permit.target_tip().clone(),
        head: permit.head().clone(),
        method: permit.method(),
        message,
        author: signature.clone(),
        committer: signature,
    };
    let store = server.repository(repository)?;
    let outcome = tokio::task::spawn_blocking(move || store.merge(&request)).await;
    match outcome.context("the merge was interrupted")?.map_err(anyhow::Error::from)? {
        MergeOutcome::Merged { commit, .. } => Ok(commit),
        MergeOutcome::NothingToMerge => {
            Err(Refusal::new("not-ready", &Obstacle::NothingToMerge(number)))
        }
        MergeOutcome::Conflicts { paths } => {
            let detail = Obstacle::MergeConflicts { number, paths: &paths };
            Err(Refusal::new("merge-conflict", &detail))
        }
    }
}
