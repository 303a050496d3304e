//! What a `Kustomization` or `HelmRelease` of Flux shows, and the reconciliation that it asks for.

use deployments::flux::{self, Window};
use ledger::ApplicationName;
use serde_json::{Value, json};

use super::memory::Memory;
use super::sight::Sight;
use super::{Answer, Hand};
use crate::renderings::Rendering;

pub(super) const ACTOR: &str = "flux";

pub(super) async fn answer(
    hand: &Hand<'_>,
    application: Option<ApplicationName>,
    memory: &Memory,
) -> anyhow::Result<Option<Answer>> {
    let sight = hand.sight(application);
    if matches!(sight, Sight::NotYet) {
        return Ok(None);
    }
    let (taken, handled) = take(hand, &sight, memory.taken.as_ref()).await?;
    let reference = match &sight {
        Sight::Same(rendering) => reference(hand, rendering),
        Sight::NotYet | Sight::Undeclared | Sight::Different { .. } | Sight::Unrendered(_) => {
            String::new()
        }
    };
    let write = hand.decide(&sight, |counterpart| {
        let window = Window {
            kind: hand.windows.kind,
            object: hand.object,
            cluster: &hand.known.name,
            counterpart,
            reference: &reference,
            handled: handled.as_deref(),
            as_of: hand.server.clock.now(),
        };
        flux::patch(&window, memory.shown.as_ref())
    });
    Ok(write.map(|write| Answer { taken, write }))
}

/// Takes up what the object asks for. Gives it, so that it is taken once, and the newest request that
/// was handled: also one of an object that orders nothing is, because its conditions say so.
async fn take(
    hand: &Hand<'_>,
    sight: &Sight,
    before: Option<&Value>,
) -> anyhow::Result<(Option<Value>, Option<String>)> {
    let Some(request) = flux::request(hand.object, hand.windows.kind) else {
        let handled = hand.object["status"]["lastHandledReconcileAt"].as_str();
        return Ok((None, handled.map(str::to_owned)));
    };
    // Another object of the name has another identity.
    let taken = json!([hand.object["metadata"]["uid"], request.token]);
    if let Sight::Same(rendering) = sight
        && before != Some(&taken)
    {
        let name = &rendering.application.name;
        hand.request(ACTOR, name, request.prune, &request.by).await?;
    }
    Ok((Some(taken), Some(request.token)))
}

/// What the application follows, with the default branch by its name.
fn reference(hand: &Hand<'_>, rendering: &Rendering) -> String {
    let named = rendering.application.source.target_revision.as_str();
    if !matches!(named, "" | "HEAD") {
        return named.to_owned();
    }
    let views = hand.server.recorder.views();
    let source = rendering.sources.first().map(|read| &read.repository);
    let repository = source.and_then(|name| views.repositories.repository(name));
    let branch = repository.map(|repository| repository.default_branch.to_string());
    branch.unwrap_or_default().trim_start_matches("refs/heads/").to_owned()
}
