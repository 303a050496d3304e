//! Alerts: the states that a rule goes through, and Prometheus' rule files.

use ledger::Timestamp;
use monitoring::alert::{AlertState, Observation, read_rules, step};

const FILE: &str = r#"
groups:
  - name: hello
    interval: 30s
    labels: {team: a, severity: low}
    rules:
      - alert: Down
        expr: up == 0
        for: 10s
        keep_firing_for: 5s
        labels: {severity: high}
        annotations: {summary: "{{ $labels.instance }} is down"}
      - {alert: Now, expr: vector(1)}
"#;

/// One letter a second: `t` true, `f` false, `?` unknown; and the states that follow.
#[track_caller]
fn check(rule: usize, observations: &str, expected: &str) {
    let rule = &read_rules("rules.yaml", FILE).expect("valid")[rule];
    let mut state = AlertState::default();
    let mut states = Vec::new();
    for (second, letter) in (0..).zip(observations.chars()) {
        let observation = match letter {
            't' => Observation::True,
            'f' => Observation::False,
            _ => Observation::Unknown,
        };
        state = step(state, rule, observation, Timestamp(second * 1000));
        states.push(&state.code()[..1]);
    }
    assert_eq!(states.concat(), expected, "{observations}");
}

#[test]
fn an_alert_waits_fires_lingers_and_resolves() {
    check(0, "ffttttttttttttt", "iippppppppppfff");
    check(0, "tttttffttt", "pppppiippp");
    // Fires on for 5 s after the last time it was true.
    check(0, "tttttttttttffffffff", "ppppppppppfffffrrrr");
    check(0, "tttttttttttfftffffff", "ppppppppppffffffffrr");
    // What is not known changes nothing.
    check(0, "ttttt?????t", "ppppppppppf");
    check(0, "tttttttttttff?????f", "ppppppppppffffffffr");
    check(1, "tftt", "frff");
    check(1, "?f", "ii");
}

#[test]
fn reads_rule_files() {
    let rules = read_rules("rules.yaml", FILE).expect("valid");
    let down = &rules[0];
    assert_eq!((down.name.as_str(), down.query.as_str()), ("Down", "up == 0"));
    assert_eq!((down.for_ms, down.keep_firing_for_ms), (10_000, 5000));
    assert_eq!(down.interval_ms, Some(30_000));
    assert_eq!((down.labels["team"].as_str(), down.labels["severity"].as_str()), ("a", "high"));
}

#[track_caller]
fn refuse(from: &str, to: &str, text: &str) {
    let problem = read_rules("rules.yaml", &FILE.replacen(from, to, 1)).expect_err(to);
    assert!(problem.to_string().contains(text), "{problem}");
}

#[test]
fn refuses_rules_that_it_cannot_keep() {
    refuse("alert: Now", "record: now", "connect a Prometheus server");
    refuse("alert: Now, ", "", "alert");
    refuse("for: 10s", "for: soon", "soon");
    refuse("for: 10s", "forever: 10s", "rules.yaml:9:9: ");
    refuse("interval: 30s", "limit: 3", "limit");
}
