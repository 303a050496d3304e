//! What expressions see of a run: the `github`, `needs`, `strategy`, `inputs` and `vars` contexts.

use std::collections::BTreeMap;

use ledger::{RefName, RunId};

use crate::expressions::{Object, Value};
use crate::facts::{EventName, RunSource};
use crate::run::plan::{NeedResult, ServerContext, StrategyPlace};

/// The `github` context of a run, without what belongs to one job or step.
#[must_use]
pub fn github(source: &RunSource, run: RunId, attempt: u32, server: &ServerContext) -> Object {
    let (ref_type, ref_name) = ref_parts(&source.reference);
    let pull_request = source.pull_request.as_ref();
    let repository = source.repository.as_str();
    let mut github = Object::new();
    let mut text = |name: &str, value: &str| github.insert(name, value);
    text("ref", source.reference.as_str());
    text("sha", source.commit.as_str());
    text("repository", repository);
    text("repository_owner", source.repository.owner());
    text("repositoryUrl", &format!("{}/{repository}.git", server.url));
    text("run_id", &run.to_string());
    text("run_number", &source.number.to_string());
    text("run_attempt", &attempt.to_string());
    text("actor", &source.actor);
    text("triggering_actor", &source.actor);
    text("workflow", &source.name);
    text("workflow_ref", &format!("{repository}/{}@{}", source.workflow, source.reference));
    text("workflow_sha", source.commit.as_str());
    text("head_ref", pull_request.map_or("", |pull| pull.head.as_str()));
    text("base_ref", pull_request.map_or("", |pull| pull.base.as_str()));
    text("event_name", source.event.as_str());
    text("server_url", &server.url);
    text("api_url", &format!("{}/api/v1", server.url));
    text("ref_name", ref_name);
    text("ref_type", ref_type);
    github.insert("event", event(source));
    github
}

/// `github.event`, which is also the file at `GITHUB_EVENT_PATH`: the parts of GitHub's payloads
/// that Boucle knows; the others are absent.
#[must_use]
pub fn event(source: &RunSource) -> Value {
    let owner: Object = [("login", source.repository.owner())].into_iter().collect();
    let sender: Object = [("login", source.actor.as_str())].into_iter().collect();
    let mut repository = Object::new();
    repository.insert("name", source.repository.name());
    repository.insert("full_name", source.repository.as_str());
    repository.insert("owner", owner);
    let mut event = Object::new();
    match source.event {
        EventName::Push => {
            let none = "0".repeat(40);
            event.insert("ref", source.reference.as_str());
            let before = source.before.as_ref().map_or(none.as_str(), |commit| commit.as_str());
            event.insert("before", before);
            event.insert("after", source.commit.as_str());
            event.insert("created", source.before.is_none());
            event.insert("deleted", false);
        }
        EventName::PullRequest
        | EventName::Create
        | EventName::Delete
        | EventName::WorkflowRun
        | EventName::Schedule => {}
        EventName::WorkflowDispatch => {
            event.insert("ref", source.reference.as_str());
            event.insert("inputs", inputs(&source.inputs));
            event.insert("workflow", source.workflow.as_str());
        }
    }
    if let Some(pull) = &source.pull_request {
        let side = |name: &str, commit: &str| -> Object {
            [("ref", name), ("sha", commit)].into_iter().collect()
        };
        let mut pull_request = Object::new();
        #[expect(clippy::cast_precision_loss, reason = "numbers of the language are doubles")]
        let number = pull.number.0 as f64;
        pull_request.insert("number", number);
        pull_request.insert("head", side(&pull.head, pull.head_commit.as_str()));
        pull_request.insert("base", side(&pull.base, pull.base_commit.as_str()));
        event.insert("action", pull.action.as_str());
        event.insert("number", number);
        event.insert("pull_request", pull_request);
    }
    for (name, value) in &source.payload {
        event.insert(name.as_str(), Value::from_json(value));
    }
    event.insert("repository", repository);
    event.insert("sender", sender);
    event.into()
}

/// The `needs` context.
#[must_use]
pub fn needs(results: &BTreeMap<String, NeedResult>) -> Object {
    results
        .iter()
        .map(|(id, need)| {
            let mut object = Object::new();
            object.insert("result", need.result.as_str());
            object.insert("outputs", texts(&need.outputs));
            (id.as_str(), object)
        })
        .collect()
}

/// The `strategy` context.
#[must_use]
pub fn strategy(place: &StrategyPlace) -> Object {
    let mut object = Object::new();
    object.insert("fail-fast", place.fail_fast);
    object.insert("job-index", f64::from(place.index));
    object.insert("job-total", f64::from(place.total));
    object.insert("max-parallel", f64::from(place.max_parallel));
    object
}

/// The `inputs` context.
#[must_use]
pub fn inputs(values: &BTreeMap<String, serde_json::Value>) -> Object {
    values.iter().map(|(name, value)| (name.as_str(), Value::from_json(value))).collect()
}

/// A context whose values are texts: `vars`, `secrets`, `env`.
#[must_use]
pub fn texts(values: &BTreeMap<String, String>) -> Object {
    values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// `branch` or `tag`, and the short name.
fn ref_parts(reference: &RefName) -> (&'static str, &str) {
    let text = reference.as_str();
    if let Some(tag) = text.strip_prefix("refs/tags/") {
        return ("tag", tag);
    }
    let short = text.strip_prefix("refs/heads/").or_else(|| text.strip_prefix("refs/"));
    ("branch", short.unwrap_or(text))
}
