//! `boucle pr checkout`: the newest patch set as a branch of the clone that one stands in.

use std::path::Path;

use api::pull_requests::PullRequest;

use super::Context;
use super::pr::Which;
use crate::failure::Failure;
use crate::git;

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
    let here = Path::new(".");
    let mut fetch = git::command(here, context.client.token());
    git::run(&mut fetch, &["fetch", "--quiet", &address, &reference])?;
    let mut checkout = git::command(here, None);
    git::run(&mut checkout, &["checkout", "--quiet", "-B", &branch, "FETCH_HEAD"])?;
    let words = context.out.words();
    context.out.one(&pull_request, |_, _| words.checked_out(&branch, pull_request.patch_set));
    Ok(())
}
