//! Removes applications that nothing declares any more, unless a set would remove too many of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deployments::application_set::{Removals, SetRemovals, removals};
use deployments::{Application, BlockReason, Declaration, DeploymentFact, ObjectKey};
use ledger::{ApplicationName, RepositoryName};
use repositories::view::PullRequestState;

use crate::configurations::RepositoryConfiguration;
use crate::state::Server;
use crate::tasks::render_applications::record;
use crate::words::ConfigurationProblem;

/// Applications whose file is gone are removed; their objects stay unless the file asked by its
/// finalizer that they go too, which the deployer then does. Whether some wait for a person.
pub(super) async fn remove_undeclared(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
) -> anyhow::Result<bool> {
    // A file that cannot be read is not a file that is gone, and no more is what a set that cannot be
    // expanded would generate.
    let mut all = configured.problems.iter().chain(&configured.notes);
    if all.any(ConfigurationProblem::may_hide_applications) {
        return Ok(false);
    }
    let (mut gone, of_sets) = undeclared(server, repository, configured);
    let mut held = BTreeMap::new();
    for (set, before) in of_sets {
        let Removals { removed, held: names } = of_set(server, configured, &set, &before);
        gone.extend(removed);
        let removals = names.iter().map(ObjectKey::of_application).collect();
        let reason = BlockReason::SetRemovesMany { set, removals, existing: before.len() };
        held.extend(names.into_iter().map(|name| (name, reason.clone())));
    }
    say(server, repository, configured, &held).await?;
    remove(server, repository, configured, gone).await?;
    Ok(!held.is_empty())
}

/// Records that they are gone; what their objects need to go with them is in the fact.
async fn remove(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    gone: BTreeSet<ApplicationName>,
) -> anyhow::Result<()> {
    let declarations: BTreeMap<ApplicationName, Declaration> = {
        let views = server.recorder.views();
        let declared = views.deployments.applications.iter().filter_map(|(name, state)| {
            let declared = state.declaration.as_ref();
            let declared = declared.filter(|declared| declared.repository == *repository)?;
            Some((name.clone(), declared.clone()))
        });
        declared.collect()
    };
    let of = declarations.len();
    let gone: Vec<(ApplicationName, &Declaration)> = gone
        .into_iter()
        .filter_map(|name| declarations.get_key_value(&name))
        .map(|(name, declared)| (name.clone(), declared))
        .collect();
    // What a set that is still there does not generate any more was judged with the set.
    let is_of_set = |declared: &Declaration| {
        declared.set.as_ref().is_some_and(|set| configured.sets.contains_key(set))
    };
    let counts = |declared: &Declaration| declared.deletes_objects && !is_of_set(declared);
    let together = gone.iter().filter(|(_, declared)| counts(declared)).count();
    for (application, declaration) in gone {
        let declared = match declaration.deletes_objects {
            true => last_declared(server, &application, declaration).await?,
            false => None,
        };
        let deletes_objects = declared.is_some();
        let fact = DeploymentFact::ApplicationRemoved {
            application: application.clone(),
            commit: configured.commit.clone(),
            deletes_objects,
            declared: declared.map(Box::new),
            together: if is_of_set(declaration) { 1 } else { together },
            of,
        };
        record(server, &[fact]).await?;
        // What is kept of one whose objects have to go is made anew from what was applied.
        server.renderings.forget(&application);
        server.operations.end(&application, "its file left Git");
        if !deletes_objects {
            server.clusters.all().iter().for_each(|known| known.forget(&application));
        }
    }
    Ok(())
}

/// The application as it was last: in the form that its set keeps, else as it was rendered, else as the
/// commit had it that the ledger knows.
pub(super) async fn last_declared(
    server: &Arc<Server>,
    application: &ApplicationName,
    declaration: &Declaration,
) -> anyhow::Result<Option<Application>> {
    if let Some(kept) = &declaration.kept {
        return Ok(Some(Application::clone(kept)));
    }
    if let Some(rendering) = server.renderings.of(application) {
        return Ok(Some(rendering.application.clone()));
    }
    let (repository, commit) = (&declaration.repository, &declaration.commit);
    let configured = server.configurations.read_once(server, repository, commit).await?;
    let mut known = configured.applications.iter().map(|(_, known)| known);
    Ok(known.find(|known| known.name == *application).cloned())
}

