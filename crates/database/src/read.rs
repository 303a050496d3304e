//! Reading: facts, the head, views, documents, checkpoints.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use ledger::{Checkpoint, Fact, NodeAddress, Sequence, Subject, TreeHash, TreeState, VerifierKey};
use sqlx::Row as _;
use sqlx::sqlite::SqliteConnection;

use crate::encoding::{self, signed, unsigned};
use crate::errors::{CheckpointError, ReadError, WriteError};
use crate::open::Database;
use crate::writer::{StoredRow, read_tip};

impl Database {
    /// At most `limit` facts after `after`, oldest first; [`Sequence`] 0 for the beginning.
    pub async fn facts(&self, after: Sequence, limit: usize) -> Result<Vec<Fact>, ReadError> {
        let rows = sqlx::query("SELECT * FROM facts WHERE sequence > ? ORDER BY sequence LIMIT ?")
            .bind(signed(after.0))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(encoding::fact).collect()
    }

    /// All facts of a kind, oldest first.
    pub async fn facts_of(&self, kind: &str) -> Result<Vec<Fact>, ReadError> {
        let rows = sqlx::query("SELECT * FROM facts WHERE kind = ? ORDER BY sequence")
            .bind(kind)
            .fetch_all(self.readers())
            .await?;
        rows.iter().map(encoding::fact).collect()
    }

    /// One fact; `None` when the ledger is not that long.
    pub async fn fact(&self, sequence: Sequence) -> Result<Option<Fact>, ReadError> {
        let row = sqlx::query("SELECT * FROM facts WHERE sequence = ?")
            .bind(signed(sequence.0))
            .fetch_optional(self.readers())
            .await?;
        row.as_ref().map(encoding::fact).transpose()
    }

    /// The newest fact on a subject; `None` when there is none.
    pub async fn tip(&self, subject: &Subject) -> Result<Option<Sequence>, ReadError> {
        Ok(read_tip(self.readers(), subject).await?)
    }

    /// The newest fact's sequence (0: none) and the hash tree up to it.
    pub async fn head(&self) -> Result<(Sequence, TreeState), ReadError> {
        let mut connection = self.readers().acquire().await?;
        let tree = tree_state(&mut connection).await?;
        Ok((Sequence(tree.size()), tree))
    }

    /// Signs the ledger's present head and keeps the signed note.
    ///
    /// `origin` names the ledger in the note; it is also the key's name, so it has neither white
    /// space nor `+`.
    pub async fn checkpoint(
        &self,
        key: &SigningKey,
        origin: &str,
    ) -> Result<Checkpoint, CheckpointError> {
        let (_, tree) = self.head().await?;
        let checkpoint = Checkpoint { origin: origin.into(), size: tree.size(), root: tree.root() };
        let note = checkpoint.sign(&VerifierKey::new(origin, key.verifying_key())?, key)?;
        self.store(StoredRow::Checkpoint { size: checkpoint.size, note }).await?;
        Ok(checkpoint)
    }

    /// Every signed note, oldest first.
    pub async fn checkpoints(&self) -> Result<Vec<String>, ReadError> {
        let query = sqlx::query_scalar("SELECT note FROM checkpoints ORDER BY size");
        Ok(query.fetch_all(self.readers()).await?)
    }

    /// Keeps a view that was folded up to and including `sequence`.
    pub async fn save_view(
        &self,
        name: &str,
        sequence: Sequence,
        state: &[u8],
    ) -> Result<(), WriteError> {
        let (name, state) = (name.into(), state.to_vec());
        self.store(StoredRow::View { name, sequence, state }).await
    }

    /// The view that was kept last, with the fact that it was folded up to.
    pub async fn load_view(&self, name: &str) -> Result<Option<(Sequence, Vec<u8>)>, ReadError> {
        let row = sqlx::query("SELECT sequence, state FROM views WHERE name = ?")
            .bind(name)
            .fetch_optional(self.readers())
            .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some((Sequence(unsigned(row.try_get("sequence")?)), row.try_get("state")?)))
    }

    /// Forgets every kept view, so that the next start folds all facts again.
    pub async fn delete_views(&self) -> Result<(), WriteError> {
        self.store(StoredRow::NoViews).await
    }

    /// Keeps a small changeable row. Not truth: caches, sealed secrets, cursors.
    pub async fn put_document(
        &self,
        namespace: &str,
        key: &str,
        value: &[u8],
    ) -> Result<(), WriteError> {
        let (namespace, key, value) = (namespace.into(), key.into(), value.to_vec());
        self.store(StoredRow::Document { namespace, key, value }).await
    }

    /// The row that was put last; `None` when there is none.
    pub async fn get_document(
        &self,
        namespace: &str,
        key: &str,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let query =
            sqlx::query_scalar("SELECT value FROM documents WHERE namespace = ? AND key = ?");
        Ok(query.bind(namespace).bind(key).fetch_optional(self.readers()).await?)
    }

    /// Forgets a row; nothing happens when there is none.
    pub async fn delete_document(&self, namespace: &str, key: &str) -> Result<(), WriteError> {
        let (namespace, key) = (namespace.into(), key.into());
        self.store(StoredRow::NoDocument { namespace, key }).await
    }

    /// Every row of a namespace, ordered by key.
    pub async fn documents(&self, namespace: &str) -> Result<Vec<(String, Vec<u8>)>, ReadError> {
        let query =
            sqlx::query_as("SELECT key, value FROM documents WHERE namespace = ? ORDER BY key");
        Ok(query.bind(namespace).fetch_all(self.readers()).await?)
    }
}

/// How many facts there are and the newest one's sequence.
pub(crate) async fn counts(connection: &mut SqliteConnection) -> Result<(u64, u64), sqlx::Error> {
    let (count, last): (i64, i64) =
        sqlx::query_as("SELECT count(*), coalesce(max(sequence), 0) FROM facts")
            .fetch_one(connection)
            .await?;
    Ok((unsigned(count), unsigned(last)))
}

/// The hash tree's right edge. Nodes never change, so no transaction is needed.
pub(crate) async fn tree_state(connection: &mut SqliteConnection) -> Result<TreeState, ReadError> {
    let last: Option<i64> =
        sqlx::query_scalar("SELECT max(position) FROM tree_nodes WHERE level = 0")
            .fetch_one(&mut *connection)
            .await?;
    let size = last.map_or(0, |last| unsigned(last) + 1);
    let mut nodes = BTreeMap::new();
    for address in TreeState::peak_addresses(size) {
        if let Some(hash) = tree_node(&mut *connection, address).await? {
            nodes.insert(address, hash);
        }
    }
    Ok(TreeState::load(size, &mut |address| nodes.get(&address).copied())?)
}

async fn tree_node(
    connection: &mut SqliteConnection,
    address: NodeAddress,
) -> Result<Option<TreeHash>, ReadError> {
    let hash: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT hash FROM tree_nodes WHERE level = ? AND position = ?")
            .bind(i64::from(address.level))
            .bind(signed(address.position))
            .fetch_optional(connection)
            .await?;
    Ok(hash.and_then(|hash| hash.try_into().ok()).map(TreeHash))
}
