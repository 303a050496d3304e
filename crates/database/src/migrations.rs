//! The schema's versions, embedded in the program; each file is one transaction and never changes.

use std::borrow::Cow;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "ledger", include_str!("../migrations/sqlite/0001_ledger.sql"))];

/// What brings an empty or older file up to date.
pub(crate) fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|(version, description, sql)| {
        let description = Cow::Borrowed(*description);
        Migration::new(*version, description, MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
