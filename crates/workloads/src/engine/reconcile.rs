//! The one reconciler: looks at wishes and replicas, starts and stops, and sleeps until something
//! happens or a time comes. It takes no argument; start, retry and change are this one path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::ApplicationName;
use tokio_util::sync::CancellationToken;

use super::apply::notice_alterations;
use crate::event::{EventReason, ObjectKey};
use crate::logs::{Log, quote};
use crate::model::{Body, Deployment, Job, StrategyKind};
use crate::rollout::{Bounds, Member, decide};
use crate::service::{Listener, Route, listen, place};
use crate::state::{ContainerState, Held, Inner, Progress, Replica, State, Traffic, now};
use crate::store::{JobEnd, JobState};
use crate::{replica, status};

/// Files are compared this often, and every timer that was missed is met at the latest then.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Kubernetes' waits before a failed job is tried again.
const JOB_BACK_OFF_MAX: Duration = Duration::from_secs(360);

/// What is told after the lock is given back.
struct Told {
    application: ApplicationName,
    object: ObjectKey,
    reason: EventReason,
    message: String,
}

/// What one look decided.
#[derive(Default)]
struct Work {
    start: Vec<u64>,
    told: Vec<Told>,
    /// The next time at which something changes by itself.
    next: Option<Instant>,
    /// The applications of which something that is shown in a status changed.
    changed: BTreeSet<ApplicationName>,
}

impl Work {
    fn changed(&mut self, application: &ApplicationName) {
        if !self.changed.contains(application) {
            self.changed.insert(application.clone());
        }
    }

    fn at(&mut self, time: Instant) {
        self.next = Some(self.next.map_or(time, |next| next.min(time)));
    }

    fn tell(
        &mut self,
        application: &ApplicationName,
        object: &ObjectKey,
        reason: EventReason,
        message: String,
    ) {
        let (application, object) = (application.clone(), object.clone());
        self.told.push(Told { application, object, reason, message });
    }
}

/// Runs until the engine is closed and every replica is gone.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut looked = Instant::now();
    loop {
        if inner.closing.is_cancelled() {
            let state = inner.state();
            for replica in state.replicas.values() {
                replica.stop.cancel();
            }
            return;
        }
        if looked.elapsed() >= LOOK_EVERY {
            let inner = Arc::clone(&inner);
            // Reading files may block; a failed task means that the runtime ends.
            let _ = tokio::task::spawn_blocking(move || notice_alterations(&inner, None)).await;
            looked = Instant::now();
        }
        let work = look(&inner);
        for id in work.start {
            tokio::spawn(replica::run(Arc::clone(&inner), id));
        }
        for told in work.told {
            inner.tell(told.application, told.object, None, told.reason, told.message);
        }
        for application in &work.changed {
            inner.show(application);
        }
        let latest = Instant::now() + LOOK_EVERY;
        let next = work.next.map_or(latest, |next| next.min(latest));
        tokio::select! {
            () = inner.wake.notified() => {}
            () = inner.closing.cancelled() => {}
            () = tokio::time::sleep_until(next.into()) => {}
        }
    }
}

fn look(inner: &Arc<Inner>) -> Work {
    let mut work = Work::default();
    let mut state = inner.state();
    listeners(inner, &mut state, &mut work);
    let workloads: Vec<(ApplicationName, ObjectKey)> = state
        .applications
        .iter()
        .flat_map(|(name, application)| {
            application
                .objects
                .iter()
                .filter(|(_, held)| held.template.is_some())
                .map(|(key, _)| (name.clone(), key.clone()))
        })
        .collect();
    for (application, key) in &workloads {
        let body = held(&mut state, application, key).map(|held| held.body.clone());
        match body {
            Some(Body::Deployment(wanted)) => {
                deployment(inner, &mut state, &mut work, application, key, &wanted);
            }
            Some(Body::Job(wanted)) => job(inner, &mut state, &mut work, application, key, &wanted),
            Some(Body::Data(_) | Body::Service(_) | Body::Ingress(_)) | None => {}
        }
    }
    // Replicas whose workload is no longer wished.
    let wished = |replica: &Replica| {
        workloads.iter().any(|(application, key)| {
            *application == replica.application && *key == replica.workload
        })
    };
    let orphans: Vec<u64> =
        state.replicas.iter().filter(|(_, replica)| !wished(replica)).map(|(id, _)| *id).collect();
    orphans.into_iter().for_each(|id| stop(&mut state, &mut work, id));
    work
}

