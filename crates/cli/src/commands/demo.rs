//! `boucle demo`: what a person would do, done by a program through the same doors.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::environments::Environment;
use api::page::Page;
use api::pull_requests::{
    Consequences, Merge, OpenPullRequest, PullRequest, Review, ReviewVerdict, SourceDifference,
    SubmitReview,
};
use api::repositories::Repository;
use api::runs::Run;
use api::tokens::{CreateToken, CreatedToken, TokenKind, TokenRole};
use clap::{Args, Subcommand};

use super::Context;
use crate::client::Client;
use crate::commands::demo_story::{self, Story};
use crate::commands::pr::describe_consequences;
use crate::events::Events;
use crate::failure::{Exit, Failure};
use crate::git;

/// The demonstration.
#[derive(Subcommand)]
pub enum DemoCommand {
    /// Bring a change with a bug that its tests miss, and let the loop find it.
    Break(BreakArguments),
}

/// How the demonstration breaks.
#[derive(Args)]
pub struct BreakArguments {
    /// Stay until production is healthy again; ends with exit code 11.
    #[arg(long)]
    pub wait: bool,
    /// Give up after this many seconds.
    #[arg(long, default_value_t = 180)]
    pub timeout_seconds: u64,
}

const REPOSITORY: &str = "demo/hello";
/// The change: it cuts long names at a byte, which breaks a letter of two bytes.
const CHANGED_FILE: &str = include_str!("../../../../examples/hello-long-names/src/greeting.rs");

/// Does it.
pub async fn execute(context: &Context, command: &DemoCommand) -> Result<Exit, Failure> {
    let DemoCommand::Break(arguments) = command;
    let limit = Duration::from_secs(arguments.timeout_seconds);
    match tokio::time::timeout(limit, break_it(context, arguments.wait)).await {
        Ok(result) => result,
        Err(_) => Err(Failure::Timeout(context.out.words().demo_late(arguments.timeout_seconds))),
    }
}

async fn break_it(context: &Context, wait: bool) -> Result<Exit, Failure> {
    let client = &context.client;
    wait_for_healthy_production(context).await?;
    let author = account(client, "demo-author").await?;
    let reviewer = account(client, "demo-reviewer").await?;
    let mut story = Story::begin(Instant::now(), context.out);

    let mut events = Events::open(client, None).await?;
    let branch = push_branch(&author).await?;
    story.reached("pushed");
    let pull_request = open(&author, &branch).await?;
    story.change(&pull_request);
    story.reached("pull_request_opened");
    let path = format!("/repositories/{REPOSITORY}/pull-requests/{}", pull_request.number);
    show_consequences(context, &author, &path).await?;

    wait_for_checks(context, &author, &path, &mut events).await?;
    story.reached("checks_passed");
    let review = SubmitReview { verdict: ReviewVerdict::Approve, body: "Looks good.".into() };
    let _: Review = reviewer.post(&format!("{path}/reviews"), &review).await?;
    story.reached("approved");
    let expected_head = Some(pull_request.head.clone());
    let merge = Merge { method: None, expected_head, when_ready: false };
    let merged: PullRequest = author.post(&format!("{path}/merge"), &merge).await?;
    story.merged(&merged);
    story.reached("merged");
    context.out.say(context.out.words().demo_merged());
    if !wait {
        context.out.one(&merged, |merged, words| words.demo_pull_request_merged(merged.number));
        return Ok(Exit::Ok);
    }
    let report = demo_story::follow(client, story, &mut events).await?;
    context.out.one(&report, demo_story::describe);
    Ok(Exit::RolledBack)
}

/// The first deployment must have passed before it can be broken.
async fn wait_for_healthy_production(context: &Context) -> Result<(), Failure> {
    let client = &context.client;
    let mut events = Events::open(client, None).await?;
    context.out.say(context.out.words().demo_waits());
    loop {
        let page: Page<Environment> = client.get("/environments").await?;
        let production = page
            .items
            .iter()
            .find(|item| item.repository == REPOSITORY && item.name == "production")
            .ok_or_else(|| Failure::Precondition(context.out.words().demo_absent().into()))?;
        let deployed = production.artifacts.iter().any(|artifact| artifact.digest.is_some());
        if deployed && production.verdict.as_deref() == Some("healthy") {
            return Ok(());
        }
        refuse_failed_run(context).await?;
        events.next().await?;
    }
}

