//! Applications over HTTP: what runs, how it differs from Git, and going back.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use api::applications::{
    Application, ApplicationsQuery, ConfirmDeletions, Deployment, ObjectEvent, Owner, Resource,
    Rollback, RollbackResult, Synchronise,
};
use api::page::{Page, PageQuery};
use api::problem::Reason;
use api::pull_requests::ObjectDifference;
use api::runs::LogChunk;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::ControlFact;
use deployments::ownership::prepared;
use deployments::{
    ApplicationState, BlockReason, ChartProblem, DeploymentFact, HealthStatus, Hold, ObjectKey,
    Outcome, TRACKING_ANNOTATION, annotation, differing_fields, excerpt, may_have_actions, tracked,
};
use ledger::{ApplicationName, CommitId, Timestamp};
use repositories::access::{Permission, Permit};
use serde::Deserialize;
use serde_json::Value;
use workloads::ServiceEndpoint;

use crate::http::body::Checked;
use crate::http::consequences::object_on_wire;
use crate::http::extract::{Path, Query};
use crate::http::problem::{Answer, Refusal};
use crate::http::{identity, names, page};
use crate::renderings::Rendering;
use crate::state::{Server, stopped};
use crate::targets::Place;
use crate::tasks::deploy_applications::images;
use crate::words::{
    self, BeingRemoved, Malformed, Missing, Obstacle, Orphans, RenderFailed, RepeatedObject,
    WaitsForRoom,
};

/// How long a confirmed deletion may wait for its plan.
const CONFIRMATION_MS: i64 = 60 * 60 * 1000;

/// Applications, by name.
#[utoipa::path(get, path = "/applications", tag = "applications", params(ApplicationsQuery),
    responses((status = 200, body = Page<Application>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<ApplicationsQuery>,
) -> Answer<Page<Application>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let names: Vec<ApplicationName> = {
        let views = server.recorder.views();
        let declared = views.deployments.applications.iter();
        declared
            .filter(|(name, state)| state.declared().is_some() && visible.application(&views, name))
            .filter(|(name, state)| match &query.sync {
                Some(wanted) => sync(state, rendered(&server, name).as_ref()) == wanted,
                None => true,
            })
            .map(|(name, _)| name.clone())
            .collect()
    };
    let page = PageQuery { cursor: query.cursor, limit: query.limit };
    let names = page::cut(names, &page)?;
    let services = server.engine.services();
    let items = names.items.iter().filter_map(|name| on_wire(&server, name, &services)).collect();
    Ok(Json(Page { items, next_cursor: names.next_cursor }))
}

/// One application.
#[utoipa::path(get, path = "/applications/{name}", tag = "applications",
    params(("name" = String, Path)), responses((status = 200, body = Application)))]
pub async fn show(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer<Application> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    shown(&server, &name).await
}

/// The objects of an application, desired and live.
#[utoipa::path(get, path = "/applications/{name}/resources", tag = "applications",
    params(("name" = String, Path), PageQuery), responses((status = 200, body = Page<Resource>)))]
pub async fn resources(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Resource>> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    let Some(rendering) = server.renderings.of(&name) else {
        return Ok(Json(page::cut(Vec::new(), &query)?));
    };
    let as_of = server.clock.now();
    let namespace = &rendering.application.destination.namespace;
    let mut live = live_by_key(&server, &name, namespace);
    let own = server.own_objects(&name).into_iter();
    let own: BTreeSet<ObjectKey> = own.filter_map(|one| ObjectKey::of(&one, namespace)).collect();
    let shown = |key: &ObjectKey, live: Option<&Value>, desired: Option<&Value>| {
        let is_own = own.contains(key);
        let may = |live| may_have_actions(&rendering.customizations, live, key);
        let has_actions = is_own && live.is_some_and(may);
        Resource { has_actions, ..resource(&rendering, as_of, key, live, desired) }
    };
    let mut items = Vec::new();
    for manifest in rendering.manifests.iter() {
        let Some(key) = ObjectKey::of(manifest, namespace) else { continue };
        let found = live.remove(&key);
        items.push(shown(&key, found.as_ref(), Some(manifest)));
    }
    items.extend(live.iter().map(|(key, one)| shown(key, Some(one), None)));
    Ok(Json(page::cut(items, &query)?))
}

