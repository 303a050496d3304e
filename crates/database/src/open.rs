//! Opening a ledger's file and handing requests to its one writer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger::{Draft, Fact, Sequence, TreeState};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::errors::{AppendError, OpenError, ReadError, WriteError};
use crate::migrations::migrator;
use crate::read;
use crate::writer::{Request, StoredRow, Writer};

/// How many requests may wait for the writer before callers wait to ask: a few full groups.
const QUEUE_LENGTH: usize = 1024;

/// Readers at a time; each is a thread of SQLite's, so a few are enough for a small server.
const READERS: u32 = 4;

/// The ledger in a file. Cloning is cheap; the file is closed when the last clone is dropped, or by
/// [`Database::close`].
#[derive(Debug, Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    readers: SqlitePool,
    requests: mpsc::Sender<Request>,
    head: watch::Receiver<Sequence>,
    ledger_id: String,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Database {
    /// Opens the ledger's file, creating it and its folder, brings its schema up to date and starts
    /// the writer. One process at a time: hold a [`crate::DataLock`] on the folder.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        let storage = |source| OpenError::Storage { path: path.to_path_buf(), source };
        let is_new = prepare_folder(path)?;
        let options = writer_options(path);
        let mut connection = options.connect().await.map_err(storage)?;
        migrator()
            .run(&mut connection)
            .await
            .map_err(|source| OpenError::Migration { path: path.to_path_buf(), source })?;
        if is_new {
            sync_folder(path)?;
        }
        let ledger_id = identity(&mut connection).await.map_err(storage)?;
        let tree = load_tree(path, &mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_with(options.clone().read_only(true).create_if_missing(false))
            .await
            .map_err(storage)?;
        let (requests, receiver) = mpsc::channel(QUEUE_LENGTH);
        let (head_sender, head) = watch::channel(Sequence(tree.size()));
        let writer = Writer::new(options, connection, tree, head_sender, receiver);
        let writer = std::sync::Mutex::new(Some(tokio::spawn(writer.run())));
        Ok(Self { shared: Arc::new(Shared { readers, requests, head, ledger_id, writer }) })
    }

    /// Appends all drafts or none, and returns the facts after they are on the disk.
    ///
    /// When the caller gives up waiting the drafts may still be appended.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Fact>, AppendError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, result) = oneshot::channel();
        let request = Request::Append { drafts, answer };
        self.shared.requests.send(request).await.map_err(|_| AppendError::Closed)?;
        result.await.map_err(|_| AppendError::Closed)?
    }

    /// The newest fact's sequence, as a wake-up: it changes after facts were added. 0: no fact yet.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Sequence> {
        self.shared.head.clone()
    }

    /// This ledger's own name: 32 hexadecimal digits, made at random when the file was created.
    #[must_use]
    pub fn ledger_id(&self) -> &str {
        &self.shared.ledger_id
    }

    /// Ends the writer after the requests that already wait, and closes the file. Later appends
    /// through other clones get [`AppendError::Closed`].
    pub async fn close(&self) {
        // A writer that has ended refuses; then there is nothing left to close.
        let _ = self.shared.requests.send(Request::Close).await;
        let writer = match self.shared.writer.lock() {
            Ok(mut writer) => writer.take(),
            Err(poisoned) => poisoned.into_inner().take(),
        };
        if let Some(writer) = writer
            && let Err(error) = writer.await
        {
            tracing::error!(%error, "the ledger's writer ended badly");
        }
        self.shared.readers.close().await;
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.shared.readers
    }

    pub(crate) async fn store(&self, row: StoredRow) -> Result<(), WriteError> {
        let (answer, result) = oneshot::channel();
        let request = Request::Store { row, answer };
        self.shared.requests.send(request).await.map_err(|_| WriteError::Closed)?;
        result.await.map_err(|_| WriteError::Closed)?
    }
}

/// Creates the file's folder. Whether the file is new.
fn prepare_folder(path: &Path) -> Result<bool, OpenError> {
    std::fs::create_dir_all(folder_of(path))
        .map_err(|source| OpenError::Folder { path: path.to_path_buf(), source })?;
    Ok(!path.exists())
}

/// A new file's name survives power loss only when its folder was synced too; SQLite does that for
/// the log beside the database, not for the database itself.
fn sync_folder(path: &Path) -> Result<(), OpenError> {
    std::fs::File::open(folder_of(path))
        .and_then(|folder| folder.sync_all())
        .map_err(|source| OpenError::Folder { path: path.to_path_buf(), source })
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        Some(_) | None => PathBuf::from("."),
    }
}

fn writer_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a commit has reached the disk before it is acknowledged.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
        .disable_statement_logging()
}

async fn identity(connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    sqlx::query(
        "INSERT INTO identity (name, value) VALUES ('ledger', lower(hex(randomblob(16)))) \
         ON CONFLICT DO NOTHING",
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar("SELECT value FROM identity WHERE name = 'ledger'")
        .fetch_one(connection)
        .await
}

/// The tree of what is stored. Facts and leaves are written together, so their numbers are equal.
async fn load_tree(path: &Path, connection: &mut SqliteConnection) -> Result<TreeState, OpenError> {
    let storage = |source| OpenError::Storage { path: path.to_path_buf(), source };
    let damaged = |detail| OpenError::Damaged { path: path.to_path_buf(), detail };
    let (count, last) = read::counts(&mut *connection).await.map_err(storage)?;
    let tree = match read::tree_state(connection).await {
        Ok(tree) => tree,
        Err(ReadError::Storage(source)) => return Err(storage(source)),
        Err(error @ (ReadError::DamagedFact { .. } | ReadError::DamagedTree(_))) => {
            return Err(damaged(error.to_string()));
        }
    };
    if count != last || tree.size() != last {
        let leaves = tree.size();
        return Err(damaged(format!(
            "it has {count} facts, the newest is {last}, and its hash tree has {leaves} leaves"
        )));
    }
    Ok(tree)
}

/// Reconnects after a failure: the same file with the same settings, and the tree that it has.
pub(crate) async fn reconnect(
    options: &SqliteConnectOptions,
) -> Result<(SqliteConnection, TreeState), sqlx::Error> {
    let mut connection = options.connect().await?;
    match read::tree_state(&mut connection).await {
        Ok(tree) => Ok((connection, tree)),
        Err(ReadError::Storage(error)) => {
            connection.close_hard().await?;
            Err(error)
        }
        Err(error @ (ReadError::DamagedFact { .. } | ReadError::DamagedTree(_))) => {
            connection.close_hard().await?;
            Err(sqlx::Error::Decode(Box::new(error)))
        }
    }
}
