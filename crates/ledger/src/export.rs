//! The ledger as JSON lines that anybody can verify without the server.
//!
//! The first line has the ledger's key and a signed checkpoint. Each fact follows on a line of its
//! own, with its audit path to the root of that checkpoint: so a fact is checked by itself, and one
//! that was changed does not spoil its neighbours' proofs. Earlier checkpoints stand behind the last
//! fact that they cover; they narrow down what was rewritten when even the tree was computed again.
//!
//! What an export cannot show by itself: that a whole shorter export is not the newest one, and that
//! the holder of the key did not write another history. For both, keep a checkpoint elsewhere and
//! give it to [`verify`].

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::canonical::{canonical_fact, canonical_json};
use crate::checkpoint::{Checkpoint, NoteError, VerifierKey};
use crate::fact::Fact;
use crate::tree::{TreeHash, TreeState, inclusion_root, leaf_hash};

/// The format's name and version.
const FORMAT: &str = "boucle-ledger/1";

/// What the person who verifies knows from elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trusted {
    /// The ledger's key. Without it the export's own key is used, which whoever wrote the export
    /// could have chosen.
    pub key: Option<VerifierKey>,
    /// A checkpoint seen before: the export must contain it.
    pub checkpoint: Option<Checkpoint>,
}

/// Whose key the signatures were checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// The one that was given.
    GivenKey,
    /// The export's own: it shows that the export fits together, not who made it.
    ExportsOwnKey,
}

/// What verifying an export came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The ledger's name by its checkpoint; empty when there was none to read.
    pub origin: String,
    /// How many facts the signed checkpoint covers.
    pub size: u64,
    /// How many facts, from the first on, are as they were signed.
    pub facts_verified: u64,
    /// How many signed checkpoints agree.
    pub checkpoints_verified: u64,
    /// Whose key was used.
    pub trust: Trust,
    /// The first thing that is wrong; `None`: the export is genuine.
    pub finding: Option<Finding>,
}

