//! What Git has of an object's name, and what is known of it.

use std::sync::Arc;

use deployments::migration::Cluster;
use deployments::windows::{Counterpart, Kind, Names, Reading, View};
use deployments::{ApplicationState, Customizations, Step, compare};
use ledger::{ApplicationName, RepositoryName};
use serde_json::Value;

use super::Hand;
use crate::http::repository_of_url;
use crate::renderings::Rendering;
use crate::targets::Place;
use crate::tasks::deploy_applications::{images, inputs};

/// What Git has of an object's name.
pub(super) enum Sight {
    /// It is not known yet, and will be.
    NotYet,
    Undeclared,
    Different {
        repository: RepositoryName,
        reading: Reading,
    },
    /// It is declared, and no commit of it could be rendered yet.
    Unrendered(ApplicationName),
    Same(Arc<Rendering>),
}

impl Hand<'_> {
    pub(super) fn sight(&self, application: Option<ApplicationName>) -> Sight {
        let Some(name) = application else { return Sight::Undeclared };
        let (repository, is_failed) = {
            let views = self.server.recorder.views();
            let state = views.deployments.applications.get(&name);
            let Some((state, declaration)) =
                state.and_then(|state| Some((state, state.declaration.as_ref()?)))
            else {
                return Sight::Undeclared;
            };
            (declaration.repository.clone(), state.render_problem.is_some())
        };
        let Some(rendering) = self.server.renderings.of(&name) else {
            return if is_failed { Sight::Unrendered(name) } else { Sight::NotYet };
        };
        match self.reading(&rendering) {
            Reading::Same => {}
            reading @ (Reading::Different(_) | Reading::Unreadable(_)) => {
                return Sight::Different { repository, reading };
            }
        }
        match self.server.place_of(&rendering) {
            // What was not looked at yet is not absent.
            Place::Cluster(known) if known.is_new(&name) || known.is_being_read(&name) => {
                Sight::NotYet
            }
            Place::Cluster(_) | Place::Processes | Place::Nowhere => Sight::Same(rendering),
        }
    }

    fn reading(&self, rendering: &Rendering) -> Reading {
        let repository = |address: &str| {
            let known = repository_of_url(address, &self.server.url);
            known.map_or_else(|| address.to_owned(), |known| known.to_string())
        };
        let cluster = |address: &str| {
            let known = self.server.clusters.find(&rendering.repository, address);
            known.map_or_else(|| address.to_owned(), |known| known.name.clone())
        };
        let names = Names { repository: &repository, cluster: &cluster };
        let here = Cluster { name: &self.known.name, server: &self.known.address };
        let file = &rendering.application;
        match self.windows.kind {
            Kind::Application => deployments::argo_cd::read(self.object, file, here, &names),
            Kind::Kustomization
            | Kind::HelmRelease
            | Kind::GitRepository
            | Kind::OciRepository
            | Kind::HelmRepository => {
                let source = self.source();
                deployments::flux::read(self.object, source.as_deref(), file, here, &names)
            }
        }
    }

    /// The source that an object of Flux names.
    pub(super) fn source(&self) -> Option<Arc<Value>> {
        let (kind, name) = deployments::flux::source_of(self.object)?;
        let mut windows = self.known.windows.iter();
        windows.find(|windows| windows.kind.name() == kind)?.objects.object(name)
    }

    /// Decides on what is known now; `None`: it is not known yet.
    pub(super) fn decide<T>(
        &self,
        sight: &Sight,
        decide: impl FnOnce(Counterpart<'_>) -> T,
    ) -> Option<T> {
        Some(match sight {
            Sight::NotYet => return None,
            Sight::Undeclared => decide(Counterpart::Undeclared),
            Sight::Different { repository, reading } => {
                decide(Counterpart::Different { repository, reading })
            }
            Sight::Unrendered(name) => decide(Counterpart::Same(View {
                state: &self.state(name),
                revision: None,
                steps: None,
                live: &[],
                customizations: &Customizations::default(),
                images: &[],
                is_under_way: false,
                waits: &[],
            })),
            Sight::Same(rendering) => {
                let name = &rendering.application.name;
                let (steps, live) = self.compared(rendering);
                let under_way = self.server.operations.of(name);
                decide(Counterpart::Same(View {
                    state: &self.state(name),
                    revision: Some(&rendering.commit),
                    steps: steps.as_deref(),
                    live: &live,
                    customizations: &rendering.customizations,
                    images: &images(&rendering.manifests).collect::<Vec<_>>(),
                    is_under_way: under_way.is_some(),
                    waits: &under_way.map(|one| one.waits).unwrap_or_default(),
                }))
            }
        })
    }

    fn state(&self, name: &ApplicationName) -> ApplicationState {
        let views = self.server.recorder.views();
        views.deployments.applications.get(name).cloned().unwrap_or_default()
    }

    /// How the application's objects compare with Git, and the objects.
    fn compared(&self, rendering: &Rendering) -> (Option<Vec<Step>>, Vec<Value>) {
        let place = self.server.place_of(rendering);
        let now = self.server.clock.now();
        let observed = self.server.observe(&place, &rendering.application.name, now);
        let inputs = inputs(self.server, &place, rendering, &observed);
        let steps =
            if place.is_seen(&rendering.application.name) { compare(&inputs) } else { None };
        let inventory = observed.inventory.into_iter().flat_map(|inventory| inventory.objects);
        (steps, inventory.map(|one| one.manifest).collect())
    }
}
