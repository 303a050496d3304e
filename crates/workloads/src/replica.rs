//! A replica's life: its volumes, its containers, its mounts' repair, its orderly end.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::container::Task;
use crate::event::EventReason;
use crate::model::Template;
use crate::state::{Inner, REMOVED_KEPT, Removed};
use crate::volumes::{self, Wanted};

/// How often the files of mounts are compared with what they shall be.
const MOUNTS_EVERY: Duration = Duration::from_secs(1);
/// A connection over which nothing moved for this long after an answer carries no request.
const QUIET: Duration = Duration::from_millis(50);
const DRAIN_EVERY: Duration = Duration::from_millis(5);
/// Requests that take longer than this are interrupted by SIGTERM.
const DRAIN_MAX: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_millis(250);

type Volumes = BTreeMap<String, BTreeMap<String, Wanted>>;

/// Runs the replica until it was told to stop and is gone.
pub(crate) async fn run(inner: Arc<Inner>, id: u64) {
    let Some((template, stop)) =
        inner.state().replicas.get(&id).map(|r| (Arc::clone(&r.template), r.stop.clone()))
    else {
        return;
    };
    let terminate = CancellationToken::new();
    if let Some(mut mounted) = prepare(&inner, id, &template, &stop).await {
        let mut tasks = start(&inner, id, &template, &terminate);
        let mut well = true;
        let mut tick = tokio::time::interval(MOUNTS_EVERY);
        loop {
            tokio::select! {
                ended = tasks.join_next() => match ended {
                    Some(ended) => well &= ended.unwrap_or(false),
                    None => break,
                },
                () = stop.cancelled(), if !terminate.is_cancelled() => {
                    drain(&inner, id, &template).await;
                    terminate.cancel();
                }
                _ = tick.tick() => keep_mounts(&inner, id, &mut mounted),
            }
        }
        if let Some(replica) = inner.state().replicas.get_mut(&id) {
            replica.finished = Some(well);
        }
        inner.touch_replica(id);
        // A job's replica stays to be looked at until its job is removed.
        stop.cancelled().await;
    }
    remove(&inner, id);
}

fn start(
    inner: &Arc<Inner>,
    id: u64,
    template: &Template,
    terminate: &CancellationToken,
) -> JoinSet<bool> {
    let mut tasks = JoinSet::new();
    for (index, container) in template.spec.containers.iter().enumerate() {
        let task = Task {
            inner: Arc::clone(inner),
            replica: id,
            index,
            container: container.clone(),
            restart_policy: template.spec.restart_policy,
            grace: Duration::from_secs(template.spec.termination_grace_period_seconds),
            terminate: terminate.clone(),
        };
        tasks.spawn(task.run());
    }
    tasks
}

/// Writes the volumes, waiting for what is not there yet. `None`: the replica shall end.
async fn prepare(
    inner: &Inner,
    id: u64,
    template: &Template,
    stop: &CancellationToken,
) -> Option<Volumes> {
    let mut told = String::new();
    loop {
        let message = match write_volumes(inner, id, template) {
            Ok(volumes) => return Some(volumes),
            Err(message) => message,
        };
        for index in 0..template.spec.containers.len() {
            let message = message.clone();
            inner.container(id, index, |c| {
                c.waiting = Some(("CreateContainerConfigError", message));
            });
        }
        if message != told {
            inner.tell_replica(id, EventReason::ReferenceMissing, message.clone());
            told = message;
            inner.touch_replica(id);
        }
        tokio::select! {
            () = tokio::time::sleep(RETRY) => {}
            () = stop.cancelled() => return None,
        }
    }
}

fn write_volumes(inner: &Inner, id: u64, template: &Template) -> Result<Volumes, String> {
    let (name, wanted) = {
        let state = inner.state();
        let replica = state.replicas.get(&id).ok_or("the replica is gone")?;
        (replica.name.clone(), volumes::wanted(&state, replica)?)
    };
    let write = || -> io::Result<()> {
        for volume in &template.spec.volumes {
            let folder = volumes::folder(&inner.data, &name, &volume.name);
            fs::create_dir_all(&folder)?;
            if let Some(files) = wanted.get(&volume.name) {
                volumes::restore(&folder, files)?;
            } else {
                fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))?;
            }
        }
        make_sub_paths(inner, &name, template)
    };
    write().map_err(|error| format!("the volumes could not be written: {error}"))?;
    Ok(wanted)
}

