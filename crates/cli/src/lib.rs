//! The command line: a client of the HTTP interface.
//!
//! Standard output carries results, standard error carries messages and progress; exit codes are
//! chosen in `failure.rs` alone. Two commands are not a client's and are handed back to the
//! program: `up` (starts the server) and `run` without a subcommand (runs a workflow here).

mod arguments;
mod client;
mod commands;
mod complete;
mod connection;
mod events;
mod failure;
mod git;
mod help;
mod language;
mod output;
mod progress;
mod words;

use clap::FromArgMatches;
use clap_complete::env::CompleteEnv;

pub use arguments::{Arguments, Command, LintArguments, LocalRun, UpArguments};
pub use connection::{DATA_DEFAULT, ServerFile, default_folder};
pub use failure::{Exit, Failure};
pub use language::Language;
pub use output::{Format, Output};
pub use words::Words;

/// What the program has to do.
pub enum Invocation {
    /// Start the server.
    Up(UpArguments),
    /// Run a workflow on the working tree, without a server.
    RunHere(LocalRun, Output),
    /// Look at the workflows of the working tree, without a server.
    LintHere(LintArguments, Output),
    /// Everything else: a client's command.
    Client(Box<Arguments>),
}

impl Invocation {
    /// How its failures are told. What a server says at its start is for people, whatever the form.
    #[must_use]
    pub fn out(&self) -> Output {
        match self {
            Invocation::Client(arguments) => arguments.out(),
            Invocation::RunHere(_, out) | Invocation::LintHere(_, out) => *out,
            Invocation::Up(up) => {
                let language = if up.french { Language::French } else { Language::English };
                Output { language, ..Output::default() }
            }
        }
    }
}

/// Reads the command line; ends the process with code 2 (or 0 for `--help`) when it is wrong.
#[must_use]
#[expect(clippy::wildcard_enum_match_arm, reason = "every other command is a client's")]
pub fn invocation() -> Invocation {
    let language = Language::of_environment();
    // A shell that asks for completions gets them, and the process ends here.
    CompleteEnv::with_factory(|| help::command(Language::English))
        .var(complete::VARIABLE)
        .complete();
    let parsed = help::command(language)
        .try_get_matches()
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = parsed.unwrap_or_else(|error| help::refuse(&error, language));
    let out = arguments.out();
    match arguments.command {
        Command::Up(mut up) => {
            up.data = up.data.or(arguments.data);
            up.french = out.language == Language::French;
            Invocation::Up(up)
        }
        Command::Run(commands::run::RunCommand { command: None, local }) => {
            Invocation::RunHere(local, out)
        }
        Command::Lint(lint) => Invocation::LintHere(lint, out),
        command => Invocation::Client(Box::new(Arguments { command, ..arguments })),
    }
}

/// Does a client's command and gives the exit code; failures are printed here, once.
pub async fn execute(arguments: Arguments) -> Exit {
    let out = arguments.out();
    match commands::dispatch(arguments).await {
        Ok(exit) => exit,
        Err(failure) => {
            report(out, &failure);
            failure.exit()
        }
    }
}

/// Prints a failure with its whole chain; as JSON it is the problem document itself.
pub fn report(out: Output, failure: &Failure) {
    if out.format != Format::Table
        && let Failure::Problem(problem) = failure
    {
        output::line(&serde_json::to_string(problem).unwrap_or_default());
        return;
    }
    output::complain(&failure.text(out.words()));
}
