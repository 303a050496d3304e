//! Everything that routes and tasks share.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::http::HeaderMap;
use database::AppendError;
use ed25519_dalek::SigningKey;
use git_store::GitStore;
use ledger::{ApplicationName, CommitId, Draft, Fact, RefName, RepositoryName, VerifierKey};
use probes::{Checker, Dialer, Metrics, Scraper};
use registry::Registry;
use repositories::access::Scope;
use repositories::secrets::{SecretName, SecretRecord};
use runner::Runner;
use tokio::sync::watch;
use workloads::Engine;

use crate::charts::Charts;
use crate::clock::Clock;
use crate::clusters::{Clusters, Known};
use crate::configurations::{Configurations, RepositoryConfiguration};
use crate::http::identity;
use crate::http::problem::Refusal;
use crate::operations::Operations;
use crate::options::Options;
use crate::outlook::Outlook;
use crate::passkeys::Passkeys;
use crate::passwords::Passwords;
use crate::plugins::Plugins;
use crate::record::Recorder;
use crate::renderings::Renderings;
use crate::runs::Runs;
use crate::secrets::Secrets;
use crate::setup::SetupLink;
use crate::sources::{self, Other};
use crate::tasks::answer_objects::Answered;
use crate::tasks::deploy_applications::{Looked, Rollouts};
use crate::tasks::keep_ledger::Keeping;
use crate::views::Views;
use crate::watched::Watched;

/// The running server.
pub struct Server {
    /// How it was started.
    pub options: Options,
    /// Where it answers.
    pub url: String,
    /// Milliseconds from there until it was ready.
    pub ready_after_ms: std::sync::OnceLock<u64>,
    /// The clock.
    pub clock: Arc<Clock>,
    /// The ledger and its views.
    pub recorder: Recorder,
    /// The key that signs checkpoints.
    pub signing_key: SigningKey,
    /// The hosted repositories.
    pub git: GitStore,
    /// One writer at a time per repository: from the decision to the moved ref.
    pub repository_locks: Locks,
    /// What each commit configures, read once.
    pub configurations: Configurations,
    /// What applications render to.
    pub renderings: Renderings,
    /// The programs that render.
    pub renderers: render::Renderers,
    /// Charts that are in no Git repository.
    pub charts: Charts,
    /// What services answered that sets are given parameters by.
    pub plugins: Plugins,
    /// Up to which commits each repository's applications are rendered.
    pub rendered_through: Mutex<BTreeMap<RepositoryName, RenderedThrough>>,
    /// What applications were when they were looked at last.
    pub looked: Looked,
    /// How the sets stand that go by steps.
    pub rollouts: Rollouts,
    /// What objects of other tools on clusters were when they were looked at last.
    pub answered: Answered,
    /// What clusters said of proposed changes.
    pub trials: crate::trials::Answers,
    /// What the watching remembers.
    pub watched: Watched,
    /// How far the ledger was signed.
    pub keeping: Keeping,
    /// Images, artifacts and other blobs.
    pub registry: Registry,
    /// Runs that have not ended.
    pub runs: Runs,
    /// The runner of jobs.
    pub runner: Runner,
    /// The local processes.
    pub engine: Engine,
    /// The clusters.
    pub clusters: Clusters,
    /// Synchronisations with clusters that are under way.
    pub operations: Operations,
    /// The metrics.
    pub metrics: Metrics,
    /// What fetches metrics.
    pub scraper: Scraper,
    /// What asks services from outside.
    pub checker: Checker,
    /// The one way out.
    pub dialer: Dialer,
    /// The one-time link.
    pub setup: SetupLink,
    /// Passwords of accounts.
    pub passwords: Passwords,
    /// Values of secrets.
    pub secrets: Secrets,
    /// Passkeys of accounts.
    pub passkeys: Passkeys,
    /// True once the server is to stop.
    pub stopping: watch::Sender<bool>,
}

/// Up to which commits a repository's applications are rendered.
pub struct RenderedThrough {
    /// Of the default branch, which declares them.
    pub commit: CommitId,
    /// What its sets saw besides.
    pub outlook: Outlook,
    /// The tips of the other branches and tags that they follow; `None`: there is no such one.
    pub tips: BTreeMap<(RepositoryName, RefName), Option<CommitId>>,
    /// The age keys that decrypted what SOPS encrypted.
    pub keys: BTreeMap<SecretName, SecretRecord>,
    /// The other repositories that they are rendered from, as they were.
    pub others: BTreeMap<RepositoryName, Other>,
}

/// One lock per repository.
#[derive(Default)]
pub struct Locks(Mutex<BTreeMap<RepositoryName, Arc<tokio::sync::Mutex<()>>>>);

