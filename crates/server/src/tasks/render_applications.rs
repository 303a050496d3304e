//! Renders each application whose files changed, and keeps the manifests as a commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use deployments::{Application, DeploymentFact};
use git_store::{CommitRequest, Edit, RefChange, Repository};
use ledger::{Actor, ApplicationName, CommitId, RefName, RepositoryName};
use sha2::{Digest, Sha256};

use crate::changes::signature;
use crate::configurations::{RepositoryConfiguration, branch_ref};
use crate::history::changing_commits;
use crate::http::repository_of_url;
use crate::renderings::{CommitTree, Rendering, object_at};
use crate::state::{RenderedThrough, Server};
use crate::tasks::Next;

const ACTOR: &str = "render";

/// One activation: every application of every repository is compared with its newest rendering.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await?;
        let Some(configured) = configured else { continue };
        let rendered = reconcile_repository(&server, &repository, &configured).await;
        rendered.with_context(|| format!("the applications of {repository}"))?;
    }
    Ok(Next::OnChange)
}

async fn reconcile_repository(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
) -> anyhow::Result<()> {
    if server.is_rendered_through(repository, &configured.commit) {
        return Ok(());
    }
    remove_undeclared(server, repository, configured).await?;
    // The tips of all branches that applications name, read once.
    let (mut readers, mut branches) = (BTreeMap::new(), BTreeMap::new());
    for (_, application) in &configured.applications {
        declare(server, repository, configured, application).await?;
        let branch = &application.source.target_revision;
        if readers.contains_key(branch) {
            continue;
        }
        let store = server.repository(repository)?;
        let tip = match branch_ref(if branch == "HEAD" { "main" } else { branch }) {
            Ok(_) if branch.is_empty() || branch == "HEAD" => Some(configured.commit.clone()),
            Ok(reference) => {
                let tip = store.resolve(&reference)?;
                branches.insert(reference, tip.clone());
                tip
            }
            Err(_) => None,
        };
        let tip = tip.or_else(|| CommitId::new(branch.clone()).ok());
        if let Some(tip) = tip {
            let reader = Arc::new(store.reader(&store.tree_of(&tip)?));
            readers.insert(branch.clone(), (tip, reader));
        }
    }
    for (_, application) in &configured.applications {
        let Some((tip, reader)) = readers.get(&application.source.target_revision) else {
            let problem = format!("there is no revision {}", application.source.target_revision);
            render_failed(server, application, &configured.commit, problem).await?;
            continue;
        };
        let source = repository_of_url(&application.source.repo_url, &server.url);
        if source.as_ref().is_some_and(|source| source != repository) || source.is_none() {
            let problem = format!(
                "the repository {} is not the one of this file; other sources are not supported yet",
                application.source.repo_url
            );
            render_failed(server, application, &configured.commit, problem).await?;
            continue;
        }
        let known = server.renderings.of(&application.name);
        if let Some(known) = known
            && known.application == *application
            && known.is_of(reader)?
        {
            continue;
        }
        render(server, repository, configured, application, tip, reader).await?;
    }
    let through = RenderedThrough { commit: configured.commit.clone(), branches };
    server.set_rendered_through(repository, through);
    Ok(())
}

/// Records what Git declares when it differs from what is known.
async fn declare(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    application: &Application,
) -> anyhow::Result<()> {
    let environment = configured.environment_of(&application.name).map(|one| one.name.clone());
    let known = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&application.name);
        state.and_then(|state| state.declaration.clone())
    };
    let same = known.as_ref().is_some_and(|known| {
        known.repository == *repository
            && known.environment == environment
            && known.source == application.source
            && known.destination == application.destination
    });
    if same {
        return Ok(());
    }
    if let Some(other) = known.filter(|known| known.repository != *repository) {
        let problem = format!("the name is taken by an application of {}", other.repository);
        return render_failed(server, application, &configured.commit, problem).await;
    }
    let fact = DeploymentFact::ApplicationDeclared {
        application: application.name.clone(),
        repository: repository.clone(),
        environment,
        source: application.source.clone(),
        destination: application.destination.clone(),
        commit: configured.commit.clone(),
    };
    record(server, &fact).await
}

/// Applications whose file is gone are removed; their objects stay unless the file had asked for
/// their deletion, as Argo CD does it with its finalizer.
async fn remove_undeclared(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
) -> anyhow::Result<()> {
    // A file that cannot be read is not a file that is gone.
    if !configured.problems.is_empty() {
        return Ok(());
    }
    let gone: Vec<ApplicationName> = {
        let views = server.recorder.views();
        let of_repository = views.deployments.applications.iter().filter(|(name, state)| {
            let declared = state.declaration.as_ref();
            declared.is_some_and(|declared| declared.repository == *repository)
                && !configured.applications.iter().any(|(_, known)| known.name == **name)
        });
        of_repository.map(|(name, _)| name.clone()).collect()
    };
    for application in gone {
        let fact = DeploymentFact::ApplicationRemoved {
            application: application.clone(),
            commit: configured.commit.clone(),
            deletes_objects: false,
        };
        record(server, &fact).await?;
        server.renderings.forget(&application);
        server.clusters.all().iter().for_each(|known| known.forget(&application));
    }
    Ok(())
}

