//! In whose name something is asked of a cluster.

use std::fmt;

/// Who asks. There is no way from a service account back to our own rights: a request that the
/// account may not make is refused, for deletions too.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Boucle itself, as its connection says.
    Own,
    /// A project's service account, impersonated.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Identity {
    /// The user to impersonate; the cluster adds the groups of service accounts itself.
    pub(crate) fn user(&self) -> Option<String> {
        match self {
            Self::Own => None,
            Self::ServiceAccount { namespace, name } => {
                Some(format!("system:serviceaccount:{namespace}:{name}"))
            }
        }
    }
}

/// `the service account production/deployer`, `Boucle's own account`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("Boucle's own account"),
            Self::ServiceAccount { namespace, name } => {
                write!(f, "the service account {namespace}/{name}")
            }
        }
    }
}