/// What was deployed, newest first.
#[utoipa::path(get, path = "/applications/{name}/deployments", tag = "applications",
    params(("name" = String, Path), PageQuery), responses((status = 200, body = Page<Deployment>)))]
pub async fn deployments(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Deployment>> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    let views = server.recorder.views();
    let state = views.deployments.applications.get(&name).ok_or_else(|| missing(&name))?;
    let newest = state.generation();
    let items = state.deployments.iter().rev().map(|one| Deployment {
        generation: one.generation,
        revision: one.revision.to_string(),
        rendered_commit: one.rendered_commit.to_string(),
        at: one.at.to_string(),
        outcome: match &one.outcome {
            Outcome::Applying if one.generation < newest => "interrupted".into(),
            Outcome::Applying => "applying".into(),
            Outcome::Applied { .. } => "applied".into(),
            Outcome::Failed { problem, .. } => format!("failed: {problem}"),
        },
    });
    Ok(Json(page::cut(items.collect(), &query)?))
}

/// How what runs differs from Git; empty when it does not.
#[utoipa::path(get, path = "/applications/{name}/difference", tag = "applications",
    params(("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<ObjectDifference>)))]
pub async fn difference(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<ObjectDifference>> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    let Some(rendering) = server.renderings.of(&name) else {
        return Err(Refusal::new("render-failed", &Obstacle::NotRendered(&name)));
    };
    let namespace = rendering.application.destination.namespace.clone();
    let live = live_by_key(&server, &name, &namespace);
    let mut before = Vec::new();
    let mut after = Vec::new();
    for manifest in rendering.manifests.iter() {
        let Some(key) = ObjectKey::of(manifest, &namespace) else { continue };
        let found = match live.get(&key) {
            Some(found) => Some(whole(&server, &rendering, &key, found).await),
            None => None,
        };
        let application = &rendering.application;
        let wanted = wanted(application, &key, manifest, found.as_ref());
        let Some(found) = found else {
            after.push(wanted);
            continue;
        };
        let differing = differing_fields(application, &key, &wanted, &found, None);
        if !differing.is_empty() {
            let wanted = prepared(&wanted);
            before.push(excerpt(&wanted, &prepared(&found), &differing));
            after.push(wanted);
        }
    }
    let items = render::difference(&before, &after).iter().map(object_on_wire).collect();
    Ok(Json(page::cut(items, &query)?))
}

fn live_by_key(
    server: &Server,
    application: &ApplicationName,
    namespace: &str,
) -> BTreeMap<ObjectKey, Value> {
    let live = server.live_objects(application).into_iter();
    live.filter_map(|object| Some((ObjectKey::of(&object, namespace)?, object))).collect()
}

/// An object as Git wants it, with its namespace and with whose it is. That nobody tracks it yet is no
/// difference: taking it over changes nothing else.
pub(super) fn wanted(
    application: &deployments::Application,
    key: &ObjectKey,
    manifest: &Value,
    live: Option<&Value>,
) -> Value {
    if live.is_none_or(|live| annotation(live, TRACKING_ANNOTATION).is_some()) {
        return tracked(manifest, key, application.name.as_str());
    }
    let mut wanted = manifest.clone();
    if !key.namespace.is_empty() {
        wanted["metadata"]["namespace"] = key.namespace.as_str().into();
    }
    wanted
}

/// An object as it is. Of one that nobody tracks only its name is known, so that
/// the cluster is asked for the rest.
async fn whole(server: &Server, rendering: &Rendering, key: &ObjectKey, known: &Value) -> Value {
    let is_known = known.pointer("/metadata/managedFields").is_some();
    let asked = match (server.place_of(rendering), rendering.identity()) {
        (Place::Cluster(place), Ok(identity)) if !is_known => {
            place.cluster.get(&identity, key).await.ok().flatten()
        }
        (Place::Cluster(_) | Place::Processes | Place::Nowhere, _) => None,
    };
    asked.unwrap_or_else(|| known.clone())
}

/// Which part of a log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    #[serde(default)]
    offset: u64,
    replica: Option<String>,
    #[serde(default)]
    follow: bool,
}

/// A part of the log of one replica, of the first one when none is named; with `follow` the answer
/// waits until there is more.
#[utoipa::path(get, path = "/applications/{name}/log", tag = "applications",
    params(("name" = String, Path), ("offset" = Option<u64>, Query),
        ("replica" = Option<String>, Query), ("follow" = Option<bool>, Query)),
    responses((status = 200, body = LogChunk)))]
