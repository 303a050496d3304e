//! One synchronisation with a target that works on its own: what is written now, what is waited for,
//! how it ends.
//!
//! The order is Argo CD's (gitops-engine, `pkg/sync`): phase, wave, kind, name; a wave is done when
//! its objects are healthy, if more than one wave or a hook is part of the operation. Waits end by
//! what a watch sees or by their deadline; there is no pause between waves. Absent on purpose: clocks,
//! requests, and a memory besides [`Operation`] itself.

use std::collections::{BTreeMap, BTreeSet};

use ledger::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::health::{Health, HealthStatus};
use crate::hook::{Hook, HookDeletion};
use crate::objects::{ObjectKey, TRACKING_ANNOTATION, annotation};
use crate::order::{Phase, kind_rank};
use crate::planner::{Action, Step};

/// A synchronisation that has begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    tasks: Vec<Task>,
    /// How long one wave may take, in milliseconds.
    wave_ms_max: i64,
    /// The wave that is being worked on and since when.
    current: Option<(Place, Timestamp)>,
    /// The first failure.
    failure: Option<Failure>,
}

/// Where a task stands: its phase, then its wave.
type Place = (Phase, i32);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Task {
    object: ObjectKey,
    place: Place,
    action: Action,
    hook: Option<Hook>,
    /// Whether it is seen once it is there: an inventory has only what carries the application's name,
    /// which the namespace of `CreateNamespace=true` does not.
    is_followed: bool,
    state: TaskState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum TaskState {
    Pending,
    /// What a hook left the time before is being deleted.
    Clearing,
    /// The target took it; what follows is waited for.
    Accepted,
    Succeeded,
    Failed,
}

/// Why an operation fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The object that made it fail.
    pub object: ObjectKey,
    /// What happened to it.
    pub problem: String,
}

/// What is seen of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its health.
    pub health: Health,
    /// Whether somebody asked for its deletion.
    pub is_going: bool,
}

impl Observed {
    /// What an object that is there says of itself, as `assess` judges it; a kind that nobody
    /// assesses is healthy.
    pub fn by(live: &Value, assess: impl FnOnce(&Value) -> Option<Health>) -> Self {
        let is_going = live.pointer("/metadata/deletionTimestamp").is_some();
        let without_health = || Health { status: HealthStatus::Healthy, message: String::new() };
        Self { health: assess(live).unwrap_or_else(without_health), is_going }
    }
}

/// What happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Do these, side by side, and report each by [`Operation::report`].
    Act(Vec<Act>),
    /// Look again when one of these changes, or at the deadline.
    Wait {
        /// What is waited for; never empty.
        waits: Vec<Wait>,
        /// When the wave has taken too long.
        deadline: Timestamp,
    },
    /// It is over. Delete these hooks, as their policies say.
    End {
        /// `None`: it succeeded.
        failure: Option<Failure>,
        /// Hooks that are not kept.
        delete: Vec<ObjectKey>,
    },
}

/// One request to the target; the number is the step's place in what [`Operation::begin`] was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Write the step's manifest.
    Apply(usize),
    /// Delete the step's object.
    Delete(usize),
    /// Delete what the hook left the time before.
    Clear(usize),
}

/// Why a wave is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// The object that is not there yet.
    pub object: ObjectKey,
    /// In which phase.
    pub phase: Phase,
    /// In which wave.
    pub wave: i32,
    /// For what.
    pub reason: WaitReason,
}

/// What an operation waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum WaitReason {
    /// The object is not healthy yet.
    Health {
        /// What it is.
        status: HealthStatus,
        /// In its own words.
        message: String,
    },
    /// The hook has not finished.
    Hook {
        /// In its own words.
        message: String,
    },
    /// The object is being deleted; finalizers may hold it.
    Deletion,
}

impl Operation {
    /// Begins with the steps of a plan. `prune_last` puts all deletions after the last wave, else they
    /// go with their waves, in reverse.
    #[must_use]
    pub fn begin(steps: &[Step], prune_last: bool, wave_ms_max: i64) -> Self {
        let mut tasks: Vec<Task> = steps
            .iter()
            .map(|step| Task {
                object: step.object.clone(),
                place: (step.phase, step.wave),
                action: step.action,
                hook: step.hook.clone(),
                is_followed: step
                    .manifest
                    .as_ref()
                    .is_none_or(|one| annotation(one, TRACKING_ANNOTATION).is_some()),
                state: match step.action {
                    Action::Create | Action::Update | Action::Delete => TaskState::Pending,
                    Action::Unchanged => TaskState::Accepted,
                    Action::Blocked => TaskState::Succeeded,
                },
            })
            .collect();
        place_deletions(&mut tasks, prune_last);
        Self { tasks, wave_ms_max, current: None, failure: None }
    }

    /// Takes what happened to an act.
    pub fn report(&mut self, act: Act, outcome: Result<(), String>) {
        let (index, accepted) = match act {
            Act::Apply(index) | Act::Delete(index) => (index, TaskState::Accepted),
            Act::Clear(index) => (index, TaskState::Clearing),
        };
        let Some(task) = self.tasks.get_mut(index) else { return };
        match outcome {
            Ok(()) => task.state = accepted,
            Err(problem) => {
                task.state = TaskState::Failed;
                let object = task.object.clone();
                self.failure.get_or_insert(Failure { object, problem });
            }
        }
    }

