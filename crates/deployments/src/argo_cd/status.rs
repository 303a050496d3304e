//! What an `Application` object shows of the application of its name.

use std::collections::BTreeMap;

use ledger::{RepositoryName, Timestamp};
use serde_json::{Map, Value, json};

use super::{operation_state, origin};
use crate::health::Health;
use crate::objects::ObjectKey;
use crate::planner::{Action, Step};
use crate::reasons::BlockReason;
use crate::view::{Deployment, Outcome};
use crate::windows::{Counterpart, Reading, Shown, View, is_going, merge, seconds};

/// As many deployments as Argo CD remembers.
const HISTORY_MAX: usize = 10;
/// An object takes about 1.5 MB; what is not listed here, `boucle app show` lists.
const RESOURCES_MAX: usize = 1_000;
/// Annotations that ask for one look: nothing is polled, so that each look is a fresh one.
const ASKS: [&str; 3] = [
    "argocd.argoproj.io/refresh",
    "argocd.argoproj.io/hydrate",
    "argocd.argoproj.io/refresh-timestamp",
];
/// Times of a write, which are no reason to write.
const TIMES: [&str; 2] = ["reconciledAt", "observedAt"];

/// An object and what it is a window to.
pub struct Window<'a> {
    /// As it is on the cluster.
    pub object: &'a Value,
    /// The cluster's name here.
    pub cluster: &'a str,
    /// What Git has of its name.
    pub counterpart: Counterpart<'a>,
    /// Why the operation that it asks for is not done.
    pub refusal: Option<&'a str>,
    /// When all of this was true.
    pub as_of: Timestamp,
}

/// What is to be merged into the object, and the status that it will have; `None`: it shows everything
/// and asks for nothing.
#[must_use]
pub fn patch(window: &Window<'_>, shown: Option<&Shown>) -> Option<(Value, Value)> {
    let object = window.object;
    let before = without_times(object.get("status").unwrap_or(&Value::Null));
    let wanted = status(window, &before);
    let known = shown
        .is_some_and(|shown| shown.asked == wanted && without_times(&shown.answered) == before);
    let mut changes = merge::patch(&before, &wanted).filter(|_| !known);
    let annotations: Map<String, Value> = ASKS
        .into_iter()
        .filter(|name| object["metadata"]["annotations"].get(*name).is_some())
        .map(|name| (name.to_owned(), Value::Null))
        .collect();
    let has_operation = object.get("operation").is_some_and(|one| !one.is_null());
    if changes.is_none() && annotations.is_empty() && !has_operation {
        return None;
    }
    let status = changes.get_or_insert_with(|| json!({}));
    for name in TIMES {
        status[name] = seconds(window.as_of).into();
    }
    let version = object["metadata"]["resourceVersion"].clone();
    let mut patch = json!({ "metadata": { "resourceVersion": version }, "status": status });
    if !annotations.is_empty() {
        patch["metadata"]["annotations"] = Value::Object(annotations);
    }
    if has_operation {
        patch["operation"] = Value::Null;
    }
    Some((patch, wanted))
}

fn without_times(status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|name, _| !TIMES.contains(&name.as_str()));
    }
    status
}

/// The whole status, but for the times of a write.
fn status(window: &Window<'_>, before: &Value) -> Value {
    let mut status = match &window.counterpart {
        Counterpart::Undeclared | Counterpart::Different { .. } => {
            // What another tool deployed is still read by `boucle migrate`.
            let mut status = before.as_object().cloned().unwrap_or_default();
            status.insert("sync".into(), json!({ "status": "Unknown" }));
            status.insert("health".into(), json!({ "status": "Unknown" }));
            Value::Object(status)
        }
        Counterpart::Same(view) => of_application(window, view, before),
    };
    let state = match (window.refusal, &window.counterpart) {
        (Some(why), _) => Some(operation_state::refused(window, why)),
        (None, Counterpart::Same(view)) => {
            newer(before.get("operationState"), operation_state::newest(window, view))
        }
        (None, Counterpart::Undeclared | Counterpart::Different { .. }) => None,
    };
    if let Some(state) = state {
        status["operationState"] = state;
    }
    let conditions = conditions(window, before);
    if let Some(fields) = status.as_object_mut() {
        fields.remove("conditions");
        if !conditions.is_empty() {
            fields.insert("conditions".into(), Value::Array(conditions));
        }
    }
    status
}