pub async fn log(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<LogQuery>,
) -> Answer<LogChunk> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    let live = server.live_objects(&name);
    let mut replicas = live.iter().filter(|one| one["kind"] == "Pod");
    let first = replicas.find_map(|one| one["metadata"]["name"].as_str().map(str::to_owned));
    let Some(replica) = query.replica.or(first) else {
        return Ok(Json(LogChunk {
            text: String::new(),
            next_offset: query.offset,
            complete: true,
        }));
    };
    if let Some(chunk) = server.pod_log(&name, &replica, query.offset, query.follow).await {
        let chunk =
            chunk.map_err(|error| Refusal::new("not-ready", &Obstacle::ClusterSilent(&error)))?;
        return Ok(Json(LogChunk {
            text: String::from_utf8_lossy(&chunk.bytes).into_owned(),
            next_offset: chunk.next_offset,
            complete: chunk.ended,
        }));
    }
    let chunk = if query.follow {
        let mut stopping = server.stopping.subscribe();
        tokio::select! {
            chunk = server.engine.follow_logs(&name, &replica, query.offset) => chunk,
            () = stopped(&mut stopping) => server.engine.logs(&name, &replica, query.offset),
        }
    } else {
        server.engine.logs(&name, &replica, query.offset)
    };
    let chunk = chunk.ok_or_else(|| Refusal::not_found(&Missing::Replica(&replica)))?;
    let chunk = chunk.map_err(anyhow::Error::from)?;
    Ok(Json(LogChunk {
        text: String::from_utf8_lossy(&chunk.bytes).into_owned(),
        next_offset: chunk.next_offset,
        complete: chunk.ended,
    }))
}

/// What the cluster says of the application's objects and of what it made of them, the newest first; it
/// keeps that for about an hour. Nothing is said of processes of this machine.
#[utoipa::path(get, path = "/applications/{name}/events", tag = "applications",
    params(("name" = String, Path), PageQuery),
    responses((status = 200, body = Page<ObjectEvent>)))]
pub async fn events(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<Page<ObjectEvent>> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    let events = server.events(&name).await;
    let events =
        events.map_err(|error| Refusal::new("not-ready", &Obstacle::ClusterSilent(&error)))?;
    let items = events.into_iter().map(|one| {
        let place = if one.namespace.is_empty() { "" } else { "/" };
        ObjectEvent {
            at: one.event.at,
            object: format!("{} {}{place}{}", one.kind, one.namespace, one.name),
            warning: one.is_warning,
            reason: one.event.reason,
            message: one.event.message,
            count: one.event.count,
        }
    });
    Ok(Json(page::cut(items.collect(), &query)?))
}

/// Goes back to the last healthy revision: the answer comes once the revert is in Git.
#[utoipa::path(post, path = "/applications/{name}/rollback", tag = "applications",
    params(("name" = String, Path)), request_body = Rollback,
    responses((status = 200, body = RollbackResult)))]
pub async fn rollback(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Checked(body): Checked<Rollback>,
) -> Answer<RollbackResult> {
    let (name, permit) = permit(&server, &headers, &name, Permission::OperateDeployments).await?;
    let (repository, environment) = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&name).ok_or_else(|| missing(&name))?;
        let declaration = state.declaration.as_ref().ok_or_else(|| missing(&name))?;
        let environment = declaration
            .environment
            .clone()
            .ok_or_else(|| Refusal::new("rollback-refused", &Obstacle::NoEnvironment(&name)))?;
        (declaration.repository.clone(), environment)
    };
    let fact = ControlFact::RollbackRequested {
        repository: repository.clone(),
        environment: environment.clone(),
        application: name.clone(),
    };
    let draft = fact.draft(server.clock.now(), permit.actor().clone()).because(body.reason);
    let requested = server.append(vec![draft]).await?;
    let since = requested.first().map(|fact| fact.sequence).unwrap_or_default();
    let result =
        crate::tasks::roll_back::rolled_back_since(&server, &repository, &environment, since);
    let (reverted, revert) = result.await?;
    Ok(Json(RollbackResult {
        revert_commit: revert.to_string(),
        reverted_commit: reverted.to_string(),
    }))
}

