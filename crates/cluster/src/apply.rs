//! Carries out wishes: server-side apply, one request for each object that differs, none else.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use deployments::ownership::{
    Comparison, Difference, FIELD_MANAGER, difference, prepared, without,
};
use deployments::{IgnoredFields, ObjectKey};
use http::{Method, StatusCode};
use kube::core::DynamicObject;
use ledger::ApplicationName;
use serde_json::{Value, json};

use crate::cache::{Freshness, Live, Seen};
use crate::error::{ApplyRefusal, FieldConflict, RequestError};
use crate::identity::Identity;
use crate::inner::Inner;
use crate::kinds::{KindInUse, Resource};
use crate::requests::{APPLY, Answer, Ask, JSON, MERGE};

/// How often an object that changes all the time is replaced anew.
const REPLACES_MAX: u32 = 4;

/// One wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// This object shall be as Git says.
    Put {
        /// The whole manifest, tracking annotation and namespace included.
        manifest: Value,
        /// How.
        options: PutOptions,
    },
    /// This object shall not be; nothing happens when it is not.
    Delete {
        /// Which.
        object: ObjectKey,
        /// How.
        options: DeleteOptions,
    },
    /// This namespace shall be (`CreateNamespace=true`); one that is there is left as it is.
    CreateNamespace {
        /// Its name.
        name: String,
    },
}

/// How an object is written. The default is what Argo CD does with server-side apply, except that
/// nobody's fields are taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutOptions {
    /// Take fields that other managers own.
    pub take_fields: bool,
    /// `Replace=true`: the whole object becomes the manifest, others' fields go.
    pub replace: bool,
    /// `Force=true`: an object that cannot be changed so is deleted and made anew.
    pub recreate: bool,
    /// `Validate=false`: fields that the cluster does not know are let through.
    pub allow_unknown_fields: bool,
    /// Let the cluster check everything and keep nothing.
    pub dry_run: bool,
    /// Fields that do not count.
    pub ignored: IgnoredFields,
    /// Managers whose fields do not count.
    pub yields_to: Vec<String>,
}

/// How an object is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeleteOptions {
    /// What happens to what the cluster made of it.
    pub propagation: Propagation,
    /// Let the cluster check everything and keep nothing.
    pub dry_run: bool,
}

/// `PrunePropagationPolicy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Propagation {
    /// It goes after what it owns (Argo CD's default).
    #[default]
    Foreground,
    /// It goes at once, what it owns afterwards.
    Background,
    /// What it owns stays.
    Orphan,
}

/// What of an object a patch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchedPart {
    /// All but its status.
    Object,
    /// Its status.
    Status,
}

/// Whose fields are those that an action of a person's writes.
const ACTION_MANAGER: &str = "boucle-action";

/// What a wish changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The object is new.
    Created,
    /// The object was different.
    Updated,
    /// The object was deleted, or is being so.
    Deleted,
    /// It was so already.
    Unchanged,
}

/// Where and in whose name.
pub(super) struct Target<'a> {
    pub inner: &'a Inner,
    pub identity: &'a Identity,
    pub object: ObjectKey,
    pub resource: Resource,
}

/// Carries out one wish. The generation was checked by the caller.
pub(crate) async fn carry_out(
    inner: &Inner,
    application: &ApplicationName,
    identity: &Identity,
    change: Change,
) -> Result<Applied, ApplyRefusal> {
    match change {
        Change::Put { manifest, options } => put(inner, identity, &manifest, &options).await,
        Change::Delete { object, options } => {
            crate::delete::delete(inner, application, identity, object, options).await
        }
        Change::CreateNamespace { name } => {
            if inner.store().has_namespace(&name) {
                return Ok(Applied::Unchanged);
            }
            let manifest = json!({
                "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name },
            });
            put(inner, identity, &manifest, &PutOptions::default()).await
        }
    }
}

