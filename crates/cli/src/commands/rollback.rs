//! `boucle rollback`: go back to the last healthy revision, by a revert commit.

use api::applications::{Rollback, RollbackPreview, RollbackResult};
use clap::Args;

use super::Context;
use super::pr::describe_consequences;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;

/// Which application, and why.
#[derive(Args)]
pub struct RollbackArguments {
    /// The application.
    #[arg(add = complete::applications())]
    pub application: String,
    /// Why, for the ledger and the commit.
    #[arg(long, default_value = "")]
    pub reason: String,
    /// Only show what the revert commit would change.
    #[arg(long)]
    pub preview: bool,
}

/// Asks for it, or for what it would do.
pub async fn execute(context: &Context, arguments: &RollbackArguments) -> Result<Exit, Failure> {
    let path = format!("/applications/{}/rollback", arguments.application);
    if arguments.preview {
        let preview: RollbackPreview = context.client.get(&path).await?;
        context.out.one(&preview, |preview, words| {
            let commit = output::short(&preview.reverted_commit);
            let mut text = words.would_revert(&commit, &preview.subject);
            text.push('\n');
            preview.files.iter().for_each(|file| text.push_str(&file.unified));
            text.push_str(&describe_consequences(&preview.consequences, words));
            text
        });
        return Ok(Exit::Ok);
    }
    let body = Rollback { reason: arguments.reason.clone() };
    let result: RollbackResult = context.client.post(&path, &body).await?;
    context.out.one(&result, |result, words| {
        words.reverts(&result.revert_commit, &result.reverted_commit)
    });
    Ok(Exit::Ok)
}
