//! Closes the loop: promotes what is verified and takes back what is sick, both as commits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use control::ControlFact;
use control::configuration::Environment;
use control::promote::{
    CloseReason, EnvironmentState, PromoteInputs, Promotion, Proposal, Published, Step, Written,
};
use control::reasons::RollbackRefusal;
use control::rollback::{ChangeCause, RenderingChange, RollbackDecision, RollbackInputs};
use deployments::Outcome;
use git_store::{Edit, RevertOutcome};
use kustomize::edit::ImageEdit;
use ledger::{Actor, ArtifactDigest, CommitId, Draft, RepositoryName, Subject, Timestamp};
use monitoring::{IncidentAction, MonitoringFact, Verdict};
use repositories::facts::RefMoveCause;
use repositories::view::PullRequestState;

use crate::changes::{self, BranchEdit, Move};
use crate::configurations::RepositoryConfiguration;
use crate::http::problem::Refusal;
use crate::pull_requests::{self, MergeChoice, Opening};
use crate::renderings::object_at;
use crate::state::Server;
use crate::tasks::Next;
use crate::views::Views;

const PROMOTER: &str = "promote";
const REVERTER: &str = "rollback";

/// One activation: every repository's promotions, then its rollbacks.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut next = Next::OnChange;
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await?;
        let Some(configured) = configured else { continue };
        for environment in &configured.configuration.environments {
            let until = roll_back(&server, &repository, &configured, environment).await;
            let until = until.with_context(|| format!("the rollback of {}", environment.name))?;
            next = next.earlier(until.map_or(Next::OnChange, Next::At));
        }
        let promoted = promote(&server, &repository, &configured).await;
        next = next.earlier(promoted.with_context(|| format!("the promotions of {repository}"))?);
    }
    Ok(next)
}

async fn promote(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
) -> anyhow::Result<Next> {
    if configured.configuration.artifacts.is_empty() {
        return Ok(Next::OnChange);
    }
    let inputs = promote_inputs(server, repository, configured).await?;
    let mut next = Next::OnChange;
    for step in control::promote::decide(&inputs) {
        match carry_out(server, repository, &step).await {
            Ok(Some(at)) => next = next.earlier(Next::At(at)),
            Ok(None) => {}
            // Somebody was faster: the fact that they made wakes this task again.
            Err(refusal) if refusal.problem().code == "moved-on" => {}
            Err(refusal) => return Err(anyhow::anyhow!("{}", refusal.problem())),
        }
    }
    Ok(next)
}

async fn promote_inputs(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
) -> anyhow::Result<PromoteInputs> {
    let open: Vec<_> = {
        let views = server.recorder.views();
        let looped = views.control.repositories.get(repository);
        let environments = looped.into_iter().flat_map(|looped| looped.environments.iter());
        let proposals = environments.flat_map(|(environment, one)| {
            one.proposals.iter().map(move |(number, (artifact, digest))| {
                (environment.clone(), *number, artifact.clone(), digest.clone())
            })
        });
        proposals
            .filter(|(_, number, _, _)| {
                let known = views.repositories.pull_request(repository, *number);
                known.is_some_and(|known| known.state == PullRequestState::Open)
            })
            .collect()
    };
    let mut proposals: BTreeMap<_, Vec<Proposal>> = BTreeMap::new();
    for (environment, number, artifact, digest) in open {
        let waits_for = pull_requests::waits_for(server, repository, number).await?;
        proposals.entry(environment).or_default().push(Proposal {
            number,
            artifact,
            digest,
            waits_for,
        });
    }
    let views = server.recorder.views();
    let environments = configured.configuration.environments.iter().map(|environment| {
        let open = proposals.remove(&environment.name).unwrap_or_default();
        (
            environment.name.clone(),
            environment_state(&views, repository, configured, environment, open),
        )
    });
    let environments = environments.collect();
    let looped = views.control.repositories.get(repository);
    let quarantined = looped.map(|looped| {
        looped.quarantined.iter().map(|(digest, one)| (digest.clone(), one.incident)).collect()
    });
    Ok(PromoteInputs {
        configuration: configured.configuration.clone(),
        tip: configured.commit.clone(),
        published: published(&views, repository),
        environments,
        quarantined: quarantined.unwrap_or_default(),
        as_of: server.clock.now(),
    })
}

