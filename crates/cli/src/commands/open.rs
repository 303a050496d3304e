//! `boucle open`: the page of where one stands, or of what one names.

use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, Stdio};

use api::pull_requests::PullRequest;
use clap::Args;
use serde_json::json;

use super::Context;
use crate::complete;
use crate::failure::{Exit, Failure};
use crate::git;

/// What to open.
#[derive(Args)]
pub struct OpenArguments {
    /// An application, `owner/name`, `owner/name#NUMBER`, `run/NUMBER` or `incident/NUMBER`; where
    /// you stand when absent.
    #[arg(add = complete::logs())]
    pub what: Option<String>,
    /// Only print the address.
    #[arg(long)]
    pub print: bool,
}

/// Opens it in the browser when somebody is at the terminal; prints the address in any case.
pub async fn execute(context: &Context, arguments: &OpenArguments) -> Result<Exit, Failure> {
    let page = match &arguments.what {
        Some(what) => page_of(what),
        None => here(context).await?,
    };
    let url = format!("{}{page}", context.client.url());
    context.out.one(&json!({"url": url}), |_, _| url.clone());
    if !arguments.print && std::io::stdout().is_terminal() {
        context.out.say(&context.out.words().opened(&url));
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let mut command = Command::new(opener);
        command.arg(&url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Without a browser the printed address is all that can be done.
        drop(command.spawn());
    }
    Ok(Exit::Ok)
}

/// The page of something that is named.
fn page_of(what: &str) -> String {
    if let Some(run) = what.strip_prefix("run/") {
        return match run.split_once('/') {
            Some((run, job)) => format!("/runs/{run}?job={job}"),
            None => format!("/runs/{run}"),
        };
    }
    if let Some(incident) = what.strip_prefix("incident/") {
        return format!("/incidents/{incident}");
    }
    match what.split_once('#') {
        Some((repository, number)) => format!("/repositories/{repository}/pull-requests/{number}"),
        None if what.contains('/') => format!("/repositories/{what}"),
        None => format!("/applications/{what}"),
    }
}

/// The page of the clone that one stands in: the open pull request of its commit, else its
/// repository; outside of one, the first page.
async fn here(context: &Context) -> Result<String, Failure> {
    let Some(address) = said(&["remote", "get-url", "origin"]) else { return Ok("/".into()) };
    let Some(repository) = repository_of(&address, context.client.url()) else {
        return Ok("/".into());
    };
    let Some(head) = said(&["rev-parse", "HEAD"]) else {
        return Ok(format!("/repositories/{repository}"));
    };
    let path = format!("/repositories/{repository}/pull-requests");
    let all: Vec<PullRequest> = context.client.list(&path, 500).await?;
    let found = all.iter().find(|one| one.state == "open" && one.head == head);
    Ok(page_of(&match found {
        Some(one) => format!("{repository}#{}", one.number),
        None => repository,
    }))
}

/// `owner/name` when the address is one of this server.
fn repository_of(address: &str, server: &str) -> Option<String> {
    let without_scheme = |url: &str| url.split_once("://").map(|(_, rest)| rest.to_owned());
    let address = without_scheme(address)?;
    // Before an `@` is a name and perhaps a secret.
    let address = address.rsplit_once('@').map_or(address.as_str(), |(_, rest)| rest);
    let rest = address.strip_prefix(&without_scheme(server)?)?.trim_matches('/');
    let rest = rest.strip_suffix(".git").unwrap_or(rest);
    (rest.split('/').count() == 2).then(|| rest.to_owned())
}

/// What git says here; `None` outside of a clone, or when it is not so.
fn said(arguments: &[&str]) -> Option<String> {
    let said = git::run(&mut git::command(Path::new("."), None), arguments).ok()?;
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_has_a_page() {
        for (what, page) in [
            ("hello-production", "/applications/hello-production"),
            ("demo/hello", "/repositories/demo/hello"),
            ("demo/hello#3", "/repositories/demo/hello/pull-requests/3"),
            ("run/7", "/runs/7"),
            ("run/7/test", "/runs/7?job=test"),
            ("incident/1", "/incidents/1"),
        ] {
            assert_eq!(page_of(what), page, "{what}");
        }
    }

    #[test]
    fn a_clone_of_this_server_has_its_repository() {
        let server = "http://127.0.0.1:7070";
        for (address, expected) in [
            ("http://127.0.0.1:7070/demo/hello", Some("demo/hello")),
            ("http://ada:secret@127.0.0.1:7070/demo/hello.git", Some("demo/hello")),
            ("http://127.0.0.1:7071/demo/hello", None),
            ("https://example.org/demo/hello", None),
            ("git@example.org:demo/hello", None),
            ("http://127.0.0.1:7070/", None),
        ] {
            assert_eq!(repository_of(address, server).as_deref(), expected, "{address}");
        }
    }
}