/// Lets a blocked plan delete exactly what it named.
#[utoipa::path(post, path = "/applications/{name}/deletions", tag = "applications",
    params(("name" = String, Path)), request_body = ConfirmDeletions,
    responses((status = 200, description = "What was confirmed", body = Object)))]
pub async fn confirm_deletions(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Checked(body): Checked<ConfirmDeletions>,
) -> Answer<Value> {
    let (name, permit) = permit(&server, &headers, &name, Permission::OperateDeployments).await?;
    let blocked: Vec<ObjectKey> = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&name).ok_or_else(|| missing(&name))?;
        state.blocked.iter().flat_map(deletions).collect()
    };
    let mut objects = Vec::new();
    for text in &body.objects {
        let known = blocked.iter().find(|one| one.to_string() == *text);
        let missing = || Refusal::new("invalid-request", &Malformed::NotHeldBack(text));
        let known = known.ok_or_else(missing)?;
        objects.push(known.clone());
    }
    let now = server.clock.now();
    let until = now.plus_ms(CONFIRMATION_MS);
    let fact = DeploymentFact::DeletionConfirmed { application: name, objects, until };
    server.append(vec![fact.draft(now, permit.actor().clone())]).await?;
    Ok(Json(serde_json::json!({"confirmed": body.objects, "until": until.to_string()})))
}

/// Asks for a synchronisation now, whatever the automation says.
#[utoipa::path(post, path = "/applications/{name}/sync", tag = "applications",
    params(("name" = String, Path)), request_body = Synchronise,
    responses((status = 200, body = Application)))]
pub async fn synchronise(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Checked(body): Checked<Synchronise>,
) -> Answer<Application> {
    let (name, permit) = permit(&server, &headers, &name, Permission::OperateDeployments).await?;
    let fact = DeploymentFact::SyncRequested { application: name.clone(), prune: body.prune };
    server.append(vec![fact.draft(server.clock.now(), permit.actor().clone())]).await?;
    shown(&server, &name).await
}

/// Ends a synchronisation that is under way, whatever it waits for.
#[utoipa::path(post, path = "/applications/{name}/unstick", tag = "applications",
    params(("name" = String, Path)), responses((status = 200, body = Application)))]
pub async fn unstick(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer<Application> {
    let (name, permit) = permit(&server, &headers, &name, Permission::OperateDeployments).await?;
    if !server.operations.end(&name, &format!("{} ended it", permit.actor())) {
        return Err(Refusal::new("not-ready", &Obstacle::NothingUnderWay(&name)));
    }
    shown(&server, &name).await
}

#[expect(clippy::wildcard_enum_match_arm, reason = "only these reasons hold deletions back")]
fn deletions(reason: &BlockReason) -> Vec<ObjectKey> {
    match reason {
        BlockReason::MassDeletion { deletions, .. }
        | BlockReason::WouldDeleteEverything { deletions }
        | BlockReason::MassRemoval { deletions, .. }
        | BlockReason::DeletionNeedsConfirmation { deletions }
        | BlockReason::SetRemovesMany { removals: deletions, .. } => deletions.clone(),
        _ => Vec::new(),
    }
}

/// The application of this name, for whoever may do this to it.
pub async fn permit(
    server: &Server,
    headers: &HeaderMap,
    name: &str,
    permission: Permission,
) -> Result<(ApplicationName, Permit), Refusal> {
    let name: ApplicationName = names::parse(name)?;
    let repository = {
        let views = server.recorder.views();
        let state = views.deployments.applications.get(&name);
        state.and_then(|state| state.declared().map(|one| one.repository.clone()))
    };
    let Some(repository) = repository else {
        identity::permit_server(server, headers, Permission::ReadServer).await?;
        return Err(missing(&name));
    };
    let permit = identity::permit_repository(server, headers, permission, &repository).await?;
    Ok((name, permit))
}

pub(super) fn missing(name: &ApplicationName) -> Refusal {
    Refusal::not_found(&Missing::Application(name))
}

fn rendered(server: &Server, name: &ApplicationName) -> Option<CommitId> {
    server.renderings.of(name).map(|rendering| rendering.rendered_commit.clone())
}

fn on_wire(
    server: &Server,
    name: &ApplicationName,
    services: &[ServiceEndpoint],
) -> Option<Application> {
    let rendering = server.renderings.of(name);
    let views = server.recorder.views();
    let state = views.deployments.applications.get(name)?;
    let declaration = state.declared()?;
    let (running, health) = (state.running(), state.current_health());
    let addresses = services
        .iter()
        .filter(|service| service.application == *name)
        .map(|service| format!("http://{}", service.address));
    let manifests = rendering.as_ref().map(|one| one.manifests.as_slice()).unwrap_or_default();
    Some(Application {
        name: name.to_string(),
        repository: declaration.repository.to_string(),
        path: declaration.source.path.clone(),
        environment: declaration.environment.as_ref().map(ToString::to_string),
        namespace: declaration.destination.namespace.clone(),
        sync: sync(state, rendering.as_ref().map(|one| &one.rendered_commit)).into(),
        health: health.as_ref().map_or("unknown", |health| health_word(health.status)).into(),
        health_message: words::kept(&health.map(|health| health.message).unwrap_or_default()),
        revision: running.map(|running| running.revision.to_string()),
        rendered_commit: running.map(|running| running.rendered_commit.to_string()),
        generation: state.generation(),
        images: images(manifests).map(str::to_owned).collect(),
        reasons: reasons(server, name, state),
        addresses: addresses.collect(),
    })
}

fn sync(state: &ApplicationState, rendered: Option<&ledger::CommitId>) -> &'static str {
    let running = state.running().map(|running| &running.rendered_commit);
    if !state.blocked.is_empty() || state.render_problem.is_some() {
        "blocked"
    } else if rendered.is_none() {
        "unknown"
    } else if running == rendered && state.drift.is_empty() {
        "synced"
    } else {
        "out_of_sync"
    }
}