/// What trusted runs of the repository published, oldest first. A run publishes only after the jobs
/// that its publishing job needs, so its conclusion is the gate.
fn published(views: &Views, repository: &RepositoryName) -> Vec<Published> {
    let mut published: Vec<_> = views
        .pipelines
        .published
        .iter()
        .filter_map(|(digest, all)| Some((digest, all.last()?)))
        .filter(|(_, one)| one.repository == *repository)
        .map(|(digest, one)| {
            let run = views.pipelines.runs.get(&one.run);
            let succeeded = run
                .is_some_and(|run| run.conclusion() == Some(pipelines::facts::Conclusion::Success));
            let (artifact, digest) = (one.name.clone(), digest.clone());
            (one.sequence, Published { artifact, digest, gate_passed: succeeded, at: one.at })
        })
        .collect();
    published.sort_by_key(|(sequence, _)| *sequence);
    published.into_iter().map(|(_, one)| one).collect()
}

fn environment_state(
    views: &Views,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    environment: &Environment,
    proposals: Vec<Proposal>,
) -> EnvironmentState {
    let looped = views.control.environment(repository, &environment.name);
    let state = views.deployments.applications.get(&environment.application);
    let mut written = BTreeMap::new();
    let mut at_tip = BTreeSet::new();
    for artifact in &configured.configuration.artifacts {
        let place = (environment.name.clone(), artifact.name.clone());
        let Some(digest) = configured.written.get(&place) else { continue };
        at_tip.insert(digest.clone());
        // A digest that no promotion or rollback brought was written by a person.
        let ours = looped.is_some_and(|looped| {
            looped.promotions.iter().any(|one| one.digest == *digest)
                || !looped.rollbacks.is_empty()
        });
        let by_person = (!ours).then(|| Actor::person("somebody"));
        let resumed = looped.is_some_and(|looped| looped.resumed_at.is_some());
        let by_person = by_person.filter(|_| !resumed);
        written.insert(artifact.name.clone(), Written { digest: digest.clone(), by_person });
    }
    let promoted = |revision: &CommitId| {
        let promotions = looped.map(|looped| looped.promotions.as_slice()).unwrap_or_default();
        promotions.iter().rev().find(|one| one.commit == *revision).map(|one| one.digest.clone())
    };
    let assessments = views.monitoring.assessments.get(&environment.application);
    let mut verified = BTreeSet::new();
    for one in assessments.into_iter().flatten() {
        if one.verdict == Verdict::Healthy
            && let Some(digest) = promoted(&one.revision)
        {
            verified.insert(digest);
        }
    }
    let mut running = BTreeMap::new();
    let mut deployed_at = BTreeMap::new();
    for one in state.into_iter().flat_map(|state| &state.deployments) {
        if let (Outcome::Applied { at }, Some(digest)) = (&one.outcome, promoted(&one.revision)) {
            deployed_at.entry(digest).or_insert(*at);
        }
    }
    if let Some(current) = state.and_then(|state| state.running()) {
        let verdict = views.monitoring.assessment(&environment.application);
        let verdict =
            verdict.filter(|one| one.generation == current.generation).map(|one| one.verdict);
        running.extend(
            at_tip
                .into_iter()
                .filter(|digest| {
                    promoted(&current.revision).as_ref() == Some(digest)
                        || promoted(&current.revision).is_none()
                })
                .map(|digest| (digest, verdict)),
        );
    }
    EnvironmentState {
        written,
        running,
        verified,
        deployed_at,
        proposals,
        approved: looped.map(|one| one.approved.keys().cloned().collect()).unwrap_or_default(),
        hold: looped.and_then(|one| one.hold.as_ref().map(|(reason, _)| reason.clone())),
    }
}

