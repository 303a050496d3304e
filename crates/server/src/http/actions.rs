//! Actions on objects of applications over HTTP: which there are, and doing one.

use std::collections::BTreeSet;
use std::sync::Arc;

use api::applications::{
    ActionParameter, ActionResult, ActionsQuery, ObjectAction, ObjectActions, RunAction,
};
use api::page::{Page, PageQuery};
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use cluster::{Identity, PatchedPart, RequestError};
use deployments::{
    ActionInputs, ActionRefusal, ActionWrite, DeploymentFact, ObjectKey, TRACKING_ANNOTATION,
    annotation, decide_action, may_have_actions, offered_actions, owner,
};
use ledger::ApplicationName;
use repositories::access::Permission;
use serde_json::Value;

use crate::clusters::Known;
use crate::http::applications::{missing, permit, wanted};
use crate::http::body::Checked;
use crate::http::extract::{Path, Query};
use crate::http::page;
use crate::http::problem::{Answer, Refusal};
use crate::renderings::Rendering;
use crate::state::Server;
use crate::targets::Place;
use crate::tasks::deploy_applications::chain;
use crate::words::{Missing, Obstacle, say};

/// The most objects whose actions are listed at once: each is asked for.
const OBJECTS_MAX: usize = 50;

/// Where an application's objects are, and in whose name they are asked for.
struct There {
    rendering: Arc<Rendering>,
    known: Arc<Known>,
    identity: Identity,
}

/// An object as it is now.
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
    let keys = match query.object.as_deref() {
        Some(object) => vec![find(&server, &name, &there, object)?],
        None => candidates(&server, &name, &there),
    };
    let limit = query.limit.map_or(OBJECTS_MAX, |limit| limit.min(OBJECTS_MAX));
    let keys = page::cut(keys, &PageQuery { cursor: query.cursor, limit: Some(limit) })?;
    let mut items = Vec::new();
    for key in &keys.items {
        let Some(looked) = look(&there, key).await? else { continue };
        items.push(on_wire(&server, &there, &looked));
    }
    Ok(Json(Page { items, next_cursor: keys.next_cursor }))
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
    let key = find(&server, &name, &there, &body.object)?;
    let looked = look(&there, &key).await?;
    let looked = looked.ok_or_else(|| Refusal::not_found(&Missing::Anything(&body.object)))?;
    let writes = with_inputs(&server, &there, &looked, |inputs| {
        decide_action(inputs, &body.action, &body.parameters)
    });
    let writes = writes.map_err(|refusal| Refusal::new("action-refused", &refusal))?;
    let text = |pointer: &str| looked.live.pointer(pointer).and_then(Value::as_str);
    let version = text("/metadata/resourceVersion").unwrap_or_default().to_owned();
    let requested = DeploymentFact::ActionRequested {
        application: name.clone(),
        object: key.clone(),
        action: body.action.clone(),
        uid: text("/metadata/uid").unwrap_or_default().to_owned(),
        resource_version: version.clone(),
    };
    let actor = permit.actor().clone();
    server.append(vec![requested.draft(server.clock.now(), actor.clone())]).await?;
    let carried_out = carry_out(&there, &key, version, writes).await;
    let (application, object, action) = (name, key.clone(), body.action);
    let (fact, answer) = match carried_out {
        Ok((fields, created)) => {
            let result = ActionResult {
                object: key.to_string(),
                fields: fields.clone(),
                created: created.iter().map(ToString::to_string).collect(),
            };
            let done = DeploymentFact::ActionDone { application, object, action, fields, created };
            (done, Ok(Json(result)))
        }
        Err(failure) => {
            let problem = failure.problem.clone();
            let failed = DeploymentFact::ActionFailed { application, object, action, problem };
            (failed, Err(failure.refusal(&key)))
        }
    };
    server.append(vec![fact.draft(server.clock.now(), actor)]).await?;
    answer
}

/// Why a write was not done, in the words of the cluster's client.
struct Failure {
    is_conflict: bool,
    problem: String,
}

impl Failure {
    fn refusal(&self, key: &ObjectKey) -> Refusal {
        if self.is_conflict {
            return Refusal::new("moved-on", &Obstacle::ObjectChanged(key));
        }
        Refusal::new(
            "action-refused",
            &Obstacle::ActionFailed { object: key, error: &self.problem },
        )
    }
}

type Written = (Vec<String>, Vec<ObjectKey>);

