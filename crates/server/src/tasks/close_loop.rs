//! Closes the loop: promotes what is verified, as commits, and has what is sick taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use control::ControlFact;
use control::configuration::Environment;
use control::promote::{
    CloseReason, EnvironmentState, PromoteInputs, Promotion, Proposal, Published, Step, Written,
};
use deployments::Outcome;
use git_store::Edit;
use kustomize::edit::ImageEdit;
use ledger::{Actor, CommitId, Draft, PullRequestNumber, RepositoryName, Timestamp};
use monitoring::Verdict;
use repositories::facts::RefMoveCause;
use repositories::view::PullRequestState;

use crate::changes::{self, BranchEdit};
use crate::configurations::RepositoryConfiguration;
use crate::http::problem::Refusal;
use crate::pull_requests::{self, MergeChoice, Opening};
use crate::state::Server;
use crate::tasks::Next;
use crate::tasks::roll_back::roll_back;
use crate::views::Views;
use crate::words::Obstacle;

const PROMOTER: &str = "promote";

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

/// Everything that a decision on promotions looks at.
pub async fn promote_inputs(
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
    for artifact in &configured.configuration.artifacts {
        let place = (environment.name.clone(), artifact.name.clone());
        let Some(digest) = configured.written.get(&place) else { continue };
        let is_chosen = looped.is_none_or(|looped| looped.is_chosen(&artifact.name, digest));
        let by_person = is_chosen.then(|| Actor::person("somebody"));
        written.insert(artifact.name.clone(), Written { digest: digest.clone(), by_person });
    }
    // What was deployed says which digests were verified. The commit does not: one that changes
    // something else may overtake a promotion, and then brings the same digest.
    let assessments = views.monitoring.assessments.get(&environment.application);
    let healthy: BTreeSet<u64> = assessments
        .into_iter()
        .flatten()
        .filter(|one| one.conclusion() == Some(Verdict::Healthy))
        .map(|one| one.generation)
        .collect();
    let mut verified = BTreeSet::new();
    let mut deployed_at = BTreeMap::new();
    for one in state.into_iter().flat_map(|state| &state.deployments) {
        let Outcome::Applied { at } = one.outcome else { continue };
        for digest in one.digests() {
            deployed_at.entry(digest.clone()).or_insert(at);
            if healthy.contains(&one.generation) {
                verified.insert(digest);
            }
        }
    }
    let mut running = BTreeMap::new();
    if let Some(current) = state.and_then(|state| state.running()) {
        let verdict = views.monitoring.assessment(&environment.application);
        let verdict =
            verdict.filter(|one| one.generation == current.generation).map(|one| one.verdict);
        running.extend(current.digests().map(|digest| (digest, verdict)));
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
    let fact = |number| ControlFact::PromotionProposed {
        repository: repository.clone(),
        environment: step.environment.clone(),
        artifact: step.artifact.clone(),
        digest: step.digest.clone(),
        pull_request: number,
    };
    let opening = opening(server, repository, step, overlay, expecting).await?;
    let now = server.clock.now();
    let actor = Actor::system(PROMOTER);
    let along = |number| vec![fact(number).draft(now, actor.clone())];
    pull_requests::open_edit(server, repository, &actor, opening, along).await?;
    Ok(())
}

/// Opens a person's own pull request that writes a digest: it is reviewed like any other change.
pub async fn propose_by_hand(
    server: &Arc<Server>,
    repository: &RepositoryName,
    step: &Step,
    actor: &Actor,
) -> Result<PullRequestNumber, Refusal> {
    let Promotion::PullRequest { overlay, expecting, .. } = &step.promotion else {
        return Err(Refusal::from(anyhow::anyhow!("only a pull request is proposed by hand")));
    };
    let opening = opening(server, repository, step, overlay, expecting).await?;
    pull_requests::open_edit(server, repository, actor, opening, |_| Vec::new()).await
}

async fn opening(
    server: &Arc<Server>,
    repository: &RepositoryName,
    step: &Step,
    overlay: &str,
    expecting: &CommitId,
) -> Result<Opening, Refusal> {
    Ok(Opening {
        target: default_branch(server, repository)?,
        expecting: expecting.clone(),
        edits: overlay_edit(server, repository, step, overlay, expecting).await?,
        message: promotion_message(step),
        title: format!("Promote {} to {}", step.artifact, step.environment),
        description: step.digest.to_string(),
    })
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
    let edited = edited
        .map_err(|error| Refusal::new("invalid-configuration", &Obstacle::Overlay(&error)))?;
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
    pull_request: Option<PullRequestNumber>,
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

/// The branch that Boucle itself writes to.
pub fn default_branch(
    server: &Server,
    repository: &RepositoryName,
) -> anyhow::Result<ledger::RefName> {
    let views = server.recorder.views();
    let known = views.repositories.repository(repository);
    Ok(known
        .with_context(|| format!("there is no repository {repository}"))?
        .default_branch
        .clone())
}

/// Records a fact of the loop.
pub async fn record(server: &Arc<Server>, part: &str, fact: &ControlFact) -> Result<(), Refusal> {
    server.append(vec![fact.draft(server.clock.now(), Actor::system(part))]).await?;
    Ok(())
}

/// A refusal of something that Boucle itself asked for is an error.
pub fn into_error(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!("{}", refusal.problem())
}
