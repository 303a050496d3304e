//! Starts the runs that pushes and pull requests ask for, and says "skipped" where a filter says no.

mod followers;
mod schedules;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use anyhow::Context;
use git_store::Repository;
use ledger::{Actor, CommitId, Draft, Fact, RefName, RepositoryName, Sequence, Subject, decode};
use pipelines::facts::{EventName, PipelineFact, PullRequestSource, RunSource};
use pipelines::lint;
use pipelines::trigger::{self, Event, PullRequestAction, Trigger, TriggerInputs};
use pipelines::workflow::model::Workflow;
use pipelines::workflow::{self, Problem};
use repositories::facts::{CheckState, RefMoveCause, RepositoryFact};
use repositories::view::PullRequest;

use crate::http::problem::Refusal;
use crate::runs::{self, check_name, stem};
use crate::state::Server;
use crate::tasks::Next;
use crate::words::{self, Missing, Obstacle};

pub(crate) use schedules::Known as Schedules;

const ACTOR: &str = "pipelines";
/// Where workflows are.
const WORKFLOWS: &str = ".github/workflows";
/// The document that says up to which fact runs were started.
const PROGRESS: (&str, &str) = ("tasks", "trigger-runs");
const FACTS_PER_READ: usize = 500;
/// What one check says, each with its place; of the rest there is a number. It is kept for ever.
const PARTS_MAX: usize = 20;

/// A workflow file as it was read.
type Read = (String, Result<Workflow, Vec<Problem>>);

/// One activation: every fact since the last one that can start a run.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let database = server.recorder.database();
    let saved = database.get_document(PROGRESS.0, PROGRESS.1).await?;
    let saved = saved.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    let mut after = Sequence(saved.unwrap_or(0));
    let begun = after;
    loop {
        let facts = server.recorder.facts(after, FACTS_PER_READ).await?;
        let Some(last) = facts.last().map(|fact| fact.sequence) else { break };
        for fact in &facts {
            consider(&server, fact).await.with_context(|| format!("fact {}", fact.sequence))?;
        }
        after = last;
    }
    if after > begun {
        let text = after.0.to_string().into_bytes();
        database.put_document(PROGRESS.0, PROGRESS.1, &text).await?;
    }
    schedules::fire(&server).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "no other fact starts a run")]
async fn consider(server: &Arc<Server>, fact: &Fact) -> anyhow::Result<()> {
    if let Some(body) = decode::<PipelineFact>(fact) {
        return followers::consider(server, fact, &body).await;
    }
    let Some(body) = decode::<RepositoryFact>(fact) else { return Ok(()) };
    match body {
        RepositoryFact::RefMoved { repository, reference, old, new: Some(new), by, .. } => {
            let hidden = by == RefMoveCause::Rendering
                || !(reference.as_str().starts_with("refs/heads/")
                    || reference.as_str().starts_with("refs/tags/"));
            if hidden {
                return Ok(());
            }
            pushed(server, fact, &repository, &reference, old.as_ref(), &new).await?;
            match old {
                Some(_) => Ok(()),
                None => created(server, fact, &repository, &reference, &new).await,
            }
        }
        RepositoryFact::RefMoved { repository, reference, old: Some(_), new: None, .. } => {
            deleted(server, fact, &repository, &reference).await
        }
        RepositoryFact::PullRequestOpened { repository, number, .. } => {
            proposed(server, fact, &repository, number, PullRequestAction::Opened).await
        }
        RepositoryFact::PatchSetAdded { repository, number, .. } => {
            proposed(server, fact, &repository, number, PullRequestAction::Synchronize).await
        }
        _ => Ok(()),
    }
}

/// `create`: on the new ref itself.
async fn created(
    server: &Arc<Server>,
    fact: &Fact,
    repository: &RepositoryName,
    reference: &RefName,
    commit: &CommitId,
) -> anyhow::Result<()> {
    let (kind, name) = short_name(reference);
    let payload = serde_json::json!({"ref": name, "ref_type": kind});
    let at = At { reference: reference.clone(), commit: commit.clone() };
    let what = What { name: EventName::Create, event: Event::Create, payload };
    on_commit(server, &Cause::of(fact), repository, at, what).await
}

