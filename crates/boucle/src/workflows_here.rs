//! The workflows of a working tree, and what is said of them: for `boucle run` and `boucle lint`.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use cli::{Failure, Format, Words};
use pipelines::lint::{Finding, Severity};
use pipelines::workflow::model::Workflow;
use pipelines::workflow::{self, Problem};

/// Where workflows are.
const WORKFLOWS: &str = ".github/workflows";

/// What was read.
pub struct Read {
    /// What is right.
    pub workflows: Vec<Workflow>,
    /// What is wrong with the others.
    pub problems: Vec<Problem>,
}

/// Reads the wanted workflow, or every one of the repository, with those that they call.
pub fn read(folder: &Path, wanted: Option<&str>, words: &dyn Words) -> Result<Read, Failure> {
    let mut read = Read { workflows: Vec::new(), problems: Vec::new() };
    for path in workflow_files(folder, wanted, words)? {
        let text = std::fs::read_to_string(folder.join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        let other = |path: &str| std::fs::read_to_string(folder.join(path)).ok();
        match workflow::read_in_repository(&path.to_string_lossy(), &text, &other) {
            Ok(workflow) => read.workflows.push(workflow),
            Err(found) => read.problems.extend(found),
        }
    }
    Ok(read)
}

/// The wanted workflow, or every one of the repository.
fn workflow_files(
    folder: &Path,
    wanted: Option<&str>,
    words: &dyn Words,
) -> Result<Vec<PathBuf>, Failure> {
    if let Some(wanted) = wanted.filter(|wanted| folder.join(wanted).is_file()) {
        return Ok(vec![PathBuf::from(wanted)]);
    }
    let entries = std::fs::read_dir(folder.join(WORKFLOWS))
        .map_err(|_| Failure::Precondition(words.no_workflows(WORKFLOWS)))?;
    let mut files = Vec::new();
    for entry in entries {
        let name =
            entry.map_err(|error| anyhow!(error))?.file_name().to_string_lossy().into_owned();
        let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
        if stem.is_some_and(|stem| wanted.is_none_or(|wanted| wanted == stem || wanted == name)) {
            files.push(Path::new(WORKFLOWS).join(name));
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::Precondition(words.no_workflow(wanted, WORKFLOWS)));
    }
    Ok(files)
}

#[expect(clippy::print_stderr, reason = "messages go to standard error")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Prints findings: a line each for people, else one document.
pub fn say_findings(format: Format, findings: &[Finding]) {
    if format == Format::Table {
        findings.iter().for_each(|finding| say(&finding.to_string()));
        return;
    }
    let valid = findings.iter().all(|finding| finding.severity != Severity::Error);
    let problems = findings.iter().map(|finding| {
        serde_json::json!({
            "code": finding.rule,
            "severity": finding.severity.as_str(),
            "message": finding.message,
            "file": finding.path,
            "line": finding.line,
            "column": finding.column,
        })
    });
    let problems: Vec<serde_json::Value> = problems.collect();
    tell(&serde_json::json!({"valid": valid, "problems": problems}));
}

/// Prints a result as JSON.
#[expect(clippy::print_stdout, reason = "the findings are the result")]
pub fn tell(findings: &serde_json::Value) {
    println!("{findings}");
}
