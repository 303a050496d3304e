//! What a source of Flux shows: a `GitRepository` where its reference stands, the others who reads them.

use ledger::{ApplicationName, CommitId, RepositoryName, Timestamp};
use serde_json::{Value, json};

use super::conditions::conditions;
use super::request::is_suspended;
use super::verdict::{Progress, SUSPENDED, Verdict};
use super::workload::revision;
use super::{request, status_patch};
use crate::windows::{Kind, Shown, is_going, seconds};

/// A source and what it stands for here.
pub struct SourceWindow<'a> {
    /// Its kind.
    pub kind: Kind,
    /// As it is on the cluster.
    pub object: &'a Value,
    /// Where it is.
    pub origin: Origin<'a>,
    /// When all of this was true.
    pub as_of: Timestamp,
}

/// Where a source is.
pub enum Origin<'a> {
    /// In a repository of this server.
    Here {
        /// Its name.
        repository: &'a RepositoryName,
        /// Where it is cloned from.
        address: &'a str,
        /// The reference's name.
        reference: &'a str,
        /// Where that stands, and since when if that is known; `None`: there is no such one.
        tip: Option<(&'a CommitId, Option<Timestamp>)>,
    },
    /// Somewhere else. Applications read it when they are rendered.
    Elsewhere {
        /// Those that read it.
        readers: &'a [&'a ApplicationName],
    },
}

/// What a `GitRepository` follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A branch.
    Branch(&'a str),
    /// A tag.
    Tag(&'a str),
    /// A whole name of a ref.
    Name(&'a str),
    /// A commit.
    Commit(&'a str),
    /// The newest tag of a range.
    Range,
}

/// What a `GitRepository` follows.
#[must_use]
pub fn reference(object: &Value) -> Reference<'_> {
    let named = |name| object["spec"]["ref"][name].as_str().filter(|text| !text.is_empty());
    // In the order in which Flux looks.
    match (named("commit"), named("name"), named("semver"), named("tag"), named("branch")) {
        (Some(commit), ..) => Reference::Commit(commit),
        (None, Some(name), ..) => Reference::Name(name),
        (None, None, Some(_), ..) => Reference::Range,
        (None, None, None, Some(tag), _) => Reference::Tag(tag),
        (None, None, None, None, branch) => Reference::Branch(branch.unwrap_or("master")),
    }
}

/// What is to be merged into the object, and the status that it will have; `None`: it shows everything.
#[must_use]
pub fn patch(window: &SourceWindow<'_>, shown: Option<&Shown>) -> Option<(Value, Value)> {
    let object = window.object;
    let mut status = json!({
        "conditions": conditions(object, &verdict(window), None, window.as_of),
        "observedGeneration": object["metadata"]["generation"],
    });
    // It is looked at whenever something changes: a request is handled once it is seen.
    let asked = request(object, window.kind).map(|request| request.token);
    let handled = asked.map(Value::from).or_else(|| {
        object["status"].get("lastHandledReconcileAt").filter(|token| !token.is_null()).cloned()
    });
    if let Some(handled) = handled {
        status["lastHandledReconcileAt"] = handled;
    }
    if let Some(artifact) = artifact(window) {
        status["artifact"] = artifact;
    }
    status_patch(object, status, shown)
}

/// A commit, and where Git fetches it: no archive. Flux's own program reads the revision without asking
/// whether there is one.
fn artifact(window: &SourceWindow<'_>) -> Option<Value> {
    let Origin::Here { repository, address, reference, tip: Some((commit, since)) } =
        &window.origin
    else {
        return None;
    };
    let revision = revision(reference, commit);
    let known = &window.object["status"]["artifact"];
    let seen = match since {
        Some(since) => seconds(*since).into(),
        None if known["revision"] == revision => known["lastUpdateTime"].clone(),
        None => seconds(window.as_of).into(),
    };
    Some(json!({
        "revision": revision, "digest": format!("sha1:{commit}"), "lastUpdateTime": seen,
        "path": repository.as_str(), "url": address,
    }))
}

fn verdict(window: &SourceWindow<'_>) -> Verdict {
    let stuck = |reason, message: String| Verdict::new(Progress::Stuck, reason, message);
    if is_going(window.object) {
        let message = "this object goes when its finalizers are removed from it";
        return stuck("Failed", message.into());
    }
    if is_suspended(window.object) {
        let message = "suspending a source holds nothing here: suspend the Kustomizations and \
                       HelmReleases that are to be held, and resume this object";
        return stuck(SUSPENDED, message.into());
    }
    let url = window.object["spec"]["url"].as_str().unwrap_or_default();
    match &window.origin {
        Origin::Here { repository, reference: name, tip: Some((commit, _)), .. } => {
            let message = format!("{repository} is at {}", revision(name, commit));
            Verdict::new(Progress::Done, "Succeeded", message)
        }
        Origin::Here { repository, reference: name, tip: None, .. } => {
            let message = if reference(window.object) == Reference::Range {
                "a range of versions (`semver`) is not followed: name one tag".to_owned()
            } else {
                format!("there is no `{name}` in {repository}: push it, or name another")
            };
            stuck("GitOperationFailed", message)
        }
        Origin::Elsewhere { readers: [] } => {
            let message = match window.kind {
                Kind::GitRepository => format!(
                    "{url} is no repository of this server: push it here and let `spec.url` be its \
                     address here"
                ),
                Kind::OciRepository
                | Kind::HelmRepository
                | Kind::Application
                | Kind::Kustomization
                | Kind::HelmRelease => format!("no application that Git declares reads {url}"),
            };
            stuck("InvalidURL", message)
        }
        Origin::Elsewhere { readers } => {
            let names: Vec<&str> = readers.iter().map(|name| name.as_str()).collect();
            let message = format!("read when {} is rendered", names.join(", "));
            Verdict::new(Progress::Done, "Succeeded", message)
        }
    }
}
