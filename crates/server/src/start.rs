//! Starting and stopping: locks the data folder, recovers, listens, says what is there.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use api::tokens::{CreateToken, TokenKind, TokenRole};
use database::{DataLock, Database, LockError};
use ed25519_dalek::SigningKey;
use git_store::GitStore;
use ledger::Actor;
use probes::{Checker, Dialer, EmbeddedOptions, EmbeddedStore, Metrics, PrometheusServer, Scraper};
use registry::Registry;
use runner::{Runner, RunnerConfig};
use tokio::net::TcpListener;
use tokio::sync::watch;
use workloads::{Config, Engine};

use crate::charts::Charts;
use crate::clock::{self, Clock};
use crate::clusters::Clusters;
use crate::http;
use crate::options::Options;
use crate::passkeys::Passkeys;
use crate::passwords::Passwords;
use crate::plugins::{self, Plugins};
use crate::record::Recorder;
use crate::secrets::Secrets;
use crate::services::{LateServer, RegistryImages};
use crate::state::Server;
use crate::{changes, demo, private, runs, tasks, watched};

/// How many ports after the wanted one are tried.
const PORTS_TRIED: u16 = 100;

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another server uses the data folder.
    #[error("{} is in use", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other process; `None` when it has not said which it is.
        process: Option<u32>,
    },
    /// Anything else.
    #[error(transparent)]
    Other(#[from] anyhow::Error),
}

/// Runs the server until it is told to stop (SIGINT, SIGTERM).
pub async fn run(options: Options, process_started: Instant) -> Result<(), StartError> {
    let lock = DataLock::acquire(&options.data).map_err(|error| match error {
        LockError::Held { folder, pid } => StartError::InUse { folder, process: pid },
        LockError::File { .. } => StartError::Other(error.into()),
    })?;
    let demo = options.demo;
    let (listener, moved) = listen(options.port).await?;
    let server = assemble(options, &listener).await?;
    changes::recover(&server).await?;
    let tokens = write_access(&server).await?;
    if demo {
        demo::check()?;
        demo::seed(&server).await?;
    }
    restore_runs(&server).await?;
    // Before anything is planned, so that no application is told that its cluster is unknown.
    tasks::keep_clusters::reconcile(Arc::clone(&server)).await?;
    let tasks = spawn_tasks(&server, demo);
    let ready_after_ms = clock::elapsed_ms(process_started);
    // Set once, here.
    let _ = server.ready_after_ms.set(ready_after_ms);
    greet(&server, moved);
    serve(&server, listener).await?;
    stop(&server, tasks).await?;
    drop((tokens, lock));
    Ok(())
}

/// The wanted port, or the next free one; true when it is another one.
async fn listen(wanted: u16) -> anyhow::Result<(TcpListener, bool)> {
    for port in wanted..=wanted.saturating_add(PORTS_TRIED) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok((listener, port != wanted)),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && wanted != 0 => {}
            Err(error) => return Err(error).context("no port can be listened on"),
        }
    }
    anyhow::bail!("the ports from {wanted} on are all in use; name another by --port")
}