/// A build that failed will never be deployed; waiting for it would not end.
async fn refuse_failed_run(context: &Context) -> Result<(), Failure> {
    let path = format!("/runs?repository={REPOSITORY}");
    let runs: Page<Run> = context.client.get(&path).await?;
    let newest = runs.items.iter().find(|run| run.event == "push");
    match newest.filter(|run| run.conclusion.as_deref() == Some("failure")) {
        None => Ok(()),
        Some(run) => Err(Failure::Precondition(context.out.words().demo_run_failed(run.id))),
    }
}

async fn account(client: &Client, name: &str) -> Result<Client, Failure> {
    let body = CreateToken {
        name: name.into(),
        kind: TokenKind::Person,
        role: TokenRole::Write,
        repository: Some(REPOSITORY.into()),
        valid_days: Some(1),
    };
    let created: CreatedToken = client.post("/tokens", &body).await?;
    Ok(client.with_token(&created.token))
}

/// Clones, changes one file, commits and pushes with the real `git`; gives the branch. The second
/// time the change is in the source already (only its promotion was reverted), so that each time
/// leaves its own line behind.
async fn push_branch(author: &Client) -> Result<String, Failure> {
    let repository: Repository = author.get(&format!("/repositories/{REPOSITORY}")).await?;
    let known = repository.references.iter().filter(|one| one.name.contains("/long-names-"));
    let attempt = known.count() + 1;
    let branch = format!("long-names-{attempt}");
    let refspec = format!("HEAD:refs/heads/{branch}");
    let folder = tempfile::tempdir().context("failed to make a folder for the clone")?;
    let token = author.token().unwrap_or_default().to_owned();
    let work = move || -> anyhow::Result<()> {
        let clone = folder.path().join("hello");
        let target = clone.to_string_lossy().into_owned();
        git(folder.path(), &token, &["clone", "--quiet", &repository.clone_url, &target])?;
        let text = if attempt == 1 {
            CHANGED_FILE.to_owned()
        } else {
            format!("{CHANGED_FILE}\n// Attempt {attempt}.\n")
        };
        std::fs::write(clone.join("src/greeting.rs"), text)
            .context("failed to write the change")?;
        git(&clone, &token, &["commit", "--quiet", "--all", "--message", "Cut long names"])?;
        git(&clone, &token, &["push", "--quiet", "origin", &refspec])
    };
    tokio::task::spawn_blocking(work).await.context("the push was interrupted")??;
    Ok(branch)
}

/// Runs git as the demonstration's author, without this machine's settings.
fn git(folder: &Path, token: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = git::command(folder, Some(token));
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .envs([("GIT_AUTHOR_NAME", "demo-author"), ("GIT_COMMITTER_NAME", "demo-author")])
        .envs([
            ("GIT_AUTHOR_EMAIL", "demo-author@localhost"),
            ("GIT_COMMITTER_EMAIL", "demo-author@localhost"),
        ]);
    git::run(&mut command, arguments).map(drop)
}

async fn open(author: &Client, branch: &str) -> Result<PullRequest, Failure> {
    let body = OpenPullRequest {
        head: branch.into(),
        base: None,
        title: Some("Cut long names".into()),
        description: "A greeting should fit on one line.".into(),
    };
    author.post(&format!("/repositories/{REPOSITORY}/pull-requests"), &body).await
}

async fn show_consequences(context: &Context, author: &Client, path: &str) -> Result<(), Failure> {
    let source: SourceDifference = author.get(&format!("{path}/difference")).await?;
    let consequences: Consequences = author.get(&format!("{path}/consequences")).await?;
    source.files.iter().for_each(|file| context.out.say(&file.unified));
    context.out.say(&describe_consequences(&consequences, context.out.words()));
    Ok(())
}

async fn wait_for_checks(
    context: &Context,
    author: &Client,
    path: &str,
    events: &mut Events,
) -> Result<(), Failure> {
    loop {
        let pull_request: PullRequest = author.get(path).await?;
        let required: Vec<_> = pull_request.checks.iter().filter(|check| check.required).collect();
        if let Some(failed) = required.iter().find(|check| check.state == "failure") {
            return Err(Failure::Precondition(context.out.words().demo_check_failed(
                &failed.name,
                &failed.summary,
                failed.run.unwrap_or_default(),
            )));
        }
        if !required.is_empty() && required.iter().all(|check| check.state == "success") {
            return Ok(());
        }
        events.next().await?;
    }
}
