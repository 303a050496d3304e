//! Facts to rows and back.

use ledger::{Actor, Fact, Sequence, Subject, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::errors::ReadError;

/// SQLite's integers are signed; sequences beyond 2^63 do not happen.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The other way; a negative number is not written by us and reads as 0.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// The stored name of a kind of actor or subject: the one that its JSON has.
pub(crate) fn kind_name<K: Serialize>(kind: K) -> String {
    match serde_json::to_value(kind) {
        Ok(Value::String(name)) => name,
        Ok(_) | Err(_) => String::new(),
    }
}

pub(crate) fn causes_text(causes: &[Sequence]) -> String {
    let numbers: Vec<String> = causes.iter().map(ToString::to_string).collect();
    format!("[{}]", numbers.join(","))
}

pub(crate) fn fact(row: &SqliteRow) -> Result<Fact, ReadError> {
    let sequence = Sequence(unsigned(row.try_get("sequence")?));
    let damaged = |source| ReadError::DamagedFact { sequence, source };
    let parent: Option<i64> = row.try_get("parent")?;
    Ok(Fact {
        sequence,
        at: Timestamp(row.try_get("at_ms")?),
        actor: Actor {
            kind: kind(row.try_get("actor_kind")?).map_err(damaged)?,
            name: row.try_get("actor_name")?,
        },
        subject: Subject {
            kind: kind(row.try_get("subject_kind")?).map_err(damaged)?,
            name: row.try_get("subject_name")?,
        },
        parent: parent.map(|parent| Sequence(unsigned(parent))),
        causes: serde_json::from_str(row.try_get("causes")?).map_err(damaged)?,
        reason: row.try_get("reason")?,
        kind: row.try_get("kind")?,
        body: serde_json::from_str(row.try_get("body")?).map_err(damaged)?,
    })
}

fn kind<K: DeserializeOwned>(name: String) -> Result<K, serde_json::Error> {
    serde_json::from_value(Value::String(name))
}
