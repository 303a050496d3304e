//! Plans each application whose rendering or target changed, and applies the plan.

mod inputs;
mod looked;
mod operate;
mod remove;
mod rollouts;

use std::collections::BTreeMap;
use std::sync::Arc;

use deployments::{
    Action, BlockReason, Decision, DeploymentFact, Health, HealthStatus, Plan, PlanInputs,
    aggregate_health_by, is_drift, plan,
};
use futures::StreamExt;
use ledger::{Actor, AppendRefusal, ApplicationName, Timestamp};
use serde_json::Value;
use workloads::Change;

pub use inputs::images;
pub(in crate::tasks) use inputs::inputs;
use inputs::waits_for_promotion;
pub use looked::Looked;
use looked::{LookKey, Waiting, look_key};
pub use operate::chain;
pub use rollouts::Rollouts;
use rollouts::SetKey;

use crate::clusters::Known;
use crate::renderings::{CommitTree, Rendering};
use crate::state::Server;
use crate::targets::{Observation, Place};
use crate::tasks::Next;

const ACTOR: &str = "deploy";
/// Applications that are looked at side by side: facts that wait for the disk wait together.
const LOOKS_AT_ONCE: usize = 32;

/// How many objects were changed, or the one at which it ended and why.
type Outcome = Result<usize, (deployments::ObjectKey, String)>;

/// One activation.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let (world, applications) = server.looked.candidates(&server);
    for application in &applications {
        if server.renderings.of(application).is_none() {
            remove::restore(&server, application).await?;
        }
    }
    let due = applications.into_iter().filter_map(|application| {
        let rendering = server.renderings.of(&application)?;
        let key = look_key(&server, &rendering);
        (!server.looked.is_same(&application, &key)).then_some((application, rendering, key))
    });
    let looks = futures::stream::iter(side_by_side(due).into_iter().map(async |due| {
        let mut looked = Vec::new();
        for (application, rendering, key) in due {
            let answer = match line_of(&server, &rendering) {
                Some(opening) => Answer::InLine(opening),
                None => Answer::Looked(look(&server, &rendering).await),
            };
            looked.push((application, key, answer));
        }
        futures::stream::iter(looked)
    }));
    let mut looks = looks.buffer_unordered(LOOKS_AT_ONCE).flatten();
    let (mut next, mut failed, mut waiting) = (Next::OnChange, None, Waiting::default());
    while let Some((application, key, answer)) = looks.next().await {
        match answer {
            Answer::InLine(opening) => waiting.in_line(opening, application),
            Answer::Looked(Ok(Some(at))) => {
                next = next.earlier(Next::At(at));
                waiting.for_time(application);
            }
            // What changed during the look makes the key another one, and is looked at next time.
            Answer::Looked(Ok(None)) => server.looked.keep(application, key),
            // The other looks go on to their end.
            Answer::Looked(Err(error)) => drop(failed.get_or_insert(error)),
        }
    }
    drop(looks);
    if let Some(error) = failed {
        return Err(error);
    }
    server.looked.end(world, waiting);
    // Those who were let go need no room after all: the next in line go.
    let is_someone_next = server.looked.is_someone_next(&server);
    Ok(if is_someone_next { next.earlier(Next::At(server.clock.now())) } else { next })
}

/// What came of one application.
enum Answer {
    /// It waits for room on this opening of a cluster, and was not looked at.
    InLine(u64),
    /// When it ends a wait by time.
    Looked(anyhow::Result<Option<Timestamp>>),
}

/// The opening of a cluster on which its newest rendering can only stand in line until others have
/// written theirs.
fn line_of(server: &Server, rendering: &Rendering) -> Option<u64> {
    let views = server.recorder.views();
    let state = views.deployments.applications.get(&rendering.application.name);
    server.waits_for_room(rendering, state).map(|known| known.opening)
}

/// An application that needs a look.
type Due = (ApplicationName, Arc<Rendering>, LookKey);

/// What may be looked at side by side. Applications of one set that goes by steps come one after the
/// other: each must see whom the one before it let go.
fn side_by_side(due: impl Iterator<Item = Due>) -> Vec<Vec<Due>> {
    let (mut alone, mut of_sets) = (Vec::new(), BTreeMap::<SetKey, Vec<Due>>::new());
    for one in due {
        match rollouts::set_of(&one.1) {
            None => alone.push(vec![one]),
            Some(set) => of_sets.entry(set).or_default().push(one),
        }
    }
    alone.extend(of_sets.into_values());
    alone
}

