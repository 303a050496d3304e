//! Takes back what is sick: decides, shows beforehand, and writes the revert commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Context;
use control::ControlFact;
use control::configuration::Environment;
use control::reasons::RollbackRefusal;
use control::rollback::{ChangeCause, RenderingChange, RollbackDecision, RollbackInputs};
use deployments::Outcome;
use git_store::RevertOutcome;
use ledger::{Actor, ArtifactDigest, CommitId, Draft, RepositoryName, Subject, Timestamp};
use monitoring::{IncidentAction, MonitoringFact, Verdict};
use repositories::facts::RefMoveCause;

use crate::changes::{self, Move};
use crate::configurations::RepositoryConfiguration;
use crate::history::{COMMITS_MAX, changing_commits};
use crate::http::problem::Refusal;
use crate::state::Server;
use crate::tasks::close_loop::{default_branch, into_error, record};
use crate::views::Views;
use crate::words::{self, Obstacle};

const REVERTER: &str = "rollback";

/// Decides about a rollback and does it; gives the time at which a window ends.
pub async fn roll_back(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
    environment: &Environment,
) -> anyhow::Result<Option<Timestamp>> {
    let Some(inputs) = rollback_inputs(server, repository, configured, environment, false).await?
    else {
        return Ok(None);
    };
    match control::rollback::decide(&inputs) {
        RollbackDecision::No { reasons } => {
            refuse(server, repository, environment, reasons).await?;
        }
        RollbackDecision::Freeze { incident } => {
            let fact = ControlFact::AutomationHeld {
                repository: repository.clone(),
                environment: environment.name.clone(),
                reason: control::reasons::HoldReason::Frozen { incident },
            };
            record(server, REVERTER, &fact).await.map_err(into_error)?;
        }
        RollbackDecision::Ask { commits, incident } => {
            let fact = ControlFact::RollbackAsked {
                repository: repository.clone(),
                environment: environment.name.clone(),
                application: environment.application.clone(),
                commits,
                incident,
            };
            record(server, REVERTER, &fact).await.map_err(into_error)?;
        }
        decision @ RollbackDecision::RollBack { .. } => {
            match revert(server, repository, environment, decision).await {
                // A person pushed meanwhile: the next look decides on what is true then.
                Err(refusal) if refusal.problem().code == "moved-on" => {}
                other => other.map_err(into_error)?,
            }
        }
    }
    Ok(None)
}

/// What a decision about a rollback looks at; `None` when nobody asks and nothing is sick. `as_asked`:
/// as if a person asked for it.
async fn rollback_inputs(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
    environment: &Environment,
    as_asked: bool,
) -> anyhow::Result<Option<RollbackInputs>> {
    let application = &environment.application;
    let (mut inputs, deployments) = {
        let views = server.recorder.views();
        let Some(state) = views.deployments.applications.get(application) else { return Ok(None) };
        let Some(running) = state.running() else { return Ok(None) };
        let looped = views.control.environment(repository, &environment.name);
        let Outcome::Applied { at: deployed_at } = running.outcome else { return Ok(None) };
        let requested = as_asked || looped.is_some_and(|one| one.rollback_requested);
        let approved = looped.and_then(|one| one.rollback_approved.clone());
        let Some(assessment) = views.monitoring.assessment(application) else { return Ok(None) };
        let sick = assessment.verdict == Verdict::Sick;
        // A verdict on what ran before says nothing about what runs now.
        let assessed = assessment.generation == running.generation;
        if !((sick && assessed) || requested || approved.is_some()) {
            return Ok(None);
        }
        // Nothing is removed before its evidence is kept.
        if sick && !as_asked && assessment.evidence.is_empty() {
            return Ok(None);
        }
        let inputs = RollbackInputs {
            application: application.clone(),
            environment: environment.name.clone(),
            policy: environment.rollback.clone(),
            verdict: assessment.verdict,
            assessed_generation: assessment.generation,
            running_generation: running.generation,
            running_rendering: running.rendered_commit.clone(),
            tip: configured.commit.clone(),
            changes: Vec::new(),
            healthy: healthy_renderings(&views, environment),
            rollbacks: looped.map(|one| one.automatic_rollbacks(application)).unwrap_or_default(),
            incident: views.monitoring.open_incident(application).map(|(id, _)| id),
            held: looped.is_some_and(|one| one.was_frozen(deployed_at)),
            asked: false,
            approved,
            requested,
            as_of: server.clock.now(),
        };
        (inputs, state.deployments.clone())
    };
    inputs.changes =
        rendering_changes(server, repository, environment, &deployments, &configured.commit)
            .await?;
    inputs.asked = {
        let views = server.recorder.views();
        let looped = views.control.environment(repository, &environment.name);
        let newest = inputs.changes.first();
        newest.is_some_and(|newest| looped.is_some_and(|one| one.was_asked(&newest.commit)))
    };
    Ok(Some(inputs))
}

