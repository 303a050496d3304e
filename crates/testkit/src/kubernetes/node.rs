//! A real node beside a control plane: containerd, a bridge and a kubelet in namespaces of their own.

use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use nix::sched::{CloneFlags, unshare};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::plane::{Plane, Process, State, free_port};
use super::programs::{Program, on_path};
use super::{credentials, image};

#[cfg(test)]
mod tests;

/// What the node is called. Its label `boucle.dev/node` has the same value.
pub const NAME: &str = "real";
/// Longer than a start on a machine that is busy with builds.
const READY_MAX: Duration = Duration::from_secs(120);
const SURROUNDINGS: &str = include_str!("node.sh");
/// Whatever holds a pod's namespaces has nothing to do.
const PAUSE: &str = "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n";
const PAUSE_IMAGE: &str = "boucle.test/pause:1";
/// Where Debian's package and everybody else put the network plug-ins.
const PLUGINS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// Whether the machine is meant to be without a real node: then tests that need one say so and end.
#[must_use]
#[expect(clippy::print_stdout, reason = "a test that is left out says so")]
pub fn is_left_out() -> bool {
    let left_out = std::env::var_os("BOUCLE_WITHOUT_NODE").is_some_and(|value| value == "1");
    if left_out {
        println!("BOUCLE_WITHOUT_NODE=1: the real node is not tested");
    }
    left_out
}

/// What a state file says of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name in Kubernetes.
    pub name: String,
    /// containerd's socket; the images and containers of pods are in its namespace `k8s.io`.
    pub runtime: PathBuf,
    /// The machine's address on the bridge that all pods are connected to, in a network of 256.
    pub address: Ipv4Addr,
    /// The bridge; the control groups of pods have the same name.
    pub bridge: String,
    folder: PathBuf,
}

impl Node {
    /// The node of a cluster in this folder: no two clusters share a bridge or a network.
    pub(super) fn of(cluster: &Path) -> Self {
        let hash = digest(&SHA256, cluster.as_os_str().as_encoded_bytes());
        let byte = |at: usize| hash.as_ref()[at];
        // A network of the upper half of 10.0.0.0/8: services have 10.96.0.0/16.
        let address = Ipv4Addr::new(10, 128 | byte(0), byte(1), 1);
        // The name of a network device has at most 15 characters.
        let bridge = format!("boucle{:02x}{:02x}{:02x}{:02x}", byte(2), byte(3), byte(4), byte(5));
        let folder = cluster.join("node");
        let runtime = folder.join("containerd.sock");
        Self { name: NAME.to_owned(), runtime, address, bridge, folder }
    }

