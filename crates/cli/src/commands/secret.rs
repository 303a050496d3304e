//! `boucle secret`: secrets of a repository. A value is read from standard input or asked for without
//! being shown; it is never an argument, which every program of the machine could read.

use std::io::Read as _;

use api::settings::{ChartsUse, Secret, SetSecret};
use clap::Subcommand;

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::Column;

/// The server takes less; more is a mistake that need not be sent.
const VALUE_BYTES_MAX: u64 = 1 << 20;

/// Secrets of a repository.
#[derive(Subcommand)]
pub enum SecretCommand {
    /// List secrets, without their values.
    List {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        repository: String,
    },
    /// Give a secret a value, from standard input or asked for.
    Set {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        repository: String,
        /// Its name: letters, digits, `_` and `-`.
        name: String,
        /// Give it to the API server at this address only, and to no job.
        #[arg(long, value_name = "ADDRESS")]
        cluster: Option<String>,
        /// It is an age key that decrypts the repository's SOPS files; no job gets it.
        #[arg(long, conflicts_with_all = ["cluster", "charts", "plugin"])]
        decrypts: bool,
        /// Send it to the chart repository or registry at this address only, and give it to no job.
        #[arg(long, value_name = "ADDRESS", conflicts_with = "cluster")]
        charts: Option<String>,
        /// The host that gives the registry's tokens, if it is another one: it gets the password, too.
        #[arg(long, value_name = "HOST[:PORT]", requires = "charts")]
        tokens_from: Option<String>,
        /// Send it as the token to the service at this address that sets are given parameters by, only, and
        /// give it to no job.
        #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["cluster", "charts"])]
        plugin: Option<String>,
    },
    /// Remove a secret and its value.
    Remove {
        /// `owner/name`.
        #[arg(add = complete::repositories())]
        repository: String,
        /// Its name.
        name: String,
    },
}

/// Does it.
pub async fn execute(context: &Context, command: &SecretCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    match command {
        SecretCommand::List { repository } => {
            let path = format!("/repositories/{repository}/secrets");
            let items: Vec<Secret> = client.list(&path, usize::MAX).await?;
            let columns = [Column::Name, Column::When, Column::Who, Column::For];
            context.out.many(&items, &columns, |item, words| {
                let charts = item.charts.as_ref().map(|charts| charts.url.clone());
                let used_by = item.cluster.clone().or(charts).or(item.plugin.clone());
                let used_by = used_by.unwrap_or_else(|| words.secret_use(item.decrypts).into());
                vec![item.name.clone(), item.set_at.clone(), item.set_by.clone(), used_by]
            });
        }
        SecretCommand::Set { repository, name, cluster, decrypts, charts, tokens_from, plugin } => {
            let value = read_value(context)?;
            let path = format!("/repositories/{repository}/secrets/{}", output::escape(name));
            let charts = charts.clone().map(|url| {
                let tokens_from = tokens_from.clone();
                ChartsUse { url, tokens_from }
            });
            let (cluster, plugin) = (cluster.clone(), plugin.clone());
            let body = SetSecret { value, cluster, charts, plugin, decrypts: *decrypts };
            let secret: Secret = client.put(&path, &body).await?;
            context.out.one(&secret, |secret, words| {
                let is_sent = secret.cluster.is_some() || secret.charts.is_some();
                let of_jobs = !is_sent && secret.plugin.is_none() && !secret.decrypts;
                words.secret_set(&secret.name, of_jobs)
            });
        }
        SecretCommand::Remove { repository, name } => {
            let path = format!("/repositories/{repository}/secrets/{}", output::escape(name));
            client.delete(&path).await?;
            context.out.say(context.out.words().removed());
        }
    }
    Ok(Exit::Ok)
}

/// A line's end is of the terminal or of `echo`, not of the secret; lines inside stay.
pub fn read_value(context: &Context) -> Result<String, Failure> {
    use std::io::IsTerminal as _;
    let failed = |error: std::io::Error| Failure::Usage(error.to_string());
    let mut value = if std::io::stdin().is_terminal() {
        rpassword::prompt_password(context.out.words().ask_secret()).map_err(failed)?
    } else {
        let mut text = String::new();
        std::io::stdin().take(VALUE_BYTES_MAX).read_to_string(&mut text).map_err(failed)?;
        text
    };
    if value.ends_with('\n') {
        value.pop();
        if value.ends_with('\r') {
            value.pop();
        }
    }
    Ok(value)
}