/// The first thing that is wrong with an export. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Finding {
    /// The first line is not an export's, or its checkpoint is not signed by the key.
    HeaderWrong {
        /// What is wrong, as a sentence.
        problem: String,
    },
    /// The fact is not as it was signed.
    FactChanged {
        /// Which fact.
        sequence: u64,
        /// Where it stands.
        line: u64,
    },
    /// The fact is missing.
    FactRemoved {
        /// Which fact.
        sequence: u64,
    },
    /// A line stands here that is no fact of the ledger, or repeats one.
    FactInserted {
        /// The fact that belongs here instead.
        sequence: u64,
        /// The line.
        line: u64,
    },
    /// The fact stands too late.
    FactReordered {
        /// Which fact.
        sequence: u64,
        /// Where it stands.
        line: u64,
    },
    /// A checkpoint is not signed by the key, or stands in the wrong place.
    CheckpointWrong {
        /// Where it stands.
        line: u64,
        /// What is wrong, as a sentence.
        problem: String,
    },
    /// The tree was computed again over changed facts; which ones, the checkpoints bracket.
    HistoryRewritten {
        /// The first fact that may have been changed.
        first: u64,
        /// The last fact that may have been the first one changed.
        last: u64,
    },
    /// The export is older than the trusted checkpoint, or facts were cut off its end.
    TooShort {
        /// The facts that it has.
        size: u64,
        /// The facts of the trusted checkpoint.
        trusted_size: u64,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    ledger: String,
    key: String,
    checkpoint: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactLine {
    fact: Value,
    proof: Vec<TreeHash>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: String,
}

/// A line after the first.
enum Line {
    /// A fact, or what stands in a fact's place.
    Fact {
        line: u64,
        claimed: Option<u64>,
        leaf: TreeHash,
        root: Option<TreeHash>,
    },
    Checkpoint {
        line: u64,
        note: String,
    },
}

/// The first line of an export, without the newline.
#[must_use]
pub fn header_line(ledger_id: &str, key: &VerifierKey, note: &str) -> String {
    let header = json!({ "format": FORMAT, "ledger": ledger_id, "key": key.to_string(), "checkpoint": note });
    canonical_json(&header)
}

/// A fact's line: the fact as it was hashed, with its audit path in the checkpoint's tree.
#[must_use]
pub fn fact_line(fact: &Fact, proof: &[TreeHash]) -> String {
    line_of(&canonical_fact(fact), proof)
}

/// An earlier checkpoint's line, to be written after the last fact that it covers.
#[must_use]
pub fn checkpoint_line(note: &str) -> String {
    canonical_json(&json!({ "checkpoint": note }))
}

/// Checks an export, needing nothing else. Names the first thing that is wrong.
pub fn verify<'a>(lines: impl IntoIterator<Item = &'a str>, trusted: &Trusted) -> Verification {
    let mut lines = lines.into_iter();
    let trust = if trusted.key.is_some() { Trust::GivenKey } else { Trust::ExportsOwnKey };
    let mut verification = Verification {
        origin: String::new(),
        size: 0,
        facts_verified: 0,
        checkpoints_verified: 0,
        trust,
        finding: None,
    };
    let (key, note) = match read_header(lines.next(), trusted) {
        Ok(header) => header,
        Err(problem) => {
            verification.finding = Some(Finding::HeaderWrong { problem });
            return verification;
        }
    };
    let (checkpoint, signature) = match Checkpoint::open(&note, &key) {
        Ok(checkpoint) => (checkpoint, Ok(())),
        Err(error) => match Checkpoint::open_unverified(&note) {
            Ok(checkpoint) => (checkpoint, Err(error)),
            Err(error) => {
                verification.finding = Some(Finding::HeaderWrong { problem: error.to_string() });
                return verification;
            }
        },
    };
    let size = checkpoint.size;
    let lines = lines.zip(2..).map(|(text, line)| read_line(text, line, size)).collect();
    verification.origin.clone_from(&checkpoint.origin);
    verification.size = size;
    let mut walk = Walk { key, checkpoint, trusted, verification, lines };
    walk.verification.finding = walk.finding(signature);
    walk.verification
}

impl Finding {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::HeaderWrong { .. } => "header-wrong",
            Self::FactChanged { .. } => "fact-changed",
            Self::FactRemoved { .. } => "fact-removed",
            Self::FactInserted { .. } => "fact-inserted",
            Self::FactReordered { .. } => "fact-reordered",
            Self::CheckpointWrong { .. } => "checkpoint-wrong",
            Self::HistoryRewritten { .. } => "history-rewritten",
            Self::TooShort { .. } => "export-too-short",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderWrong { problem } => {
                write!(
                    f,
                    "the export cannot be trusted: {problem}; export it again from the server"
                )
            }
            Self::FactChanged { sequence, line } => {
                write!(f, "fact {sequence} (line {line}) is not as it was signed: it was changed")
            }
            Self::FactRemoved { sequence } => {
                write!(f, "fact {sequence} is missing: it was removed")
            }
            Self::FactInserted { sequence, line } => {
                write!(f, "line {line} was inserted where fact {sequence} belongs")
            }
            Self::FactReordered { sequence, line } => {
                write!(f, "fact {sequence} stands too late (line {line}): facts were reordered")
            }
            Self::CheckpointWrong { line, problem } => {
                write!(f, "the checkpoint on line {line} cannot be trusted: {problem}")
            }
            Self::HistoryRewritten { first, last } => {
                write!(
                    f,
                    "history was rewritten: the first changed fact is between {first} and {last}; \
                     compare with an older export"
                )
            }
            Self::TooShort { size, trusted_size } => {
                write!(
                    f,
                    "the export has {size} facts, the checkpoint that you trust has {trusted_size}: \
                     facts were cut off, or the export is older"
                )
            }
        }
    }
}

struct Walk<'a> {
    key: VerifierKey,
    checkpoint: Checkpoint,
    trusted: &'a Trusted,
    verification: Verification,
    lines: Vec<Line>,
}

