//! Watches what is deployed: asks the metrics, assesses each environment, saves evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use control::configuration::Environment;
use deployments::{ApplicationState, HealthStatus, Outcome};
use ledger::{
    Actor, ApplicationName, CommitId, Draft, IncidentId, RepositoryName, Subject, Timestamp,
};
use monitoring::{
    AssessInputs, Assessment, IncidentDecision, IncidentInputs, MonitoringFact, Objective,
    ObjectiveObservation, ObjectiveState, RuleOutcome, ScrapeProblem, Severity, Suspect,
    UnknownReason, Verdict, WorkloadHealth, assess,
};
use probes::measure::{Scope, measure, requests_since};

use crate::configurations::RepositoryConfiguration;
use crate::state::Server;
use crate::tasks::Next;
use crate::watched::SCRAPE_INTERVAL_MS;

const ACTOR: &str = "assess";
/// How often the metrics are asked while something is deployed: as often as they are scraped.
const ASSESS_INTERVAL_MS: i64 = 1_000;
/// A replica that was started again once may have met a passing fault; twice is a pattern.
const RESTARTS_ALLOWED: u64 = 1;

/// One activation: every environment that has something deployed is assessed.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut watched = false;
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await?;
        let Some(configured) = configured else { continue };
        for environment in &configured.configuration.environments {
            watched |= look(&server, &repository, &configured, environment).await?;
        }
    }
    if !watched {
        return Ok(Next::OnChange);
    }
    Ok(Next::At(server.clock.now().plus_ms(ASSESS_INTERVAL_MS)))
}

/// Assesses one environment; false when nothing is deployed there.
async fn look(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    environment: &Environment,
) -> anyhow::Result<bool> {
    let application = &environment.application;
    let Some(deployed) = deployed(server, application) else { return Ok(false) };
    if deployed.last_looked_at(server, application) {
        return Ok(true);
    }
    let as_of = server.clock.now();
    let objectives = observe_objectives(server, configured, environment, &deployed, as_of).await?;
    record_objectives(server, environment, &objectives).await?;
    let inputs = inputs(server, environment, &deployed, objectives, configured, as_of).await;
    let assessment = assess(&inputs);
    record_assessment(server, repository, environment, &deployed, assessment).await?;
    Ok(true)
}

/// What is deployed of an application.
struct Deployed {
    revision: CommitId,
    generation: u64,
    at: Timestamp,
    health: WorkloadHealth,
}

impl Deployed {
    /// Metrics come once per interval; looking more often would only repeat the answer.
    fn last_looked_at(&self, server: &Server, application: &ApplicationName) -> bool {
        let now = server.clock.now();
        let mut looked =
            server.watched.assessed_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = (application.clone(), self.generation);
        let recent = looked.get(&key).is_some_and(|at| now.since_ms(*at) < ASSESS_INTERVAL_MS / 2);
        if !recent {
            looked.retain(|(known, _), _| known != application);
            looked.insert(key, now);
        }
        recent
    }
}

fn deployed(server: &Server, application: &ApplicationName) -> Option<Deployed> {
    let views = server.recorder.views();
    let state = views.deployments.applications.get(application)?;
    let running = state.running()?;
    let Outcome::Applied { at } = running.outcome else { return None };
    let since = since_complete(state, running.generation).unwrap_or(at);
    Some(Deployed {
        revision: running.revision.clone(),
        generation: running.generation,
        at: since.max(at),
        health: workload_health(state),
    })
}

/// When the last old replica was gone: since then the application is healthy on this generation.
fn since_complete(state: &ApplicationState, generation: u64) -> Option<Timestamp> {
    let health = state.health.as_ref()?;
    (health.status == HealthStatus::Healthy && health.generation == generation)
        .then_some(health.since)
}

fn workload_health(state: &ApplicationState) -> WorkloadHealth {
    let Some(health) = state.current_health() else {
        return WorkloadHealth::Unknown { reason: "not observed yet".into() };
    };
    let reason = health.message;
    match health.status {
        HealthStatus::Healthy => WorkloadHealth::Ready,
        HealthStatus::Progressing | HealthStatus::Suspended | HealthStatus::Missing => {
            WorkloadHealth::Progressing
        }
        HealthStatus::Degraded => WorkloadHealth::Degraded { reason },
        HealthStatus::Unknown => WorkloadHealth::Unknown { reason },
    }
}

async fn observe_objectives(
    server: &Arc<Server>,
    configured: &RepositoryConfiguration,
    environment: &Environment,
    deployed: &Deployed,
    as_of: Timestamp,
) -> anyhow::Result<Vec<ObjectiveObservation>> {
    let mut observations = Vec::new();
    for objective in objectives_of(server, configured, &environment.application) {
        let scope = scope(environment, deployed);
        let rules = measure(&server.metrics, objective, &scope, SCRAPE_INTERVAL_MS, as_of).await;
        let burning_since = {
            let views = server.recorder.views();
            views.monitoring.burning_since(&environment.application, &objective.name)
        };
        let name = objective.name.clone();
        observations.push(ObjectiveObservation { name, rules, burning_since });
    }
    Ok(observations)
}

