//! What a pull request changes: its source, and what runs in each environment.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use api::problem::Reason;
use api::pull_requests as wire;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::configuration::Artifact;
use control::consequences::paths_of;
use deployments::{Application, ChartProblem};
use git_store::{ChangeKind, FileDifference, LineKind, MergeOutcome, MergeRequest, Repository};
use ledger::{ApplicationName, CommitId, PullRequestNumber, RepositoryName, TreeId};
use repositories::access::Permission;
use repositories::policy::MergeMethod;
use repositories::view::PatchSet;
use serde_json::Value;

use crate::changes::signature;
use crate::configurations::RepositoryConfiguration;
use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::pull_requests::known;
use crate::http::{identity, repository_name};
use crate::language;
use crate::sources::{self, Finder, Standing};
use crate::state::Server;
use crate::tasks::render_applications::{Current, applications_of};
use crate::trials::{ObjectName, Proposal};
use crate::words::{self, ConfigurationProblem, Missing, Note, RenderFailed, say};

/// The source difference between the merge base, or an earlier patch set, and the newest patch set.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/pull-requests/{number}/difference",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path),
        wire::DifferenceQuery),
    responses((status = 200, body = wire::SourceDifference)))]
pub async fn difference(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, number)): Path<(String, String, u64)>,
    Query(query): Query<wire::DifferenceQuery>,
) -> Answer<wire::SourceDifference> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let known = known(&server, &repository, PullRequestNumber(number))?;
    let current = known.current().clone();
    let earlier = query.from_patch_set.map(|wanted| {
        let earlier = known.patch_sets.iter().find(|one| one.number == wanted).cloned();
        earlier.ok_or_else(|| {
            Refusal::not_found(&Missing::PatchSet { patch_set: wanted, number: &number })
        })
    });
    let earlier = earlier.transpose()?;
    let base = earlier.as_ref().map_or(&current.base, |earlier| &earlier.head).to_string();
    let head = current.head.to_string();
    let store = server.repository(&repository)?;
    let read = move || -> anyhow::Result<(Vec<FileDifference>, bool)> {
        let (from, includes_target) = match &earlier {
            Some(earlier) => begin_of(&store, earlier, &current)?,
            None => (store.tree_of(&current.base)?, false),
        };
        let files = store.difference(Some(&from), Some(&store.tree_of(&current.head)?))?;
        Ok((files, includes_target))
    };
    let read = tokio::task::spawn_blocking(read).await.context("comparing was interrupted")?;
    let (files, includes_target) = read?;
    let files = files.iter().map(file_on_wire).collect();
    Ok(Json(wire::SourceDifference { base, head, includes_target, files }))
}

/// The tree that a newer patch set is compared with: the earlier one as it would stand on the newer
/// one's base, so that only its author's changes are shown; the earlier one itself, and true, when
/// the two do not fit together.
fn begin_of(
    store: &Repository,
    earlier: &PatchSet,
    current: &PatchSet,
) -> anyhow::Result<(TreeId, bool)> {
    if earlier.base == current.base {
        return Ok((earlier.head_tree.clone(), false));
    }
    // The same commit each time that it is asked for; Git forgets it by itself.
    let signature = signature(&earlier.pushed_by, earlier.pushed_at);
    let merged = store.merge(&MergeRequest {
        base: current.base.clone(),
        head: earlier.head.clone(),
        method: MergeMethod::Squash,
        message: format!("Patch set {} on the base of a newer one\n", earlier.number),
        author: signature.clone(),
        committer: signature,
    })?;
    Ok(match merged {
        MergeOutcome::Merged { tree, .. } => (tree, false),
        MergeOutcome::NothingToMerge => (store.tree_of(&current.base)?, false),
        MergeOutcome::Conflicts { .. } => (earlier.head_tree.clone(), true),
    })
}

/// What a merge does to each environment.
#[utoipa::path(get, path = "/repositories/{owner}/{name}/pull-requests/{number}/consequences",
    tag = "pull requests",
    params(("owner" = String, Path), ("name" = String, Path), ("number" = u64, Path)),
    responses((status = 200, body = wire::Consequences)))]
pub async fn consequences(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path((owner, name, number)): Path<(String, String, u64)>,
) -> Answer<wire::Consequences> {
    let repository = repository_name(&format!("{owner}/{name}"))?;
    let permission = Permission::ReadRepository;
    identity::permit_repository(&server, &headers, permission, &repository).await?;
    let current = known(&server, &repository, PullRequestNumber(number))?.current().clone();
    Ok(Json(of_change(&server, &repository, &current.base, &current.head).await?))
}

