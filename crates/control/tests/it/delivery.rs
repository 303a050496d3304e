//! DORA's figures by data.

use control::delivery::{Delivered, DeliveryInputs, Failure, Figure, Purpose, measure};
use ledger::{Sequence, Timestamp};

const HOUR_MS: i64 = 60 * 60 * 1000;

/// `(fact, at in hours, committed at in hours, purpose, failed)`
type Row = (u64, i64, Option<i64>, Purpose, bool);

fn inputs(rows: &[Row], incidents: &[(u64, i64, Option<i64>)]) -> DeliveryInputs {
    let hours = |hours: i64| Timestamp(hours * HOUR_MS);
    let deployments = rows.iter().map(|&(fact, at, committed, purpose, failed)| Delivered {
        fact: Sequence(fact),
        at: hours(at),
        committed_at: committed.map(hours),
        purpose,
        failed,
    });
    let incidents = incidents.iter().map(|&(fact, began, over)| Failure {
        fact: Sequence(fact),
        began_at: hours(began),
        over_at: over.map(hours),
    });
    DeliveryInputs {
        deployments: deployments.collect(),
        incidents: incidents.collect(),
        since: hours(0),
        as_of: hours(48),
    }
}

#[track_caller]
fn check(figure: &Figure, value: Option<f64>, facts: &[u64]) {
    let found: Vec<u64> = figure.facts.iter().map(|fact| fact.0).collect();
    assert_eq!((figure.value, found.as_slice()), (value, facts));
}

#[test]
fn nothing_is_claimed_without_facts() {
    let empty = measure(&inputs(&[], &[]));
    check(&empty.lead_time_ms, None, &[]);
    check(&empty.frequency_per_day, Some(0.0), &[]);
    check(&empty.recovery_time_ms, None, &[]);
    check(&empty.fail_rate, None, &[]);
    check(&empty.rework_rate, None, &[]);
}

#[test]
fn each_figure_names_the_facts_behind_it() {
    let (change, repair) = (Purpose::Change, Purpose::Repair);
    let rows = [
        (1, -5, Some(-9), change, true),
        (2, 2, Some(1), change, false),
        (3, 10, Some(4), change, true),
        (4, 11, None, repair, false),
        (5, 20, Some(18), repair, false),
        (6, 60, Some(50), change, true),
    ];
    let incidents = [(7, -3, Some(-2)), (8, 10, Some(11)), (9, 30, Some(33)), (10, 40, None)];
    let delivery = measure(&inputs(&rows, &incidents));
    check(&delivery.lead_time_ms, Some(2.0 * HOUR_MS as f64), &[2, 3, 5]);
    check(&delivery.frequency_per_day, Some(2.0), &[2, 3, 4, 5]);
    check(&delivery.recovery_time_ms, Some(2.0 * HOUR_MS as f64), &[8, 9]);
    check(&delivery.fail_rate, Some(0.5), &[3]);
    check(&delivery.rework_rate, Some(0.5), &[4, 5]);
}

#[test]
fn a_change_that_was_committed_by_a_clock_ahead_took_no_time() {
    let delivery = measure(&inputs(&[(1, 1, Some(9), Purpose::Change, false)], &[]));
    check(&delivery.lead_time_ms, Some(0.0), &[1]);
}
