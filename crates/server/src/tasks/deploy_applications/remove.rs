//! Deletes the objects of an application whose file left Git, when its finalizer asked for that.

use std::sync::Arc;

use deployments::project::Scope;
use deployments::{DeploymentFact, Removal, RemovalDecision, plan_removal};
use ledger::{ApplicationName, Timestamp};

use super::{applied_before, carry_out, inputs, record, record_blocked};
use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::{Observation, Place};

/// The removal of an application, while its objects have to go.
pub(super) fn removal_of(server: &Server, name: &ApplicationName) -> Option<Removal> {
    let views = server.recorder.views();
    views.deployments.applications.get(name)?.removal.clone()
}

/// What was applied last of an application that is removed: after a start nothing else knows it.
pub(super) async fn restore(server: &Arc<Server>, name: &ApplicationName) -> anyhow::Result<()> {
    let Some(removal) = removal_of(server, name) else { return Ok(()) };
    let manifests = applied_before(server, name).await?;
    // Its project says in whose name its objects go; without one nobody may.
    let repository = &removal.declaration.repository;
    let configured = server.configurations.of_default_branch(server, repository).await?;
    let application = application(&removal);
    let (scope, customizations) = match configured {
        Some(configured) => {
            let (surroundings, _) = server.surroundings(repository).with(&configured.clusters);
            let scope = surroundings.scope(&application, &configured.projects);
            (scope, Arc::clone(&configured.customizations))
        }
        None => (Scope { project: None, ..Scope::default() }, Arc::default()),
    };
    let newest = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(name);
        state.and_then(|state| state.current().map(|one| one.rendered_commit.clone()))
    };
    server.renderings.keep(Rendering {
        repository: repository.clone(),
        application,
        scope,
        customizations,
        // A removal without a deployment before it deletes nothing, whatever it is named.
        rendered_commit: newest.unwrap_or_else(|| removal.commit.clone()),
        commit: removal.commit,
        manifests: Arc::new(manifests),
        sources: Vec::new(),
        keys: None,
        repeated: Vec::new(),
    });
    Ok(())
}

/// The application with its finalizer's order for what its objects own.
fn application(removal: &Removal) -> deployments::Application {
    let mut application = (*removal.application).clone();
    if let Some(propagation) = application.delete_objects_on_removal {
        application.sync.options.propagation = propagation;
    }
    application
}

/// Decides, records, acts. Gives the time at which to look again, if a wait ends by time.
pub(super) async fn look(
    server: &Arc<Server>,
    place: &Place,
    rendering: &Arc<Rendering>,
    observed: &Observation,
    removal: &Removal,
) -> anyhow::Result<Option<Timestamp>> {
    let name = &rendering.application.name;
    if server.operations.of(name).is_some() {
        return Ok(None);
    }
    let inputs = inputs(server, place, rendering, observed);
    match plan_removal(&inputs, removal) {
        RemovalDecision::Done => {
            record(server, &DeploymentFact::ObjectsDeleted { application: name.clone() }).await?;
            server.renderings.forget(name);
            server.clusters.all().iter().for_each(|known| known.forget(name));
            Ok(None)
        }
        RemovalDecision::Blocked { reasons } => {
            let again = reasons.iter().filter_map(|reason| reason.deadline()).min();
            record_blocked(server, rendering, reasons).await?;
            Ok(again.filter(|at| *at > inputs.as_of))
        }
        RemovalDecision::Plan(plan) => {
            carry_out(server, rendering, plan, false).await.map(|()| None)
        }
    }
}