impl Walk<'_> {
    fn finding(&mut self, signature: Result<(), NoteError>) -> Option<Finding> {
        if let Err(error) = &signature {
            let header = Finding::HeaderWrong { problem: error.to_string() };
            return Some(self.rewritten().unwrap_or(header));
        }
        if self.is_recomputed() {
            let (first, last) = (self.verification.facts_verified + 1, self.checkpoint.size);
            return Some(self.rewritten().unwrap_or(Finding::HistoryRewritten { first, last }));
        }
        self.first_wrong().or_else(|| self.trusted_finding())
    }

    /// Whether all facts, at least two, agree on a root that is not the checkpoint's: somebody
    /// computed the tree again. (One fact alone that disagrees is that fact.)
    fn is_recomputed(&self) -> bool {
        let roots = self.lines.iter().filter_map(|line| match line {
            Line::Fact { root, .. } => Some(*root),
            Line::Checkpoint { .. } => None,
        });
        let roots: Vec<Option<TreeHash>> = roots.collect();
        let agree = roots.windows(2).all(|pair| pair[0].is_some() && pair[0] == pair[1]);
        agree && roots.len() > 1 && roots[0] != Some(self.checkpoint.root)
    }

    /// Brackets what was rewritten by the checkpoints that are still signed.
    fn rewritten(&mut self) -> Option<Finding> {
        let mut tree = TreeState::default();
        for line in &self.lines {
            match line {
                Line::Fact { leaf, .. } => {
                    tree.push(*leaf);
                }
                Line::Checkpoint { note, .. } => {
                    let Ok(checkpoint) = Checkpoint::open(note, &self.key) else { continue };
                    let first = self.verification.facts_verified + 1;
                    if checkpoint.size != tree.size() || checkpoint.root != tree.root() {
                        let last = checkpoint.size;
                        return Some(Finding::HistoryRewritten { first, last });
                    }
                    self.verification.facts_verified = checkpoint.size;
                    self.verification.checkpoints_verified += 1;
                }
            }
        }
        None
    }

    /// Walks the lines in order, each fact checked against the signed root.
    fn first_wrong(&mut self) -> Option<Finding> {
        let mut tree = TreeState::default();
        self.verification.checkpoints_verified = 1;
        for (index, line) in self.lines.iter().enumerate() {
            let expected = tree.size() + 1;
            match line {
                Line::Fact { claimed, leaf, root, .. } => {
                    if *root != Some(self.checkpoint.root) || *claimed != Some(expected) {
                        return Some(self.classify(index, expected));
                    }
                    tree.push(*leaf);
                    self.verification.facts_verified = expected;
                }
                Line::Checkpoint { line, note } => {
                    if let Some(finding) = self.checkpoint_finding(*line, note, &tree) {
                        return Some(finding);
                    }
                    self.verification.checkpoints_verified += 1;
                }
            }
            if let Some(finding) = self.trusted_mismatch(&tree) {
                return Some(finding);
            }
        }
        if tree.size() < self.checkpoint.size {
            return Some(Finding::FactRemoved { sequence: tree.size() + 1 });
        }
        (tree.root() != self.checkpoint.root).then(|| Finding::HeaderWrong {
            problem: "its checkpoint is not about these facts".into(),
        })
    }

    /// What happened to the fact `expected`, in whose place something else stands.
    fn classify(&self, index: usize, expected: u64) -> Finding {
        let is_signed = |root: &Option<TreeHash>| *root == Some(self.checkpoint.root);
        let later = self.lines[index..].iter().skip(1).find_map(|line| match line {
            Line::Fact { line, claimed, root, .. } => {
                (is_signed(root) && *claimed == Some(expected)).then_some(*line)
            }
            Line::Checkpoint { .. } => None,
        });
        let Line::Fact { line, claimed, root, .. } = &self.lines[index] else {
            return Finding::FactRemoved { sequence: expected };
        };
        let (sequence, line) = (expected, *line);
        let comes_later = claimed.is_some_and(|claimed| claimed > expected);
        let is_repeated = is_signed(root) && claimed.is_some_and(|claimed| claimed < expected);
        match later {
            _ if is_repeated || expected > self.checkpoint.size => {
                Finding::FactInserted { sequence, line }
            }
            Some(later) if is_signed(root) => Finding::FactReordered { sequence, line: later },
            Some(_) => Finding::FactInserted { sequence, line },
            None if comes_later => Finding::FactRemoved { sequence },
            None => Finding::FactChanged { sequence, line },
        }
    }

    fn checkpoint_finding(&self, line: u64, note: &str, tree: &TreeState) -> Option<Finding> {
        let wrong = |problem: String| Some(Finding::CheckpointWrong { line, problem });
        let checkpoint = match Checkpoint::open(note, &self.key) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return wrong(error.to_string()),
        };
        if checkpoint.size != tree.size() {
            let (says, stands) = (checkpoint.size, tree.size());
            return wrong(format!("it is about {says} facts and stands after {stands}"));
        }
        // The facts are as the newest checkpoint says and not as this one does: the key's holder
        // signed two histories.
        (checkpoint.root != tree.root())
            .then_some(Finding::HistoryRewritten { first: 1, last: checkpoint.size })
    }

    fn trusted_mismatch(&self, tree: &TreeState) -> Option<Finding> {
        let trusted = self.trusted.checkpoint.as_ref()?;
        (trusted.size == tree.size() && trusted.root != tree.root())
            .then_some(Finding::HistoryRewritten { first: 1, last: trusted.size })
    }

    fn trusted_finding(&self) -> Option<Finding> {
        let trusted_size = self.trusted.checkpoint.as_ref()?.size;
        let size = self.checkpoint.size;
        (trusted_size > size).then_some(Finding::TooShort { size, trusted_size })
    }
}

