//! The world and its clock: who acts when, what is recorded, what reaches the targets.

use std::collections::{BTreeMap, BTreeSet};

use control::Configuration;
use ledger::{
    Actor, ApplicationName, CommitId, Draft, EnvironmentName, Expected, MemoryLedger, RefName,
    RepositoryName, Subject, Timestamp, View,
};
use repositories::RepositoryFact;
use repositories::facts::RefMoveCause;

use crate::options::{Options, Statistics, Violation};
use crate::rng::Chances;
use crate::views::Views;
use crate::world::{Git, Order, Overlay, Target, Tree};

pub(crate) const ENVIRONMENTS: [&str; 2] = ["staging", "production"];

const CONFIGURATION: &str = "\
version: 1
artifacts: [{name: hello, workflow: ci, paths: [src]}]
environments:
  - {name: staging, path: staging, application: hello-staging, verification: {window: 5s, minimumRequests: 20}, rollback: {window: 200s}}
  - {name: production, path: production, application: hello-production, verification: {window: 5s, minimumRequests: 20}, rollback: {window: 200s}}
";

/// How a version behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    Good,
    /// Its tests fail, so its gate never passes.
    FailsTests,
    /// Everything passes until real requests come.
    BadInProduction,
    /// Staging shows it.
    BadEverywhere,
}

/// A decision that is not recorded yet, and what follows when it is.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub due: u64,
    pub decider: u64,
    pub drafts: Vec<Draft>,
    pub effect: Effect,
}

/// What happens once a decision is recorded.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Nothing,
    MoveTip(CommitId),
    Apply(&'static str, Order),
}

/// A message on its way.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Apply(&'static str, Order),
    Build(u64, CommitId),
}

/// The whole simulation.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub options: Options,
    pub configuration: Configuration,
    /// The applications as Git would declare them.
    pub applications: BTreeMap<&'static str, deployments::Application>,
    pub chances: Chances,
    pub tick: u64,
    pub clock_skew_ms: i64,
    pub calm: bool,
    pub silent_until: u64,
    pub ledger: MemoryLedger,
    pub views: Views,
    pub git: Git,
    pub targets: BTreeMap<&'static str, Target>,
    pub qualities: BTreeMap<u64, Quality>,
    pub mail: Vec<(u64, Message)>,
    pub pending: Vec<Pending>,
    /// Files of people's pushes that were acknowledged.
    pub acknowledged: BTreeSet<String>,
    pub runs: u64,
    /// Tasks that found nothing to do, with the length of the ledger that they looked at.
    pub idle: BTreeMap<&'static str, usize>,
    pub violations: BTreeSet<Violation>,
    pub statistics: Statistics,
}

