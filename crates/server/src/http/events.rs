//! One event stream: facts as they are recorded, resumable by sequence number.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::Stream;
use ledger::Sequence;
use repositories::access::Permission;
use serde::Deserialize;

use crate::http::audit::fact_on_wire;
use crate::http::extract::Query;
use crate::http::identity;
use crate::http::problem::Refusal;
use crate::state::Server;

/// Where a stream begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    after: Option<u64>,
}

/// How many facts are read at once for a reader that is behind.
const FACTS_PER_READ: usize = 200;

/// The stream. `Last-Event-ID` wins over `after`; without both it begins with the next fact.
///
/// The token is looked at again before each batch, so a revoked one ends its streams.
#[utoipa::path(get, path = "/events", tag = "audit",
    params(("after" = Option<u64>, Query, description = "Begin after this fact")),
    responses((status = 200, description = "Facts as server-sent events; the id is the sequence")))]
pub async fn stream(
    State(server): State<Arc<Server>>,
    headers: HeaderMap,
    Query(query): Query<EventQuery>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    identity::permit_server(&server, &headers, Permission::ReadServer).await?;
    let last_seen =
        headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let newest = server.recorder.views().sequence;
    let begin = last_seen.or(query.after).map_or(newest, Sequence);
    let events = futures::stream::unfold((server, headers, begin, Vec::new()), next);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

type Cursor = (Arc<Server>, HeaderMap, Sequence, Vec<Event>);

async fn next(
    (server, headers, mut after, mut ready): Cursor,
) -> Option<(Result<Event, Infallible>, Cursor)> {
    let mut folded = server.recorder.watch();
    while ready.is_empty() {
        let mut stopping = server.stopping.subscribe();
        tokio::select! {
            reached = folded.wait_for(|sequence| *sequence > after) => { reached.ok()?; }
            () = crate::state::stopped(&mut stopping) => return None,
        }
        let permitted = identity::permit_server(&server, &headers, Permission::ReadServer).await;
        permitted.ok()?;
        let facts = server.recorder.facts(after, FACTS_PER_READ).await.ok()?;
        after = facts.last().map_or(after, |fact| fact.sequence);
        let visible = server.visible_to(&headers);
        let events = facts.iter().filter(|fact| visible.fact(fact)).filter_map(|fact| {
            let data = serde_json::to_string(&fact_on_wire(fact)).ok()?;
            Some(Event::default().id(fact.sequence.to_string()).event("fact").data(data))
        });
        ready = events.collect();
        ready.reverse();
    }
    let event = ready.pop()?;
    Some((Ok(event), (server, headers, after, ready)))
}