/// A refusal stays until something newer happens.
fn newer(before: Option<&Value>, now: Option<Value>) -> Option<Value> {
    let Some(before) = before else { return now };
    let started = |state: &Value| state["startedAt"].as_str().unwrap_or_default().to_owned();
    match now {
        None => Some(before.clone()),
        Some(now) if before["phase"] == "Error" && started(before) >= started(&now) => {
            Some(before.clone())
        }
        Some(now) => Some(now),
    }
}

fn of_application(window: &Window<'_>, view: &View<'_>, before: &Value) -> Value {
    let mut compared: Map<String, Value> =
        origin(window.object).map(|(name, source)| (name.to_owned(), source)).collect();
    compared.insert("destination".into(), window.object["spec"]["destination"].clone());
    let mut sync = json!({ "status": sync(view), "comparedTo": compared });
    if let Some(revision) = view.revision {
        sync["revision"] = revision.as_str().into();
    }
    let mut status = json!({ "sync": sync, "health": health(view) });
    // What is there cannot be seen now: what was seen last is shown.
    let resources = match view.steps {
        Some(steps) => Some(resources(steps, view, window.as_of)),
        None => before.get("resources").cloned(),
    };
    if let Some(resources) = resources {
        status["resources"] = resources;
    }
    let applied = view.state.deployments.iter().filter_map(|one| history(window.object, one));
    let applied: Vec<Value> = applied.collect();
    if !applied.is_empty() {
        status["history"] = applied[applied.len().saturating_sub(HISTORY_MAX)..].into();
    }
    if !view.images.is_empty() {
        let mut images = view.images.to_vec();
        images.sort_unstable();
        images.dedup();
        status["summary"] = json!({ "images": images });
    }
    status
}

