//! Deletes what an application owns: exactly the object that was looked at, and nothing of others.

use std::time::Duration;

use deployments::{ObjectKey, TRACKING_ANNOTATION};
use http::Method;
use ledger::ApplicationName;
use serde_json::{Value, json};

use crate::apply::{Applied, DeleteOptions, Propagation, Target};
use crate::cache::{Freshness, tracked_by, uid_text};
use crate::error::{ApplyRefusal, RequestError};
use crate::identity::Identity;
use crate::inner::Inner;
use crate::requests::{Ask, JSON};

/// The status of an object changes at any time; its owner does not.
const LOOKS_MAX: usize = 4;
/// Until an object that is made anew is gone; finalizers may take as long as they like, a plan not.
const GONE_MAX: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The object as it was looked at.
struct Looked {
    uid: String,
    resource_version: String,
}

pub(crate) async fn delete(
    inner: &Inner,
    application: &ApplicationName,
    identity: &Identity,
    object: ObjectKey,
    options: DeleteOptions,
) -> Result<Applied, ApplyRefusal> {
    let sync = inner.store().freshness_of(&object.group, &object.kind).cloned();
    match sync {
        Some(Freshness::Current) => {}
        Some(Freshness::Absent) => return Ok(Applied::Unchanged),
        Some(Freshness::Waiting | Freshness::Lagging(_)) | None => {
            return Err(ApplyRefusal::NotInSync { object });
        }
    }
    let Some(live) = inner.store().live(&object) else { return Ok(Applied::Unchanged) };
    if live.application.as_ref() != Some(application) {
        return Err(ApplyRefusal::NotTracked { object, application: application.clone() });
    }
    let Some(resource) = inner.resource_of(&object) else { return Ok(Applied::Unchanged) };
    let mut object = object;
    if !resource.namespaced {
        object.namespace.clear();
    }
    let target = Target { inner, identity, object, resource };
    let mut looked =
        Looked { uid: uid_text(live.uid), resource_version: live.resource_version.to_string() };
    for _ in 0..LOOKS_MAX {
        match target.delete_exactly(&looked, options.propagation, options.dry_run).await {
            Ok(()) => return Ok(Applied::Deleted),
            Err(RequestError::NotFound { .. }) => return Ok(Applied::Unchanged),
            Err(RequestError::Conflict { .. }) => {}
            Err(error) => return Err(target.refusal(error)),
        }
        // Its status may have changed; whether it is still the same and still ours decides.
        match target.look(application).await {
            Ok(Some((again, true))) if again.uid == looked.uid => looked = again,
            Ok(None) => return Ok(Applied::Unchanged),
            Ok(Some(_)) => break,
            Err(error) => return Err(target.refusal(error)),
        }
    }
    Err(ApplyRefusal::ChangedMeanwhile { object: target.object })
}

/// Deletes the object of this name and waits until it is gone.
pub(crate) async fn delete_and_wait(target: &Target<'_>) -> Result<(), RequestError> {
    let body = json!({
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground",
    });
    let ask = target.ask(Method::DELETE, Some(&body));
    match target.inner.requests.ask(&ask).await {
        Ok(_) => {}
        Err(RequestError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error),
    }
    let gone = async {
        loop {
            match target.inner.requests.ask(&target.ask(Method::GET, None)).await {
                Ok(_) => tokio::time::sleep(LOOK_AGAIN).await,
                Err(RequestError::NotFound { .. }) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    };
    let cluster = target.inner.requests.cluster().to_owned();
    tokio::time::timeout(GONE_MAX, gone)
        .await
        .unwrap_or(Err(RequestError::TimedOut { cluster, after: GONE_MAX }))
}

impl<'t> Target<'t> {
    fn ask<'a>(&'a self, method: Method, body: Option<&'a Value>) -> Ask<'a>
    where
        't: 'a,
    {
        Ask { identity: self.identity, method, path: self.path(), content_type: JSON, body }
    }

    async fn delete_exactly(
        &self,
        looked: &Looked,
        propagation: Propagation,
        dry_run: bool,
    ) -> Result<(), RequestError> {
        let policy = match propagation {
            Propagation::Foreground => "Foreground",
            Propagation::Background => "Background",
            Propagation::Orphan => "Orphan",
        };
        let mut body = json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": policy,
            "preconditions": { "uid": looked.uid, "resourceVersion": looked.resource_version },
        });
        if dry_run {
            body["dryRun"] = json!(["All"]);
        }
        self.inner.requests.ask(&self.ask(Method::DELETE, Some(&body))).await.map(|_| ())
    }

    /// The object as it is now, and whether it is still the application's.
    async fn look(
        &self,
        application: &ApplicationName,
    ) -> Result<Option<(Looked, bool)>, RequestError> {
        let answer = match self.inner.requests.ask(&self.ask(Method::GET, None)).await {
            Ok(answer) => answer,
            Err(RequestError::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let text =
            |name: &str| answer.body["metadata"][name].as_str().unwrap_or_default().to_owned();
        let looked = Looked { uid: text("uid"), resource_version: text("resourceVersion") };
        let id = deployments::annotation(&answer.body, TRACKING_ANNOTATION);
        let owner = id.and_then(|id| tracked_by(id, &self.object));
        Ok(Some((looked, owner.as_ref() == Some(application))))
    }
}
