//! `boucle logs`: the log of an application or of a run's job.

use api::runs::LogChunk;
use clap::Args;

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;

/// Whose log.
#[derive(Args)]
pub struct LogsArguments {
    /// An application, or `run/NUMBER/JOB`.
    #[arg(add = complete::logs())]
    pub of: String,
    /// The replica of an application; the first one when absent.
    #[arg(long)]
    pub replica: Option<String>,
    /// Go on until it is complete.
    #[arg(short, long)]
    pub follow: bool,
}

/// Prints it; the server holds a followed request open until there is more.
pub async fn execute(context: &Context, arguments: &LogsArguments) -> Result<Exit, Failure> {
    let path = match arguments.of.strip_prefix("run/") {
        Some(rest) => {
            let (run, job) = rest
                .split_once('/')
                .ok_or_else(|| Failure::Usage(context.out.words().log_name_wrong().into()))?;
            format!("/runs/{run}/log?job={job}")
        }
        None => {
            let replica = arguments.replica.iter().map(|name| format!("replica={name}"));
            format!("/applications/{}/log?{}", arguments.of, replica.collect::<String>())
        }
    };
    let client = context.client.silent();
    let mut offset = 0;
    loop {
        let follow = arguments.follow;
        let chunk: LogChunk =
            client.get(&format!("{path}&offset={offset}&follow={follow}")).await?;
        output::raw(&chunk.text);
        let finished = chunk.complete || (!follow && chunk.next_offset == offset);
        offset = chunk.next_offset;
        if finished {
            return Ok(Exit::Ok);
        }
    }
}