impl Simulation {
    pub(crate) fn new(seed: u64, options: Options) -> Self {
        let tree: Tree =
            ENVIRONMENTS.iter().map(|name| (format!("{name}/objects"), "4".into())).collect();
        let configuration = Configuration::parse("boucle.yaml", CONFIGURATION)
            .expect("the simulation's own configuration is right");
        let mut simulation = Self {
            options,
            configuration,
            applications: ENVIRONMENTS
                .iter()
                .map(|name| (*name, crate::deciders::declared(name)))
                .collect(),
            chances: Chances::new(seed),
            tick: 0,
            clock_skew_ms: 0,
            calm: false,
            silent_until: 0,
            ledger: MemoryLedger::default(),
            views: Views::default(),
            git: Git::new(tree),
            targets: ENVIRONMENTS.iter().map(|name| (*name, Target::default())).collect(),
            qualities: BTreeMap::new(),
            mail: Vec::new(),
            pending: Vec::new(),
            acknowledged: BTreeSet::new(),
            runs: 0,
            idle: BTreeMap::new(),
            violations: BTreeSet::new(),
            statistics: Statistics::default(),
        };
        let first = simulation.git.tip.clone();
        let draft =
            simulation.ref_draft(&first, &first, RefMoveCause::Initial, Actor::person("ada"));
        simulation.record(vec![draft]);
        simulation
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000 + self.tick as i64 * 1_000 + self.clock_skew_ms)
    }

    /// One second: what is due arrives, what was decided is recorded.
    pub(crate) fn step(&mut self) {
        self.tick += 1;
        self.deliver();
        self.finish_orders();
        self.flush();
    }

    /// Records the decisions that are due.
    pub(crate) fn flush(&mut self) {
        let (due, later): (Vec<Pending>, Vec<Pending>) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|pending| pending.due <= self.tick);
        self.pending = later;
        for pending in due {
            self.commit_decision(pending);
        }
    }

    fn commit_decision(&mut self, pending: Pending) {
        if !self.record(pending.drafts) {
            self.statistics.lost_races += 1;
            return;
        }
        match pending.effect {
            Effect::Nothing => {}
            Effect::MoveTip(tip) => self.git.tip = tip,
            Effect::Apply(environment, order) => self.send(environment, order),
        }
    }

    /// Appends all or nothing; false when somebody was faster.
    pub(crate) fn record(&mut self, mut drafts: Vec<Draft>) -> bool {
        if !self.options.rules.expected_parent {
            drafts.iter_mut().for_each(|draft| draft.expected = Expected::Anything);
        }
        match self.ledger.append(drafts) {
            Err(_) => false,
            Ok(facts) => {
                for fact in facts {
                    self.views.apply(fact);
                }
                true
            }
        }
    }

    pub(crate) fn send(&mut self, environment: &'static str, order: Order) {
        if self.calm {
            self.mail.push((self.tick + 1, Message::Apply(environment, order)));
            return;
        }
        let network = &mut self.chances.network;
        if network.once_in(8) {
            self.statistics.lost_messages += 1;
            return;
        }
        let late = if network.once_in(5) { network.below(40) } else { network.below(3) };
        let twice = network.once_in(10).then(|| network.below(30));
        self.mail.push((self.tick + 1 + late, Message::Apply(environment, order.clone())));
        if let Some(late) = twice {
            self.mail.push((self.tick + 1 + late, Message::Apply(environment, order)));
        }
    }

    fn deliver(&mut self) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.mail).into_iter().partition(|(due, _)| *due <= self.tick);
        self.mail = later;
        for (_, message) in due {
            match message {
                Message::Build(version, commit) => self.built(version, commit),
                Message::Apply(environment, order) => self.arrive(environment, order),
            }
        }
    }

    fn arrive(&mut self, environment: &'static str, order: Order) {
        let rules = self.options.rules;
        let Some(target) = self.targets.get_mut(environment) else { return };
        let newest = target.in_progress.iter().map(|(_, order)| order.generation).max();
        if rules.generations && order.generation < target.generation.max(newest.unwrap_or(0)) {
            self.statistics.refused_orders += 1;
            return;
        }
        if rules.one_apply_at_a_time && !target.in_progress.is_empty() {
            self.mail.push((self.tick + 1, Message::Apply(environment, order)));
            return;
        }
        let takes = if self.calm { 1 } else { 1 + self.chances.network.below(4) };
        target.in_progress.push((self.tick + takes, order));
        if target.in_progress.len() > 1 {
            self.violations.insert(Violation::TwoAppliesAtOnce);
        }
    }

    fn finish_orders(&mut self) {
        for environment in ENVIRONMENTS {
            let Some(target) = self.targets.get_mut(environment) else { continue };
            let (done, running): (Vec<_>, Vec<_>) = std::mem::take(&mut target.in_progress)
                .into_iter()
                .partition(|(due, _)| *due <= self.tick);
            target.in_progress = running;
            for (_, order) in done {
                self.finish_order(environment, order);
            }
        }
    }

    fn finish_order(&mut self, environment: &'static str, order: Order) {
        let generation = order.generation;
        self.check_order(environment, &order);
        let tick = self.tick;
        if let Some(target) = self.targets.get_mut(environment) {
            // The same order again changes nothing, so what was watched so far still counts.
            if generation != target.generation {
                target.finish(order, tick);
            }
        }
        let application = application(environment);
        let state = self.views.deployments.applications.get(&application);
        let known = state.is_some_and(|state| {
            state.deployments.iter().any(|deployment| {
                deployment.generation == generation
                    && matches!(deployment.outcome, deployments::Outcome::Applied { .. })
            })
        });
        if !known && !self.calm && self.chances.network.once_in(12) {
            // The target did it, and whoever should have recorded that was killed.
            self.statistics.lost_messages += 1;
        } else if !known {
            self.statistics.applies += 1;
            let outcome = "every step was done".into();
            let fact = deployments::DeploymentFact::Applied { application, generation, outcome };
            let draft = fact.draft(self.now(), Actor::system("workloads"));
            self.record(vec![draft]);
        }
    }

    /// A person's push: the branch is moved to a commit on top of where it is now.
    pub(crate) fn push(&mut self, edits: Tree) -> CommitId {
        let number = self.acknowledged.len() + 1;
        let file = format!("people/{number}");
        let mut edits = edits;
        edits.insert(file.clone(), self.tick.to_string());
        let tip = self.git.tip.clone();
        let commit = self.git.commit(&tip, edits, true);
        let draft = self.ref_draft(&tip, &commit, RefMoveCause::Push, Actor::person("ada"));
        if self.record(vec![draft]) {
            self.git.tip = commit.clone();
            self.acknowledged.insert(file);
            self.statistics.pushes += 1;
        }
        commit
    }

    /// A person pushes new source; it is built a little later.
    pub(crate) fn push_source(&mut self, quality: Quality) -> u64 {
        let version = self.qualities.len() as u64 + 1;
        self.qualities.insert(version, quality);
        let commit = self.push([("src".to_owned(), version.to_string())].into());
        let late = if self.calm { 2 } else { 1 + self.chances.network.below(20) };
        self.mail.push((self.tick + late, Message::Build(version, commit)));
        version
    }

    /// The draft that moves the branch, holding only while nobody else moved it.
    pub(crate) fn ref_draft(
        &self,
        old: &CommitId,
        new: &CommitId,
        by: RefMoveCause,
        actor: Actor,
    ) -> Draft {
        let fact = RepositoryFact::RefMoved {
            repository: repository(),
            reference: branch(),
            old: (old != new).then(|| old.clone()),
            new: Some(new.clone()),
            forced: false,
            by,
        };
        let subject = Subject::reference(&repository(), &branch());
        let parent = self.ledger.tip(&subject);
        Draft::new(self.now(), actor, subject, &fact).expecting(parent)
    }

    /// What the tip says of an environment.
    pub(crate) fn overlay(&self, environment: &str) -> Overlay {
        self.git.overlay(&self.git.tip, environment).clone()
    }
}

pub(crate) fn repository() -> RepositoryName {
    RepositoryName::new("demo/hello").expect("a repository's name")
}

pub(crate) fn branch() -> RefName {
    RefName::new("refs/heads/main").expect("a ref's name")
}

pub(crate) fn application(environment: &str) -> ApplicationName {
    ApplicationName::new(format!("hello-{environment}")).expect("an application's name")
}

pub(crate) fn environment_name(environment: &str) -> EnvironmentName {
    EnvironmentName::new(environment).expect("an environment's name")
}
