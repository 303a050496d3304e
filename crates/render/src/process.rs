//! Programs that render, each as a process of its own: no network, no credentials, nobody's settings,
//! and a budget for all that it may use up.

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

use crate::error::RenderError;
use crate::outputs::Outputs;

/// Where the files are inside.
pub(crate) const WORK: &str = "/work";
/// Where the program is inside.
const PROGRAM_FOLDER: &str = "/opt/boucle";
/// Where the files are outside: in memory, where there is such a place.
const MEMORY_FOLDER: &str = "/dev/shm";
/// What folders of ours are called; the process that made one is part of its name.
const FOLDER_PREFIX: &str = "boucle-render-";
/// What of a complaint is kept.
pub(crate) const COMPLAINT_BYTES_MAX: usize = 2_000;
/// Refusals of so many orders are remembered, so that a push elsewhere does not run them again.
const REFUSALS_MAX: usize = 1_000;

/// What one rendering may use up.
#[derive(Debug, Clone, Copy)]
pub struct RenderLimits {
    /// From its start to its end.
    pub time: Duration,
    /// Of the processor; a large chart takes one or two seconds.
    pub cpu_seconds: u64,
    /// Of memory; a large chart takes 100 MiB.
    pub memory_bytes: u64,
    /// Of output; the largest charts that people share print five MiB.
    pub output_bytes: usize,
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(60),
            cpu_seconds: 10,
            memory_bytes: 512 << 20,
            output_bytes: 16 << 20,
        }
    }
}

/// One run of a program.
pub(crate) struct Work<'a> {
    pub(crate) program: &'a Path,
    pub(crate) arguments: &'a [String],
    pub(crate) environment: BTreeMap<String, String>,
    /// By path below [`WORK`], which is the working directory.
    pub(crate) files: &'a BTreeMap<String, Vec<u8>>,
    /// The one of them that is the standard input.
    pub(crate) input: Option<&'a str>,
    pub(crate) words: Words<'a>,
}

/// How a program and what it renders are called in refusals.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// `helm`, with the marks around it.
    pub(crate) program: &'a str,
    /// `the chart`.
    pub(crate) subject: &'a str,
    /// What may be behind a run without end, and what to do.
    pub(crate) endless: &'a str,
    /// What may be behind too much memory.
    pub(crate) greedy: &'a str,
    /// The code of a refusal by a budget.
    pub(crate) budget: &'static str,
    /// The code of any other one.
    pub(crate) failed: &'static str,
    /// The folder in its tree.
    pub(crate) folder: &'a str,
}

/// What an order came to. Equal orders come to the same.
pub(crate) type Outcome = Result<Vec<u8>, RenderError>;

/// Where programs run, and what they came to.
#[derive(Debug)]
pub(crate) struct Workshop {
    launcher: Launcher,
    runtime: Handle,
    pub(crate) limits: RenderLimits,
    pub(crate) outputs: Option<Outputs>,
    refusals: Mutex<BTreeMap<String, RenderError>>,
}

impl Workshop {
    pub(crate) fn new(launcher: Launcher, runtime: Handle) -> Self {
        sweep();
        Self {
            launcher,
            runtime,
            limits: RenderLimits::default(),
            outputs: None,
            refusals: Mutex::default(),
        }
    }

