//! `boucle charts`: charts and artifacts behind a credential. The password goes to the server, where nothing
//! but requests to this address gets it; the file to commit only names it.

use std::fmt::Write as _;
use std::path::PathBuf;

use api::settings::{ChartsUse, Secret, SetSecret};
use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::json;

use super::Context;
use super::cluster_add::{KubeconfigProblem, plain, write};
use super::secret::read_value;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::output;

/// Charts.
#[derive(Subcommand)]
pub enum ChartsCommand {
    /// Declare in Git who asks for the charts at an address, and give the password to the server.
    Add(ChartsAddArguments),
}

/// What is added, and where.
#[derive(Args)]
pub struct ChartsAddArguments {
    /// A chart repository (`https://…`) or a registry (`oci://…`).
    pub address: String,
    /// `owner/name` of the repository that declares it; only its applications get these charts.
    #[arg(long, add = complete::repositories())]
    pub repository: String,
    /// Write the file to commit into this folder: the one that `applications` of boucle.yaml names.
    #[arg(long, value_name = "FOLDER")]
    pub into: PathBuf,
    /// Who asks; the password is read from standard input or asked for.
    #[arg(long)]
    pub username: String,
    /// It is for all addresses below this one, too (`repo-creds`).
    #[arg(long)]
    pub below: bool,
    /// The host that gives the registry's tokens, if it is another one: it gets the password, too.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub tokens_from: Option<String>,
}

/// A file that was written, and the secret that it names.
#[derive(Serialize)]
struct Added {
    url: String,
    secret: String,
    file: PathBuf,
}

/// Does it.
pub async fn execute(context: &Context, command: &ChartsCommand) -> Result<Exit, Failure> {
    let ChartsCommand::Add(arguments) = command;
    let rest = arguments.address.split_once("://").map_or(arguments.address.as_str(), |(_, r)| r);
    let name = plain(rest.trim_matches('/'));
    let file = arguments.into.join(format!("{}.yaml", name.to_lowercase()));
    if file.exists() {
        let problem = KubeconfigProblem::FileExists { file };
        return Err(Failure::Precondition(context.out.words().kubeconfig_problem(&problem)));
    }
    let secret = format!("CHARTS_{}", name.replace('-', "_"));
    let path =
        format!("/repositories/{}/secrets/{}", arguments.repository, output::escape(&secret));
    let charts =
        ChartsUse { url: arguments.address.clone(), tokens_from: arguments.tokens_from.clone() };
    let value = read_value(context)?;
    let body = SetSecret {
        value,
        cluster: None,
        charts: Some(charts.clone()),
        plugin: None,
        decrypts: false,
    };
    let kept: Secret = context.client.put(&path, &body).await?;
    // In the form in which the server compares addresses.
    let url = kept.charts.unwrap_or(charts).url;
    let text = declaration(&name.to_lowercase(), &url, &kept.name, arguments);
    write(&file, &text)?;
    let added = Added { url, secret: kept.name, file };
    context.out.one(&added, |added, words| {
        words.charts_added(&added.url, &added.secret, &added.file.display().to_string())
    });
    Ok(Exit::Ok)
}

/// Argo CD's repository Secret, without the password.
fn declaration(name: &str, url: &str, secret: &str, arguments: &ChartsAddArguments) -> String {
    let kind = if arguments.below { "repo-creds" } else { "repository" };
    let mut text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  labels:\n    \
         argocd.argoproj.io/secret-type: {kind}\nstringData:\n  type: helm\n"
    );
    // Argo CD writes the address of a registry without its scheme.
    let (url, is_registry) = match url.strip_prefix("oci://") {
        Some(rest) => (rest, true),
        None => (url, false),
    };
    if is_registry {
        text.push_str("  enableOCI: \"true\"\n");
    }
    // What JSON quotes, YAML reads.
    let (username, secret) = (&arguments.username, format!("${secret}"));
    for (key, value) in [("url", url), ("username", username), ("password", &secret)] {
        let _ = writeln!(text, "  {key}: {}", json!(value));
    }
    text
}
