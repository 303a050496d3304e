//! Objects on clusters that hold the automation of the application of their name: the brake that people
//! pull with another tool while something is wrong.

use std::fmt;

use ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// An object that may hold an application.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Holder {
    /// `Kustomization`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The cluster that it is on, by its name here.
    pub cluster: String,
}

/// A hold that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What holds.
    pub holder: Holder,
    /// The program that pulled the brake, as the object says.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
}

const OF_CLUSTER: &str = " of the cluster ";

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, namespace, name, cluster } = self;
        write!(f, "{kind} {namespace}/{name}{OF_CLUSTER}{cluster}")
    }
}

impl From<Holder> for String {
    fn from(holder: Holder) -> Self {
        holder.to_string()
    }
}

impl TryFrom<String> for Holder {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (object, cluster) = text.split_once(OF_CLUSTER)?;
            let (kind, path) = object.split_once(' ')?;
            let (namespace, name) = path.split_once('/')?;
            let [kind, namespace, name, cluster] =
                [kind, namespace, name, cluster].map(str::to_owned);
            Some(Self { kind, namespace, name, cluster })
        };
        read().ok_or_else(|| format!("`{text}` is no object of a cluster"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_read_as_it_is_written() {
        for text in
            ["Kustomization flux-system/app of the cluster prod", "A b/c of the cluster d e"]
        {
            let holder = Holder::try_from(text.to_owned()).unwrap();
            assert_eq!(holder.to_string(), text);
        }
        for text in ["", "Kustomization app of the cluster prod", "Kustomization a/b"] {
            assert!(Holder::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
