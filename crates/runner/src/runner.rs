//! The runner: its places, what it found on the machine, and which protections hold.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sandbox::{Launcher, Protection, Protections};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::job;
use crate::logs::{LogKey, LogStore};
use crate::request::{JobRequest, RunningJob, Services, Sources};
use crate::tools::Tools;
use crate::trees::TreeCache;

/// How a runner works.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// Its folder: workspaces, cached trees, logs.
    pub data: PathBuf,
    /// How sandboxes are started.
    pub launcher: Launcher,
    /// Folders of tools that jobs may read besides the ones that the runner finds itself.
    pub tools: Vec<PathBuf>,
    /// What a job may use up.
    pub limits: RunnerLimits,
    /// The runner's name in `runner.name`.
    pub name: String,
}

/// What jobs may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunnerLimits {
    /// Jobs at a time; more wait in the order in which they came.
    pub jobs: usize,
    /// Memory of one job.
    pub memory_bytes: u64,
    /// Processes and threads of one job.
    pub processes: u64,
    /// Log of one step; what is beyond is dropped with a marker.
    pub step_log_bytes: u64,
    /// What one artifact or image may hold before it is packed.
    pub artifact_bytes: u64,
}

/// What holds for the jobs of this runner, to be printed when it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerProtections {
    /// What the sandbox enforces.
    pub sandbox: Protections,
    /// The tool folders that jobs can read, read-only.
    pub tools: Vec<PathBuf>,
    /// Whether workspaces are overlays over shared trees; otherwise each is a copy.
    pub overlay: bool,
}

/// Starts jobs. Cheap to clone; all clones share their places and logs.
#[derive(Clone)]
pub struct Runner {
    shared: Arc<Shared>,
}

/// What all jobs of a runner share.
pub(crate) struct Shared {
    pub config: RunnerConfig,
    pub tools: Tools,
    pub protections: RunnerProtections,
    pub sources: Arc<dyn Sources>,
    pub services: Arc<dyn Services>,
    pub logs: LogStore,
    pub trees: TreeCache,
    pub places: Arc<Semaphore>,
    running: Mutex<BTreeMap<LogKey, ()>>,
}

impl RunnerConfig {
    /// A runner that keeps its things below `data` and starts sandboxes with the calling program.
    #[must_use]
    pub fn new(data: PathBuf) -> Self {
        let (launcher, tools, limits) = (Launcher::default(), Vec::new(), RunnerLimits::default());
        Self { data, launcher, tools, limits, name: "boucle".to_owned() }
    }
}

/// Four jobs of 4 GiB, 64 MiB of log for each step.
impl Default for RunnerLimits {
    fn default() -> Self {
        Self {
            jobs: 4,
            memory_bytes: 4 << 30,
            // A parallel build of a large project needs some hundred; a fork bomb wants them all.
            processes: 4096,
            step_log_bytes: 64 << 20,
            artifact_bytes: 2 << 30,
        }
    }
}

impl Runner {
    /// Looks at the machine (tools, protections), removes what jobs of an earlier process left
    /// behind, and is ready for jobs.
    pub async fn new(
        config: RunnerConfig,
        sources: Arc<dyn Sources>,
        services: Arc<dyn Services>,
    ) -> anyhow::Result<Self> {
        let sandbox = sandbox::probe(&config.launcher).await;
        let configured = config.tools.clone();
        let data = config.data.clone();
        let (tools, trees) = tokio::task::spawn_blocking(move || {
            crate::layout::remove(&data.join("jobs"))?;
            std::fs::create_dir_all(data.join("jobs"))?;
            anyhow::Ok((Tools::find(&configured), TreeCache::open(data.join("trees"))?))
        })
        .await??;
        let overlay = sandbox.enforced(Protection::MountNamespace);
        let protections = RunnerProtections { sandbox, tools: tools.folders.clone(), overlay };
        let logs = LogStore::new(config.data.join("logs"));
        let places = Arc::new(Semaphore::new(config.limits.jobs));
        let running = Mutex::default();
        let shared =
            Shared { config, tools, protections, sources, services, logs, trees, places, running };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Starts a job, or queues it when every place is taken. It must be called on a tokio runtime.
    /// A job that runs already is not started again: its events end at once.
    #[must_use]
    pub fn start(&self, request: JobRequest) -> RunningJob {
        let (sender, events) = mpsc::unbounded_channel();
        let (cancel, cancelled) = watch::channel(None);
        let key = job::log_key(&request.plan);
        if self.shared.running().insert(key.clone(), ()).is_none() {
            let shared = Arc::clone(&self.shared);
            tokio::spawn(async move {
                job::run(Arc::clone(&shared), request, sender, cancelled).await;
                shared.running().remove(&key);
            });
        }
        RunningJob { events, cancel }
    }

    /// What holds for its jobs; to be printed at start.
    #[must_use]
    pub fn protections(&self) -> &RunnerProtections {
        &self.shared.protections
    }

    /// How it was made.
    #[must_use]
    pub fn config(&self) -> &RunnerConfig {
        &self.shared.config
    }

    /// The logs of all its jobs.
    #[must_use]
    pub fn logs(&self) -> &LogStore {
        &self.shared.logs
    }
}

impl Shared {
    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<LogKey, ()>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One line each: the sandbox's protections, how workspaces are made, the tools.
impl fmt::Display for RunnerProtections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.sandbox)?;
        match self.overlay {
            true => writeln!(f, "workspace overlay over shared trees")?,
            false => writeln!(
                f,
                "workspace COPIED for each job: overlays need a mount namespace, which is missing"
            )?,
        }
        let tools: Vec<_> = self.tools.iter().map(|it| it.display().to_string()).collect();
        match tools.is_empty() {
            true => write!(f, "tools only those of the system folders"),
            false => write!(f, "tools read-only: {}", tools.join(", ")),
        }
    }
}
