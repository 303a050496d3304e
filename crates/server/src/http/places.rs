//! Where jobs run and where applications go.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::page::Page;
use api::problem::Reason;
use api::settings::{Destination, Runner, RunningJob};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use deployments::{BlockReason, Target};
use pipelines::view::JobState;
use repositories::access::Permission;

use crate::http::identity;
use crate::http::problem::Answer;
use crate::state::Server;
use crate::words;

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
        let Some(declared) = &application.declaration else { continue };
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
        },
        Some(address) => {
            let reason = BlockReason::ClusterUnavailable { address: address.into() };
            let (name, kind) = (address.to_owned(), "cluster".into());
            Destination { name, kind, applications, reasons: vec![words::reason(&reason)] }
        }
    });
    Ok(Json(Page { items: items.collect(), next_cursor: None }))
}
