//! Applications and their deployments, folded from facts.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    Actor, ActorKind, ApplicationName, ArtifactDigest, CommitId, EnvironmentName, Fact,
    RepositoryName, Sequence, SubjectKind, Timestamp, View, decode,
};
use serde::{Deserialize, Serialize};

use crate::application::{Application, Destination};
use crate::chart::ChartProblem;
use crate::drift::Drift;
use crate::facts::DeploymentFact;
use crate::health::{Health, HealthStatus};
use crate::hold::Hold;
use crate::objects::ObjectKey;
use crate::planner::{PlanSummary, PreviousPlan, SyncRequest};
use crate::reasons::BlockReason;
use crate::source::Source;

/// Every application that was ever declared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeploymentsView {
    /// By name.
    pub applications: BTreeMap<ApplicationName, ApplicationState>,
    /// The digest that each chart had when it was rendered first, by what it is called.
    #[serde(default)]
    pub charts: BTreeMap<String, String>,
    /// Which application each newest fact is on, of those since the view was loaded.
    #[serde(skip)]
    changed: Changed,
}

/// An index, and no part of what the view says.
#[derive(Debug, Clone, Default)]
struct Changed(BTreeMap<Sequence, ApplicationName>);

impl PartialEq for Changed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What is known about one application.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ApplicationState {
    /// What Git declares; `None` after its removal.
    pub declaration: Option<Declaration>,
    /// It was removed, and its objects have to go.
    pub removal: Option<Removal>,
    /// The newest rendering.
    pub rendering: Option<Rendering>,
    /// Why the newest commit could not be rendered; `None` when it was.
    pub render_problem: Option<(CommitId, String)>,
    /// The same when it is about a chart that is in no Git repository.
    #[serde(default)]
    pub chart_problem: Option<ChartProblem>,
    /// Every plan that was made, oldest first.
    pub deployments: Vec<Deployment>,
    /// The newest health.
    pub health: Option<HealthState>,
    /// Differences that are not repaired yet.
    pub drift: Vec<Drift>,
    /// When drifts were repaired, oldest first; the last 20.
    pub repairs: Vec<Timestamp>,
    /// Why nothing is written now; empty when nothing stands in the way.
    pub blocked: Vec<BlockReason>,
    /// Since when, and for which commit.
    pub blocked_since: Option<(Timestamp, CommitId)>,
    /// A synchronisation that a person asked for and that is not planned yet.
    pub requested: Option<SyncRequest>,
    /// The newest synchronisation that somebody asked for.
    #[serde(default)]
    pub asked: Option<Asked>,
    /// What holds the automation now.
    #[serde(default)]
    pub holds: Vec<Hold>,
    /// Deletions that a person confirmed, and until when.
    pub confirmed: BTreeMap<ObjectKeyText, (ObjectKey, Timestamp)>,
    /// The newest fact on the application.
    pub newest: Option<Sequence>,
}

/// An [`ObjectKey`] as it is displayed, so that it can be a key of a JSON object.
pub type ObjectKeyText = String;

/// What Git declares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// The repository whose file declares it.
    pub repository: RepositoryName,
    /// The environment that it is.
    pub environment: Option<EnvironmentName>,
    /// The `ApplicationSet` that generates it.
    #[serde(default)]
    pub set: Option<String>,
    /// The whole application as the set generated it, when the set may leave it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Box<Application>>,
    /// Its step, when the set goes by steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Where its manifests come from.
    pub source: Source,
    /// The others of several sources.
    #[serde(default)]
    pub further_sources: Vec<Source>,
    /// Where they go.
    pub destination: Destination,
    /// The commit of the file.
    pub commit: CommitId,
    /// Whether its finalizer asks that its objects go with it.
    #[serde(default)]
    pub deletes_objects: bool,
}

/// An application whose objects have to go because its file went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// What Git declared.
    pub declaration: Declaration,
    /// The whole of it.
    pub application: Box<Application>,
    /// The commit that removed the file.
    pub commit: CommitId,
    /// Since when.
    pub since: Timestamp,
    /// The newest generation before it: plans after it are those of the removal.
    pub generation: u64,
    /// How many applications of the repository the commit removed with their objects.
    pub together: usize,
    /// How many the repository had declared before.
    pub of: usize,
}

/// A synchronisation that somebody asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What they said of it.
    pub note: String,
    /// Whether it may delete.
    pub prune: bool,
    /// What came of it; `None`: nothing yet.
    pub answer: Option<Answer>,
}

