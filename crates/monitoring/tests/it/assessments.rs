//! The verdict on a deployment: one change of the inputs at a time.

use ledger::{ApplicationName, CommitId, Timestamp};
use monitoring::{
    AssessInputs, BurnRateRule, Case, ObjectiveObservation, ProbeObservation, RuleOutcome,
    ScrapeProblem, Severity, UnknownReason, Verdict, WorkloadHealth, assess,
};

const DEPLOYED_AT: Timestamp = Timestamp(1_000_000);

fn rule(severity: Severity) -> BurnRateRule {
    BurnRateRule {
        severity,
        factor: 14.4,
        budget: 0.01,
        long_window_ms: 6000,
        short_window_ms: 2000,
        long_query: "long".into(),
        short_query: "short".into(),
        traffic_query: "traffic".into(),
    }
}

fn objective(outcomes: &[(Severity, RuleOutcome)]) -> ObjectiveObservation {
    let rules = outcomes.iter().map(|(severity, outcome)| (rule(*severity), *outcome)).collect();
    ObjectiveObservation { name: "availability".into(), rules, burning_since: None }
}

/// Everything is well and the window is over.
fn well() -> AssessInputs {
    AssessInputs {
        application: ApplicationName::new("hello").unwrap(),
        revision: CommitId::new("a".repeat(40)).unwrap(),
        deployed_at: DEPLOYED_AT,
        as_of: DEPLOYED_AT.plus_ms(10_000),
        window_ms: 10_000,
        minimum_requests: 20,
        requests: Some(20),
        health: WorkloadHealth::Ready,
        restarts: 0,
        restarts_allowed: 2,
        probes: vec![ProbeObservation {
            name: "home".into(),
            asked: 3,
            failures_in_a_row: 0,
            failure_threshold: 3,
            last_answer: Some("status 200".into()),
        }],
        objectives: vec![objective(&[(Severity::Page, RuleOutcome::Quiet { burn: 0.5 })])],
        scrapes_failing: Vec::new(),
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut AssessInputs), verdict: Verdict, codes: &[&str]) {
    let mut inputs = well();
    change(&mut inputs);
    let assessment = assess(&inputs);
    let found: Vec<_> = assessment.cases.iter().map(Case::code).collect();
    assert_eq!((assessment.verdict, found.as_slice()), (verdict, codes));
    assert_eq!(assessment, assess(&inputs), "equal inputs, equal answer");
    for case in &assessment.cases {
        assert_eq!(serde_json::to_value(case).unwrap()["code"], case.code());
    }
}

#[test]
fn healthy_needs_everything() {
    check(|_| {}, Verdict::Healthy, &[]);
    let hold = Verdict::Inconclusive;
    check(|i| i.as_of = DEPLOYED_AT.plus_ms(9999), hold, &["window-open"]);
    check(|i| i.as_of = DEPLOYED_AT.plus_ms(-1), hold, &["clock-behind"]);
    check(|i| i.requests = Some(19), hold, &["little-traffic"]);
    check(|i| i.requests = None, hold, &["little-traffic"]);
    check(|i| (i.requests, i.minimum_requests) = (None, 0), Verdict::Healthy, &[]);
    check(|i| i.health = WorkloadHealth::Progressing, hold, &["workload-progressing"]);
    check(
        |i| i.health = WorkloadHealth::Unknown { reason: "target away".into() },
        hold,
        &["workload-unknown"],
    );
    check(|i| i.probes[0].asked = 0, hold, &["probe-silent"]);
    check(|i| i.probes[0].failures_in_a_row = 2, Verdict::Healthy, &[]);
    let problem = ScrapeProblem { target: "http://x".into(), problem: "garbage".into() };
    check(|i| i.scrapes_failing.push(problem), hold, &["scrape-failing"]);
}