/// Makes an object as the manifest says, or asks whether it could be made so.
pub(crate) async fn put(
    inner: &Inner,
    identity: &Identity,
    manifest: &Value,
    options: &PutOptions,
) -> Result<Applied, ApplyRefusal> {
    let (target, desired) = target_of(inner, identity, manifest).await?;
    target.put(&desired, options).await
}

/// The object as it would be if the manifest were applied; the cluster keeps nothing of it.
pub(crate) async fn would_be(
    inner: &Inner,
    identity: &Identity,
    manifest: &Value,
    options: PutOptions,
) -> Result<Value, ApplyRefusal> {
    let options = PutOptions { dry_run: true, ..options };
    let (target, desired) = target_of(inner, identity, manifest).await?;
    let live = inner.store().live(&target.object);
    let found = live.as_ref().and_then(|live| target.compare(&desired, live, &options));
    let answer = target.write(&sent(&desired, found.as_ref()), &options).await;
    answer.map(|answer| answer.body).map_err(|error| target.refusal(error))
}

/// What is written where: the manifest as it is sent, before what stays with others is left out.
async fn target_of<'a>(
    inner: &'a Inner,
    identity: &'a Identity,
    manifest: &Value,
) -> Result<(Target<'a>, Value), ApplyRefusal> {
    let kind = KindInUse::of(manifest).ok_or(ApplyRefusal::NotAnObject)?;
    let name = manifest.pointer("/metadata/name").and_then(Value::as_str);
    let name = name.filter(|name| !name.is_empty()).ok_or(ApplyRefusal::NotAnObject)?;
    let resource = inner.find_kind(&kind).await;
    let namespace = manifest.pointer("/metadata/namespace").and_then(Value::as_str);
    let namespaced = resource.as_ref().is_none_or(|resource| resource.namespaced);
    let object = ObjectKey {
        group: kind.group().to_owned(),
        kind: kind.kind.clone(),
        namespace: namespace.filter(|_| namespaced).unwrap_or_default().to_owned(),
        name: name.to_owned(),
    };
    let Some(resource) = resource else {
        let KindInUse { api_version, kind } = kind;
        return Err(ApplyRefusal::UnknownKind { object, api_version, kind });
    };
    let desired = prepared(manifest);
    let desired = if namespaced { desired } else { without(&desired, ["/metadata/namespace"]) };
    Ok((Target { inner, identity, object, resource }, desired))
}

/// The manifest without what stays with who holds it.
fn sent(desired: &Value, found: Option<&Difference>) -> Value {
    let yielded = found.into_iter().flat_map(|found| found.yielded.keys()).map(String::as_str);
    without(desired, yielded)
}

/// Patches an object that has still this version; gives its new one.
pub(crate) async fn patch(
    inner: &Inner,
    identity: &Identity,
    object: &ObjectKey,
    version: &str,
    patch: Value,
    part: PatchedPart,
) -> Result<String, RequestError> {
    let Some(resource) = inner.resource_of(object) else {
        return Err(RequestError::NotFound { message: object.to_string() });
    };
    let path = resource.object_path(&object.namespace, &object.name);
    let query = format!("fieldManager={ACTION_MANAGER}&fieldValidation=Strict");
    let mut patch = match part {
        PatchedPart::Object => patch,
        PatchedPart::Status => json!({"status": patch}),
    };
    patch["metadata"]["resourceVersion"] = version.into();
    let ask = |path: String, body| Ask {
        identity,
        method: Method::PATCH,
        path: format!("{path}?{query}"),
        content_type: MERGE,
        body: Some(body),
    };
    let asked = match part {
        PatchedPart::Object => inner.requests.ask(&ask(path, &patch)).await,
        PatchedPart::Status => {
            match inner.requests.ask(&ask(format!("{path}/status"), &patch)).await {
                // Not every kind keeps its status apart.
                Err(RequestError::NotFound { .. }) => inner.requests.ask(&ask(path, &patch)).await,
                answered => answered,
            }
        }
    };
    let version = asked?.body.pointer("/metadata/resourceVersion").cloned();
    Ok(version.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned())
}

