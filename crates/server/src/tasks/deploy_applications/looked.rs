//! Which applications need a look: as little work as there are changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployments::StepWait;
use ledger::{ApplicationName, Sequence};

use super::rollouts::Standings;
use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::TargetVersion;

/// What each application was when it was looked at last, and what everything was then.
#[derive(Default)]
pub struct Looked(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    keys: BTreeMap<ApplicationName, LookKey>,
    /// What the last activation began with; `None`: the next one looks at everything.
    last: Option<World>,
    /// Up to which of its changes each opening of a cluster was looked at.
    clusters: BTreeMap<u64, u64>,
    /// Applications whose wait may have ended by time alone.
    waiting: BTreeSet<ApplicationName>,
}

/// What a look depends on; when it is the same, the answer is the same.
#[derive(Debug, Clone)]
pub(super) struct LookKey {
    /// What is asked for and permitted: another application, project or rendering is another value.
    rendering: Arc<Rendering>,
    newest_fact: Option<Sequence>,
    /// The newest fact of each application that it depends on.
    depends_on: Vec<Option<Sequence>>,
    /// For whom it waits among the applications of its set.
    step_wait: Option<StepWait>,
    target: TargetVersion,
    target_is_seen: bool,
    /// A look during an operation decides nothing; the one after it does.
    is_under_way: bool,
}

impl PartialEq for LookKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rendering, &other.rendering)
            && self.newest_fact == other.newest_fact
            && self.depends_on == other.depends_on
            && self.step_wait == other.step_wait
            && self.target == other.target
            && self.target_is_seen == other.target_is_seen
            && self.is_under_way == other.is_under_way
    }
}

/// What may concern any application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    facts: Sequence,
    renderings: u64,
    processes: u64,
    operations: u64,
    clusters_reached: Vec<(u64, bool)>,
}

impl World {
    fn now(server: &Server) -> Self {
        let all = server.clusters.all().into_iter();
        Self {
            facts: server.recorder.views().sequence,
            renderings: *server.renderings.watch().borrow(),
            processes: *server.engine.changed().borrow(),
            operations: *server.operations.watch().borrow(),
            clusters_reached: all
                .map(|known| (known.opening, known.cluster.reachability().is_reachable()))
                .collect(),
        }
    }
}

impl Looked {
    /// The applications that may need a look. When only clusters changed, those that they name.
    /// Until [`Looked::end`] the next ones are all of them, so that nothing is lost by a failure.
    pub(super) fn candidates(&self, server: &Server) -> (World, Vec<ApplicationName>) {
        let mut memory = self.lock();
        let world = World::now(server);
        let mut everything = memory.last.take().as_ref() != Some(&world);
        let mut changed = std::mem::take(&mut memory.waiting);
        for known in server.clusters.all() {
            let upto = memory.clusters.entry(known.opening).or_default();
            let changes = known.cluster.changes_since(*upto);
            *upto = changes.upto;
            everything |= changes.all;
            changed.extend(changes.applications);
        }
        let views = server.recorder.views();
        let declared = &views.deployments.applications;
        if everything {
            let declared = declared.iter().filter(|(_, state)| state.declared().is_some());
            return (world, declared.map(|(name, _)| name.clone()).collect());
        }
        let is_declared = |name: &ApplicationName| {
            declared.get(name).is_some_and(|state| state.declared().is_some())
        };
        (world, changed.into_iter().filter(is_declared).collect())
    }

    pub(super) fn is_same(&self, application: &ApplicationName, key: &LookKey) -> bool {
        self.lock().keys.get(application) == Some(key)
    }

    pub(super) fn keep(&self, application: ApplicationName, key: LookKey) {
        self.lock().keys.insert(application, key);
    }

    /// After an activation whose looks all succeeded: what it began with, and who waits for a time.
    pub(super) fn end(&self, world: World, waiting: BTreeSet<ApplicationName>) {
        let mut memory = self.lock();
        memory.last = Some(world);
        memory.waiting.extend(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn look_key(
    server: &Server,
    rendering: &Arc<Rendering>,
    standings: &Standings,
) -> LookKey {
    let name = &rendering.application.name;
    let place = server.place_of(rendering);
    let depends_on = deployments::dependencies(&rendering.application).unwrap_or_default();
    let views = server.recorder.views();
    let newest = |name: &ApplicationName| views.deployments.applications.get(name)?.newest;
    let own = views.deployments.applications.get(name);
    let is_removed = own.is_some_and(|state| state.removal.is_some());
    LookKey {
        rendering: Arc::clone(rendering),
        newest_fact: newest(name),
        depends_on: depends_on.iter().map(newest).collect(),
        step_wait: standings.wait_of(rendering, is_removed),
        target: server.version_of(&place, name),
        target_is_seen: place.is_seen(name),
        is_under_way: server.operations.of(name).is_some(),
    }
}