impl Locks {
    /// The lock of a repository.
    pub fn of(&self, repository: &RepositoryName) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(repository.clone()).or_default())
    }
}

/// Which facts a caller may see.
pub struct Visible(Option<RepositoryName>);

impl Visible {
    /// A token for one repository sees the facts that name it; any other token sees all.
    #[must_use]
    pub fn fact(&self, fact: &Fact) -> bool {
        let Some(own) = &self.0 else { return true };
        let own = own.as_str();
        let named =
            |field: &str| fact.body.get(field).and_then(|value| value.as_str()) == Some(own);
        let subject = fact.subject.name.strip_prefix(own);
        named("repository")
            || fact.body.pointer("/source/repository").and_then(|value| value.as_str()) == Some(own)
            || subject.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '#']))
    }
}

impl Visible {
    /// Whether a repository may be seen.
    #[must_use]
    pub fn repository(&self, name: &str) -> bool {
        self.0.as_ref().is_none_or(|own| own.as_str() == name)
    }

    /// Whether a cluster may be seen: as its repository, if it has one.
    #[must_use]
    pub fn cluster(&self, known: &Known) -> bool {
        known.repository.as_ref().is_none_or(|repository| self.repository(repository.as_str()))
    }

    /// Whether an application may be seen: as its repository.
    #[must_use]
    pub fn application(&self, views: &Views, application: &ApplicationName) -> bool {
        let state = views.deployments.applications.get(application);
        let declaration = state.and_then(|state| state.declared());
        self.0
            .as_ref()
            .is_none_or(|own| declaration.is_some_and(|declaration| declaration.repository == *own))
    }
}

impl Server {
    /// Appends facts; a lost race or a full disk becomes the matching refusal.
    pub async fn append(&self, drafts: Vec<Draft>) -> Result<Vec<Fact>, Refusal> {
        self.recorder.append(drafts).await.map_err(|error| match &error {
            AppendError::Refused(_) => Refusal::new("moved-on", &error),
            AppendError::Full => Refusal::new("disk-full", &error),
            AppendError::Storage(_) | AppendError::Closed => {
                Refusal::from(anyhow::Error::from(error))
            }
        })
    }

    /// Whether a repository's applications are rendered up to what its default branch configures and
    /// up to the tips of whatever else they follow.
    pub fn is_rendered_through(
        &self,
        repository: &RepositoryName,
        configured: &RepositoryConfiguration,
    ) -> bool {
        let known = self.rendered_through.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |known: &&RenderedThrough| {
            known.commit == configured.commit && known.outlook == configured.outlook
        };
        let Some(known) = known.get(repository).filter(is_same) else { return false };
        if known.others.iter().any(|(name, then)| sources::other(self, name) != *then) {
            return false;
        }
        let views = self.recorder.views();
        if known.keys != views.repositories.decryption_keys(repository) {
            return false;
        }
        let mut tips = known.tips.iter();
        tips.all(|((repository, reference), then)| {
            sources::tip(&views, repository, reference) == then.as_ref()
        })
    }

    /// Remembers it.
    pub fn set_rendered_through(&self, repository: &RepositoryName, through: RenderedThrough) {
        let mut known = self.rendered_through.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(repository.clone(), through);
    }

    /// The store of a repository.
    pub fn repository(&self, name: &RepositoryName) -> anyhow::Result<git_store::Repository> {
        let storage = {
            let views = self.recorder.views();
            views.repositories.repository(name).map(|repository| repository.storage.clone())
        };
        let storage = storage.with_context(|| format!("there is no repository {name}"))?;
        Ok(self.git.repository(&storage)?)
    }

    /// Signs what is in the ledger now.
    pub async fn sign_checkpoint(&self) -> anyhow::Result<()> {
        let origin = self.origin();
        self.recorder.database().checkpoint(&self.signing_key, &origin).await?;
        Ok(())
    }

    /// The key that checkpoints are verified with.
    pub fn verifier_key(&self) -> anyhow::Result<VerifierKey> {
        Ok(VerifierKey::new(&self.origin(), self.signing_key.verifying_key())?)
    }

    /// The ledger's name in checkpoints.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("boucle/{}", self.recorder.database().ledger_id())
    }

    /// Which facts the sender of a request may see.
    #[must_use]
    pub fn visible_to(&self, headers: &HeaderMap) -> Visible {
        match identity::grant(self, headers).scope {
            Scope::Server => Visible(None),
            Scope::Repository(name) => Visible(Some(name)),
        }
    }
}

/// Waits until the server is to stop.
pub async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A closed channel means that the server is gone, which is a reason to stop, too.
    let _ = stopping.wait_for(|stop| *stop).await.map(drop);
}