/// What came of a synchronisation that somebody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// A plan.
    Planned {
        /// Its generation.
        generation: u64,
    },
    /// Everything was as Git says.
    NothingToDo {
        /// When that was seen.
        at: Timestamp,
    },
}

impl Asked {
    /// Who asked, in words: what a part of Boucle passed on, it says by its note.
    #[must_use]
    pub fn by(&self) -> &str {
        match self.actor.kind {
            ActorKind::Person | ActorKind::Machine | ActorKind::Anonymous => &self.actor.name,
            ActorKind::System => &self.note,
        }
    }
}

/// A rendered commit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rendering {
    /// The source commit.
    pub commit: CommitId,
    /// The manifests as a commit.
    pub rendered_commit: CommitId,
    /// SHA-256 of the rendering.
    pub digest: String,
    /// The commits of other repositories that it was rendered from.
    #[serde(default)]
    pub others: BTreeMap<RepositoryName, CommitId>,
    /// When.
    pub at: Timestamp,
}

/// One plan and how it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The plan's generation.
    pub generation: u64,
    /// The source commit.
    pub revision: CommitId,
    /// What was applied.
    pub rendered_commit: CommitId,
    /// When it was planned.
    pub at: Timestamp,
    /// Who planned it.
    pub actor: Actor,
    /// The steps, counted.
    pub summary: PlanSummary,
    /// The images of its containers.
    pub images: Vec<String>,
    /// How it went.
    pub outcome: Outcome,
    /// The fact.
    pub fact: Sequence,
}

impl Deployment {
    /// The content of each image that is named by its digest.
    pub fn digests(&self) -> impl Iterator<Item = ArtifactDigest> {
        let digests = self.images.iter().filter_map(|image| image.split_once('@'));
        digests.filter_map(|(_, digest)| ArtifactDigest::new(digest).ok())
    }
}

/// How a plan went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    /// Not known yet.
    Applying,
    /// Carried out.
    Applied {
        /// When.
        at: Timestamp,
    },
    /// Failed.
    Failed {
        /// When.
        at: Timestamp,
        /// What was wrong.
        problem: String,
    },
}

/// Health and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthState {
    /// Argo CD's status.
    pub status: HealthStatus,
    /// Why.
    pub message: String,
    /// Since when this status.
    pub since: Timestamp,
    /// Of which generation.
    pub generation: u64,
}

/// What a fact declares; `None` for one that declares nothing any more.
fn declaration(body: DeploymentFact) -> Option<Declaration> {
    let DeploymentFact::ApplicationDeclared {
        repository,
        environment,
        set,
        kept,
        step,
        source,
        further_sources,
        destination,
        commit,
        deletes_objects,
        ..
    } = body
    else {
        return None;
    };
    Some(Declaration {
        repository,
        environment,
        set,
        kept,
        step,
        source,
        further_sources,
        destination,
        commit,
        deletes_objects,
    })
}

impl ApplicationState {
    /// What Git declares, or declared of an application whose objects have not gone yet.
    #[must_use]
    pub fn declared(&self) -> Option<&Declaration> {
        let removed = self.removal.as_ref().map(|removal| &removal.declaration);
        self.declaration.as_ref().or(removed)
    }

    /// The newest plan.
    #[must_use]
    pub fn current(&self) -> Option<&Deployment> {
        self.deployments.last()
    }

    /// The newest plan that was carried out.
    #[must_use]
    pub fn running(&self) -> Option<&Deployment> {
        self.deployments.iter().rev().find(|d| matches!(d.outcome, Outcome::Applied { .. }))
    }