/// Writes in order; what came before a failure stays, as each is a request of its own.
async fn carry_out(
    there: &There,
    key: &ObjectKey,
    mut version: String,
    writes: Vec<ActionWrite>,
) -> Result<Written, Failure> {
    let (identity, cluster) = (&there.identity, &there.known.cluster);
    let failure = |error: RequestError| Failure {
        is_conflict: matches!(error, RequestError::Conflict { .. }),
        problem: chain(&error),
    };
    let (mut changed, mut created) = (Vec::new(), Vec::new());
    for write in writes {
        match write {
            ActionWrite::Patch { patch, status, fields } => {
                let parts = [(patch, PatchedPart::Object), (status, PatchedPart::Status)];
                for (patch, part) in parts {
                    let Some(patch) = patch else { continue };
                    let patched = cluster.patch(identity, key, &version, patch, part).await;
                    version = patched.map_err(failure)?;
                }
                changed.extend(fields);
            }
            ActionWrite::Create { manifest } => {
                let made = cluster.create(identity, &manifest).await;
                let made =
                    made.map_err(|error| Failure { is_conflict: false, problem: chain(&error) })?;
                created.extend(ObjectKey::of(&made, &key.namespace));
            }
        }
    }
    Ok((changed, created))
}

fn there(server: &Server, name: &ApplicationName) -> Result<There, Refusal> {
    let rendering = server.renderings.of(name).ok_or_else(|| missing(name))?;
    let Place::Cluster(known) = server.place_of(&rendering) else {
        return Err(Refusal::new("action-refused", &Obstacle::NoActionsHere(name)));
    };
    let identity = rendering.identity().map_err(|refusal| {
        Refusal::new("action-refused", &ActionRefusal::NotPermitted { refusal })
    })?;
    Ok(There { rendering, known, identity })
}

/// The objects that something may be done to.
fn candidates(server: &Server, name: &ApplicationName, there: &There) -> Vec<ObjectKey> {
    let namespace = &there.rendering.application.destination.namespace;
    let live = server.live_objects(name).into_iter();
    let keys = live.filter_map(|object| {
        let key = ObjectKey::of(&object, namespace)?;
        may_have_actions(&there.rendering.customizations, &object, &key).then_some(key)
    });
    let keys: BTreeSet<ObjectKey> = keys.collect();
    keys.into_iter().collect()
}

/// The object that is called so: `KIND/NAMESPACE/NAME`, with its group before where two kinds have one
/// name. Nothing that is not the application's is looked at.
fn find(
    server: &Server,
    name: &ApplicationName,
    there: &There,
    object: &str,
) -> Result<ObjectKey, Refusal> {
    let namespace = &there.rendering.application.destination.namespace;
    let called = |key: &ObjectKey| {
        let short = format!("{}/{}/{}", key.kind, key.namespace, key.name);
        object == short || object == format!("{}/{short}", key.group)
    };
    let live = server.live_objects(name).into_iter();
    let mut found = live.filter_map(|live| ObjectKey::of(&live, namespace)).filter(called);
    found.next().ok_or_else(|| Refusal::not_found(&Missing::Anything(&object)))
}

/// The object as the cluster has it at this moment, by whoever acts for the application.
async fn look(there: &There, key: &ObjectKey) -> Result<Option<Looked>, Refusal> {
    let live = there.known.cluster.get(&there.identity, key).await;
    let live =
        live.map_err(|error| Refusal::new("not-ready", &Obstacle::ClusterSilent(&chain(&error))))?;
    let application = &there.rendering.application;
    let Some(live) = live.filter(|live| is_own(application, key, live)) else { return Ok(None) };
    let namespace = &application.destination.namespace;
    let mut manifests = there.rendering.manifests.iter();
    let own = manifests.find(|one| ObjectKey::of(one, namespace).as_ref() == Some(key));
    let desired = own.map(|manifest| wanted(application, key, manifest, Some(&live)));
    Ok(Some(Looked { key: key.clone(), live, desired }))
}

/// Whether the object is the application's, or was made for one of its objects.
fn is_own(application: &deployments::Application, key: &ObjectKey, live: &Value) -> bool {
    let made = live.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    match annotation(live, TRACKING_ANNOTATION) {
        Some(_) => owner(live, key) == Some(application.name.as_str()),
        None => made.is_some_and(|owners| !owners.is_empty()),
    }
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

fn on_wire(server: &Server, there: &There, looked: &Looked) -> ObjectActions {
    let (actions, problem) = match with_inputs(server, there, looked, offered_actions) {
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
    let key = &looked.key;
    ObjectActions {
        object: format!("{}/{}/{}", key.kind, key.namespace, key.name),
        group: key.group.clone(),
        actions: actions.into_iter().map(action).collect(),
        problem,
    }
}
