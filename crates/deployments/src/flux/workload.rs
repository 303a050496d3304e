//! What a `Kustomization` or `HelmRelease` shows of the application of its name.

use std::collections::{BTreeMap, BTreeSet};

use ledger::{CommitId, Timestamp};
use serde_json::{Value, json};

use super::conditions::conditions;
use super::request::annotation;
use super::status_patch;
use super::verdict::Verdict;
use crate::objects::ObjectKey;
use crate::planner::{Action, Step};
use crate::windows::{Counterpart, Kind, Shown, View};

/// An entry takes about 100 bytes, and an object about 1.5 MB.
const INVENTORY_MAX: usize = 5_000;

/// An object and what it is a window to.
pub struct Window<'a> {
    /// Its kind.
    pub kind: Kind,
    /// As it is on the cluster.
    pub object: &'a Value,
    /// The cluster's name here.
    pub cluster: &'a str,
    /// What Git has of its name.
    pub counterpart: Counterpart<'a>,
    /// What the application follows: a branch, a tag or a commit.
    pub reference: &'a str,
    /// The newest request that was taken up, or refused.
    pub handled: Option<&'a str>,
    /// When all of this was true.
    pub as_of: Timestamp,
}

/// What is to be merged into the object, and the status that it will have; `None`: it shows everything.
#[must_use]
pub fn patch(window: &Window<'_>, shown: Option<&Shown>) -> Option<(Value, Value)> {
    status_patch(window.object, status(window), shown)
}

/// A commit as Flux writes revisions.
pub(super) fn revision(reference: &str, commit: &CommitId) -> String {
    match reference == commit.as_str() {
        true => format!("sha1:{commit}"),
        false => format!("{reference}@sha1:{commit}"),
    }
}

impl Window<'_> {
    /// What Git asks for now; empty while it is not known.
    pub(super) fn revision(&self) -> String {
        let commit = match &self.counterpart {
            Counterpart::Same(view) => view.revision,
            Counterpart::Undeclared | Counterpart::Different { .. } => None,
        };
        commit.map(|commit| revision(self.reference, commit)).unwrap_or_default()
    }
}

fn status(window: &Window<'_>) -> Value {
    let object = window.object;
    let (mut status, health) = match &window.counterpart {
        Counterpart::Undeclared | Counterpart::Different { .. } => (before(object), None),
        Counterpart::Same(view) => (of_application(window, view), view.state.current_health()),
    };
    let health = health.filter(|_| window.kind == Kind::Kustomization);
    let verdict = Verdict::of(window);
    status["conditions"] = conditions(object, &verdict, health.as_ref(), window.as_of);
    status["observedGeneration"] = object["metadata"]["generation"].clone();
    if let Some(handled) = window.handled {
        status["lastHandledReconcileAt"] = handled.into();
        if window.kind == Kind::HelmRelease {
            for (asked, taken) in
                [("forceAt", "lastHandledForceAt"), ("resetAt", "lastHandledResetAt")]
            {
                let asked = annotation(object, &format!("reconcile.fluxcd.io/{asked}"));
                if asked == Some(handled) {
                    status[taken] = handled.into();
                }
            }
        }
    }
    status
}

/// What Flux recorded is what it deployed, and is still read by `boucle migrate`.
fn before(object: &Value) -> Value {
    object.get("status").filter(|status| status.is_object()).cloned().unwrap_or_else(|| json!({}))
}

fn of_application(window: &Window<'_>, view: &View<'_>) -> Value {
    let Some(running) = view.state.running() else { return before(window.object) };
    let is_same =
        view.steps.is_some_and(|steps| steps.iter().all(|step| step.action == Action::Unchanged));
    // What is applied already needs no deployment.
    let applied = view.revision.filter(|_| is_same).unwrap_or(&running.revision);
    let attempted = view.revision.unwrap_or(applied);
    let mut status = json!({ "lastAttemptedRevision": revision(window.reference, attempted) });
    if window.kind == Kind::Kustomization {
        status["lastAppliedRevision"] = revision(window.reference, applied).into();
    }
    // What is there cannot be seen now: what was seen last is shown.
    let inventory = match view.steps {
        Some(steps) => Some(inventory(steps, view.live)),
        None => window.object["status"].get("inventory").cloned(),
    };
    if let Some(inventory) = inventory {
        status["inventory"] = inventory;
    }
    status
}

/// The application's objects that are there.
fn inventory(steps: &[Step], live: &[Value]) -> Value {
    let live: BTreeMap<ObjectKey, &Value> =
        live.iter().filter_map(|one| Some((ObjectKey::of(one, "")?, one))).collect();
    let entry = |step: &Step| {
        let manifest = step.manifest.as_ref().or(live.get(&step.object).copied())?;
        let version = manifest["apiVersion"].as_str()?;
        let version = version.rsplit_once('/').map_or(version, |(_, version)| version);
        Some((id(&step.object), version.to_owned()))
    };
    let is_there = |step: &&Step| step.action != Action::Create;
    let entries: BTreeSet<(String, String)> =
        steps.iter().filter(is_there).filter_map(entry).collect();
    let entry = |(id, version)| json!({ "id": id, "v": version });
    json!({ "entries": entries.into_iter().take(INVENTORY_MAX).map(entry).collect::<Value>() })
}

/// As `boucle migrate` reads it: names of roles may have colons, which are written as two underscores.
fn id(object: &ObjectKey) -> String {
    let ObjectKey { group, kind, namespace, name } = object;
    format!("{namespace}_{}_{group}_{kind}", name.replace(':', "__"))
}