    /// A person or a newer revision ends it; its failure hooks still run.
    pub fn end(&mut self, problem: &str) {
        let unfinished = self.tasks.iter().find(|task| !task.is_finished());
        let Some(object) = unfinished.map(|task| task.object.clone()) else { return };
        self.failure.get_or_insert(Failure { object, problem: problem.to_owned() });
    }

    /// Whether what happens next depends on what is seen. A wave that is written and waited for by
    /// nobody does not.
    #[must_use]
    pub fn looks(&self) -> bool {
        let looks = |task: &Task| task.hook.is_some() || task.action == Action::Delete;
        self.waits_for_health() || self.tasks.iter().any(looks)
    }

    /// Takes what is seen and says what happens next. `observed` has no entry for what is not there.
    pub fn next(&mut self, observed: &BTreeMap<ObjectKey, Observed>, as_of: Timestamp) -> Next {
        loop {
            self.settle(observed);
            let Some(place) = self.first_place() else { return self.ending(observed) };
            let since = match self.current {
                Some((current, since)) if current == place => since,
                Some(_) | None => {
                    self.current = Some((place, as_of));
                    as_of
                }
            };
            let acts = self.acts(place, observed);
            if !acts.is_empty() {
                return Next::Act(acts);
            }
            let waits = self.waits(place, observed);
            let deadline = since.plus_ms(self.wave_ms_max);
            if as_of < deadline {
                return Next::Wait { waits, deadline };
            }
            let Some(first) = waits.into_iter().next() else { return self.ending(observed) };
            let seconds = self.wave_ms_max / 1_000;
            let problem = format!("its wave was not done after {seconds} s: {}", first.reason);
            self.fail_place(place, Failure { object: first.object, problem });
        }
    }

    /// Whether a wave is waited for before the next begins.
    fn waits_for_health(&self) -> bool {
        let ordinary = self.tasks.iter().filter(|task| task.place.0 != Phase::SyncFail);
        ordinary.map(|task| task.place).collect::<BTreeSet<Place>>().len() > 1
    }

    /// Moves the tasks that the target has accepted on to how they ended.
    fn settle(&mut self, observed: &BTreeMap<ObjectKey, Observed>) {
        let waits = self.waits_for_health();
        for task in &mut self.tasks {
            let seen = observed.get(&task.object);
            match task.state {
                TaskState::Clearing if seen.is_none() => task.state = TaskState::Pending,
                TaskState::Accepted => match task.outcome(seen, waits) {
                    None => {}
                    Some(Ok(())) => task.state = TaskState::Succeeded,
                    Some(Err(problem)) => {
                        task.state = TaskState::Failed;
                        let object = task.object.clone();
                        self.failure.get_or_insert(Failure { object, problem });
                    }
                },
                TaskState::Pending
                | TaskState::Clearing
                | TaskState::Succeeded
                | TaskState::Failed => {}
            }
        }
    }

    /// The earliest place with unfinished tasks: hooks for failures once something failed, everything
    /// else before.
    fn first_place(&self) -> Option<Place> {
        let counts = |task: &&Task| match task.place.0 {
            Phase::SyncFail => self.failure.is_some(),
            Phase::PreSync | Phase::Sync | Phase::PostSync => self.failure.is_none(),
            // Removing an application is an operation of its own, which has no other phases.
            Phase::PreDelete | Phase::Delete | Phase::PostDelete => self.failure.is_none(),
        };
        let open = self.tasks.iter().filter(|task| !task.is_finished());
        open.filter(counts).map(|task| task.place).min()
    }

    /// What is to be done at a place: the pending tasks of the first kind in the kinds' order.
    fn acts(&self, place: Place, observed: &BTreeMap<ObjectKey, Observed>) -> Vec<Act> {
        let pending = self
            .tasks
            .iter()
            .enumerate()
            .filter(|(_, task)| task.place == place && task.state == TaskState::Pending);
        let rank = |task: &Task| match task.action {
            // Deletions go in reverse and after the writes of their wave.
            Action::Delete => (1, usize::MAX - kind_rank(&task.object.kind)),
            Action::Create | Action::Update | Action::Unchanged | Action::Blocked => {
                (0, kind_rank(&task.object.kind))
            }
        };
        let Some(first) = pending.clone().map(|(_, task)| rank(task)).min() else {
            return Vec::new();
        };
        pending
            .filter(|(_, task)| rank(task) == first)
            .map(|(index, task)| {
                let clears = task.hook.as_ref().is_some_and(Hook::is_made_anew)
                    && observed.contains_key(&task.object);
                match task.action {
                    Action::Delete => Act::Delete(index),
                    _ if clears => Act::Clear(index),
                    Action::Create | Action::Update | Action::Unchanged | Action::Blocked => {
                        Act::Apply(index)
                    }
                }
            })
            .collect()
    }

