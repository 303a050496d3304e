//! Secrets of a repository: which there are and who set them. Their values are not here: only the hand
//! that keeps them and the jobs and signatures that use them see those.

use std::collections::BTreeMap;
use std::fmt;

use ledger::{Actor, Fact, RepositoryName, Timestamp};
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
    /// What gets it.
    pub used_by: SecretUse,
}

/// What gets the value of a secret: nothing else ever does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretUse {
    /// Jobs of trusted runs, and what signs notifications.
    #[default]
    Jobs,
    /// The renderer, as an age key of files that SOPS encrypted.
    Decryption,
    /// The API server of a cluster.
    Cluster {
        /// Its address. Whoever may merge can write another one into a file, and gets nothing by it.
        server: String,
    },
    /// The chart repository or registry at an address, and what is below it.
    Charts {
        /// The address, in its one form.
        url: String,
        /// The host that gives the registry's tokens, when it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tokens_from: Option<String>,
    },
    /// The service at an address that sets are given parameters by, as its token.
    Plugin {
        /// The address, in its one form.
        url: String,
    },
}

/// Why no secret opens a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoBoundSecret {
    /// The repository has no secret of this name.
    Missing,
    /// It is for something else.
    ForOthers,
    /// It was given for another address.
    Elsewhere {
        /// Which.
        given: String,
    },
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

impl RepositoriesView {
    /// The secrets that jobs of a repository get.
    pub fn job_secrets(&self, repository: &RepositoryName) -> impl Iterator<Item = &SecretName> {
        let all = self.secrets.get(repository).into_iter().flatten();
        all.filter(|(_, record)| record.used_by == SecretUse::Jobs).map(|(name, _)| name)
    }

    /// The age keys of a repository. Another value has another record.
    #[must_use]
    pub fn decryption_keys(
        &self,
        repository: &RepositoryName,
    ) -> BTreeMap<SecretName, SecretRecord> {
        let all = self.secrets.get(repository).into_iter().flatten();
        let keys = all.filter(|(_, record)| record.used_by == SecretUse::Decryption);
        keys.map(|(name, record)| (name.clone(), record.clone())).collect()
    }

    /// The secret that opens the cluster at this address.
    pub fn cluster_secret(
        &self,
        repository: &RepositoryName,
        name: &SecretName,
        server: &str,
    ) -> Result<&SecretRecord, NoBoundSecret> {
        let known = self.secrets.get(repository).and_then(|secrets| secrets.get(name));
        let known = known.ok_or(NoBoundSecret::Missing)?;
        match &known.used_by {
            SecretUse::Cluster { server: given } if is_same_address(given, server) => Ok(known),
            SecretUse::Cluster { server } => {
                Err(NoBoundSecret::Elsewhere { given: server.clone() })
            }
            SecretUse::Jobs
            | SecretUse::Decryption
            | SecretUse::Charts { .. }
            | SecretUse::Plugin { .. } => Err(NoBoundSecret::ForOthers),
        }
    }

    /// The secret that opens the charts at this address, which is in its one form, and the further host
    /// that it may be sent to for tokens.
    pub fn charts_secret(
        &self,
        repository: &RepositoryName,
        name: &SecretName,
        address: &str,
    ) -> Result<(&SecretRecord, Option<&str>), NoBoundSecret> {
        let known = self.secrets.get(repository).and_then(|secrets| secrets.get(name));
        let known = known.ok_or(NoBoundSecret::Missing)?;
        match &known.used_by {
            SecretUse::Charts { url, tokens_from } if is_at_or_below(address, url) => {
                Ok((known, tokens_from.as_deref()))
            }
            SecretUse::Charts { url, .. } => Err(NoBoundSecret::Elsewhere { given: url.clone() }),
            SecretUse::Jobs
            | SecretUse::Decryption
            | SecretUse::Cluster { .. }
            | SecretUse::Plugin { .. } => Err(NoBoundSecret::ForOthers),
        }
    }

    /// The token of the service at exactly this address, which is in its one form.
    pub fn plugin_secret(
        &self,
        repository: &RepositoryName,
        name: &SecretName,
        address: &str,
    ) -> Result<&SecretRecord, NoBoundSecret> {
        let known = self.secrets.get(repository).and_then(|secrets| secrets.get(name));
        let known = known.ok_or(NoBoundSecret::Missing)?;
        match &known.used_by {
            SecretUse::Plugin { url } if url == address => Ok(known),
            SecretUse::Plugin { url } => Err(NoBoundSecret::Elsewhere { given: url.clone() }),
            SecretUse::Jobs
            | SecretUse::Decryption
            | SecretUse::Cluster { .. }
            | SecretUse::Charts { .. } => Err(NoBoundSecret::ForOthers),
        }
    }
}

fn is_same_address(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}

