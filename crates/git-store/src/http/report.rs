//! The answer to a push: report-status over the side band.

use bytes::Bytes;
use ledger::ObjectId;

use crate::packet::{FLUSH, PACKET_BYTES_MAX, write};

/// What became of a push, for its client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Why the objects were not taken, on one line; `None`: they were read well.
    pub unpack_problem: Option<String>,
    /// One for each command, in their order.
    pub commands: Vec<CommandReport>,
    /// Lines for the person who pushes; the client shows them as `remote: …`.
    pub messages: Vec<String>,
}

/// What became of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandReport {
    /// It was done as it was asked.
    Accepted {
        /// The ref's name as the client sent it.
        reference: String,
    },
    /// It was done at another ref: a proposal became a patch set.
    Redirected {
        /// The ref's name as the client sent it.
        reference: String,
        /// The ref that was made.
        actual: String,
        /// What it pointed to before.
        old: Option<ObjectId>,
        /// What it points to.
        new: Option<ObjectId>,
    },
    /// It was not done.
    Refused {
        /// The ref's name as the client sent it.
        reference: String,
        /// Why; its first line is shown beside the ref.
        reason: String,
    },
}

/// What the client can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reading {
    /// `report-status` or `report-status-v2`.
    pub status: bool,
    /// `report-status-v2`: options of a command.
    pub options: bool,
    /// `side-band-64k`.
    pub side_band: bool,
}

impl Report {
    /// The body of the answer.
    pub(crate) fn encode(&self, reading: Reading) -> Bytes {
        let mut out = Vec::new();
        if reading.side_band {
            for message in self.messages.iter().flat_map(|message| message.lines()) {
                for piece in format!("{message}\n").as_bytes().chunks(PACKET_BYTES_MAX - 5) {
                    write(&mut out, &[b"\x02", piece].concat());
                }
            }
        }
        if reading.status {
            let status = self.status(reading);
            if reading.side_band {
                for piece in status.chunks(PACKET_BYTES_MAX - 5) {
                    write(&mut out, &[b"\x01", piece].concat());
                }
            } else {
                out.extend(status);
            }
        }
        if reading.side_band {
            out.extend(FLUSH);
        }
        Bytes::from(out)
    }

    fn status(&self, reading: Reading) -> Vec<u8> {
        let mut out = Vec::new();
        let unpack = self.unpack_problem.as_deref().map_or("ok".to_owned(), one_line);
        write(&mut out, format!("unpack {unpack}\n").as_bytes());
        for command in &self.commands {
            match command {
                CommandReport::Accepted { reference } => {
                    write(&mut out, format!("ok {reference}\n").as_bytes());
                }
                CommandReport::Redirected { reference, actual, old, new } => {
                    write(&mut out, format!("ok {reference}\n").as_bytes());
                    if reading.options {
                        write(&mut out, format!("option refname {actual}\n").as_bytes());
                        let zero = || "0".repeat(40);
                        let id = |id: &Option<ObjectId>| {
                            id.as_ref().map_or_else(zero, ObjectId::to_string)
                        };
                        write(&mut out, format!("option old-oid {}\n", id(old)).as_bytes());
                        write(&mut out, format!("option new-oid {}\n", id(new)).as_bytes());
                    }
                }
                CommandReport::Refused { reference, reason } => {
                    let reason = one_line(reason);
                    write(&mut out, format!("ng {reference} {reason}\n").as_bytes());
                }
            }
        }
        out.extend(FLUSH);
        out
    }
}

/// The first line, short enough for a packet.
fn one_line(text: &str) -> String {
    let line: String = text.lines().next().unwrap_or_default().chars().take(2_000).collect();
    if line.is_empty() { "refused".into() } else { line }
}
