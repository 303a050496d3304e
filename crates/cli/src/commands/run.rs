//! `boucle run`: a workflow on the working tree, or the runs of the server.

use std::collections::BTreeMap;
use std::path::PathBuf;

use api::runs::{Dispatch, Rerun, Run};
use clap::{Args, Subcommand};

use super::{Context, run_results};
use crate::arguments::LocalRun;
use crate::complete;
use crate::events::Events;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::words::{Column, Words};

/// Run a workflow here, or look after runs on the server.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct RunCommand {
    /// What to do on the server.
    #[command(subcommand)]
    pub command: Option<ServerRun>,
    /// What to run here.
    #[command(flatten)]
    pub local: LocalRun,
}

/// Runs on the server.
#[derive(Subcommand)]
pub enum ServerRun {
    /// List runs, newest first.
    List {
        /// Only of this repository.
        #[arg(long)]
        repository: Option<String>,
    },
    /// Show one run with its jobs and the reasons of what was skipped.
    Show {
        /// Its number.
        #[arg(add = complete::runs())]
        id: u64,
    },
    /// Follow a run to its end; ends with code 1 when it was not a success.
    Watch {
        /// Its number.
        #[arg(add = complete::runs())]
        id: u64,
    },
    /// Stop a run.
    Cancel {
        /// Its number.
        #[arg(add = complete::runs())]
        id: u64,
    },
    /// Run again.
    Rerun {
        /// Its number.
        #[arg(add = complete::runs())]
        id: u64,
        /// Only the jobs that failed and what depends on them.
        #[arg(long)]
        failed: bool,
    },
    /// Show what a run left behind: annotations, summaries, artifacts.
    Results {
        /// Its number.
        #[arg(add = complete::runs())]
        id: u64,
        /// The attempt; the newest when absent.
        #[arg(long)]
        attempt: Option<u32>,
    },
    /// Write an artifact of a run, the files that a job stored, as a tar.gz archive.
    Download {
        /// The number of the run.
        #[arg(add = complete::runs())]
        id: u64,
        /// The name under which they were stored.
        name: String,
        /// The file to write; `NAME.tar.gz` here when absent.
        #[arg(long)]
        into: Option<PathBuf>,
    },
    /// Start a workflow by hand.
    Dispatch {
        /// `owner/name`.
        repository: String,
        /// The workflow's file name.
        workflow: String,
        /// The branch or tag.
        #[arg(long)]
        reference: Option<String>,
        /// `name=value`, as often as needed.
        #[arg(long = "input", value_parser = input)]
        inputs: Vec<(String, String)>,
    },
}

/// Does what concerns the server.
pub async fn execute(context: &Context, command: &RunCommand) -> Result<Exit, Failure> {
    let client = &context.client;
    let run: Run = match &command.command {
        None => return Err(Failure::Usage("a workflow here is run by the program".into())),
        Some(ServerRun::List { repository }) => {
            let filter = repository.as_ref().map(|r| format!("?repository={r}"));
            let path = format!("/runs{}", filter.unwrap_or_default());
            let items: Vec<Run> = client.list(&path, 100).await?;
            list(context, &items);
            return Ok(Exit::Ok);
        }
        Some(ServerRun::Results { id, attempt }) => {
            return run_results::show(context, *id, *attempt).await;
        }
        Some(ServerRun::Download { id, name, into }) => {
            return run_results::download(context, *id, name, into.as_deref()).await;
        }
        Some(ServerRun::Watch { id }) => return watch(context, *id).await,
        Some(ServerRun::Show { id }) => client.get(&format!("/runs/{id}")).await?,
        Some(ServerRun::Cancel { id }) => {
            client.post(&format!("/runs/{id}/cancel"), &serde_json::Value::Null).await?
        }
        Some(ServerRun::Rerun { id, failed }) => {
            client.post(&format!("/runs/{id}/rerun"), &Rerun { failed_only: *failed }).await?
        }
        Some(ServerRun::Dispatch { repository, workflow, reference, inputs }) => {
            let body = Dispatch {
                workflow: workflow.clone(),
                reference: reference.clone(),
                inputs: inputs.iter().cloned().collect(),
            };
            client.post(&format!("/repositories/{repository}/dispatches"), &body).await?
        }
    };
    context.out.one(&run, describe);
    Ok(Exit::Ok)
}

/// Tells each change of a job until the run has ended.
async fn watch(context: &Context, id: u64) -> Result<Exit, Failure> {
    let words = context.out.words();
    let mut events = Events::open(&context.client, None).await?;
    let spinner = context.progress().spinner();
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let run: Run = context.client.get(&format!("/runs/{id}")).await?;
        let (commit, state) = (output::short(&run.commit), words.state(state_of(&run)));
        spinner.set_message(words.run(run.id, &run.name, &run.event, &commit, state));
        for job in &run.jobs {
            let state = job.conclusion.as_ref().unwrap_or(&job.state);
            if told.insert(job.key.clone(), state.clone()).as_ref() != Some(state) {
                let changed = words.job_changed(&job.name, words.state(state));
                spinner.suspend(|| context.out.say(&changed));
            }
        }
        if run.state == "completed" {
            spinner.finish_and_clear();
            context.out.one(&run, describe);
            let succeeded = run.conclusion.as_deref() == Some("success");
            return Ok(if succeeded { Exit::Ok } else { Exit::Failed });
        }
        // Other facts change nothing here.
        while !events.next().await?.kind.starts_with("pipelines.") {}
    }
}

fn input(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not name=value"))
}

fn list(context: &Context, items: &[Run]) {
    let columns = [
        Column::Run,
        Column::Repository,
        Column::Workflow,
        Column::Event,
        Column::Commit,
        Column::State,
    ];
    context.out.many(items, &columns, |item, _| {
        vec![
            item.id.to_string(),
            item.repository.clone(),
            item.name.clone(),
            item.event.clone(),
            output::short(&item.commit),
            item.conclusion.clone().unwrap_or_else(|| item.state.clone()),
        ]
    });
}

/// How a run ended, or how far it is.
fn state_of(run: &Run) -> &str {
    run.conclusion.as_ref().unwrap_or(&run.state)
}

fn describe(run: &Run, words: &dyn Words) -> String {
    let (commit, state) = (output::short(&run.commit), words.state(state_of(run)));
    let mut text = words.run(run.id, &run.name, &run.event, &commit, state);
    text.push('\n');
    for job in &run.jobs {
        let state = job.conclusion.as_ref().unwrap_or(&job.state);
        text.push_str(&format!("  {}\n", words.job_changed(&job.name, words.state(state))));
        for reason in &job.reasons {
            text.push_str(&format!("    {reason}\n"));
        }
        for step in &job.steps {
            let state = step.conclusion.as_deref().unwrap_or("running");
            let took = step.duration_ms.map(|ms| format!(" {ms} ms")).unwrap_or_default();
            text.push_str(&format!("    {:<28} {}{took}\n", step.name, words.state(state)));
        }
    }
    text
}