fn held<'a>(
    state: &'a mut State,
    application: &ApplicationName,
    key: &ObjectKey,
) -> Option<&'a mut Held> {
    state.applications.get_mut(application)?.objects.get_mut(key)
}

fn stop(state: &mut State, work: &mut Work, id: u64) {
    if let Some(replica) = state.replicas.get_mut(&id)
        && !replica.stopping
    {
        replica.stopping = true;
        replica.stop.cancel();
        let application = replica.application.clone();
        work.changed(&application);
    }
}

fn deployment(
    inner: &Arc<Inner>,
    state: &mut State,
    work: &mut Work,
    application: &ApplicationName,
    key: &ObjectKey,
    wanted: &Deployment,
) {
    let Some(hash) = held(state, application, key).map(|held| held.template_hash.clone()) else {
        return;
    };
    let mut members = Vec::new();
    for (id, replica) in &state.replicas {
        if &replica.application != application || &replica.workload != key {
            continue;
        }
        let available = status::is_available(replica, wanted);
        if let (Some(since), false) = (replica.ready_since, available) {
            work.at(since + Duration::from_secs(wanted.min_ready_seconds));
        }
        let (current, stopping) = (replica.template_hash == hash, replica.stopping);
        members.push(Member { id: *id, current, available, stopping });
    }
    let bounds = Bounds::of(wanted);
    let kind: StrategyKind = wanted.strategy.kind;
    let step = decide(kind, bounds, &members);
    for id in step.stop {
        stop(state, work, id);
    }
    for _ in 0..step.start {
        match create(inner, state, application, key) {
            Ok(id) => work.start.push(id),
            Err(message) => work.tell(application, key, EventReason::StartFailed, message),
        }
        work.changed(application);
    }
    progress(state, work, application, key, wanted, &members);
}

/// Follows the roll-out; at the deadline says what is known of the replicas that do not come up.
fn progress(
    state: &mut State,
    work: &mut Work,
    application: &ApplicationName,
    key: &ObjectKey,
    wanted: &Deployment,
    members: &[Member],
) {
    let living = || members.iter().filter(|member| !member.stopping);
    let current = living().filter(|member| member.current).count();
    let available = living().filter(|member| member.current && member.available).count();
    let old = members.iter().filter(|member| !member.current).count();
    let desired = wanted.replicas as usize;
    let evidence = last_words(state, application, key);
    let Some(held) = held(state, application, key) else { return };
    let seen = Some((held.template_hash.clone(), current, available, old));
    let progress: &mut Progress = &mut held.progress;
    let since = *progress.since.get_or_insert_with(Instant::now);
    if progress.seen != seen {
        let other = progress.seen.as_ref().map(|seen| &seen.0) != seen.as_ref().map(|seen| &seen.0);
        if other {
            progress.complete = false;
        }
        let more = progress
            .seen
            .as_ref()
            .is_none_or(|(_, _, before, old_before)| available > *before || old < *old_before);
        progress.seen = seen;
        // A replica that comes and goes is no progress.
        if other || more {
            progress.since = Some(Instant::now());
            progress.exceeded = None;
        }
        work.changed(application);
    }
    if available >= desired && current == desired && old == 0 {
        if !progress.complete {
            work.changed(application);
        }
        progress.complete = true;
        progress.exceeded = None;
    }
    if progress.complete || progress.exceeded.is_some() {
        return;
    }
    let deadline =
        progress.since.unwrap_or(since) + Duration::from_secs(wanted.progress_deadline_seconds);
    if Instant::now() < deadline {
        work.at(deadline);
        return;
    }
    let message = format!(
        "{available} of {desired} new replicas became available within {} s; {evidence}",
        wanted.progress_deadline_seconds
    );
    progress.exceeded = Some(message.clone());
    work.changed(application);
    work.tell(application, key, EventReason::ProgressDeadlineExceeded, message);
}

