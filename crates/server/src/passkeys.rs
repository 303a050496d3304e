//! The hand that keeps and checks passkeys (WebAuthn): public keys, one private file an account.
//!
//! Like passwords they are in no fact. The ledger says which passkeys an account has; what is in a
//! file beyond that lets nobody in.

pub mod challenges;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::MutexGuard;
use uuid::Uuid;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::http::identity::secret_sha256;
use crate::passkeys::challenges::Challenges;
use crate::{private, secret};

/// The page that asks: browsers tie a passkey to its name, and an answer to its whole origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// `localhost`: what WebAuthn calls the relying party's id.
    pub name: String,
    /// `http://localhost:7070`.
    pub origin: String,
}

/// Where passkeys are, and what they are asked.
pub struct Passkeys {
    folder: PathBuf,
    /// What new ones are asked.
    pub registrations: Challenges<PasskeyRegistration>,
    /// What those are asked that sign somebody in.
    pub sign_ins: Challenges<DiscoverableAuthentication>,
    turn: tokio::sync::Mutex<()>,
    handle_key: Mutex<Option<[u8; 32]>>,
}

/// A passkey as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    /// Its id in the ledger.
    id: String,
    /// The name of the site that it belongs to.
    site: String,
    /// When it signed its owner in last.
    last_used_at: Option<Timestamp>,
    /// The public key, its counter and its flags.
    key: Passkey,
}

/// What came of an answer.
pub enum Answered {
    /// It is right.
    Right,
    /// No passkey of the account gave it.
    Unknown,
    /// It does not hold.
    Wrong(WebauthnError),
}

impl Site {
    fn webauthn(&self) -> anyhow::Result<Webauthn> {
        let origin = Url::parse(&self.origin).context("the page's origin is no address")?;
        let builder = WebauthnBuilder::new(&self.name, &origin).context("the site has no name")?;
        builder.rp_name("Boucle").build().context("passkeys cannot be asked for this site")
    }
}

impl Passkeys {
    /// In a folder of its own, which is made with the first passkey.
    pub fn new(folder: PathBuf) -> Self {
        let (registrations, sign_ins) = (Challenges::default(), Challenges::default());
        let (turn, handle_key) = (tokio::sync::Mutex::default(), Mutex::default());
        Self { folder, registrations, sign_ins, turn, handle_key }
    }

    /// One change at a time, from what it is based on to the fact: else two removals at once take the
    /// last way in, and two sign-ins turn a counter back.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// What the browser is asked for a new passkey of this account, and what its answer is checked
    /// with.
    pub async fn ask_new(
        &self,
        site: &Site,
        name: &str,
    ) -> anyhow::Result<(Value, PasskeyRegistration)> {
        let known = self.kept(name).await?;
        let same_site = known.iter().filter(|one| one.site == site.name);
        let known: Vec<CredentialID> = same_site.map(|one| one.key.cred_id().clone()).collect();
        let handle = self.handle(name)?;
        let (options, question) =
            site.webauthn()?.start_passkey_registration(handle, name, name, Some(known))?;
        let mut options = serde_json::to_value(options.public_key)?;
        // The library leaves it open; signing in without a name needs a key that names its owner.
        let wanted = options.get_mut("authenticatorSelection").and_then(Value::as_object_mut);
        let wanted = wanted.context("the options of a new passkey have another form")?;
        wanted.insert("residentKey".into(), "required".into());
        wanted.insert("requireResidentKey".into(), true.into());
        Ok((options, question))
    }

    /// What the browser is asked when somebody signs in, whoever it is.
    pub fn ask_anybody(site: &Site) -> anyhow::Result<(Value, DiscoverableAuthentication)> {
        let (options, question) = site.webauthn()?.start_discoverable_authentication()?;
        // The person pressed a button: their browser asks at once, not only in the name's field.
        Ok((serde_json::to_value(options.public_key)?, question))
    }

    /// The new passkey, when the answer holds.
    pub fn made(
        site: &Site,
        question: &PasskeyRegistration,
        answer: &RegisterPublicKeyCredential,
    ) -> anyhow::Result<Result<Passkey, WebauthnError>> {
        Ok(site.webauthn()?.finish_passkey_registration(answer, question))
    }

    /// Keeps a new passkey under this id; it is on disk when this returns. False when the account has
    /// it already. The caller has the turn; passkeys that `live` does not name are dropped.
    pub async fn keep(
        &self,
        site: &Site,
        (name, id): (&str, &str),
        key: Passkey,
        live: &BTreeSet<String>,
    ) -> anyhow::Result<bool> {
        let mut kept = self.kept(name).await?;
        kept.retain(|one| live.contains(&one.id));
        if kept.iter().any(|one| one.key.cred_id() == key.cred_id()) {
            return Ok(false);
        }
        let site = site.name.clone();
        kept.push(Kept { id: id.to_owned(), site, last_used_at: None, key });
        self.write(name, kept).await?;
        Ok(true)
    }