/// An objective guards each application that renders a Service of its name.
pub fn objectives_of<'a>(
    server: &Server,
    configured: &'a RepositoryConfiguration,
    application: &ApplicationName,
) -> Vec<&'a Objective> {
    let Some(rendering) = server.renderings.of(application) else { return Vec::new() };
    let renders = |service: &str| {
        let mut manifests = rendering.manifests.iter();
        manifests.any(|one| one["kind"] == "Service" && one["metadata"]["name"] == service)
    };
    configured.objectives.iter().filter(|objective| renders(&objective.service)).collect()
}

/// Only samples of the revision that is judged count, so that it does not inherit a burn.
fn scope(environment: &Environment, deployed: &Deployed) -> Scope {
    Scope::of(&environment.application, &environment.name)
        .with("revision", deployed.revision.as_str())
}

async fn inputs(
    server: &Arc<Server>,
    environment: &Environment,
    deployed: &Deployed,
    objectives: Vec<ObjectiveObservation>,
    configured: &RepositoryConfiguration,
    as_of: Timestamp,
) -> AssessInputs {
    let application = &environment.application;
    let window_ms = u64::try_from(as_of.since_ms(deployed.at)).unwrap_or(0).max(1_000);
    let mut requests = None;
    for objective in objectives_of(server, configured, application) {
        let scope = scope(environment, deployed);
        let counted = requests_since(&server.metrics, objective, &scope, window_ms, as_of).await;
        if let Ok(Some(counted)) = counted {
            requests = Some(requests.unwrap_or(0).max(counted));
        }
    }
    let own = |target: &ApplicationName| target == application;
    let scrapes =
        server.scraper.statuses().into_iter().filter(|(target, _)| own(&target.application));
    let probes = server.checker.statuses().into_iter().filter(|(check, _)| own(&check.application));
    AssessInputs {
        application: application.clone(),
        revision: deployed.revision.clone(),
        deployed_at: deployed.at,
        as_of,
        window_ms: environment.verification.window.ms,
        minimum_requests: environment.verification.minimum_requests,
        requests,
        health: deployed.health.clone(),
        restarts: server.watched.restarts_since(application, deployed.at),
        restarts_allowed: RESTARTS_ALLOWED,
        probes: probes.map(|(check, status)| status.observation(&check)).collect(),
        objectives,
        scrapes_failing: scrapes
            .filter_map(|(target, status)| {
                let problem = status.problem?.message;
                Some(ScrapeProblem { target: target.url(), problem })
            })
            .collect(),
    }
}

async fn record_objectives(
    server: &Arc<Server>,
    environment: &Environment,
    observations: &[ObjectiveObservation],
) -> anyhow::Result<()> {
    let mut drafts = Vec::new();
    for observation in observations {
        let (state, burn_thousandths) = objective_state(&observation.rules);
        let known = {
            let views = server.recorder.views();
            let of_application = views.monitoring.objectives.get(&environment.application);
            of_application.and_then(|known| known.get(&observation.name)).map(|one| one.state)
        };
        if known.as_ref().is_some_and(|known| known.code() == state.code()) {
            continue;
        }
        let fact = MonitoringFact::ObjectiveChanged {
            application: environment.application.clone(),
            environment: environment.name.clone(),
            objective: observation.name.clone(),
            state,
            burn_thousandths,
        };
        let subject = Subject::objective(&environment.application, &observation.name);
        drafts.push(Draft::new(server.clock.now(), Actor::system(ACTOR), subject, &fact));
    }
    if !drafts.is_empty() {
        server.recorder.append(drafts).await?;
    }
    Ok(())
}

/// The worst of the rules; one that cannot be said makes the whole unknown, never met.
fn objective_state(
    rules: &[(monitoring::BurnRateRule, RuleOutcome)],
) -> (ObjectiveState, Option<u64>) {
    let mut worst: Option<(Severity, u64)> = None;
    let mut unknown = rules.is_empty().then_some(UnknownReason::NoRules);
    for (rule, outcome) in rules {
        match outcome {
            RuleOutcome::Firing { burn } => {
                if worst.is_none_or(|(severity, _)| rule.severity < severity) {
                    worst = Some((rule.severity, (burn * 1000.0).max(0.0) as u64));
                }
            }
            RuleOutcome::Quiet { .. } => {}
            RuleOutcome::Unknown { reason } => unknown = unknown.or(Some(*reason)),
        }
    }
    match (worst, unknown) {
        (Some((severity, burn)), _) => (ObjectiveState::Burning { severity }, Some(burn)),
        (None, Some(reason)) => (ObjectiveState::Unknown { reason }, None),
        (None, None) => (ObjectiveState::Met, None),
    }
}

