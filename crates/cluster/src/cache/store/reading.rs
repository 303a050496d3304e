//! What is read of the objects that are known: by application, never by walking over all.

use std::collections::{BTreeSet, HashSet};

use deployments::{Inventory, LiveObject, ObjectKey};
use ledger::{ApplicationName, Timestamp};
use serde_json::{Value, json};

use crate::{KindInUse, Pod, UnsyncedKind};

use super::{Detail, Entry, Freshness, Kind, Live, Managed, OWNERS_MAX, Store};
use crate::cache::applications::{Application, Changes};
use crate::cache::object::{PodState, Uid, uid_text, unpack};

impl Store {
    /// What is there of an application: its own objects, and what Git asks for whoever made it.
    pub fn inventory(
        &self,
        name: &ApplicationName,
        reachable: bool,
        as_of: Timestamp,
    ) -> Inventory {
        let Some(application) = self.applications.find(name) else {
            let complete = reachable && self.unsynced(None).next().is_none();
            let namespaces = Some(BTreeSet::new());
            return Inventory { as_of, complete, namespaces, objects: Vec::new() };
        };
        let own = application.objects.iter().filter_map(|index| self.entry(*index));
        let mut objects: Vec<Value> = own.map(|entry| self.manifest(entry)).collect();
        let (mut namespaces, mut seen_all) = (BTreeSet::new(), true);
        for key in &application.wanted {
            if self.has_namespace(&key.namespace) {
                namespaces.insert(key.namespace.clone());
            }
            if self.kind_of(&key.group, &key.kind).is_none() {
                seen_all = false;
            }
            let found = self.find_key(key);
            if let Some(index) = found.filter(|index| !application.objects.contains(index)) {
                objects.extend(self.entry(index).map(|entry| self.manifest(entry)));
            }
        }
        objects.sort_by_cached_key(|object| {
            let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or("");
            let place = ["/kind", "/metadata/namespace", "/metadata/name"].map(text);
            place.map(str::to_owned)
        });
        let objects =
            objects.into_iter().map(|manifest| LiveObject { manifest, applied: None }).collect();
        let complete = reachable && seen_all && self.unsynced(Some(name)).next().is_none();
        Inventory { as_of, complete, namespaces: Some(namespaces), objects }
    }

    /// The objects that say themselves that they are the application's, without what Git only names.
    pub fn tracked(&self, name: &ApplicationName) -> Vec<Value> {
        let Some(application) = self.applications.find(name) else { return Vec::new() };
        let own = application.objects.iter().filter_map(|index| self.entry(*index));
        own.map(|entry| self.manifest(entry)).collect()
    }

    /// What the cluster made of an application's objects (replica sets, pods, jobs), small.
    pub fn children(&self, name: &ApplicationName) -> Vec<Value> {
        let Some(application) = self.applications.find(name) else { return Vec::new() };
        let own = application.objects.iter().filter_map(|index| self.entry(*index));
        let mut level: Vec<Uid> = own.map(|entry| entry.uid).collect();
        let mut found = Vec::new();
        for _ in 0..OWNERS_MAX {
            let below = level.iter().filter_map(|uid| self.children.get(uid)).flatten();
            let below: Vec<&Entry> = below
                .filter_map(|index| self.entry(*index))
                .filter(|entry| !matches!(entry.detail, Detail::Managed(_)))
                .collect();
            if below.is_empty() {
                break;
            }
            level = below.iter().map(|entry| entry.uid).collect();
            found.extend(below.into_iter().map(|entry| self.manifest(entry)));
        }
        found
    }

    /// The pods of an application, each with the object of the application that it is made for.
    pub fn pods(&self, name: &ApplicationName) -> Vec<Pod> {
        let Some(application) = self.applications.find(name) else { return Vec::new() };
        let own = application.objects.iter().filter_map(|index| self.entry(*index));
        let mut level: Vec<(ObjectKey, &Entry)> =
            own.map(|entry| (self.key(entry), entry)).collect();
        let mut found = Vec::new();
        for _ in 0..=OWNERS_MAX {
            found.extend(level.iter().filter_map(|(owner, entry)| {
                let state = match &entry.detail {
                    Detail::Summary(summary) => PodState::of_summary(summary),
                    Detail::Managed(managed) if owner.kind == "Pod" && owner.group.is_empty() => {
                        PodState::of(&unpack(&managed.body))
                    }
                    Detail::Managed(_) | Detail::Nothing => return None,
                };
                let key = self.key(entry);
                Some(Pod { namespace: key.namespace, name: key.name, owner: owner.clone(), state })
            }));
            let below = level.iter().flat_map(|(owner, entry)| {
                let children = self.children.get(&entry.uid).into_iter().flatten();
                let children = children.filter_map(|index| self.entry(*index));
                let children = children.filter(|one| !matches!(one.detail, Detail::Managed(_)));
                children.map(|child| (owner.clone(), child))
            });
            level = below.collect();
        }
        found.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        found
    }

