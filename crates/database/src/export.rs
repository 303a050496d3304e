//! The ledger as JSON lines, up to its newest checkpoint.

use ledger::{
    Checkpoint, NodeAddress, Sequence, TreeHash, VerifierKey, checkpoint_line, fact_line,
    header_line, inclusion_proof,
};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::encoding::{signed, unsigned};
use crate::errors::{ExportError, ReadError};
use crate::open::Database;

/// Facts per read.
const PAGE: usize = 1000;

/// The complete subtrees, a list for each level: 64 bytes per fact in memory.
struct Nodes(Vec<Vec<TreeHash>>);

impl Database {
    /// Writes everything that the newest checkpoint covers, in the form that [`ledger::verify`]
    /// reads. `key` is the ledger's. Nothing is checked here: what is damaged is exported as it is,
    /// and verifying names it.
    pub async fn export(
        &self,
        output: &mut (impl AsyncWrite + Unpin),
        key: &VerifierKey,
    ) -> Result<(), ExportError> {
        let mut notes = self.checkpoints().await?;
        let newest = notes.pop().ok_or(ExportError::NoCheckpoint)?;
        let size = Checkpoint::open_unverified(&newest)?.size;
        let mut earlier = Vec::new();
        for note in notes {
            earlier.push((Checkpoint::open_unverified(&note)?.size, note));
        }
        let mut earlier = earlier.into_iter().peekable();
        let nodes = self.nodes(size).await?;
        write_line(output, &header_line(self.ledger_id(), key, &newest)).await?;
        let mut last = 0;
        while last < size {
            let facts = self.facts(Sequence(last), PAGE).await?;
            let page = facts.iter().take_while(|fact| fact.sequence.0 <= size);
            let mut next = size;
            for fact in page {
                next = fact.sequence.0;
                while let Some((_, note)) = earlier.next_if(|(covers, _)| *covers < next) {
                    write_line(output, &checkpoint_line(&note)).await?;
                }
                let mut node = |address| nodes.get(address);
                let proof = inclusion_proof(next - 1, size, &mut node).map_err(ReadError::from)?;
                write_line(output, &fact_line(fact, &proof)).await?;
            }
            last = next;
        }
        for (_, note) in earlier {
            write_line(output, &checkpoint_line(&note)).await?;
        }
        output.flush().await?;
        Ok(())
    }

    /// The nodes of the tree of the first `size` facts.
    async fn nodes(&self, size: u64) -> Result<Nodes, ReadError> {
        let mut levels = Vec::new();
        for level in 0..u64::BITS {
            let count = size >> level;
            if count == 0 {
                break;
            }
            let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
                "SELECT position, hash FROM tree_nodes WHERE level = ? AND position < ? \
                 ORDER BY position",
            )
            .bind(i64::from(level))
            .bind(signed(count))
            .fetch_all(self.readers())
            .await?;
            let mut hashes = Vec::with_capacity(rows.len());
            for (position, hash) in rows {
                let address = NodeAddress { level, position: hashes.len() as u64 };
                let missing = ReadError::from(ledger::MissingNode(address));
                match hash.try_into() {
                    Ok(hash) if unsigned(position) == address.position => {
                        hashes.push(TreeHash(hash));
                    }
                    Ok(_) | Err(_) => return Err(missing),
                }
            }
            levels.push(hashes);
        }
        Ok(Nodes(levels))
    }
}

impl Nodes {
    fn get(&self, address: NodeAddress) -> Option<TreeHash> {
        let level = self.0.get(usize::try_from(address.level).ok()?)?;
        level.get(usize::try_from(address.position).ok()?).copied()
    }
}

async fn write_line(
    output: &mut (impl AsyncWrite + Unpin),
    line: &str,
) -> Result<(), std::io::Error> {
    output.write_all(line.as_bytes()).await?;
    output.write_all(b"\n").await
}
