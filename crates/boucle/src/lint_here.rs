//! `boucle lint [WORKFLOW]`: what cannot work and what is dangerous in workflows, without a server.

use anyhow::Context;
use cli::{Exit, Failure, Format, LintArguments, Output};
use pipelines::lint::{self, Severity};

use crate::workflows_here::{Read, read, say_findings, tell};

/// Reads the workflows and says what is to be said of them. Errors, and parts that do not run here, are
/// differences between what was written and what can be; warnings are, where they are asked for.
pub fn execute(wanted: &LintArguments, out: Output) -> Result<Exit, Failure> {
    let folder = std::env::current_dir().context("there is no working folder")?;
    let Read { workflows, problems } = read(&folder, wanted.workflow.as_deref(), out.words())?;
    let mut findings = lint::of_problems(&problems);
    findings.extend(workflows.iter().flat_map(lint::lint));
    if wanted.sarif {
        tell(&lint::sarif(&findings));
    } else if findings.is_empty() && out.format == Format::Table {
        out.say(&out.words().workflows_fine(workflows.len()));
    } else {
        say_findings(out.format, &findings);
    }
    let bearable = if wanted.strict { Severity::Note } else { Severity::Warning };
    let is_good = findings.iter().all(|finding| finding.severity >= bearable);
    Ok(if is_good { Exit::Ok } else { Exit::Differences })
}