fn sync(view: &View<'_>) -> &'static str {
    let is_rendered = view.revision.is_some() && view.state.render_problem.is_none();
    match view.steps.filter(|_| is_rendered) {
        None => "Unknown",
        Some(steps) if steps.iter().all(|step| step.action == Action::Unchanged) => "Synced",
        Some(_) => "OutOfSync",
    }
}

fn health(view: &View<'_>) -> Value {
    let Some(known) = view.state.current_health() else { return json!({ "status": "Unknown" }) };
    let mut health = json!({ "status": known.status.name() });
    if !known.message.is_empty() {
        health["message"] = known.message.into();
    }
    if let Some(known) = &view.state.health {
        health["lastTransitionTime"] = seconds(known.since).into();
    }
    health
}

fn resources(steps: &[Step], view: &View<'_>, as_of: Timestamp) -> Value {
    let mut steps: Vec<&Step> = steps.iter().collect();
    steps.sort_by(|one, other| one.object.cmp(&other.object));
    let live: BTreeMap<ObjectKey, &Value> =
        view.live.iter().filter_map(|one| Some((ObjectKey::of(one, "")?, one))).collect();
    let resource = |step: &Step| {
        let found = live.get(&step.object).copied();
        let judged = |one| view.customizations.assess(one, as_of.0.div_euclid(1_000));
        resource(step, found, found.and_then(judged))
    };
    steps.into_iter().take(RESOURCES_MAX).map(resource).collect()
}

fn resource(step: &Step, found: Option<&Value>, health: Option<Health>) -> Value {
    let object = &step.object;
    let manifest = step.manifest.as_ref().or(found);
    let version = manifest.and_then(|manifest| manifest["apiVersion"].as_str()).unwrap_or_default();
    let version = version.rsplit_once('/').map_or(version, |(_, version)| version);
    let status = if step.action == Action::Unchanged { "Synced" } else { "OutOfSync" };
    let mut resource = json!({
        "version": version, "kind": object.kind, "name": object.name, "status": status,
    });
    for (name, value) in [("group", &object.group), ("namespace", &object.namespace)] {
        if !value.is_empty() {
            resource[name] = value.as_str().into();
        }
    }
    if step.wave != 0 {
        resource["syncWave"] = step.wave.into();
    }
    match step.action {
        Action::Delete | Action::Blocked => resource["requiresPruning"] = true.into(),
        Action::Create | Action::Update | Action::Unchanged => {}
    }
    match (found, health) {
        (None, _) => resource["health"] = json!({ "status": "Missing" }),
        (Some(_), Some(health)) if health.message.is_empty() => {
            resource["health"] = json!({ "status": health.status.name() });
        }
        (Some(_), Some(health)) => {
            let (status, message) = (health.status.name(), health.message);
            resource["health"] = json!({ "status": status, "message": message });
        }
        (Some(_), None) => {}
    }
    resource
}

fn history(object: &Value, deployment: &Deployment) -> Option<Value> {
    let Outcome::Applied { at } = deployment.outcome else { return None };
    let mut entry = json!({
        "id": deployment.generation,
        "revision": deployment.revision.as_str(),
        "deployStartedAt": seconds(deployment.at),
        "deployedAt": seconds(at),
    });
    for (name, source) in origin(object) {
        entry[name] = source;
    }
    Some(entry)
}

/// What a person should know, with what to do. One that was said before keeps its time.
fn conditions(window: &Window<'_>, before: &Value) -> Vec<Value> {
    let known = before["conditions"].as_array().cloned().unwrap_or_default();
    let mut conditions: Vec<(&str, String)> = match &window.counterpart {
        Counterpart::Undeclared => vec![("InvalidSpecError", undeclared(window))],
        Counterpart::Different { repository, reading } => {
            vec![("InvalidSpecError", different(window, repository, reading))]
        }
        Counterpart::Same(view) => of_view(view),
    };
    if is_going(window.object) {
        conditions.push((
            "DeletionError",
            "an application goes when its file leaves Git; this object goes when its finalizers are \
             removed from it, and nothing that is deployed goes with it"
                .into(),
        ));
    }
    let condition = |(kind, message): (&str, String)| {
        let same = known.iter().find(|one| one["type"] == kind && one["message"] == message);
        let since = same.map(|one| one["lastTransitionTime"].clone());
        let since = since.unwrap_or_else(|| seconds(window.as_of).into());
        json!({ "type": kind, "message": message, "lastTransitionTime": since })
    };
    conditions.into_iter().map(condition).collect()
}

fn undeclared(window: &Window<'_>) -> String {
    let name = window.object["metadata"]["name"].as_str().unwrap_or_default();
    format!(
        "no file in Git declares the application `{name}`, so that nothing is deployed: commit the \
         file that `boucle migrate argocd --cluster {}` writes, or delete this object",
        window.cluster
    )
}

fn different(window: &Window<'_>, repository: &RepositoryName, reading: &Reading) -> String {
    let what = reading.in_words(repository);
    format!(
        "this object {what}. Git counts and the object orders nothing until they are equal: apply the \
         file to this cluster, or bring the object's spec into Git \
         (`boucle migrate argocd --cluster {}`)",
        window.cluster
    )
}

fn of_view(view: &View<'_>) -> Vec<(&'static str, String)> {
    let problem = view.state.render_problem.iter();
    let mut conditions: Vec<_> =
        problem.map(|(_, problem)| ("ComparisonError", problem.clone())).collect();
    // Who waits for a person has nothing wrong with it.
    let waits = |reason: &&BlockReason| {
        matches!(reason, BlockReason::ManualSync { .. } | BlockReason::SelfHealOff { .. })
    };
    let blocked = view.state.blocked.iter().filter(|reason| !waits(reason));
    conditions.extend(blocked.map(|reason| ("SyncError", reason.to_string())));
    let objects = view.steps.map_or(0, <[Step]>::len);
    if objects > RESOURCES_MAX {
        let message = format!("{RESOURCES_MAX} of {objects} objects are listed here");
        conditions.push(("ExcludedResourceWarning", message));
    }
    conditions
}
