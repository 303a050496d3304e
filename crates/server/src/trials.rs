//! What clusters say to a proposed change: they are asked about each object that it touches, and keep
//! nothing of it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::problem::Reason;
use cluster::{ApplyRefusal, Identity, KindInUse, PutOptions, RequestError};
use deployments::ownership::prepared;
use deployments::{Application, ObjectKey, live_change, owner, tracked};
use futures::StreamExt as _;
use ledger::{ApplicationName, RepositoryName};
use render::sops::is_encrypted;
use render::{Change, ObjectDifference};
use serde_json::Value;

use crate::clusters::Known;
use crate::state::Server;
use crate::targets::Place;
use crate::tasks::deploy_applications::chain;
use crate::words::{self, ClusterRefuses, NotTried, WhyNotTried};

/// So many objects of one change are tried.
const OBJECTS_MAX: usize = 100;
/// So many at once, of one cluster.
const AT_ONCE: usize = 10;
/// Whoever reads a pull request does not wait longer than this for what clusters say.
const PATIENCE: Duration = Duration::from_secs(5);
/// An answer is good for so long: many may look at one pull request.
const GOOD_FOR: Duration = Duration::from_secs(60);
/// So many answers are kept.
const ANSWERS_MAX: usize = 1_000;

/// The objects of an application that a change makes or changes.
pub struct Proposal {
    application: Application,
    objects: Vec<Proposed>,
}

struct Proposed {
    manifest: Value,
    /// What changes of it in Git.
    difference: ObjectDifference,
}

/// What clusters say to a change.
#[derive(Default)]
pub struct Tried {
    /// What they would refuse, and what could not be asked.
    pub reasons: Vec<Reason>,
    /// What would change of an object where it runs, as unified text, where that is something else than
    /// what changes of it in Git; empty when nothing would.
    pub live: Vec<(ApplicationName, ObjectName, String)>,
}

/// What a manifest is called in Git.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectName {
    /// `kind`.
    pub kind: String,
    /// `metadata.namespace`; empty when there is none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
}

/// What clusters said lately, by what they were asked.
#[derive(Default)]
pub struct Answers(Mutex<BTreeMap<u64, Answer>>);

struct Answer {
    at: Instant,
    verdict: Verdict,
}

/// What a cluster says to one object.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// It would not take it, with its words.
    Refused(String),
    /// It would take it. The unified text of what would change there, if the object is this
    /// application's or new: of nobody else's it is told.
    Taken(Option<String>),
    /// It cannot tell before the rest of the change is there: a namespace, a definition.
    Unknown,
    /// It did not answer.
    Silent,
}

/// One object, where it would go and in whose name.
struct Trial {
    known: Arc<Known>,
    identity: Identity,
    application: Arc<Application>,
    proposed: Proposed,
}

impl Proposal {
    /// What the change makes or changes of an application's manifests.
    pub fn of(
        application: &Application,
        manifests: &[Value],
        differences: &[ObjectDifference],
    ) -> Self {
        let touched: BTreeMap<ObjectName, &ObjectDifference> = differences
            .iter()
            .filter(|one| one.change != Change::Deleted)
            .map(|one| (ObjectName::of(one), one))
            .collect();
        let objects = manifests.iter().filter_map(|manifest| {
            let text = |pointer| manifest.pointer(pointer).and_then(Value::as_str);
            let text = |pointer| text(pointer).unwrap_or_default().to_owned();
            let name = ObjectName {
                kind: text("/kind"),
                namespace: text("/metadata/namespace"),
                name: text("/metadata/name"),
            };
            let difference = (*touched.get(&name)?).clone();
            Some(Proposed { manifest: manifest.clone(), difference })
        });
        Self { application: application.clone(), objects: objects.collect() }
    }
}

impl ObjectName {
    /// The name of an object that differs.
    pub fn of(difference: &ObjectDifference) -> Self {
        let ObjectDifference { kind, namespace, name, .. } = difference;
        Self { kind: kind.clone(), namespace: namespace.clone(), name: name.clone() }
    }
}

