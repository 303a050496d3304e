//! What is asked for by writing into an object: the annotation of `flux reconcile` and the field of
//! `flux suspend`.

use serde_json::Value;

use crate::windows::{Kind, asked_by};

const REQUESTED_AT: &str = "reconcile.fluxcd.io/requestedAt";

/// A reconciliation that an object asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which one: it stands in the status once it was taken up.
    pub token: String,
    /// Whether it may delete what left Git.
    pub prune: bool,
    /// The program that asks, as the object says; nobody has checked it.
    pub by: String,
}

/// The reconciliation that an object asks for and that was not taken up yet. One that is suspended asks
/// for nothing.
#[must_use]
pub fn request(object: &Value, kind: Kind) -> Option<Request> {
    let token = annotation(object, REQUESTED_AT)?;
    if is_suspended(object) || object["status"]["lastHandledReconcileAt"] == token {
        return None;
    }
    let prune = match kind {
        Kind::Kustomization => object["spec"]["prune"] == true,
        // Helm deletes what left the chart.
        Kind::HelmRelease => true,
        Kind::Application | Kind::GitRepository | Kind::OciRepository | Kind::HelmRepository => {
            false
        }
    };
    let by = asked_by(object, &["f:metadata", "f:annotations", &format!("f:{REQUESTED_AT}")]);
    Some(Request { token: token.to_owned(), prune, by })
}

pub(super) fn is_suspended(object: &Value) -> bool {
    object["spec"]["suspend"] == true
}

/// The program that suspended it, as the object says; `None`: it is not suspended.
#[must_use]
pub fn held_by(object: &Value) -> Option<String> {
    is_suspended(object).then(|| asked_by(object, &["f:spec", "f:suspend"]))
}

pub(super) fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["annotations"].get(name)?.as_str().filter(|text| !text.is_empty())
}
