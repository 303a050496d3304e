//! Random identifiers and secrets, from the operating system's generator.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

/// A token's secret: 256 random bits behind a prefix that secret scanners can look for.
#[must_use]
pub fn token() -> String {
    format!("boucle_{}", random_text())
}

/// A one-time secret of 256 random bits.
#[must_use]
pub fn random_text() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// 32 random bytes, for a key.
#[must_use]
pub fn key() -> [u8; 32] {
    rand::random()
}

/// An id that sorts by time and is safe in paths.
#[must_use]
pub fn identifier() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}