    /// Loads the images of an archive (OCI or Docker), so that pods find them without a registry.
    pub fn load(&self, archive: &[u8]) -> Result<()> {
        let mut ctr = Command::new("ctr")
            .arg("--address")
            .arg(&self.runtime)
            .args(["--namespace", "k8s.io", "images", "import", "--snapshotter", "native", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("start containerd's `ctr`")?;
        let written = ctr.stdin.take().context("`ctr` has no input")?.write_all(archive);
        let output = ctr.wait_with_output().context("wait for `ctr`")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "containerd refused the archive: {}", said.trim());
        written.context("give `ctr` the archive")
    }

    /// Removes the bridge, the control groups and the files of a node whose processes are gone.
    pub(super) fn clean(&self) -> Result<()> {
        let mut clean = self.surroundings("clean");
        let output = clean.output().context("start `sh`")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the node leaves something behind: {}", said.trim());
        if self.folder.exists() {
            fs::remove_dir_all(&self.folder)
                .with_context(|| format!("remove {}", self.folder.display()))?;
        }
        Ok(())
    }

    /// What the API server needs to know to ask the node for logs.
    pub(super) fn api_server_arguments(certificates: &Path) -> Vec<String> {
        let file = |name: &str| certificates.join(name).display().to_string();
        vec![
            format!("--kubelet-client-certificate={}", file("to-kubelet.crt")),
            format!("--kubelet-client-key={}", file("to-kubelet.key")),
            "--kubelet-preferred-address-types=InternalIP".to_owned(),
        ]
    }

    fn surroundings(&self, task: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(self.surroundings_arguments(task));
        command
    }

    fn surroundings_arguments(&self, task: &str) -> [String; 7] {
        [
            "-c".to_owned(),
            SURROUNDINGS.to_owned(),
            "node".to_owned(),
            task.to_owned(),
            self.folder.display().to_string(),
            self.bridge.clone(),
            format!("{}/24", self.address),
        ]
    }

    fn write_configurations(&self, state: &State, token: &str, plugins: &Path) -> Result<()> {
        let write = |path: &Path, content: String| {
            fs::write(path, content).with_context(|| format!("write {}", path.display()))
        };
        let network = self.folder.join("network");
        fs::create_dir_all(&network).with_context(|| format!("make {}", network.display()))?;
        write(&network.join("10-pods.conflist"), self.network().to_string())?;
        write(&self.folder.join("containerd.toml"), self.containerd(&network, plugins))?;
        write(&self.folder.join("kubelet.json"), self.kubelet(state, free_port()?).to_string())?;
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "node",
            "clusters": [{ "name": "node", "cluster": {
                "server": state.server,
                "certificate-authority": state.folder.join("certificates/apiserver.crt"),
            }}],
            "users": [{ "name": "node", "user": { "token": token } }],
            "contexts": [{ "name": "node", "context": { "cluster": "node", "user": "node" } }],
        });
        write(&self.folder.join("kubeconfig"), kubeconfig.to_string())
    }

    /// The bridge is there already, with the machine's address: the plug-in would also have the
    /// machine forward packets between networks, and nobody would take that back.
    fn network(&self) -> Value {
        let [first, second, third, _] = self.address.octets();
        json!({
            "cniVersion": "0.4.0", "name": self.bridge,
            "plugins": [{
                "type": "bridge", "bridge": self.bridge,
                "ipam": {
                    "type": "host-local", "dataDir": self.folder.join("addresses"),
                    "ranges": [[{
                        "subnet": format!("{first}.{second}.{third}.0/24"),
                        "gateway": self.address,
                    }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                },
            }],
        })
    }

    /// A registry on a loopback address is asked by plain HTTP: containerd does that by itself.
    fn containerd(&self, network: &Path, plugins: &Path) -> String {
        let text = |path: &Path| Value::from(path.display().to_string());
        // Of the ways to keep layers only copies work on every machine, in containers too.
        format!(
            r#"version = 2
root = {root}
state = {state}
disabled_plugins = [
    "io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs",
    "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
    "io.containerd.snapshotter.v1.overlayfs", "io.containerd.snapshotter.v1.zfs",
]
[grpc]
address = {socket}
[plugins."io.containerd.grpc.v1.cri"]
disable_apparmor = true
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true
sandbox_image = "{PAUSE_IMAGE}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = {plugins}
conf_dir = {network}
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
"#,
            root = text(&self.folder.join("containerd")),
            state = text(&self.folder.join("run")),
            socket = text(&self.runtime),
            plugins = text(plugins),
            network = text(network),
        )
    }

    fn kubelet(&self, state: &State, port: u16) -> Value {
        json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
            "address": self.address, "port": port, "healthzPort": 0,
            // Nobody but the API server may ask for logs and commands.
            "authentication": {
                "anonymous": { "enabled": false }, "webhook": { "enabled": false },
                "x509": { "clientCAFile": state.folder.join("certificates/to-kubelet.crt") },
            },
            "authorization": { "mode": "AlwaysAllow" },
            "containerRuntimeEndpoint": format!("unix://{}", self.runtime.display()),
            "cgroupDriver": "cgroupfs", "cgroupRoot": format!("/{}", self.bridge),
            "enforceNodeAllocatable": [], "failCgroupV1": false, "failSwapOn": false,
            "localStorageCapacityIsolation": false, "makeIPTablesUtilChains": false,
            "podLogsDir": self.folder.join("logs"),
            "volumePluginDir": self.folder.join("volume-plugins"),
            // Images that were loaded cannot be pulled again, and the disk is not the node's alone.
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {
                "imagefs.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
            },
            "serializeImagePulls": false,
        })
    }

    fn kubelet_arguments(&self) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        vec![
            format!("--config={}", file("kubelet.json")),
            format!("--kubeconfig={}", file("kubeconfig")),
            format!("--cert-dir={}", file("kubelet-certificates")),
            format!("--hostname-override={}", self.name),
            format!("--node-ip={}", self.address),
            format!("--node-labels=boucle.dev/node={}", self.name),
        ]
    }
}

impl State {
    /// What runs on the node besides containerd and the kubelet: what holds its namespaces, the
    /// keepers of containers, and the pods' own processes.
    #[must_use]
    pub fn pods_processes(&self) -> Vec<Process> {
        let init = self.processes.iter().find(|one| one.name == "node" && one.runs());
        init.map(|init| descendants(init.pid)).unwrap_or_default()
    }

    /// Whether Kubernetes says that the node is ready; true when there is none to be.
    pub(super) fn node_is_ready(&self) -> bool {
        let Some(node) = &self.node else { return true };
        let path = format!("/api/v1/nodes/{}", node.name);
        let asked = self.asker().and_then(|asker| asker.ask("GET", &path, None));
        asked.is_ok_and(|answer| answer.status == 200 && takes_pods(&answer.body))
    }
}

