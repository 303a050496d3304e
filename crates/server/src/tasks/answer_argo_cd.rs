//! Argo CD's `Application` objects of clusters: shows in them what is known of the applications of
//! their names, and takes up what tools ask for by writing into them (decision 0013).

mod memory;

use std::sync::Arc;

use cluster::{Followed, RequestError};
use deployments::argo_cd::{
    self, Counterpart, Names, Reading, STATUS_MANAGER, Shown, View, Window, other_writer,
};
use deployments::migration::Cluster;
use deployments::{ApplicationState, Customizations, DeploymentFact, Step, compare};
use futures::StreamExt as _;
use ledger::{Actor, ApplicationName, RepositoryName};
use serde_json::Value;

pub use memory::Answered;
use memory::{Look, Memory};

use crate::clusters::Known;
use crate::http::repository_of_url;
use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::Place;
use crate::tasks::Next;
use crate::tasks::deploy_applications::{images, inputs};

const ACTOR: &str = "argo-cd";
/// Objects that are looked at side by side.
const LOOKS_AT_ONCE: usize = 16;

/// One activation: every object of every cluster.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let mut failed = None;
    for known in &server.clusters.all() {
        let Some(objects) = &known.windows else { continue };
        let all = objects.objects();
        server.answered.keep_only(&known.name, &all);
        let looks = futures::stream::iter(all.into_iter().map(async |object| {
            Hand { server: &server, known, objects, object: &object }.look().await
        }));
        let mut looks = looks.buffer_unordered(LOOKS_AT_ONCE);
        while let Some(looked) = looks.next().await {
            // The other looks go on to their end.
            if let Err(error) = looked {
                failed = failed.or(Some(error));
            }
        }
    }
    failed.map_or(Ok(Next::OnChange), Err)
}

/// One object.
struct Hand<'a> {
    server: &'a Arc<Server>,
    known: &'a Known,
    objects: &'a Followed,
    object: &'a Value,
}

/// What Git has of an object's name.
enum Sight {
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
    async fn look(&self) -> anyhow::Result<()> {
        let name = self.name();
        let application = ApplicationName::new(name).ok();
        let look = Look::of(self.server, self.object, application.as_ref());
        if self.server.answered.is_same(&self.known.name, name, &look) {
            return Ok(());
        }
        let memory = self.server.answered.of(&self.known.name, name);
        let answered = memory.shown.as_ref().map(|shown| &shown.answered);
        let other = other_writer(self.object, answered);
        if other.is_some() {
            self.say_who_else_writes(&memory, other.as_deref());
            let memory = Memory { looked: Some(look), other_writer: other, ..memory };
            self.server.answered.keep(&self.known.name, name, memory);
            return Ok(());
        }
        let sight = self.sight(application);
        if matches!(sight, Sight::NotYet) {
            return Ok(());
        }
        let (taken, refusal) = self.take(&sight, memory.taken.as_ref()).await?;
        let Some((patch, asked)) = self.patch(&sight, refusal.as_deref(), memory.shown.as_ref())
        else {
            let memory = Memory { looked: Some(look), taken, other_writer: None, ..memory };
            self.server.answered.keep(&self.known.name, name, memory);
            return Ok(());
        };
        let (looked, shown) = match self.objects.merge(name, &patch, STATUS_MANAGER).await {
            Ok(after) => (Some(look), Some(Shown { asked, answered: after["status"].clone() })),
            // Somebody was faster; what they did is seen on the watch.
            Err(RequestError::Conflict { .. } | RequestError::NotFound { .. }) => {
                (None, memory.shown)
            }
            Err(error) => return Err(error.into()),
        };
        let memory = Memory { looked, shown, taken, other_writer: None };
        self.server.answered.keep(&self.known.name, name, memory);
        Ok(())
    }

    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    fn say_who_else_writes(&self, memory: &Memory, other: Option<&str>) {
        if memory.other_writer.as_deref() != other {
            tracing::warn!(
                cluster = self.known.name,
                namespace = self.objects.namespace(),
                application = self.name(),
                writer = other,
                "another program writes the status of this object, which is left to it"
            );
        }
    }

    fn sight(&self, application: Option<ApplicationName>) -> Sight {
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
        argo_cd::read(self.object, &rendering.application, here, &names)
    }

    /// Takes up what the object asks for. Gives the operation that is taken, so that it is taken once,
    /// or why it is refused.
    async fn take(
        &self,
        sight: &Sight,
        before: Option<&Value>,
    ) -> anyhow::Result<(Option<Value>, Option<String>)> {
        let operation = self.object.get("operation").filter(|operation| !operation.is_null());
        let refused = |why: &str| Ok((None, operation.map(|_| why.to_owned())));
        let rendering = match sight {
            Sight::Same(rendering) => rendering,
            Sight::Unrendered(_) => return refused("no commit of it could be rendered yet"),
            Sight::NotYet | Sight::Undeclared | Sight::Different { .. } => {
                return refused("nothing is synchronised by this object: its conditions say why");
            }
        };
        let name = &rendering.application.name;
        let object = format!(
            "Application {}/{name} of the cluster {}",
            self.objects.namespace(),
            self.known.name
        );
        if argo_cd::is_ending(self.object) {
            self.server.operations.end(name, &format!("the {object} asked for its end"));
        }
        let request = match argo_cd::request(self.object, &rendering.commit) {
            None => return Ok((None, None)),
            Some(Err(why)) => return Ok((None, Some(why))),
            Some(Ok(request)) => request,
        };
        // Another object of the name has another identity.
        let taken = operation.map(|one| serde_json::json!([self.object["metadata"]["uid"], one]));
        if taken.as_ref() != before {
            let fact =
                DeploymentFact::SyncRequested { application: name.clone(), prune: request.prune };
            let draft = fact.draft(self.server.clock.now(), Actor::system(ACTOR));
            let draft = draft.because(format!("{} ({object})", request.by));
            self.server.recorder.append(vec![draft]).await?;
        }
        Ok((taken, None))
    }

    fn patch(
        &self,
        sight: &Sight,
        refusal: Option<&str>,
        shown: Option<&Shown>,
    ) -> Option<(Value, Value)> {
        let decide = |counterpart| {
            let window = Window {
                object: self.object,
                cluster: &self.known.name,
                counterpart,
                refusal,
                as_of: self.server.clock.now(),
            };
            argo_cd::patch(&window, shown)
        };
        match sight {
            Sight::NotYet => None,
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
        }
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