    /// The newest generation; 0 before the first plan.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.current().map_or(0, |deployment| deployment.generation)
    }

    /// The health of what was planned last. What is known of an older generation says nothing of
    /// it: until it is looked at, it is on its way. `None` before the first look.
    #[must_use]
    pub fn current_health(&self) -> Option<Health> {
        let known = self.health.as_ref()?;
        let current = self.current();
        let unseen = current.is_some_and(|current| {
            current.generation > known.generation
                && !matches!(current.outcome, Outcome::Failed { .. })
        });
        Some(if unseen {
            let message = format!("generation {} is on its way", self.generation());
            Health { status: HealthStatus::Progressing, message }
        } else {
            Health { status: known.status, message: known.message.clone() }
        })
    }

    /// What the planner asks about the plan before.
    #[must_use]
    pub fn previous_plan(&self) -> Option<PreviousPlan> {
        let current = self.current()?;
        let same = self
            .deployments
            .iter()
            .rev()
            .take_while(|deployment| deployment.rendered_commit == current.rendered_commit);
        let failures = same
            .take_while(|deployment| matches!(deployment.outcome, Outcome::Failed { .. }))
            .count();
        let (applied_at, failed_at, problem) = match &current.outcome {
            Outcome::Applying => (None, None, String::new()),
            Outcome::Applied { at } => (Some(*at), None, String::new()),
            Outcome::Failed { at, problem } => (None, Some(*at), problem.clone()),
        };
        Some(PreviousPlan {
            generation: current.generation,
            rendered_commit: current.rendered_commit.clone(),
            applied_at,
            failures: u32::try_from(failures).unwrap_or(u32::MAX),
            failed_at,
            problem,
        })
    }

    /// Confirmed deletions that still count.
    #[must_use]
    pub fn confirmed_at(&self, as_of: Timestamp) -> BTreeSet<ObjectKey> {
        let valid = self.confirmed.values().filter(|(_, until)| as_of < *until);
        valid.map(|(object, _)| object.clone()).collect()
    }

    fn deployment_mut(&mut self, generation: u64) -> Option<&mut Deployment> {
        self.deployments.iter_mut().rev().find(|deployment| deployment.generation == generation)
    }

    fn take(&mut self, fact: &Fact, body: DeploymentFact) {
        match body {
            declared @ DeploymentFact::ApplicationDeclared { .. } => {
                self.removal = None;
                self.declaration = declaration(declared);
            }
            DeploymentFact::ApplicationRemoved { commit, declared, together, of, .. } => {
                let declaration = self.declaration.take();
                self.removal = declaration.zip(declared).map(|(declaration, application)| {
                    let (since, generation) = (fact.at, self.generation());
                    Removal { declaration, application, commit, since, generation, together, of }
                });
                self.end_block();
            }
            DeploymentFact::ObjectsDeleted { .. } => {
                (self.removal, self.health) = (None, None);
                self.end_block();
            }
            DeploymentFact::PlanBlocked { revision, reasons, .. } => {
                self.blocked_since = (!reasons.is_empty()).then_some((fact.at, revision));
                self.blocked = reasons;
            }
            DeploymentFact::Planned {
                generation,
                revision,
                rendered_commit,
                summary,
                images,
                ..
            } => {
                self.end_block();
                self.answer(Answer::Planned { generation });
                self.deployments.push(Deployment {
                    generation,
                    revision,
                    rendered_commit,
                    at: fact.at,
                    actor: fact.actor.clone(),
                    summary,
                    images,
                    outcome: Outcome::Applying,
                    fact: fact.sequence,
                });
            }
            DeploymentFact::Applied { generation, .. } => {
                if let Some(deployment) = self.deployment_mut(generation) {
                    deployment.outcome = Outcome::Applied { at: fact.at };
                }
                self.drift.clear();
                self.confirmed.clear();
            }
            DeploymentFact::ApplyFailed { generation, object, problem, .. } => {
                if let Some(deployment) = self.deployment_mut(generation) {
                    let problem = with_object(object.as_ref(), problem);
                    deployment.outcome = Outcome::Failed { at: fact.at, problem };
                }
            }
            other @ (DeploymentFact::Rendered { .. }
            | DeploymentFact::RenderFailed { .. }
            | DeploymentFact::HealthChanged { .. }
            | DeploymentFact::DriftFound { .. }
            | DeploymentFact::DriftRepaired { .. }
            | DeploymentFact::SyncRequested { .. }
            | DeploymentFact::SyncUnneeded { .. }
            | DeploymentFact::AutomationHeld { .. }
            | DeploymentFact::AutomationReleased { .. }
            | DeploymentFact::ActionRequested { .. }
            | DeploymentFact::ActionDone { .. }
            | DeploymentFact::ActionFailed { .. }
            | DeploymentFact::DeletionConfirmed { .. }) => self.take_observation(fact, other),
        }
    }

    fn end_block(&mut self) {
        self.blocked.clear();
        self.blocked_since = None;
    }

    /// What was asked for is done with this: it is no permission for what comes later.
    fn answer(&mut self, answer: Answer) {
        if self.requested.take().is_some()
            && let Some(asked) = &mut self.asked
        {
            asked.answer = Some(answer);
        }
    }

    fn take_observation(&mut self, fact: &Fact, body: DeploymentFact) {
        match body {
            DeploymentFact::Rendered { commit, rendered_commit, digest, others, .. } => {
                let at = fact.at;
                self.rendering = Some(Rendering { commit, rendered_commit, digest, others, at });
                (self.render_problem, self.chart_problem) = (None, None);
            }
            DeploymentFact::RenderFailed { commit, problem, chart, .. } => {
                self.render_problem = Some((commit, problem));
                self.chart_problem = chart;
            }
            DeploymentFact::HealthChanged { generation, status, message, .. } => {
                let unchanged = self.health.as_ref().filter(|health| health.status == status);
                let since = unchanged.map_or(fact.at, |health| health.since);
                self.health = Some(HealthState { status, message, since, generation });
            }
            DeploymentFact::DriftFound { drifts, .. } => self.drift = drifts,
            DeploymentFact::DriftRepaired { .. } => {
                self.drift.clear();
                self.repairs.push(fact.at);
                let extra = self.repairs.len().saturating_sub(20);
                self.repairs.drain(..extra);
            }
            DeploymentFact::SyncRequested { prune, .. } => {
                self.requested = Some(SyncRequest { prune });
                let (actor, note) = (fact.actor.clone(), fact.reason.clone());
                self.asked = Some(Asked { at: fact.at, actor, note, prune, answer: None });
            }
            DeploymentFact::SyncUnneeded { .. } => {
                self.answer(Answer::NothingToDo { at: fact.at });
            }
            DeploymentFact::AutomationHeld { holder, by, .. } => {
                self.holds.retain(|hold| hold.holder != holder);
                self.holds.push(Hold { holder, by, since: fact.at });
            }
            DeploymentFact::AutomationReleased { holder, .. } => {
                self.holds.retain(|hold| hold.holder != holder);
            }
            DeploymentFact::DeletionConfirmed { objects, until, .. } => {
                let entry = |object: ObjectKey| (object.to_string(), (object, until));
                self.confirmed.extend(objects.into_iter().map(entry));
            }
            DeploymentFact::ActionRequested { .. }
            | DeploymentFact::ActionDone { .. }
            | DeploymentFact::ActionFailed { .. }
            | DeploymentFact::ApplicationDeclared { .. }
            | DeploymentFact::ApplicationRemoved { .. }
            | DeploymentFact::ObjectsDeleted { .. }
            | DeploymentFact::Planned { .. }
            | DeploymentFact::PlanBlocked { .. }
            | DeploymentFact::Applied { .. }
            | DeploymentFact::ApplyFailed { .. } => {}
        }
    }
}

