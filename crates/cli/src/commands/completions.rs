//! `boucle completions`: what a shell needs to complete this command line.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::{Exit, Failure};

/// For which shell.
#[derive(Args)]
pub struct CompletionsArguments {
    /// The shell.
    pub shell: Shell,
}

/// Prints them.
pub fn execute(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "boucle", &mut std::io::stdout());
    Ok(Exit::Ok)
}
