//! What the runner and the workload engine need of the rest: sources, artifacts, images.
//!
//! Hands do not know each other; this is where they meet.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, Weak};

use anyhow::{Context, bail};
use futures::FutureExt;
use futures::future::BoxFuture;
use ledger::{ArtifactDigest, CommitId, InvalidId, RefName, RepositoryName, RunId};
use pipelines::facts::PublishedKind;
use registry::{ImageKind, ImageName, ImageOptions, Registry, UnpackError};
use runner::{PublishRequest, Published, Services, Sources, Uploaded};
use workloads::{ImageProblem, Images, UnpackedImage};

use crate::state::Server;

/// The largest tree that a job gets.
const TREE_BYTES_MAX: u64 = 4 << 30;
/// The name in the registry under which a run's artifacts are kept, below its repository.
const RUN_ARTIFACTS: &str = "run-artifacts";

/// Whether an image is an artifact that a run left behind.
pub fn is_of_runs(image: &ImageName) -> bool {
    let below = image.to_string();
    let mut parts = below.split('/').skip(2);
    parts.next() == Some(RUN_ARTIFACTS)
}

/// The server, once it exists: the runner is made before it.
#[derive(Clone, Default)]
pub struct LateServer(Arc<OnceLock<Weak<Server>>>);

impl LateServer {
    /// Names the server.
    pub fn set(&self, server: &Arc<Server>) {
        // It is set once, at start.
        let _ = self.0.set(Arc::downgrade(server));
    }

    fn get(&self) -> anyhow::Result<Arc<Server>> {
        self.0.get().and_then(Weak::upgrade).context("the server is not there (any more)")
    }
}

impl Sources for LateServer {
    fn materialise(
        &self,
        repository: &RepositoryName,
        commit: &CommitId,
        into: &Path,
    ) -> anyhow::Result<()> {
        let store = self.get()?.repository(repository)?;
        store.materialise(&store.tree_of(commit)?, into, TREE_BYTES_MAX)?;
        Ok(())
    }

    fn resolve(&self, repository: &RepositoryName, reference: &str) -> anyhow::Result<CommitId> {
        if let Ok(commit) = CommitId::new(reference) {
            return Ok(commit);
        }
        let store = self.get()?.repository(repository)?;
        let candidates = [
            reference.to_owned(),
            format!("refs/heads/{reference}"),
            format!("refs/tags/{reference}"),
        ];
        for name in candidates.iter().filter_map(|text| RefName::new(text.as_str()).ok()) {
            if let Some(commit) = store.resolve(&name)? {
                return Ok(commit);
            }
        }
        bail!("there is no branch, tag or commit `{reference}` in {repository}")
    }
}

impl Services for LateServer {
    fn upload_artifact<'a>(
        &'a self,
        run: RunId,
        name: &'a str,
        folder: &'a Path,
    ) -> BoxFuture<'a, anyhow::Result<Uploaded>> {
        async move {
            let server = self.get()?;
            let repository = run_repository(&server, run)?;
            let options = ImageOptions { kind: ImageKind::Artifact, ..ImageOptions::default() };
            let size_bytes = folder_bytes(folder.to_path_buf()).await?;
            let image = artifact_name(run, name);
            let digest = server.registry.push_folder(&repository, &image, folder, &options).await?;
            Ok(Uploaded { digest, size_bytes })
        }
        .boxed()
    }

    fn artifacts(&self, run: RunId) -> BoxFuture<'_, anyhow::Result<Vec<String>>> {
        async move {
            let server = self.get()?;
            let views = server.recorder.views();
            let record = views.pipelines.runs.get(&run).context("the run is not known")?;
            Ok(record.artifacts.keys().cloned().collect())
        }
        .boxed()
    }

    fn download_artifact<'a>(
        &'a self,
        run: RunId,
        name: &'a str,
        into: &'a Path,
    ) -> BoxFuture<'a, anyhow::Result<()>> {
        async move {
            let server = self.get()?;
            let repository = run_repository(&server, run)?;
            let digest = {
                let views = server.recorder.views();
                let record = views.pipelines.runs.get(&run).context("the run is not known")?;
                record.artifacts.get(name).map(|one| one.digest.clone())
            };
            let digest = digest.with_context(|| format!("run {run} has no artifact `{name}`"))?;
            let image = artifact_image(&repository, run, name)?;
            server.registry.unpack(&image, &digest, into).await?;
            Ok(())
        }
        .boxed()
    }

    fn publish<'a>(
        &'a self,
        repository: &'a RepositoryName,
        request: PublishRequest,
    ) -> BoxFuture<'a, anyhow::Result<Published>> {
        async move {
            let server = self.get()?;
            let options = ImageOptions {
                kind: match request.kind {
                    PublishedKind::Image => ImageKind::Image,
                    PublishedKind::Artifact => ImageKind::Artifact,
                },
                entrypoint: request.entrypoint,
                cmd: request.command,
                env: request.environment,
                working_dir: request.working_directory,
                ports: request.ports,
                labels: request.labels,
            };
            let name = request.name;
            let digest =
                server.registry.push_folder(repository, &name, &request.folder, &options).await?;
            Ok(Published { reference: format!("{repository}/{name}@{digest}"), digest })
        }
        .boxed()
    }
}

