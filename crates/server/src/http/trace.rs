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
        let read = server.recorder.facts(after, FACTS_PER_READ).await?;
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
        summary: gist(&step.body),
        actor: Some(step.actor.to_string()),
        at: Some(step.at.to_string()),
        sequence: Some(step.sequence.0),
    }
}

/// The fields that tell most of a fact, the most telling first.
const TELLING: [&str; 16] = [
    "title",
    "name",
    "verdict",
    "conclusion",
    "state",
    "outcome",
    "message",
    "artifact",
    "digest",
    "revision",
    "commit",
    "new",
    "reference",
    "environment",
    "reason",
    "reasons",
];
/// So many of them fit on a line.
const TELLING_SHOWN: usize = 3;
/// How much of a text is shown.
const TEXT_CHARACTERS_MAX: usize = 60;

/// What a fact says, in a few of its own words: nothing here is a sentence.
fn gist(body: &serde_json::Value) -> String {
    let words = TELLING.iter().filter_map(|field| word(body.get(field)?));
    words.take(TELLING_SHOWN).collect::<Vec<_>>().join(", ")
}

fn word(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) if !text.is_empty() => Some(short(text)),
        serde_json::Value::Number(number) => Some(number.to_string()),
        // A reason with its fields: its code says which.
        serde_json::Value::Object(fields) => word(fields.get("reason")?),
        serde_json::Value::Array(items) => word(items.first()?),
        serde_json::Value::String(_) | serde_json::Value::Null | serde_json::Value::Bool(_) => None,
    }
}

/// Ids are cut as git cuts them, texts at their first line.
fn short(text: &str) -> String {
    let (algorithm, id) = text.split_once(':').unwrap_or(("", text));
    let is_id = id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id && (algorithm.is_empty() || algorithm == "sha256") {
        return id[..10].to_owned();
    }
    text.lines().next().unwrap_or_default().chars().take(TEXT_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gist_is_in_the_facts_own_words() {
        let id = "5509d8e83ac6b3ad1c292f078b061ca4a0a91781";
        for (body, expected) in [
            (json!({"repository": "a/b", "title": "Cut names\nlong", "number": 2}), "Cut names"),
            (json!({"verdict": "approve", "commit": id}), "approve, 5509d8e83a"),
            (json!({"name": "test", "conclusion": "failure", "state": null}), "test, failure"),
            (json!({"reason": {"reason": "gate-open", "gate": "x"}}), "gate-open"),
            (json!({"digest": format!("sha256:{id}{}", "0".repeat(24))}), "5509d8e83a"),
            (json!({"run": 1}), ""),
        ] {
            assert_eq!(gist(&body), expected, "{body}");
        }
    }
}
