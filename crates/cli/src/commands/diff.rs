//! `boucle diff`: how an application differs from Git.

use api::pull_requests::ObjectDifference;
use clap::Args;

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};

/// Which application.
#[derive(Args)]
pub struct DiffArguments {
    /// The application.
    #[arg(add = complete::applications())]
    pub application: String,
}

/// Prints the difference; exit code 10 when there is one.
pub async fn execute(context: &Context, arguments: &DiffArguments) -> Result<Exit, Failure> {
    let path = format!("/applications/{}/difference", arguments.application);
    let objects: Vec<ObjectDifference> = context.client.list(&path, usize::MAX).await?;
    let exit = if objects.is_empty() { Exit::Ok } else { Exit::Differences };
    context.out.one(&objects, |objects, words| {
        if objects.is_empty() {
            return words.no_difference().into();
        }
        objects
            .iter()
            .map(|object| format!("{} {}\n{}", object.change, object.object, object.unified))
            .collect()
    });
    Ok(exit)
}