/// Images of the embedded registry, `owner/repository[/image]@sha256:…`, without a host.
pub struct RegistryImages(pub Registry);

impl Images for RegistryImages {
    fn unpack<'a>(
        &'a self,
        reference: &'a str,
        into_cache: &'a Path,
    ) -> BoxFuture<'a, Result<UnpackedImage, ImageProblem>> {
        async move {
            let missing = || ImageProblem::Missing { reference: reference.to_owned() };
            let (image, digest) = parse_reference(reference).ok_or_else(missing)?;
            let folder = into_cache.join(digest.as_str().replace(':', "-"));
            let marker = into_cache.join(format!("{}.json", digest.as_str().replace(':', "-")));
            if let Some(known) = read_marker(&marker, &folder) {
                return Ok(known);
            }
            let failed =
                |reason: String| ImageProblem::Failed { reference: reference.to_owned(), reason };
            if folder.exists() {
                // A kill between the folder and its marker; unpacking wants an empty place.
                std::fs::remove_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
            }
            let config = self.0.unpack(&image, &digest, &folder).await.map_err(|error| {
                let absent = matches!(error, UnpackError::Missing { .. });
                if absent { missing() } else { failed(error.to_string()) }
            })?;
            let unpacked = UnpackedImage {
                folder,
                entrypoint: config.entrypoint,
                command: config.cmd,
                environment: config.env,
                working_directory: config.working_dir.map(PathBuf::from),
            };
            write_marker(&marker, &unpacked).map_err(|error| failed(error.to_string()))?;
            Ok(unpacked)
        }
        .boxed()
    }
}

fn parse_reference(reference: &str) -> Option<(ImageName, ArtifactDigest)> {
    let (name, digest) = reference.split_once('@')?;
    let digest = ArtifactDigest::new(digest).ok()?;
    let mut parts = name.splitn(3, '/');
    let repository = format!("{}/{}", parts.next()?, parts.next()?);
    let repository = RepositoryName::new(repository).ok()?;
    let image = ImageName::new(&repository, parts.next().unwrap_or_default()).ok()?;
    Some((image, digest))
}

fn read_marker(marker: &Path, folder: &Path) -> Option<UnpackedImage> {
    let text = std::fs::read(marker).ok()?;
    let value: serde_json::Value = serde_json::from_slice(&text).ok()?;
    let texts = |field: &str| -> Vec<String> {
        serde_json::from_value(value[field].clone()).unwrap_or_default()
    };
    folder.is_dir().then(|| UnpackedImage {
        folder: folder.to_path_buf(),
        entrypoint: texts("entrypoint"),
        command: texts("command"),
        environment: serde_json::from_value(value["environment"].clone()).unwrap_or_default(),
        working_directory: value["working_directory"].as_str().map(PathBuf::from),
    })
}

fn write_marker(marker: &Path, image: &UnpackedImage) -> std::io::Result<()> {
    let value = serde_json::json!({
        "entrypoint": image.entrypoint,
        "command": image.command,
        "environment": image.environment,
        "working_directory": image.working_directory,
    });
    std::fs::write(marker, value.to_string())
}

fn run_repository(server: &Server, run: RunId) -> anyhow::Result<RepositoryName> {
    let views = server.recorder.views();
    let record = views.pipelines.runs.get(&run).context("the run is not known")?;
    Ok(record.source.repository.clone())
}

/// Where the registry keeps an artifact of a run.
pub fn artifact_image(
    repository: &RepositoryName,
    run: RunId,
    name: &str,
) -> Result<ImageName, InvalidId> {
    ImageName::new(repository, &artifact_name(run, name))
}

/// Artifact names are free text; registry names are not.
fn artifact_name(run: RunId, name: &str) -> String {
    format!("{RUN_ARTIFACTS}/{run}/{}", hex::encode(name.as_bytes()))
}

async fn folder_bytes(folder: PathBuf) -> anyhow::Result<u64> {
    fn bytes(folder: &Path) -> std::io::Result<u64> {
        let mut total = 0;
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            total += if kind.is_dir() { bytes(&entry.path())? } else { entry.metadata()?.len() };
        }
        Ok(total)
    }
    Ok(tokio::task::spawn_blocking(move || bytes(&folder)).await??)
}
