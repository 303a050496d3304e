//! Monitoring's decisions, by data.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod alerts;
mod assessments;
mod expositions;
mod incidents;
mod objectives;
