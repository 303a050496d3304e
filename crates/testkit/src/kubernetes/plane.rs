//! A control plane as processes of this machine: started, looked at and ended by its state file.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::credentials;
use super::https::Asker;
use super::node::{self, Node};
use super::programs::{KUBERNETES_VERSION, Program, say};

/// A start takes five seconds; a machine that is busy with builds is given ten times more.
const START_MAX: Duration = Duration::from_secs(60);
/// Programs that do not end by themselves after this are killed.
const END_MAX: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Its arguments: the file that users hold, then a process id and a program for each process.
const GUARD: &str = r#"
exec 9>>"$1"; flock --exclusive 9
[ -e "$(dirname "$1")/stays" ] && exit
shift
is() { [ "$(readlink "/proc/$1/exe")" = "$2" ]; }
while [ $# -ge 2 ]; do
    if is "$1" "$2"; then
        kill "$1"; waited=0
        while is "$1" "$2" && [ $waited -lt 200 ]; do sleep 0.1; waited=$((waited + 1)); done
        is "$1" "$2" && kill -9 "$1"
    fi
    shift 2
done"#;

/// The folder of one control plane: its processes, certificates, data and logs.
#[derive(Debug, Clone)]
pub struct Plane {
    folder: PathBuf,
}

/// What a control plane's state file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Kubernetes' version.
    pub version: String,
    /// Everything of this control plane is below it.
    pub folder: PathBuf,
    /// What a client needs.
    pub kubeconfig: PathBuf,
    /// The API server's address.
    pub server: String,
    /// The store's address.
    pub etcd: String,
    /// Its processes.
    pub processes: Vec<Process>,
    /// The real node, when it has one.
    pub node: Option<Node>,
    /// Whether everything of it was started: whoever was killed meanwhile left a part of it.
    #[serde(default)]
    pub is_complete: bool,
    /// From nothing to `/readyz`, and to a node that is ready when there is one, in milliseconds.
    pub ready_after_ms: u64,
    api_port: u16,
    token: String,
}

/// One process of a control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The program's name.
    pub name: String,
    /// Its process id.
    pub pid: u32,
    /// The file that was started.
    pub program: PathBuf,
    arguments: Vec<String>,
}

impl Process {
    /// What runs under this id.
    pub(super) fn running(pid: u32) -> Option<Self> {
        let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
        let name = program.file_name()?.to_string_lossy().into_owned();
        Some(Self { name, pid, program, arguments: Vec::new() })
    }

    /// Whether the process id is still this program's.
    #[must_use]
    pub fn runs(&self) -> bool {
        let link = fs::read_link(format!("/proc/{}/exe", self.pid));
        link.is_ok_and(|running| running == self.program)
    }
}

impl State {
    /// Whether every process runs.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.processes.iter().all(Process::runs)
    }

    /// A client with all rights.
    pub fn asker(&self) -> Result<Asker> {
        Asker::new(self.api_port, self.certificates()?.as_bytes(), &self.token)
    }

    /// The token of a user with all rights.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The port of the API server on 127.0.0.1.
    #[must_use]
    pub const fn api_port(&self) -> u16 {
        self.api_port
    }

    /// The certificates that sign the API server's, as PEM.
    pub fn certificates(&self) -> Result<String> {
        let file = self.folder.join("certificates/apiserver.crt");
        fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
    }

    /// Whether the API server says that it is ready, and that the node is, when there is one.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.answers() && self.node_is_ready()
    }

    fn answers(&self) -> bool {
        let asked = self.asker().and_then(|asker| asker.ask("GET", "/readyz", None));
        asked.is_ok_and(|answer| answer.status == 200)
    }
}

