//! Applications that wait for others: what is refused, in which order, and until when.

use deployments::{
    Application, ApplicationState, AtOnce, BlockReason, Declaration, Dependencies, DependencyWait,
    Deployment, HealthState, HealthStatus, Outcome, PlanSummary, Rollout, dependency_order,
    dependency_problems, dependency_wait,
};
use ledger::{Actor, ApplicationName, RepositoryName, Sequence, Timestamp};

use crate::plan::{application, check, commit, inputs, live, object};

fn named(name: &str, depends_on: &str) -> Application {
    let mut one = application("");
    one.name = ApplicationName::new(name).unwrap();
    one.annotations.insert("boucle.dev/depends-on".into(), depends_on.into());
    one
}

/// Each application as `name: those that it depends on`; the problems as `name: sentence`.
#[track_caller]
fn problems(applications: &[&str], expected: &[&str]) {
    let read = applications.iter().map(|text| text.split_once(':').unwrap());
    let all: Vec<Application> = read.map(|(name, names)| named(name, names)).collect();
    check_problems(&all, expected);
}

/// What is wrong with the dependencies among some applications, in order.
#[track_caller]
fn check_problems(all: &[Application], expected: &[&str]) {
    let found = dependency_problems(all.iter());
    let found: Vec<String> = found.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\nhas not: {expected}");
    }
}

#[test]
fn names_and_circles_are_checked() {
    problems(&["a:", "b: a", "c: a, b,"], &[]);
    problems(&["a: no name"], &["`no name`, which is no name"]);
    problems(&["a: b"], &["a: `boucle.dev/depends-on` names b, which no file"]);
    problems(&["a: a"], &["a waits for itself through a"]);
    problems(&["a: b", "b: c", "c: b"], &["b waits for itself through b → c"]);
    problems(&["a: b", "b: a", "x: y", "y: x"], &["itself through a → b", "itself through x → y"]);
    // Two ways to the same one are no circle.
    problems(&["a: b, c", "b: d", "c: d", "d:"], &[]);
}

/// Each application as `name: those that it depends on`, in the step of the set `s` that its name ends
/// with, if it ends with one; those whose name begins with `t` are of the set `t`.
#[track_caller]
fn stepped(applications: &[&str], expected: &[&str]) {
    let read = applications.iter().map(|text| text.split_once(':').unwrap());
    let all = read.map(|(name, names)| {
        let mut one = named(name, names);
        let step = name.chars().last().and_then(|last| last.to_digit(10));
        let set = if name.starts_with('t') { "t" } else { "s" };
        let at_once = AtOnce::Percent(100);
        one.rollout = step.map(|step| {
            let step = Some(step as usize);
            Rollout { set: set.into(), step, at_once, is_reversed: false }
        });
        one
    });
    let all: Vec<Application> = all.collect();
    check_problems(&all, expected);
}

#[test]
fn dependencies_go_with_the_steps_of_sets() {
    stepped(&["a1: b1", "b1:", "c2: a1", "d3: x, c2", "x:"], &[]);
    stepped(
        &["a1: b2", "b2:"],
        &["a1: `boucle.dev/depends-on` goes against the steps of the set `s`"],
    );
    stepped(&["a1: b2", "b2:"], &["a1 waits for itself through a1 → b2; take"]);
    stepped(&["a1: c3", "b2:", "c3:"], &["a1 waits for itself through a1 → c3"]);
    // By one that is of no set, and by the steps of another one.
    stepped(&["a1: x", "x: b2", "b2:"], &["a1 waits for itself through a1 → x → b2"]);
    stepped(&["a1: t2", "b2:", "t1: b2", "t2:"], &["waits for itself through a1 → t2 → t1 → b2"]);
    stepped(&["a1: t2", "b2:", "t1: a1", "t2:"], &["waits for itself through"]);
    stepped(&["a1: t2", "b2:", "t1: x", "t2:", "x:"], &[]);
    // A circle of its own is said as such.
    stepped(&["a1: b2", "b2: a1"], &["makes a circle: a1 waits for itself through a1 → b2"]);
}

