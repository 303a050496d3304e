//! The helper's side: the outer stage enters the namespaces, the inner one builds the place and
//! runs the program. Both are this same executable; there is no fork without exec.

mod host_view;
mod init;
mod namespaces;
mod network;
mod place;
mod privileges;

use std::fmt;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitStatus, Stdio, exit};

use crate::message::{Enter, FailureKind, Report, line, read_frame};
use crate::protections::{Protection, Protections};

/// The last argument of the inner stage; the protections so far are its environment.
const INNER_ARGUMENT: &str = "init";
const PROTECTIONS_VARIABLE: &str = "SANDBOX_PROTECTIONS";
/// "Found but could not be run" for shells; the caller has the report and does not look at it.
const FAILED_CODE: i32 = 126;

/// The helper's whole life. A program's `main` calls it, before it starts any thread, when its
/// first argument is [`HELPER_ARGUMENT`](crate::HELPER_ARGUMENT).
pub fn helper_main() -> ! {
    let Ok(socket) = control_socket() else { exit(FAILED_CODE) };
    let inner = std::env::args_os().next_back().is_some_and(|last| last == INNER_ARGUMENT);
    let result = if inner { inner_stage(&socket) } else { outer_stage(&socket) };
    match result {
        Ok(code) => exit(code),
        Err(failure) => {
            let Failure { stage, reason, kind } = failure;
            tell(&socket, &Report::Failed { stage, reason, kind });
            exit(FAILED_CODE)
        }
    }
}

/// Why the program will not be started.
#[derive(Debug)]
struct Failure {
    stage: String,
    reason: String,
    kind: FailureKind,
}

impl Failure {
    fn setup(stage: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { stage: stage.into(), reason: reason.to_string(), kind: FailureKind::Setup }
    }
}

/// Names what was being done when an error came.
trait During<T> {
    fn during(self, stage: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: fmt::Display> During<T> for Result<T, E> {
    fn during(self, stage: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::setup(stage(), error))
    }
}

/// The caller's socket came as standard input; this copy is closed by exec.
fn control_socket() -> std::io::Result<UnixStream> {
    Ok(UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?))
}

/// A caller that is gone hears nothing, and the helper ends by the end of its stream.
fn tell(mut socket: &UnixStream, report: &Report) {
    if let Ok(line) = line(report) {
        let _ = socket.write_all(&line);
    }
}

fn outer_stage(socket: &UnixStream) -> Result<i32, Failure> {
    let Enter { isolate_network, mut protections } =
        read_frame(socket).during(|| "read its order".into())?;
    close_strangers();
    // The tree should be the kernel's choice before the server is; refused in some containers.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
    if !namespaces::enter(isolate_network, &mut protections) {
        return host_view::run(socket, protections);
    }
    let protections =
        serde_json::to_string(&protections).during(|| "pass on its protections".into())?;
    let status = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .arg(INNER_ARGUMENT)
        .env_clear()
        .env(PROTECTIONS_VARIABLE, protections)
        .stdin(Stdio::inherit())
        .status()
        .during(|| "start its inner stage".into())?;
    Ok(of_status(status))
}

fn inner_stage(socket: &UnixStream) -> Result<i32, Failure> {
    let stage = || "bind its life to the outer stage".to_owned();
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).during(stage)?;
    let order = read_frame(socket).during(|| "read the spec".into())?;
    let protections: Protections = std::env::var(PROTECTIONS_VARIABLE)
        .map_err(|error| error.to_string())
        .and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()))
        .during(|| "read its protections".into())?;
    init::run(socket, order, protections)
}

/// Refuses when a protection that the spec requires does not hold.
fn check_required(
    required: &std::collections::BTreeSet<Protection>,
    protections: &Protections,
) -> Result<(), Failure> {
    for protection in required {
        if protections.enforced(*protection) {
            continue;
        }
        let why = protections
            .missing()
            .find(|(missing, _)| missing == protection)
            .map_or("it was not asked for", |(_, reason)| reason);
        return Err(Failure {
            stage: "meet the spec's requirements".into(),
            reason: format!("the protection `{protection}` is required: {why}"),
            kind: FailureKind::Refused,
        });
    }
    Ok(())
}

/// Closes whatever a careless ancestor left open, so that the program cannot use it.
fn close_strangers() {
    let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<i32> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| *number > 2) {
        // Our own copies are marked close-on-exec; a stranger's descriptor is not.
        let Ok(target) = std::fs::read_link(format!("/proc/self/fd/{number}")) else { continue };
        let Ok(info) = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")) else {
            continue;
        };
        if !closes_on_exec(&info) && !target.as_os_str().is_empty() {
            let _ = nix::unistd::close(number);
        }
    }
}

fn closes_on_exec(info: &str) -> bool {
    info.lines()
        .find_map(|line| line.strip_prefix("flags:"))
        .and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok())
        .is_some_and(|flags| flags & nix::libc::O_CLOEXEC != 0)
}

fn of_status(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(9))
}
