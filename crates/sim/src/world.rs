//! The world around the decisions: a repository, what it renders to, and the targets.

use std::collections::BTreeMap;

use deployments::{Inventory, LiveObject};
use ledger::{ArtifactDigest, CommitId, Timestamp};
use serde_json::{Value, json};

/// File name → content.
pub(crate) type Tree = BTreeMap<String, String>;

/// One commit.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub parent: Option<CommitId>,
    pub tree: Tree,
    pub by_person: bool,
    /// What each environment's files say here, with the name of its rendering.
    pub overlays: BTreeMap<&'static str, (Overlay, CommitId)>,
}

/// A repository with one branch.
#[derive(Debug, Clone)]
pub(crate) struct Git {
    pub commits: BTreeMap<CommitId, Commit>,
    pub tip: CommitId,
}

impl Git {
    /// A repository with one commit.
    pub(crate) fn new(tree: Tree) -> Self {
        let tip = commit_id(1);
        let overlays = overlays_of(&tree);
        let first = Commit { parent: None, tree, by_person: true, overlays };
        Self { commits: [(tip.clone(), first)].into(), tip }
    }

    pub(crate) fn tree(&self, commit: &CommitId) -> &Tree {
        &self.commits[commit].tree
    }

    /// What an environment's files say at a commit.
    pub(crate) fn overlay(&self, commit: &CommitId, environment: &str) -> &Overlay {
        &self.commits[commit].overlays[environment].0
    }

    /// The name of an environment's rendering at a commit.
    pub(crate) fn rendering(&self, commit: &CommitId, environment: &str) -> &CommitId {
        &self.commits[commit].overlays[environment].1
    }

    /// Writes a commit; the branch stays where it is.
    pub(crate) fn commit(&mut self, parent: &CommitId, edits: Tree, by_person: bool) -> CommitId {
        let mut tree = self.tree(parent).clone();
        tree.extend(edits);
        self.write(parent, tree, by_person)
    }

    /// Writes a commit that takes `bad` back on top of `onto`; `None` when a file that it changed
    /// was changed again.
    pub(crate) fn revert(&mut self, bad: &CommitId, onto: &CommitId) -> Option<CommitId> {
        let after = self.tree(bad).clone();
        let before = self.tree(self.commits[bad].parent.as_ref()?).clone();
        let mut tree = self.tree(onto).clone();
        let names: std::collections::BTreeSet<&String> =
            before.keys().chain(after.keys()).collect();
        for name in names.into_iter().filter(|name| before.get(*name) != after.get(*name)) {
            if tree.get(name) != after.get(name) {
                return None;
            }
            match before.get(name) {
                Some(content) => drop(tree.insert(name.clone(), content.clone())),
                None => drop(tree.remove(name)),
            }
        }
        Some(self.write(onto, tree, false))
    }

    /// The commits from `tip` back to the first.
    pub(crate) fn history<'a>(
        &'a self,
        tip: &'a CommitId,
    ) -> impl Iterator<Item = (&'a CommitId, &'a Commit)> {
        std::iter::successors(Some(tip), |id| self.commits[*id].parent.as_ref())
            .map(|id| (id, &self.commits[id]))
    }

    fn write(&mut self, parent: &CommitId, tree: Tree, by_person: bool) -> CommitId {
        let id = commit_id(self.commits.len() as u64 + 1);
        let overlays = overlays_of(&tree);
        let parent = Some(parent.clone());
        self.commits.insert(id.clone(), Commit { parent, tree, by_person, overlays });
        id
    }
}

fn overlays_of(tree: &Tree) -> BTreeMap<&'static str, (Overlay, CommitId)> {
    let read = |name: &&'static str| {
        let overlay = Overlay::read(tree, name);
        let rendering = overlay.rendering();
        (*name, (overlay, rendering))
    };
    crate::simulation::ENVIRONMENTS.iter().map(read).collect()
}

/// What one environment's files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Overlay {
    pub version: Option<u64>,
    pub replicas: String,
    pub objects: u64,
}

impl Overlay {
    pub(crate) fn read(tree: &Tree, environment: &str) -> Self {
        let text = |name: &str| tree.get(&format!("{environment}/{name}"));
        Self {
            version: text("version").and_then(|text| text.parse().ok()),
            replicas: text("replicas").cloned().unwrap_or_else(|| "1".into()),
            objects: text("objects").and_then(|text| text.parse().ok()).unwrap_or(4),
        }
    }

    pub(crate) fn digest(&self) -> Option<ArtifactDigest> {
        self.version.map(digest_of)
    }

    /// The rendering's name: equal content, equal name.
    pub(crate) fn rendering(&self) -> CommitId {
        let text = format!("{:?} {} {}", self.version, self.replicas, self.objects);
        hex_commit(&format!("{:016x}{:024x}", fnv(text.as_bytes()), 0))
    }

    /// The manifests; none before the first version.
    pub(crate) fn manifests(&self) -> Vec<Value> {
        let Some(digest) = self.digest() else { return Vec::new() };
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hello"},
            "spec": {"replicas": self.replicas, "template": {"image": digest.as_str()}}});
        let configs = (1..self.objects).map(|number| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("part-{number}")}})
        });
        std::iter::once(deployment).chain(configs).collect()
    }
}

/// An order to a target.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub generation: u64,
    pub overlay: Overlay,
    pub objects: Vec<Value>,
}

/// What runs one environment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Target {
    pub generation: u64,
    pub running: Option<Overlay>,
    pub objects: Vec<LiveObject>,
    /// Orders that are being carried out, with the tick at which each is done.
    pub in_progress: Vec<(u64, Order)>,
    /// Since which tick the current order runs.
    pub since: u64,
}

impl Target {
    pub(crate) fn inventory(&self, as_of: Timestamp) -> Inventory {
        Inventory { as_of, complete: true, namespaces: None, objects: self.objects.clone() }
    }

    pub(crate) fn finish(&mut self, order: Order, tick: u64) {
        self.generation = order.generation;
        self.running = Some(order.overlay);
        self.objects = order
            .objects
            .into_iter()
            .map(|manifest| LiveObject { manifest: manifest.clone(), applied: Some(manifest) })
            .collect();
        self.since = tick;
    }
}

/// FNV-1a, 64 bits: names and comparisons inside the simulation, nothing that must resist anybody.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

pub(crate) fn digest_of(version: u64) -> ArtifactDigest {
    ArtifactDigest::new(format!("sha256:{version:064x}")).expect("64 hexadecimal digits")
}

pub(crate) fn version_of(digest: &ArtifactDigest) -> u64 {
    u64::from_str_radix(&digest.as_str()[7 + 48..], 16).unwrap_or(0)
}

fn commit_id(number: u64) -> CommitId {
    hex_commit(&format!("{number:040x}"))
}

fn hex_commit(text: &str) -> CommitId {
    CommitId::new(text).expect("40 hexadecimal digits")
}
