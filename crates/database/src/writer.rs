//! The one writer: all requests that wait share one transaction and one fsync.
//!
//! Refusals are decided in memory against the newest fact of each subject, before anything of the
//! request is written; so a refused request leaves nothing, and a failed transaction fails whole.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{
    AppendRefusal, Draft, Expected, Fact, Node, Sequence, Subject, TreeState, canonical_fact,
    leaf_hash,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, QueryBuilder, Sqlite};
use tokio::sync::{mpsc, oneshot, watch};

use crate::encoding::{causes_text, kind_name, signed, unsigned};
use crate::errors::{AppendError, WriteError};
use crate::open::reconnect;

/// Requests per transaction: enough to amortise an fsync, few enough to answer the first soon.
const GROUP_REQUESTS: usize = 256;

/// Rows per `INSERT`: 11 values each, far below SQLite's 32,766 values per statement.
const ROWS_PER_STATEMENT: usize = 100;

/// Subjects whose newest fact is remembered; about 200 bytes each. Beyond it, start afresh.
const TIPS_REMEMBERED: usize = 50_000;

/// SQLite's result code for a full disk (`SQLITE_FULL`).
const SQLITE_FULL: &str = "13";
/// The log's shared index could not grow (`SQLITE_IOERR_SHMSIZE`): the same disk is full.
const SQLITE_IOERR_SHMSIZE: &str = "4874";

/// What the writer is asked.
#[derive(Debug)]
pub(crate) enum Request {
    Append { drafts: Vec<Draft>, answer: oneshot::Sender<Result<Vec<Fact>, AppendError>> },
    Store { row: StoredRow, answer: oneshot::Sender<Result<(), WriteError>> },
    Close,
}

/// A row that is not a fact.
#[derive(Debug)]
pub(crate) enum StoredRow {
    View { name: String, sequence: Sequence, state: Vec<u8> },
    NoViews,
    Checkpoint { size: u64, note: String },
    Document { namespace: String, key: String, value: Vec<u8> },
    NoDocument { namespace: String, key: String },
}

pub(crate) struct Writer {
    options: SqliteConnectOptions,
    /// `None` after a failure that makes the connection doubtful, until it was opened again.
    connection: Option<SqliteConnection>,
    tree: TreeState,
    tips: BTreeMap<Subject, Option<Sequence>>,
    head: watch::Sender<Sequence>,
    requests: mpsc::Receiver<Request>,
}

/// What one request came to inside a transaction that is not committed yet.
enum Outcome {
    Appended(Vec<Fact>),
    Refused(AppendRefusal),
    Stored,
}

/// What a transaction would change in memory; it counts only after the commit.
struct Stage {
    tree: TreeState,
    tips: BTreeMap<Subject, Option<Sequence>>,
    /// Accepted and not written yet, with the nodes that they complete.
    facts: Vec<Fact>,
    nodes: Vec<Node>,
}

impl Writer {
    pub(crate) fn new(
        options: SqliteConnectOptions,
        connection: SqliteConnection,
        tree: TreeState,
        head: watch::Sender<Sequence>,
        requests: mpsc::Receiver<Request>,
    ) -> Self {
        let (connection, tips) = (Some(connection), BTreeMap::new());
        Self { options, connection, tree, tips, head, requests }
    }

    /// Serves requests until [`Request::Close`] or until every handle is gone.
    pub(crate) async fn run(mut self) {
        let mut is_open = true;
        let mut group = Vec::new();
        while is_open && self.requests.recv_many(&mut group, GROUP_REQUESTS).await > 0 {
            // Callers that were just answered ask again at once: let them join this group.
            tokio::task::yield_now().await;
            while group.len() < GROUP_REQUESTS
                && let Ok(request) = self.requests.try_recv()
            {
                group.push(request);
            }
            is_open = !group.iter().any(|request| matches!(request, Request::Close));
            self.serve(std::mem::take(&mut group)).await;
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the ledger's file was not closed cleanly");
        }
    }

    /// Commits the group in one transaction; when that fails each request is tried alone, so that a
    /// large one that finds no space does not take small ones with it.
    async fn serve(&mut self, group: Vec<Request>) {
        if group.len() > 1
            && let Ok(outcomes) = self.transact(&group).await
        {
            for (request, outcome) in group.into_iter().zip(outcomes) {
                answer(request, outcome);
            }
            return;
        }
        for request in group {
            match self.transact(std::slice::from_ref(&request)).await {
                Ok(mut outcomes) => {
                    if let Some(outcome) = outcomes.pop() {
                        answer(request, outcome);
                    }
                }
                Err(error) => fail(request, error),
            }
        }
    }

