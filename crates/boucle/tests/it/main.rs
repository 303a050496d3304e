//! Through the real binary: what a person types, and what comes back.

mod argo_cd;
mod at_a_terminal;
mod bad_clock;
mod bad_files;
mod bad_push;
mod bad_services;
mod bad_world;
mod browsing;
mod charts;
mod crash;
mod demo;
mod demo_cluster;
mod git;
mod golden;
mod harness;
mod http;
mod kubernetes;
mod language;
mod migration;
mod overtaken;
mod passkeys;
mod projects;
mod removal;
mod sessions;
mod settings;
mod start;
