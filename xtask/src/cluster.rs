//! `cargo xtask cluster`: the test cluster by hand.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use testkit::kubernetes::plane::{Plane, Process, State};
use testkit::kubernetes::programs::{KUBERNETES_VERSION, Program};
use testkit::kubernetes::{shared_plane, shared_plane_with_node};

#[derive(Subcommand)]
pub enum Action {
    /// Start it, unless it runs, and wait until it is ready. Programs that are missing are built
    /// first; the folder that KUBEBUILDER_ASSETS names is looked at before.
    Up(Place),
    /// End its processes, if they are still those that its state file names.
    Down(Place),
    /// Say whether it runs; exit code 1 when it does not.
    Status(Place),
    /// Only build its programs, once, into the cache.
    Build {
        /// Also Helm and Kustomize, to compare renderings with.
        #[arg(long)]
        renderers: bool,
        /// Also the kubelet.
        #[arg(long)]
        node: bool,
    },
}

/// Which cluster is meant.
#[derive(Args)]
pub struct Place {
    /// The one with a real node, which runs pods: this machine's containerd and a kubelet. It needs
    /// root's rights and Debian's package of containerd; without this, kwok pretends.
    #[arg(long)]
    node: bool,
    /// Its folder; by default the one that all tests share.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// Does it; false when the answer is no.
pub fn run(action: &Action, as_json: bool) -> Result<bool> {
    match action {
        Action::Up(place) => {
            let plane = place.plane()?;
            let (state, started) = if place.node { plane.up_with_node()? } else { plane.up()? };
            plane.stay()?;
            let mut report = describe(&state);
            report["started"] = json!(started);
            print(as_json, &report, || {
                let word = if started { "started" } else { "runs already" };
                println!("Kubernetes {} {word} at {}", state.version, state.server);
                println!("ready {:.1} s after its start", milliseconds(state.ready_after_ms));
                if let Some(node) = &state.node {
                    println!("node {} runs pods with {}", node.name, node.runtime.display());
                }
                println!("export KUBECONFIG={}", state.kubeconfig.display());
            });
            Ok(true)
        }
        Action::Down(place) => {
            let ended = place.plane()?.down()?;
            let names: Vec<&str> = ended.iter().map(|process| process.name.as_str()).collect();
            print(as_json, &json!({ "ended": processes(&ended) }), || {
                if names.is_empty() {
                    println!("nothing ran");
                } else {
                    println!("ended {}", names.join(", "));
                }
            });
            Ok(true)
        }
        Action::Status(place) => {
            let plane = place.plane()?;
            let Some(state) = plane.state()? else {
                let report = json!({ "running": false, "folder": plane.folder() });
                print(as_json, &report, || println!("no test cluster runs"));
                return Ok(false);
            };
            let report = describe(&state);
            print(as_json, &report, || {
                println!("Kubernetes {} at {}", state.version, state.server);
                for process in state.processes.iter().chain(&state.pods_processes()) {
                    let word = if process.runs() { "runs" } else { "is gone" };
                    println!("{:<24} {:>8} {word}", process.name, process.pid);
                }
                let ready = if state.is_ready() { "ready" } else { "not ready" };
                println!("{ready}; export KUBECONFIG={}", state.kubeconfig.display());
            });
            Ok(report["running"] == true && report["ready"] == true)
        }
        Action::Build { renderers, node } => {
            let wanted = Program::CONTROL_PLANE.into_iter();
            let kubelet = node.then_some(Program::Kubelet);
            let more = Program::RENDERERS.into_iter().filter(|_| *renderers);
            let mut built = Vec::new();
            for program in wanted.chain(kubelet).chain(more) {
                built.push((program, program.find_or_build()?));
            }
            let list = |(program, file): &(Program, PathBuf)| json!({ "name": program.name(), "version": program.version(), "file": file });
            let list: Vec<Value> = built.iter().map(list).collect();
            print(as_json, &json!({ "kubernetes": KUBERNETES_VERSION, "programs": list }), || {
                for (program, file) in &built {
                    println!("{:<24} {:<8} {}", program.name(), program.version(), file.display());
                }
            });
            Ok(true)
        }
    }
}

impl Place {
    fn plane(&self) -> Result<Plane> {
        match &self.folder {
            // Processes are started in it, so a relative path would mean something else to them.
            Some(folder) => Ok(Plane::at(&std::path::absolute(folder)?)),
            None if self.node => shared_plane_with_node(),
            None => shared_plane(),
        }
    }
}

fn print(as_json: bool, report: &Value, table: impl FnOnce()) {
    if as_json { println!("{report:#}") } else { table() }
}

fn describe(state: &State) -> Value {
    json!({
        "running": state.runs(),
        "ready": state.is_ready(),
        "kubernetes": state.version,
        "server": state.server,
        "etcd": state.etcd,
        "kubeconfig": state.kubeconfig,
        "folder": state.folder,
        "ready_after_ms": state.ready_after_ms,
        "processes": processes(&state.processes),
        "node": state.node.as_ref().map(|node| json!({
            "name": node.name,
            "runtime": node.runtime,
            "address": node.address,
            "bridge": node.bridge,
            "processes": processes(&state.pods_processes()),
        })),
    })
}

fn processes(list: &[Process]) -> Vec<Value> {
    let describe = |process: &Process| {
        json!({
            "name": process.name,
            "pid": process.pid,
            "program": process.program,
            "running": process.runs(),
        })
    };
    list.iter().map(describe).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a start takes seconds")]
fn milliseconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