    /// Which account the answer says it is of, by the handle that its passkey has kept.
    pub fn owner<'names>(
        &self,
        answer: &PublicKeyCredential,
        mut names: impl Iterator<Item = &'names String>,
    ) -> anyhow::Result<Option<String>> {
        let handle = answer.get_user_unique_id().and_then(|bytes| Uuid::from_slice(bytes).ok());
        let Some(handle) = handle else { return Ok(None) };
        let key = self.handle_key()?;
        Ok(names.find(|name| handle_of(&key, name) == handle).cloned())
    }

    /// Checks an answer with the passkey of the account that gave it, one of those that are `live`,
    /// and keeps what it says of itself: its counter, whether there are copies of it. The caller has
    /// the turn.
    pub async fn check(
        &self,
        site: &Site,
        (name, live): (&str, &BTreeSet<String>),
        question: DiscoverableAuthentication,
        answer: &PublicKeyCredential,
        now: Timestamp,
    ) -> anyhow::Result<Answered> {
        let mut kept = self.kept(name).await?;
        let gave = |one: &&mut Kept| {
            let same = one.key.cred_id().as_slice() == answer.get_credential_id();
            same && one.site == site.name && live.contains(&one.id)
        };
        let Some(one) = kept.iter_mut().find(gave) else { return Ok(Answered::Unknown) };
        let webauthn = site.webauthn()?;
        match webauthn.finish_discoverable_authentication_v2(answer, question, &one.key) {
            Err(error) => Ok(Answered::Wrong(error)),
            Ok(result) => {
                one.key.update_credential(&result);
                one.last_used_at = Some(now);
                self.write(name, kept).await?;
                Ok(Answered::Right)
            }
        }
    }

    /// When each of the account's passkeys was used last, by id.
    pub async fn last_used(&self, name: &str) -> anyhow::Result<Vec<(String, Timestamp)>> {
        let kept = self.kept(name).await?;
        Ok(kept.into_iter().filter_map(|one| Some((one.id, one.last_used_at?))).collect())
    }

    /// Forgets one passkey. The caller has the turn.
    pub async fn forget_one(&self, name: &str, id: &str) -> anyhow::Result<()> {
        let mut kept = self.kept(name).await?;
        kept.retain(|one| one.id != id);
        self.write(name, kept).await
    }

    /// Forgets an account's passkeys.
    pub fn forget(&self, name: &str) -> anyhow::Result<()> {
        match std::fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("the passkeys cannot be removed")
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn kept(&self, name: &str) -> anyhow::Result<Vec<Kept>> {
        let path = self.path(name);
        blocking(move || {
            let Some(bytes) = read(&path)? else { return Ok(Vec::new()) };
            serde_json::from_slice(&bytes).context("the passkeys of an account are damaged")
        })
        .await
    }

    async fn write(&self, name: &str, kept: Vec<Kept>) -> anyhow::Result<()> {
        let path = self.path(name);
        blocking(move || {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).context("the folder of passkeys is missing")?;
            }
            private::write(&path, &serde_json::to_vec(&kept)?)
        })
        .await
    }

    /// Names are hashed, so that none of them is a path.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(secret_sha256(name))
    }

    /// What an account is called in its passkeys. The key makes it say nothing about the name, which
    /// whoever holds an authenticator could otherwise guess.
    fn handle(&self, name: &str) -> anyhow::Result<Uuid> {
        Ok(handle_of(&self.handle_key()?, name))
    }

    fn handle_key(&self) -> anyhow::Result<[u8; 32]> {
        let mut known = self.handle_key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = *known {
            return Ok(key);
        }
        let path = self.folder.join("handles");
        let key = match read(&path)? {
            Some(bytes) => {
                let key = <[u8; 32]>::try_from(bytes.as_slice());
                key.context("the key of the passkeys' handles is damaged")?
            }
            None => {
                let key = secret::key();
                std::fs::create_dir_all(&self.folder).context("the folder of passkeys")?;
                private::write(&path, &key)?;
                key
            }
        };
        *known = Some(key);
        Ok(key)
    }
}

/// Cut to half its length, the hash cannot be continued to that of a longer name.
fn handle_of(key: &[u8; 32], name: &str) -> Uuid {
    let digest: [u8; 32] = Sha256::new().chain_update(key).chain_update(name).finalize().into();
    Uuid::from_u128(u128::from_be_bytes(std::array::from_fn(|place| digest[place])))
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context("a passkey cannot be read"),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("the check was interrupted")?
}