    /// The objects of a namespace that belong to nobody.
    pub fn unclaimed(
        &self,
        namespace: &str,
        is_known: &dyn Fn(&ApplicationName) -> bool,
    ) -> Vec<ObjectKey> {
        let Some(number) = self.namespaces.known(namespace).filter(|_| !namespace.is_empty())
        else {
            return Vec::new();
        };
        let wanted = self.applications.wanted_in(namespace);
        let wanted: HashSet<u32> = wanted.filter_map(|key| self.find_key(key)).collect();
        let has_application = |entry: &Entry| match &entry.detail {
            Detail::Managed(managed) => {
                self.applications.get(managed.application).is_some_and(|one| is_known(&one.name))
            }
            Detail::Nothing | Detail::Summary(_) => false,
        };
        let current = |kind: &&Kind| kind.used && kind.freshness == Freshness::Current;
        let all = self.kinds.iter().filter(current).flat_map(|kind| &kind.objects);
        let all = all.filter_map(|index| Some((*index, self.entry(*index)?)));
        let unclaimed = all.filter(|(index, entry)| {
            entry.namespace == number
                && entry.owner == Uid::default()
                && !wanted.contains(index)
                && !has_application(entry)
        });
        unclaimed.map(|(_, entry)| self.key(entry)).collect()
    }

    fn key(&self, entry: &Entry) -> ObjectKey {
        let api = self.kinds.get(usize::from(entry.kind)).map(|kind| &kind.resource.api);
        ObjectKey {
            group: api.map(|api| api.group.clone()).unwrap_or_default(),
            kind: api.map(|api| api.kind.clone()).unwrap_or_default(),
            namespace: self.namespaces.text(entry.namespace).to_owned(),
            name: entry.name.to_string(),
        }
    }

    /// One object.
    pub fn live(&self, key: &ObjectKey) -> Option<Live> {
        let entry = self.entry(self.find_key(key)?)?;
        let managed = match &entry.detail {
            Detail::Managed(managed) => Some(managed),
            Detail::Nothing | Detail::Summary(_) => None,
        };
        let application = managed.and_then(|one| self.applications.get(one.application));
        Some(Live {
            manifest: self.manifest(entry),
            uid: entry.uid,
            resource_version: entry.resource_version,
            application: application.map(|one| one.name.clone()),
            applied: managed.and_then(|managed| managed.applied),
        })
    }

    /// Remembers what was applied, so that the same is not sent again where only the cluster knows
    /// whether it differs.
    pub fn set_applied(&mut self, key: &ObjectKey, hash: u64) {
        let entry =
            self.find_key(key).and_then(|index| self.entries.get_mut(index as usize)?.as_mut());
        if let Some(Entry { detail: Detail::Managed(managed), .. }) = entry {
            managed.applied = Some(hash);
        }
    }

    /// Whether there is a namespace of this name.
    pub fn has_namespace(&self, name: &str) -> bool {
        let namespace = ObjectKey {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
        };
        self.find_key(&namespace).is_some()
    }

    /// A key may name a namespace for a kind that has none: whoever made it knows no scopes.
    fn find_key(&self, key: &ObjectKey) -> Option<u32> {
        let (id, kind) = self.kind_of(&key.group, &key.kind)?;
        let namespace = if kind.resource.namespaced { key.namespace.as_str() } else { "" };
        self.find(id, self.namespaces.known(namespace)?, &key.name)
    }

    /// The kinds that are not seen as they are now, with the reason; of an application only those
    /// that it is made of, so that one kind holds nobody else.
    pub fn unsynced(&self, of: Option<&ApplicationName>) -> impl Iterator<Item = UnsyncedKind> {
        let application = of.and_then(|name| self.applications.find(name));
        let used = self.kinds.iter().enumerate().filter(|(_, kind)| kind.used);
        used.filter_map(move |(id, kind)| {
            let (is_new, reason) = match &kind.freshness {
                Freshness::Current | Freshness::Absent => return None,
                Freshness::Waiting => (true, "it is read for the first time".to_owned()),
                Freshness::Lagging(reason) => (false, reason.clone()),
            };
            if application.is_some_and(|one| !self.is_made_of(one, id)) {
                return None;
            }
            let api = &kind.resource.api;
            let kind = format!("{}/{}", api.api_version, api.kind);
            Some(UnsyncedKind { kind, is_new, reason })
        })
    }