/// What the newest replica that does not work said last.
fn last_words(state: &State, application: &ApplicationName, key: &ObjectKey) -> String {
    let replica = state.replicas.values().rev().find(|replica| {
        &replica.application == application && &replica.workload == key && !replica.is_ready()
    });
    let Some(replica) = replica else { return "no replica is left to ask".to_owned() };
    let evidence = replica.evidence();
    let waiting = replica.containers.iter().find_map(|container| container.waiting.as_ref());
    let probe = evidence.probe_answers.last().map_or_else(
        || "no probe was answered".to_owned(),
        |answer| match answer.status {
            Some(status) => format!("last probe answer: status {status}, {}", answer.body.trim()),
            None => format!("last probe answer: {}", answer.body),
        },
    );
    let lines = quote(&evidence.log_lines, 5);
    let lines = if lines.is_empty() {
        "it wrote nothing".to_owned()
    } else {
        format!("last lines: {lines}")
    };
    match waiting {
        Some((reason, message)) => format!("{reason}: {message}; {probe}; {lines}"),
        None => format!("{probe}; {lines}"),
    }
}

/// Makes a replica of the wanted template; its task is started afterwards.
fn create(
    inner: &Arc<Inner>,
    state: &mut State,
    application: &ApplicationName,
    key: &ObjectKey,
) -> Result<u64, String> {
    let held = held(state, application, key).ok_or("the workload is gone")?;
    let template = held.template.clone().ok_or("it has no template")?;
    let (hash, uid, generation) =
        (held.template_hash.clone(), held.entry.uid.clone(), held.entry.generation);
    let mut ports = BTreeMap::new();
    for declared in template.spec.containers.iter().flat_map(|container| &container.ports) {
        if ports.contains_key(&declared.container_port) {
            continue;
        }
        let taken = state.replica_ports.as_mut().and_then(crate::ports::Ports::take);
        let Some(port) = taken else {
            if let Some(free) = &mut state.replica_ports {
                ports.values().for_each(|port| free.give_back(*port));
            }
            return Err("no loopback port is free for a replica".to_owned());
        };
        ports.insert(declared.container_port, port);
    }
    let id = inner.number();
    let suffix = suffix(&uid, id);
    let name = match key.kind.as_str() {
        "Job" => format!("{}-{suffix}", key.name),
        _ => format!("{}-{hash}-{suffix}", key.name),
    };
    let log = inner.data.join("logs").join(format!("{application}_{name}.log"));
    let containers = vec![ContainerState::default(); template.spec.containers.len()];
    let replica = Replica {
        name,
        application: application.clone(),
        workload: key.clone(),
        uid,
        generation,
        template,
        template_hash: hash,
        created_at: now(),
        ports,
        containers,
        ready_since: None,
        stopping: false,
        finished: None,
        stop: CancellationToken::new(),
        traffic: Arc::new(Traffic::default()),
        log: Arc::new(Log::create(log)),
    };
    state.replicas.insert(id, replica);
    Ok(id)
}

/// Five letters and digits, as Kubernetes puts behind a replica's name; different for each replica
/// and, because time is in it, from those of an earlier server.
fn suffix(uid: &str, id: u64) -> String {
    let seed = format!("{uid} {id} {} {}", std::process::id(), now().0);
    crate::store::digest(seed.as_bytes())[..5].to_owned()
}

fn job(
    inner: &Arc<Inner>,
    state: &mut State,
    work: &mut Work,
    application: &ApplicationName,
    key: &ObjectKey,
    wanted: &Job,
) {
    let Some(held) = held(state, application, key) else { return };
    let generation = held.entry.generation;
    let before = held.job.clone();
    if held.job.generation != generation {
        // A job whose manifest changed begins anew.
        held.job = JobState { generation, started_at: now(), ..JobState::default() };
    }
    let mut job = held.job.clone();
    let mine: Vec<u64> = state
        .replicas
        .iter()
        .filter(|(_, r)| &r.application == application && &r.workload == key)
        .map(|(id, _)| *id)
        .collect();
    let mut active = 0;
    let mut restarts = 0;
    for id in mine.clone() {
        let Some(replica) = state.replicas.get(&id) else { continue };
        if replica.generation != generation {
            stop(state, work, id);
        } else if let (Some(well), false) = (replica.finished, replica.stopping) {
            if well {
                job.succeeded += 1;
            } else {
                job.failed += 1;
            }
            stop(state, work, id);
        } else if !replica.stopping {
            active += 1;
            restarts += replica.restarts();
        }
    }
    if job.end.is_none() {
        job.end = end_of_job(work, &job, wanted, restarts);
        if let Some(end) = &job.end {
            let reason =
                if end.complete { EventReason::JobCompleted } else { EventReason::JobFailed };
            work.tell(application, key, reason, end.message.clone());
        }
    }
    if job.end.is_some() {
        mine.into_iter().for_each(|id| stop(state, work, id));
    } else {
        start_job(inner, state, work, (application, key), wanted, (&job, active));
    }
    if job != before {
        work.changed(application);
        if let Err(error) = inner.store.put_job(application, key, &job) {
            tracing::warn!(%error, %application, %key, "the state of a job was not written");
        }
        if let Some(held) = self::held(state, application, key) {
            held.job = job;
        }
    }
}

