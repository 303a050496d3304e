//! Carries a plan out on a cluster: asks what is due, does it, and waits for what the cluster makes
//! of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cluster::{ApplyRefusal, Change, DeleteOptions, Identity, PutOptions, RequestError};
use deployments::{
    Act, Action, Failure, Next, ObjectKey, Observed, Operation, Plan, Propagation, Step,
    SyncOptions,
};
use futures::future::join_all;
use ledger::{ApplicationName, Timestamp};
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

use super::Outcome;
use crate::clusters::Known;
use crate::renderings::Rendering;
use crate::state::Server;

/// Requests of one operation side by side: half of what a cluster is asked at once, so that an application
/// of many objects keeps nobody waiting.
const REQUESTS_AT_ONCE: usize = 10;
/// Acts that are prepared together; each holds its manifest.
const ACTS_AT_ONCE: usize = 500;
/// How long one wave may take: as long as Kubernetes gives a rollout by default.
const WAVE_MS_MAX: i64 = 600_000;

/// Carries the plan out to its end. `ending` says why it shall end early.
pub(super) async fn operate(
    server: &Arc<Server>,
    rendering: &Rendering,
    known: &Known,
    plan: &Plan,
    mut ending: watch::Receiver<Option<String>>,
) -> Outcome {
    let application = &rendering.application;
    let name = &application.name;
    let identity = identity(rendering, plan)?;
    let slots = Semaphore::new(REQUESTS_AT_ONCE);
    let hand = Hand { rendering, known, plan, identity, slots };
    hand.rehearse().await?;
    let mut operation =
        Operation::begin(&plan.steps, application.sync.options.prune_last, WAVE_MS_MAX);
    let mut changed = known.cluster.changed();
    let mut changes = 0;
    loop {
        changed.mark_unchanged();
        // Before the look: what changes during it is looked at again.
        let version = known.cluster.version(name);
        let ended_by = ending.borrow_and_update().clone();
        if let Some(why) = ended_by {
            operation.end(&why);
        }
        let as_of = server.clock.now();
        let observed = if operation.looks() { hand.observe(as_of) } else { BTreeMap::new() };
        match operation.next(&observed, as_of) {
            Next::Act(acts) => {
                server.operations.waits(name, Vec::new(), None);
                for some in acts.chunks(ACTS_AT_ONCE) {
                    let outcomes = join_all(some.iter().map(|act| hand.act(*act))).await;
                    for (act, outcome) in some.iter().zip(outcomes) {
                        changes += usize::from(outcome.is_ok() && !matches!(act, Act::Clear(_)));
                        operation.report(*act, outcome);
                    }
                }
            }
            Next::Wait { waits, deadline } => {
                server.operations.waits(name, waits, Some(deadline));
                wait(server, known, name, version, &mut changed, &mut ending, deadline).await;
            }
            Next::End { failure, delete } => {
                for object in delete {
                    hand.delete(object, Propagation::Background).await.ok();
                }
                return match failure {
                    None => Ok(changes),
                    Some(Failure { object, problem }) => Err((object, problem)),
                };
            }
        }
    }
}

/// Until the application looks different, somebody ends it, or the deadline has come.
async fn wait(
    server: &Server,
    known: &Known,
    name: &ApplicationName,
    version: u64,
    changed: &mut watch::Receiver<u64>,
    ending: &mut watch::Receiver<Option<String>>,
    deadline: Timestamp,
) {
    let late = tokio::time::sleep(server.clock.until(deadline));
    tokio::pin!(late);
    while known.cluster.version(name) == version {
        tokio::select! {
            changed = changed.changed() => if changed.is_err() { return },
            _ = ending.changed() => return,
            () = &mut late => return,
        }
    }
}

/// In whose name everything is asked. A plan is not made when its project has an account for
/// elsewhere only; should one be, it ends here: there is no way back to Boucle's own rights.
fn identity(rendering: &Rendering, plan: &Plan) -> Result<Identity, (ObjectKey, String)> {
    match rendering.identity() {
        Ok(identity) => Ok(identity),
        Err(refusal) => match plan.steps.first() {
            Some(step) => Err((step.object.clone(), refusal.to_string())),
            None => Ok(Identity::Own),
        },
    }
}

struct Hand<'a> {
    rendering: &'a Rendering,
    known: &'a Known,
    plan: &'a Plan,
    identity: Identity,
    /// One for each request that may be under way.
    slots: Semaphore,
}

