//! Renders each application whose files changed, and keeps the manifests as a commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use deployments::{Application, Declaration, DeploymentFact};
use git_store::{CommitRequest, Edit, RefChange, Repository, TreeReader};
use ledger::{Actor, ApplicationName, CommitId, ObjectId, RefName, RepositoryName};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::changes::signature;
use crate::configurations::{RepositoryConfiguration, branch_ref};
use crate::history::changing_commits;
use crate::http::repository_of_url;
use crate::renderings::{CommitTree, Rendering, object_at};
use crate::state::{RenderedThrough, Server};
use crate::tasks::Next;

const ACTOR: &str = "render";

/// Applications that are rendered together: their commits share a pack, a transaction of refs and an
/// append.
const APPLICATIONS_AT_ONCE: usize = 100;

/// An application that is to be rendered.
struct Due {
    application: Application,
    declared_in: String,
    tip: CommitId,
    reader: Arc<TreeReader>,
}

/// What came of it.
struct Rendered {
    due: Due,
    manifests: Vec<Value>,
    opened: BTreeMap<String, Option<ObjectId>>,
    files: BTreeMap<String, String>,
    digest: String,
}

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
    declare(server, repository, configured).await?;
    for (_, application) in &configured.applications {
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
    let mut due = Vec::new();
    for (declared_in, application) in &configured.applications {
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
        due.push(Due {
            application: application.clone(),
            declared_in: declared_in.clone(),
            tip: tip.clone(),
            reader: Arc::clone(reader),
        });
    }
    // A piece at a time, so that the first are applied while the next are rendered.
    while !due.is_empty() {
        let rest = due.split_off(due.len().min(APPLICATIONS_AT_ONCE));
        render_all(server, repository, std::mem::replace(&mut due, rest)).await?;
    }
    let through = RenderedThrough { commit: configured.commit.clone(), branches };
    server.set_rendered_through(repository, through);
    Ok(())
}

/// Records what Git declares where it differs from what is known.
async fn declare(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
) -> anyhow::Result<()> {
    let (mut facts, mut taken) = (Vec::new(), Vec::new());
    {
        let views = server.recorder.views();
        for (_, application) in &configured.applications {
            let name = &application.name;
            let environment = configured.environment_of(name).map(|one| one.name.clone());
            let state = views.deployments.applications.get(name);
            let known = state.and_then(|state| state.declaration.as_ref());
            let deletes_objects = application.delete_objects_on_removal.is_some();
            if state.is_some_and(|state| state.removal.is_some()) {
                // It is back before its objects were gone: it is rendered like a new one.
                server.renderings.forget(name);
                server.operations.end(name, "its file is back in Git");
            }
            match known {
                Some(known) if known.repository != *repository => {
                    taken.push((application, known.repository.clone()));
                }
                Some(known)
                    if known.environment == environment
                        && known.source == application.source
                        && known.destination == application.destination
                        && known.deletes_objects == deletes_objects => {}
                Some(_) | None => facts.push(DeploymentFact::ApplicationDeclared {
                    application: name.clone(),
                    repository: repository.clone(),
                    environment,
                    source: application.source.clone(),
                    destination: application.destination.clone(),
                    commit: configured.commit.clone(),
                    deletes_objects,
                }),
            }
        }
    }
    for (application, other) in taken {
        let problem = format!("the name is taken by an application of {other}");
        render_failed(server, application, &configured.commit, problem).await?;
    }
    record(server, &facts).await
}

/// Applications whose file is gone are removed; their objects stay unless the file asked by its
/// finalizer that they go too, which the deployer then does.
async fn remove_undeclared(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
) -> anyhow::Result<()> {
    // A file that cannot be read is not a file that is gone.
    if !configured.problems.is_empty() {
        return Ok(());
    }
    let (gone, of) = {
        let views = server.recorder.views();
        let of_repository = views.deployments.applications.iter().filter_map(|(name, state)| {
            let declared = state.declaration.as_ref();
            let declared = declared.filter(|declared| declared.repository == *repository)?;
            Some((name.clone(), declared.clone()))
        });
        let of_repository: Vec<(ApplicationName, Declaration)> = of_repository.collect();
        let of = of_repository.len();
        let is_declared = |name: &ApplicationName| {
            configured.applications.iter().any(|(_, known)| known.name == *name)
        };
        let gone = of_repository.into_iter().filter(|(name, _)| !is_declared(name));
        (gone.collect::<Vec<_>>(), of)
    };
    let together = gone.iter().filter(|(_, declared)| declared.deletes_objects).count();
    for (application, declaration) in gone {
        let declared = match declaration.deletes_objects {
            true => last_declared(server, &application, &declaration).await?,
            false => None,
        };
        let keeps = declared.is_some();
        let fact = DeploymentFact::ApplicationRemoved {
            application: application.clone(),
            commit: configured.commit.clone(),
            deletes_objects: keeps,
            declared: declared.map(Box::new),
            together,
            of,
        };
        record(server, &[fact]).await?;
        // What is kept of one whose objects have to go is made anew from what was applied.
        server.renderings.forget(&application);
        server.operations.end(&application, "its file left Git");
        if !keeps {
            server.clusters.all().iter().for_each(|known| known.forget(&application));
        }
    }
    Ok(())
}

/// The application as its file said last: as it was rendered, else as the commit had it that the
/// ledger knows.
async fn last_declared(
    server: &Arc<Server>,
    application: &ApplicationName,
    declaration: &Declaration,
) -> anyhow::Result<Option<Application>> {
    if let Some(rendering) = server.renderings.of(application) {
        return Ok(Some(rendering.application.clone()));
    }
    let (repository, commit) = (&declaration.repository, &declaration.commit);
    let configured = server.configurations.read_once(server, repository, commit).await?;
    let mut known = configured.applications.iter().map(|(_, known)| known);
    Ok(known.find(|known| known.name == *application).cloned())
}

