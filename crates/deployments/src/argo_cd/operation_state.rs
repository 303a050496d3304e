//! The newest synchronisation of an application as Argo CD shows an operation.

use ledger::Timestamp;
use serde_json::{Map, Value, json};

use super::origin;
use super::status::Window;
use crate::view::{Answer, Asked, Deployment, Outcome};
use crate::windows::{View, seconds};

/// How an operation is shown.
struct Shown {
    phase: &'static str,
    message: String,
    started: Timestamp,
    finished: Option<Timestamp>,
}

/// The state of the operation that the object asks for and that is refused.
pub(super) fn refused(window: &Window<'_>, why: &str) -> Value {
    let now = seconds(window.as_of);
    let operation = window.object.get("operation").cloned().unwrap_or_else(|| json!({}));
    json!({
        "phase": "Error", "message": why, "startedAt": now, "finishedAt": now,
        "operation": operation,
    })
}

/// The state of the newest operation; `None`: there was none yet.
pub(super) fn newest(window: &Window<'_>, view: &View<'_>) -> Option<Value> {
    let asked = view.state.asked.as_ref();
    let current = view.state.current();
    let (shown, asked, revision) = match (asked, current) {
        (Some(one), _) if one.answer.is_none() => (waiting(one, view), asked, None),
        (Some(one), current)
            if let Some(Answer::NothingToDo { at }) = one.answer
                && current.is_none_or(|current| current.at <= one.at) =>
        {
            let message = "everything was as Git says".to_owned();
            let shown = Shown { phase: "Succeeded", message, started: one.at, finished: Some(at) };
            (shown, asked, None)
        }
        (_, Some(current)) => {
            let generation = current.generation;
            let asked = asked.filter(|one| one.answer == Some(Answer::Planned { generation }));
            (deployed(current, asked, view, window), asked, Some(&current.revision))
        }
        (_, None) => return None,
    };
    let revision = revision.or(view.revision).map(ToString::to_string).unwrap_or_default();
    Some(on_wire(&shown, asked, &revision, window))
}

fn waiting(asked: &Asked, view: &View<'_>) -> Shown {
    let reasons: Vec<String> = view.state.blocked.iter().map(ToString::to_string).collect();
    let message =
        if reasons.is_empty() { "it is being planned".to_owned() } else { reasons.join("; ") };
    Shown { phase: "Running", message, started: asked.at, finished: None }
}

fn deployed(
    current: &Deployment,
    asked: Option<&Asked>,
    view: &View<'_>,
    window: &Window<'_>,
) -> Shown {
    let (phase, message, finished) = match &current.outcome {
        Outcome::Applying => {
            let waits: Vec<String> = view.waits.iter().map(ToString::to_string).collect();
            let message =
                if waits.is_empty() { "objects are written".into() } else { waits.join("; ") };
            let ends = view.is_under_way && super::is_ending(window.object);
            (if ends { "Terminating" } else { "Running" }, message, None)
        }
        Outcome::Applied { at } => ("Succeeded", "successfully synced".into(), Some(*at)),
        Outcome::Failed { at, problem } => ("Failed", problem.clone(), Some(*at)),
    };
    Shown { phase, message, started: asked.map_or(current.at, |asked| asked.at), finished }
}

fn on_wire(shown: &Shown, asked: Option<&Asked>, revision: &str, window: &Window<'_>) -> Value {
    let initiated_by = match asked {
        Some(asked) => json!({ "username": asked.by() }),
        None => json!({ "automated": true }),
    };
    let mut sync = json!({ "revision": revision });
    if asked.is_some_and(|asked| asked.prune) {
        sync["prune"] = true.into();
    }
    let result: Map<String, Value> = origin(window.object)
        .map(|(name, source)| (name.to_owned(), source))
        .chain([("revision".to_owned(), revision.into())])
        .collect();
    let mut state = json!({
        "phase": shown.phase, "message": shown.message, "startedAt": seconds(shown.started),
        "operation": { "initiatedBy": initiated_by, "sync": sync },
        "syncResult": result,
    });
    if let Some(finished) = shown.finished {
        state["finishedAt"] = seconds(finished).into();
    }
    state
}
