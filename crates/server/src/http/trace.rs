//! From anything to its commit, author, reviewers, run and deployment.

use std::sync::Arc;

use api::audit::TraceStep;
use api::page::{Page, PageQuery};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use control::trace::{TraceQuery, trace};
use ledger::{ArtifactDigest, CommitId, IncidentId, PullRequestNumber, RunId, Sequence};
use repositories::access::Permission;
use serde::Deserialize;

use crate::http::extract::Query;
use crate::http::problem::{Answer, Refusal};
use crate::http::{identity, names, page};
use crate::state::Server;
use crate::words::Missing;

/// What to follow.
#[derive(Debug, Deserialize)]
pub struct Of {
    of: String,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// How many facts are read at once.
const FACTS_PER_READ: usize = 5_000;

/// The way from a thing to everything that it is connected with, in the order of time.
#[utoipa::path(get, path = "/trace", tag = "audit",
    params(("of" = String, Query), ("cursor" = Option<String>, Query),
        ("limit" = Option<usize>, Query)),
    responses((status = 200, body = Page<TraceStep>)))]
pub async fn follow(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<Of>,
) -> Answer<Page<TraceStep>> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let visible = server.visible_to(&headers);
    let mut facts = Vec::new();
    let mut after = Sequence::default();
    loop {
        let read = server.recorder.database().facts(after, FACTS_PER_READ).await;
        let read = read.map_err(anyhow::Error::from)?;
        let Some(last) = read.last().map(|fact| fact.sequence) else { break };
        facts.extend(read.into_iter().filter(|fact| visible.fact(fact)));
        after = last;
    }
    let query_of = parse(&server, &query.of)?;
    let steps = trace(&facts, &query_of);
    if steps.is_empty() {
        return Err(Refusal::not_found(&Missing::Anything(&query.of)));
    }
    let items = steps.iter().map(on_wire).collect();
    Ok(Json(page::cut(items, &PageQuery { cursor: query.cursor, limit: query.limit })?))
}

/// What a person means: a digest, a commit (whole or its beginning), `run/3`, `incident/1`,
/// `owner/name#4`, an application, or one of its objects as `Kind/name`.
fn parse(server: &Server, text: &str) -> Result<TraceQuery, Refusal> {
    let number = |text: &str| text.parse::<u64>().ok();
    if let Ok(digest) = ArtifactDigest::new(text) {
        return Ok(TraceQuery::Digest(digest));
    }
    if let Ok(commit) = CommitId::new(text) {
        return Ok(TraceQuery::Commit(commit));
    }
    if let Some(run) = text.strip_prefix("run/").and_then(number) {
        return Ok(TraceQuery::Run(RunId(run)));
    }
    if let Some(incident) = text.strip_prefix("incident/").and_then(number) {
        return Ok(TraceQuery::Incident(IncidentId(incident)));
    }
    if let Some((repository, pull_request)) = text.split_once('#')
        && let (Ok(repository), Some(pull_request)) =
            (names::parse(repository), number(pull_request))
    {
        return Ok(TraceQuery::PullRequest(repository, PullRequestNumber(pull_request)));
    }
    let views = server.recorder.views();
    if let Ok(name) = names::parse(text)
        && views.deployments.applications.contains_key(&name)
    {
        return Ok(TraceQuery::Application(name));
    }
    let abbreviated = text.strip_prefix("sha256:").unwrap_or(text);
    let is_abbreviation =
        abbreviated.len() >= 6 && abbreviated.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_abbreviation {
        let mut digests = views.pipelines.published.keys();
        if let Some(digest) =
            digests.find(|one| one.as_str()["sha256:".len()..].starts_with(abbreviated))
        {
            return Ok(TraceQuery::Digest(digest.clone()));
        }
        let published = views.pipelines.published.values().flatten().map(|one| &one.commit);
        let repositories = views.repositories.repositories.values();
        let tips = repositories.flat_map(|one| one.refs.values().map(|state| &state.commit));
        let merged = views.deployments.applications.values();
        let deployed = merged.flat_map(|one| one.deployments.iter().map(|one| &one.revision));
        let mut commits = published.chain(tips).chain(deployed);
        if let Some(commit) = commits.find(|one| one.as_str().starts_with(abbreviated)) {
            return Ok(TraceQuery::Commit(commit.clone()));
        }
    }
    drop(views);
    of_object(server, text).ok_or_else(|| Refusal::not_found(&Missing::Anything(&text)))
}

/// The application that renders an object: `Deployment/hello`, `Deployment/production/hello`.
fn of_object(server: &Server, text: &str) -> Option<TraceQuery> {
    let parts: Vec<&str> = text.split('/').collect();
    let (kind, namespace, name) = match parts.as_slice() {
        [kind, name] => (*kind, None, *name),
        [kind, namespace, name] => (*kind, Some(*namespace), *name),
        _ => return None,
    };
    let names: Vec<_> = {
        let views = server.recorder.views();
        views.deployments.applications.keys().cloned().collect()
    };
    names.into_iter().rev().find_map(|application| {
        let rendering = server.renderings.of(&application)?;
        let is_it = |manifest: &serde_json::Value| {
            manifest["kind"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(kind))
                && manifest["metadata"]["name"] == name
                && namespace.is_none_or(|wanted| manifest["metadata"]["namespace"] == wanted)
        };
        rendering.manifests.iter().any(is_it).then_some(TraceQuery::Application(application))
    })
}

fn on_wire(step: &control::trace::TraceStep) -> TraceStep {
    TraceStep {
        kind: step.kind.clone(),
        id: step.subject.clone(),
        summary: serde_json::to_string(&step.body).unwrap_or_default(),
        actor: Some(step.actor.to_string()),
        at: Some(step.at.to_string()),
        sequence: Some(step.sequence.0),
    }
}
