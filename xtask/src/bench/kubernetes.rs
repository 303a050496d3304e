//! Measures a cluster as a target: `cargo xtask bench kubernetes`.
//!
//! The floor is a bare client with as many connections as Boucle uses, which applies the same objects
//! to the same API server in the same run: before Boucle and after it, because an API server works the
//! slower the more it has been through. The applications are one Kustomize folder each, of a
//! service account, a service, a deployment scaled to zero and an ingress.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::kubernetes::https::Asker;
use testkit::kubernetes::plane::{Plane, State};
use testkit::kubernetes::programs::Program;

use super::measure::{self, Samples, elapsed_ms, git};
use super::server::Server;

/// As many as Boucle keeps in flight.
const CONNECTIONS: usize = 20;
const OBJECTS: usize = 4;
const ROUNDS: usize = 20;
const PATIENCE: Duration = Duration::from_secs(900);
/// How long the steady state is watched.
const CALM: Duration = Duration::from_secs(20);
/// Controllers that have something to do are not silent for so long.
const CONTROLLERS_SILENT: Duration = Duration::from_secs(5);
/// How many folders both Kustomizes render.
const FOLDERS: usize = 500;
const APPLY: &str = "application/apply-patch+yaml";

/// Measures everything and prints it; false when a limit is missed.
pub fn run(as_json: bool, sizes: &[usize]) -> Result<bool> {
    let binary = crate::build::binary()?;
    let kustomize = Program::Kustomize.find_or_build()?;
    let scratch = measure::Scratch::new()?;
    let plane = Plane::at(&scratch.path().join("plane"));
    let (state, _) = plane.up()?;
    let measured = measure_all(&binary, &kustomize, scratch.path(), &state, sizes);
    plane.kill()?;
    super::report(&measured?, as_json)
}

fn measure_all(
    binary: &Path,
    kustomize: &Path,
    scratch: &Path,
    state: &State,
    sizes: &[usize],
) -> Result<Vec<Value>> {
    let mut results = Vec::new();
    let largest = sizes.iter().copied().max().context("name at least one size")?;
    for size in sizes {
        let before_ms = floor(&state.asker()?, *size)?;
        let world = World::install(binary, scratch, state, *size)?;
        if *size == largest {
            world.one_change(&mut results)?;
            world.no_change(&mut results)?;
            world.drift(&mut results)?;
            world.calm(&mut results)?;
        }
        let boucle_ms = world.forget()?;
        let after_ms = floor(&state.asker()?, *size)?;
        let ratio = boucle_ms / before_ms.midpoint(after_ms);
        let details = json!({
            "bare_client_before_ms": before_ms, "bare_client_after_ms": after_ms, "boucle_ms": boucle_ms,
        });
        let name = format!("install of {size} applications / bare client");
        results.push(super::result(&name, ratio, 1.5, "×", details));
    }
    both_kustomizes(kustomize, scratch, &mut results)?;
    Ok(results)
}

/// A server whose applications are on the cluster.
struct World {
    server: Server,
    asker: Asker,
    folder: PathBuf,
    url: String,
    namespace: String,
    size: usize,
    /// From the push to the last object.
    installed_ms: f64,
}

impl World {
    fn install(binary: &Path, scratch: &Path, state: &State, size: usize) -> Result<Self> {
        let asker = state.asker()?;
        let namespace = format!("boucle-{size}");
        make_namespace(&asker, &namespace)?;
        let kubeconfig = state.kubeconfig.to_string_lossy();
        let data = scratch.join(format!("data-{size}"));
        let server = Server::start_with(binary, &data, &["--kubeconfig", &kubeconfig])?;
        let url = server.with_token(&server.create_repository("bench/cluster")?);
        let folder = scratch.join(format!("tree-{size}"));
        write_tree(&folder, &namespace, size)?;
        git(&folder, &["init", "--quiet", "--initial-branch", "main"])?;
        measure::commit(&folder, 0)?;
        eprintln!("Boucle installs {size} applications");
        let start = Instant::now();
        git(&folder, &["push", "--quiet", &url, "main:live", "main:main"])?;
        let mut world = Self { server, asker, folder, url, namespace, size, installed_ms: 0.0 };
        world.wait_for_ingresses()?;
        world.installed_ms = elapsed_ms(start);
        world.server.wait_until_synced(size)?;
        Ok(world)
    }

