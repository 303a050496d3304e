//! Objectives: what a file may say, the windows that follow, and what a rule says of numbers.

use monitoring::objective::{Indicator, ObjectiveProblem};
use monitoring::{
    Objective, RuleOutcome, Severity, Traffic, UnknownReason, burn_rate_rules, evaluate,
    read_objectives,
};

const FILE: &str = r#"# Promises of the service.
apiVersion: openslo/v1
kind: Service
metadata: {name: hello}
spec: {description: says hello}
---
apiVersion: openslo/v1
kind: SLO
metadata:
  name: availability
  displayName: Availability
  annotations: {boucle/minimum-requests: "20", owner: team}
spec:
  description: answers without an error
  service: hello
  indicator:
    metadata: {name: good}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: 'requests_total{code!~"5.."}'}}}
        total: {metricSource: {type: Prometheus, spec: {query: requests_total}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives:
    - {target: 0.999}
    - {targetPercent: 95, displayName: Minimum}
"#;

#[test]
fn reads_a_file() {
    let objectives = read_objectives("slo.yaml", FILE).expect("valid");
    let names: Vec<_> = objectives.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["availability", "availability-2"]);
    let first = &objectives[0];
    assert_eq!((first.target, first.time_window_ms), (0.999, 2_592_000_000));
    assert_eq!((first.minimum_requests, first.display_name.as_str()), (20.0, "Availability"));
    assert_eq!((objectives[1].target, objectives[1].display_name.as_str()), (0.95, "Minimum"));
    assert_eq!(first.severities, [Severity::Page, Severity::Ticket]);
}

/// Replaces one piece of the file and expects a refusal at a line with a text.
#[track_caller]
fn refuse(from: &str, to: &str, line: u64, text: &str) {
    assert!(FILE.contains(from), "{from}");
    let problem = read_objectives("slo.yaml", &FILE.replacen(from, to, 1)).expect_err(to);
    let place = match &problem {
        ObjectiveProblem::Syntax(error) => error.line,
        ObjectiveProblem::Refused { line, .. } => *line,
    };
    let said = problem.to_string();
    assert!(place == line && said.contains(text), "{said}");
    assert!(said.starts_with(&format!("slo.yaml:{line}:")), "{said}");
}

#[test]
fn refuses_what_it_does_not_understand() {
    refuse("  service: hello", "  service: hello\n  colour: red", 16, "colour");
    refuse("counter: true", "counter: true\n        raw: {}", 21, "raw");
    refuse("spec: {description: says hello}", "spec: {team: a}", 5, "team");
    refuse("kind: SLO", "kind: AlertPolicy", 7, "AlertPolicy");
    refuse("---\napiVersion: openslo/v1", "---\napiVersion: openslo/v2", 7, "openslo/v2");
    refuse("counter: true", "counter: false", 7, "counter: true");
    refuse("        good:", "        bed:", 21, "bed");
    refuse("{target: 0.999}", "{target: 1}", 7, "no budget");
    refuse("{target: 0.999}", "{}", 7, "targetPercent");
    refuse("duration: 30d", "duration: 1M", 7, "1M");
    refuse("duration: 30d", "duration: 10s", 7, "too short");
    refuse("isRolling: true", "isRolling: false", 7, "calendar");
    refuse("Occurrences", "Timeslices", 7, "Timeslices");
    refuse("type: Prometheus", "type: Datadog", 7, "Datadog");
    refuse("query: requests_total", "query: 'a + b'", 7, "{{.window}}");
    refuse("boucle/minimum-requests", "boucle/minimum", 7, "boucle/minimum");
    refuse("owner: team", "boucle/alerts: loud", 7, "loud");
    refuse("name: availability", "name: availability\n  name: twice", 11, "name");
}

fn objective(time_window_ms: u64) -> Objective {
    let mut objective = read_objectives("slo.yaml", FILE).expect("valid").remove(0);
    objective.time_window_ms = time_window_ms;
    objective
}

/// Factor, long and short window (s) of each rule.
#[track_caller]
fn check_windows(period_s: u64, scrape_ms: u64, expected: &[(f64, f64, f64)]) {
    let rules = burn_rate_rules(&objective(period_s * 1000), scrape_ms).expect("windows");
    let seconds = |ms: u64| ms as f64 / 1000.0;
    let found: Vec<_> = rules
        .iter()
        .map(|rule| (rule.factor, seconds(rule.long_window_ms), seconds(rule.short_window_ms)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn scales_windows() {
    const DAY: u64 = 86_400;
    check_windows(
        30 * DAY,
        15_000,
        &[
            (14.4, 3600.0, 300.0),
            (6.0, 21_600.0, 1800.0),
            (3.0, 86_400.0, 7200.0),
            (1.0, 259_200.0, 21_600.0),
        ],
    );
    check_windows(
        7 * DAY,
        15_000,
        &[
            (14.4, 840.0, 70.0),
            (6.0, 5040.0, 420.0),
            (3.0, 20_160.0, 1680.0),
            (1.0, 60_480.0, 5040.0),
        ],
    );
    // Ten minutes at half a second: 2 s is four scrapes, 6 s three times that; the second rule would
    // have the same windows and is left out.
    check_windows(600, 500, &[(14.4, 6.0, 2.0), (3.0, 20.0, 2.0), (1.0, 60.0, 5.0)]);
    // A minute at 15 s: no window fits.
    check_windows(60, 15_000, &[]);
}

#[test]
fn writes_queries() {
    let rule = &burn_rate_rules(&objective(2_592_000_000), 15_000).unwrap()[0];
    assert_eq!(
        rule.long_query,
        "1 - (sum(increase(requests_total{code!~\"5..\"}[1h])) / sum(increase(requests_total[1h])))"
    );
    assert_eq!(rule.traffic_query, "sum(increase(requests_total[1h]))");
    let mut bad = objective(2_592_000_000);
    bad.indicator = Indicator::BadOfTotal { bad: "errors".into(), total: "all".into() };
    let rule = &burn_rate_rules(&bad, 15_000).unwrap()[0];
    let (errors, all) = ("sum(increase(errors[5m]))", "sum(increase(all[5m]))");
    assert_eq!(rule.short_query, format!("({errors} or 0 * {all}) / {all}"));
    let mut paging = objective(2_592_000_000);
    paging.severities = vec![Severity::Ticket];
    let factors: Vec<_> =
        burn_rate_rules(&paging, 15_000).unwrap().iter().map(|rule| rule.factor).collect();
    assert_eq!(factors, [3.0, 1.0]);
}

#[derive(Debug, PartialEq)]
enum Says {
    Fires,
    IsQuiet,
    Knows(UnknownReason),
}

#[track_caller]
fn check(long: Option<f64>, short: Option<f64>, requests: Option<f64>, expected: &Says) {
    // Target 0.999, factor 14.4: fires above 1.44 %.
    let rule = &burn_rate_rules(&objective(2_592_000_000), 15_000).unwrap()[0];
    let outcome = evaluate(rule, long, short, Traffic { requests, minimum: 20.0 });
    let says = match outcome {
        RuleOutcome::Firing { .. } => Says::Fires,
        RuleOutcome::Quiet { .. } => Says::IsQuiet,
        RuleOutcome::Unknown { reason } => Says::Knows(reason),
    };
    assert_eq!(says, *expected, "{long:?} {short:?} {requests:?}");
}

#[test]
fn fires_only_when_both_windows_burn_and_enough_is_known() {
    let (enough, nan) = (Some(100.0), Some(f64::NAN));
    check(Some(0.02), Some(0.02), enough, &Says::Fires);
    check(Some(0.02), Some(0.01), enough, &Says::IsQuiet);
    check(Some(0.01), Some(0.02), enough, &Says::IsQuiet);
    check(Some(0.0144), Some(0.5), enough, &Says::IsQuiet);
    check(Some(0.0), Some(0.0), enough, &Says::IsQuiet);
    check(Some(-1e-12), Some(-1e-12), enough, &Says::IsQuiet);
    check(Some(1.0), Some(1.0), Some(20.0), &Says::Fires);
    check(Some(1.0), Some(1.0), Some(19.9), &Says::Knows(UnknownReason::LittleTraffic));
    check(nan, nan, Some(0.0), &Says::Knows(UnknownReason::LittleTraffic));
    check(nan, nan, nan, &Says::Knows(UnknownReason::LittleTraffic));
    check(None, None, None, &Says::Knows(UnknownReason::NoData));
    check(None, Some(0.5), enough, &Says::Knows(UnknownReason::NoData));
    check(Some(0.5), None, enough, &Says::Knows(UnknownReason::NoData));
    check(nan, Some(0.5), enough, &Says::Knows(UnknownReason::NotAShare));
    check(Some(0.5), nan, enough, &Says::Knows(UnknownReason::LittleTraffic));
    check(Some(7.0), Some(7.0), enough, &Says::Knows(UnknownReason::NotAShare));
    check(Some(f64::INFINITY), Some(1.0), enough, &Says::Knows(UnknownReason::NotAShare));
    check(Some(0.5), Some(-3.0), enough, &Says::Knows(UnknownReason::NotAShare));
}
