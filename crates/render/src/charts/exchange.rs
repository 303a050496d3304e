//! What is asked to get a chart, and what is made of the answers: a state machine without a network.
//!
//! A chart repository is asked for its index and then for the archive that it names; a registry for
//! the manifest of the version and then for its one layer, with a token if it wants one. A credential goes
//! to the host that it is declared for, whatever redirects, indexes and challenges say.

mod index;
mod oci;

use std::fmt;

use deployments::{Chart, ChartPlace, ChartProblem, CredentialTrouble, is_loopback};
use url::Url;

use super::credential::BASIC;
use super::hosts::shown;
use super::{ARCHIVE_BYTES_MAX, ArchiveForm, ChartCredential, ChartHosts, digest_of};

pub use oci::{Layer as ArchiveLayer, layer as archive_layer};

/// The largest `index.yaml`.
const INDEX_BYTES_MAX: usize = 32 << 20;
/// The largest manifest, which the distribution specification asks to accept.
const MANIFEST_BYTES_MAX: usize = 4 << 20;
/// The largest answer with a token.
const TOKEN_BYTES_MAX: usize = 1 << 20;
/// Redirects for one chart.
const REDIRECTS_MAX: usize = 5;

/// A request: a GET.
#[derive(Clone, PartialEq, Eq)]
pub struct Ask {
    /// The address, at a host that was named.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The longest answer.
    pub body_bytes_max: usize,
}

impl Ask {
    /// Whether the password itself is sent, not a token that was had for it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.headers.iter().any(|(_, value)| value.starts_with(BASIC))
    }
}

/// Without the values of headers, of which one may be a credential, and without what signs an address.
impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let url = self.url.split('?').next().unwrap_or_default();
        f.debug_struct("Ask").field("url", &url).field("headers", &headers).finish()
    }
}

/// An answer, whatever its status. Redirects are not followed before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// `Location`.
    pub location: Option<String>,
    /// `WWW-Authenticate`.
    pub challenge: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAnswer {
    /// Nobody answered, which may be otherwise later; the end of a sentence.
    Silent(String),
    /// It was longer than asked for.
    TooLarge,
}

/// What comes after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// Another request.
    Ask(Ask),
    /// The archive, checked against every digest that was given for it.
    Archive(Vec<u8>, ArchiveForm),
}

/// One chart on its way.
struct Exchange<'a> {
    chart: &'a Chart,
    hosts: &'a ChartHosts,
    credential: Option<&'a ChartCredential>,
    /// Whether the registry asked for the credential itself, not for a token.
    is_basic: bool,
    waits: Waits,
    url: Url,
    /// For the host that asked for it, and no other.
    token: Option<(url::Origin, String)>,
    redirects: usize,
}

/// What is waited for.
#[derive(Debug, Clone)]
enum Waits {
    Index {
        base: Url,
    },
    Manifest,
    /// A token, to ask again at this address.
    Token {
        again: Url,
        then: Box<Waits>,
    },
    Archive {
        digest: Option<String>,
        form: ArchiveForm,
    },
}

impl Waits {
    fn is_token(&self) -> bool {
        matches!(self, Self::Token { .. })
    }
}

/// Whether a chart may be asked for at all.
pub fn may_ask(chart: &Chart, hosts: &ChartHosts) -> Result<(), ChartProblem> {
    Exchange::begin(chart, hosts, None).map(drop)
}

/// Gets a chart: asks until there is an archive or a refusal. `ask` makes one request, without
/// following redirects. Without a credential it is asked for as anybody asks.
pub async fn fetch<F, A>(
    chart: &Chart,
    hosts: &ChartHosts,
    credential: Option<&ChartCredential>,
    mut ask: F,
) -> Result<(Vec<u8>, ArchiveForm), ChartProblem>
where
    F: FnMut(Ask) -> A + Send,
    A: Future<Output = Result<Answer, NoAnswer>> + Send,
{
    let (mut exchange, mut request) = Exchange::begin(chart, hosts, credential)?;
    loop {
        let limit = request.body_bytes_max >> 20;
        let answer = ask(request).await.map_err(|why| match why {
            NoAnswer::Silent(message) => exchange.unavailable(message),
            NoAnswer::TooLarge => {
                exchange.refused(format!("{} answers more than {limit} MiB", shown(&exchange.url)))
            }
        })?;
        match exchange.take(answer)? {
            Next::Ask(next) => request = next,
            Next::Archive(archive, form) => return Ok((archive, form)),
        }
    }
}