/// Records a new verdict with all that belongs to it, in one append: the evidence is saved before
/// anything can react to the verdict.
async fn record_assessment(
    server: &Arc<Server>,
    repository: &RepositoryName,
    environment: &Environment,
    deployed: &Deployed,
    assessment: Assessment,
) -> anyhow::Result<()> {
    let application = &environment.application;
    let now = server.clock.now();
    let mut drafts = Vec::new();
    let known = {
        let views = server.recorder.views();
        let newest = views.monitoring.assessment(application);
        newest
            .filter(|one| {
                one.revision == deployed.revision && one.generation == deployed.generation
            })
            .map(|one| (one.verdict, one.cases.clone()))
    };
    let changed =
        known.as_ref().is_none_or(|(verdict, cases)| assessment.differs_from(*verdict, cases));
    if changed {
        let fact = MonitoringFact::Assessed {
            application: application.clone(),
            environment: environment.name.clone(),
            revision: deployed.revision.clone(),
            generation: deployed.generation,
            verdict: assessment.verdict,
            cases: assessment.cases.clone(),
        };
        drafts.push(Draft::new(
            now,
            Actor::system(ACTOR),
            Subject::application(application),
            &fact,
        ));
        if assessment.verdict == Verdict::Sick {
            drafts.push(crate::evidence::save(server, environment, &deployed.revision, now).await?);
        }
    }
    let suspect = suspect(server, repository, environment, &deployed.revision);
    let decision = {
        let views = server.recorder.views();
        monitoring::incident::decide(&IncidentInputs {
            application: application.clone(),
            environment: environment.name.clone(),
            revision: Some(deployed.revision.clone()),
            assessment: Some(assessment),
            suspect,
            view: &views.monitoring,
        })
    };
    let incident = match decision {
        IncidentDecision::Nothing(_) => None,
        IncidentDecision::Open(fact)
        | IncidentDecision::Update(fact)
        | IncidentDecision::Resolve(fact) => Some(fact),
    };
    if let Some(fact) = incident {
        let subject = Subject::incident(incident_of(&fact));
        drafts.push(Draft::new(now, Actor::system(ACTOR), subject, &fact));
    }
    if !drafts.is_empty() {
        server.recorder.append(drafts).await?;
    }
    Ok(())
}

fn incident_of(fact: &MonitoringFact) -> IncidentId {
    match fact {
        MonitoringFact::IncidentOpened { incident, .. }
        | MonitoringFact::IncidentUpdated { incident, .. }
        | MonitoringFact::IncidentResolved { incident, .. } => *incident,
        MonitoringFact::Assessed { .. }
        | MonitoringFact::ObjectiveChanged { .. }
        | MonitoringFact::EvidenceSaved { .. }
        | MonitoringFact::NotificationDelivered { .. }
        | MonitoringFact::NotificationFailed { .. } => IncidentId::default(),
    }
}

/// The change that most likely explains a sickness: what brought the deployed revision.
fn suspect(
    server: &Server,
    repository: &RepositoryName,
    environment: &Environment,
    revision: &CommitId,
) -> Option<Suspect> {
    let views = server.recorder.views();
    let looped = views.control.environment(repository, &environment.name);
    let promotion =
        looped.and_then(|one| one.promotions.iter().rev().find(|p| p.commit == *revision));
    let digest = promotion.map(|promotion| promotion.digest.clone());
    let published = digest.as_ref().and_then(|digest| views.published(digest));
    let source = published.map_or(revision, |published| &published.commit);
    let known = views.repositories.repository(repository)?;
    let brought = known.pull_requests.values().find(|pull_request| {
        use repositories::view::PullRequestState;
        match &pull_request.state {
            PullRequestState::Merged { merge_commit, .. } => merge_commit == source,
            PullRequestState::Open | PullRequestState::Closed { .. } => false,
        }
    });
    let healthy_before: BTreeMap<_, _> = views
        .monitoring
        .assessments
        .get(&environment.application)
        .into_iter()
        .flatten()
        .filter(|one| one.conclusion() == Some(Verdict::Healthy) && one.revision != *revision)
        .map(|one| (one.sequence, one.revision.clone()))
        .collect();
    Some(Suspect {
        repository: repository.clone(),
        commit: revision.clone(),
        author: brought.map(|pull_request| pull_request.author.to_string()),
        pull_request: brought.map(|pull_request| pull_request.number),
        digest,
        previous: healthy_before.into_values().next_back(),
    })
}
