//! Logs: one append-only file for each run, job and attempt, kept after re-runs.
//!
//! A line is `<time> <step> <text>`: RFC 3339 in UTC with milliseconds, the step's place from 0 (`-`
//! for what the runner itself says), and the output with secrets masked. A reader keeps the offset
//! that it has reached and may come back with it at any time.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use ledger::{RunId, Timestamp};
use pipelines::facts::JobKey;
use tokio::sync::watch;

/// How much a reader gets at once.
const CHUNK_BYTES_MAX: u64 = 256 * 1024;

/// Names one log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogKey {
    /// The run.
    pub run: RunId,
    /// The run's attempt.
    pub attempt: u32,
    /// The job.
    pub job: JobKey,
}

/// All logs below one folder.
#[derive(Debug, Clone)]
pub struct LogStore {
    folder: PathBuf,
    live: Arc<Mutex<BTreeMap<LogKey, watch::Receiver<Growth>>>>,
}

/// A part of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogChunk {
    /// Whole lines or parts of lines.
    pub bytes: Bytes,
    /// Where the next part begins.
    pub next_offset: u64,
    /// Whether the log is closed and nothing comes after this part.
    pub complete: bool,
}

/// Reads a log from an offset to its end, waiting for what is not written yet.
#[derive(Debug)]
pub struct LogFollower {
    store: LogStore,
    key: LogKey,
    offset: u64,
    growth: Option<watch::Receiver<Growth>>,
    ended: bool,
}

/// Appends to one log; the log is complete when it is dropped.
#[derive(Debug)]
pub struct LogWriter {
    file: File,
    length: u64,
    growth: watch::Sender<Growth>,
    store: LogStore,
    key: LogKey,
}

/// That the log grew, and whether it may grow again.
#[derive(Debug, Clone, Copy)]
struct Growth {
    closed: bool,
}

impl LogStore {
    /// The logs below this folder, which is made when the first log is.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, live: Arc::default() }
    }

    /// A part of a log from an offset; `None` when there is no such log. An offset behind the end
    /// gives an empty part. Blocking.
    pub fn read(&self, key: &LogKey, from_offset: u64) -> io::Result<Option<LogChunk>> {
        // Asked before the file is read: what comes after the last byte read is not missed.
        let growing = self.growth(key).is_some_and(|growth| !growth.borrow().closed);
        let mut file = match File::open(self.path(key)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(from_offset))?;
        let mut bytes = Vec::new();
        file.take(CHUNK_BYTES_MAX).read_to_end(&mut bytes)?;
        let read = bytes.len() as u64;
        let complete = !growing && read < CHUNK_BYTES_MAX;
        let next_offset = from_offset + read;
        Ok(Some(LogChunk { bytes: bytes.into(), next_offset, complete }))
    }

    /// A reader that waits for what is not written yet. For a log that does not exist (yet) it ends
    /// at once.
    #[must_use]
    pub fn follow(&self, key: &LogKey, from_offset: u64) -> LogFollower {
        let growth = self.growth(key);
        let (store, key) = (self.clone(), key.clone());
        LogFollower { store, key, offset: from_offset, growth, ended: false }
    }

    /// Opens a log for appending; what an interrupted job of the same attempt wrote is kept.
    pub fn open(&self, key: &LogKey) -> io::Result<LogWriter> {
        let path = self.path(key);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let length = file.metadata()?.len();
        let (growth, receiver) = watch::channel(Growth { closed: false });
        self.live().insert(key.clone(), receiver);
        Ok(LogWriter { file, length, growth, store: self.clone(), key: key.clone() })
    }

    /// What the job's steps wrote into `GITHUB_STEP_SUMMARY`, as Markdown; `None` when nothing.
    pub fn summary(&self, key: &LogKey) -> io::Result<Option<String>> {
        match fs::read(self.path(key).with_extension("md")) {
            Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn append_summary(&self, key: &LogKey, text: &[u8]) -> io::Result<()> {
        let path = self.path(key).with_extension("md");
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(text)
    }

    fn path(&self, key: &LogKey) -> PathBuf {
        let LogKey { run, attempt, job } = key;
        self.folder.join(run.to_string()).join(attempt.to_string()).join(format!("{job}.log"))
    }

    fn growth(&self, key: &LogKey) -> Option<watch::Receiver<Growth>> {
        self.live().get(key).cloned()
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeMap<LogKey, watch::Receiver<Growth>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogFollower {
    /// The next part; `None` when the log is complete and all of it was given.
    pub async fn next(&mut self) -> io::Result<Option<LogChunk>> {
        while !self.ended {
            // Marked as seen before the file is read, so that no growth in between is slept over.
            let closed = self.growth.as_mut().is_none_or(|it| it.borrow_and_update().closed);
            let (store, key, offset) = (self.store.clone(), self.key.clone(), self.offset);
            let read = tokio::task::spawn_blocking(move || store.read(&key, offset));
            let Some(mut chunk) = read.await.map_err(io::Error::other)?? else {
                self.ended = true;
                return Ok(None);
            };
            let last = (chunk.bytes.len() as u64) < CHUNK_BYTES_MAX;
            chunk.complete = closed && last;
            self.ended = chunk.complete;
            self.offset = chunk.next_offset;
            if !chunk.bytes.is_empty() || chunk.complete {
                return Ok(Some(chunk));
            }
            if let Some(growth) = &mut self.growth
                && growth.changed().await.is_err()
            {
                self.growth = None;
            }
        }
        Ok(None)
    }
}

impl LogWriter {
    /// Appends one line; the log's length after it.
    pub fn line(&mut self, step: Option<u32>, text: &[u8]) -> io::Result<u64> {
        self.lines(step, std::slice::from_ref(&text.to_vec()))
    }

    /// Appends lines at once; the log's length after them. Line ends inside give further lines.
    pub fn lines(&mut self, step: Option<u32>, lines: &[Vec<u8>]) -> io::Result<u64> {
        let step = step.map_or_else(|| "-".to_owned(), |step| step.to_string());
        let head = format!("{} {step} ", now());
        let mut bytes = Vec::new();
        for part in lines.iter().flat_map(|line| line.split(|byte| *byte == b'\n')) {
            bytes.extend_from_slice(head.as_bytes());
            bytes.extend_from_slice(part.strip_suffix(b"\r").unwrap_or(part));
            bytes.push(b'\n');
        }
        self.file.write_all(&bytes)?;
        self.length += bytes.len() as u64;
        self.growth.send_replace(Growth { closed: false });
        Ok(self.length)
    }

    /// How long the log is.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.length
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.store.live().remove(&self.key);
        self.growth.send_modify(|growth| growth.closed = true);
    }
}

/// The time by the machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
