//! `schedule`: runs whose time came, on the default branch of their repository.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use ledger::{CommitId, RepositoryName, Timestamp};
use pipelines::facts::EventName;
use pipelines::trigger::Event;
use pipelines::workflow::model::Schedule;
use pipelines::workflow::schedule::SCHEDULES_MAX;
use serde_json::json;

use super::{ACTOR, Cause, What, on_commit, read_workflows, tip};
use crate::state::Server;
use crate::tasks::Next;

/// The document that says up to which time schedules were looked at.
const PROGRESS: (&str, &str) = ("tasks", "schedules");
/// A repository that could not be read is read again after a minute, not at each fact.
const UNREADABLE_MS: i64 = 60 * 1_000;

/// What the default branches ask for, and when to look at it again.
#[derive(Debug, Default)]
pub struct Known {
    branches: BTreeMap<RepositoryName, Branch>,
    /// When those that could not be read are read again.
    unreadable: BTreeMap<RepositoryName, Timestamp>,
    /// When the schedules were looked at, and when the next one is due; absent when what they are has
    /// changed since.
    looked: Option<(Timestamp, Next)>,
}

/// What the workflows of a default branch ask for.
#[derive(Debug)]
struct Branch {
    commit: CommitId,
    schedules: Vec<Schedule>,
    follows_runs: bool,
}

/// A schedule whose time came.
#[derive(Debug, Clone, PartialEq)]
struct Due {
    repository: RepositoryName,
    schedule: Schedule,
    at: Timestamp,
}

/// The time that one look at the schedules is about.
#[derive(Debug, Clone, Copy)]
struct Span {
    since: Timestamp,
    now: Timestamp,
    /// Whether the next look has to know of this one, also when nothing is due.
    is_to_keep: bool,
}

impl Span {
    /// A clock that went back counts from where it is now; without that being kept, every later look
    /// would begin and end at its own time, and nothing would be due until the clock is where it was.
    fn new(saved_ms: Option<i64>, now: Timestamp) -> Self {
        let since = Timestamp(saved_ms.unwrap_or(now.0)).min(now);
        Self { since, now, is_to_keep: saved_ms.is_none_or(|saved| saved > now.0) }
    }
}

impl Known {
    /// What is due, and when the next time is. What is new counts from now on, whatever was missed
    /// before it was there.
    fn look(&self, span: Span, changed: &[RepositoryName]) -> (Vec<Due>, Next) {
        let Span { since, now, .. } = span;
        let (mut found, mut next) = (Vec::new(), Next::OnChange);
        for (repository, branch) in &self.branches {
            let since = if changed.contains(repository) { now } else { since };
            for schedule in &branch.schedules {
                let mut after = schedule.cron.after(since, &schedule.zone);
                if let Some(at) = after.filter(|at| *at <= now) {
                    let (repository, schedule) = (repository.clone(), schedule.clone());
                    after = schedule.cron.after(now, &schedule.zone);
                    found.push(Due { repository, schedule, at });
                }
                next = next.earlier(after.map_or(Next::OnChange, Next::At));
            }
        }
        let again = self.unreadable.values().map(|again| Next::At(*again));
        (found, again.fold(next, Next::earlier))
    }

    /// When the next time is, when nothing can be due before: no schedule is new, and the clock is
    /// between the last look and that time.
    fn rest(&self, now: Timestamp) -> Option<Next> {
        let (at, next) = self.looked?;
        let is_due = match next {
            Next::OnChange => false,
            Next::At(due) => due <= now,
        };
        (at <= now && !is_due).then_some(next)
    }
}