type BySet = BTreeMap<String, BTreeSet<ApplicationName>>;

/// The applications of files that are gone, and those that each set that is still there had.
fn undeclared(
    server: &Server,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
) -> (BTreeSet<ApplicationName>, BySet) {
    let now: BTreeSet<&ApplicationName> =
        configured.applications.iter().map(|(_, known)| &known.name).collect();
    let (mut gone, mut of_sets) = (BTreeSet::new(), BySet::new());
    let views = server.recorder.views();
    for (name, state) in &views.deployments.applications {
        let Some(declared) = &state.declaration else { continue };
        if declared.repository != *repository {
            continue;
        }
        let set = declared.set.as_ref().filter(|set| configured.sets.contains_key(*set));
        match set {
            Some(set) => drop(of_sets.entry(set.clone()).or_default().insert(name.clone())),
            None if now.contains(name) => {}
            None => drop(gone.insert(name.clone())),
        }
    }
    (gone, of_sets)
}

fn of_set(
    server: &Server,
    configured: &RepositoryConfiguration,
    set: &str,
    before: &BTreeSet<ApplicationName>,
) -> Removals {
    // An application may have got a file of its own.
    let now = configured.applications.iter().map(|(_, known)| known.name.clone()).collect();
    let removes = configured.sets.get(set).is_some_and(|set| set.upkeep.removes());
    let is_told = configured.sets.get(set).is_some_and(|set| set.is_told);
    let ended = ended(server, before);
    let confirmed = {
        let (views, as_of) = (server.recorder.views(), server.clock.now());
        let states = before
            .iter()
            .filter_map(|name| views.deployments.applications.get(name))
            .collect::<Vec<_>>();
        let objects = states.into_iter().flat_map(|state| state.confirmed_at(as_of));
        let confirmed: BTreeSet<ObjectKey> = objects.collect();
        let is_confirmed =
            |name: &&ApplicationName| confirmed.contains(&ObjectKey::of_application(name));
        before.iter().filter(is_confirmed).cloned().collect()
    };
    let (now, ended, confirmed) = (&now, &ended, &confirmed);
    removals(&SetRemovals { before, now, ended, removes, is_told, confirmed })
}

/// Those of pull requests that were merged or closed.
fn ended(server: &Server, before: &BTreeSet<ApplicationName>) -> BTreeSet<ApplicationName> {
    let views = server.recorder.views();
    let has_ended = |name: &&ApplicationName| {
        let declared = views.deployments.applications.get(*name)?.declaration.as_ref()?;
        let of = declared.kept.as_ref()?.pull_request.as_ref()?;
        let known = views.repositories.pull_request(&of.repository, of.number)?;
        Some(known.state != PullRequestState::Open)
    };
    before.iter().filter(|name| has_ended(name).unwrap_or(false)).cloned().collect()
}

/// Says on each application that is held why it is still there, beside its other reasons, and no
/// longer says so of one that is not.
async fn say(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    held: &BTreeMap<ApplicationName, BlockReason>,
) -> anyhow::Result<()> {
    let is_held = |reason: &BlockReason| matches!(reason, BlockReason::SetRemovesMany { .. });
    let facts: Vec<DeploymentFact> = {
        let views = server.recorder.views();
        let own = views.deployments.applications.iter().filter(|(_, state)| {
            state.declaration.as_ref().is_some_and(|one| one.repository == *repository)
        });
        let changed = own.filter_map(|(name, state)| {
            let others = state.blocked.iter().filter(|reason| !is_held(reason)).cloned();
            let reasons: Vec<BlockReason> = others.chain(held.get(name).cloned()).collect();
            (reasons != state.blocked).then(|| DeploymentFact::PlanBlocked {
                application: name.clone(),
                revision: configured.commit.clone(),
                reasons,
            })
        });
        changed.collect()
    };
    record(server, &facts).await
}
