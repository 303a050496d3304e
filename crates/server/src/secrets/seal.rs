//! Seals values: on the disk they say nothing without the key, and none can stand in another's place.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, Key, KeyInit as _, Nonce};

use crate::private;
use crate::secret;

/// What every sealed value begins with. The number grows with the way of sealing.
const HEAD: &[u8] = b"boucle-sealed-1\n";
const NONCE_BYTES: usize = 12;

/// One key.
pub(super) struct Seal {
    cipher: Aes256Gcm,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeyError {
    #[error(
        "the key of the secrets is not there: {} is gone; put it back, because without it every secret has to be set again",
        file.display()
    )]
    Missing { file: PathBuf },
    #[error(
        "everybody on this machine can read {}; take that from them with `chmod 600`",
        file.display()
    )]
    Readable { file: PathBuf },
    #[error("{} holds no key: 64 hexadecimal digits on one line", file.display())]
    NoKey { file: PathBuf },
    #[error("{} cannot be read", file.display())]
    Read { file: PathBuf, source: io::Error },
}

/// Why a value is not given.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsealed {
    #[error("it was not written by this server")]
    NotSealed,
    #[error("it was sealed with another key or for another name, or it was changed")]
    Refused,
}

impl Seal {
    /// Reads the key of a file.
    pub fn read(file: &Path) -> Result<Self, KeyError> {
        let read = |source: io::Error| {
            let file = file.to_owned();
            if source.kind() == io::ErrorKind::NotFound {
                KeyError::Missing { file }
            } else {
                KeyError::Read { file, source }
            }
        };
        if fs::metadata(file).map_err(read)?.permissions().mode() & 0o007 != 0 {
            return Err(KeyError::Readable { file: file.to_owned() });
        }
        let text = fs::read_to_string(file).map_err(read)?;
        let mut key = [0; 32];
        hex::decode_to_slice(text.trim(), &mut key)
            .map_err(|_| KeyError::NoKey { file: file.to_owned() })?;
        Ok(Self::new(key))
    }

    /// Makes a key and keeps it in a file.
    pub fn make(file: &Path) -> anyhow::Result<Self> {
        let key = secret::key();
        private::write(file, format!("{}\n", hex::encode(key)).as_bytes())?;
        Ok(Self::new(key))
    }

    fn new(key: [u8; 32]) -> Self {
        Self { cipher: Aes256Gcm::new(&Key::<Aes256Gcm>::from(key)) }
    }

    /// The value as it may lie on a disk, for this name only.
    pub fn close(&self, name: &str, value: &[u8]) -> anyhow::Result<Vec<u8>> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let payload = Payload { msg: value, aad: name.as_bytes() };
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| anyhow::anyhow!("the value cannot be sealed"))?;
        Ok([HEAD, nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// The value that was sealed for this name.
    pub fn open(&self, name: &str, sealed: &[u8]) -> Result<Vec<u8>, Unsealed> {
        let rest = sealed.strip_prefix(HEAD).ok_or(Unsealed::NotSealed)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealed::Refused)?;
        let payload = Payload { msg: sealed, aad: name.as_bytes() };
        self.cipher.decrypt(&Nonce::from(*nonce), payload).map_err(|_| Unsealed::Refused)
    }
}

/// Whether something is sealed, by whatever key.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(HEAD)
}
