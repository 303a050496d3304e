//! Plans each application whose rendering or target changed, and applies the plan.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use deployments::{
    Action, Decision, DeploymentFact, DriftChange, Health, HealthStatus, Inventory, LiveObject,
    Plan, PlanInputs, PlanPolicy, aggregate_health, plan,
};
use ledger::{Actor, AppendRefusal, ApplicationName, CommitId, Sequence, Timestamp};
use serde_json::Value;
use workloads::Change;

use crate::renderings::Rendering;
use crate::state::Server;
use crate::tasks::Next;

const ACTOR: &str = "deploy";
/// The kinds that local processes run, as `deployments::ObjectKey::group_kind` writes them.
const SUPPORTED_KINDS: [&str; 6] =
    ["apps/Deployment", "batch/Job", "ConfigMap", "Secret", "Service", "networking.k8s.io/Ingress"];

/// What each application was when it was looked at last.
#[derive(Default)]
pub struct Looked(Mutex<BTreeMap<ApplicationName, LookKey>>);

/// What a look depends on; when it is the same, the answer is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LookKey {
    rendered_commit: CommitId,
    newest_fact: Option<Sequence>,
    target: u64,
}

/// One activation.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let applications: Vec<ApplicationName> = {
        let views = server.recorder.views();
        let declared = views.deployments.applications.iter();
        declared
            .filter(|(_, state)| state.declaration.is_some())
            .map(|(name, _)| name.clone())
            .collect()
    };
    let mut next = Next::OnChange;
    for application in applications {
        let Some(rendering) = server.renderings.of(&application) else { continue };
        let key = look_key(&server, &rendering);
        if server.looked.is_same(&application, &key) {
            continue;
        }
        let waits_until = look(&server, &rendering).await?;
        match waits_until {
            Some(at) => next = next.earlier(Next::At(at)),
            // What changed during the look makes the key another one, and is looked at next time.
            None => server.looked.keep(application, key),
        }
    }
    Ok(next)
}

impl Looked {
    fn is_same(&self, application: &ApplicationName, key: &LookKey) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(application) == Some(key)
    }

    fn keep(&self, application: ApplicationName, key: LookKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(application, key);
    }
}

fn look_key(server: &Server, rendering: &Rendering) -> LookKey {
    let name = &rendering.application.name;
    let views = server.recorder.views();
    LookKey {
        rendered_commit: rendering.rendered_commit.clone(),
        newest_fact: views.deployments.applications.get(name).and_then(|state| state.newest),
        target: server.engine.version(name),
    }
}

/// Observes, decides, records, acts. Gives the time at which to look again, if a wait ends by time.
async fn look(server: &Arc<Server>, rendering: &Rendering) -> anyhow::Result<Option<Timestamp>> {
    let name = &rendering.application.name;
    let observed = server.engine.observe(name);
    record_health(server, name, &observed.objects, rendering).await?;
    if let Some(reason) = waits_for_promotion(server, rendering).await? {
        return record_blocked(server, rendering, vec![reason]).await.map(|()| None);
    }
    let inputs = inputs(server, rendering, &observed.objects);
    let as_of = inputs.as_of;
    match plan(&inputs) {
        Decision::UpToDate(_) => Ok(None),
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
                let inputs = self::inputs(server, rendering, &observed.objects);
                if let Decision::Plan(plan) = deployments::plan(&inputs) {
                    carry_out(server, rendering, plan, true).await?;
                }
                return Ok(None);
            }
            carry_out(server, rendering, plan, false).await.map(|()| None)
        }
    }
}

fn inputs(server: &Server, rendering: &Rendering, objects: &[Value]) -> PlanInputs {
    let as_of = server.clock.now();
    let views = server.recorder.views();
    let state = views.deployments.applications.get(&rendering.application.name);
    let live = objects
        .iter()
        .filter(|object| object["kind"] != "Pod")
        .map(|object| LiveObject { manifest: object.clone(), applied: None });
    let problems = rendering.manifests.iter().filter_map(|manifest| {
        let problem = workloads::supported(manifest).err()?;
        let namespace = &rendering.application.destination.namespace;
        let key = deployments::ObjectKey::of(manifest, namespace)?;
        let known = SUPPORTED_KINDS.contains(&key.group_kind().as_str());
        known.then(|| (key, problem.to_string()))
    });
    PlanInputs {
        application: rendering.application.clone(),
        revision: rendering.commit.clone(),
        rendered_commit: rendering.rendered_commit.clone(),
        desired: rendering.manifests.clone(),
        inventory: Some(Inventory {
            as_of,
            complete: true,
            namespaces: None,
            objects: live.collect(),
        }),
        previous: state.and_then(|state| state.previous_plan()),
        parent: state.and_then(|state| state.newest),
        supported_kinds: SUPPORTED_KINDS.iter().map(ToString::to_string).collect(),
        cluster: None,
        problems: problems.collect(),
        policy: PlanPolicy::default(),
        confirmed: state.map(|state| state.confirmed_at(as_of)).unwrap_or_default(),
        requested: state.and_then(|state| state.requested),
        as_of,
    }
}

