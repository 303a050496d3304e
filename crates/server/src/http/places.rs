//! Where jobs run and where applications go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use api::page::Page;
use api::problem::Reason;
use api::settings::{
    Destination, Migration, MigrationQuery, MigrationTool, MissingPermission, Runner, RunningJob,
};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use cluster::{Deployer, Identity, KindInUse, Reachability};
use deployments::migration::{self, Tool};
use deployments::{BlockReason, Target};
use pipelines::view::JobState;
use repositories::access::Permission;

use crate::clusters::{Known, Wanted};
use crate::http::extract::{Path, Query};
use crate::http::identity;
use crate::http::problem::{Answer, Refusal};
use crate::state::Server;
use crate::words::{self, ClusterLacks, Missing, Obstacle};

/// The runners: this server's own.
#[utoipa::path(get, path = "/runners", tag = "server",
    responses((status = 200, body = Page<Runner>)))]
pub async fn runners(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Answer<Page<Runner>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let views = server.recorder.views();
    let mut running = Vec::new();
    for record in views.pipelines.unfinished() {
        let repository = record.source.repository.to_string();
        if !visible.repository(&repository) {
            continue;
        }
        let jobs = record.current().jobs.iter().filter(|job| job.state == JobState::Running);
        running.extend(jobs.map(|job| RunningJob {
            run: record.run.0,
            job: job.key.to_string(),
            repository: repository.clone(),
            started_at: job.started_at.map(|at| at.to_string()),
        }));
    }
    let config = server.runner.config();
    let missing = server.runner.protections().sandbox.missing();
    let runner = Runner {
        name: config.name.clone(),
        jobs_max: config.limits.jobs as u64,
        running,
        missing_protections: missing
            .map(|(protection, reason)| Reason::new(protection.code(), words::kept(reason)))
            .collect(),
    };
    Ok(Json(Page { items: vec![runner], next_cursor: None }))
}

/// The destinations that applications name: this machine and clusters.
#[utoipa::path(get, path = "/destinations", tag = "server",
    responses((status = 200, body = Page<Destination>)))]
pub async fn destinations(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Answer<Page<Destination>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let views = server.recorder.views();
    let (mut local, mut items) = (Vec::new(), BTreeMap::new());
    for known in server.clusters.all() {
        if visible.cluster(&known) {
            items.insert(known.name.clone(), opened(&known));
        }
    }
    for (wanted, lacks) in server.clusters.lacking() {
        if visible.repository(wanted.repository.as_str()) {
            items.insert(wanted.name(), lacking(&wanted, &lacks));
        }
    }
    for (name, application) in &views.deployments.applications {
        let Some(declared) = application.declared() else { continue };
        if !visible.repository(declared.repository.as_str()) {
            continue;
        }
        let Target::Cluster { address } = &declared.destination.target else {
            local.push(name.to_string());
            continue;
        };
        let called = server.clusters.name_of(&declared.repository, address);
        let item = items.entry(called.unwrap_or_else(|| address.clone()));
        item.or_insert_with(|| unknown(address)).applications.push(name.to_string());
    }
    let local = Destination {
        name: "local".into(),
        kind: "processes".into(),
        applications: local,
        reasons: Vec::new(),
        version: None,
        address: None,
    };
    let items = std::iter::once(local).chain(items.into_values()).collect();
    Ok(Json(Page { items, next_cursor: None }))
}

/// What may not be done on a cluster and must, for the applications that go there.
#[utoipa::path(get, path = "/destinations/{name}/missing-permissions", tag = "server",
    params(("name" = String, Path)), responses((status = 200, body = Page<MissingPermission>)))]
