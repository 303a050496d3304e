//! What a plan is made from, gathered.

use std::sync::Arc;

use deployments::{PlanInputs, PlanPolicy};
use ledger::ApplicationName;
use serde_json::Value;

use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::{Observation, Place};
use crate::tasks::answer_objects::holds_of;

/// Everything that the plan may look at.
pub(in crate::tasks) fn inputs(
    server: &Server,
    place: &Place,
    rendering: &Rendering,
    observed: &Observation,
) -> PlanInputs {
    let as_of = server.clock.now();
    let waits_for = waits_for(server, rendering);
    let step_wait = super::rollouts::wait_of(server, rendering);
    let holds = holds_of(server, &rendering.application.name);
    let views = server.recorder.views();
    let state = views.deployments.applications.get(&rendering.application.name);
    let namespace = &rendering.application.destination.namespace;
    PlanInputs {
        application: rendering.application.clone(),
        scope: rendering.scope.clone(),
        waits_for,
        step_wait,
        revision: rendering.commit.clone(),
        rendered_commit: rendering.rendered_commit.clone(),
        desired: Arc::clone(&rendering.manifests),
        inventory: observed.inventory.clone(),
        previous: state.and_then(|state| state.previous_plan()),
        repairs: state.map(|state| state.repairs.clone()).unwrap_or_default(),
        parent: state.and_then(|state| state.newest),
        supported_kinds: place.kinds(),
        cluster: place.cluster_facts(),
        problems: place.problems(&rendering.manifests, namespace),
        policy: PlanPolicy::default(),
        confirmed: state.map(|state| state.confirmed_at(as_of)).unwrap_or_default(),
        holds,
        requested: state.and_then(|state| state.requested),
        as_of,
    }
}

/// The applications that it depends on and that are not ready.
fn waits_for(
    server: &Server,
    rendering: &Rendering,
) -> Vec<(ApplicationName, deployments::DependencyWait)> {
    let names = deployments::dependencies(&rendering.application).unwrap_or_default();
    let views = server.recorder.views();
    let waits = names.into_iter().filter_map(|name| {
        let newest = server.renderings.of(&name);
        let rendered = newest.as_ref().map(|newest| &newest.rendered_commit);
        let state = views.deployments.applications.get(&name);
        Some((name.clone(), deployments::dependency_wait(state, rendered)?))
    });
    waits.collect()
}

/// An artifact without a digest has never been promoted here; deploying its bare name would fail.
pub(super) async fn waits_for_promotion(
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

/// Where a manifest may say what its pods are: what makes pods, what makes jobs, a pod.
const PODS: [&str; 3] = ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec", "/spec"];

/// The images of all containers of a rendering.
pub fn images(manifests: &[Value]) -> impl Iterator<Item = &str> {
    let pods = manifests.iter().flat_map(|manifest| PODS.map(|place| manifest.pointer(place)));
    let containers = pods.flatten().flat_map(|pod| [&pod["containers"], &pod["initContainers"]]);
    let containers = containers.filter_map(Value::as_array).flatten();
    containers.filter_map(|container| container["image"].as_str())
}
