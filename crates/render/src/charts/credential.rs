//! The credential for charts, and where it may go: to the one host that it is declared for.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deployments::{CredentialOf, is_loopback};
use url::{Origin, Url};

use super::hosts::key;

/// What begins an `Authorization` with a name and a password.
pub(super) const BASIC: &str = "Basic ";

/// A name and a password for the charts of one address. The password leaves it only in a request.
#[derive(Clone, PartialEq, Eq)]
pub struct ChartCredential {
    /// Which one it is, for who has to renew it.
    pub of: CredentialOf,
    username: String,
    password: String,
    /// The host that gives the registry's tokens, when it is another one.
    tokens_from: Option<String>,
}

impl ChartCredential {
    /// A credential for what is below the address that it is declared for.
    #[must_use]
    pub fn new(
        of: CredentialOf,
        username: &str,
        password: &str,
        tokens_from: Option<&str>,
    ) -> Self {
        Self {
            of,
            username: username.to_owned(),
            password: password.to_owned(),
            tokens_from: tokens_from.map(str::to_owned),
        }
    }

    /// Whether requests to an address may have it.
    pub(super) fn is_for(&self, url: &Url) -> bool {
        self.origin().is_some_and(|origin| origin == url.origin())
    }

    /// Whether a request for a token may have it.
    pub(super) fn gets_tokens_at(&self, url: &Url) -> bool {
        let named = || {
            let host = self.tokens_from.as_deref()?;
            Url::parse(&format!("{}://{host}/", scheme(host))).ok()
        };
        self.is_for(url)
            || named().is_some_and(|named| named.origin() == url.origin() && key(&named).is_some())
    }

    /// `Authorization`.
    pub(super) fn basic(&self) -> String {
        format!("{BASIC}{}", STANDARD.encode(format!("{}:{}", self.username, self.password)))
    }

    fn origin(&self) -> Option<Origin> {
        let (kind, rest) = self.of.url.split_once("://")?;
        let host = rest.split('/').next()?;
        let scheme = if kind == "oci" { scheme(host) } else { kind };
        Some(Url::parse(&format!("{scheme}://{host}/")).ok()?.origin())
    }
}

/// Without the password.
impl fmt::Debug for ChartCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChartCredential").field("of", &self.of).finish_non_exhaustive()
    }
}

fn scheme(host: &str) -> &'static str {
    if is_loopback(host) { "http" } else { "https" }
}
