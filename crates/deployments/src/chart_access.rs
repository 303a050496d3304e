//! Argo CD's repository Secret in Git: which charts and artifacts are behind a credential, and which secret
//! of this server it is.
//!
//! No credential stands in the file, and the file alone sends none anywhere: the secret itself is bound to an
//! address (`repositories::secrets`).

use std::collections::BTreeMap;

use crate::chart::{Chart, ChartPlace, is_loopback, registry, repository};
use crate::core_file::refused_at;
use crate::secret_file::{Problem, SecretFile, secret_name};

/// The longest name of who asks.
const USERNAME_BYTES_MAX: usize = 256;

/// Charts, or the places of charts below an address, as a file of Git declares them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartAccess {
    /// The address in its one form, `https://…` or `oci://…` (`charts_address`).
    pub url: String,
    /// Whether it is for all addresses below, too (`repo-creds`).
    pub is_prefix: bool,
    /// How it is asked; `None`: as anybody.
    pub login: Option<ChartLogin>,
}

/// Who asks for charts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartLogin {
    /// The name.
    pub username: String,
    /// The secret that holds the password.
    pub secret: String,
}

impl ChartAccess {
    /// Reads the one Secret of a file.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        let parsed: SecretFile = yaml::document(file, text)?;
        Self::read(parsed).map_err(|(word, message)| refused_at(file, text, word, message))
    }

    /// The one that says who asks for a chart: that of its place, else the longest address above it.
    #[must_use]
    pub fn find<'a>(all: &'a [Self], chart: &Chart) -> Option<(&'a Self, &'a ChartLogin)> {
        let addresses = addresses(chart);
        let with_login = all.iter().filter_map(|one| Some((one, one.login.as_ref()?)));
        let fits = with_login.filter(|(one, _)| {
            addresses.iter().any(|address| match one.is_prefix {
                true => is_below(address, &one.url),
                false => *address == one.url,
            })
        });
        fits.max_by_key(|(one, _)| (!one.is_prefix, one.url.len()))
    }

    fn read(file: SecretFile) -> Result<Self, Problem> {
        let is_prefix = file.secret_type() == Some("repo-creds");
        let (_, mut values) = file.into_values()?;
        let mut taken = |key: &str| values.remove(key).filter(|value| !value.is_empty());
        let form = taken("type").unwrap_or_else(|| "git".into());
        let is_oci = taken("enableOCI").is_some_and(|value| value == "true");
        let (url, username, password) = (taken("url"), taken("username"), taken("password"));
        // Only Argo CD's own page shows it.
        drop(taken("name"));
        if !matches!(form.as_str(), "helm" | "oci") {
            let what = format!(
                "`type` is `{form}`; `helm` and `oci` are taken, and repositories of Git are those of \
                 this server: push it here and name it by owner/name"
            );
            return Err(("type:", what));
        }
        refuse_others(values)?;
        let url = url.ok_or_else(|| ("stringData:", "there is no `url`".to_owned()))?;
        let url = match form == "oci" || is_oci {
            true if !url.contains("://") => charts_address(&format!("oci://{url}")),
            true | false => charts_address(&url),
        };
        let url = url.map_err(|why| ("url:", why))?;
        Ok(Self { url, is_prefix, login: login(username, password)? })
    }
}

/// The address of charts in its one form, so that equal places are equal texts.
pub fn charts_address(text: &str) -> Result<String, String> {
    let place = match text.strip_prefix("oci://") {
        Some(rest) => registry(rest)?,
        None => repository(text)?,
    };
    match place {
        ChartPlace::Here { .. } => Err(format!(
            "`{text}` has no host: what this server has is read by those who may, without a credential"
        )),
        ChartPlace::Repository { .. } | ChartPlace::Registry { .. } => {
            Ok(canonical(&place.to_string()))
        }
    }
}

/// What a chart may be called by: a registry's also with the chart's name.
fn addresses(chart: &Chart) -> Vec<String> {
    let place = canonical(&chart.place.to_string());
    match &chart.place {
        ChartPlace::Here { .. } => Vec::new(),
        ChartPlace::Repository { .. } => vec![place],
        ChartPlace::Registry { .. } => vec![format!("{place}/{}", chart.name), place],
    }
}

/// Without what does not tell two hosts apart.
fn canonical(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let port = if is_loopback(host) && scheme != "https" { ":80" } else { ":443" };
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(port).unwrap_or(&host);
    format!("{scheme}://{host}/{path}").trim_end_matches('/').to_owned()
}

/// Whether an address is another one or below it; `…/team-b` is not below `…/team`.
fn is_below(address: &str, above: &str) -> bool {
    address.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn login(
    username: Option<String>,
    password: Option<String>,
) -> Result<Option<ChartLogin>, Problem> {
    let (username, password) = match (username, password) {
        (None, None) => return Ok(None),
        (Some(username), Some(password)) => (username, password),
        (Some(_), None) | (None, Some(_)) => {
            let what =
                "a credential is `username` and `password`; where a token is enough, any name is";
            return Err(("stringData:", what.into()));
        }
    };
    let is_name = username.len() <= USERNAME_BYTES_MAX
        && !username.contains(':')
        && !username.chars().any(char::is_control);
    if !is_name {
        let what = "`username` has a colon or control character, or is longer than 256 bytes";
        return Err(("username:", what.into()));
    }
    // Without the value: it may be a secret.
    let secret = secret_name(&password).ok_or_else(|| {
        let what = "`password` must be the name of a secret, as `$CHARTS_PASSWORD`; a password in Git is \
                    known to all who ever read it: change it if it was pushed, and give the new one with \
                    `boucle secret set REPOSITORY CHARTS_PASSWORD --charts ADDRESS`";
        ("password:", what.to_owned())
    })?;
    Ok(Some(ChartLogin { username, secret }))
}

/// What would be another way in is refused; what is switched off needs nothing.
fn refuse_others(values: BTreeMap<String, String>) -> Result<(), Problem> {
    let said = values.into_iter().find(|(_, value)| !matches!(value.as_str(), "" | "false"));
    let Some((key, _)) = said else { return Ok(()) };
    let what = match key.as_str() {
        "project" => {
            "`project` is not supported: only applications of this repository are asked for with it; name \
             the charts in the project's `sourceRepos`"
                .into()
        }
        "insecure" | "insecureOCIForceHttp" => format!(
            "`{key}` is refused: anybody between here and there could read the credential and change the \
             charts"
        ),
        "tlsClientCertData" | "tlsClientCertKey" => {
            format!("`{key}` is not supported: charts are asked for with a name and a password")
        }
        "bearerToken" => "`bearerToken` is not supported: give the token as `password`, with any \
                          `username`"
            .into(),
        "useAzureWorkloadIdentity" | "gcpServiceAccountKey" => format!(
            "`{key}` is not supported: give a token of the registry as `password`, and renew it with \
             `boucle secret set`"
        ),
        "proxy" | "noProxy" => format!("`{key}` is not supported: name an address that this server reaches"),
        "forceHttpBasicAuth" | "enableLfs" | "depth" | "sshPrivateKey" | "githubAppPrivateKey" => {
            format!("`{key}` is for repositories of Git; remove it")
        }
        _ => format!(
            "`{key}` is no value of charts: `type`, `url`, `name`, `enableOCI`, `username` and `password` \
             are"
        ),
    };
    Err(("stringData:", what))
}
