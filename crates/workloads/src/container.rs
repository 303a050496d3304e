//! Runs one container of a replica: starts its process, watches it, starts it again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sandbox::{Exit, Limits, Network, Root, Spec, Streams};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::event::EventReason;
use crate::images::UnpackedImage;
use crate::model::{Container, IntOrText, Probe, RestartPolicy, container_port};
use crate::probe::{Target, ask};
use crate::report::{ExitRecord, ProbeKind};
use crate::state::{Inner, now};
use crate::{environment, quantity, volumes};

/// A process that ran this long is well again: its next restart is immediate (Kubernetes' rule).
const WELL_AFTER: Duration = Duration::from_secs(600);
/// Kubernetes' longest wait between two starts.
const BACK_OFF_MAX: Duration = Duration::from_secs(300);
/// What is missing now may be there soon: an object of the same plan, an image that is pushed.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(30);
/// The first question to a new process comes after this time, the next ones ever later.
const FIRST_ASK: Duration = Duration::from_millis(2);
const EARLY_ASK_MAX: Duration = Duration::from_millis(250);
/// How long output may still come after the whole tree has ended.
const PUMP_GRACE: Duration = Duration::from_secs(1);
/// sethostname(2) takes 64 bytes.
const HOSTNAME_BYTES_MAX: usize = 63;

/// What could not be done, and how it is told.
struct Trouble {
    reason: EventReason,
    /// Kubernetes' word for a container that waits for this.
    state: &'static str,
    message: String,
}

/// One container's place in the engine.
pub(crate) struct Task {
    pub(crate) inner: Arc<Inner>,
    pub(crate) replica: u64,
    pub(crate) index: usize,
    pub(crate) container: Container,
    pub(crate) restart_policy: RestartPolicy,
    pub(crate) grace: Duration,
    /// Set when the process shall end.
    pub(crate) terminate: CancellationToken,
}

impl Task {
    /// Runs until the container ended for good; says whether it ended well.
    pub(crate) async fn run(self) -> bool {
        let mut restarts_in_a_row = 0_u32;
        loop {
            let Some((spec, child)) = self.start_until_it_runs().await else { return false };
            let begun = Instant::now();
            let exit = self.attend(spec, child).await;
            if self.terminate.is_cancelled() {
                return exit.success();
            }
            let again = match self.restart_policy {
                RestartPolicy::Always => true,
                RestartPolicy::OnFailure => !exit.success(),
                RestartPolicy::Never => false,
            };
            if !again {
                return exit.success();
            }
            if begun.elapsed() >= WELL_AFTER {
                restarts_in_a_row = 0;
            }
            if !self.back_off(restarts_in_a_row).await {
                return false;
            }
            restarts_in_a_row += 1;
            self.inner.container(self.replica, self.index, |state| state.restarts += 1);
            self.tell(
                EventReason::Restarted,
                format!("the container `{}` is started again", self.container.name),
            );
        }
    }

    fn tell(&self, reason: EventReason, message: impl Into<String>) {
        self.inner.tell_replica(self.replica, reason, message);
    }

    /// Waits before the next start; the first is immediate. False: the container shall end.
    async fn back_off(&self, restarts: u32) -> bool {
        let Some(doublings) = restarts.checked_sub(1) else { return true };
        let base = self.inner.config.back_off;
        let wait = base.saturating_mul(2_u32.saturating_pow(doublings.min(16))).min(BACK_OFF_MAX);
        let message = format!(
            "the container `{}` ended {} times; the next start is in {:.1} s",
            self.container.name,
            restarts + 1,
            wait.as_secs_f64()
        );
        self.wait_state("CrashLoopBackOff", &message);
        self.tell(EventReason::BackOff, message);
        self.sleep(wait).await
    }