impl Plane {
    /// The control plane of this folder, running or not.
    #[must_use]
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What its state file says, when there is one.
    pub fn state(&self) -> Result<Option<State>> {
        let file = self.folder.join("state.json");
        match fs::read(&file) {
            Ok(bytes) => Ok(Some(
                serde_json::from_slice(&bytes)
                    .with_context(|| format!("{} cannot be read; remove it", file.display()))?,
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", file.display())),
        }
    }

    /// Starts what is missing and waits until the API server is ready. The second value says
    /// whether it had to be started.
    pub fn up(&self) -> Result<(State, bool)> {
        self.up_as(&Program::CONTROL_PLANE)
    }

    /// The same with a real node, of this machine, instead of one that kwok pretends to be.
    pub fn up_with_node(&self) -> Result<(State, bool)> {
        node::requirements()?;
        self.up_as(&Program::WITH_NODE)
    }

    fn up_as(&self, programs: &[Program]) -> Result<(State, bool)> {
        let _lock = self.lock()?;
        if let Some(state) = self.state()? {
            if state.is_complete && state.runs() && state.is_ready() {
                let same = state.node.is_some() == programs.contains(&Program::Kubelet);
                ensure!(
                    same,
                    "the cluster in {} runs, {} a real node; end it first: `cargo xtask cluster down --folder {0}`",
                    self.folder.display(),
                    if state.node.is_some() { "with" } else { "without" },
                );
                return Ok((state, false));
            }
            self.end(&state, Signal::SIGTERM)?;
        }
        self.start(programs, &[]).map(|state| (state, true))
    }

    /// Starts only the store and the API server: for tests that stop them.
    pub fn up_without_controllers(&self, arguments: &[&str]) -> Result<State> {
        let _lock = self.lock()?;
        self.start(&[Program::Etcd, Program::ApiServer], arguments)
    }

    /// Ends the processes that the state file names, if they are still those programs. Gives those
    /// that were ended.
    pub fn down(&self) -> Result<Vec<Process>> {
        self.end_with(Signal::SIGTERM)
    }

    /// The same at once: an API server that is asked to end waits for its watchers to leave.
    pub fn kill(&self) -> Result<Vec<Process>> {
        self.end_with(Signal::SIGKILL)
    }

    fn end_with(&self, signal: Signal) -> Result<Vec<Process>> {
        let _lock = self.lock()?;
        let _ = fs::remove_file(self.folder.join("stays"));
        match self.state()? {
            Some(state) => self.end(&state, signal),
            None => Ok(Vec::new()),
        }
    }

    /// Ends the API server alone.
    pub fn stop_api_server(&self) -> Result<()> {
        let state = self.state()?.context("the control plane does not run")?;
        let server = state.processes.iter().find(|one| one.name == Program::ApiServer.name());
        // At once, as a machine fails: it would wait for its watchers to leave.
        end_processes(&server.cloned().into_iter().collect::<Vec<_>>(), Signal::SIGKILL)
    }

    /// Starts the API server again, on the same port, over the same store.
    pub fn start_api_server(&self) -> Result<State> {
        let mut state = self.state()?.context("the control plane does not run")?;
        let name = Program::ApiServer.name();
        let server = state.processes.iter_mut().find(|one| one.name == name);
        let server = server.context("the state file names no API server")?;
        let mut child = self.spawn(server)?;
        self.write_state(&state)?;
        self.wait_until(name, &mut child, || state.answers())?;
        Ok(state)
    }

    /// Says that this program uses the control plane; the kernel takes it back when the program
    /// ends, however it ends.
    pub fn hold(&self) -> Result<File> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("make {}", self.folder.display()))?;
        let users = OpenOptions::new().create(true).append(true).open(self.folder.join("users"));
        let users = users.context("open the list of users")?;
        users.lock_shared().context("wait for the end of an earlier control plane")?;
        Ok(users)
    }

    /// Has it stay although a program that started it ends: somebody asked for it by hand.
    pub fn stay(&self) -> Result<()> {
        fs::write(self.folder.join("stays"), "").context("note that it stays")
    }

    /// Leaves a guard behind that waits until no program holds the control plane and then ends it,
    /// process by process and only what is still that program.
    pub fn end_after_last_user(&self, state: &State) -> Result<()> {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(self.folder.join("users"));
        for process in state.processes.iter().rev() {
            guard.arg(process.pid.to_string()).arg(&process.program);
        }
        guard.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        guard.spawn().context("start the guard (it needs `sh` and `flock`)")?;
        Ok(())
    }