async fn assemble(options: Options, listener: &TcpListener) -> anyhow::Result<Arc<Server>> {
    let address = listener.local_addr().context("the listener has no address")?;
    let url = format!("http://{address}");
    let data = options.data.clone();
    let database = Database::open(&data.join("ledger.db")).await?;
    let signing_key = signing_key(&data.join("checkpoint.key"))?;
    let recorder = Recorder::open(database).await?;
    let clock = Arc::new(Clock::not_before(recorder.newest_at().await?));
    let git = GitStore::open(&data.join("git"))?;
    git.recover()?;
    let registry = Registry::open(&data, registry::Limits::default())?;
    let late = LateServer::default();
    let sources: Arc<dyn runner::Sources> = Arc::new(late.clone());
    let services: Arc<dyn runner::Services> = Arc::new(late.clone());
    let runner = Runner::new(RunnerConfig::new(data.join("runner")), sources, services).await?;
    check_isolation(&runner, options.require_sandbox)?;
    let images = Arc::new(RegistryImages(registry.clone()));
    let engine = Engine::open(Config::new(data.join("workloads"), images)).await?;
    let clusters = Clusters::open(&options).await?;
    let dialer = Dialer::new([address.port()])?;
    let metrics = match &options.metrics_url {
        Some(url) => {
            Metrics::Prometheus(PrometheusServer::new(dialer.clone(), url, Vec::new()).into())
        }
        None => Metrics::Embedded(EmbeddedStore::new(EmbeddedOptions::default())?.into()),
    };
    let budget = monitoring::exposition::Budget::default();
    let (stopping, _) = watch::channel(false);
    let secrets = secrets(&options, &recorder)?;
    let server = Arc::new(Server {
        url,
        ready_after_ms: std::sync::OnceLock::new(),
        clock: Arc::clone(&clock),
        recorder,
        signing_key,
        git,
        repository_locks: Default::default(),
        configurations: Default::default(),
        renderings: Default::default(),
        renderers: renderers(&options)?,
        charts: charts(&options)?,
        plugins: Plugins::open(plugins::folder(&data))?,
        rendered_through: Default::default(),
        looked: Default::default(),
        rollouts: Default::default(),
        answered: Default::default(),
        trials: Default::default(),
        watched: Default::default(),
        keeping: Default::default(),
        registry,
        runs: Default::default(),
        runner,
        engine,
        clusters,
        operations: Default::default(),
        scraper: Scraper::timed_by(move || clock.now(), dialer.clone(), metrics.clone(), budget),
        metrics,
        checker: Checker::new(dialer.clone()),
        dialer,
        setup: Default::default(),
        passwords: Passwords::new(data.join("secrets/passwords")),
        secrets,
        passkeys: Passkeys::new(data.join("secrets/passkeys")),
        stopping,
        options,
    });
    late.set(&server);
    Ok(server)
}

/// The programs that render; a server without Helm refuses charts one by one.
fn renderers(options: &Options) -> anyhow::Result<render::Renderers> {
    let helm = match &options.helm {
        Some(file) => {
            anyhow::ensure!(file.is_file(), "--helm names {}, which is no file", file.display());
            Some(std::path::absolute(file)?)
        }
        None => std::env::var_os("PATH").and_then(|path| render::Renderers::helm_on_path(&path)),
    };
    let mut plugins = BTreeMap::new();
    for (name, file) in &options.renderers {
        anyhow::ensure!(file.is_file(), "--renderer names {}, which is no file", file.display());
        let known = plugins.insert(name.clone(), std::path::absolute(file)?);
        anyhow::ensure!(known.is_none(), "--renderer names `{name}` twice");
    }
    let jsonnet = std::env::current_exe().context("this program has no place")?;
    let programs = render::Programs { helm, jsonnet, plugins };
    let runtime = tokio::runtime::Handle::current();
    let renderers = render::Renderers::new(programs, sandbox::Launcher::default(), runtime);
    Ok(renderers.keeping_in(options.data.join("charts")))
}

/// What fetches charts, from the hosts that were named.
fn charts(options: &Options) -> anyhow::Result<Charts> {
    let hosts = render::ChartHosts::parse(&options.charts_from);
    let hosts = hosts.map_err(|problem| anyhow::anyhow!("--charts-from: {problem}"))?;
    Ok(Charts::new(&options.data.join("fetched-charts"), hosts))
}

fn check_isolation(runner: &Runner, required: bool) -> anyhow::Result<()> {
    let protections = &runner.protections().sandbox;
    for (protection, reason) in protections.missing() {
        tracing::warn!(%protection, reason, "jobs run without this protection");
    }
    let missing: Vec<String> =
        protections.missing().map(|(protection, why)| format!("{protection} ({why})")).collect();
    anyhow::ensure!(
        !required || missing.is_empty(),
        "full isolation is required and this machine lacks {}",
        missing.join(", ")
    );
    Ok(())
}

