//! Applications of sets that do not follow their set in everything: what each is now.

use std::collections::BTreeMap;
use std::sync::Arc;

use deployments::application_set::Upkeep;
use deployments::{Application, Declaration};
use ledger::{ApplicationName, RepositoryName};

use crate::configurations::RepositoryConfiguration;
use crate::declarations::DeclaredSet;
use crate::state::Server;
use crate::tasks::remove_applications::last_declared;

/// An application as it is now.
pub(crate) struct Current {
    /// The file that declares it, or its set.
    pub(crate) declared_in: String,
    /// The application.
    pub(crate) application: Application,
    /// The set that generates it, or did.
    pub(crate) set: Option<String>,
}

/// The applications of a repository: as Git declares them, but for those that their set leaves as they
/// were.
pub(crate) async fn applications_of(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
) -> anyhow::Result<Vec<Current>> {
    let current = |(file, application): &(String, Application)| Current {
        declared_in: file.clone(),
        application: application.clone(),
        set: configured.set_of(&application.name).map(str::to_owned),
    };
    let mut applications: Vec<Current> = configured.applications.iter().map(current).collect();
    for (name, set) in configured.sets.iter().filter(|(_, set)| set.upkeep != Upkeep::Sync) {
        let mut known = known(server, repository, name);
        for Current { application: generated, .. } in &mut applications {
            if !set.applications.contains(&generated.name) {
                continue;
            }
            let Some(declared) = known.remove(&generated.name) else { continue };
            let kept = match set.upkeep.updates() {
                true => None,
                false => last_declared(server, &generated.name, &declared).await?,
            };
            let form = set.upkeep.form(Some(&*generated), kept.as_ref());
            if let Some(form) = form.cloned() {
                let labels = generated.labels.clone();
                *generated = completed(form, configured, name, set, &labels);
            }
        }
        let is_declared = |name: &ApplicationName| {
            configured.applications.iter().any(|(_, one)| one.name == *name)
        };
        let left = known.into_iter().filter(|(name, _)| !is_declared(name));
        for (application, declared) in left {
            let kept = match set.upkeep.removes() {
                true => None,
                false => last_declared(server, &application, &declared).await?,
            };
            if let Some(form) = set.upkeep.form(None, kept.as_ref()).cloned() {
                let labels = form.labels.clone();
                applications.push(Current {
                    declared_in: set.file.clone(),
                    application: completed(form, configured, name, set, &labels),
                    set: Some(name.clone()),
                });
            }
        }
    }
    Ok(applications)
}

/// The applications that the set has generated and that are there.
fn known(
    server: &Server,
    repository: &RepositoryName,
    set: &str,
) -> BTreeMap<ApplicationName, Declaration> {
    let views = server.recorder.views();
    let declared = views.deployments.applications.iter().filter_map(|(name, state)| {
        let declared = state.declaration.as_ref()?;
        let is_own = declared.repository == *repository && declared.set.as_deref() == Some(set);
        is_own.then(|| (name.clone(), declared.clone()))
    });
    declared.collect()
}

/// A kept form with what its repository and its set say of it today. `labels` say in which step it is.
fn completed(
    application: Application,
    configured: &RepositoryConfiguration,
    name: &str,
    set: &DeclaredSet,
    labels: &BTreeMap<String, String>,
) -> Application {
    Application {
        shared_ignore_differences: configured.customizations.ignore_differences().to_vec(),
        rollout: set.steps.as_ref().map(|steps| steps.place(name, labels)),
        ..application
    }
}
