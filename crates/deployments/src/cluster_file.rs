//! Argo CD's cluster Secret in Git: where a cluster is, its labels, and which secret opens it.
//!
//! No credential stands in the file: what Argo CD keeps there is the name of a secret here, with `$`
//! before it. Programs are never named: whoever may merge must not choose what this server runs.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::argo_cd_file::refused;
use crate::core_file::refused_at;
use crate::secret_file::{Problem, SecretFile, secret_name};

/// Argo CD's name and address of the cluster that it runs on.
const IN_CLUSTER: [&str; 2] = ["in-cluster", "https://kubernetes.default.svc"];

/// A cluster, as a file of Git declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredCluster {
    /// Its name, which applications give as their destination.
    pub name: String,
    /// The address of its API server: `https://` and a host.
    pub server: String,
    /// Its labels, for `clusters` generators.
    pub labels: BTreeMap<String, String>,
    /// Its annotations, for the same.
    pub annotations: BTreeMap<String, String>,
    /// The certificates that sign the API server's, as PEM; `None`: those of the machine.
    pub certificate_authority: Option<String>,
    /// The name in the API server's certificate, when it is not the host's.
    pub server_name: Option<String>,
    /// Who Boucle is there.
    pub credential: DeclaredCredential,
}

/// Who Boucle is on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredCredential {
    /// A bearer token.
    Token {
        /// The secret that holds it.
        secret: String,
    },
    /// A client certificate.
    Certificate {
        /// As PEM.
        certificate: String,
        /// The secret that holds its key, as PEM.
        secret: String,
    },
}

impl DeclaredCredential {
    /// The name of the secret.
    #[must_use]
    pub fn secret(&self) -> &str {
        match self {
            Self::Token { secret } | Self::Certificate { secret, .. } => secret,
        }
    }
}

impl DeclaredCluster {
    /// Whether an application's destination is this cluster.
    #[must_use]
    pub fn is_called(&self, destination: &str) -> bool {
        self.name == destination
            || self.server.trim_end_matches('/') == destination.trim_end_matches('/')
    }

    /// Reads the one Secret of a file.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        let parsed: SecretFile = yaml::document(file, text)?;
        Self::read(parsed).map_err(|(word, message)| refused_at(file, text, word, message))
    }
}

/// `config`: how the API server is spoken to.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    #[serde(default)]
    bearer_token: Option<String>,
    #[serde(default)]
    tls_client_config: TlsClientConfig,
    #[serde(default, rename = "username", deserialize_with = "no_password")]
    _username: (),
    #[serde(default, rename = "password", deserialize_with = "no_password")]
    _password: (),
    #[serde(default, rename = "awsAuthConfig", deserialize_with = "no_program")]
    _aws_auth_config: (),
    #[serde(default, rename = "execProviderConfig", deserialize_with = "no_program")]
    _exec_provider_config: (),
    #[serde(default, rename = "proxyUrl", deserialize_with = "no_proxy")]
    _proxy_url: (),
    /// Answers are small, and taken as they come.
    #[serde(default, rename = "disableCompression")]
    _disable_compression: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct TlsClientConfig {
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    server_name: Option<String>,
    #[serde(default)]
    ca_data: Option<String>,
    #[serde(default)]
    cert_data: Option<String>,
    #[serde(default)]
    key_data: Option<String>,
}

refused!(
    no_password,
    "API servers take no passwords any more; name the secret of a token: \
     `\"bearerToken\": \"$EAST_TOKEN\"`"
);
refused!(
    no_program,
    "a file in Git never says which program this server runs; give this cluster a token, or start \
     the server with a kubeconfig that names the program (`boucle up --kubeconfig FILE`)"
);
refused!(no_proxy, "a proxy is not supported; name an address that this server reaches");