/// Observes, decides, records, acts. Gives the time at which to look again, if a wait ends by time.
async fn look(
    server: &Arc<Server>,
    rendering: &Arc<Rendering>,
) -> anyhow::Result<Option<Timestamp>> {
    let name = &rendering.application.name;
    let place = server.place_of(rendering);
    if let Place::Cluster(known) = &place {
        prepare(server, known, rendering).await?;
        // What is not seen yet says nothing; it wakes whoever waits once it is.
        if known.is_being_read(name) {
            return Ok(None);
        }
    }
    let under_way = server.operations.of(name);
    let observed = match &under_way {
        Some(_) if was_never_deployed(server, name) => Observation::default(),
        Some(_) | None => server.observe(&place, name, server.clock.now()),
    };
    if let Some(removal) = remove::removal_of(server, name) {
        return remove::look(server, &place, rendering, &observed, &removal).await;
    }
    record_health(server, &place, &observed, rendering).await?;
    if let Some(under_way) = under_way {
        if under_way.rendered_commit != rendering.rendered_commit {
            server.operations.end(name, "a newer rendering replaces it");
        }
        return Ok(None);
    }
    if let Some(reason) = waits_for_promotion(server, rendering).await? {
        return record_blocked(server, rendering, vec![reason]).await.map(|()| None);
    }
    let inputs = inputs(server, &place, rendering, &observed);
    let as_of = inputs.as_of;
    match plan(&inputs) {
        Decision::UpToDate(_) => record_up_to_date(server, rendering, &inputs).await.map(|()| None),
        Decision::Arrived { generation } => {
            let fact = DeploymentFact::Applied {
                application: name.clone(),
                generation,
                outcome: "found as it was planned".into(),
            };
            record(server, &fact).await.map(|()| None)
        }
        Decision::Blocked { reasons } => {
            let again = reasons.iter().filter_map(|reason| reason.deadline()).min();
            record_blocked(server, rendering, reasons).await?;
            Ok(again.filter(|at| *at > as_of))
        }
        Decision::Plan(plan) => {
            if is_drift(&inputs, &plan) {
                record_drift(server, rendering, &plan).await?;
                // Recording moved the application on; the plan is made again on what is true now.
                let inputs = inputs::inputs(server, &place, rendering, &observed);
                if let Decision::Plan(plan) = deployments::plan(&inputs) {
                    carry_out(server, rendering, plan, true).await?;
                }
                return Ok(None);
            }
            carry_out(server, rendering, plan, false).await.map(|()| None)
        }
    }
}

/// Whether nothing of it can be judged yet, or taken away: what its first operation has written so far
/// needs no look.
fn was_never_deployed(server: &Server, name: &ApplicationName) -> bool {
    let views = server.recorder.views();
    let state = views.deployments.applications.get(name);
    state.is_some_and(|state| state.running().is_none() && state.removal.is_none())
}

/// Says what is in use of a cluster.
async fn prepare(
    server: &Arc<Server>,
    known: &Known,
    rendering: &Arc<Rendering>,
) -> anyhow::Result<()> {
    let name = &rendering.application.name;
    let earlier = match known.is_new(name) {
        true => applied_before(server, name).await?,
        false => Vec::new(),
    };
    known.prepare(rendering, &earlier);
    Ok(())
}

/// The manifests that were applied last.
async fn applied_before(
    server: &Arc<Server>,
    name: &ApplicationName,
) -> anyhow::Result<Vec<Value>> {
    let applied = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(name);
        let newest = state.and_then(|state| state.deployments.last());
        let declared = state.and_then(|state| state.declared());
        newest
            .zip(declared)
            .map(|(one, declared)| (one.rendered_commit.clone(), declared.repository.clone()))
    };
    let Some((commit, repository)) = applied else { return Ok(Vec::new()) };
    let store = server.repository(&repository)?;
    let read = move || -> anyhow::Result<Vec<Value>> {
        let reader = store.reader(&store.tree_of(&commit)?);
        Ok(render::plain_manifests(&CommitTree(&reader))?)
    };
    tokio::task::spawn_blocking(read).await?
}

