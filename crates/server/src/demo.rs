//! The demonstration: hosts the example service and sends it visitors, on loopback only.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::repositories::Visibility;
use git_store::{CommitRequest, Edit};
use include_dir::{Dir, DirEntry, include_dir};
use ledger::{Actor, CommitId, RefName, RepositoryName};
use probes::dialer::Request;
use repositories::facts::RefMoveCause;
use serde_json::Value;

use crate::changes::{self, Move};
use crate::http::problem::Refusal;
use crate::state::Server;

/// The example's repository.
pub const REPOSITORY: &str = "demo/hello";
/// The example as it stands in this project.
static EXAMPLE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/hello");

/// What replaces files of it when it runs on a cluster.
static ON_KUBERNETES: Dir<'static> =
    include_dir!("$CARGO_MANIFEST_DIR/../../examples/hello-kubernetes");

/// Visitors of staging try plain names; those of production have names from everywhere.
const STAGING_NAMES: [&str; 3] = ["Ada", "Grace", "Wolfeschlegelstein"];
const PRODUCTION_NAMES: [&str; 4] = ["Ada", "Grace", "Wolfeschlegelstein", "Christophe-%C3%89mile"];
/// Ten visitors a second and environment: enough to judge by, little enough to leave the machine
/// alone.
const VISIT_INTERVAL: Duration = Duration::from_millis(100);

/// Hosts the example unless it is hosted already.
pub async fn seed(server: &Arc<Server>) -> anyhow::Result<()> {
    let repository = RepositoryName::new(REPOSITORY)?;
    if server.recorder.views().repositories.repository(&repository).is_some() {
        return Ok(());
    }
    let actor = Actor::system("demo");
    crate::http::repositories::make(server, &actor, &repository, Visibility::Public, "main")
        .await
        .map_err(into_error)?;
    let store = server.repository(&repository)?;
    let signature = changes::signature(&actor, server.clock.now());
    let mut files = BTreeMap::new();
    collect(&EXAMPLE, &mut files);
    if let Some(cluster) = &server.options.demo_cluster {
        anyhow::ensure!(
            server.clusters.shared(cluster).is_some(),
            "--demo-cluster names {cluster}, which is no context of the kubeconfig"
        );
        let mut replacing = BTreeMap::new();
        collect(&ON_KUBERNETES, &mut replacing);
        // It is about the folder in this project, not about the repository that is made of it.
        replacing.remove("README.md");
        files.extend(replacing);
        place(&mut files, cluster, server.url.trim_start_matches("http://"));
    }
    let edits = files.into_iter().map(|(path, content)| (path, Edit::Write(content))).collect();
    let request = CommitRequest {
        base: None,
        edits,
        parents: Vec::new(),
        message: "Begin the example service\n".into(),
        author: signature.clone(),
        committer: signature,
    };
    let commit = tokio::task::spawn_blocking(move || store.write_commit(&request)).await??;
    fill(server, &repository, &actor, commit).await.map_err(into_error)
}

async fn fill(
    server: &Arc<Server>,
    repository: &RepositoryName,
    actor: &Actor,
    commit: CommitId,
) -> Result<(), Refusal> {
    let lock = server.repository_locks.of(repository);
    let _held = lock.lock().await;
    let one = Move {
        reference: RefName::of_branch("main").map_err(anyhow::Error::from)?,
        old: None,
        new: Some(commit),
        forced: false,
        by: RefMoveCause::Initial,
    };
    changes::move_refs(server, repository, actor, vec![one], Vec::new(), Vec::new()).await?;
    Ok(())
}

/// Visits the services of the example until the server stops. Only addresses of this server's own
/// workloads are asked.
pub async fn visit(server: Arc<Server>) {
    let mut stopping = server.stopping.subscribe();
    let mut ticks = tokio::time::interval(VISIT_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut visitor = 0_usize;
    loop {
        tokio::select! {
            () = crate::state::stopped(&mut stopping) => return,
            _ = ticks.tick() => {}
        }
        visitor = visitor.wrapping_add(1);
        let own = |service: &str| service.starts_with("hello");
        let is_own = |manifest: &Value| manifest["metadata"]["name"].as_str().is_some_and(own);
        for service in server.endpoints(&server.pods(), is_own) {
            let names: &[&str] = match service.namespace.as_str() {
                "staging" => &STAGING_NAMES,
                "production" => &PRODUCTION_NAMES,
                _ => continue,
            };
            if !own(&service.name) || !service.is_ready {
                continue;
            }
            let name = names[visitor % names.len()];
            let address = service.addresses[visitor % service.addresses.len()];
            let request = Request::get(format!("http://{address}/hello/{name}"), service.policy);
            let server = Arc::clone(&server);
            // A visitor does not mind whether the answer is good; the service's metrics do.
            tokio::spawn(async move { server.dialer.send(&request).await.map(drop) });
        }
    }
}

fn collect(folder: &Dir<'_>, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(folder) => collect(folder, files),
            DirEntry::File(file) => {
                let path = file.path().to_string_lossy().into_owned();
                files.insert(path, file.contents().to_vec());
            }
        }
    }
}

/// Names the cluster and this server's registry where the example has stand-ins.
fn place(files: &mut BTreeMap<String, Vec<u8>>, cluster: &str, registry: &str) {
    for (path, content) in files {
        if path.starts_with("deploy/")
            && let Ok(text) = std::str::from_utf8(content)
        {
            let text = text.replace("name: example-cluster", &format!("name: {cluster}"));
            *content = text.replace("registry.example/", &format!("{registry}/")).into_bytes();
        }
    }
}

fn into_error(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!("{}", refusal.problem()).context("the demonstration could not be set up")
}

/// Whether the example is complete; a binary without it could not demonstrate anything.
pub fn check() -> anyhow::Result<()> {
    EXAMPLE.get_file("boucle.yaml").context("the example service is not in this binary").map(drop)
}