    fn path(&self, kind: &str) -> String {
        let root = match kind {
            "deployments" | "replicasets" => "/apis/apps/v1",
            "ingresses" => "/apis/networking.k8s.io/v1",
            _ => "/api/v1",
        };
        format!("{root}/namespaces/{}/{kind}", self.namespace)
    }

    /// The ingress is the last object of each application. One watch waits for all of them: nobody
    /// waits beside the bare client, so what waits here must not keep the API server busy.
    fn wait_for_ingresses(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        let come = self.asker.watch(&self.path("ingresses"), PATIENCE, |_, ingress| {
            seen.insert(ingress["metadata"]["name"].to_string());
            seen.len() == self.size
        })?;
        ensure!(come, "{} of {} ingresses came within {PATIENCE:?}", seen.len(), self.size);
        Ok(())
    }

    fn deployment(&self, number: usize) -> Result<Value> {
        let path = format!("{}/app-{number}", self.path("deployments"));
        Ok(self.asker.ask("GET", &path, None)?.body)
    }

    fn push(&self, round: usize) -> Result<()> {
        measure::commit(&self.folder, round)?;
        // The branch that the applications follow; the default branch is protected.
        git(&self.folder, &["push", "--quiet", &self.url, "main:live"])?;
        Ok(())
    }

    /// From a push that changes one application to the object that it changes.
    fn one_change(&self, results: &mut Vec<Value>) -> Result<()> {
        let mut samples = Samples::default();
        for round in 1..=ROUNDS {
            let number = round * 7 % self.size;
            let folder = self.folder.join(format!("apps/{number}"));
            let image = format!("web:{round}");
            std::fs::write(folder.join("deployment.yaml"), deployment(number, &image))?;
            let start = Instant::now();
            self.push(round)?;
            wait_for("the change", || {
                let live = self.deployment(number)?;
                Ok(live["spec"]["template"]["spec"]["containers"][0]["image"] == image.as_str())
            })?;
            samples.add(elapsed_ms(start));
        }
        let name = format!("one of {} applications, push to object, p95", self.size);
        results.push(super::result(&name, samples.percentile(95), 1000.0, "ms", samples.json()));
        Ok(())
    }

    /// A commit that touches no application asks the API server for nothing.
    fn no_change(&self, results: &mut Vec<Value>) -> Result<()> {
        self.server.wait_until_synced(self.size)?;
        let before = self.requests()?;
        std::fs::write(self.folder.join("README.md"), "nothing of a manifest\n")?;
        self.push(ROUNDS + 1)?;
        // A second push of something that is applied: everything before it has been looked at.
        std::fs::write(self.folder.join("apps/0/deployment.yaml"), deployment(0, "web:last"))?;
        self.push(ROUNDS + 2)?;
        wait_for("the change after it", || {
            let live = self.deployment(0)?;
            Ok(live["spec"]["template"]["spec"]["containers"][0]["image"] == "web:last")
        })?;
        let writes = self.requests()? - before;
        let details = json!({"writes_with_one_change_after_it": writes});
        let name = "requests for a commit that touches no application";
        results.push(super::result(name, writes - 1.0, 0.0, "", details));
        Ok(())
    }

    /// From a change by somebody else to Git's value.
    fn drift(&self, results: &mut Vec<Value>) -> Result<()> {
        let mut samples = Samples::default();
        for round in 1..=ROUNDS {
            // Each another one: repairs of one application wait longer and longer.
            let number = round * 11 % self.size;
            let path = format!("{}/app-{number}?fieldManager=hand", self.path("deployments"));
            let patch = json!({"spec": {"minReadySeconds": 5}});
            let start = Instant::now();
            let kind = "application/merge-patch+json";
            let answer = self.asker.ask_as("PATCH", &path, kind, Some(&patch))?;
            ensure!(answer.status == 200, "the drift was refused: {}", answer.body);
            wait_for(
                "the repair",
                || Ok(self.deployment(number)?["spec"]["minReadySeconds"] == 1),
            )?;
            samples.add(elapsed_ms(start));
        }
        let name = "drift put back, p95";
        results.push(super::result(name, samples.percentile(95), 500.0, "ms", samples.json()));
        Ok(())
    }

