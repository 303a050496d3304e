//! The real `helm`, as a process of its own: no network, no credentials, nobody's settings, and a
//! budget for all that it may use up.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use sandbox::{Bind, Child, Exit, Launcher, Limits, Spec, Streams};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::runtime::Handle;

use super::HelmOrder;
use super::outputs::Outputs;
use crate::error::RenderError;

/// Where the program is inside.
const PROGRAM: &str = "/opt/boucle/helm";
/// Where the files are inside.
const WORK: &str = "/work";
/// Where they are outside: in memory, where there is such a place.
const MEMORY_FOLDER: &str = "/dev/shm";
/// What folders of ours are called; the process that made one is part of its name.
const FOLDER_PREFIX: &str = "boucle-helm-";
/// What of Helm's complaints is kept.
const COMPLAINT_BYTES_MAX: usize = 2_000;
/// Refusals of so many orders are remembered, so that a push elsewhere does not run them again.
const REFUSALS_MAX: usize = 1_000;

/// What one rendering may use up.
#[derive(Debug, Clone, Copy)]
pub struct HelmLimits {
    /// From its start to its end.
    pub time: Duration,
    /// Of the processor; a large chart takes one or two seconds.
    pub cpu_seconds: u64,
    /// Of memory; a large chart takes 100 MiB.
    pub memory_bytes: u64,
    /// Of output; the largest charts that people share print five MiB.
    pub output_bytes: usize,
}

impl Default for HelmLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            cpu_seconds: 10,
            memory_bytes: 512 << 20,
            output_bytes: 16 << 20,
        }
    }
}

/// The `helm` program of this machine, or its absence.
#[derive(Debug)]
pub struct Helm {
    program: Option<PathBuf>,
    launcher: Launcher,
    runtime: Handle,
    limits: HelmLimits,
    /// What it said of itself, and which file that was.
    version: Mutex<Option<(Identity, String)>>,
    outputs: Option<Outputs>,
    refusals: Mutex<BTreeMap<String, RenderError>>,
}

/// What an order came to. Equal orders come to the same.
type Outcome = Result<Vec<u8>, RenderError>;

impl Helm {
    /// Prepares; nothing runs before the first chart. `None`: there is no such program, and charts
    /// are refused.
    #[must_use]
    pub fn new(program: Option<PathBuf>, launcher: Launcher, runtime: Handle) -> Self {
        sweep();
        Self {
            program,
            launcher,
            runtime,
            limits: HelmLimits::default(),
            version: Mutex::default(),
            outputs: None,
            refusals: Mutex::default(),
        }
    }

    /// Keeps what was printed in a folder, also for the next start: a chart that makes up passwords
    /// gives the same ones until it or its values change.
    #[must_use]
    pub fn keeping_in(self, folder: PathBuf) -> Self {
        Self { outputs: Some(Outputs::in_folder(folder)), ..self }
    }

    /// With other limits.
    #[must_use]
    pub fn with_limits(self, limits: HelmLimits) -> Self {
        Self { limits, ..self }
    }

    /// The first `helm` of a `PATH`.
    #[must_use]
    pub fn on_path(path: &std::ffi::OsStr) -> Option<PathBuf> {
        std::env::split_paths(path).map(|folder| folder.join("helm")).find(|file| file.is_file())
    }

    /// What the program prints for an order. Blocks: not for a thread that polls futures.
    pub fn run(&self, order: &HelmOrder) -> Outcome {
        let version = self.version(&order.chart)?;
        let key = key(order, &version);
        if let Some(output) = self.outputs.as_ref().and_then(|outputs| outputs.get(&key)) {
            return Ok(output);
        }
        let refused = {
            let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            refusals.get(&key).cloned()
        };
        if let Some(refused) = refused {
            return Err(refused);
        }
        let ended = self.execute(&order.arguments, &order.files, &order.chart)?;
        match self.judge(ended, order) {
            Ok(output) => {
                if let Some(outputs) = &self.outputs {
                    outputs.keep(&key, &output);
                }
                Ok(output)
            }
            Err(error) => {
                let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
                if refusals.len() >= REFUSALS_MAX {
                    refusals.clear();
                }
                refusals.insert(key, error.clone());
                Err(error)
            }
        }
    }

