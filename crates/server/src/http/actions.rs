//! Actions on objects of applications over HTTP: which there are, and doing one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use api::applications::{
    ActionParameter, ActionResult, ActionsQuery, ObjectAction, ObjectActions, RunAction,
};
use api::page::{Page, PageQuery};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use cluster::{ApplyRefusal, Identity, PatchedPart, RequestError};
use deployments::{
    ActionInputs, ActionRefusal, ActionWrite, DeploymentFact, ObjectKey, decide_action,
    may_have_actions, offered_actions, owner, without_values,
};
use ledger::{Actor, ApplicationName};
use repositories::access::Permission;
use serde_json::Value;

use crate::clusters::Known;
use crate::http::applications::{missing, permit, wanted};
use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::page::{self, Bounds};
use crate::http::problem::{Answer, Refusal};
use crate::language::carried_along;
use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::Place;
use crate::tasks::deploy_applications::chain;
use crate::words::{Missing, Obstacle, say};

/// The most objects whose actions are listed at once: each is asked for.
const OBJECTS_MAX: usize = 50;
/// How long all of them are asked for and judged by scripts: somebody waits for the page.
const LIST_MAX: Duration = Duration::from_secs(10);

/// Where an application's objects are, and in whose name they are asked for.
struct There {
    /// Those that are the application's, as they were seen last.
    own: BTreeMap<ObjectKey, Value>,
    rendering: Arc<Rendering>,
    known: Arc<Known>,
    identity: Identity,
}

/// An object as it is now.
#[derive(Clone)]
struct Looked {
    key: ObjectKey,
    live: Value,
    desired: Option<Value>,
}

/// What may be done to one object of an application, or to each that something may be done to.
#[utoipa::path(get, path = "/applications/{name}/actions", tag = "applications",
    params(("name" = String, Path), ActionsQuery),
    responses((status = 200, body = Page<ObjectActions>)))]
pub async fn list(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Query(query): Query<ActionsQuery>,
) -> Answer<Page<ObjectActions>> {
    let (name, _) = permit(&server, &headers, &name, Permission::ReadRepository).await?;
    let there = there(&server, &name)?;
    let limit = Bounds::new(query.limit)?.limit.min(OBJECTS_MAX);
    let keys = match query.object.as_deref() {
        Some(object) => vec![find(&there, object)?],
        None => candidates(&there),
    };
    let keys = page::cut(keys, &PageQuery { cursor: query.cursor, limit: Some(limit) })?;
    let all = async {
        let mut items = Vec::new();
        for key in &keys.items {
            let Some(looked) = look(&there, key).await? else { continue };
            let offered = asked(&server, &there, &looked, offered_actions).await?;
            items.push(on_wire(key, offered));
        }
        Ok(Json(Page { items, next_cursor: keys.next_cursor }))
    };
    tokio::time::timeout(LIST_MAX, all).await.unwrap_or_else(|_| {
        let cluster = there.known.cluster.name().to_owned();
        let late = RequestError::TimedOut { cluster, after: LIST_MAX };
        Err(Refusal::new("not-ready", &Obstacle::ClusterSilent(&late)))
    })
}

/// Does something to an object of an application.
#[utoipa::path(post, path = "/applications/{name}/actions", tag = "applications",
    params(("name" = String, Path)), request_body = RunAction,
    responses((status = 200, body = ActionResult)))]
pub async fn run(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Path(name): Path<String>,
    Checked(body): Checked<RunAction>,
) -> Answer<ActionResult> {
    let (name, permit) = permit(&server, &headers, &name, Permission::OperateDeployments).await?;
    let there = there(&server, &name)?;
    let key = find(&there, &body.object)?;
    let looked = look(&there, &key).await?;
    let looked = looked.ok_or_else(|| Refusal::not_found(&Missing::Anything(&body.object)))?;
    let (action, given) = (body.action.clone(), body.parameters.clone());
    let decide = move |inputs: &ActionInputs<'_>| decide_action(inputs, &action, &given);
    let writes = asked(&server, &there, &looked, decide).await?;
    let writes = writes.map_err(|refusal| Refusal::new("action-refused", &refusal))?;
    // Whoever asked may leave: what was begun is ended, and its outcome recorded.
    let actor = permit.actor().clone();
    let work = recorded(server, actor, name, there, looked, body, writes);
    let done = tokio::spawn(carried_along(work)).await;
    done.context("the action was interrupted")?
}