    /// What the program prints, by the key of all that decides it. `said` makes a refusal of a
    /// complaint. Blocks: not for a thread that polls futures.
    pub(crate) fn answer(
        &self,
        key: String,
        work: &Work<'_>,
        said: impl FnOnce(&str) -> String,
    ) -> Outcome {
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
        let ended = self.execute(work)?;
        match self.judge(ended, work.words, said) {
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

    /// Runs it once.
    pub(crate) fn execute(&self, work: &Work<'_>) -> Result<Ended, RenderError> {
        let Words { program, subject, failed: code, budget, folder: place, .. } = work.words;
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            RenderError::whole(code, place, format!("{what}: {error}"))
        };
        let folder =
            write(work.files).map_err(|error| failed("the files cannot be written", &error))?;
        let spec = self.spec(work, folder.path());
        let ended = self.runtime.block_on(async {
            let child = sandbox::spawn(&spec, &self.launcher, Streams::default()).await;
            let child =
                child.map_err(|error| failed(&format!("{program} cannot be started"), &error))?;
            let ended = self.attend(child).await;
            ended.map_err(|error| failed(&format!("{program} cannot be watched"), &error))
        })?;
        // Time says something about the machine, so it is asked again.
        if ended.is_late {
            let message = format!(
                "{program} took more than {} s, and was ended; the machine may be busy: push again, or \
                 split {subject}",
                self.limits.time.as_secs()
            );
            return Err(RenderError::whole(budget, place, message));
        }
        Ok(ended)
    }

    fn spec(&self, work: &Work<'_>, folder: &Path) -> Spec {
        let name = work.program.file_name().unwrap_or(work.program.as_os_str());
        let program = Path::new(PROGRAM_FOLDER).join(name);
        let mut spec = Spec::new(&program);
        spec.arguments = work.arguments.to_vec();
        spec.working_directory = WORK.into();
        spec.input = work.input.map(|file| Path::new(WORK).join(file));
        spec.environment = work.environment.clone();
        spec.binds = vec![
            Bind { source: work.program.into(), target: program, writable: false },
            Bind { source: folder.into(), target: WORK.into(), writable: false },
        ];
        spec.hostname = "render".into();
        spec.limits = Limits {
            memory_bytes: Some(self.limits.memory_bytes),
            cpu_seconds: Some(self.limits.cpu_seconds),
            open_files: Some(256),
            // None of them has to write anything large.
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

    fn judge(&self, ended: Ended, words: Words<'_>, said: impl FnOnce(&str) -> String) -> Outcome {
        let Words { program, subject, endless, greedy, budget: code, failed, folder } = words;
        let budget = |message: String| Err(RenderError::whole(code, folder, message));
        if ended.is_more {
            return budget(format!(
                "{subject} renders to more than {} MiB; split it",
                self.limits.output_bytes >> 20
            ));
        }
        let complaint = String::from_utf8_lossy(&ended.complaint).into_owned();
        let exit = ended.exit;
        if exit.is_some_and(Exit::success) {
            return Ok(ended.output);
        }
        let out_of_memory = exit.is_some_and(|exit| exit.out_of_memory)
            || ["out of memory", "cannot allocate memory", "memory allocation of"]
                .iter()
                .any(|one| complaint.contains(one));
        if out_of_memory {
            return budget(format!(
                "{program} needed more than {} MiB of memory, and was ended; {greedy}",
                self.limits.memory_bytes >> 20
            ));
        }
        if exit.is_some_and(|exit| matches!(exit.signal, Some(9 | 24))) {
            return budget(format!(
                "{program} worked for more than {} s of processor time, and was ended; {endless}",
                self.limits.cpu_seconds
            ));
        }
        Err(RenderError::whole(failed, folder, said(&complaint)))
    }
}

/// How a run ended.
#[derive(Debug, Default)]
pub(crate) struct Ended {
    pub(crate) output: Vec<u8>,
    is_more: bool,
    complaint: Vec<u8>,
    exit: Option<Exit>,
    is_late: bool,
}

/// Which file a program is: an update in its place is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    bytes: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Identity {
    pub(crate) fn of(program: &Path) -> Option<Self> {
        let about = std::fs::metadata(program).ok()?;
        let (bytes, modified) = (about.len(), about.modified().ok());
        Some(Self { bytes, modified, inode: about.ino() })
    }
}

/// The digest of all that decides what is printed, part by part.
#[derive(Default)]
pub(crate) struct Key(Sha256);

impl Key {
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(crate) fn end(self) -> String {
        hex::encode(self.0.finalize())
    }
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
