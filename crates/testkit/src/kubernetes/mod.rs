//! A real Kubernetes control plane for tests: built once, shared, a namespace for each test.

mod credentials;
pub mod https;
pub mod image;
pub mod node;
pub mod plane;
pub mod programs;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use https::{Answer, Asker};
use plane::{Plane, State};

/// Where `cargo xtask cluster` and all tests have their one control plane.
pub fn shared_plane() -> Result<Plane> {
    Ok(Plane::at(&programs::cache()?.join("cluster")))
}

/// Where the cluster with a real node is: another one, since other tests mean kwok's.
pub fn shared_plane_with_node() -> Result<Plane> {
    Ok(Plane::at(&programs::cache()?.join("cluster-with-node")))
}

/// The running test cluster with a namespace that nobody else uses.
#[derive(Debug)]
pub struct TestCluster {
    state: State,
    asker: Asker,
    namespace: String,
}

/// A namespace of its own in the running test cluster. The cluster is started when none runs, its
/// programs are built when they are missing; what was started here ends with the last test
/// program that uses it. The namespace is deleted with the value.
///
/// # Panics
/// When no cluster can be had: a test that needs one is never skipped.
#[must_use]
pub fn cluster() -> TestCluster {
    match shared_state().and_then(|state| TestCluster::new(state.clone())) {
        Ok(cluster) => cluster,
        Err(error) => panic!("no test cluster: {error:#}"),
    }
}

/// The same in a cluster whose pods run on this machine: on a real node, which is this machine's
/// containerd and a kubelet. It needs root's rights and Debian's package of containerd.
///
/// # Panics
/// When no such cluster can be had.
#[must_use]
pub fn cluster_with_node() -> TestCluster {
    static SHARED: Shared = Shared::new();
    let state = shared(&SHARED, shared_plane_with_node, Plane::up_with_node);
    match state.and_then(|state| TestCluster::new(state.clone())) {
        Ok(cluster) => cluster,
        Err(error) => panic!("no test cluster with a real node: {error:#}"),
    }
}

/// The one control plane, started at most once by this program and kept until it ends: for
/// whoever runs many test programs, so that not each of them starts one.
pub fn shared_state() -> Result<&'static State> {
    static SHARED: Shared = Shared::new();
    shared(&SHARED, shared_plane, Plane::up)
}

type Shared = OnceLock<Result<State, String>>;

fn shared(
    shared: &'static Shared,
    plane: fn() -> Result<Plane>,
    up: fn(&Plane) -> Result<(State, bool)>,
) -> Result<&'static State> {
    let started = || -> Result<State> {
        let plane = plane()?;
        let users = plane.hold()?;
        let (state, started) = up(&plane)?;
        if started {
            plane.end_after_last_user(&state)?;
        }
        // Held until this program ends, however it ends.
        std::mem::forget(users);
        Ok(state)
    };
    let shared = shared.get_or_init(|| started().map_err(|error| format!("{error:#}")));
    shared.as_ref().map_err(|error| anyhow::anyhow!(error.clone()))
}

impl TestCluster {
    fn new(state: State) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("test-{:x}-{:x}-{number}", since.as_millis(), std::process::id());
        let asker = state.asker()?;
        let body = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace },
        });
        let answer = asker.ask("POST", "/api/v1/namespaces", Some(&body))?;
        ensure!(answer.status == 201, "the namespace was refused: {}", answer.body);
        Ok(Self { state, asker, namespace })
    }

    /// What a client needs, with all rights.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.state.kubeconfig
    }

    /// The namespace of this test.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The control plane.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Asks the API server with all rights, beside the code that is tested.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.ask_as(method, path, "application/json", body)
    }

    /// The same with a content type, for patches.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn ask_as(
        &self,
        method: &str,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Answer {
        match self.asker.ask_as(method, path, content_type, body) {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path}: {error:#}"),
        }
    }
}

impl Drop for TestCluster {
    fn drop(&mut self) {
        // Its contents go with it, in the background; a cluster that ends meanwhile is no matter.
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        let _ = self.asker.ask("DELETE", &path, None);
    }
}

/// A store and an API server of one test alone, for tests that stop them. They end with it.
#[derive(Debug)]
pub struct PrivateCluster {
    plane: Plane,
    state: State,
    /// While it is held the guard waits, so that a killed test leaves no process behind.
    _user: std::fs::File,
    // Removed last.
    _folder: tempfile::TempDir,
}

/// Starts an API server for one test alone, without controllers and nodes.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn private_cluster() -> PrivateCluster {
    private_cluster_with(&[])
}

/// The same with more arguments for the API server.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn private_cluster_with(arguments: &[&str]) -> PrivateCluster {
    let folder = crate::temporary_folder();
    let plane = Plane::at(folder.path());
    let started = plane.hold().and_then(|user| {
        let state = plane.up_without_controllers(arguments)?;
        plane.end_after_last_user(&state)?;
        Ok((user, state))
    });
    match started {
        Ok((user, state)) => PrivateCluster { plane, state, _user: user, _folder: folder },
        Err(error) => {
            let _ = plane.kill();
            panic!("no private cluster: {error:#}")
        }
    }
}

impl PrivateCluster {
    /// What a client needs, with all rights.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.state.kubeconfig.clone()
    }

    /// The control plane.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Asks the API server with all rights.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let asked = self.state.asker().and_then(|asker| asker.ask(method, path, body));
        match asked {
            Ok(answer) => answer,
            Err(error) => panic!("{method} {path}: {error:#}"),
        }
    }

    /// Ends the API server; its store keeps everything.
    ///
    /// # Panics
    /// When it does not end.
    pub fn stop_api_server(&self) {
        if let Err(error) = self.plane.stop_api_server() {
            panic!("the API server does not stop: {error:#}");
        }
    }

    /// Starts it again at the same address and waits until it is ready.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_api_server(&self) {
        let started = self.plane.start_api_server();
        if let Err(error) = started.and_then(|state| self.plane.end_after_last_user(&state)) {
            panic!("the API server does not start: {error:#}");
        }
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        let _ = self.plane.kill();
    }
}