fn reasons(server: &Server, name: &ApplicationName, state: &ApplicationState) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = state
        .blocked
        .iter()
        .map(|one| {
            let deadline = one.deadline().map(|at| at.to_string());
            Reason { deadline, ..words::reason(one) }
        })
        .collect();
    // Also while nothing waits: people see the brake before they need it.
    let holds = state.holds.iter().map(|Hold { holder, by, .. }| BlockReason::Held {
        holder: holder.clone(),
        by: by.clone(),
    });
    let unsaid = holds.filter(|held| !state.blocked.contains(held));
    reasons.extend(unsaid.map(|held| words::reason(&held)));
    reasons.extend(state.removal.as_ref().map(|removal| words::reason(&BeingRemoved(removal))));
    reasons.extend(not_rendered(server, state));
    // A warning: nothing is held back by it.
    let rendering = server.renderings.of(name);
    let repeated = rendering.iter().flat_map(|rendering| &rendering.repeated);
    reasons.extend(repeated.map(|one| words::reason(&RepeatedObject(one))));
    let crowded = rendering.as_ref().and_then(|one| server.waits_for_room(one, Some(state)));
    reasons.extend(crowded.map(|cluster| words::reason(&WaitsForRoom { cluster: &cluster.name })));
    if let Some(under_way) = server.operations.of(name) {
        let deadline = under_way.deadline.map(|at| at.to_string());
        let waits = under_way.waits.iter();
        reasons
            .extend(waits.map(|wait| Reason { deadline: deadline.clone(), ..words::reason(wait) }));
    }
    reasons
}

/// One application, with what only somebody who asks for it alone is told.
async fn shown(server: &Arc<Server>, name: &ApplicationName) -> Answer<Application> {
    let shown = on_wire(server, name, &server.engine.services());
    let mut shown = shown.ok_or_else(|| missing(name))?;
    shown.reasons.extend(orphans(server, name).await?);
    Ok(Json(shown))
}

