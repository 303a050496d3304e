//! `boucle trace`: follow anything to its commit, author, reviewers, run and deployment.

use api::audit::TraceStep;
use clap::Args;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Column;

/// What to follow.
#[derive(Args)]
pub struct TraceArguments {
    /// A commit, a digest, an application, `Deployment/hello`, a run, an incident …
    pub of: String,
}

/// Prints the way, step by step.
pub async fn execute(context: &Context, arguments: &TraceArguments) -> Result<Exit, Failure> {
    let encoded = output::escape(&arguments.of);
    let steps: Vec<TraceStep> =
        context.client.list(&format!("/trace?of={encoded}"), usize::MAX).await?;
    let columns = [Column::Kind, Column::Id, Column::What, Column::Who, Column::When];
    context.out.many(&steps, &columns, |step, _| {
        vec![
            step.kind.clone(),
            step.id.clone(),
            step.summary.clone(),
            step.actor.clone().unwrap_or_default(),
            step.at.clone().unwrap_or_default(),
        ]
    });
    Ok(Exit::Ok)
}
