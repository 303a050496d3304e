//! Which objects are whose, and which applications look different since when.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use deployments::ObjectKey;
use ledger::ApplicationName;

use crate::kinds::KindInUse;

/// A number for an application.
pub(crate) type ApplicationId = u32;

/// What changed since somebody asked last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// What to ask with next time.
    pub upto: u64,
    /// Whether all applications may look different: a kind came into sync, or fell out of it.
    pub all: bool,
    /// Those that look different by themselves.
    pub applications: BTreeSet<ApplicationName>,
}

/// One application.
#[derive(Debug)]
pub(super) struct Application {
    pub name: ApplicationName,
    /// The change after which it looks as it does.
    pub changed_at: u64,
    /// The newest generation that was applied by this process.
    pub generation: u64,
    /// Its objects.
    pub objects: HashSet<u32>,
    /// What Git asks for, whoever made it.
    pub wanted: Vec<ObjectKey>,
    /// The kinds that it is made of; `None`: nobody has said, so any may be.
    pub kinds: Option<BTreeSet<KindInUse>>,
}

/// All applications, and the order in which they changed.
#[derive(Debug, Default)]
pub(super) struct Applications {
    all: Vec<Application>,
    ids: HashMap<ApplicationName, ApplicationId>,
    by_change: BTreeMap<u64, ApplicationId>,
    by_namespace: HashMap<String, BTreeSet<ApplicationId>>,
    /// The newest change of any.
    pub newest: u64,
    /// The newest change of all at once.
    pub everything: u64,
}

impl Applications {
    pub fn id(&mut self, name: &ApplicationName) -> ApplicationId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = ApplicationId::try_from(self.all.len()).unwrap_or(ApplicationId::MAX);
        self.all.push(Application {
            name: name.clone(),
            changed_at: 0,
            generation: 0,
            objects: HashSet::new(),
            wanted: Vec::new(),
            kinds: None,
        });
        self.ids.insert(name.clone(), id);
        id
    }

    pub fn find(&self, name: &ApplicationName) -> Option<&Application> {
        self.ids.get(name).and_then(|id| self.all.get(*id as usize))
    }

    pub fn get(&self, id: ApplicationId) -> Option<&Application> {
        self.all.get(id as usize)
    }

    pub fn get_mut(&mut self, name: &ApplicationName) -> Option<&mut Application> {
        let id = self.id(name);
        self.all.get_mut(id as usize)
    }

    pub fn own(&mut self, id: ApplicationId, object: u32) {
        if let Some(application) = self.all.get_mut(id as usize) {
            application.objects.insert(object);
        }
    }

    pub fn disown(&mut self, id: ApplicationId, object: u32) {
        if let Some(application) = self.all.get_mut(id as usize) {
            application.objects.remove(&object);
        }
    }

    /// Says what Git asks for; empty: nothing any more.
    pub fn want(
        &mut self,
        name: &ApplicationName,
        wanted: Vec<ObjectKey>,
        kinds: BTreeSet<KindInUse>,
    ) {
        let id = self.id(name);
        let Some(application) = self.all.get_mut(id as usize) else { return };
        for key in &application.wanted {
            if let Some(users) = self.by_namespace.get_mut(&key.namespace) {
                users.remove(&id);
            }
        }
        for key in &wanted {
            self.by_namespace.entry(key.namespace.clone()).or_default().insert(id);
        }
        application.wanted = wanted;
        application.kinds = Some(kinds);
        self.by_namespace.retain(|_, users| !users.is_empty());
    }

    /// What Git asks for in a namespace, of all applications.
    pub fn wanted_in(&self, namespace: &str) -> impl Iterator<Item = &ObjectKey> {
        let users = self.by_namespace.get(namespace).into_iter().flatten();
        let wanted = users.filter_map(|id| self.get(*id)).flat_map(|one| &one.wanted);
        wanted.filter(move |key| key.namespace == namespace)
    }

    /// One application looks different now.
    pub fn touch(&mut self, id: ApplicationId) {
        self.newest += 1;
        if let Some(application) = self.all.get_mut(id as usize) {
            self.by_change.remove(&application.changed_at);
            application.changed_at = self.newest;
            self.by_change.insert(self.newest, id);
        }
    }

    /// A namespace came or went: those that want something in it look different.
    pub fn touch_namespace(&mut self, namespace: &str) {
        let users = self.by_namespace.get(namespace).cloned().unwrap_or_default();
        users.into_iter().for_each(|id| self.touch(id));
    }

    /// All may look different now.
    pub fn touch_all(&mut self) {
        self.newest += 1;
        self.everything = self.newest;
    }

    pub fn version(&self, name: &ApplicationName) -> u64 {
        self.find(name).map_or(0, |one| one.changed_at).max(self.everything)
    }

    pub fn changes_since(&self, since: u64) -> Changes {
        let changed = self.by_change.range(since.saturating_add(1)..);
        Changes {
            upto: self.newest,
            all: self.everything > since,
            applications: changed.filter_map(|(_, id)| Some(self.get(*id)?.name.clone())).collect(),
        }
    }
}
