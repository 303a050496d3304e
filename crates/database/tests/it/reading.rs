//! Reading, searching, views, documents, the lock.

use database::{Cursor, DataLock, Database, Filter, LockError, OpenError};
use ledger::{Actor, Draft, RunId, Sequence, Subject, SubjectKind, Timestamp};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::{draft, new_database};

/// Searches ten facts about runs 0 to 2 (actor ada for even ones, two kinds).
async fn check(filter: Filter, cursor: Cursor, limit: usize, expected: &[u64]) {
    let (_folder, database) = new_database().await;
    for number in 1..=10 {
        let mut draft: Draft = draft(number % 3, number);
        draft.at = Timestamp(i64::try_from(number).unwrap() * 100);
        if number % 2 == 0 {
            draft.actor = Actor::person("ada");
        }
        if number > 5 {
            draft.kind = "monitoring.noted".into();
        }
        database.append(vec![draft]).await.unwrap();
    }
    let facts = database.search(&filter, cursor, limit).await.unwrap();
    let found: Vec<u64> = facts.iter().map(|fact| fact.sequence.0).collect();
    assert_eq!(found, expected, "{filter:?} {cursor:?}");
}

#[tokio::test]
async fn pages_go_both_ways() {
    let all = Filter::default;
    check(all(), Cursor::Newest, 3, &[10, 9, 8]).await;
    check(all(), Cursor::Before(Sequence(8)), 3, &[7, 6, 5]).await;
    check(all(), Cursor::Before(Sequence(1)), 3, &[]).await;
    check(all(), Cursor::After(Sequence(0)), 3, &[1, 2, 3]).await;
    check(all(), Cursor::After(Sequence(9)), 3, &[10]).await;
}

#[tokio::test]
async fn conditions_hold_together() {
    let run = |run| Some(Subject::run(RunId(run)));
    let ada = Some(Actor::person("ada"));
    let cases = [
        (Filter { subject: run(1), ..Filter::default() }, vec![1, 4, 7, 10]),
        (Filter { subject_kind: Some(SubjectKind::Incident), ..Filter::default() }, vec![]),
        (Filter { actor: ada.clone(), ..Filter::default() }, vec![2, 4, 6, 8, 10]),
        (Filter { actor: Some(Actor::machine("ada")), ..Filter::default() }, vec![]),
        (Filter { actor: ada, subject: run(1), ..Filter::default() }, vec![4, 10]),
        (
            Filter { kind_prefix: Some("monitoring.".into()), ..Filter::default() },
            vec![6, 7, 8, 9, 10],
        ),
        (Filter { kind_prefix: Some("%".into()), ..Filter::default() }, vec![]),
        (
            Filter {
                since: Some(Timestamp(300)),
                until: Some(Timestamp(500)),
                ..Filter::default()
            },
            vec![3, 4],
        ),
    ];
    for (filter, expected) in cases {
        check(filter, Cursor::After(Sequence(0)), 100, &expected).await;
    }
}

#[tokio::test]
async fn single_facts_and_views_and_documents() {
    let (_folder, database) = new_database().await;
    let fact = database.append(vec![draft(1, 1)]).await.unwrap().remove(0);
    assert_eq!(database.fact(Sequence(1)).await.unwrap(), Some(fact));
    assert_eq!(database.fact(Sequence(2)).await.unwrap(), None);
    assert_eq!(database.tip(&Subject::server()).await.unwrap(), None);
    for (sequence, state) in [(1, b"one".as_slice()), (2, b"")] {
        database.save_view("control", Sequence(sequence), state).await.unwrap();
        let kept = database.load_view("control").await.unwrap();
        assert_eq!(kept, Some((Sequence(sequence), state.to_vec())));
    }
    database.delete_views().await.unwrap();
    assert_eq!(database.load_view("control").await.unwrap(), None);
    for value in [b"a".as_slice(), &[0, 255]] {
        database.put_document("secrets", "token", value).await.unwrap();
        let kept = database.get_document("secrets", "token").await.unwrap();
        assert_eq!(kept.as_deref(), Some(value));
    }
    let all = database.documents("secrets").await.unwrap();
    assert_eq!(all, [("token".to_owned(), vec![0, 255])]);
    database.delete_document("secrets", "token").await.unwrap();
    assert_eq!(database.get_document("secrets", "token").await.unwrap(), None);
    assert_eq!(database.get_document("other", "token").await.unwrap(), None);
}

#[tokio::test]
async fn a_watcher_wakes_after_facts_were_added() {
    let (_folder, database) = new_database().await;
    let mut watcher = database.watch();
    database.append(vec![draft(1, 1), draft(1, 2)]).await.unwrap();
    watcher.changed().await.unwrap();
    assert_eq!(*watcher.borrow_and_update(), Sequence(2));
    database.save_view("control", Sequence(2), b"").await.unwrap();
    assert!(!watcher.has_changed().unwrap());
    database.close().await;
    let closed = database.append(vec![draft(1, 3)]).await.unwrap_err();
    assert_eq!(closed.code(), "ledger-closed");
}

#[tokio::test]
async fn facts_cannot_be_changed_or_removed_and_lost_ones_are_noticed() {
    let (folder, database) = new_database().await;
    database.append(vec![draft(1, 1), draft(1, 2)]).await.unwrap();
    database.close().await;
    let path = folder.path().join("ledger.sqlite");
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    for statement in ["UPDATE facts SET reason = 'x'", "DELETE FROM facts WHERE sequence = 2"] {
        let error = sqlx::raw_sql(statement).execute(&mut connection).await.unwrap_err();
        assert!(error.to_string().contains("facts are never"), "{error}");
    }
    sqlx::raw_sql("DROP TRIGGER facts_are_not_removed; DELETE FROM facts WHERE sequence = 2")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = Database::open(&path).await.unwrap_err();
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[test]
fn a_folder_is_locked_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let lock = DataLock::acquire(&data).unwrap();
    match DataLock::acquire(&data) {
        Err(LockError::Held { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(lock);
    DataLock::acquire(&data).unwrap();
}

#[test]
fn a_lock_that_a_killed_server_left_to_a_child_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let lock = DataLock::acquire(folder.path()).unwrap();
    // Above the largest process id that Linux gives: nobody is alive under it.
    std::fs::write(folder.path().join("boucle.lock"), "4194305\n").unwrap();
    // What holds the lock ends after a while, as a child does when it becomes another program.
    let child = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(lock);
    });
    DataLock::acquire(folder.path()).unwrap();
    child.join().unwrap();
    let text = std::fs::read_to_string(folder.path().join("boucle.lock")).unwrap();
    assert_eq!(text.trim(), std::process::id().to_string());
}
