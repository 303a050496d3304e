//! The run of one workflow: a pure state machine over its facts.

pub mod reasons;