/// What going from one commit to another does to each environment.
pub async fn of_change(
    server: &Arc<Server>,
    repository: &RepositoryName,
    base: &CommitId,
    head: &CommitId,
) -> Result<wire::Consequences, Refusal> {
    let store = server.repository(repository)?;
    let before = server.configurations.read_once(server, repository, base).await?;
    let after = server.configurations.read_once(server, repository, head).await?;
    // What a set leaves as it was, no change of the set reaches.
    let declared_before = applications_of(server, repository, &before).await?;
    let declared_after = applications_of(server, repository, &after).await?;
    let change = Change {
        home: repository.clone(),
        patience: Instant::now() + PATIENCE,
        old: sources_of(server, repository, base, &declared_before).await?,
        new: sources_of(server, repository, head, &declared_after).await?,
        declared_before,
        declared_after,
        before,
        after,
    };
    let trying = Arc::clone(server);
    let (base, head, server) = (base.clone(), head.clone(), Arc::clone(server));
    let work = move || compare(&server, &store, &base, &head, &change);
    let compared = tokio::task::spawn_blocking(language::carried(work)).await;
    let (mut consequences, proposals) = compared.context("rendering was interrupted")??;
    let mut tried = trying.tried(repository, proposals).await;
    consequences.problems.append(&mut tried.reasons);
    for (application, object, live) in tried.live {
        let environments = consequences.environments.iter_mut();
        let of = environments.filter(|one| one.application == application.as_str());
        let object = object_label(&object);
        let named = of.flat_map(|one| &mut one.objects).filter(|one| one.object == object);
        let mut named: Vec<_> = named.collect();
        // Kinds of two groups may have one name; nothing is told then, rather than of the wrong one.
        if let [one] = named.as_mut_slice() {
            one.live = Some(live);
        }
    }
    Ok(consequences)
}

/// Where the sources of each application stand, or why they do not.
type Standings = BTreeMap<ApplicationName, Result<Vec<Standing>, String>>;

/// How long a change waits for charts that are on their way.
const PATIENCE: Duration = Duration::from_secs(20);

/// Both sides of a change.
struct Change {
    home: RepositoryName,
    patience: Instant,
    before: Arc<RepositoryConfiguration>,
    after: Arc<RepositoryConfiguration>,
    declared_before: Vec<Current>,
    declared_after: Vec<Current>,
    old: Standings,
    new: Standings,
}

async fn sources_of(
    server: &Arc<Server>,
    repository: &RepositoryName,
    commit: &CommitId,
    applications: &[Current],
) -> anyhow::Result<Standings> {
    let mut finder = Finder::for_proposal(server, repository, commit);
    let mut standings = BTreeMap::new();
    for Current { application, .. } in applications {
        standings.insert(application.name.clone(), finder.find(application).await?);
    }
    Ok(standings)
}

fn compare(
    server: &Arc<Server>,
    store: &Repository,
    base: &CommitId,
    head: &CommitId,
    change: &Change,
) -> anyhow::Result<(wire::Consequences, Vec<Proposal>)> {
    let Change { before, after, .. } = change;
    let changed = store.changed_paths(Some(&store.tree_of(base)?), Some(&store.tree_of(head)?))?;
    let changed: Vec<String> =
        changed.into_iter().flat_map(|one| one.old_path.into_iter().chain([one.path])).collect();
    let builds: Vec<(&Artifact, Vec<String>)> = after
        .configuration
        .artifacts
        .iter()
        .map(|artifact| (artifact, paths_of(artifact, &changed)))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    let mut names: BTreeMap<_, (Option<&Application>, Option<&Application>)> = BTreeMap::new();
    for Current { application, .. } in &change.declared_before {
        names.entry(application.name.clone()).or_default().0 = Some(application);
    }
    for Current { application, .. } in &change.declared_after {
        names.entry(application.name.clone()).or_default().1 = Some(application);
    }
    let mut problems: Vec<Reason> =
        after.problems.iter().map(ConfigurationProblem::reason).collect();
    let (mut environments, mut proposals) = (Vec::new(), Vec::new());
    for (name, (old, new)) in names {
        let proposed = new;
        let of = |one, standings| manifests(server, change, one, standings);
        let old = old.map_or_else(|| Ok(Vec::new()), |one| of(one, &change.old));
        let new = new.map_or_else(|| Ok(Vec::new()), |one| of(one, &change.new));
        let (old, new) = match (old, new) {
            (Ok(old), Ok(new)) => (old, new),
            // A base that cannot be rendered is compared as if nothing had been there.
            (Err(_), Ok(new)) => (Vec::new(), new),
            (_, Err(problem)) => {
                problems.push(problem);
                continue;
            }
        };
        let rendered = new.clone();
        let (new, notes) = with_new_builds(new, &builds);
        let environment = after.environment_of(&name).or_else(|| before.environment_of(&name));
        let differences = render::difference(&old, &new);
        if differences.is_empty() && notes.is_empty() {
            continue;
        }
        // The image of a build that is still to come is in no cluster's answer.
        let tried = render::difference(&old, &rendered);
        proposals.extend(proposed.map(|proposed| Proposal::of(proposed, &rendered, &tried)));
        environments.push(wire::EnvironmentConsequences {
            environment: environment.map(|one| one.name.to_string()).unwrap_or_default(),
            application: name.to_string(),
            restarts: differences.iter().filter_map(restart).collect(),
            pruned: differences
                .iter()
                .filter(|one| one.change == render::Change::Deleted)
                .map(object_name)
                .collect(),
            objects: differences.iter().map(object_on_wire).collect(),
            notes,
        });
    }
    let order = |name: &str| {
        after.configuration.environments.iter().position(|one| one.name.as_str() == name)
    };
    environments.sort_by_key(|one| order(&one.environment).unwrap_or(usize::MAX));
    Ok((wire::Consequences { environments, problems }, proposals))
}