    async fn sleep(&self, wait: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(wait) => true,
            () = self.terminate.cancelled() => false,
        }
    }

    fn wait_state(&self, state: &'static str, message: &str) {
        let message = message.to_owned();
        self.inner.container(self.replica, self.index, |c| c.waiting = Some((state, message)));
        self.inner.touch_replica(self.replica);
    }

    /// Tries until the process runs. `None`: the container shall end.
    async fn start_until_it_runs(&self) -> Option<(Spec, sandbox::Child)> {
        let mut wait = RETRY_FIRST;
        let mut told = String::new();
        loop {
            if self.terminate.is_cancelled() {
                return None;
            }
            let trouble = match self.prepare().await {
                Ok(spec) => {
                    let launcher = &self.inner.config.launcher;
                    match sandbox::spawn(&spec, launcher, Streams::default()).await {
                        Ok(child) => return Some((spec, child)),
                        Err(error) => Trouble {
                            reason: EventReason::StartFailed,
                            state: "RunContainerError",
                            message: error.to_string(),
                        },
                    }
                }
                Err(trouble) => trouble,
            };
            self.wait_state(trouble.state, &trouble.message);
            if told != trouble.message {
                self.tell(trouble.reason, trouble.message.clone());
                told = trouble.message;
            }
            if !self.sleep(wait).await {
                return None;
            }
            wait = (wait * 2).min(RETRY_MAX);
        }
    }

    async fn prepare(&self) -> Result<Spec, Trouble> {
        let cache = self.inner.data.join("images");
        let image = self.inner.config.images.unpack(&self.container.image, &cache).await.map_err(
            |problem| Trouble {
                reason: EventReason::ImageMissing,
                state: "ImagePullBackOff",
                message: problem.to_string(),
            },
        )?;
        let state = self.inner.state();
        let missing = |message: String| Trouble {
            reason: EventReason::ReferenceMissing,
            state: "CreateContainerConfigError",
            message,
        };
        let Some(replica) = state.replicas.get(&self.replica) else {
            return Err(missing("the replica is gone".into()));
        };
        let environment =
            environment::resolve(&state, replica, &self.container, &image).map_err(missing)?;
        let words = words(&self.container, &image, &environment);
        let Some((program, arguments)) = words.split_first() else {
            return Err(Trouble {
                reason: EventReason::StartFailed,
                state: "RunContainerError",
                message: format!(
                    "neither the image `{}` nor the manifest names a program",
                    self.container.image
                ),
            });
        };
        let mut spec = Spec::new(program);
        spec.arguments = arguments.to_vec();
        spec.working_directory = match &self.container.working_dir {
            Some(folder) => PathBuf::from(folder),
            None => image.working_directory.unwrap_or_else(|| PathBuf::from("/")),
        };
        spec.environment = environment;
        spec.root = Root::Image { folder: image.folder };
        spec.binds = volumes::binds(&self.inner.data, replica, &self.container);
        spec.network = Network::Host;
        spec.limits = limits(&self.container, self.inner.config.processes_max);
        spec.hostname = replica.name.chars().take(HOSTNAME_BYTES_MAX).collect();
        spec.require = self.inner.config.require.clone();
        Ok(spec)
    }

    /// Watches the process until it has ended.
    async fn attend(&self, spec: Spec, mut child: sandbox::Child) -> Exit {
        self.inner.container(self.replica, self.index, |state| {
            state.running_since = Some(now());
            state.waiting = None;
        });
        self.tell(EventReason::Started, format!("the container `{}` runs", self.container.name));
        self.inner.touch_replica(self.replica);
        let mut pumps = JoinSet::new();
        self.pump(&mut child, &mut pumps);
        let sick = CancellationToken::new();
        let mut probes = JoinSet::new();
        probes.spawn(self.prober(spec, sick.clone()).run());
        let ended = tokio::select! {
            exit = child.wait() => Some(exit),
            () = self.terminate.cancelled() => None,
            () = sick.cancelled() => None,
        };
        // A process that is being ended is not asked any more: its refusals would be the last
        // answers that the evidence shows.
        probes.shutdown().await;
        let ended = match ended {
            Some(exit) => exit,
            None => self.end(&mut child).await,
        };
        // The tree is gone, so the pipes are at their end; a stuck one is not waited for.
        let _ =
            tokio::time::timeout(PUMP_GRACE, async { while pumps.join_next().await.is_some() {} })
                .await;
        let lost = Exit { code: None, signal: Some(9), out_of_memory: false };
        let exit = ended.unwrap_or(lost);
        self.record(exit, sick.is_cancelled());
        exit
    }

    /// SIGTERM, the grace period, SIGKILL.
    async fn end(&self, child: &mut sandbox::Child) -> std::io::Result<Exit> {
        child.handle().terminate();
        let grace = if self.inner.closing.is_cancelled() {
            self.grace.min(self.inner.config.shutdown_grace)
        } else {
            self.grace
        };
        tokio::select! {
            exit = child.wait() => return exit,
            () = tokio::time::sleep(grace) => {}
            // The engine ends while this replica has a long grace period.
            () = self.closing_for(self.inner.config.shutdown_grace) => {}
        }
        child.kill().await
    }

    async fn closing_for(&self, grace: Duration) {
        self.inner.closing.cancelled().await;
        tokio::time::sleep(grace).await;
    }

    fn pump(&self, child: &mut sandbox::Child, pumps: &mut JoinSet<()>) {
        let Some(log) = self.inner.state().replicas.get(&self.replica).map(|r| Arc::clone(&r.log))
        else {
            return;
        };
        if let Some(stdout) = child.take_stdout() {
            let (log, name) = (Arc::clone(&log), self.container.name.clone());
            pumps.spawn(async move { log.pump(stdout, &name, false).await });
        }
        if let Some(stderr) = child.take_stderr() {
            let name = self.container.name.clone();
            pumps.spawn(async move { log.pump(stderr, &name, true).await });
        }
    }

    fn prober(&self, spec: Spec, sick: CancellationToken) -> Prober {
        Prober {
            inner: Arc::clone(&self.inner),
            replica: self.replica,
            index: self.index,
            container: self.container.clone(),
            spec,
            sick,
        }
    }

    fn record(&self, exit: Exit, by_probe: bool) {
        let record = ExitRecord {
            at: now(),
            container: self.container.name.clone(),
            code: exit.code,
            signal: exit.signal,
            out_of_memory: exit.out_of_memory,
        };
        self.inner.container(self.replica, self.index, |state| {
            state.running_since = None;
            state.ready = false;
            state.add_exit(record);
        });
        refresh_ready(&self.inner, self.replica);
        let name = &self.container.name;
        let (reason, message) = if exit.out_of_memory {
            (
                EventReason::OutOfMemory,
                format!("the container `{name}` reached its memory limit and was killed"),
            )
        } else if self.terminate.is_cancelled() || by_probe {
            return;
        } else if let Some(signal) = exit.signal {
            (
                EventReason::ProcessKilled,
                format!("the container `{name}` was ended by signal {signal}"),
            )
        } else {
            let code = exit.code.unwrap_or_default();
            (EventReason::ProcessExited, format!("the container `{name}` ended with code {code}"))
        };
        self.tell(reason, message);
    }
}

