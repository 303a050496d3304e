//! `boucle env`: environments and promotions.

use api::environments::{Environment, Promote, PromotedByHand};
use clap::Subcommand;

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Column;

/// Environments and promotions.
#[derive(Subcommand)]
pub enum EnvCommand {
    /// List environments with what runs in each.
    List,
    /// Promote a digest by hand, or approve a promotion that waits.
    Promote {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        repository: String,
        /// The environment.
        environment: String,
        /// The artifact's name.
        #[arg(long)]
        artifact: String,
        /// The digest.
        #[arg(long)]
        digest: String,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &EnvCommand) -> Result<Exit, Failure> {
    match command {
        EnvCommand::List => {
            let items: Vec<Environment> = context.client.list("/environments", usize::MAX).await?;
            print(context, &items);
        }
        EnvCommand::Promote { repository, environment, artifact, digest } => {
            let path = format!("/repositories/{repository}/environments/{environment}/promotions");
            let body = Promote { artifact: artifact.clone(), digest: digest.clone() };
            let result: PromotedByHand = context.client.post(&path, &body).await?;
            context.out.one(&result, |result, words| match result.pull_request {
                Some(number) => words.promotion_proposed(artifact, environment, number),
                None => words.promoted(artifact, environment),
            });
        }
    }
    Ok(Exit::Ok)
}

/// The matrix of services and environments.
pub fn print(context: &Context, items: &[Environment]) {
    let columns = [
        Column::Repository,
        Column::Environment,
        Column::Health,
        Column::Verdict,
        Column::Artifact,
        Column::WaitsFor,
    ];
    context.out.many(items, &columns, |item, words| {
        let artifacts: Vec<String> = item
            .artifacts
            .iter()
            .map(|artifact| {
                let digest = artifact.digest.as_deref().map(output::short);
                format!("{} {}", artifact.name, digest.unwrap_or_else(|| words.none_yet().into()))
            })
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
}
