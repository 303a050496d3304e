//! What replicas write: a file each, bounded, and the last lines in memory.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::Notify;

use crate::report::{LogChunk, LogLine};

/// A file is moved aside at this size and the one before it is dropped: at most twice this much
/// is kept of a replica.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// A piece of an answer.
const CHUNK_BYTES_MAX: usize = 256 << 10;
const LINES_KEPT: usize = 200;
/// A longer line is cut in pieces.
const LINE_BYTES_MAX: usize = 8 << 10;

/// A replica's log.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    inner: Mutex<Inner>,
    /// Wakes whoever waits for a line or for the end.
    grown: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    file: Option<File>,
    /// Where the current file begins, counted from the first byte ever written.
    base: u64,
    length: u64,
    /// The length of the file that was moved aside.
    previous: u64,
    lines: VecDeque<LogLine>,
    ended: bool,
}

impl Log {
    pub(crate) fn create(path: PathBuf) -> Self {
        let log = Self { path, inner: Mutex::default(), grown: Notify::new() };
        log.with(|inner| inner.file = log.open());
        log
    }

    fn open(&self) -> Option<File> {
        use std::os::unix::fs::OpenOptionsExt as _;
        File::options().append(true).create(true).mode(0o600).open(&self.path).ok()
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A disk that is full loses lines of the file, not the replica and not the last lines.
    fn append(&self, line: LogLine) {
        self.with(|inner| {
            if let Some(file) = &mut inner.file
                && file.write_all(format!("{}\n", line.text).as_bytes()).is_ok()
            {
                inner.length += line.text.len() as u64 + 1;
            }
            if inner.length > FILE_BYTES_MAX && fs::rename(&self.path, self.aside()).is_ok() {
                inner.base += inner.length;
                inner.previous = inner.length;
                inner.length = 0;
                inner.file = self.open();
            }
            inner.lines.push_back(line);
            if inner.lines.len() > LINES_KEPT {
                inner.lines.pop_front();
            }
        });
        self.grown.notify_waiters();
    }

    pub(crate) fn last_lines(&self) -> Vec<LogLine> {
        self.with(|inner| inner.lines.iter().cloned().collect())
    }

    pub(crate) fn end(&self) {
        self.with(|inner| inner.ended = true);
        self.grown.notify_waiters();
    }

    /// What was written from this offset on, as much as fits one answer.
    pub(crate) fn read(&self, from: u64) -> io::Result<LogChunk> {
        self.with(|inner| {
            let total = inner.base + inner.length;
            let offset = from.clamp(inner.base - inner.previous, total);
            let (path, within) = if offset < inner.base {
                (self.aside(), offset - (inner.base - inner.previous))
            } else {
                (self.path.clone(), offset - inner.base)
            };
            let bytes = read_at(&path, within)?;
            let next_offset = offset + bytes.len() as u64;
            Ok(LogChunk { offset, next_offset, ended: inner.ended && next_offset >= total, bytes })
        })
    }

    /// The same, once something is there or nothing will come any more.
    pub(crate) async fn follow(&self, from: u64) -> io::Result<LogChunk> {
        loop {
            let mut grown = pin!(self.grown.notified());
            // Whoever writes between the look and the wait wakes it all the same.
            grown.as_mut().enable();
            let chunk = self.read(from)?;
            if !chunk.bytes.is_empty() || chunk.ended {
                return Ok(chunk);
            }
            grown.await;
        }
    }

    pub(crate) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(self.aside());
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("log.1")
    }

    /// Copies a stream of a container into the log until it ends.
    pub(crate) async fn pump(&self, stream: impl AsyncRead + Unpin, container: &str, error: bool) {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while let Ok(available) = reader.fill_buf().await {
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let room = LINE_BYTES_MAX - line.len();
            let take = end.unwrap_or(available.len()).min(room);
            line.extend_from_slice(&available[..take]);
            let complete = end == Some(take);
            reader.consume(take + usize::from(complete));
            if complete || line.len() >= LINE_BYTES_MAX {
                self.append(log_line(&mut line, container, error));
            }
        }
        if !line.is_empty() {
            self.append(log_line(&mut line, container, error));
        }
    }
}

fn log_line(line: &mut Vec<u8>, container: &str, error: bool) -> LogLine {
    let text = String::from_utf8_lossy(line).into_owned();
    line.clear();
    LogLine { at: crate::state::now(), container: container.to_owned(), error, text }
}

fn read_at(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(CHUNK_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Keeps the logs of the last replicas of earlier servers, drops the rest.
pub(crate) fn tidy(folder: &Path, keep: usize) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    let surplus = files.len().saturating_sub(keep);
    for (_, path) in files.into_iter().take(surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// The time of a line, for messages that quote it.
pub(crate) fn quote(lines: &[LogLine], count: usize) -> String {
    let skip = lines.len().saturating_sub(count);
    lines.iter().skip(skip).map(|line| line.text.as_str()).collect::<Vec<_>>().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_is_read_from_any_offset() {
        let folder = std::env::temp_dir().join(format!("boucle-log-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = Log::create(folder.join("pod.log"));
        let long = "x".repeat(LINE_BYTES_MAX + 5);
        log.pump(format!("one\ntwo\n{long}\nlast").as_bytes(), "main", false).await;
        let all = log.read(0).unwrap();
        assert!(all.bytes.starts_with(b"one\ntwo\nxxx") && all.bytes.ends_with(b"\nlast\n"));
        assert!(!all.ended);
        let rest = log.read(4).unwrap();
        assert_eq!((rest.offset, &rest.bytes[..4]), (4, b"two\n".as_slice()));
        log.end();
        assert!(log.read(all.next_offset).unwrap().ended);
        let texts: Vec<usize> = log.last_lines().iter().map(|line| line.text.len()).collect();
        assert_eq!(texts, [3, 3, LINE_BYTES_MAX, 5, 4]);
        log.remove();
        fs::remove_dir(&folder).unwrap();
    }

    #[tokio::test]
    async fn a_follower_gets_the_next_line_and_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let log = std::sync::Arc::new(Log::create(folder.path().join("pod.log")));
        let follower = std::sync::Arc::clone(&log);
        let following = tokio::spawn(async move {
            let mut told = Vec::new();
            let mut offset = 0;
            loop {
                let chunk = follower.follow(offset).await.unwrap();
                offset = chunk.next_offset;
                told.push(String::from_utf8(chunk.bytes).unwrap());
                if chunk.ended {
                    return told.concat();
                }
            }
        });
        log.pump("one\n".as_bytes(), "main", false).await;
        tokio::task::yield_now().await;
        log.pump("two\n".as_bytes(), "main", false).await;
        tokio::task::yield_now().await;
        log.end();
        assert_eq!(following.await.unwrap(), "one\ntwo\n");
    }

    #[tokio::test]
    async fn a_log_is_bounded() {
        let folder = std::env::temp_dir().join(format!("boucle-big-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let log = Log::create(folder.join("pod.log"));
        let text = format!("{}\n", "y".repeat(LINE_BYTES_MAX - 1)).repeat(3000);
        log.pump(text.as_bytes(), "main", true).await;
        let first = log.read(0).unwrap();
        assert!(first.offset > 0, "the beginning is still there");
        let size: u64 = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .sum();
        assert!(size <= 2 * FILE_BYTES_MAX + 2 * LINE_BYTES_MAX as u64);
        log.remove();
        fs::remove_dir(&folder).unwrap();
    }
}
