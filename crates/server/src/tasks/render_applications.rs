//! Renders each application whose files changed, and keeps the manifests as a commit.

mod decrypt;
mod failure;
mod upkeep;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::Context;
use deployments::application_set::Upkeep;
use deployments::project::Scope;
use deployments::{
    Application, ChartProblem, Customizations, DeploymentFact, Source, dependencies,
    dependency_order,
};
use ledger::{Actor, ApplicationName, CommitId, RepositoryName};
use repositories::secrets::{SecretName, SecretRecord};

use crate::configurations::{RepositoryConfiguration, belongs_elsewhere};
use crate::renderings::{Read, Rendering, object_at};
use crate::sources::{self, Finder, Standing};
use crate::state::{RenderedThrough, Server};
use crate::tasks::Next;
use crate::tasks::remove_applications::remove_undeclared;
use failure::{Failure, may_come, next_look};
pub(crate) use upkeep::{Current, applications_of};
use write::{Written, digest, write_renderings};

const ACTOR: &str = "render";

/// Applications that are rendered together: their commits share a pack, a transaction of refs and an
/// append.
const APPLICATIONS_AT_ONCE: usize = 100;

/// The same of what a program renders, which takes a hundred times as long.
const PROGRAMS_AT_ONCE: usize = 8;

/// An application that is to be rendered.
struct Due {
    application: Application,
    scope: Scope,
    customizations: Arc<Customizations>,
    declared_in: String,
    /// The commit of the repository that declares it, on the branch that it follows there.
    tip: CommitId,
    sources: Vec<Standing>,
}

/// What came of it.
struct Rendered {
    due: Due,
    rendering: render::Rendering,
    /// The age keys that there were, when something had to be decrypted.
    keys: Option<BTreeMap<SecretName, SecretRecord>>,
    sources: Vec<Read>,
    files: BTreeMap<String, String>,
    digest: String,
}

impl Due {
    /// The step of its set.
    fn step(&self) -> Option<usize> {
        self.application.rollout.as_ref()?.step
    }

    /// Whether a process of its own is needed; only the order depends on it.
    fn has_program(&self) -> bool {
        let is_elsewhere = |source: &Source| source.chart.is_some() || source.plugin.is_some();
        let in_git = self.application.sources().filter(|source| source.chart.is_none());
        self.application.sources().any(is_elsewhere)
            || in_git.zip(&self.sources).any(|(source, standing)| {
                let folder = if source.path == "." { "" } else { &source.path };
                let names = standing.reader.names(folder).ok().flatten().unwrap_or_default();
                let needs = |name: &str| name == "Chart.yaml" || name.ends_with(".jsonnet");
                source.is_rendered() && names.iter().any(|(name, _)| needs(name))
            })
    }
}

/// One activation: every application of every repository is compared with its newest rendering.
pub async fn reconcile(server: Arc<Server>) -> anyhow::Result<Next> {
    let repositories: Vec<RepositoryName> =
        server.recorder.views().repositories.repositories.keys().cloned().collect();
    let mut next = Next::OnChange;
    for repository in repositories {
        let configured = server.configurations.of_default_branch(&server, &repository).await?;
        let Some(configured) = configured else { continue };
        let rendered = reconcile_repository(&server, &repository, &configured).await;
        let rendered = rendered.with_context(|| format!("the applications of {repository}"))?;
        next = next.earlier(rendered);
    }
    Ok(next)
}

