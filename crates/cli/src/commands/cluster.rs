//! `boucle cluster`: the clusters that applications may name as their destination.

use api::settings::{Destination, MissingPermission};
use clap::Subcommand;

use super::Context;
use super::cluster_add::{self, ClusterAddArguments};
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Column;

/// Clusters.
#[derive(Subcommand)]
pub enum ClusterCommand {
    /// Declare a cluster of a kubeconfig in Git, and give its credential to the server.
    Add(ClusterAddArguments),
    /// List clusters: whether they answer, their version, their applications.
    List,
    /// Show which permission is missing for what is deployed there.
    Doctor {
        /// Its name.
        name: String,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &ClusterCommand) -> Result<Exit, Failure> {
    match command {
        ClusterCommand::Add(arguments) => cluster_add::execute(context, arguments).await,
        ClusterCommand::List => {
            let all: Vec<Destination> = context.client.list("/destinations", usize::MAX).await?;
            let items: Vec<Destination> =
                all.into_iter().filter(|one| one.kind == "cluster").collect();
            let columns = [Column::Name, Column::Address, Column::Version, Column::Reason];
            context.out.many(&items, &columns, |item, _| {
                vec![
                    item.name.clone(),
                    item.address.clone().unwrap_or_default(),
                    item.version.clone().unwrap_or_default(),
                    item.reasons.first().map(|one| one.message.clone()).unwrap_or_default(),
                ]
            });
            Ok(Exit::Ok)
        }
        ClusterCommand::Doctor { name } => {
            let path = format!("/destinations/{}/missing-permissions", output::escape(name));
            let items: Vec<MissingPermission> = context.client.list(&path, usize::MAX).await?;
            let columns = [Column::What, Column::Kind, Column::Namespace, Column::Reason];
            context.out.many(&items, &columns, |item, _| {
                vec![
                    item.verb.clone(),
                    item.resource.clone(),
                    item.namespace.clone(),
                    item.reason.clone(),
                ]
            });
            Ok(if items.is_empty() { Exit::Ok } else { Exit::Differences })
        }
    }
}
