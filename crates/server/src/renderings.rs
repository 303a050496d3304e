//! The newest rendering of each application, with what it was rendered from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cluster::Identity;
use git_store::{EntryKind, TreeReader};
use ledger::{ApplicationName, CommitId, ObjectId, RepositoryName, Timestamp};
use repositories::secrets::{SecretName, SecretRecord};
use serde_json::Value;
use tokio::sync::watch;

use deployments::project::{ProjectRefusal, Scope, ServiceAccount};
use deployments::{Application, Customizations, Health};

use crate::sources::Standing;

/// A larger file is as if it were not there: no renderer takes it.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Renderings by application. Derived: a start renders again what is not here.
pub struct Renderings {
    kept: Mutex<Kept>,
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Kept {
    by_application: BTreeMap<ApplicationName, Arc<Rendering>>,
    /// How often one was kept or forgotten.
    changes: u64,
    /// The newest change of each application, and whose each was.
    newest_change: BTreeMap<ApplicationName, u64>,
    by_change: BTreeMap<u64, ApplicationName>,
}

/// What an application renders to.
#[derive(Debug)]
pub struct Rendering {
    /// The repository that declares it.
    pub repository: RepositoryName,
    /// The application that asked for it.
    pub application: Application,
    /// What its project permits.
    pub scope: Scope,
    /// How its objects are judged.
    pub customizations: Arc<Customizations>,
    /// The source commit that changed it last.
    pub commit: CommitId,
    /// The manifests as a commit.
    pub rendered_commit: CommitId,
    /// The manifests; what SOPS encrypted is readable here, and nowhere else.
    pub manifests: Arc<Vec<Value>>,
    /// What each of its sources was, in order.
    pub sources: Vec<Read>,
    /// The age keys that there were when SOPS' values were decrypted; `None`: there were no such
    /// values.
    pub keys: Option<BTreeMap<SecretName, SecretRecord>>,
    /// Objects that came more than once.
    pub repeated: Vec<render::Repeated>,
}

impl Rendering {
    /// The health of one of its objects: by the user's script for its kind, else by Boucle's own
    /// checks.
    #[must_use]
    pub fn assess(&self, object: &Value, as_of: Timestamp) -> Option<Health> {
        self.customizations.assess(object, as_of.0.div_euclid(1_000))
    }

    /// In whose name a cluster is asked for anything of the application: there is no way back to
    /// Boucle's own rights when its project has an account for elsewhere only.
    pub fn identity(&self) -> Result<Identity, ProjectRefusal> {
        Ok(match self.scope.service_account()? {
            None => Identity::Own,
            Some(ServiceAccount { namespace, name }) => {
                Identity::ServiceAccount { namespace, name }
            }
        })
    }
}

/// A source as it was read.
#[derive(Debug)]
pub struct Read {
    /// Its repository.
    pub repository: RepositoryName,
    /// The commit.
    pub commit: CommitId,
    /// Every path that was looked at, with the object that stood there.
    pub opened: BTreeMap<String, Option<ObjectId>>,
}

impl Default for Renderings {
    fn default() -> Self {
        let (changes, _) = watch::channel(0);
        Self { kept: Mutex::default(), changes }
    }
}

impl Renderings {
    /// Wakes whoever waits for another rendering; carries no data.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The newest rendering of an application.
    pub fn of(&self, application: &ApplicationName) -> Option<Arc<Rendering>> {
        self.lock().by_application.get(application).cloned()
    }

    /// The newest renderings of all applications.
    pub fn all(&self) -> Vec<Arc<Rendering>> {
        self.lock().by_application.values().cloned().collect()
    }

    /// Keeps a rendering.
    pub fn keep(&self, rendering: Rendering) {
        {
            let mut kept = self.lock();
            kept.changed(&rendering.application.name);
            kept.by_application.insert(rendering.application.name.clone(), Arc::new(rendering));
        }
        self.changes.send_modify(|count| *count += 1);
    }

    /// Forgets an application.
    pub fn forget(&self, application: &ApplicationName) {
        let mut kept = self.lock();
        kept.changed(application);
        kept.by_application.remove(application);
    }

    /// The applications that got another rendering or lost theirs after so many changes, and how many
    /// changes there are now.
    pub fn changed_since(&self, change: u64) -> (Vec<ApplicationName>, u64) {
        let kept = self.lock();
        let changed = kept.by_change.range(change + 1..).map(|(_, name)| name.clone());
        (changed.collect(), kept.changes)
    }

    /// The applications that wait for others: facts of those concern them too.
    pub fn that_look_at_others(&self) -> BTreeSet<ApplicationName> {
        let kept = self.lock();
        let looking = kept.by_application.iter().filter(|(_, rendering)| {
            let application = &rendering.application;
            application.rollout.is_some() || deployments::has_dependencies(application)
        });
        looking.map(|(name, _)| name.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn changed(&mut self, application: &ApplicationName) {
        self.changes += 1;
        if let Some(before) = self.newest_change.insert(application.clone(), self.changes) {
            self.by_change.remove(&before);
        }
        self.by_change.insert(self.changes, application.clone());
    }
}

impl Rendering {
    /// Whether the sources hold, at every path that was looked at, what stood there.
    pub fn is_of(&self, standings: &[Standing]) -> anyhow::Result<bool> {
        if self.sources.len() != standings.len() {
            return Ok(false);
        }
        for (read, standing) in self.sources.iter().zip(standings) {
            if read.repository != standing.repository {
                return Ok(false);
            }
            for (path, object) in &read.opened {
                if object_at(&standing.reader, path)? != *object {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Every path of a repository that was looked at.
    #[must_use]
    pub fn paths_in(&self, repository: &RepositoryName) -> Vec<String> {
        paths_in(&self.sources, repository)
    }
}

/// Every path of a repository that was looked at, each once.
#[must_use]
pub fn paths_in(sources: &[Read], repository: &RepositoryName) -> Vec<String> {
    let own = sources.iter().filter(|read| read.repository == *repository);
    let paths: BTreeSet<&String> = own.flat_map(|read| read.opened.keys()).collect();
    paths.into_iter().cloned().collect()
}

/// What stands at a path that a rendering looked at. One that ends in `/` stands for the names in
/// the folder, for which the folder's whole tree is a safe stand-in.
pub fn object_at(reader: &TreeReader, path: &str) -> anyhow::Result<Option<ObjectId>> {
    Ok(reader.entry(path.trim_end_matches('/'))?.map(|(_, id)| id))
}

/// A commit's files as the renderer reads them: straight from Git objects, links never followed.
pub struct CommitTree<'a>(pub &'a TreeReader);

/// A damaged object reads as absent; the renderer then reports the missing file by name.
impl kustomize::Tree for CommitTree<'_> {
    fn kind(&self, path: &str) -> kustomize::EntryKind {
        match self.0.entry(path) {
            Ok(Some((EntryKind::File | EntryKind::Executable, _))) => kustomize::EntryKind::File,
            Ok(Some((EntryKind::Directory, _))) => kustomize::EntryKind::Directory,
            Ok(Some((EntryKind::Symlink, _))) => kustomize::EntryKind::Symlink,
            Ok(Some((EntryKind::Submodule, _)) | None) | Err(_) => kustomize::EntryKind::Absent,
        }
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.read_up_to(path, FILE_BYTES_MAX).ok().flatten()
    }

    fn list(&self, path: &str) -> Vec<String> {
        let names = self.0.names(path).ok().flatten().unwrap_or_default();
        names.into_iter().map(|(name, _)| name).collect()
    }
}
