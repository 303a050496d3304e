//! `boucle pr`: pull requests.

use api::pull_requests::{
    Comment, Consequences, Merge, MergeMethod, OpenPullRequest, PullRequest, Review, ReviewVerdict,
    Side, SourceDifference, SubmitComment, SubmitReview,
};
use clap::{Args, Subcommand, ValueEnum};

use super::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Pull requests.
#[derive(Subcommand)]
pub enum PrCommand {
    /// Open one from a branch that was pushed.
    Open {
        /// `owner/name`.
        repository: String,
        /// The branch with the change.
        #[arg(long)]
        head: String,
        /// The branch that it should go to.
        #[arg(long)]
        base: Option<String>,
        /// One line; the head commit's subject when absent.
        #[arg(long)]
        title: Option<String>,
        /// The text below the title.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// List pull requests, newest first.
    List {
        /// `owner/name`.
        repository: String,
    },
    /// Show one, with why it cannot be merged yet.
    Show(Which),
    /// Show the source difference and what changes in each environment.
    Diff(Which),
    /// Approve the newest patch set.
    Approve {
        #[command(flatten)]
        which: Which,
        /// A remark.
        #[arg(long, default_value = "")]
        body: String,
    },
    /// Ask for changes on the newest patch set.
    RequestChanges {
        #[command(flatten)]
        which: Which,
        /// What should change.
        #[arg(long)]
        body: String,
    },
    /// Comment on a line.
    Comment {
        #[command(flatten)]
        which: Which,
        /// The file; without it, the pull request as a whole.
        #[arg(long, requires = "line")]
        path: Option<String>,
        /// The line after the change, from 1.
        #[arg(long, requires = "path")]
        line: Option<u64>,
        /// The text.
        #[arg(long)]
        body: String,
    },
    /// Merge it.
    Merge {
        #[command(flatten)]
        which: Which,
        /// How; the first method that the policy allows when absent.
        #[arg(long, value_enum)]
        method: Option<Method>,
        /// As soon as nothing is missing any more, instead of refusing now.
        #[arg(long)]
        when_ready: bool,
    },
    /// Close it without merging.
    Close(Which),
}

/// A pull request.
#[derive(Args)]
pub struct Which {
    /// `owner/name`.
    pub repository: String,
    /// Its number.
    pub number: u64,
}

/// How a change gets into its base branch.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Method {
    /// A merge commit.
    Merge,
    /// One commit with the whole change.
    Squash,
    /// The commits again, on top of the base.
    Rebase,
}

impl Which {
    fn path(&self, rest: &str) -> String {
        format!("/repositories/{}/pull-requests/{}{rest}", self.repository, self.number)
    }
}

/// Does it.
pub async fn execute(context: &Context, command: &PrCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    match command {
        PrCommand::Open { repository, head, base, title, description } => {
            let body = OpenPullRequest {
                head: head.clone(),
                base: base.clone(),
                title: title.clone(),
                description: description.clone(),
            };
            let path = format!("/repositories/{repository}/pull-requests");
            show(context, &client.post(&path, &body).await?);
        }
        PrCommand::List { repository } => {
            let path = format!("/repositories/{repository}/pull-requests");
            let items: Vec<PullRequest> = client.list(&path, 200).await?;
            list(context, &items);
        }
        PrCommand::Show(which) => show(context, &client.get(&which.path("")).await?),
        PrCommand::Diff(which) => differences(context, which).await?,
        PrCommand::Approve { which, body } => {
            review(context, which, ReviewVerdict::Approve, body).await?;
        }
        PrCommand::RequestChanges { which, body } => {
            review(context, which, ReviewVerdict::RequestChanges, body).await?;
        }
        PrCommand::Comment { which, path, line, body } => {
            let comment = SubmitComment {
                path: path.clone(),
                line: *line,
                side: Side::New,
                body: body.clone(),
            };
            let made: Comment = client.post(&which.path("/comments"), &comment).await?;
            output::one(context.format, &made, |made| {
                format!("{}:{} {}", made.path, made.line, made.body)
            });
        }
        PrCommand::Merge { which, method, when_ready } => {
            let method = method.map(|method| match method {
                Method::Merge => MergeMethod::Merge,
                Method::Squash => MergeMethod::Squash,
                Method::Rebase => MergeMethod::Rebase,
            });
            let body = Merge { method, expected_head: None, when_ready: *when_ready };
            show(context, &client.post(&which.path("/merge"), &body).await?);
        }
        PrCommand::Close(which) => {
            show(context, &client.post(&which.path("/close"), &serde_json::Value::Null).await?);
        }
    }
    Ok(Exit::Ok)
}

