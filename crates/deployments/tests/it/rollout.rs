//! Sets that go by steps: which application is in which, whose turn it is, and what people may do.

use deployments::application_set::Upkeep;
use deployments::{
    ApplicationState, AtOnce, Automated, DependencyWait, HealthStatus, Member, PreviousPlan,
    Rollout, Standing, StepWait, SyncRequest,
};
use ledger::{ApplicationName, Timestamp};

use crate::application_set::placed;
use crate::plan::{check, commit, inputs, live, object};

fn name(text: &str) -> ApplicationName {
    ApplicationName::new(text).unwrap()
}

/// The step of an application with these labels, as `step at once`.
#[track_caller]
fn step(strategy: &str, labels: &str, expected: &str) {
    let rollout = placed(strategy, labels).unwrap().unwrap();
    let at_once = match rollout.at_once {
        AtOnce::Number(number) => number.to_string(),
        AtOnce::Percent(percent) => format!("{percent}%"),
    };
    let step = rollout.step.map_or("none".into(), |step| step.to_string());
    assert_eq!(format!("{step} {at_once}"), expected, "{strategy} {labels}");
}

const STEPS: &str = "{type: RollingSync, rollingSync: {steps: [\
    {matchExpressions: [{key: env, operator: In, values: [dev, test]}]}, \
    {matchExpressions: [{key: env, operator: In, values: [prod]}, \
                        {key: region, operator: NotIn, values: [us]}], maxUpdate: 2}, \
    {matchExpressions: [{key: env, operator: In, values: [prod, dev]}], maxUpdate: '25%'}]}}";

#[test]
fn labels_say_the_step() {
    step(STEPS, "{env: dev}", "1 100%");
    step(STEPS, "{env: test, region: us}", "1 100%");
    step(STEPS, "{env: prod}", "2 2");
    step(STEPS, "{env: prod, region: eu}", "2 2");
    step(STEPS, "{env: prod, region: us}", "3 25%");
    step(STEPS, "{env: other}", "none 0");
    step(STEPS, "{}", "none 0");
    step("{type: RollingSync, rollingSync: {steps: [{}]}}", "{}", "1 100%");
    step("{type: RollingSync, rollingSync: {steps: [{maxUpdate: 0}]}}", "{}", "1 0");
    step("{type: RollingSync, rollingSync: {steps: [{maxUpdate: '3'}]}}", "{}", "1 3");
    assert_eq!(placed("{type: AllAtOnce}", "{}").unwrap(), None);
    let refused = |strategy: &str, needle: &str| {
        let error = placed(strategy, "{}").unwrap_err();
        assert!(error.contains(needle), "{error}\nhas not: {needle}");
    };
    refused("{type: RollingSync}", "needs `rollingSync.steps`");
    refused("{type: RollingSync, rollingSync: {steps: []}}", "needs `rollingSync.steps`");
    refused("{rollingSync: {steps: [{}]}}", "`type: RollingSync` only");
    refused("{type: Other}", "`Other` is not known");
    refused("{deletionOrder: Reverse}", "goes by the steps");
    refused("{type: RollingSync, deletionOrder: Up}", "`deletionOrder` is `Up`");
    let steps = |one: &str| format!("{{type: RollingSync, rollingSync: {{steps: [{{}}, {one}]}}}}");
    refused(&steps("{maxUpdate: 101%}"), "steps[1]`: `maxUpdate` is `101%`");
    refused(&steps("{maxUpdate: many}"), "steps[1]`: `maxUpdate` is `many`");
    refused(&steps("{matchExpressions: [{key: a, operator: Exists}]}"), "`operator: Exists`");
    refused(&steps("{matchLabels: {}}"), "matchLabels");
}

#[test]
fn a_percentage_lets_one_go_at_least() {
    let check = |at_once: AtOnce, of: usize, expected: usize| assert_eq!(at_once.of(of), expected);
    check(AtOnce::Number(3), 2, 3);
    check(AtOnce::Percent(100), 7, 7);
    check(AtOnce::Percent(50), 5, 2);
    check(AtOnce::Percent(1), 5, 1);
    check(AtOnce::Percent(0), 5, 0);
}

/// Members as `name step how`: `ok`, `old` (not let go yet), `going` (let go and not ready).
fn standing(members: &[&str]) -> Standing {
    let read = members.iter().map(|text| {
        let parts: Vec<&str> = text.split(' ').collect();
        let wait = (parts[2] != "ok").then_some(DependencyWait::NotSynchronised);
        let step = parts[1].parse().unwrap();
        Member { application: name(parts[0]), step, wait, is_changing: parts[2] == "going" }
    });
    read.collect()
}

