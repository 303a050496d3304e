//! Which objects hold applications: kept on record, so that a hold outlives a restart and a cluster
//! that does not answer.

use std::sync::Arc;

use deployments::{DeploymentFact, Hold, flux};
use ledger::{Actor, ApplicationName};

use super::Hand;
use super::flux::ACTOR;
use crate::clusters::Windows;
use crate::state::Server;

/// Records that the object began or ended to hold the application of its name.
pub(super) async fn record(hand: &Hand<'_>, name: &ApplicationName) -> anyhow::Result<()> {
    let holder = hand.holder();
    let is_known = {
        let views = hand.server.recorder.views();
        let state = views.deployments.applications.get(name);
        let Some(state) = state.filter(|state| state.declared().is_some()) else { return Ok(()) };
        state.holds.iter().any(|hold| hold.holder == holder)
    };
    let application = name.clone();
    let fact = match (flux::held_by(hand.object), is_known) {
        (Some(by), false) => DeploymentFact::AutomationHeld { application, holder, by },
        (None, true) => DeploymentFact::AutomationReleased { application, holder },
        (Some(_), true) | (None, false) => return Ok(()),
    };
    append(hand.server, &fact).await
}

/// Ends the holds of objects that are gone, and of those that nobody looks at any more. One that cannot
/// be seen now holds on.
pub(super) async fn end_those_of_nobody(server: &Arc<Server>) -> anyhow::Result<()> {
    let all: Vec<(ApplicationName, Hold)> = {
        let views = server.recorder.views();
        let states = views.deployments.applications.iter();
        let of = |(name, hold): (&ApplicationName, &Hold)| (name.clone(), hold.clone());
        states
            .flat_map(|(name, state)| state.holds.iter().map(move |hold| of((name, hold))))
            .collect()
    };
    for (application, Hold { holder, .. }) in all {
        let clusters = server.clusters.all();
        let known = clusters.iter().find(|known| known.name == holder.cluster);
        let windows = known.and_then(|known| {
            known.windows.iter().find(|windows| {
                windows.kind.name() == holder.kind
                    && windows.objects.namespace() == holder.namespace
            })
        });
        let is_there = |windows: &Windows| {
            windows.objects.objects().is_none() || windows.objects.object(&holder.name).is_some()
        };
        if !windows.is_some_and(is_there) {
            append(server, &DeploymentFact::AutomationReleased { application, holder }).await?;
        }
    }
    Ok(())
}

/// What holds an application: what is on record, and what was seen and is not on record yet.
#[must_use]
pub fn of(server: &Server, name: &ApplicationName) -> Vec<Hold> {
    let mut holds = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(name);
        state.map(|state| state.holds.clone()).unwrap_or_default()
    };
    for known in server.clusters.all() {
        for windows in known.windows.iter().filter(|windows| windows.kind.may_hold()) {
            let Some(object) = windows.objects.object(name.as_str()) else { continue };
            let Some(by) = flux::held_by(&object) else { continue };
            let holder = windows.holder(&known.name, name.as_str());
            if !holds.iter().any(|hold| hold.holder == holder) {
                holds.push(Hold { holder, by, since: server.clock.now() });
            }
        }
    }
    holds
}

async fn append(server: &Server, fact: &DeploymentFact) -> anyhow::Result<()> {
    let draft = fact.draft(server.clock.now(), Actor::system(ACTOR));
    server.recorder.append(vec![draft]).await?;
    Ok(())
}
