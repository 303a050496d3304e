//! Argo CD's `AppProject`: from where, to where and what an application may deploy, when, and in the
//! name of which service account.

mod file;
mod orphans;
mod permits;
mod schedule;
mod scope;
mod windows;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::glob::{Glob, Rule};

pub use orphans::{OrphanPattern, OrphanRules};
pub use permits::{DestinationNames, Permission, ProjectRefusal, ServiceAccount, permits};
pub use schedule::{Schedule, ZoneName};
pub use scope::Scope;
pub use windows::{SyncWindow, WindowKind, WindowWait, synchronises};

/// The project of applications that name none.
pub const DEFAULT_PROJECT: &str = "default";

/// A project, as a file of Git declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// `metadata.name`.
    pub name: String,
    /// `sourceRepos`: the repositories; nothing is permitted that no rule permits.
    pub source_repos: Vec<Rule>,
    /// `destinations`.
    pub destinations: Vec<DestinationRule>,
    /// `clusterResourceWhitelist`: kinds without namespace; nothing unless it is listed.
    pub cluster_kinds: Vec<KindRule>,
    /// `clusterResourceBlacklist`; wins.
    pub denied_cluster_kinds: Vec<KindRule>,
    /// `namespaceResourceWhitelist`: kinds in namespaces; `None`: everything.
    pub namespaced_kinds: Option<Vec<KindRule>>,
    /// `namespaceResourceBlacklist`; wins.
    pub denied_namespaced_kinds: Vec<KindRule>,
    /// `syncWindows`.
    pub windows: Vec<SyncWindow>,
    /// `destinationServiceAccounts`; when there are any, one of them acts.
    pub service_accounts: Vec<ServiceAccountRule>,
    /// `orphanedResources`; `None`: nobody looks for them.
    pub orphans: Option<OrphanRules>,
}

/// One entry of `destinations`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationRule {
    /// `server`: the address.
    pub server: Option<Rule>,
    /// `name`.
    pub name: Option<Rule>,
    /// `namespace`.
    pub namespace: Rule,
}

/// One entry of the four lists of kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindRule {
    /// The API group; empty is the core group.
    pub group: Glob,
    /// The kind.
    pub kind: Glob,
    /// The object's name; only of kinds without namespace.
    #[serde(default)]
    pub name: Option<Glob>,
}

/// One entry of `destinationServiceAccounts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccountRule {
    /// `server`: the address of the cluster.
    pub server: Glob,
    /// `namespace` of the application's destination.
    pub namespace: Glob,
    /// `defaultServiceAccount`: `NAME` in the destination's namespace, or `NAMESPACE:NAME`.
    pub account: String,
}

impl Project {
    /// Reads the one `AppProject` of a file. What cannot hold here is refused by name and reason,
    /// what nobody knows by name; both with line and column.
    pub fn parse(file: &str, text: &str) -> Result<Self, yaml::YamlError> {
        file::parse(file, text)
    }

    /// The project `default` when no file declares it: it permits everything.
    #[must_use]
    pub fn permissive() -> Self {
        let rule = || Rule { glob: Glob::everything(), denies: false };
        let kinds = || KindRule { group: Glob::everything(), kind: Glob::everything(), name: None };
        Self {
            name: DEFAULT_PROJECT.into(),
            source_repos: vec![rule()],
            destinations: vec![DestinationRule {
                server: Some(rule()),
                name: None,
                namespace: rule(),
            }],
            cluster_kinds: vec![kinds()],
            denied_cluster_kinds: Vec::new(),
            namespaced_kinds: None,
            denied_namespaced_kinds: Vec::new(),
            windows: Vec::new(),
            service_accounts: Vec::new(),
            orphans: None,
        }
    }
}

/// The projects of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projects {
    declared: BTreeMap<String, std::sync::Arc<Project>>,
    is_incomplete: bool,
}

impl Projects {
    /// Adds one; the name of it when the name is taken.
    pub fn add(&mut self, project: Project) -> Result<(), String> {
        let name = project.name.clone();
        if self.declared.contains_key(&name) {
            return Err(name);
        }
        self.declared.insert(name, std::sync::Arc::new(project));
        Ok(())
    }

    /// A file of a project could not be read. It may have been the one that restricts `default`,
    /// which therefore permits nothing until it can be read.
    pub fn incomplete(&mut self) {
        self.is_incomplete = true;
    }

    /// The project of this name; `None`: no file declares it, or nobody can tell.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<std::sync::Arc<Project>> {
        let declared = self.declared.get(name).cloned();
        let implied = name == DEFAULT_PROJECT && !self.is_incomplete;
        declared.or_else(|| implied.then(|| std::sync::Arc::new(Project::permissive())))
    }
}
