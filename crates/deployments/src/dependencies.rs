//! Applications that wait for others: `boucle.dev/depends-on` of an application names those that are
//! to be synchronised and healthy before a new revision of it is (decision 0012).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ledger::{ApplicationName, CommitId};
use serde::{Deserialize, Serialize};

use crate::application::Application;
use crate::health::HealthStatus;
use crate::rollout::Rollout;
use crate::view::{ApplicationState, Outcome};

/// The annotation: names with commas between them.
pub const DEPENDS_ON: &str = "boucle.dev/depends-on";

/// The names of each application's dependencies.
pub type Dependencies = BTreeMap<ApplicationName, BTreeSet<ApplicationName>>;

/// Why an application that others depend on is not ready for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum DependencyWait {
    /// Nothing declares it.
    Missing,
    /// It was removed, and its objects are still there.
    BeingRemoved,
    /// It has no rendering yet, or could not be rendered.
    NotRendered,
    /// Something stands in the way of its own synchronisation.
    Blocked,
    /// What it renders to is not applied yet, or the last attempt failed.
    NotSynchronised,
    /// It is not healthy.
    NotHealthy {
        /// How it is.
        status: HealthStatus,
    },
}

/// What is wrong with the dependencies of an application, for review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DependencyProblem {
    /// The annotation has something that is no name.
    NoName {
        /// What it has.
        text: String,
    },
    /// No file of the repository declares it.
    Unknown {
        /// Its name.
        name: ApplicationName,
    },
    /// It would wait for itself.
    Cycle {
        /// Each waits for the next, and the last for the first.
        path: Vec<ApplicationName>,
    },
    /// It would wait for itself by the steps of sets: what it depends on is in a later step.
    Steps {
        /// Each waits for the next or for a step that the next is of, and the last for the first.
        path: Vec<ApplicationName>,
        /// A set by whose steps they wait.
        set: String,
    },
}

/// What waits: an application, or all that comes after a step of a set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Waiting {
    Application(ApplicationName),
    /// For the applications of the step and of those before it.
    Step {
        set: String,
        step: usize,
    },
}

/// Whether it names any.
#[must_use]
pub fn has_dependencies(application: &Application) -> bool {
    application.annotations.contains_key(DEPENDS_ON)
}

/// Those that the application names.
pub fn dependencies(
    application: &Application,
) -> Result<BTreeSet<ApplicationName>, DependencyProblem> {
    let text = application.annotations.get(DEPENDS_ON).map_or("", String::as_str);
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| {
            ApplicationName::new(name)
                .map_err(|_| DependencyProblem::NoName { text: name.to_owned() })
        })
        .collect()
}

/// What is wrong with the dependencies among the applications of a repository, by application.
#[must_use]
pub fn dependency_problems<'a>(
    applications: impl Iterator<Item = &'a Application>,
) -> Vec<(ApplicationName, DependencyProblem)> {
    let (mut problems, mut all) = (Vec::new(), Dependencies::new());
    let mut steps: BTreeMap<(String, usize), BTreeSet<ApplicationName>> = BTreeMap::new();
    for application in applications {
        if let Some(Rollout { set, step: Some(step), .. }) = &application.rollout {
            let members = steps.entry((set.clone(), *step)).or_default();
            members.insert(application.name.clone());
        }
        match dependencies(application) {
            Ok(names) => drop(all.insert(application.name.clone(), names)),
            Err(problem) => {
                all.insert(application.name.clone(), BTreeSet::new());
                problems.push((application.name.clone(), problem));
            }
        }
    }
    for (application, names) in &all {
        for name in names.iter().filter(|name| !all.contains_key(*name)) {
            let problem = DependencyProblem::Unknown { name: name.clone() };
            problems.push((application.clone(), problem));
        }
    }
    let (_, cycles) = walk(&all);
    let cycle = |path: Vec<ApplicationName>| {
        let first = path.first()?.clone();
        Some((first, DependencyProblem::Cycle { path }))
    };
    let is_sound = cycles.is_empty();
    problems.extend(cycles.into_iter().filter_map(cycle));
    if is_sound {
        problems.extend(against_steps(&all, &steps));
    }
    problems
}

/// Who waits for ever because a set goes step by step, each circle once.
fn against_steps(
    all: &Dependencies,
    steps: &BTreeMap<(String, usize), BTreeSet<ApplicationName>>,
) -> Vec<(ApplicationName, DependencyProblem)> {
    let mut waits: BTreeMap<Waiting, BTreeSet<Waiting>> = BTreeMap::new();
    for (application, names) in all {
        let names = names.iter().cloned().map(Waiting::Application).collect();
        waits.insert(Waiting::Application(application.clone()), names);
    }
    let mut before: Option<(&str, usize)> = None;
    for ((set, step), members) in steps {
        let before_it = before.filter(|(name, _)| name == set);
        let earlier = before_it.map(|(_, step)| Waiting::Step { set: set.clone(), step });
        let mut of_step: BTreeSet<_> = members.iter().cloned().map(Waiting::Application).collect();
        for member in &of_step {
            waits.entry(member.clone()).or_default().extend(earlier.clone());
        }
        of_step.extend(earlier);
        waits.insert(Waiting::Step { set: set.clone(), step: *step }, of_step);
        before = Some((set, *step));
    }
    let (_, cycles) = walk(&waits);
    let problem = |mut cycle: Vec<Waiting>| {
        let set = cycle.iter().find_map(|one| match one {
            Waiting::Step { set, .. } => Some(set.clone()),
            Waiting::Application(_) => None,
        })?;
        // It begins with one whose own file says whom it waits for.
        let next = |index: usize| cycle.get((index + 1) % cycle.len());
        let begin = (0..cycle.len()).find(|index| {
            let both = [cycle.get(*index), next(*index)];
            both.iter().all(|one| matches!(one, Some(Waiting::Application(_))))
        })?;
        cycle.rotate_left(begin);
        let path: Vec<ApplicationName> = cycle
            .into_iter()
            .filter_map(|one| match one {
                Waiting::Application(name) => Some(name),
                Waiting::Step { .. } => None,
            })
            .collect();
        Some((path.first()?.clone(), DependencyProblem::Steps { path, set }))
    };
    cycles.into_iter().filter_map(problem).collect()
}