fn end_of_job(work: &mut Work, job: &JobState, wanted: &Job, restarts: u32) -> Option<JobEnd> {
    let end = |complete, reason: &str, message: String| {
        Some(JobEnd { complete, reason: reason.to_owned(), message, at: now() })
    };
    if job.succeeded >= wanted.completions {
        return end(true, "Completed", format!("{} replicas succeeded", job.succeeded));
    }
    if job.failed + restarts > wanted.backoff_limit {
        let message = format!(
            "it failed {} times, and its `backoffLimit` is {}",
            job.failed + restarts,
            wanted.backoff_limit
        );
        return end(false, "BackoffLimitExceeded", message);
    }
    let seconds = wanted.active_deadline_seconds?;
    // Counted over restarts of the server, so by the wall clock.
    let limit_ms = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    let left_ms = limit_ms.saturating_sub(now().since_ms(job.started_at));
    if left_ms <= 0 {
        let message = format!("it ran longer than its `activeDeadlineSeconds` of {seconds} s");
        return end(false, "DeadlineExceeded", message);
    }
    work.at(Instant::now() + Duration::from_millis(left_ms.unsigned_abs()));
    None
}

fn start_job(
    inner: &Arc<Inner>,
    state: &mut State,
    work: &mut Work,
    (application, key): (&ApplicationName, &ObjectKey),
    wanted: &Job,
    (job, active): (&JobState, u32),
) {
    let missing = wanted.completions.saturating_sub(job.succeeded).min(wanted.parallelism);
    let count = missing.saturating_sub(active);
    if count == 0 {
        return;
    }
    // The first failure is tried again at once, the next ones ever later.
    if let Some(doublings) = job.failed.checked_sub(2)
        && let Some(last) = last_end(state, application, key)
    {
        let wait = inner.config.back_off.saturating_mul(2_u32.saturating_pow(doublings.min(16)));
        let wait_ms = i64::try_from(wait.min(JOB_BACK_OFF_MAX).as_millis()).unwrap_or(i64::MAX);
        // A clock that was set back must not stretch the wait.
        let left_ms = wait_ms.saturating_sub(now().since_ms(last)).min(wait_ms);
        if left_ms > 0 {
            work.at(Instant::now() + Duration::from_millis(left_ms.unsigned_abs()));
            return;
        }
    }
    for _ in 0..count {
        match create(inner, state, application, key) {
            Ok(id) => work.start.push(id),
            Err(message) => work.tell(application, key, EventReason::StartFailed, message),
        }
        work.changed(application);
    }
}

/// When a replica of the workload ended last.
fn last_end(
    state: &State,
    application: &ApplicationName,
    key: &ObjectKey,
) -> Option<ledger::Timestamp> {
    let removed = state
        .removed
        .iter()
        .filter(|removed| &removed.application == application && &removed.workload == key);
    let running = state
        .replicas
        .values()
        .filter(|replica| &replica.application == application && &replica.workload == key);
    removed
        .flat_map(|removed| removed.evidence.exits.last().map(|exit| exit.at))
        .chain(running.flat_map(|replica| replica.evidence().exits.last().map(|exit| exit.at)))
        .max()
}