#[test]
fn what_others_depend_on_comes_first_however_long_the_chain_is() {
    let name = |number: usize| ApplicationName::new(format!("a{number:05}")).unwrap();
    let chain: Dependencies =
        (0..20_000).map(|number| (name(number), [name(number + 1)].into())).collect();
    let order = dependency_order(&chain);
    assert_eq!((order.len(), &order[0]), (20_000, &name(19_999)));
}

pub fn ready() -> ApplicationState {
    let deployment = Deployment {
        generation: 1,
        revision: commit('1'),
        rendered_commit: commit('2'),
        at: Timestamp(1),
        actor: Actor::system("test"),
        summary: PlanSummary::default(),
        images: Vec::new(),
        outcome: Outcome::Applied { at: Timestamp(2) },
        fact: Sequence(1),
    };
    let app = application("");
    ApplicationState {
        declaration: Some(Declaration {
            repository: RepositoryName::new("o/r").unwrap(),
            environment: None,
            set: None,
            kept: None,
            step: None,
            source: app.source,
            destination: app.destination,
            commit: commit('1'),
            further_sources: Vec::new(),
            deletes_objects: false,
        }),
        deployments: vec![deployment],
        health: Some(HealthState {
            status: HealthStatus::Healthy,
            message: String::new(),
            since: Timestamp(3),
            generation: 1,
        }),
        ..ApplicationState::default()
    }
}

#[test]
fn an_application_is_ready_when_its_newest_rendering_is_healthy() {
    let rendered = commit('2');
    let wait = |state: &ApplicationState| dependency_wait(Some(state), Some(&rendered));
    assert_eq!(wait(&ready()), None);
    assert_eq!(dependency_wait(None, Some(&rendered)), Some(DependencyWait::Missing));
    assert_eq!(dependency_wait(Some(&ready()), None), Some(DependencyWait::NotRendered));
    let newer = dependency_wait(Some(&ready()), Some(&commit('3')));
    assert_eq!(newer, Some(DependencyWait::NotSynchronised));
    let with = |change: fn(&mut ApplicationState)| {
        let mut state = ready();
        change(&mut state);
        wait(&state)
    };
    assert_eq!(with(|state| state.declaration = None), Some(DependencyWait::Missing));
    let failed = with(|state| state.render_problem = Some((commit('1'), "x".into())));
    assert_eq!(failed, Some(DependencyWait::NotRendered));
    let blocked = with(|state| state.blocked = vec![BlockReason::ManualSync { changes: 1 }]);
    assert_eq!(blocked, Some(DependencyWait::Blocked));
    let applying = with(|state| state.deployments[0].outcome = Outcome::Applying);
    assert_eq!(applying, Some(DependencyWait::NotSynchronised));
    let sick = with(|state| state.health.as_mut().unwrap().status = HealthStatus::Degraded);
    assert_eq!(sick, Some(DependencyWait::NotHealthy { status: HealthStatus::Degraded }));
    // What is not looked at yet is not healthy.
    let unseen = with(|state| state.deployments[0].generation = 2);
    assert_eq!(unseen, Some(DependencyWait::NotHealthy { status: HealthStatus::Progressing }));
}

#[test]
fn a_new_revision_waits_and_a_repair_does_not() {
    let waiting = |lived: Vec<deployments::LiveObject>| {
        let mut inputs = inputs(&[object("ConfigMap", "a")], lived);
        let name = ApplicationName::new("database").unwrap();
        inputs.waits_for = vec![(name, DependencyWait::NotSynchronised)];
        inputs
    };
    check(&waiting(Vec::new()), &["blocked waits-for-dependency"]);
    check(
        &waiting(vec![live(&object("ConfigMap", "a"))]),
        &["up-to-date", "unchanged ConfigMap/a"],
    );
    let mut repair = waiting(Vec::new());
    repair.previous = Some(deployments::PreviousPlan {
        generation: 1,
        rendered_commit: repair.rendered_commit.clone(),
        applied_at: Some(Timestamp(50)),
        failures: 0,
        failed_at: None,
        problem: String::new(),
    });
    check(&repair, &["create ConfigMap/a"]);
}
