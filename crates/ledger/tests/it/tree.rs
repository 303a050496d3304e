//! The hash tree beside another implementation of RFC 6962.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ledger::{
    NodeAddress, TreeHash, TreeState, consistency_proof, inclusion_proof, leaf_hash,
    verify_consistency, verify_inclusion,
};
use proptest::prelude::*;
use sha2::Sha256;

use crate::support::{Tree, tree};

fn leaf(number: u64) -> Vec<u8> {
    format!("leaf {number}").into_bytes()
}

fn both(size: u64) -> (Tree, MemoryBackedTree<Sha256, Vec<u8>>) {
    let mut oracle = MemoryBackedTree::new();
    (0..size).for_each(|number| oracle.push(leaf(number)));
    (tree((0..size).map(|number| leaf_hash(&leaf(number)))), oracle)
}

fn bytes(proof: &[TreeHash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| hash.0).collect()
}

/// Root, state, every inclusion proof and every consistency proof of a tree equal the oracle's.
fn check(size: u64) {
    let (tree, oracle) = both(size);
    let state = tree.states.last().unwrap();
    let mut node = |address: NodeAddress| tree.nodes.get(&address).copied();
    assert_eq!(state.root().0.as_slice(), oracle.root().as_bytes().as_slice(), "{size}");
    assert_eq!(TreeState::load(size, &mut node).unwrap(), *state);
    for index in 0..size {
        let proof = inclusion_proof(index, size, &mut node).unwrap();
        let expected = oracle.prove_inclusion(usize::try_from(index).unwrap());
        assert_eq!(bytes(&proof), expected.as_bytes(), "{index} of {size}");
        assert!(verify_inclusion(leaf_hash(&leaf(index)), index, size, &proof, state.root()));
    }
    for old in 1..size {
        let proof = consistency_proof(old, size, &mut node).unwrap();
        let expected = oracle.prove_consistency(usize::try_from(size - old).unwrap());
        assert_eq!(bytes(&proof), expected.as_bytes(), "{old} to {size}");
        let old_root = tree.states[usize::try_from(old).unwrap()].root();
        assert!(verify_consistency((old, old_root), (size, state.root()), &proof));
    }
}

#[test]
fn small_trees_equal_the_oracles() {
    (0..=70).for_each(check);
}

#[test]
fn the_empty_tree_is_the_hash_of_nothing() {
    let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert_eq!(TreeState::default().root().to_string(), empty);
}

#[test]
fn a_state_is_small() {
    let (tree, _) = both(1000);
    let longest = tree.states.iter().map(|state| serde_json::to_string(state).unwrap().len()).max();
    assert!(longest.unwrap() < 10 * 50 + 50, "{longest:?}");
}

#[test]
fn a_missing_node_is_named() {
    let (tree, _) = both(8);
    let gap = NodeAddress { level: 1, position: 2 };
    let mut node = |address| tree.nodes.get(&address).copied().filter(|_| address != gap);
    assert_eq!(inclusion_proof(7, 8, &mut node).unwrap_err().0, gap);
}

proptest! {
    /// A proof that is changed anywhere, or used for something else, shows nothing.
    #[test]
    fn wrong_proofs_show_nothing(
        size in 2_u64..200, index in any::<prop::sample::Index>(), change in 0_usize..6,
        place in any::<prop::sample::Index>(),
    ) {
        let (tree, _) = both(size);
        let index = index.index(usize::try_from(size).unwrap()) as u64;
        let mut node = |address| tree.nodes.get(&address).copied();
        let mut proof = inclusion_proof(index, size, &mut node).unwrap();
        let root = tree.states.last().unwrap().root();
        let (mut claimed, mut shown) = (index, leaf(index));
        let place = place.index(proof.len());
        match change {
            0 => proof[place].0[7] ^= 1,
            1 => drop(proof.remove(place)),
            2 => proof.push(root),
            3 => claimed = (index + 1) % size,
            4 => claimed = index + size,
            _ => shown.push(0),
        }
        prop_assert!(!verify_inclusion(leaf_hash(&shown), claimed, size, &proof, root));
    }

    #[test]
    fn wrong_consistency_proofs_show_nothing(
        new in 2_u64..200, old in any::<prop::sample::Index>(), change in 0_usize..4,
        place in any::<prop::sample::Index>(),
    ) {
        let (tree, _) = both(new);
        let old = 1 + old.index(usize::try_from(new).unwrap() - 1);
        let mut node = |address| tree.nodes.get(&address).copied();
        let mut proof = consistency_proof(old as u64, new, &mut node).unwrap();
        let (mut old_root, mut new_root) = (tree.states[old].root(), tree.states.last().unwrap().root());
        let place = place.index(proof.len());
        match change {
            0 => proof[place].0[7] ^= 1,
            1 => drop(proof.remove(place)),
            2 => old_root.0[0] ^= 1,
            _ => new_root.0[0] ^= 1,
        }
        prop_assert!(!verify_consistency((old as u64, old_root), (new, new_root), &proof));
    }
}
