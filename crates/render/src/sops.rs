//! Secrets that SOPS encrypted: the values of an object become readable by an age key, in memory only.
//!
//! Each value is authenticated with its own path. The file's MAC over all values is not checked: a
//! kustomization may have changed what was not encrypted (a name, a namespace), as it does for Flux.
//! Absent on purpose: keys of PGP and of cloud services, which would need their programs or a network.

use std::fmt;
use std::io::Read as _;
use std::str::FromStr as _;

use aes_gcm::aead::array::typenum::U32;
use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::aes::Aes256;
use aes_gcm::{AesGcm, Key, Nonce};
use age::armor::ArmoredReader;
use age::x25519::Identity;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// The field in which SOPS says how a file is encrypted.
const METADATA: &str = "sops";
const PREFIX: &str = "ENC[AES256_GCM,";
/// SOPS' nonces are longer than usual.
type Cipher = AesGcm<Aes256, U32>;
const NONCE_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
const KEY_BYTES: usize = 32;
/// The most recipients of one file: each is tried with each key.
const RECIPIENTS_MAX: usize = 100;
/// An encrypted key is a few hundred bytes.
const ENCRYPTED_KEY_BYTES_MAX: usize = 16 * 1024;

/// age keys that may open files.
pub struct AgeKeys(Vec<Identity>);

/// A text that holds no age keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AgeKeysError {
    /// A line is something else. The line is not shown: it may be a secret of another kind.
    #[error("line {line} is no age key; one begins with `AGE-SECRET-KEY-1`")]
    Line {
        /// Which, from 1.
        line: usize,
    },
    /// There is no line with a key.
    #[error("there is no age key; `age-keygen` makes one")]
    Empty,
}

/// Why an object stays encrypted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SopsError {
    /// It is something else than a Secret, whose values are shown to everybody who may read.
    #[error(
        "SOPS encrypted a {kind}; only the values of a Secret stay hidden here, so encrypt them in \
         a Secret"
    )]
    NotASecret {
        /// Its kind.
        kind: String,
    },
    /// No age key may open it at all.
    #[error(
        "SOPS encrypted it for no age key; add one (`sops updatekeys`): keys of PGP and of cloud \
         services cannot be used here"
    )]
    NoAge,
    /// The key is split over several groups.
    #[error("its key is split (`shamir_threshold`), which is not supported; use one group of keys")]
    Split,
    /// The repository has none of the keys.
    #[error("no age key of the repository opens it; SOPS encrypted it for {recipients}")]
    NoKey {
        /// The public halves.
        recipients: String,
    },
    /// What SOPS wrote is damaged.
    #[error("{what} of what SOPS wrote cannot be read; encrypt the file again")]
    Damaged {
        /// Which part.
        what: String,
    },
    /// A value is not the one that was encrypted at this place.
    #[error(
        "the value at `{path}` is not the one that SOPS encrypted there; it was moved or changed: \
         edit the file with `sops`"
    )]
    Value {
        /// Where: `data.password`.
        path: String,
    },
}

impl AgeKeys {
    /// Reads what `age-keygen` writes: a key a line, comments after `#`.
    pub fn parse(text: &str) -> Result<Self, AgeKeysError> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = Identity::from_str(line);
            keys.push(key.map_err(|_| AgeKeysError::Line { line: index + 1 })?);
        }
        if keys.is_empty() { Err(AgeKeysError::Empty) } else { Ok(Self(keys)) }
    }

    /// The keys of both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// No key.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }
}

/// Without the keys.
impl fmt::Debug for AgeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgeKeys({})", self.0.len())
    }
}

/// Whether SOPS encrypted the object.
#[must_use]
pub fn is_encrypted(object: &Value) -> bool {
    object.get(METADATA).is_some_and(|metadata| metadata.get("mac").is_some())
}

/// The object with its values as they were, without what SOPS wrote.
pub fn decrypt(object: &Value, keys: &AgeKeys) -> Result<Value, SopsError> {
    let is_secret = object["kind"] == "Secret" && object["apiVersion"] == "v1";
    if !is_secret {
        let kind = object["kind"].as_str().unwrap_or_default().to_owned();
        return Err(SopsError::NotASecret { kind });
    }
    let key = data_key(&object[METADATA], keys)?;
    let cipher = Cipher::new(&key);
    let mut decrypted = Map::new();
    for (name, value) in object.as_object().into_iter().flatten() {
        if name != METADATA {
            let value = readable(&cipher, value, &mut vec![name.clone()])?;
            decrypted.insert(name.clone(), value);
        }
    }
    Ok(Value::Object(decrypted))
}