/// `delete`: on the default branch, for the ref is gone.
async fn deleted(
    server: &Arc<Server>,
    fact: &Fact,
    repository: &RepositoryName,
    reference: &RefName,
) -> anyhow::Result<()> {
    let text = reference.as_str();
    if !(text.starts_with("refs/heads/") || text.starts_with("refs/tags/")) {
        return Ok(());
    }
    let Some(at) = tip(server, repository) else { return Ok(()) };
    let (kind, name) = short_name(reference);
    let payload = serde_json::json!({"ref": name, "ref_type": kind});
    let what = What { name: EventName::Delete, event: Event::Delete, payload };
    on_commit(server, &Cause::of(fact), repository, at, what).await
}

/// What started it: the fact's number and time, and who is behind it.
pub(crate) struct Cause {
    sequence: ledger::Sequence,
    at: ledger::Timestamp,
    actor: String,
}

impl Cause {
    fn of(fact: &Fact) -> Self {
        Self { sequence: fact.sequence, at: fact.at, actor: fact.actor.name.clone() }
    }
}

/// Which commit, as what.
struct At {
    reference: RefName,
    commit: CommitId,
}

/// An event with what `github.event` says of it.
struct What {
    name: EventName,
    event: Event,
    payload: serde_json::Value,
}

fn short_name(reference: &RefName) -> (&'static str, &str) {
    let text = reference.as_str();
    match text.strip_prefix("refs/tags/") {
        Some(tag) => ("tag", tag),
        None => ("branch", text.strip_prefix("refs/heads/").unwrap_or(text)),
    }
}

/// The default branch, when it has a commit.
fn tip(server: &Server, repository: &RepositoryName) -> Option<At> {
    let views = server.recorder.views();
    let known = views.repositories.repository(repository)?;
    let reference = known.default_branch.clone();
    let commit = known.refs.get(&reference)?.commit.clone();
    Some(At { reference, commit })
}

/// Starts what an event triggers among the workflows of a commit of the repository itself.
async fn on_commit(
    server: &Arc<Server>,
    cause: &Cause,
    repository: &RepositoryName,
    at: At,
    what: What,
) -> anyhow::Result<()> {
    let At { reference, commit } = at;
    let What { name: event_name, event, payload } = what;
    let store = server.repository(repository)?;
    let Ok(found) = store.commit(&commit) else { return Ok(()) };
    let workflows = read_workflows(&store, &commit).await?;
    let payload = payload.as_object().cloned().unwrap_or_default();
    let source = |workflow: &str, name: String, inputs, number| RunSource {
        repository: repository.clone(),
        workflow: workflow.into(),
        name,
        event: event_name,
        reference: reference.clone(),
        commit: commit.clone(),
        tree: found.tree.clone(),
        before: None,
        pull_request: None,
        // Only branches and tags of this repository come here.
        trusted: true,
        actor: cause.actor.clone(),
        inputs,
        payload: payload.clone(),
        number,
    };
    start(server, cause, event, workflows, &commit, source).await
}

async fn pushed(
    server: &Arc<Server>,
    fact: &Fact,
    repository: &RepositoryName,
    reference: &RefName,
    old: Option<&CommitId>,
    new: &CommitId,
) -> anyhow::Result<()> {
    let store = server.repository(repository)?;
    let Ok(commit) = store.commit(new) else { return Ok(()) };
    let workflows = read_workflows(&store, new).await?;
    if workflows.is_empty() {
        return Ok(());
    }
    let changed_paths = match old {
        Some(old) => Some(changed_paths(&store, old, new).await?),
        None => None,
    };
    let event = Event::Push {
        reference: reference.clone(),
        before: old.cloned(),
        after: Some(new.clone()),
        changed_paths,
    };
    let source = |workflow: &str, name: String, inputs, number| RunSource {
        repository: repository.clone(),
        workflow: workflow.into(),
        name,
        event: EventName::Push,
        reference: reference.clone(),
        commit: new.clone(),
        tree: commit.tree.clone(),
        before: old.cloned(),
        pull_request: None,
        // What is on a branch of this repository was pushed or merged by somebody who may.
        trusted: true,
        actor: fact.actor.name.clone(),
        inputs,
        payload: serde_json::Map::new(),
        number,
    };
    start(server, &Cause::of(fact), event, workflows, new, source).await
}

