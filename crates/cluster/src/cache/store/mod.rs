//! All objects that are known, in a table without copies of keys.

mod reading;

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use hashbrown::HashTable;
use ledger::ApplicationName;
use serde_json::Value;

use super::applications::{ApplicationId, Applications};
use super::names::{Names, Shared};
use super::object::{Seen, Uid};
use crate::kinds::{KindInUse, Resource};

/// A number for a kind.
pub(crate) type KindId = u16;

/// An owner's owner's owner is a Deployment at the most; cycles must not hang us.
const OWNERS_MAX: usize = 5;

/// Whether a kind is seen as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It was not read yet.
    Waiting,
    /// It is.
    Current,
    /// It is as it was; the reason is a sentence.
    Lagging(String),
    /// The cluster has no such kind, so it has no objects.
    Absent,
}

struct Kind {
    resource: Resource,
    freshness: Freshness,
    /// Whether anybody wants to know of it.
    used: bool,
    session: u32,
    /// Grows with each reading of all objects; what was not seen in it is gone.
    epoch: u32,
    objects: HashSet<u32>,
}

struct Entry {
    kind: KindId,
    namespace: u32,
    name: Box<str>,
    uid: Uid,
    owner: Uid,
    resource_version: u64,
    epoch: u32,
    detail: Detail,
}

enum Detail {
    Nothing,
    Summary(Box<str>),
    Managed(Box<Managed>),
}

struct Managed {
    application: ApplicationId,
    body: Box<[u8]>,
    managers: Arc<str>,
    /// The hash of the manifest that was applied last; forgotten when owners of fields change.
    applied: Option<u64>,
}

/// A live object as the hands need it.
pub(crate) struct Live {
    pub manifest: Value,
    pub uid: Uid,
    pub resource_version: u64,
    pub application: Option<ApplicationName>,
    /// The hash of the manifest that this process applied last, while nobody took a field of it.
    pub applied: Option<u64>,
}

/// The objects of one cluster.
pub(crate) struct Store {
    hasher: RandomState,
    kinds: Vec<Kind>,
    kind_ids: HashMap<(String, String), KindId>,
    namespaces: Names,
    managers: Shared,
    entries: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_key: HashTable<u32>,
    by_uid: HashTable<u32>,
    children: HashMap<Uid, Vec<u32>>,
    pub(super) applications: Applications,
}

