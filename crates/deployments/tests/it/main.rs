//! The decisions of this crate, by data.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod actions;
mod application;
mod application_set;
mod argo_cd;
mod chart_access;
mod cluster_file;
mod dependencies;
mod flux;
mod health;
mod health_families;
mod hook;
mod jq;
mod lua;
mod operation;
mod ownership;
mod plan;
mod plan_cluster;
mod project;
mod removal;
mod rollout;
mod set_plugin;
mod set_repositories;
mod source_overrides;
mod view;
