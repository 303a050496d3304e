//! `boucle status`: what runs where, and what waits.

use api::status::Status;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Prints it.
pub async fn execute(context: &Context) -> Result<Exit, Failure> {
    let status: Status = context.client.get("/status").await?;
    output::one(context.format, &status, describe);
    Ok(Exit::Ok)
}

fn describe(status: &Status) -> String {
    let rows = status.environments.iter().map(|item| {
        let artifacts: Vec<String> = item
            .artifacts
            .iter()
            .filter_map(|artifact| artifact.digest.as_deref().map(output::short))
            .collect();
        let waits: Vec<&str> = item.waiting_on.iter().map(|r| r.message.as_str()).collect();
        vec![
            item.repository.clone(),
            item.name.clone(),
            item.health.clone(),
            item.verdict.clone().unwrap_or_default(),
            artifacts.join(", "),
            waits.join("; "),
        ]
    });
    let columns = ["repository", "environment", "health", "verdict", "version", "waits for"];
    format!(
        "boucle {} at {}\n{} runs active, {} incidents open, {} facts\n\n{}",
        status.version,
        status.url,
        status.runs_active,
        status.incidents_open,
        status.sequence,
        output::table(&columns, rows)
    )
}