    fn waits(&self, place: Place, observed: &BTreeMap<ObjectKey, Observed>) -> Vec<Wait> {
        let open = self.tasks.iter().filter(|task| task.place == place && !task.is_finished());
        open.map(|task| Wait {
            object: task.object.clone(),
            phase: place.0,
            wave: place.1,
            reason: task.reason(observed.get(&task.object)),
        })
        .collect()
    }

    /// What is open at a place counts as failed, so that the operation can end.
    fn fail_place(&mut self, place: Place, failure: Failure) {
        let open = self.tasks.iter_mut().filter(|task| task.place == place && !task.is_finished());
        open.for_each(|task| task.state = TaskState::Failed);
        self.failure.get_or_insert(failure);
    }

    fn ending(&self, observed: &BTreeMap<ObjectKey, Observed>) -> Next {
        let policy = match self.failure {
            None => HookDeletion::HookSucceeded,
            Some(_) => HookDeletion::HookFailed,
        };
        let ran = self.tasks.iter().filter(|task| task.is_finished());
        let delete = ran
            .filter(|task| task.hook.as_ref().is_some_and(|hook| hook.deletion.contains(&policy)))
            .filter(|task| observed.contains_key(&task.object))
            .map(|task| task.object.clone())
            .collect();
        Next::End { failure: self.failure.clone(), delete }
    }
}

impl Hook {
    fn is_made_anew(&self) -> bool {
        self.deletion.contains(&HookDeletion::BeforeHookCreation)
    }
}

impl Task {
    fn is_finished(&self) -> bool {
        match self.state {
            TaskState::Succeeded | TaskState::Failed => true,
            TaskState::Pending | TaskState::Clearing | TaskState::Accepted => false,
        }
    }

    /// How an accepted task ended; `None` while it has not.
    fn outcome(&self, seen: Option<&Observed>, waits: bool) -> Option<Result<(), String>> {
        if self.action == Action::Delete {
            return seen.is_none().then_some(Ok(()));
        }
        if (self.hook.is_none() && !waits) || !self.is_followed {
            return Some(Ok(()));
        }
        let Some(seen) = seen else {
            return Some(Err("it is missing: somebody may have deleted it".into()));
        };
        let message = || seen.health.message.clone();
        match (seen.health.status, &self.hook) {
            (HealthStatus::Healthy, _) => Some(Ok(())),
            (HealthStatus::Degraded, _) | (HealthStatus::Unknown, Some(_)) => Some(Err(message())),
            (HealthStatus::Suspended | HealthStatus::Progressing | HealthStatus::Missing, _)
            | (HealthStatus::Unknown, None) => None,
        }
    }

    fn reason(&self, seen: Option<&Observed>) -> WaitReason {
        let going = seen.is_some_and(|seen| seen.is_going);
        if self.action == Action::Delete || self.state == TaskState::Clearing || going {
            return WaitReason::Deletion;
        }
        let health = seen.map(|seen| &seen.health);
        let message = health.map(|health| health.message.clone()).unwrap_or_default();
        match self.hook {
            Some(_) => WaitReason::Hook { message },
            None => WaitReason::Health {
                status: health.map_or(HealthStatus::Missing, |health| health.status),
                message,
            },
        }
    }
}

/// Deletions go with the waves of what is written, the last first; with `prune_last` all of them one
/// wave after.
fn place_deletions(tasks: &mut [Task], prune_last: bool) {
    let is_pruned = |task: &&mut Task| task.action == Action::Delete && task.place.0 == Phase::Sync;
    let last =
        tasks.iter().filter(|task| task.place.0 == Phase::Sync).map(|task| task.place.1).max();
    let waves: BTreeSet<i32> =
        tasks.iter_mut().filter(is_pruned).map(|task| task.place.1).collect();
    let swapped: BTreeMap<i32, i32> =
        waves.iter().copied().zip(waves.iter().rev().copied()).collect();
    for task in tasks.iter_mut().filter(is_pruned) {
        task.place.1 =
            if prune_last { last.unwrap_or(0).saturating_add(1) } else { swapped[&task.place.1] };
    }
}

impl Wait {
    /// A stable name for programs and `boucle explain`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self.reason {
            WaitReason::Health { .. } => "waits-for-health",
            WaitReason::Hook { .. } => "waits-for-hook",
            WaitReason::Deletion => "waits-for-deletion",
        }
    }
}

/// What is waited for, and where in the synchronisation.
impl std::fmt::Display for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "wave {} waits for {}: {}", self.wave, self.object, self.reason)
    }
}

/// What is waited for, in words.
impl std::fmt::Display for WaitReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Health { status, message } if message.is_empty() => write!(f, "it is {status}"),
            Self::Health { status, message } => write!(f, "it is {status}: {message}"),
            Self::Hook { message } if message.is_empty() => write!(f, "the hook has not finished"),
            Self::Hook { message } => write!(f, "the hook has not finished: {message}"),
            Self::Deletion => write!(f, "it is being deleted; its finalizers may hold it"),
        }
    }
}
