//! `boucle app`: applications.

use api::applications::{Application, ConfirmDeletions, Deployment, Resource};
use clap::Subcommand;
use serde_json::Value;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Applications.
#[derive(Subcommand)]
pub enum AppCommand {
    /// List applications.
    List,
    /// Show one application with its objects.
    Show {
        /// Its name.
        name: String,
    },
    /// List what was deployed, newest first.
    History {
        /// Its name.
        name: String,
    },
    /// Let a blocked plan delete what the fuse held back.
    ConfirmDeletions {
        /// Its name.
        name: String,
        /// Each object as the blocked plan named it.
        #[arg(required = true)]
        objects: Vec<String>,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &AppCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    match command {
        AppCommand::List => {
            let items: Vec<Application> = client.list("/applications", usize::MAX).await?;
            let columns = ["name", "environment", "sync", "health", "revision", "generation"];
            output::many(context.format, &items, &columns, |item| {
                vec![
                    item.name.clone(),
                    item.environment.clone().unwrap_or_default(),
                    item.sync.clone(),
                    item.health.clone(),
                    item.revision.as_deref().map(output::short).unwrap_or_default(),
                    item.generation.to_string(),
                ]
            });
        }
        AppCommand::Show { name } => {
            let application: Application = client.get(&format!("/applications/{name}")).await?;
            let resources: Vec<Resource> =
                client.list(&format!("/applications/{name}/resources"), usize::MAX).await?;
            let both = serde_json::json!({"application": application, "resources": resources});
            output::one(context.format, &both, |_| describe(&application, &resources));
        }
        AppCommand::History { name } => {
            let items: Vec<Deployment> =
                client.list(&format!("/applications/{name}/deployments"), 100).await?;
            let columns = ["generation", "at", "revision", "rendered", "outcome"];
            output::many(context.format, &items, &columns, |item| {
                vec![
                    item.generation.to_string(),
                    item.at.clone(),
                    output::short(&item.revision),
                    output::short(&item.rendered_commit),
                    item.outcome.clone(),
                ]
            });
        }
        AppCommand::ConfirmDeletions { name, objects } => {
            let body = ConfirmDeletions { objects: objects.clone() };
            let _: Value = client.post(&format!("/applications/{name}/deletions"), &body).await?;
            output::say(&format!("confirmed; {name} is planned again"));
        }
    }
    Ok(Exit::Ok)
}

fn describe(application: &Application, resources: &[Resource]) -> String {
    let mut text = format!(
        "{} — {} and {}\n{}\nrevision   {}\ngeneration {}\n",
        application.name,
        application.health,
        application.sync,
        application.health_message,
        application.revision.as_deref().unwrap_or("none"),
        application.generation
    );
    for image in &application.images {
        text.push_str(&format!("image      {image}\n"));
    }
    for address in &application.addresses {
        text.push_str(&format!("address    {address}\n"));
    }
    for reason in &application.reasons {
        text.push_str(&format!("waits for  {reason}\n"));
    }
    text.push('\n');
    text.push_str(&output::table(
        &["kind", "name", "health", "sync", "message"],
        resources.iter().map(|resource| {
            vec![
                resource.kind.clone(),
                format!("{}/{}", resource.namespace, resource.name),
                resource.health.clone(),
                resource.sync.clone(),
                resource.message.clone(),
            ]
        }),
    ));
    text
}