/// Kubernetes' rule: `command` replaces the image's entry point and command, `args` its command.
fn words(
    container: &Container,
    image: &UnpackedImage,
    environment: &std::collections::BTreeMap<String, String>,
) -> Vec<String> {
    let given = |words: &[String]| -> Vec<String> {
        words.iter().map(|word| environment::expand(word, environment)).collect()
    };
    let mut words = match container.command.is_empty() {
        true => image.entrypoint.clone(),
        false => given(&container.command),
    };
    if !container.args.is_empty() {
        words.extend(given(&container.args));
    } else if container.command.is_empty() {
        words.extend(image.command.clone());
    }
    words
}

fn limits(container: &Container, processes_max: u64) -> Limits {
    let limit = |name: &str| container.resources.limits.get(name).and_then(quantity::parse);
    Limits {
        memory_bytes: limit("memory").map(|bytes| bytes as u64),
        cpu_millicores: limit("cpu").map(|cores| (cores * 1000.0).ceil() as u64),
        processes: Some(processes_max),
        ..Limits::default()
    }
}

/// A replica is ready when each of its containers is.
pub(crate) fn refresh_ready(inner: &Inner, id: u64) {
    let mut became = false;
    if let Some(replica) = inner.state().replicas.get_mut(&id) {
        let ready = replica.containers.iter().all(|container| container.ready);
        became = ready && replica.ready_since.is_none();
        replica.ready_since = match (ready, replica.ready_since) {
            (false, _) => None,
            (true, since) => since.or_else(|| Some(Instant::now())),
        };
    }
    if became {
        inner.tell_replica(id, EventReason::Ready, "the replica takes requests");
    }
    inner.touch_replica(id);
}

/// Asks one process, from its start to its end.
struct Prober {
    inner: Arc<Inner>,
    replica: u64,
    index: usize,
    container: Container,
    spec: Spec,
    /// Set when the process shall be started again.
    sick: CancellationToken,
}

impl Prober {
    async fn run(self) {
        if let Some(probe) = &self.container.startup_probe
            && !self.until_up(ProbeKind::Startup, probe, Some(probe.failure_threshold)).await
        {
            self.fail(ProbeKind::Startup);
            return;
        }
        tokio::join!(self.readiness(), self.liveness());
    }

