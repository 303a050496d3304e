//! The caller's side: starts the helper, hands it the spec, and waits for the end.

use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{ChildStderr, ChildStdout, Command};

use crate::cgroup::Group;
use crate::message::{Enter, FailureKind, Order, Report, Start, frame, line};
use crate::protections::{Protection, Protections};
use crate::spec::{Network, Spec};

/// How long a killed tree may take to disappear before its outer helper is killed too.
/// The kernel ends a process namespace in well under a millisecond; a second means a process that
/// hangs in the kernel (a dead network file system), which no signal ends sooner.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// What a dropped tree leaves is looked after for two seconds, and then by the next [`sweep`].
const GROUP_TRIES_MAX: u32 = 100;
const GROUP_TRY_EVERY: Duration = Duration::from_millis(20);

/// How the helper is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// The helper program. `/proc/self/exe` is the calling program itself, even after an update
    /// has replaced its file.
    pub program: PathBuf,
    /// What makes that program call [`helper_main`](crate::helper_main).
    pub arguments: Vec<String>,
}

/// The calling program itself with [`HELPER_ARGUMENT`](crate::HELPER_ARGUMENT).
impl Default for Launcher {
    fn default() -> Self {
        Self {
            program: PathBuf::from("/proc/self/exe"),
            arguments: vec![crate::HELPER_ARGUMENT.to_owned()],
        }
    }
}

/// Where one output stream of the program goes.
#[derive(Debug)]
pub enum Output {
    /// To the caller, by [`Child::take_stdout`] or [`Child::take_stderr`].
    Pipe,
    /// Nowhere.
    Null,
    /// To this open file or pipe.
    To(OwnedFd),
}

impl Output {
    fn into_stdio(self) -> Stdio {
        match self {
            Self::Pipe => Stdio::piped(),
            Self::Null => Stdio::null(),
            Self::To(descriptor) => Stdio::from(descriptor),
        }
    }
}

/// Where the program's output goes; its input is always empty.
#[derive(Debug)]
pub struct Streams {
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
}

/// Both to the caller.
impl Default for Streams {
    fn default() -> Self {
        Self { stdout: Output::Pipe, stderr: Output::Pipe }
    }
}

/// Why the program was not started; nothing of it runs.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The helper itself did not start.
    #[error("the sandbox helper {} did not start", program.display())]
    Helper {
        /// The helper program.
        program: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The helper ended or spoke nonsense before the program ran.
    #[error("the sandbox helper ended before the program started ({detail})")]
    Lost {
        /// What was seen.
        detail: String,
    },
    /// The place could not be built.
    #[error("the sandbox could not {stage}: {reason}")]
    Setup {
        /// What was being done.
        stage: String,
        /// What went wrong.
        reason: String,
    },
    /// The program is missing or not executable.
    #[error("the program {} cannot be run in the sandbox: {reason}", program.display())]
    Program {
        /// As the spec names it.
        program: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// A protection that the spec requires does not hold here.
    #[error("the sandbox refuses to start the program: {reason}")]
    Refused {
        /// Which protection, and why it does not hold.
        reason: String,
    },
}

impl SpawnError {
    /// A stable name in kebab case.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Helper { .. } => "sandbox-helper-missing",
            Self::Lost { .. } => "sandbox-helper-lost",
            Self::Setup { .. } => "sandbox-setup-failed",
            Self::Program { .. } => "sandbox-program-missing",
            Self::Refused { .. } => "sandbox-protection-missing",
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code, when it ended by itself.
    pub code: Option<i32>,
    /// Otherwise the signal that ended it (9 when it was killed).
    pub signal: Option<i32>,
    /// Whether the kernel killed a process of the tree because the memory limit was reached.
    pub out_of_memory: bool,
}

impl Exit {
    /// Whether it ended by itself with code 0.
    #[must_use]
    pub fn success(self) -> bool {
        self.code == Some(0)
    }
}

/// Sends signals to a running program; may be cloned and used from anywhere.
#[derive(Debug, Clone)]
pub struct Handle {
    socket: Arc<StdUnixStream>,
}

impl Handle {
    /// Sends the program (not its children) this signal. Nothing happens when it already ended.
    pub fn signal(&self, number: i32) {
        self.order(&Order::Signal { number });
    }

    /// Asks the program to end: SIGTERM.
    pub fn terminate(&self) {
        self.signal(15);
    }

    /// Ends the whole tree at once; [`Child::wait`] then returns.
    pub fn kill(&self) {
        self.order(&Order::Kill);
        // The helper takes the end of the stream for the same order, should its queue be full.
        let _ = self.socket.shutdown(std::net::Shutdown::Write);
    }

    fn order(&self, order: &Order) {
        let Ok(line) = line(order) else { return };
        // An error means that the helper is gone, and so is the program.
        let _ = (&*self.socket).write_all(&line);
    }
}

/// A running program. Dropping it ends the whole tree.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    pid: u32,
    reader: BufReader<UnixStream>,
    line: Vec<u8>,
    handle: Handle,
    group: Group,
    protections: Protections,
    ended: Option<(Option<i32>, Option<i32>)>,
    exit: Option<Exit>,
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.handle.socket.shutdown(std::net::Shutdown::Both);
        let mut group = std::mem::take(&mut self.group);
        if group.remove() {
            return;
        }
        // The tree takes a moment to end, and only an empty group can be removed.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                for _ in 0..GROUP_TRIES_MAX {
                    tokio::time::sleep(GROUP_TRY_EVERY).await;
                    if group.remove() {
                        return;
                    }
                }
            });
        }
    }
}