async fn record_drift(
    server: &Arc<Server>,
    rendering: &Rendering,
    plan: &Plan,
) -> anyhow::Result<()> {
    let fact = DeploymentFact::DriftFound {
        application: rendering.application.name.clone(),
        generation: plan.generation.saturating_sub(1),
        drifts: deployments::drifts(plan),
    };
    record(server, &fact).await
}

/// Records the plan and carries it out: here at once, on a cluster beside everything else.
async fn carry_out(
    server: &Arc<Server>,
    rendering: &Arc<Rendering>,
    plan: Plan,
    repairs: bool,
) -> anyhow::Result<()> {
    let application = rendering.application.name.clone();
    let planned = DeploymentFact::Planned {
        application: application.clone(),
        generation: plan.generation,
        revision: rendering.commit.clone(),
        rendered_commit: rendering.rendered_commit.clone(),
        summary: plan.summary.clone(),
        images: images(&rendering.manifests).map(str::to_owned).collect(),
    };
    let draft = planned.draft(server.clock.now(), Actor::system(ACTOR)).expecting(plan.parent);
    match server.recorder.append(vec![draft]).await {
        Ok(_) => {}
        // Somebody was faster: the wake-up that this fact causes looks again.
        Err(database::AppendError::Refused(AppendRefusal::ParentMoved { .. })) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    // A revision whose health is bad is replaced only after its evidence is saved.
    server.save_evidence_before_change(&application).await;
    let known = match server.place_of(rendering) {
        Place::Cluster(known) => known,
        Place::Processes => {
            let outcome = apply(server, &application, &plan).await;
            return record_end(server, &application, &plan, outcome, repairs).await;
        }
        // The cluster left Git meanwhile; the next look says so.
        Place::Nowhere => return Ok(()),
    };
    let (server, rendering) = (Arc::clone(server), Arc::clone(rendering));
    let commit = rendering.rendered_commit.clone();
    let ending = server.operations.begin(&application, known.opening, commit);
    tokio::spawn(async move {
        let outcome = operate::operate(&server, &rendering, &known, &plan, ending).await;
        let recorded = record_end(&server, &application, &plan, outcome, repairs).await;
        if let Err(error) = recorded {
            // The plan then has no end on record, and is found or made again by the next look.
            tracing::error!(%application, error = format!("{error:#}"), "an end was not recorded");
        }
        server.operations.ended(&application);
    });
    Ok(())
}

async fn record_end(
    server: &Arc<Server>,
    application: &ApplicationName,
    plan: &Plan,
    outcome: Outcome,
    repairs: bool,
) -> anyhow::Result<()> {
    let application = application.clone();
    let mut facts = vec![match outcome {
        Ok(changes) => DeploymentFact::Applied {
            application: application.clone(),
            generation: plan.generation,
            outcome: format!("{changes} objects changed, {} unchanged", plan.summary.unchanged),
        },
        Err((object, problem)) => DeploymentFact::ApplyFailed {
            application: application.clone(),
            generation: plan.generation,
            object: Some(object),
            problem,
        },
    }];
    if repairs && matches!(facts[0], DeploymentFact::Applied { .. }) {
        let changed = plan.steps.iter().filter(|step| step.action != Action::Unchanged);
        facts.push(DeploymentFact::DriftRepaired {
            application,
            generation: plan.generation,
            objects: changed.map(|step| step.object.clone()).collect(),
        });
    }
    let now = server.clock.now();
    let drafts = facts.iter().map(|fact| fact.draft(now, Actor::system(ACTOR))).collect();
    server.recorder.append(drafts).await?;
    Ok(())
}

/// Applies the steps in order; the first that fails ends it, and the next look goes on from there.
async fn apply(server: &Server, application: &ApplicationName, plan: &Plan) -> Outcome {
    let mut changes = 0;
    for step in &plan.steps {
        let change = match (step.action, &step.manifest) {
            (Action::Create | Action::Update, Some(manifest)) => {
                Change::Put { manifest: manifest.clone() }
            }
            (Action::Delete, _) => Change::Delete {
                kind: step.object.kind.clone(),
                namespace: step.object.namespace.clone(),
                name: step.object.name.clone(),
            },
            (Action::Create | Action::Update | Action::Unchanged | Action::Blocked, _) => continue,
        };
        server
            .engine
            .apply(application, plan.generation, change)
            .await
            .map_err(|refusal| (step.object.clone(), refusal.to_string()))?;
        changes += 1;
    }
    Ok(changes)
}

async fn record_blocked(
    server: &Arc<Server>,
    rendering: &Rendering,
    mut reasons: Vec<BlockReason>,
) -> anyhow::Result<()> {
    let known = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&rendering.application.name);
        state.map(|state| (state.blocked.clone(), state.blocked_since.clone()))
    };
    // That its set no longer generates it is not about what it renders to, and is said elsewhere.
    let held = |reason: &&BlockReason| matches!(reason, BlockReason::SetRemovesMany { .. });
    let kept = known.iter().flat_map(|(blocked, _)| blocked.iter().filter(held).cloned());
    reasons.extend(kept);
    let same = known.is_some_and(|(blocked, since)| {
        blocked == reasons && since.is_some_and(|(_, revision)| revision == rendering.commit)
    });
    if same {
        return Ok(());
    }
    let fact = DeploymentFact::PlanBlocked {
        application: rendering.application.name.clone(),
        revision: rendering.commit.clone(),
        reasons,
    };
    record(server, &fact).await
}

