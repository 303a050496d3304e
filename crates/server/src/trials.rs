//! What clusters say to a proposed change: they are asked about each object that it touches, and keep
//! nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::problem::Reason;
use cluster::{ApplyRefusal, Identity, KindInUse, PutOptions, RequestError};
use deployments::{Application, ObjectKey};
use render::sops::is_encrypted;
use render::{Change, ObjectDifference};
use serde_json::Value;

use crate::clusters::Known;
use crate::state::Server;
use crate::targets::Place;
use crate::tasks::deploy_applications::chain;
use crate::words::{self, ClusterRefuses};

/// So many objects of one change are tried.
const OBJECTS_MAX: usize = 100;
/// So many at once, of one application.
const AT_ONCE: usize = 10;
/// Whoever reads a pull request does not wait longer than this for what a cluster says.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is good for so long: many may look at one pull request.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// So many answers are kept.
const ANSWERS_MAX: usize = 10_000;

/// The objects of an application that a change makes or changes.
pub struct Proposal {
    application: Application,
    manifests: Vec<Value>,
}

/// What clusters said lately, by what they were asked.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<u64, Answer>>);

struct Answer {
    at: Instant,
    /// `None`: it would be taken.
    refusal: Option<String>,
}

/// One object, where it would go and in whose name.
struct Trial<'a> {
    known: &'a Known,
    identity: &'a Identity,
    application: &'a Application,
    manifest: Value,
}

impl Proposal {
    /// What the change makes or changes of an application's manifests.
    pub fn of(
        application: &Application,
        manifests: &[Value],
        differences: &[ObjectDifference],
    ) -> Self {
        let touched: BTreeSet<(&str, &str, &str)> = differences
            .iter()
            .filter(|one| one.change != Change::Deleted)
            .map(|one| (one.kind.as_str(), one.namespace.as_str(), one.name.as_str()))
            .collect();
        let is_touched = |manifest: &&Value| {
            let text = |pointer| manifest.pointer(pointer).and_then(Value::as_str).unwrap_or("");
            touched.contains(&(text("/kind"), text("/metadata/namespace"), text("/metadata/name")))
        };
        Self {
            application: application.clone(),
            manifests: manifests.iter().filter(is_touched).cloned().collect(),
        }
    }
}

impl Server {
    /// What clusters would refuse of a change. Only applications that are deployed already are tried,
    /// where they are and in the name of those that deploy them: a proposed file opens no door.
    pub async fn refusals(self: &Arc<Self>, proposals: Vec<Proposal>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let mut left = OBJECTS_MAX;
        for proposal in proposals {
            let Some(rendering) = self.renderings.of(&proposal.application.name) else { continue };
            let current = &rendering.application;
            let stays = current.destination == proposal.application.destination
                && current.project == proposal.application.project;
            let (Place::Cluster(known), Ok(identity)) =
                (self.place_of(&rendering), rendering.identity())
            else {
                continue;
            };
            if !stays || !known.cluster.reachability().is_reachable() {
                continue;
            }
            // Nothing is decrypted for a proposal, whoever wrote it.
            let readable = proposal.manifests.into_iter().filter(|one| !is_encrypted(one));
            let trials = readable.take(left).map(|manifest| Trial {
                known: &known,
                identity: &identity,
                application: &proposal.application,
                manifest,
            });
            let trials: Vec<Trial<'_>> = trials.collect();
            left -= trials.len();
            // A cluster that is slow to answer keeps nobody from reading the rest.
            let tried = tokio::time::timeout(PATIENCE, self.tried(&trials)).await;
            reasons.extend(tried.unwrap_or_default());
        }
        reasons
    }

    async fn tried(&self, trials: &[Trial<'_>]) -> Vec<Reason> {
        let mut reasons = Vec::new();
        for some in trials.chunks(AT_ONCE) {
            let mut asking = Vec::new();
            for trial in some {
                asking.push(self.trials.answer(trial));
            }
            let answers = futures::future::join_all(asking).await;
            for (trial, refusal) in some.iter().zip(answers) {
                reasons.extend(refusal.map(|refusal| {
                    words::reason(&ClusterRefuses {
                        cluster: &trial.known.name,
                        application: &trial.application.name,
                        refusal: &refusal,
                    })
                }));
            }
        }
        reasons
    }
}

impl Answers {
    async fn answer(&self, trial: &Trial<'_>) -> Option<String> {
        let key = trial.key();
        if let Some(known) = self.lock().get(&key).filter(|known| known.at.elapsed() < GOOD_FOR) {
            return known.refusal.clone();
        }
        let refusal = trial.ask().await;
        let mut known = self.lock();
        if known.len() >= ANSWERS_MAX {
            known.retain(|_, answer| answer.at.elapsed() < GOOD_FOR);
        }
        if known.len() < ANSWERS_MAX {
            known.insert(key, Answer { at: Instant::now(), refusal: refusal.clone() });
        }
        refusal
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trial<'_> {
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.known.name, self.identity, &self.application.name).hash(&mut hasher);
        self.manifest.to_string().hash(&mut hasher);
        hasher.finish()
    }

    /// What stands in the way; `None`: nothing, as far as the cluster can tell before the rest of the
    /// change is there.
    async fn ask(&self) -> Option<String> {
        let mut manifest = self.manifest.clone();
        let namespaced = KindInUse::of(&manifest)
            .and_then(|kind| self.known.cluster.is_namespaced(&kind))
            .unwrap_or(false);
        let destination = &self.application.destination.namespace;
        let names_one = manifest.pointer("/metadata/namespace").is_some_and(Value::is_string);
        if namespaced && !names_one {
            manifest["metadata"]["namespace"] = destination.as_str().into();
        }
        let key = ObjectKey::of(&manifest, destination)?;
        let options = PutOptions {
            take_fields: true,
            allow_unknown_fields: !self.application.sync.options.validate,
            ignored: self.application.ignored_fields(&key),
            ..PutOptions::default()
        };
        match self.known.cluster.would_take(self.identity, &manifest, options).await {
            // A namespace or a definition that is missing may come with the change.
            Ok(())
            | Err(
                ApplyRefusal::UnknownKind { .. }
                | ApplyRefusal::Request { source: RequestError::NotFound { .. }, .. },
            ) => None,
            Err(refusal) => Some(chain(&refusal)),
        }
    }
}