fn is_at_or_below(address: &str, given: &str) -> bool {
    address.strip_prefix(given).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes a fact about secrets; `None` when it is none, or about a repository that no fact made.
pub(crate) fn fold(view: &mut RepositoriesView, fact: &Fact, body: &RepositoryFact) -> Option<()> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no other fact is about secrets")]
    match body {
        RepositoryFact::SecretSet { repository, name, used_by } => {
            view.repositories.get(repository)?;
            let (set_at, set_by) = (fact.at, fact.actor.clone());
            let record = SecretRecord { set_at, set_by, used_by: used_by.clone() };
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
    fn a_secret_goes_where_it_was_given_for() {
        let repository = RepositoryName::new("team/fleet").expect("a name");
        let name = |text: &str| SecretName::new(text).expect("a name");
        let record =
            |used_by| SecretRecord { set_at: Timestamp(0), set_by: Actor::system("test"), used_by };
        let cluster = |server: &str| SecretUse::Cluster { server: server.into() };
        let mut view = RepositoriesView::default();
        let secrets = view.secrets.entry(repository.clone()).or_default();
        secrets.insert(name("BUILD"), record(SecretUse::Jobs));
        secrets.insert(name("EAST"), record(cluster("https://east:6443")));
        secrets.insert(name("AGE"), record(SecretUse::Decryption));
        let charts = SecretUse::Charts { url: "oci://r.example/team".into(), tokens_from: None };
        secrets.insert(name("CHARTS"), record(charts));
        let jobs: Vec<_> = view.job_secrets(&repository).map(SecretName::as_str).collect();
        assert_eq!(jobs, ["BUILD"]);
        assert!(view.decryption_keys(&repository).keys().eq([&name("AGE")]));
        for (secret, server, expected) in [
            ("EAST", "https://east:6443", None),
            ("EAST", "https://east:6443/", None),
            ("AGE", "https://east:6443", Some(NoBoundSecret::ForOthers)),
            ("BUILD", "https://east:6443", Some(NoBoundSecret::ForOthers)),
            ("WEST", "https://east:6443", Some(NoBoundSecret::Missing)),
            (
                "EAST",
                "https://attacker.example",
                Some(NoBoundSecret::Elsewhere { given: "https://east:6443".into() }),
            ),
        ] {
            let found = view.cluster_secret(&repository, &name(secret), server);
            assert_eq!(found.err(), expected, "{secret} {server}");
        }
        let elsewhere = NoBoundSecret::Elsewhere { given: "oci://r.example/team".into() };
        for (secret, address, expected) in [
            ("CHARTS", "oci://r.example/team", None),
            ("CHARTS", "oci://r.example/team/web", None),
            ("CHARTS", "oci://r.example/team-b", Some(elsewhere.clone())),
            ("CHARTS", "oci://r.example", Some(elsewhere.clone())),
            ("CHARTS", "https://r.example/team", Some(elsewhere.clone())),
            ("CHARTS", "oci://r.example.attacker/team", Some(elsewhere)),
            ("EAST", "oci://r.example/team", Some(NoBoundSecret::ForOthers)),
            ("BUILD", "oci://r.example/team", Some(NoBoundSecret::ForOthers)),
            ("NONE", "oci://r.example/team", Some(NoBoundSecret::Missing)),
        ] {
            let found = view.charts_secret(&repository, &name(secret), address);
            assert_eq!(found.err(), expected, "{secret} {address}");
        }
        let plugin = SecretUse::Plugin { url: "https://p.example/a".into() };
        let secrets = view.secrets.entry(repository.clone()).or_default();
        secrets.insert(name("PLUGIN"), record(plugin));
        let elsewhere = NoBoundSecret::Elsewhere { given: "https://p.example/a".into() };
        for (secret, address, expected) in [
            ("PLUGIN", "https://p.example/a", None),
            ("PLUGIN", "https://p.example/a/b", Some(elsewhere.clone())),
            ("PLUGIN", "https://p.example", Some(elsewhere.clone())),
            ("PLUGIN", "http://p.example/a", Some(elsewhere)),
            ("CHARTS", "https://p.example/a", Some(NoBoundSecret::ForOthers)),
            ("BUILD", "https://p.example/a", Some(NoBoundSecret::ForOthers)),
            ("NONE", "https://p.example/a", Some(NoBoundSecret::Missing)),
        ] {
            let found = view.plugin_secret(&repository, &name(secret), address);
            assert_eq!(found.err(), expected, "{secret} {address}");
        }
        let found = view.charts_secret(&repository, &name("PLUGIN"), "https://p.example/a");
        assert_eq!(found.err(), Some(NoBoundSecret::ForOthers));
        let found = view.cluster_secret(&repository, &name("CHARTS"), "https://east:6443");
        assert_eq!(found.err(), Some(NoBoundSecret::ForOthers));
    }

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
