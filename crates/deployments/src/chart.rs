//! Charts that are in no Git repository: which one is meant, and why there is none yet.

use std::fmt;

use ledger::RepositoryName;
use serde::{Deserialize, Serialize};

/// The longest version that is read.
const VERSION_BYTES_MAX: usize = 128;

/// One version of one chart. What it holds never changes: other bytes are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chart {
    /// Where it is.
    pub place: ChartPlace,
    /// Its name there.
    pub name: String,
    /// The version, as it is written.
    pub version: String,
}

/// What keeps a chart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ChartPlace {
    /// A chart repository: an address with an `index.yaml`.
    Repository {
        /// `https://…`, without a slash at its end.
        url: String,
    },
    /// An OCI registry.
    Registry {
        /// The host, with its port if there is one.
        host: String,
        /// The path before the chart's name; may be empty.
        path: String,
    },
    /// The registry of this server.
    Here {
        /// The path before the chart's name: `owner/name`, or below it.
        path: String,
    },
}

impl Chart {
    /// The chart that a source of an application names by `repoURL`, `chart` and `targetRevision`.
    pub(crate) fn of_source(
        address: &str,
        name: Option<&str>,
        version: &str,
    ) -> Result<Self, String> {
        let place = match (address.strip_prefix("oci://"), address.contains("://")) {
            (Some(rest), _) => registry(rest)?,
            (None, true) => repository(address)?,
            (None, false) => registry(address)?,
        };
        match name {
            Some(name) => {
                Self { place, name: name.to_owned(), version: version.to_owned() }.checked(false)
            }
            None => Self::last_of(place, address, version)?.checked(true),
        }
    }

    /// The chart that another one depends on, by the address in its `repository`.
    pub fn of_dependency(address: &str, name: &str, version: &str) -> Result<Self, String> {
        let place = match address.strip_prefix("oci://") {
            Some(rest) => registry(rest)?,
            None => repository(address)?,
        };
        Self { place, name: name.to_owned(), version: version.to_owned() }.checked(false)
    }

    /// An address that ends in the chart's name.
    fn last_of(place: ChartPlace, address: &str, version: &str) -> Result<Self, String> {
        let split = |path: String| match path.rsplit_once('/') {
            Some((path, name)) => (path.to_owned(), name.to_owned()),
            None => (String::new(), path),
        };
        let (place, name) = match place {
            ChartPlace::Registry { host, path } => {
                let (path, name) = split(path);
                (ChartPlace::Registry { host, path }, name)
            }
            ChartPlace::Here { path } => {
                let (path, name) = split(path);
                (ChartPlace::Here { path }, name)
            }
            ChartPlace::Repository { .. } => {
                return Err(format!("`{address}` names no chart of the repository; add `chart`"));
            }
        };
        Ok(Self { place, name, version: version.to_owned() })
    }

    /// The digest of a manifest is as exact as a version, where the address says everything else.
    fn checked(self, takes_digest: bool) -> Result<Self, String> {
        let is_nested = !matches!(self.place, ChartPlace::Repository { .. });
        let is_name = !self.name.is_empty()
            && self.name.split('/').all(is_component)
            && (is_nested || !self.name.contains('/'));
        if !is_name {
            return Err(format!(
                "`{}` is no name of a chart: letters, digits, `-`, `_` and `.`",
                self.name
            ));
        }
        let is_one = is_exact(&self.version) || (takes_digest && is_digest(&self.version));
        if !is_one {
            let digest = if takes_digest { " or the digest `sha256:…`" } else { "" };
            return Err(format!(
                "`{}` is no exact version of the chart `{}`; write the version, such as 1.2.3{digest} (a \
                 newer one comes by a pull request)",
                self.version, self.name
            ));
        }
        Ok(self)
    }

    /// The digest of its manifest, when that is what names it.
    #[must_use]
    pub fn digest(&self) -> Option<&str> {
        Some(self.version.as_str()).filter(|version| is_digest(version))
    }

    /// The host that is asked, with its port if the address has one; `None`: this server.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match &self.place {
            ChartPlace::Repository { url } => {
                let (_, rest) = url.split_once("://")?;
                Some(rest.split('/').next().unwrap_or(rest))
            }
            ChartPlace::Registry { host, .. } => Some(host),
            ChartPlace::Here { .. } => None,
        }
    }
}

