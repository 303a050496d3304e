//! How the program `git` is started: without anybody's settings, and never with a shell.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::error::StoreError;

/// The oldest Git that has `merge-tree --write-tree`.
const VERSION_MIN: (u32, u32) = (2, 38);

/// Where the object folder of a command is, when it is not the repository's own.
#[derive(Debug, Clone)]
pub(crate) struct ObjectFolders {
    /// New objects go here.
    pub own: PathBuf,
    /// Objects are looked for here, too.
    pub alternate: PathBuf,
}

/// The settings of every command, as `-c` takes them.
const SETTINGS: [&str; 6] = [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "safe.directory=*",
    "protocol.allow=never",
];

/// A `git` command on the bare repository `repository`; the caller adds the sub-command.
pub(crate) fn command(repository: &Path, objects: Option<&ObjectFolders>) -> Command {
    let mut command = Command::new(program());
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("GIT_DIR", repository)
        .current_dir(repository)
        .stdin(Stdio::null());
    if let Some(objects) = objects {
        command.env("GIT_OBJECT_DIRECTORY", &objects.own);
        command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", &objects.alternate);
        command.env("GIT_QUARANTINE_PATH", &objects.own);
    }
    for setting in SETTINGS {
        command.arg("-c").arg(setting);
    }
    command
}

/// Where `git` is. With its place, starting it takes no copy of this process's page tables (`posix_spawn`
/// instead of `fork`), which costs milliseconds once the server has hundreds of mebibytes.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut places = std::env::split_paths(&path).map(|folder| folder.join("git"));
        // Without one it is looked for when it is started, and missed there in words.
        places.find(|place| place.is_file()).unwrap_or_else(|| PathBuf::from("git"))
    })
}

/// Runs the command to its end with `input`, whatever the end is.
pub(crate) fn run(mut command: Command, input: &[u8]) -> Result<Output, StoreError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(StoreError::GitMissing)?;
    let stdin = child.stdin.take();
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(move || stdin.map_or(Ok(()), |mut pipe| pipe.write_all(input)));
        let output = child.wait_with_output();
        // A command that ends before it has read everything says why on its own.
        drop(writer.join());
        output
    });
    written.map_err(StoreError::files("wait for git"))
}

/// Runs the command and gives what it printed; an end other than 0 is an error.
pub(crate) fn run_well(command: Command, name: &str, input: &[u8]) -> Result<Vec<u8>, StoreError> {
    let output = run(command, input)?;
    if output.status.success() { Ok(output.stdout) } else { Err(failure(name, &output)) }
}

/// The error for a command that ended badly.
pub(crate) fn failure(name: &str, output: &Output) -> StoreError {
    let complaint = complaint(&output.stderr);
    StoreError::Git { command: name.into(), complaint }
}

/// A complaint of `git` on one line, without what it says to people at a terminal.
pub(crate) fn complaint(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let mut lines: Vec<&str> = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("fatal: ").or(line.strip_prefix("error: ")).unwrap_or(line);
        if !line.is_empty() && !line.starts_with("hint:") && lines.len() < 20 {
            lines.push(line);
        }
    }
    if lines.is_empty() { "it gave no reason".into() } else { lines.join("; ") }
}

/// Refuses a `git` that is missing or too old; gives its version's text.
pub(crate) fn check_version() -> Result<String, StoreError> {
    let output = Command::new("git")
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .map_err(StoreError::GitMissing)?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let found = text.strip_prefix("git version ").unwrap_or(&text).to_owned();
    let mut numbers = found.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < VERSION_MIN { Err(StoreError::GitTooOld { found }) } else { Ok(found) }
}
