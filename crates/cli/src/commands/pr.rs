//! `boucle pr`: pull requests.

use api::pull_requests::{
    Comment, Consequences, Merge, MergeMethod, OpenPullRequest, PullRequest, Review, ReviewVerdict,
    Side, SourceDifference, SubmitComment, SubmitReview,
};
use clap::{Args, Subcommand, ValueEnum};

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::{Column, Words};

/// Pull requests.
#[derive(Subcommand)]
pub enum PrCommand {
    /// Open one from a branch that was pushed.
    Open {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
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
        #[arg(add = complete::repositories())]
        repository: String,
    },
    /// Show one, with why it cannot be merged yet.
    Show(Which),
    /// Show the source difference and what changes in each environment.
    Diff(Which),
    /// Fetch the newest patch set into a branch of the clone you are in.
    Checkout {
        #[command(flatten)]
        which: Which,
        /// The branch's name; `pr-NUMBER` when absent.
        #[arg(long)]
        branch: Option<String>,
    },
    /// Review the newest patch set.
    Review {
        #[command(flatten)]
        which: Which,
        /// It may be merged.
        #[arg(long, required_unless_present = "request_changes")]
        approve: bool,
        /// It needs changes; say which.
        #[arg(long, conflicts_with = "approve", requires = "body")]
        request_changes: bool,
        /// A remark.
        #[arg(long, default_value = "")]
        body: String,
    },
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
    #[arg(add = complete::repositories())]
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
    /// Its address below `/api/v1`.
    pub fn path(&self, rest: &str) -> String {
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
        PrCommand::Checkout { which, branch } => {
            super::pr_checkout::execute(context, which, branch.as_deref()).await?;
        }
        PrCommand::Review { which, approve, request_changes: _, body } => {
            let verdict =
                if *approve { ReviewVerdict::Approve } else { ReviewVerdict::RequestChanges };
            review(context, which, verdict, body).await?;
        }
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
            context.out.one(&made, |made, _| format!("{}:{} {}", made.path, made.line, made.body));
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
    context.out.one(&made, |made, words| {
        words.reviewed(words.state(&made.verdict), made.patch_set, &made.reviewer)
    });
    Ok(())
}

async fn differences(context: &Context, which: &Which) -> Result<(), Failure> {
    let source: SourceDifference = context.client.get(&which.path("/difference")).await?;
    let consequences: Consequences = context.client.get(&which.path("/consequences")).await?;
    let both = serde_json::json!({"source": source, "consequences": consequences});
    context.out.one(&both, |_, words| {
        let mut text: String = source.files.iter().map(|file| file.unified.as_str()).collect();
        text.push_str(&describe_consequences(&consequences, words));
        text
    });
    Ok(())
}

/// What changes in each environment.
pub fn describe_consequences(consequences: &Consequences, words: &dyn Words) -> String {
    let mut text = String::new();
    for environment in &consequences.environments {
        let (name, application) = (&environment.environment, &environment.application);
        text.push_str(&format!("\n=== {name} ({application})\n"));
        for object in &environment.objects {
            text.push_str(&format!("{} {}\n{}", object.change, object.object, object.unified));
            text.extend(object.live.as_deref().map(|unified| words.live_change(unified)));
        }
        let restarts = environment.restarts.iter().map(|what| words.restarts(what));
        let deletes = environment.pruned.iter().map(|what| words.deletes(what));
        let notes = environment.notes.iter().map(|what| words.note(what));
        restarts.chain(deletes).chain(notes).for_each(|line| text.push_str(&(line + "\n")));
    }
    for problem in &consequences.problems {
        text.push_str(&format!("✗ {problem}\n"));
    }
    text
}

fn list(context: &Context, items: &[PullRequest]) {
    let columns = [Column::Number, Column::State, Column::Title, Column::Author, Column::Ready];
    context.out.many(items, &columns, |item, words| {
        vec![
            item.number.to_string(),
            item.state.clone(),
            item.title.clone(),
            item.author.clone(),
            if item.state == "open" { words.yes(item.readiness.ready) } else { "" }.into(),
        ]
    });
}

fn show(context: &Context, pull_request: &PullRequest) {
    context.out.one(pull_request, describe);
}

fn describe(pull_request: &PullRequest, words: &dyn Words) -> String {
    let opened = (&pull_request.opened_at, &pull_request.author);
    let mut text = format!(
        "#{} {} — {}\n{} → {}, {}\n",
        pull_request.number,
        pull_request.title,
        words.state(&pull_request.state),
        output::short(&pull_request.head),
        pull_request.base,
        words.patch_set(pull_request.patch_set, opened.0, opened.1)
    );
    let mut add = |line: &str| text.push_str(&format!("  {line}\n"));
    for check in &pull_request.checks {
        add(&words.check(&check.name, words.state(&check.state), check.required, &check.summary));
    }
    for review in &pull_request.reviews {
        add(&words.review(words.state(&review.verdict), &review.reviewer, review.current));
    }
    pull_request.previews.iter().for_each(|application| add(&words.preview(application)));
    pull_request.left_out.iter().for_each(|reason| add(&format!("- {reason}")));
    if let Some(commit) = &pull_request.merge_commit {
        add(&words.merged_as(commit));
    } else if pull_request.readiness.ready {
        add(words.ready_to_merge());
    } else {
        add(words.not_ready());
        let reasons = &pull_request.readiness.waiting_on;
        reasons.iter().for_each(|reason| add(&format!("  - {reason}")));
    }
    text
}