    /// Whether a kind can hold anything of an application. Namespaces are everybody's.
    fn is_made_of(&self, application: &Application, id: usize) -> bool {
        let Some(kinds) = &application.kinds else { return true };
        let Some(api) = self.kinds.get(id).map(|kind| &kind.resource.api) else { return true };
        let is_named = |one: &KindInUse| one.kind == api.kind && one.group() == api.group;
        let children = kinds.iter().flat_map(KindInUse::children);
        let mut children = children.map(|(version, kind)| KindInUse::new(*version, *kind));
        let objects = application.objects.iter().filter_map(|index| self.entry(*index));
        is_named(&KindInUse::new("v1", "Namespace"))
            || kinds.iter().any(is_named)
            || children.any(|child| is_named(&child))
            || objects.into_iter().any(|entry| usize::from(entry.kind) == id)
    }

    pub fn want(
        &mut self,
        name: &ApplicationName,
        wanted: Vec<ObjectKey>,
        kinds: BTreeSet<KindInUse>,
    ) {
        self.applications.want(name, wanted, kinds);
    }

    pub fn version(&self, name: &ApplicationName) -> u64 {
        self.applications.version(name)
    }

    pub fn newest_change(&self) -> u64 {
        self.applications.newest
    }

    pub fn changes_since(&self, since: u64) -> Changes {
        self.applications.changes_since(since)
    }

    /// All may look different: the cluster can be reached again, or no longer.
    pub fn touch_all(&mut self) {
        self.applications.touch_all();
    }

    /// Takes a generation, or gives the newer one that was seen before.
    pub fn advance(&mut self, name: &ApplicationName, generation: u64) -> Result<(), u64> {
        let Some(application) = self.applications.get_mut(name) else { return Ok(()) };
        if generation < application.generation {
            return Err(application.generation);
        }
        application.generation = generation;
        Ok(())
    }

    /// How many objects are known: managed ones, others.
    pub fn counts(&self) -> (usize, usize) {
        let all = self.entries.iter().flatten();
        let managed = all.clone().filter(|entry| matches!(entry.detail, Detail::Managed(_)));
        let managed = managed.count();
        (managed, all.count() - managed)
    }

    fn manifest(&self, entry: &Entry) -> Value {
        let mut manifest = match &entry.detail {
            Detail::Managed(managed) => full(managed),
            Detail::Nothing => json!({ "metadata": {} }),
            Detail::Summary(summary) => {
                json!({ "metadata": {}, "status": PodState::of_summary(summary).status() })
            }
        };
        if let Some(kind) = self.kinds.get(usize::from(entry.kind)) {
            manifest["apiVersion"] = Value::from(kind.resource.api.api_version.as_str());
            manifest["kind"] = Value::from(kind.resource.api.kind.as_str());
        }
        let metadata = &mut manifest["metadata"];
        metadata["name"] = Value::from(&*entry.name);
        let namespace = self.namespaces.text(entry.namespace);
        if !namespace.is_empty() {
            metadata["namespace"] = namespace.into();
        }
        metadata["uid"] = uid_text(entry.uid).into();
        metadata["resourceVersion"] = entry.resource_version.to_string().into();
        if entry.owner != Uid::default() && metadata.get("ownerReferences").is_none() {
            let owner = self.find_uid(entry.owner).and_then(|index| self.entry(index));
            let kind = owner.and_then(|owner| self.kinds.get(usize::from(owner.kind)));
            metadata["ownerReferences"] = json!([{
                "uid": uid_text(entry.owner),
                "apiVersion": kind.map(|kind| kind.resource.api.api_version.as_str()),
                "kind": kind.map(|kind| kind.resource.api.kind.as_str()),
                "name": owner.map(|owner| &*owner.name),
            }]);
        }
        manifest
    }
}

fn full(managed: &Managed) -> Value {
    let mut manifest = unpack(&managed.body);
    if let Ok(managers) = serde_json::from_str::<Value>(&managed.managers) {
        manifest["metadata"]["managedFields"] = managers;
    }
    manifest
}