/// Starts what is due, and says when the next time is. Times that passed while the server was down
/// or the clock jumped come once, not once each.
pub(super) async fn fire(server: &Arc<Server>) -> anyhow::Result<Next> {
    let now = server.clock.now();
    let changed = refresh(server, now).await;
    let rest = known(server).as_ref().and_then(|known| known.rest(now));
    if let Some(next) = rest {
        return Ok(next);
    }
    let database = server.recorder.database();
    let saved = database.get_document(PROGRESS.0, PROGRESS.1).await?;
    let saved = saved.and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    let span = Span::new(saved, now);
    let looked = known(server).as_ref().map(|known| known.look(span, &changed));
    let (due, next) = looked.unwrap_or((Vec::new(), Next::OnChange));
    for one in &due {
        if let Err(error) = begin(server, one).await {
            let (repository, error) = (&one.repository, format!("{error:#}"));
            tracing::warn!(%repository, error, "a scheduled run did not start");
        }
    }
    if span.is_to_keep || !due.is_empty() || !changed.is_empty() {
        let text = now.0.to_string().into_bytes();
        database.put_document(PROGRESS.0, PROGRESS.1, &text).await?;
    }
    if let Some(known) = known(server).as_mut() {
        known.looked = Some((now, next));
    }
    Ok(next)
}

/// Whether it is known that no workflow of this commit, the newest of the default branch, follows runs.
pub(super) fn nothing_follows(
    server: &Server,
    repository: &RepositoryName,
    commit: &CommitId,
) -> bool {
    let known = known(server);
    let branch = known.as_ref().and_then(|known| known.branches.get(repository));
    branch.is_some_and(|branch| branch.commit == *commit && !branch.follows_runs)
}

async fn begin(server: &Arc<Server>, due: &Due) -> anyhow::Result<()> {
    let Due { repository, schedule, at: due } = due;
    let Some(at) = tip(server, repository) else { return Ok(()) };
    let cron = schedule.cron.as_str();
    let sequence = server.recorder.views().sequence;
    let cause = Cause { sequence, at: *due, actor: ACTOR.to_owned() };
    let event = Event::Schedule { cron: cron.to_owned(), zone: schedule.zone.clone() };
    let payload = json!({"schedule": cron});
    let what = What { name: EventName::Schedule, event, payload };
    on_commit(server, &cause, repository, at, what).await
}

/// Reads the default branches that moved; those whose schedules are others now. One that cannot be
/// read keeps those that it had, and the others are read.
async fn refresh(server: &Arc<Server>, now: Timestamp) -> Vec<RepositoryName> {
    let (moved, at_start) = moved(server, now);
    if moved.is_empty() && !at_start {
        return Vec::new();
    }
    let mut read = Vec::new();
    for (repository, commit) in moved {
        let branch = read_branch(server, &repository, commit).await;
        read.push((repository, branch));
    }
    let mut known = known(server);
    let known = known.get_or_insert_default();
    known.looked = None;
    let mut changed = Vec::new();
    for (repository, branch) in read {
        match branch {
            Ok(branch) => {
                let before = known.branches.get(&repository);
                let before = before.map(|before| before.schedules.as_slice()).unwrap_or_default();
                // At a start all are read anew, and what was missed is still to come.
                if !at_start && before != branch.schedules {
                    changed.push(repository.clone());
                }
                known.unreadable.remove(&repository);
                known.branches.insert(repository, branch);
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(%repository, error, "the schedules of a repository were not read");
                known.unreadable.insert(repository, now.plus_ms(UNREADABLE_MS));
            }
        }
    }
    changed
}

/// The default branches that are not known as they are, and whether none is known yet. Repositories
/// that are gone are forgotten.
fn moved(server: &Server, now: Timestamp) -> (Vec<(RepositoryName, CommitId)>, bool) {
    let views = server.recorder.views();
    let repositories = &views.repositories.repositories;
    let mut known = known(server);
    if let Some(known) = known.as_mut() {
        known.branches.retain(|repository, _| repositories.contains_key(repository));
        known.unreadable.retain(|repository, again| {
            // A clock that went back makes no wait longer.
            let waits = (1..=UNREADABLE_MS).contains(&again.since_ms(now));
            waits && repositories.contains_key(repository)
        });
    }
    let mut moved = Vec::new();
    for (name, repository) in repositories {
        let Some(tip) = repository.refs.get(&repository.default_branch) else { continue };
        let branch = known.as_ref().and_then(|known| known.branches.get(name));
        let is_read = branch.is_some_and(|branch| branch.commit == tip.commit);
        let waits = known.as_ref().is_some_and(|known| known.unreadable.contains_key(name));
        if !is_read && !waits {
            moved.push((name.clone(), tip.commit.clone()));
        }
    }
    (moved, known.is_none())
}