/// What is in the application's namespace and belongs to no application, where its project warns of that
/// and permits the namespace. Only for one application at a time: all kinds in use are walked through.
async fn orphans(server: &Server, name: &ApplicationName) -> anyhow::Result<Option<Reason>> {
    let Some(rendering) = server.renderings.of(name) else { return Ok(None) };
    let scope = &rendering.scope;
    let namespace = rendering.application.destination.namespace.clone();
    let project = scope.project.as_ref().filter(|one| one.warns_of(&scope.place, &namespace));
    let Some(project) = project.cloned() else { return Ok(None) };
    let Place::Cluster(known) = server.place_of(&rendering) else { return Ok(None) };
    let declared: HashSet<ApplicationName> = {
        let views = server.recorder.views();
        let all = views.deployments.applications.iter();
        let declared = all.filter(|(_, state)| state.declared().is_some());
        declared.map(|(name, _)| name.clone()).collect()
    };
    let walked = namespace.clone();
    let walk = move || known.cluster.unclaimed(&walked, |name| declared.contains(name));
    let found = project.orphans(tokio::task::spawn_blocking(walk).await?);
    let orphans = Orphans { namespace: &namespace, objects: &found };
    Ok((!found.is_empty()).then(|| words::reason(&orphans)))
}

/// Why the newest commit is not rendered, or not yet.
fn not_rendered(server: &Server, state: &ApplicationState) -> Vec<Reason> {
    match (&state.chart_problem, &state.render_problem) {
        (Some(problem), _) => {
            // The newest answer, which is on record only if it says something else.
            let declared = state.declaration.as_ref();
            let newest = declared.and_then(|one| server.charts.failure(&one.repository, problem));
            let (newest, until) = newest.map_or((None, None), |(one, at)| (Some(one), Some(at)));
            let reason = words::reason(newest.as_ref().unwrap_or(problem));
            vec![Reason { deadline: until.map(|at| at.to_string()), ..reason }]
        }
        (None, Some((_, problem))) => vec![words::reason(&RenderFailed(problem))],
        (None, None) => {
            let Some(declared) = &state.declaration else { return Vec::new() };
            let sources = [&declared.source].into_iter().chain(&declared.further_sources);
            let charts = sources.filter_map(|source| source.chart.as_ref());
            let under_way =
                charts.filter(|chart| server.charts.is_under_way(&declared.repository, chart));
            let fetching = under_way.map(|chart| ChartProblem::Fetching { chart: chart.clone() });
            fetching.map(|problem| words::reason(&problem)).collect()
        }
    }
}

fn resource(
    rendering: &Rendering,
    as_of: Timestamp,
    key: &ObjectKey,
    live: Option<&Value>,
    desired: Option<&Value>,
) -> Resource {
    let health = live.and_then(|live| rendering.assess(live, as_of));
    let differing = match (live, desired) {
        (Some(live), Some(desired)) => {
            let wanted = wanted(&rendering.application, key, desired, Some(live));
            differing_fields(&rendering.application, key, &wanted, live, None)
        }
        _ => Vec::new(),
    };
    let owner = live.and_then(owner);
    let sync = match (live, desired) {
        (None, _) => "missing",
        (Some(_), None) if owner.is_some() => "synced",
        (Some(_), None) => "extra",
        (Some(_), Some(_)) if differing.is_empty() => "synced",
        (Some(_), Some(_)) => "out_of_sync",
    };
    let default_health = if live.is_some() { "healthy" } else { "missing" };
    Resource {
        group: key.group.clone(),
        kind: key.kind.clone(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        health: health.as_ref().map_or(default_health, |one| health_word(one.status)).into(),
        message: words::kept(&health.map(|one| one.message).unwrap_or_default()),
        sync: sync.into(),
        owner,
        differing_fields: differing,
        has_actions: false,
    }
}

/// The object that made this one.
fn owner(live: &Value) -> Option<Owner> {
    let owners = live.pointer("/metadata/ownerReferences")?.as_array()?;
    let owner = owners.iter().find(|one| one["controller"] == true).or(owners.first())?;
    let text = |field: &str| owner[field].as_str().map(str::to_owned);
    let version = owner["apiVersion"].as_str().and_then(|version| version.split_once('/'));
    let group = version.map_or("", |(group, _)| group).to_owned();
    Some(Owner { group, kind: text("kind")?, name: text("name")? })
}

/// The wire's word for a health.
#[must_use]
pub fn health_word(status: HealthStatus) -> &'static str {
    match status {
        HealthStatus::Healthy => "healthy",
        HealthStatus::Suspended => "suspended",
        HealthStatus::Progressing => "progressing",
        HealthStatus::Missing => "missing",
        HealthStatus::Degraded => "degraded",
        HealthStatus::Unknown => "unknown",
    }
}