impl<'a> Exchange<'a> {
    /// The first request for a chart of another host.
    fn begin(
        chart: &'a Chart,
        hosts: &'a ChartHosts,
        credential: Option<&'a ChartCredential>,
    ) -> Result<(Self, Ask), ChartProblem> {
        let refused = |message: &str| ChartProblem::Refused {
            chart: chart.clone(),
            message: message.to_owned(),
        };
        let parsed = |text: &str| {
            let url = Url::parse(text).map_err(|_| refused("its address is none"))?;
            hosts.checked(chart, url)
        };
        let (url, waits) = match &chart.place {
            ChartPlace::Repository { url } => {
                let base = parsed(&format!("{url}/"))?;
                (parsed(&format!("{url}/index.yaml"))?, Waits::Index { base })
            }
            ChartPlace::Registry { host, .. } => {
                let scheme = if is_loopback(host) { "http" } else { "https" };
                let image = oci::image(chart);
                // A tag cannot have a plus, and Helm writes an underscore for it.
                let tag = chart.version.replace('+', "_");
                let url = format!("{scheme}://{host}/v2/{image}/manifests/{tag}");
                (parsed(&url)?, Waits::Manifest)
            }
            ChartPlace::Here { .. } => {
                return Err(refused("it is in this server's registry, which is not asked so"));
            }
        };
        let exchange = Self {
            chart,
            hosts,
            credential,
            is_basic: false,
            waits,
            url,
            token: None,
            redirects: 0,
        };
        let ask = exchange.ask();
        Ok((exchange, ask))
    }

    /// Takes the answer to the newest request.
    fn take(&mut self, answer: Answer) -> Result<Next, ChartProblem> {
        match (answer.status, &answer.location) {
            (200, _) => self.taken(answer.body),
            (301 | 302 | 303 | 307 | 308, Some(location)) => self.redirected(location),
            (401, _) => self.challenged(answer.challenge.as_deref()),
            (403, _) if self.authorization().is_some() && self.credential.is_some() => {
                Err(self.trouble(403))
            }
            (429 | 500..=599, _) => {
                Err(self.unavailable(format!("{} answers {}", shown(&self.url), answer.status)))
            }
            (404 | 410, _) => Err(self.refused(format!(
                "{} answers {}: there is no such chart or version, or {}",
                shown(&self.url),
                answer.status,
                match self.credential {
                    Some(_) => "the credential may not read it",
                    None => "it is not public",
                }
            ))),
            (status, _) => Err(self.refused(format!("{} answers {status}", shown(&self.url)))),
        }
    }

    fn taken(&mut self, body: Vec<u8>) -> Result<Next, ChartProblem> {
        match self.waits.clone() {
            Waits::Index { base } => {
                let found = index::find(&body, self.chart).map_err(|why| self.refused(why))?;
                // Not the text itself, which may be signed.
                let url = base
                    .join(&found.url)
                    .map_err(|_| self.refused("its index names an address that is none".into()))?;
                self.url = self.hosts.checked(self.chart, url)?;
                self.waits = Waits::Archive { digest: found.digest, form: ArchiveForm::Chart };
                Ok(Next::Ask(self.ask()))
            }
            Waits::Manifest => {
                let found = digest_of(&body);
                if let Some(wanted) = self.chart.digest().filter(|wanted| *wanted != found) {
                    let given = shown(&self.url);
                    return Err(self.refused(format!("{given} gives {found}, not {wanted}")));
                }
                let oci::Layer { digest, form } =
                    oci::layer(&body).map_err(|why| self.refused(why))?;
                let path = format!("/v2/{}/blobs/{digest}", oci::image(self.chart));
                // A redirect of the manifest does not move the layers.
                let origin = self.registry()?;
                self.url = origin.join(&path).map_err(|_| self.refused("no address".into()))?;
                self.waits = Waits::Archive { digest: Some(digest), form };
                Ok(Next::Ask(self.ask()))
            }
            Waits::Token { again, then } => {
                let token = oci::token(&body).map_err(|why| self.refused(why))?;
                self.token = Some((again.origin(), token));
                (self.url, self.waits) = (again, *then);
                Ok(Next::Ask(self.ask()))
            }
            Waits::Archive { digest, form } => {
                let found = digest_of(&body);
                match digest {
                    Some(digest) if digest != found => Err(self.refused(format!(
                        "{} gives {found}, and {digest} was announced",
                        shown(&self.url)
                    ))),
                    Some(_) | None => Ok(Next::Archive(body, form)),
                }
            }
        }
    }

