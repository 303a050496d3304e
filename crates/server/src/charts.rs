//! Charts that are in no Git repository: fetched once, beside everything else, and kept by digest. Of
//! this server's own registry they are read straight from its store.

mod credentials;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deployments::{
    Chart, ChartAccess, ChartLogin, ChartPlace, ChartProblem, CredentialOf, CredentialTrouble,
};
use ledger::{ArtifactDigest, RepositoryName, Timestamp};
use probes::{AddressPolicy, DialError, Request};
use registry::{ImageName, Reference, Tag};
use render::{
    Answer, ArchiveForm, ArchiveLayer, Ask, ChartArchive, ChartCredential, ChartHosts, ChartStore,
    NoAnswer,
};
use repositories::secrets::{NoBoundSecret, SecretName, SecretRecord};
use tokio::sync::{Semaphore, watch};

use self::credentials::Credentials;
use crate::sources;
use crate::state::Server;

/// One chart, from the first request to the last byte.
const FETCH_TIME: Duration = Duration::from_secs(60);
/// Charts that are fetched at once: each may be 64 MiB in memory.
const FETCHES_AT_ONCE: usize = 4;
/// After a failure it is asked again this much later, doubling up to [`RETRY_MAX_MS`].
const RETRY_FIRST_MS: i64 = 5_000;
/// Whoever names more charts than this has the oldest failures forgotten.
const ATTEMPTS_MAX: usize = 1_000;
/// The longest wait: five minutes.
const RETRY_MAX_MS: i64 = 300_000;

/// What is being fetched, what could not be, and the store of what was.
pub struct Charts {
    store: ChartStore,
    hosts: ChartHosts,
    attempts: Mutex<BTreeMap<Wanted, Attempt>>,
    credentials: Credentials,
    permits: Semaphore,
    changes: watch::Sender<u64>,
}

/// A chart, and for whom it is asked with a credential; `None`: for everybody, as anybody asks.
type Wanted = (Option<RepositoryName>, Chart);

/// What became of asking for a chart.
#[derive(Debug, Clone)]
enum Attempt {
    UnderWay,
    Failed { problem: ChartProblem, failures: u32, until: Timestamp, with: Option<Access> },
}

/// With which credential a chart is asked for. Another value of the secret has another record.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Access {
    of: CredentialOf,
    username: String,
    record: SecretRecord,
    tokens_from: Option<String>,
}

impl Attempt {
    /// Whether it says more than nothing.
    fn is_wanted(&self, now: Timestamp) -> bool {
        match self {
            Self::UnderWay => true,
            Self::Failed { until, .. } => now < *until,
        }
    }
}

impl Charts {
    /// Fetches from these hosts into this folder.
    #[must_use]
    pub fn new(folder: &std::path::Path, hosts: ChartHosts) -> Self {
        let (changes, _) = watch::channel(0);
        Self {
            store: ChartStore::in_folder(folder),
            hosts,
            attempts: Mutex::default(),
            credentials: Credentials::default(),
            permits: Semaphore::new(FETCHES_AT_ONCE),
            changes,
        }
    }

    /// Wakes whoever waits for a chart; carries no data.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Why the chart of a problem was not had for a repository when it was asked for last, and until when
    /// it is not asked for again.
    #[must_use]
    pub fn failure(
        &self,
        home: &RepositoryName,
        problem: &ChartProblem,
    ) -> Option<(ChartProblem, Timestamp)> {
        let own = self.attempts().get(&(Some(home.clone()), problem.chart().clone())).cloned();
        // What a repository's own credential lacks is no answer to who asks without one.
        let is_own = matches!(problem, ChartProblem::Credential { .. });
        let found = if is_own { own } else { self.attempt(home, problem.chart()) };
        match found {
            Some(Attempt::Failed { problem, until, .. }) => Some((problem, until)),
            Some(Attempt::UnderWay) | None => None,
        }
    }

    /// Whether a chart is on its way for a repository.
    #[must_use]
    pub fn is_under_way(&self, home: &RepositoryName, chart: &Chart) -> bool {
        matches!(self.attempt(home, chart), Some(Attempt::UnderWay))
    }

    /// Waits until a chart is no longer on its way for a repository, at most this long.
    pub async fn settled(&self, home: &RepositoryName, chart: &Chart, at_most: Duration) {
        let mut changes = self.watch();
        let wait =
            async { while self.is_under_way(home, chart) && changes.changed().await.is_ok() {} };
        // Whoever waited too long says that it is on its way.
        let _ = tokio::time::timeout(at_most, wait).await;
    }

