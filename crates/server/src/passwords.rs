//! The hand that keeps and checks passwords: Argon2id hashes, one private file an account.
//!
//! They are in no fact, because the ledger is exported and kept for ever.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use crate::private;

/// The shortest password, in characters (NIST SP 800-63B).
pub const CHARACTERS_MIN: usize = 8;
/// A longer one only costs time, in bytes.
pub const BYTES_MAX: usize = 256;
/// So many are checked at once: each takes 19 MiB.
const CHECKS_MAX: usize = 2;

/// Where passwords are.
pub struct Passwords {
    folder: PathBuf,
    checks: Arc<Semaphore>,
}

impl Passwords {
    /// In a folder of its own.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, checks: Arc::new(Semaphore::new(CHECKS_MAX)) }
    }

    /// Keeps a password; it is on disk when this returns. The name was checked by the caller.
    pub async fn keep(&self, name: &str, password: String) -> anyhow::Result<()> {
        let path = self.path(name);
        self.work(move || {
            let hash = Argon2::default().hash_password(password.as_bytes());
            let hash = hash.map_err(|error| anyhow::anyhow!("no hash can be made: {error}"))?;
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).context("the folder of passwords is missing")?;
            }
            private::write(&path, hash.to_string().as_bytes())
        })
        .await
    }

    /// Whether the password is the account's. An account without one takes as long as any other, so
    /// that the time tells nothing.
    pub async fn is_right(&self, name: &str, password: String) -> anyhow::Result<bool> {
        let path = self.path(name);
        self.work(move || {
            let Some(text) = read(&path)? else {
                let _ = Argon2::default().hash_password(password.as_bytes());
                return Ok(false);
            };
            let hash = PasswordHash::new(&text);
            let hash = hash.map_err(|error| anyhow::anyhow!("a password is damaged: {error}"))?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    /// Forgets an account's password.
    pub fn forget(&self, name: &str) -> anyhow::Result<()> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("the password cannot be removed")
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Names are hashed, so that none of them is a path.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(crate::http::identity::secret_sha256(name))
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let _place = self.checks.acquire().await.context("passwords are no longer checked")?;
        tokio::task::spawn_blocking(work).await.context("the check was interrupted")?
    }
}

fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("a password cannot be read"),
    }
}