    fn lock(&self) -> Result<File> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("make {}", self.folder.display()))?;
        let lock = File::create(self.folder.join("lock")).context("make the lock")?;
        lock.lock().context("wait for another start")?;
        Ok(lock)
    }

    fn start(&self, programs: &[Program], to_api_server: &[&str]) -> Result<State> {
        let found: Result<Vec<(Program, PathBuf)>> = programs
            .iter()
            .map(|program| {
                let file = program.find_or_build()?;
                let real = fs::canonicalize(&file);
                Ok((*program, real.with_context(|| format!("follow {}", file.display()))?))
            })
            .collect();
        let started = Instant::now();
        let elapsed_ms = || u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.clear()?;
        let mut state = self.prepare(programs.contains(&Program::Kubelet))?;
        let ports = [free_port()?, free_port()?];
        state.etcd = format!("http://127.0.0.1:{}", ports[0]);
        for (program, file) in found? {
            if program == Program::Kubelet {
                self.start_node(&mut state, file)?;
                state.ready_after_ms = elapsed_ms();
                continue;
            }
            let mut arguments = self.arguments(program, &state, ports[1]);
            if program == Program::ApiServer {
                arguments.extend(to_api_server.iter().map(ToString::to_string));
            }
            let mut child = self.add(&mut state, program.name(), file, arguments)?;
            if program == Program::ApiServer {
                self.wait_until(program.name(), &mut child, || state.answers())?;
                state.ready_after_ms = elapsed_ms();
                self.write_kubeconfig(&state)?;
                if state.node.is_none() {
                    add_fake_node(&state)?;
                }
            }
        }
        state.is_complete = true;
        self.write_state(&state)?;
        Ok(state)
    }

    /// Starts one more process. Whoever is killed then leaves a state file that names it.
    pub(super) fn add(
        &self,
        state: &mut State,
        name: &str,
        program: PathBuf,
        arguments: Vec<String>,
    ) -> Result<Child> {
        let mut process = Process { name: name.to_owned(), pid: 0, program, arguments };
        let child = self.spawn(&mut process)?;
        state.processes.push(process);
        self.write_state(state)?;
        Ok(child)
    }

    /// Keeps the lock and nothing else of an earlier run.
    pub(super) fn clear(&self) -> Result<()> {
        let _ = fs::remove_file(self.folder.join("stays"));
        for name in ["data", "certificates", "logs"] {
            let folder = self.folder.join(name);
            if folder.exists() {
                fs::remove_dir_all(&folder)
                    .with_context(|| format!("empty {}", folder.display()))?;
            }
            fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        }
        Ok(())
    }

    pub(super) fn prepare(&self, with_node: bool) -> Result<State> {
        let token = credentials::write(&self.folder.join("certificates"))?;
        let api_port = free_port()?;
        let state = State {
            version: KUBERNETES_VERSION.to_owned(),
            folder: self.folder.clone(),
            kubeconfig: self.folder.join("kubeconfig"),
            server: format!("https://127.0.0.1:{api_port}"),
            etcd: String::new(),
            processes: Vec::new(),
            node: with_node.then(|| Node::of(&self.folder)),
            is_complete: false,
            ready_after_ms: 0,
            api_port,
            token,
        };
        if let Some(node) = &state.node {
            self.prepare_node(&state, node)?;
        }
        Ok(state)
    }

    fn arguments(&self, program: Program, state: &State, peer_port: u16) -> Vec<String> {
        let certificates = self.folder.join("certificates");
        let file = |name: &str| certificates.join(name).display().to_string();
        let kubeconfig = state.kubeconfig.display();
        match program {
            Program::Etcd => {
                let peer = format!("http://127.0.0.1:{peer_port}");
                vec![
                    format!("--data-dir={}", self.folder.join("data").display()),
                    format!("--listen-client-urls={}", state.etcd),
                    format!("--advertise-client-urls={}", state.etcd),
                    format!("--listen-peer-urls={peer}"),
                    format!("--initial-advertise-peer-urls={peer}"),
                    format!("--initial-cluster=default={peer}"),
                    "--unsafe-no-fsync".to_owned(),
                    "--log-level=warn".to_owned(),
                ]
            }
            Program::ApiServer => {
                let of_node =
                    state.node.as_ref().map(|_| Node::api_server_arguments(&certificates));
                let mut arguments = vec![
                    format!("--etcd-servers={}", state.etcd),
                    format!("--cert-dir={}", certificates.display()),
                    format!("--secure-port={}", state.api_port),
                    "--bind-address=127.0.0.1".to_owned(),
                    "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                    "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                    format!("--service-account-key-file={}", file("accounts.pub")),
                    format!("--service-account-signing-key-file={}", file("accounts.key")),
                    format!("--token-auth-file={}", file("tokens.csv")),
                    "--authorization-mode=Node,RBAC".to_owned(),
                    "--disable-admission-plugins=ServiceAccount".to_owned(),
                    "--allow-privileged".to_owned(),
                ];
                arguments.extend(of_node.into_iter().flatten());
                arguments
            }
            Program::ControllerManager => vec![
                format!("--kubeconfig={kubeconfig}"),
                format!("--service-account-private-key-file={}", file("accounts.key")),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
            ],
            Program::Scheduler => vec![
                format!("--kubeconfig={kubeconfig}"),
                "--leader-elect=false".to_owned(),
                "--secure-port=0".to_owned(),
            ],
            Program::Kwok => vec![
                format!("--kubeconfig={kubeconfig}"),
                "--manage-all-nodes=false".to_owned(),
                "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake".to_owned(),
            ],
            Program::Kubelet | Program::Helm | Program::Kustomize | Program::Distribution => {
                Vec::new()
            }
        }
    }

    fn spawn(&self, process: &mut Process) -> Result<Child> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log(&process.name))
            .context("open the log")?;
        let mut command = Command::new(&process.program);
        command.args(&process.arguments).current_dir(&self.folder).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log);
        // A group of its own: an interrupt at the terminal is for whoever started it, not for it.
        command.process_group(0);
        let child =
            command.spawn().with_context(|| format!("start {}", process.program.display()))?;
        process.pid = child.id();
        Ok(child)
    }

    fn log(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    /// Waits for a process that was just started.
    pub(super) fn wait_until(
        &self,
        name: &str,
        child: &mut Child,
        is_ready: impl Fn() -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        while !is_ready() {
            let ended = child.try_wait()?.is_some();
            if ended || Instant::now() > deadline {
                let what = if ended { "ended" } else { "is not ready in time" };
                bail!("{name} {what}; the end of its log:\n{}", self.end_of_log(name));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
    }

    pub(super) fn end_of_log(&self, name: &str) -> String {
        let log = fs::read(self.log(name)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let from = log.lines().count().saturating_sub(10);
        log.lines().skip(from).collect::<Vec<_>>().join("\n")
    }

    fn write_kubeconfig(&self, state: &State) -> Result<()> {
        let certificates = state.certificates()?;
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "boucle-test",
            "clusters": [{ "name": "boucle-test", "cluster": {
                "server": state.server,
                "certificate-authority-data": BASE64.encode(certificates),
            }}],
            "users": [{ "name": "administrator", "user": { "token": state.token } }],
            "contexts": [{ "name": "boucle-test", "context": {
                "cluster": "boucle-test", "user": "administrator",
            }}],
        });
        fs::write(&state.kubeconfig, serde_json::to_vec_pretty(&config)?)
            .context("write the kubeconfig")
    }

    /// Renamed into place, so that a reader never sees half of it.
    fn write_state(&self, state: &State) -> Result<()> {
        let unfinished = self.folder.join("state.json.unfinished");
        fs::write(&unfinished, serde_json::to_vec_pretty(state)?)?;
        fs::rename(unfinished, self.folder.join("state.json")).context("write the state file")
    }

    fn end(&self, state: &State, signal: Signal) -> Result<Vec<Process>> {
        let mut running: Vec<Process> =
            state.processes.iter().filter(|process| process.runs()).cloned().collect();
        // Clients of the API server first, the store last.
        let in_order: Vec<Process> = running.iter().rev().cloned().collect();
        // These end with the node.
        running.extend(state.pods_processes());
        end_processes(&in_order, signal)?;
        if let Some(node) = &state.node {
            node.clean()?;
        }
        fs::remove_file(self.folder.join("state.json")).context("remove the state file")?;
        Ok(running)
    }
}

/// Asks one process after the other to end: whoever uses another ends before it.
fn end_processes(processes: &[Process], first: Signal) -> Result<()> {
    for process in processes {
        let (started, mut signal) = (Instant::now(), first);
        send(process, signal)?;
        while process.runs() {
            if started.elapsed() > END_MAX && signal != Signal::SIGKILL {
                signal = Signal::SIGKILL;
                say(&format!("{} does not end and is killed", process.name));
                send(process, signal)?;
            }
            ensure!(started.elapsed() < 2 * END_MAX, "{} cannot be ended", process.name);
            std::thread::sleep(LOOK_AGAIN);
        }
    }
    Ok(())
}

fn send(process: &Process, signal: Signal) -> Result<()> {
    let pid = i32::try_from(process.pid).context("a process id is a positive number")?;
    if !process.runs() {
        return Ok(());
    }
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("end {}", process.name)),
    }
}

/// A port that nobody listens on now.
pub(super) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr()?.port())
}

/// One node without a machine, which takes as many pods as tests like.
fn add_fake_node(state: &State) -> Result<()> {
    let capacity = json!({ "cpu": "1000", "memory": "4Ti", "pods": "11000" });
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": "fake",
            "annotations": { "kwok.x-k8s.io/node": "fake" },
            "labels": { "kubernetes.io/hostname": "fake", "kubernetes.io/os": "linux" },
        },
        "status": { "allocatable": capacity, "capacity": capacity },
    });
    let answer = state.asker()?.ask("POST", "/api/v1/nodes", Some(&node))?;
    ensure!(answer.status == 201, "the fake node was refused: {}", answer.body);
    Ok(())
}