/// Renderings that were assessed healthy here and not sick since.
fn healthy_renderings(views: &Views, environment: &Environment) -> BTreeSet<CommitId> {
    let state = views.deployments.applications.get(&environment.application);
    let rendering_of = |generation: u64| {
        let mut deployments = state.into_iter().flat_map(|state| &state.deployments);
        deployments.find(|one| one.generation == generation).map(|one| one.rendered_commit.clone())
    };
    let mut healthy = BTreeSet::new();
    let assessments = views.monitoring.assessments.get(&environment.application);
    for one in assessments.into_iter().flatten() {
        let Some(rendering) = rendering_of(one.generation) else { continue };
        match one.conclusion() {
            Some(Verdict::Healthy) => drop(healthy.insert(rendering)),
            Some(Verdict::Sick) => drop(healthy.remove(&rendering)),
            Some(Verdict::Inconclusive) | None => {}
        }
    }
    healthy
}

/// The commits of the branch that changed the application's rendering, newest first.
async fn rendering_changes(
    server: &Arc<Server>,
    repository: &RepositoryName,
    environment: &Environment,
    deployments: &[deployments::Deployment],
    tip: &CommitId,
) -> anyhow::Result<Vec<RenderingChange>> {
    let Some(rendering) = server.renderings.of(&environment.application) else {
        return Ok(Vec::new());
    };
    let store = server.repository(repository)?;
    let revisions: Vec<(CommitId, CommitId)> = deployments
        .iter()
        .rev()
        .map(|one| (one.revision.clone(), one.rendered_commit.clone()))
        .collect();
    let (tip, opened) = (tip.clone(), rendering.paths_in(repository));
    let commits =
        tokio::task::spawn_blocking(move || changing_commits(&store, &tip, &opened, COMMITS_MAX))
            .await
            .context("reading the history was interrupted")??;
    let views = server.recorder.views();
    let looped = views.control.environment(repository, &environment.name);
    let changes = commits.into_iter().map(|commit| {
        let known = revisions.iter().find(|(revision, _)| *revision == commit);
        let promotion = looped
            .and_then(|looped| looped.promotions.iter().rev().find(|one| one.commit == commit));
        let is_rollback = looped
            .is_some_and(|looped| looped.rollbacks.iter().any(|one| one.revert_commit == commit));
        let cause = match promotion {
            Some(promotion) => ChangeCause::Promotion { digest: promotion.digest.clone() },
            None if is_rollback => ChangeCause::Rollback,
            None => ChangeCause::Other,
        };
        // A change that was overtaken before it was rendered has no rendering; its own id stands
        // for one that never ran and so was never healthy.
        let rendering = known.map_or_else(|| commit.clone(), |(_, rendering)| rendering.clone());
        RenderingChange { commit, rendering, cause }
    });
    Ok(change_elsewhere(&revisions).into_iter().chain(changes).collect())
}

/// What runs, when the deployment before it was of the same commit and another rendering: that commit
/// is not to blame.
fn change_elsewhere(revisions: &[(CommitId, CommitId)]) -> Option<RenderingChange> {
    let (commit, rendering) = revisions.first()?;
    let (before, _) = revisions.iter().find(|(_, other)| other != rendering)?;
    (before == commit).then(|| RenderingChange {
        commit: commit.clone(),
        rendering: rendering.clone(),
        cause: ChangeCause::Elsewhere,
    })
}