/// Does one step; gives the time at which to look again.
async fn carry_out(
    server: &Arc<Server>,
    repository: &RepositoryName,
    step: &Step,
) -> Result<Option<Timestamp>, Refusal> {
    match &step.promotion {
        Promotion::UpToDate => Ok(None),
        Promotion::Commit { overlay, expecting, .. } => {
            write_digest(server, repository, step, overlay, expecting).await.map(|()| None)
        }
        Promotion::PullRequest { overlay, expecting, .. } => {
            propose(server, repository, step, overlay, expecting).await.map(|()| None)
        }
        Promotion::Merge { number } => {
            let actor = Actor::system(PROMOTER);
            let along =
                |commit: &CommitId| vec![promoted(server, repository, step, commit, Some(*number))];
            let choice = MergeChoice::default();
            pull_requests::merge(server, repository, *number, choice, &actor, along).await?;
            Ok(None)
        }
        Promotion::Close { number, why } => {
            let reason = match why {
                CloseReason::Superseded { by } => format!("superseded by {by}"),
                CloseReason::Quarantined { .. } => "quarantined".into(),
            };
            let actor = Actor::system(PROMOTER);
            pull_requests::close(server, repository, *number, &actor, &reason).await?;
            Ok(None)
        }
        Promotion::Waiting { reasons, deadline } => {
            let known = {
                let views = server.recorder.views();
                let looped = views.control.environment(repository, &step.environment);
                looped.and_then(|looped| looped.waiting.get(&step.artifact).cloned())
            };
            let same =
                known.is_some_and(|known| known.digest == step.digest && known.reasons == *reasons);
            if !same {
                let fact = ControlFact::PromotionWaiting {
                    repository: repository.clone(),
                    environment: step.environment.clone(),
                    artifact: step.artifact.clone(),
                    digest: step.digest.clone(),
                    reasons: reasons.clone(),
                    deadline: *deadline,
                };
                record(server, PROMOTER, &fact).await?;
            }
            Ok(deadline.filter(|at| *at > server.clock.now()))
        }
        Promotion::Held { reason, new } => {
            if *new {
                let fact = ControlFact::PromotionHeld {
                    repository: repository.clone(),
                    environment: step.environment.clone(),
                    artifact: step.artifact.clone(),
                    digest: step.digest.clone(),
                    reason: reason.clone(),
                };
                record(server, PROMOTER, &fact).await?;
            }
            Ok(None)
        }
    }
}

/// Writes a digest into an overlay by a commit on the default branch.
async fn write_digest(
    server: &Arc<Server>,
    repository: &RepositoryName,
    step: &Step,
    overlay: &str,
    expecting: &CommitId,
) -> Result<(), Refusal> {
    let lock = server.repository_locks.of(repository);
    let _held = lock.lock().await;
    let branch = default_branch(server, repository)?;
    let edit = BranchEdit {
        branch,
        expecting: expecting.clone(),
        edits: overlay_edit(server, repository, step, overlay, expecting).await?,
        message: promotion_message(step),
        by: RefMoveCause::Promotion,
    };
    let along = |commit: &CommitId| vec![promoted(server, repository, step, commit, None)];
    changes::edit_branch(server, repository, &Actor::system(PROMOTER), edit, along).await?;
    Ok(())
}

