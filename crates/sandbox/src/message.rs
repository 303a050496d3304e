//! What the caller and the helper say to each other over one socket.
//!
//! The caller first sends two framed documents (eight bytes of length, then JSON): [`Enter`] is
//! read by the outer helper, [`Start`] by the inner one, and neither reads a byte too many. All
//! that follows, in both directions, is one JSON document a line.

use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::protections::Protections;
use crate::spec::Spec;

/// A spec larger than this is refused; an environment is at most 2 MiB on Linux.
const FRAME_BYTES_MAX: u64 = 16 << 20;

/// What the outer helper has to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Enter {
    /// Whether to leave the machine's network.
    pub(crate) isolate_network: bool,
    /// What the caller already arranged (cgroups) or could not.
    pub(crate) protections: Protections,
}

/// What the inner helper has to know.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// What to run.
    pub(crate) spec: Spec,
    /// Build the place, report, and run nothing.
    pub(crate) trial: bool,
}

/// From the caller to the helper, while the program runs.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Send this signal to the program.
    Signal {
        /// The signal's number.
        number: i32,
    },
    /// End everything at once.
    Kill,
}

/// From the helper to the caller.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub(crate) enum Report {
    /// The program runs (or the trial ended well).
    Started {
        /// Everything that holds.
        protections: Protections,
    },
    /// The program was not started.
    Failed {
        /// What was being done.
        stage: String,
        /// What went wrong.
        reason: String,
        /// What sort of failure.
        kind: FailureKind,
    },
    /// The program ended.
    Exited {
        /// Its exit code.
        code: Option<i32>,
        /// Or the signal that ended it.
        signal: Option<i32>,
    },
}

/// Why a program was not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// The place could not be built.
    Setup,
    /// The program itself was not found or is not executable.
    Program,
    /// A required protection is missing.
    Refused,
}

/// The document with its length before it.
pub(crate) fn frame(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(document).map_err(io::Error::other)?;
    let mut bytes = (json.len() as u64).to_be_bytes().to_vec();
    bytes.extend(json);
    Ok(bytes)
}

/// Reads one framed document and nothing after it.
pub(crate) fn read_frame<T: DeserializeOwned>(mut from: impl Read) -> io::Result<T> {
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let length = u64::from_be_bytes(length);
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::other(format!("a message of {length} bytes is too long")));
    }
    let mut json = Vec::new();
    from.take(length).read_to_end(&mut json)?;
    serde_json::from_slice(&json).map_err(io::Error::other)
}

/// One line of JSON.
pub(crate) fn line(document: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(document).map_err(io::Error::other)?;
    line.push(b'\n');
    Ok(line)
}