impl DeclaredCluster {
    fn read(file: SecretFile) -> Result<Self, Problem> {
        if file.secret_type() != Some("cluster") {
            let what = "a Secret in this folder declares a cluster, with the label \
                        `argocd.argoproj.io/secret-type: cluster`, or charts behind a credential, \
                        with `repository` or `repo-creds` there; other Secrets are deployed by an \
                        application";
            return Err(("metadata:", what.into()));
        }
        let (metadata, mut values) = file.into_values()?;
        let (labels, annotations) = (metadata.labels, metadata.annotations);
        let mut taken = |key: &str| values.remove(key).filter(|value| !value.is_empty());
        let server = taken("server").unwrap_or_default();
        let name = taken("name").unwrap_or_else(|| server.clone());
        let config = taken("config").unwrap_or_default();
        if let Some(key) = values.keys().next() {
            return Err(("data:", unknown_value(key)));
        }
        check_server(&name, &server)?;
        let config: Config = serde_json::from_str(&config).map_err(|error| {
            ("config:", format!("`config` is not what Argo CD has there: {error}"))
        })?;
        let TlsClientConfig { ca_data, cert_data, key_data, server_name, insecure } =
            config.tls_client_config;
        if insecure {
            let what = "`insecure` is refused: anybody between here and there could read and write \
                        everything; give `caData`";
            return Err(("config:", what.into()));
        }
        Ok(Self {
            name,
            server,
            labels,
            annotations,
            certificate_authority: ca_data.map(|data| pem("caData", &data)).transpose()?,
            server_name,
            credential: credential(config.bearer_token, cert_data, key_data)?,
        })
    }
}

fn unknown_value(key: &str) -> String {
    match key {
        "project" => {
            "`project` is not supported: name the cluster in the project's `destinations`; \
                      only applications of this repository can use it"
                .into()
        }
        "namespaces" | "clusterResources" => format!(
            "`{key}` is not supported: only the kinds that applications have are looked at; bound \
             what this server may do by the rights of its account on the cluster"
        ),
        "shard" => "`shard` means nothing here: one server serves all clusters; remove it".into(),
        _ => format!("`{key}` is no value of a cluster: `name`, `server` and `config` are"),
    }
}

fn check_server(name: &str, server: &str) -> Result<(), Problem> {
    if IN_CLUSTER.contains(&name) || IN_CLUSTER.contains(&server.trim_end_matches('/')) {
        let what = "the cluster that the server itself runs on is declared by starting it with \
                    `boucle up --in-cluster`";
        return Err(("server:", what.into()));
    }
    let rest = server.strip_prefix("https://");
    let has_host = rest.is_some_and(|rest| {
        let host = rest.trim_end_matches('/');
        !host.is_empty() && !host.contains(['@', '?', '#', ' '])
    });
    if !has_host {
        let what = format!("`server` is `{server}`; it is an address like `https://10.0.0.1:6443`");
        return Err(("server:", what));
    }
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "-._:/@".contains(one);
    if name.len() > 253 || !name.chars().all(is_plain) {
        let what = format!(
            "`{name}` is no name of a cluster: letters, digits, `-`, `_`, `.`, `:`, `@`, `/`"
        );
        return Err(("name:", what));
    }
    Ok(())
}

fn credential(
    token: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
) -> Result<DeclaredCredential, Problem> {
    match (token, certificate, key) {
        (Some(token), None, None) => {
            Ok(DeclaredCredential::Token { secret: secret("bearerToken", &token)? })
        }
        (None, Some(certificate), Some(key)) => Ok(DeclaredCredential::Certificate {
            certificate: pem("certData", &certificate)?,
            secret: secret("keyData", &key)?,
        }),
        _ => {
            let what = "`config` says who Boucle is there in one of two ways: `bearerToken`, or \
                        `certData` with `keyData` in `tlsClientConfig`";
            Err(("config:", what.into()))
        }
    }
}

/// The name of a secret: `$EAST_TOKEN`.
fn secret(field: &str, value: &str) -> Result<String, Problem> {
    // Without the value: it may be a secret.
    secret_name(value).ok_or_else(|| {
        let what = format!(
            "`{field}` must be the name of a secret, as `\"$EAST_TOKEN\"`; a credential in Git is \
             known to all who ever read it: revoke it if it was pushed, and set another with \
             `boucle secret set REPOSITORY EAST_TOKEN --cluster ADDRESS`"
        );
        ("config:", what)
    })
}

/// A certificate in Argo CD's form: PEM in base64.
fn pem(field: &str, value: &str) -> Result<String, Problem> {
    let bytes = STANDARD.decode(value.trim()).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.filter(|text| text.contains("-----BEGIN CERTIFICATE-----"));
    text.ok_or_else(|| {
        ("config:", format!("`{field}` is no certificate: it is the PEM file in base64"))
    })
}