/// The key of the file, which is encrypted for each recipient.
fn data_key(metadata: &Value, keys: &AgeKeys) -> Result<Key<Aes256>, SopsError> {
    if metadata.get("shamir_threshold").and_then(Value::as_u64).is_some_and(|groups| groups > 0) {
        return Err(SopsError::Split);
    }
    let recipients = metadata["age"].as_array().map(Vec::as_slice).unwrap_or_default();
    if recipients.is_empty() {
        return Err(SopsError::NoAge);
    }
    let recipients = recipients.get(..RECIPIENTS_MAX).unwrap_or(recipients);
    let encrypted = recipients.iter().filter_map(|recipient| recipient["enc"].as_str());
    for encrypted in encrypted.filter(|encrypted| encrypted.len() <= ENCRYPTED_KEY_BYTES_MAX) {
        if let Some(key) = opened(encrypted, keys) {
            let key: Result<[u8; KEY_BYTES], _> = key.try_into();
            let damaged = |_| SopsError::Damaged { what: "the key".into() };
            return key.map(Into::into).map_err(damaged);
        }
    }
    let names = recipients.iter().filter_map(|recipient| recipient["recipient"].as_str());
    Err(SopsError::NoKey { recipients: names.collect::<Vec<_>>().join(", ") })
}

fn opened(encrypted: &str, keys: &AgeKeys) -> Option<Vec<u8>> {
    let armored = ArmoredReader::new(encrypted.as_bytes());
    let decryptor = age::Decryptor::new_buffered(armored).ok()?;
    let keys = keys.0.iter().map(|key| key as &dyn age::Identity);
    let reader = decryptor.decrypt(keys).ok()?;
    let mut key = Vec::new();
    reader.take(KEY_BYTES as u64 + 1).read_to_end(&mut key).ok()?;
    Some(key)
}

/// A value below a path; the places of a list are no part of it.
fn readable(cipher: &Cipher, value: &Value, path: &mut Vec<String>) -> Result<Value, SopsError> {
    match value {
        Value::String(text) if text.starts_with(PREFIX) => decrypted(cipher, text, path),
        Value::Array(items) => {
            items.iter().map(|item| readable(cipher, item, path)).collect::<Result<_, _>>()
        }
        Value::Object(fields) => {
            let mut read = Map::new();
            for (name, field) in fields {
                path.push(name.clone());
                read.insert(name.clone(), readable(cipher, field, path)?);
                path.pop();
            }
            Ok(Value::Object(read))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(value.clone()),
    }
}

/// `ENC[AES256_GCM,data:…,iv:…,tag:…,type:str]`
fn decrypted(cipher: &Cipher, text: &str, path: &[String]) -> Result<Value, SopsError> {
    let damaged = || SopsError::Damaged { what: format!("the value at `{}`", path.join(".")) };
    let inside = text.strip_prefix(PREFIX).and_then(|text| text.strip_suffix(']'));
    let fields: Vec<&str> = inside.ok_or_else(damaged)?.split(',').collect();
    let field = |name: &str| {
        let found = fields.iter().find_map(|field| field.strip_prefix(name)?.strip_prefix(':'));
        found.ok_or_else(damaged)
    };
    let bytes = |name: &str| STANDARD.decode(field(name)?).map_err(|_| damaged());
    let (mut message, nonce, tag) = (bytes("data")?, bytes("iv")?, bytes("tag")?);
    let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| damaged())?;
    if tag.len() != TAG_BYTES {
        return Err(damaged());
    }
    message.extend(tag);
    let place = format!("{}:", path.join(":"));
    let payload = Payload { msg: &message, aad: place.as_bytes() };
    let plain = cipher.decrypt(&Nonce::from(nonce), payload);
    let plain = plain.map_err(|_| SopsError::Value { path: path.join(".") })?;
    let plain = String::from_utf8(plain).map_err(|_| damaged())?;
    typed(field("type")?, plain).ok_or_else(damaged)
}

fn typed(kind: &str, plain: String) -> Option<Value> {
    match kind {
        "str" | "bytes" => Some(Value::String(plain)),
        "int" => plain.parse::<i64>().ok().map(Value::from),
        "float" => plain.parse::<f64>().ok().map(Value::from),
        "bool" => match plain.as_str() {
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    }
}
