//! The command line: a client of the HTTP interface.
//!
//! Standard output carries results, standard error carries messages and progress; exit codes are
//! chosen in `failure.rs` alone. Two commands are not a client's and are handed back to the
//! program: `up` (starts the server) and `run` without a subcommand (runs a workflow here).

mod arguments;
mod client;
mod commands;
mod connection;
mod events;
mod failure;
mod output;

use clap::Parser;

pub use arguments::{Arguments, Command, LocalRun, UpArguments};
pub use connection::{DATA_DEFAULT, ServerFile, default_folder};
pub use failure::{Exit, Failure};
pub use output::Format;

/// What the program has to do.
pub enum Invocation {
    /// Start the server.
    Up(UpArguments),
    /// Run a workflow on the working tree, without a server.
    RunHere(LocalRun, Format),
    /// Everything else: a client's command.
    Client(Box<Arguments>),
}

/// Reads the command line; ends the process with code 2 (or 0 for `--help`) when it is wrong.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "every other command is a client's")]
pub fn invocation() -> Invocation {
    let arguments = Arguments::parse();
    let format = arguments.output;
    match arguments.command {
        Command::Up(mut up) => {
            up.data = up.data.or(arguments.data);
            Invocation::Up(up)
        }
        Command::Run(commands::run::RunCommand { command: None, local }) => {
            Invocation::RunHere(local, format)
        }
        command => Invocation::Client(Box::new(Arguments { command, ..arguments })),
    }
}

/// Does a client's command and gives the exit code; failures are printed here, once.
pub async fn execute(arguments: Arguments) -> Exit {
    let format = arguments.output;
    match commands::dispatch(arguments).await {
        Ok(exit) => exit,
        Err(failure) => {
            report(format, &failure);
            failure.exit()
        }
    }
}

/// Prints a failure with its whole chain; as JSON it is the problem document itself.
pub fn report(format: Format, failure: &Failure) {
    if format != Format::Table
        && let Failure::Problem(problem) = failure
    {
        output::line(&serde_json::to_string(problem).unwrap_or_default());
        return;
    }
    let mut text = match failure {
        Failure::Problem(problem) => problem.to_string(),
        Failure::Usage(_)
        | Failure::Precondition(_)
        | Failure::Timeout(_)
        | Failure::Unreachable { .. }
        | Failure::Other(_) => format!("error: {failure}"),
    };
    let mut source = std::error::Error::source(failure);
    while let Some(cause) = source {
        text.push_str(&format!("\n  caused by: {cause}"));
        source = cause.source();
    }
    output::say(&text);
}