    /// Its version, asked once for each file that it was.
    fn version(&self, chart: &str) -> Result<String, RenderError> {
        let identity = self.program.as_deref().and_then(Identity::of);
        let known = self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((of, version)) = known
            && identity.as_ref() == Some(&of)
        {
            return Ok(version);
        }
        let arguments = ["version", "--template", "{{.Version}}"].map(str::to_owned);
        let ended = self.execute(&arguments, &BTreeMap::new(), chart)?;
        let version = String::from_utf8_lossy(&ended.output).trim().to_owned();
        if !version.starts_with("v3.") {
            let program = self.program.as_deref().unwrap_or(Path::new("helm")).display();
            let end = version.floor_char_boundary(100);
            let message = format!(
                "charts are rendered by Helm 3, and `{program}` says that it is `{}`; install Helm 3 \
                 and start `boucle up --helm FILE`",
                &version[..end]
            );
            return Err(RenderError::whole("helm-version", chart, message));
        }
        let mut known = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        *known = identity.map(|identity| (identity, version.clone()));
        Ok(version)
    }

    fn execute(
        &self,
        arguments: &[String],
        files: &BTreeMap<String, Vec<u8>>,
        chart: &str,
    ) -> Result<Ended, RenderError> {
        let Some(program) = &self.program else {
            let message = "this is a Helm chart, and the server has no `helm`; install Helm 3 so that \
                           it is on the PATH of `boucle up`, or start it with `--helm FILE`";
            return Err(RenderError::whole("helm-missing", chart, message));
        };
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            RenderError::whole("helm-failed", chart, format!("{what}: {error}"))
        };
        let folder = write(files).map_err(|error| failed("the files cannot be written", &error))?;
        let spec = self.spec(program, arguments, folder.path());
        let ended = self.runtime.block_on(async {
            let child = sandbox::spawn(&spec, &self.launcher, Streams::default()).await;
            let child = child.map_err(|error| failed("`helm` cannot be started", &error))?;
            let ended = self.attend(child).await;
            ended.map_err(|error| failed("`helm` cannot be watched", &error))
        })?;
        // Time says something about the machine, so it is asked again.
        if ended.is_late {
            let message = format!(
                "`helm` took more than {} s, and was ended; the machine may be busy: push again, or \
                 split the chart",
                self.limits.time.as_secs()
            );
            return Err(RenderError::whole("helm-budget", chart, message));
        }
        Ok(ended)
    }

    fn spec(&self, program: &Path, arguments: &[String], folder: &Path) -> Spec {
        let mut spec = Spec::new(PROGRAM);
        spec.arguments = arguments.to_vec();
        spec.working_directory = WORK.into();
        let variables = [
            ("HOME", "/tmp"),
            ("HELM_CACHE_HOME", "/tmp/cache"),
            ("HELM_CONFIG_HOME", "/tmp/config"),
            ("HELM_DATA_HOME", "/tmp/data"),
            ("HELM_PLUGINS", "/tmp/plugins"),
            ("KUBECONFIG", "/dev/null"),
        ];
        spec.environment =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        // Memory is collected before the limit is met, which would end it.
        let soft_bytes = self.limits.memory_bytes / 4 * 3;
        spec.environment.insert("GOMEMLIMIT".into(), soft_bytes.to_string());
        spec.binds = vec![
            Bind { source: program.into(), target: PROGRAM.into(), writable: false },
            Bind { source: folder.into(), target: WORK.into(), writable: false },
        ];
        spec.hostname = "helm".into();
        spec.limits = Limits {
            memory_bytes: Some(self.limits.memory_bytes),
            cpu_seconds: Some(self.limits.cpu_seconds),
            open_files: Some(256),
            // It writes nothing.
            file_bytes: Some(1 << 20),
            ..Limits::default()
        };
        spec
    }

    async fn attend(&self, mut child: Child) -> std::io::Result<Ended> {
        let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
        let limit = self.limits.output_bytes;
        let handle = child.handle();
        // A reader that stops early must not leave the program waiting for it.
        let output = async {
            let read = read_up_to(stdout, limit).await;
            if read.as_ref().is_ok_and(|(_, is_more)| *is_more) {
                handle.kill();
            }
            read
        };
        let work = async {
            let (output, complaint, exit) =
                tokio::join!(output, read_up_to(stderr, 64 << 10), child.wait());
            let ((output, is_more), (complaint, _)) = (output?, complaint?);
            let exit = exit?;
            Ok(Ended { output, is_more, complaint, exit: Some(exit), is_late: false })
        };
        match tokio::time::timeout(self.limits.time, work).await {
            Ok(ended) => ended,
            // Dropping the child ends its whole tree.
            Err(_) => Ok(Ended { is_late: true, ..Ended::default() }),
        }
    }

    fn judge(&self, ended: Ended, order: &HelmOrder) -> Outcome {
        let budget =
            |message: String| Err(RenderError::whole("helm-budget", &order.chart, message));
        if ended.is_more {
            return budget(format!(
                "the chart renders to more than {} MiB; split it",
                self.limits.output_bytes >> 20
            ));
        }
        let complaint = String::from_utf8_lossy(&ended.complaint).into_owned();
        let exit = ended.exit;
        if exit.is_some_and(Exit::success) {
            return Ok(ended.output);
        }
        let out_of_memory = exit.is_some_and(|exit| exit.out_of_memory)
            || ["out of memory", "cannot allocate memory"]
                .iter()
                .any(|one| complaint.contains(one));
        if out_of_memory {
            return budget(format!(
                "`helm` needed more than {} MiB of memory, and was ended; a template may repeat \
                 without end, or the chart is too large",
                self.limits.memory_bytes >> 20
            ));
        }
        if exit.is_some_and(|exit| matches!(exit.signal, Some(9 | 24))) {
            return budget(format!(
                "`helm` worked for more than {} s of processor time, and was ended; a template may \
                 repeat without end: try `helm template` on the chart",
                self.limits.cpu_seconds
            ));
        }
        Err(RenderError::whole("helm-failed", &order.chart, said(&complaint, order)))
    }
}

