//! Searching facts: by subject, actor, kind and time, a page at a time.

use ledger::{Actor, Fact, Sequence, Subject, SubjectKind, Timestamp};
use sqlx::{QueryBuilder, Sqlite};

use crate::encoding::{self, kind_name, signed};
use crate::errors::ReadError;
use crate::open::Database;

/// Which facts; all given conditions hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// About exactly this.
    pub subject: Option<Subject>,
    /// About things of this sort.
    pub subject_kind: Option<SubjectKind>,
    /// Done by exactly this actor.
    pub actor: Option<Actor>,
    /// The kind begins with this: `repositories.` or `repositories.ref_moved`.
    pub kind_prefix: Option<String>,
    /// True at this time or later.
    pub since: Option<Timestamp>,
    /// True before this time.
    pub until: Option<Timestamp>,
}

/// Where a page begins and in which direction it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// The newest facts, newest first.
    Newest,
    /// Facts before this one, newest first.
    Before(Sequence),
    /// Facts after this one, oldest first; after 0 is from the beginning.
    After(Sequence),
}

impl Database {
    /// At most `limit` facts that fit the filter, from the cursor on and in its direction. A page
    /// that is shorter than `limit` is the last one.
    pub async fn search(
        &self,
        filter: &Filter,
        cursor: Cursor,
        limit: usize,
    ) -> Result<Vec<Fact>, ReadError> {
        let mut query = QueryBuilder::new("SELECT * FROM facts WHERE true");
        add_conditions(&mut query, filter);
        match cursor {
            Cursor::Newest => query.push(" ORDER BY sequence DESC"),
            Cursor::Before(before) => {
                query.push(" AND sequence < ").push_bind(signed(before.0));
                query.push(" ORDER BY sequence DESC")
            }
            Cursor::After(after) => {
                query.push(" AND sequence > ").push_bind(signed(after.0));
                query.push(" ORDER BY sequence")
            }
        };
        query.push(" LIMIT ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let rows = query.build().fetch_all(self.readers()).await?;
        rows.iter().map(encoding::fact).collect()
    }
}

fn add_conditions(query: &mut QueryBuilder<Sqlite>, filter: &Filter) {
    if let Some(subject) = &filter.subject {
        query.push(" AND subject_kind = ").push_bind(kind_name(subject.kind));
        query.push(" AND subject_name = ").push_bind(subject.name.clone());
    }
    if let Some(kind) = filter.subject_kind {
        query.push(" AND subject_kind = ").push_bind(kind_name(kind));
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND actor_kind = ").push_bind(kind_name(actor.kind));
        query.push(" AND actor_name = ").push_bind(actor.name.clone());
    }
    if let Some(prefix) = &filter.kind_prefix {
        // A range, so that the index serves it; the end is beyond every text with the prefix.
        query.push(" AND kind >= ").push_bind(prefix.clone());
        query.push(" AND kind < ").push_bind(format!("{prefix}\u{10FFFF}"));
    }
    if let Some(since) = filter.since {
        query.push(" AND at_ms >= ").push_bind(since.0);
    }
    if let Some(until) = filter.until {
        query.push(" AND at_ms < ").push_bind(until.0);
    }
}