/// Makes an object that is not there.
pub(crate) async fn create(
    inner: &Inner,
    identity: &Identity,
    manifest: &Value,
) -> Result<Value, ApplyRefusal> {
    let mut named = manifest.clone();
    if named["metadata"]["name"].is_null() {
        named["metadata"]["name"] = named["metadata"]["generateName"].clone();
    }
    let object = ObjectKey::of(&named, "").ok_or(ApplyRefusal::NotAnObject)?;
    let kind = KindInUse::of(manifest).ok_or(ApplyRefusal::NotAnObject)?;
    let Some(resource) = inner.find_kind(&kind).await else {
        let KindInUse { api_version, kind } = kind;
        return Err(ApplyRefusal::UnknownKind { object, api_version, kind });
    };
    let path = resource.path(Some(&object.namespace));
    let path = format!("{path}?fieldManager={ACTION_MANAGER}&fieldValidation=Strict");
    let asked = inner.requests.ask(&Ask::post(identity, path, manifest)).await;
    asked.map(|answer| answer.body).map_err(|source| ApplyRefusal::Request { object, source })
}

impl Target<'_> {
    async fn put(&self, desired: &Value, options: &PutOptions) -> Result<Applied, ApplyRefusal> {
        let live = self.inner.store().live(&self.object);
        let hash = hash_of(desired);
        let found = live.as_ref().and_then(|live| self.compare(desired, live, options));
        if let (Some(found), Some(live)) = (&found, &live) {
            let sure = found.unsure.is_empty() || live.applied == Some(hash);
            if found.is_empty() && sure && !options.dry_run {
                return Ok(Applied::Unchanged);
            }
        }
        let sent = sent(desired, found.as_ref());
        let answer = match self.write(&sent, options).await {
            Err(RequestError::Refused { status: 422, .. })
                if options.recreate && !options.dry_run && live.is_some() =>
            {
                self.make_anew(&sent, options).await
            }
            written => written,
        };
        let answer = answer.map_err(|error| self.refusal(error))?;
        let before = live.map(|live| live.resource_version);
        let after = answer.body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        let after = after.and_then(|text| text.parse::<u64>().ok());
        if !options.dry_run {
            self.remember(answer.body, hash);
        }
        Ok(match answer.status {
            StatusCode::CREATED => Applied::Created,
            _ if before.is_some() && before == after => Applied::Unchanged,
            _ => Applied::Updated,
        })
    }

    /// What differs, when the cluster's side is known in the same version and as it is now.
    fn compare(&self, desired: &Value, live: &Live, options: &PutOptions) -> Option<Difference> {
        let api = &self.resource.api;
        let in_sync =
            self.inner.store().freshness_of(&api.group, &api.kind) == Some(&Freshness::Current);
        let same_version = live.manifest["apiVersion"] == desired["apiVersion"];
        // Nothing of what another made is known but its name.
        let known = in_sync && same_version && live.application.is_some();
        known.then(|| {
            let yields_to: Vec<&str> = options.yields_to.iter().map(String::as_str).collect();
            let how = Comparison {
                ignored: &options.ignored,
                yields_to: &yields_to,
                ..Comparison::default()
            };
            difference(desired, &live.manifest, &how)
        })
    }

    async fn write(&self, desired: &Value, options: &PutOptions) -> Result<Answer, RequestError> {
        // Argo CD never replaces these either: replacing them deletes what is in them.
        let replaceable =
            !matches!(self.object.kind.as_str(), "CustomResourceDefinition" | "Namespace");
        if options.replace && replaceable {
            return self.replace(desired, options).await;
        }
        let force = if options.take_fields { "&force=true" } else { "" };
        let path = format!("{}?{}{force}", self.path(), query(options));
        let ask = Ask {
            identity: self.identity,
            method: Method::PATCH,
            path,
            content_type: APPLY,
            body: Some(desired),
        };
        self.inner.requests.ask(&ask).await
    }

    /// Makes it, or replaces what is there. Asks for its version first: many kinds are replaced only
    /// by whoever names it, and what is known of it may be a moment old.
    async fn replace(&self, desired: &Value, options: &PutOptions) -> Result<Answer, RequestError> {
        let (mut attempts, query) = (0, query(options));
        loop {
            attempts += 1;
            let get = Ask::get(self.identity, self.path());
            let (method, path, body) = match self.inner.requests.ask(&get).await {
                Ok(answer) => {
                    let mut body = desired.clone();
                    let version = &answer.body["metadata"]["resourceVersion"];
                    body["metadata"]["resourceVersion"] = version.clone();
                    (Method::PUT, self.path(), body)
                }
                Err(RequestError::NotFound { .. }) => {
                    let path = self.resource.path(Some(&self.object.namespace));
                    (Method::POST, path, desired.clone())
                }
                Err(error) => return Err(error),
            };
            let ask = Ask {
                identity: self.identity,
                method,
                path: format!("{path}?{query}"),
                content_type: JSON,
                body: Some(&body),
            };
            match self.inner.requests.ask(&ask).await {
                // It came, went or changed in between.
                Err(RequestError::Conflict { .. } | RequestError::NotFound { .. })
                    if attempts < REPLACES_MAX => {}
                answered => return answered,
            }
        }
    }

    /// Deletes the object, waits until it is gone, and makes it again.
    async fn make_anew(
        &self,
        desired: &Value,
        options: &PutOptions,
    ) -> Result<Answer, RequestError> {
        crate::delete::delete_and_wait(self).await?;
        self.write(desired, options).await
    }

    /// Whoever wrote reads what it wrote, before the watch says so.
    fn remember(&self, body: Value, hash: u64) {
        let Ok(object) = serde_json::from_value::<DynamicObject>(body) else { return };
        let Some(seen) = Seen::of(&self.resource.api, object) else { return };
        self.inner.change(|store| {
            let names = (&*self.resource.api.group, &*self.resource.api.kind);
            // Only where a watch will say that it is gone, and in the version that is watched.
            if store.is_watched(names.0, names.1, &self.resource.api.api_version) {
                let kind = store.kind(&self.resource);
                store.put(kind, seen);
                store.set_applied(&self.object, hash);
            }
        });
    }

    pub fn path(&self) -> String {
        self.resource.object_path(&self.object.namespace, &self.object.name)
    }

    pub fn refusal(&self, error: RequestError) -> ApplyRefusal {
        let object = self.object.clone();
        match conflicts(&error) {
            conflicts if conflicts.is_empty() => ApplyRefusal::Request { object, source: error },
            conflicts => ApplyRefusal::FieldsOwnedByOthers { object, conflicts },
        }
    }
}

fn query(options: &PutOptions) -> String {
    let validation = if options.allow_unknown_fields { "Ignore" } else { "Strict" };
    let dry_run = if options.dry_run { "&dryRun=All" } else { "" };
    format!("fieldManager={FIELD_MANAGER}&fieldValidation={validation}{dry_run}")
}

fn hash_of(manifest: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    manifest.to_string().hash(&mut hasher);
    hasher.finish()
}

/// Of a refusal because of fields that others own: who owns which.
fn conflicts(error: &RequestError) -> Vec<FieldConflict> {
    let RequestError::Conflict { causes, .. } = error else { return Vec::new() };
    let mut conflicts: Vec<FieldConflict> = Vec::new();
    for cause in causes.iter().filter(|cause| cause.reason == "FieldManagerConflict") {
        // `conflict with "kubectl-edit" using apps/v1`
        let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message).to_owned();
        match conflicts.iter_mut().find(|conflict| conflict.manager == manager) {
            Some(conflict) => conflict.fields.push(cause.field.clone()),
            None => conflicts.push(FieldConflict { manager, fields: vec![cause.field.clone()] }),
        }
    }
    conflicts
}
