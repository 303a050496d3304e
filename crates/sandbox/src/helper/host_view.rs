//! The lowest rung: no namespace can be entered, so the program sees the machine's paths, through
//! Landlock, the system call filter and resource limits.
//!
//! What changes: nothing is mounted. A path below the target of a bind means the same path below
//! its source, in the program, the working directory, and in arguments and variables that begin
//! with it. Folders that are not listed stay closed by Landlock; without Landlock nothing starts.
//! An overlay with lower folders cannot be shown and is refused.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI32;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::privileges::{Paths, existing, give_up};
use super::{During as _, Failure, check_required, init, tell};
use crate::message::{FailureKind, Report, Start, read_frame};
use crate::protections::{Protection, Protections, Strength};
use crate::spec::{Network, Root, Spec};

/// Readable for every program; the same folders that a root of its own would show.
const READABLE: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/nix",
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ssl/certs",
    "/etc/localtime",
    "/etc/os-release",
];
const DEVICES: &[&str] =
    &["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

pub(super) fn run(socket: &UnixStream, mut protections: Protections) -> Result<i32, Failure> {
    let Start { spec, trial } = read_frame(socket).during(|| "read the spec".into())?;
    let (spec, paths) = translate(spec)?;
    nix::sys::prctl::set_child_subreaper(true).during(|| "adopt the program's orphans".into())?;
    nix::unistd::setsid().during(|| "start a session".into())?;
    let isolate = spec.network == Network::Isolated;
    give_up(&spec.limits, &paths, isolate, &mut protections)?;
    if matches!(protections.states.get(&Protection::Landlock), Some(Strength::Unavailable { .. })) {
        return Err(Failure {
            stage: "close the machine's folders".into(),
            reason: "neither namespaces nor Landlock are available here".into(),
            kind: FailureKind::Refused,
        });
    }
    check_required(&spec.require, &protections)?;
    if trial {
        tell(socket, &Report::Started { protections });
        return Ok(0);
    }
    let program = init::start(&spec)?;
    tell(socket, &Report::Started { protections });
    let target = Arc::new(AtomicI32::new(program.as_raw()));
    init::obey(socket, &target)?;
    let (code, signal) = init::collect(program, &target);
    end_descendants();
    tell(socket, &Report::Exited { code, signal });
    Ok(code.unwrap_or_else(|| 128 + signal.unwrap_or(9)))
}

/// Ends what the program left behind; it was adopted by this process.
fn end_descendants() {
    let list = format!("/proc/self/task/{}/children", nix::unistd::gettid());
    loop {
        let children = fs::read_to_string(&list).unwrap_or_default();
        let children: Vec<i32> =
            children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect();
        if children.is_empty() {
            return;
        }
        for pid in children {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            let _ = waitpid(Pid::from_raw(pid), None);
        }
    }
}

/// The spec with the machine's own paths, and what Landlock leaves open.
fn translate(mut spec: Spec) -> Result<(Spec, Paths), Failure> {
    let mut pairs: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut readable: Vec<PathBuf> = READABLE.iter().map(PathBuf::from).collect();
    let mut writable: Vec<PathBuf> = DEVICES.iter().map(PathBuf::from).collect();
    readable.push(PathBuf::from("/proc"));
    let refused = |what: &str| {
        Failure::setup("show an overlay without mounts", format!("{what} needs a mount namespace"))
    };
    match &spec.root {
        Root::System => {}
        Root::Image { folder } => {
            pairs.push((PathBuf::from("/"), folder.clone()));
            readable.push(folder.clone());
        }
        Root::Overlay { .. } => return Err(refused("a root of its own")),
    }
    for overlay in &spec.overlays {
        if !overlay.lower.is_empty() {
            return Err(refused(&overlay.target.display().to_string()));
        }
        pairs.push((overlay.target.clone(), overlay.upper.clone()));
        writable.push(overlay.upper.clone());
    }
    for bind in &spec.binds {
        pairs.push((bind.target.clone(), bind.source.clone()));
        let list = if bind.writable { &mut writable } else { &mut readable };
        list.push(bind.source.clone());
    }
    spec.program = real(&pairs, &spec.program);
    spec.working_directory = real(&pairs, &spec.working_directory);
    spec.input = spec.input.map(|file| real(&pairs, &file));
    let text = |value: &String| real(&pairs, Path::new(value)).to_string_lossy().into_owned();
    spec.arguments = spec.arguments.iter().map(text).collect();
    spec.environment =
        spec.environment.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    Ok((spec, Paths { readable: existing(readable), writable: existing(writable) }))
}

/// The last bind whose target the path is below wins, as it would when mounted.
fn real(pairs: &[(PathBuf, PathBuf)], path: &Path) -> PathBuf {
    if !path.is_absolute() {
        return path.to_owned();
    }
    pairs
        .iter()
        .rev()
        .find_map(|(target, source)| {
            let below = path.strip_prefix(target).ok()?;
            let place =
                if below.as_os_str().is_empty() { source.clone() } else { source.join(below) };
            // An image is laid over the system: what it does not have is the system's.
            (target != Path::new("/") || place.exists()).then_some(place)
        })
        .unwrap_or_else(|| path.to_owned())
}
