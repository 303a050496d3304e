//! The run of one workflow: a pure state machine over its facts.

pub mod plan;
pub mod reasons;

pub use plan::{JobPermissions, JobPlan, NeedResult, ServerContext, StrategyPlace};
