//! Applications of a set that change step by step (`RollingSync`): whose turn it is, and for whom the
//! others wait.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{ApplicationName, CommitId};
use serde::{Deserialize, Serialize};

use crate::dependencies::{DependencyWait, dependency_wait};
use crate::view::ApplicationState;

/// The steps of a set, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// Which applications each has.
    pub rules: Vec<StepRule>,
    /// `deletionOrder: Reverse`: what is removed together goes by the steps too, the last first.
    pub is_reversed: bool,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRule {
    /// What the labels of its applications must all meet.
    pub labels: Vec<LabelRule>,
    /// `maxUpdate`.
    pub at_once: AtOnce,
}

/// What a label must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelRule {
    /// The label.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
    /// Whether it is one of them, or none of them, as an application without the label meets too.
    pub is_in: bool,
}

/// How many applications of a step change at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtOnce {
    /// So many.
    Number(usize),
    /// So many of a hundred, rounded down, and one at least.
    Percent(usize),
}

/// The place of an application in the steps of its set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// The set.
    pub set: String,
    /// From 1; `None`: no step has it, and only people synchronise it.
    pub step: Option<usize>,
    /// How many of its step change at once.
    pub at_once: AtOnce,
    /// Whether it is removed after those of later steps.
    pub is_reversed: bool,
}

/// Why it is not the turn of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepWait {
    /// The set.
    pub set: String,
    /// The step that is waited for, from 1.
    pub step: usize,
    /// An application of it that is not ready.
    pub application: ApplicationName,
    /// Why it is not.
    pub wait: DependencyWait,
}

/// One application of a set, as it stands.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its name.
    pub application: ApplicationName,
    /// Its step, from 1.
    pub step: usize,
    /// Why it is not ready.
    pub wait: Option<DependencyWait>,
    /// Whether it was let go with its newest rendering and is not ready yet.
    pub is_changing: bool,
}

/// How the steps of a set stand. One application more or less costs as much as it takes to find it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing(BTreeMap<usize, StepStanding>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct StepStanding {
    members: BTreeSet<ApplicationName>,
    changing: BTreeMap<ApplicationName, DependencyWait>,
    /// The last by name is waited for: as one after the other gets ready it stays the same, and so
    /// does what is said of the wait.
    unready: BTreeMap<ApplicationName, DependencyWait>,
}

impl Steps {
    /// The place of an application with these labels; of several steps it is in the first.
    #[must_use]
    pub fn place(&self, set: &str, labels: &BTreeMap<String, String>) -> Rollout {
        let has = |rule: &StepRule| rule.labels.iter().all(|label| label.is_met(labels));
        let found = self.rules.iter().position(has);
        let at_once = found.and_then(|index| self.rules.get(index)).map(|rule| rule.at_once);
        Rollout {
            set: set.to_owned(),
            step: found.map(|index| index + 1),
            at_once: at_once.unwrap_or(AtOnce::Number(0)),
            is_reversed: self.is_reversed,
        }
    }
}

impl LabelRule {
    fn is_met(&self, labels: &BTreeMap<String, String>) -> bool {
        let is_one = labels.get(&self.key).is_some_and(|value| self.values.contains(value));
        is_one == self.is_in
    }
}

impl AtOnce {
    /// So many of these.
    #[must_use]
    pub fn of(self, members: usize) -> usize {
        match self {
            Self::Number(number) => number,
            Self::Percent(0) => 0,
            Self::Percent(percent) => (members * percent / 100).max(1),
        }
    }
}

impl Rollout {
    /// Whether its turn ever comes by itself.
    #[must_use]
    pub fn has_turn(&self) -> bool {
        let is_none = matches!(self.at_once, AtOnce::Number(0) | AtOnce::Percent(0));
        self.step.is_some() && !is_none
    }
}

impl Member {
    /// How an application stands whose newest rendering is this.
    #[must_use]
    pub fn of(
        application: &ApplicationName,
        step: usize,
        state: &ApplicationState,
        rendered: Option<&CommitId>,
    ) -> Self {
        let wait = dependency_wait(Some(state), rendered);
        let planned = state.current().map(|current| &current.rendered_commit);
        let is_changing = wait.is_some() && rendered.is_some() && planned == rendered;
        Self { application: application.clone(), step, wait, is_changing }
    }

    /// One that was removed and whose objects are still there.
    #[must_use]
    pub fn going(application: &ApplicationName, step: usize) -> Self {
        let wait = Some(DependencyWait::BeingRemoved);
        Self { application: application.clone(), step, wait, is_changing: true }
    }
}

impl FromIterator<Member> for Standing {
    fn from_iter<Members: IntoIterator<Item = Member>>(members: Members) -> Self {
        let mut standing = Self::default();
        members.into_iter().for_each(|member| standing.put(member));
        standing
    }
}

impl Standing {
    /// Takes an application in, in place of what it was.
    pub fn put(&mut self, member: Member) {
        let Member { application, step, wait, is_changing } = member;
        self.remove(&application);
        let standing = self.0.entry(step).or_default();
        standing.members.insert(application.clone());
        let Some(wait) = wait else { return };
        if is_changing {
            standing.changing.insert(application.clone(), wait.clone());
        }
        standing.unready.insert(application, wait);
    }

    /// Leaves an application out.
    pub fn remove(&mut self, application: &ApplicationName) {
        let mut steps = self.0.iter_mut();
        let known =
            steps.find_map(|(step, one)| one.members.remove(application).then_some((*step, one)));
        let Some((step, standing)) = known else { return };
        standing.changing.remove(application);
        standing.unready.remove(application);
        if standing.members.is_empty() {
            self.0.remove(&step);
        }
    }

    /// Whether it has no application.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For whom an application waits before it changes; `None`: it is its turn.
    #[must_use]
    pub fn wait_of(&self, application: &ApplicationName, rollout: &Rollout) -> Option<StepWait> {
        let own = rollout.step?;
        let mut earlier = self.0.range(..own);
        let unready = earlier.find_map(|(step, standing)| {
            let (application, wait) = standing.unready.last_key_value()?;
            Some((*step, application.clone(), wait.clone()))
        });
        let (step, application, wait) = unready.or_else(|| self.room(application, rollout, own))?;
        Some(StepWait { set: rollout.set.clone(), step, application, wait })
    }

    /// The one whose end makes room for this one in their step; `None`: there is room.
    fn room(
        &self,
        application: &ApplicationName,
        rollout: &Rollout,
        own: usize,
    ) -> Option<(usize, ApplicationName, DependencyWait)> {
        let standing = self.0.get(&own)?;
        let is_one = usize::from(standing.changing.contains_key(application));
        let others = standing.changing.len() - is_one;
        let is_full = others >= rollout.at_once.of(standing.members.len());
        let mut from_last = standing.changing.iter().rev().filter(|_| is_full);
        let (last, wait) = from_last.find(|(one, _)| *one != application)?;
        Some((own, last.clone(), wait.clone()))
    }

    /// For whom an application waits before its objects go; `None`: it is its turn.
    #[must_use]
    pub fn removal_wait_of(&self, rollout: &Rollout) -> Option<StepWait> {
        let own = rollout.step.filter(|_| rollout.is_reversed)?;
        let (step, later) = self.0.range(own + 1..).next_back()?;
        let (application, wait) = later.unready.last_key_value()?;
        let (application, wait) = (application.clone(), wait.clone());
        Some(StepWait { set: rollout.set.clone(), step: *step, application, wait })
    }
}
