//! `boucle pr checkout`: the newest patch set as a branch of the clone that one stands in.

use std::process::Command;

use anyhow::{Context as _, bail};
use api::pull_requests::PullRequest;

use super::Context;
use super::pr::Which;
use crate::failure::Failure;

/// Fetches it and goes there. Git refuses by itself what would lose work.
pub async fn execute(
    context: &Context,
    which: &Which,
    branch: Option<&str>,
) -> Result<(), Failure> {
    let pull_request: PullRequest = context.client.get(&which.path("")).await?;
    let branch = branch.map_or_else(|| format!("pr-{}", pull_request.number), str::to_owned);
    let address = format!("{}/{}", context.client.url(), pull_request.repository);
    let reference = format!("refs/changes/{}/{}", pull_request.number, pull_request.patch_set);
    git(context.client.token(), &["fetch", "--quiet", &address, &reference])?;
    git(None, &["checkout", "--quiet", "-B", &branch, "FETCH_HEAD"])?;
    let words = context.out.words();
    context.out.one(&pull_request, |_, _| words.checked_out(&branch, pull_request.patch_set));
    Ok(())
}

/// Runs git here, with the token in its environment, where no other user can read it.
fn git(token: Option<&str>, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new("git");
    command.args(arguments).env("GIT_TERMINAL_PROMPT", "0");
    if let Some(token) = token {
        command
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "http.extraHeader")
            .env("GIT_CONFIG_VALUE_0", format!("Authorization: Bearer {token}"));
    }
    let output = command.output().context("the program `git` cannot be started")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