    /// Nothing changes any more: what was written is synchronised, and the cluster's own controllers,
    /// which make about 20 writes a second, have come to the end of what an install left them.
    fn calm(&self, results: &mut Vec<Value>) -> Result<()> {
        self.server.wait_until_synced(self.size)?;
        self.server.resident_mib_when_calm()?;
        let (behind, _) = self.work_during(CALM)?;
        let mut versions = self.versions()?;
        wait_for("the cluster's controllers", || {
            std::thread::sleep(CONTROLLERS_SILENT);
            let before = std::mem::replace(&mut versions, self.versions()?);
            Ok(before == versions)
        })?;
        let (percent, writes) = self.work_during(CALM)?;
        ensure!(self.versions()? == versions, "something changed in the steady state");
        let size = self.size;
        let name = format!("steady state at {size} applications, of a core");
        let details = json!({"after_the_last_change_percent": behind});
        results.push(super::result(&name, percent, 1.0, "%", details));
        results.push(super::result("writes in the steady state", writes, 0.0, "", Value::Null));
        let name = format!("peak memory at {size} applications");
        results.push(super::result(&name, self.server.peak_mib()?, 100.0, "MiB", Value::Null));
        Ok(())
    }

    /// The part of a core that is used for so long, in percent, and the requests made.
    fn work_during(&self, time: Duration) -> Result<(f64, f64)> {
        let (requests, used, start) =
            (self.requests()?, self.server.processor_ms()?, Instant::now());
        std::thread::sleep(time);
        let percent = (self.server.processor_ms()? - used) / elapsed_ms(start) * 100.0;
        Ok((percent, self.requests()? - requests))
    }

    /// The versions of what controllers write to.
    fn versions(&self) -> Result<Vec<Value>> {
        let mut versions = Vec::new();
        for kind in ["deployments", "replicasets"] {
            let list = self.asker.ask("GET", &self.path(kind), None)?.body;
            let items = list["items"].as_array().context("the API server gives no list")?;
            versions.extend(items.iter().map(|item| item["metadata"]["resourceVersion"].clone()));
        }
        Ok(versions)
    }

    /// How many requests on our kinds of objects the API server has answered, reads of single
    /// objects, which this measurement makes itself, and watches aside.
    fn requests(&self) -> Result<f64> {
        let answer = self.asker.ask("GET", "/metrics", None)?.body;
        let text = answer.as_str().context("the API server gives no metrics")?;
        let counted = text.lines().filter(|line| {
            let has = |label: &str, value: &str| line.contains(&format!("{label}=\"{value}\""));
            let kinds = ["serviceaccounts", "services", "deployments", "ingresses"];
            line.starts_with("apiserver_request_total{")
                && has("subresource", "")
                && kinds.iter().any(|kind| has("resource", kind))
                && ["APPLY", "POST", "PUT", "DELETE", "LIST"].iter().any(|verb| has("verb", verb))
        });
        Ok(counted.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    /// Makes room for what comes next; gives how long the install took.
    fn forget(self) -> Result<f64> {
        let Self { server, asker, namespace, installed_ms, .. } = self;
        drop(server);
        remove_namespace(&asker, &namespace)?;
        Ok(installed_ms)
    }
}

/// How long the bare client takes; what it made is gone afterwards.
fn floor(asker: &Asker, size: usize) -> Result<f64> {
    let namespace = format!("bare-{size}");
    eprintln!("a bare client applies {} objects", size * OBJECTS);
    make_namespace(asker, &namespace)?;
    let floor_ms = bare_client(asker, &namespace, size)?;
    remove_namespace(asker, &namespace)?;
    Ok(floor_ms)
}

fn make_namespace(asker: &Asker, name: &str) -> Result<()> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let answer = asker.ask("POST", "/api/v1/namespaces", Some(&body))?;
    ensure!(answer.status == 201, "the namespace was refused: {}", answer.body);
    Ok(())
}

/// Deletes it and waits until it is gone: what goes would slow down what is measured next.
fn remove_namespace(asker: &Asker, name: &str) -> Result<()> {
    let path = format!("/api/v1/namespaces/{name}");
    asker.ask("DELETE", &path, None)?;
    wait_for("the end of a namespace", || Ok(asker.ask("GET", &path, None)?.status == 404))
}

/// Applies all objects side by side on kept connections; gives the time.
fn bare_client(asker: &Asker, namespace: &str, size: usize) -> Result<f64> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        let mut session = asker.session()?;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let (number, object) = (index / OBJECTS, index % OBJECTS);
            if number >= size {
                return Ok(());
            }
            let (kind, body) = match object {
                0 => ("api/v1/namespaces/NS/serviceaccounts", service_account(number)),
                1 => ("api/v1/namespaces/NS/services", service(number)),
                2 => ("apis/apps/v1/namespaces/NS/deployments", deployment(number, "web:0")),
                _ => ("apis/networking.k8s.io/v1/namespaces/NS/ingresses", ingress(number)),
            };
            let place = kind.replace("NS", namespace);
            let path = format!("/{place}/app-{number}?fieldManager=bare&force=true");
            let status = session.ask("PATCH", &path, APPLY, &body)?;
            ensure!(status == 201, "{path}: {status}");
        }
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(done) => done,
            Err(_) => anyhow::bail!("the bare client stopped"),
        })
    })?;
    Ok(elapsed_ms(start))
}

