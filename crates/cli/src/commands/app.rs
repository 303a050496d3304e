//! `boucle app`: applications.

use api::applications::{
    Application, ConfirmDeletions, Deployment, ObjectEvent, Resource, Synchronise,
};
use clap::Subcommand;
use serde::Serialize;
use serde_json::Value;

use super::Context;
use super::diff::DiffArguments;
use super::rollback::RollbackArguments;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output::{self, Format};
use crate::words::{Column, Words};

/// Applications.
#[derive(Subcommand)]
pub enum AppCommand {
    /// List applications.
    List,
    /// Show one application with its objects.
    Show {
        /// Its name.
        #[arg(add = complete::applications())]
        name: String,
    },
    /// List what was deployed, newest first.
    History {
        /// Its name.
        #[arg(add = complete::applications())]
        name: String,
    },
    /// List what the cluster says of its objects, newest first.
    Events {
        /// Its name.
        #[arg(add = complete::applications())]
        name: String,
    },
    /// Show how it differs from Git.
    Diff(DiffArguments),
    /// Go back to the last healthy revision, by a revert commit.
    Rollback(RollbackArguments),
    /// Synchronise it now, whatever the automation says.
    Sync {
        /// Its name.
        #[arg(add = complete::applications())]
        name: String,
        /// Also delete what left Git.
        #[arg(long)]
        prune: bool,
    },
    /// End a synchronisation that is under way, whatever it waits for.
    Unstick {
        /// Its name.
        #[arg(add = complete::applications())]
        name: String,
    },
    /// What may be done to its objects.
    #[command(subcommand)]
    Action(super::app_action::ActionCommand),
    /// Let a blocked plan delete what the fuse held back.
    ConfirmDeletions {
        /// Its name.
        #[arg(add = complete::applications())]
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
        AppCommand::List => list(context).await?,
        AppCommand::Show { name } => {
            let application: Application = client.get(&format!("/applications/{name}")).await?;
            let resources: Vec<Resource> =
                client.list(&format!("/applications/{name}/resources"), usize::MAX).await?;
            let both = serde_json::json!({"application": application, "resources": resources});
            context.out.one(&both, |_, words| describe(&application, &resources, words));
        }
        AppCommand::History { name } => {
            let items: Vec<Deployment> =
                client.list(&format!("/applications/{name}/deployments"), 100).await?;
            let columns = [
                Column::Generation,
                Column::At,
                Column::Revision,
                Column::Rendered,
                Column::Outcome,
            ];
            context.out.many(&items, &columns, |item, _| {
                vec![
                    item.generation.to_string(),
                    item.at.clone(),
                    output::short(&item.revision),
                    output::short(&item.rendered_commit),
                    item.outcome.clone(),
                ]
            });
        }
        AppCommand::Events { name } => {
            let items: Vec<ObjectEvent> =
                client.list(&format!("/applications/{name}/events"), 100).await?;
            let columns = [Column::At, Column::What, Column::Reason, Column::Message];
            context.out.many(&items, &columns, |item, _| {
                let times =
                    if item.count > 1 { format!(" (×{})", item.count) } else { String::new() };
                let (at, object) = (item.at.clone(), item.object.clone());
                vec![at, object, item.reason.clone(), format!("{}{times}", item.message)]
            });
        }
        AppCommand::Diff(arguments) => return super::diff::execute(context, arguments).await,
        AppCommand::Rollback(arguments) => {
            return super::rollback::execute(context, arguments).await;
        }
        AppCommand::Sync { name, prune } => {
            let body = Synchronise { prune: *prune };
            let done = context.out.words().synchronisation_asked(name);
            ask(context, &format!("/applications/{name}/sync"), &body, done).await?;
        }
        AppCommand::Unstick { name } => {
            let done = context.out.words().synchronisation_ended(name);
            let nothing = serde_json::json!({});
            ask(context, &format!("/applications/{name}/unstick"), &nothing, done).await?;
        }
        AppCommand::Action(command) => super::app_action::execute(context, command).await?,
        AppCommand::ConfirmDeletions { name, objects } => {
            let body = ConfirmDeletions { objects: objects.clone() };
            let _: Value = client.post(&format!("/applications/{name}/deletions"), &body).await?;
            context.out.say(&context.out.words().deletions_confirmed(name));
        }
    }
    Ok(Exit::Ok)
}

fn describe(application: &Application, resources: &[Resource], words: &dyn Words) -> String {
    let labels = words.application_labels();
    let mut text = format!(
        "{} — {}, {}\n{}\n",
        application.name,
        words.state(&application.health),
        words.state(&application.sync),
        application.health_message
    );
    let mut add = |label: &str, what: &str| text.push_str(&format!("{label} {what}\n"));
    add(labels.revision, application.revision.as_deref().unwrap_or(words.none()));
    add(labels.generation, &application.generation.to_string());
    application.images.iter().for_each(|image| add(labels.image, image));
    application.addresses.iter().for_each(|address| add(labels.address, address));
    application.reasons.iter().for_each(|reason| add(labels.waits_for, &reason.to_string()));
    text.push('\n');
    let columns = [Column::Kind, Column::Name, Column::Health, Column::Sync, Column::Message];
    let rows = resources.iter().map(|resource| {
        vec![
            resource.kind.clone(),
            format!("{}/{}", resource.namespace, resource.name),
            resource.health.clone(),
            resource.sync.clone(),
            resource.message.clone(),
        ]
    });
    text.push_str(&output::table(words, &columns, rows));
    text
}

async fn list(context: &Context) -> Result<(), Failure> {
    let items: Vec<Application> = context.client.list("/applications", usize::MAX).await?;
    let columns = [
        Column::Name,
        Column::Environment,
        Column::Sync,
        Column::Health,
        Column::Revision,
        Column::Generation,
    ];
    context.out.many(&items, &columns, |item, _| {
        vec![
            item.name.clone(),
            item.environment.clone().unwrap_or_default(),
            item.sync.clone(),
            item.health.clone(),
            item.revision.as_deref().map(output::short).unwrap_or_default(),
            item.generation.to_string(),
        ]
    });
    Ok(())
}

/// Asks for a change of an application; tells people the sentence and programs the application.
async fn ask(
    context: &Context,
    path: &str,
    body: &impl Serialize,
    sentence: String,
) -> Result<(), Failure> {
    let application: Application = context.client.post(path, body).await?;
    if context.out.format == Format::Table {
        context.out.say(&sentence);
    } else {
        context.out.one(&application, |_, _| String::new());
    }
    Ok(())
}