    fn redirected(&mut self, location: &str) -> Result<Next, ChartProblem> {
        self.redirects += 1;
        if self.redirects > REDIRECTS_MAX {
            return Err(self.refused(format!("{} redirects too often", shown(&self.url))));
        }
        let url = self.url.join(location);
        let nowhere = || self.refused(format!("{} redirects nowhere", shown(&self.url)));
        let url = url.map_err(|_| nowhere())?;
        self.url = self.hosts.checked(self.chart, url)?;
        Ok(Next::Ask(self.ask()))
    }

    /// A registry gives a token to anybody for what is public, and for more to who has a credential.
    fn challenged(&mut self, challenge: Option<&str>) -> Result<Next, ChartProblem> {
        if self.credential.is_some_and(|one| !one.is_for(&self.url) && !self.waits.is_token()) {
            let asking = shown(&self.url);
            let what = format!("{asking} asks for a credential, which goes to its own host alone");
            return Err(self.refused(what));
        }
        let is_registry = matches!(self.chart.place, ChartPlace::Registry { .. });
        let is_asked = matches!(self.waits, Waits::Manifest | Waits::Archive { .. });
        if !is_registry || !is_asked || self.authorization().is_some() {
            return Err(self.trouble(401));
        }
        match (challenge.and_then(oci::challenge), self.credential) {
            (Some(asked), _) => {
                let url = asked.url(&oci::image(self.chart)).ok_or_else(|| self.trouble(401))?;
                let url = self.hosts.checked(self.chart, url)?;
                if let Some(credential) = self.credential.filter(|one| !one.gets_tokens_at(&url)) {
                    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
                    let trouble = CredentialTrouble::Tokens { host: host.to_owned() };
                    return Err(self.credential_problem(credential, trouble));
                }
                let again = std::mem::replace(&mut self.url, url);
                let then = Box::new(self.waits.clone());
                self.waits = Waits::Token { again, then };
            }
            (None, Some(_)) => self.is_basic = true,
            (None, None) => return Err(self.trouble(401)),
        }
        Ok(Next::Ask(self.ask()))
    }

    /// What the newest request has of the credential, or of a token.
    fn authorization(&self) -> Option<String> {
        let own = self.credential.filter(|one| one.is_for(&self.url));
        match (&self.waits, &self.chart.place) {
            (Waits::Token { .. }, _) => {
                let getter = self.credential.filter(|one| one.gets_tokens_at(&self.url));
                getter.map(ChartCredential::basic)
            }
            (_, ChartPlace::Repository { .. }) => own.map(ChartCredential::basic),
            (_, ChartPlace::Registry { .. } | ChartPlace::Here { .. }) => match &self.token {
                Some((origin, token)) if *origin == self.url.origin() => {
                    Some(format!("Bearer {token}"))
                }
                Some(_) | None => own.filter(|_| self.is_basic).map(ChartCredential::basic),
            },
        }
    }

    fn ask(&self) -> Ask {
        let body_bytes_max = match self.waits {
            Waits::Index { .. } => INDEX_BYTES_MAX,
            Waits::Manifest => MANIFEST_BYTES_MAX,
            Waits::Token { .. } => TOKEN_BYTES_MAX,
            Waits::Archive { .. } => ARCHIVE_BYTES_MAX,
        };
        let mut headers = Vec::new();
        if matches!(self.waits, Waits::Manifest) {
            headers.push(("Accept", oci::MANIFEST.to_owned()));
        }
        headers.extend(self.authorization().map(|text| ("Authorization", text)));
        Ask { url: self.url.to_string(), headers, body_bytes_max }
    }

    fn registry(&self) -> Result<Url, ChartProblem> {
        let host = self.chart.host().unwrap_or_default();
        let scheme = if is_loopback(host) { "http" } else { "https" };
        let url = Url::parse(&format!("{scheme}://{host}/"));
        self.hosts.checked(self.chart, url.map_err(|_| self.refused("no address".into()))?)
    }

    /// The host wants another credential, or any.
    fn trouble(&self, status: u16) -> ChartProblem {
        let Some(credential) = self.credential else {
            return ChartProblem::CredentialUndeclared { chart: self.chart.clone() };
        };
        let host = self.url[url::Position::BeforeHost..url::Position::AfterPort].to_owned();
        self.credential_problem(credential, CredentialTrouble::Refused { host, status })
    }

    fn credential_problem(
        &self,
        credential: &ChartCredential,
        trouble: CredentialTrouble,
    ) -> ChartProblem {
        ChartProblem::Credential { chart: self.chart.clone(), of: credential.of.clone(), trouble }
    }

    fn refused(&self, message: String) -> ChartProblem {
        ChartProblem::Refused { chart: self.chart.clone(), message }
    }

    fn unavailable(&self, message: String) -> ChartProblem {
        ChartProblem::Unavailable { chart: self.chart.clone(), message }
    }
}