    /// The repository's own, else the one for everybody.
    fn attempt(&self, home: &RepositoryName, chart: &Chart) -> Option<Attempt> {
        let attempts = self.attempts();
        let own = attempts.get(&(Some(home.clone()), chart.clone()));
        own.or_else(|| attempts.get(&(None, chart.clone()))).cloned()
    }

    /// Begins to fetch a chart, unless that is under way or was refused a short while ago; gives how often
    /// it failed before.
    fn begin(
        &self,
        wanted: &Wanted,
        with: Option<&Access>,
        now: Timestamp,
    ) -> Result<u32, ChartProblem> {
        let chart = &wanted.1;
        let mut attempts = self.attempts();
        let failures = match attempts.get(wanted) {
            Some(Attempt::UnderWay) => {
                return Err(ChartProblem::Fetching { chart: chart.clone() });
            }
            Some(Attempt::Failed { with: other, .. }) if other.as_ref() != with => 0,
            Some(Attempt::Failed { problem, until, .. }) if now < *until => {
                return Err(problem.clone());
            }
            Some(Attempt::Failed { failures, .. }) => *failures,
            None => 0,
        };
        if attempts.len() >= ATTEMPTS_MAX {
            attempts.retain(|_, attempt| attempt.is_wanted(now));
        }
        if let Some((problem, until)) = self.refusal(chart, with, now) {
            let (kept, with) = (problem.clone(), with.cloned());
            let failed = Attempt::Failed { problem: kept, failures, until, with };
            attempts.insert(wanted.clone(), failed);
            return Err(problem);
        }
        attempts.insert(wanted.clone(), Attempt::UnderWay);
        Ok(failures)
    }

    /// Why a chart is not asked for with a credential that was refused for another one, and until when.
    fn refusal(
        &self,
        chart: &Chart,
        with: Option<&Access>,
        now: Timestamp,
    ) -> Option<(ChartProblem, Timestamp)> {
        let access = with?;
        let (trouble, until) = self.credentials.refusal(access, now)?;
        let (chart, of) = (chart.clone(), access.of.clone());
        Some((ChartProblem::Credential { chart, of, trouble }, until))
    }

