//! Secrets of a repository: which there are and who set them. Their values are not here: only the hand
//! that keeps them and the jobs and signatures that use them see those.

use std::fmt;

use ledger::{Actor, Fact, Timestamp};
use serde::{Deserialize, Serialize};

use crate::facts::RepositoryFact;
use crate::view::RepositoriesView;

/// GitHub's limit of the secrets of one repository.
pub const PER_REPOSITORY_MAX: usize = 100;
/// A shorter value cannot be hidden in a log without hiding the log.
pub const VALUE_BYTES_MIN: usize = 3;
/// GitHub's limit of one value.
pub const VALUE_BYTES_MAX: usize = 48 * 1024;

const NAME_BYTES_MAX: usize = 100;
/// GitHub keeps these names for what it gives to every job.
const RESERVED: &str = "GITHUB_";

/// The name of a secret, in capital letters: workflows find it whatever letters they use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretName(String);

/// A text that is no name of a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecretName {
    /// Other characters, a digit or hyphen at the start, nothing, or too long.
    #[error(
        "`{0}` is no name of a secret: a letter or `_`, then letters, digits, `_` and `-`, at most \
         100 in all"
    )]
    Form(String),
    /// A name that belongs to the workflow language.
    #[error("`{0}` begins with `GITHUB_`, as what every job gets does; choose another name")]
    Reserved(String),
}

/// A secret that was set; its value is elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretRecord {
    /// When it got its present value.
    pub set_at: Timestamp,
    /// Who gave it.
    pub set_by: Actor,
}

impl SecretName {
    /// Parses a name, in any letters.
    pub fn new(text: &str) -> Result<Self, InvalidSecretName> {
        let first = |c: char| c.is_ascii_alphabetic() || c == '_';
        let other = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        let well_formed =
            text.len() <= NAME_BYTES_MAX && text.starts_with(first) && text.chars().all(other);
        if !well_formed {
            return Err(InvalidSecretName::Form(text.to_owned()));
        }
        let name = text.to_ascii_uppercase();
        if name.starts_with(RESERVED) {
            return Err(InvalidSecretName::Reserved(text.to_owned()));
        }
        Ok(Self(name))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SecretName {
    type Error = InvalidSecretName;

    fn try_from(text: String) -> Result<Self, InvalidSecretName> {
        Self::new(&text)
    }
}

impl From<SecretName> for String {
    fn from(name: SecretName) -> Self {
        name.0
    }
}

/// Takes a fact about secrets; `None` when it is none, or about a repository that no fact made.
pub(crate) fn fold(view: &mut RepositoriesView, fact: &Fact, body: &RepositoryFact) -> Option<()> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other fact is about secrets")]
    match body {
        RepositoryFact::SecretSet { repository, name } => {
            view.repositories.get(repository)?;
            let record = SecretRecord { set_at: fact.at, set_by: fact.actor.clone() };
            view.secrets.entry(repository.clone()).or_default().insert(name.clone(), record);
            Some(())
        }
        RepositoryFact::SecretRemoved { repository, name } => {
            view.secrets.get_mut(repository)?.remove(name).map(|_| ())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_githubs() {
        let long = "A".repeat(100);
        for (text, expected) in [
            ("TOKEN", "TOKEN"),
            ("deploy_key", "DEPLOY_KEY"),
            ("_x-1", "_X-1"),
            (long.as_str(), long.as_str()),
        ] {
            assert_eq!(SecretName::new(text).map(String::from).as_deref(), Ok(expected), "{text}");
        }
        let too_long = "A".repeat(101);
        for text in ["", "1A", "-A", "A B", "A/B", "..", "é", "A\n", too_long.as_str()] {
            let refused = InvalidSecretName::Form(text.to_owned());
            assert_eq!(SecretName::new(text), Err(refused), "{text}");
        }
        let reserved = InvalidSecretName::Reserved("github_token".into());
        assert_eq!(SecretName::new("github_token"), Err(reserved));
    }
}
