//! `boucle run [WORKFLOW]`: the server's own engine on the working tree, without a server.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::Context;
use cli::{Exit, Failure, Format, LocalRun, Output};
use pipelines::facts::{Conclusion, EventName, PipelineFact, RunSource};
use pipelines::lint::{self, Severity};
use pipelines::workflow;
use runner::RunnerConfig;
use runner::local::{self, LocalEvent};

use crate::workflows_here::{Read, read, say_findings, tell};

/// Where a local run keeps what it publishes, inside the repository's own folder for such things.
const OUTPUT: &str = ".git/boucle";

/// Reads the workflow and runs it, or only says what is wrong with it.
pub async fn execute(wanted: &LocalRun, out: Output) -> Result<Exit, Failure> {
    let (format, words) = (out.format, out.words());
    let folder = std::env::current_dir().context("there is no working folder")?;
    let Read { workflows, problems } = read(&folder, wanted.workflow.as_deref(), words)?;
    let mut findings = lint::of_problems(&problems);
    if wanted.check {
        findings.extend(workflows.iter().flat_map(lint::lint));
    }
    if !findings.is_empty() {
        say_findings(format, &findings);
    }
    if findings.iter().any(|finding| finding.severity <= Severity::Unsupported) {
        return Ok(Exit::Differences);
    }
    if wanted.check && !findings.is_empty() {
        return Ok(Exit::Ok);
    }
    if wanted.check {
        if format == Format::Table {
            out.say(&words.workflows_fine(workflows.len()));
        } else {
            tell(&serde_json::json!({"valid": true, "problems": []}));
        }
        return Ok(Exit::Ok);
    }
    let workflow = match <[_; 1]>::try_from(workflows) {
        Ok([workflow]) => workflow,
        Err(several) => {
            let names: Vec<String> = several.into_iter().map(|one| one.path).collect();
            return Err(Failure::Usage(words.name_one_of(&names.join(", "))));
        }
    };
    if let Some(job) = &wanted.job
        && workflow.job(job).is_none()
    {
        return Err(Failure::Usage(words.no_job(&workflow.path, job)));
    }
    let data = folder.join(OUTPUT);
    let request = local::LocalRun {
        source: source(&folder, &workflow.path, workflow.display_name())?,
        workflow: Arc::new(only(workflow, wanted.job.as_deref())),
        working_tree: folder,
        output: data.join("published"),
        secrets: BTreeMap::new(),
        variables: BTreeMap::new(),
    };
    let config = RunnerConfig::new(data.join("runner"));
    let conclusion = local::run_local(config, request, |event| print(format, &event)).await?;
    Ok(if conclusion == Conclusion::Success { Exit::Ok } else { Exit::Failed })
}

/// The workflow with only a job and what it needs.
fn only(mut workflow: workflow::model::Workflow, job: Option<&str>) -> workflow::model::Workflow {
    let Some(job) = job else { return workflow };
    let mut wanted = vec![job.to_owned()];
    let mut index = 0;
    while let Some(name) = wanted.get(index).cloned() {
        let needs = workflow.job(&name).map(|job| job.needs.clone()).unwrap_or_default();
        for need in needs {
            let need = need.to_string();
            if !wanted.contains(&need) {
                wanted.push(need);
            }
        }
        index += 1;
    }
    workflow
        .jobs
        .retain(|job| wanted.iter().any(|one| one.eq_ignore_ascii_case(&job.id.to_string())));
    workflow
}

/// A push of what is checked out; a folder without commits has ids of nothing but zeros.
fn source(folder: &Path, path: &str, name: &str) -> anyhow::Result<RunSource> {
    let git = |arguments: &[&str]| -> Option<String> {
        let output = Command::new("git").args(arguments).current_dir(folder).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    let nothing = || "0".repeat(40);
    let reference = git(&["symbolic-ref", "--quiet", "HEAD"]);
    Ok(RunSource {
        repository: ledger::RepositoryName::new("local/working-tree")?,
        workflow: path.into(),
        name: name.into(),
        event: EventName::Push,
        reference: ledger::RefName::new(reference.unwrap_or_else(|| "refs/heads/main".into()))?,
        commit: ledger::CommitId::new(git(&["rev-parse", "HEAD"]).unwrap_or_else(nothing))?,
        tree: ledger::TreeId::new(git(&["rev-parse", "HEAD^{tree}"]).unwrap_or_else(nothing))?,
        before: None,
        pull_request: None,
        trusted: true,
        actor: "local".into(),
        inputs: BTreeMap::new(),
        payload: serde_json::Map::new(),
        number: 1,
    })
}

#[expect(clippy::print_stdout, reason = "the log and the facts are the result")]
fn print(format: Format, event: &LocalEvent) {
    match (format, event) {
        (Format::Table, LocalEvent::Log { job, text }) => {
            text.lines().for_each(|line| println!("{job} | {line}"));
        }
        (
            Format::Table,
            LocalEvent::Fact(PipelineFact::JobEnded { job, conclusion, reason, .. }),
        ) => {
            let why = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            println!("{job} | {conclusion}{why}");
        }
        (Format::Json | Format::Jsonl, LocalEvent::Fact(fact)) => {
            println!("{}", serde_json::to_string(fact).unwrap_or_default());
        }
        (Format::Table, LocalEvent::Fact(_) | LocalEvent::Job { .. })
        | (Format::Json | Format::Jsonl, LocalEvent::Log { .. } | LocalEvent::Job { .. }) => {}
    }
}
