//! Signed checkpoints: the tree's size and root in a signed note (C2SP `tlog-checkpoint` and
//! `signed-note`, Ed25519).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::tree::TreeHash;

/// C2SP `signed-note`'s type of an Ed25519 key.
const ED25519: u8 = 1;

/// What a checkpoint says: this ledger's first `size` facts hash to `root`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The ledger's name.
    pub origin: String,
    /// How many facts.
    pub size: u64,
    /// The root of their hash tree.
    pub root: TreeHash,
}

/// A public key with its name. Its text form is C2SP's vkey: `name+hash+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

/// Why a note, a key or a checkpoint was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// A key's name is empty or has white space or `+`.
    #[error("`{0}` is not a key's name: it must not be empty nor have white space or `+`")]
    InvalidName(String),
    /// The text of a key is not of the form `name+hash+base64`.
    #[error("`{0}` is not a verifier key (name+hash+base64)")]
    InvalidKey(String),
    /// The note is not a text, an empty line and signature lines.
    #[error("the note is malformed: {0}")]
    Malformed(&'static str),
    /// No signature line belongs to the key.
    #[error("the note has no signature by {0}")]
    NotSigned(String),
    /// A signature line belongs to the key and does not fit the text.
    #[error("the signature by {0} does not fit the note")]
    WrongSignature(String),
    /// The note is signed by the key, about another ledger.
    #[error("the note is about `{found}`, the key is of `{expected}`")]
    WrongOrigin {
        /// The key's name.
        expected: String,
        /// The note's first line.
        found: String,
    },
}

impl NoteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidName(_) => "key-name-invalid",
            Self::InvalidKey(_) => "verifier-key-invalid",
            Self::Malformed(_) => "checkpoint-malformed",
            Self::NotSigned(_) => "checkpoint-not-signed",
            Self::WrongSignature(_) => "checkpoint-signature-wrong",
            Self::WrongOrigin { .. } => "checkpoint-of-another-ledger",
        }
    }
}

impl Checkpoint {
    /// The note's text, which is what is signed: three lines.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, self.root)
    }

    /// The signed note. The origin must be the key's name.
    pub fn sign(&self, verifier: &VerifierKey, key: &SigningKey) -> Result<String, NoteError> {
        if verifier.name != self.origin {
            let (expected, found) = (verifier.name.clone(), self.origin.clone());
            return Err(NoteError::WrongOrigin { expected, found });
        }
        let text = self.text();
        let mut signature = verifier.key_hash().to_vec();
        signature.extend(key.sign(text.as_bytes()).to_bytes());
        Ok(format!("{text}\n\u{2014} {} {}\n", verifier.name, STANDARD.encode(signature)))
    }

    /// The checkpoint in a signed note, after checking the signature by `key` and that the note is
    /// about the key's ledger. Signatures by other keys (witnesses) and extension lines are allowed.
    pub fn open(note: &str, key: &VerifierKey) -> Result<Self, NoteError> {
        let (text, signatures) = split(note)?;
        let checkpoint = Self::parse(text)?;
        let mut is_signed = false;
        for line in signatures.lines() {
            let Some((name, signature)) = signature_of(line) else {
                return Err(NoteError::Malformed("a signature line is not `— name base64`"));
            };
            if name != key.name || signature.get(..4) != Some(&key.key_hash()[..]) {
                continue;
            }
            let wrong = || NoteError::WrongSignature(key.name.clone());
            let signature = Signature::from_slice(&signature[4..]).map_err(|_| wrong())?;
            key.key.verify_strict(text.as_bytes(), &signature).map_err(|_| wrong())?;
            is_signed = true;
        }
        if !is_signed {
            return Err(NoteError::NotSigned(key.name.clone()));
        }
        if checkpoint.origin != key.name {
            let (expected, found) = (key.name.clone(), checkpoint.origin);
            return Err(NoteError::WrongOrigin { expected, found });
        }
        Ok(checkpoint)
    }

    /// The checkpoint in a note, without looking at its signatures.
    pub fn open_unverified(note: &str) -> Result<Self, NoteError> {
        Self::parse(split(note)?.0)
    }

    fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::Malformed("it has fewer than three lines"));
        };
        if origin.is_empty() {
            return Err(NoteError::Malformed("its first line, the origin, is empty"));
        }
        let parsed: Option<u64> = size.parse().ok();
        let Some(parsed) = parsed.filter(|parsed| parsed.to_string() == size) else {
            return Err(NoteError::Malformed("its second line is not a decimal number"));
        };
        let Ok(root) = root.parse() else {
            return Err(NoteError::Malformed("its third line is not 32 bytes in base64"));
        };
        Ok(Self { origin: origin.into(), size: parsed, root })
    }
}

impl VerifierKey {
    /// A key with a name: not empty, neither white space nor `+`.
    pub fn new(name: &str, key: VerifyingKey) -> Result<Self, NoteError> {
        if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '+') {
            return Err(NoteError::InvalidName(name.into()));
        }
        Ok(Self { name: name.into(), key })
    }

    /// The key's name, which is the ledger's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256 over name, newline, type and key.
    fn key_hash(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(self.name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![ED25519];
        typed.extend(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, hex::encode(self.key_hash()), STANDARD.encode(typed))
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;
    fn from_str(text: &str) -> Result<Self, NoteError> {
        let invalid = || NoteError::InvalidKey(text.into());
        // The key is base64, which may have `+` itself: split from the left.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(typed)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid());
        };
        let typed = STANDARD.decode(typed).map_err(|_| invalid())?;
        let Some((&ED25519, key)) = typed.split_first() else { return Err(invalid()) };
        let key: [u8; 32] = key.try_into().map_err(|_| invalid())?;
        let key = Self::new(name, VerifyingKey::from_bytes(&key).map_err(|_| invalid())?)?;
        if hex::encode(key.key_hash()) == hash { Ok(key) } else { Err(invalid()) }
    }
}

/// Text (with its last newline) and signature lines.
fn split(note: &str) -> Result<(&str, &str), NoteError> {
    if note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(NoteError::Malformed("it has control characters"));
    }
    let Some(index) = note.rfind("\n\n") else {
        return Err(NoteError::Malformed("it has no empty line before the signatures"));
    };
    let (text, signatures) = (&note[..=index], &note[index + 2..]);
    if signatures.is_empty() || !signatures.ends_with('\n') {
        return Err(NoteError::Malformed("it does not end with a signature line"));
    }
    Ok((text, signatures))
}

fn signature_of(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, signature) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let signature = STANDARD.decode(signature).ok()?;
    (!name.is_empty() && signature.len() > 4).then_some((name, signature))
}
