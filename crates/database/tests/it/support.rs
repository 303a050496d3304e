//! Drafts and databases for the tests.

use database::Database;
use ledger::{Actor, Draft, Expected, RunId, Subject, Timestamp};
use serde_json::json;
use tempfile::TempDir;

/// A draft about run `run` that carries `number`.
pub fn draft(run: u64, number: u64) -> Draft {
    Draft {
        at: Timestamp(1_700_000_000_000 + i64::try_from(number).unwrap()),
        actor: Actor::system("test"),
        subject: Subject::run(RunId(run)),
        expected: Expected::Anything,
        causes: Vec::new(),
        reason: String::new(),
        kind: "pipelines.noted".into(),
        body: json!({ "number": number }),
    }
}

/// A new ledger in a folder that goes away with the test.
pub async fn new_database() -> (TempDir, Database) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&folder.path().join("ledger.sqlite")).await.unwrap();
    (folder, database)
}