async fn read_branch(
    server: &Arc<Server>,
    repository: &RepositoryName,
    commit: CommitId,
) -> anyhow::Result<Branch> {
    let store = server.repository(repository)?;
    let read = read_workflows(&store, &commit).await?;
    let (mut schedules, mut follows_runs) = (Vec::new(), false);
    for workflow in read.into_iter().filter_map(|(_, read)| read.ok()) {
        follows_runs |= workflow.events.workflow_run.is_some();
        for schedule in workflow.events.schedule {
            let is_full = schedules.len() >= SCHEDULES_MAX;
            if schedules.contains(&schedule) {
                continue;
            }
            if is_full {
                let cron = schedule.cron.as_str();
                tracing::warn!(%repository, cron, "too many schedules in one repository");
                continue;
            }
            schedules.push(schedule);
        }
    }
    Ok(Branch { commit, schedules, follows_runs })
}

fn known(server: &Server) -> MutexGuard<'_, Option<Known>> {
    server.runs.schedules.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60 * 1_000;

    /// The clock at each look, in minutes; the answer names what is due and, after `>`, the next time.
    #[track_caller]
    fn check(cron: &str, minutes: &[i64], expected: &str) {
        let cron = cron.to_owned().try_into().expect("a cron");
        let schedules = vec![Schedule { cron, zone: Default::default() }];
        let commit = CommitId::new("1".repeat(40)).expect("an id");
        let name = RepositoryName::new("demo/hello").expect("a name");
        let branch = Branch { commit, schedules, follows_runs: false };
        let mut known = Known { branches: BTreeMap::from([(name, branch)]), ..Known::default() };
        let (mut saved, mut story) = (None, Vec::new());
        for minute in minutes {
            let now = Timestamp(minute * MINUTE_MS);
            if known.rest(now).is_some() {
                story.push("rest".to_owned());
                continue;
            }
            let span = Span::new(saved, now);
            let (due, next) = known.look(span, &[]);
            if span.is_to_keep || !due.is_empty() {
                saved = Some(now.0);
            }
            known.looked = Some((now, next));
            let due = due.iter().map(|due| (due.at.0 / MINUTE_MS).to_string());
            let due = due.collect::<Vec<_>>().join("+");
            story.push(match next {
                Next::OnChange => format!("{due}>"),
                Next::At(at) => format!("{due}>{}", at.0 / MINUTE_MS),
            });
        }
        assert_eq!(story.join(" "), expected);
    }

    #[test]
    fn times_come_once() {
        check("*/10 * * * *", &[5, 7, 10, 12, 20], ">10 rest 10>20 rest 20>30");
        // What was missed comes once.
        check("*/10 * * * *", &[5, 47, 50], ">10 10>50 50>60");
    }

    #[test]
    fn a_clock_that_goes_back_stops_nothing() {
        check("*/10 * * * *", &[105, 5, 10, 20], ">110 >10 10>20 20>30");
    }

    #[test]
    fn what_cannot_be_read_is_looked_at_again() {
        let name = RepositoryName::new("demo/hello").expect("a name");
        let unreadable = BTreeMap::from([(name, Timestamp(MINUTE_MS))]);
        let known = Known { unreadable, ..Known::default() };
        let (due, next) = known.look(Span::new(None, Timestamp(0)), &[]);
        assert_eq!((due, next), (Vec::new(), Next::At(Timestamp(MINUTE_MS))));
    }
}