/// Opens the ports of new Services and of the Ingress, closes those of removed ones.
fn listeners(inner: &Arc<Inner>, state: &mut State, work: &mut Work) {
    let mut wished = BTreeMap::new();
    let mut ingress = false;
    for (application, held) in &state.applications {
        for (key, held) in &held.objects {
            ingress |= matches!(held.body, Body::Ingress(_));
            let Body::Service(service) = &held.body else { continue };
            for port in &service.ports {
                let route =
                    Route { application: application.clone(), key: key.clone(), port: port.port };
                let name = place(application, key, port.port);
                wished.insert(name, (route, port.node_port, held.entry.generation));
            }
        }
    }
    let before = state.service_ports.clone();
    let is_wished = |name: &String| wished.contains_key(name) || (ingress && name == INGRESS_PLACE);
    state.listeners.retain(|name, _| is_wished(name));
    if !ingress {
        state.ingress_port = None;
    }
    state.service_ports.retain(|name, _| wished.contains_key(name) || name == INGRESS_PLACE);
    for (name, (route, node_port, generation)) in wished {
        if state.listeners.get(&name).is_some_and(|listener| listener.generation == generation) {
            continue;
        }
        open(inner, state, work, &name, route, node_port, generation);
    }
    if ingress && state.ingress_port.is_none() {
        open_ingress(inner, state);
    }
    if state.service_ports != before {
        let file = inner.data.join("ports.json");
        let written = serde_json::to_vec_pretty(&state.service_ports)
            .map_err(std::io::Error::other)
            .and_then(|bytes| crate::store::write(&file, &bytes));
        if let Err(error) = written {
            tracing::warn!(%error, "the ports of services were not written");
        }
    }
}

const INGRESS_PLACE: &str = "ingress";

fn open(
    inner: &Arc<Inner>,
    state: &mut State,
    work: &mut Work,
    name: &str,
    route: Route,
    node_port: Option<u16>,
    generation: u64,
) {
    let kept = state.service_ports.get(name).copied();
    if let Some(listener) = state.listeners.get_mut(name) {
        listener.generation = generation;
        // It listens where it is wished, or nothing is wished.
        if node_port.is_none_or(|port| port == listener.port) {
            return;
        }
    }
    let taken: Vec<u16> = state
        .service_ports
        .iter()
        .filter(|(other, _)| *other != name)
        .map(|(_, port)| *port)
        .collect();
    let free = inner.config.service_ports.clone().filter(|port| !taken.contains(port));
    let candidates = node_port.into_iter().chain(kept).chain(free);
    for port in candidates {
        if state.listeners.get(name).is_some_and(|listener| listener.port == port) {
            // The wished port is not free, and the one it has is as good as any other.
            say_port(work, &route, node_port, port);
            return;
        }
        if let Ok(listener) = listen(inner, route.clone(), port, generation) {
            state.service_ports.insert(name.to_owned(), listener.port);
            state.listeners.insert(name.to_owned(), listener);
            work.changed(&route.application);
            if kept != Some(port) || node_port.is_some_and(|wished| wished != port) {
                say_port(work, &route, node_port, port);
            }
            return;
        }
    }
    let message = format!("no loopback port is free for port {}", route.port);
    work.tell(&route.application, &route.key, EventReason::StartFailed, message);
}

fn say_port(work: &mut Work, route: &Route, node_port: Option<u16>, port: u16) {
    let message = match node_port {
        Some(wished) if wished != port => format!(
            "port {} listens on 127.0.0.1:{port}: the wished `nodePort` {wished} is in use",
            route.port
        ),
        Some(_) | None => format!("port {} listens on 127.0.0.1:{port}", route.port),
    };
    work.tell(&route.application, &route.key, EventReason::PortAssigned, message);
}

fn open_ingress(inner: &Arc<Inner>, state: &mut State) {
    let kept = state.service_ports.get(INGRESS_PLACE).copied();
    let taken: Vec<u16> = state.service_ports.values().copied().collect();
    let free = inner.config.service_ports.clone().rev().filter(|port| !taken.contains(port));
    for port in inner.config.ingress_port.into_iter().chain(kept).chain(free) {
        if let Ok(listener) = crate::service::bind(port) {
            let task = crate::ingress::serve(inner, listener);
            let listener = Listener { port, generation: 0, task };
            state.listeners.insert(INGRESS_PLACE.to_owned(), listener);
            state.service_ports.insert(INGRESS_PLACE.to_owned(), port);
            state.ingress_port = Some(port);
            return;
        }
    }
}
