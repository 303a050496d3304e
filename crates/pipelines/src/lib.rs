//! Pipelines: the workflow language, which events start which workflows, and the run of one of them.
//!
//! Reading order: [`expressions`] (`${{ }}`), [`workflow`] (text in, typed workflow or problems out),
//! [`trigger`] (event in, runs to start out), [`run`] (the state machine), [`gate`].
//!
//! Absent on purpose: processes, files and clocks; a runner acts on the effects that [`run`] returns.

pub mod expressions;
pub mod facts;
pub mod gate;
pub mod lint;
pub mod run;
pub mod trigger;
pub mod view;
pub mod workflow;
