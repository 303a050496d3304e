//! Facts and exports for the tests.

use std::collections::BTreeMap;

use ed25519_dalek::SigningKey;
use ledger::{
    Actor, Checkpoint, Draft, Expected, Fact, MemoryLedger, NodeAddress, RunId, Subject, Timestamp,
    TreeHash, TreeState, VerifierKey, canonical_fact, checkpoint_line, fact_line, header_line,
    inclusion_proof, leaf_hash,
};
use serde_json::json;

pub const ORIGIN: &str = "ledger.example/boucle";

pub fn draft(run: u64, number: u64) -> Draft {
    Draft {
        at: Timestamp(1_700_000_000_000),
        actor: Actor::person("ada"),
        subject: Subject::run(RunId(run)),
        expected: Expected::Anything,
        causes: Vec::new(),
        reason: "because".into(),
        kind: "pipelines.noted".into(),
        body: json!({ "number": number, "text": "left" }),
    }
}

pub fn facts(count: u64) -> Vec<Fact> {
    let mut ledger = MemoryLedger::default();
    for number in 1..=count {
        ledger.append(vec![draft(number % 3, number)]).unwrap();
    }
    ledger.facts().to_vec()
}

pub fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn verifier(key: &SigningKey) -> VerifierKey {
    VerifierKey::new(ORIGIN, key.verifying_key()).unwrap()
}

/// A tree with all its nodes, and its state after each leaf.
pub struct Tree {
    pub nodes: BTreeMap<NodeAddress, TreeHash>,
    pub states: Vec<TreeState>,
}

pub fn tree(leaves: impl IntoIterator<Item = TreeHash>) -> Tree {
    let mut tree = Tree { nodes: BTreeMap::new(), states: vec![TreeState::default()] };
    for leaf in leaves {
        let mut state = tree.states.last().unwrap().clone();
        let completed = state.push(leaf);
        tree.nodes.extend(completed.into_iter().map(|node| (node.address, node.hash)));
        tree.states.push(state);
    }
    tree
}

pub fn tree_of(facts: &[Fact]) -> Tree {
    tree(facts.iter().map(|fact| leaf_hash(canonical_fact(fact).as_bytes())))
}

pub fn checkpoint(tree: &Tree, size: usize) -> Checkpoint {
    Checkpoint { origin: ORIGIN.into(), size: size as u64, root: tree.states[size].root() }
}

/// An export of the facts, signed by `key`, with earlier checkpoints after these many facts.
pub fn export(facts: &[Fact], key: &SigningKey, earlier: &[usize]) -> Vec<String> {
    let (tree, verifier) = (tree_of(facts), verifier(key));
    let size = facts.len();
    let sign = |size| checkpoint(&tree, size).sign(&verifier, key).unwrap();
    let mut lines = vec![header_line("0123", &verifier, &sign(size))];
    for (index, fact) in facts.iter().enumerate() {
        let mut node = |address| tree.nodes.get(&address).copied();
        let proof = inclusion_proof(index as u64, size as u64, &mut node).unwrap();
        lines.push(fact_line(fact, &proof));
        if earlier.contains(&(index + 1)) {
            lines.push(checkpoint_line(&sign(index + 1)));
        }
    }
    lines
}
