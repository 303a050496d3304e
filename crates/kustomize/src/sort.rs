//! The order in which manifests are printed.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use crate::parts::SortOptions;
use crate::resource::{Gvk, Id, Resource};

/// Kinds that come first when nothing else is said: what others need.
const FIRST: [&str; 22] = [
    "Namespace",
    "ResourceQuota",
    "StorageClass",
    "CustomResourceDefinition",
    "ServiceAccount",
    "PodSecurityPolicy",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "ConfigMap",
    "Secret",
    "Endpoints",
    "Service",
    "LimitRange",
    "PriorityClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
];

/// Kinds that come last: what judges the others.
const LAST: [&str; 2] = ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];

/// Orders the objects as `sortOptions` says; without it in the legacy order, as the program does.
pub(crate) fn sort(resources: &mut Vec<Resource>, options: Option<&SortOptions>) {
    if options.is_some_and(|options| !options.legacy) {
        return;
    }
    let default = || (FIRST.map(String::from).to_vec(), LAST.map(String::from).to_vec());
    let (first, last) = options.and_then(|options| options.orders.clone()).unwrap_or_else(default);
    let mut ranks: BTreeMap<String, i64> = BTreeMap::new();
    for (index, kind) in first.iter().enumerate() {
        ranks.insert(kind.clone(), index as i64 - first.len() as i64);
    }
    for (index, kind) in last.into_iter().enumerate() {
        ranks.insert(kind, 1 + index as i64);
    }
    let mut keyed: Vec<(Key, Resource)> =
        resources.drain(..).map(|resource| (Key::new(&resource.id(), &ranks), resource)).collect();
    keyed.sort_by(|(left, _), (right, _)| left.compare(right));
    resources.extend(keyed.into_iter().map(|(_, resource)| resource));
}

/// A kind's place in the legacy order; 0 for those that are not named there.
pub(crate) fn default_rank(kind: &str) -> i64 {
    let first = FIRST.iter().position(|first| *first == kind);
    let last = LAST.iter().position(|last| *last == kind);
    match (first, last) {
        (Some(index), _) => index as i64 - FIRST.len() as i64,
        (None, Some(index)) => 1 + index as i64,
        (None, None) => 0,
    }
}

/// What orders kinds of the same rank.
pub(crate) fn legacy_text(gvk: &Gvk) -> String {
    let part = |text: &str, absent: &str| {
        if text.is_empty() { absent.to_owned() } else { text.to_owned() }
    };
    let (group, version) = (part(&gvk.group, "~G"), part(&gvk.version, "~V"));
    format!("{group}_{version}_{}", part(&gvk.kind, "~K"))
}

struct Key {
    rank: i64,
    is_namespace: bool,
    kind: String,
    id: String,
}

impl Key {
    fn new(id: &Id, ranks: &BTreeMap<String, i64>) -> Self {
        let or = |text: &str, absent: &str| {
            if text.is_empty() { absent.to_owned() } else { text.to_owned() }
        };
        let gvk = &id.gvk;
        Key {
            rank: ranks.get(&gvk.kind).copied().unwrap_or_default(),
            is_namespace: gvk.kind == "Namespace",
            kind: legacy_text(gvk),
            id: format!("{}|{}", or(&id.namespace, "~X"), or(&id.name, "~N")),
        }
    }

    fn compare(&self, other: &Key) -> Ordering {
        let kinds = if self.is_namespace && other.is_namespace {
            Reverse(&self.kind).cmp(&Reverse(&other.kind))
        } else {
            self.kind.cmp(&other.kind)
        };
        self.rank.cmp(&other.rank).then(kinds).then_with(|| self.id.cmp(&other.id))
    }
}