async fn reconcile_repository(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &Arc<RepositoryConfiguration>,
) -> anyhow::Result<Next> {
    if server.is_rendered_through(repository, configured) {
        return Ok(Next::OnChange);
    }
    let holds = remove_undeclared(server, repository, configured).await?;
    let applications = applications_of(server, repository, configured).await?;
    declare(server, repository, configured, &applications).await?;
    let mut finder = Finder::new(server, repository, &configured.commit);
    let (surroundings, _) = server.surroundings(repository).with(&configured.clusters);
    let keys = server.recorder.views().repositories.decryption_keys(repository);
    let mut due = Vec::new();
    for Current { declared_in, application, .. } in &applications {
        // Whoever has a name has what runs under it.
        if server.is_name_taken(repository, &application.name) {
            continue;
        }
        let sources = match finder.find(application).await? {
            Ok(sources) => sources,
            Err(problem) => {
                let problem = Failure::from(problem);
                render_failed(server, application, &configured.commit, problem).await?;
                continue;
            }
        };
        let scope = surroundings.scope(application, &configured.projects);
        let known = server.renderings.of(&application.name);
        if let Some(known) = known
            && !is_unrendered(server, &application.name)
            && known.application == *application
            && known.scope == scope
            && known.customizations == configured.customizations
            && known.keys.as_ref().is_none_or(|used| *used == keys)
            && known.is_of(&sources)?
        {
            continue;
        }
        let own = sources.iter().find(|source| source.repository == *repository);
        due.push(Due {
            application: application.clone(),
            scope,
            customizations: Arc::clone(&configured.customizations),
            declared_in: declared_in.clone(),
            tip: own.map_or(&configured.commit, |own| &own.commit).clone(),
            sources,
        });
    }
    let (tips, others) = (std::mem::take(&mut finder.tips), std::mem::take(&mut finder.others));
    sort_by_turns(&mut due);
    // A piece at a time, so that the first are applied while the next are rendered; those that need a
    // program last, so that no other application waits for one without end.
    let (programs, plain) = with_programs(due);
    let mut waits = Vec::new();
    for (mut due, at_once) in [(plain, APPLICATIONS_AT_ONCE), (programs, PROGRAMS_AT_ONCE)] {
        while !due.is_empty() {
            let rest = due.split_off(due.len().min(at_once));
            let piece = std::mem::replace(&mut due, rest);
            waits.extend(render_all(server, repository, piece).await?);
        }
    }
    // Charts that may still come: they are looked for again.
    if let Some(next) =
        waits.iter().map(|problem| next_look(server, repository, problem)).reduce(Next::earlier)
    {
        return Ok(next);
    }
    // What is held back is looked at again with each fact: one of them may be a confirmation.
    if holds {
        return Ok(Next::OnChange);
    }
    let (commit, outlook) = (configured.commit.clone(), configured.outlook.clone());
    let through = RenderedThrough { commit, outlook, tips, keys, others };
    server.set_rendered_through(repository, through);
    Ok(Next::OnChange)
}

/// Whether the last rendering failed. Then it is rendered again even when it is back at what is known,
/// so that the problem ends with its cause.
fn is_unrendered(server: &Server, name: &ApplicationName) -> bool {
    let views = server.recorder.views();
    views.deployments.applications.get(name).is_some_and(|state| state.render_problem.is_some())
}

/// What others depend on and earlier steps of a set come before them: nobody may take an older
/// rendering of one for the newest.
fn sort_by_turns(due: &mut [Due]) {
    let of = |one: &Due| dependencies(&one.application).unwrap_or_default();
    let all = due.iter().map(|one| (one.application.name.clone(), of(one))).collect();
    let order = dependency_order(&all);
    let places: BTreeMap<&ApplicationName, usize> =
        order.iter().enumerate().map(|(place, name)| (name, place)).collect();
    // Who depends on an application of a step comes no earlier than that step.
    let steps: BTreeMap<&ApplicationName, Option<usize>> =
        due.iter().map(|one| (&one.application.name, one.step())).collect();
    let mut ranks: BTreeMap<ApplicationName, Option<usize>> = BTreeMap::new();
    for name in &order {
        let needed = all.get(name).into_iter().flatten().filter_map(|needed| ranks.get(needed));
        let rank = needed.chain(steps.get(name)).copied().max().flatten();
        ranks.insert(name.clone(), rank);
    }
    due.sort_by_key(|one| {
        let name = &one.application.name;
        (ranks.get(name).copied().flatten(), places.get(name).copied())
    });
}

/// Those that need a program and those that do not. Who waits for one of the first comes with it.
fn with_programs(due: Vec<Due>) -> (Vec<Due>, Vec<Due>) {
    let (mut late, mut steps) = (BTreeSet::new(), BTreeMap::<String, usize>::new());
    due.into_iter().partition(|one| {
        let names = dependencies(&one.application).unwrap_or_default();
        let set = one.application.rollout.as_ref().map(|rollout| &rollout.set);
        let is_later =
            set.and_then(|set| steps.get(set)).is_some_and(|first| Some(*first) < one.step());
        let is_late = is_later || one.has_program() || names.iter().any(|name| late.contains(name));
        if is_late {
            late.insert(one.application.name.clone());
            if let (Some(set), Some(step)) = (set, one.step()) {
                steps.entry(set.clone()).or_insert(step);
            }
        }
        is_late
    })
}