/// What was asked for is done, also when there was nothing to do.
async fn record_up_to_date(
    server: &Arc<Server>,
    rendering: &Rendering,
    inputs: &PlanInputs,
) -> anyhow::Result<()> {
    record_unblocked(server, rendering).await?;
    if inputs.requested.is_none() {
        return Ok(());
    }
    let (application, revision) = (rendering.application.name.clone(), rendering.commit.clone());
    record(server, &DeploymentFact::SyncUnneeded { application, revision }).await
}

/// What stood in the way of a change that is no longer asked for stands in nobody's way.
async fn record_unblocked(server: &Arc<Server>, rendering: &Rendering) -> anyhow::Result<()> {
    let is_blocked = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&rendering.application.name);
        let held = |reason: &BlockReason| matches!(reason, BlockReason::SetRemovesMany { .. });
        state.is_some_and(|one| !one.blocked.iter().all(held))
    };
    if is_blocked { record_blocked(server, rendering, Vec::new()).await } else { Ok(()) }
}

async fn record_health(
    server: &Arc<Server>,
    place: &Place,
    observed: &Observation,
    rendering: &Rendering,
) -> anyhow::Result<()> {
    let application = &rendering.application.name;
    let inventory = observed.inventory.iter().flat_map(|inventory| &inventory.objects);
    let own = inventory.map(|live| &live.manifest);
    let (known, generation, was_deployed) = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(application);
        let known = state.and_then(|state| state.health.clone());
        (
            known,
            state.map_or(0, |state| state.generation()),
            state.is_some_and(|s| s.running().is_some()),
        )
    };
    let health = if let Some(problem) = place.problem(application) {
        Health { status: HealthStatus::Unknown, message: problem }
    } else if was_deployed {
        let judged = |object: &Value| rendering.assess(object, server.clock.now());
        let mut health = aggregate_health_by(own, rendering.manifests.len(), judged);
        if let Some(waits) = deployments::waits_for(&observed.objects)
            && health.status != HealthStatus::Healthy
        {
            health.message = format!("{waits}; {}", health.message);
        }
        health
    } else {
        Health { status: HealthStatus::Missing, message: "not deployed yet".into() }
    };
    let same = known.is_some_and(|known| {
        known.status == health.status
            && known.message == health.message
            && known.generation == generation
    });
    if same {
        return Ok(());
    }
    let fact = DeploymentFact::HealthChanged {
        application: application.clone(),
        generation,
        status: health.status,
        message: health.message,
    };
    record(server, &fact).await
}

async fn record(server: &Arc<Server>, fact: &DeploymentFact) -> anyhow::Result<()> {
    let draft = fact.draft(server.clock.now(), Actor::system(ACTOR));
    server.recorder.append(vec![draft]).await?;
    Ok(())
}