/// Renders the applications and keeps what they render to.
async fn render_all(
    server: &Arc<Server>,
    repository: &RepositoryName,
    mut due: Vec<Due>,
) -> anyhow::Result<()> {
    let (mut rendered, mut works) = (Vec::new(), Vec::new());
    // As many threads as there are processors: more would only hold memory.
    let pieces = std::thread::available_parallelism().map_or(1, usize::from);
    let size = due.len().div_ceil(pieces).max(1);
    while !due.is_empty() {
        let rest = due.split_off(due.len().min(size));
        let piece = std::mem::replace(&mut due, rest);
        let render = move || piece.into_iter().map(render_one).collect::<Vec<_>>();
        works.push(tokio::task::spawn_blocking(render));
    }
    for work in works {
        for one in work.await.context("a rendering was interrupted")? {
            match one? {
                Ok(one) => rendered.push(one),
                Err((due, problem)) => {
                    render_failed(server, &due.application, &due.tip, problem).await?;
                }
            }
        }
    }
    let known: Vec<_> = {
        let views = server.recorder.views();
        let state = |one: &Rendered| views.deployments.applications.get(&one.due.application.name);
        rendered.iter().map(|one| state(one).and_then(|state| state.rendering.clone())).collect()
    };
    let (mut kept, mut changed) = (Vec::new(), Vec::new());
    for (one, known) in rendered.into_iter().zip(known) {
        match known {
            Some(known) if known.digest == one.digest => {
                kept.push((one, known.commit, known.rendered_commit));
            }
            known => changed.push((one, known.is_none())),
        }
    }
    let (store, at) = (server.repository(repository)?, server.clock.now());
    let write = move || write_renderings(&store, changed, at);
    let written =
        tokio::task::spawn_blocking(write).await.context("the writing was interrupted")??;
    let facts: Vec<DeploymentFact> = written
        .iter()
        .map(|(one, commit, rendered_commit)| DeploymentFact::Rendered {
            application: one.due.application.name.clone(),
            commit: commit.clone(),
            rendered_commit: rendered_commit.clone(),
            digest: one.digest.clone(),
        })
        .collect();
    record(server, &facts).await?;
    for (one, commit, rendered_commit) in kept.into_iter().chain(written) {
        server.renderings.keep(Rendering {
            application: one.due.application,
            commit,
            rendered_commit,
            manifests: Arc::new(one.manifests),
            opened: one.opened,
        });
    }
    Ok(())
}

/// An error inside is the application's own.
fn render_one(due: Due) -> anyhow::Result<Result<Rendered, (Due, String)>> {
    let request = request(&due.application);
    let rendering = match render::render(&CommitTree(&due.reader), &request) {
        Ok(rendering) => rendering,
        Err(error) => return Ok(Err((due, error.to_string()))),
    };
    let entry = |path: &String| Ok((path.clone(), object_at(&due.reader, path)?));
    let opened = rendering.opened.iter().map(entry).collect::<anyhow::Result<BTreeMap<_, _>>>()?;
    let files = render::files(&rendering.manifests);
    let digest = digest(&files);
    Ok(Ok(Rendered { due, manifests: rendering.manifests, opened, files, digest }))
}

/// Writes the manifests as commits on `refs/boucle/rendered/<application>`: each with the commit that
/// changed it last and the commit that was written. The second value says whether it is the first.
fn write_renderings(
    store: &Repository,
    changed: Vec<(Rendered, bool)>,
    at: ledger::Timestamp,
) -> anyhow::Result<Vec<(Rendered, CommitId, CommitId)>> {
    let signature = signature(&Actor::system(ACTOR), at);
    let (mut requests, mut places) = (Vec::new(), Vec::new());
    for (one, is_first) in &changed {
        let Due { application, declared_in, tip, .. } = &one.due;
        // Later commits may have come meanwhile that changed nothing of it.
        let source = if *is_first {
            tip.clone()
        } else {
            let paths: Vec<String> =
                one.opened.keys().cloned().chain([declared_in.clone()]).collect();
            changing_commits(store, tip, &paths, 1)?.pop().unwrap_or_else(|| tip.clone())
        };
        let name = &application.name;
        let reference = RefName::new(format!("refs/boucle/rendered/{name}"))?;
        let parent = store.resolve(&reference)?;
        let edits = one.files.iter();
        requests.push(CommitRequest {
            base: None,
            edits: edits
                .map(|(path, text)| (path.clone(), Edit::Write(text.clone().into_bytes())))
                .collect(),
            parents: parent.iter().cloned().collect(),
            message: format!("Render {name}\n\nSource-Commit: {source}\n"),
            author: signature.clone(),
            committer: signature.clone(),
        });
        places.push((reference, parent, source));
    }
    let commits = store.write_commits(&requests)?;
    let moves: Vec<RefChange> = places
        .iter()
        .zip(&commits)
        .map(|((reference, parent, _), commit)| {
            RefChange::of_commits(reference.clone(), parent.as_ref(), Some(commit))
        })
        .collect();
    store.update_refs(&moves)?;
    let written = changed.into_iter().zip(places).zip(commits);
    Ok(written.map(|(((one, _), (_, _, source)), commit)| (one, source, commit)).collect())
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
    record(server, &[fact]).await
}

/// All of them or none.
async fn record(server: &Arc<Server>, facts: &[DeploymentFact]) -> anyhow::Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let now = server.clock.now();
    let drafts = facts.iter().map(|fact| fact.draft(now, Actor::system(ACTOR))).collect();
    server.recorder.append(drafts).await?;
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