/// Writes, between the fact of the request and that of its outcome.
async fn recorded(
    server: Arc<Server>,
    actor: Actor,
    application: ApplicationName,
    there: Arc<There>,
    looked: Looked,
    RunAction { action, parameters, .. }: RunAction,
    writes: Vec<ActionWrite>,
) -> Answer<ActionResult> {
    let Looked { key: object, live, .. } = looked;
    let text = |pointer: &str| live.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let version = text("/metadata/resourceVersion").to_owned();
    let requested = DeploymentFact::ActionRequested {
        application: application.clone(),
        object: object.clone(),
        action: action.clone(),
        uid: text("/metadata/uid").to_owned(),
        resource_version: version.clone(),
    };
    server.append(vec![requested.draft(server.clock.now(), actor.clone())]).await?;
    let mut written = Written::default();
    let carried_out = carry_out(&there, &object, version, writes, &mut written).await;
    let (fact, answer) = match carried_out {
        Ok(()) => {
            let Written { fields, created } = written;
            let result = ActionResult {
                object: object.to_string(),
                fields: fields.clone(),
                created: created.iter().map(ToString::to_string).collect(),
            };
            let done = DeploymentFact::ActionDone { application, object, action, fields, created };
            (done, Ok(Json(result)))
        }
        Err(failure) => {
            let (problem, refusal) = failure.said(&object, &written);
            let problem = without_values(&problem, &parameters);
            let failed = DeploymentFact::ActionFailed { application, object, action, problem };
            (failed, Err(refusal))
        }
    };
    server.append(vec![fact.draft(server.clock.now(), actor)]).await?;
    answer
}

/// What an action wrote so far.
#[derive(Default)]
struct Written {
    fields: Vec<String>,
    created: Vec<ObjectKey>,
}

/// Why a write was not done, in the words of the cluster's client.
struct Failure {
    is_conflict: bool,
    /// Whether the cluster did not say what became of it.
    is_unknown: bool,
    problem: String,
}

impl Failure {
    fn of(error: &RequestError) -> Self {
        Self {
            is_conflict: matches!(error, RequestError::Conflict { .. }),
            is_unknown: matches!(
                error,
                RequestError::Unreachable { .. }
                    | RequestError::TimedOut { .. }
                    | RequestError::Unreadable { .. }
                    | RequestError::Refused { status: 500.., .. }
            ),
            problem: chain(error),
        }
    }

    fn of_creation(error: &ApplyRefusal) -> Self {
        let problem = chain(error);
        match error {
            // A name that is taken is no change of the object that was looked at.
            ApplyRefusal::Request { source, .. } => {
                Self { is_conflict: false, problem, ..Self::of(source) }
            }
            ApplyRefusal::OlderGeneration { .. }
            | ApplyRefusal::NotAnObject
            | ApplyRefusal::UnknownKind { .. }
            | ApplyRefusal::FieldsOwnedByOthers { .. }
            | ApplyRefusal::ChangedMeanwhile { .. }
            | ApplyRefusal::NotTracked { .. }
            | ApplyRefusal::NotInSync { .. } => {
                Self { is_conflict: false, is_unknown: false, problem }
            }
        }
    }

    /// What is recorded, and what is answered.
    fn said(&self, object: &ObjectKey, written: &Written) -> (String, Refusal) {
        let created = written.created.iter().map(ToString::to_string);
        let all: Vec<String> = written.fields.iter().cloned().chain(created).collect();
        let all = all.join(", ");
        let failed = Obstacle::ActionFailed {
            object,
            written: (!all.is_empty()).then_some(&all as &dyn std::fmt::Display),
            is_unknown: self.is_unknown,
            error: &self.problem,
        };
        let refusal = if self.is_conflict && all.is_empty() {
            Refusal::new("moved-on", &Obstacle::ObjectChanged(object))
        } else {
            Refusal::new("action-refused", &failed)
        };
        (failed.to_string(), refusal)
    }
}

/// Writes in order; what came before a failure stays, as each is a request of its own.
async fn carry_out(
    there: &There,
    key: &ObjectKey,
    mut version: String,
    writes: Vec<ActionWrite>,
    written: &mut Written,
) -> Result<(), Failure> {
    let (identity, cluster) = (&there.identity, &there.known.cluster);
    for write in writes {
        match write {
            ActionWrite::Patch { patch, status, fields } => {
                let is_of_status = |field: &String| field.split('/').nth(1) == Some("status");
                let (of_status, of_object) = fields.into_iter().partition(is_of_status);
                let parts = [
                    (patch, PatchedPart::Object, of_object),
                    (status, PatchedPart::Status, of_status),
                ];
                for (patch, part, fields) in parts {
                    let fields: Vec<String> = fields;
                    let Some(patch) = patch else { continue };
                    let patched = cluster.patch(identity, key, &version, patch, part).await;
                    version = patched.map_err(|error| Failure::of(&error))?;
                    written.fields.extend(fields);
                }
            }
            ActionWrite::Create { manifest } => {
                let made = cluster.create(identity, &manifest).await;
                let made = made.map_err(|error| Failure::of_creation(&error))?;
                written.created.extend(ObjectKey::of(&made, &key.namespace));
            }
        }
    }
    Ok(())
}

fn there(server: &Server, name: &ApplicationName) -> Result<Arc<There>, Refusal> {
    let rendering = server.renderings.of(name).ok_or_else(|| missing(name))?;
    let Place::Cluster(known) = server.place_of(&rendering) else {
        return Err(Refusal::new("action-refused", &Obstacle::NoActionsHere(name)));
    };
    let identity = rendering.identity().map_err(|refusal| {
        Refusal::new("action-refused", &ActionRefusal::NotPermitted { refusal })
    })?;
    let namespace = &rendering.application.destination.namespace;
    let own = known.cluster.own_objects(name).into_iter();
    let own = own.filter_map(|object| Some((ObjectKey::of(&object, namespace)?, object))).collect();
    Ok(Arc::new(There { own, rendering, known, identity }))
}

