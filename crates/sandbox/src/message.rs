//! What the caller and the helper say to each other: one JSON document a line, over one socket.

use serde::{Deserialize, Serialize};

use crate::protections::Protections;
use crate::spec::Spec;

/// From the caller to the helper.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub(crate) enum Order {
    /// Build the place and run the program; always the first message.
    Start {
        /// What to run.
        spec: Box<Spec>,
        /// What the caller already arranged (cgroups) or could not.
        protections: Protections,
        /// Build the place, report, and run nothing.
        trial: bool,
    },
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
        /// The program itself was not found or is not executable.
        program: bool,
        /// A required protection is missing.
        refused: bool,
    },
    /// The program ended.
    Exited {
        /// Its exit code.
        code: Option<i32>,
        /// Or the signal that ended it.
        signal: Option<i32>,
    },
}