/// Everything that runs beside HTTP.
fn spawn_tasks(server: &Arc<Server>, demo: bool) -> Vec<tokio::task::JoinHandle<()>> {
    let engine = || vec![server.engine.changed()];
    let mut tasks = vec![
        tasks::spawn("trigger-runs", server, Vec::new(), tasks::trigger_runs::reconcile),
        tasks::spawn(
            "render",
            server,
            vec![server.charts.watch(), server.plugins.watch()],
            tasks::render_applications::reconcile,
        ),
        tasks::spawn(
            "deploy",
            server,
            [
                engine(),
                vec![server.renderings.watch(), server.clusters.watch(), server.operations.watch()],
                // A plan waits until it is known what holds it.
                server.clusters.windows(),
            ]
            .concat(),
            tasks::deploy_applications::reconcile,
        ),
        tasks::spawn("assess", server, engine(), tasks::assess_health::reconcile),
        tasks::spawn("close-loop", server, Vec::new(), tasks::close_loop::reconcile),
        tasks::spawn("merge-queued", server, Vec::new(), tasks::merge_queued::reconcile),
        tasks::spawn("notify", server, Vec::new(), tasks::notify::reconcile),
        tasks::spawn("keep-clusters", server, Vec::new(), tasks::keep_clusters::reconcile),
        tasks::spawn(
            "ask-plugins",
            server,
            vec![server.plugins.watch()],
            tasks::ask_plugins::reconcile,
        ),
        tasks::spawn("keep", server, Vec::new(), tasks::keep_ledger::reconcile),
        tokio::spawn(tasks::watch_workloads::follow(Arc::clone(server))),
        tokio::spawn(tasks::collect_blobs::follow(Arc::clone(server))),
    ];
    let windows = server.clusters.windows();
    if !windows.is_empty() || holds_anything(server) {
        let operations = [server.operations.watch(), server.operations.watch_waits()];
        let own = vec![server.renderings.watch(), server.clusters.watch()];
        let wake = [windows, engine(), own, operations.to_vec()].concat();
        tasks.push(tasks::spawn("answer", server, wake, tasks::answer_objects::reconcile));
    }
    watched::follow_targets(server);
    if demo {
        tasks.push(tokio::spawn(demo::visit(Arc::clone(server))));
    }
    tasks
}

/// Whether an object holds an application: whoever looks at none any more ends that.
fn holds_anything(server: &Server) -> bool {
    let views = server.recorder.views();
    views.deployments.applications.values().any(|state| !state.holds.is_empty())
}

/// Jobs that ran when the process ended are queued once more.
async fn restore_runs(server: &Arc<Server>) -> anyhow::Result<()> {
    let open: Vec<_> = {
        let views = server.recorder.views();
        let runs = views.pipelines.runs.values();
        runs.filter(|run| run.conclusion().is_none()).cloned().collect()
    };
    let mut restored = Vec::new();
    for record in open {
        let store = server.repository(&record.source.repository)?;
        let (commit, path) = (&record.source.commit, &record.source.workflow);
        let workflow = tasks::trigger_runs::read_workflow(&store, commit, path).await?;
        match workflow {
            Some(workflow) => restored.push((record, Arc::new(workflow))),
            None => tracing::error!(run = %record.run, "its workflow cannot be read any more"),
        }
    }
    runs::restore(server, restored).await
}

async fn serve(server: &Arc<Server>, listener: TcpListener) -> anyhow::Result<()> {
    let router = http::router(Arc::clone(server));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopping = server.stopping.clone();
    let stop = async move {
        wait_for_signal().await;
        stopping.send_replace(true);
    };
    axum::serve(listener, service).with_graceful_shutdown(stop).await.context("HTTP ended")
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        // Without handlers the default of the signals ends the process, which is safe too.
        _ => std::future::pending().await,
    }
}

async fn stop(server: &Arc<Server>, tasks: Vec<tokio::task::JoinHandle<()>>) -> anyhow::Result<()> {
    for task in tasks {
        task.abort();
    }
    server.clusters.close();
    server.engine.shutdown().await;
    server.recorder.save().await?;
    server.sign_checkpoint().await?;
    server.recorder.database().close().await;
    let _ = std::fs::remove_file(server.options.data.join("server.json"));
    Ok(())
}