/// The objects that something may be done to.
fn candidates(there: &There) -> Vec<ObjectKey> {
    let customizations = &there.rendering.customizations;
    let may = |(key, object): &(&ObjectKey, &Value)| may_have_actions(customizations, object, key);
    there.own.iter().filter(may).map(|(key, _)| key.clone()).collect()
}

/// The object that is called so: `KIND/NAMESPACE/NAME`, or `KIND.GROUP/NAMESPACE/NAME` where two kinds
/// have one name. Nothing that is not the application's is looked at.
fn find(there: &There, object: &str) -> Result<ObjectKey, Refusal> {
    let full =
        |key: &ObjectKey| format!("{}.{}/{}/{}", key.kind, key.group, key.namespace, key.name);
    let called = |key: &&ObjectKey| {
        object == full(key) || object == format!("{}/{}/{}", key.kind, key.namespace, key.name)
    };
    let found: Vec<&ObjectKey> = there.own.keys().filter(called).collect();
    match found.as_slice() {
        [] => Err(Refusal::not_found(&Missing::Anything(&object))),
        [one] => Ok((*one).clone()),
        several => {
            let names: Vec<String> = several.iter().map(|key| full(key)).collect();
            let ambiguous = Obstacle::AmbiguousObject { object: &object, names: &names.join(", ") };
            Err(Refusal::new("invalid-request", &ambiguous))
        }
    }
}

/// The object as the cluster has it at this moment, by whoever acts for the application.
async fn look(there: &There, key: &ObjectKey) -> Result<Option<Looked>, Refusal> {
    let live = there.known.cluster.get(&there.identity, key).await;
    let live =
        live.map_err(|error| Refusal::new("not-ready", &Obstacle::ClusterSilent(&chain(&error))))?;
    let application = &there.rendering.application;
    let Some(live) = live.filter(|live| is_own(there, key, live)) else { return Ok(None) };
    let namespace = &application.destination.namespace;
    let mut manifests = there.rendering.manifests.iter();
    let own = manifests.find(|one| ObjectKey::of(one, namespace).as_ref() == Some(key));
    let desired = own.map(|manifest| wanted(application, key, manifest, Some(&live)));
    Ok(Some(Looked { key: key.clone(), live, desired }))
}

/// Whether it is still the application's: by its tracking id, or as the very object that the cluster
/// was seen to make of one. Replica sets carry their deployment's id, which says nothing of them.
fn is_own(there: &There, key: &ObjectKey, live: &Value) -> bool {
    match owner(live, key) {
        Some(name) => name == there.rendering.application.name.as_str(),
        None => {
            let uid = |object: &Value| object["metadata"]["uid"].as_str().map(str::to_owned);
            there.own.get(key).is_some_and(|seen| uid(seen).is_some() && uid(seen) == uid(live))
        }
    }
}

/// What is decided of an object. Scripts run beside the requests: they may take their time.
async fn asked<T: Send + 'static>(
    server: &Arc<Server>,
    there: &Arc<There>,
    looked: &Looked,
    decide: impl FnOnce(&ActionInputs<'_>) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let (server, there, looked) = (Arc::clone(server), Arc::clone(there), looked.clone());
    let work = move || with_inputs(&server, &there, &looked, decide);
    Ok(tokio::task::spawn_blocking(work).await.context("the action was interrupted")?)
}

fn with_inputs<T>(
    server: &Server,
    there: &There,
    looked: &Looked,
    decide: impl FnOnce(&ActionInputs<'_>) -> T,
) -> T {
    let Rendering { application, customizations, scope, .. } = &*there.rendering;
    decide(&ActionInputs {
        application,
        customizations,
        scope,
        cluster_scoped: &there.known.cluster.cluster_scoped_kinds(),
        key: &looked.key,
        live: &looked.live,
        desired: looked.desired.as_ref(),
        as_of: server.clock.now(),
    })
}

fn on_wire(
    key: &ObjectKey,
    offered: Result<Vec<deployments::ObjectAction>, ActionRefusal>,
) -> ObjectActions {
    let (actions, problem) = match offered {
        Ok(actions) => (actions, None),
        Err(refusal) => (Vec::new(), Some(say(&refusal))),
    };
    let action = |action: deployments::ObjectAction| ObjectAction {
        display_name: action.display_name.unwrap_or_else(|| action.name.clone()),
        name: action.name,
        enabled: !action.is_disabled,
        parameters: action
            .parameters
            .into_iter()
            .map(|one| ActionParameter { name: one.name, default: one.default })
            .collect(),
    };
    ObjectActions {
        object: format!("{}/{}/{}", key.kind, key.namespace, key.name),
        group: key.group.clone(),
        actions: actions.into_iter().map(action).collect(),
        problem,
    }
}
