//! `boucle rollback`: go back to the last healthy revision, by a revert commit.

use api::applications::{Rollback, RollbackResult};
use clap::Args;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Which application, and why.
#[derive(Args)]
pub struct RollbackArguments {
    /// The application.
    pub application: String,
    /// Why, for the ledger and the commit.
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// Asks for it.
pub async fn execute(context: &Context, arguments: &RollbackArguments) -> Result<Exit, Failure> {
    let path = format!("/applications/{}/rollback", arguments.application);
    let body = Rollback { reason: arguments.reason.clone() };
    let result: RollbackResult = context.client.post(&path, &body).await?;
    output::one(context.format, &result, |result| {
        format!("{} reverts {}", result.revert_commit, result.reverted_commit)
    });
    Ok(Exit::Ok)
}