/// The same folders, by the real program one after another and in this process.
fn both_kustomizes(program: &Path, scratch: &Path, results: &mut Vec<Value>) -> Result<()> {
    let folder = scratch.join("folders");
    write_tree(&folder, "bench", FOLDERS)?;
    let start = Instant::now();
    for number in 0..FOLDERS {
        let built = Command::new(program)
            .arg("build")
            .arg(folder.join(format!("apps/{number}")))
            .output()
            .context("kustomize cannot be started")?;
        ensure!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    }
    let theirs_ms = elapsed_ms(start);
    let mut tree: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for number in 0..FOLDERS {
        for entry in std::fs::read_dir(folder.join(format!("apps/{number}")))? {
            let entry = entry?;
            let name = format!("apps/{number}/{}", entry.file_name().to_string_lossy());
            tree.insert(name, std::fs::read(entry.path())?);
        }
    }
    let start = Instant::now();
    for number in 0..FOLDERS {
        let built = kustomize::build(&tree, &format!("apps/{number}"))?;
        ensure!(built.manifests.len() == OBJECTS, "an object is missing");
    }
    let ours_ms = elapsed_ms(start);
    let details = json!({"kustomize_ms": theirs_ms, "boucle_ms": ours_ms});
    let name = "Kustomize in process / the program, 500 folders";
    results.push(super::result(name, ours_ms / theirs_ms, 0.05, "×", details));
    Ok(())
}

fn wait_for(what: &str, mut holds: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !holds()? {
        ensure!(start.elapsed() < PATIENCE, "{what} did not come within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn write_tree(folder: &Path, namespace: &str, size: usize) -> Result<()> {
    std::fs::create_dir_all(folder.join("applications"))?;
    std::fs::write(folder.join("boucle.yaml"), "version: 1\napplications: applications\n")?;
    for number in 0..size {
        let apps = folder.join(format!("apps/{number}"));
        std::fs::create_dir_all(&apps)?;
        let file = folder.join(format!("applications/{number}.yaml"));
        std::fs::write(file, application(number, namespace))?;
        let kustomization = format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: {namespace}\n\
             resources: [account.yaml, service.yaml, deployment.yaml, ingress.yaml]\n"
        );
        std::fs::write(apps.join("kustomization.yaml"), kustomization)?;
        std::fs::write(apps.join("account.yaml"), service_account(number))?;
        std::fs::write(apps.join("service.yaml"), service(number))?;
        std::fs::write(apps.join("deployment.yaml"), deployment(number, "web:0"))?;
        std::fs::write(apps.join("ingress.yaml"), ingress(number))?;
    }
    Ok(())
}

fn application(number: usize, namespace: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: many-{number}}}\nspec:\n  \
         source: {{repoURL: bench/cluster, path: apps/{number}, targetRevision: live}}\n  \
         destination: {{name: boucle-test, namespace: {namespace}}}\n  \
         syncPolicy: {{automated: {{prune: true, selfHeal: true}}}}\n"
    )
}

fn service_account(number: usize) -> String {
    format!("apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: app-{number}}}\n")
}

fn service(number: usize) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: app-{number}}}\nspec:\n  \
         selector: {{app: app-{number}}}\n  ports: [{{name: http, port: 80, targetPort: 8080}}]\n"
    )
}

fn deployment(number: usize, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: app-{number}}}\nspec:\n  replicas: 0\n  \
         minReadySeconds: 1\n  selector: {{matchLabels: {{app: app-{number}}}}}\n  template:\n    \
         metadata: {{labels: {{app: app-{number}}}}}\n    spec:\n      serviceAccountName: app-{number}\n      \
         containers:\n        - name: web\n          image: {image}\n          ports: [{{containerPort: 8080}}]\n"
    )
}

fn ingress(number: usize) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: app-{number}}}\nspec:\n  rules:\n    \
         - host: app-{number}.example.org\n      http:\n        paths:\n          - path: /\n            \
         pathType: Prefix\n            backend: {{service: {{name: app-{number}, port: {{number: 80}}}}}}\n"
    )
}
