//! `boucle incident`: what went wrong and what was done.

use api::incidents::Incident;
use clap::Subcommand;

use super::Context;
use crate::commands::audit::fact_line;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::{Column, Words};

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
            let columns =
                [Column::Id, Column::State, Column::Environment, Column::Title, Column::Opened];
            context.out.many(&items, &columns, |item, _| {
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
            context.out.one(&incident, describe);
        }
    }
    Ok(Exit::Ok)
}

fn describe(incident: &Incident, words: &dyn Words) -> String {
    let labels = words.incident_labels();
    let mut text = format!(
        "{}\n{}\n",
        words.incident(incident.id, words.state(&incident.state), &incident.title),
        words.in_since(&incident.environment, &incident.opened_at)
    );
    let mut add = |label: &str, what: &str| text.push_str(&format!("  {label} {what}\n"));
    incident.cases.iter().for_each(|case| add(labels.found, case));
    if let Some(suspect) = &incident.suspect {
        add(labels.suspect, &output::short(&suspect.commit));
        if let Some(number) = suspect.pull_request {
            add(labels.brought, &words.brought_by(number, suspect.author.as_deref()));
        }
    }
    if let Some(evidence) = &incident.evidence {
        add(labels.evidence, &format!("{} ({})", evidence.summary, evidence.digest));
    }
    if let Some(commit) = &incident.revert_commit {
        add(labels.reverted_by, commit);
    }
    incident.next.iter().for_each(|next| add(labels.next, next));
    text.push('\n');
    for fact in &incident.timeline {
        text.push_str(&fact_line(fact));
        text.push('\n');
    }
    text
}