impl Server {
    /// What clusters say to a change. Only applications that are deployed already are tried, where they
    /// are and in the name of those that deploy them: a proposed file opens no door.
    pub async fn tried(
        self: &Arc<Self>,
        repository: &RepositoryName,
        proposals: Vec<Proposal>,
    ) -> Tried {
        let mut tried = Tried::default();
        let mut trials: BTreeMap<String, Vec<Trial>> = BTreeMap::new();
        let (mut left, mut too_many) = (OBJECTS_MAX, 0);
        for Proposal { application, objects } in proposals {
            let Some(rendering) = self.renderings.of(&application.name) else { continue };
            let current = &rendering.application;
            // Another repository may have an application of this name: it is none of the proposal's.
            let stays = rendering.repository == *repository
                && current.destination == application.destination
                && current.project == application.project;
            let (Place::Cluster(known), Ok(identity), true) =
                (self.place_of(&rendering), rendering.identity(), stays)
            else {
                continue;
            };
            // Nothing is decrypted for a proposal, whoever wrote it.
            let readable = objects.into_iter().filter(|one| !is_encrypted(&one.manifest));
            let application = Arc::new(application);
            let mut readable: Vec<Proposed> = readable.collect();
            too_many += readable.len().saturating_sub(left);
            readable.truncate(left);
            left -= readable.len();
            let some = readable.into_iter().map(|proposed| Trial {
                known: Arc::clone(&known),
                identity: identity.clone(),
                application: Arc::clone(&application),
                proposed,
            });
            trials.entry(known.name.clone()).or_default().extend(some);
        }
        let asked = trials.into_iter().map(|(cluster, trials)| self.ask(cluster, trials));
        for one in futures::future::join_all(asked).await {
            tried.reasons.extend(one.reasons);
            tried.live.extend(one.live);
        }
        if too_many > 0 {
            let why = WhyNotTried::TooMany { limit: OBJECTS_MAX };
            tried.reasons.push(words::reason(&NotTried { objects: too_many, why }));
        }
        tried
    }

    /// Asks one cluster. One that is slow to answer keeps nobody from reading the rest.
    async fn ask(&self, cluster: String, trials: Vec<Trial>) -> Tried {
        let not_tried = |objects, why| words::reason(&NotTried { objects, why });
        let mut tried = Tried::default();
        let Some(first) = trials.first() else { return tried };
        if !first.known.cluster.reachability().is_reachable() {
            let why = WhyNotTried::Silent { cluster: &cluster };
            tried.reasons.push(not_tried(trials.len(), why));
            return tried;
        }
        let (deadline, mut silent) = (tokio::time::Instant::now() + PATIENCE, 0);
        let mut waiting: BTreeSet<usize> = (0..trials.len()).collect();
        let mut refused = BTreeMap::new();
        let mut asking = Vec::new();
        for (index, trial) in trials.iter().enumerate() {
            asking.push(async move { (index, self.trials.answer(trial).await) });
        }
        let mut answers = futures::stream::iter(asking).buffer_unordered(AT_ONCE);
        while let Ok(Some((index, verdict))) =
            tokio::time::timeout_at(deadline, answers.next()).await
        {
            waiting.remove(&index);
            let trial = &trials[index];
            let application = &trial.application.name;
            match verdict {
                Verdict::Refused(refusal) => {
                    let (cluster, refusal) = (cluster.as_str(), &refusal);
                    let refuses = ClusterRefuses { cluster, application, refusal };
                    refused.insert(index, words::reason(&refuses));
                }
                Verdict::Taken(Some(live)) => {
                    let difference = &trial.proposed.difference;
                    if changed_lines(&live) != changed_lines(&difference.text) {
                        let object = ObjectName::of(difference);
                        tried.live.push((application.clone(), object, live));
                    }
                }
                Verdict::Taken(None) | Verdict::Unknown => {}
                Verdict::Silent => silent += 1,
            }
        }
        tried.reasons.extend(refused.into_values());
        if silent > 0 {
            tried.reasons.push(not_tried(silent, WhyNotTried::Silent { cluster: &cluster }));
        }
        if !waiting.is_empty() {
            let why = WhyNotTried::Slow { cluster: &cluster, patience_s: PATIENCE.as_secs() };
            tried.reasons.push(not_tried(waiting.len(), why));
        }
        tried
    }
}