/// What a rollback that a person asks for would do now: the commit that it takes back, and the commit
/// that it would write. No ref is moved; Git forgets the commit by itself.
pub async fn preview(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
    environment: &Environment,
) -> Result<(CommitId, CommitId), Refusal> {
    let nothing = || Refusal::new("rollback-refused", &Obstacle::NothingRuns);
    let inputs = rollback_inputs(server, repository, configured, environment, true).await?;
    let (commit, expecting, digest, incident) =
        match control::rollback::decide(&inputs.ok_or_else(nothing)?) {
            RollbackDecision::RollBack { commit, expecting, digest, incident, .. } => {
                (commit, expecting, digest, incident)
            }
            RollbackDecision::No { reasons } => {
                let reasons = reasons.iter().map(words::reason).collect();
                let detail = Obstacle::CannotRollBack(&environment.name);
                return Err(Refusal::new("rollback-refused", &detail).with_reasons(reasons));
            }
            RollbackDecision::Ask { .. } | RollbackDecision::Freeze { .. } => return Err(nothing()),
        };
    let message = RevertMessage { environment, commit: &commit, digest, incident };
    let revert = write_revert(server, repository, &message, &expecting).await?;
    Ok((commit, revert))
}

/// Writes the revert, through the same door as people's changes.
async fn revert(
    server: &Arc<Server>,
    repository: &RepositoryName,
    environment: &Environment,
    decision: RollbackDecision,
) -> Result<(), Refusal> {
    let RollbackDecision::RollBack { commit, expecting, digest, incident, rule } = decision else {
        return Ok(());
    };
    let lock = server.repository_locks.of(repository);
    let _held = lock.lock().await;
    let actor = Actor::system(REVERTER);
    let message = RevertMessage { environment, commit: &commit, digest: digest.clone(), incident };
    let revert_commit = write_revert(server, repository, &message, &expecting).await?;
    let now = server.clock.now();
    let rolled_back = ControlFact::RolledBack {
        repository: repository.clone(),
        environment: environment.name.clone(),
        application: environment.application.clone(),
        bad_commit: commit.clone(),
        revert_commit: revert_commit.clone(),
        digest: digest.clone(),
        incident,
        rule,
    };
    let quarantined = ControlFact::Quarantined {
        repository: repository.clone(),
        digest,
        revision: commit.clone(),
        environment: environment.name.clone(),
        incident,
    };
    let mut along =
        vec![rolled_back.draft(now, actor.clone()), quarantined.draft(now, actor.clone())];
    along.extend(incident.map(|incident| {
        let cases = {
            let views = server.recorder.views();
            views
                .monitoring
                .incidents
                .get(&incident)
                .map(|one| one.cases.clone())
                .unwrap_or_default()
        };
        let action = Some(IncidentAction::Reverted { commit: revert_commit.clone() });
        let fact = MonitoringFact::IncidentUpdated { incident, cases, action };
        Draft::new(now, actor.clone(), Subject::incident(incident), &fact)
    }));
    let one = Move {
        reference: default_branch(server, repository)?,
        old: Some(expecting),
        new: Some(revert_commit),
        forced: false,
        by: RefMoveCause::Revert { reverted: commit },
    };
    changes::move_refs(server, repository, &actor, vec![one], Vec::new(), along).await?;
    Ok(())
}

/// What a revert commit says.
struct RevertMessage<'a> {
    environment: &'a Environment,
    commit: &'a CommitId,
    digest: Option<ArtifactDigest>,
    incident: Option<ledger::IncidentId>,
}

impl RevertMessage<'_> {
    fn text(&self, store: &git_store::Repository) -> anyhow::Result<String> {
        let title = store.commit(self.commit)?.title;
        let mut message = format!(
            "Revert \"{title}\"\n\n{} was sick with it.\n\nReverts: {}\n",
            self.environment.name, self.commit
        );
        if let Some(digest) = &self.digest {
            message.push_str(&format!("Quarantined: {digest}\n"));
        }
        if let Some(incident) = self.incident {
            message.push_str(&format!("Incident: {incident}\n"));
        }
        Ok(message)
    }
}

