//! The server: puts the parts together, starts the reconcilers, answers HTTP.
//!
//! `http/` has the routes, `tasks/` the reconcilers; both see one [`state::Server`]. Nothing here
//! decides: decisions are functions of the domain crates, and what they need is gathered here.

mod changes;
mod charts;
mod clock;
mod clusters;
mod configurations;
mod cursor;
mod declarations;
mod demo;
mod evidence;
mod history;
mod http;
mod language;
mod notifications;
mod operations;
mod options;
mod outlook;
mod passkeys;
mod passwords;
mod plugins;
mod pod_logs;
mod private;
mod pull_requests;
mod record;
mod renderings;
mod replicas;
mod runs;
mod scopes;
mod secret;
mod secrets;
mod services;
mod setup;
mod sources;
mod start;
mod state;
mod targets;
mod tasks;
mod trials;
mod views;
mod watched;
mod words;

pub use http::openapi_document;
pub use options::Options;
pub use render::{JSONNET_ARGUMENT, jsonnet_main};
pub use start::{StartError, run};

/// Sends the log to standard error: warnings and above, or what `BOUCLE_LOG` says.
pub fn log_to_standard_error() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("BOUCLE_LOG")
        // The library of passkeys calls it an error that most of them count nothing; what a cluster
        // refuses is said by whoever asked.
        .unwrap_or_else(|_| {
            tracing_subscriber::EnvFilter::new("warn,webauthn_rs_core=off,kube_client=off")
        });
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