impl Hand<'_> {
    fn observe(&self, as_of: Timestamp) -> BTreeMap<ObjectKey, Observed> {
        let inventory = self.known.cluster.inventory(&self.rendering.application.name);
        let steps: BTreeMap<(&str, &str, &str, &str), &ObjectKey> =
            self.plan.steps.iter().map(|step| (names(&step.object), &step.object)).collect();
        let seen = inventory.objects.iter().filter_map(|live| {
            let key = ObjectKey::of(&live.manifest, "")?;
            let key = (*steps.get(&names(&key))?).clone();
            let judged = |object: &Value| self.rendering.assess(object, as_of);
            Some((key, Observed::by(&live.manifest, judged)))
        });
        seen.collect()
    }

    /// Lets the cluster check everything before the first write, where a refusal would leave an
    /// operation half done: when it has waves or hooks. One wave is written at once, and checking it
    /// first would double its requests (decision 0009).
    async fn rehearse(&self) -> Result<(), (ObjectKey, String)> {
        let steps = || self.plan.steps.iter().filter(|step| step.manifest.is_some());
        let places: BTreeSet<_> = steps().map(|step| (step.phase, step.wave)).collect();
        if places.len() < 2 && steps().all(|step| step.hook.is_none()) {
            return Ok(());
        }
        let written = |step: &&Step| matches!(step.action, Action::Create | Action::Update);
        let checks = steps().filter(written).map(async |step| {
            // The semaphore is never closed.
            let _slot = self.slots.acquire().await;
            let failed = |problem| (step.object.clone(), format!("{problem} (dry run)"));
            let Some(manifest) = &step.manifest else { return Ok(()) };
            let mut options = self.put_options(step, &self.options(manifest).map_err(failed)?);
            options.dry_run = true;
            let change = Change::Put { manifest: manifest.clone(), options };
            let (name, generation) = (&self.rendering.application.name, self.plan.generation);
            match self.known.cluster.apply(name, generation, &self.identity, change).await {
                Ok(_) => Ok(()),
                // Its kind or its namespace comes with the operation itself.
                Err(ApplyRefusal::UnknownKind { .. }) => Ok(()),
                Err(ApplyRefusal::Request { source: RequestError::NotFound { .. }, .. }) => Ok(()),
                // A hook of the time before is deleted before it is written.
                Err(_) if step.hook.is_some() => Ok(()),
                Err(refusal) => Err(failed(chain(&refusal))),
            }
        });
        join_all(checks).await.into_iter().collect()
    }

    async fn act(&self, act: Act) -> Result<(), String> {
        match act {
            Act::Apply(index) => {
                let step = &self.plan.steps[index];
                let Some(manifest) = &step.manifest else { return Ok(()) };
                let options = self.options(manifest)?;
                let change = Change::Put {
                    manifest: manifest.clone(),
                    options: self.put_options(step, &options),
                };
                self.carry_out(change).await
            }
            Act::Delete(index) => {
                let step = &self.plan.steps[index];
                self.delete(
                    step.object.clone(),
                    self.rendering.application.sync.options.propagation,
                )
                .await
            }
            Act::Clear(index) => {
                let object = self.plan.steps[index].object.clone();
                self.delete(object, Propagation::Foreground).await
            }
        }
    }

    async fn delete(&self, object: ObjectKey, propagation: Propagation) -> Result<(), String> {
        let propagation = match propagation {
            Propagation::Foreground => cluster::Propagation::Foreground,
            Propagation::Background => cluster::Propagation::Background,
            Propagation::Orphan => cluster::Propagation::Orphan,
        };
        let options = DeleteOptions { propagation, ..DeleteOptions::default() };
        self.carry_out(Change::Delete { object, options }).await
    }

    fn options(&self, manifest: &Value) -> Result<SyncOptions, String> {
        self.rendering.application.sync.options.of(manifest)
    }

    fn put_options(&self, step: &Step, options: &SyncOptions) -> PutOptions {
        let yields_to = self.rendering.application.ignored_managers(&step.object);
        PutOptions {
            // Git wins over whoever wrote a field that Git sets, as with Argo CD.
            take_fields: true,
            replace: options.replace,
            recreate: options.force,
            allow_unknown_fields: !options.validate,
            dry_run: false,
            ignored: self.rendering.application.ignored_fields(&step.object),
            yields_to: yields_to.into_iter().map(str::to_owned).collect(),
        }
    }

    async fn carry_out(&self, change: Change) -> Result<(), String> {
        let (name, generation) = (&self.rendering.application.name, self.plan.generation);
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let applied = self.known.cluster.apply(name, generation, &self.identity, change).await;
        applied.map(drop).map_err(|refusal| chain(&refusal))
    }
}

fn names(key: &ObjectKey) -> (&str, &str, &str, &str) {
    (&key.group, &key.kind, &key.namespace, &key.name)
}

/// An error with everything that it comes from, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