/// Lets the command line on this machine find the server and speak to it as its owner.
async fn write_access(server: &Arc<Server>) -> anyhow::Result<PathBuf> {
    let data = &server.options.data;
    let path = data.join("token");
    let known = std::fs::read_to_string(&path).ok().is_some_and(|secret| {
        let digest = http::identity::secret_sha256(secret.trim());
        let grant = server.recorder.views().repositories.grant(&digest);
        let now = server.clock.now();
        grant.is_some_and(|grant| grant.expires_at.is_none_or(|end| end.since_ms(now) > 86_400_000))
    });
    if !known {
        let body = CreateToken {
            name: "owner".into(),
            kind: TokenKind::Person,
            role: TokenRole::Admin,
            repository: None,
            valid_days: None,
        };
        let created = http::tokens::issue(server, Actor::system("setup"), &body).await;
        let created = created.map_err(|refusal| anyhow::anyhow!("{}", refusal.problem()))?;
        private::write(&path, created.token.as_bytes())?;
    }
    let file = serde_json::json!({"url": server.url, "process_id": std::process::id()});
    private::write(&data.join("server.json"), file.to_string().as_bytes())?;
    Ok(path)
}

fn secrets(options: &Options, recorder: &Recorder) -> anyhow::Result<Secrets> {
    let key = options.secrets_key.clone().unwrap_or_else(|| options.data.join("secrets.key"));
    let values = options.data.join("secrets/values");
    Secrets::open(values, &key, &recorder.views().repositories)
}

fn signing_key(path: &Path) -> anyhow::Result<SigningKey> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let bytes: [u8; 32] =
                bytes.try_into().map_err(|_| anyhow::anyhow!("{} is damaged", path.display()))?;
            Ok(SigningKey::from_bytes(&bytes))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let bytes = crate::secret::key();
            private::write(path, &bytes)?;
            Ok(SigningKey::from_bytes(&bytes))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// The first thing that a person sees.
#[expect(clippy::print_stdout, reason = "this is what `boucle up` prints")]
fn greet(server: &Server, moved: bool) {
    let french = server.options.french;
    let say = |english: &str, fr: &str| println!("{}", if french { fr } else { english });
    let ready = *server.ready_after_ms.get().unwrap_or(&0);
    let data = server.options.data.display();
    let protections = &server.runner.protections().sandbox;
    let missing: Vec<String> = protections.missing().map(|(one, _)| one.to_string()).collect();
    println!("\nboucle {}", env!("CARGO_PKG_VERSION"));
    println!("  data      {data}");
    println!("  git       {}", server.git.git_version());
    if missing.is_empty() {
        say("  sandbox   every protection holds", "  bac à sable  toutes les protections tiennent");
    } else {
        println!("  sandbox   ! without {}", missing.join(", "));
    }
    if moved {
        let port = server.options.port;
        let url = &server.url;
        println!("  port      {port} is in use; this is {url}");
    }
    println!();
    let link = server.setup.address(&server.url);
    say(
        &format!("  Open      {link}   (works once, for 30 minutes, on this machine)"),
        &format!("  Ouvrir    {link}   (une fois, pendant 30 minutes, sur cette machine)"),
    );
    if server.options.demo {
        let clone = format!("git clone {}/{}", server.url, demo::REPOSITORY);
        say(&format!("  Clone     {clone}"), &format!("  Cloner    {clone}"));
        let next = format!("boucle demo break --wait --data {data}");
        say(&format!("  Try       {next}"), &format!("  Essayer   {next}"));
    } else {
        let next = format!("boucle repo create me/first --data {data}");
        say(&format!("  Try       {next}"), &format!("  Essayer   {next}"));
    }
    let seconds = f64::from(u32::try_from(ready).unwrap_or(u32::MAX)) / 1000.0;
    println!();
    say(
        &format!("Ready in {seconds:.2} s. Ctrl-C stops; the data stays."),
        &format!("Prêt en {seconds:.2} s. Ctrl-C arrête ; les données restent."),
    );
}
