//! Checkpoints and exports of a real file, and what verifying finds after somebody edited it.

use database::Database;
use ed25519_dalek::SigningKey;
use ledger::{Checkpoint, Finding, Trusted, Verification, VerifierKey, verify};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::support::{draft, new_database};

const ORIGIN: &str = "ledger.example/boucle";

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn verifier() -> VerifierKey {
    VerifierKey::new(ORIGIN, key().verifying_key()).unwrap()
}

async fn exported(database: &Database) -> Verification {
    let mut output = Vec::new();
    database.export(&mut output, &verifier()).await.unwrap();
    let trusted = Trusted { key: Some(verifier()), checkpoint: None };
    verify(std::str::from_utf8(&output).unwrap().lines(), &trusted)
}

/// Appends 30 facts with a checkpoint after each ten, edits the file, and verifies an export.
async fn check(statement: &'static str, finding: Option<Finding>) {
    let (folder, database) = new_database().await;
    for number in 1..=30 {
        database.append(vec![draft(number % 4, number)]).await.unwrap();
        if number % 10 == 0 {
            let checkpoint = database.checkpoint(&key(), ORIGIN).await.unwrap();
            assert_eq!(checkpoint.size, number);
        }
    }
    let notes = database.checkpoints().await.unwrap();
    let sizes = notes.iter().map(|note| Checkpoint::open(note, &verifier()).unwrap().size);
    assert_eq!(sizes.collect::<Vec<_>>(), [10, 20, 30]);
    database.append(vec![draft(1, 31)]).await.unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut connection = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("DROP TRIGGER facts_are_not_changed").execute(&mut connection).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    let verification = exported(&database).await;
    assert_eq!(verification.size, 30);
    assert_eq!(verification.finding, finding, "{statement}");
}

#[tokio::test]
async fn an_untouched_ledger_is_verified() {
    check("SELECT 1", None).await;
}

#[tokio::test]
async fn a_fact_that_was_edited_in_the_file_is_named() {
    let changed = |sequence, line| Some(Finding::FactChanged { sequence, line });
    check("UPDATE facts SET actor_name = 'eve' WHERE sequence = 1", changed(1, 2)).await;
    check("UPDATE facts SET body = '{}' WHERE sequence = 17", changed(17, 19)).await;
    check("UPDATE facts SET at_ms = 0 WHERE sequence >= 30", changed(30, 33)).await;
}

#[tokio::test]
async fn a_tree_that_was_edited_in_the_file_is_noticed() {
    let statement = "UPDATE tree_nodes SET hash = zeroblob(32) WHERE level = 3 AND position = 0";
    // Facts 9 to 30 need this node for their proofs; facts 1 to 8 do not.
    check(statement, Some(Finding::FactChanged { sequence: 9, line: 10 })).await;
}

#[tokio::test]
async fn without_a_checkpoint_there_is_nothing_to_export() {
    let (_folder, database) = new_database().await;
    let mut output = Vec::new();
    let error = database.export(&mut output, &verifier()).await.unwrap_err();
    assert!(matches!(error, database::ExportError::NoCheckpoint), "{error}");
    database.checkpoint(&key(), ORIGIN).await.unwrap();
    assert_eq!(exported(&database).await.finding, None);
}