    /// Runs the requests in one transaction. After an error nothing of them is in the file, unless
    /// the error came from the commit itself; then reopening the file tells.
    async fn transact(&mut self, group: &[Request]) -> Result<Vec<Outcome>, sqlx::Error> {
        let mut connection = self.connected().await?;
        let mut stage = Stage::new(self.tree.clone());
        match self.write(&mut connection, &mut stage, group).await {
            Ok(outcomes) => {
                self.connection = Some(connection);
                self.advance(stage);
                Ok(outcomes)
            }
            Err(error) => {
                if is_full(&error) && roll_back(&mut connection).await {
                    self.connection = Some(connection);
                } else {
                    tracing::error!(%error, "the ledger could not be written; opening it again");
                    // A doubtful connection is thrown away, whatever closing it says.
                    let _ = connection.close_hard().await;
                }
                Err(error)
            }
        }
    }

    async fn connected(&mut self) -> Result<SqliteConnection, sqlx::Error> {
        if let Some(connection) = self.connection.take() {
            return Ok(connection);
        }
        let (connection, tree) = reconnect(&self.options).await?;
        self.tips.clear();
        self.advance(Stage::new(tree));
        Ok(connection)
    }

    fn advance(&mut self, stage: Stage) {
        let is_longer = stage.tree.size() != self.tree.size();
        self.tree = stage.tree;
        if self.tips.len() > TIPS_REMEMBERED {
            self.tips.clear();
        }
        self.tips.extend(stage.tips);
        if is_longer {
            self.head.send_replace(Sequence(self.tree.size()));
        }
    }

    async fn write(
        &self,
        connection: &mut SqliteConnection,
        stage: &mut Stage,
        group: &[Request],
    ) -> Result<Vec<Outcome>, sqlx::Error> {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
        let mut outcomes = Vec::with_capacity(group.len());
        for request in group {
            outcomes.push(match request {
                Request::Append { drafts, .. } => {
                    self.read_tips(connection, stage, drafts).await?;
                    match stage.accept(drafts) {
                        Ok(facts) => Outcome::Appended(facts),
                        Err(refusal) => Outcome::Refused(refusal),
                    }
                }
                Request::Store { row, .. } => {
                    store(connection, row).await?;
                    Outcome::Stored
                }
                Request::Close => Outcome::Stored,
            });
        }
        insert(connection, stage).await?;
        sqlx::query("COMMIT").execute(connection).await?;
        Ok(outcomes)
    }

    /// Puts the newest fact of each of the drafts' subjects into the stage.
    async fn read_tips(
        &self,
        connection: &mut SqliteConnection,
        stage: &mut Stage,
        drafts: &[Draft],
    ) -> Result<(), sqlx::Error> {
        let subjects: BTreeSet<&Subject> = drafts.iter().map(|draft| &draft.subject).collect();
        for subject in subjects {
            if stage.tips.contains_key(subject) {
                continue;
            }
            let tip = match self.tips.get(subject) {
                Some(tip) => *tip,
                None => read_tip(&mut *connection, subject).await?,
            };
            stage.tips.insert(subject.clone(), tip);
        }
        Ok(())
    }
}

impl Stage {
    fn new(tree: TreeState) -> Self {
        Self { tree, tips: BTreeMap::new(), facts: Vec::new(), nodes: Vec::new() }
    }

    /// Turns all drafts into facts, or none.
    fn accept(&mut self, drafts: &[Draft]) -> Result<Vec<Fact>, AppendRefusal> {
        let mut changed: BTreeMap<&Subject, Sequence> = BTreeMap::new();
        let mut facts = Vec::with_capacity(drafts.len());
        for (sequence, draft) in (self.tree.size() + 1..).map(Sequence).zip(drafts) {
            let subject = &draft.subject;
            let before = || self.tips.get(subject).copied().flatten();
            let parent = changed.get(subject).copied().or_else(before);
            if let Expected::Parent(expected) = draft.expected
                && expected != parent
            {
                let subject = subject.clone();
                return Err(AppendRefusal::ParentMoved { subject, expected, actual: parent });
            }
            changed.insert(subject, sequence);
            facts.push(fact(sequence, parent, draft.clone()));
        }
        for (subject, sequence) in changed {
            self.tips.insert(subject.clone(), Some(sequence));
        }
        for fact in &facts {
            self.nodes.extend(self.tree.push(leaf_hash(canonical_fact(fact).as_bytes())));
        }
        self.facts.extend_from_slice(&facts);
        Ok(facts)
    }
}

