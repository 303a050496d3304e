//! `schedule`: runs whose time came, on the default branch of their repository.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use ledger::{CommitId, RepositoryName, Timestamp};
use pipelines::facts::EventName;
use pipelines::trigger::Event;
use pipelines::workflow::model::Schedule;
use serde_json::json;

use super::{ACTOR, Cause, What, on_commit, read_workflows, tip};
use crate::state::Server;
use crate::tasks::Next;

/// The document that says up to which time schedules were looked at.
const PROGRESS: (&str, &str) = ("tasks", "schedules");

/// What the default branches schedule, by the commit that it was read from.
pub type Known = BTreeMap<RepositoryName, (CommitId, Vec<Schedule>)>;

/// Starts what is due, and says when the next time is. Times that passed while the server was down
/// or the clock jumped come once, not once each.
pub(super) async fn fire(server: &Arc<Server>) -> anyhow::Result<Next> {
    let database = server.recorder.database();
    let now = server.clock.now();
    let saved = database.get_document(PROGRESS.0, PROGRESS.1).await?;
    let saved = saved.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    let last = Timestamp(saved.unwrap_or(now.0)).min(now);
    let changed = refresh(server).await?;
    let known = {
        let known = server.runs.schedules.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone().unwrap_or_default()
    };
    let (mut next, mut fired) = (Next::OnChange, false);
    for (repository, (_, schedules)) in &known {
        // What is new is due after now, whatever was missed before it was there.
        let since = if changed.contains(repository) { now } else { last };
        for schedule in schedules {
            match schedule.cron.after(since, &schedule.zone) {
                Some(due) if due <= now => {
                    begin(server, repository, schedule, due).await?;
                    fired = true;
                    let after = schedule.cron.after(now, &schedule.zone);
                    next = next.earlier(after.map_or(Next::OnChange, Next::At));
                }
                Some(due) => next = next.earlier(Next::At(due)),
                None => {}
            }
        }
    }
    if saved.is_none() || fired || !changed.is_empty() {
        let text = now.0.to_string().into_bytes();
        database.put_document(PROGRESS.0, PROGRESS.1, &text).await?;
    }
    Ok(next)
}

async fn begin(
    server: &Arc<Server>,
    repository: &RepositoryName,
    schedule: &Schedule,
    due: Timestamp,
) -> anyhow::Result<()> {
    let Some(at) = tip(server, repository) else { return Ok(()) };
    let cron = schedule.cron.as_str();
    let sequence = server.recorder.views().sequence;
    let cause = Cause { sequence, at: due, actor: ACTOR.to_owned() };
    let event = Event::Schedule { cron: cron.to_owned() };
    let payload = json!({"schedule": cron});
    let what = What { name: EventName::Schedule, event, payload };
    on_commit(server, &cause, repository, at, what).await
}

/// Reads the default branches that moved; those whose schedules are others now.
async fn refresh(server: &Arc<Server>) -> anyhow::Result<Vec<RepositoryName>> {
    let names: Vec<RepositoryName> = {
        let views = server.recorder.views();
        views.repositories.repositories.keys().cloned().collect()
    };
    let known = {
        let known = server.runs.schedules.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    };
    // At a start all are read anew, and what was missed is still to come.
    let at_start = known.is_none();
    let mut known = known.unwrap_or_default();
    let mut changed = Vec::new();
    for repository in &names {
        let Some(at) = tip(server, repository) else { continue };
        if known.get(repository).is_some_and(|(known, _)| *known == at.commit) {
            continue;
        }
        let store = server.repository(repository)?;
        let read = read_workflows(&store, &at.commit).await?;
        let valid = read.into_iter().filter_map(|(_, read)| read.ok());
        let mut schedules: Vec<Schedule> = Vec::new();
        for schedule in valid.flat_map(|workflow| workflow.events.schedule) {
            if !schedules.contains(&schedule) {
                schedules.push(schedule);
            }
        }
        let before = known.insert(repository.clone(), (at.commit, schedules.clone()));
        let before = before.map(|(_, before)| before).unwrap_or_default();
        if !at_start && before != schedules {
            changed.push(repository.clone());
        }
    }
    known.retain(|repository, _| names.contains(repository));
    *server.runs.schedules.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    Ok(changed)
}