async fn review(
    context: &Context,
    which: &Which,
    verdict: ReviewVerdict,
    body: &str,
) -> Result<(), Failure> {
    let review = SubmitReview { verdict, body: body.into() };
    let made: Review = context.client.post(&which.path("/reviews"), &review).await?;
    output::one(context.format, &made, |made| {
        format!("{} on patch set {} by {}", made.verdict, made.patch_set, made.reviewer)
    });
    Ok(())
}

async fn differences(context: &Context, which: &Which) -> Result<(), Failure> {
    let source: SourceDifference = context.client.get(&which.path("/difference")).await?;
    let consequences: Consequences = context.client.get(&which.path("/consequences")).await?;
    let both = serde_json::json!({"source": source, "consequences": consequences});
    output::one(context.format, &both, |_| {
        let mut text: String = source.files.iter().map(|file| file.unified.as_str()).collect();
        for environment in &consequences.environments {
            text.push_str(&format!(
                "\n=== {} ({})\n",
                environment.environment, environment.application
            ));
            for object in &environment.objects {
                text.push_str(&format!("{} {}\n{}", object.change, object.object, object.unified));
            }
            for (word, items) in [
                ("restarts", &environment.restarts),
                ("deletes", &environment.pruned),
                ("note", &environment.notes),
            ] {
                items.iter().for_each(|item| text.push_str(&format!("{word}: {item}\n")));
            }
        }
        for problem in &consequences.problems {
            text.push_str(&format!("✗ {problem}\n"));
        }
        text
    });
    Ok(())
}

fn list(context: &Context, items: &[PullRequest]) {
    output::many(context.format, items, &["number", "state", "title", "author", "ready"], |item| {
        let ready = if item.readiness.ready { "yes" } else { "no" };
        let (number, state) = (item.number.to_string(), item.state.clone());
        vec![number, state, item.title.clone(), item.author.clone(), ready.into()]
    });
}

fn show(context: &Context, pull_request: &PullRequest) {
    output::one(context.format, pull_request, describe);
}

fn describe(pull_request: &PullRequest) -> String {
    let mut text = format!(
        "#{} {} — {}\n{} → {}, patch set {} ({}), by {}\n",
        pull_request.number,
        pull_request.title,
        pull_request.state,
        output::short(&pull_request.head),
        pull_request.base,
        pull_request.patch_set,
        pull_request.opened_at,
        pull_request.author
    );
    for check in &pull_request.checks {
        let required = if check.required { " (required)" } else { "" };
        text.push_str(&format!(
            "  check  {} {}{required} {}\n",
            check.name, check.state, check.summary
        ));
    }
    for review in &pull_request.reviews {
        let stale = if review.current { "" } else { " (of an older patch set)" };
        text.push_str(&format!("  review {} by {}{stale}\n", review.verdict, review.reviewer));
    }
    if let Some(commit) = &pull_request.merge_commit {
        text.push_str(&format!("  merged as {commit}\n"));
    } else if pull_request.readiness.ready {
        text.push_str("  ready to merge\n");
    } else {
        text.push_str("  cannot be merged yet:\n");
        for reason in &pull_request.readiness.waiting_on {
            text.push_str(&format!("    - {reason}\n"));
        }
    }
    text
}
