//! The pack of a push: streamed into Git's own program, in a quarantine.

use std::io;
use std::process::{Output, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::body::BodyReader;
use super::receive::ReceiveLimits;
use super::scan::Scanner;
use crate::error::{StoreError, says_disk_full};
use crate::program;
use crate::quarantine::Quarantine;
use crate::store::Repository;

/// What follows a refused pack is read and dropped up to this size in bytes: a client that is still
/// sending does not look at an answer.
const DRAIN_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;

/// Old histories have these flaws and nothing suffers from them.
const TOLERATED: &str = "--strict=badTimezone=ignore,missingSpaceBeforeDate=ignore,\
    zeroPaddedFilemode=ignore,badDateOverflow=ignore,missingEmail=ignore";

/// Why objects are not taken.
pub(crate) struct Problem {
    /// Stable.
    pub code: &'static str,
    /// What, why and what to do next.
    pub sentence: String,
}

/// Streams the pack into `git index-pack` in a fresh quarantine. `None`: there is nothing in it.
pub(crate) async fn read_pack(
    repository: &Repository,
    body: &mut BodyReader,
    limits: ReceiveLimits,
) -> Result<Result<Option<Quarantine>, Problem>, StoreError> {
    let mut header = [0; 12];
    if body.read_exact(&mut header).await.is_err() {
        return Ok(Err(corrupt("it ends in its header")));
    }
    if header[..4] != *b"PACK" {
        return Ok(Err(corrupt("it does not begin with `PACK`")));
    }
    if header[8..] == [0; 4] {
        drain(body).await;
        return Ok(Ok(None));
    }
    let (owner, limit) = (repository.clone(), limits.pack_bytes_max);
    let made = tokio::task::spawn_blocking(move || Quarantine::new(&owner)).await;
    let quarantine = made.map_err(|error| StoreError::read("a quarantine", error))??;
    let mut command =
        tokio::process::Command::from(repository.command(Some(&quarantine.folders())));
    command
        .args(["index-pack", "--stdin", "--fix-thin", TOLERATED])
        .arg(format!("--max-input-size={limit}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(StoreError::GitMissing)?;
    let stdin = child.stdin.take();
    let feed = async {
        let Some(mut stdin) = stdin else { return Ok(Fed::All) };
        feed(body, &mut stdin, &header, limits).await
    };
    let (fed, output) = tokio::join!(feed, child.wait_with_output());
    let output = output.map_err(StoreError::files("wait for git index-pack"))?;
    match fed {
        Ok(Fed::TooLarge) => Ok(Err(too_large(limit))),
        Ok(Fed::FileTooLarge { bytes }) => Ok(Err(file_too_large(bytes, limits.file_bytes_max))),
        Ok(Fed::All | Fed::Refused) if output.status.success() => Ok(Ok(Some(quarantine))),
        Ok(Fed::All | Fed::Refused) => Ok(Err(explain(&output, limit))),
        // The client went away in the middle.
        Err(error) => Ok(Err(corrupt(&format!("it broke off: {error}")))),
    }
}

/// How far a pack was fed.
enum Fed {
    /// To its end.
    All,
    /// To the limit.
    TooLarge,
    /// Into a file that is far above the limit.
    FileTooLarge {
        /// Its size in bytes.
        bytes: u64,
    },
    /// To where Git read no more.
    Refused,
}

async fn feed(
    body: &mut BodyReader,
    stdin: &mut tokio::process::ChildStdin,
    header: &[u8; 12],
    limits: ReceiveLimits,
) -> io::Result<Fed> {
    use tokio::io::AsyncBufReadExt;
    if stdin.write_all(header).await.is_err() {
        return Ok(Fed::Refused);
    }
    let entries = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    let mut scanner = Scanner::new(entries, limits.file_bytes_max);
    let mut total = header.len() as u64;
    loop {
        let piece = body.fill_buf().await?;
        if piece.is_empty() {
            // Closing the pipe tells Git that this was all.
            drop(stdin.shutdown().await);
            return Ok(Fed::All);
        }
        let length = piece.len();
        total += length as u64;
        if total > limits.pack_bytes_max {
            return Ok(Fed::TooLarge);
        }
        if let Some(bytes) = scanner.feed(piece) {
            return Ok(Fed::FileTooLarge { bytes });
        }
        if stdin.write_all(piece).await.is_err() {
            return Ok(Fed::Refused);
        }
        body.consume(length);
    }
}

/// Reads and drops the rest.
pub(crate) async fn drain(body: &mut BodyReader) {
    let mut rest = body.take(DRAIN_BYTES_MAX);
    if let Err(error) = tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await {
        tracing::debug!(%error, "a client went away before it was answered");
    }
}

fn corrupt(how: &str) -> Problem {
    let sentence = format!(
        "the pack is corrupt: {how}; push again, and run `git fsck` in your clone if it stays so"
    );
    Problem { code: "corrupt-pack", sentence }
}

pub(crate) fn disk_full() -> Problem {
    let sentence =
        "the server's disk is full and nothing was stored; push again when there is room";
    Problem { code: "disk-full", sentence: sentence.into() }
}

fn too_large(limit_bytes: u64) -> Problem {
    let sentence = format!(
        "the pack is larger than the limit of {limit_bytes} bytes; push in smaller steps, or take large files out of the commits"
    );
    Problem { code: "pack-too-large", sentence }
}

fn file_too_large(bytes: u64, limit_bytes: u64) -> Problem {
    let sentence = format!(
        "a file of {bytes} bytes is above the limit of {limit_bytes}; take it out of the commits, or raise review.fileBytesMax in boucle.yaml"
    );
    Problem { code: "file-too-large", sentence }
}

/// What `git index-pack` means by its complaint.
fn explain(output: &Output, limit_bytes: u64) -> Problem {
    let complaint = program::complaint(&output.stderr);
    let has = |text: &str| complaint.contains(text);
    if says_disk_full(&complaint) {
        return disk_full();
    }
    if has("exceeds maximum allowed size") {
        return too_large(limit_bytes);
    }
    if has("hasDotgit") || has("hasDot") || has("fullPathname") || has("gitmodules") {
        let sentence = format!(
            "a path in the pushed commits is dangerous ({complaint}); remove it from the history"
        );
        return Problem { code: "dangerous-path", sentence };
    }
    if has("unresolved deltas") || has("did not receive expected object") {
        let sentence = format!(
            "objects that the pushed commits need are missing ({complaint}); push again from a complete clone"
        );
        return Problem { code: "missing-objects", sentence };
    }
    corrupt(&complaint)
}
