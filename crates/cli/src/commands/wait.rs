//! `boucle wait`: until an application is healthy on a revision.

use std::time::{Duration, Instant};

use api::applications::Application;
use clap::Args;

use super::Context;
use crate::complete;
use crate::events::Events;
use crate::failure::{Exit, Failure};

/// What to wait for.
#[derive(Args)]
pub struct WaitArguments {
    /// The application.
    #[arg(add = complete::applications())]
    pub application: String,
    /// The commit that it should run; any when absent.
    #[arg(long)]
    pub revision: Option<String>,
    /// Give up after this many seconds.
    #[arg(long, default_value_t = 300)]
    pub timeout_seconds: u64,
}

/// Waits; exit code 11 when it is degraded, 7 when time is up.
pub async fn execute(context: &Context, arguments: &WaitArguments) -> Result<Exit, Failure> {
    let deadline = Instant::now() + Duration::from_secs(arguments.timeout_seconds);
    let path = format!("/applications/{}", arguments.application);
    let mut events = Events::open(&context.client, None).await?;
    let words = context.out.words();
    let spinner = context.progress().spinner();
    loop {
        let application: Application = context.client.get(&path).await?;
        let at_revision = arguments.revision.as_ref().is_none_or(|wanted| {
            application.revision.as_ref().is_some_and(|now| now.starts_with(wanted.as_str()))
        });
        let ended = match application.health.as_str() {
            "healthy" if application.sync == "synced" => Some(Exit::Ok),
            "degraded" => Some(Exit::RolledBack),
            _ => None,
        };
        if let (true, Some(exit)) = (at_revision, ended) {
            context.out.one(&application, |application, words| {
                words.application_is(&application.name, words.state(&application.health))
            });
            return Ok(exit);
        }
        let (health, sync) = (words.state(&application.health), words.state(&application.sync));
        spinner.set_message(words.waiting(&application.name, health, sync));
        let left = deadline.saturating_duration_since(Instant::now());
        if tokio::time::timeout(left, events.next()).await.is_err() {
            let waits: Vec<String> = application.reasons.iter().map(ToString::to_string).collect();
            let still = words.still(&application.name, health, sync, arguments.timeout_seconds);
            return Err(Failure::Timeout(format!("{still} {}", waits.join("; "))));
        }
    }
}
