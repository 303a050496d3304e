//! What a cluster that a file declares lacks to be used.

use std::fmt::{self, Display};

use ledger::RepositoryName;
use repositories::secrets::NoBoundSecret;

use super::{Coded, Said};

/// An application that is written when others have been.
pub struct WaitsForRoom<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
}

impl Display for WaitsForRoom<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cluster = self.cluster;
        write!(f, "others are written to the cluster {cluster} first; this one follows by itself")
    }
}

impl Said for WaitsForRoom<'_> {
    fn french(&self) -> String {
        let cluster = self.cluster;
        format!(
            "d’autres sont écrites d’abord sur le cluster {cluster} ; celle-ci suit d’elle-même"
        )
    }
}

impl Coded for WaitsForRoom<'_> {
    fn code(&self) -> &'static str {
        "waits-for-room"
    }
}

/// Why a declared cluster is not opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClusterLacks {
    /// No secret opens it.
    Secret {
        /// The repository that declares it.
        repository: RepositoryName,
        /// The secret that its file names.
        secret: String,
        /// The address of its API server.
        server: String,
        /// What is wrong.
        problem: NoBoundSecret,
    },
    /// What is known of it makes no connection: no key is in the secret, for example.
    Sense {
        /// Why.
        problem: String,
    },
}

impl Display for ClusterLacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret { repository, secret, server, problem } => {
                match problem {
                    NoBoundSecret::Missing => write!(f, "there is no secret {secret}"),
                    NoBoundSecret::ForOthers => {
                        write!(f, "the secret {secret} is for something else")
                    }
                    NoBoundSecret::Elsewhere { given: other } => {
                        write!(f, "the secret {secret} was given for {other}, not for {server}")
                    }
                }?;
                write!(
                    f,
                    "; set it with `boucle secret set {repository} {secret} --cluster {server}`"
                )
            }
            Self::Sense { problem } => {
                write!(f, "its file and its secret make no connection: {problem}")
            }
        }
    }
}

impl Said for ClusterLacks {
    fn french(&self) -> String {
        match self {
            Self::Secret { repository, secret, server, problem } => {
                let what = match problem {
                    NoBoundSecret::Missing => format!("il n’y a pas de secret {secret}"),
                    NoBoundSecret::ForOthers => {
                        format!("le secret {secret} est pour autre chose")
                    }
                    NoBoundSecret::Elsewhere { given: other } => {
                        format!("le secret {secret} a été donné pour {other}, pas pour {server}")
                    }
                };
                format!(
                    "{what}\u{202f}; donnez-le par `boucle secret set {repository} {secret} --cluster {server}`"
                )
            }
            Self::Sense { problem } => {
                format!("son fichier et son secret ne permettent aucune connexion\u{a0}: {problem}")
            }
        }
    }
}

impl Coded for ClusterLacks {
    fn code(&self) -> &'static str {
        match self {
            Self::Secret { .. } => "cluster-secret",
            Self::Sense { .. } => "cluster-connection",
        }
    }
}
