//! Sync windows: when an application may be synchronised, and by whom.

use ledger::{ApplicationName, Timestamp};
use serde::{Deserialize, Serialize};

use super::{DestinationNames, Project, Schedule, ZoneName};
use crate::glob::Glob;

/// How many turns of a schedule are followed to tell when a window ends: one that is always open
/// again before it closes has no end that anybody needs to know.
const TURNS_MAX: usize = 400;

/// A recurring time at which synchronising is allowed or denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncWindow {
    /// `kind`.
    pub kind: WindowKind,
    /// `schedule`: when it opens.
    pub schedule: Schedule,
    /// `timeZone` of the schedule.
    pub zone: ZoneName,
    /// `duration`: how long it stays open.
    pub duration_ms: i64,
    /// `applications`, by name.
    pub applications: Vec<Glob>,
    /// `namespaces` of destinations.
    pub namespaces: Vec<Glob>,
    /// `clusters`, by address or name.
    pub clusters: Vec<Glob>,
    /// `andOperator`: all three lists that have entries must match, not any.
    pub all_must_match: bool,
    /// `manualSync`: a person may synchronise although the window forbids it.
    pub manual: bool,
}

/// What a window does while it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Synchronising is possible then, and at no other time.
    Allow,
    /// Synchronising is not possible then; goes before what allows.
    Deny,
}

/// Windows say that it is not the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowWait {
    /// The project.
    pub project: String,
    /// Which kind of window holds it back: one that denies, or one that would allow and is closed.
    pub kind: WindowKind,
    /// Its schedule, with the zone and the duration.
    pub schedule: String,
    /// When that changes; `None`: not in any foreseeable time.
    pub until: Option<Timestamp>,
    /// Whether a person may synchronise all the same.
    pub manual: bool,
}

/// Whether the windows of a project let an application be synchronised at `now`. A window that
/// denies goes before one that allows; where windows allow, only an open one does; `by_person` is
/// whether a person asked, which counts where every window in the way has `manualSync`.
pub fn synchronises(
    project: &Project,
    application: &ApplicationName,
    place: &DestinationNames,
    by_person: bool,
    now: Timestamp,
) -> Result<(), WindowWait> {
    let matching: Vec<&SyncWindow> =
        project.windows.iter().filter(|window| window.concerns(application, place)).collect();
    let (open, closed): (Vec<&SyncWindow>, Vec<&SyncWindow>) =
        matching.into_iter().partition(|window| window.opened(now).is_some());
    let wait = |held_by: &[&SyncWindow], until: Option<Timestamp>| {
        let first = held_by.first()?;
        let manual = held_by.iter().all(|window| window.manual);
        (!(manual && by_person)).then(|| WindowWait {
            project: project.name.clone(),
            kind: first.kind,
            schedule: first.describe(),
            until,
            manual,
        })
    };
    let denies = of_kind(&open, WindowKind::Deny);
    if !denies.is_empty() {
        let until = denies.iter().filter_map(|window| window.closes(now)).max();
        return wait(&denies, until).map_or(Ok(()), Err);
    }
    if !of_kind(&open, WindowKind::Allow).is_empty() {
        return Ok(());
    }
    let allows = of_kind(&closed, WindowKind::Allow);
    let until = allows.iter().filter_map(|window| window.opens(now)).min();
    wait(&allows, until).map_or(Ok(()), Err)
}

fn of_kind<'a>(windows: &[&'a SyncWindow], kind: WindowKind) -> Vec<&'a SyncWindow> {
    windows.iter().copied().filter(|window| window.kind == kind).collect()
}

impl SyncWindow {
    fn concerns(&self, application: &ApplicationName, place: &DestinationNames) -> bool {
        let any = |globs: &[Glob], text: &str| globs.iter().any(|glob| glob.matches(text));
        let clusters = || {
            let names = place.server.iter().chain(&place.name);
            names.into_iter().any(|name| any(&self.clusters, name))
        };
        let answers = [
            (!self.applications.is_empty()).then(|| any(&self.applications, application.as_str())),
            (!self.namespaces.is_empty()).then(|| any(&self.namespaces, &place.namespace)),
            (!self.clusters.is_empty()).then(clusters),
        ];
        let mut given = answers.into_iter().flatten().peekable();
        if self.all_must_match {
            given.peek().is_some() && given.all(|matches| matches)
        } else {
            given.any(|matches| matches)
        }
    }

    /// When it opened last, if it is open.
    fn opened(&self, now: Timestamp) -> Option<Timestamp> {
        let opened = self.schedule.after(now.plus_ms(-self.duration_ms), &self.zone)?;
        (opened <= now).then_some(opened)
    }

    /// When it closes, if it is open: the end of the last turn that begins before the one before it
    /// has ended.
    fn closes(&self, now: Timestamp) -> Option<Timestamp> {
        let mut last = self.opened(now)?;
        for _ in 0..TURNS_MAX {
            match self.schedule.after(last, &self.zone) {
                Some(next) if next <= last.plus_ms(self.duration_ms) => last = next,
                Some(_) | None => break,
            }
        }
        Some(last.plus_ms(self.duration_ms))
    }

    /// When it opens next.
    fn opens(&self, now: Timestamp) -> Option<Timestamp> {
        self.schedule.after(now, &self.zone)
    }

    /// `0 22 * * * (Europe/Paris) for 1h30m`.
    fn describe(&self) -> String {
        let (minutes, seconds) = (self.duration_ms / 60_000, self.duration_ms % 60_000 / 1_000);
        let part = |count: i64, unit: &str| match count {
            0 => String::new(),
            count => format!("{count}{unit}"),
        };
        let (hours, minutes) = (part(minutes / 60, "h"), part(minutes % 60, "m"));
        let duration = format!("{hours}{minutes}{}", part(seconds, "s"));
        format!("{} ({}) for {duration}", self.schedule.as_str(), self.zone.as_str())
    }
}
