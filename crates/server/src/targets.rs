//! What runs an application, looked at alike whatever it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployments::{ClusterFacts, Inventory, LiveObject, Target};
use ledger::{ApplicationName, Timestamp};
use serde_json::Value;

use crate::clusters::Known;
use crate::renderings::Rendering;
use crate::state::Server;

/// The kinds that local processes run, as `deployments::ObjectKey::group_kind` writes them.
const PROCESS_KINDS: [&str; 6] =
    ["apps/Deployment", "batch/Job", "ConfigMap", "Secret", "Service", "networking.k8s.io/Ingress"];

/// What runs an application.
#[derive(Clone)]
pub enum Place {
    /// This machine.
    Processes,
    /// A cluster.
    Cluster(Arc<Known>),
    /// The file names a cluster that this server does not know.
    Nowhere,
}

/// What an application looked like: which opening of its target, and the version there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TargetVersion(pub u64, pub u64);

/// What is there of an application.
#[derive(Default)]
pub struct Observation {
    /// Its objects with what the target made of them, pods for example.
    pub objects: Vec<Value>,
    /// What a plan may rely on; `None`: the target cannot be seen.
    pub inventory: Option<Inventory>,
}

impl Server {
    /// What runs an application.
    pub fn place_of(&self, rendering: &Rendering) -> Place {
        match &rendering.application.destination.target {
            Target::Processes => Place::Processes,
            Target::Cluster { address } => {
                let found = self.clusters.find(&rendering.repository, address);
                found.map_or(Place::Nowhere, Place::Cluster)
            }
        }
    }

    /// The objects of an application as they are now, with what was made of them.
    pub fn live_objects(&self, application: &ApplicationName) -> Vec<Value> {
        let Some(rendering) = self.renderings.of(application) else { return Vec::new() };
        self.observe(&self.place_of(&rendering), application, self.clock.now()).objects
    }

    /// The objects on a cluster that are the application's, with what was made of them: none that Git
    /// only names.
    pub fn own_objects(&self, application: &ApplicationName) -> Vec<Value> {
        let Some(rendering) = self.renderings.of(application) else { return Vec::new() };
        match self.place_of(&rendering) {
            Place::Cluster(known) => known.cluster.own_objects(application),
            Place::Processes | Place::Nowhere => Vec::new(),
        }
    }

    /// What is there of an application.
    pub fn observe(
        &self,
        place: &Place,
        application: &ApplicationName,
        as_of: Timestamp,
    ) -> Observation {
        match place {
            Place::Processes => {
                let objects = self.engine.observe(application).objects;
                let own = objects.iter().filter(|object| object["kind"] != "Pod");
                let live = own.map(|object| LiveObject { manifest: object.clone(), applied: None });
                let inventory =
                    Inventory { as_of, complete: true, namespaces: None, objects: live.collect() };
                Observation { objects, inventory: Some(inventory) }
            }
            Place::Cluster(known) => {
                let inventory = known.cluster.inventory(application);
                let own = inventory.objects.iter().map(|object| object.manifest.clone());
                let objects = own.chain(known.cluster.children(application)).collect();
                Observation { objects, inventory: Some(inventory) }
            }
            Place::Nowhere => Observation { objects: Vec::new(), inventory: None },
        }
    }

    /// Changes whenever the application may look different.
    pub fn version_of(&self, place: &Place, application: &ApplicationName) -> TargetVersion {
        match place {
            Place::Processes => TargetVersion(0, self.engine.version(application)),
            Place::Cluster(known) => known.version(application),
            Place::Nowhere => TargetVersion::default(),
        }
    }
}

impl Place {
    /// Why an application cannot be seen as it is there; `None`: it can.
    pub fn problem(&self, application: &ApplicationName) -> Option<String> {
        match self {
            Self::Cluster(known) => known.problem_of(application),
            Self::Processes | Self::Nowhere => None,
        }
    }

    /// Whether everything of an application can be seen as it is.
    pub fn is_seen(&self, application: &ApplicationName) -> bool {
        match self {
            Self::Cluster(known) => {
                !known.is_being_read(application) && known.problem_of(application).is_none()
            }
            Self::Processes => true,
            Self::Nowhere => false,
        }
    }

    /// The kinds that it runs, as `deployments::ObjectKey::group_kind` writes them.
    pub fn kinds(&self) -> Arc<BTreeSet<String>> {
        match self {
            Self::Processes => Arc::new(PROCESS_KINDS.iter().map(ToString::to_string).collect()),
            Self::Cluster(known) => known.cluster.served_kinds(),
            Self::Nowhere => Default::default(),
        }
    }

    /// What a plan must know of it besides.
    pub fn cluster_facts(&self) -> Option<ClusterFacts> {
        match self {
            Self::Cluster(known) => {
                Some(ClusterFacts { cluster_scoped: known.cluster.cluster_scoped_kinds() })
            }
            Self::Processes | Self::Nowhere => None,
        }
    }

    /// What its own reading finds wrong with manifests of kinds that it runs.
    pub fn problems(
        &self,
        manifests: &[Value],
        namespace: &str,
    ) -> Vec<(deployments::ObjectKey, String)> {
        // A cluster says so itself when it is asked.
        let Self::Processes = self else { return Vec::new() };
        let problem = |manifest| {
            let problem = workloads::supported(manifest).err()?;
            let key = deployments::ObjectKey::of(manifest, namespace)?;
            let known = PROCESS_KINDS.contains(&key.group_kind().as_str());
            known.then(|| (key, problem.to_string()))
        };
        manifests.iter().filter_map(problem).collect()
    }
}