/// Records what Git declares where it differs from what is known.
async fn declare(
    server: &Arc<Server>,
    repository: &RepositoryName,
    configured: &RepositoryConfiguration,
    applications: &[Current],
) -> anyhow::Result<()> {
    let mut facts = Vec::new();
    {
        let views = server.recorder.views();
        for Current { application, set, .. } in applications {
            let name = &application.name;
            let environment = configured.environment_of(name).map(|one| one.name.clone());
            let stays = set.as_ref().and_then(|set| configured.sets.get(set));
            // What a set saw once is not seen again: how its application goes is written nowhere else.
            let stays = stays.is_some_and(|set| set.upkeep != Upkeep::Sync || set.looks_further);
            let kept = stays.then(|| Box::new(application.of_its_file()));
            let step = application.rollout.as_ref().and_then(|rollout| rollout.step);
            let state = views.deployments.applications.get(name);
            if state.is_some_and(|state| belongs_elsewhere(state, repository)) {
                continue;
            }
            let known = state.and_then(|state| state.declaration.as_ref());
            let deletes_objects = application.delete_objects_on_removal.is_some();
            if state.is_some_and(|state| state.removal.is_some()) {
                // It is back before its objects were gone: it is rendered like a new one.
                server.renderings.forget(name);
                server.operations.end(name, "its file is back in Git");
            }
            match known {
                Some(known)
                    if known.environment == environment
                        && known.set == *set
                        && known.kept == kept
                        && known.step == step
                        && known.source == application.source
                        && known.further_sources == application.further_sources
                        && known.destination == application.destination
                        && known.deletes_objects == deletes_objects => {}
                Some(_) | None => facts.push(DeploymentFact::ApplicationDeclared {
                    application: name.clone(),
                    repository: repository.clone(),
                    environment,
                    set: set.clone(),
                    kept,
                    step,
                    source: application.source.clone(),
                    further_sources: application.further_sources.clone(),
                    destination: application.destination.clone(),
                    commit: configured.commit.clone(),
                    deletes_objects,
                }),
            }
        }
    }
    record(server, &facts).await
}

/// Renders the applications and keeps what they render to. Gives the charts that are not there and may
/// still come.
async fn render_all(
    server: &Arc<Server>,
    repository: &RepositoryName,
    mut due: Vec<Due>,
) -> anyhow::Result<Vec<ChartProblem>> {
    let mut waits = Vec::new();
    let (mut rendered, mut works) = (Vec::new(), Vec::new());
    // As many threads as there are processors: more would only hold memory.
    let pieces = std::thread::available_parallelism().map_or(1, usize::from);
    let size = due.len().div_ceil(pieces).max(1);
    while !due.is_empty() {
        let rest = due.split_off(due.len().min(size));
        let piece = std::mem::replace(&mut due, rest);
        let (server, home) = (Arc::clone(server), repository.clone());
        let render = move || {
            piece.into_iter().map(|due| render_one(&server, &home, due)).collect::<Vec<_>>()
        };
        works.push(tokio::task::spawn_blocking(render));
    }
    for work in works {
        for one in work.await.context("a rendering was interrupted")? {
            match one? {
                Ok(one) => rendered.push(one),
                Err((due, problem)) => {
                    waits.extend(problem.chart.clone().filter(may_come));
                    render_failed(server, &due.application, &due.tip, problem).await?;
                }
            }
        }
    }
    let known: Vec<_> = rendered.iter().map(|one| known(server, one)).collect();
    let (mut kept, mut changed, mut facts) = (Vec::new(), Vec::new(), Vec::new());
    for (one, (known, is_on_record)) in rendered.into_iter().zip(known) {
        match known {
            Some(known) if known.digest == one.digest => {
                let (commit, rendered_commit) = (known.commit, known.rendered_commit);
                let same = Written { rendered: one, commit, rendered_commit };
                facts.extend((!is_on_record).then(|| rendered_fact(&same, repository)));
                kept.push(same);
            }
            known => changed.push((one, known.is_none())),
        }
    }
    let (store, at) = (server.repository(repository)?, server.clock.now());
    let home = repository.clone();
    let write = move || write_renderings(&store, &home, changed, at);
    let written =
        tokio::task::spawn_blocking(write).await.context("the writing was interrupted")??;
    facts.extend(written.iter().map(|written| rendered_fact(written, repository)));
    record(server, &facts).await?;
    for Written { rendered, commit, rendered_commit } in kept.into_iter().chain(written) {
        server.renderings.keep(Rendering {
            repository: repository.clone(),
            application: rendered.due.application,
            scope: rendered.due.scope,
            customizations: rendered.due.customizations,
            commit,
            rendered_commit,
            manifests: Arc::new(rendered.rendering.manifests),
            sources: rendered.sources,
            keys: rendered.keys,
            repeated: rendered.rendering.repeated,
        });
    }
    Ok(waits)
}