/// The lines of a unified text that come and go, whatever their depth, in one order.
fn changed_lines(unified: &str) -> Vec<(char, &str)> {
    // Two lines name both sides.
    let changed = unified.lines().skip(2).filter_map(|line| {
        let sign = line.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
        Some((sign, line[1..].trim_start_matches([' ', '-'])))
    });
    let mut changed: Vec<_> = changed.collect();
    changed.sort_unstable();
    changed
}

impl Answers {
    async fn answer(&self, trial: &Trial) -> Verdict {
        let key = trial.key();
        if let Some(known) = self.lock().get(&key).filter(|known| known.at.elapsed() < GOOD_FOR) {
            return known.verdict.clone();
        }
        let verdict = trial.ask().await;
        if verdict == Verdict::Silent {
            return verdict;
        }
        let mut known = self.lock();
        if known.len() >= ANSWERS_MAX {
            known.retain(|_, answer| answer.at.elapsed() < GOOD_FOR);
        }
        if known.len() < ANSWERS_MAX {
            known.insert(key, Answer { at: Instant::now(), verdict: verdict.clone() });
        }
        verdict
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trial {
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&self.known.name, &self.identity, &self.application.name).hash(&mut hasher);
        // How it would be written is part of the question.
        format!("{:?}", self.application.sync).hash(&mut hasher);
        format!("{:?}", self.application.ignore_differences).hash(&mut hasher);
        self.proposed.manifest.to_string().hash(&mut hasher);
        hasher.finish()
    }

    /// What the cluster says, as far as it can tell before the rest of the change is there.
    async fn ask(&self) -> Verdict {
        let mut manifest = self.proposed.manifest.clone();
        let cluster = &self.known.cluster;
        let namespaced =
            KindInUse::of(&manifest).and_then(|kind| cluster.is_namespaced(&kind)).unwrap_or(false);
        let destination = &self.application.destination.namespace;
        let names_one = manifest.pointer("/metadata/namespace").is_some_and(Value::is_string);
        if namespaced && !names_one {
            manifest["metadata"]["namespace"] = destination.as_str().into();
        }
        let Some(key) = ObjectKey::of(&manifest, destination) else { return Verdict::Unknown };
        let name = self.application.name.as_str();
        let manifest = tracked(&manifest, &key, name);
        let options = PutOptions {
            take_fields: true,
            allow_unknown_fields: !self.application.sync.options.validate,
            ignored: self.application.ignored_fields(&key),
            ..PutOptions::default()
        };
        let (after, live) = futures::join!(
            cluster.would_be(&self.identity, &manifest, options),
            cluster.get(&self.identity, &key),
        );
        let after = match after {
            Ok(after) => after,
            // A namespace or a definition that is missing may come with the change.
            Err(
                ApplyRefusal::UnknownKind { .. }
                | ApplyRefusal::Request { source: RequestError::NotFound { .. }, .. },
            ) => return Verdict::Unknown,
            Err(ApplyRefusal::Request {
                source:
                    RequestError::Unreachable { .. }
                    | RequestError::TimedOut { .. }
                    | RequestError::Busy { .. }
                    | RequestError::Unauthorized { .. }
                    | RequestError::CannotImpersonate { .. },
                ..
            }) => return Verdict::Silent,
            Err(refusal) => return Verdict::Refused(chain(&refusal)),
        };
        let Ok(live) = live else { return Verdict::Taken(None) };
        // Whether a guess is the value is nobody's to learn.
        if manifest["kind"] == "Secret" {
            return Verdict::Taken(None);
        }
        if live.as_ref().is_some_and(|live| owner(live, &key) != Some(name)) {
            return Verdict::Taken(None);
        }
        Verdict::Taken(Some(live_text(&self.proposed.manifest, live.as_ref(), &after)))
    }
}

/// What would change of an object where it runs, as far as its manifest speaks of it.
fn live_text(manifest: &Value, live: Option<&Value>, after: &Value) -> String {
    let (desired, live, after) = (prepared(manifest), live.map(prepared), prepared(after));
    let (live, after) = live_change(&desired, live.as_ref(), &after);
    let differences = render::difference(live.as_slice(), &[after]);
    differences.into_iter().map(|one| one.text).collect()
}