pub async fn missing_permissions(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
) -> Answer<Page<MissingPermission>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let known = cluster_called(&server, &headers, &name)?;
    let deployers: BTreeSet<(String, Option<(String, String)>)> = {
        let views = server.recorder.views();
        let declared = views.deployments.applications.iter().filter_map(|(name, state)| {
            let declared = state.declared()?;
            let destination = &declared.destination;
            let Target::Cluster { address } = &destination.target else { return None };
            let found = server.clusters.find(&declared.repository, address);
            let here = found.is_some_and(|one| Arc::ptr_eq(&one, &known));
            let account = match server.renderings.of(name) {
                Some(rendering) => rendering.scope.service_account().ok()?,
                None => None,
            };
            let account = account.map(|account| (account.namespace, account.name));
            here.then(|| (destination.namespace.clone(), account))
        });
        declared.filter(|(namespace, _)| !namespace.is_empty()).collect()
    };
    let refused = |error: &dyn Display| Refusal::new("not-ready", &Obstacle::ClusterSilent(error));
    let mut found = BTreeSet::new();
    found.extend(known.cluster.doctor(None).await.map_err(|error| refused(&error))?);
    for (namespace, account) in deployers {
        let identity = match account {
            None => Identity::Own,
            Some((namespace, name)) => Identity::ServiceAccount { namespace, name },
        };
        let deployer = Deployer { identity, namespace };
        let missing = known.cluster.doctor(Some(&deployer)).await;
        found.extend(missing.map_err(|error| refused(&error))?);
    }
    let items = found.into_iter().map(|one| MissingPermission {
        verb: one.verb,
        resource: match one.group.as_str() {
            "" => one.resource,
            group => format!("{}.{group}", one.resource),
        },
        namespace: one.namespace,
        reason: one.reason,
    });
    Ok(Json(Page { items: items.collect(), next_cursor: None }))
}

/// What the objects of another tool on a cluster become here. They may hold values that were meant
/// for nobody else, so only who administers the server may see them.
#[utoipa::path(get, path = "/destinations/{name}/migration", tag = "server",
    params(("name" = String, Path), MigrationQuery),
    responses((status = 200, body = Page<Migration>)))]
pub async fn migrate(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<MigrationQuery>,
) -> Answer<Page<Migration>> {
    identity::permit_server(&server, &headers, Permission::AdministerServer).await?;
    let known = cluster_called(&server, &headers, &name)?;
    let tool = match query.from {
        MigrationTool::Argocd => Tool::ArgoCd,
        MigrationTool::Flux => Tool::Flux,
    };
    let mut objects = Vec::new();
    for (api_version, kind) in tool.kinds() {
        let found = known.cluster.list(&Identity::Own, &KindInUse::new(*api_version, *kind)).await;
        let refused = |error| Refusal::new("not-ready", &Obstacle::ClusterSilent(&error));
        objects.extend(found.map_err(refused)?);
    }
    let cluster = migration::Cluster { name: &known.name, server: &known.address };
    let found = match tool {
        Tool::ArgoCd => migration::of_argo_cd(&objects, cluster),
        Tool::Flux => migration::of_flux(&objects, cluster),
    };
    let items = found.into_iter().map(|one| Migration {
        from: format!("{} {}/{}", one.from.kind, one.from.namespace, one.from.name),
        name: one.name,
        file: one.file,
        problems: one.problems,
        notes: one.notes,
        objects: one.objects.iter().map(ToString::to_string).collect(),
    });
    Ok(Json(Page { items: items.collect(), next_cursor: None }))
}

/// The cluster of this name, if the sender of the request may know of it.
fn cluster_called(server: &Server, headers: &HeaderMap, name: &str) -> Result<Arc<Known>, Refusal> {
    let known = server.clusters.called(name);
    let known = known.filter(|known| server.visible_to(headers).cluster(known));
    known.ok_or_else(|| Refusal::not_found(&Missing::Cluster(&name)))
}

/// A cluster that may answer.
fn opened(known: &Known) -> Destination {
    let version = match known.cluster.reachability() {
        Reachability::Reachable { version, .. } => Some(version).filter(|one| !one.is_empty()),
        Reachability::Unknown | Reachability::Unreachable { .. } => None,
    };
    let problem = known.any_problem();
    let reasons =
        problem.map(|problem| words::reason(&BlockReason::InventoryMissing { what: problem }));
    Destination {
        name: known.name.clone(),
        kind: "cluster".into(),
        applications: Vec::new(),
        reasons: reasons.into_iter().collect(),
        version,
        address: Some(known.address.clone()),
    }
}

/// A cluster that is declared and not opened.
fn lacking(wanted: &Wanted, lacks: &ClusterLacks) -> Destination {
    Destination {
        name: wanted.name(),
        kind: "cluster".into(),
        applications: Vec::new(),
        reasons: vec![words::reason(lacks)],
        version: None,
        address: Some(wanted.cluster.server.clone()),
    }
}

/// A destination that an application names and nobody knows.
fn unknown(address: &str) -> Destination {
    let reason = BlockReason::ClusterUnavailable { address: address.into() };
    Destination {
        name: address.into(),
        kind: "cluster".into(),
        applications: Vec::new(),
        reasons: vec![words::reason(&reason)],
        version: None,
        address: None,
    }
}
