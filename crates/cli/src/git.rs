//! Runs the real `git` of this machine, with a token in its environment, where no other user reads it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

/// `git` in a folder, which never asks for anything; with a token it speaks for its owner.
#[must_use]
pub fn command(folder: &Path, token: Option<&str>) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder).env("GIT_TERMINAL_PROMPT", "0");
    if let Some(token) = token {
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Bearer {token}"));
    }
    command
}

/// Runs it to its end and gives what it printed; what it complained of is the error.
pub fn run(command: &mut Command, arguments: &[&str]) -> anyhow::Result<String> {
    let output = command.args(arguments).output().context("the program `git` cannot be started")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