/// A `subPath` of an `emptyDir` is a folder that is made for it.
fn make_sub_paths(inner: &Inner, replica: &str, template: &Template) -> io::Result<()> {
    for mount in template.spec.containers.iter().flat_map(|c| &c.volume_mounts) {
        let scratch = template
            .spec
            .volumes
            .iter()
            .any(|volume| volume.name == mount.name && volume.empty_dir.is_some());
        if let (Some(path), true) = (&mount.sub_path, scratch) {
            fs::create_dir_all(volumes::folder(&inner.data, replica, &mount.name).join(path))?;
        }
    }
    Ok(())
}

/// Puts back what somebody changed; follows a ConfigMap or Secret that was applied anew.
fn keep_mounts(inner: &Inner, id: u64, mounted: &mut Volumes) {
    let (name, wanted) = {
        let state = inner.state();
        let Some(replica) = state.replicas.get(&id) else { return };
        // What was removed since stays mounted as it was, as in Kubernetes.
        let wanted = volumes::wanted(&state, replica).unwrap_or_else(|_| mounted.clone());
        (replica.name.clone(), wanted)
    };
    for (volume, files) in &wanted {
        let folder = volumes::folder(&inner.data, &name, volume);
        match volumes::restore(&folder, files) {
            Ok(changed) if !changed.is_empty() && mounted.get(volume) == Some(files) => {
                let message = format!(
                    "the volume `{volume}` was changed by hand and put back: {}",
                    changed.join(", ")
                );
                inner.tell_replica(id, EventReason::MountRestored, message);
                inner.touch_replica(id);
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, replica = name, volume, "mount not restored"),
        }
    }
    *mounted = wanted;
}

/// Lets requests end: nothing is routed here any more, so the connections become idle.
async fn drain(inner: &Inner, id: u64, template: &Template) {
    let Some(traffic) = inner.state().replicas.get(&id).map(|r| Arc::clone(&r.traffic)) else {
        return;
    };
    let grace = Duration::from_secs(template.spec.termination_grace_period_seconds);
    let begun = Instant::now();
    while traffic.cut_idle(QUIET) > 0
        && begun.elapsed() < DRAIN_MAX.min(grace)
        && !inner.closing.is_cancelled()
    {
        tokio::time::sleep(DRAIN_EVERY).await;
    }
}

fn remove(inner: &Inner, id: u64) {
    inner.tell_replica(id, EventReason::Stopped, "the replica was stopped");
    let application = {
        let mut state = inner.state();
        let Some(replica) = state.replicas.remove(&id) else { return };
        replica.traffic.cut_all();
        replica.log.end();
        if let Some(ports) = &mut state.replica_ports {
            replica.ports.values().for_each(|port| ports.give_back(*port));
        }
        let mut evidence = replica.evidence();
        evidence.removed = true;
        evidence.ready = false;
        remove_folder(&inner.data.join("replicas").join(&replica.name));
        let application = replica.application.clone();
        state.removed.push_back(Removed {
            application: replica.application,
            workload: replica.workload,
            evidence,
            log: replica.log,
        });
        forget_old(&mut state.removed);
        application
    };
    inner.touch(&application);
}

fn remove_folder(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, folder = %folder.display(), "the folder of a replica stays behind");
    }
}

/// Of each workload only the last ones are remembered.
fn forget_old(removed: &mut std::collections::VecDeque<Removed>) {
    let Some(last) = removed.back() else { return };
    let same =
        |other: &Removed| other.application == last.application && other.workload == last.workload;
    if removed.iter().filter(|other| same(other)).count() > REMOVED_KEPT
        && let Some(oldest) = removed.iter().position(same)
        && let Some(removed) = removed.remove(oldest)
    {
        removed.log.remove();
    }
}