impl View for DeploymentsView {
    fn apply(&mut self, fact: &Fact) {
        if let Some(body) = decode::<DeploymentFact>(fact) {
            if let DeploymentFact::Rendered { charts, .. } = &body {
                for (chart, digest) in charts {
                    self.charts.entry(chart.clone()).or_insert_with(|| digest.clone());
                }
            }
            let name = body.application().clone();
            self.applications.entry(name.clone()).or_default().take(fact, body);
            self.moved_on(name, fact.sequence);
        } else if let Some(name) = application_of(fact) {
            // What others say of an application moves it on too: a plan expects the newest of all.
            self.moved_on(name, fact.sequence);
        }
    }
}

impl DeploymentsView {
    /// The applications with a fact after this one, which was folded after the view was loaded.
    pub fn changed_since(&self, fact: Sequence) -> impl Iterator<Item = &ApplicationName> {
        self.changed.0.range(Sequence(fact.0 + 1)..).map(|(_, name)| name)
    }

    fn moved_on(&mut self, name: ApplicationName, fact: Sequence) {
        let Some(state) = self.applications.get_mut(&name) else { return };
        if let Some(before) = state.newest.replace(fact) {
            self.changed.0.remove(&before);
        }
        self.changed.0.insert(fact, name);
    }
}

fn application_of(fact: &Fact) -> Option<ApplicationName> {
    if fact.subject.kind != SubjectKind::Application {
        return None;
    }
    ApplicationName::new(fact.subject.name.as_str()).ok()
}

/// A problem says which object it is about, once.
fn with_object(object: Option<&ObjectKey>, problem: String) -> String {
    let named = object.map(ToString::to_string);
    match named.filter(|named| !problem.starts_with(named)) {
        Some(named) => format!("{named}: {problem}"),
        None => problem,
    }
}
