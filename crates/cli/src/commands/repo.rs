//! `boucle repo`: repositories.

use api::repositories::{Commit, CreateRepository, Repository, Visibility};
use clap::Subcommand;

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Column;

/// Repositories.
#[derive(Subcommand)]
pub enum RepoCommand {
    /// Make an empty repository.
    Create {
        /// `owner/name`.
        name: String,
        /// Let everybody who reaches this server read it.
        #[arg(long)]
        public: bool,
        /// The branch that pull requests go to.
        #[arg(long)]
        default_branch: Option<String>,
    },
    /// List repositories.
    List,
    /// Show one repository with its refs.
    Show {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        name: String,
    },
    /// List the commits of a branch, newest first.
    Log {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        name: String,
        /// The branch; the default branch when absent.
        #[arg(long)]
        reference: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &RepoCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    match command {
        RepoCommand::Create { name, public, default_branch } => {
            let visibility = if *public { Visibility::Public } else { Visibility::Private };
            let body = CreateRepository {
                name: name.clone(),
                visibility,
                default_branch: default_branch.clone(),
            };
            let repository: Repository = client.post("/repositories", &body).await?;
            context.out.one(&repository, |repository, words| {
                let made = words.repository_made(&repository.name);
                format!("{made}\n  git clone {}", repository.clone_url)
            });
        }
        RepoCommand::List => {
            let items: Vec<Repository> = client.list("/repositories", usize::MAX).await?;
            let columns = [Column::Name, Column::DefaultBranch, Column::Clone];
            context.out.many(&items, &columns, |item, _| {
                vec![item.name.clone(), item.default_branch.clone(), item.clone_url.clone()]
            });
        }
        RepoCommand::Show { name } => {
            let repository: Repository = client.get(&format!("/repositories/{name}")).await?;
            context.out.one(&repository, |repository, _| describe(repository));
        }
        RepoCommand::Log { name, reference, limit } => {
            let reference = reference.as_deref().unwrap_or_default();
            let path = format!("/repositories/{name}/commits?reference={reference}");
            let items: Vec<Commit> = client.list(&path, *limit).await?;
            let columns = [Column::Commit, Column::At, Column::Author, Column::Subject];
            context.out.many(&items, &columns, |item, _| {
                vec![
                    output::short(&item.id),
                    item.committed_at.clone(),
                    item.author.clone(),
                    item.subject.clone(),
                ]
            });
        }
    }
    Ok(Exit::Ok)
}

fn describe(repository: &Repository) -> String {
    let mut text = format!("{}\n  git clone {}\n", repository.name, repository.clone_url);
    for reference in &repository.references {
        text.push_str(&format!("  {} {}\n", output::short(&reference.object), reference.name));
    }
    for problem in &repository.configuration_problems {
        text.push_str(&format!("  ✗ {problem}\n"));
    }
    text
}
