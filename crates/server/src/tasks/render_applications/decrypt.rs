//! Makes readable what SOPS encrypted, by the age keys of the repository that declares the application.

use std::collections::BTreeMap;

use deployments::ObjectKey;
use ledger::RepositoryName;
use render::sops::{AgeKeys, SopsError, decrypt, is_encrypted};
use repositories::secrets::{SecretName, SecretRecord};
use serde_json::Value;

use crate::state::Server;

/// The keys that there were, or `None` when nothing is encrypted.
type Keys = Option<BTreeMap<SecretName, SecretRecord>>;

/// Decrypts in place. The error inside is the application's own.
pub(super) fn manifests(
    server: &Server,
    repository: &RepositoryName,
    manifests: &mut [Value],
) -> anyhow::Result<Result<Keys, String>> {
    if !manifests.iter().any(is_encrypted) {
        return Ok(Ok(None));
    }
    let known = server.recorder.views().repositories.decryption_keys(repository);
    let mut keys = AgeKeys::none();
    for name in known.keys() {
        // It was read once already, when it was set.
        keys = keys.and(AgeKeys::parse(&server.secrets.value(repository, name)?)?);
    }
    for manifest in manifests.iter_mut().filter(|manifest| is_encrypted(manifest)) {
        match decrypt(manifest, &keys) {
            Ok(readable) => *manifest = readable,
            Err(error) => {
                let key = ObjectKey::of(manifest, "").map(|key| key.to_string());
                let key = key.unwrap_or_default();
                let next = match error {
                    SopsError::NoKey { .. } => format!(
                        "; give its key with `boucle secret set {repository} SOPS_AGE_KEY --decrypts`"
                    ),
                    SopsError::NotASecret { .. }
                    | SopsError::NoAge
                    | SopsError::Split
                    | SopsError::Damaged { .. }
                    | SopsError::Value { .. } => String::new(),
                };
                return Ok(Err(format!("{key}: {error}{next}")));
            }
        }
    }
    Ok(Ok(Some(known)))
}