#[test]
fn sick_at_any_time() {
    let sick = Verdict::Sick;
    check(
        |i| i.health = WorkloadHealth::Degraded { reason: "never ready".into() },
        sick,
        &["workload-degraded"],
    );
    check(|i| i.restarts = 3, sick, &["restarts-too-many"]);
    check(|i| i.restarts = 2, Verdict::Healthy, &[]);
    check(|i| i.probes[0].failures_in_a_row = 3, sick, &["probe-failing"]);
    let firing = RuleOutcome::Firing { burn: 30.0 };
    let page = objective(&[(Severity::Page, firing)]);
    check(|i| i.objectives = vec![page.clone()], sick, &["objective-burning"]);
    // In the window, and long after it.
    check(
        |i| (i.objectives, i.as_of) = (vec![page.clone()], DEPLOYED_AT.plus_ms(3000)),
        sick,
        &["objective-burning", "window-open"],
    );
    check(
        |i| (i.objectives, i.as_of) = (vec![page.clone()], DEPLOYED_AT.plus_ms(86_400_000)),
        sick,
        &["objective-burning"],
    );
}

#[test]
fn an_objective_gives_one_case() {
    let hold = Verdict::Inconclusive;
    let firing = RuleOutcome::Firing { burn: 30.0 };
    let unknown = |reason| RuleOutcome::Unknown { reason };
    let no_data = unknown(UnknownReason::NoData);
    let with = |outcomes: &[(Severity, RuleOutcome)]| {
        let objectives = vec![objective(outcomes)];
        move |inputs: &mut AssessInputs| inputs.objectives = objectives
    };
    check(with(&[(Severity::Ticket, firing)]), hold, &["objective-burning"]);
    check(with(&[(Severity::Page, no_data)]), hold, &["objective-unknown"]);
    check(with(&[]), hold, &["objective-unknown"]);
    check(
        with(&[(Severity::Page, firing), (Severity::Ticket, firing)]),
        Verdict::Sick,
        &["objective-burning"],
    );
    check(
        with(&[(Severity::Page, no_data), (Severity::Page, firing)]),
        Verdict::Sick,
        &["objective-burning"],
    );
    let quiet = RuleOutcome::Quiet { burn: 0.0 };
    check(
        with(&[(Severity::Page, quiet), (Severity::Page, no_data)]),
        hold,
        &["objective-unknown"],
    );
    let little = [(Severity::Page, unknown(UnknownReason::LittleTraffic))];
    check(with(&little), hold, &["objective-unknown"]);
    // Who asks for no traffic accepts that there is none, but not that nothing is measured.
    check(
        |i| (i.objectives, i.minimum_requests) = (vec![objective(&little)], 0),
        Verdict::Healthy,
        &[],
    );
    check(
        |i| {
            i.objectives = vec![objective(&[(Severity::Page, no_data)])];
            i.minimum_requests = 0;
        },
        hold,
        &["objective-unknown"],
    );
}

#[test]
fn what_burned_before_is_not_blamed_on_the_new_revision() {
    let firing = objective(&[(Severity::Page, RuleOutcome::Firing { burn: 30.0 })]);
    let since = |ms| {
        let before = Some(DEPLOYED_AT.plus_ms(ms));
        ObjectiveObservation { burning_since: before, ..firing.clone() }
    };
    let at = |ms, objective| {
        move |i: &mut AssessInputs| {
            (i.objectives, i.as_of) = (vec![objective], DEPLOYED_AT.plus_ms(ms));
        }
    };
    let carried = &["burning-before", "window-open"];
    check(at(1999, since(-1)), Verdict::Inconclusive, carried);
    // The short window (2 s) holds only the new revision: it burns itself.
    let own = &["objective-burning", "window-open"];
    check(at(2000, since(-1)), Verdict::Sick, own);
    check(at(1999, since(0)), Verdict::Sick, own);
    check(at(1999, firing.clone()), Verdict::Sick, own);
}

#[test]
fn a_new_fact_is_due_only_for_news() {
    let mut inputs = well();
    inputs.requests = Some(5);
    let assessment = assess(&inputs);
    inputs.requests = Some(6);
    let next = assess(&inputs);
    assert!(!next.differs_from(assessment.verdict, &assessment.cases));
    inputs.restarts = 9;
    assert!(assess(&inputs).differs_from(assessment.verdict, &assessment.cases));
}

#[test]
fn sentences_say_what_and_how_much() {
    let mut inputs = well();
    inputs.objectives = vec![objective(&[(Severity::Page, RuleOutcome::Firing { burn: 30.25 })])];
    assert_eq!(
        assess(&inputs).cases[0].to_string(),
        "objective availability uses its budget 30.25 times as fast as allowed over 6s and 2s (page at 14.4)"
    );
}