impl Child {
    /// The outer helper's process number on the machine; the program is its descendant.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// What holds for this program.
    #[must_use]
    pub fn protections(&self) -> &Protections {
        &self.protections
    }

    /// Sends signals from elsewhere.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// The program's output; `None` when it was not piped or was taken already.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.process.stdout.take()
    }

    /// The program's error output; `None` when it was not piped or was taken already.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.process.stderr.take()
    }

    /// Waits until the program has ended and no process of its tree is left. May be dropped and
    /// called again.
    pub async fn wait(&mut self) -> std::io::Result<Exit> {
        if let Some(exit) = self.exit {
            return Ok(exit);
        }
        while let Some(report) = self.next_report().await? {
            if let Report::Exited { code, signal } = report {
                self.ended = Some((code, signal));
            }
        }
        let status = self.process.wait().await?;
        let (code, signal) = self.ended.unwrap_or_else(|| of_status(status));
        let exit = Exit { code, signal, out_of_memory: self.group.out_of_memory() };
        self.group.remove();
        self.exit = Some(exit);
        Ok(exit)
    }

    /// Ends the whole tree and waits until it is gone.
    pub async fn kill(&mut self) -> std::io::Result<Exit> {
        self.handle.kill();
        self.group.kill();
        if let Ok(exit) = tokio::time::timeout(KILL_GRACE, self.wait()).await {
            return exit;
        }
        self.process.start_kill()?;
        self.wait().await
    }

    async fn next_report(&mut self) -> std::io::Result<Option<Report>> {
        loop {
            match self.reader.read_until(b'\n', &mut self.line).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                // The helper ended with orders unread; what it reported was read before.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
            if self.line.ends_with(b"\n") {
                let report = serde_json::from_slice(&self.line);
                self.line.clear();
                return report.map(Some).map_err(std::io::Error::other);
            }
        }
    }
}

fn of_status(status: ExitStatus) -> (Option<i32>, Option<i32>) {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        // The outer helper says how the inner one ended in the way shells do.
        (Some(code), _) if code > 128 => (None, Some(code - 128)),
        (code, signal) => (code, signal),
    }
}

/// Starts the program of `spec` and returns when it runs.
pub async fn spawn(
    spec: &Spec,
    launcher: &Launcher,
    streams: Streams,
) -> Result<Child, SpawnError> {
    start(spec, launcher, streams, false).await
}