/// The newest fact on a subject.
pub(crate) async fn read_tip(
    connection: impl sqlx::SqliteExecutor<'_>,
    subject: &Subject,
) -> Result<Option<Sequence>, sqlx::Error> {
    let tip: Option<i64> = sqlx::query_scalar(
        "SELECT max(sequence) FROM facts WHERE subject_kind = ? AND subject_name = ?",
    )
    .bind(kind_name(subject.kind))
    .bind(subject.name.as_str())
    .fetch_one(connection)
    .await?;
    Ok(tip.map(|tip| Sequence(unsigned(tip))))
}

fn fact(sequence: Sequence, parent: Option<Sequence>, draft: Draft) -> Fact {
    Fact {
        sequence,
        at: draft.at,
        actor: draft.actor,
        subject: draft.subject,
        parent,
        causes: draft.causes,
        reason: draft.reason,
        kind: draft.kind,
        body: draft.body,
    }
}

/// Writes the accepted facts and nodes, many rows a statement: each statement is a hand-over to
/// SQLite's thread and back, which costs more than the row.
async fn insert(connection: &mut SqliteConnection, stage: &Stage) -> Result<(), sqlx::Error> {
    for facts in stage.facts.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO facts ");
        query.push_values(facts, |mut row, fact| {
            row.push_bind(signed(fact.sequence.0))
                .push_bind(fact.at.0)
                .push_bind(kind_name(fact.actor.kind))
                .push_bind(fact.actor.name.as_str())
                .push_bind(kind_name(fact.subject.kind))
                .push_bind(fact.subject.name.as_str())
                .push_bind(fact.parent.map(|parent| signed(parent.0)))
                .push_bind(causes_text(&fact.causes))
                .push_bind(fact.reason.as_str())
                .push_bind(fact.kind.as_str())
                .push_bind(fact.body.to_string());
        });
        query.build().persistent(facts.len() == 1).execute(&mut *connection).await?;
    }
    for nodes in stage.nodes.chunks(ROWS_PER_STATEMENT) {
        let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO tree_nodes ");
        query.push_values(nodes, |mut row, node| {
            row.push_bind(i64::from(node.address.level))
                .push_bind(signed(node.address.position))
                .push_bind(node.hash.0.to_vec());
        });
        query.build().persistent(nodes.len() == 1).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn store(connection: &mut SqliteConnection, row: &StoredRow) -> Result<(), sqlx::Error> {
    let query = match row {
        StoredRow::View { name, sequence, state } => {
            sqlx::query("INSERT OR REPLACE INTO views VALUES (?, ?, ?)")
                .bind(name.as_str())
                .bind(signed(sequence.0))
                .bind(state.as_slice())
        }
        StoredRow::NoViews => sqlx::query("DELETE FROM views"),
        StoredRow::Checkpoint { size, note } => {
            sqlx::query("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)")
                .bind(signed(*size))
                .bind(note.as_str())
        }
        StoredRow::Document { namespace, key, value } => {
            sqlx::query("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)")
                .bind(namespace.as_str())
                .bind(key.as_str())
                .bind(value.as_slice())
        }
        StoredRow::NoDocument { namespace, key } => {
            sqlx::query("DELETE FROM documents WHERE namespace = ? AND key = ?")
                .bind(namespace.as_str())
                .bind(key.as_str())
        }
    };
    query.execute(connection).await.map(|_| ())
}

/// Whether the connection is usable again. SQLite may have rolled back by itself already.
async fn roll_back(connection: &mut SqliteConnection) -> bool {
    match sqlx::query("ROLLBACK").execute(connection).await {
        Ok(_) => true,
        Err(sqlx::Error::Database(error)) => error.message().contains("no transaction is active"),
        Err(_) => false,
    }
}

fn is_full(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE)
}

/// A caller that gave up waiting is not told; that is all that a failed send means.
fn answer(request: Request, outcome: Outcome) {
    match (request, outcome) {
        (Request::Append { answer, .. }, Outcome::Appended(facts)) => {
            let _ = answer.send(Ok(facts));
        }
        (Request::Append { answer, .. }, Outcome::Refused(refusal)) => {
            let _ = answer.send(Err(AppendError::Refused(refusal)));
        }
        (Request::Append { answer, .. }, Outcome::Stored) => drop(answer),
        (Request::Store { answer, .. }, _) => {
            let _ = answer.send(Ok(()));
        }
        (Request::Close, _) => {}
    }
}

fn fail(request: Request, error: sqlx::Error) {
    match request {
        Request::Append { answer, .. } if is_full(&error) => {
            let _ = answer.send(Err(AppendError::Full));
        }
        Request::Append { answer, .. } => {
            let _ = answer.send(Err(AppendError::Storage(error)));
        }
        Request::Store { answer, .. } if is_full(&error) => {
            let _ = answer.send(Err(WriteError::Full));
        }
        Request::Store { answer, .. } => {
            let _ = answer.send(Err(WriteError::Storage(error)));
        }
        Request::Close => {}
    }
}