/// The names with each after those that it depends on. What waits for itself comes where it may.
#[must_use]
pub fn dependency_order(all: &Dependencies) -> Vec<ApplicationName> {
    walk(all).0
}

/// The order, and each cycle once. Without recursion: a chain may be as long as there are
/// applications.
fn walk<Name: Ord + Clone>(all: &BTreeMap<Name, BTreeSet<Name>>) -> (Vec<Name>, Vec<Vec<Name>>) {
    let (mut order, mut cycles) = (Vec::new(), Vec::new());
    let mut done: BTreeSet<&Name> = BTreeSet::new();
    for root in all.keys() {
        let mut path: Vec<(&Name, Vec<&Name>)> = Vec::new();
        let mut entered: Option<&Name> = Some(root).filter(|root| !done.contains(root));
        loop {
            if let Some(name) = entered.take() {
                let next = all.get(name).into_iter().flatten().rev();
                path.push((name, next.filter(|next| all.contains_key(*next)).collect()));
            }
            let Some((name, left)) = path.last_mut() else { break };
            let name = *name;
            match left.pop() {
                None => {
                    path.pop();
                    if done.insert(name) {
                        order.push(name.clone());
                    }
                }
                Some(next) if done.contains(next) => {}
                Some(next) => match path.iter().position(|(known, _)| *known == next) {
                    Some(from) => {
                        cycles.push(path[from..].iter().map(|(name, _)| (*name).clone()).collect());
                    }
                    None => entered = Some(next),
                },
            }
        }
    }
    (order, cycles)
}

/// Why the application is not ready for those that depend on it; `None`: it is. `rendered` is its
/// newest rendering.
#[must_use]
pub fn dependency_wait(
    state: Option<&ApplicationState>,
    rendered: Option<&CommitId>,
) -> Option<DependencyWait> {
    let Some(state) = state.filter(|state| state.declaration.is_some()) else {
        return Some(DependencyWait::Missing);
    };
    if rendered.is_none() || state.render_problem.is_some() {
        return Some(DependencyWait::NotRendered);
    }
    if !state.blocked.is_empty() {
        return Some(DependencyWait::Blocked);
    }
    let applied = state.current().filter(|current| match current.outcome {
        Outcome::Applied { .. } => true,
        Outcome::Applying | Outcome::Failed { .. } => false,
    });
    if applied.map(|current| &current.rendered_commit) != rendered {
        return Some(DependencyWait::NotSynchronised);
    }
    let status = state.current_health().map_or(HealthStatus::Unknown, |health| health.status);
    (status != HealthStatus::Healthy).then_some(DependencyWait::NotHealthy { status })
}

/// `its health is Degraded`.
impl fmt::Display for DependencyWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("nothing declares it"),
            Self::BeingRemoved => f.write_str("its objects are still there"),
            Self::NotRendered => f.write_str("it is not rendered"),
            Self::Blocked => f.write_str("something stands in its own way"),
            Self::NotSynchronised => f.write_str("its newest rendering is not applied"),
            Self::NotHealthy { status } => write!(f, "its health is {status:?}"),
        }
    }
}

/// What is wrong, and what to do.
impl fmt::Display for DependencyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName { text } => {
                write!(f, "`{DEPENDS_ON}` has `{text}`, which is no name of an application")
            }
            Self::Unknown { name } => {
                write!(f, "`{DEPENDS_ON}` names {name}, which no file of this repository declares")
            }
            Self::Cycle { path } => {
                let names: Vec<&str> = path.iter().map(ApplicationName::as_str).collect();
                write!(
                    f,
                    "`{DEPENDS_ON}` makes a circle: {} waits for itself through {}; take one of them out",
                    names.first().copied().unwrap_or_default(),
                    names.join(" → ")
                )
            }
            Self::Steps { path, set } => {
                let names: Vec<&str> = path.iter().map(ApplicationName::as_str).collect();
                write!(
                    f,
                    "`{DEPENDS_ON}` goes against the steps of the set `{set}`: {} waits for itself through {}; take the dependency out, or move what it names to no later step",
                    names.first().copied().unwrap_or_default(),
                    names.join(" → ")
                )
            }
        }
    }
}