/// Builds a sandbox with every protection, runs nothing in it, and says what holds.
pub async fn probe(launcher: &Launcher) -> Protections {
    let mut spec = Spec::new("/");
    spec.limits.memory_bytes = Some(64 << 20);
    spec.limits.processes = Some(16);
    spec.limits.cpu_millicores = Some(1000);
    let streams = Streams { stdout: Output::Null, stderr: Output::Null };
    match start(&spec, launcher, streams, true).await {
        Ok(mut child) => {
            // The trial's helper ends by itself; how does not matter.
            let _ = child.wait().await;
            child.protections.clone()
        }
        Err(error) => {
            let mut protections = Protections::default();
            for protection in Protection::ALL {
                protections.unavailable(protection, &error);
            }
            protections
        }
    }
}

/// Removes what sandboxes of an earlier server process left behind (empty cgroups).
pub fn sweep() {
    crate::cgroup::sweep();
}

async fn start(
    spec: &Spec,
    launcher: &Launcher,
    streams: Streams,
    trial: bool,
) -> Result<Child, SpawnError> {
    let helper = |source| SpawnError::Helper { program: launcher.program.clone(), source };
    let (ours, theirs) = StdUnixStream::pair().map_err(helper)?;
    ours.set_nonblocking(true).map_err(helper)?;
    let reader = ours.try_clone().and_then(UnixStream::from_std).map_err(helper)?;
    let mut protections = Protections::default();
    let mut group = Group::create(&spec.limits, &mut protections);
    let process = Command::new(&launcher.program)
        .args(&launcher.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(streams.stdout.into_stdio())
        .stderr(streams.stderr.into_stdio())
        .spawn()
        .map_err(helper)?;
    let pid = process.id().unwrap_or_default();
    // Before the order is sent the helper only waits, so nothing escapes the group.
    group.join(pid, &mut protections);
    let mut child = Child {
        process,
        pid,
        reader: BufReader::new(reader),
        line: Vec::new(),
        handle: Handle { socket: Arc::new(ours) },
        group,
        protections: Protections::default(),
        ended: None,
        exit: None,
    };
    let isolate_network = spec.network == Network::Isolated;
    let enter = Enter { isolate_network, protections };
    let order = Start { spec: spec.clone(), trial };
    let sent = send(&mut child, &enter, &order).await;
    answer(child, spec, sent).await
}

async fn send(child: &mut Child, enter: &Enter, order: &Start) -> std::io::Result<()> {
    let mut bytes = frame(enter)?;
    bytes.extend(frame(order)?);
    child.reader.get_mut().write_all(&bytes).await
}

async fn answer(
    mut child: Child,
    spec: &Spec,
    sent: std::io::Result<()>,
) -> Result<Child, SpawnError> {
    let report = match sent {
        Ok(()) => child.next_report().await,
        Err(error) => Err(error),
    };
    let detail = match report {
        Ok(Some(Report::Started { protections })) => {
            child.protections = protections;
            return Ok(child);
        }
        Ok(Some(Report::Failed { stage, reason, kind })) => {
            // It reported its own failure; its end says nothing more.
            let _ = child.kill().await;
            return Err(match kind {
                FailureKind::Setup => SpawnError::Setup { stage, reason },
                FailureKind::Program => {
                    SpawnError::Program { program: spec.program.clone(), reason }
                }
                FailureKind::Refused => SpawnError::Refused { reason },
            });
        }
        Ok(Some(Report::Exited { .. })) => "it reported an end before a start".to_owned(),
        Ok(None) => "it said nothing".to_owned(),
        Err(error) => error.to_string(),
    };
    let exit = child.kill().await;
    let out_of_memory = exit.as_ref().is_ok_and(|exit| exit.out_of_memory);
    let detail =
        if out_of_memory { format!("{detail}; the memory limit was reached") } else { detail };
    Err(SpawnError::Lost { detail })
}
