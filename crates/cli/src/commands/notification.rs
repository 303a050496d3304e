//! `boucle notification`: who is told, and a test of it.

use api::settings::NotificationRoute;
use clap::Subcommand;

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Column;

/// Receivers of notifications, as boucle.yaml names them.
#[derive(Subcommand)]
pub enum NotificationCommand {
    /// List the receivers of a repository and how the last notification went.
    List {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        repository: String,
    },
    /// Send a test to a receiver.
    Test {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        repository: String,
        /// The name of the route.
        route: String,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &NotificationCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    match command {
        NotificationCommand::List { repository } => {
            let path = format!("/repositories/{repository}/notifications");
            let items: Vec<NotificationRoute> = client.list(&path, usize::MAX).await?;
            let columns = [Column::Name, Column::Address, Column::Secret, Column::State];
            context.out.many(&items, &columns, |item, words| {
                let secret = if item.secret_known {
                    item.secret.clone()
                } else {
                    words.missing_secret(&item.secret)
                };
                let state = match &item.last {
                    None => words.none_yet().to_owned(),
                    Some(last) if last.delivered => words.state("delivered").to_owned(),
                    Some(last) => last.problem.clone().unwrap_or_default(),
                };
                vec![item.name.clone(), item.url.clone(), secret, state]
            });
        }
        NotificationCommand::Test { repository, route } => {
            let route_name = output::escape(route);
            client
                .act(&format!("/repositories/{repository}/notifications/{route_name}/test"))
                .await?;
            context.out.say(&context.out.words().told(route));
        }
    }
    Ok(Exit::Ok)
}