/// `podinfo 6.7.1 of https://charts.example.com`: also the key under which its digest is on record.
impl fmt::Display for Chart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} of {}", self.name, self.version, self.place)
    }
}

impl fmt::Display for ChartPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository { url } => f.write_str(url),
            Self::Registry { host, path } if path.is_empty() => write!(f, "oci://{host}"),
            Self::Registry { host, path } => write!(f, "oci://{host}/{path}"),
            Self::Here { path } => f.write_str(path),
        }
    }
}

/// A chart repository by its address. Only this machine is asked without encryption.
pub(crate) fn repository(address: &str) -> Result<ChartPlace, String> {
    let url = address.trim_end_matches('/');
    let is_loopback = |rest: &str| is_loopback(rest.split('/').next().unwrap_or(rest));
    let rest = match url.split_once("://") {
        Some(("https", rest)) => rest,
        Some(("http", rest)) if is_loopback(rest) => rest,
        Some(("http", _)) => {
            return Err(format!(
                "`{address}` is asked without encryption, so anybody between could change the \
                 chart; write `https://`"
            ));
        }
        Some(_) | None => {
            return Err(format!(
                "`{address}` is no address of charts: `https://…` is a chart repository, `oci://…` a \
                 registry"
            ));
        }
    };
    plain(address, rest)?;
    Ok(ChartPlace::Repository { url: url.to_owned() })
}

/// A registry by its address without `oci://`; without a host it is this server's.
pub(crate) fn registry(address: &str) -> Result<ChartPlace, String> {
    let rest = address.trim_matches('/');
    plain(address, rest)?;
    let (first, path) = rest.split_once('/').unwrap_or((rest, ""));
    let has_host = first.contains(['.', ':']) || first == "localhost";
    let (host, path) =
        if has_host { (Some(first.to_ascii_lowercase()), path) } else { (None, rest) };
    if !path.split('/').all(|part| part.is_empty() || is_component(part)) {
        return Err(format!(
            "`{address}` is no address of a registry: a host and a path, without a tag"
        ));
    }
    let path = path.to_owned();
    Ok(host.map_or_else(
        || ChartPlace::Here { path: path.clone() },
        |host| ChartPlace::Registry { host, path: path.clone() },
    ))
}

/// Nothing that a server could read as something else.
fn plain(address: &str, rest: &str) -> Result<(), String> {
    if rest.split('/').next().unwrap_or_default().contains('@') {
        return Err(
            "an address of charts cannot have a name or password, which all readers of the file \
                    would know: no credentials stand there; `boucle charts add` declares them"
                .into(),
        );
    }
    let lower = rest.to_ascii_lowercase();
    let is_plain = !rest.is_empty()
        && rest.len() <= 1_000
        && rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#;\\\"'<>`{}|^".contains(&b))
        // As a server reads it: a credential for one path must not get to another one.
        && !["%2f", "%5c", "%25"].iter().any(|encoded| lower.contains(encoded))
        && !lower.split('/').any(|part| part.replace("%2e", ".") == "..");
    if is_plain { Ok(()) } else { Err(format!("`{address}` is no proper address of charts")) }
}

/// Whether a host, with a port or without, is this machine by its address.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let address = name.parse::<std::net::IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn is_component(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphanumeric())
        && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}

fn is_digest(version: &str) -> bool {
    version.strip_prefix("sha256:").is_some_and(|digits| {
        digits.len() == 64 && digits.bytes().all(|b| b"0123456789abcdef".contains(&b))
    })
}

/// `1.2.3`, with `v` before it, and with what Semantic Versioning allows behind it.
pub(crate) fn is_exact(version: &str) -> bool {
    let text = version.strip_prefix('v').unwrap_or(version);
    let (text, build) = text.split_once('+').map_or((text, None), |(text, b)| (text, Some(b)));
    let (core, early) = text.split_once('-').map_or((text, None), |(text, e)| (text, Some(e)));
    let is_number = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && part.len() < 20
    };
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    version.len() <= VERSION_BYTES_MAX
        && core.split('.').count() == 3
        && core.split('.').all(is_number)
        && early.is_none_or(|early| early.split('.').all(is_word))
        && build.is_none_or(|build| build.split('.').all(is_word))
}