fn manifests(
    server: &Arc<Server>,
    change: &Change,
    application: &Application,
    standings: &Standings,
) -> Result<Vec<Value>, Reason> {
    let failed = |problem: &dyn Display| words::reason(&RenderFailed(problem));
    let name = &application.name;
    let standings = match standings.get(name) {
        Some(Ok(standings)) => standings.as_slice(),
        Some(Err(problem)) => return Err(failed(&format!("{name}: {problem}"))),
        None => &[],
    };
    loop {
        let error = match sources::render(server, &change.home, application, standings) {
            Ok(rendering) => return Ok(rendering.manifests),
            Err(error) => error,
        };
        let left = change.patience.saturating_duration_since(Instant::now());
        match error.chart.as_deref() {
            None => return Err(failed(&format!("{name}: {error}"))),
            Some(ChartProblem::Fetching { chart }) if !left.is_zero() => {
                tokio::runtime::Handle::current().block_on(server.charts.settled(
                    &change.home,
                    chart,
                    left,
                ));
            }
            Some(problem) => {
                let message = format!("{name}: {}", say(problem));
                return Err(Reason::new(problem.code(), message));
            }
        }
    }
}

/// The digest of a build that does not exist yet cannot be known: its image is written as a new
/// build of the paths that changed, and the difference shows what it will restart.
fn with_new_builds(
    mut manifests: Vec<Value>,
    builds: &[(&Artifact, Vec<String>)],
) -> (Vec<Value>, Vec<String>) {
    let mut notes = Vec::new();
    for (artifact, paths) in builds {
        let mut used = false;
        for manifest in &mut manifests {
            let containers = manifest.pointer_mut("/spec/template/spec/containers");
            for container in containers.and_then(Value::as_array_mut).into_iter().flatten() {
                let image = container["image"].as_str().unwrap_or_default().to_owned();
                let name = image.split(['@', ':']).next().unwrap_or_default();
                if name.rsplit('/').next() == Some(artifact.name.as_str()) {
                    container["image"] = Value::String(format!("{name}@(built after the merge)"));
                    used = true;
                }
            }
        }
        if used {
            notes.push(say(&Note::NewBuild { artifact: &artifact.name, paths }));
        }
    }
    (manifests, notes)
}

fn restart(difference: &render::ObjectDifference) -> Option<String> {
    let restart = difference.restart.as_ref()?;
    Some(say(&Note::Restart { object: &object_name(difference), restart }))
}

/// A difference of objects as the interface shows it.
#[must_use]
pub fn object_on_wire(difference: &render::ObjectDifference) -> wire::ObjectDifference {
    wire::ObjectDifference {
        object: object_name(difference),
        change: difference.change.code().into(),
        unified: difference.text.clone(),
        live: None,
    }
}

fn object_name(difference: &render::ObjectDifference) -> String {
    object_label(&ObjectName::of(difference))
}

/// `Deployment production/hello`.
fn object_label(object: &ObjectName) -> String {
    let ObjectName { kind, namespace, name } = object;
    if namespace.is_empty() {
        format!("{kind} {name}")
    } else {
        format!("{kind} {namespace}/{name}")
    }
}

/// A changed file as the interface shows it.
#[must_use]
pub fn file_on_wire(file: &FileDifference) -> wire::FileDifference {
    let change = &file.change;
    let old_path = change.old_path.as_deref().unwrap_or(&change.path);
    let mut unified = format!("--- a/{old_path}\n+++ b/{}\n", change.path);
    for hunk in file.hunks.iter().flatten() {
        unified.push_str(&format!(
            "@@ -{},{} +{},{} @@\n",
            hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines
        ));
        for line in &hunk.lines {
            let sign = match line.kind {
                LineKind::Context => ' ',
                LineKind::Removed => '-',
                LineKind::Added => '+',
            };
            unified.push_str(&format!("{sign}{}\n", line.text));
        }
    }
    wire::FileDifference {
        path: change.path.clone(),
        old_path: change.old_path.clone(),
        change: match change.kind {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "deleted",
            ChangeKind::Modified => "modified",
            ChangeKind::Renamed => "renamed",
        }
        .into(),
        unified: if file.hunks.is_some() { unified } else { String::new() },
    }
}
