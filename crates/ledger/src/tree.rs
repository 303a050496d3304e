//! The hash tree over the facts (RFC 6962, section 2.1): appending, roots and proofs.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 of a leaf, of a node or of the whole tree. Its text form is standard base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreeHash(pub [u8; 32]);

/// A text that is not a hash of the tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a tree hash (32 bytes in base64)")]
pub struct InvalidTreeHash(pub String);

/// A complete subtree: `2^level` leaves, the `position`-th such group counted from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeAddress {
    /// 0 for leaves.
    pub level: u32,
    /// From 0.
    pub position: u64,
}

/// A complete subtree with its hash; once complete it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Where it is.
    pub address: NodeAddress,
    /// What it hashes to.
    pub hash: TreeHash,
}

/// The state that appending needs: one hash for each complete subtree on the right edge, so
/// O(log n) for n leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeState {
    size: u64,
    /// Largest subtree first; one for each bit that is set in `size`.
    peaks: Vec<TreeHash>,
}

/// A node that a proof or a root needs is not there: the stored tree is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the hash tree lacks node {} of level {}", .0.position, .0.level)]
pub struct MissingNode(pub NodeAddress);

/// The hash of a leaf: SHA-256 of a zero byte and the leaf's bytes.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> TreeHash {
    TreeHash(Sha256::new().chain_update([0]).chain_update(leaf).finalize().into())
}

/// The hash of an inner node: SHA-256 of a one byte and both children.
#[must_use]
pub fn node_hash(left: TreeHash, right: TreeHash) -> TreeHash {
    TreeHash(
        Sha256::new()
            .chain_update([1])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The audit path of the leaf `index` (from 0) in the tree of the first `size` leaves, lowest
/// sibling first. Empty when `index >= size`, or when the tree is one leaf.
pub fn inclusion_proof(
    index: u64,
    size: u64,
    nodes: &mut impl FnMut(NodeAddress) -> Option<TreeHash>,
) -> Result<Vec<TreeHash>, MissingNode> {
    let (mut start, mut end, mut path) = (0, size, Vec::new());
    if index >= size {
        return Ok(path);
    }
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range_hash(middle, end, nodes)?);
            end = middle;
        } else {
            path.push(range_hash(start, middle, nodes)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The proof that the tree of `old` leaves is a prefix of the tree of `new` leaves. Empty when
/// `old` is 0 or at least `new`.
pub fn consistency_proof(
    old: u64,
    new: u64,
    nodes: &mut impl FnMut(NodeAddress) -> Option<TreeHash>,
) -> Result<Vec<TreeHash>, MissingNode> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut start, mut end, mut whole) = (0, new, true);
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(range_hash(middle, end, nodes)?);
            end = middle;
        } else {
            path.push(range_hash(start, middle, nodes)?);
            start = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(range_hash(start, end, nodes)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `proof` shows `leaf` at `index` in the tree with `root`.
#[must_use]
pub fn verify_inclusion(
    leaf: TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: TreeHash,
) -> bool {
    inclusion_root(leaf, index, size, proof) == Some(root)
}

/// The root that `proof` leads to from `leaf` at `index`; `None` when its length does not fit a tree
/// of `size` leaves (RFC 9162, section 2.1.3.2).
#[must_use]
pub fn inclusion_root(
    leaf: TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
) -> Option<TreeHash> {
    if index >= size {
        return None;
    }
    let (mut position, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return None;
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(*sibling, hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(hash, *sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// Whether `proof` shows that the tree with `old_root` is a prefix of the one with `new_root`
/// (RFC 9162, section 2.1.4.2).
#[must_use]
pub fn verify_consistency(
    (old, old_root): (u64, TreeHash),
    (new, new_root): (u64, TreeHash),
    proof: &[TreeHash],
) -> bool {
    if old > new {
        return false;
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return proof.is_empty() && old_root == TreeState::default().root();
    }
    let mut path = proof.to_vec();
    if old.is_power_of_two() {
        path.insert(0, old_root);
    }
    let Some((first, rest)) = path.split_first() else { return false };
    let (mut position, mut last) = (old - 1, new - 1);
    while position & 1 == 1 {
        position >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            old_hash = node_hash(*sibling, old_hash);
            new_hash = node_hash(*sibling, new_hash);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(new_hash, *sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == old_root && new_hash == new_root
}

impl TreeState {
    /// The state of a stored tree of `size` leaves, from its nodes.
    pub fn load(
        size: u64,
        nodes: &mut impl FnMut(NodeAddress) -> Option<TreeHash>,
    ) -> Result<Self, MissingNode> {
        let peaks = Self::peak_addresses(size)
            .into_iter()
            .map(|address| nodes(address).ok_or(MissingNode(address)))
            .collect::<Result<_, _>>()?;
        Ok(Self { size, peaks })
    }

    /// The nodes that [`Self::load`] asks for, largest first.
    #[must_use]
    pub fn peak_addresses(size: u64) -> Vec<NodeAddress> {
        let (mut addresses, mut start) = (Vec::new(), 0);
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            addresses.push(NodeAddress { level, position: start >> level });
            start += 1 << level;
        }
        addresses
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf's hash. Returns the nodes that it completed, the leaf first: what a store keeps.
    pub fn push(&mut self, leaf: TreeHash) -> Vec<Node> {
        let mut address = NodeAddress { level: 0, position: self.size };
        let mut hash = leaf;
        let mut completed = vec![Node { address, hash }];
        while address.position & 1 == 1 {
            let Some(left) = self.peaks.pop() else { break };
            hash = node_hash(left, hash);
            address = NodeAddress { level: address.level + 1, position: address.position >> 1 };
            completed.push(Node { address, hash });
        }
        self.peaks.push(hash);
        self.size += 1;
        completed
    }

    /// The root; of no leaves it is the hash of nothing.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let folded = self.peaks.iter().rev().copied().reduce(|right, left| node_hash(left, right));
        folded.unwrap_or_else(|| TreeHash(Sha256::digest(b"").into()))
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

impl FromStr for TreeHash {
    type Err = InvalidTreeHash;
    fn from_str(text: &str) -> Result<Self, InvalidTreeHash> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| InvalidTreeHash(text.into()))
    }
}

impl TryFrom<String> for TreeHash {
    type Error = InvalidTreeHash;
    fn try_from(text: String) -> Result<Self, InvalidTreeHash> {
        text.parse()
    }
}

impl From<TreeHash> for String {
    fn from(hash: TreeHash) -> String {
        hash.to_string()
    }
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// The hash of the leaves `start..end`, a range that the recursive definition splits off: its start
/// is a multiple of every power of two up to its length.
fn range_hash(
    start: u64,
    end: u64,
    nodes: &mut impl FnMut(NodeAddress) -> Option<TreeHash>,
) -> Result<TreeHash, MissingNode> {
    let length = end - start;
    if length.is_power_of_two() {
        let level = length.trailing_zeros();
        let address = NodeAddress { level, position: start >> level };
        return nodes(address).ok_or(MissingNode(address));
    }
    let middle = start + split(length);
    Ok(node_hash(range_hash(start, middle, nodes)?, range_hash(middle, end, nodes)?))
}