fn rollout(step: usize, at_once: AtOnce) -> Rollout {
    Rollout { set: "shops".into(), step: Some(step), at_once, is_reversed: true }
}

/// For whom an application waits, as `name step`; empty: for nobody.
#[track_caller]
fn turn(members: &[&str], who: &str, step: usize, at_once: AtOnce, expected: &str) {
    let wait = standing(members).wait_of(&name(who), &rollout(step, at_once));
    let found = wait.map(|wait| format!("{} {}", wait.application, wait.step));
    assert_eq!(found.unwrap_or_default(), expected, "{members:?}");
}

#[test]
fn earlier_steps_come_first_and_only_so_many_at_once() {
    let all = AtOnce::Percent(100);
    turn(&["a 1 old", "b 2 old"], "a", 1, all, "");
    turn(&["a 1 old", "b 2 old"], "b", 2, all, "a 1");
    turn(&["a 1 going", "b 2 old"], "b", 2, all, "a 1");
    turn(&["a 1 ok", "b 2 old"], "b", 2, all, "");
    // The last by name is named: it stays the same while the others get ready.
    turn(&["a 1 old", "c 1 old", "b 2 old"], "b", 2, all, "c 1");
    turn(&["a 1 ok", "c 1 old", "b 2 old"], "b", 2, all, "c 1");
    // A later step waits for the first that is not ready.
    turn(&["a 1 old", "b 2 old", "c 3 old"], "c", 3, all, "a 1");
    turn(&["a 1 ok", "b 2 old", "c 3 old"], "c", 3, all, "b 2");
    // What stands in a later step is nobody's business.
    turn(&["a 1 old", "b 2 going"], "a", 1, all, "");
    let one = AtOnce::Number(1);
    turn(&["a 1 old", "b 1 old"], "b", 1, one, "");
    turn(&["a 1 going", "b 1 old"], "b", 1, one, "a 1");
    turn(&["a 1 ok", "b 1 old"], "b", 1, one, "");
    turn(&["a 1 going", "b 1 going"], "b", 1, one, "a 1");
    turn(&["a 1 going", "b 1 old", "c 1 old"], "b", 1, AtOnce::Number(2), "");
    turn(&["a 1 going", "b 1 old", "c 1 old", "d 1 ok"], "b", 1, AtOnce::Percent(25), "a 1");
    turn(&["a 1 going", "b 1 old", "c 1 old", "d 1 ok"], "b", 1, AtOnce::Percent(50), "");
}

#[test]
fn what_is_removed_goes_from_the_last_step_on() {
    let wait = |members: &[&str], rollout: &Rollout| {
        let wait = standing(members).removal_wait_of(rollout)?;
        Some(format!("{} {}", wait.application, wait.step))
    };
    let reversed = |step| rollout(step, AtOnce::Percent(100));
    let members = ["a 1 going", "b 2 going", "c 3 going"];
    assert_eq!(wait(&members, &reversed(3)), None);
    assert_eq!(wait(&members, &reversed(2)).as_deref(), Some("c 3"));
    assert_eq!(wait(&members, &reversed(1)).as_deref(), Some("c 3"));
    assert_eq!(wait(&members[..2], &reversed(1)).as_deref(), Some("b 2"));
    assert_eq!(wait(&members[..1], &reversed(1)), None);
    let together = Rollout { is_reversed: false, ..reversed(1) };
    assert_eq!(wait(&members, &together), None);
}

#[test]
fn who_was_let_go_and_is_not_ready_counts() {
    let (healthy, rendered) = (crate::dependencies::ready(), commit('2'));
    let member = |state: &ApplicationState, newest: Option<&ledger::CommitId>| {
        let member = Member::of(&name("a"), 1, state, newest);
        (member.wait.is_some(), member.is_changing)
    };
    assert_eq!(member(&healthy, Some(&rendered)), (false, false));
    assert_eq!(member(&healthy, Some(&commit('3'))), (true, false));
    assert_eq!(member(&healthy, None), (true, false));
    let mut sick = healthy;
    sick.health.as_mut().unwrap().status = HealthStatus::Degraded;
    assert_eq!(member(&sick, Some(&rendered)), (true, true));
}

