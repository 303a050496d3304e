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

use crate::http::extract::{Path, Query};
use crate::http::identity;
use crate::http::problem::{Answer, Refusal};
use crate::state::Server;
use crate::words::{self, Missing, Obstacle};

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
    let mut by_target: BTreeMap<Option<&str>, Vec<String>> = BTreeMap::from([(None, Vec::new())]);
    for (name, application) in &views.deployments.applications {
        let Some(declared) = application.declared() else { continue };
        if !visible.repository(declared.repository.as_str()) {
            continue;
        }
        let target = match &declared.destination.target {
            Target::Processes => None,
            Target::Cluster { address } => Some(address.as_str()),
        };
        by_target.entry(target).or_default().push(name.to_string());
    }
    let items = by_target.into_iter().map(|(target, applications)| match target {
        None => Destination {
            name: "local".into(),
            kind: "processes".into(),
            applications,
            reasons: Vec::new(),
            version: None,
            address: None,
        },
        Some(address) => cluster(&server, address, applications),
    });
    let mut items: Vec<Destination> = items.collect();
    let unused = server.clusters.all().iter().filter(|known| {
        !items.iter().any(|item| item.name == known.name || item.name == known.address)
    });
    let unused: Vec<Destination> =
        unused.map(|known| cluster(&server, &known.name, Vec::new())).collect();
    items.extend(unused);
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
    let known = server.clusters.find(&name);
    let known = known.ok_or_else(|| Refusal::not_found(&Missing::Cluster(&name)))?;
    let deployers: BTreeSet<(String, Option<(String, String)>)> = {
        let views = server.recorder.views();
        let declared = views.deployments.applications.iter().filter_map(|(name, state)| {
            let destination = &state.declared()?.destination;
            let Target::Cluster { address } = &destination.target else { return None };
            let here = server.clusters.find(address).is_some_and(|one| one.name == known.name);
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
    let known = server.clusters.find(&name);
    let known = known.ok_or_else(|| Refusal::not_found(&Missing::Cluster(&name)))?;
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

fn cluster(server: &Server, address: &str, applications: Vec<String>) -> Destination {
    let (mut reasons, mut version, mut server_address) = (Vec::new(), None, None);
    match server.clusters.find(address) {
        None => {
            let reason = BlockReason::ClusterUnavailable { address: address.into() };
            reasons.push(words::reason(&reason));
        }
        Some(known) => {
            server_address = Some(known.address.clone());
            match known.cluster.reachability() {
                Reachability::Reachable { version: known, .. } => {
                    version = Some(known).filter(|version| !version.is_empty());
                }
                Reachability::Unknown | Reachability::Unreachable { .. } => {}
            }
            let problem = known
                .problem()
                .map(|problem| words::reason(&BlockReason::InventoryMissing { what: problem }));
            reasons.extend(problem);
        }
    }
    let (name, kind) = (address.to_owned(), "cluster".into());
    Destination { name, kind, applications, reasons, version, address: server_address }
}
