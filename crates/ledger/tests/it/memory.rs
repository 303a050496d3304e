//! The contract of appending: a total order, chains by subject, all or nothing.

use ledger::{AppendRefusal, Draft, Expected, MemoryLedger, Sequence};

use crate::support::draft;

fn expecting(draft: Draft, parent: Option<u64>) -> Draft {
    Draft { expected: Expected::Parent(parent.map(Sequence)), ..draft }
}

/// Appends the requests in turn. `expected` has for each the sequences that it got, or the parent
/// that was there instead.
fn check(requests: Vec<Vec<Draft>>, expected: &[Result<&[u64], Option<u64>>]) {
    let mut ledger = MemoryLedger::default();
    assert_eq!(requests.len(), expected.len());
    for (request, expected) in requests.into_iter().zip(expected) {
        let before = ledger.facts().to_vec();
        match ledger.append(request) {
            Ok(facts) => {
                let got: Vec<u64> = facts.iter().map(|fact| fact.sequence.0).collect();
                assert_eq!(Ok(got.as_slice()), *expected);
            }
            Err(AppendRefusal::ParentMoved { actual, .. }) => {
                assert_eq!(Err(actual.map(|actual| actual.0)), *expected);
                assert_eq!(ledger.facts(), before);
            }
        }
    }
    for fact in ledger.facts() {
        let mut earlier = ledger.facts().iter().filter(|other| other.sequence < fact.sequence);
        let parent = earlier.rfind(|other| other.subject == fact.subject);
        assert_eq!(fact.parent, parent.map(|parent| parent.sequence));
    }
}

#[test]
fn observations_are_always_appended() {
    check(
        vec![vec![draft(1, 1)], vec![draft(2, 2), draft(1, 3)], vec![]],
        &[Ok(&[1]), Ok(&[2, 3]), Ok(&[])],
    );
}

#[test]
fn a_decision_is_appended_after_what_it_was_based_on_only() {
    check(
        vec![
            vec![expecting(draft(1, 1), None)],
            vec![expecting(draft(1, 2), None)],
            vec![expecting(draft(1, 3), Some(1))],
            vec![expecting(draft(1, 4), Some(1))],
            vec![expecting(draft(2, 5), Some(1))],
        ],
        &[Ok(&[1]), Err(Some(1)), Ok(&[2]), Err(Some(2)), Err(None)],
    );
}

#[test]
fn a_request_is_appended_whole_or_not_at_all() {
    check(
        vec![
            vec![draft(1, 1), draft(2, 2), expecting(draft(1, 3), None)],
            vec![expecting(draft(1, 1), None), expecting(draft(1, 2), Some(1))],
            vec![draft(1, 3), expecting(draft(1, 4), Some(2))],
            vec![expecting(draft(1, 5), Some(2))],
        ],
        &[Err(Some(1)), Ok(&[1, 2]), Err(Some(3)), Ok(&[3])],
    );
}