async fn proposed(
    server: &Arc<Server>,
    fact: &Fact,
    repository: &RepositoryName,
    number: ledger::PullRequestNumber,
    action: PullRequestAction,
) -> anyhow::Result<()> {
    let known = {
        let views = server.recorder.views();
        views.repositories.pull_request(repository, number).cloned()
    };
    let Some(pull_request) = known else { return Ok(()) };
    let current = pull_request.current().clone();
    let store = server.repository(repository)?;
    // What a required check is comes from the target: a change cannot take a check away.
    let workflows = read_workflows(&store, &current.head).await?;
    let changed_paths = changed_paths(&store, &current.base, &current.head).await?;
    let head = pull_request.source.clone();
    let head_name = head_name(&pull_request);
    let event = Event::PullRequest {
        base: pull_request.target.clone(),
        head: head.unwrap_or(RefName::of_branch(&head_name)?),
        action,
        changed_paths: Some(changed_paths),
    };
    let reference = RefName::new(format!("refs/pull/{number}/head"))?;
    let base = pull_request.target.branch().unwrap_or_default().to_owned();
    let source = |workflow: &str, name: String, inputs, run_number| RunSource {
        repository: repository.clone(),
        workflow: workflow.into(),
        name,
        event: EventName::PullRequest,
        reference: reference.clone(),
        commit: current.head.clone(),
        tree: current.head_tree.clone(),
        before: None,
        pull_request: Some(PullRequestSource {
            number,
            action: action.as_str().into(),
            base: base.clone(),
            base_commit: current.base.clone(),
            head: head_name.clone(),
            head_commit: current.head.clone(),
        }),
        trusted: false,
        actor: fact.actor.name.clone(),
        inputs,
        payload: serde_json::Map::new(),
        number: run_number,
    };
    start(server, &Cause::of(fact), event, workflows, &current.head, source).await
}

/// Starts what the event triggers; reports what it filters out and what cannot be read.
async fn start(
    server: &Arc<Server>,
    cause: &Cause,
    event: Event,
    workflows: Vec<Read>,
    commit: &CommitId,
    source: impl Fn(&str, String, BTreeMap<String, serde_json::Value>, u64) -> RunSource,
) -> anyhow::Result<()> {
    let repository = source("", String::new(), BTreeMap::new(), 0).repository;
    let mut valid = BTreeMap::new();
    for (path, read) in workflows {
        match read {
            Ok(workflow) => {
                if matches!(event, Event::PullRequest { .. }) {
                    report_findings(server, &repository, commit, &workflow).await?;
                }
                valid.insert(path, workflow);
            }
            Err(problems) => report_invalid(server, &repository, commit, &path, &problems).await?,
        }
    }
    let inputs = TriggerInputs {
        event,
        workflows: valid.iter().map(|(path, workflow)| (path.clone(), workflow.clone())).collect(),
    };
    for trigger in trigger::decide(&inputs) {
        match trigger {
            Trigger::Run { workflow: path, inputs } => {
                let Some(workflow) = valid.get(&path) else { continue };
                let name = workflow.name.clone().unwrap_or_else(|| path.clone());
                let number = next_number(server, &repository, &path);
                let source = source(&path, name, inputs, number);
                if is_started(server, &source, cause.at) {
                    continue;
                }
                runs::create(server, source, Arc::new(workflow.clone()), cause.sequence).await?;
            }
            Trigger::Skipped { workflow: path, reason } if reason.is_filtered() => {
                let Some(workflow) = valid.get(&path) else { continue };
                report_skipped(server, &repository, commit, &path, workflow, &reason).await?;
            }
            Trigger::Skipped { .. } => {}
        }
    }
    Ok(())
}

