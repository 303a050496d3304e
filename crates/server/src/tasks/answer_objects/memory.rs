//! What each object that is answered was when it was looked at last.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployments::Wait;
use deployments::windows::{Kind, Shown};
use ledger::{ApplicationName, Sequence};
use serde_json::Value;

use super::Hand;
use crate::renderings::Rendering;
use crate::targets::TargetVersion;

/// By cluster, kind and name.
#[derive(Default)]
pub struct Answered(Mutex<BTreeMap<Key, Memory>>);

type Key = (String, Kind, String);

/// What is remembered of one object.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// What the last look depended on.
    pub looked: Option<Look>,
    /// What was written last.
    pub shown: Option<Shown>,
    /// The request that was taken up and that the object may still ask for.
    pub taken: Option<Value>,
    /// Who else writes the object's status.
    pub other_writer: Option<String>,
}

/// What a look depends on; when it is the same, the answer is the same.
#[derive(Clone)]
pub(super) struct Look {
    version: Value,
    /// The spec of the source that it names.
    source: Option<Value>,
    rendering: Option<Arc<Rendering>>,
    newest_fact: Option<Sequence>,
    target: TargetVersion,
    target_is_seen: bool,
    waits: Option<Vec<Wait>>,
}

impl PartialEq for Look {
    fn eq(&self, other: &Self) -> bool {
        self.version == other.version
            && self.source == other.source
            && self.rendering.as_ref().map(Arc::as_ptr) == other.rendering.as_ref().map(Arc::as_ptr)
            && self.newest_fact == other.newest_fact
            && self.target == other.target
            && self.target_is_seen == other.target_is_seen
            && self.waits == other.waits
    }
}

impl Look {
    /// Before the look itself: what changes during it is looked at again.
    pub fn of(hand: &Hand<'_>, application: Option<&ApplicationName>) -> Self {
        let (server, object) = (hand.server, hand.object);
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
            source: hand.source().map(|source| source["spec"].clone()),
            newest_fact,
            target: target.unwrap_or_default(),
            target_is_seen: place.zip(application).is_some_and(|(place, name)| place.is_seen(name)),
            waits: under_way.map(|one| one.waits),
            rendering: rendering.clone(),
        }
    }
}

impl Answered {
    /// The objects that another program writes, as cluster, kind, name and program.
    #[must_use]
    pub fn other_writers(&self) -> Vec<(String, Kind, String, String)> {
        let kept = self.lock();
        let writers = kept.iter().filter_map(|((cluster, kind, name), memory)| {
            Some((cluster.clone(), *kind, name.clone(), memory.other_writer.clone()?))
        });
        writers.collect()
    }

    /// Whether the answer is the same. What sources stand for is in no application, and is cheap.
    pub(super) fn is_same(&self, hand: &Hand<'_>, look: &Look) -> bool {
        let (kept, kind) = (self.lock(), hand.windows.kind);
        let known = kept.get(&key(hand)).and_then(|memory| memory.looked.as_ref());
        (kind == Kind::Application || kind.may_hold()) && known == Some(look)
    }

    pub(super) fn of(&self, hand: &Hand<'_>) -> Memory {
        self.lock().get(&key(hand)).cloned().unwrap_or_default()
    }

    pub(super) fn keep(&self, hand: &Hand<'_>, memory: Memory) {
        self.lock().insert(key(hand), memory);
    }

    /// Forgets the objects of a cluster and kind that are gone.
    pub(super) fn keep_only(&self, cluster: &str, kind: Kind, objects: &[Arc<Value>]) {
        let names: BTreeSet<&str> =
            objects.iter().filter_map(|one| one["metadata"]["name"].as_str()).collect();
        self.lock().retain(|(of, its, name), _| {
            of != cluster || *its != kind || names.contains(name.as_str())
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, Memory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(hand: &Hand<'_>) -> Key {
    (hand.known.name.clone(), hand.windows.kind, hand.name().to_owned())
}