/// Opens the pull request that writes a digest.
async fn propose(
    server: &Arc<Server>,
    repository: &RepositoryName,
    step: &Step,
    overlay: &str,
    expecting: &CommitId,
) -> Result<(), Refusal> {
    let edits = overlay_edit(server, repository, step, overlay, expecting).await?;
    let fact = |number| ControlFact::PromotionProposed {
        repository: repository.clone(),
        environment: step.environment.clone(),
        artifact: step.artifact.clone(),
        digest: step.digest.clone(),
        pull_request: number,
    };
    let opening = Opening {
        target: default_branch(server, repository)?,
        expecting: expecting.clone(),
        edits,
        message: promotion_message(step),
        title: format!("Promote {} to {}", step.artifact, step.environment),
        description: format!("{}\n\nVerified in the environment before.", step.digest),
    };
    let now = server.clock.now();
    let actor = Actor::system(PROMOTER);
    let along = |number| vec![fact(number).draft(now, actor.clone())];
    pull_requests::open_edit(server, repository, &actor, opening, along).await?;
    Ok(())
}

async fn overlay_edit(
    server: &Arc<Server>,
    repository: &RepositoryName,
    step: &Step,
    overlay: &str,
    at: &CommitId,
) -> Result<BTreeMap<String, Edit>, Refusal> {
    let path = format!("{overlay}/kustomization.yaml");
    let store = server.repository(repository)?;
    let text = crate::configurations::text(&store, at, &path)?;
    let text = text.with_context(|| format!("{path} is not there"))?;
    let image =
        ImageEdit { name: step.artifact.clone(), new_name: None, digest: step.digest.to_string() };
    let edited = kustomize::edit::set_image(&path, &text, &image);
    let edited =
        edited.map_err(|error| Refusal::new("invalid-configuration", error.to_string()))?;
    Ok(BTreeMap::from([(path, Edit::Write(edited.into_bytes()))]))
}

fn promotion_message(step: &Step) -> String {
    format!(
        "Promote {} to {}\n\nArtifact-Digest: {}\nEnvironment: {}\n",
        step.artifact, step.environment, step.digest, step.environment
    )
}

fn promoted(
    server: &Server,
    repository: &RepositoryName,
    step: &Step,
    commit: &CommitId,
    pull_request: Option<ledger::PullRequestNumber>,
) -> Draft {
    let fact = ControlFact::Promoted {
        repository: repository.clone(),
        environment: step.environment.clone(),
        artifact: step.artifact.clone(),
        digest: step.digest.clone(),
        commit: commit.clone(),
        pull_request,
    };
    let cause = {
        let views = server.recorder.views();
        views.published(&step.digest).map(|published| published.sequence)
    };
    fact.draft(server.clock.now(), Actor::system(PROMOTER)).caused_by(cause)
}