    /// What is under way stays: it ends by itself, and must not begin again meanwhile.
    fn forget_failure(&self, wanted: &Wanted) {
        let mut attempts = self.attempts();
        if matches!(attempts.get(wanted), Some(Attempt::Failed { .. })) {
            attempts.remove(wanted);
        }
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, BTreeMap<Wanted, Attempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Server {
    /// A chart for an application of a repository, or why there is none. Blocks on files: not for a
    /// thread that polls futures. What is missing is fetched meanwhile, and wakes whoever waits.
    pub fn chart(
        self: &Arc<Self>,
        home: &RepositoryName,
        chart: &Chart,
    ) -> Result<Arc<ChartArchive>, ChartProblem> {
        let on_record = self.recorder.views().deployments.charts.get(&chart.to_string()).cloned();
        if let Some(image) = self.own_image(chart) {
            let (server, home) = (Arc::clone(self), home.clone());
            let read = async move { server.own_chart(&home, chart, &image?).await };
            let (bytes, form) = tokio::runtime::Handle::current().block_on(read)?;
            return ChartArchive::of(chart, &bytes, form, on_record.as_deref()).map(Arc::new);
        }
        let declared = self.declared_access(home, chart)?;
        let reader = declared.as_ref().map(|_| home.clone());
        // What anybody could get is for whoever has a credential, too.
        let of_all = reader.as_ref().map(|_| self.store_of(None));
        for store in [Some(self.store_of(reader.as_ref())), of_all].into_iter().flatten() {
            if let Some(archive) = store.get(chart, on_record.as_deref())? {
                return Ok(Arc::new(archive));
            }
        }
        render::may_ask(chart, &self.charts.hosts)?;
        let with = declared.map(|(declared, login)| self.access(home, chart, &declared, &login));
        let with = with.transpose();
        if !matches!(with, Ok(Some(_))) {
            // What was asked for with a credential that is there no more says nothing.
            self.charts.forget_failure(&(Some(home.clone()), chart.clone()));
        }
        let (with, wanted) = (with?, (reader, chart.clone()));
        let failures = self.charts.begin(&wanted, with.as_ref(), self.clock.now())?;
        let server = Arc::clone(self);
        tokio::spawn(async move { server.fetch_chart(wanted, with, on_record, failures).await });
        Err(ChartProblem::Fetching { chart: chart.clone() })
    }

    /// What the default branch of a repository declares for a chart: a proposal must not choose who is
    /// asked for it.
    fn declared_access(
        self: &Arc<Self>,
        home: &RepositoryName,
        chart: &Chart,
    ) -> Result<Option<(ChartAccess, ChartLogin)>, ChartProblem> {
        let read = self.configurations.of_default_branch(self, home);
        let configured = tokio::runtime::Handle::current().block_on(read);
        let configured = configured.map_err(|error| unavailable(chart, &format!("{error:#}")))?;
        let found = configured.as_ref().and_then(|one| ChartAccess::find(&one.charts, chart));
        Ok(found.map(|(access, login)| (access.clone(), login.clone())))
    }

    /// The credential that a repository declares for a chart, if its secret is for this address.
    fn access(
        &self,
        home: &RepositoryName,
        chart: &Chart,
        declared: &ChartAccess,
        login: &ChartLogin,
    ) -> Result<Access, ChartProblem> {
        let of = CredentialOf {
            repository: home.clone(),
            secret: login.secret.to_ascii_uppercase(),
            url: declared.url.clone(),
        };
        let views = self.recorder.views();
        let found = SecretName::new(&login.secret)
            .map_err(|_| NoBoundSecret::Missing)
            .and_then(|name| views.repositories.charts_secret(home, &name, &declared.url));
        match found {
            Ok((record, tokens_from)) => Ok(Access {
                of,
                username: login.username.clone(),
                record: record.clone(),
                tokens_from: tokens_from.map(str::to_owned),
            }),
            Err(why) => {
                let trouble = match why {
                    NoBoundSecret::Missing => CredentialTrouble::Missing,
                    NoBoundSecret::ForOthers => CredentialTrouble::ForOthers,
                    NoBoundSecret::Elsewhere { given } => CredentialTrouble::Elsewhere { given },
                };
                Err(ChartProblem::Credential { chart: chart.clone(), of, trouble })
            }
        }
    }

    fn store_of(&self, reader: Option<&RepositoryName>) -> ChartStore {
        match reader {
            Some(reader) => self.charts.store.of_reader(reader.as_str()),
            None => self.charts.store.clone(),
        }
    }

    async fn fetch_chart(
        self: Arc<Self>,
        wanted: Wanted,
        with: Option<Access>,
        on_record: Option<String>,
        failures: u32,
    ) {
        let charts = &self.charts;
        let turn = match &with {
            Some(access) => charts.credentials.turn(access, self.clock.now()).await,
            None => None,
        };
        // It is never closed.
        let permit = charts.permits.acquire().await;
        // Whoever went before may have been refused.
        let refusal = charts.refusal(&wanted.1, with.as_ref(), self.clock.now());
        let kept = match refusal {
            Some((problem, _)) => Err(problem),
            None => {
                let (server, asked, access) = (Arc::clone(&self), wanted.clone(), with.clone());
                // Reading a large index takes seconds: not on a thread that polls futures.
                let work =
                    move || server.fetch_and_keep(&asked, access.as_ref(), on_record.as_deref());
                let kept = tokio::task::spawn_blocking(work).await;
                kept.unwrap_or_else(|_| Err(unavailable(&wanted.1, "it was interrupted")))
            }
        };
        drop((permit, turn));
        match kept {
            Ok(()) => drop(charts.attempts().remove(&wanted)),
            Err(problem) => {
                tracing::warn!(%problem, "a chart was not fetched");
                let wait_ms = wait_ms(&problem, failures);
                let until = Timestamp(self.clock.now().0.saturating_add(wait_ms));
                let failed = Attempt::Failed { problem, failures: failures + 1, until, with };
                charts.attempts().insert(wanted, failed);
            }
        }
        charts.changes.send_modify(|count| *count += 1);
    }

    fn fetch_and_keep(
        &self,
        (reader, chart): &Wanted,
        access: Option<&Access>,
        on_record: Option<&str>,
    ) -> Result<(), ChartProblem> {
        let credential = access.map(|access| self.credential(chart, access)).transpose()?;
        // What was last said to the password itself; none was sent yet: 0.
        let said = AtomicU16::new(0);
        let last = &said;
        let ask = move |ask: Ask| async move {
            let has_password = ask.has_password();
            let answer = self.ask_for_chart(ask).await?;
            if has_password {
                last.store(answer.status, Ordering::Relaxed);
            }
            Ok::<_, NoAnswer>(answer)
        };
        let fetch = render::fetch_chart(chart, &self.charts.hosts, credential.as_ref(), ask);
        let fetch = async { tokio::time::timeout(FETCH_TIME, fetch).await };
        let fetched = tokio::runtime::Handle::current().block_on(fetch);
        let late = format!("there was no whole answer within {} s", FETCH_TIME.as_secs());
        let fetched = fetched.unwrap_or_else(|_| Err(unavailable(chart, &late)));
        if let Some(access) = access {
            let (said, now) = (said.load(Ordering::Relaxed), self.clock.now());
            self.charts.credentials.learn(access, said, fetched.as_ref().err(), now);
        }
        let (bytes, form) = fetched?;
        self.store_of(reader.as_ref()).keep(chart, &bytes, form, on_record).map(drop)
    }

    fn credential(&self, chart: &Chart, access: &Access) -> Result<ChartCredential, ChartProblem> {
        let CredentialOf { repository, secret, url } = &access.of;
        let failed = |error: anyhow::Error| unavailable(chart, &format!("{error:#}"));
        let name = SecretName::new(secret).map_err(|error| failed(error.into()))?;
        // Whoever gives it another value, for another address, does so under this lock.
        let lock = self.repository_locks.of(repository);
        let _held = tokio::runtime::Handle::current().block_on(lock.lock());
        let views = self.recorder.views();
        let found = views.repositories.charts_secret(repository, &name, url);
        if !found.is_ok_and(|(record, _)| *record == access.record) {
            return Err(unavailable(chart, "its secret was given another value meanwhile"));
        }
        drop(views);
        let value = self.secrets.value(repository, &name).map_err(failed)?;
        let (of, tokens_from) = (access.of.clone(), access.tokens_from.as_deref());
        Ok(ChartCredential::new(of, &access.username, value.trim(), tokens_from))
    }

    async fn ask_for_chart(&self, ask: Ask) -> Result<Answer, NoAnswer> {
        let mut request = Request::get(ask.url, AddressPolicy::UserGiven);
        request.timeout_ms = u64::try_from(FETCH_TIME.as_millis()).unwrap_or(u64::MAX);
        request.body_bytes_max = ask.body_bytes_max;
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        let answer = self.dialer.send(&request).await.map_err(|error| {
            let is_large = matches!(error, DialError::TooLarge { .. });
            // The address may be one that a registry signed for whoever has it.
            if is_large {
                NoAnswer::TooLarge
            } else {
                NoAnswer::Silent(error.of_host().to_string())
            }
        })?;
        let probes::Answer { status, location, challenge, body, .. } = answer;
        Ok(Answer { status, location, challenge, body })
    }

    /// The image that a chart is in this server's registry; `None`: it is elsewhere.
    #[must_use]
    pub fn own_image(&self, chart: &Chart) -> Option<Result<ImageName, ChartProblem>> {
        let address = self.url.trim_start_matches("http://");
        let port = address.rsplit_once(':').map_or("", |(_, port)| port);
        let path = match &chart.place {
            ChartPlace::Here { path } => path,
            ChartPlace::Registry { host, path }
                if host == address || *host == format!("localhost:{port}") =>
            {
                path
            }
            ChartPlace::Registry { .. } | ChartPlace::Repository { .. } => return None,
        };
        let name = format!("{path}/{}", chart.name);
        Some(name.trim_start_matches('/').parse().map_err(|_| {
            let message = format!("`{name}` is no image of this server: owner/name/chart");
            ChartProblem::Refused { chart: chart.clone(), message }
        }))
    }

    /// The archive of a chart in this server's registry, for those who may read it.
    async fn own_chart(
        self: &Arc<Self>,
        home: &RepositoryName,
        chart: &Chart,
        image: &ImageName,
    ) -> Result<(Vec<u8>, ArchiveForm), ChartProblem> {
        let refused = |message: String| ChartProblem::Refused { chart: chart.clone(), message };
        let failed = |error: &dyn std::fmt::Display| unavailable(chart, &error.to_string());
        let (may, _) = sources::may_read(self, home, image.repository())
            .await
            .map_err(|error| failed(&error))?;
        if !may {
            return Err(refused(sources::unreadable(home, image.repository())));
        }
        let none = || refused(format!("{image} has no such version; push it first"));
        let reference = match chart.digest() {
            Some(digest) => {
                ArtifactDigest::new(digest).map(Reference::Digest).map_err(|_| none())?
            }
            None => {
                let tag: Tag = chart.version.replace('+', "_").parse().map_err(|_| none())?;
                Reference::Tag(tag)
            }
        };
        let manifest = self.registry.manifest(image, &reference).await;
        let manifest = manifest.map_err(|error| failed(&error))?.ok_or_else(none)?;
        let ArchiveLayer { digest, form } =
            render::archive_layer(&manifest.bytes).map_err(refused)?;
        let digest = ArtifactDigest::new(digest).map_err(|error| failed(&error))?;
        let limit = render::ARCHIVE_BYTES_MAX as u64;
        let bytes = self.registry.blobs().get(&digest, limit).await;
        let bytes = bytes.map_err(|error| failed(&error))?.ok_or_else(none)?;
        Ok((bytes, form))
    }
}

/// How long a chart is not asked for after a failure.
fn wait_ms(problem: &ChartProblem, failures: u32) -> i64 {
    match problem {
        // Accounts are locked after some wrong passwords.
        ChartProblem::Credential { .. } => RETRY_MAX_MS,
        ChartProblem::Fetching { .. }
        | ChartProblem::HostNotNamed { .. }
        | ChartProblem::Unavailable { .. }
        | ChartProblem::Refused { .. }
        | ChartProblem::Changed { .. }
        | ChartProblem::CredentialUndeclared { .. } => {
            RETRY_FIRST_MS.saturating_mul(1 << failures.min(16)).min(RETRY_MAX_MS)
        }
    }
}

fn unavailable(chart: &Chart, message: &str) -> ChartProblem {
    ChartProblem::Unavailable { chart: chart.clone(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use ledger::Actor;
    use repositories::secrets::SecretUse;

    use super::*;

    fn charts() -> Charts {
        Charts::new(std::path::Path::new("nowhere"), ChartHosts::default())
    }

    fn wanted(version: &str) -> Wanted {
        let chart = Chart::of_dependency("https://c.example", "web", version).unwrap();
        (Some(RepositoryName::new("team/fleet").unwrap()), chart)
    }

    fn access(set_at: i64) -> Access {
        let url = "https://c.example".to_owned();
        let repository = RepositoryName::new("team/fleet").unwrap();
        Access {
            of: CredentialOf { repository, secret: "CHARTS".into(), url: url.clone() },
            username: "reader".into(),
            record: SecretRecord {
                set_at: Timestamp(set_at),
                set_by: Actor::person("ada"),
                used_by: SecretUse::Charts { url, tokens_from: None },
            },
            tokens_from: None,
        }
    }

    #[tokio::test]
    async fn a_credential_that_was_refused_is_not_tried_for_another_chart() {
        let (charts, old, now) = (charts(), access(1), Timestamp(0));
        assert_eq!(charts.begin(&wanted("1.0.0"), Some(&old), now), Ok(0));
        drop(charts.credentials.turn(&old, now).await);
        let trouble = CredentialTrouble::Refused { host: "c.example".into(), status: 401 };
        let (chart, of) = (wanted("1.0.0").1, old.of.clone());
        let problem = ChartProblem::Credential { chart, of, trouble };
        charts.credentials.learn(&old, 401, Some(&problem), now);
        let other = wanted("2.0.0");
        let said = charts.begin(&other, Some(&old), now).unwrap_err();
        assert_eq!((said.code(), said.chart()), ("chart-credential-refused", &other.1));
        let home = RepositoryName::new("team/fleet").unwrap();
        let until = charts.failure(&home, &said).map(|(_, until)| until);
        assert_eq!(until, Some(Timestamp(RETRY_MAX_MS)), "who waits is woken");
        // Another value is tried at once, and so is asking without one.
        assert_eq!(charts.begin(&other, Some(&access(2)), now), Ok(0));
        assert_eq!(charts.begin(&(None, other.1.clone()), None, now), Ok(0));
        let said = charts.begin(&wanted("3.0.0"), Some(&old), Timestamp(RETRY_MAX_MS));
        assert_eq!(said, Ok(0), "later it may be right");
    }

    #[test]
    fn only_failures_are_forgotten() {
        let (charts, wanted) = (charts(), wanted("1.0.0"));
        assert_eq!(charts.begin(&wanted, None, Timestamp(0)), Ok(0));
        charts.forget_failure(&wanted);
        let said = charts.begin(&wanted, None, Timestamp(0)).unwrap_err();
        assert_eq!(said.code(), "chart-fetching");
        let (problem, until) = (unavailable(&wanted.1, "no"), Timestamp(9));
        let failed = Attempt::Failed { problem, failures: 3, until, with: None };
        charts.attempts().insert(wanted.clone(), failed);
        charts.forget_failure(&wanted);
        assert_eq!(charts.begin(&wanted, None, Timestamp(0)), Ok(0));
    }
}
