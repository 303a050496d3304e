//! How a cluster is reached: a kubeconfig, the account of the pod that we run in, or a token.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use serde_json::json;

/// A server that does not even take the connection in this time is not there.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Longer than the slowest body of 3 MiB, which is all that a server takes.
const WRITE_MAX: Duration = Duration::from_secs(30);

/// Where a cluster is and who we are there.
#[derive(Clone)]
pub enum Connection {
    /// A context of a kubeconfig. Programs that it names (`exec`) are run to get credentials, as
    /// `kubectl` does.
    Kubeconfig {
        /// The file; `None`: what `KUBECONFIG` names, or the file in the home folder.
        file: Option<PathBuf>,
        /// The context; `None`: the current one.
        context: Option<String>,
    },
    /// The service account of the pod that this process runs in.
    InCluster,
    /// An address.
    Address {
        /// The server's: `https://10.0.0.1:6443`.
        server: String,
        /// Who we are.
        credential: Credential,
        /// The certificates that sign the server's, as PEM; `None`: those of the machine.
        certificate_authority: Option<String>,
        /// The name in the server's certificate, when it is not the address's.
        server_name: Option<String>,
    },
}

/// Who we are.
#[derive(Debug, Clone)]
pub enum Credential {
    /// Whom a bearer token names.
    Token(Secret),
    /// Whom a client certificate names.
    Certificate {
        /// As PEM.
        certificate: String,
        /// As PEM.
        key: Secret,
    },
}

/// A token or a key, which is never shown.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Without secrets: a kubeconfig may hold some, so only its path is shown.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubeconfig { file, context } => {
                f.debug_struct("Kubeconfig").field("file", file).field("context", context).finish()
            }
            Self::InCluster => f.write_str("InCluster"),
            Self::Address { server, .. } => {
                f.debug_struct("Address").field("server", server).finish()
            }
        }
    }
}

/// Why a cluster cannot even be tried.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The kubeconfig says nothing usable.
    #[error(
        "the kubeconfig{} cannot be used; check it with `kubectl config view`",
        shown(file.as_ref())
    )]
    Kubeconfig {
        /// Which.
        file: Option<PathBuf>,
        /// What is wrong with it.
        source: KubeconfigError,
    },
    /// This is no pod, or its account is not mounted.
    #[error(
        "this process does not run in a pod with a service account; name a kubeconfig or a token"
    )]
    InCluster(#[from] InClusterError),
    /// The client cannot be made of what was said.
    #[error("the client of the cluster cannot be set up")]
    Client(#[source] kube::Error),
}

fn shown(file: Option<&PathBuf>) -> String {
    file.map(|file| format!(" {}", file.display())).unwrap_or_default()
}

/// A context of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextOfKubeconfig {
    /// Its name.
    pub name: String,
    /// The address of its cluster's API server; empty when the file does not say.
    pub server: String,
}

/// The contexts of a kubeconfig, in its order.
pub fn contexts(file: &Path) -> Result<Vec<ContextOfKubeconfig>, OpenError> {
    let failed = |source| OpenError::Kubeconfig { file: Some(file.to_owned()), source };
    let read = Kubeconfig::read_from(file).map_err(failed)?;
    let address = |cluster: &str| {
        let found = read.clusters.iter().find(|known| known.name == cluster);
        found.and_then(|known| known.cluster.as_ref()?.server.clone()).unwrap_or_default()
    };
    let contexts = read.contexts.iter().map(|context| ContextOfKubeconfig {
        name: context.name.clone(),
        server: context.context.as_ref().map(|one| address(&one.cluster)).unwrap_or_default(),
    });
    Ok(contexts.collect())
}

impl Connection {
    /// A client for it. Nothing is asked of the server yet.
    pub(crate) async fn client(&self) -> Result<kube::Client, OpenError> {
        let mut config = self.config().await?;
        config.connect_timeout = Some(CONNECT_MAX);
        config.write_timeout = Some(WRITE_MAX);
        // A watch may be silent for long; each other request has a deadline of its own.
        config.read_timeout = None;
        // Refusals with a time to wait are handled where the number of requests is bounded.
        config.default_retry = false;
        kube::Client::try_from(config).map_err(OpenError::Client)
    }

    async fn config(&self) -> Result<kube::Config, OpenError> {
        match self {
            Self::Kubeconfig { file, context } => {
                let failed = |source| OpenError::Kubeconfig { file: file.clone(), source };
                let read = match file {
                    Some(file) => Kubeconfig::read_from(file),
                    None => Kubeconfig::read(),
                };
                let options =
                    KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
                kube::Config::from_custom_kubeconfig(read.map_err(failed)?, &options)
                    .await
                    .map_err(failed)
            }
            Self::InCluster => Ok(kube::Config::incluster()?),
            Self::Address { server, credential, certificate_authority, server_name } => {
                // By way of a kubeconfig, so that certificates are read in one place.
                let mut cluster = json!({ "server": server });
                if let Some(certificates) = certificate_authority {
                    cluster["certificate-authority-data"] = STANDARD.encode(certificates).into();
                }
                if let Some(name) = server_name {
                    cluster["tls-server-name"] = name.as_str().into();
                }
                let user = match credential {
                    Credential::Token(token) => json!({ "token": token.0 }),
                    Credential::Certificate { certificate, key } => json!({
                        "client-certificate-data": STANDARD.encode(certificate),
                        "client-key-data": STANDARD.encode(&key.0),
                    }),
                };
                let config = json!({
                    "current-context": "boucle",
                    "clusters": [{ "name": "boucle", "cluster": cluster }],
                    "users": [{ "name": "boucle", "user": user }],
                    "contexts": [{
                        "name": "boucle", "context": { "cluster": "boucle", "user": "boucle" },
                    }],
                });
                let failed = |source| OpenError::Kubeconfig { file: None, source };
                let read = Kubeconfig::from_yaml(&config.to_string()).map_err(failed)?;
                kube::Config::from_custom_kubeconfig(read, &KubeConfigOptions::default())
                    .await
                    .map_err(failed)
            }
        }
    }
}