/// Why a chart that is not in Git is not there. What is deployed stays as it is meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum ChartProblem {
    /// It is being fetched.
    Fetching { chart: Chart },
    /// The operator did not name the host that would be asked.
    HostNotNamed { chart: Chart, host: String },
    /// There was no answer; it is asked again.
    Unavailable { chart: Chart, message: String },
    /// The answer is not the chart; it is asked again.
    Refused { chart: Chart, message: String },
    /// It has other bytes than when it was rendered first.
    Changed { chart: Chart, known: String, found: String },
    /// Who has it asks for a credential, and none is declared.
    CredentialUndeclared { chart: Chart },
    /// It is behind a credential, which does not open it.
    Credential { chart: Chart, of: CredentialOf, trouble: CredentialTrouble },
}

/// Which credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialOf {
    /// The repository that declares it.
    pub repository: RepositoryName,
    /// The secret that holds the password.
    pub secret: String,
    /// The address that it is declared for.
    pub url: String,
}

/// Why a credential does not open a chart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trouble", rename_all = "snake_case")]
pub enum CredentialTrouble {
    /// The repository has no such secret.
    Missing,
    /// The secret is for something else.
    ForOthers,
    /// The secret was given for another address.
    Elsewhere { given: String },
    /// Tokens are had from a host that the secret was not given for.
    Tokens { host: String },
    /// It was sent, and refused.
    Refused { host: String, status: u16 },
}

impl ChartProblem {
    /// A stable name for programs and `boucle explain`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetching { .. } => "chart-fetching",
            Self::HostNotNamed { .. } => "chart-host-not-named",
            Self::Unavailable { .. } => "chart-unavailable",
            Self::Refused { .. } => "chart-refused",
            Self::Changed { .. } => "chart-changed",
            Self::Credential { trouble: CredentialTrouble::Refused { .. }, .. } => {
                "chart-credential-refused"
            }
            Self::CredentialUndeclared { .. } | Self::Credential { .. } => {
                "chart-credential-missing"
            }
        }
    }

    /// The chart.
    #[must_use]
    pub fn chart(&self) -> &Chart {
        match self {
            Self::Fetching { chart }
            | Self::HostNotNamed { chart, .. }
            | Self::Unavailable { chart, .. }
            | Self::Refused { chart, .. }
            | Self::Changed { chart, .. }
            | Self::CredentialUndeclared { chart }
            | Self::Credential { chart, .. } => chart,
        }
    }
}

