//! `boucle incident`: what went wrong and what was done.

use api::incidents::Incident;
use clap::Subcommand;

use super::Context;
use crate::commands::audit::fact_line;
use crate::failure::{Exit, Failure};
use crate::output;

/// Incidents.
#[derive(Subcommand)]
pub enum IncidentCommand {
    /// List incidents, newest first.
    List,
    /// Show one with its evidence and timeline.
    Show {
        /// Its number.
        id: u64,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &IncidentCommand) -> Result<Exit, Failure> {
    match command {
        IncidentCommand::List => {
            let items: Vec<Incident> = context.client.list("/incidents", 500).await?;
            let columns = ["id", "state", "environment", "title", "opened"];
            output::many(context.format, &items, &columns, |item| {
                vec![
                    item.id.to_string(),
                    item.state.clone(),
                    item.environment.clone(),
                    item.title.clone(),
                    item.opened_at.clone(),
                ]
            });
        }
        IncidentCommand::Show { id } => {
            let incident: Incident = context.client.get(&format!("/incidents/{id}")).await?;
            output::one(context.format, &incident, describe);
        }
    }
    Ok(Exit::Ok)
}

fn describe(incident: &Incident) -> String {
    let mut text = format!(
        "incident {} ({}) — {}\nin {} since {}\n",
        incident.id, incident.state, incident.title, incident.environment, incident.opened_at
    );
    for case in &incident.cases {
        text.push_str(&format!("  found    {case}\n"));
    }
    if let Some(suspect) = &incident.suspect {
        text.push_str(&format!("  suspect  commit {}\n", output::short(&suspect.commit)));
        if let Some(number) = suspect.pull_request {
            let author = suspect.author.as_deref().unwrap_or("unknown");
            text.push_str(&format!("  brought  by pull request #{number} of {author}\n"));
        }
    }
    if let Some(evidence) = &incident.evidence {
        text.push_str(&format!("  evidence {} ({})\n", evidence.summary, evidence.digest));
    }
    if let Some(commit) = &incident.revert_commit {
        text.push_str(&format!("  reverted by {commit}\n"));
    }
    for next in &incident.next {
        text.push_str(&format!("  next     {next}\n"));
    }
    text.push('\n');
    for fact in &incident.timeline {
        text.push_str(&fact_line(fact));
        text.push('\n');
    }
    text
}
