//! The world with its clusters, and what lives in the process of Boucle and is lost with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployments::{Application, DeploymentsView, ObjectKey, Plan};
use ledger::{
    Actor, ApplicationName, CommitId, Draft, Expected, Fact, MemoryLedger, Timestamp, View,
};

use super::api::ApiServer;
use super::cache::Cache;
use super::controllers::{self, Controllers};
use super::git::{CLUSTERS, Git, NAMESPACE, Rendered};
use super::network::{Request, Wish};
use super::operate::Running;
use super::options::{Options, Statistics, Storms, Violation};
use crate::rng::Chances;

/// One cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub server: ApiServer,
    pub controllers: Controllers,
}

/// A rendering as the process keeps it.
#[derive(Debug)]
pub(crate) struct Rendering {
    pub application: Arc<Application>,
    pub cluster: usize,
    pub commit: CommitId,
    pub rendered: Arc<Rendered>,
}

/// A plan that is not recorded yet.
#[derive(Debug)]
pub(crate) struct Pending {
    pub due: u64,
    pub decider: u64,
    pub name: ApplicationName,
    pub plan: Plan,
    pub rendering: Arc<Rendering>,
    pub repairs: bool,
}

/// What a look depends on; when it is the same, the answer is the same.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LookKey {
    pub rendered: CommitId,
    pub newest: Option<ledger::Sequence>,
    pub changes: u64,
    pub is_under_way: bool,
}

/// What a kill loses.
#[derive(Debug)]
pub(crate) struct Process {
    /// Which start it is.
    pub number: u64,
    pub caches: Vec<Cache>,
    pub renderings: BTreeMap<ApplicationName, Arc<Rendering>>,
    pub operations: BTreeMap<ApplicationName, Running>,
    pub pending: Vec<Pending>,
    pub wishes: Vec<Wish>,
    /// The newest generation of each application that the hand has seen.
    pub generations: BTreeMap<ApplicationName, u64>,
    pub looked: BTreeMap<ApplicationName, (LookKey, Option<Timestamp>)>,
}

impl Process {
    pub(crate) fn start(number: u64) -> Self {
        Self {
            number,
            caches: CLUSTERS.iter().map(|_| Cache::new()).collect(),
            renderings: BTreeMap::new(),
            operations: BTreeMap::new(),
            pending: Vec::new(),
            wishes: Vec::new(),
            generations: BTreeMap::new(),
            looked: BTreeMap::new(),
        }
    }
}

/// The whole simulation.
#[derive(Debug)]
pub(crate) struct Simulation {
    pub options: Options,
    pub chances: Chances,
    pub tick: u64,
    pub clock_skew_ms: i64,
    /// What goes wrong now.
    pub storms: Storms,
    pub ledger: MemoryLedger,
    pub view: DeploymentsView,
    pub git: Git,
    pub clusters: Vec<Cluster>,
    pub process: Process,
    /// Requests on their way; they outlive the process that sent them.
    pub network: Vec<Request>,
    pub numbers: u64,
    /// The newest generation of each application that a request was sent of, by process.
    pub sent: BTreeMap<(u64, ApplicationName), u64>,
    /// What a request that nobody waited for any more made of an application that was gone.
    pub left_behind: BTreeSet<(ApplicationName, ObjectKey)>,
    pub violations: BTreeSet<Violation>,
    pub statistics: Statistics,
}

impl Simulation {
    pub(crate) fn new(seed: u64, options: Options) -> Self {
        let cluster = |namespaces: &[&str]| Cluster {
            server: ApiServer::new(namespaces),
            controllers: Controllers::default(),
        };
        Self {
            options,
            chances: Chances::new(seed),
            tick: 0,
            clock_skew_ms: 0,
            storms: options.storms,
            ledger: MemoryLedger::default(),
            view: DeploymentsView::default(),
            git: Git::new(),
            // The application of the other one asks for its namespace.
            clusters: vec![cluster(&["kube-system", NAMESPACE]), cluster(&["kube-system"])],
            process: Process::start(0),
            network: Vec::new(),
            numbers: 0,
            sent: BTreeMap::new(),
            left_behind: BTreeSet::new(),
            violations: BTreeSet::new(),
            statistics: Statistics::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000 + self.tick as i64 * 1_000 + self.clock_skew_ms)
    }

    pub(crate) fn names(&self) -> Vec<ApplicationName> {
        self.git.applications.keys().cloned().collect()
    }

    /// One second: the clusters work, requests arrive, watches tell, synchronisations go on.
    pub(crate) fn step(&mut self) {
        self.tick += 1;
        for cluster in &mut self.clusters {
            cluster.server.tick = self.tick;
            let chances = &mut self.chances.clusters;
            controllers::step(
                &mut cluster.server,
                &mut cluster.controllers,
                chances,
                !self.storms.others,
            );
        }
        self.deliver();
        for (cache, cluster) in self.process.caches.iter_mut().zip(&self.clusters) {
            let lost =
                cache.step(&cluster.server, &mut self.chances.clusters, !self.storms.watches);
            self.statistics.lost_watches += lost.connections;
            self.statistics.lost_histories += lost.histories;
        }
        self.take_wishes();
        self.operate();
        self.flush();
    }

    /// Records the plans that are due; each that still holds is carried out.
    pub(crate) fn flush(&mut self) {
        let (due, later): (Vec<Pending>, Vec<Pending>) = std::mem::take(&mut self.process.pending)
            .into_iter()
            .partition(|pending| pending.due <= self.tick);
        self.process.pending = later;
        for pending in due {
            self.carry_out(pending);
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
                facts.iter().for_each(|fact| self.view.apply(fact));
                true
            }
        }
    }

    pub(crate) fn record_fact(&mut self, fact: &deployments::DeploymentFact) {
        let draft = fact.draft(self.now(), Actor::system("deploy"));
        self.record(vec![draft]);
    }

    /// Killed, and started again: what is not on the record or on a cluster is gone.
    pub(crate) fn kill(&mut self) {
        self.statistics.kills += 1;
        self.process = Process::start(self.process.number + 1);
        let folded = self.folded();
        if std::mem::replace(&mut self.view, folded.clone()) != folded {
            self.violations.insert(Violation::ViewsDiffer);
        }
    }

    pub(crate) fn folded(&self) -> DeploymentsView {
        let mut view = DeploymentsView::default();
        self.ledger.facts().iter().for_each(|fact: &Fact| view.apply(fact));
        view
    }
}
