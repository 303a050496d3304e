//! Which applications may look different since somebody asked last, so that nobody looks at all of them.

use std::collections::{BTreeMap, BTreeSet};

use ledger::ApplicationName;

use crate::state::Server;

/// Up to where somebody has looked.
#[derive(Default)]
pub struct Cursor {
    renderings: u64,
    /// By the opening of each cluster.
    clusters: BTreeMap<u64, u64>,
}

/// What is different since then.
#[derive(Debug)]
pub struct Changed {
    /// Any application may be: a cluster came, went, or is seen in another way.
    pub everything: bool,
    /// Whether any rendering is another one.
    pub renders: bool,
    /// Those whose rendering or objects are others.
    pub applications: BTreeSet<ApplicationName>,
}

impl Cursor {
    /// What changed since the last call; the first call says that everything did.
    pub fn advance(&mut self, server: &Server) -> Changed {
        let (changed, upto) = server.renderings.changed_since(self.renderings);
        self.renderings = upto;
        let renders = !changed.is_empty();
        let mut applications = BTreeSet::from_iter(changed);
        let before = std::mem::take(&mut self.clusters);
        let mut everything = false;
        for known in server.clusters.all() {
            let since = before.get(&known.opening).copied();
            let changes = known.cluster.changes_since(since.unwrap_or_default());
            everything |= since.is_none() || changes.all;
            self.clusters.insert(known.opening, changes.upto);
            applications.extend(changes.applications);
        }
        everything |= before.keys().any(|opening| !self.clusters.contains_key(opening));
        Changed { everything, renders, applications }
    }
}
