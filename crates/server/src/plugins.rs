//! Services that sets are given parameters by (`plugin`): what each answered last, kept in a folder of its
//! own so that a start knows it, and when it is asked again. Only what a default branch asks is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use deployments::DeclaredPlugin;
use deployments::application_set::{Obstacle, PluginAnswer, PluginQuestion, plugin_parameters};
use ledger::{RepositoryName, Timestamp};
use probes::{AddressPolicy, Request};
use repositories::secrets::{NoBoundSecret, SecretName, SecretRecord};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::{Semaphore, watch};

use crate::private;
use crate::state::Server;

/// Nobody is asked more often, whatever a file says.
const INTERVAL_MIN_S: i64 = 30;
/// How often a service is asked unless the file says otherwise; Argo CD's number.
const INTERVAL_S: i64 = 1_800;
/// After a failure it is asked again this much later, doubling up to [`RETRY_MAX_MS`].
pub const RETRY_FIRST_MS: i64 = 5_000;
/// The longest wait after a failure; a refused token waits as long at once.
pub const RETRY_MAX_MS: i64 = 300_000;
/// The largest answer.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Questions that are asked at once.
const AT_ONCE: usize = 4;

type Parameters = Vec<Map<String, Value>>;

/// A question, and the repository whose set asks it.
pub type Asking = (RepositoryName, PluginQuestion);

/// What was answered, and what is asked next.
pub struct Plugins {
    folder: PathBuf,
    known: Mutex<BTreeMap<Asking, Known>>,
    permits: Semaphore,
    changes: watch::Sender<u64>,
}

/// With what a question is asked. Another value of the secret has another record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    plugin: DeclaredPlugin,
    record: SecretRecord,
}

#[derive(Default)]
struct Known {
    answer: Option<Arc<Parameters>>,
    problem: Option<String>,
    with: Option<Access>,
    failures: u32,
    is_under_way: bool,
    /// Not before this time.
    next: Timestamp,
}

/// When a question is asked.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now, and it counts as asked from here on.
    Now,
    /// It is being asked; who waits is woken.
    UnderWay,
    /// At this time.
    At(Timestamp),
}