/// The rendering that is on record, and whether all of this one is: no chart was missing since, and
/// its charts are known.
fn known(server: &Server, one: &Rendered) -> (Option<deployments::Rendering>, bool) {
    let views = server.recorder.views();
    let state = views.deployments.applications.get(&one.due.application.name);
    let mut charts = one.rendering.charts.keys();
    let is_known = charts.all(|chart| views.deployments.charts.contains_key(chart));
    let had_failed = state.is_some_and(|state| state.render_problem.is_some());
    (state.and_then(|state| state.rendering.clone()), is_known && !had_failed)
}

fn rendered_fact(written: &Written, repository: &RepositoryName) -> DeploymentFact {
    let sources = written.rendered.sources.iter();
    let others = sources.filter(|source| source.repository != *repository);
    DeploymentFact::Rendered {
        application: written.rendered.due.application.name.clone(),
        commit: written.commit.clone(),
        rendered_commit: written.rendered_commit.clone(),
        digest: written.rendered.digest.clone(),
        others: others.map(|one| (one.repository.clone(), one.commit.clone())).collect(),
        charts: written.rendered.rendering.charts.clone(),
    }
}

/// An error inside is the application's own.
fn render_one(
    server: &Arc<Server>,
    home: &RepositoryName,
    due: Due,
) -> anyhow::Result<Result<Rendered, (Due, Failure)>> {
    let mut rendering = match sources::render(server, home, &due.application, &due.sources) {
        Ok(rendering) => rendering,
        Err(error) => return Ok(Err((due, error.into()))),
    };
    let mut read = Vec::new();
    let in_git = due.application.sources().zip(&rendering.opened);
    let in_git = in_git.filter(|(source, _)| source.chart.is_none());
    for (source, (_, opened)) in due.sources.iter().zip(in_git) {
        let entry = |path: &String| Ok((path.clone(), object_at(&source.reader, path)?));
        read.push(Read {
            repository: source.repository.clone(),
            commit: source.commit.clone(),
            opened: opened.iter().map(entry).collect::<anyhow::Result<_>>()?,
        });
    }
    let files = render::files(&rendering.manifests);
    let digest = digest(&files);
    // Only now: what is kept in Git stays as SOPS encrypted it.
    let keys = match decrypt::manifests(server, home, &mut rendering.manifests)? {
        Ok(keys) => keys,
        Err(problem) => return Ok(Err((due, problem.into()))),
    };
    Ok(Ok(Rendered { due, rendering, keys, sources: read, files, digest }))
}

async fn render_failed(
    server: &Arc<Server>,
    application: &Application,
    commit: &CommitId,
    failure: Failure,
) -> anyhow::Result<()> {
    // Only what came of it is on record.
    if matches!(failure.chart, Some(ChartProblem::Fetching { .. })) {
        return Ok(());
    }
    let is_known = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&application.name);
        state.is_some_and(|state| {
            let (known, chart) = (state.render_problem.as_ref(), state.chart_problem.as_ref());
            failure.is_known(known, chart, commit)
        })
    };
    if is_known {
        return Ok(());
    }
    let Failure { problem, chart } = failure;
    let application = application.name.clone();
    let fact = DeploymentFact::RenderFailed { application, commit: commit.clone(), problem, chart };
    record(server, &[fact]).await
}

/// All of them or none.
pub(super) async fn record(server: &Arc<Server>, facts: &[DeploymentFact]) -> anyhow::Result<()> {
    if facts.is_empty() {
        return Ok(());
    }
    let now = server.clock.now();
    let drafts = facts.iter().map(|fact| fact.draft(now, Actor::system(ACTOR))).collect();
    server.recorder.append(drafts).await?;
    Ok(())
}
