//! The view is the facts, folded.

use deployments::{DeploymentFact, DeploymentsView, HealthStatus, Outcome, PlanSummary};
use ledger::{Actor, ApplicationName, MemoryLedger, Timestamp, View};

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
