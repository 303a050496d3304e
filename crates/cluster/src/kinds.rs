//! Which kinds a cluster has, by one aggregated discovery.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use kube::client::APIVersionDiscovery;
use kube::core::ApiResource;
use serde_json::Value;

/// A kind as manifests name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindInUse {
    /// `apps/v1`, `v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
}

impl KindInUse {
    /// A kind by its names.
    #[must_use]
    pub fn new(api_version: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { api_version: api_version.into(), kind: kind.into() }
    }

    /// The kind of a manifest; `None` when it names none.
    #[must_use]
    pub fn of(manifest: &Value) -> Option<Self> {
        let text =
            |name| manifest.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(Self::new(text("apiVersion")?, text("kind")?))
    }

    pub(crate) fn group(&self) -> &str {
        self.api_version.rsplit_once('/').map_or("", |(group, _)| group)
    }

    /// The kinds that a cluster makes of objects of this kind: what runs of them is seen there.
    pub(crate) fn children(&self) -> &'static [(&'static str, &'static str)] {
        match (self.group(), self.kind.as_str()) {
            ("apps", "Deployment") => &[("apps/v1", "ReplicaSet"), ("v1", "Pod")],
            ("apps", "StatefulSet" | "DaemonSet" | "ReplicaSet") | ("batch", "Job") => {
                &[("v1", "Pod")]
            }
            ("batch", "CronJob") => &[("batch/v1", "Job"), ("v1", "Pod")],
            _ => &[],
        }
    }
}

/// A kind that the cluster has.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resource {
    pub api: ApiResource,
    pub namespaced: bool,
}

impl Resource {
    /// A kind that the cluster does not serve, or that was not looked for yet.
    pub fn unserved(kind: &KindInUse) -> Self {
        let version = kind.api_version.rsplit_once('/').map_or(&*kind.api_version, |(_, v)| v);
        let api = ApiResource {
            group: kind.group().to_owned(),
            version: version.to_owned(),
            api_version: kind.api_version.clone(),
            kind: kind.kind.clone(),
            plural: String::new(),
        };
        Self { api, namespaced: true }
    }

    /// The path of all its objects, or of those of a namespace.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let api = &self.api;
        let root = if api.group.is_empty() { "/api" } else { "/apis" };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => {
                format!("{root}/{}/namespaces/{namespace}/{}", api.api_version, api.plural)
            }
            None => format!("{root}/{}/{}", api.api_version, api.plural),
        }
    }

    /// The path of one object.
    pub fn object_path(&self, namespace: &str, name: &str) -> String {
        format!("{}/{name}", self.path(Some(namespace)))
    }
}

/// All kinds of a cluster.
#[derive(Debug, Default)]
pub(crate) struct Kinds {
    by_version: HashMap<KindInUse, Resource>,
    preferred: HashMap<(String, String), KindInUse>,
    stale: HashSet<String>,
    served: Arc<BTreeSet<String>>,
    cluster_scoped: Arc<BTreeSet<String>>,
}

impl Kinds {
    /// Asks for all of them: two requests.
    pub async fn discover(client: &kube::Client) -> Result<Self, kube::Error> {
        let mut kinds = Self::default();
        let core = client.list_core_api_versions_aggregated();
        let (core, groups) = tokio::try_join!(core, client.list_api_groups_aggregated())?;
        for group in core.items.into_iter().chain(groups.items) {
            let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
            // Versions come in the order in which the server likes them.
            for version in group.versions {
                kinds.add(&name, version);
            }
        }
        // Every plan asks for both, and there are far more plans than discoveries.
        kinds.served = Arc::new(kinds.preferred.keys().map(named).collect());
        kinds.cluster_scoped = Arc::new(kinds.without_namespace());
        Ok(kinds)
    }

    fn add(&mut self, group: &str, version: APIVersionDiscovery) {
        // An extension server that does not answer: what it serves is not known, not absent.
        if version.freshness.as_deref() == Some("Stale") {
            self.stale.insert(group.to_owned());
        }
        let name = version.version.unwrap_or_default();
        let api_version = if group.is_empty() { name.clone() } else { format!("{group}/{name}") };
        for resource in version.resources {
            let can = |verb: &str| resource.verbs.iter().any(|one| one == verb);
            // What cannot be listed and watched is no object of anybody's.
            if !can("watch") || !can("list") {
                continue;
            }
            let kind = resource.response_kind.and_then(|kind| kind.kind).unwrap_or_default();
            let key = KindInUse::new(&api_version, &kind);
            self.preferred.entry((group.to_owned(), kind.clone())).or_insert_with(|| key.clone());
            let api = ApiResource {
                group: group.to_owned(),
                version: name.clone(),
                api_version: api_version.clone(),
                kind,
                plural: resource.resource.unwrap_or_default(),
            };
            let namespaced = resource.scope.as_deref() == Some("Namespaced");
            self.by_version.insert(key, Resource { api, namespaced });
        }
    }

    /// Whether the group's server did not say what it serves.
    pub fn is_stale(&self, group: &str) -> bool {
        self.stale.contains(group)
    }

    pub fn is_empty(&self) -> bool {
        self.by_version.is_empty()
    }

    pub fn get(&self, kind: &KindInUse) -> Option<&Resource> {
        self.by_version.get(kind)
    }

    /// Whatever version of the kind the server likes best.
    pub fn preferred(&self, group: &str, kind: &str) -> Option<&Resource> {
        self.by_version.get(self.preferred.get(&(group.to_owned(), kind.to_owned()))?)
    }

    /// All kinds, as [`deployments::ObjectKey::group_kind`] writes them.
    pub fn group_kinds(&self) -> Arc<BTreeSet<String>> {
        Arc::clone(&self.served)
    }

    /// Those that have no namespace.
    pub fn cluster_scoped(&self) -> Arc<BTreeSet<String>> {
        Arc::clone(&self.cluster_scoped)
    }

    fn without_namespace(&self) -> BTreeSet<String> {
        let scoped = self.preferred.iter().filter(|(_, kind)| {
            self.by_version.get(kind).is_some_and(|resource| !resource.namespaced)
        });
        scoped.map(|(names, _)| named(names)).collect()
    }
}

fn named((group, kind): &(String, String)) -> String {
    if group.is_empty() { kind.clone() } else { format!("{group}/{kind}") }
}
