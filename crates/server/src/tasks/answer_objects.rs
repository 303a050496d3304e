//! Objects of other tools on clusters: shows in them what is known of the applications of their names,
//! and takes up what is asked for by writing into them (decisions 0013 and 0015).

mod argo_cd;
mod flux;
mod flux_sources;
mod holds;
mod memory;
mod sight;

use std::sync::Arc;

use cluster::RequestError;
use deployments::windows::{Kind, STATUS_MANAGER, Shown, other_writer};
use deployments::{DeploymentFact, Holder};
use futures::StreamExt as _;
use ledger::{Actor, ApplicationName};
use serde_json::Value;

pub use holds::of as holds_of;
pub use memory::Answered;
use memory::{Look, Memory};

use crate::clusters::{Known, Windows};
use crate::state::Server;
use crate::tasks::Next;

/// Objects that are looked at side by side.
const LOOKS_AT_ONCE: usize = 16;

/// One activation: every object of every cluster.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let mut failed = None;
    for known in &server.clusters.all() {
        for windows in &known.windows {
            let Some(all) = windows.objects.objects() else { continue };
            server.answered.keep_only(&known.name, windows.kind, &all);
            let looks = futures::stream::iter(all.into_iter().map(async |object| {
                Hand { server: &server, known, windows, object: &object }.look().await
            }));
            let mut looks = looks.buffer_unordered(LOOKS_AT_ONCE);
            while let Some(looked) = looks.next().await {
                // The other looks go on to their end.
                if let Err(error) = looked {
                    failed = failed.or(Some(error));
                }
            }
        }
    }
    if let Err(error) = holds::end_those_of_nobody(&server).await {
        failed = failed.or(Some(error));
    }
    failed.map_or(Ok(Next::OnChange), Err)
}

/// One object.
struct Hand<'a> {
    server: &'a Arc<Server>,
    known: &'a Known,
    windows: &'a Windows,
    object: &'a Value,
}

/// What a look comes to.
struct Answer {
    /// What was taken up, so that it is taken up once.
    taken: Option<Value>,
    /// The patch, and the status that it makes; `None`: everything is shown.
    write: Option<(Value, Value)>,
}

impl Hand<'_> {
    async fn look(&self) -> anyhow::Result<()> {
        let application = ApplicationName::new(self.name()).ok();
        let look = Look::of(self, application.as_ref());
        if self.server.answered.is_same(self, &look) {
            return Ok(());
        }
        if let Some(application) = application.as_ref().filter(|_| self.windows.kind.may_hold()) {
            holds::record(self, application).await?;
        }
        let memory = self.server.answered.of(self);
        let other = self.other_writer(memory.shown.as_ref());
        if other.is_some() {
            self.say_who_else_writes(&memory, other.as_deref());
            let memory = Memory { looked: Some(look), other_writer: other, ..memory };
            self.server.answered.keep(self, memory);
            return Ok(());
        }
        let answer = match self.windows.kind {
            Kind::Application => argo_cd::answer(self, application, &memory).await?,
            Kind::Kustomization | Kind::HelmRelease => {
                flux::answer(self, application, &memory).await?
            }
            Kind::GitRepository | Kind::OciRepository | Kind::HelmRepository => {
                Some(flux_sources::answer(self, &memory))
            }
        };
        let Some(Answer { taken, write }) = answer else { return Ok(()) };
        let Some((patch, asked)) = write else {
            let memory = Memory { looked: Some(look), taken, other_writer: None, ..memory };
            self.server.answered.keep(self, memory);
            return Ok(());
        };
        let written = self.windows.objects.merge(self.name(), &patch, STATUS_MANAGER).await;
        // What was taken up is not taken up again, whatever became of the answer.
        let (looked, shown, failed) = match written {
            Ok(after) => {
                let shown = Shown { asked, answered: after["status"].clone() };
                (Some(look), Some(shown), Ok(()))
            }
            // Somebody was faster; what they did is seen on the watch.
            Err(RequestError::Conflict { .. } | RequestError::NotFound { .. }) => {
                (None, memory.shown, Ok(()))
            }
            Err(error) => (None, memory.shown, Err(error.into())),
        };
        self.server.answered.keep(self, Memory { looked, shown, taken, other_writer: None });
        failed
    }

    /// Records that the object asks for a synchronisation.
    async fn request(
        &self,
        actor: &str,
        application: &ApplicationName,
        prune: bool,
        by: &str,
    ) -> anyhow::Result<()> {
        let fact = DeploymentFact::SyncRequested { application: application.clone(), prune };
        let draft = fact.draft(self.server.clock.now(), Actor::system(actor));
        let draft = draft.because(format!("{by} ({})", self.holder()));
        self.server.recorder.append(vec![draft]).await?;
        Ok(())
    }

    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// Its whole name, for people.
    fn holder(&self) -> Holder {
        self.windows.holder(&self.known.name, self.name())
    }

    fn other_writer(&self, shown: Option<&Shown>) -> Option<String> {
        let answered = shown.map(|shown| &shown.answered);
        match self.windows.kind {
            Kind::Application => deployments::argo_cd::other_writer(self.object, answered),
            Kind::Kustomization
            | Kind::HelmRelease
            | Kind::GitRepository
            | Kind::OciRepository
            | Kind::HelmRepository => other_writer(self.object, answered),
        }
    }

    fn say_who_else_writes(&self, memory: &Memory, other: Option<&str>) {
        if memory.other_writer.as_deref() != other {
            tracing::warn!(
                object = %self.holder(),
                writer = other,
                "another program writes the status of this object, which is left to it"
            );
        }
    }
}
