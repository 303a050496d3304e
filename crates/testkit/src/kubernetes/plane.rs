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
    /// From nothing to `/readyz`, in milliseconds.
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

    /// Whether the API server says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
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
        let _lock = self.lock()?;
        if let Some(state) = self.state()? {
            if state.runs() && state.is_ready() {
                return Ok((state, false));
            }
            self.end(&state, Signal::SIGTERM)?;
        }
        self.start(&Program::CONTROL_PLANE, &[]).map(|state| (state, true))
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
        self.wait_until_ready(&state, &mut child)?;
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
        self.clear()?;
        let mut state = self.prepare()?;
        let ports = [free_port()?, free_port()?];
        state.etcd = format!("http://127.0.0.1:{}", ports[0]);
        let (mut store, mut server) = (None, None);
        for (program, file) in found? {
            let mut process = Process {
                name: program.name().to_owned(),
                pid: 0,
                program: file,
                arguments: self.arguments(program, &state, ports[1]),
            };
            if program == Program::ApiServer {
                process.arguments.extend(to_api_server.iter().map(ToString::to_string));
            }
            // Whoever is killed here leaves a state file that names all that was started.
            let child = self.spawn(&mut process)?;
            state.processes.push(process);
            self.write_state(&state)?;
            match program {
                Program::Etcd => store = Some(child),
                Program::ApiServer => {
                    let child = server.insert(child);
                    self.wait_until_ready(&state, child)?;
                    state.ready_after_ms =
                        u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                    self.write_kubeconfig(&state)?;
                    add_fake_node(&state)?;
                }
                Program::ControllerManager
                | Program::Scheduler
                | Program::Kwok
                | Program::Helm
                | Program::Kustomize => {}
            }
        }
        drop(store);
        self.write_state(&state)?;
        Ok(state)
    }

    /// Keeps the lock and nothing else of an earlier run.
    fn clear(&self) -> Result<()> {
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

    fn prepare(&self) -> Result<State> {
        let token = credentials::write(&self.folder.join("certificates"))?;
        let api_port = free_port()?;
        Ok(State {
            version: KUBERNETES_VERSION.to_owned(),
            folder: self.folder.clone(),
            kubeconfig: self.folder.join("kubeconfig"),
            server: format!("https://127.0.0.1:{api_port}"),
            etcd: String::new(),
            processes: Vec::new(),
            ready_after_ms: 0,
            api_port,
            token,
        })
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
            Program::ApiServer => vec![
                format!("--etcd-servers={}", state.etcd),
                format!("--cert-dir={}", certificates.display()),
                format!("--secure-port={}", state.api_port),
                "--bind-address=127.0.0.1".to_owned(),
                "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--service-account-key-file={}", file("accounts.pub")),
                format!("--service-account-signing-key-file={}", file("accounts.key")),
                format!("--token-auth-file={}", file("tokens.csv")),
                "--authorization-mode=RBAC".to_owned(),
                "--disable-admission-plugins=ServiceAccount".to_owned(),
                "--allow-privileged".to_owned(),
            ],
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
            Program::Helm | Program::Kustomize => Vec::new(),
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

    fn wait_until_ready(&self, state: &State, server: &mut Child) -> Result<()> {
        let deadline = Instant::now() + START_MAX;
        while !state.is_ready() {
            let ended = server.try_wait()?.is_some();
            if ended || Instant::now() > deadline {
                let log = fs::read_to_string(self.log(Program::ApiServer.name()));
                let log = log.unwrap_or_default();
                let from = log.lines().count().saturating_sub(10);
                let last: Vec<&str> = log.lines().skip(from).collect();
                let what = if ended { "ended" } else { "is not ready in time" };
                bail!("kube-apiserver {what}; the end of its log:\n{}", last.join("\n"));
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(())
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
        let running: Vec<Process> =
            state.processes.iter().filter(|process| process.runs()).cloned().collect();
        // Clients of the API server first, the store last.
        let in_order: Vec<Process> = running.iter().rev().cloned().collect();
        end_processes(&in_order, signal)?;
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
fn free_port() -> Result<u16> {
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
