//! What a project permits, and which service account acts for it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{DestinationRule, KindRule, Project};
use crate::glob::Rule;
use crate::objects::{ObjectKey, is_cluster_scoped};

/// Where an application goes, by every name of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DestinationNames {
    /// The address of the API server, or `process://local`.
    pub server: Option<String>,
    /// The name, or `local`.
    pub name: Option<String>,
    /// The namespace of objects that name none.
    pub namespace: String,
}

/// What is asked of a project.
#[derive(Debug, Clone, Copy)]
pub struct Permission<'a> {
    /// The repositories that the application reads, each by every name of it: as it is written and,
    /// on this server, `owner/name`.
    pub sources: &'a [Vec<String>],
    /// Where it goes.
    pub place: &'a DestinationNames,
    /// What it writes or deletes; empty: not known yet.
    pub objects: &'a [ObjectKey],
    /// The kinds without namespace that the cluster itself tells of.
    pub cluster_scoped: Option<&'a BTreeSet<String>>,
}

/// One thing that a project does not permit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "refuses", rename_all = "snake_case")]
pub enum ProjectRefusal {
    /// The repository.
    Source {
        /// As the application writes it.
        repository: String,
        /// The rule that denies it; `None`: no rule permits it.
        denied_by: Option<String>,
    },
    /// The destination.
    Destination {
        /// By address and name.
        place: String,
        /// The namespace.
        namespace: String,
        /// The rule that denies it; `None`: no rule permits it.
        denied_by: Option<String>,
    },
    /// The object's own namespace.
    Namespace {
        /// The object.
        object: ObjectKey,
    },
    /// The object's kind.
    Kind {
        /// The object.
        object: ObjectKey,
        /// Whether a list of denied kinds has it, not only no list of permitted ones.
        is_denied: bool,
        /// Whether the kind has no namespace.
        cluster_scoped: bool,
    },
    /// The project names service accounts, and none for this destination.
    ServiceAccount {
        /// By address and name.
        place: String,
        /// The namespace.
        namespace: String,
    },
}

/// In whose name a cluster is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// All that the project does not permit; empty: it permits everything that was asked.
#[must_use]
pub fn permits(project: &Project, asked: &Permission<'_>) -> Vec<ProjectRefusal> {
    let mut refusals = Vec::new();
    for names in asked.sources {
        if let Err(denied_by) = project.permits_source(names) {
            let repository = names.first().cloned().unwrap_or_default();
            refusals.push(ProjectRefusal::Source { repository, denied_by });
        }
    }
    let (place, namespace) = (asked.place, &asked.place.namespace);
    if let Err(denied_by) = project.permits_destination(place, namespace) {
        let namespace = namespace.clone();
        refusals.push(ProjectRefusal::Destination {
            place: place.to_string(),
            namespace,
            denied_by,
        });
    }
    for object in asked.objects {
        let cluster_scoped = is_cluster_scoped(&object.group, &object.kind)
            || asked.cluster_scoped.is_some_and(|kinds| kinds.contains(&object.group_kind()));
        if let Err(is_denied) = project.permits_kind(object, cluster_scoped) {
            let object = object.clone();
            refusals.push(ProjectRefusal::Kind { object, is_denied, cluster_scoped });
        } else if !cluster_scoped
            && object.namespace != *namespace
            && project.permits_destination(place, &object.namespace).is_err()
        {
            refusals.push(ProjectRefusal::Namespace { object: object.clone() });
        }
    }
    if let Err(refusal) = project.service_account(place) {
        refusals.push(refusal);
    }
    refusals
}

impl Project {
    /// The service account that acts at a destination; `None`: the project names none at all, and
    /// Boucle acts itself. The first entry that matches counts.
    pub fn service_account(
        &self,
        place: &DestinationNames,
    ) -> Result<Option<ServiceAccount>, ProjectRefusal> {
        // Processes of this machine have no accounts.
        if self.service_accounts.is_empty() || place.is_this_machine() {
            return Ok(None);
        }
        let matches = self.service_accounts.iter().find(|rule| {
            let mut names = place.server.iter().chain(&place.name);
            names.any(|name| rule.server.matches(name)) && rule.namespace.matches(&place.namespace)
        });
        let refused = || ProjectRefusal::ServiceAccount {
            place: place.to_string(),
            namespace: place.namespace.clone(),
        };
        let account = &matches.ok_or_else(refused)?.account;
        let (namespace, name) = match account.split_once(':') {
            Some((namespace, name)) => (namespace, name),
            None => (place.namespace.as_str(), account.as_str()),
        };
        // An account in no namespace is no account.
        if namespace.is_empty() {
            return Err(refused());
        }
        Ok(Some(ServiceAccount { namespace: namespace.into(), name: name.into() }))
    }

