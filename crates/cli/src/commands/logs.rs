//! `boucle logs`: the log of an application or of a run's job.

use api::runs::LogChunk;
use clap::Args;

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Whose log.
#[derive(Args)]
pub struct LogsArguments {
    /// An application, or `run/NUMBER/JOB`.
    pub of: String,
    /// Go on until it is complete.
    #[arg(short, long)]
    pub follow: bool,
}

/// Prints it; the server holds a followed request open until there is more.
pub async fn execute(context: &Context, arguments: &LogsArguments) -> Result<Exit, Failure> {
    let path = match arguments.of.strip_prefix("run/") {
        Some(rest) => {
            let (run, job) = rest.split_once('/').ok_or_else(|| {
                Failure::Usage("a run's log is named run/NUMBER/JOB, for example run/3/test".into())
            })?;
            format!("/runs/{run}/log?job={job}")
        }
        None => format!("/applications/{}/log?", arguments.of),
    };
    let mut offset = 0;
    loop {
        let follow = arguments.follow;
        let chunk: LogChunk =
            context.client.get(&format!("{path}&offset={offset}&follow={follow}")).await?;
        output::raw(&chunk.text);
        let finished = chunk.complete || (!follow && chunk.next_offset == offset);
        offset = chunk.next_offset;
        if finished {
            return Ok(Exit::Ok);
        }
    }
}
