//! `boucle status`: what runs where, and what waits.

use api::environments::Environment;
use api::status::Status;
use clap::Args;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::{Column, Words};

pub const COLUMNS: [Column; 6] = [
    Column::Repository,
    Column::Environment,
    Column::Health,
    Column::Verdict,
    Column::Version,
    Column::WaitsFor,
];

/// How it is shown.
#[derive(Args)]
pub struct StatusArguments {
    /// Full screen, kept up to date.
    #[arg(short, long)]
    pub watch: bool,
}

/// Prints it.
pub async fn execute(context: &Context, arguments: &StatusArguments) -> Result<Exit, Failure> {
    if arguments.watch {
        return super::status_watch::execute(context).await;
    }
    let status: Status = context.client.get("/status").await?;
    context.out.one(&status, describe);
    Ok(Exit::Ok)
}

fn describe(status: &Status, words: &dyn Words) -> String {
    let rows = status.environments.iter().map(row);
    format!(
        "{}\n{}\n\n{}",
        words.status(&status.version, &status.url),
        words.counts(status.runs_active, status.incidents_open, status.sequence),
        output::table(words, &COLUMNS, rows)
    )
}

/// An environment as a row of [`COLUMNS`].
pub fn row(item: &Environment) -> Vec<String> {
    let digests = item.artifacts.iter().filter_map(|artifact| artifact.digest.as_deref());
    let waits: Vec<&str> = item.waiting_on.iter().map(|reason| reason.message.as_str()).collect();
    vec![
        item.repository.clone(),
        item.name.clone(),
        item.health.clone(),
        item.verdict.clone().unwrap_or_default(),
        digests.map(output::short).collect::<Vec<_>>().join(", "),
        waits.join("; "),
    ]
}
