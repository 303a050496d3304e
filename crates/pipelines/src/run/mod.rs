//! The run of one workflow and the steps of one job: two pure state machines.
//!
//! [`Scheduler`] holds the runs that have not ended and the [`concurrency`] groups between them;
//! [`Run`] decides which of its jobs start, are skipped or wait, and why ([`reasons`]); a started
//! job is a [`JobPlan`]. [`job`] decides which step of it runs next; [`contexts`] is what expressions
//! see, [`commands`] and [`files`] read what steps say back, [`actions`] and [`shell`] are what
//! steps may use.

pub mod actions;
mod calls;
pub mod commands;
pub mod concurrency;
pub mod contexts;
mod decide;
pub mod files;
pub mod job;
mod machine;
pub mod plan;
pub mod reasons;
mod scheduler;
pub mod shell;
#[cfg(test)]
mod tests;

pub use machine::{Run, RunEffect, RunEvent, RunSettings};
pub use plan::{
    CallScope, JobNetwork, JobPermissions, JobPlan, NeedResult, ServerContext, StrategyPlace,
};
pub use scheduler::{Effect, Scheduler};