/// Makes the commit that takes a change back; moves no ref.
async fn write_revert(
    server: &Arc<Server>,
    repository: &RepositoryName,
    message: &RevertMessage<'_>,
    onto: &CommitId,
) -> Result<CommitId, Refusal> {
    let store = server.repository(repository)?;
    let signature = changes::signature(&Actor::system(REVERTER), server.clock.now());
    let text = message.text(&store)?;
    let (commit, onto) = (message.commit.clone(), onto.clone());
    let work = move || store.revert(&commit, &onto, &text, &signature, &signature);
    let outcome = tokio::task::spawn_blocking(work).await.context("the revert was interrupted")?;
    match outcome.map_err(anyhow::Error::from)? {
        RevertOutcome::Reverted { commit, .. } => Ok(commit),
        RevertOutcome::NothingToRevert => {
            Err(Refusal::new("rollback-refused", &Obstacle::NothingToRevert))
        }
        RevertOutcome::Conflicts { paths } => {
            Err(Refusal::new("merge-conflict", &Obstacle::RevertConflicts(&paths)))
        }
    }
}

/// Records why a sick application stays as it is, once per change of reasons.
async fn refuse(
    server: &Arc<Server>,
    repository: &RepositoryName,
    environment: &Environment,
    reasons: Vec<RollbackRefusal>,
) -> anyhow::Result<()> {
    let known = {
        let views = server.recorder.views();
        let looped = views.control.environment(repository, &environment.name);
        looped.map(|looped| looped.refused.clone()).unwrap_or_default()
    };
    // A change that is on its way answers by itself in a moment.
    let passing =
        |reason: &RollbackRefusal| matches!(reason, RollbackRefusal::NewerChangeOnItsWay { .. });
    if known == reasons || reasons.iter().any(passing) {
        return Ok(());
    }
    let fact = ControlFact::RollbackRefused {
        repository: repository.clone(),
        environment: environment.name.clone(),
        application: environment.application.clone(),
        reasons,
    };
    record(server, REVERTER, &fact).await.map_err(into_error)
}

/// How long a person's request for a rollback is waited for: a revert takes well under a second.
const REQUEST_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// The commit that was taken back and the revert, once a requested rollback is in Git; the reasons
/// when it is refused.
pub async fn rolled_back_since(
    server: &Arc<Server>,
    repository: &RepositoryName,
    environment: &ledger::EnvironmentName,
    since: ledger::Sequence,
) -> Result<(CommitId, CommitId), Refusal> {
    let begun = server.clock.now();
    let found = || {
        let views = server.recorder.views();
        let looped = views.control.environment(repository, environment)?;
        let done = looped.rollbacks.iter().rev().find(|one| one.at >= begun);
        if let Some(done) = done {
            return Some(Ok((done.bad_commit.clone(), done.revert_commit.clone())));
        }
        let refused =
            looped.newest.is_some_and(|newest| newest > since) && !looped.refused.is_empty();
        refused.then(|| Err(looped.refused.iter().map(words::reason).collect()))
    };
    let mut folded = server.recorder.watch();
    let waited = tokio::time::timeout(REQUEST_WAIT, async {
        loop {
            if let Some(found) = found() {
                return Some(found);
            }
            folded.changed().await.ok()?;
        }
    });
    match waited.await {
        Ok(Some(Ok(commits))) => Ok(commits),
        Ok(Some(Err(reasons))) => {
            let detail = Obstacle::NotRolledBack(environment);
            Err(Refusal::new("rollback-refused", &detail).with_reasons(reasons))
        }
        Ok(None) | Err(_) => {
            let detail = Obstacle::NotRolledBackYet(environment);
            Err(Refusal::new("rollback-refused", &detail).with_next(words::Next::Status))
        }
    }
}
