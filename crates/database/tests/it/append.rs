//! Appending: equal to the ledger in memory, whatever is asked and however it is grouped.

use database::{AppendError, Database};
use ledger::{Draft, Expected, MemoryLedger, Sequence, TreeState, canonical_fact, leaf_hash};

use crate::support::{draft, new_database};

/// Appends the requests one after the other to a database and to a ledger in memory: the answers
/// and the facts are equal, now and after opening the file again.
async fn check(requests: Vec<Vec<Draft>>) {
    let (folder, database) = new_database().await;
    let mut memory = MemoryLedger::default();
    for request in requests {
        let expected = memory.append(request.clone()).map(<[_]>::to_vec);
        match (database.append(request).await, expected) {
            (Ok(facts), Ok(expected)) => assert_eq!(facts, expected),
            (Err(AppendError::Refused(refusal)), Err(expected)) => assert_eq!(refusal, expected),
            (answer, expected) => panic!("{answer:?} instead of {expected:?}"),
        }
    }
    let mut tree = TreeState::default();
    for fact in memory.facts() {
        tree.push(leaf_hash(canonical_fact(fact).as_bytes()));
    }
    let end = Sequence(memory.facts().len() as u64);
    assert_eq!(database.facts(Sequence(0), 1000).await.unwrap(), memory.facts());
    assert_eq!(database.head().await.unwrap(), (end, tree.clone()));
    assert_eq!(*database.watch().borrow(), end);
    let id = database.ledger_id().to_owned();
    database.close().await;
    let reopened = Database::open(&folder.path().join("ledger.sqlite")).await.unwrap();
    assert_eq!(reopened.facts(Sequence(0), 1000).await.unwrap(), memory.facts());
    assert_eq!(reopened.head().await.unwrap(), (end, tree));
    assert_eq!(reopened.ledger_id(), id);
    for fact in memory.facts() {
        assert_eq!(reopened.tip(&fact.subject).await.unwrap(), memory.tip(&fact.subject));
    }
}

fn expecting(draft: Draft, parent: Option<u64>) -> Draft {
    Draft { expected: Expected::Parent(parent.map(Sequence)), ..draft }
}

#[tokio::test]
async fn observations_follow_each_other() {
    check((0..10).map(|number| vec![draft(number % 3, number)]).collect()).await;
}

#[tokio::test]
async fn an_empty_request_appends_nothing() {
    check(vec![vec![], vec![draft(1, 1)], vec![]]).await;
}

#[tokio::test]
async fn a_parent_that_moved_refuses_the_whole_request() {
    check(vec![
        vec![expecting(draft(1, 1), None)],
        vec![draft(2, 2), draft(2, 3), expecting(draft(1, 4), None)],
        vec![expecting(draft(2, 5), Some(2))],
        vec![draft(2, 6), expecting(draft(1, 7), Some(1))],
    ])
    .await;
}

#[tokio::test]
async fn drafts_of_one_request_build_on_each_other() {
    check(vec![
        vec![expecting(draft(1, 1), None), expecting(draft(1, 2), Some(1))],
        vec![expecting(draft(1, 3), Some(2)), expecting(draft(1, 4), Some(2))],
    ])
    .await;
}

#[tokio::test]
async fn every_field_survives() {
    let full = Draft {
        reason: "check-failed".into(),
        causes: vec![Sequence(1), Sequence(2)],
        body: serde_json::json!({
            "z": 0.1, "a": [1e300, -0.0, 5e-324, 18_446_744_073_709_551_615_u64, null],
            "text": "\u{0} \u{1f600} \"\\\n", "nested": { "é": true, "": {} },
        }),
        ..draft(1, 3)
    };
    check(vec![vec![draft(1, 1), draft(1, 2)], vec![full.because("other")]]).await;
}

/// Of many callers who expect the same parent exactly one wins, and all facts form one chain.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_callers_do_not_overtake_each_other() {
    let (_folder, database) = new_database().await;
    let mut tasks = tokio::task::JoinSet::new();
    for caller in 0..32 {
        let database = database.clone();
        tasks.spawn(async move {
            let mut won = 0;
            for round in 0..8 {
                let draft = expecting(draft(round, caller), None);
                match database.append(vec![draft]).await {
                    Ok(facts) => won += facts.len(),
                    Err(AppendError::Refused(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            won
        });
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 8);
    let facts = database.facts(Sequence(0), 100).await.unwrap();
    assert!(facts.iter().all(|fact| fact.parent.is_none()), "{facts:?}");
    assert_eq!(facts.len(), 8);
}