    fn permits_source(&self, names: &[String]) -> Result<(), Option<String>> {
        let names: Vec<String> = names.iter().map(|name| normal_address(name)).collect();
        let matches = |rule: &Rule| names.iter().any(|name| rule.glob.matches_path(name));
        let (denials, permissions): (Vec<&Rule>, Vec<&Rule>) =
            self.source_repos.iter().partition(|rule| rule.denies);
        if let Some(denial) = denials.into_iter().find(|rule| matches(rule)) {
            return Err(Some(String::from(denial.clone())));
        }
        if permissions.iter().any(|rule| matches(rule)) { Ok(()) } else { Err(None) }
    }

    pub(super) fn permits_destination(
        &self,
        place: &DestinationNames,
        namespace: &str,
    ) -> Result<(), Option<String>> {
        let denial = self.destinations.iter().find_map(|rule| rule.denial(place, namespace));
        if let Some(rule) = denial {
            return Err(Some(String::from(rule.clone())));
        }
        let permits = |rule: &DestinationRule| rule.permits(place, namespace);
        if self.destinations.iter().any(permits) { Ok(()) } else { Err(None) }
    }

    /// The error says whether the kind is denied, rather than not permitted.
    pub(super) fn permits_kind(
        &self,
        object: &ObjectKey,
        cluster_scoped: bool,
    ) -> Result<(), bool> {
        let lists = |rules: &[KindRule]| rules.iter().any(|rule| rule.lists(object));
        let (permitted, denied) = if cluster_scoped {
            (lists(&self.cluster_kinds), lists(&self.denied_cluster_kinds))
        } else {
            let permitted = self.namespaced_kinds.as_deref().is_none_or(lists);
            (permitted, lists(&self.denied_namespaced_kinds))
        };
        match (permitted, denied) {
            (_, true) => Err(true),
            (false, false) => Err(false),
            (true, false) => Ok(()),
        }
    }
}

impl DestinationRule {
    /// Whether the entry permits the destination; one with a denial only denies.
    fn permits(&self, place: &DestinationNames, namespace: &str) -> bool {
        let allows = |rule: &Rule, text: &str| !rule.denies && rule.glob.matches(text);
        let either = |rule: &Option<Rule>, text: &Option<String>| {
            rule.as_ref().zip(text.as_ref()).is_some_and(|(rule, text)| allows(rule, text))
        };
        let denies = |rule: &Option<Rule>| rule.as_ref().is_some_and(|rule| rule.denies);
        !denies(&self.server)
            && !denies(&self.name)
            && (either(&self.server, &place.server) || either(&self.name, &place.name))
            && allows(&self.namespace, namespace)
    }

    /// The denial of the entry that the destination meets. What is not known of the destination may
    /// be what is denied.
    fn denial(&self, place: &DestinationNames, namespace: &str) -> Option<&Rule> {
        let meets = |rule: &Rule, text: Option<&str>| {
            rule.denies && text.is_none_or(|text| rule.glob.matches(text))
        };
        let server = self.server.as_ref().filter(|rule| meets(rule, place.server.as_deref()));
        let name = || self.name.as_ref().filter(|rule| meets(rule, place.name.as_deref()));
        let namespace = || Some(&self.namespace).filter(|rule| meets(rule, Some(namespace)));
        server.or_else(name).or_else(namespace)
    }
}

impl KindRule {
    fn lists(&self, object: &ObjectKey) -> bool {
        self.group.matches(&object.group)
            && self.kind.matches(&object.kind)
            && self.name.as_ref().is_none_or(|name| name.matches(&object.name))
    }
}

impl DestinationNames {
    /// Processes of this machine.
    #[must_use]
    pub fn is_this_machine(&self) -> bool {
        self.server.as_deref() == Some("process://local")
    }
}

/// `east (https://east:6443)`, or the one that is known.
impl fmt::Display for DestinationNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, &self.server) {
            (Some(name), Some(server)) => write!(f, "{name} ({server})"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => Ok(()),
        }
    }
}

/// An address of a repository without what does not tell it from another: the case of letters, a
/// slash or `.git` at the end.
pub(super) fn normal_address(text: &str) -> String {
    let lower = text.trim().to_lowercase();
    let trimmed = lower.trim_end_matches('/');
    trimmed.strip_suffix(".git").unwrap_or(trimmed).to_owned()
}
