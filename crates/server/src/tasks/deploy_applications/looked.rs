//! Which applications need a look: as little work as there are changes.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployments::StepWait;
use ledger::{ApplicationName, CommitId, Sequence};

use super::rollouts::wait_of;
use crate::cursor::Cursor;
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
    cursor: Cursor,
    waiting: Waiting,
}

/// Applications that wait for something that is no application's own.
#[derive(Default)]
pub(super) struct Waiting {
    /// Whose wait may end by time alone.
    for_time: BTreeSet<ApplicationName>,
    /// Who stands in line until there is room, by the opening of the cluster.
    for_room: BTreeMap<u64, Line>,
}

/// Who came first goes first.
#[derive(Default)]
struct Line {
    order: VecDeque<ApplicationName>,
    members: BTreeSet<ApplicationName>,
}

impl Line {
    fn join(&mut self, application: ApplicationName) {
        if self.members.insert(application.clone()) {
            self.order.push_back(application);
        }
    }

    fn next(&mut self) -> Option<ApplicationName> {
        let first = self.order.pop_front()?;
        self.members.remove(&first);
        Some(first)
    }
}

impl Waiting {
    pub(super) fn for_time(&mut self, application: ApplicationName) {
        self.for_time.insert(application);
    }

    pub(super) fn in_line(&mut self, opening: u64, application: ApplicationName) {
        self.for_room.entry(opening).or_default().join(application);
    }

    /// Those who may go now; the others go on standing in line.
    fn take_due(&mut self, room: impl Fn(u64) -> usize) -> BTreeSet<ApplicationName> {
        let mut due = std::mem::take(&mut self.for_time);
        for (opening, line) in &mut self.for_room {
            for _ in 0..room(*opening) {
                due.extend(line.next());
            }
        }
        self.for_room.retain(|_, line| !line.order.is_empty());
        due
    }

    fn extend(&mut self, others: Self) {
        self.for_time.extend(others.for_time);
        for (opening, line) in others.for_room {
            let known = self.for_room.entry(opening).or_default();
            line.order.into_iter().for_each(|application| known.join(application));
        }
    }
}

/// What a look depends on; when it is the same, the answer is the same.
#[derive(Debug, Clone)]
pub(super) struct LookKey {
    /// What is asked for and permitted: another application, project or rendering is another value.
    rendering: Arc<Rendering>,
    newest_fact: Option<Sequence>,
    /// The newest fact and rendering of each application that it depends on.
    depends_on: Vec<(Option<Sequence>, Option<CommitId>)>,
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

/// What a look begins with that is no application's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    facts: Sequence,
    processes: u64,
    clusters: Vec<ClusterSight>,
}

/// How well everything on a cluster is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ClusterSight {
    opening: u64,
    is_reached: bool,
    is_being_opened: bool,
}

impl World {
    fn now(server: &Server) -> Self {
        let all = server.clusters.all().into_iter();
        Self {
            facts: server.recorder.views().sequence,
            processes: *server.engine.changed().borrow(),
            clusters: all
                .map(|known| ClusterSight {
                    opening: known.opening,
                    is_reached: known.cluster.reachability().is_reachable(),
                    is_being_opened: known.is_being_opened(),
                })
                .collect(),
        }
    }
}

impl Looked {
    /// The applications that may need a look: those that something happened to, and those that wait.
    /// Until [`Looked::end`] the next ones are all of them, so that nothing is lost by a failure.
    pub(super) fn candidates(&self, server: &Server) -> (World, Vec<ApplicationName>) {
        let mut memory = self.lock();
        let world = World::now(server);
        let changed = memory.cursor.advance(server);
        let ended = server.operations.take_ended();
        let (last, due) = (
            memory.last.take(),
            memory.waiting.take_due(|opening| server.operations.room(opening)),
        );
        let views = server.recorder.views();
        let declared = &views.deployments.applications;
        let is_as_it_was =
            |last: &World| last.processes == world.processes && last.clusters == world.clusters;
        let Some(last) = last.filter(|last| is_as_it_was(last) && !changed.everything) else {
            memory.waiting = Waiting::default();
            let declared = declared.iter().filter(|(_, state)| state.declared().is_some());
            return (world, declared.map(|(name, _)| name.clone()).collect());
        };
        let mut candidates = changed.applications;
        candidates.extend(ended);
        candidates.extend(due);
        candidates.extend(views.deployments.changed_since(last.facts).cloned());
        if last.facts != world.facts || changed.renders {
            candidates.extend(server.renderings.that_look_at_others());
        }
        candidates
            .retain(|name| declared.get(name).is_some_and(|state| state.declared().is_some()));
        (world, candidates.into_iter().collect())
    }

    pub(super) fn is_same(&self, application: &ApplicationName, key: &LookKey) -> bool {
        self.lock().keys.get(application) == Some(key)
    }

    pub(super) fn keep(&self, application: ApplicationName, key: LookKey) {
        self.lock().keys.insert(application, key);
    }

    /// Whether somebody stands in line where there is room.
    pub(super) fn is_someone_next(&self, server: &Server) -> bool {
        self.lock().waiting.for_room.keys().any(|opening| server.operations.room(*opening) > 0)
    }

    /// After an activation whose looks all succeeded: what it began with, and who waits.
    pub(super) fn end(&self, world: World, waiting: Waiting) {
        let mut memory = self.lock();
        memory.last = Some(world);
        memory.waiting.extend(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn look_key(server: &Server, rendering: &Arc<Rendering>) -> LookKey {
    let name = &rendering.application.name;
    let place = server.place_of(rendering);
    let depends_on = deployments::dependencies(&rendering.application).unwrap_or_default();
    let step_wait = wait_of(server, rendering);
    let views = server.recorder.views();
    let newest = |name: &ApplicationName| views.deployments.applications.get(name)?.newest;
    let rendered = |name: &ApplicationName| {
        server.renderings.of(name).map(|rendering| rendering.rendered_commit.clone())
    };
    LookKey {
        rendering: Arc::clone(rendering),
        newest_fact: newest(name),
        depends_on: depends_on.iter().map(|name| (newest(name), rendered(name))).collect(),
        step_wait,
        target: server.version_of(&place, name),
        target_is_seen: place.is_seen(name),
        is_under_way: server.operations.of(name).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<ApplicationName> {
        let named = |number| ApplicationName::new(format!("app-{number}")).expect("a name");
        numbers.into_iter().map(named).collect()
    }

    #[test]
    fn as_many_leave_a_line_as_there_is_room_for() {
        let mut waiting = Waiting::default();
        names([2, 3]).into_iter().for_each(|name| waiting.in_line(1, name));
        names([1, 2]).into_iter().for_each(|name| waiting.in_line(1, name));
        names(4..=5).into_iter().for_each(|name| waiting.in_line(2, name));
        names([6]).into_iter().for_each(|name| waiting.for_time(name));
        let full = |_| 0;
        assert_eq!(waiting.take_due(full), names([6]), "whose time may have come goes at once");
        assert_eq!(waiting.take_due(full), names([]));
        let of_the_first = |opening| if opening == 1 { 2 } else { 0 };
        assert_eq!(waiting.take_due(of_the_first), names([2, 3]), "who came first");
        assert_eq!(waiting.take_due(|_| 64), names([1, 4, 5]));
        assert!(waiting.for_room.is_empty());
    }
}
