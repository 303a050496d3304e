//! The view is the facts, folded.

use deployments::{
    Chart, ChartProblem, DeploymentFact, DeploymentsView, HealthStatus, Outcome, PlanSummary,
};
use ledger::{
    Actor, ApplicationName, ArtifactDigest, Draft, MemoryLedger, Sequence, Subject, Timestamp, View,
};

use crate::plan::commit;

fn application() -> ApplicationName {
    ApplicationName::new("app").unwrap()
}

fn fold(facts: &[(i64, DeploymentFact)]) -> DeploymentsView {
    let mut ledger = MemoryLedger::default();
    let mut view = DeploymentsView::default();
    for (at, fact) in facts {
        let draft = fact.draft(Timestamp(*at), Actor::system("test"));
        for fact in ledger.append(vec![draft]).unwrap() {
            view.apply(fact);
        }
    }
    // What is stored of a view is read back equal.
    let text = serde_json::to_string(&view).unwrap();
    assert_eq!(serde_json::from_str::<DeploymentsView>(&text).unwrap(), view);
    view
}

fn planned(generation: u64) -> DeploymentFact {
    DeploymentFact::Planned {
        application: application(),
        generation,
        revision: commit('1'),
        rendered_commit: commit('2'),
        summary: PlanSummary::default(),
        images: vec!["app:1".into(), format!("me/app@sha256:{}", "a".repeat(64))],
    }
}

fn failed(generation: u64) -> DeploymentFact {
    let (object, problem) = (None, "no".to_owned());
    DeploymentFact::ApplyFailed { application: application(), generation, object, problem }
}

fn applied(generation: u64) -> DeploymentFact {
    DeploymentFact::Applied { application: application(), generation, outcome: "done".into() }
}

#[test]
fn what_others_say_of_an_application_moves_it_on() {
    let mut ledger = MemoryLedger::default();
    let mut view = DeploymentsView::default();
    let by_others = |subject| Draft {
        kind: "monitoring.assessed".into(),
        ..Draft::new(Timestamp(2), Actor::system("assess"), subject, &planned(1))
    };
    let drafts = [
        planned(1).draft(Timestamp(1), Actor::system("test")),
        by_others(Subject::application(&application())),
        by_others(Subject::objective(&application(), "latency")),
    ];
    for draft in drafts {
        for fact in ledger.append(vec![draft]).unwrap() {
            view.apply(fact);
        }
    }
    // The next plan expects what the ledger has, or it would be refused for ever.
    let newest = view.applications[&application()].newest;
    assert_eq!(newest, ledger.tip(&Subject::application(&application())));
    assert_eq!(newest, Some(Sequence(2)));
}

#[test]
fn a_deployment_names_what_it_deploys() {
    let view = fold(&[(1, planned(1))]);
    let digests: Vec<_> = view.applications[&application()].deployments[0].digests().collect();
    assert_eq!(digests, [ArtifactDigest::new(format!("sha256:{}", "a".repeat(64))).unwrap()]);
}

#[test]
fn failures_of_one_rendering_are_counted_until_it_works() {
    let view = fold(&[(1, planned(1)), (2, failed(1)), (3, planned(2)), (4, failed(2))]);
    let state = &view.applications[&application()];
    let previous = state.previous_plan().unwrap();
    assert_eq!(
        (previous.generation, previous.failures, previous.failed_at),
        (2, 2, Some(Timestamp(4)))
    );
    assert_eq!(state.running(), None);
    let view = fold(&[(1, planned(1)), (2, failed(1)), (3, planned(2)), (4, applied(2))]);
    let state = &view.applications[&application()];
    assert_eq!(state.running().unwrap().outcome, Outcome::Applied { at: Timestamp(4) });
    assert_eq!(state.previous_plan().unwrap().failures, 0);
}

#[test]
fn a_late_answer_counts_for_its_own_generation() {
    let view = fold(&[(1, planned(1)), (2, planned(2)), (3, applied(2)), (4, failed(1))]);
    let state = &view.applications[&application()];
    assert_eq!(state.running().unwrap().generation, 2);
    assert_eq!(state.current().unwrap().generation, 2);
}

#[test]
fn health_of_an_older_generation_says_nothing_of_a_newer_one() {
    let healthy = |generation| DeploymentFact::HealthChanged {
        application: application(),
        generation,
        status: HealthStatus::Healthy,
        message: String::new(),
    };
    let check = |facts: &[DeploymentFact], expected: Option<HealthStatus>| {
        let facts: Vec<(i64, DeploymentFact)> = (1..).zip(facts.iter().cloned()).collect();
        let health = fold(&facts).applications[&application()].current_health();
        assert_eq!(health.map(|health| health.status), expected, "{facts:?}");
    };
    check(&[planned(1)], None);
    check(&[planned(1), applied(1), healthy(1)], Some(HealthStatus::Healthy));
    let before = [planned(1), applied(1), healthy(1), planned(2)];
    check(&before, Some(HealthStatus::Progressing));
    check(&[&before[..], &[applied(2)]].concat(), Some(HealthStatus::Progressing));
    check(&[&before[..], &[applied(2), healthy(2)]].concat(), Some(HealthStatus::Healthy));
    // What could not be applied left the older generation running.
    check(&[&before[..], &[failed(2)]].concat(), Some(HealthStatus::Healthy));
}

#[test]
fn a_chart_keeps_the_digest_that_it_had_first() {
    let chart = Chart::of_dependency("https://c.example", "web", "1.2.3").unwrap();
    let rendered = |digest: &str| DeploymentFact::Rendered {
        application: application(),
        commit: commit('1'),
        rendered_commit: commit('2'),
        digest: "d".into(),
        others: Default::default(),
        charts: [(chart.to_string(), digest.to_owned())].into(),
    };
    let failed = DeploymentFact::RenderFailed {
        application: application(),
        commit: commit('1'),
        problem: "no answer".into(),
        chart: Some(ChartProblem::Unavailable {
            chart: chart.clone(),
            message: "no answer".into(),
        }),
    };
    let view = fold(&[(1, rendered("sha256:a")), (2, rendered("sha256:b")), (3, failed.clone())]);
    assert_eq!(view.charts[&chart.to_string()], "sha256:a");
    let state = &view.applications[&application()];
    assert_eq!(state.chart_problem.as_ref().map(ChartProblem::code), Some("chart-unavailable"));
    let view = fold(&[(1, failed), (2, rendered("sha256:a"))]);
    let state = &view.applications[&application()];
    assert!(state.chart_problem.is_none() && state.render_problem.is_none());
}

#[test]
fn it_says_which_applications_moved_since_when() {
    let of = |name: &str| DeploymentFact::SyncUnneeded {
        application: ApplicationName::new(name).unwrap(),
        revision: commit('1'),
    };
    let view = fold(&[(1, of("a")), (2, of("b")), (3, of("c")), (4, of("a"))]);
    let since = |sequence| {
        let moved = view.changed_since(Sequence(sequence)).map(ToString::to_string);
        moved.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(since(0), "b c a");
    assert_eq!(since(2), "c a");
    assert_eq!(since(3), "a");
    assert_eq!(since(4), "");
}
