//! The one-time link: opens a browser session on this machine for half an hour, once.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::http::identity::secret_sha256;
use crate::secret;

/// How long the link works.
const VALID: Duration = Duration::from_secs(30 * 60);

/// The link's secret, until it was used.
pub struct SetupLink {
    secret: String,
    made_at: Instant,
    used: Mutex<bool>,
}

impl Default for SetupLink {
    fn default() -> Self {
        Self { secret: secret::random_text(), made_at: Instant::now(), used: Mutex::new(false) }
    }
}

impl SetupLink {
    /// The address to open. The secret is in the fragment, which browsers send to nobody.
    #[must_use]
    pub fn address(&self, url: &str) -> String {
        format!("{url}/setup#{}", self.secret)
    }

    /// Whether the link can be used with this secret: what is made for it is made before.
    #[must_use]
    pub fn is_open(&self, secret: &str) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        self.accepts(secret, *used)
    }

    /// Uses the link; false when the secret is wrong, too old or was used before.
    #[must_use]
    pub fn take(&self, secret: &str) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let accepted = self.accepts(secret, *used);
        *used |= accepted;
        accepted
    }

    fn accepts(&self, secret: &str, used: bool) -> bool {
        // Hashes are compared so that the time taken tells nothing about the secret.
        let right = secret_sha256(secret) == secret_sha256(&self.secret);
        right && !used && self.made_at.elapsed() < VALID
    }
}