/// Which file the program is: an update in its place is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Identity {
    fn of(program: &Path) -> Option<Self> {
        let about = std::fs::metadata(program).ok()?;
        let (bytes, modified) = (about.len(), about.modified().ok());
        Some(Self { bytes, modified, inode: about.ino() })
    }
}

/// How a run ended.
#[derive(Debug, Default)]
struct Ended {
    output: Vec<u8>,
    is_more: bool,
    complaint: Vec<u8>,
    exit: Option<Exit>,
    is_late: bool,
}

/// All that decides what is printed.
fn key(order: &HelmOrder, version: &str) -> String {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    put(version.as_bytes());
    put(order.chart.as_bytes());
    put(&(order.arguments.len() as u64).to_be_bytes());
    order.arguments.iter().for_each(|argument| put(argument.as_bytes()));
    for (place, content) in &order.files {
        put(place.as_bytes());
        put(order.names.get(place).map(String::as_bytes).unwrap_or_default());
        put(content);
    }
    hex::encode(hash.finalize())
}

/// Helm's own words, with the names that files have in Git.
fn said(complaint: &str, order: &HelmOrder) -> String {
    let lines: Vec<&str> = complaint
        .lines()
        .filter(|line| !line.starts_with("WARNING:") && !line.contains("--debug flag"))
        .collect();
    let mut text = lines.join("\n");
    for (place, name) in &order.names {
        text = text.replace(&format!("{WORK}/{place}"), name).replace(place.as_str(), name);
    }
    text = text.replace(&format!("{WORK}/chart"), &order.chart);
    let text = text.trim().trim_start_matches("Error: ");
    let end = text.floor_char_boundary(COMPLAINT_BYTES_MAX);
    let more = if end < text.len() { " …" } else { "" };
    if text.is_empty() {
        return "`helm template` failed and said nothing".into();
    }
    format!("`helm template` says: {}{more}", &text[..end])
}

async fn read_up_to(
    from: Option<impl AsyncRead + Unpin>,
    limit: usize,
) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let Some(mut from) = from else { return Ok((bytes, false)) };
    (&mut from).take(limit as u64 + 1).read_to_end(&mut bytes).await?;
    let is_more = bytes.len() > limit;
    Ok((bytes, is_more))
}

/// The files in a new folder that only this user reads.
fn write(files: &BTreeMap<String, Vec<u8>>) -> std::io::Result<TempDir> {
    let prefix = format!("{FOLDER_PREFIX}{}-", std::process::id());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix);
    let folder = builder.tempdir_in(MEMORY_FOLDER).or_else(|_| builder.tempdir())?;
    let mut made = BTreeSet::new();
    for (path, content) in files {
        let path = folder.path().join(path);
        if let Some(parent) = path.parent()
            && made.insert(parent.to_path_buf())
        {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&path, content)?;
    }
    Ok(folder)
}

/// Removes what a process left that was killed.
fn sweep() {
    for folder in [PathBuf::from(MEMORY_FOLDER), std::env::temp_dir()] {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let rest = name.strip_prefix(FOLDER_PREFIX).and_then(|rest| rest.split_once('-'));
            let Some((process, _)) = rest else { continue };
            if process.parse::<u32>().is_ok() && !Path::new("/proc").join(process).exists() {
                // Somebody else's folder stays, and says so to nobody.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}