/// What is wrong, why, and what to do next.
impl fmt::Display for ChartProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetching { chart } => write!(f, "the chart {chart} is being fetched"),
            Self::HostNotNamed { chart, host } => write!(
                f,
                "the chart {chart} comes from {host}, which this server was not told to ask; start it \
                 with `boucle up --charts-from {host}`, or commit the chart as a folder and name it by \
                 `path`"
            ),
            Self::Unavailable { chart, message } => write!(
                f,
                "the chart {chart} cannot be fetched now: {message}; it is tried again, and what is \
                 deployed stays"
            ),
            Self::Refused { chart, message } => {
                write!(f, "the chart {chart} is not taken: {message}; what is deployed stays")
            }
            Self::Changed { chart, known, found } => write!(
                f,
                "the chart {chart} was {known} and is {found} now; what a version holds never changes \
                 here: name another version, or commit the chart as a folder"
            ),
            Self::CredentialUndeclared { chart } => write!(
                f,
                "the chart {chart} is not public, and the repository that asks for it declares no \
                 credential; `boucle charts add {} --repository OWNER/NAME` does",
                chart.place
            ),
            Self::Credential { chart, of, trouble } => {
                let CredentialOf { repository, secret, url } = of;
                write!(f, "the chart {chart} is behind a credential: ")?;
                let mut uses = format!(" --charts {url}");
                match trouble {
                    CredentialTrouble::Missing => {
                        write!(f, "{repository} has no secret {secret}; give it")
                    }
                    CredentialTrouble::ForOthers => {
                        write!(f, "the secret {secret} is for something else; give one")
                    }
                    CredentialTrouble::Elsewhere { given } => {
                        write!(
                            f,
                            "the secret {secret} was given for {given}, not for {url}; give it"
                        )
                    }
                    CredentialTrouble::Tokens { host } => {
                        uses = format!("{uses} --tokens-from {host}");
                        write!(
                            f,
                            "tokens for it are had from {host}, which the secret {secret} was not given \
                             for; if it may go there, give it again"
                        )
                    }
                    CredentialTrouble::Refused { host, status } => {
                        // A new value goes where the old one went.
                        uses.clear();
                        write!(
                            f,
                            "{host} refuses the secret {secret} (it answers {status}), and what is \
                             deployed stays; renew it"
                        )
                    }
                }?;
                write!(f, " with `boucle secret set {repository} {secret}{uses}`")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_exact_or_ranges() {
        for (version, expected) in [
            ("1.2.3", true),
            ("v1.2.3", true),
            ("0.0.0-rc.1+build.5", true),
            ("1.2.3-0", true),
            ("1.2", false),
            ("1", false),
            ("1.2.*", false),
            ("1.2.x", false),
            (">=1.0.0", false),
            ("^1.2.3", false),
            ("~1.2.3", false),
            ("1.2.3 || 1.2.4", false),
            ("*", false),
            ("", false),
            ("HEAD", false),
            ("latest", false),
            ("1.2.3-", false),
            ("1.2.3+", false),
            ("1.2.3+a/b", false),
        ] {
            assert_eq!(is_exact(version), expected, "{version}");
        }
    }

    #[test]
    fn a_digest_names_what_an_address_names_whole() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let whole = Chart::of_source("oci://r.example/charts/web", None, &digest).expect("a chart");
        assert_eq!(whole.digest(), Some(digest.as_str()));
        let short = Chart::of_source("oci://r.example/charts/web", None, &digest[..70]);
        assert!(short.is_err_and(|said| said.contains("the digest `sha256:…`")));
        let named = Chart::of_source("https://c.example", Some("web"), &digest);
        assert!(named.is_err_and(|said| !said.contains("sha256:…")));
        let version = Chart::of_source("oci://r.example/charts/web", None, "1.2.3");
        assert_eq!(version.expect("a chart").digest(), None);
    }

    #[track_caller]
    fn source(address: &str, name: Option<&str>, expected: Result<&str, &str>) {
        match (Chart::of_source(address, name, "1.2.3"), expected) {
            (Ok(chart), Ok(expected)) => assert_eq!(chart.to_string(), expected, "{address}"),
            (Err(said), Err(needle)) => assert!(said.contains(needle), "{address}: {said}"),
            (found, expected) => panic!("{address}: {found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn addresses_are_repositories_registries_or_here() {
        let web = Some("web");
        source("https://c.example/x/", web, Ok("web 1.2.3 of https://c.example/x"));
        source("r.example/charts", web, Ok("web 1.2.3 of oci://r.example/charts"));
        source("R.example:5000", web, Ok("web 1.2.3 of oci://r.example:5000"));
        source("oci://r.example/charts/web", None, Ok("web 1.2.3 of oci://r.example/charts"));
        source("oci://r.example/web", None, Ok("web 1.2.3 of oci://r.example"));
        source("r.example", Some("charts/web"), Ok("charts/web 1.2.3 of oci://r.example"));
        source("me/shop", web, Ok("web 1.2.3 of me/shop"));
        source("oci://me/shop/web", None, Ok("web 1.2.3 of me/shop"));
        source("localhost/me", web, Ok("web 1.2.3 of oci://localhost/me"));
        source("http://127.0.0.1:80", web, Ok("web 1.2.3 of http://127.0.0.1:80"));
        source("http://[::1]:80", web, Ok("web 1.2.3 of http://[::1]:80"));
        source("http://c.example", web, Err("https://"));
        source("http://127.0.0.1.example", web, Err("https://"));
        source("ssh://c.example", web, Err("no address of charts"));
        source("https://", web, Err("no address of charts"));
        source("https://me:word@c.example", web, Err("no credentials"));
        source("https://c.example?x=y", web, Err("no proper address"));
        source("https://c.example/../x", web, Err("no proper address"));
        source("https://c.example", Some("a/b"), Err("no name of a chart"));
        source("https://c.example", Some(".."), Err("no name of a chart"));
        source("r.example", Some("../b"), Err("no name of a chart"));
        source("oci://r.example/charts/web:1.2.3", None, Err("without a tag"));
        source("oci://r.example", None, Err("no name of a chart"));
        assert!(Chart::of_dependency("me/shop", "web", "1.2.3").is_err(), "no address");
        assert!(Chart::of_dependency("@stable", "web", "1.2.3").is_err(), "an alias");
    }
}