/// Decides about a rollback and does it; gives the time at which a window ends.
async fn roll_back(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
    environment: &Environment,
) -> anyhow::Result<Option<Timestamp>> {
    let Some(inputs) = rollback_inputs(server, repository, configured, environment).await? else {
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

async fn rollback_inputs(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
    environment: &Environment,
) -> anyhow::Result<Option<RollbackInputs>> {
    let application = &environment.application;
    let (mut inputs, deployments) = {
        let views = server.recorder.views();
        let Some(state) = views.deployments.applications.get(application) else { return Ok(None) };
        let Some(running) = state.running() else { return Ok(None) };
        let looped = views.control.environment(repository, &environment.name);
        let Outcome::Applied { at: deployed_at } = running.outcome else { return Ok(None) };
        let requested = looped.is_some_and(|one| one.rollback_requested);
        let approved = looped.and_then(|one| one.rollback_approved.clone());
        let Some(assessment) = views.monitoring.assessment(application) else { return Ok(None) };
        let sick = assessment.verdict == Verdict::Sick;
        // A verdict on what ran before says nothing about what runs now.
        let assessed = assessment.generation == running.generation;
        if !((sick && assessed) || requested || approved.is_some()) {
            return Ok(None);
        }
        // Nothing is removed before its evidence is kept.
        if sick && assessment.evidence.is_empty() {
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
        match one.verdict {
            Verdict::Healthy => drop(healthy.insert(rendering)),
            Verdict::Sick => drop(healthy.remove(&rendering)),
            Verdict::Inconclusive => {}
        }
    }
    healthy
}

/// How many commits between two deployments are looked at, one by one.
const COMMITS_MAX: usize = 200;

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
    let (tip, opened) = (tip.clone(), rendering.opened.keys().cloned().collect::<Vec<_>>());
    let commits = tokio::task::spawn_blocking(move || changing_commits(&store, &tip, &opened))
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
    Ok(changes.collect())
}

/// First-parent commits that changed any of the paths, newest first.
fn changing_commits(
    store: &git_store::Repository,
    tip: &CommitId,
    paths: &[String],
) -> anyhow::Result<Vec<CommitId>> {
    let objects = |commit: &CommitId| -> anyhow::Result<Vec<_>> {
        let reader = store.reader(&store.tree_of(commit)?);
        paths.iter().map(|path| object_at(&reader, path)).collect()
    };
    let mut changing = Vec::new();
    let mut commit = tip.clone();
    let mut here = objects(&commit)?;
    for _ in 0..COMMITS_MAX {
        let parent = store.commit(&commit)?.parents.into_iter().next();
        let Some(parent) = parent else {
            changing.push(commit);
            break;
        };
        let before = objects(&parent)?;
        if before != here {
            changing.push(commit);
        }
        (commit, here) = (parent, before);
    }
    Ok(changing)
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
    let store = server.repository(repository)?;
    let actor = Actor::system(REVERTER);
    let signature = changes::signature(&actor, server.clock.now());
    let message = revert_message(&store, environment, &commit, digest.as_ref(), incident)?;
    let (reverted, onto) = (commit.clone(), expecting.clone());
    let work = move || store.revert(&reverted, &onto, &message, &signature, &signature);
    let outcome = tokio::task::spawn_blocking(work).await.context("the revert was interrupted")?;
    let revert_commit = match outcome.map_err(anyhow::Error::from)? {
        RevertOutcome::Reverted { commit, .. } => commit,
        RevertOutcome::NothingToRevert => {
            return Err(Refusal::new("rollback-refused", "nothing of the change is left"));
        }
        RevertOutcome::Conflicts { paths } => {
            let detail = format!("later changes build on it in {}", paths.join(", "));
            return Err(Refusal::new("merge-conflict", detail));
        }
    };
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

fn revert_message(
    store: &git_store::Repository,
    environment: &Environment,
    commit: &CommitId,
    digest: Option<&ArtifactDigest>,
    incident: Option<ledger::IncidentId>,
) -> anyhow::Result<String> {
    let title = store.commit(commit)?.title;
    let mut message = format!(
        "Revert \"{title}\"\n\n{} was sick with it.\n\nReverts: {commit}\n",
        environment.name
    );
    if let Some(digest) = digest {
        message.push_str(&format!("Quarantined: {digest}\n"));
    }
    if let Some(incident) = incident {
        message.push_str(&format!("Incident: {incident}\n"));
    }
    Ok(message)
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

fn default_branch(server: &Server, repository: &RepositoryName) -> anyhow::Result<ledger::RefName> {
    let views = server.recorder.views();
    let known = views.repositories.repository(repository);
    Ok(known
        .with_context(|| format!("there is no repository {repository}"))?
        .default_branch
        .clone())
}

async fn record(server: &Arc<Server>, part: &str, fact: &ControlFact) -> Result<(), Refusal> {
    server.append(vec![fact.draft(server.clock.now(), Actor::system(part))]).await?;
    Ok(())
}

fn into_error(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!("{}", refusal.problem())
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
        refused.then(|| {
            let reasons = looped.refused.iter();
            Err(reasons.map(|one| api::problem::Reason::new(one.code(), one.to_string())).collect())
        })
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
            let detail = format!("{environment} is not rolled back");
            Err(Refusal::new("rollback-refused", detail).with_reasons(reasons))
        }
        Ok(None) | Err(_) => {
            let detail = format!("{environment} was not rolled back yet; the request stands");
            Err(Refusal::new("rollback-refused", detail).with_next("boucle status"))
        }
    }
}