async fn render(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    application: &Application,
    tip: &CommitId,
    reader: &Arc<git_store::TreeReader>,
) -> anyhow::Result<()> {
    let request = request(application);
    let reader = Arc::clone(reader);
    let declared = configured.applications.iter().find(|(_, one)| one.name == application.name);
    let declared_in = declared.map(|(path, _)| path.clone());
    let work = tokio::task::spawn_blocking(move || {
        let rendered = render::render(&CommitTree(&reader), &request);
        let opened = rendered.as_ref().map(|rendering| {
            let entry = |path: &String| Ok((path.clone(), object_at(&reader, path)?));
            rendering.opened.iter().map(entry).collect::<anyhow::Result<BTreeMap<_, _>>>()
        });
        let opened = opened.unwrap_or_else(|_| Ok(BTreeMap::new()));
        (rendered, opened)
    });
    let (rendered, opened) = work.await.context("the rendering was interrupted")?;
    let rendering = match rendered {
        Ok(rendering) => rendering,
        Err(error) => return render_failed(server, application, tip, error.to_string()).await,
    };
    let files = render::files(&rendering.manifests);
    let digest = digest(&files);
    let known = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&application.name);
        state.and_then(|state| state.rendering.clone())
    };
    let opened = opened?;
    let (commit, rendered_commit) = match known {
        Some(known) if known.digest == digest => (known.commit, known.rendered_commit),
        known => {
            let store = server.repository(repository)?;
            let (name, tip, at) = (application.name.clone(), tip.clone(), server.clock.now());
            let is_first = known.is_none();
            let paths: Vec<String> = opened.keys().cloned().chain(declared_in).collect();
            let write = move || {
                // Later commits may have come meanwhile that changed nothing of it.
                let source = if is_first {
                    tip
                } else {
                    changing_commits(&store, &tip, &paths, 1)?.pop().unwrap_or(tip)
                };
                let commit = write_rendering(&store, &name, &source, files, at)?;
                anyhow::Ok((source, commit))
            };
            let (commit, rendered_commit) = tokio::task::spawn_blocking(write).await??;
            let fact = DeploymentFact::Rendered {
                application: application.name.clone(),
                commit: commit.clone(),
                rendered_commit: rendered_commit.clone(),
                digest,
            };
            record(server, &fact).await?;
            (commit, rendered_commit)
        }
    };
    server.renderings.keep(Rendering {
        application: application.clone(),
        commit,
        rendered_commit,
        manifests: rendering.manifests,
        opened,
    });
    Ok(())
}

/// What is asked of the renderer for an application.
#[must_use]
pub fn request(application: &Application) -> render::Request {
    let kustomize = application.source.kustomize.clone().unwrap_or_default();
    let directory = application.source.directory.clone().unwrap_or_default();
    render::Request {
        path: application.source.path.clone(),
        kustomize: render::KustomizeOverrides {
            name_prefix: kustomize.name_prefix,
            name_suffix: kustomize.name_suffix,
            namespace: kustomize.namespace,
            images: kustomize.images,
            common_labels: kustomize.common_labels,
            common_annotations: kustomize.common_annotations,
            replicas: kustomize
                .replicas
                .into_iter()
                .map(|replica| (replica.name, i64::from(replica.count)))
                .collect(),
        },
        directory: render::DirectoryOptions {
            recurse: directory.recurse,
            include: directory.include,
            exclude: directory.exclude,
        },
    }
}

/// Writes the manifests as a commit on `refs/boucle/rendered/<application>`.
fn write_rendering(
    store: &Repository,
    application: &ApplicationName,
    source: &CommitId,
    files: BTreeMap<String, String>,
    at: ledger::Timestamp,
) -> anyhow::Result<CommitId> {
    let reference = RefName::new(format!("refs/boucle/rendered/{application}"))?;
    let parent = store.resolve(&reference)?;
    let message = format!("Render {application}\n\nSource-Commit: {source}\n");
    let edits = files.into_iter().map(|(path, text)| (path, Edit::Write(text.into_bytes())));
    let signature = signature(&Actor::system(ACTOR), at);
    let commit = store.write_commit(&CommitRequest {
        base: None,
        edits: edits.collect(),
        parents: parent.iter().cloned().collect(),
        message,
        author: signature.clone(),
        committer: signature,
    })?;
    let change = RefChange::of_commits(reference, parent.as_ref(), Some(&commit));
    store.update_refs(&[change])?;
    Ok(commit)
}

async fn render_failed(
    server: &Arc<Server>,
    application: &Application,
    commit: &CommitId,
    problem: String,
) -> anyhow::Result<()> {
    let known = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&application.name);
        state.and_then(|state| state.render_problem.clone())
    };
    if known.is_some_and(|(of, known)| of == *commit && known == problem) {
        return Ok(());
    }
    let application = application.name.clone();
    let fact = DeploymentFact::RenderFailed { application, commit: commit.clone(), problem };
    record(server, &fact).await
}

async fn record(server: &Arc<Server>, fact: &DeploymentFact) -> anyhow::Result<()> {
    let draft = fact.draft(server.clock.now(), Actor::system(ACTOR));
    server.recorder.append(vec![draft]).await?;
    Ok(())
}

fn digest(files: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (path, text) in files {
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}