/// Starts a workflow by hand.
pub async fn dispatch(
    server: &Arc<Server>,
    repository: &RepositoryName,
    actor: &Actor,
    reference: &RefName,
    wanted: &str,
    inputs: BTreeMap<String, String>,
) -> Result<ledger::RunId, Refusal> {
    let store = server.repository(repository)?;
    let commit = store.resolve(reference).map_err(anyhow::Error::from)?;
    let commit = commit.ok_or_else(|| Refusal::not_found(&Missing::Reference(reference)))?;
    let tree = store.tree_of(&commit).map_err(anyhow::Error::from)?;
    let mut found = None;
    for (path, read) in read_workflows(&store, &commit).await? {
        if path == wanted || path.ends_with(&format!("/{wanted}")) || stem(&path) == wanted {
            found = Some((path, read));
        }
    }
    let (path, read) = found.ok_or_else(|| Refusal::not_found(&Missing::Workflow(&wanted)))?;
    let workflow = read.map_err(|problems| invalid(&problems))?;
    let event =
        Event::WorkflowDispatch { reference: reference.clone(), workflow: path.clone(), inputs };
    let decided = trigger::decide(&TriggerInputs {
        event,
        workflows: vec![(path.clone(), workflow.clone())],
    });
    let inputs = match decided.into_iter().next() {
        Some(Trigger::Run { inputs, .. }) => inputs,
        Some(Trigger::Skipped { reason, .. }) => {
            return Err(Refusal::new("invalid-request", &reason));
        }
        None => return Err(Refusal::not_found(&Missing::Workflow(&wanted))),
    };
    let source = RunSource {
        repository: repository.clone(),
        name: workflow.name.clone().unwrap_or_else(|| path.clone()),
        number: next_number(server, repository, &path),
        workflow: path,
        event: EventName::WorkflowDispatch,
        reference: reference.clone(),
        commit,
        tree,
        before: None,
        pull_request: None,
        trusted: true,
        actor: actor.name.clone(),
        inputs,
        payload: serde_json::Map::new(),
    };
    let newest = server.recorder.views().sequence;
    Ok(runs::create(server, source, Arc::new(workflow), newest).await?)
}

/// A workflow of a commit.
pub async fn read_workflow(
    store: &Repository,
    commit: &CommitId,
    path: &str,
) -> anyhow::Result<Option<Workflow>> {
    let workflows = read_workflows(store, commit).await?;
    Ok(workflows.into_iter().find(|(known, _)| known == path).and_then(|(_, read)| read.ok()))
}

/// The refusal that names each problem of a workflow with its place.
#[must_use]
pub fn invalid(problems: &[Problem]) -> Refusal {
    let reasons = problems.iter().map(words::workflow_reason).collect();
    Refusal::new("invalid-workflow", &Obstacle::WorkflowCannotRun).with_reasons(reasons)
}

async fn read_workflows(store: &Repository, commit: &CommitId) -> anyhow::Result<Vec<Read>> {
    let (store, commit) = (store.clone(), commit.clone());
    let work = move || -> anyhow::Result<Vec<Read>> {
        let mut texts = BTreeMap::new();
        for entry in store.list(&commit, WORKFLOWS)?.unwrap_or_default() {
            let is_yaml = entry.path.ends_with(".yaml") || entry.path.ends_with(".yml");
            if is_yaml
                && let Some(text) = crate::configurations::text(&store, &commit, &entry.path)?
            {
                texts.insert(entry.path, text);
            }
        }
        let file = |path: &str| {
            let known = texts.get(path).cloned();
            known.or_else(|| crate::configurations::text(&store, &commit, path).ok().flatten())
        };
        let read = texts
            .iter()
            .map(|(path, text)| (path.clone(), workflow::read_in_repository(path, text, &file)));
        Ok(read.collect())
    };
    tokio::task::spawn_blocking(work).await.context("reading the workflows was interrupted")?
}

async fn changed_paths(
    store: &Repository,
    old: &CommitId,
    new: &CommitId,
) -> anyhow::Result<Vec<String>> {
    let (store, old, new) = (store.clone(), old.clone(), new.clone());
    let work = move || -> anyhow::Result<Vec<String>> {
        let changed =
            store.changed_paths(Some(&store.tree_of(&old)?), Some(&store.tree_of(&new)?))?;
        let both = changed.into_iter().flat_map(|one| one.old_path.into_iter().chain([one.path]));
        Ok(both.collect())
    };
    tokio::task::spawn_blocking(work).await.context("comparing the commits was interrupted")?
}

