//! From samples to a verdict: an objective measured over the embedded store.

use ledger::{ApplicationName, EnvironmentName, Timestamp};
use monitoring::{RuleOutcome, UnknownReason, read_objectives};
use probes::{Labels, Metrics, Point, Scope, measure, requests_since};

use crate::support::embedded;

const OBJECTIVE: &str = r#"
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: hello
  indicator:
    metadata: {name: good-requests}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: Prometheus, spec: {query: 'requests_total{code!~"5.."}'}}}
        total: {metricSource: {type: Prometheus, spec: {query: requests_total}}}
  timeWindow: [{duration: 10m, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"#;

/// A minute of half-second samples that ends at `end`: ten requests a second, `bad` of them bad.
async fn fill(metrics: &Metrics, environment: &str, end: i64, bad: f64) {
    let mut points = Vec::new();
    for index in 0..120_i64 {
        for (code, per_sample) in [("200", 5.0 - bad), ("500", bad)] {
            let labels = [
                ("__name__", "requests_total"),
                ("application", "hello"),
                ("environment", environment),
                ("code", code),
            ];
            let labels: Labels = labels.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
            let at = Timestamp(end - (119 - index) * 500);
            points.push(Point { labels, at, value: index as f64 * per_sample });
        }
    }
    metrics.write(points).await.expect("written");
}

#[tokio::test]
async fn an_objective_burns_only_where_it_burns() {
    let metrics = embedded();
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let end = elapsed.as_millis() as i64;
    fill(&metrics, "staging", end, 0.0).await;
    fill(&metrics, "production", end, 1.5).await;
    let objective = read_objectives("slo.yaml", OBJECTIVE).expect("valid").remove(0);
    let application = ApplicationName::new("hello").unwrap();
    let scope = |environment| Scope::of(&application, &EnvironmentName::new(environment).unwrap());
    let at = Timestamp(end);

    let production = measure(&metrics, &objective, &scope("production"), 500, at).await;
    let RuleOutcome::Firing { burn } = production[0].1 else { panic!("{production:?}") };
    assert!((burn - 30.0).abs() < 0.5, "30 % of 1 % is 30 times the budget: {burn}");
    let staging = measure(&metrics, &objective, &scope("staging"), 500, at).await;
    assert!(
        staging
            .iter()
            .all(|(_, outcome)| matches!(outcome, RuleOutcome::Quiet { burn } if *burn < 0.01)),
        "{staging:?}"
    );
    let nowhere = measure(&metrics, &objective, &scope("elsewhere"), 500, at).await;
    assert!(nowhere.iter().all(|(_, outcome)| {
        *outcome == RuleOutcome::Unknown { reason: UnknownReason::NoData }
    }));
    let requests = requests_since(&metrics, &objective, &scope("production"), 10_000, at).await;
    assert_eq!(requests.expect("answered"), Some(100));
}
