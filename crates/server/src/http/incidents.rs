//! Incidents and saved evidence over HTTP.

use std::sync::Arc;

use api::incidents::{Evidence, Incident, Suspect};
use api::page::{Page, PageQuery};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use database::{Cursor, Filter};
use ledger::{ArtifactDigest, IncidentId, Sequence, Subject};
use monitoring::IncidentAction;
use repositories::access::Permission;

use crate::http::audit::fact_on_wire;
use crate::http::extract::{Path, Query};
use crate::http::identity;
use crate::http::problem::{Answer, Refusal};
use crate::http::{names, page};
use crate::state::Server;
use crate::views::Views;
use crate::words::{self, Missing, Step, Title, say};

/// The largest evidence that is read back at once.
const EVIDENCE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How many facts of each subject a timeline shows at most.
const TIMELINE_MAX: usize = 200;

/// Incidents, newest first.
#[utoipa::path(get, path = "/incidents", tag = "incidents", params(PageQuery),
    responses((status = 200, body = Page<Incident>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<PageQuery>,
) -> Answer<Page<Incident>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let views = server.recorder.views();
    let newest_first = views.monitoring.incidents.iter().rev();
    let items = newest_first
        .filter(|(_, incident)| visible.application(&views, &incident.application))
        .map(|(id, incident)| on_wire(&views, *id, incident))
        .collect();
    Ok(Json(page::cut(items, &query)?))
}

/// One incident with its timeline: every fact about it, its application and its environment from
/// the promotion of the suspect on.
#[utoipa::path(get, path = "/incidents/{id}", tag = "incidents", params(("id" = u64, Path)),
    responses((status = 200, body = Incident)))]
pub async fn show(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Answer<Incident> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let id = IncidentId(id);
    let (mut incident, subjects, since) = {
        let views = server.recorder.views();
        let known = views.monitoring.incidents.get(&id);
        let known = known.filter(|one| visible.application(&views, &one.application));
        let known = known.ok_or_else(|| Refusal::not_found(&Missing::Incident(&id)))?;
        (on_wire(&views, id, known), subjects(&views, id, known), begin(&views, known))
    };
    let mut facts = Vec::new();
    for subject in subjects {
        let filter = Filter { subject: Some(subject), ..Filter::default() };
        let database = server.recorder.database();
        let found = database.search(&filter, Cursor::After(since), TIMELINE_MAX).await;
        facts.extend(found.map_err(anyhow::Error::from)?);
    }
    facts.sort_by_key(|fact| fact.sequence);
    incident.timeline = facts.iter().map(fact_on_wire).collect();
    Ok(Json(incident))
}

/// A saved document of evidence.
#[utoipa::path(get, path = "/evidence/{digest}", tag = "incidents",
    params(("digest" = String, Path)), responses((status = 200, body = Object)))]
pub async fn evidence(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(digest): Path<String>,
) -> Result<Response, Refusal> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let digest: ArtifactDigest = names::parse(&digest)?;
    let visible = server.visible_to(&headers);
    let known = {
        let views = server.recorder.views();
        views.monitoring.incidents.values().any(|incident| {
            visible.application(&views, &incident.application)
                && incident.evidence.iter().any(|evidence| evidence.digest == digest)
        })
    };
    if !known {
        return Err(Refusal::not_found(&Missing::Evidence));
    }
    let bytes = server.registry.blobs().get(&digest, EVIDENCE_BYTES_MAX).await;
    let bytes = bytes.map_err(anyhow::Error::from)?;
    let bytes = bytes.ok_or_else(|| Refusal::not_found(&Missing::Evidence))?;
    let kind = [(header::CONTENT_TYPE, "application/json")];
    Ok((kind, bytes).into_response())
}

fn on_wire(views: &Views, id: IncidentId, incident: &monitoring::view::Incident) -> Incident {
    let reverted = incident.actions.iter().rev().find_map(|action| match action {
        IncidentAction::Reverted { commit } => Some(commit.to_string()),
        IncidentAction::Frozen
        | IncidentAction::Asked { .. }
        | IncidentAction::Acknowledged { .. } => None,
    });
    let evidence = incident.evidence.last().map(|evidence| Evidence {
        digest: evidence.digest.to_string(),
        saved_at: incident.opened_at.to_string(),
        summary: words::evidence(evidence).join("; "),
    });
    let title = Title { application: &incident.application, worst: incident.cases.first() };
    Incident {
        id: id.0,
        state: if incident.resolved.is_some() { "resolved" } else { "open" }.into(),
        title: say(&title),
        application: incident.application.to_string(),
        environment: incident.environment.to_string(),
        opened_at: incident.opened_at.to_string(),
        resolved_at: incident.resolved.as_ref().map(|(at, _)| at.to_string()),
        suspect: incident.suspect.as_ref().map(|suspect| suspect_on_wire(views, suspect)),
        cases: words::cases(&incident.cases),
        evidence,
        next: next_steps(incident, reverted.is_some()),
        revert_commit: reverted,
        timeline: Vec::new(),
    }
}

fn suspect_on_wire(views: &Views, suspect: &monitoring::Suspect) -> Suspect {
    let published = suspect.digest.as_ref().and_then(|digest| views.published(digest));
    Suspect {
        commit: suspect.commit.to_string(),
        digest: suspect.digest.as_ref().map(ToString::to_string),
        source_commit: published.map(|published| published.commit.to_string()),
        pull_request: suspect.pull_request.map(|number| number.0),
        author: suspect.author.clone(),
    }
}

/// What a person should do.
fn next_steps(incident: &monitoring::view::Incident, reverted: bool) -> Vec<String> {
    if reverted {
        vec![say(&Step::Correct)]
    } else if incident.resolved.is_none() {
        let application = &incident.application;
        vec![say(&Step::Logs(application)), say(&Step::RollBack(application))]
    } else {
        Vec::new()
    }
}

fn subjects(views: &Views, id: IncidentId, incident: &monitoring::view::Incident) -> Vec<Subject> {
    let mut subjects = vec![Subject::incident(id), Subject::application(&incident.application)];
    let state = views.deployments.applications.get(&incident.application);
    if let Some(declaration) = state.and_then(|state| state.declaration.as_ref()) {
        subjects.push(Subject::environment(&declaration.repository, &incident.environment));
    }
    if let Some(suspect) = &incident.suspect {
        subjects.extend(suspect.digest.as_ref().map(Subject::artifact));
        let brought = suspect.pull_request;
        subjects.extend(brought.map(|number| Subject::pull_request(&suspect.repository, number)));
        let digest = suspect.digest.as_ref();
        let published = digest.and_then(|digest| views.published(digest));
        subjects.extend(published.map(|published| Subject::run(published.run)));
    }
    subjects
}

/// The timeline begins where the suspect's pull request was opened, or its deployment planned.
fn begin(views: &Views, incident: &monitoring::view::Incident) -> Sequence {
    let suspect = incident.suspect.as_ref();
    let opened = suspect.and_then(|suspect| {
        let number = suspect.pull_request?;
        Some(views.repositories.pull_request(&suspect.repository, number)?.fact)
    });
    let planned = views.deployments.applications.get(&incident.application).and_then(|state| {
        let commit = &suspect?.commit;
        state.deployments.iter().rev().find(|one| one.revision == *commit).map(|one| one.fact)
    });
    let first = opened.or(planned).unwrap_or(incident.sequence).min(incident.sequence);
    Sequence(first.0.saturating_sub(1))
}