    fn fail(&self, kind: ProbeKind) {
        let message = format!(
            "the {} probe of the container `{}` failed too often; it is started again: {}",
            kind.code(),
            self.container.name,
            self.last_answer(kind)
        );
        self.inner.tell_replica(self.replica, EventReason::ProbeFailed, message);
        self.sick.cancel();
    }

    fn last_answer(&self, kind: ProbeKind) -> String {
        let mut answer = String::new();
        self.inner.container(self.replica, self.index, |state| {
            let last = state.probe_answers.iter().rev().find(|answer| answer.probe == kind);
            answer = last.map_or_else(String::new, |last| match last.status {
                Some(status) => format!("status {status}, {}", last.body.trim()),
                None => last.body.clone(),
            });
        });
        answer
    }

    async fn ask(&self, kind: ProbeKind, probe: &Probe) -> bool {
        let port: Option<&IntOrText> = probe
            .http_get
            .as_ref()
            .map(|get| &get.port)
            .or(probe.tcp_socket.as_ref().map(|tcp| &tcp.port));
        let declared = port.and_then(|port| container_port(&self.container, port));
        let port = declared.and_then(|port| {
            self.inner.state().replicas.get(&self.replica)?.ports.get(&port).copied()
        });
        let launcher = &self.inner.config.launcher;
        let target = Target { port, sandbox: &self.spec, launcher };
        let answer = ask(kind, probe, &target).await;
        let success = answer.success;
        self.inner.container(self.replica, self.index, |state| state.add_answer(answer));
        success
    }

    /// Asks at once and then ever less often until the first success. Failures count once a
    /// period, as if it were asked only then. False: too many failures.
    async fn until_up(&self, kind: ProbeKind, probe: &Probe, failures_max: Option<u32>) -> bool {
        tokio::time::sleep(Duration::from_secs(probe.initial_delay_seconds)).await;
        let period = Duration::from_secs(probe.period_seconds);
        let begun = Instant::now();
        let mut wait = FIRST_ASK;
        let mut successes = 0;
        let mut told = false;
        loop {
            if self.ask(kind, probe).await {
                successes += 1;
                if successes >= probe.success_threshold {
                    return true;
                }
                tokio::time::sleep(period).await;
                continue;
            }
            successes = 0;
            let failures = begun.elapsed().as_secs() / probe.period_seconds + 1;
            let over = failures > u64::from(probe.failure_threshold);
            if over && failures_max.is_some() {
                return false;
            }
            if over && !told {
                told = true;
                let message = format!(
                    "the container `{}` is not ready: {}",
                    self.container.name,
                    self.last_answer(kind)
                );
                self.inner.tell_replica(self.replica, EventReason::ProbeFailed, message);
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 3 / 2).min(EARLY_ASK_MAX).min(period);
        }
    }

    fn set_ready(&self, ready: bool) {
        self.inner.container(self.replica, self.index, |state| state.ready = ready);
        refresh_ready(&self.inner, self.replica);
    }

    async fn readiness(&self) {
        let Some(probe) = &self.container.readiness_probe else {
            self.set_ready(true);
            return;
        };
        loop {
            self.until_up(ProbeKind::Readiness, probe, None).await;
            self.set_ready(true);
            self.until_down(ProbeKind::Readiness, probe).await;
            let message = format!(
                "the container `{}` is no longer ready: {}",
                self.container.name,
                self.last_answer(ProbeKind::Readiness)
            );
            self.inner.tell_replica(self.replica, EventReason::ProbeFailed, message);
            self.set_ready(false);
        }
    }

    async fn liveness(&self) {
        let Some(probe) = &self.container.liveness_probe else { return };
        tokio::time::sleep(Duration::from_secs(probe.initial_delay_seconds)).await;
        self.until_down(ProbeKind::Liveness, probe).await;
        self.fail(ProbeKind::Liveness);
    }

    /// Asks once a period until it failed as often in a row as it may.
    async fn until_down(&self, kind: ProbeKind, probe: &Probe) {
        let mut failures = 0;
        while failures < probe.failure_threshold {
            tokio::time::sleep(Duration::from_secs(probe.period_seconds)).await;
            failures = if self.ask(kind, probe).await { 0 } else { failures + 1 };
        }
    }
}
