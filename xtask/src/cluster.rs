//! `cargo xtask cluster`: the test cluster by hand.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};
use testkit::kubernetes::plane::{Plane, Process, State};
use testkit::kubernetes::programs::{KUBERNETES_VERSION, Program};
use testkit::kubernetes::shared_plane;

#[derive(Subcommand)]
pub enum Action {
    /// Start it, unless it runs, and wait until it is ready. Programs that are missing are built
    /// first; the folder that KUBEBUILDER_ASSETS names is looked at before.
    Up {
        /// Its folder; by default the one that all tests share.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// End its processes, if they are still those that its state file names.
    Down {
        /// Its folder; by default the one that all tests share.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Say whether it runs; exit code 1 when it does not.
    Status {
        /// Its folder; by default the one that all tests share.
        #[arg(long)]
        folder: Option<PathBuf>,
    },
    /// Only build its programs, once, into the cache.
    Build {
        /// Also Helm and Kustomize, to compare renderings with.
        #[arg(long)]
        renderers: bool,
    },
}

/// Does it; false when the answer is no.
pub fn run(action: &Action, as_json: bool) -> Result<bool> {
    match action {
        Action::Up { folder } => {
            let plane = plane(folder.as_ref())?;
            let (state, started) = plane.up()?;
            plane.stay()?;
            let mut report = describe(&state);
            report["started"] = json!(started);
            print(as_json, &report, || {
                let word = if started { "started" } else { "runs already" };
                println!("Kubernetes {} {word} at {}", state.version, state.server);
                println!("ready {:.1} s after its start", milliseconds(state.ready_after_ms));
                println!("export KUBECONFIG={}", state.kubeconfig.display());
            });
            Ok(true)
        }
        Action::Down { folder } => {
            let ended = plane(folder.as_ref())?.down()?;
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
        Action::Status { folder } => {
            let plane = plane(folder.as_ref())?;
            let Some(state) = plane.state()? else {
                let report = json!({ "running": false, "folder": plane.folder() });
                print(as_json, &report, || println!("no test cluster runs"));
                return Ok(false);
            };
            let report = describe(&state);
            print(as_json, &report, || {
                println!("Kubernetes {} at {}", state.version, state.server);
                for process in &state.processes {
                    let word = if process.runs() { "runs" } else { "is gone" };
                    println!("{:<24} {:>8} {word}", process.name, process.pid);
                }
                let ready = if state.is_ready() { "ready" } else { "not ready" };
                println!("{ready}; export KUBECONFIG={}", state.kubeconfig.display());
            });
            Ok(report["running"] == true && report["ready"] == true)
        }
        Action::Build { renderers } => {
            let wanted = Program::CONTROL_PLANE.into_iter();
            let more = Program::RENDERERS.into_iter().filter(|_| *renderers);
            let mut built = Vec::new();
            for program in wanted.chain(more) {
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

fn plane(folder: Option<&PathBuf>) -> Result<Plane> {
    match folder {
        // Processes are started in it, so a relative path would mean something else to them.
        Some(folder) => Ok(Plane::at(&std::path::absolute(folder)?)),
        None => shared_plane(),
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
