//! Charts and other files that are in no Git repository: what is asked to get one, what an archive may hold, and
//! where it is kept. Absent on purpose: the network, which is another hand.

mod archive;
mod credential;
mod exchange;
mod hosts;
mod store;

use std::sync::Arc;

use deployments::{Chart, ChartProblem};

pub use archive::ChartArchive;
pub use credential::ChartCredential;
pub use exchange::{
    Answer, ArchiveLayer, Ask, NoAnswer, archive_layer, fetch as fetch_chart, may_ask,
};
pub use hosts::ChartHosts;
pub use store::ChartStore;

/// What an archive is, by its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveForm {
    /// A chart, in a folder of its name.
    Chart,
    /// Files, which lie as the source has them.
    Files,
}

/// Finds a chart, or says why it is not there.
pub type FindChart<'a> = dyn Fn(&Chart) -> Result<Arc<ChartArchive>, ChartProblem> + 'a;

/// The largest archive, compressed.
pub const ARCHIVE_BYTES_MAX: usize = 64 << 20;

/// The digest of an archive as OCI and `index.yaml` write it.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}
