//! The inner stage: process 1 of the sandbox. It builds the place, starts the program, collects
//! every process that ends, and obeys the caller until its socket closes.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio, exit};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{During as _, Failure, check_required, network, place, privileges, tell};
use crate::message::{FailureKind, Order, Report, Start};
use crate::protections::{Protection, Protections};
use crate::spec::{Network, Spec};

/// What the shell says of a program that was killed.
const KILLED_CODE: i32 = 128 + 9;

pub(super) fn run(
    socket: &UnixStream,
    order: Start,
    mut protections: Protections,
) -> Result<i32, Failure> {
    let Start { spec, trial } = order;
    let isolate = spec.network == Network::Isolated;
    if protections.enforced(Protection::UtsNamespace) {
        nix::unistd::sethostname(&spec.hostname).during(|| "set the host name".into())?;
    }
    if protections.enforced(Protection::NetworkNamespace) {
        network::loopback_up().during(|| "bring up the loopback interface".into())?;
    }
    // A session of its own: no terminal of the caller is reachable.
    nix::unistd::setsid().during(|| "start a session".into())?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let paths = place::enter(&spec, &mut protections)?;
    privileges::give_up(&spec.limits, &paths, isolate, &mut protections)?;
    // The program is of the same user; it shall not look into or steer this process.
    nix::sys::prctl::set_dumpable(false).during(|| "hide the helper's memory".into())?;
    check_required(&spec.require, &protections)?;
    if trial {
        tell(socket, &Report::Started { protections });
        return Ok(0);
    }
    let program = start(&spec)?;
    tell(socket, &Report::Started { protections });
    let target = Arc::new(AtomicI32::new(program.as_raw()));
    obey(socket, &target)?;
    let (code, signal) = collect(program, &target);
    tell(socket, &Report::Exited { code, signal });
    Ok(code.unwrap_or_else(|| 128 + signal.unwrap_or(9)))
}

/// Starts the program with nothing but what the spec says.
pub(super) fn start(spec: &Spec) -> Result<Pid, Failure> {
    let folder = &spec.working_directory;
    std::env::set_current_dir(folder).during(|| format!("enter {}", folder.display()))?;
    let input = match &spec.input {
        None => Stdio::null(),
        Some(file) => {
            File::open(file).during(|| format!("open {}", file.display())).map(Stdio::from)?
        }
    };
    let child = Command::new(&spec.program)
        .args(&spec.arguments)
        .env_clear()
        .envs(&spec.environment)
        .stdin(input)
        .process_group(0)
        .spawn()
        .map_err(|error| Failure {
            stage: "start the program".into(),
            reason: error.to_string(),
            kind: FailureKind::Program,
        })?;
    Ok(Pid::from_raw(child.id().cast_signed()))
}

/// Obeys the caller on a thread of its own; the end of the socket is the end of everything.
pub(super) fn obey(socket: &UnixStream, target: &Arc<AtomicI32>) -> Result<(), Failure> {
    let socket = socket.try_clone().during(|| "listen to the caller".into())?;
    let target = Arc::clone(target);
    std::thread::Builder::new()
        .spawn(move || {
            let mut lines = BufReader::new(socket).lines();
            while let Some(Ok(line)) = lines.next() {
                match serde_json::from_str(&line) {
                    Ok(Order::Signal { number }) => forward(number, &target),
                    Ok(Order::Kill) | Err(_) => break,
                }
            }
            end(&target)
        })
        .during(|| "listen to the caller".into())?;
    Ok(())
}

fn end(target: &AtomicI32) -> ! {
    // In a process namespace the end of process 1 ends all; on the host the group is what we know.
    let program = target.load(Ordering::Acquire);
    if program > 0 {
        let _ = kill(Pid::from_raw(-program), Signal::SIGKILL);
    }
    exit(KILLED_CODE)
}

fn forward(number: i32, target: &AtomicI32) {
    let program = target.load(Ordering::Acquire);
    if let (Ok(signal), true) = (Signal::try_from(number), program > 0) {
        // It may have ended a moment ago.
        let _ = kill(Pid::from_raw(program), signal);
    }
}

/// Collects every child until the program itself ends.
pub(super) fn collect(program: Pid, target: &AtomicI32) -> (Option<i32>, Option<i32>) {
    loop {
        let ended = match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == program => (Some(code), None),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => {
                (None, Some(signal as i32))
            }
            // An orphan that was collected, a stopped child, an interrupted wait.
            Ok(_) | Err(Errno::EINTR) => continue,
            // No child is left, so the program is gone too; how, nobody knows.
            Err(_) => (None, Some(Signal::SIGKILL as i32)),
        };
        target.store(0, Ordering::Release);
        return ended;
    }
}
