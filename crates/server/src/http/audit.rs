//! The ledger over HTTP: facts, export, checkpoint, rebuilding of views.

use std::sync::Arc;

use api::audit::{self as wire, FactQuery};
use api::page::Page;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use database::{Cursor, Filter};
use ledger::{Actor, ActorKind, Fact, Sequence, Subject, SubjectKind, Timestamp};
use repositories::access::Permission;

use crate::http::extract::Query;
use crate::http::identity;
use crate::http::page::{self, Bounds};
use crate::http::problem::{Answer, Refusal};
use crate::state::Server;
use crate::words::Malformed;

/// A fact as the interface shows it.
#[must_use]
pub fn fact_on_wire(fact: &Fact) -> wire::Fact {
    wire::Fact {
        sequence: fact.sequence.0,
        at: fact.at.to_string(),
        actor: fact.actor.to_string(),
        subject: fact.subject.to_string(),
        kind: fact.kind.clone(),
        reason: fact.reason.clone(),
        parent: fact.parent.map(|parent| parent.0),
        causes: fact.causes.iter().map(|cause| cause.0).collect(),
        body: fact.body.clone(),
    }
}

/// A page of facts.
#[utoipa::path(get, path = "/facts", tag = "audit", params(FactQuery),
    responses((status = 200, body = Page<wire::Fact>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<FactQuery>,
) -> Answer<Page<wire::Fact>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let bounds = Bounds::new(query.limit)?;
    let filter = Filter {
        subject: query.subject.as_deref().map(parse_subject).transpose()?,
        actor: query.actor.as_deref().map(parse_actor).transpose()?,
        kind_prefix: query.kind.clone(),
        since: query.since.as_deref().map(parse_time).transpose()?,
        // The search leaves its end out.
        until: query.until.as_deref().map(parse_time).transpose()?.map(|at| at.plus_ms(1)),
        ..Filter::default()
    };
    let given = page::parse_cursor(query.cursor.as_deref())?.map(Sequence);
    let cursor = match (query.order.as_deref().unwrap_or("newest"), given) {
        ("newest", None) => Cursor::Newest,
        ("newest", Some(before)) => Cursor::Before(before),
        ("oldest", after) => Cursor::After(after.unwrap_or_default()),
        (given, _) => {
            let (parameter, one, other) = ("order", "newest", "oldest");
            let detail = Malformed::Neither { parameter, one, other, given };
            return Err(Refusal::new("invalid-request", &detail));
        }
    };
    let found = server.recorder.database().search(&filter, cursor, bounds.limit).await;
    let facts = found.map_err(anyhow::Error::from)?;
    let next_cursor = (facts.len() == bounds.limit)
        .then(|| facts.last().map(|fact| fact.sequence.to_string()))
        .flatten();
    let items = facts.iter().filter(|fact| visible.fact(fact)).map(fact_on_wire).collect();
    Ok(Json(Page { items, next_cursor }))
}

/// How far the ledger is signed, with a fresh checkpoint.
#[utoipa::path(get, path = "/facts/checkpoint", tag = "audit",
    responses((status = 200, body = wire::Checkpoint)))]
pub async fn checkpoint(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Answer<wire::Checkpoint> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    server.sign_checkpoint().await?;
    let notes = server.recorder.database().checkpoints().await.map_err(anyhow::Error::from)?;
    let note = notes.last().cloned().unwrap_or_default();
    let newest = server.recorder.views().sequence.0;
    // The second line of the note is the number of facts that it covers.
    let facts = note.lines().nth(1).and_then(|line| line.parse().ok()).unwrap_or_default();
    let verifier_key = server.verifier_key()?.to_string();
    Ok(Json(wire::Checkpoint { facts, newest, note, verifier_key }))
}

/// Every fact and checkpoint as JSON lines, closed by a fresh checkpoint.
#[utoipa::path(get, path = "/facts/export", tag = "audit",
    responses((status = 200, content_type = "application/jsonl", body = String)))]
pub async fn export(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    identity::permit_server(&server, &headers, Permission::ReadAudit).await?;
    server.sign_checkpoint().await?;
    let mut text = Vec::new();
    let exported = server.recorder.database().export(&mut text, &server.verifier_key()?).await;
    exported.map_err(anyhow::Error::from)?;
    let kind = [(header::CONTENT_TYPE, "application/jsonl")];
    Ok((kind, Body::from(text)).into_response())
}

/// Folds every view again and compares.
#[utoipa::path(post, path = "/views/rebuild", tag = "audit",
    responses((status = 200, description = "Whether they were identical", body = Object)))]
pub async fn rebuild_views(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
) -> Answer<serde_json::Value> {
    identity::permit_server(&server, &headers, Permission::AdministerServer).await?;
    let (identical, facts) = server.recorder.rebuild().await?;
    Ok(Json(serde_json::json!({"identical": identical, "facts": facts})))
}

fn parse_time(text: &str) -> Result<Timestamp, Refusal> {
    let parsed = Timestamp::parse(text);
    parsed.ok_or_else(|| Refusal::new("invalid-request", &Malformed::Time(text)))
}

/// `person:ada`, as facts show it.
fn parse_actor(text: &str) -> Result<Actor, Refusal> {
    let parsed = text.split_once(':').and_then(|(kind, name)| {
        let kind = match kind {
            "person" => ActorKind::Person,
            "machine" => ActorKind::Machine,
            "system" => ActorKind::System,
            "anonymous" => ActorKind::Anonymous,
            _ => return None,
        };
        Some(Actor { kind, name: name.into() })
    });
    parsed.ok_or_else(|| Refusal::new("invalid-request", &Malformed::ActorName(text)))
}

/// `application:hello-production`, as facts show it.
fn parse_subject(text: &str) -> Result<Subject, Refusal> {
    let kinds = [
        SubjectKind::Server,
        SubjectKind::Repository,
        SubjectKind::Ref,
        SubjectKind::PullRequest,
        SubjectKind::Run,
        SubjectKind::Application,
        SubjectKind::Environment,
        SubjectKind::Artifact,
        SubjectKind::Objective,
        SubjectKind::Incident,
    ];
    kinds
        .into_iter()
        .find_map(|kind| {
            let prefix = Subject { kind, name: String::new() }.to_string();
            let name = text.strip_prefix(&prefix)?.to_owned();
            Some(Subject { kind, name })
        })
        .ok_or_else(|| Refusal::new("invalid-request", &Malformed::SubjectName(text)))
}
