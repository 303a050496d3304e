//! Reading a workflow file: text in, a typed [`Workflow`] or every problem with its place out.

pub mod model;

pub use model::Workflow;
