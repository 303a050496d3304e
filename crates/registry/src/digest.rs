//! Digests of content, by the algorithms of the OCI image specification.

use std::io::{self, Read, Write};

use ledger::ArtifactDigest;
use sha2::{Digest as _, Sha256, Sha512};

/// Works out one digest.
#[derive(Debug, Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha512(Box<Sha512>),
}

impl Hasher {
    /// What the registry itself names content by.
    pub fn sha256() -> Self {
        Self::Sha256(Sha256::new())
    }

    /// Works out digests that can be compared with this one.
    pub fn like(digest: &ArtifactDigest) -> Self {
        if digest.algorithm() == "sha512" {
            Self::Sha512(Box::new(Sha512::new()))
        } else {
            Self::sha256()
        }
    }

    /// # Panics
    /// Never: what an algorithm gives always has its number of hexadecimal digits.
    pub fn finish(self) -> ArtifactDigest {
        let text = match self {
            Self::Sha256(hasher) => format!("sha256:{}", hex::encode(hasher.finalize())),
            Self::Sha512(hasher) => format!("sha512:{}", hex::encode(hasher.finalize())),
        };
        match ArtifactDigest::new(text) {
            Ok(digest) => digest,
            Err(error) => panic!("{error}"),
        }
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::Sha512(hasher) => hasher.update(bytes),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The digest of bytes in memory that the registry names them by.
#[must_use]
pub fn digest_of(bytes: &[u8]) -> ArtifactDigest {
    Hasher::Sha256(Sha256::new_with_prefix(bytes)).finish()
}

/// The digest of all that the reader gives, comparable with this one.
pub(crate) fn digest_like(
    digest: &ArtifactDigest,
    mut reader: impl Read,
) -> io::Result<ArtifactDigest> {
    let mut hasher = Hasher::like(digest);
    io::copy(&mut reader, &mut hasher)?;
    Ok(hasher.finish())
}
