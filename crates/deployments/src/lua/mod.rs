//! Users' own scripts: Argo CD's `resource.customizations` in Lua, run where they can do no harm.
//!
//! A script gets an object and gives a health, a list of actions or a changed object. It has Lua 5.1's
//! base and tables and, if asked for, strings and numbers; no files, processes, modules or loading of
//! code. Instructions and memory are counted, so that equal inputs end at the same place everywhere;
//! the time is an input too.

mod actions;
mod clock;
mod convert;
mod customizations;
mod libraries;
mod pattern;
mod sandbox;
mod strings;

pub use actions::{Action, ActionParameter, Change, ChangeOperation};
pub use customizations::{CustomizationError, Customizations};

/// Why a script gave nothing that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It is not Lua, or it failed while it ran.
    #[error("{}{message}", line.map(|line| format!("line {line}: ")).unwrap_or_default())]
    Failed {
        /// From 1; `None` when it is not known.
        line: Option<u32>,
        /// What Lua says.
        message: String,
    },
    /// It did not end within the instructions that it may take.
    #[error("it runs for longer than it may ({instructions} instructions)")]
    TooLong {
        /// How many it may take.
        instructions: u64,
    },
    /// It asked for more memory than it may have.
    #[error("it needs more memory than it may have ({bytes} bytes)")]
    TooMuchMemory {
        /// How much it may have.
        bytes: usize,
    },
    /// It ended and gave something else than it ought to.
    #[error("it gives {0}")]
    WrongReturn(String),
    /// There is no action of this name.
    #[error("there is no action {0}")]
    NoSuchAction(String),
}