impl Store {
    pub fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            kinds: Vec::new(),
            kind_ids: HashMap::new(),
            namespaces: Names::default(),
            managers: Shared::default(),
            entries: Vec::new(),
            free: Vec::new(),
            by_key: HashTable::new(),
            by_uid: HashTable::new(),
            children: HashMap::new(),
            applications: Applications::default(),
        }
    }

    /// The number of a kind; a kind that comes in another version is read anew.
    pub fn kind(&mut self, resource: &Resource) -> KindId {
        let names = (resource.api.group.clone(), resource.api.kind.clone());
        if let Some(id) = self.kind_ids.get(&names) {
            let id = *id;
            if let Some(kind) = self.kinds.get_mut(usize::from(id)) {
                kind.resource = resource.clone();
                kind.used = true;
            }
            return id;
        }
        let id = KindId::try_from(self.kinds.len()).unwrap_or(KindId::MAX);
        self.kinds.push(Kind {
            resource: resource.clone(),
            freshness: Freshness::Waiting,
            used: true,
            session: 0,
            epoch: 0,
            objects: HashSet::new(),
        });
        self.kind_ids.insert(names, id);
        id
    }

    /// Which watch feeds the kind.
    pub fn session(&self, id: KindId) -> u32 {
        self.kinds.get(usize::from(id)).map_or(0, |kind| kind.session)
    }

    /// Another watch feeds the kind from now on, or none.
    pub fn next_session(&mut self, id: KindId) -> u32 {
        let Some(kind) = self.kinds.get_mut(usize::from(id)) else { return 0 };
        kind.session += 1;
        kind.session
    }

    /// Somebody wants to know of a kind that may not have been looked for yet.
    pub fn expect(&mut self, kind: &KindInUse) {
        let unused = match self.kind_of(kind.group(), &kind.kind) {
            Some((_, known)) => !known.used,
            None => true,
        };
        if unused {
            let id = self.kind(&Resource::unserved(kind));
            self.set_freshness(id, Freshness::Waiting);
            self.applications.touch_all();
        }
    }

    fn kind_of(&self, group: &str, kind: &str) -> Option<(KindId, &Kind)> {
        let id = *self.kind_ids.get(&(group.to_owned(), kind.to_owned()))?;
        Some((id, self.kinds.get(usize::from(id))?))
    }

    /// Whether a watch says what becomes of objects of this kind and version.
    pub fn is_watched(&self, group: &str, kind: &str, api_version: &str) -> bool {
        self.kind_of(group, kind).is_some_and(|(_, kind)| {
            kind.resource.api.api_version == api_version
                && matches!(kind.freshness, Freshness::Current | Freshness::Lagging(_))
        })
    }

    pub fn freshness_of(&self, group: &str, kind: &str) -> Option<&Freshness> {
        self.kind_of(group, kind).map(|(_, kind)| &kind.freshness)
    }

    /// Says how well a kind is seen. All applications may look different by it.
    pub fn set_freshness(&mut self, id: KindId, freshness: Freshness) {
        let Some(kind) = self.kinds.get_mut(usize::from(id)) else { return };
        if kind.freshness != freshness {
            kind.freshness = freshness;
            self.applications.touch_all();
        }
    }

    /// Whether objects of this kind belong to an application.
    pub fn has_managed(&self, id: KindId) -> bool {
        let objects = self.kinds.get(usize::from(id)).map(|kind| &kind.objects);
        objects.into_iter().flatten().any(|index| {
            let entry = self.entries.get(*index as usize).and_then(Option::as_ref);
            entry.is_some_and(|entry| matches!(entry.detail, Detail::Managed(_)))
        })
    }

    /// All objects of the kind are read from the beginning.
    pub fn begin(&mut self, id: KindId) {
        if let Some(kind) = self.kinds.get_mut(usize::from(id)) {
            kind.epoch += 1;
        }
    }

    /// All were read: what was not among them is gone.
    pub fn finish(&mut self, id: KindId) {
        let Some(kind) = self.kinds.get(usize::from(id)) else { return };
        let epoch = kind.epoch;
        let gone: Vec<u32> = kind
            .objects
            .iter()
            .copied()
            .filter(|index| self.entry(*index).is_some_and(|entry| entry.epoch != epoch))
            .collect();
        gone.into_iter().for_each(|index| self.remove_entry(index));
        self.set_freshness(id, Freshness::Current);
    }

    /// Forgets all objects of a kind: the cluster has it no longer, or nobody wants to know.
    pub fn clear(&mut self, id: KindId, still_used: bool) {
        let Some(kind) = self.kinds.get_mut(usize::from(id)) else { return };
        kind.used = still_used;
        let gone: Vec<u32> = kind.objects.iter().copied().collect();
        gone.into_iter().for_each(|index| self.remove_entry(index));
    }

    /// Keeps an object, unless a newer version of it is known.
    pub fn put(&mut self, id: KindId, seen: Seen) {
        let namespace = self.namespaces.number(&seen.namespace);
        let known = self.find(id, namespace, &seen.name);
        let Some(kind) = self.kinds.get(usize::from(id)) else { return };
        let epoch = kind.epoch;
        if let Some(index) = known {
            let Some(Some(old)) = self.entries.get_mut(index as usize) else { return };
            old.epoch = epoch;
            let newer = seen.resource_version > old.resource_version;
            // A version that is no number says nothing about the order.
            if newer || seen.resource_version == 0 {
                self.replace(index, seen);
            }
        } else {
            self.insert(id, namespace, epoch, seen);
        }
    }

    fn insert(&mut self, id: KindId, namespace: u32, epoch: u32, seen: Seen) {
        let is_namespace = self.is_namespace(id);
        let touched = is_namespace.then(|| seen.name.clone());
        let detail = self.detail(&seen);
        let entry = Entry {
            kind: id,
            namespace,
            name: seen.name.into(),
            uid: seen.uid,
            owner: seen.owner,
            resource_version: seen.resource_version,
            epoch,
            detail,
        };
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.entries.push(None);
                u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
            }
        };
        let (hash, uid, owner) =
            (self.key_hash(id, namespace, &entry.name), entry.uid, entry.owner);
        if let Some(slot) = self.entries.get_mut(index as usize) {
            *slot = Some(entry);
        }
        let (entries, hasher) = (&self.entries, &self.hasher);
        let rehash = |other: &u32| key_hash_of(hasher, entries, *other);
        self.by_key.insert_unique(hash, index, rehash);
        if let Some(kind) = self.kinds.get_mut(usize::from(id)) {
            kind.objects.insert(index);
        }
        self.link(index, uid, owner);
        self.index_managed(index);
        self.touch_owner(index);
        if let Some(namespace) = touched {
            self.applications.touch_namespace(&namespace);
        }
    }

    fn replace(&mut self, index: u32, seen: Seen) {
        let detail = self.detail(&seen);
        let Some(Some(old)) = self.entries.get_mut(index as usize) else { return };
        let (old_uid, old_owner) = (old.uid, old.owner);
        let before = std::mem::replace(&mut old.detail, detail);
        old.uid = seen.uid;
        old.owner = seen.owner;
        old.resource_version = seen.resource_version;
        let same_place = old_uid == seen.uid && old_owner == seen.owner;
        let same = same_place && before.looks_like(&old.detail);
        if let (Detail::Managed(before), Detail::Managed(after)) = (&before, &mut old.detail)
            && before.managers == after.managers
        {
            after.applied = before.applied;
        }
        if !same_place {
            self.unlink(index, old_uid, old_owner);
            self.link(index, seen.uid, seen.owner);
        }
        if let Detail::Managed(managed) = before {
            self.applications.disown(managed.application, index);
            if !same {
                self.applications.touch(managed.application);
            }
            self.managers.give_back(managed.managers);
        }
        self.index_managed(index);
        if !same {
            self.touch_owner(index);
        }
    }

    /// Forgets an object that is gone, unless a newer one of the same name is known.
    pub fn remove(&mut self, id: KindId, namespace: &str, name: &str, at: u64) {
        let Some(namespace) = self.namespaces.known(namespace) else { return };
        let Some(index) = self.find(id, namespace, name) else { return };
        let newer = self.entry(index).is_some_and(|entry| entry.resource_version > at && at != 0);
        if !newer {
            self.remove_entry(index);
        }
    }

    fn remove_entry(&mut self, index: u32) {
        self.touch_owner(index);
        let Some(entry) = self.entries.get_mut(index as usize).and_then(Option::take) else {
            return;
        };
        let hash = self.key_hash(entry.kind, entry.namespace, &entry.name);
        if let Ok(found) = self.by_key.find_entry(hash, |other| *other == index) {
            found.remove();
        }
        self.unlink(index, entry.uid, entry.owner);
        if let Some(kind) = self.kinds.get_mut(usize::from(entry.kind)) {
            kind.objects.remove(&index);
        }
        if let Detail::Managed(managed) = entry.detail {
            self.applications.disown(managed.application, index);
            self.applications.touch(managed.application);
            self.managers.give_back(managed.managers);
        }
        if self.is_namespace(entry.kind) {
            self.applications.touch_namespace(&entry.name);
        }
        self.free.push(index);
    }

    fn detail(&mut self, seen: &Seen) -> Detail {
        match (&seen.managed, &seen.summary) {
            (Some(managed), _) => Detail::Managed(Box::new(Managed {
                application: self.applications.id(&managed.application),
                body: managed.body.clone(),
                managers: self.managers.get(&managed.managers),
                applied: None,
            })),
            (None, Some(summary)) => Detail::Summary(summary.clone()),
            (None, None) => Detail::Nothing,
        }
    }

    fn index_managed(&mut self, index: u32) {
        if let Some(Detail::Managed(managed)) = self.entry(index).map(|entry| &entry.detail) {
            let application = managed.application;
            self.applications.own(application, index);
        }
    }

    /// The application that the object is part of, by itself or by its owners, looks different.
    fn touch_owner(&mut self, index: u32) {
        let mut at = Some(index);
        for _ in 0..OWNERS_MAX {
            let Some(entry) = at.and_then(|index| self.entry(index)) else { return };
            if let Detail::Managed(managed) = &entry.detail {
                let application = managed.application;
                return self.applications.touch(application);
            }
            at = self.find_uid(entry.owner);
        }
    }

    fn link(&mut self, index: u32, uid: Uid, owner: Uid) {
        let (entries, hasher) = (&self.entries, &self.hasher);
        let rehash = |other: &u32| {
            let entry = entries.get(*other as usize).and_then(Option::as_ref);
            hasher.hash_one(entry.map(|entry| entry.uid).unwrap_or_default())
        };
        self.by_uid.insert_unique(hasher.hash_one(uid), index, rehash);
        if owner != Uid::default() {
            self.children.entry(owner).or_default().push(index);
        }
    }

    fn unlink(&mut self, index: u32, uid: Uid, owner: Uid) {
        let hash = self.hasher.hash_one(uid);
        if let Ok(found) = self.by_uid.find_entry(hash, |other| *other == index) {
            found.remove();
        }
        if let Some(children) = self.children.get_mut(&owner) {
            children.retain(|child| *child != index);
            if children.is_empty() {
                self.children.remove(&owner);
            }
        }
    }

    fn entry(&self, index: u32) -> Option<&Entry> {
        self.entries.get(index as usize)?.as_ref()
    }

    fn find(&self, kind: KindId, namespace: u32, name: &str) -> Option<u32> {
        let hash = self.key_hash(kind, namespace, name);
        let same = |index: &u32| {
            self.entry(*index).is_some_and(|entry| {
                entry.kind == kind && entry.namespace == namespace && *entry.name == *name
            })
        };
        self.by_key.find(hash, same).copied()
    }

    fn find_uid(&self, uid: Uid) -> Option<u32> {
        if uid == Uid::default() {
            return None;
        }
        let same = |index: &u32| self.entry(*index).is_some_and(|entry| entry.uid == uid);
        self.by_uid.find(self.hasher.hash_one(uid), same).copied()
    }

    fn key_hash(&self, kind: KindId, namespace: u32, name: &str) -> u64 {
        self.hasher.hash_one((kind, namespace, name))
    }

    fn is_namespace(&self, id: KindId) -> bool {
        let kind = self.kinds.get(usize::from(id));
        kind.is_some_and(|kind| {
            kind.resource.api.group.is_empty() && kind.resource.api.kind == "Namespace"
        })
    }
}

fn key_hash_of(hasher: &RandomState, entries: &[Option<Entry>], index: u32) -> u64 {
    let entry = entries.get(index as usize).and_then(Option::as_ref);
    entry.map_or(0, |entry| hasher.hash_one((entry.kind, entry.namespace, &*entry.name)))
}

impl Detail {
    fn looks_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Summary(one), Self::Summary(other)) => one == other,
            (Self::Managed(one), Self::Managed(other)) => {
                one.application == other.application
                    && one.body == other.body
                    && one.managers == other.managers
            }
            (Self::Nothing | Self::Summary(_) | Self::Managed(_), _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_manages_is_small() {
        // Its name (80 bytes are long) and, for each of four tables at their emptiest, a number
        // twice, and a list of children of its own with room for four.
        let tables = 4 * 2 * size_of::<u32>() + size_of::<(Uid, Vec<u32>)>();
        assert!(size_of::<Option<Entry>>() + 80 + tables <= 256);
    }
}