impl Plane {
    /// Makes what the API server has to know of a node before it starts.
    pub(super) fn prepare_node(&self, state: &State, node: &Node) -> Result<()> {
        // Of a node that was killed while nobody could write it down.
        node.clean()?;
        let certificates = self.folder().join("certificates");
        let user = format!("system:node:{}", node.name);
        let token = credentials::add_user(&certificates, &user, "system:nodes")?;
        credentials::write_client(&certificates, "to-kubelet")?;
        node.write_configurations(state, &token, &requirements()?)
    }

    /// Starts a node and waits until it takes pods.
    pub(super) fn start_node(&self, state: &mut State, kubelet: PathBuf) -> Result<()> {
        let node = state.node.clone().context("the state has no node")?;
        self.start_processes(state, &node, kubelet)?;
        let path = format!("/api/v1/nodes?fieldSelector=metadata.name={}", node.name);
        let ready = state.asker()?.watch(&path, READY_MAX, |_, found| takes_pods(found))?;
        if !ready {
            let end = self.end_of_log(Program::Kubelet.name());
            bail!("the node is not ready in time; the end of kubelet's log:\n{end}");
        }
        Ok(())
    }

    fn start_processes(&self, state: &mut State, node: &Node, kubelet: PathBuf) -> Result<()> {
        // A thread can leave the machine's namespaces without the rest of this program; what it
        // starts is where it is.
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| self.start_inside(state, node, kubelet));
            inside.join().map_err(|_| anyhow!("the thread that starts the node panicked"))?
        })
    }

    fn start_inside(&self, state: &mut State, node: &Node, kubelet: PathBuf) -> Result<()> {
        unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)
            .context("leave the machine's namespaces")?;
        let shell = found("sh")?;
        let mut child =
            self.add(state, "node", shell, node.surroundings_arguments("init").into())?;
        let entered = node.folder.join("entered");
        self.wait_until("node", &mut child, || entered.exists())?;

        let configuration = node.folder.join("containerd.toml").display().to_string();
        let arguments = vec!["--config".to_owned(), configuration];
        let mut child = self.add(state, "containerd", found("containerd")?, arguments)?;
        self.wait_until("containerd", &mut child, || UnixStream::connect(&node.runtime).is_ok())?;
        let pause = node.folder.join("pause");
        image::compile(PAUSE, &pause)?;
        node.load(&image::archive(PAUSE_IMAGE, &pause)?)?;

        self.add(state, Program::Kubelet.name(), kubelet, node.kubelet_arguments())?;
        Ok(())
    }
}

/// The folder of network plug-ins, when everything else that a node needs is there, too.
pub(super) fn requirements() -> Result<PathBuf> {
    let programs = ["containerd", "containerd-shim-runc-v2", "ctr", "runc", "ip", "mount", "cc"];
    let mut missing: Vec<&str> =
        programs.into_iter().filter(|name| on_path(name).is_none()).collect();
    if !nix::unistd::geteuid().is_root() {
        missing.push("root's rights");
    }
    if !Path::new("/sys/fs/cgroup/memory").exists()
        && !Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
    {
        missing.push("control groups below /sys/fs/cgroup");
    }
    let needed = ["bridge", "host-local", "loopback"];
    let has_all = |folder: &&&str| needed.iter().all(|name| Path::new(folder).join(name).exists());
    match PLUGINS.iter().find(has_all) {
        Some(folder) if missing.is_empty() => return Ok(PathBuf::from(folder)),
        Some(_) => {}
        None => missing.push("network plug-ins in /usr/lib/cni or /opt/cni/bin"),
    }
    bail!(
        "a real node needs what is not here: {} (BOUCLE_WITHOUT_NODE=1 leaves its tests out); Debian has the programs: `SYSTEMD_OFFLINE=1 apt-get install --no-install-recommends containerd runc containernetworking-plugins iproute2 gcc libc6-dev` (the variable keeps containerd's service from starting: nobody here needs it)",
        missing.join(", ")
    )
}

fn found(name: &str) -> Result<PathBuf> {
    let file = on_path(name).with_context(|| format!("`{name}` is not on the PATH"))?;
    fs::canonicalize(&file).with_context(|| format!("follow {}", file.display()))
}

/// Ready, and free of the taints of a node that just came.
fn takes_pods(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array();
    let is_ready =
        |condition: &Value| condition["type"] == "Ready" && condition["status"] == "True";
    conditions.is_some_and(|list| list.iter().any(is_ready)) && node["spec"]["taints"].is_null()
}

/// Children, their children, and so on; what ends meanwhile is left out.
fn descendants(of: u32) -> Vec<Process> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, u32)> = pids.filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let (mut found, mut at) = (vec![of], 0);
    while let Some(parent) = found.get(at).copied() {
        found.extend(parents.iter().filter(|(_, its)| *its == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    found.into_iter().skip(1).filter_map(Process::running).collect()
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