fn read_header(line: Option<&str>, trusted: &Trusted) -> Result<(VerifierKey, String), String> {
    let line = line.ok_or("it is empty")?;
    let header: Header = serde_json::from_str(line)
        .map_err(|error| format!("its first line is not a header ({error})"))?;
    if header.format != FORMAT {
        return Err(format!("its format is `{}`, this program reads `{FORMAT}`", header.format));
    }
    let key: VerifierKey = header.key.parse().map_err(|error: NoteError| error.to_string())?;
    let own = header_line(&header.ledger, &key, &header.checkpoint);
    if own != line {
        return Err("its first line is not written as the server writes it".into());
    }
    Ok((trusted.key.clone().unwrap_or(key), header.checkpoint))
}

/// Anything that is not exactly what [`fact_line`] or [`checkpoint_line`] writes is a fact's place
/// taken by something else: other white space or a repeated key could hide another meaning.
fn read_line(text: &str, line: u64, size: u64) -> Line {
    if let Ok(found) = serde_json::from_str::<FactLine>(text) {
        let canonical = canonical_json(&found.fact);
        let claimed = found.fact.get("sequence").and_then(Value::as_u64);
        let leaf = leaf_hash(canonical.as_bytes());
        let root = claimed
            .filter(|_| line_of(&canonical, &found.proof) == text)
            .and_then(|claimed| inclusion_root(leaf, claimed.checked_sub(1)?, size, &found.proof));
        return Line::Fact { line, claimed, leaf, root };
    }
    match serde_json::from_str::<CheckpointLine>(text) {
        Ok(found) if checkpoint_line(&found.checkpoint) == text => {
            Line::Checkpoint { line, note: found.checkpoint }
        }
        Ok(_) | Err(_) => {
            Line::Fact { line, claimed: None, leaf: leaf_hash(text.as_bytes()), root: None }
        }
    }
}

fn line_of(canonical: &str, proof: &[TreeHash]) -> String {
    let proof: Vec<String> = proof.iter().map(|hash| format!("\"{hash}\"")).collect();
    format!("{{\"fact\":{canonical},\"proof\":[{}]}}", proof.join(","))
}