/// An artifact without a digest has never been promoted here; deploying its bare name would fail.
async fn waits_for_promotion(
    server: &Arc<Server>,
    rendering: &Rendering,
) -> anyhow::Result<Option<deployments::BlockReason>> {
    let name = &rendering.application.name;
    let repository = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(name);
        state.and_then(|state| state.declaration.as_ref().map(|one| one.repository.clone()))
    };
    let Some(repository) = repository else { return Ok(None) };
    let configured = server.configurations.of_default_branch(server, &repository).await?;
    let Some(configured) = configured else { return Ok(None) };
    let Some(environment) = configured.environment_of(name) else { return Ok(None) };
    // The rendering itself is asked, not the tip: it may be of a commit before the promotion.
    let missing =
        configured.configuration.artifacts.iter().find(|artifact| {
            images(&rendering.manifests).any(|image| image.ends_with(&artifact.name))
        });
    Ok(missing.map(|artifact| deployments::BlockReason::ArtifactNotPromoted {
        artifact: artifact.name.clone(),
        environment: environment.name.clone(),
    }))
}

/// The images of all containers of a rendering.
pub fn images(manifests: &[Value]) -> impl Iterator<Item = &str> {
    manifests.iter().flat_map(|manifest| {
        let containers = manifest.pointer("/spec/template/spec/containers");
        let containers = containers.and_then(Value::as_array).into_iter().flatten();
        containers.filter_map(|container| container["image"].as_str())
    })
}

fn is_drift(inputs: &PlanInputs, plan: &Plan) -> bool {
    let applied_before = inputs.previous.as_ref().is_some_and(|previous| {
        previous.rendered_commit == inputs.rendered_commit && previous.applied_at.is_some()
    });
    applied_before && plan.summary.changes() > 0 && inputs.requested.is_none()
}

async fn record_drift(
    server: &Arc<Server>,
    rendering: &Rendering,
    plan: &Plan,
) -> anyhow::Result<()> {
    let drifts = plan.steps.iter().filter_map(|step| {
        let change = match step.action {
            Action::Create => DriftChange::Deleted,
            Action::Update => DriftChange::Altered { fields: step.changed.clone() },
            Action::Delete => DriftChange::Runtime { what: "it is not in Git".into() },
            Action::Unchanged | Action::Blocked => return None,
        };
        Some(deployments::Drift { object: step.object.clone(), change, by: None })
    });
    let fact = DeploymentFact::DriftFound {
        application: rendering.application.name.clone(),
        generation: plan.generation.saturating_sub(1),
        drifts: drifts.collect(),
    };
    record(server, &fact).await
}

async fn carry_out(
    server: &Arc<Server>,
    rendering: &Rendering,
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
    let outcome = apply(server, &application, &plan).await;
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
async fn apply(
    server: &Server,
    application: &ApplicationName,
    plan: &Plan,
) -> Result<usize, (deployments::ObjectKey, String)> {
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
    reasons: Vec<deployments::BlockReason>,
) -> anyhow::Result<()> {
    let known = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&rendering.application.name);
        state.map(|state| (state.blocked.clone(), state.blocked_since.clone()))
    };
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

async fn record_health(
    server: &Arc<Server>,
    application: &ApplicationName,
    objects: &[Value],
    rendering: &Rendering,
) -> anyhow::Result<()> {
    let own: Vec<Value> =
        objects.iter().filter(|object| object["kind"] != "Pod").cloned().collect();
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
    let health = if was_deployed {
        let mut health = aggregate_health(&own, rendering.manifests.len());
        if let Some(waits) = deployments::waits_for(objects)
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