#[test]
fn steps_hold_a_new_revision_until_a_person_asks() {
    let waiting = |lived: Vec<deployments::LiveObject>| {
        let mut inputs = inputs(&[object("ConfigMap", "a")], lived);
        inputs.application.rollout = Some(rollout(2, AtOnce::Percent(100)));
        inputs.step_wait = Some(StepWait {
            set: "shops".into(),
            step: 1,
            application: name("first"),
            wait: DependencyWait::NotSynchronised,
        });
        inputs
    };
    let new = waiting(Vec::new());
    check(&new, &["blocked waits-for-step"]);
    check(
        &waiting(vec![live(&object("ConfigMap", "a"))]),
        &["up-to-date", "unchanged ConfigMap/a"],
    );
    let mut asked = new.clone();
    asked.requested = Some(SyncRequest { prune: false });
    check(&asked, &["create ConfigMap/a"]);
    // What was let go is not sent back when it has to be tried again.
    let mut failed = new.clone();
    failed.previous = Some(PreviousPlan {
        generation: 1,
        rendered_commit: failed.rendered_commit.clone(),
        applied_at: None,
        failures: 1,
        failed_at: Some(Timestamp(0)),
        problem: "x".into(),
    });
    failed.as_of = Timestamp(1_000_000);
    failed.inventory.as_mut().unwrap().as_of = Timestamp(1_000_000);
    check(&failed, &["create ConfigMap/a"]);
    // Steps synchronise what no automation would, and leave alone what no step has.
    let mut bare = new.clone();
    bare.application.sync.automated = None;
    bare.step_wait = None;
    check(&bare, &["create ConfigMap/a"]);
    for outside in [None, Some(2)] {
        let mut inputs = bare.clone();
        let none = Rollout { step: outside, ..rollout(2, AtOnce::Number(0)) };
        inputs.application.sync.automated = Some(Automated::BARE);
        inputs.application.rollout = Some(none);
        check(&inputs, &["blocked manual-sync"]);
    }
}

#[test]
fn a_set_says_what_reaches_its_applications() {
    let (mut old, mut new) = (crate::plan::application(""), crate::plan::application(""));
    (old.source.path, new.source.path) = ("old".into(), "new".into());
    let check = |upkeep: Upkeep, generated: bool, kept: bool, expected: &str| {
        let form = upkeep.form(generated.then_some(&new), kept.then_some(&old));
        let found = form.map_or("", |form| form.source.path.as_str());
        assert_eq!(found, expected, "{upkeep:?} {generated} {kept}");
    };
    for upkeep in [Upkeep::Sync, Upkeep::CreateUpdate, Upkeep::CreateDelete, Upkeep::CreateOnly] {
        check(upkeep, true, false, "new");
        check(upkeep, false, false, "");
        check(upkeep, true, true, if upkeep.updates() { "new" } else { "old" });
        check(upkeep, false, true, if upkeep.removes() { "" } else { "old" });
    }
    assert!(Upkeep::Sync.updates() && Upkeep::Sync.removes());
    assert!(Upkeep::CreateUpdate.updates() && !Upkeep::CreateUpdate.removes());
    assert!(!Upkeep::CreateDelete.updates() && Upkeep::CreateDelete.removes());
    assert!(!Upkeep::CreateOnly.updates() && !Upkeep::CreateOnly.removes());
}

#[test]
fn counting_on_comes_to_the_same_as_counting_anew() {
    let all = ["a 1 ok", "b 1 going", "c 2 old", "d 2 going", "e 3 ok"];
    let mut counted = standing(&all);
    // One gets ready, one is let go, one gets into another step, one leaves, one comes.
    for text in ["b 1 ok", "c 2 going", "d 1 old", "f 3 old"] {
        let parts: Vec<&str> = text.split(' ').collect();
        let wait = (parts[2] != "ok").then_some(DependencyWait::NotSynchronised);
        let step = parts[1].parse().unwrap();
        let is_changing = parts[2] == "going";
        counted.put(Member { application: name(parts[0]), step, wait, is_changing });
    }
    counted.remove(&name("e"));
    counted.remove(&name("nobody"));
    assert_eq!(counted, standing(&["a 1 ok", "b 1 ok", "c 2 going", "d 1 old", "f 3 old"]));
    for left in ["a", "b", "c", "d", "f"] {
        assert!(!counted.is_empty());
        counted.remove(&name(left));
    }
    assert!(counted.is_empty());
}
