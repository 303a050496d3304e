//! The tool folders that jobs may read, found once at start.
//!
//! System folders are there anyway. A tool that lies elsewhere (a Rust toolchain below somebody's
//! home, for example) is shown read-only at its own place; nothing else of that home is.

use std::collections::BTreeSet;
use std::env;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// What the sandbox shows of the machine's system.
const SYSTEM_FOLDERS: [&str; 5] = ["/usr", "/bin", "/sbin", "/lib", "/lib64"];
/// Programs that builds commonly start, looked for on the server's own `PATH`.
const PROGRAMS: [&str; 9] = ["git", "cc", "gcc", "clang", "make", "python3", "node", "go", "java"];
/// A tool that has not said where it is by then is taken for absent.
const ANSWER_MAX: Duration = Duration::from_secs(5);
const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Tool folders and the search path that finds what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tools {
    /// Folders outside the system folders, shown read-only.
    pub folders: Vec<PathBuf>,
    /// `PATH` of jobs.
    pub path: String,
}

impl Tools {
    /// Looks for tools. Blocking; starts `rustc` once when it is there.
    #[must_use]
    pub fn find(configured: &[PathBuf]) -> Self {
        let mut folders = BTreeSet::new();
        let mut path = Vec::new();
        // `rustc` on the PATH is often rustup's proxy, which is useless without its home.
        for folder in rust_sysroot().into_iter().chain(configured.iter().cloned()) {
            let bin = folder.join("bin");
            path.push(if bin.is_dir() { bin } else { folder.clone() });
            folders.insert(folder);
        }
        for program in PROGRAMS {
            let Some(found) = on_path(program) else { continue };
            let Some(bin) = found.parent() else { continue };
            let prefix = bin.parent().filter(|_| bin.ends_with("bin")).unwrap_or(bin);
            // The root, or a home itself, would show what must stay hidden.
            let shown = prefix.components().count() > 3;
            if shown && folders.insert(prefix.to_owned()) {
                path.push(bin.to_owned());
            }
        }
        folders.retain(|folder| !in_system(folder));
        path.retain(|folder| !in_system(folder));
        let mut path: Vec<_> = path.iter().map(|it| it.display().to_string()).collect();
        path.push(SYSTEM_PATH.to_owned());
        Self { folders: folders.into_iter().collect(), path: path.join(":") }
    }
}

fn in_system(path: &Path) -> bool {
    SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder))
}

/// Where a program really is, when that is outside the system folders.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found = env::split_paths(&path).map(|it| it.join(program)).find(|it| it.is_file())?;
    found.canonicalize().ok().filter(|real| !in_system(real))
}

/// Where the Rust toolchain lies. The question is asked with what names it and nothing else, and for
/// a moment only: `rustc` may be a proxy that wants to fetch something.
fn rust_sysroot() -> Option<PathBuf> {
    let named = ["PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN"];
    let mut child = Command::new("rustc")
        .args(["--print", "sysroot"])
        .current_dir("/")
        .env_clear()
        .envs(named.iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut output = child.stdout.take()?;
    let (sender, answer) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        // Nobody waits any more: then the answer is of no use.
        let _ = output.read_to_string(&mut text).map(|_| sender.send(text));
    });
    let text = answer.recv_timeout(ANSWER_MAX);
    if text.is_err() {
        // It has ended already, or ends now; either way it is waited for below.
        let _ = child.kill();
    }
    let ended = child.wait().ok()?;
    let folder = PathBuf::from(text.ok()?.trim());
    (ended.success() && folder.is_absolute() && folder.is_dir()).then_some(folder)
}
