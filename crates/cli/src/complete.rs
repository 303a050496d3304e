//! Completes names by asking the server; what does not answer at once completes nothing.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use api::applications::Application;
use api::codes::CODES;
use api::page::Page;
use api::repositories::Repository;
use api::runs::Run;
use api::settings::Destination;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::connection;
use crate::language::Language;

/// The variable by which the shell's script says that it asks.
pub const VARIABLE: &str = "BOUCLE_COMPLETE";

/// Longer than this nobody waits for a completion.
const PATIENCE: Duration = Duration::from_millis(800);

/// Names of applications.
pub fn applications() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| beginning_with(begun, application_names()))
}

/// Names of repositories.
pub fn repositories() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| {
        let found: Vec<Repository> = ask("/repositories?limit=500");
        beginning_with(begun, found.into_iter().map(|one| one.name).collect())
    })
}

/// Names of clusters.
pub fn clusters() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| {
        let found: Vec<Destination> = ask("/destinations");
        let clusters = found.into_iter().filter(|one| one.kind == "cluster");
        beginning_with(begun, clusters.map(|one| one.name).collect())
    })
}

/// Numbers of runs, the newest first.
pub fn runs() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| {
        let found: Vec<Run> = ask("/runs?limit=50");
        let numbered = found.into_iter().map(|run| {
            let help = format!("{} · {} · {}", run.repository, run.name, run.state);
            CompletionCandidate::new(run.id.to_string()).help(Some(help.into()))
        });
        numbered.filter(|one| starts_with(one.get_value(), begun)).collect()
    })
}

/// What has a log: applications, and the jobs of the newest runs.
pub fn logs() -> ArgValueCompleter {
    ArgValueCompleter::new(|begun: &OsStr| {
        let runs: Vec<Run> = ask("/runs?limit=10");
        let jobs = runs
            .iter()
            .flat_map(|run| run.jobs.iter().map(move |job| format!("run/{}/{}", run.id, job.key)));
        beginning_with(begun, application_names().into_iter().chain(jobs).collect())
    })
}

/// Codes of problems.
pub fn codes() -> ArgValueCompleter {
    words(&CODES.iter().map(|code| code.code).collect::<Vec<_>>())
}

/// Words that are known without a server.
pub fn words(known: &[&str]) -> ArgValueCompleter {
    let known: Vec<String> = known.iter().map(|&word| word.to_owned()).collect();
    ArgValueCompleter::new(move |begun: &OsStr| beginning_with(begun, known.clone()))
}

fn application_names() -> Vec<String> {
    let found: Vec<Application> = ask("/applications?limit=500");
    found.into_iter().map(|one| one.name).collect()
}

fn beginning_with(begun: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let names = names.into_iter().filter(|name| starts_with(OsStr::new(name), begun));
    names.map(CompletionCandidate::new).collect()
}

fn starts_with(name: &OsStr, begun: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(begun.as_encoded_bytes())
}

/// One page of a list. This runs before the program has a runtime, so it makes a small one.
fn ask<T: DeserializeOwned>(path: &str) -> Vec<T> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let asked = async {
        let client = Client::new(
            connection::find(data_folder().as_deref(), Language::English).ok()?,
            Language::English,
        )
        .ok()?;
        client.get::<Page<T>>(path).await.ok()
    };
    let page = runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
    page.ok().flatten().map(|page| page.items).unwrap_or_default()
}

/// The folder that the unfinished command line names.
fn data_folder() -> Option<PathBuf> {
    let words: Vec<String> = std::env::args().collect();
    let place = words.iter().position(|word| word == "--data")?;
    words.get(place + 1).map(PathBuf::from)
}
