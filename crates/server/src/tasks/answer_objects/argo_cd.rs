//! What an `Application` object of Argo CD shows, and the operation that it asks for.

use deployments::argo_cd::{self, Window};
use ledger::ApplicationName;
use serde_json::{Value, json};

use super::memory::Memory;
use super::sight::Sight;
use super::{Answer, Hand};

const ACTOR: &str = "argo-cd";

pub(super) async fn answer(
    hand: &Hand<'_>,
    application: Option<ApplicationName>,
    memory: &Memory,
) -> anyhow::Result<Option<Answer>> {
    let sight = hand.sight(application);
    if matches!(sight, Sight::NotYet) {
        return Ok(None);
    }
    let (taken, refusal) = take(hand, &sight, memory.taken.as_ref()).await?;
    let write = hand.decide(&sight, |counterpart| {
        let window = Window {
            object: hand.object,
            cluster: &hand.known.name,
            counterpart,
            refusal: refusal.as_deref(),
            as_of: hand.server.clock.now(),
        };
        argo_cd::patch(&window, memory.shown.as_ref())
    });
    Ok(write.map(|write| Answer { taken, write }))
}

/// Takes up what the object asks for. Gives the operation that is taken, so that it is taken once,
/// or why it is refused.
async fn take(
    hand: &Hand<'_>,
    sight: &Sight,
    before: Option<&Value>,
) -> anyhow::Result<(Option<Value>, Option<String>)> {
    let operation = hand.object.get("operation").filter(|operation| !operation.is_null());
    let refused = |why: &str| Ok((None, operation.map(|_| why.to_owned())));
    let rendering = match sight {
        Sight::Same(rendering) => rendering,
        Sight::Unrendered(_) => return refused("no commit of it could be rendered yet"),
        Sight::NotYet | Sight::Undeclared | Sight::Different { .. } => {
            return refused("nothing is synchronised by this object: its conditions say why");
        }
    };
    let name = &rendering.application.name;
    let object = hand.holder();
    if argo_cd::is_ending(hand.object) {
        hand.server.operations.end(name, &format!("the {object} asked for its end"));
    }
    let request = match argo_cd::request(hand.object, &rendering.commit) {
        None => return Ok((None, None)),
        Some(Err(why)) => return Ok((None, Some(why))),
        Some(Ok(request)) => request,
    };
    // Another object of the name has another identity.
    let taken = operation.map(|one| json!([hand.object["metadata"]["uid"], one]));
    if taken.as_ref() != before {
        hand.request(ACTOR, name, request.prune, &request.by).await?;
    }
    Ok((taken, None))
}
