//! `boucle completions`: what a shell needs to complete this command line, names on the server
//! included.

use anyhow::Context;
use clap::Args;
use clap_complete::Shell;
use clap_complete::env::Shells;

use crate::complete::VARIABLE;
use crate::failure::{Exit, Failure};
use crate::output;

/// For which shell.
#[derive(Args)]
pub struct CompletionsArguments {
    /// The shell.
    pub shell: Shell,
}

/// Prints a script that asks this program for what may follow.
pub fn execute(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    let name = arguments.shell.to_string();
    let shells = Shells::builtins();
    let shell = shells.completer(&name).context("this shell cannot ask for completions")?;
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "boucle", "boucle", "boucle", &mut script)
        .context("the script cannot be written")?;
    output::raw(&String::from_utf8_lossy(&script));
    Ok(Exit::Ok)
}
