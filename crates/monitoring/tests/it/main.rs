//! Monitoring's decisions, by data.

mod alerts;
mod assessments;
mod expositions;
mod incidents;
mod objectives;
