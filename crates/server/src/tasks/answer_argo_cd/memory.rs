//! What each `Application` object was when it was looked at last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployments::Wait;
use deployments::argo_cd::Shown;
use ledger::{ApplicationName, Sequence};
use serde_json::Value;

use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::TargetVersion;

/// By cluster and name.
#[derive(Default)]
pub struct Answered(Mutex<BTreeMap<(String, String), Memory>>);

/// What is remembered of one object.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// What the last look depended on.
    pub looked: Option<Look>,
    /// What was written last.
    pub shown: Option<Shown>,
    /// The operation that was taken and that the object may still ask for.
    pub taken: Option<Value>,
    /// Who else writes the object's status.
    pub other_writer: Option<String>,
}

/// What a look depends on; when it is the same, the answer is the same.
#[derive(Clone)]
pub(super) struct Look {
    version: Value,
    rendering: Option<Arc<Rendering>>,
    newest_fact: Option<Sequence>,
    target: TargetVersion,
    target_is_seen: bool,
    waits: Option<Vec<Wait>>,
}

impl PartialEq for Look {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
            && self.rendering.as_ref().map(Arc::as_ptr) == other.rendering.as_ref().map(Arc::as_ptr)
            && self.newest_fact == other.newest_fact
            && self.target == other.target
            && self.target_is_seen == other.target_is_seen
            && self.waits == other.waits
    }
}

impl Look {
    /// Before the look itself: what changes during it is looked at again.
    pub fn of(server: &Server, object: &Value, application: Option<&ApplicationName>) -> Self {
        let rendering = application.and_then(|name| server.renderings.of(name));
        let place = rendering.as_ref().map(|rendering| server.place_of(rendering));
        let newest_fact = application.and_then(|name| {
            let views = server.recorder.views();
            views.deployments.applications.get(name)?.newest
        });
        let target =
            place.as_ref().zip(application).map(|(place, name)| server.version_of(place, name));
        let under_way = application.and_then(|name| server.operations.of(name));
        Self {
            version: object["metadata"]["resourceVersion"].clone(),
            newest_fact,
            target: target.unwrap_or_default(),
            target_is_seen: place.zip(application).is_some_and(|(place, name)| place.is_seen(name)),
            waits: under_way.map(|one| one.waits),
            rendering: rendering.clone(),
        }
    }
}

impl Answered {
    /// The objects that another program writes, as cluster, name and program.
    #[must_use]
    pub fn other_writers(&self) -> Vec<(String, String, String)> {
        let kept = self.lock();
        let writers = kept.iter().filter_map(|((cluster, name), memory)| {
            Some((cluster.clone(), name.clone(), memory.other_writer.clone()?))
        });
        writers.collect()
    }

    pub(super) fn is_same(&self, cluster: &str, name: &str, look: &Look) -> bool {
        let kept = self.lock();
        let known = kept.get(&(cluster.to_owned(), name.to_owned()));
        known.and_then(|memory| memory.looked.as_ref()) == Some(look)
    }

    pub(super) fn of(&self, cluster: &str, name: &str) -> Memory {
        self.lock().get(&(cluster.to_owned(), name.to_owned())).cloned().unwrap_or_default()
    }

    pub(super) fn keep(&self, cluster: &str, name: &str, memory: Memory) {
        self.lock().insert((cluster.to_owned(), name.to_owned()), memory);
    }

    /// Forgets the objects of a cluster that are gone.
    pub(super) fn keep_only(&self, cluster: &str, objects: &[Arc<Value>]) {
        let names: BTreeSet<&str> =
            objects.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect();
        self.lock().retain(|(of, name), _| of != cluster || names.contains(name.as_str()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