impl Plugins {
    /// Keeps answers in this folder.
    pub fn open(folder: PathBuf) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&folder).context("the folder of answers cannot be made")?;
        let (changes, _) = watch::channel(0);
        let permits = Semaphore::new(AT_ONCE);
        Ok(Self { folder, known: Mutex::default(), permits, changes })
    }

    /// Wakes whoever uses answers; carries no data.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// How often what is known has changed.
    #[must_use]
    pub fn changes(&self) -> u64 {
        *self.changes.borrow()
    }

    /// What was answered last, which counts until there is another answer.
    pub fn answer(&self, asking: &Asking) -> Result<PluginAnswer, Obstacle> {
        let (answer, problem) = match self.known().get(asking) {
            Some(known) => (known.answer.clone(), known.problem.clone()),
            None => (self.kept(asking), None),
        };
        let plugin = &asking.1.plugin;
        match (answer, problem) {
            (Some(parameters), problem) => Ok(PluginAnswer { parameters, problem }),
            (None, Some(problem)) => Err(Obstacle::Unanswered(problem)),
            (None, None) => Err(Obstacle::Unanswered(format!(
                "the service of the ConfigMap `{plugin}` has not answered this yet; it is asked once the \
                 set is merged"
            ))),
        }
    }

    /// Whose turn it is. Another address, secret or value of it is tried at once.
    pub fn turn(&self, asking: &Asking, with: &Access, now: Timestamp) -> Turn {
        let kept = || Known { answer: self.kept(asking), ..Known::default() };
        let mut all = self.known();
        let known = all.entry(asking.clone()).or_insert_with(kept);
        if known.is_under_way {
            return Turn::UnderWay;
        }
        if known.with.as_ref() != Some(with) {
            known.failures = 0;
        } else if now < known.next {
            return Turn::At(known.next);
        }
        known.with = Some(with.clone());
        known.is_under_way = true;
        Turn::Now
    }

    /// Remembers what came of it. Without an answer the last one stays. Who says the same as before wakes
    /// nobody: everybody would look at all sets again.
    pub fn learn(
        &self,
        asking: &Asking,
        every_s: Option<i64>,
        came: Result<Parameters, Refused>,
        now: Timestamp,
    ) {
        let mut all = self.known();
        // Nobody asks that any more.
        let Some(known) = all.get_mut(asking) else { return };
        known.is_under_way = false;
        let has_changed = match came {
            Ok(parameters) => {
                let is_new = known.answer.as_deref() != Some(&parameters);
                if is_new {
                    if let Err(error) = self.keep(asking, &parameters) {
                        tracing::error!(%error, "an answer is not kept for the next start");
                    }
                    known.answer = Some(Arc::new(parameters));
                }
                known.failures = 0;
                known.next = Timestamp(now.0.saturating_add(interval_ms(every_s)));
                known.problem.take().is_some() || is_new
            }
            Err(Refused { problem, is_final }) => {
                tracing::warn!(%problem, "a plugin was asked in vain");
                let wait_ms = match is_final {
                    true => RETRY_MAX_MS,
                    false => RETRY_FIRST_MS << known.failures.min(10),
                };
                known.failures += 1;
                known.next = Timestamp(now.0.saturating_add(wait_ms.min(RETRY_MAX_MS)));
                let before = known.problem.replace(problem.clone());
                before != Some(problem)
            }
        };
        drop(all);
        if has_changed {
            self.wake();
        }
    }

    /// Remembers why a question cannot be asked at all.
    pub fn lacks(&self, asking: &Asking, problem: &str) {
        let kept = || Known { answer: self.kept(asking), ..Known::default() };
        let changed = {
            let mut all = self.known();
            let known = all.entry(asking.clone()).or_insert_with(kept);
            known.with = None;
            known.problem.replace(problem.to_owned()).as_deref() != Some(problem)
        };
        if changed {
            self.wake();
        }
    }

    /// Forgets what nobody asks any more, save for repositories of which not all is known that they ask.
    pub fn keep_only(
        &self,
        asked: &BTreeSet<Asking>,
        unclear: &BTreeSet<RepositoryName>,
    ) -> anyhow::Result<()> {
        let stays = |asking: &Asking| asked.contains(asking) || unclear.contains(&asking.0);
        self.known().retain(|asking, _| stays(asking));
        let kept: BTreeSet<PathBuf> = asked.iter().map(|asking| self.path(asking)).collect();
        let unclear: BTreeSet<String> = unclear.iter().map(of_repository).collect();
        for entry in std::fs::read_dir(&self.folder).context("answers cannot be listed")? {
            let path = entry.context("answers cannot be listed")?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let is_unclear = name.split_once('-').is_some_and(|(of, _)| unclear.contains(of));
            if !kept.contains(&path) && !is_unclear && path.extension().is_none() {
                let removed = std::fs::remove_file(&path);
                removed.with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn wake(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    fn keep(&self, asking: &Asking, parameters: &Parameters) -> anyhow::Result<()> {
        private::write(&self.path(asking), &serde_json::to_vec(parameters)?)
    }

    fn kept(&self, asking: &Asking) -> Option<Arc<Parameters>> {
        let bytes = std::fs::read(self.path(asking)).ok()?;
        serde_json::from_slice(&bytes).ok().map(Arc::new)
    }

    fn path(&self, (repository, question): &Asking) -> PathBuf {
        let PluginQuestion { plugin, set, input } = question;
        let (repository, question) =
            (of_repository(repository), hash(&[plugin.as_str(), set, input]));
        self.folder.join(format!("{repository}-{question}"))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Asking, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub struct Refused {
    problem: String,
    /// Asking soon again is of no use.
    is_final: bool,
}

impl Server {
    /// With what a question is asked, by what the default branch declares: a proposal must choose neither
    /// who is asked nor who gets a token.
    pub fn plugin_access(
        &self,
        (repository, question): &Asking,
        declared: &[DeclaredPlugin],
    ) -> Result<Access, String> {
        let name = &question.plugin;
        let plugin = declared.iter().find(|one| one.name == *name);
        let plugin = plugin.ok_or_else(|| undeclared(name))?;
        let DeclaredPlugin { url, secret, .. } = plugin;
        let secret = secret.to_ascii_uppercase();
        let set = format!(
            "; who administers the server gives it with `boucle secret set {repository} {secret} --plugin {url}`"
        );
        let views = self.recorder.views();
        let found = SecretName::new(&secret)
            .map_err(|_| NoBoundSecret::Missing)
            .and_then(|name| views.repositories.plugin_secret(repository, &name, url));
        let why = match found {
            Ok(record) => return Ok(Access { plugin: plugin.clone(), record: record.clone() }),
            Err(NoBoundSecret::Missing) => format!("{repository} has no secret {secret}"),
            Err(NoBoundSecret::ForOthers) => {
                format!(
                    "the secret {secret} of {repository} is for something else; remove it first"
                )
            }
            Err(NoBoundSecret::Elsewhere { given }) => format!(
                "the secret {secret} of {repository} was given for {given}, and the ConfigMap `{name}` \
                 names {url}"
            ),
        };
        Err(why + &set)
    }

    /// Asks, and remembers what came of it.
    pub async fn ask_plugin(self: Arc<Self>, asking: Asking, with: Access, every_s: Option<i64>) {
        // It is never closed.
        let permit = self.plugins.permits.acquire().await;
        let came = self.plugin_answer(&asking, &with).await;
        drop(permit);
        self.plugins.learn(&asking, every_s, came, self.clock.now());
    }

    async fn plugin_answer(&self, asking: &Asking, with: &Access) -> Result<Parameters, Refused> {
        let Access { plugin, .. } = with;
        let refused = |problem: String| Refused { problem, is_final: false };
        let token = self.plugin_token(&asking.0, with).await;
        let token = token.map_err(|error| refused(format!("{error:#}")))?;
        let url = plugin.endpoint();
        let body = asking.1.body().into_bytes();
        let mut request = Request::post(&url, AddressPolicy::UserGiven, body)
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", token.trim()));
        let time = Duration::from_secs(plugin.timeout_s).as_millis();
        request.timeout_ms = u64::try_from(time).unwrap_or(u64::MAX);
        request.body_bytes_max = ANSWER_BYTES_MAX;
        let answer = self.dialer.send(&request).await;
        let answer = answer.map_err(|error| refused(error.to_string()))?;
        match answer.status {
            200..=299 => plugin_parameters(&answer.body)
                .map_err(|why| refused(format!("{url} is not understood: {why}"))),
            status @ 300..=399 => Err(refused(format!(
                "{url} answers {status}, and no redirect is followed with a token: name the address that it \
                 leads to in the ConfigMap `{}`",
                plugin.name
            ))),
            status @ (401 | 403) => {
                let (repository, secret) = (&asking.0, plugin.secret.to_ascii_uppercase());
                let problem = format!(
                    "{url} refuses the token ({status}); renew it with `boucle secret set {repository} {secret}`"
                );
                Err(Refused { problem, is_final: true })
            }
            status => Err(refused(format!("{url} answers {status}"))),
        }
    }

    async fn plugin_token(
        &self,
        repository: &RepositoryName,
        with: &Access,
    ) -> anyhow::Result<String> {
        let name = SecretName::new(&with.plugin.secret)?;
        // Whoever gives it another value, for another address, does so under this lock.
        let lock = self.repository_locks.of(repository);
        let _held = lock.lock().await;
        {
            let views = self.recorder.views();
            let found = views.repositories.plugin_secret(repository, &name, &with.plugin.url);
            let is_same = found.is_ok_and(|record| *record == with.record);
            anyhow::ensure!(is_same, "its secret was given another value meanwhile");
        }
        self.secrets.value(repository, &name)
    }
}

/// How the names of the files with answers for a repository begin.
fn of_repository(name: &RepositoryName) -> String {
    hash(&[name.as_str()])
}

fn hash(texts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hex::encode(hash.finalize())
}

/// What is said of a set whose service no file declares.
pub fn undeclared(plugin: &str) -> String {
    format!(
        "there is no ConfigMap `{plugin}` with `baseUrl` and `token` among the files of the applications; add \
         one, or correct `configMapRef.name`"
    )
}

/// Until a question is asked again: up to a tenth longer, so that not all sets ask at once.
fn interval_ms(every_s: Option<i64>) -> i64 {
    let every_s = every_s.filter(|every_s| *every_s > 0).unwrap_or(INTERVAL_S);
    let every_ms = every_s.max(INTERVAL_MIN_S).saturating_mul(1_000);
    every_ms.saturating_add(rand::random_range(0..=every_ms / 10))
}

/// Where answers are kept.
pub fn folder(data: &Path) -> PathBuf {
    data.join("plugin-answers")
}

#[cfg(test)]
mod tests {
    use ledger::Actor;
    use repositories::secrets::SecretUse;
    use serde_json::json;

    use super::*;

    fn asking(input: &str) -> Asking {
        let (plugin, set, input) = ("shops".into(), "all".into(), input.into());
        let question = PluginQuestion { plugin, set, input };
        (RepositoryName::new("team/fleet").expect("a name"), question)
    }

    fn access(set_at: i64) -> Access {
        let url = "https://p.example".to_owned();
        let (name, secret) = ("shops".into(), "SHOPS".into());
        Access {
            plugin: DeclaredPlugin { name, url: url.clone(), secret, timeout_s: 30 },
            record: SecretRecord {
                set_at: Timestamp(set_at),
                set_by: Actor::person("ada"),
                used_by: SecretUse::Plugin { url },
            },
        }
    }

    fn given(name: &str) -> Parameters {
        vec![json!({"name": name}).as_object().expect("a map").clone()]
    }

    fn failed(is_final: bool) -> Result<Parameters, Refused> {
        Err(Refused { problem: "no".into(), is_final })
    }

    #[test]
    fn an_answer_counts_until_there_is_another_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || Plugins::open(folder.path().join("answers")).expect("opens");
        let (plugins, one, with) = (open(), asking("{}"), access(1));
        let now = Timestamp(0);
        assert!(matches!(plugins.answer(&one), Err(Obstacle::Unanswered(_))));
        assert_eq!(plugins.turn(&one, &with, now), Turn::Now);
        assert_eq!(plugins.turn(&one, &with, now), Turn::UnderWay, "one at a time");
        plugins.learn(&one, None, failed(false), now);
        let Err(Obstacle::Unanswered(said)) = plugins.answer(&one) else { panic!("no answer") };
        assert_eq!(said, "no");
        assert_eq!(plugins.turn(&one, &with, now), Turn::At(Timestamp(RETRY_FIRST_MS)));
        // Another value of the secret is tried at once.
        let with = access(2);
        assert_eq!(plugins.turn(&one, &with, now), Turn::Now);
        plugins.learn(&one, None, Ok(given("a")), now);
        let answer = plugins.answer(&one).expect("an answer");
        assert_eq!((answer.parameters.as_ref(), &answer.problem), (&given("a"), &None));
        let Turn::At(next) = plugins.turn(&one, &with, now) else { panic!("it is not due") };
        assert!((1_800_000..=1_980_000).contains(&next.0), "{next:?}");
        assert_eq!(plugins.turn(&one, &with, next), Turn::Now);
        plugins.learn(&one, None, failed(true), next);
        let answer = plugins.answer(&one).expect("the last answer");
        assert_eq!(
            (answer.parameters.as_ref(), answer.problem.as_deref()),
            (&given("a"), Some("no"))
        );
        let Turn::At(later) = plugins.turn(&one, &with, next) else { panic!("it is not due") };
        assert_eq!(later.0 - next.0, RETRY_MAX_MS, "a refused token is not tried again at once");
        // A start knows it, and forgets what nobody asks.
        let plugins = open();
        let answer = plugins.answer(&one).expect("it is kept");
        assert_eq!(*answer.parameters, given("a"));
        assert!(plugins.answer(&asking("{\"a\":1}")).is_err(), "another question");
        plugins.keep_only(&BTreeSet::new(), &BTreeSet::new()).expect("forgets");
        assert!(plugins.answer(&one).is_err());
    }

    #[test]
    fn only_what_is_surely_not_asked_is_forgotten() {
        let name = |name: &str| RepositoryName::new(name).expect("a name");
        let (one, with, now) = (asking("{}"), access(1), Timestamp(0));
        let nothing = BTreeSet::new();
        for (asked, unclear, expected) in [
            (BTreeSet::from([one.clone()]), BTreeSet::new(), true),
            (nothing.clone(), BTreeSet::from([name("team/fleet")]), true),
            (nothing.clone(), BTreeSet::from([name("team/other")]), false),
            (BTreeSet::from([asking("{\"a\":1}")]), BTreeSet::new(), false),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            let open = || Plugins::open(folder.path().join("answers")).expect("opens");
            let plugins = open();
            assert_eq!(plugins.turn(&one, &with, now), Turn::Now);
            plugins.learn(&one, None, Ok(given("a")), now);
            plugins.keep_only(&asked, &unclear).expect("forgets");
            assert_eq!(plugins.answer(&one).is_ok(), expected, "{asked:?} {unclear:?}");
            // The same of what only the folder knows.
            let plugins = open();
            assert_eq!(plugins.answer(&one).is_ok(), expected, "{asked:?} {unclear:?}");
            plugins.keep_only(&asked, &unclear).expect("forgets");
            assert_eq!(plugins.answer(&one).is_ok(), expected, "{asked:?} {unclear:?}");
        }
    }

    #[test]
    fn only_what_is_new_wakes() {
        let folder = tempfile::tempdir().expect("a folder");
        let plugins = Plugins::open(folder.path().join("answers")).expect("opens");
        let (one, with, mut now) = (asking("{}"), access(1), Timestamp(0));
        for (came, expected) in [
            (failed(false), true),
            (failed(false), false),
            (failed(true), false),
            (Ok(given("a")), true),
            (Ok(given("a")), false),
            (failed(false), true),
            (Ok(given("a")), true),
            (Ok(given("b")), true),
        ] {
            let said = format!("{came:?}");
            now = Timestamp(now.0 + 10_000_000);
            assert_eq!(plugins.turn(&one, &with, now), Turn::Now, "{said}");
            let before = plugins.changes();
            plugins.learn(&one, None, came, now);
            assert_eq!(plugins.changes() != before, expected, "{said}");
        }
    }

    #[test]
    fn nobody_is_asked_without_end() {
        for (every_s, least_s) in [
            (None, 1_800),
            (Some(0), 1_800),
            (Some(1), 30),
            (Some(60), 60),
            (Some(i64::MAX), i64::MAX / 1_000),
        ] {
            let found = interval_ms(every_s);
            let most = least_s.saturating_mul(1_100);
            assert!((least_s.saturating_mul(1_000)..=most).contains(&found), "{every_s:?} {found}");
        }
    }
}
