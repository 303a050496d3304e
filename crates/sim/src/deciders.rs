//! What a decider does: gather inputs, ask the domain, and hand in the drafts with their parents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use control::facts::ControlFact;
use control::promote::{
    EnvironmentState, PromoteInputs, Promotion, Proposal, Published, Step, Written,
};
use control::reasons::{HoldReason, RollbackRefusal};
use control::rollback::{ChangeCause, RenderingChange, RollbackDecision, RollbackInputs};
use deployments::{
    ApplicationState, BlockReason, Decision, Deployment, DeploymentFact, Outcome, PlanInputs,
    PlanPolicy, SyncRequest,
};
use ledger::{Actor, ArtifactDigest, CommitId, Draft, PullRequestNumber, Subject, Timestamp};
use monitoring::{
    AssessInputs, IncidentDecision, IncidentInputs, MonitoringFact, ProbeObservation, Verdict,
    WorkloadHealth,
};
use pipelines::facts::{JobKey, PipelineFact, PublishedKind};
use repositories::RepositoryFact;
use repositories::facts::RefMoveCause;

use crate::simulation::{
    ENVIRONMENTS, Effect, Pending, Quality, Simulation, application, environment_name, repository,
};
use crate::world::{Order, digest_of, version_of};

/// The reconcilers; each takes nothing but the world and the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    Promote,
    Plan(&'static str),
    Assess(&'static str),
    RollBack(&'static str),
}

/// All tasks, in the order in which a scenario runs them.
pub(crate) const TASKS: [Task; 7] = [
    Task::Assess("staging"),
    Task::Assess("production"),
    Task::RollBack("staging"),
    Task::RollBack("production"),
    Task::Promote,
    Task::Plan("staging"),
    Task::Plan("production"),
];

/// An order is answered within this, or never.
const ANSWER_MAX_MS: i64 = 10_000;

impl Simulation {
    /// A decider looks now; what it decides is recorded `late` seconds later.
    pub(crate) fn decide(&mut self, decider: u64, task: Task, late: u64) {
        match task {
            Task::Promote => self.promote(decider, late),
            Task::Plan(environment) => self.plan(decider, late, environment),
            Task::Assess(environment) => self.assess(environment),
            Task::RollBack(environment) => self.roll_back(decider, late, environment),
        }
    }

    fn hand_in(&mut self, decider: u64, late: u64, drafts: Vec<Draft>, effect: Effect) {
        self.pending.push(Pending { due: self.tick + late, decider, drafts, effect });
    }

    /// A draft that holds only while nothing else happened to its subject.
    fn draft(&self, fact: &ControlFact, actor: &str) -> Draft {
        let draft = fact.draft(self.now(), Actor::system(actor));
        let parent = self.ledger.tip(&draft.subject);
        draft.expecting(parent)
    }

    /// A build is done: published, and its gate passed or not.
    pub(crate) fn built(&mut self, version: u64, commit: CommitId) {
        self.runs += 1;
        let run = ledger::RunId(self.runs);
        let passes = self.qualities.get(&version) != Some(&Quality::FailsTests);
        let gate = pipelines::gate::Gate {
            name: "hello".into(),
            paths: vec!["src".into()],
            checks: vec!["ci/test".into()],
        };
        let tree = ledger::TreeId::new(format!("{version:040x}")).ok();
        let key = pipelines::gate::key(&gate, &[("src".to_owned(), tree)].into());
        let published = PipelineFact::ArtifactPublished {
            run,
            attempt: 1,
            job: JobKey::new("build", None),
            repository: repository(),
            name: "hello".into(),
            published: PublishedKind::Image,
            digest: digest_of(version),
            commit,
        };
        let (repository, gate) = (repository(), gate.name);
        let judged = if passes {
            PipelineFact::GatePassed { repository, gate, key, run }
        } else {
            PipelineFact::GateFailed { repository, gate, key, run }
        };
        let actor = Actor::system("runner");
        let draft =
            |fact: &PipelineFact| Draft::new(self.now(), actor.clone(), fact.subject(), fact);
        let drafts = vec![draft(&published), draft(&judged)];
        self.record(drafts);
    }

    fn promote(&mut self, decider: u64, late: u64) {
        let facts = self.ledger.facts().len();
        if self.views.git.published.is_empty() || self.idle.get("promote") == Some(&facts) {
            return;
        }
        let pending = self.pending.len();
        let inputs = self.promote_inputs();
        for step in control::promote::decide(&inputs) {
            self.promote_step(decider, late, step);
        }
        // The answer depends on facts alone, so the same facts need no second look.
        if self.pending.len() == pending {
            self.idle.insert("promote", facts);
        }
    }

    fn promote_inputs(&self) -> PromoteInputs {
        let gates = self.options.rules.gates;
        let published = self.views.git.published.iter().map(|(digest, run)| Published {
            artifact: "hello".into(),
            digest: digest.clone(),
            gate_passed: !gates || self.views.git.passed.get(run) == Some(&true),
            at: Timestamp(0),
        });
        let quarantined = self
            .views
            .control
            .repositories
            .get(&repository())
            .filter(|_| self.options.rules.quarantine)
            .into_iter()
            .flat_map(|state| &state.quarantined)
            .map(|(digest, quarantine)| (digest.clone(), quarantine.incident))
            .collect();
        PromoteInputs {
            configuration: self.configuration.clone(),
            tip: self.git.tip.clone(),
            published: published.collect(),
            environments: ENVIRONMENTS
                .iter()
                .map(|name| (environment_name(name), self.environment_state(name)))
                .collect(),
            quarantined,
            as_of: self.now(),
        }
    }

    fn environment_state(&self, environment: &'static str) -> EnvironmentState {
        let mut state = EnvironmentState::default();
        if let Some(digest) = self.overlay(environment).digest() {
            let by_person = self.chosen_by_person(environment);
            state.written.insert("hello".into(), Written { digest, by_person });
        }
        let application = application(environment);
        if let Some(deployed) = self.views.deployments.applications.get(&application) {
            if let Some(running) = deployed.running()
                && let Some(digest) = running.digests().next()
            {
                let verdict = self.views.monitoring.assessment(&application);
                let verdict = verdict.filter(|found| found.generation == running.generation);
                state.running.insert(digest.clone(), verdict.map(|found| found.verdict));
                state.deployed_at.insert(digest, running.at);
            }
            let healthy = self.generations_with(environment, Verdict::Healthy);
            let verified = deployed.deployments.iter().filter(|d| healthy.contains(&d.generation));
            state.verified = verified.flat_map(Deployment::digests).collect();
        }
        if let Some(of_loop) =
            self.views.control.environment(&repository(), &environment_name(environment))
        {
            state.hold = of_loop.hold.as_ref().map(|(reason, _)| reason.clone());
            state.approved = of_loop.approved.keys().cloned().collect();
            let open = of_loop
                .proposals
                .iter()
                .filter(|(number, _)| !self.views.git.closed.contains(number));
            state.proposals = open
                .map(|(number, (artifact, digest))| Proposal {
                    number: *number,
                    artifact: artifact.clone(),
                    digest: digest.clone(),
                    waits_for: Vec::new(),
                })
                .collect();
        }
        state
    }

    /// The person who last wrote the version, when it was not Boucle and nobody resumed since.
    fn chosen_by_person(&self, environment: &str) -> Option<Actor> {
        let version = |commit: &CommitId| self.git.overlay(commit, environment).version;
        let current = version(&self.git.tip);
        let (id, commit) = self.git.history(&self.git.tip).find(|(_, commit)| {
            commit.parent.as_ref().is_none_or(|parent| version(parent) != current)
        })?;
        let resumed = self
            .views
            .control
            .environment(&repository(), &environment_name(environment))
            .is_some_and(|state| state.resumed_at.is_some());
        (commit.by_person && !self.views.git.by_boucle.contains(id) && !resumed)
            .then(|| Actor::person("ada"))
    }

    fn generations_with(&self, environment: &str, verdict: Verdict) -> BTreeSet<u64> {
        let assessments = self.views.monitoring.assessments.get(&application(environment));
        let found =
            assessments.into_iter().flatten().filter(|found| found.conclusion() == Some(verdict));
        found.map(|found| found.generation).collect()
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each answer, none of them long")]
    fn promote_step(&mut self, decider: u64, late: u64, step: Step) {
        let Step { environment, artifact, digest, promotion } = step;
        let Some(name) = ENVIRONMENTS.into_iter().find(|name| *name == environment.as_str()) else {
            return;
        };
        let repository = repository();
        match promotion {
            Promotion::Commit { expecting, .. } => {
                self.write_promotion(decider, late, name, artifact, digest, &expecting, None);
            }
            Promotion::Merge { number } => {
                let tip = self.git.tip.clone();
                self.write_promotion(decider, late, name, artifact, digest, &tip, Some(number));
            }
            Promotion::PullRequest { .. } => {
                let pull_request = self.next_pull_request();
                let fact = ControlFact::PromotionProposed {
                    repository,
                    environment,
                    artifact,
                    digest,
                    pull_request,
                };
                let drafts = vec![self.draft(&fact, "promote")];
                self.hand_in(decider, late, drafts, Effect::Nothing);
            }
            Promotion::Close { number, .. } => {
                let subject = Subject::pull_request(&repository, number);
                let fact = RepositoryFact::PullRequestClosed { repository, number };
                let parent = self.ledger.tip(&subject);
                let draft = Draft::new(self.now(), Actor::system("promote"), subject, &fact);
                self.hand_in(decider, late, vec![draft.expecting(parent)], Effect::Nothing);
            }
            Promotion::Held { reason, new } => {
                let known = self.views.control.environment(&repository, &environment);
                if known.is_some_and(|state| {
                    state.held.get(&digest).is_some_and(|(held, _)| *held == reason)
                }) {
                    return;
                }
                let (r, e, reason_again) =
                    (repository.clone(), environment.clone(), reason.clone());
                let fact = ControlFact::PromotionHeld {
                    repository,
                    environment,
                    artifact,
                    digest,
                    reason,
                };
                let mut drafts = vec![self.draft(&fact, "promote")];
                if new {
                    let hold = ControlFact::AutomationHeld {
                        repository: r,
                        environment: e,
                        reason: reason_again,
                    };
                    drafts.push(hold.draft(self.now(), Actor::system("promote")));
                }
                self.hand_in(decider, late, drafts, Effect::Nothing);
            }
            Promotion::Waiting { reasons, deadline } => {
                let known = self.views.control.environment(&repository, &environment);
                let same = known.and_then(|state| state.waiting.get(&artifact));
                if same.is_some_and(|known| known.digest == digest && known.reasons == reasons) {
                    return;
                }
                let fact = ControlFact::PromotionWaiting {
                    repository,
                    environment,
                    artifact,
                    digest,
                    reasons,
                    deadline,
                };
                let drafts = vec![self.draft(&fact, "promote")];
                self.hand_in(decider, late, drafts, Effect::Nothing);
            }
            Promotion::UpToDate => {}
        }
    }

    fn next_pull_request(&self) -> PullRequestNumber {
        let of_control =
            self.views.control.repositories.values().flat_map(|state| state.environments.values());
        let known = of_control
            .flat_map(|state| {
                let merged = state.promotions.iter().filter_map(|promotion| promotion.pull_request);
                state.proposals.keys().copied().chain(merged)
            })
            .chain(self.views.git.closed.iter().copied());
        PullRequestNumber(known.map(|number| number.0).max().unwrap_or(0) + 1)
    }

    #[expect(clippy::too_many_arguments, reason = "a promotion is told by all of these")]
    fn write_promotion(
        &mut self,
        decider: u64,
        late: u64,
        name: &'static str,
        artifact: String,
        digest: ArtifactDigest,
        expecting: &CommitId,
        pull_request: Option<PullRequestNumber>,
    ) {
        let edits = [(format!("{name}/version"), version_of(&digest).to_string())].into();
        let commit = self.git.commit(expecting, edits, false);
        let (repository, environment) = (repository(), environment_name(name));
        let (effect, actor) = (Effect::MoveTip(commit.clone()), Actor::system("promote"));
        let moved = self.ref_draft(expecting, &commit, RefMoveCause::Promotion, actor);
        let fact = ControlFact::Promoted {
            repository,
            environment,
            artifact,
            digest,
            commit,
            pull_request,
        };
        let drafts = vec![moved, self.draft(&fact, "promote")];
        self.hand_in(decider, late, drafts, effect);
    }

    /// Whether this rendering is on its way. Later than an answer takes, the order or its answer is
    /// lost, and what is there decides.
    fn awaits_answer(&self, state: &ApplicationState, rendered_commit: &CommitId) -> bool {
        state.current().is_some_and(|current| {
            current.outcome == Outcome::Applying
                && current.rendered_commit == *rendered_commit
                && (0..ANSWER_MAX_MS).contains(&self.now().since_ms(current.at))
        })
    }

    #[expect(clippy::too_many_lines, reason = "the inputs of a plan, one a line")]
    fn plan(&mut self, decider: u64, late: u64, environment: &'static str) {
        let facts = self.ledger.facts().len();
        if self.idle.get(environment) == Some(&facts) {
            return;
        }
        let overlay = self.overlay(environment);
        if overlay.version.is_none() {
            return;
        }
        let name = application(environment);
        let nothing = ApplicationState::default();
        let state = self.views.deployments.applications.get(&name).unwrap_or(&nothing);
        let rendered_commit = overlay.rendering();
        if self.awaits_answer(state, &rendered_commit) {
            return;
        }
        let as_of = self.now();
        // As the server does it: the view says which fact a plan expects, not the ledger.
        let parent = state.newest;
        let inputs = PlanInputs {
            application: self.applications[environment].clone(),
            scope: deployments::project::Scope::default(),
            waits_for: Vec::new(),
            step_wait: None,
            revision: self.git.tip.clone(),
            rendered_commit: rendered_commit.clone(),
            desired: Arc::new(overlay.manifests()),
            inventory: self.targets.get(environment).map(|target| target.inventory(as_of)),
            previous: state.previous_plan(),
            repairs: state.repairs.clone(),
            parent,
            supported_kinds: Arc::new(
                ["apps/Deployment".to_owned(), "ConfigMap".to_owned()].into(),
            ),
            cluster: None,
            problems: Vec::new(),
            policy: PlanPolicy::default(),
            confirmed: state.confirmed_at(as_of),
            holds: Vec::new(),
            requested: None::<SyncRequest>,
            as_of,
        };
        let revision = inputs.revision.clone();
        match deployments::plan(&inputs) {
            // Objects that did not change do not make a new revision run; but the overlay's new commit
            // is what runs then, and an equal rendering says so by its name.
            Decision::UpToDate(_) => {
                self.idle.insert(environment, facts);
            }
            Decision::Arrived { generation } => {
                let outcome = "found as it was planned".into();
                let fact = DeploymentFact::Applied { application: name, generation, outcome };
                let draft = fact.draft(as_of, Actor::system("plan")).expecting(parent);
                self.hand_in(decider, late, vec![draft], Effect::Nothing);
            }
            Decision::Blocked { reasons } => {
                if !same_codes(&state.blocked, &reasons) {
                    let fact = DeploymentFact::PlanBlocked { application: name, revision, reasons };
                    let draft = fact.draft(as_of, Actor::system("plan")).expecting(parent);
                    self.hand_in(decider, late, vec![draft], Effect::Nothing);
                }
            }
            Decision::Plan(plan) => {
                let (generation, summary) = (plan.generation, plan.summary);
                let images = overlay.digest().map(|digest| format!("hello@{digest}"));
                let fact = DeploymentFact::Planned {
                    application: name,
                    generation,
                    revision,
                    rendered_commit,
                    summary,
                    images: images.into_iter().collect(),
                };
                let draft = fact.draft(as_of, Actor::system("plan")).expecting(parent);
                let objects = plan.steps.into_iter().filter_map(|step| step.manifest).collect();
                let order = Order { generation, overlay, objects };
                self.hand_in(decider, late, vec![draft], Effect::Apply(environment, order));
            }
        }
    }

    fn assess(&mut self, environment: &'static str) {
        let name = application(environment);
        let state = self.views.deployments.applications.get(&name);
        let Some(running) = state.and_then(|state| state.running()).cloned() else { return };
        let Some(target) = self.targets.get(environment) else { return };
        let Some(overlay) = &target.running else { return };
        if target.generation != running.generation {
            return;
        }
        let seconds = self.tick - target.since;
        let silent = self.tick < self.silent_until;
        let quality = overlay.version.and_then(|version| self.qualities.get(&version).copied());
        let bad = match quality {
            Some(Quality::BadEverywhere) => true,
            Some(Quality::BadInProduction) => environment == "production",
            Some(Quality::Good | Quality::FailsTests) | None => false,
        };
        let Outcome::Applied { at: deployed_at } = running.outcome else { return };
        let inputs = AssessInputs {
            application: name.clone(),
            revision: running.revision.clone(),
            deployed_at,
            as_of: self.now(),
            window_ms: 5_000,
            minimum_requests: 20,
            requests: (!silent).then_some(seconds * 10),
            health: WorkloadHealth::Ready,
            restarts: 0,
            restarts_allowed: 3,
            probes: vec![ProbeObservation {
                name: "http".into(),
                asked: if silent { 0 } else { seconds },
                failures_in_a_row: if bad && !silent { seconds } else { 0 },
                failure_threshold: 3,
                last_answer: (!silent).then(|| if bad { "500" } else { "200" }.into()),
            }],
            objectives: Vec::new(),
            scrapes_failing: Vec::new(),
        };
        let assessment = monitoring::assess(&inputs);
        let known = self.views.monitoring.assessment(&name);
        let same = known.is_some_and(|known| {
            known.generation == running.generation
                && !assessment.differs_from(known.verdict, &known.cases)
        });
        let environment = environment_name(environment);
        let mut drafts = Vec::new();
        if !same {
            let fact = MonitoringFact::Assessed {
                application: name.clone(),
                environment: environment.clone(),
                revision: running.revision.clone(),
                generation: running.generation,
                verdict: assessment.verdict,
                cases: assessment.cases.clone(),
            };
            let subject = Subject::application(&name);
            drafts.push(Draft::new(self.now(), Actor::system("assess"), subject, &fact));
        }
        let incident = monitoring::incident::decide(&IncidentInputs {
            application: name,
            environment,
            revision: Some(running.revision),
            assessment: Some(assessment),
            suspect: None,
            view: &self.views.monitoring,
        });
        drafts.extend(self.incident_draft(incident));
        if !drafts.is_empty() {
            self.record(drafts);
        }
    }

    fn incident_draft(&self, decision: IncidentDecision) -> Option<Draft> {
        let (IncidentDecision::Open(fact)
        | IncidentDecision::Update(fact)
        | IncidentDecision::Resolve(fact)) = decision
        else {
            return None;
        };
        let (MonitoringFact::IncidentOpened { incident, .. }
        | MonitoringFact::IncidentUpdated { incident, .. }
        | MonitoringFact::IncidentResolved { incident, .. }) = &fact
        else {
            return None;
        };
        let subject = Subject::incident(*incident);
        let parent = self.ledger.tip(&subject);
        Some(Draft::new(self.now(), Actor::system("assess"), subject, &fact).expecting(parent))
    }

    pub(crate) fn rollback_inputs(&self, environment: &'static str) -> Option<RollbackInputs> {
        let name = application(environment);
        let state = self.views.deployments.applications.get(&name)?;
        let running = state.running()?;
        let assessment = self.views.monitoring.assessment(&name)?;
        // Nothing is taken back unless it is sick or somebody asked; the rest would be a long look
        // at history for the answer "no".
        let of_environment =
            self.views.control.environment(&repository(), &environment_name(environment));
        let requested = of_environment.is_some_and(|state| state.rollback_requested);
        if assessment.verdict != Verdict::Sick && !requested && !self.options.look_always {
            return None;
        }
        let of_loop = self.views.control.environment(&repository(), &environment_name(environment));
        let healthy = self.generations_with(environment, Verdict::Healthy);
        let sick = self.generations_with(environment, Verdict::Sick);
        let renderings = |generations: &BTreeSet<u64>| -> BTreeSet<CommitId> {
            let found = state.deployments.iter().filter(|d| generations.contains(&d.generation));
            found.map(|deployment| deployment.rendered_commit.clone()).collect()
        };
        let sick = renderings(&sick);
        let policy =
            self.configuration.environment(&environment_name(environment))?.rollback.clone();
        let rollbacks = of_loop.map(|state| state.automatic_rollbacks(&name)).unwrap_or_default();
        let changes = self.rendering_changes(environment);
        Some(RollbackInputs {
            application: name.clone(),
            environment: environment_name(environment),
            policy,
            verdict: assessment.verdict,
            assessed_generation: assessment.generation,
            running_generation: running.generation,
            running_rendering: running.rendered_commit.clone(),
            tip: self.git.tip.clone(),
            healthy: renderings(&healthy).into_iter().filter(|id| !sick.contains(id)).collect(),
            rollbacks: if self.options.rules.window { rollbacks } else { Vec::new() },
            incident: self.views.monitoring.open_incident(&name).map(|(incident, _)| incident),
            held: of_loop.is_some_and(|state| state.was_frozen(running.at)),
            asked: of_loop
                .zip(changes.first())
                .is_some_and(|(state, newest)| state.was_asked(&newest.commit)),
            changes,
            approved: of_loop.and_then(|state| state.rollback_approved.clone()),
            requested: of_loop.is_some_and(|state| state.rollback_requested),
            as_of: self.now(),
        })
    }

    fn rendering_changes(&self, environment: &str) -> Vec<RenderingChange> {
        let state = self.views.control.environment(&repository(), &environment_name(environment));
        let promoted: BTreeMap<&CommitId, &ArtifactDigest> = state
            .into_iter()
            .flat_map(|state| &state.promotions)
            .map(|record| (&record.commit, &record.digest))
            .collect();
        let reverts: BTreeSet<&CommitId> = state
            .into_iter()
            .flat_map(|state| &state.rollbacks)
            .map(|record| &record.revert_commit)
            .collect();
        let rendering = |commit: &CommitId| self.git.rendering(commit, environment);
        let changed = self.git.history(&self.git.tip).filter(|(id, commit)| {
            commit.parent.as_ref().is_some_and(|parent| rendering(parent) != rendering(id))
        });
        changed
            .map(|(id, _)| RenderingChange {
                commit: id.clone(),
                rendering: rendering(id).clone(),
                cause: match promoted.get(id) {
                    Some(digest) => ChangeCause::Promotion { digest: (*digest).clone() },
                    None if reverts.contains(id) => ChangeCause::Rollback,
                    None => ChangeCause::Other,
                },
            })
            .collect()
    }

    fn roll_back(&mut self, decider: u64, late: u64, environment: &'static str) {
        let Some(inputs) = self.rollback_inputs(environment) else { return };
        let (r, e, application) =
            (repository(), inputs.environment.clone(), inputs.application.clone());
        let known = self.views.control.environment(&r, &e);
        match control::rollback::decide(&inputs) {
            RollbackDecision::RollBack { commit, expecting, digest, incident, rule } => {
                let Some(revert_commit) = self.git.revert(&commit, &expecting) else { return };
                let by = RefMoveCause::Revert { reverted: commit.clone() };
                let moved =
                    self.ref_draft(&expecting, &revert_commit, by, Actor::system("rollback"));
                let rolled_back = ControlFact::RolledBack {
                    repository: r.clone(),
                    environment: e.clone(),
                    application,
                    bad_commit: commit.clone(),
                    revert_commit: revert_commit.clone(),
                    digest: digest.clone(),
                    incident,
                    rule,
                };
                let quarantined = ControlFact::Quarantined {
                    repository: r,
                    digest,
                    revision: commit,
                    environment: e,
                    incident,
                };
                let mut drafts = vec![moved, self.draft(&rolled_back, "rollback")];
                drafts.push(quarantined.draft(self.now(), Actor::system("rollback")));
                self.hand_in(decider, late, drafts, Effect::MoveTip(revert_commit));
            }
            RollbackDecision::Freeze { incident } => {
                let reason = HoldReason::Frozen { incident };
                let fact = ControlFact::AutomationHeld { repository: r, environment: e, reason };
                let drafts = vec![self.draft(&fact, "rollback")];
                self.hand_in(decider, late, drafts, Effect::Nothing);
            }
            RollbackDecision::Ask { commits, incident } => {
                let fact = ControlFact::RollbackAsked {
                    repository: r,
                    environment: e,
                    application,
                    commits,
                    incident,
                };
                let drafts = vec![self.draft(&fact, "rollback")];
                self.hand_in(decider, late, drafts, Effect::Nothing);
            }
            RollbackDecision::No { reasons } => {
                let codes = |reasons: &[RollbackRefusal]| {
                    reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>()
                };
                let told = known.is_some_and(|state| codes(&state.refused) == codes(&reasons));
                let passes = |reason: &RollbackRefusal| {
                    matches!(reason, RollbackRefusal::NewerChangeOnItsWay { .. })
                };
                if inputs.verdict == Verdict::Sick && !told && !reasons.iter().any(passes) {
                    let fact = ControlFact::RollbackRefused {
                        repository: r,
                        environment: e,
                        application,
                        reasons,
                    };
                    let drafts = vec![self.draft(&fact, "rollback")];
                    self.hand_in(decider, late, drafts, Effect::Nothing);
                }
            }
        }
    }
}

/// The application of an environment, as Git would declare it.
pub(crate) fn declared(environment: &str) -> deployments::Application {
    let text = format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: hello-{environment}}}\nspec:\n  \
         source: {{repoURL: demo/hello, path: {environment}}}\n  destination: {{name: local, namespace: {environment}}}\n  \
         syncPolicy: {{automated: {{prune: true, selfHeal: true}}}}\n"
    );
    deployments::Application::parse("application.yaml", &text)
        .expect("the simulation's own application is right")
}

fn same_codes(one: &[BlockReason], other: &[BlockReason]) -> bool {
    one.iter().map(BlockReason::code).eq(other.iter().map(BlockReason::code))
}