fn head_name(pull_request: &PullRequest) -> String {
    let source = pull_request.source.as_ref().and_then(|source| source.branch());
    let name = source.map(str::to_owned).or_else(|| pull_request.topic.clone());
    name.unwrap_or_else(|| format!("pull-request-{}", pull_request.number))
}

fn next_number(server: &Server, repository: &RepositoryName, workflow: &str) -> u64 {
    let views = server.recorder.views();
    let of_workflow = views
        .pipelines
        .runs
        .values()
        .filter(|run| run.source.repository == *repository && run.source.workflow == workflow);
    of_workflow.map(|run| run.source.number).max().unwrap_or(0) + 1
}

/// After a kill the same fact is considered again; a run that it started is not started twice.
fn is_started(server: &Server, source: &RunSource, since: ledger::Timestamp) -> bool {
    let views = server.recorder.views();
    views.pipelines.runs.values().any(|run| {
        run.source.repository == source.repository
            && run.source.workflow == source.workflow
            && run.source.event == source.event
            && run.source.reference == source.reference
            && run.source.commit == source.commit
            && run.source.payload == source.payload
            && run.created_at >= since
    })
}

async fn report_skipped(
    server: &Arc<Server>,
    repository: &RepositoryName,
    commit: &CommitId,
    path: &str,
    workflow: &Workflow,
    reason: &trigger::SkipReason,
) -> anyhow::Result<()> {
    let names: Vec<String> =
        workflow.jobs.iter().map(|job| check_name(path, job.id.as_str())).collect();
    for name in names {
        report(server, repository, commit, name, CheckState::Skipped, reason.to_string()).await?;
    }
    Ok(())
}

async fn report_invalid(
    server: &Arc<Server>,
    repository: &RepositoryName,
    commit: &CommitId,
    path: &str,
    problems: &[Problem],
) -> anyhow::Result<()> {
    let name = stem(path).to_owned();
    report(server, repository, commit, name, CheckState::Failure, summary(problems)).await
}

/// The first parts and a number.
fn summary(parts: &[impl fmt::Display]) -> String {
    let mut texts: Vec<String> = parts.iter().take(PARTS_MAX).map(ToString::to_string).collect();
    if parts.len() > PARTS_MAX {
        texts.push(format!("and {} more", parts.len() - PARTS_MAX));
    }
    texts.join("; ")
}

/// Says at review what would not run later and what is dangerous; what runs for this change and cannot
/// says it itself, by failing.
async fn report_findings(
    server: &Arc<Server>,
    repository: &RepositoryName,
    commit: &CommitId,
    workflow: &Workflow,
) -> anyhow::Result<()> {
    let mut findings = lint::lint(workflow);
    if findings.is_empty() {
        return Ok(());
    }
    if findings.len() > PARTS_MAX {
        // What is grave is not to be among those that are left out.
        findings.sort_by_key(|finding| finding.severity);
    }
    let name = stem(&workflow.path).to_owned();
    report(server, repository, commit, name, CheckState::Neutral, summary(&findings)).await
}

async fn report(
    server: &Arc<Server>,
    repository: &RepositoryName,
    commit: &CommitId,
    name: String,
    state: CheckState,
    summary: String,
) -> anyhow::Result<()> {
    let known = {
        let views = server.recorder.views();
        let checks = views.repositories.repository(repository).map(|one| &one.checks);
        let check = checks.and_then(|checks| checks.get(commit)?.get(&name).cloned());
        check.is_some_and(|check| check.state == state && check.summary == summary)
    };
    if known {
        return Ok(());
    }
    let fact = RepositoryFact::CheckReported {
        repository: repository.clone(),
        commit: commit.clone(),
        name,
        state,
        run: None,
        summary,
    };
    let subject = Subject::repository(repository);
    let draft = Draft::new(server.clock.now(), Actor::system(ACTOR), subject, &fact);
    server.recorder.append(vec![draft]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(count: usize, end: &str) {
        let parts: Vec<usize> = (1..=count).collect();
        let found = summary(&parts);
        assert!(found.ends_with(end), "{found}");
    }

    #[test]
    fn a_summary_is_short() {
        check(1, "1");
        check(20, "19; 20");
        check(45_000, "19; 20; and 44980 more");
    }
}
